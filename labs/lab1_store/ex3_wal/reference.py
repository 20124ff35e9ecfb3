"""A log in one file: records, each with its length and checksums.

    length  CRC of the payload  CRC of both, and of the offset  | payload
      4              4                        4

The payload is a msgpack map. Each record is synced before the next begins, so
only the last can be unfinished. So what is no record is the trace of a crash
if nothing follows it, and damage if a record does.
"""

import asyncio
from collections.abc import Sequence
from struct import Struct
from typing import Any

from crc32c import crc32c

from kv.packing import pack, unpack
from kv.seams import Damaged, Identity, NotOurs, Recovered
from kv.world import Disk, File
from port import raftpb as pb

HEAD = Struct(">III")
NAME = "log"


def make_record(what: dict[str, object], at: int) -> bytes:
    """Returns a record that is to stand at an offset."""
    payload = pack(what)
    size, crc = len(payload), crc32c(payload)
    return HEAD.pack(size, crc, crc32c(pack((size, crc, at)))) + payload


def read_record(data: bytes, at: int) -> tuple[Any, int] | None:
    """Returns the record that stands at an offset and where it ends."""
    start = at + HEAD.size
    if start > len(data):
        return None
    size, crc, head = HEAD.unpack_from(data, at)
    if head != crc32c(pack((size, crc, at))):
        return None
    payload = data[start : start + size]
    if len(payload) < size or crc32c(payload) != crc:
        return None
    return unpack(payload), start + size


class State:
    """What the records of a log add up to."""

    def __init__(self) -> None:
        self.hard: pb.HardState | None = None
        self.entries: list[pb.Entry] = []
        self.mark = (0, 0)

    def take(self, record: dict[str, Any]) -> None:
        """Adds a record."""
        if "hard" in record:
            self.hard = pb.HardState(*record["hard"])
        new = [
            pb.Entry(term, index, None if kind is None else pb.EntryType(kind),
                     data)
            for term, index, kind, data in record.get("entries", ())
        ]  # fmt: skip
        if new:
            first = new[0].index or 0
            kept = [e for e in self.entries if (e.index or 0) < first]
            self.entries = kept + new
        if "mark" in record:
            index, term = record["mark"]
            if index > self.mark[0]:
                self.mark = index, term
                if (index, term) not in (
                    (e.index, e.term) for e in self.entries
                ):
                    self.entries = []


class Wal:
    """A log that is open, ready for `save`."""

    def __init__(self, disk: Disk, folder: str, file: File, end: int) -> None:
        self._disk = disk
        self._folder = folder
        self._file = file
        self._end = end
        self._held: pb.HardState | None = None  # not yet written
        self._failed = False
        self._turn = asyncio.Lock()

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and the hard state: after a crash both or neither."""
        async with self._turn:
            if hard_state is not None:
                self._held = hard_state
            # What may be lost can wait for the next record that may not.
            if entries or (sync and self._held is not None):
                await self._write({
                    "entries": [
                        (e.term, e.index, e.type, e.data) for e in entries
                    ]
                })  # fmt: skip

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        """Notes, durably, that a snapshot is stored."""
        async with self._turn:
            await self._write({"mark": (snapshot.index, snapshot.term)})

    async def _write(self, record: dict[str, object]) -> None:
        if self._failed:
            raise OSError("the log has failed before")
        if self._held is not None:
            hard = self._held
            record["hard"] = (hard.term, hard.vote, hard.commit)
        data = make_record(record, self._end)
        self._failed = True  # Unless the next line returns.
        await self._file.append(data, sync=True)
        self._failed = False
        self._end += len(data)
        self._held = None

    async def close(self) -> None:
        """Stores what is not yet stored, and lets go of the file."""
        async with self._turn:
            if self._held is not None and not self._failed:
                await self._write({})
            await self._file.close()


async def open_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Wal, Recovered]:
    """Opens the log in a folder, or begins one."""
    path = f"{folder}/{NAME}"
    await disk.make_folder(folder)
    there = NAME in await disk.names(folder)
    data = await disk.read(path) if there else b""
    state, at = State(), 0
    notes: tuple[str, ...] = ()
    found = read_record(data, 0)
    if found is not None and found[0].get("identity") != [*identity]:
        raise NotOurs(f"{path} belongs to {found[0]}, not to {identity}")
    while found is not None:
        record, at = found
        state.take(record)
        found = read_record(data, at)
    if at < len(data):
        if any(read_record(data, i) for i in range(at + 1, len(data))):
            raise Damaged(path, at, "no record, and yet one follows")
        notes = (f"{path}: cut off {len(data) - at} bytes of a save that a"
                 f" crash has stopped",)  # fmt: skip
        await disk.truncate(path, at)
    if at == 0:
        file = await disk.create(path)
        first = make_record({"identity": identity}, 0)
        await file.append(first, sync=True)
        await disk.sync_folder(folder)
        at = len(first)
    else:
        file = await disk.open(path, at)
    mark = pb.SnapshotMetadata(index=state.mark[0], term=state.mark[1])
    recovered = Recovered(state.hard, state.entries, mark, notes)
    return Wal(disk, folder, file, at), recovered
