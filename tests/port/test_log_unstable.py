"""The end of the log on its way to storage: `log_unstable_test.go`."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftPanic
from port.log_unstable import Unstable
from port.logger import discard_logger
from port.types import EntryID
from tests.port.raft.nodes import entries, snapshot

SNAP = snapshot(4, 1, [])
with_and_without_snapshot = pytest.mark.parametrize(
    "snap", [None, SNAP], ids=["no snapshot", "snapshot"]
)


def unstable(
    offset: int,
    *terms: int,
    snap: pb.Snapshot | None = None,
    in_progress: int | None = None,
    snap_in_progress: bool = False,
) -> Unstable:
    """Returns entries of these terms from `offset` on.

    Args:
        offset: The index of the first.
        terms: Their terms.
        snap: The snapshot before them.
        in_progress: The first index not handed out; none was by default.
        snap_in_progress: Whether the snapshot was.
    """
    u = Unstable(offset, discard_logger)
    u.entries = entries(offset, *terms)
    u.snapshot = snap
    u.offset_in_progress = offset if in_progress is None else in_progress
    u.snapshot_in_progress = snap_in_progress
    return u


@pytest.mark.parametrize(
    ("u", "first"),
    [
        (unstable(5, 1), None),
        (unstable(0), None),
        (unstable(5, 1, snap=SNAP), 5),
        (unstable(5, snap=SNAP), 5),
    ],
)
def test_unstable_maybe_first_index(u: Unstable, first: int | None) -> None:
    """Only a snapshot can tell where the log begins."""
    assert u.maybe_first_index() == first


@pytest.mark.parametrize(
    ("u", "last"),
    [
        (unstable(5, 1), 5),
        (unstable(5, 1, snap=SNAP), 5),
        (unstable(5, snap=SNAP), 4),
        (unstable(0), None),
    ],
)
def test_maybe_last_index(u: Unstable, last: int | None) -> None:
    """The last entry tells where the log ends, or else the snapshot."""
    assert u.maybe_last_index() == last


@pytest.mark.parametrize(
    ("u", "index", "term"),
    [
        (unstable(5, 1), 4, None),
        (unstable(5, 1), 5, 1),
        (unstable(5, 1), 6, None),
        (unstable(5, 1, snap=SNAP), 3, None),
        (unstable(5, 1, snap=SNAP), 4, 1),
        (unstable(5, 1, snap=SNAP), 5, 1),
        (unstable(5, 1, snap=SNAP), 6, None),
        (unstable(5, snap=SNAP), 4, 1),
        (unstable(5, snap=SNAP), 5, None),
        (unstable(0), 5, None),
    ],
)
def test_unstable_maybe_term(
    u: Unstable, index: int, term: int | None
) -> None:
    """Terms are known of the entries here, and of the snapshot's index."""
    assert u.maybe_term(index) == term


def test_unstable_restore() -> None:
    """A snapshot voids all that was here, and has itself to be written."""
    u = unstable(5, 1, snap=SNAP, in_progress=6, snap_in_progress=True)
    newer = snapshot(6, 2, [])
    u.restore(newer)
    assert (u.offset, u.offset_in_progress, u.entries) == (7, 7, [])
    assert (u.snapshot, u.snapshot_in_progress) == (newer, False)


@pytest.mark.parametrize(
    ("in_progress", "expected"),
    [(5, entries(5, 1, 1)), (6, entries(6, 1)), (7, [])],
)
def test_unstable_next_entries(
    in_progress: int, expected: list[pb.Entry]
) -> None:
    """What has not been handed out comes next."""
    u = unstable(5, 1, 1, in_progress=in_progress)
    assert u.next_entries() == expected


@pytest.mark.parametrize(
    ("snap", "in_progress", "expected"),
    [(None, False, None), (SNAP, False, SNAP), (SNAP, True, None)],
)
def test_unstable_next_snapshot(
    snap: pb.Snapshot | None, in_progress: bool, expected: pb.Snapshot | None
) -> None:
    """So does the snapshot, unless it has been."""
    u = unstable(5, snap=snap, snap_in_progress=in_progress)
    assert u.next_snapshot() == expected


@pytest.mark.parametrize(
    ("snap", "snap_in_progress"), [(None, False), (SNAP, False), (SNAP, True)]
)
@pytest.mark.parametrize(
    ("terms", "before", "after"),
    [
        ((), 5, 5),
        ((1,), 5, 6),
        ((1, 1), 5, 7),
        ((1, 1), 6, 7),
        ((1, 1), 7, 7),
    ],
)
def test_unstable_accept_in_progress(
    terms: tuple[int, ...],
    before: int,
    after: int,
    snap: pb.Snapshot | None,
    snap_in_progress: bool,
) -> None:
    """Once accepted all that is here is in progress, the snapshot too."""
    u = unstable(
        5, *terms, snap=snap, in_progress=before,
        snap_in_progress=snap_in_progress,
    )  # fmt: skip
    u.accept_in_progress()
    assert u.offset_in_progress == after
    assert u.snapshot_in_progress is (snap is not None)


