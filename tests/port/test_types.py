"""Ids of entries, and runs of them: upstream's `types_test.go`."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftError
from port.types import EntryID, LogSlice, pb_entry_id


def test_entry_id_is_compared_by_value() -> None:
    assert EntryID(term=5, index=10) == EntryID(term=5, index=10)
    assert EntryID(term=4, index=10) != EntryID(term=5, index=10)
    assert EntryID(term=5, index=9) != EntryID(term=5, index=10)


@pytest.mark.parametrize(
    ("entry", "id"),
    [
        (pb.Entry(), EntryID(0, 0)),
        (pb.Entry(term=1, index=2, data=b"data"), EntryID(1, 2)),
        (pb.Entry(term=10, index=123), EntryID(10, 123)),
    ],
)
def test_entry_id(entry: pb.Entry, id: EntryID) -> None:
    """An entry's id is its term and index, absent ones counting as 0."""
    assert pb_entry_id(entry) == id


def log_slice(
    term: int, prev: tuple[int, int], *ents: tuple[int, int]
) -> LogSlice:
    """Returns a slice; ids are given as index and term, in this order."""
    index, prev_term = prev
    return LogSlice(
        term,
        EntryID(prev_term, index),
        [pb.Entry(term=t, index=i) for i, t in ents],
    )


@pytest.mark.parametrize(
    ("run", "last"),
    [
        # Of nothing: it ends where it begins.
        (log_slice(0, (0, 0)), (0, 0)),
        (log_slice(10, (123, 10)), (123, 10)),
        (log_slice(11, (123, 10)), (123, 10)),
        # Of one entry or several, up to the leader's own term.
        (log_slice(1, (0, 0), (1, 1)), (1, 1)),
        (log_slice(2, (0, 0), (1, 1)), (1, 1)),
        (log_slice(2, (1, 1), (2, 1), (3, 1), (4, 2)), (4, 2)),
        (log_slice(10, (123, 5), (124, 6)), (124, 6)),
        (log_slice(10, (12, 2), (13, 2), (14, 3)), (14, 3)),
    ],
)
def test_log_slice(run: LogSlice, last: tuple[int, int]) -> None:
    """A run of entries ends in its last entry, or where it fits on."""
    run.valid()
    index, term = last
    assert run.last_entry_id() == EntryID(term, index)
    assert run.last_index() == index


@pytest.mark.parametrize(
    "run",
    [
        # From a later term than the leader's
        log_slice(0, (123, 10)),
        log_slice(9, (123, 10)),
        log_slice(0, (0, 0), (1, 1)),
        log_slice(1, (1, 1), (2, 1), (3, 1), (4, 2)),
        # or not fitting on to what precedes it
        log_slice(2, (0, 0), (2, 1), (3, 1), (4, 2)),
        log_slice(10, (123, 5), (111, 5)),
        log_slice(10, (123, 5), (124, 4)),
        log_slice(10, (123, 5), (234, 6)),
        # or contradicting itself.
        log_slice(10, (12, 2), (13, 2), (12, 2)),
        log_slice(10, (12, 2), (13, 2), (15, 2)),
        log_slice(10, (12, 2), (13, 2), (14, 1)),
    ],
)
def test_log_slice_that_cannot_be(run: LogSlice) -> None:
    """No leader's log can hold such a run."""
    with pytest.raises(RaftError):
        run.valid()
