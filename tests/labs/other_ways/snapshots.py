"""3.2 and 3.3: your snapshots, as `Snapshots` in kv/seams.py wants them.

A file of a snapshot is pieces, each behind its length, then an empty piece,
then a CRC of all before. `Pieces` makes them, `parse` reads them back.
"""

import asyncio
from collections.abc import Iterable

from crc32c import crc32c

from kv.packing import pack, unpack
from kv.seams import Stored
from kv.world import Disk
from port import raftpb as pb

SUFFIX = ".snap"
KEPT = 2  # one to start from, one to fall back on


class Pieces:
    """Turns a snapshot into bytes, piece by piece."""

    def __init__(self) -> None:
        self.crc = 0

    def head(self, metadata: pb.SnapshotMetadata) -> bytes:
        """Returns what a file begins with."""
        s = metadata.conf_state or pb.ConfState()
        return self.piece(pack([
            s.voters, s.learners, s.voters_outgoing, s.learners_next,
            s.auto_leave, metadata.index, metadata.term,
        ]))  # fmt: skip

    def piece(self, chunk: bytes) -> bytes:
        """Returns the bytes for one chunk of the state."""
        data = len(chunk).to_bytes(4, "big") + chunk if chunk else b""
        self.crc = crc32c(data, self.crc)
        return data

    def end(self) -> bytes:
        """Returns what a file ends with."""
        self.crc = crc32c(bytes(4), self.crc)
        return bytes(4) + self.crc.to_bytes(4, "big")


def parse(data: bytes) -> Stored:
    """Returns the snapshot that a file holds.

    Raises:
        ValueError: it is damaged, or not all of it is there.
    """
    if crc32c(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise ValueError("its CRC is wrong")
    pieces, at = list[bytes](), 0
    while size := int.from_bytes(data[at : at + 4], "big"):
        pieces.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if not pieces or at + 8 != len(data):
        raise ValueError("it has no end")
    found = unpack(pieces[0])
    if not isinstance(found, list):
        raise ValueError("it has no metadata")
    *state, index, term = found
    metadata = pb.SnapshotMetadata(pb.ConfState(*state), index, term)
    return Stored(metadata, pieces[1:])


class SnapshotFolder:
    """The snapshots of one node, each of them whole or not there at all."""

    def __init__(self, disk: Disk, folder: str) -> None:
        """Takes charge of a folder, which need not be there yet."""
        self._disk = disk
        self._folder = folder
        self._turn = asyncio.Lock()

    def _path(self, index: int) -> str:
        return f"{self._folder}/{index:020}{SUFFIX}"

    async def _indexes(self) -> list[int]:
        """Returns the indexes of the snapshots that there are, newest first.

        Of other files, nothing.
        """
        await self._disk.make_folder(self._folder)
        names = await self._disk.names(self._folder)
        stems = [n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX)]
        return sorted((int(s) for s in stems if s.isdigit()), reverse=True)

    async def save(
        self, metadata: pb.SnapshotMetadata, chunks: Iterable[bytes]
    ) -> None:
        """Stores a snapshot, durably, and drops those no longer needed.

        The newest two are kept, and all that are newer than this one. Chunks
        come one at a time; let others run in between.

        Raises:
            OSError: the disk failed. What was stored before is untouched.
        """
        await self._disk.make_folder(self._folder)
        p = Pieces()
        data = p.head(metadata)
        for c in chunks:
            data += p.piece(c)
            await asyncio.sleep(0)
        data += p.end()
        f = await self._disk.create(self._folder + "/tmp")
        await f.append(data, sync=True)
        await f.close()
        path = self._path(metadata.index)
        await self._disk.rename(self._folder + "/tmp", path)
        await self._disk.sync_folder(self._folder)
        older = [i for i in await self._indexes() if i <= metadata.index]
        for i in older[2:]:
            await self._disk.remove(self._path(i))

    async def newest(self, limit: int) -> Stored | None:
        """Returns the newest snapshot of an index up to `limit`.

        Until 3.3, it believes that what has the name is whole.
        """
        for index in await self._indexes():
            if index <= limit:
                try:
                    return parse(await self._disk.read(self._path(index)))
                except ValueError:
                    pass
        return None