@with_and_without_snapshot
@pytest.mark.parametrize(
    ("u", "stable", "expected"),
    [
        # Which terms from which offset; what is stored up to where, and what
        # is then left: from which offset, in progress up to where, how many.
        (((1,), 5, 6), (1, 5), (6, 6, 0)),
        (((1, 1), 5, 6), (1, 5), (6, 6, 1)),
        (((1, 1), 5, 7), (1, 5), (6, 7, 1)),
        (((2,), 6, 7), (1, 6), (6, 7, 1)),  # of another term
        (((1,), 5, 6), (1, 4), (5, 6, 1)),  # it is not here any more
        (((1,), 5, 6), (2, 4), (5, 6, 1)),
        (((), 5, 5), (1, 5), (5, 5, 0)),  # nothing is
    ],
)
def test_unstable_stable_to(
    u: tuple[tuple[int, ...], int, int],
    stable: tuple[int, int],
    expected: tuple[int, int, int],
    snap: pb.Snapshot | None,
) -> None:
    """What storage holds leaves, if it is what this holds."""
    terms, offset, in_progress = u
    left = unstable(offset, *terms, snap=snap, in_progress=in_progress)
    left.stable_to(EntryID(*stable))
    assert (
        left.offset, left.offset_in_progress, len(left.entries)
    ) == expected  # fmt: skip
    assert left.snapshot == snap


@pytest.mark.parametrize(
    ("index", "left"), [(3, SNAP), (4, None), (5, SNAP)]
)
def test_stable_snap_to(index: int, left: pb.Snapshot | None) -> None:
    """A snapshot leaves when that very one is stored."""
    u = unstable(5, snap=SNAP, snap_in_progress=True)
    u.stable_snap_to(index)
    assert (u.snapshot, u.snapshot_in_progress) == (left, left is not None)


@pytest.mark.parametrize(
    ("terms", "in_progress", "fresh", "offset", "then_in_progress", "whole"),
    [
        # At the end
        ((1,), 5, entries(6, 1, 1), 5, 5, (1, 1, 1)),
        ((1,), 6, entries(6, 1, 1), 5, 6, (1, 1, 1)),
        # or over all that is here,
        ((1,), 5, entries(5, 2, 2), 5, 5, (2, 2)),
        ((1,), 5, entries(4, 2, 2, 2), 4, 4, (2, 2, 2)),
        ((1,), 6, entries(5, 2, 2), 5, 5, (2, 2)),
        # or over some of it. What is replaced is in progress no longer.
        ((1, 1, 1), 5, entries(6, 2), 5, 5, (1, 2)),
        ((1, 1, 1), 5, entries(7, 2, 2), 5, 5, (1, 1, 2, 2)),
        ((1, 1, 1), 6, entries(6, 2), 5, 6, (1, 2)),
        ((1, 1, 1), 7, entries(6, 2), 5, 6, (1, 2)),
    ],
)
def test_unstable_truncate_and_append(
    terms: tuple[int, ...],
    in_progress: int,
    fresh: list[pb.Entry],
    offset: int,
    then_in_progress: int,
    whole: tuple[int, ...],
) -> None:
    """New entries go where they belong, over what stands there."""
    u = unstable(5, *terms, in_progress=in_progress)
    u.truncate_and_append(fresh)
    assert (u.offset, u.offset_in_progress) == (offset, then_in_progress)
    assert u.entries == entries(offset, *whole)


def test_what_was_handed_out_stays_as_it_was() -> None:
    """An application keeps what it was given, however the log goes on."""
    u = unstable(5, 1, 1)
    handed_out = u.next_entries()
    u.truncate_and_append(entries(7, 1))
    u.truncate_and_append(entries(6, 2))
    u.stable_to(EntryID(1, 5))
    assert handed_out == entries(5, 1, 1)


@pytest.mark.parametrize(
    ("lo", "hi", "expected"),
    [
        (5, 5, []),
        (7, 7, []),
        (5, 6, entries(5, 1)),
        (6, 7, entries(6, 2)),
        (5, 7, entries(5, 1, 2)),
    ],
)
def test_a_slice_is_of_what_is_here(
    lo: int, hi: int, expected: list[pb.Entry]
) -> None:
    assert unstable(5, 1, 2).slice(lo, hi) == expected


def test_nothing_is_on_its_way_at_first() -> None:
    u = Unstable(5, discard_logger)
    assert (u.entries, u.snapshot, u.snapshot_in_progress) == ([], None, False)
    assert (u.offset, u.offset_in_progress) == (5, 5)


@pytest.mark.parametrize(("lo", "hi"), [(6, 5), (4, 6), (5, 8)])
def test_a_slice_of_what_is_not_here_is_a_mistake(lo: int, hi: int) -> None:
    with pytest.raises(RaftPanic):
        unstable(5, 1, 1).slice(lo, hi)
