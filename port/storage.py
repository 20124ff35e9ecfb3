"""Where raft finds what has been stored, and a storage in memory.

Raft itself only reads, through `Storage`. Writing is the application's: it
takes what a `Ready` holds and puts it where the next read will find it.
"""

from __future__ import annotations

from typing import Protocol

from port import raftpb as pb
from port.errors import Compacted, SnapOutOfDate, Unavailable
from port.logger import get_logger
from port.util import limit_size


class Storage(Protocol):
    """What raft reads of the stored log, hard state and snapshot.

    An error other than those that the methods name ends the node: it takes
    no further part in elections, and the application has to clean up.

    Go: storage.go:48-96 Storage
    """

    def initial_state(self) -> tuple[pb.HardState | None, pb.ConfState]:
        """Returns the stored hard state, if any, and the configuration."""

    def entries(self, lo: int, hi: int, max_size: int) -> list[pb.Entry]:
        """Returns entries from `lo` on, up to but without `hi`.

        Args:
            lo: The first index wanted.
            hi: One past the last index wanted.
            max_size: The most that the entries may take, in bytes; one entry
                is returned even where it is larger.

        Returns:
            A list that the caller may keep; the entries in it are shared.

        Raises:
            Compacted: `lo` has been compacted away.
            Unavailable: an entry of the range is not there.
        """

    def term(self, i: int) -> int:
        """Returns the term of the entry at index `i`.

        It is known from one before `first_index` on: what precedes the first
        entry is needed to tell whether an append fits.

        Raises:
            Compacted: `i` lies before that.
            Unavailable: `i` lies after the last index.
        """

    def last_index(self) -> int:
        """Returns the index of the last entry."""

    def first_index(self) -> int:
        """Returns the index of the first entry that is not compacted."""

    def snapshot(self) -> pb.Snapshot:
        """Returns the newest snapshot.

        Raises:
            SnapshotTemporarilyUnavailable: it is still in the making.
        """


class InMemStorageCallStats:
    """How often each method was called; tests look at it.

    Go: storage.go:98-100 inMemStorageCallStats
    """

    __slots__ = (
        "entries", "first_index", "initial_state", "last_index", "snapshot",
        "term",
    )  # fmt: skip

    def __init__(self) -> None:
        self.initial_state = 0
        self.first_index = 0
        self.last_index = 0
        self.entries = 0
        self.term = 0
        self.snapshot = 0


