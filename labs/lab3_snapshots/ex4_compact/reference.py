"""A log in one file, which a mark makes shorter.

    length  CRC of the payload  CRC of both, and of the offset  | payload
      4              4                        4

The payload is a msgpack map. Each record is synced before the next begins, so
only the last can be unfinished. So what is no record is the trace of a crash
if nothing follows it, and damage if a record does.

A mark writes the log anew, without what lies before the snapshot that was
marked before: into another file, which is synced and then takes its place.
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
TEMPORARY = "next.tmp"


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


def entries_of(entries: Sequence[pb.Entry]) -> list[object]:
    """Returns entries as a record has them."""
    return [(e.term, e.index, e.type, e.data) for e in entries]


def hard_of(state: pb.HardState) -> tuple[object, ...]:
    """Returns a hard state as a record has it."""
    return state.term, state.vote, state.commit


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

    def __init__(
        self, disk: Disk, folder: str, file: File, end: int, state: State,
        identity: Identity,
    ) -> None:  # fmt: skip
        self._disk = disk
        self._folder = folder
        self._file = file
        self._end = end
        self._state = state  # what the file holds
        self._identity = identity
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
                await self._write({"entries": entries_of(entries)})

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        """Notes, durably, that a snapshot is stored; drops what may go."""
        async with self._turn:
            state = self._state
            before = state.mark[0]
            if (snapshot.index or 0) <= before:
                return
            self._check()
            state.take({"mark": (snapshot.index, snapshot.term)})
            # The snapshot before this one must stay of use: all behind it.
            state.entries = [
                e for e in state.entries if (e.index or 0) > before
            ]
            if self._held is not None:
                state.hard, self._held = self._held, None
            self._failed = True  # Unless all of it returns.
            await self._rewrite()
            self._failed = False

    async def _rewrite(self) -> None:
        """Puts a file with the state in the place of the log."""
        disk, folder, state = self._disk, self._folder, self._state
        data = make_record({"identity": self._identity}, 0)
        record: dict[str, object] = {
            "entries": entries_of(state.entries), "mark": state.mark,
            "hard": hard_of(state.hard or pb.HardState()),
        }  # fmt: skip
        data += make_record(record, len(data))
        file = await disk.create(f"{folder}/{TEMPORARY}")
        await file.append(data, sync=True)
        await disk.rename(f"{folder}/{TEMPORARY}", f"{folder}/{NAME}")
        await disk.sync_folder(folder)
        old, self._file, self._end = self._file, file, len(data)
        await old.close()

    def _check(self) -> None:
        if self._failed:
            raise OSError("the log has failed before")

    async def _write(self, record: dict[str, object]) -> None:
        self._check()
        if self._held is not None:
            record["hard"] = hard_of(self._held)
        data = make_record(record, self._end)
        self._failed = True  # Unless the next line returns.
        await self._file.append(data, sync=True)
        self._failed = False
        self._state.take(record)
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
    recovered = Recovered(state.hard, list(state.entries), mark, notes)
    return Wal(disk, folder, file, at, state, identity), recovered
