"""The write-ahead log: what a node has promised, kept through any crash.

**Segments.** The log is a row of files, `0000000001.wal` and on. A new one
begins when the last is full, and when a snapshot is marked. It is written
under another name, synced and then renamed, so a segment that is there has a
sound beginning: whose it is, where the one before ended, and what is needed
to read on without that one (hard state, mark, index and term of the last
entry). So old ones can go, oldest first, once a snapshot covers them.

**Saves.** Each is one record of one segment; `kv.records` has their form, and
tells the end of an interrupted write, which is cut off when the log is opened,
from damage, on which no node may start. Both hold on to this: a save is
synced before the next begins.

A commit index that may be lost (`sync` false) is held back and written with
the next save. So a node that only follows the commit index writes nothing.
"""

from __future__ import annotations

import asyncio
import errno
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from kv.entries import pack_entry
from kv.packing import pack
from kv.records import REMEDY, Reader, make_record
from kv.seams import Damaged, DataError, Identity, NotOurs, Recovered
from kv.world import Disk, File
from port import raftpb as pb
from port.types import EntryID

VERSION: Final = 1
SEGMENT: Final = 8 << 20  # bytes; a segment may exceed it by one save

_SUFFIX: Final = ".wal"
_TEMPORARY: Final = "next.tmp"


def _path(folder: str, number: int) -> str:
    return f"{folder}/{number:010}{_SUFFIX}"


class _State:
    """What the records of a log add up to, while reading and writing.

    Attributes:
        hard: The last hard state.
        mark: Index and term of the last snapshot marked.
        last: Index and term of the last entry, or of what stands for it.
    """

    __slots__ = ("_runs", "hard", "last", "mark")

    def __init__(self) -> None:
        self.hard: pb.HardState | None = None
        self.mark = EntryID(0, 0)
        self.last = EntryID(0, 0)
        # Index and term where a new term begins, in ascending order; the
        # first is the oldest entry whose term is known.
        self._runs = [self.last]

    def begin(self, last: EntryID) -> None:
        """Forgets all entries; the next one follows `last`."""
        self.last = last
        self._runs = [last]

    def append(self, entries: Sequence[pb.Entry]) -> None:
        """Takes note of entries that replace all from the first of them on."""
        runs = self._runs
        first = entries[0].index or 0
        while len(runs) > 1 and runs[-1].index >= first:
            runs.pop()
        if runs[-1].index >= first:
            runs[-1] = EntryID(entries[0].term or 0, first)
        term = runs[-1].term
        if (entries[-1].term or 0) != term:
            for entry in entries:
                if (entry.term or 0) != term:
                    term = entry.term or 0
                    runs.append(EntryID(term, entry.index or 0))
        self.last = EntryID(entries[-1].term or 0, entries[-1].index or 0)

    def holds(self, entry: EntryID) -> bool:
        """Tells whether an entry is there, or lies before what is."""
        if entry.index > self.last.index:
            return False
        at = bisect_right(self._runs, entry.index, key=lambda r: r.index)
        return at == 0 or self._runs[at - 1].term == entry.term

    def notes(self) -> dict[str, object]:
        """Returns what the next segment has to know of those before."""
        notes: dict[str, object] = {
            "mark": self.mark, "last": self.last,
        }  # fmt: skip
        if self.hard is not None:
            notes["hard"] = _hard(self.hard)
        return notes


def _hard(state: pb.HardState) -> tuple[int, int, int]:
    return state.term or 0, state.vote or 0, state.commit or 0


class _Segment(NamedTuple):
    """A segment that is complete, and the last index that was in it."""

    number: int
    last: int


