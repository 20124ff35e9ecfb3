"""The end of the log that storage does not hold for certain yet.

            storage                          unstable.entries
    ... ─────────────────┤ offset        offset_in_progress
                         ├───────────────┼──────────────────┤
                           being written   not handed out

A new entry waits here until a `Ready` hands it to the application, stays
while it is being written, and leaves once raft hears that it is stable. The
application may be slow, so all three kinds can be here at once. Storage may
hold entries beyond `offset` too: leftovers of an earlier term that the next
write replaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb

if TYPE_CHECKING:
    from port.logger import Logger
    from port.types import EntryID


class Unstable:
    """Entries and a snapshot on their way to storage.

    Attributes:
        snapshot: The snapshot on its way, if any.
        entries: The entries; `entries[i]` has index `offset + i`.
        offset: The index of the first entry, or of the next if none is here.
        snapshot_in_progress: The snapshot has been handed out.
        offset_in_progress: Entries below this index have been handed out.

    Go: log_unstable.go:37-54 unstable
    """

    __slots__ = (
        "entries", "logger", "offset", "offset_in_progress", "snapshot",
        "snapshot_in_progress",
    )  # fmt: skip

    def __init__(self, offset: int, logger: Logger) -> None:
        self.snapshot: pb.Snapshot | None = None
        self.entries: list[pb.Entry] = []
        self.offset = offset
        self.snapshot_in_progress = False
        self.offset_in_progress = offset
        self.logger = logger

    def maybe_first_index(self) -> int | None:
        """Returns the first index that can be here, or `None`.

        Known only under a snapshot, since that replaces what storage holds.

        Go: log_unstable.go:58-63 maybeFirstIndex
        """
        return None if self.snapshot is None else self.snapshot.index + 1

    def maybe_last_index(self) -> int | None:
        """Returns the last index of entries or snapshot, or `None`.

        Go: log_unstable.go:67-75 maybeLastIndex
        """
        if self.entries:
            return self.offset + len(self.entries) - 1
        return None if self.snapshot is None else self.snapshot.index

    def maybe_term(self, i: int) -> int | None:
        """Returns the term at index `i`, or `None` if it is not here.

        Go: log_unstable.go:79-96 maybeTerm
        """
        at = i - self.offset
        if at < 0:
            snapshot = self.snapshot
            if snapshot is not None and snapshot.index == i:
                return snapshot.term
            return None
        if at >= len(self.entries):
            return None
        return self.entries[at].term or 0

    def next_entries(self) -> list[pb.Entry]:
        """Returns the entries that have not been handed out.

        Go: log_unstable.go:100-106 nextEntries
        """
        return self.entries[self.offset_in_progress - self.offset :]

    def next_snapshot(self) -> pb.Snapshot | None:
        """Returns the snapshot, unless it has been handed out.

        Go: log_unstable.go:110-115 nextSnapshot
        """
        if self.snapshot is None or self.snapshot_in_progress:
            return None
        return self.snapshot.clone()

    def accept_in_progress(self) -> None:
        """Notes that everything here has now been handed out.

        Go: log_unstable.go:122-130 acceptInProgress
        """
        if self.entries:
            self.offset_in_progress = (self.entries[-1].index or 0) + 1
        if self.snapshot is not None:
            self.snapshot_in_progress = True

    def stable_to(self, id: EntryID) -> None:
        """Lets go of the entries up to `id`, which storage holds now.

        A report about an entry that is not here, or is here with another
        term, is out of date: the log has been overwritten since. Then nothing
        may go, for what storage holds is not what this holds.

        Go: log_unstable.go:138-164 stableTo
        """
        term = self.maybe_term(id.index)
        if term is None:
            self.logger.info(
                "entry at index %d missing from unstable log; ignoring",
                id.index,
            )
            return
        if id.index < self.offset:
            self.logger.info(
                "entry at index %d matched unstable snapshot; ignoring",
                id.index,
            )
            return
        if term != id.term:
            self.logger.info(
                "entry at (index,term)=(%d,%d) mismatched with "
                "entry at (%d,%d) in unstable log; ignoring",
                id.index, id.term, id.index, term,
            )  # fmt: skip
            return
        del self.entries[: id.index + 1 - self.offset]
        self.offset = id.index + 1
        self.offset_in_progress = max(self.offset_in_progress, self.offset)

    def stable_snap_to(self, i: int) -> None:
        """Lets go of the snapshot of index `i`, which storage holds now.

        Go: log_unstable.go:185-190 stableSnapTo
        """
        if self.snapshot is not None and self.snapshot.index == i:
            self.snapshot = None
            self.snapshot_in_progress = False

    def restore(self, s: pb.Snapshot) -> None:
        """Starts over behind a snapshot; whatever was here is void.

        Go: log_unstable.go:192-198 restore
        """
        self.offset = s.index + 1
        self.offset_in_progress = self.offset
        self.entries = []
        self.snapshot = s.clone()
        self.snapshot_in_progress = False

    def truncate_and_append(self, ents: list[pb.Entry]) -> None:
        """Appends entries, over those that stand where they belong.

        What is overwritten while it is being written is no longer in
        progress: the new entries have to be handed out as well.

        Go: log_unstable.go:200-222 truncateAndAppend
        """
        from_index = ents[0].index or 0
        if from_index == self.offset + len(self.entries):
            self.entries.extend(ents)
        elif from_index <= self.offset:
            self.logger.info(
                "replace the unstable entries from index %d", from_index
            )
            self.entries = list(ents)
            self.offset = from_index
            self.offset_in_progress = from_index
        else:
            self.logger.info(
                "truncate the unstable entries before index %d", from_index
            )
            keep = self.slice(self.offset, from_index)
            self.entries = keep + ents
            self.offset_in_progress = min(self.offset_in_progress, from_index)

    def slice(self, lo: int, hi: int) -> list[pb.Entry]:
        """Returns the entries of `[lo, hi)` in a list of its own.

        Raises:
            RaftPanic: some of them are not here.

        Go: log_unstable.go:232-238 slice
        """
        self.must_check_out_of_bounds(lo, hi)
        return self.entries[lo - self.offset : hi - self.offset]

    def must_check_out_of_bounds(self, lo: int, hi: int) -> None:
        """Panics unless `offset <= lo <= hi <= ` one past the last index.

        Go: log_unstable.go:241-249 mustCheckOutOfBounds
        """
        if lo > hi:
            self.logger.panic("invalid unstable.slice %d > %d", lo, hi)
        upper = self.offset + len(self.entries)
        if lo < self.offset or hi > upper:
            self.logger.panic(
                "unstable.slice[%d,%d) out of bound [%d,%d]",
                lo, hi, self.offset, upper,
            )  # fmt: skip
