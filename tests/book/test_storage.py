"""What the chapter *Storage* says, asked of the port.

The notes of `book/pages/storage.md` cite these tests, and those of
`tests/port/test_storage.py`.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port import storage as storage_module
from port.errors import Compacted, RaftError, RaftPanic, SnapOutOfDate
from port.storage import MemoryStorage
from port.types import NO_LIMIT, EntryID, LogSlice
from tests.book.breaking import Break, is_seen
from tests.book.test_log import ids, raft_log, stored
from tests.port.raft.nodes import entries, leader, node, snapshot, storage


def everything(s: MemoryStorage) -> list[tuple[int, int]]:
    """Returns term and index of all that is in it."""
    return ids(s.entries(s.first_index(), s.last_index() + 1, NO_LIMIT))


class WithoutTheStandIn(MemoryStorage):
    """Keeps no term for the last entry that it has compacted."""

    def term(self, i: int) -> int:
        if i == self.first_index() - 1:
            raise Compacted
        return super().term(i)


def test_what_precedes_the_first_entry_must_be_known() -> None:
    """Without its term nothing can be appended to a compacted log."""
    s = WithoutTheStandIn()
    s.append(entries(1, 1, 1))
    s.compact(2)
    sent = LogSlice(1, EntryID(1, 2), entries(3, 1))
    assert raft_log(s).maybe_append(sent, 0) is None
    assert raft_log(stored(compacted=2)).maybe_append(sent, 0) == 3


def test_whoever_writes_at_an_index_drops_what_is_behind() -> None:
    s = stored(1, 1, 1, 1)
    s.append(entries(2, 2))
    assert everything(s) == [(1, 1), (2, 2)]


def test_leftovers_on_the_disk_are_a_log_without_order() -> None:
    """A storage that keeps them restarts with a term that goes down."""
    s = stored(1, 1, 1, 1)
    s.ents[2:3] = entries(2, 2)
    r = node(store=s)
    assert [r.raft_log.term(i) for i in range(1, 5)] == [1, 2, 1, 1]
    assert r.raft_log.last_entry_id() == EntryID(1, 4)
    assert r.raft_log.is_up_to_date(EntryID(1, 4))


def test_a_log_that_lost_what_it_acknowledged_panics() -> None:
    s = stored(1, 1)
    r = node(store=s)
    with pytest.raises(RaftPanic, match="corrupted, truncated, or lost"):
        r.step(pb.Message(
            type=pb.MsgHeartbeat, from_=2, to=1, term=1, commit=3
        ))  # fmt: skip


def test_a_commit_index_without_its_entries_does_not_start() -> None:
    """The hard state is on the disk before the entries that it speaks of."""
    with pytest.raises(RaftPanic, match="is out of range"):
        node(store=storage(terms=[1], term=1, commit=2))


def test_a_list_of_entries_is_the_callers() -> None:
    s = stored(1, 1)
    got = s.entries(1, 3, NO_LIMIT)
    got.append(pb.Entry(term=9, index=3))
    assert everything(s) == [(1, 1), (1, 2)]


def test_what_was_read_stays_when_the_storage_changes() -> None:
    s = stored(1, 1, 1)
    got = s.entries(1, 4, NO_LIMIT)
    s.compact(2)
    s.append(entries(3, 2))
    assert ids(got) == [(1, 1), (1, 2), (1, 3)]


def test_a_snapshot_and_a_compaction_are_two_things() -> None:
    s = stored(1, 1, 1, 1)
    s.create_snapshot(3, None, b"state")
    assert s.first_index() == 1
    s.compact(1)
    assert s.first_index() == 2
    assert s.snapshot().index == 3


def test_a_follower_behind_the_first_index_needs_the_snapshot() -> None:
    """One that is not, does not, though there is a newer snapshot."""
    s = storage(terms=[1, 1, 1, 1], term=1, commit=4)
    s.create_snapshot(4, None, b"")
    s.compact(2)
    r = leader(store=s)

    def sent(next: int) -> list[str]:
        pr = r.trk.progress[2]
        pr.become_probe()
        pr.next, pr.recent_active = next, True
        r.msgs = []
        r.send_append(2)
        return [str(m.type) for m in r.msgs]

    assert sent(3) == ["MsgApp"]
    assert sent(2) == ["MsgSnap"]


def test_an_old_snapshot_replaces_nothing() -> None:
    s = MemoryStorage()
    s.apply_snapshot(snapshot(4, 1, [1]))
    with pytest.raises(SnapOutOfDate):
        s.apply_snapshot(snapshot(4, 1, [1]))
    assert s.first_index() == 5


def test_one_may_begin_with_a_configuration_alone() -> None:
    s = MemoryStorage()
    s.apply_snapshot(snapshot(0, 0, [1, 2]))
    s.apply_snapshot(snapshot(0, 0, [1, 2, 3]))
    assert s.initial_state()[1].voters == [1, 2, 3]


def test_the_configuration_in_a_snapshot_is_a_copy() -> None:
    s = stored(1)
    cs = pb.ConfState(voters=[1])
    s.create_snapshot(1, cs, b"")
    cs.voters.append(2)
    assert s.initial_state()[1].voters == [1]


def test_an_append_that_leaves_a_gap_is_a_mistake() -> None:
    with pytest.raises(RaftPanic, match="missing log entry"):
        stored(1).append(entries(3, 1))


# What the reader is asked to break, and the tests that see it.
BROKEN: tuple[Break, ...] = (
    (
        "MemoryStorage.append", "self.ents[at:] = entries",
        "self.ents[at:at + len(entries)] = entries",
        test_whoever_writes_at_an_index_drops_what_is_behind,
    ),
    (
        "MemoryStorage.append", "if at > len(self.ents):", "if False:",
        test_an_append_that_leaves_a_gap_is_a_mistake,
    ),
    (
        "MemoryStorage.create_snapshot",
        "metadata.conf_state = cs.clone()", "metadata.conf_state = cs",
        test_the_configuration_in_a_snapshot_is_a_copy,
    ),
    (
        "MemoryStorage.apply_snapshot", "self._snapshot.index != 0 and", "",
        test_one_may_begin_with_a_configuration_alone,
    ),
    (
        "MemoryStorage.compact",
        "self.ents = [stand_in, *self.ents[at + 1 :]]",
        "self.ents = self.ents[at + 1 :]",
        test_a_snapshot_and_a_compaction_are_two_things,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "broken", BROKEN, ids=[f"{n}-{b[0]}" for n, b in enumerate(BROKEN, 1)]
)
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch, broken: Break
) -> None:
    is_seen(
        monkeypatch, broken, RaftError, RaftPanic, pytest.fail.Exception,
        module=storage_module,
    )  # fmt: skip
