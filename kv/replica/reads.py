"""Who waits for a read, and what raft has said of it.

Reads do not go through the log. A read goes through three lists: it *waits*
for a question to raft; it is part of the question under way (*asked*), one at
a time, with all others that waited; it is *due* once raft has said up to
which index this node must have applied to answer it, and is answered when it
has. Whoever comes while a question is under way waits for the next: the answer
may lie before a write that the late one has to see.

A question may be lost, so it is repeated, under another name: the answer to
the one before is no answer any more. So it must not be repeated before an
answer can be there, or none ever would be: each time the node waits twice as
long, and from then on twice as long as the answer took. And raft answers too
early in two corners, of which `Replica._sure` tells; then, too, it is asked
again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kv.commands import Command
from kv.replica.answers import (
    FULL,
    NO_LEADER,
    READ_LATE,
    STOPPED,
    Done,
    Failure,
)
from kv.seams import StateMachine
from kv.world import Clock
from port.read_only import ReadState

WAITING: Final = 100_000  # clients' reads at a time
LONGEST: Final = 1.0  # seconds until a question is repeated, at most


class _Read(NamedTuple):
    """A read that a client waits for."""

    command: Command
    done: Done
    deadline: float


class Reads:
    """All reads that clients wait for.

    Attributes:
        count: How many there have been.
        on_new: Called when raft has something to be asked.
    """

    def __init__(
        self,
        machine: StateMachine,
        clock: Clock,
        timeout: float,
        retry: float,
        first_name: int,
        at_once: Callable[[], int] | None = None,
    ) -> None:
        """Begins without any.

        Args:
            machine: Answers them.
            clock: The node's.
            timeout: How long a client waits at most, in seconds.
            retry: After how long raft is asked again, in seconds, while
                answers take no longer than that.
            first_name: Where the names of questions begin: far from those of
                any other node, and of this one before it was started again.
            at_once: Returns what was applied last, if reads are to be
                answered from what is there, without asking.
        """
        self.count = 0
        self.on_new: Callable[[], None] = _nothing
        self._machine = machine
        self._clock = clock
        self._timeout = timeout
        self._retry = self._patience = retry
        self._at_once = at_once
        self._closed = False
        self._waiting: list[_Read] = []
        self._asked: list[_Read] = []
        self._asked_as = b""
        self._asked_at = 0.0
        self._due: list[tuple[int, list[_Read]]] = []
        self._last_name = first_name

    @property
    def waiting(self) -> bool:
        """Whether any are not yet part of a question."""
        return bool(self._waiting)

    @property
    def ready_to_ask(self) -> bool:
        """Whether there is something to ask, and no question under way."""
        return bool(self._waiting) and not self._asked

    def add(self, command: Command, done: Done) -> None:
        """Answers a read, with all writes that were done before it."""
        self.count += 1
        if self._at_once is not None:
            done(self._machine.apply(self._at_once(), command))
            return
        if self._closed or len(self._waiting) >= WAITING:
            done(STOPPED if self._closed else FULL)
            return
        deadline = self._clock.time() + self._timeout
        self._waiting.append(_Read(command, done, deadline))
        self.on_new()

    # Asking.

    def new_name(self) -> bytes:
        """Returns a name for a question; no other question has it."""
        self._last_name += 1
        return self._last_name.to_bytes(8, "big")

    def asked(self, name: bytes) -> None:
        """Notes that raft was asked, for all who wait."""
        self._asked, self._waiting = self._waiting, []
        self._asked_at = self._clock.time()
        self._asked_as = name

    def ask_again(self) -> None:
        """Puts those of a question that may be lost back in line."""
        if self._asked:
            self._waiting = self._asked + self._waiting
            self._asked = []
            self.on_new()

    def answered(self, states: list[ReadState], sure: bool) -> None:
        """Takes raft's answers.

        Args:
            states: What it says: to which question, and which index.
            sure: Whether they can be believed.
        """
        for state in states:
            if state.request_ctx != self._asked_as or not self._asked:
                continue  # An answer to a question that was repeated.
            if not sure:
                self.ask_again()
                continue
            took = self._clock.time() - self._asked_at
            self._patience = max(self._retry, min(2 * took, LONGEST))
            self._due.append((state.index, self._asked))
            self._asked = []

    # Answering.

    def applied(self, index: int) -> None:
        """Answers those that are due, now that so much is applied."""
        if not self._due:
            return
        apply = self._machine.apply
        later = []
        for needed, reads in self._due:
            if needed > index:
                later.append((needed, reads))
                continue
            for r in reads:
                r.done(apply(index, r.command))
        self._due = later

    def sweep(self, now: float, led: bool) -> None:
        """Answers those whose time is up, and repeats what may be lost.

        Args:
            now: The time.
            led: Whether a leader is known.
        """
        why = READ_LATE if led else NO_LEADER
        self._waiting = _without_late(self._waiting, now, why)
        self._asked = _without_late(self._asked, now, why)
        if self._due:
            self._due = [
                (i, _without_late(reads, now, why)) for i, reads in self._due
            ]
        if self._asked and now - self._asked_at > self._patience:
            longer = min(2 * self._patience, LONGEST)
            self._patience = max(self._patience, longer)
            self.ask_again()

    def answer_all(self) -> None:
        """Answers all: nothing will come of their questions any more."""
        reads = [*self._waiting, *self._asked]
        for _, due in self._due:
            reads += due
        self._waiting, self._asked, self._due = [], [], []
        for r in reads:
            r.done(STOPPED)

    def close(self) -> None:
        """Answers all, and takes no more."""
        self._closed = True
        self.answer_all()


def _without_late(
    reads: list[_Read], now: float, why: Failure
) -> list[_Read]:
    """Answers those whose time is up, and returns the others."""
    if not reads or reads[0].deadline > now:
        return reads
    late = [r for r in reads if r.deadline <= now]
    for r in late:
        r.done(why)
    return [r for r in reads if r.deadline > now]


def _nothing() -> None:
    pass
