"""The storage in memory: upstream's `storage_test.go`."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import (
    Compacted,
    RaftError,
    RaftPanic,
    SnapOutOfDate,
    Unavailable,
)
from port.storage import MemoryStorage
from port.types import NO_LIMIT
from tests.port.raft.nodes import entries, snapshot

ONE = entries(1, 1)[0].size()


def stored(first: int, *terms: int) -> MemoryStorage:
    """Returns a storage that was compacted up to `first`, of these terms."""
    s = MemoryStorage()
    s.ents = entries(first, *terms)
    return s


@pytest.mark.parametrize(
    ("index", "term"),
    [(2, Compacted), (3, 3), (4, 4), (5, 5), (6, Unavailable)],
)
def test_storage_term(index: int, term: int | type[RaftError]) -> None:
    """Terms are known from the last compacted entry on."""
    s = stored(3, 3, 4, 5)
    if isinstance(term, int):
        assert s.term(index) == term
    else:
        with pytest.raises(term):
            s.term(index)


@pytest.mark.parametrize(
    ("lo", "hi", "max_size", "expected"),
    [
        (4, 5, NO_LIMIT, entries(4, 4)),
        (4, 6, NO_LIMIT, entries(4, 4, 5)),
        (4, 7, NO_LIMIT, entries(4, 4, 5, 6)),
        (4, 7, 0, entries(4, 4)),  # one at least
        (4, 7, 2 * ONE, entries(4, 4, 5)),
        (4, 7, 2 * ONE + ONE // 2, entries(4, 4, 5)),
        (4, 7, 3 * ONE - 1, entries(4, 4, 5)),
        (4, 7, 3 * ONE, entries(4, 4, 5, 6)),
    ],
)
def test_storage_entries(
    lo: int, hi: int, max_size: int, expected: list[pb.Entry]
) -> None:
    """A range of entries comes out, as many as fit."""
    assert stored(3, 3, 4, 5, 6).entries(lo, hi, max_size) == expected


@pytest.mark.parametrize(
    ("lo", "hi", "error"),
    [(2, 6, Compacted), (3, 4, Compacted), (4, 8, RaftPanic)],
)
def test_storage_entries_that_are_not_there(
    lo: int, hi: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stored(3, 3, 4, 5, 6).entries(lo, hi, NO_LIMIT)


def test_storage_entries_of_an_empty_log() -> None:
    with pytest.raises(Unavailable):
        stored(3, 3).entries(4, 4, NO_LIMIT)


def test_storage_last_index() -> None:
    """The last index grows with what is appended."""
    s = stored(3, 3, 4, 5)
    assert s.last_index() == 5
    s.append(entries(6, 5))
    assert s.last_index() == 6


def test_storage_first_index() -> None:
    """The first index is the one after what was compacted."""
    s = stored(3, 3, 4, 5)
    assert s.first_index() == 4
    s.compact(4)
    assert s.first_index() == 5


@pytest.mark.parametrize(
    ("index", "error", "left"),
    [
        (2, Compacted, entries(3, 3, 4, 5)),
        (3, Compacted, entries(3, 3, 4, 5)),
        (4, None, entries(4, 4, 5)),
        (5, None, entries(5, 5)),
        (6, RaftPanic, entries(3, 3, 4, 5)),
    ],
)
def test_storage_compact(
    index: int, error: type[Exception] | None, left: list[pb.Entry]
) -> None:
    """Compacting drops entries; of the last one dropped the id stays."""
    s = stored(3, 3, 4, 5)
    if error is None:
        s.compact(index)
    else:
        with pytest.raises(error):
            s.compact(index)
    assert s.ents == left


@pytest.mark.parametrize("index", [4, 5])
def test_storage_create_snapshot(index: int) -> None:
    """A snapshot has the term of its index, and the configuration given."""
    s = stored(3, 3, 4, 5)
    members = pb.ConfState(voters=[1, 2, 3])
    snap = s.create_snapshot(index, members, b"data")
    assert (snap.index, snap.term, snap.data) == (index, index, b"data")
    assert snap.metadata.conf_state == members
    assert s.snapshot() == snap


def test_storage_create_snapshot_of_the_same_configuration() -> None:
    s = stored(3, 3, 4, 5)
    members = pb.ConfState(voters=[1, 2, 3])
    s.create_snapshot(4, members, b"one")
    snap = s.create_snapshot(5, None, b"two")
    assert snap.metadata.conf_state.voters == [1, 2, 3]


@pytest.mark.parametrize(
    ("index", "error"),
    [(3, SnapOutOfDate), (4, SnapOutOfDate), (6, RaftPanic)],
)
def test_storage_create_snapshot_that_cannot_be(
    index: int, error: type[Exception]
) -> None:
    s = stored(3, 3, 4, 5)
    before = s.create_snapshot(4, None, b"data")
    with pytest.raises(error):
        s.create_snapshot(index, None, b"other")
    assert s.snapshot() == before


@pytest.mark.parametrize(
    ("fresh", "whole"),
    [
        # Compacted long ago.
        (entries(1, 1, 2), entries(3, 3, 4, 5)),
        (entries(2, 3, 3), entries(3, 3, 4, 5)),
        (entries(3, 9, 4), entries(3, 3, 4)),  # what stands in for it stays
        # What is here already,
        (entries(3, 3, 4, 5), entries(3, 3, 4, 5)),
        # in part other than here,
        (entries(3, 3, 6, 6), entries(3, 3, 6, 6)),
        # and with more of it.
        (entries(3, 3, 4, 5, 5), entries(3, 3, 4, 5, 5)),
        # In part compacted, in part other.
        (entries(2, 3, 3, 5), entries(3, 3, 5)),
        (entries(4, 5), entries(3, 3, 5)),
        (entries(6, 5), entries(3, 3, 4, 5, 5)),
        ([], entries(3, 3, 4, 5)),
    ],
)
def test_storage_append(
    fresh: list[pb.Entry], whole: list[pb.Entry]
) -> None:
    """Entries go where they belong; those after them are gone."""
    s = stored(3, 3, 4, 5)
    s.append(fresh)
    assert s.ents == whole


def test_storage_append_leaves_no_gap() -> None:
    with pytest.raises(RaftPanic, match="missing log entry"):
        stored(3, 3, 4, 5).append(entries(7, 5))


@pytest.mark.parametrize(
    ("snaps", "error"),
    [
        ([snapshot(4, 4, [1, 2, 3])], None),
        ([snapshot(4, 4, [1]), snapshot(3, 3, [1])], SnapOutOfDate),
        ([snapshot(4, 4, [1]), snapshot(4, 4, [1])], SnapOutOfDate),
        ([snapshot(0, 0, [1, 2, 3])], None),  # this is how to bootstrap
        ([snapshot(0, 0, [1]), snapshot(0, 0, [2])], None),
    ],
    ids=["first", "older", "as old", "bootstrap", "bootstrap twice"],
)
def test_storage_apply_snapshot(
    snaps: list[pb.Snapshot], error: type[RaftError] | None
) -> None:
    """A snapshot replaces everything, unless there is one as new."""
    s = stored(0, 0, 1, 2)
    *before, last = snaps
    for snap in before:
        s.apply_snapshot(snap)
    if error is None:
        s.apply_snapshot(last)
        kept = last
    else:
        with pytest.raises(error):
            s.apply_snapshot(last)
        kept = before[-1]
    assert s.snapshot().metadata.conf_state.voters == (
        kept.metadata.conf_state.voters
    )
    assert (s.snapshot().index, s.last_index()) == (kept.index, kept.index)
    assert s.term(kept.index) == kept.term


def test_initial_state_is_what_was_stored() -> None:
    s = stored(3, 3)
    assert s.initial_state()[0] is None
    hard_state = pb.HardState(term=3, vote=2, commit=3)
    s.set_hard_state(hard_state)
    s.apply_snapshot(snapshot(4, 3, [1, 2], [3]))
    stored_state, members = s.initial_state()
    assert stored_state == hard_state
    assert (members.voters, members.learners) == ([1, 2], [3])


def test_reads_are_counted() -> None:
    s = stored(3, 3, 4)
    s.initial_state()
    s.entries(4, 5, NO_LIMIT)
    s.term(4)
    s.last_index()
    s.first_index()
    s.snapshot()
    counts = s.call_stats
    names = type(counts).__slots__
    assert {name: getattr(counts, name) for name in names} == dict.fromkeys(
        names, 1
    )
