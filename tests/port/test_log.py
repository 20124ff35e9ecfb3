"""The log, stored and unstable end as one: upstream's `log_test.go`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import chain, pairwise

import pytest

from port import raftpb as pb
from port.errors import Compacted, RaftError, RaftPanic, Unavailable
from port.log import RaftLog
from port.logger import discard_logger
from port.storage import MemoryStorage
from port.types import NO_LIMIT, EntryID, LogSlice
from port.util import ents_size
from tests.port.raft.nodes import entries, snapshot


def log(
    stored: list[pb.Entry] | None = None,
    unstable: list[pb.Entry] | None = None,
    snap: pb.Snapshot | None = None,
    max_size: int = NO_LIMIT,
) -> RaftLog:
    """Returns a log with these entries behind that snapshot."""
    storage = MemoryStorage()
    if snap is not None:
        storage.apply_snapshot(snap)
    storage.append(stored or [])
    raft_log = RaftLog(storage, discard_logger, max_size)
    raft_log.append(unstable or [])
    return raft_log


def rising(lo: int, hi: int) -> list[pb.Entry]:
    """Returns entries of `[lo, hi)`, each of a term equal to its index."""
    return [pb.Entry(i, i, pb.EntryNormal) for i in range(lo, hi)]


def panics() -> AbstractContextManager[object]:
    return pytest.raises(RaftPanic)


@pytest.mark.parametrize(
    ("ents", "conflict"),
    [
        ([], 0),
        # The log holds them all.
        (entries(1, 1, 2, 3), 0),
        (entries(2, 2, 3), 0),
        (entries(3, 3), 0),
        # They go on where the log ends.
        (entries(1, 1, 2, 3, 4, 4), 4),
        (entries(2, 2, 3, 4, 5), 4),
        (entries(3, 3, 4, 4), 4),
        (entries(4, 4, 4), 4),
        # They contradict it.
        (entries(1, 4, 4), 1),
        (entries(2, 1, 4, 4), 2),
        (entries(3, 1, 2, 4, 4), 3),
    ],
)
def test_find_conflict(ents: list[pb.Entry], conflict: int) -> None:
    """The first index where an append differs from the log, or goes on."""
    assert log(unstable=entries(1, 1, 2, 3)).find_conflict(ents) == conflict


WHOLE = (0, 0), (2, 2, 5, 5, 5)
COMPACTED = (10, 3), (3, 3, 4, 4, 4)


@pytest.mark.parametrize(
    ("kept", "index", "term", "guess"),
    [
        (WHOLE, 100, 2, 100),  # not here, so who knows
        (WHOLE, 5, 6, 5),
        (WHOLE, 5, 5, 5),
        (WHOLE, 5, 4, 2),
        (WHOLE, 5, 2, 2),
        (WHOLE, 5, 1, 0),
        (WHOLE, 1, 2, 1),
        (WHOLE, 1, 1, 0),
        (WHOLE, 0, 0, 0),
        (COMPACTED, 30, 3, 30),  # not here
        (COMPACTED, 14, 9, 14),
        (COMPACTED, 14, 4, 14),
        (COMPACTED, 14, 3, 12),
        (COMPACTED, 14, 2, 9),
        (COMPACTED, 11, 5, 11),
        (COMPACTED, 10, 5, 10),
        (COMPACTED, 10, 3, 10),
        (COMPACTED, 10, 2, 9),
        (COMPACTED, 9, 2, 9),  # not here any more
        (COMPACTED, 4, 2, 4),
        (COMPACTED, 0, 0, 0),
    ],
)
def test_find_conflict_by_term(
    kept: tuple[tuple[int, int], tuple[int, ...]],
    index: int,
    term: int,
    guess: int,
) -> None:
    """The highest index up to one given whose term is at most one given."""
    (snap_index, snap_term), terms = kept
    raft_log = log(
        snap=snapshot(snap_index, snap_term, []),
        unstable=entries(snap_index + 1, *terms),
    )
    assert raft_log.find_conflict_by_term(index, term) == (
        guess,
        raft_log.zero_term_on_out_of_bounds(guess),
    )


@pytest.mark.parametrize(
    ("term", "beyond_last", "up_to_date"),
    [
        # A later term wins, whatever the length;
        (4, -1, True),
        (4, 0, True),
        (4, 1, True),
        # an earlier one loses;
        (2, -1, False),
        (2, 0, False),
        (2, 1, False),
        # and with the same one the longer log wins, or one as long.
        (3, -1, False),
        (3, 0, True),
        (3, 1, True),
    ],
)
def test_is_up_to_date(term: int, beyond_last: int, up_to_date: bool) -> None:
    """Who may get the vote of a log that ends in term 3 at index 3."""
    raft_log = log(unstable=entries(1, 1, 2, 3))
    their = EntryID(term, raft_log.last_index() + beyond_last)
    assert raft_log.is_up_to_date(their) is up_to_date


@pytest.mark.parametrize(
    ("ents", "last", "whole", "offset"),
    [
        ([], 2, [1, 2], 3),
        (entries(3, 2), 3, [1, 2, 2], 3),
        # What is replaced becomes unstable again.
        (entries(1, 2), 1, [2], 1),
        (entries(2, 3, 3), 3, [1, 3, 3], 2),
    ],
)
def test_append(
    ents: list[pb.Entry], last: int, whole: list[int], offset: int
) -> None:
    """Appending puts entries where they belong, over what stands there."""
    raft_log = log(stored=entries(1, 1, 2))
    assert raft_log.append(ents) == last
    assert raft_log.entries(1, NO_LIMIT) == entries(1, *whole)
    assert raft_log.unstable.offset == offset


def test_append_leaves_alone_what_is_committed() -> None:
    raft_log = log(stored=entries(1, 1, 2))
    raft_log.commit_to(2)
    with pytest.raises(RaftPanic, match=r"after\(1\) is out of range"):
        raft_log.append(entries(2, 3))


# The log is 1/1 2/2 3/3 (term/index), committed up to 1.
FITS = {
    "of another term": ((2, 3), 3, entries(4, 4), None, 1),
    "beyond the end": ((3, 4), 3, entries(5, 4), None, 1),
    "heartbeat": ((3, 3), 3, [], 3, 3),
    "commit beyond the end": ((3, 3), 4, [], 3, 3),
    "commit before the end": ((3, 3), 2, [], 3, 2),
    "commit long known": ((3, 3), 0, [], 3, 1),
    "from the very start": ((0, 0), 3, [], 0, 1),
    "one more": ((3, 3), 3, entries(4, 4), 4, 3),
    "one more, committed": ((3, 3), 4, entries(4, 4), 4, 4),
    "commit beyond what is new": ((3, 3), 5, entries(4, 4), 4, 4),
    "two more, committed": ((3, 3), 5, entries(4, 4, 4), 5, 5),
    "over the last": ((2, 2), 3, entries(3, 4), 3, 3),
    "over the last two": ((1, 1), 3, entries(2, 4), 2, 2),
    "two over the last two": ((1, 1), 3, entries(2, 4, 4), 3, 3),
}


@pytest.mark.parametrize(
    ("prev", "commit", "ents", "last", "committed"),
    FITS.values(),
    ids=FITS,
)
def test_log_maybe_append(
    prev: tuple[int, int],
    commit: int,
    ents: list[pb.Entry],
    last: int | None,
    committed: int,
) -> None:
    """An append is taken if the entry before it is here (paper, 5.3).

    What it contradicts goes, what is new is appended, and the commit index
    rises with the leader's, but not beyond what the leader has vouched for.
    """
    append = LogSlice(100, EntryID(*prev), ents)
    append.valid()
    raft_log = log(unstable=entries(1, 1, 2, 3))
    raft_log.committed = 1
    assert raft_log.maybe_append(append, commit) == last
    assert raft_log.committed == committed
    if last is not None and ents:
        assert raft_log.slice(last - len(ents) + 1, last + 1, NO_LIMIT) == ents


def test_log_maybe_append_over_what_is_committed() -> None:
    """A leader that contradicts what is committed is none."""
    raft_log = log(unstable=entries(1, 1, 2, 3))
    raft_log.committed = 1
    with pytest.raises(RaftPanic, match="conflict with committed entry"):
        raft_log.maybe_append(LogSlice(100, EntryID(0, 0), entries(1, 4)), 3)


def test_compaction_side_effects() -> None:
    """All but what was compacted is where it was, and the log goes on."""
    raft_log = log(stored=rising(1, 751), unstable=rising(751, 1001))
    assert raft_log.maybe_commit(raft_log.last_entry_id())
    raft_log.applied_to(raft_log.committed, 0)
    raft_log.storage.compact(500)
    assert raft_log.last_index() == 1000
    for i in range(500, 1001):
        assert raft_log.term(i) == i
        assert raft_log.match_term(EntryID(i, i))
    assert raft_log.next_unstable_ents() == rising(751, 1001)
    raft_log.append(rising(1001, 1002))
    assert raft_log.last_index() == 1001
    assert raft_log.entries(1001, NO_LIMIT) == rising(1001, 1002)


# A snapshot of index 3, entry 4 stored, 5 and 6 not; 5 is committed.
# applied, applying, whether unstable ones may be applied, which ones are next
NEXT = [
    (3, 3, True, [4, 5]),
    (3, 4, True, [5]),
    (3, 5, True, []),
    (4, 4, True, [5]),
    (4, 5, True, []),
    (5, 5, True, []),
    (3, 3, False, [4]),
    (3, 4, False, []),
    (3, 5, False, []),
    (4, 4, False, []),
    (4, 5, False, []),
    (5, 5, False, []),
]


def half_stored(max_size: int = NO_LIMIT) -> RaftLog:
    """Returns the log that the table above is about."""
    ents = entries(4, 1, 1, 1)
    raft_log = log(
        snap=snapshot(3, 1, []),
        stored=ents[:1],
        unstable=ents,
        max_size=max_size,
    )
    raft_log.stable_to(EntryID(1, 4))
    raft_log.maybe_commit(EntryID(1, 5))
    return raft_log


def applying_log(applied: int, applying: int, allow_unstable: bool) -> RaftLog:
    raft_log = half_stored()
    raft_log.applied_to(applied, 0)
    raft_log.accept_applying(applying, 0, allow_unstable)
    raft_log.applying_ents_paused = False
    return raft_log


@pytest.mark.parametrize(("applied", "applying", "unstable", "nexts"), NEXT)
def test_has_next_committed_ents(
    applied: int, applying: int, unstable: bool, nexts: list[int]
) -> None:
    """Whether there is anything to apply, without looking at it."""
    raft_log = applying_log(applied, applying, unstable)
    assert raft_log.has_next_committed_ents(unstable) is bool(nexts)


@pytest.mark.parametrize(("applied", "applying", "unstable", "nexts"), NEXT)
def test_next_committed_ents(
    applied: int, applying: int, unstable: bool, nexts: list[int]
) -> None:
    """What to apply: committed, not handed out yet, and stored if need be."""
    raft_log = applying_log(applied, applying, unstable)
    ents = raft_log.next_committed_ents(unstable)
    assert [e.index for e in ents] == nexts


def test_nothing_is_next_while_applying_is_paused() -> None:
    raft_log = applying_log(3, 3, True)
    raft_log.applying_ents_paused = True
    assert not raft_log.has_next_committed_ents(True)
    assert raft_log.next_committed_ents(True) == []


def test_nothing_is_next_while_a_snapshot_is_on_its_way() -> None:
    raft_log = applying_log(3, 3, True)
    raft_log.restore(snapshot(4, 1, []))
    assert not raft_log.has_next_committed_ents(True)
    assert raft_log.next_committed_ents(True) == []


@pytest.mark.parametrize("size", [99, 100, 101])
@pytest.mark.parametrize(
    ("index", "unstable", "all_there_is"),
    [
        (3, True, False),
        (4, True, False),
        (5, True, True),
        (3, False, False),
        (4, False, True),
        (5, False, True),
    ],
)
def test_accept_applying(
    index: int, unstable: bool, all_there_is: bool, size: int
) -> None:
    """Applying pauses when there is enough of it, or more than would fit."""
    raft_log = half_stored(max_size=100)
    raft_log.applied_to(3, 0)
    raft_log.accept_applying(index, size, unstable)
    paused = size >= 100 or not all_there_is
    assert raft_log.applying_ents_paused is paused


@pytest.mark.parametrize(
    ("index", "size", "left", "paused"),
    [
        # Some of what is being applied
        (4, 4, 101, True),
        (4, 5, 100, True),
        (4, 6, 99, False),
        # or all of it.
        (5, 4, 101, True),
        (5, 5, 100, True),
        (5, 6, 99, False),
        # As many bytes as there are, or more: it does not fall below zero.
        (4, 105, 0, False),
        (4, 106, 0, False),
    ],
)
def test_applied_to(index: int, size: int, left: int, paused: bool) -> None:
    """What has been applied makes room for more."""
    raft_log = half_stored(max_size=100)
    raft_log.applied_to(3, 0)
    raft_log.accept_applying(5, 105, False)
    raft_log.applied_to(index, size)
    assert (raft_log.applied, raft_log.applying) == (index, 5)
    assert raft_log.applying_ents_size == left
    assert raft_log.applying_ents_paused is paused


@pytest.mark.parametrize("index", [2, 6])
def test_applied_to_what_cannot_be(index: int) -> None:
    """Nothing is applied before it is committed, or taken back."""
    with pytest.raises(RaftPanic, match=rf"applied\({index}\) is out of ran"):
        half_stored().applied_to(index, 0)


def test_accept_applying_of_what_is_not_committed() -> None:
    with pytest.raises(RaftPanic, match=r"applying\(6\) is out of range"):
        half_stored().accept_applying(6, 0, True)


@pytest.mark.parametrize("stored", [0, 2])
def test_next_unstable_ents(stored: int) -> None:
    """What is not stored is handed out to be; then nothing is left."""
    ents = entries(1, 1, 2)
    raft_log = log(stored=ents[:stored], unstable=ents[stored:])
    unstable = raft_log.next_unstable_ents()
    assert unstable == ents[stored:]
    if unstable:
        raft_log.stable_to(EntryID(2, 2))
    assert raft_log.unstable.offset == 3
    assert raft_log.next_unstable_ents() == []


@pytest.mark.parametrize(
    ("to", "committed", "outcome"),
    [
        (3, 3, nullcontext()),
        (1, 2, nullcontext()),  # it never falls
        (4, 2, panics()),  # there is no such entry
    ],
)
def test_commit_to(
    to: int, committed: int, outcome: AbstractContextManager[object]
) -> None:
    """The commit index rises as far as the log goes."""
    raft_log = log(unstable=entries(1, 1, 2, 3))
    raft_log.committed = 2
    with outcome:
        raft_log.commit_to(to)
    assert raft_log.committed == committed


@pytest.mark.parametrize(
    ("term", "index", "offset"),
    [
        (1, 1, 2),
        (2, 2, 3),
        (1, 2, 1),  # that is not the entry there
        (1, 3, 1),  # there is none
    ],
)
def test_stable_to(term: int, index: int, offset: int) -> None:
    """Entries leave the unstable end when they are known to be stored."""
    raft_log = log(unstable=entries(1, 1, 2))
    raft_log.stable_to(EntryID(term, index))
    assert raft_log.unstable.offset == offset


@pytest.mark.parametrize("beyond", [1, 0, -1])
@pytest.mark.parametrize("term", [2, 3])
@pytest.mark.parametrize("fresh", [[], [2]])
def test_stable_to_with_snap(
    beyond: int, term: int, fresh: list[int]
) -> None:
    """A snapshot of term 2 at index 5 makes no difference to that."""
    raft_log = log(snap=snapshot(5, 2, []), unstable=entries(6, *fresh))
    raft_log.stable_to(EntryID(term, 5 + beyond))
    gone = bool(fresh) and (beyond, term) == (1, 2)
    assert raft_log.unstable.offset == (7 if gone else 6)


@pytest.mark.parametrize(
    ("compactions", "left"),
    [
        ([300, 500, 800, 900], [700, 500, 200, 100]),
        ([300, 299], [700, Compacted]),
        ([1001], [RaftPanic]),
    ],
    ids=["forward", "backward", "too far"],
)
def test_compaction(
    compactions: list[int], left: list[int | type[Exception]]
) -> None:
    """A compaction leaves what comes after it; there is no way back."""
    raft_log = log(stored=rising(1, 1001))
    for compaction, expected in zip(compactions, left, strict=True):
        if isinstance(expected, int):
            raft_log.storage.compact(compaction)
            assert len(raft_log.all_entries()) == expected
        else:
            with pytest.raises(expected):
                raft_log.storage.compact(compaction)


def test_log_restore() -> None:
    """A log of nothing but a snapshot starts behind it, committed so far."""
    raft_log = log(snap=snapshot(1000, 1000, []))
    assert raft_log.all_entries() == []
    assert raft_log.first_index() == 1001
    assert raft_log.committed == 1000
    assert raft_log.unstable.offset == 1001
    assert raft_log.term(1000) == 1000


@pytest.mark.parametrize(
    ("lo", "hi", "outcome"),
    [
        # The log is [101, 201).
        (99, 102, pytest.raises(Compacted)),
        (100, 102, pytest.raises(Compacted)),
        (101, 101, nullcontext()),
        (151, 151, nullcontext()),
        (200, 200, nullcontext()),
        (201, 201, nullcontext()),
        (201, 202, panics()),
        (202, 202, panics()),
        (151, 150, panics()),
    ],
)
def test_is_out_of_bounds(
    lo: int, hi: int, outcome: AbstractContextManager[object]
) -> None:
    """Too early a range is refused, too late or upside down a mistake."""
    raft_log = log(snap=snapshot(100, 0, []), unstable=rising(101, 201))
    with outcome:
        raft_log.must_check_out_of_bounds(lo, hi)


def check_term(raft_log: RaftLog, i: int, term: int | type[RaftError]) -> None:
    if isinstance(term, int):
        assert raft_log.term(i) == term
    else:
        with pytest.raises(term):
            raft_log.term(i)


@pytest.mark.parametrize(
    ("index", "term"),
    [
        (99, Compacted),
        (100, 1),  # the snapshot's
        (150, 50),
        (199, 99),
        (200, Unavailable),
    ],
)
def test_term(index: int, term: int | type[RaftError]) -> None:
    """The term at an index is known from the snapshot on to the end."""
    raft_log = log(
        snap=snapshot(100, 1, []), unstable=entries(101, *range(1, 100))
    )
    check_term(raft_log, index, term)


@pytest.mark.parametrize(
    ("index", "term"),
    [
        (100, Compacted),  # stored, but about to be replaced
        (101, Compacted),
        (104, Compacted),
        (105, 1),
        (106, Unavailable),
    ],
)
def test_term_with_unstable_snapshot(
    index: int, term: int | type[RaftError]
) -> None:
    """A snapshot on its way counts, and the stored one no longer does."""
    raft_log = log(snap=snapshot(100, 1, []))
    raft_log.restore(snapshot(105, 1, []))
    check_term(raft_log, index, term)


# For slices: a snapshot at 100, stored [101, 150), unstable [150, 200).
FIRST, HALF, LAST = 101, 150, 200
SIZE = rising(HALF, HALF + 1)[0].size()


@pytest.mark.parametrize(
    ("lo", "hi", "limit", "end"),
    [
        # All that is asked for, from either part or both.
        (FIRST, FIRST, NO_LIMIT, FIRST),
        (FIRST, HALF - 1, NO_LIMIT, HALF - 1),
        (FIRST, HALF, NO_LIMIT, HALF),
        (FIRST, HALF + 1, NO_LIMIT, HALF + 1),
        (FIRST, LAST, NO_LIMIT, LAST),
        (HALF - 1, HALF, NO_LIMIT, HALF),
        (HALF - 1, HALF + 1, NO_LIMIT, HALF + 1),
        (HALF - 1, LAST, NO_LIMIT, LAST),
        (HALF, HALF + 1, NO_LIMIT, HALF + 1),
        (HALF, LAST, NO_LIMIT, LAST),
        (LAST - 1, LAST, NO_LIMIT, LAST),
        # One entry at least.
        (FIRST, LAST, 0, FIRST + 1),
        (HALF - 1, HALF + 1, 0, HALF),
        (HALF, LAST, 0, HALF + 1),
        (HALF + 1, LAST, 0, HALF + 2),
        # Not enough for one, enough for one, not enough for two.
        *(
            (lo, hi, limit, lo + 1)
            for limit in (SIZE - 1, SIZE, SIZE + 1)
            for lo, hi in ((FIRST, LAST), (HALF - 1, HALF + 1), (HALF, LAST))
        ),
        # Enough for two.
        (FIRST, LAST, SIZE * 2, FIRST + 2),
        (HALF - 2, HALF + 1, SIZE * 2, HALF),
        (HALF - 1, HALF + 1, SIZE * 2, HALF + 1),
        (HALF, LAST, SIZE * 2, HALF + 2),
        # Not enough for three, enough for three.
        (HALF - 2, HALF + 1, SIZE * 3 - 1, HALF),
        (HALF - 1, HALF + 2, SIZE * 3, HALF + 2),
    ],
)
def test_slice(lo: int, hi: int, limit: int, end: int) -> None:
    """A range of entries, stored and unstable, as many as fit the limit."""
    raft_log = log(
        snap=snapshot(FIRST - 1, 0, []),
        stored=rising(FIRST, HALF),
        unstable=rising(HALF, LAST),
    )
    assert raft_log.slice(lo, hi, limit) == rising(lo, end)


@pytest.mark.parametrize(
    ("lo", "hi", "error"),
    [
        (FIRST - 2, FIRST, Compacted),
        (FIRST - 1, FIRST, Compacted),
        (HALF, HALF - 1, RaftPanic),
        (LAST, LAST + 1, RaftPanic),
    ],
)
def test_slice_of_what_is_not_here(
    lo: int, hi: int, error: type[Exception]
) -> None:
    raft_log = log(
        snap=snapshot(FIRST - 1, 0, []),
        stored=rising(FIRST, HALF),
        unstable=rising(HALF, LAST),
    )
    with pytest.raises(error):
        raft_log.slice(lo, hi, NO_LIMIT)


# For scans: a snapshot at 47, stored [48, 57), unstable [57, 67).


def scanned() -> RaftLog:
    return log(
        snap=snapshot(47, 0, []), stored=rising(48, 57), unstable=rising(57, 67)
    )


# Two bytes each for type, term and index make six an entry.
@pytest.mark.parametrize("page", [0, 1, 6, 7, 10, 12, 100])
def test_scan(page: int) -> None:
    """Page by page it is the same entries, and no page is too large."""
    raft_log = scanned()
    for lo in range(48, 67):
        for hi in range(lo, 68):
            pages = list(raft_log.scan(lo, hi, page))
            assert list(chain(*pages)) == raft_log.slice(lo, hi, NO_LIMIT)
            for ents in pages:
                assert len(ents) == 1 or ents_size(ents) <= page
            for one, two in pairwise(pages):  # nor smaller than need be
                assert ents_size([*one, two[0]]) > page


def test_scan_reads_no_further_than_it_is_asked() -> None:
    raft_log = scanned()
    reads = raft_log.storage.call_stats
    pages = raft_log.scan(48, 57, 0)
    next(pages)
    next(pages)
    assert reads.entries == 2


# The marks, and what is on its way


def test_a_new_log_starts_at_the_last_compaction() -> None:
    """What a restart knows of is neither committed nor applied beyond it."""
    raft_log = log(snap=snapshot(3, 1, []), stored=entries(4, 1, 1))
    assert raft_log.committed == raft_log.applying == raft_log.applied == 3
    assert not raft_log.applying_ents_paused
    assert str(raft_log) == (
        "committed=3, applied=3, applying=3, unstable.offset=6,"
        " unstable.offsetInProgress=6, len(unstable.Entries)=0"
    )


@pytest.mark.parametrize(
    ("term", "index", "committed"),
    [
        (2, 3, 3),
        (2, 2, 2),  # as far as it is
        (1, 1, 2),  # further than that
        (1, 3, 2),  # of another term
        (2, 4, 2),  # not there
        (0, 3, 2),
    ],
)
def test_maybe_commit(term: int, index: int, committed: int) -> None:
    """It commits what is there, and says whether that is news."""
    raft_log = log(unstable=entries(1, 1, 2, 2))
    raft_log.commit_to(2)
    assert raft_log.maybe_commit(EntryID(term, index)) is (committed == 3)
    assert raft_log.committed == committed


def test_term_0_commits_nothing() -> None:
    raft_log = log(unstable=[pb.Entry(index=1)])
    assert not raft_log.maybe_commit(EntryID(0, 1))


def test_what_was_replaced_is_gone_though_it_is_still_stored() -> None:
    """The next write will replace it there too."""
    raft_log = log(stored=entries(1, 1, 1, 1, 1), unstable=entries(2, 2))
    assert raft_log.last_entry_id() == EntryID(2, 2)
    for index, term in (1, 1), (2, 2), (3, Unavailable), (4, Unavailable):
        check_term(raft_log, index, term)


def test_what_a_snapshot_replaced_is_gone_though_it_is_still_stored() -> None:
    raft_log = log(stored=entries(1, 1, 1, 1, 1))
    raft_log.restore(snapshot(2, 2, []))
    assert raft_log.last_entry_id() == EntryID(2, 2)
    for index, term in (1, Compacted), (2, 2), (3, Unavailable):
        check_term(raft_log, index, term)


def test_a_log_replaced_from_its_start_has_only_the_new() -> None:
    raft_log = log(stored=entries(1, 1, 1, 1), unstable=entries(1, 2))
    for index, term in (0, 0), (1, 2), (2, Unavailable):
        check_term(raft_log, index, term)


def test_entries_on_their_way() -> None:
    """To be handed out, handed out, stored: in this order."""
    raft_log = log(unstable=entries(1, 1))
    seen = []
    for advance in (
        lambda: None,
        raft_log.accept_unstable,
        lambda: raft_log.stable_to(EntryID(1, 1)),
    ):
        advance()
        seen.append(
            (
                len(raft_log.next_unstable_ents()),
                raft_log.has_next_unstable_ents(),
                raft_log.has_next_or_in_progress_unstable_ents(),
            )
        )
    assert seen == [(1, True, True), (0, False, True), (0, False, False)]


def test_a_snapshot_on_its_way() -> None:
    """So is a snapshot, and while it is, it counts in place of the log."""
    snap = snapshot(5, 2, [1])
    raft_log = log(stored=entries(1, 1, 1))
    raft_log.restore(snap)
    assert raft_log.committed == 5
    seen = []
    for advance in (
        lambda: None,
        raft_log.accept_unstable,
        lambda: raft_log.stable_snap_to(5),
    ):
        advance()
        seen.append(
            (
                raft_log.next_unstable_snapshot(),
                raft_log.has_next_unstable_snapshot(),
                raft_log.has_next_or_in_progress_snapshot(),
                raft_log.snapshot().index,
                raft_log.first_index(),
            )
        )
    assert seen == [
        (snap, True, True, 5, 6),
        (None, False, True, 5, 6),
        (None, False, False, 0, 1),
    ]
