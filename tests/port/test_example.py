"""What an application does: three members, one proposal, applied by all.

Upstream has the outline of this loop as an example that is never run. Here it
runs, with nothing left out but a disk and a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from port import raftpb as pb
from port.logger import discard_logger
from port.node import Node, start_node
from port.raft import Config
from port.storage import MemoryStorage
from port.types import NO_LIMIT, Peer
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.nodes import SeededRand

MEMBERS = (1, 2, 3)


class Member:
    """A node and the application on top of it."""

    def __init__(self, id: int, send: Callable[[pb.Message], None]) -> None:
        self.store = MemoryStorage()
        self.applied: list[bytes] = []
        self._send = send
        rand = SeededRand(id)
        self.node: Node = start_node(
            Config(
                id=id, election_tick=10, heartbeat_tick=1,
                storage=self.store, max_size_per_msg=NO_LIMIT,
                max_inflight_msgs=256, logger=discard_logger,
                rand=rand,
            ),
            [Peer(member) for member in MEMBERS],
            choose=rand.intn,
        )  # fmt: skip

    async def serve(self) -> None:
        """Stores, sends, applies, advances, until the node stops."""
        async for rd in self.node.ready():
            if rd.hard_state is not None:
                self.store.set_hard_state(rd.hard_state)
            self.store.append(rd.entries)
            for m in rd.messages:
                self._send(m)
            for entry in rd.committed_entries:
                if entry.type is pb.EntryConfChange:
                    change = pb.ConfChange.unmarshal(entry.data)
                    await self.node.apply_conf_change(change)
                elif entry.data:
                    self.applied.append(entry.data)
            await self.node.advance()


@on_loop
async def test_example_node() -> None:
    def send(m: pb.Message) -> None:
        deliveries.append(spawn(members[m.to or 0].node.step(m)))

    deliveries: list[asyncio.Task[None]] = []
    members = {id: Member(id, send) for id in MEMBERS}
    serving = [spawn(member.serve()) for member in members.values()]
    # It waits for a leader, and ticks are all that it takes to get one.
    proposal = spawn(members[3].node.propose(b"color=blue"))
    while not all(member.applied for member in members.values()):
        for member in members.values():
            member.node.tick()
        await settle()
    await proposal
    for member in members.values():
        assert member.applied == [b"color=blue"]
        await member.node.stop()
    # The loops end with the nodes; a message may have come too late.
    await asyncio.gather(*serving)
    await asyncio.gather(*deliveries, return_exceptions=True)
