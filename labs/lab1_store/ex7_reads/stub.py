"""1.7: your reads, which do not go through the log and are right all the same.

Raft is asked how far one must have applied (the read index). The answer comes
with the name of the question, as a `ReadState(index, request_ctx)`. When so
much is applied, the read is answered from the own state machine.
"""

from collections.abc import Callable
from random import Random

from kv.commands import Command, Result
from kv.seams import StateMachine
from port.read_only import ReadState

Done = Callable[[Result], None]


class Reads:
    """Reads that wait until they may be answered."""

    def __init__(self, machine: StateMachine, dice: Random) -> None:
        """Begins with nobody.

        Args:
            machine: Answers reads, by `apply(index, command)`.
            dice: For names that no other node's questions have.
        """
        self.machine = machine
        self.dice = dice

    def ask(self, command: Command, done: Done) -> None:
        """Takes a client's read; `done` is to be called once."""
        raise NotImplementedError("Reads.ask, which takes a client's read.")

    def question(self) -> bytes | None:
        """Returns the name of the question to put to raft now.

        One question is for all who wait; one is under way at a time. `None`
        if nobody waits, or if one is under way.
        """
        raise NotImplementedError("Reads.question, one for all who wait.")

    def confirmed(self, state: ReadState) -> None:
        """Raft answers a question; maybe one that has been given up."""
        raise NotImplementedError("Reads.confirmed, raft's answer.")

    def applied(self, index: int) -> None:
        """All entries up to an index have been applied."""
        raise NotImplementedError("Reads.applied, where reads are answered.")

    def lost(self) -> None:
        """The question may be lost: a new leader, or too long a wait.

        The next `question()` is to ask again, under another name.
        """
        raise NotImplementedError("Reads.lost, so that nobody waits for ever.")
