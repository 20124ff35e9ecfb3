"""What raft finds after a restart: the log and a snapshot, put together."""

from __future__ import annotations

import random

import pytest

from kv.commands import get, put
from kv.parts import Parts
from kv.seams import Damaged, DataError, Recovered, Stored
from kv.sim.disk import Crashed, SimDisk, crash_at
from kv.storage import Found, load_storage, recover, trim
from port import raftpb as pb
from port.raft import Config, Raft
from port.storage import MemoryStorage
from port.types import NO_LIMIT
from tests.kv.durable import US, entry, hard, meta, run, run_of

PARTS = Parts()


def found(disk: SimDisk) -> Found:
    return run(recover(PARTS, disk, "data", US))


def state(value: bytes) -> list[bytes]:
    machine = PARTS.machine()
    machine.apply(1, put(b"k", value))
    return list(machine.dump())


async def take_snapshot(node: Found, index: int) -> None:
    await node.snapshots.save(meta(index, 1), state(b"%d" % index))
    await node.log.mark(meta(index, 1))


def raft_starts(node: Found) -> Raft:
    """Raft itself checks that what it is given fits together."""
    return Raft(Config(
        id=1, election_tick=10, heartbeat_tick=1, storage=node.storage,
        max_size_per_msg=NO_LIMIT, max_inflight_msgs=256,
        applied=node.applied,
    ))  # fmt: skip


def test_a_new_node() -> None:
    node = found(SimDisk())
    assert node.fresh
    assert node.applied == 0
    assert node.storage.initial_state()[0] is None
    assert node.storage.last_index() == 0


def filled(*snapshots: int) -> SimDisk:
    disk = SimDisk(reserves=False)
    node = found(disk)
    run(node.log.save(pb.HardState(1, 2, 25), run_of(1, 25), True))
    for index in snapshots:
        run(take_snapshot(node, index))
    run(node.log.save(pb.HardState(1, 2, 28), run_of(26, 30), True))
    run(node.log.close())
    return disk


def test_a_log_without_a_snapshot() -> None:
    node = found(filled())
    assert not node.fresh
    assert node.applied == 0
    assert node.storage.first_index() == 1
    assert node.storage.last_index() == 30
    assert hard(node.storage.initial_state()[0]) == (1, 2, 28)
    raft_starts(node)


def test_a_log_and_a_snapshot() -> None:
    node = found(filled(10, 20))
    assert node.applied == 20
    assert node.machine.apply(20, get(b"k")).value == b"20"
    conf = node.storage.initial_state()[1]
    assert conf.voters == [1, 2, 3]
    assert node.storage.snapshot().index == 20
    assert node.storage.snapshot().term == 1
    # Followers that are somewhat behind need no snapshot.
    assert node.storage.first_index() <= 11
    assert node.storage.entries(11, 31, NO_LIMIT) == run_of(11, 30)
    raft = raft_starts(node)
    assert raft.raft_log.applied == 20
    assert raft.raft_log.committed == 28


def test_a_damaged_snapshot_gives_way_to_the_one_before() -> None:
    disk = filled(10, 20)
    disk.flip("data/snap/00000000000000000020.snap", 300)
    node = found(disk)
    assert node.applied == 10
    assert node.machine.apply(10, get(b"k")).value == b"10"
    assert node.storage.entries(11, 31, NO_LIMIT) == run_of(11, 30)
    raft_starts(node)


def test_a_snapshot_that_was_never_marked_does_not_count() -> None:
    """A crash came between the file and the mark."""
    disk = filled(10)
    snapshots = PARTS.snapshots(disk, "data/snap")
    run(snapshots.save(meta(50, 7), state(b"50")))
    node = found(disk)
    assert node.applied == 10
    assert node.storage.last_index() == 30
    raft_starts(node)


def leaders_snapshot(disk: SimDisk) -> None:
    node = found(disk)
    run(node.snapshots.save(meta(50, 3), state(b"50")))
    run(node.log.mark(meta(50, 3)))
    # A crash came before the hard state that follows.


def test_a_leaders_snapshot() -> None:
    disk = filled(10)
    leaders_snapshot(disk)
    node = found(disk)
    assert node.applied == 50
    assert node.storage.first_index() == 51
    assert node.storage.last_index() == 50
    # Committed is what a snapshot covers; in its term no vote was cast.
    assert hard(node.storage.initial_state()[0]) == (3, 0, 50)
    raft_starts(node)


def test_a_leaders_snapshot_that_is_damaged_cannot_be_done_without() -> None:
    """The one before is there; what lies between is not."""
    disk = filled(10)
    leaders_snapshot(disk)
    disk.flip("data/snap/00000000000000000050.snap", 300)
    with pytest.raises(Damaged, match="what lies between is lost"):
        found(disk)


def test_without_its_snapshots_a_log_may_not_be_enough() -> None:
    disk = filled(10, 20)
    for name in list(disk.files()):
        if name.endswith(".snap"):
            disk.put(name, b"")
    # All is still in the log: it has only been marked twice.
    node = found(disk)
    assert node.applied == 0
    for index in (24, 28, 30):
        run(take_snapshot(node, index))
    run(node.log.close())
    for name in list(disk.files()):
        if name.endswith(".snap"):
            disk.put(name, b"")
    with pytest.raises(Damaged, match="Remove this node"):
        found(disk)


def test_a_node_that_has_lost_its_log_does_not_start() -> None:
    """It would vote again, and accept what it has refused."""
    disk = filled(10)
    for name in disk.files():
        if "/wal/" in name:
            run(disk.remove(name))
    with pytest.raises(DataError, match="its log is empty"):
        found(disk)


def test_a_snapshot_of_another_term_than_the_log() -> None:
    stored = Stored(meta(2, 5), [])
    with pytest.raises(Damaged, match="is of term 5"):
        load_storage(
            Recovered(None, run_of(1, 3), meta(2, 5)), stored, "data"
        )


def test_the_tail_is_trimmed() -> None:
    storage = MemoryStorage()
    storage.append(run_of(1, 30))
    trim(storage, 20, tail=25)
    assert storage.first_index() == 1
    trim(storage, 20, tail=5)
    assert storage.first_index() == 16
    trim(storage, 20, tail=5)
    assert storage.first_index() == 16


@pytest.mark.parametrize("fate", range(3))
def test_a_crash_anywhere_on_the_way_of_a_snapshot(fate: int) -> None:
    """From its file to its mark to the removal of what is old."""
    number = 0
    while True:
        disk = filled(10)
        node = found(disk)
        disk.hook = crash_at(disk.operations + number)
        try:
            run(take_snapshot(node, 20))
            break
        except Crashed:
            pass
        disk = disk.restart(random.Random(fate * 100 + number) or None)
        node = found(disk)
        assert node.applied in (10, 20)
        value = b"%d" % node.applied
        assert node.machine.apply(30, get(b"k")).value == value
        assert node.storage.last_index() == 30
        raft_starts(node)
        run(node.log.save(None, [entry(31, 1)], True))
        number += 1
    assert number > 10
