"""Who waits for which write, and what has become of it.

When an entry comes back committed, its bytes lead to the client who waits;
each command has a tag of its own, so no two have the same bytes.

**What became of a write** is never guessed. It is *not done*, for certain,

* while it waits in the queue;
* if raft refused it;
* if this node led when raft took it, in term t, and an entry of a later term
  has been applied since: all that is committed of term t lies before that.

In these cases it goes back to the queue and is tried again until its time is
up; a client who then hears `NOLEADER` or `BUSY` may rely on it that nothing
was done. In all others (it went to the leader by way of this node, or it
still stands in this node's log) a client whose time is up hears `TIMEOUT`,
and that the outcome is unknown.

So a write goes from state to state:

    queued   it waits to be handed to raft
    handed   raft is offered it, or has yet to say whether it took it
    term     this node led when raft took it, in that term
    unknown  it is under way somewhere else, or may be

and in the last three nobody can say that it was not done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from kv.commands import Command, encode
from kv.replica.answers import (
    BUSY,
    FULL,
    NO_LEADER,
    STOPPED,
    STOPPED_UNKNOWN,
    UNKNOWN,
    Answer,
    Done,
)
from kv.world import Clock
from port import raftpb as pb

BATCH: Final = 4096  # entries handed to raft at once
BATCH_SIZE: Final = 1 << 20  # bytes, likewise
WAITING: Final = 100_000  # clients' writes at a time


class Write:
    """A write that a client waits for.

    Attributes:
        data: The entry's.
        command: What it says; `None` for a change of the members.
        kind: The entry's type; `None` for a normal one.
        done: Whom to tell; `None` once that has happened.
        deadline: Until when, on the node's clock.
        queued: Whether it waits to be handed to raft.
        term: If this node led when raft took it: in which term; else 0.
        unknown: Whether it may be under way somewhere else.
        handed: Whether raft was handed it, and has yet to answer.
    """

    __slots__ = (
        "command", "data", "deadline", "done", "handed", "kind", "queued",
        "term", "unknown",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes,
        command: Command | None,
        done: Done,
        deadline: float,
        kind: pb.EntryType | None = None,
    ) -> None:
        self.data = data
        self.command = command
        self.kind = kind
        self.done: Done | None = done
        self.deadline = deadline
        self.queued = True
        self.term = 0
        self.unknown = False
        self.handed = False

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done, or may yet be."""
        return bool(self.unknown or self.term or self.handed)


