"""Reads that do not go through the log."""

from collections.abc import Callable
from random import Random

from kv.commands import Command, Result
from kv.seams import StateMachine
from port.read_only import ReadState

Done = Callable[[Result], None]
Read = tuple[Command, Done]


class Reads:
    """Reads that wait until they may be answered."""

    def __init__(self, machine: StateMachine, dice: Random) -> None:
        """Begins with nobody."""
        self.machine = machine
        self.number = dice.getrandbits(62)
        self.name: bytes | None = None  # of the question under way
        self.at = 0  # the index that was applied last
        # Each read goes through these three, in this order.
        self.waiting: list[Read] = []
        self.asked: list[Read] = []
        self.due: list[tuple[int, list[Read]]] = []

    def ask(self, command: Command, done: Done) -> None:
        """Takes a client's read."""
        self.waiting.append((command, done))

    def question(self) -> bytes | None:
        """Returns the name of the question to put to raft now."""
        if not self.waiting or self.name is not None:
            return None
        self.number += 1
        self.name = self.number.to_bytes(8, "big")
        # Who comes from now on came after the question: not for them.
        self.asked, self.waiting = self.waiting, []
        return self.name

    def confirmed(self, state: ReadState) -> None:
        """Raft answers a question; maybe one that has been given up."""
        if self.name is None or state.request_ctx != self.name:
            return
        self.due.append((state.index, self.asked))
        self.name, self.asked = None, []
        self._answer()

    def applied(self, index: int) -> None:
        """All entries up to an index have been applied."""
        self.at = index
        self._answer()

    def lost(self) -> None:
        """The question may be lost."""
        self.waiting = self.asked + self.waiting
        self.name, self.asked = None, []

    def _answer(self) -> None:
        ready = [reads for index, reads in self.due if index <= self.at]
        self.due = [(i, reads) for i, reads in self.due if i > self.at]
        for reads in ready:
            for command, done in reads:
                done(self.machine.apply(self.at, command))
