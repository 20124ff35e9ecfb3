"""Where raft reads its log: in memory, as the log on disk has it.

Raft only reads, and often, so everything it may ask for lies in the port's
`MemoryStorage`: the entries since some time before the last snapshot, and the
snapshot's metadata. Its data does not: the state machine holds the same, and
whoever sends a snapshot reads the file. What is written goes to the `Log`
first, and here when it is there.

`recover` puts it together again after a restart. It trusts the log for what
was promised, and a snapshot only if the log has marked it; a snapshot file
alone may come from a save that a crash interrupted before the mark.
"""

from __future__ import annotations

from typing import NamedTuple

from kv.parts import TAIL, Parts
from kv.seams import (
    Damaged,
    DataError,
    Identity,
    Log,
    Recovered,
    Snapshots,
    StateMachine,
    Stored,
)
from kv.world import Disk
from port import raftpb as pb
from port.storage import MemoryStorage

_ANY = 1 << 63  # an index beyond all


class Found(NamedTuple):
    """All that a node has on disk, opened and brought to one state.

    Attributes:
        log: The log, ready for `save`.
        snapshots: The keeper of snapshots.
        storage: For raft's `Config`.
        machine: The state machine as of the snapshot.
        applied: The snapshot's index: what the machine holds; for `Config`.
        fresh: Whether there was nothing: a new node, that has to be told who
            is in the cluster.
        notes: What a person should know, a line each.
    """

    log: Log
    snapshots: Snapshots
    storage: MemoryStorage
    machine: StateMachine
    applied: int
    fresh: bool
    notes: tuple[str, ...]


async def recover(
    parts: Parts, disk: Disk, folder: str, identity: Identity
) -> Found:
    """Opens a node's data folder, or makes one.

    The log goes to `wal` in there, snapshots to `snap`. The folder should be
    locked before.

    Raises:
        DataError: the node must not run on this; the text says what to do.
        OSError: the disk failed.
    """
    snapshots = parts.snapshots(disk, f"{folder}/snap")
    log, recovered = await parts.open_log(disk, f"{folder}/wal", identity)
    try:
        limit = recovered.snapshot.index or 0
        fresh = not (
            limit or recovered.entries or recovered.hard_state is not None
        )
        stored = await snapshots.newest(_ANY if fresh else limit)
        if fresh and stored is not None:
            raise DataError(
                f"{folder} has a snapshot of index {stored.metadata.index},"
                " but its log is empty. A node that has lost its log must"
                " not start: remove it from the cluster, delete the folder"
                " and add it again."
            )
        storage = load_storage(recovered, stored, folder)
        machine = parts.machine()
        applied = 0
        if stored is not None:
            _load(machine, stored, folder)
            applied = stored.metadata.index or 0
    except BaseException:
        await log.close()
        raise
    return Found(
        log, snapshots, storage, machine, applied, fresh, recovered.notes
    )


def _load(machine: StateMachine, stored: Stored, folder: str) -> None:
    try:
        machine.load(stored.chunks)
    except ValueError as error:
        raise DataError(
            f"{folder}/snap: the snapshot of index {stored.metadata.index}"
            f" is as it was written, but cannot be loaded: {error}. Use the"
            " program that wrote it."
        ) from error


def load_storage(
    recovered: Recovered, stored: Stored | None, folder: str
) -> MemoryStorage:
    """Returns what raft will read, from the log and an undamaged snapshot.

    Args:
        recovered: What the log holds.
        stored: The snapshot to start from, marked in the log, if there is one.
        folder: For messages.

    Raises:
        Damaged: the log does not go on from where the snapshot ends.
    """
    metadata = pb.SnapshotMetadata() if stored is None else stored.metadata
    index, term = metadata.index or 0, metadata.term or 0
    entries = recovered.entries
    marked = recovered.snapshot.index or 0
    first = (entries[0].index or 0) if entries else marked + 1
    last = (entries[-1].index or 0) if entries else marked
    if first > index + 1 or (index < marked and last < marked):
        raise Damaged(
            f"{folder}/snap", 0,
            f"the newest undamaged snapshot ends at index {index}, and the"
            f" log begins at {first}: what lies between is lost. Remove this"
            " node from the cluster, delete its data folder and add it"
            " again; or restore the folder from a copy.",
        )  # fmt: skip
    storage = MemoryStorage()
    if stored is not None:
        # What precedes the first entry is only known for the snapshot. So
        # an older first entry is given up to stand for what precedes.
        if first <= index <= last:
            storage.ents = [pb.Entry(entries[0].term, first), *entries[1:]]
            if storage.term(index) != term:
                raise Damaged(
                    f"{folder}/snap", 0,
                    f"the snapshot of index {index} is of term {term}, the"
                    f" log has term {storage.term(index)} there",
                )  # fmt: skip
            storage.create_snapshot(index, metadata.conf_state, None)
        else:
            storage.apply_snapshot(pb.Snapshot(None, metadata))
            if last > index:
                storage.append(entries)
        trim(storage, index)
    else:
        storage.append(entries)
    hard = recovered.hard_state
    if hard is not None or index:
        # A crash may come between a snapshot's mark and the hard state that
        # follows. What a snapshot covers is committed.
        hard = hard or pb.HardState()
        if (hard.term or 0) < term:  # It cannot have voted in that term yet.
            hard = pb.HardState(term, 0, hard.commit)
        commit = max(hard.commit or 0, index)
        storage.set_hard_state(pb.HardState(hard.term, hard.vote, commit))
    return storage


def trim(storage: MemoryStorage, snapshot: int, tail: int = TAIL) -> None:
    """Drops entries that lie far behind a snapshot.

    Args:
        storage: Where to drop them.
        snapshot: The snapshot's index.
        tail: How many entries up to there to keep, for followers that are
            somewhat behind: with these they catch up without a snapshot.
    """
    if snapshot - tail >= storage.first_index():
        storage.compact(snapshot - tail)
