"""A loop that is late with its own reports of slow writes.

With asynchronous storage raft hears of a write twice: the other nodes get
their answers, and raft itself a report. Both are due when the write is done,
in any order and after any time. `kv.drive_async` gives raft its report at
once, so whatever the answers bring about comes later. A mistake in how raft
takes reports that come too late then never shows. Here they do come late, as
they would behind a long queue; all else is as it is:

    python -m kv sim --async-writes --parts kv.sim.late:PARTS

`kv serve` and `kv chaos` take the same options.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from kv.drive_async import drive_async
from kv.parts import Parts
from kv.seams import Replica
from port import raftpb as pb
from port.chan import Chan
from port.errors import Stopped
from port.node import Node
from port.types import Ready

SLOW: Final = 0.1  # seconds that a write takes whose report will be late
LATE: Final = 3.0  # seconds by which it is


class _Timed:
    """A replica; how long its last write took is written down."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self.took = 0.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever it is
        return getattr(self._replica, name)

    async def save(
        self, state: pb.HardState | None, entries: list[pb.Entry],
        sync: bool,
    ) -> None:  # fmt: skip
        """Saves, and takes the time."""
        begin = asyncio.get_running_loop().time()
        await self._replica.save(state, entries, sync)
        self.took = asyncio.get_running_loop().time() - begin


class _Late:
    """What `drive_async` uses of a node; reports of writes wait in line."""

    def __init__(self, node: Node, replica: _Timed) -> None:
        self._node = node
        self._replica = replica
        self._reports: asyncio.Queue[tuple[float, pb.Message]]
        self._reports = asyncio.Queue()

    def ready(self) -> Chan[Ready]:
        """Returns the channel of what the node has to do."""
        return self._node.ready()

    async def step(self, m: pb.Message) -> None:
        """Hands a message to raft, now or later."""
        if m.type is not pb.MsgStorageAppendResp:
            await self._node.step(m)
            return
        wait = LATE if self._replica.took > SLOW else 0.0
        self._replica.took = 0.0
        due = asyncio.get_running_loop().time() + wait
        self._reports.put_nowait((due, m))

    async def hand_over(self) -> None:
        """Hands over the reports, each when it is due, in order."""
        while True:
            due, m = await self._reports.get()
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, due - now))
            try:
                await self._node.step(m)
            except Stopped:
                return


async def drive(node: Node, replica: Replica) -> None:
    """Does as `drive_async` does; only the reports of slow writes are late."""
    timed = _Timed(replica)
    late = _Late(node, timed)
    reports = asyncio.create_task(late.hand_over())
    try:
        await drive_async(cast(Node, late), cast(Replica, timed))
    finally:
        reports.cancel()


drive.asynchronous = True  # type: ignore[attr-defined]  # `kv.parts` asks.


PARTS: Final = Parts(drive=drive)
