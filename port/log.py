"""The log as raft sees it: storage and the unstable end as one.

     first_index                                          last_index
         ├──────────────────────────────────────────────────┤
              applied ≤ applying ≤ committed
         ├── storage ──────────────────────┤├── unstable ───┤

Five marks move along it, and none but the last ever moves back: what has
been compacted, what the application has applied, what it was told to apply,
what is committed, and where the log ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import Compacted, RaftError, Unavailable
from port.log_unstable import Unstable
from port.types import NO_LIMIT, EntryID, LogSlice
from port.util import ents_size, limit_size

if TYPE_CHECKING:
    from port.logger import Logger
    from port.storage import Storage


class RaftLog:
    """Stored and unstable entries, with the marks that move along them.

    Attributes:
        storage: What is stored since the last snapshot.
        unstable: What is not stored for certain yet.
        committed: The highest index known to be stored on a quorum.
        applying: The highest index that the application was told to apply.
        applied: The highest index that it has applied.
        max_applying_ents_size: How many bytes of entries may be with the
            application at a time.
        applying_ents_size: How many are.
        applying_ents_paused: No more until it has applied some.

    Go: log.go:25-64 raftLog
    """

    __slots__ = (
        "applied", "applying", "applying_ents_paused", "applying_ents_size",
        "committed", "logger", "max_applying_ents_size", "storage",
        "unstable",
    )  # fmt: skip

    def __init__(
        self,
        storage: Storage,
        logger: Logger,
        max_applying_ents_size: int = NO_LIMIT,
    ) -> None:
        """Takes up a stored log; all of it counts as neither committed nor
        applied beyond the last compaction.

        Go: log.go:69-71 newLog
        Go: log.go:75-100 newLogWithSize
        """
        first_index = storage.first_index()
        last_index = storage.last_index()
        self.storage = storage
        self.unstable = Unstable(last_index + 1, logger)
        self.max_applying_ents_size = max_applying_ents_size
        self.committed = first_index - 1
        self.applying = first_index - 1
        self.applied = first_index - 1
        self.logger = logger
        self.applying_ents_size = 0
        self.applying_ents_paused = False

    def __str__(self) -> str:
        """Returns the marks, as a log line prints them.

        Go: log.go:102-105 String
        """
        u = self.unstable
        return (
            f"committed={self.committed}, applied={self.applied},"
            f" applying={self.applying}, unstable.offset={u.offset},"
            f" unstable.offsetInProgress={u.offset_in_progress},"
            f" len(unstable.Entries)={len(u.entries)}"
        )

    def maybe_append(self, a: LogSlice, committed: int) -> int | None:
        """Appends what a leader sent, if it fits on to what is here.

        Args:
            a: The entries, and the id of the one before them.
            committed: The leader's commit index.

        Returns:
            The index of the last entry sent, or `None` if the one before
            them is not in this log.

        Raises:
            RaftPanic: a committed entry would be overwritten.

        Go: log.go:109-131 maybeAppend
        """
        if not self.match_term(a.prev):
            return None
        last_new_index = a.prev.index + len(a.entries)
        conflict = self.find_conflict(a.entries)
        if conflict == 0:
            pass
        elif conflict <= self.committed:
            self.logger.panic(
                "entry %d conflict with committed entry [committed(%d)]",
                conflict, self.committed,
            )  # fmt: skip
        else:
            start = conflict - (a.prev.index + 1)
            if not 0 <= start <= len(a.entries):
                self.logger.panic(
                    "index, %d, is out of range [%d]", start, len(a.entries)
                )
            self.append(a.entries[start:])
        self.commit_to(min(committed, last_new_index))
        return last_new_index

    def append(self, ents: list[pb.Entry]) -> int:
        """Appends entries, over those that stand where they belong.

        Returns:
            The last index of the log.

        Raises:
            RaftPanic: a committed entry would be overwritten.

        Go: log.go:133-142 append
        """
        if not ents:
            return self.last_index()
        after = (ents[0].index or 0) - 1
        if after < self.committed:
            self.logger.panic(
                "after(%d) is out of range [committed(%d)]",
                after, self.committed,
            )  # fmt: skip
        self.unstable.truncate_and_append(ents)
        return self.last_index()

    def find_conflict(self, ents: list[pb.Entry]) -> int:
        """Returns the first index from which on `ents` differ from this log.

        That is a conflict (same index, other term) or the end of this log,
        whichever comes first; 0 if the log holds them all.

        Go: log.go:154-167 findConflict
        """
        last_index = self.last_index()
        for e in ents:
            index, term = e.index or 0, e.term or 0
            if index > last_index:
                return index
            if not self.match_term(EntryID(term, index)):
                self.logger.info(
                    "found conflict at index %d "
                    "[existing term: %d, conflicting term: %d]",
                    index, self.zero_term_on_out_of_bounds(index), term,
                )  # fmt: skip
                return index
        return 0

    def find_conflict_by_term(self, index: int, term: int) -> tuple[int, int]:
        """Guesses where this log and another one part.

        All that is known of the other log is that it has an entry at `index`
        of `term`. As terms only rise along a log, its entries before that
        have at most `term`; so no index at which ours has more can match.

        Returns:
            The highest index up to `index` that may match, and our term
            there; term 0 where it is not known. `(0, 0)` if there is none.

        Go: log.go:182-194 findConflictByTerm
        """
        while index > 0:
            try:
                our_term = self.term(index)
            except (Compacted, Unavailable):
                return index, 0
            if our_term <= term:
                return index, our_term
            index -= 1
        return 0, 0

    def next_unstable_ents(self) -> list[pb.Entry]:
        """Returns the entries to be written that were not handed out yet.

        Go: log.go:198-200 nextUnstableEnts
        """
        u = self.unstable
        return u.next_entries() if u.entries else []

    def has_next_unstable_ents(self) -> bool:
        """Tells whether there are entries to be handed out for writing.

        Go: log.go:204-206 hasNextUnstableEnts
        """
        u = self.unstable
        return u.offset + len(u.entries) > u.offset_in_progress

    def has_next_or_in_progress_unstable_ents(self) -> bool:
        """Tells whether there are entries not known to be stable.

        Go: log.go:211-213 hasNextOrInProgressUnstableEnts
        """
        return bool(self.unstable.entries)

    def next_committed_ents(self, allow_unstable: bool) -> list[pb.Entry]:
        """Returns the committed entries that the application is to apply.

        Args:
            allow_unstable: Whether entries count that this node has not
                stored itself: a quorum of the others may have.

        Go: log.go:220-244 nextCommittedEnts
        """
        if self.applying >= self.committed:
            return []
        if self.applying_ents_paused or self.unstable.snapshot is not None:
            return []
        lo = self.applying + 1
        hi = self.max_appliable_index(allow_unstable) + 1
        if lo >= hi:
            return []
        max_size = self.max_applying_ents_size - self.applying_ents_size
        if max_size <= 0:
            self.logger.panic(
                "applying entry size (%d-%d)=%d not positive",
                self.max_applying_ents_size, self.applying_ents_size,
                max_size,
            )  # fmt: skip
        try:
            return self.slice(lo, hi, max_size)
        except (Compacted, Unavailable) as err:
            self.logger.panic(
                "unexpected error when getting unapplied entries (%s)", err
            )

    def has_next_committed_ents(self, allow_unstable: bool) -> bool:
        """Tells whether `next_committed_ents` has any, without reading them.

        A snapshot comes first: entries behind it wait until it is applied.

        Go: log.go:248-261 hasNextCommittedEnts
        """
        if self.applying >= self.committed:
            return False
        if self.applying_ents_paused or self.unstable.snapshot is not None:
            return False
        return self.applying < self.max_appliable_index(allow_unstable)

    def max_appliable_index(self, allow_unstable: bool) -> int:
        """Returns the highest index that may be applied.

        Go: log.go:267-273 maxAppliableIndex
        """
        if allow_unstable:
            return self.committed
        return min(self.committed, self.unstable.offset - 1)

    def next_unstable_snapshot(self) -> pb.Snapshot | None:
        """Returns the snapshot to be written, if not handed out yet.

        Go: log.go:277-279 nextUnstableSnapshot
        """
        u = self.unstable
        return None if u.snapshot is None else u.next_snapshot()

    def has_next_unstable_snapshot(self) -> bool:
        """Tells whether there is a snapshot to be handed out for writing.

        Go: log.go:283-285 hasNextUnstableSnapshot
        """
        u = self.unstable
        return u.snapshot is not None and not u.snapshot_in_progress

    def has_next_or_in_progress_snapshot(self) -> bool:
        """Tells whether a snapshot is not known to be applied.

        Go: log.go:289-291 hasNextOrInProgressSnapshot
        """
        return self.unstable.snapshot is not None

    def snapshot(self) -> pb.Snapshot:
        """Returns the newest snapshot, stored or on its way.

        Raises:
            SnapshotTemporarilyUnavailable: storage is still making it.

        Go: log.go:293-298 snapshot
        """
        if self.unstable.snapshot is not None:
            return self.unstable.snapshot.clone()
        return self.storage.snapshot()

    def first_index(self) -> int:
        """Returns the first index that is not compacted.

        Go: log.go:300-309 firstIndex
        """
        snapshot = self.unstable.snapshot
        if snapshot is not None:
            return snapshot.index + 1
        return self.storage.first_index()

    def last_index(self) -> int:
        """Returns the index of the last entry.

        Go: log.go:311-320 lastIndex
        """
        u = self.unstable
        if u.entries:
            return u.offset + len(u.entries) - 1
        if u.snapshot is not None:
            return u.snapshot.index
        return self.storage.last_index()

    def commit_to(self, to_commit: int) -> None:
        """Moves the commit mark forward to `to_commit`; never back.

        Raises:
            RaftPanic: there is no such entry. It was acknowledged once, so
                the log has been lost or damaged.

        Go: log.go:322-330 commitTo
        """
        if self.committed < to_commit:
            if self.last_index() < to_commit:
                self.logger.panic(
                    "tocommit(%d) is out of range [lastIndex(%d)]. "
                    "Was the raft log corrupted, truncated, or lost?",
                    to_commit, self.last_index(),
                )  # fmt: skip
            self.committed = to_commit

    def applied_to(self, i: int, size: int) -> None:
        """Notes that the application has applied entries up to `i`.

        Args:
            i: The index.
            size: How many bytes of entries that releases.

        Raises:
            RaftPanic: `i` is not committed, or lies before what was applied.

        Go: log.go:332-345 appliedTo
        """
        if self.committed < i or i < self.applied:
            self.logger.panic(
                "applied(%d) is out of range "
                "[prevApplied(%d), committed(%d)]",
                i, self.applied, self.committed,
            )  # fmt: skip
        self.applied = i
        self.applying = max(self.applying, i)
        self.applying_ents_size = max(self.applying_ents_size - size, 0)
        self.applying_ents_paused = (
            self.applying_ents_size >= self.max_applying_ents_size
        )

    def accept_applying(self, i: int, size: int, allow_unstable: bool) -> None:
        """Notes that entries up to `i` have been handed out to be applied.

        More are handed out only while their size is below the limit. If less
        was handed out than could be, the next entry would have exceeded it;
        that pauses too.

        Go: log.go:347-365 acceptApplying
        """
        if self.committed < i:
            self.logger.panic(
                "applying(%d) is out of range "
                "[prevApplying(%d), committed(%d)]",
                i, self.applying, self.committed,
            )  # fmt: skip
        self.applying = i
        self.applying_ents_size += size
        self.applying_ents_paused = (
            self.applying_ents_size >= self.max_applying_ents_size
            or i < self.max_appliable_index(allow_unstable)
        )

    def stable_to(self, id: EntryID) -> None:
        """Notes that storage holds the log up to `id`.

        Go: log.go:367-367 stableTo
        """
        self.unstable.stable_to(id)

    def stable_snap_to(self, i: int) -> None:
        """Notes that storage holds the snapshot of index `i`.

        Go: log.go:369-369 stableSnapTo
        """
        self.unstable.stable_snap_to(i)

    def accept_unstable(self) -> None:
        """Notes that all that was unstable has been handed out for writing.

        Go: log.go:375-375 acceptUnstable
        """
        self.unstable.accept_in_progress()

    def last_entry_id(self) -> EntryID:
        """Returns the id of the last entry.

        Go: log.go:378-385 lastEntryID
        """
        index = self.last_index()
        try:
            return EntryID(self.term(index), index)
        except (Compacted, Unavailable) as err:
            self.logger.panic(
                "unexpected error when getting the last term at %d: %s",
                index, err,
            )  # fmt: skip

    def term(self, i: int) -> int:
        """Returns the term of the entry at index `i`.

        Storage knows where it begins and ends, and says so. Only what lies
        on its way there, a snapshot or entries that replace some, bounds the
        log before storage can tell.

        Raises:
            Compacted: `i` lies more than one before the first index. The one
                before it is known: an append has to fit on to it.
            Unavailable: `i` lies after the last index.

        Go: log.go:387-413 term
        """
        u = self.unstable
        term = u.maybe_term(i)
        if term is not None:
            return term
        if u.snapshot is not None and i < u.snapshot.index:
            raise Compacted
        if i >= u.offset and (u.entries or u.snapshot is not None):
            raise Unavailable
        return self.storage.term(i)

    def entries(self, i: int, max_size: int) -> list[pb.Entry]:
        """Returns entries from `i` to the end, `max_size` bytes at most.

        Raises:
            Compacted: `i` has been compacted away.

        Go: log.go:415-420 entries
        """
        last_index = self.last_index()
        if i > last_index:
            return []
        return self.slice(i, last_index + 1, max_size)

    def all_entries(self) -> list[pb.Entry]:
        """Returns every entry that is not compacted.

        Go: log.go:423-433 allEntries
        """
        try:
            return self.entries(self.first_index(), NO_LIMIT)
        except Compacted:  # a compaction came between the two calls
            return self.all_entries()

    def is_up_to_date(self, their: EntryID) -> bool:
        """Tells whether a log that ends in `their` has all that ours has.

        The later term wins; of equal terms the longer log, and ours is not
        preferred. (Paper, section 5.4.1.)

        Go: log.go:442-445 isUpToDate
        """
        our = self.last_entry_id()
        return their.term > our.term or (
            their.term == our.term and their.index >= our.index
        )

    def match_term(self, id: EntryID) -> bool:
        """Tells whether this log holds the very entry that `id` names.

        Go: log.go:447-453 matchTerm
        """
        try:
            return self.term(id.index) == id.term
        except (Compacted, Unavailable):
            return False

    def maybe_commit(self, at: EntryID) -> bool:
        """Commits up to `at`, if that is news and `at.term` stands there.

        Returns:
            Whether the commit mark has moved.

        Go: log.go:455-464 maybeCommit
        """
        if at.term and at.index > self.committed and self.match_term(at):
            self.commit_to(at.index)
            return True
        return False

    def restore(self, s: pb.Snapshot) -> None:
        """Starts over behind a snapshot, which counts as committed.

        Go: log.go:466-470 restore
        """
        self.logger.info(
            "log [%s] starts to restore snapshot [index: %d, term: %d]",
            self, s.index, s.term,
        )  # fmt: skip
        self.committed = s.index
        self.unstable.restore(s)

    def scan(
        self, lo: int, hi: int, page_size: int
    ) -> Iterator[list[pb.Entry]]:
        """Yields the entries of `[lo, hi)` page by page.

        Args:
            lo: The first index.
            hi: One past the last.
            page_size: The most that a page may hold, in bytes; an entry that
                is larger has a page to itself.

        Raises:
            Compacted: an entry has been compacted away.
            RaftError: there is nothing where entries should be.

        Go: log.go:482-496 scan
        """
        while lo < hi:
            ents = self.slice(lo, hi, page_size)
            if not ents:
                raise RaftError(f"got 0 entries in [{lo}, {hi})")
            yield ents
            lo += len(ents)

    def slice(self, lo: int, hi: int, max_size: int) -> list[pb.Entry]:
        """Returns entries of `[lo, hi)`, `max_size` bytes at most.

        One entry is returned even where it is larger than that.

        Raises:
            Compacted: `lo` has been compacted away.
            RaftPanic: the range reaches beyond the log.

        Go: log.go:499-548 slice
        """
        self.must_check_out_of_bounds(lo, hi)
        if lo == hi:
            return []
        offset = self.unstable.offset
        if lo >= offset:
            return limit_size(self.unstable.slice(lo, hi), max_size)
        cut = min(hi, offset)
        try:
            ents = self.storage.entries(lo, cut, max_size)
        except Unavailable:
            self.logger.panic(
                "entries[%d:%d) is unavailable from storage", lo, cut
            )
        if hi <= offset or len(ents) < cut - lo:
            return ents  # storage had all that was asked, or all that fits
        size = ents_size(ents)
        if size >= max_size:
            return ents
        rest = limit_size(self.unstable.slice(offset, hi), max_size - size)
        if len(rest) == 1 and size + ents_size(rest) > max_size:
            return ents  # the one that limit_size must give does not fit
        return ents + rest

    def must_check_out_of_bounds(self, lo: int, hi: int) -> None:
        """Checks that `[lo, hi)` lies within the log.

        Raises:
            Compacted: it starts too early.
            RaftPanic: it ends too late, or before it starts.

        Go: log.go:551-565 mustCheckOutOfBounds
        """
        if lo > hi:
            self.logger.panic("invalid slice %d > %d", lo, hi)
        first_index = self.first_index()
        if lo < first_index:
            raise Compacted
        if hi > self.last_index() + 1:
            self.logger.panic(
                "slice[%d,%d) out of bound [%d,%d]",
                lo, hi, first_index, self.last_index(),
            )  # fmt: skip

    def zero_term_on_out_of_bounds(self, i: int) -> int:
        """Returns the term at index `i`, or 0 where it is not known.

        Go: log.go:567-576 zeroTermOnOutOfBounds
        """
        try:
            return self.term(i)
        except (Compacted, Unavailable):
            return 0