class Wal:
    """Our `Log`; `open_log` makes it."""

    def __init__(
        self,
        disk: Disk,
        folder: str,
        identity: Identity,
        segment: int,
        state: _State,
        old: list[_Segment],
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._identity = identity
        self._segment = segment
        self._state = state
        self._old = old
        self._number = old[-1].number if old else 0
        self._file: File | None = None
        self._end = 0
        self._highest = state.last.index  # of any entry in this segment
        self._held = False  # a hard state that is not yet written
        self._failed = False
        # Saves come from the Ready loop, marks from whoever takes snapshots.
        self._turn = asyncio.Lock()

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and the hard state; see `Log.save`.

        With entries it syncs even if told that it need not.

        Raises:
            ValueError: the entries would leave a gap.
            OSError: the disk failed, now or before.
        """
        async with self._turn:
            self._check()
            state = self._state
            if entries and not 0 < (entries[0].index or 0) <= (
                state.last.index + 1
            ):
                raise ValueError(
                    f"entry {entries[0].index} does not follow"
                    f" {state.last.index}"
                )
            if hard_state is not None:
                state.hard = hard_state
                self._held = True
            if entries or (sync and self._held):
                await self._write(entries)

    async def _write(self, entries: Sequence[pb.Entry]) -> None:
        """Writes one record, with the hard state if that is due."""
        state = self._state
        notes = b""
        if self._held and state.hard is not None:
            notes = pack({"hard": _hard(state.hard)})
        record = make_record(
            self._number, self._end, notes, list(map(pack_entry, entries))
        )
        if entries:
            state.append(entries)
            self._highest = max(self._highest, state.last.index)
        self._failed = True  # Unless it returns.
        if self._file is None:
            raise OSError(errno.EBADF, "the log is closed")
        await self._file.append(record, sync=True)
        self._end += len(record)
        self._held = False
        if self._end >= self._segment:
            await self._next_segment()
        self._failed = False

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        """Notes that a snapshot is safely stored; see `Log.mark`.

        One older than the last that was marked changes nothing.
        """
        mark = EntryID(snapshot.term or 0, snapshot.index or 0)
        async with self._turn:
            self._check()
            state = self._state
            if mark.index <= state.mark.index:
                return
            needed = state.mark.index
            if not state.holds(mark):
                state.begin(mark)
                needed = mark.index
            state.mark = mark
            self._failed = True  # Unless it returns.
            await self._next_segment()
            await self._drop(needed)
            self._failed = False

    async def close(self) -> None:
        """Stores what was held back, and lets go of the files."""
        async with self._turn:
            if self._file is None:
                return
            try:
                if self._held and not self._failed:
                    await self._write(())
            finally:
                file, self._file = self._file, None
                await file.close()

    def _check(self) -> None:
        """Refuses to go on after a failure: what is stored is unknown."""
        if self._file is None:
            raise OSError(errno.EBADF, "the log is closed", self._folder)
        if self._failed:
            raise OSError(errno.EIO, "the log has failed before", self._folder)

    async def _next_segment(self) -> None:
        """Begins a segment; a crash at any point leaves the old or the new."""
        disk, folder = self._disk, self._folder
        before = self._end
        if self._file is not None:
            await self._file.close()
            # Gives back what was reserved and not used.
            await disk.truncate(_path(folder, self._number), before)
            self._old.append(_Segment(self._number, self._highest))
        self._number += 1
        notes = self._state.notes() | {
            "version": VERSION, "cluster": self._identity.cluster,
            "node": self._identity.node, "before": before,
        }  # fmt: skip
        record = make_record(self._number, 0, pack(notes), ())
        temporary = f"{folder}/{_TEMPORARY}"
        self._file = await disk.create(temporary, self._segment)
        await self._file.append(record, sync=True)
        await disk.rename(temporary, _path(folder, self._number))
        await disk.sync_folder(folder)
        self._end = len(record)
        self._highest = self._state.last.index
        self._held = False

    async def _drop(self, needed: int) -> None:
        """Removes segments that hold nothing beyond the index `needed`.

        Oldest first, and each for good before the next goes: a row with a
        gap would be damage.
        """
        while self._old and self._old[0].last <= needed:
            await self._disk.remove(_path(self._folder, self._old[0].number))
            await self._disk.sync_folder(self._folder)
            self._old.pop(0)

    async def _resume(self, begin: int, record: bytes) -> None:
        """Goes on to write in the segment that was the newest.

        That its last record can be read does not make it safe: a node that
        was killed before its sync, or stopped since that failed, has left it
        in the system's memory, and from now on others would rely on it. So it
        is written once more, the same over the same, and synced. A sync alone
        may do nothing: after one that failed, some systems take it for done.
        """
        last = self._old.pop()
        path = _path(self._folder, last.number)
        self._file = await self._disk.open(path, begin, self._segment)
        await self._file.append(record, sync=True)
        await self._disk.sync_folder(self._folder)
        self._end, self._highest = begin + len(record), last.last


async def open_log(
    disk: Disk, folder: str, identity: Identity, segment: int = SEGMENT
) -> tuple[Wal, Recovered]:
    """Opens a log, or begins one; see `OpenLog`.

    Args:
        disk: Where it is.
        folder: The folder that holds its segments, and nothing else.
        identity: Whose it must be.
        segment: How many bytes a segment holds.
    """
    await disk.make_folder(folder)
    names = await disk.names(folder)
    if _TEMPORARY in names:  # Begun, never finished.
        await disk.remove(f"{folder}/{_TEMPORARY}")
    numbers = _numbers(folder, names)
    state = _State()
    entries: list[pb.Entry] = []
    old: list[_Segment] = []
    before: int | None = None
    torn = begin = 0
    data = b""
    for number in numbers:
        path = _path(folder, number)
        data = await disk.read(path)
        reader = Reader(path, number, data, number == numbers[-1])
        highest = _replay(reader, identity, before, state, entries)
        old.append(_Segment(number, highest))
        before, torn, begin = reader.at, reader.torn, reader.begin
    wal = Wal(disk, folder, identity, segment, state, old)
    notes: tuple[str, ...] = ()
    if before is None:
        await wal._next_segment()
    else:
        if torn:
            path = _path(folder, numbers[-1])
            await disk.truncate(path, before)
            notes = (
                f"{path}: cut off {torn} bytes at byte {before}, where a"
                " write was interrupted",
            )
        await wal._resume(begin, data[begin:before])
    mark = pb.SnapshotMetadata(index=state.mark.index, term=state.mark.term)
    return wal, Recovered(state.hard, entries, mark, notes)


def _numbers(folder: str, names: list[str]) -> list[int]:
    """Returns the numbers of the segments; there must be no gap."""
    numbers = sorted(
        int(name.removesuffix(_SUFFIX))
        for name in names
        if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX).isdigit()
    )
    for one, two in pairwise(numbers):
        if two != one + 1:
            path = _path(folder, one + 1)
            raise Damaged(path, 0, f"the segment is missing. {REMEDY}")
    return numbers


def _replay(
    reader: Reader,
    identity: Identity,
    before: int | None,
    state: _State,
    entries: list[pb.Entry],
) -> int:
    """Reads a segment into `state` and `entries`.

    Returns:
        The highest index of any entry that stands or stood in it.
    """
    record = reader.next()
    if record is None:
        raise reader.damage("the segment has no beginning")
    _begin(reader, record[0], identity, before, state, entries)
    highest = state.last.index
    while (record := reader.next()) is not None:
        notes, more = record
        if (hard := notes.get("hard")) is not None:
            state.hard = _hard_state(reader, hard)
        if more:
            _append(reader, more, state, entries)
            highest = max(highest, state.last.index)
    return highest


def _begin(
    reader: Reader,
    notes: dict[str, object],
    identity: Identity,
    before: int | None,
    state: _State,
    entries: list[pb.Entry],
) -> None:
    """Reads the beginning of a segment, and checks that it belongs here."""
    version = notes.get("version")
    if version != VERSION:
        raise NotOurs(
            f"{reader.path} is of format {version!r}; this program reads"
            f" format {VERSION}. Use the program that wrote it."
        )
    found = Identity(
        _int(notes.get("cluster")), _int(notes.get("node"))
    )
    if found != identity:
        raise NotOurs(
            f"{reader.path} belongs to node {found.node} of cluster"
            f" {found.cluster:#x}, not to node {identity.node} of cluster"
            f" {identity.cluster:#x}. Check the data folder and the node's id."
        )
    if before is not None and notes.get("before") != before:
        raise reader.damage(
            f"the segment before ended at byte {notes.get('before')}, now it"
            f" ends at byte {before}"
        )
    mark, last = _id(notes.get("mark")), _id(notes.get("last"))
    if last != state.last:
        # The oldest segment, or a snapshot that took the place of entries.
        state.begin(last)
        entries.clear()
    state.mark = mark
    if "hard" in notes:
        state.hard = _hard_state(reader, notes["hard"])


def _append(
    reader: Reader,
    more: list[pb.Entry],
    state: _State,
    entries: list[pb.Entry],
) -> None:
    """Adds entries, in place of those that they replace."""
    first = more[0].index or 0
    if not 0 < first <= state.last.index + 1:
        raise reader.damage(f"entry {first} follows entry {state.last.index}")
    for index, entry in enumerate(more, first):
        if entry.index != index:
            raise reader.damage(f"entry {entry.index} stands as {index}")
    if entries:
        del entries[max(0, first - (entries[0].index or 0)) :]
    entries += more
    state.append(more)


def _int(what: object) -> int:
    if type(what) is not int:
        raise DataError(f"a number is wanted in the log, not {what!r}")
    return what


def _id(what: object) -> EntryID:
    if not isinstance(what, list) or len(what) != 2:
        raise DataError(f"{what!r} in the log names no entry")
    return EntryID(_int(what[0]), _int(what[1]))


def _hard_state(reader: Reader, what: object) -> pb.HardState:
    if not isinstance(what, list) or len(what) != 3:
        raise reader.damage(f"{what!r} is no hard state")
    return pb.HardState(*map(_int, what))
