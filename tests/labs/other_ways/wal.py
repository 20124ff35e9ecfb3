"""1.3: a CRC for the body alone, and each save synced."""

import asyncio
import struct

from crc32c import crc32c

from kv.packing import pack, unpack
from kv.seams import Damaged, NotOurs, Recovered
from port import raftpb as pb


class Wal:
    def __init__(self, disk, folder, file):
        self._disk, self._folder, self._file = disk, folder, file
        self._turn = asyncio.Lock()
        self.broken = False

    async def _put(self, thing):
        async with self._turn:
            if self.broken:
                raise OSError("broken")
            body = pack(thing)
            head = struct.pack(">II", len(body), crc32c(body))
            try:
                await self._file.append(head + body, sync=True)
            except OSError:
                self.broken = True
                raise

    async def save(self, hard_state, entries, sync):
        h = hard_state
        if h:
            h = [h.term, h.vote, h.commit]
        entries = [[e.term, e.index, e.type, e.data] for e in entries]
        await self._put([0, h, entries])

    async def mark(self, snapshot):
        await self._put([1, snapshot.index, snapshot.term])

    async def close(self):
        await self._file.close()


async def open_log(disk, folder, identity):
    path = folder + "/wal"
    await disk.make_folder(folder)
    if "wal" not in await disk.names(folder):
        file = await disk.create(path)
        log = Wal(disk, folder, file)
        await log._put([2, identity.cluster, identity.node])
        await disk.sync_folder(folder)
        return log, Recovered()
    data = await disk.read(path)
    at, hard, entries, mark = 0, None, [], (0, 0)
    while at < len(data):
        if at + 8 > len(data):
            break
        size, crc = struct.unpack(">II", data[at:at+8])
        body = data[at+8:at+8+size]
        if not size or len(body) < size or crc32c(body) != crc:
            break
        kind, *rest = unpack(body)
        if kind == 2 and rest != [identity.cluster, identity.node]:
            raise NotOurs("not ours")
        if kind == 0:
            h, es = rest
            if h:
                hard = pb.HardState(*h)
            new = [
                pb.Entry(t, i, None if k is None else pb.EntryType(k), d)
                for t, i, k, d in es
            ]
            if new:
                first = new[0].index
                entries = [e for e in entries if e.index < first] + new
        if kind == 1 and rest[0] > mark[0]:
            mark = tuple(rest)
            if not any((e.index, e.term) == mark for e in entries):
                entries = []
        at += 8 + size
    notes = ()
    for other in range(at + 1, len(data) - 8):
        size, crc = struct.unpack(">II", data[other:other+8])
        body = data[other+8:other+8+size]
        if size and len(body) == size and crc32c(body) == crc:
            raise Damaged(path, at, "damaged")
    if at == 0:
        await disk.remove(path)
        return await open_log(disk, folder, identity)
    if at < len(data):
        notes = ("cut off a torn end",)
        await disk.truncate(path, at)
    file = await disk.open(path, at)
    log = Wal(disk, folder, file)
    meta = pb.SnapshotMetadata(index=mark[0], term=mark[1])
    return log, Recovered(hard, entries, meta, notes)
