"""When the state is written down, and what of the log may go then.

A snapshot of this node's own state is written by a task of its own, from a
dump of the state as it was when the task began; the loop goes on meanwhile.
One that came from the leader is stored by the loop itself, which needs it.
Either way it is the file first, then the mark in the log, and only then that
raft finds it: so a crash in between leaves a file that nobody looks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kv.replica.tasks import Tasks
from kv.seams import StateMachine
from kv.storage import Found, trim
from port import raftpb as pb
from port.errors import SnapOutOfDate
from port.node import _Node

_PIECE = 1 << 18  # bytes of a received state that are written at once


class Snapshotter:
    """The snapshots of a node.

    Attributes:
        index: Of the last one.
        wanted: Whether one is wanted before its time.
    """

    def __init__(self, found: Found, tail: int, tasks: Tasks) -> None:
        """Goes on from what was found on disk.

        Args:
            found: The log, the snapshots, what raft reads.
            tail: How many entries behind a snapshot stay in memory.
            tasks: Where snapshots are written.
        """
        self.index = found.storage.snapshot().index
        self.wanted = False
        self._snapshots = found.snapshots
        self._log = found.log
        self._storage = found.storage
        self._tail = tail
        self._tasks = tasks
        self._node: _Node
        self._task: asyncio.Task[None] | None = None

    def start(self, node: _Node) -> None:
        """Takes whose log is cut."""
        self._node = node

    async def store(self, snapshot: pb.Snapshot) -> None:
        """Stores a snapshot that came from the leader, durably."""
        if self._task is not None:
            await self._task
        metadata = snapshot.metadata or pb.SnapshotMetadata()
        data = snapshot.data or b""
        pieces = (
            data[at : at + _PIECE] for at in range(0, len(data), _PIECE)
        )
        await self._snapshots.save(metadata, pieces)
        await self._log.mark(metadata)
        self._storage.apply_snapshot(pb.Snapshot(None, metadata))
        self.index = metadata.index or 0

    def busy(self) -> bool:
        """Tells whether one is being written."""
        if self._task is not None and self._task.done():
            self._task = None
        return self._task is not None

    def begin(
        self, metadata: pb.SnapshotMetadata, machine: StateMachine
    ) -> None:
        """Begins to write the state down as it is now."""
        self.wanted = False
        dump = machine.dump()
        self._task = self._tasks.start(self._write(metadata, dump))

    async def _write(
        self, metadata: pb.SnapshotMetadata, dump: Iterable[bytes]
    ) -> None:
        index = metadata.index or 0
        await self._snapshots.save(metadata, dump)
        await self._log.mark(metadata)
        try:
            self._storage.create_snapshot(index, metadata.conf_state, None)
        except SnapOutOfDate:
            return
        # Not beyond what raft has heard to be applied: it may yet look for
        # changes of the configuration from there on.
        heard = self._node.rn.raft.raft_log.applied
        trim(self._storage, min(index, heard + self._tail), self._tail)
        self.index = index

    async def stop(self) -> None:
        """Leaves one unfinished that is being written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
