"""1.3: your log, as `Log` and `OpenLog` in kv/seams.py want it.

One file is enough for now. It is reached through `disk` alone (see `Disk` and
`File` in kv/world.py), so the checks, and later the simulator, can let the
power go at any operation.
"""

import asyncio
from collections.abc import Sequence

from kv.seams import Identity, Recovered
from kv.world import Disk, File
from port import raftpb as pb


class Wal:
    """A log that is open, ready for `save`."""

    def __init__(self, disk: Disk, folder: str, file: File) -> None:
        self._disk = disk
        self._folder = folder
        self._file = file
        # Marks come from elsewhere than saves: they have to take turns.
        self._turn = asyncio.Lock()

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and the hard state: after a crash both or neither.

        The first entry may have an index that is stored already: then these
        replace it and all that follow it there. If `sync` is false (there
        are no entries then) it may be lost, but nothing saved before it.

        Raises:
            OSError: the disk failed, now or before.
        """
        raise NotImplementedError("Wal.save, one record for all of it.")

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        """Notes, durably, that a snapshot is stored; an older one is not.

        If the snapshot's last entry (same index, same term) is not here, it
        came from a leader: then all entries go, and the next to be saved
        follows the snapshot.
        """
        raise NotImplementedError("Wal.mark, which is a record, too.")

    async def close(self) -> None:
        """Stores what is not yet stored, and lets go of the file."""
        await self._file.close()


async def open_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Wal, Recovered]:
    """Opens the log in a folder, or begins one.

    If a crash has stopped the last save in the middle, what there is of it is
    cut off, and `Recovered.notes` says so. All else that is not as it was
    written is damage.

    Raises:
        Damaged: what is stored is not what was written.
        NotOurs: it was written for another identity.
        OSError: the disk failed.
    """
    raise NotImplementedError("open_log, which begins an empty log.")