class Writes:
    """All writes that clients wait for.

    Attributes:
        count: How many commands there have been.
        queue: Those that raft is to be handed, in order.
        on_new: Called when there is another one.
    """

    def __init__(self, clock: Clock, timeout: float, first_tag: int) -> None:
        """Begins without any.

        Args:
            clock: The node's.
            timeout: How long a client waits at most, in seconds.
            first_tag: Where tags begin: far from those of any other node,
                and of this one before it was started again.
        """
        self.count = 0
        self.queue: deque[Write] = deque()
        self.on_new: Callable[[], None] = _nothing
        self._clock = clock
        self._timeout = timeout
        self._tag = first_tag
        self._closed = False
        # In the order in which they came; so also in that of deadlines.
        self._waiting: dict[bytes, Write] = {}

    def __len__(self) -> int:
        """Returns how many clients wait."""
        return len(self._waiting)

    # What clients ask.

    def tag(self) -> int:
        """Returns a tag for a new command; no other command has it."""
        self._tag += 1
        return self._tag

    def add(self, command: Command, done: Done) -> None:
        """Has a command carried out on all nodes.

        Args:
            command: With a `tag` of its own.
            done: Is called once, with the answer.
        """
        if self._closed or len(self._waiting) >= WAITING:
            done(STOPPED if self._closed else FULL)
            return
        self.count += 1
        data = encode(command)
        w = Write(data, command, done, self._clock.time() + self._timeout)
        self._waiting[data] = w
        self.queue.append(w)
        self.on_new()

    def add_change(self, kind: pb.EntryType, data: bytes, done: Done) -> None:
        """Has the members changed, which is an entry of another kind."""
        if self._closed:
            done(STOPPED)
            return
        w = Write(data, None, done, self._clock.time() + self._timeout, kind)
        self._waiting[data] = w
        self.queue.append(w)
        self.on_new()

    # What raft is handed.

    def next_batch(self) -> list[Write]:
        """Takes from the queue what raft is to be handed at once."""
        batch: list[Write] = []
        size = 0
        queue = self.queue
        while queue and len(batch) < BATCH and size < BATCH_SIZE:
            w = queue[0]
            if w.kind is not None and batch:
                break  # A change goes alone: it may be refused alone.
            queue.popleft()
            if w.done is not None:
                batch.append(w)
                size += len(w.data)
            if w.kind is not None:
                break
        return batch

    def handed(self, batch: list[Write]) -> None:
        """Notes that raft was handed a batch, or that it is being offered.

        Until its answer is seen, each may be anywhere.
        """
        for w in batch:
            w.queued = False
            w.handed = True

    def taken(self, batch: list[Write], term: int) -> None:
        """Notes that raft has taken a batch.

        Args:
            batch: As it was handed.
            term: In which this node led, then and until now; else 0.
        """
        for w in batch:
            w.handed = False
            if term:
                w.term = term
            else:
                w.unknown = True

    def take_back(self, batch: list[Write]) -> None:
        """Puts a batch back that raft did not take."""
        for w in batch:
            w.queued, w.handed = True, False
        self.queue.extendleft(reversed(batch))

    # What came back.

    def applied(self, data: bytes) -> Write | None:
        """Takes out who waits for an entry that is being applied, if any."""
        return self._waiting.pop(data, None)

    def term_applied(self, term: int) -> bool:
        """Takes back what is lost, now that a later term was applied.

        Returns:
            Whether there was any.
        """
        lost = [
            w for w in self._waiting.values() if w.term and w.term < term
        ]
        for w in lost:
            w.term, w.queued = 0, True
        self.queue.extendleft(reversed(lost))
        return bool(lost)

    def passed_over(self) -> None:
        """Notes that a snapshot has taken the place of entries unseen.

        What raft has taken may be in there.
        """
        for w in self._waiting.values():
            if w.term or w.handed:
                w.term, w.unknown = 0, True

    def repeat_sessions(self) -> None:
        """Queues again, for a new leader, what went to the old one.

        Only writes of a session, which are carried out once in any case.
        """
        again = [
            w for w in self._waiting.values()
            if w.unknown and not w.queued
            and w.command is not None and w.command.client
        ]  # fmt: skip
        for w in again:
            w.queued = True
        self.queue.extendleft(reversed(again))

    # The end of a write.

    def finish(self, w: Write, answer: Answer) -> None:
        """Tells who waits, unless that has happened."""
        self._waiting.pop(w.data, None)
        done, w.done = w.done, None
        if done is not None:
            done(answer)

    def sweep(self, now: float, led: bool) -> None:
        """Answers those whose time is up.

        Args:
            now: The time.
            led: Whether a leader is known.
        """
        late = []
        for w in self._waiting.values():
            if w.deadline > now:
                break
            late.append(w)
        for w in late:
            if w.in_doubt:
                self.finish(w, UNKNOWN)
            else:
                self.finish(w, BUSY if led else NO_LEADER)

    def answer_all(self) -> None:
        """Answers all: nothing will come back any more."""
        for w in [*self._waiting.values()]:
            self.finish(w, STOPPED_UNKNOWN if w.in_doubt else STOPPED)
        self.queue.clear()

    def close(self) -> None:
        """Answers all, and takes no more."""
        self._closed = True
        self.answer_all()


def _nothing() -> None:
    pass
