"""PySyncObj behind a small server: SETs as Redis has them, or `LEADER`.

    python tests/bench/pysyncobj_store.py PORT SELF OTHER...
"""

from __future__ import annotations

import asyncio
import sys

import hiredis
from pysyncobj import SyncObj, SyncObjConf, replicated


class Store(SyncObj):
    """Keys and values, in memory."""

    def __init__(self, me: str, others: list[str]) -> None:
        super().__init__(me, others, SyncObjConf(
            autoTick=True, commandsWaitLeader=True,
            # As it is with batches, a single client waits for a tick each time.
            appendEntriesUseBatch=False,
        ))  # fmt: skip
        self.data: dict[bytes, bytes] = {}

    @replicated
    def put(self, key: bytes, value: bytes) -> None:
        self.data[key] = value


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.parser = hiredis.Reader()
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data == b"LEADER\r\n":
            leads = self.store._isLeader() and self.store.isReady()
            self.transport.write(b":%d\r\n" % leads)
            return
        self.parser.feed(data)
        while (words := self.parser.gets()) is not False:
            self.store.put(words[1], words[2], callback=self.done)

    def done(self, result: object, error: object) -> None:
        # From PySyncObj's own thread.
        self.loop.call_soon_threadsafe(
            self.transport.write, b"+OK\r\n" if not error else b"-ERR\r\n"
        )


async def main() -> None:
    store = Store(sys.argv[2], sys.argv[3:])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(store), "127.0.0.1", int(sys.argv[1])
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
