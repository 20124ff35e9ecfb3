"""Who looks on: every rule, at every step of every node.

The parts of a node are wrapped, none is changed: the Ready loop gets a
replica that looks before it passes each call on, the log, the machine and the
snapshots are the node's own behind a glass. Rules 0 to 11 are those of the
property suite (`port.rafttest.invariants`), on a window of each log that
reaches back to a little before what was committed last; those of the store
come after:

    12  RecoversSynced   after a restart the log holds what was synced
    13  LosesNothing     what was acknowledged is there at the end
    14  OnceOnly         each (client, number) is carried out once
    15  Linearizable     what clients saw can be put in one order
    16  SameState        all machines answer alike, and hold the same
    17  Serves           all works again once faults have ended
    18  RefusesDamage    no node starts on a log with a turned bit
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final
from zlib import crc32

from kv.commands import READS, Command, Result, count, get
from kv.parts import Parts
from kv.seams import Drive, Identity, Log, Recovered, StateMachine
from kv.seams import Replica as ReplicaProtocol
from kv.sim.model import Model
from kv.world import Disk
from port import raftpb as pb
from port.log import RaftLog
from port.node import Node, _Node
from port.raft import Raft, StateLeader
from port.rafttest.invariants import (
    NUMBERS,
    Durable,
    Monitor,
    View,
    Violation,
)
from port.read_only import ReadState
from port.types import NO_LIMIT, SoftState, is_empty_snap

NAMES: Final = {
    0: "NoPanic", 1: "ElectionSafety", 2: "LogMatching",
    3: "LeaderCompleteness", 4: "LeaderAppendOnly", 5: "StateMachineSafety",
    6: "CommittedStays", 7: "CommitQuorum", 8: "Monotonic",
    9: "DurableFirst", 10: "ReadIndexSafety", 11: "Converges",
    12: "RecoversSynced", 13: "LosesNothing", 14: "OnceOnly",
    15: "Linearizable", 16: "SameState", 17: "Serves",
    18: "RefusesDamage",
}  # fmt: skip
_BACK: Final = 6  # entries before the last commit that a view reaches back

_Terms = tuple[int, int]


class Mirror:
    """What a node's log was told, and what of that must be durable.

    Attributes:
        term: The durable term.
        vote: The durable vote.
        commit: The durable commit index.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self.term = self.vote = self.commit = 0
        self.base = self.base_term = 0
        self.entries: list[pb.Entry] = []
        self.mark: _Terms = (0, 0)
        self.marked_before = 0
        self.told_commit = 0  # The last one saved, durable or not.
        # What is under way: `save` or `mark`, with its arguments.
        self.pending: list[tuple[Any, ...]] = []

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.base + len(self.entries)

    def term_at(self, index: int) -> int | None:
        """Returns the term of an entry; `None` if it is not here."""
        at = index - self.base
        if at == 0:
            return self.base_term
        if 0 < at <= len(self.entries):
            return self.entries[at - 1].term or 0
        return None

    def holds(self, index: int, term: int) -> bool:
        """Tells whether the entry is there, or is covered."""
        return index < self.base or self.term_at(index) == term

    def log(self) -> tuple[int, list[int]]:
        """Returns the index before the first entry, and the terms from it."""
        terms = [self.base_term, *((e.term or 0) for e in self.entries)]
        return self.base, terms

    def save(
        self, hard: pb.HardState | None, entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:  # fmt: skip
        """Takes up what was saved."""
        if hard is not None:
            self.told_commit = hard.commit or 0
            if sync or entries:
                self.term, self.vote = hard.term or 0, hard.vote or 0
        if sync or entries:
            self.commit = self.told_commit
        if entries:
            keep = (entries[0].index or 0) - self.base - 1
            if keep >= 0:
                self.entries[keep:] = entries

    def note_mark(self, index: int, term: int) -> None:
        """Takes up a mark."""
        if index <= self.mark[0]:
            return
        before = self.mark[0]
        self.mark = index, term
        if self.holds(index, term):
            self.marked_before = before
            self._forget(before - 64)
        else:
            self.marked_before = index
            self.base, self.base_term, self.entries = index, term, []

    def _forget(self, index: int) -> None:
        term = self.term_at(index)
        if index > self.base and term is not None:
            del self.entries[: index - self.base]
            self.base, self.base_term = index, term

    def twin(self) -> Mirror:
        """Returns a copy without what is under way."""
        other = Mirror()
        other.__dict__.update(self.__dict__)
        other.entries, other.pending = [*self.entries], []
        return other

    def recovered(self, found: Recovered) -> str | None:
        """Compares what a log was found to hold; says what is wrong.

        Anything that was under way may have come about, or not, in order.
        """
        candidate, wrong = self.twin(), None
        for pending in [None, *self.pending]:
            if pending is not None:
                name, *args = pending
                getattr(candidate, name)(*args)
            problem = candidate.differs(found)
            if problem is None:
                self._take(found)
                return None
            wrong = problem
        return wrong

    def differs(self, found: Recovered) -> str | None:
        """Says in what way a log is not this; `None` if it is."""
        hard = found.hard_state or pb.HardState()
        if ((hard.term or 0), (hard.vote or 0)) != (self.term, self.vote):
            return (
                f"term and vote are {hard.term, hard.vote}; synced were"
                f" {self.term, self.vote}"
            )
        commit = hard.commit or 0
        if not self.commit <= commit <= max(self.commit, self.told_commit):
            return f"the commit index is {commit}; synced was {self.commit}"
        mark = found.snapshot.index or 0, found.snapshot.term or 0
        if mark != self.mark:
            return f"the mark is {mark}; synced was {self.mark}"
        entries = found.entries
        last = (entries[-1].index or 0) if entries else mark[0]
        if last != max(self.last, mark[0]):
            return f"the log ends at {last}; synced was {self.last}"
        first = (entries[0].index or 0) if entries else last + 1
        if first > self.marked_before + 1:
            return f"the log begins at {first}"
        for entry in entries:
            at = (entry.index or 0) - self.base - 1
            if at >= 0 and self.entries[at] != entry:
                return f"entry {entry.index} is not as it was synced"
        return None

    def _take(self, found: Recovered) -> None:
        hard = found.hard_state or pb.HardState()
        self.term, self.vote = hard.term or 0, hard.vote or 0
        self.commit = self.told_commit = hard.commit or 0
        if found.entries:
            first = found.entries[0]
            base = (first.index or 0) - 1
            if base >= self.base or not self.base:
                known = self.term_at(base)
                self.base = base
                self.base_term = known or 0
                self.entries = [*found.entries]
            else:
                keep = self.base - base
                self.entries = [*found.entries[keep:]]
        else:
            self.base, self.base_term = (
                found.snapshot.index or 0, found.snapshot.term or 0,
            )  # fmt: skip
            self.entries = []
        index, term = found.snapshot.index or 0, found.snapshot.term or 0
        self.mark = index, term
        self.pending.clear()


class _Mirrors(dict[int, Durable]):
    """Every node has one, from the first question on."""

    def __missing__(self, node: int) -> Durable:
        mirror = self[node] = Mirror()
        return mirror


class Watch:
    """All that is known of a run, and the rules that hold for it.

    Attributes:
        monitor: Rules 0 to 11.
        violation: The first that was broken.
        lives: How often each node was started.
        elections: Of each term, who led it.
    """

    def __init__(
        self, reads_are_safe: bool = True,
        stop: Callable[[], None] | None = None,
        rules: Iterable[int] | None = None,
    ) -> None:  # fmt: skip
        """Starts to watch.

        Args:
            reads_are_safe: Whether rule 10 holds: not for leases and for
                stale reads.
            stop: Called once a rule is broken.
            rules: The numbers of those to watch; `None`: all.
        """
        every = set(NAMES) if rules is None else set(rules)
        if not reads_are_safe:
            every.discard(10)
        self.rules = frozenset(every)
        self.mirrors = _Mirrors()
        self.monitor = Monitor(self.mirrors, every & set(NUMBERS))
        self.violation: Violation | None = None
        self.lives: dict[int, int] = {}
        self.elections: dict[int, int] = {}
        self.model = Model()
        self._stop = stop
        self._results: dict[int, tuple[Command, Result]] = {}
        self._applied = 0  # by the model
        self._chain: dict[int, bytes] = {0: b""}
        self._seen: dict[int, _Seen] = {}

    def broken(self, number: int, text: str) -> None:
        """Takes note that a rule is broken, and has the run stop."""
        if number in self.rules:
            self.take(Violation(number, text))

    def take(self, violation: Violation) -> None:
        """The same, for one that was found elsewhere."""
        if self.violation is None:
            self.violation = violation
            if self._stop is not None:
                self._stop()

    def parts(self, node: int, parts: Parts, drive: Drive) -> Parts:
        """Returns a node's parts, behind a glass."""
        self.lives[node] = self.lives.get(node, 0) + 1
        self._seen[node] = _Seen(node, self.lives[node])
        return replace(
            parts,
            machine=partial(_Machine, self, node, parts.machine),
            open_log=partial(self._open_log, node, parts),
            drive=partial(self._drive, node, drive),
        )

    async def _open_log(
        self, node: int, parts: Parts, disk: Disk, folder: str,
        identity: Identity,
    ) -> tuple[Log, Recovered]:  # fmt: skip
        log, found = await parts.open_log(disk, folder, identity)
        mirror = self.mirrors[node]
        if isinstance(mirror, Mirror):
            wrong = mirror.recovered(found)
            if wrong is not None:
                self.broken(12, f"node {node} has restarted, and {wrong}")
            return _Log(log, mirror), found
        return log, found

    async def _drive(
        self, node: int, drive: Drive, raft: Node, replica: ReplicaProtocol
    ) -> None:
        if not isinstance(raft, _Node):
            await drive(raft, replica)
            return
        seen = self._seen[node]
        watched = _Replica(self, node, raft, replica, seen)
        self._restarted(node, raft.rn.raft)
        watched.look()
        await drive(raft, watched)

    def _restarted(self, node: int, raft: Raft) -> None:
        """Looks whether a node starts with the term and vote that it had."""
        mirror = self.mirrors[node]
        if raft.term < mirror.term or (
            raft.term == mirror.term and raft.vote != mirror.vote
        ):
            self.broken(8, (
                f"{node} restarts with term {raft.term} and vote {raft.vote};"
                f" its disk has {mirror.term} and {mirror.vote}"
            ))  # fmt: skip

    # What machines do.

    def result(self, node: int, index: int, c: Command, r: Result) -> None:
        """Compares what a machine answers with what others did."""
        if index > self._applied:
            # All apply in order, and a snapshot holds what somebody applied:
            # so whoever is the first at an index finds the model there.
            expected = self.model.apply(index, c)
            self._results[index] = c, expected
            self._applied = index
        known = self._results.get(index)
        if known is None:
            return
        command, expected = known
        if command != c:
            self.broken(16, f"{node} carries out {c} at {index}, the first"
                            f" to do so had {command}")  # fmt: skip
        elif expected != r:
            first = self.model.first.get((c.client, c.sequence), index)
            if c.client and first < index:
                self.broken(14, (
                    f"{node} answers {r} to {c.op.name} {c.sequence} of"
                    f" client {c.client} at {index}, which was carried out"
                    f" at {first} with {expected}"
                ))  # fmt: skip
            else:
                self.broken(16, f"{node} answers {r} to {c} at {index};"
                                f" right is {expected}")  # fmt: skip

    def same_state(self, dumps: dict[int, bytes]) -> None:
        """Compares the machines of nodes that have applied the same."""
        if len(set(dumps.values())) > 1:
            self.broken(16, f"the machines of {sorted(dumps)} differ")

    def values(self, node: int, machine: StateMachine, index: int) -> None:
        """Compares a machine's values with the model's."""
        for key, value in self.model.values.items():
            if (found := machine.apply(index, get(key)).value) != value:
                self.broken(
                    16, f"{node} has {found!r} at {key!r}, not {value!r}"
                )
                return
        there = machine.apply(index, count()).value
        if there != len(self.model.values):
            self.broken(16, (
                f"{node} has {there!r} keys, not {len(self.model.values)}"
            ))  # fmt: skip

    def applied(self, node: int, entry: pb.Entry) -> None:
        """Looks at an entry that a node applies."""
        index = entry.index or 0
        before = self._chain.get(index - 1, b"?")
        text = b"%d %d %s" % (index, entry.term or 0, entry.data or b"")
        state = b"%d" % crc32(text + before)
        self._chain.setdefault(index, state)
        self.monitor.tell("applied", node, entry, self._chain[index])

    def loaded(self, node: int, index: int) -> None:
        """Looks at a snapshot that a node begins from."""
        state = self._chain.get(index, b"")
        self.monitor.tell("loaded", node, index, state)

    @contextmanager
    def reads(self) -> Iterator[None]:
        """Looks at reads as clients ask them, while the block runs."""
        step, tell = Raft.step, self.monitor.tell

        def watched(raft: Raft, m: pb.Message) -> None:
            if m.type is pb.MsgReadIndex and not m.from_:
                tell("asked", m.entries[0].data or b"")
            step(raft, m)

        Raft.step = watched  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Raft.step = step  # type: ignore[method-assign]


class _Seen:
    """What was last seen of a node, in one life of it."""

    __slots__ = ("id", "life", "mark", "view")

    def __init__(self, id: int, life: int) -> None:
        self.id = id
        self.life = life
        self.mark: tuple[object, ...] = ()
        self.view: View | None = None


class _Log:
    """A log, and the mirror of what it is told."""

    def __init__(self, inner: Log, mirror: Mirror) -> None:
        self._inner = inner
        self._mirror = mirror

    async def save(
        self, hard_state: pb.HardState | None, entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:  # fmt: skip
        what = ("save", hard_state, [*entries], sync)
        self._mirror.pending.append(what)
        await self._inner.save(hard_state, entries, sync)
        self._mirror.pending.remove(what)
        self._mirror.save(hard_state, entries, sync)

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        what = ("note_mark", snapshot.index or 0, snapshot.term or 0)
        mirror = self._mirror
        mirror.pending.append(what)
        await self._inner.mark(snapshot)
        mirror.pending.remove(what)
        mirror.note_mark(snapshot.index or 0, snapshot.term or 0)
        # A new segment begins with the hard state.
        mirror.commit = mirror.told_commit

    async def close(self) -> None:
        await self._inner.close()


class _Machine:
    """A state machine, and what it answers."""

    def __init__(
        self, watch: Watch, node: int, make: Callable[[], StateMachine]
    ) -> None:
        self._inner = make()
        self._watch = watch
        self._node = node
        self.dump = self._inner.dump
        self.load = self._inner.load

    def apply(self, index: int, command: Command) -> Result:
        result = self._inner.apply(index, command)
        if command.op not in READS:
            self._watch.result(self._node, index, command, result)
        return result


class _Replica:
    """A replica, looked at before each call."""

    def __init__(
        self, watch: Watch, node: int, raft: _Node,
        inner: Any,  # noqa: ANN401  # with `applied`, which is no part's
        seen: _Seen,
    ) -> None:  # fmt: skip
        self._watch = watch
        self._monitor = watch.monitor
        self._id = node
        self._raft = raft.rn.raft
        self._inner = inner
        self._seen = seen
        self._mirror = watch.mirrors[node]
        watch.loaded(node, self._inner.applied)

    def look(self) -> None:
        """Shows the rules how it stands with the node."""
        raft, seen = self._raft, self._seen
        log = raft.raft_log
        unstable = log.unstable
        last = log.last_index()
        mark = (
            raft.term, raft.vote, raft.state, log.committed, log.applied,
            last, unstable.offset,
            unstable.entries[-1] if unstable.entries else None,
        )  # fmt: skip
        if mark == seen.mark:
            return
        before = seen.view
        base = log.first_index() - 1
        if before is not None:
            base = max(base, min(before.commit - _BACK, log.applied))
            base = max(base, before.base)
        else:
            base = max(base, min(log.committed, log.applied) - _BACK)
        base = max(0, min(base, last))
        leads = raft.state is StateLeader
        config = raft.trk.config.voters
        view = View(
            self._id, seen.life, raft.term, raft.vote, raft.state,
            log.committed, log.applied, base, log.term(base),
            _entries(log, base, last),
            # Rules ask a leader only for whom it needs.
            [{*half} for half in config if half] if leads else (),
        )  # fmt: skip
        try:
            self._monitor.saw(before, view)
        except Violation as violation:
            self._watch.take(violation)
        seen.mark, seen.view = mark, view
        if leads:
            self._watch.elections.setdefault(raft.term, self._id)

    def _tell(self, event: str, *args: object) -> None:
        try:
            self._monitor.tell(event, *args)
        except Violation as violation:
            self._watch.take(violation)

    def observe(self, state: SoftState) -> None:
        self.look()
        self._inner.observe(state)

    def send(self, messages: list[pb.Message]) -> None:
        self.look()
        for m in messages:
            if m.type is pb.MsgAppResp or m.type is pb.MsgVoteResp:
                self._tell("sent", m, self._mirror)
            elif m.type is pb.MsgApp and m.entries:
                self._leads_with(m)
        self._inner.send(messages)

    def _leads_with(self, m: pb.Message) -> None:
        """Takes note of a leader's entries that it is about to send.

        By now it may lead no longer, and so nobody has seen it with them.
        """
        logs, term = self._monitor.history.logs, m.term or 0
        if term in logs:
            base, terms = logs[term]
            known = base + len(terms) - 1
            more = [e.term or 0 for e in m.entries if (e.index or 0) > known]
            if more and (m.index or 0) <= known:
                logs[term] = base, [*terms, *more]

    async def save(
        self, hard_state: pb.HardState | None, entries: list[pb.Entry],
        sync: bool,
    ) -> None:  # fmt: skip
        self.look()
        await self._inner.save(hard_state, entries, sync)
        self.look()

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        self.look()
        await self._inner.store_snapshot(snapshot)
        self.look()

    def restore(self, snapshot: pb.Snapshot) -> None:
        self.look()
        self._inner.restore(snapshot)
        if not is_empty_snap(snapshot):
            self._watch.loaded(self._id, self._inner.applied)

    async def apply(self, entries: list[pb.Entry]) -> None:
        self.look()
        committed = self._raft.raft_log.committed
        try:
            for entry in entries:
                index = entry.index or 0
                if index > committed:
                    raise Violation(8, (
                        f"{self._id} applies {index}, and has committed"
                        f" {committed}"
                    ))  # fmt: skip
                if index > self._inner.applied:
                    self._watch.applied(self._id, entry)
        except Violation as violation:
            self._watch.take(violation)
        await self._inner.apply(entries)

    def answer_reads(self, reads: list[ReadState]) -> None:
        self.look()
        sure = getattr(self._inner, "_sure", bool)()
        for state in reads:
            if sure:
                self._tell(
                    "answered", self._id, state.request_ctx, state.index
                )
        self._inner.answer_reads(reads)

    async def snapshot_if_due(self) -> None:
        self.look()
        await self._inner.snapshot_if_due()


def _entries(log: RaftLog, base: int, last: int) -> list[pb.Entry]:
    """Returns a log's entries behind an index, all of them."""
    first = log.unstable.offset
    if base + 1 >= first or base >= last:
        return log.unstable.entries[base + 1 - first :]
    stored = log.storage.entries(base + 1, min(first, last + 1), NO_LIMIT)
    return stored + log.unstable.entries
