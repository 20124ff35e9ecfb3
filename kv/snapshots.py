"""Snapshots on disk: each a file that is whole, or not there at all.

A snapshot is written under a name that nobody looks for, synced, and only
then renamed to `00000000000000010000.snap`, its index; the folder is synced
last. So whatever a crash leaves behind, a file of that name was complete.

It holds, in this order: eight bytes that say what it is, pieces, each behind
its length in four bytes (the metadata, in msgpack; then the machine's state),
a piece of length zero, and the CRC-32C of all before. A disk may still turn a
bit years later. So `newest` reads and checks the whole file before anyone
believes a word of it, and goes back to the one before if it is damaged. That
one is of use since the log keeps all that came after it; see `Log.mark`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from crc32c import crc32c

from kv.packing import pack, unpack
from kv.seams import Stored
from kv.world import Disk
from port import raftpb as pb

KEPT: Final = 2  # undamaged ones; one to start from, one to fall back on
_MAGIC: Final = b"kvsnap\x00\x01"  # the last byte is the format
_SUFFIX: Final = ".snap"
_TEMPORARY: Final = "next.tmp"
_BATCH: Final = 1 << 18  # bytes that go to the disk together

_log = logging.getLogger("kv.snapshots")


class SnapshotFolder:
    """Our `Snapshots`."""

    def __init__(self, disk: Disk, folder: str) -> None:
        """Takes charge of a folder, which need not be there yet."""
        self._disk = disk
        self._folder = folder
        self._turn = asyncio.Lock()

    async def save(
        self, metadata: pb.SnapshotMetadata, chunks: Iterable[bytes]
    ) -> None:
        """Stores a snapshot; see `Snapshots.save`."""
        async with self._turn:
            disk, folder = self._disk, self._folder
            await disk.make_folder(folder)
            temporary = f"{folder}/{_TEMPORARY}"
            index = metadata.index or 0
            await self._write(temporary, metadata, chunks)
            await disk.rename(temporary, self._path(index))
            await disk.sync_folder(folder)
            # Those behind this one were never finished, or this one comes
            # late; either way they are not ours to judge.
            older = [i for i in await self._indexes() if i <= index]
            for i in older[KEPT:]:
                await disk.remove(self._path(i))

    async def _write(
        self,
        path: str,
        metadata: pb.SnapshotMetadata,
        chunks: Iterable[bytes],
    ) -> None:
        file = await self._disk.create(path)
        try:
            batch = [_MAGIC, *_piece(_pack_metadata(metadata))]
            size = crc = 0
            for chunk in chunks:
                if not chunk:
                    continue  # It would read as the end.
                batch += _piece(chunk)
                size += len(chunk)
                if size >= _BATCH:
                    data = b"".join(batch)
                    crc = crc32c(data, crc)
                    await file.append(data)
                    batch, size = [], 0
                else:
                    await asyncio.sleep(0)  # A chunk may have taken a while.
            data = b"".join((*batch, bytes(4)))
            crc = crc32c(data, crc)
            await file.append(data + crc.to_bytes(4, "big"), sync=True)
        finally:
            await file.close()

    def _path(self, index: int) -> str:
        return f"{self._folder}/{index:020}{_SUFFIX}"

    async def _indexes(self) -> list[int]:
        """Returns the indexes of the snapshots that there are, newest first."""
        try:
            names = await self._disk.names(self._folder)
        except FileNotFoundError:
            return []
        stems = [
            n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX)
        ]
        return sorted((int(s) for s in stems if s.isdigit()), reverse=True)

    async def newest(self, limit: int) -> Stored | None:
        """Returns the newest undamaged one; see `Snapshots.newest`."""
        async with self._turn:
            for index in await self._indexes():
                if index > limit:
                    continue
                path = self._path(index)
                data = await self._disk.read(path)
                try:
                    return _parse(data)
                except ValueError as error:
                    _log.warning(
                        "%s is damaged (%s); going back to the one before",
                        path, error,
                    )  # fmt: skip
            return None


def _piece(data: bytes) -> tuple[bytes, bytes]:
    return len(data).to_bytes(4, "big"), data


def _parse(data: bytes) -> Stored:
    """Returns what a snapshot file holds; `ValueError` if it is damaged."""
    end = len(data) - 4
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it does not begin as a snapshot does")
    if crc32c(memoryview(data)[:end]) != int.from_bytes(data[end:], "big"):
        raise ValueError("its CRC is wrong")
    pieces = []
    at = len(_MAGIC)
    while at + 4 <= end:
        start = at + 4
        at = start + int.from_bytes(data[at:start], "big")
        pieces.append(data[start:at])
    if at != end or not pieces or pieces.pop():
        raise ValueError("it has no end")
    return Stored(_unpack_metadata(pieces[0]), pieces[1:])


def _pack_metadata(metadata: pb.SnapshotMetadata) -> bytes:
    state = metadata.conf_state or pb.ConfState()
    return pack({
        "index": metadata.index or 0, "term": metadata.term or 0,
        "voters": state.voters, "learners": state.learners,
        "outgoing": state.voters_outgoing, "next": state.learners_next,
        "auto_leave": state.auto_leave,
    })  # fmt: skip


def _unpack_metadata(data: bytes) -> pb.SnapshotMetadata:
    found = unpack(data)
    if not isinstance(found, dict):
        raise ValueError("its metadata is no map")
    state = pb.ConfState(
        found["voters"], found["learners"], found["outgoing"], found["next"],
        found["auto_leave"],
    )  # fmt: skip
    return pb.SnapshotMetadata(state, found["index"], found["term"])