class MemoryStorage:
    """A `Storage` that keeps everything in lists.

    Attributes:
        ents: The log. The first is a stand-in for the last entry that was
            compacted: only its term and index mean anything.
        call_stats: How often each method was called.

    Go: storage.go:104-116 MemoryStorage
    """

    __slots__ = ("_hard_state", "_snapshot", "call_stats", "ents")

    def __init__(self) -> None:
        """Starts empty, with the stand-in at index 0 of term 0.

        Go: storage.go:119-126 NewMemoryStorage
        """
        self._hard_state: pb.HardState | None = None
        self._snapshot = pb.ensure_snapshot(None)
        self.ents = [pb.Entry()]
        self.call_stats = InMemStorageCallStats()

    def initial_state(self) -> tuple[pb.HardState | None, pb.ConfState]:
        """Returns the stored hard state and the snapshot's configuration.

        Go: storage.go:129-134 InitialState
        """
        self.call_stats.initial_state += 1
        metadata = pb.ensure_snapshot_metadata(self._snapshot.metadata)
        return self._hard_state, pb.ensure_conf_state(metadata.conf_state)

    def set_hard_state(self, st: pb.HardState) -> None:
        """Stores the hard state.

        Go: storage.go:137-142 SetHardState
        """
        self._hard_state = st

    def entries(self, lo: int, hi: int, max_size: int) -> list[pb.Entry]:
        """Returns entries of `[lo, hi)`; see `Storage.entries`.

        Raises:
            Compacted: `lo` has been compacted away.
            Unavailable: nothing but the stand-in is there.
            RaftPanic: `hi` lies beyond the log.

        Go: storage.go:145-166 Entries
        """
        self.call_stats.entries += 1
        offset = self.ents[0].index or 0
        if lo <= offset:
            raise Compacted
        if hi > self._last_index() + 1:
            get_logger().panic(
                "entries' hi(%d) is out of bound lastindex(%d)",
                hi, self._last_index(),
            )  # fmt: skip
        if len(self.ents) == 1:
            raise Unavailable
        return limit_size(self.ents[lo - offset : hi - offset], max_size)

    def term(self, i: int) -> int:
        """Returns the term at index `i`; see `Storage.term`.

        Raises:
            Compacted: `i` lies before the stand-in.
            Unavailable: `i` lies after the last entry.

        Go: storage.go:169-181 Term
        """
        self.call_stats.term += 1
        at = i - (self.ents[0].index or 0)
        if at < 0:
            raise Compacted
        if at >= len(self.ents):
            raise Unavailable
        return self.ents[at].term or 0

    def last_index(self) -> int:
        """Returns the index of the last entry, or of the stand-in.

        Go: storage.go:184-189 LastIndex
        """
        self.call_stats.last_index += 1
        return (self.ents[0].index or 0) + len(self.ents) - 1

    def _last_index(self) -> int:
        """Returns the last index without counting the call.

        Go: storage.go:191-193 lastIndex
        """
        return (self.ents[0].index or 0) + len(self.ents) - 1

    def first_index(self) -> int:
        """Returns the index after the stand-in.

        Go: storage.go:196-201 FirstIndex
        """
        self.call_stats.first_index += 1
        return (self.ents[0].index or 0) + 1

    def _first_index(self) -> int:
        """Returns the first index without counting the call.

        Go: storage.go:203-205 firstIndex
        """
        return (self.ents[0].index or 0) + 1

    def snapshot(self) -> pb.Snapshot:
        """Returns a copy of the newest snapshot; an empty one at first.

        Go: storage.go:208-214 Snapshot
        """
        self.call_stats.snapshot += 1
        return self._snapshot.clone()

    def apply_snapshot(self, snap: pb.Snapshot | None) -> None:
        """Replaces everything with a snapshot that came from elsewhere.

        Raises:
            SnapOutOfDate: the one that is here is as new. A snapshot of index
                0, with which applications bootstrap, gives way to any.

        Go: storage.go:218-237 ApplySnapshot
        """
        snap = pb.ensure_snapshot(snap)
        if self._snapshot.index != 0 and self._snapshot.index >= snap.index:
            raise SnapOutOfDate
        self._snapshot = snap.clone()
        self.ents = [pb.Entry(term=snap.term, index=snap.index)]

    def create_snapshot(
        self, i: int, cs: pb.ConfState | None, data: bytes | None
    ) -> pb.Snapshot:
        """Stores a snapshot of the application's own state, and returns it.

        Args:
            i: The last index that it covers.
            cs: The configuration there; `None` if it has not changed since
                the snapshot before.
            data: The state itself.

        Raises:
            SnapOutOfDate: there is one of that index or a later one.
            RaftPanic: `i` lies beyond the log.

        Go: storage.go:243-263 CreateSnapshot
        """
        if i <= self._snapshot.index:
            raise SnapOutOfDate
        if i > self._last_index():
            get_logger().panic(
                "snapshot %d is out of bound lastindex(%d)",
                i, self._last_index(),
            )  # fmt: skip
        metadata = pb.ensure_snapshot_metadata(self._snapshot.metadata)
        metadata.index = i
        metadata.term = self.ents[i - (self.ents[0].index or 0)].term or 0
        if cs is not None:
            metadata.conf_state = cs.clone()
        self._snapshot.data = data
        return self._snapshot.clone()

    def compact(self, compact_index: int) -> None:
        """Drops all entries up to and including `compact_index`.

        The caller sees to it that these have been applied.

        Raises:
            Compacted: they are gone already.
            RaftPanic: the index lies beyond the log.

        Go: storage.go:268-288 Compact
        """
        offset = self.ents[0].index or 0
        if compact_index <= offset:
            raise Compacted
        if compact_index > self._last_index():
            get_logger().panic(
                "compact %d is out of bound lastindex(%d)",
                compact_index, self._last_index(),
            )  # fmt: skip
        at = compact_index - offset
        last = self.ents[at]
        stand_in = pb.Entry(term=last.term or 0, index=last.index or 0)
        self.ents = [stand_in, *self.ents[at + 1 :]]

    def append(self, entries: list[pb.Entry]) -> None:
        """Appends entries, over those that it holds from the first one on.

        Whatever of `entries` has been compacted here is passed over.

        Raises:
            RaftPanic: they would leave a gap.

        Go: storage.go:293-326 Append
        """
        if not entries:
            return
        first = self._first_index()
        start = entries[0].index or 0
        if start + len(entries) - 1 < first:
            return
        if start < first:
            entries = entries[first - start :]
            start = first
        at = start - (self.ents[0].index or 0)
        if at > len(self.ents):
            get_logger().panic(
                "missing log entry [last: %d, append at: %d]",
                self._last_index(), start,
            )  # fmt: skip
        self.ents[at:] = entries
