"""What the tests of the durable half share: a model of a log, and scripts.

The model is a log that cannot lose anything. A script of saves and marks runs
on it and on a real one alike; after a crash the real one must hold what the
model held after the last step that returned, or after the one under way.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NamedTuple, TypeVar

from kv.seams import Identity, Log, Recovered
from port import raftpb as pb

T = TypeVar("T")
US = Identity(cluster=0xC0FFEE, node=1)

Terms = tuple[int, int, bytes | None]  # of an entry: index, term, data
Hard = tuple[int, int, int]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that waits for nothing; quicker than a loop."""
    while True:
        try:
            waits = coroutine.send(None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if waits is not None:
            coroutine.close()
            raise RuntimeError(f"it waits for {waits}")


def hard(state: pb.HardState | None) -> Hard:
    if state is None:
        return (0, 0, 0)
    return (state.term or 0, state.vote or 0, state.commit or 0)


def entry(index: int, term: int, data: bytes | None = b"x") -> pb.Entry:
    return pb.Entry(term=term, index=index, data=data)


def run_of(first: int, last: int, term: int = 1) -> list[pb.Entry]:
    """Returns the entries from `first` to `last`."""
    return [entry(i, term, b"%d" % i) for i in range(first, last + 1)]


def meta(index: int, term: int) -> pb.SnapshotMetadata:
    state = pb.ConfState(voters=[1, 2, 3])
    return pb.SnapshotMetadata(state, index, term)


class Model:
    """What a log must hold.

    Attributes:
        entries: By index; all of them, also those that a log may drop.
        hard: The last hard state that was given.
        sure: The last one that must be there.
        mark: Index and term of the last snapshot marked.
        before: Index of the one marked before; 0 if there was none.
    """

    def __init__(self) -> None:
        self.entries: dict[int, tuple[int, bytes | None]] = {}
        self.last = 0
        self.hard: Hard = (0, 0, 0)
        self.sure: Hard = (0, 0, 0)
        self.mark = (0, 0)
        self.before = 0

    def save(
        self, state: pb.HardState | None, new: list[pb.Entry], sync: bool
    ) -> None:
        if state is not None:
            self.hard = hard(state)
        if sync or new:
            self.sure = self.hard
        if new:
            first = new[0].index or 0
            self.entries = {
                i: e for i, e in self.entries.items() if i < first
            }
            for e in new:
                self.entries[e.index or 0] = (e.term or 0, e.data)
            self.last = new[-1].index or 0

    def note(self, index: int, term: int) -> None:
        """A snapshot is marked."""
        if index <= self.mark[0]:
            return
        self.before = self.mark[0]
        self.mark = (index, term)
        held = self.entries.get(index)
        if held is None or held[0] != term:
            self.entries = {}
            self.last = index
            self.before = index

    def differs(self, found: Recovered) -> str | None:
        """Says in what way a log is not this one; `None` if it is."""
        index, term = found.snapshot.index or 0, found.snapshot.term or 0
        if (index, term) != self.mark:
            return f"the mark is {(index, term)}, not {self.mark}"
        # Of the hard state only the commit index may be an older one.
        now = hard(found.hard_state)
        if now[:2] != self.sure[:2] or not (
            self.sure[2] <= now[2] <= self.hard[2]
        ):
            return f"the hard state is {now}; saved was {self.sure}"
        there = {e.index or 0: (e.term or 0, e.data) for e in found.entries}
        if list(there) != sorted(there):
            return f"indexes that do not ascend: {list(there)}"
        for i in there:
            if there[i] != self.entries.get(i):
                return (
                    f"entry {i} is {there[i]}, and was saved as"
                    f" {self.entries.get(i, 'nothing')}"
                )
        first = min(there, default=self.last + 1)
        for i in self.entries:
            if i not in there and i > min(self.before, first):
                return f"entry {i} was saved and is not there"
        return None


class Save(NamedTuple):
    """A step: entries, hard state, or both."""

    state: pb.HardState | None
    entries: list[pb.Entry]
    sync: bool

    def on(self, model: Model) -> None:
        model.save(self.state, self.entries, self.sync)

    async def at(self, log: Log) -> None:
        await log.save(self.state, self.entries, self.sync)


class Mark(NamedTuple):
    """A step: a snapshot is marked."""

    snapshot: pb.SnapshotMetadata

    def on(self, model: Model) -> None:
        model.note(self.snapshot.index or 0, self.snapshot.term or 0)

    async def at(self, log: Log) -> None:
        await log.mark(self.snapshot)


Step = Save | Mark


def script(
    choose: Callable[[int], int], steps: int, largest: int = 40
) -> list[Step]:
    """Returns steps such as raft would take.

    Args:
        choose: Returns a number from 0 up to, not including, its argument.
        steps: How many.
        largest: How many bytes an entry holds at most.
    """
    terms: list[int] = [0]  # by index
    term, commit, marked = 1, 0, 0
    state = pb.HardState(term, 1, 0)
    made: list[Step] = [Save(state, [], True)]
    while len(made) < steps:
        kind = choose(10)
        last = len(terms) - 1
        if kind < 6:
            # A leader appends; after an election it may write over the end.
            first = last + 1
            if kind == 0:
                term += 1
                state = pb.HardState(term, choose(3), commit)
                first = commit + 1 + choose(last - commit + 1)
            del terms[first:]
            new = []
            for _ in range(1 + choose(4)):
                data = bytes([choose(3)]) * choose(largest + 1)
                new.append(entry(len(terms), term, data))
                terms.append(term)
            made.append(Save(state if kind < 2 else None, new, True))
        elif kind < 8:
            commit += choose(last - commit + 1)
            state = pb.HardState(term, state.vote, commit)
            made.append(Save(state, [], bool(choose(2))))
        elif kind < 9 and marked < commit:
            marked += 1 + choose(commit - marked)
            made.append(Mark(meta(marked, terms[marked])))
        elif kind == 9 and choose(3) == 0:
            # A leader's snapshot, from beyond our log.
            term += 1
            marked = commit = last + 1 + choose(5)
            terms += [term] * (marked + 1 - len(terms))
            terms[1 : marked + 1] = [term] * marked
            state = pb.HardState(term, 0, commit)
            made += Mark(meta(marked, term)), Save(state, [], True)
    return made


def random_script(seed: int, steps: int, largest: int = 40) -> list[Step]:
    return script(random.Random(seed).randrange, steps, largest)


def snapshot_of(model: Model) -> Model:
    """Returns the model as it is now."""
    return copy.deepcopy(model)


class Course:
    """A script under way, and what a log may hold if it breaks off.

    Attributes:
        model: What all the steps that returned have made.
        maybe: The same with the step that is under way.
    """

    def __init__(self) -> None:
        self.model = self.maybe = Model()

    async def follow(self, log: Log, steps: Iterable[Step]) -> None:
        for step in steps:
            self.maybe = snapshot_of(self.model)
            step.on(self.maybe)
            await step.at(log)
            self.model = self.maybe

    def differs(self, found: Recovered) -> str | None:
        """Says in what way a log is neither; `None` if it is one of them."""
        wrong = self.model.differs(found)
        if wrong is not None and self.maybe.differs(found) is None:
            return None
        return wrong
