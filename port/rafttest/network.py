"""A network between live nodes: it loses, delays and drops at will.

Nothing of it is pure: it runs on the loop's clock. Which messages suffer is
drawn from a seeded source, so that at least the numbers are the same on every
run; under a simulated clock all of it is.
"""

from __future__ import annotations

import asyncio
import random
from typing import NamedTuple, Protocol

from port import raftpb as pb
from port.chan import Chan, Send, try_select


class Iface(Protocol):
    """A node's plug into a network.

    Go: network.go:28-33 iface
    """

    async def send(self, m: pb.Message) -> None:
        """Sends a message, which need not arrive."""

    def recv(self) -> Chan[pb.Message] | None:
        """Returns where messages arrive; `None` while unplugged."""

    def disconnect(self) -> None:
        """Pulls the plug."""

    def connect(self) -> None:
        """Puts it back in."""


class RaftNetwork:
    """All links between some nodes, and a queue before each node.

    Go: network.go:35-42 raftNetwork
    """

    def __init__(self, *nodes: int) -> None:
        """Connects the nodes of these ids, by links without fault.

        Go: network.go:53-66 newRaftNetwork
        """
        self.rand = random.Random(1)
        self.disconnected: set[int] = set()
        self.dropmap: dict[Conn, float] = {}
        self.delaymap: dict[Conn, Delay] = {}
        self.recv_queues: dict[int, Chan[pb.Message]] = {
            node: Chan(1024) for node in nodes
        }

    def node_network(self, id: int) -> Iface:
        """Returns the plug of one node.

        Go: network.go:68-70 nodeNetwork
        """
        return NodeNetwork(id, self)

    async def send(self, m: pb.Message) -> None:
        """Puts a copy of the message into its receiver's queue, or loses it.

        It is lost if the receiver is not connected, if the link drops it, or
        if the queue is full. A delay is spent in here: who must not wait sends
        from a task of its own.

        Go: network.go:72-111 send
        """
        receiver = m.to or 0
        to = self.recv_from(receiver)
        link = Conn(m.from_ or 0, receiver)
        drop = self.dropmap.get(link, 0.0)
        delay = self.delaymap.get(link)
        if to is None:
            return
        if drop and self.rand.random() < drop:
            return
        if delay is not None and self.rand.random() < delay.rate:
            await asyncio.sleep(self.rand.random() * delay.d)
        try_select(Send(to, m.clone()))

    def recv_from(self, id: int) -> Chan[pb.Message] | None:
        """Returns a node's queue, or `None` while it is disconnected.

        Go: network.go:113-122 recvFrom
        """
        if id in self.disconnected:
            return None
        return self.recv_queues.get(id)

    def drop(self, from_: int, to: int, rate: float) -> None:
        """Has a link lose this share of its messages, one way.

        Go: network.go:124-128 drop
        """
        self.dropmap[Conn(from_, to)] = rate

    def delay(self, from_: int, to: int, d: float, rate: float) -> None:
        """Has a link delay this share of its messages by up to `d` seconds.

        Go: network.go:130-134 delay
        """
        self.delaymap[Conn(from_, to)] = Delay(d, rate)

    def disconnect(self, id: int) -> None:
        """Cuts a node off from the others, with all that waits in its queue.

        What it sends itself still arrives.

        Go: network.go:136-140 disconnect
        """
        self.disconnected.add(id)

    def connect(self, id: int) -> None:
        """Connects a node again.

        Go: network.go:142-146 connect
        """
        self.disconnected.discard(id)


class Conn(NamedTuple):
    """A link, one way.

    Go: network.go:44-46 conn
    """

    from_: int
    to: int


class Delay(NamedTuple):
    """How long a delay is at most, in seconds, and how often there is one.

    Go: network.go:48-51 delay
    """

    d: float
    rate: float


class NodeNetwork:
    """The plug of one node.

    Go: network.go:148-151 nodeNetwork
    """

    def __init__(self, id: int, raft_network: RaftNetwork) -> None:
        self.id = id
        self.raft_network = raft_network

    def connect(self) -> None:
        """Puts the plug in.

        Go: network.go:153-155 connect
        """
        self.raft_network.connect(self.id)

    def disconnect(self) -> None:
        """Pulls it out.

        Go: network.go:157-159 disconnect
        """
        self.raft_network.disconnect(self.id)

    async def send(self, m: pb.Message) -> None:
        """Sends a message.

        Go: network.go:161-163 send
        """
        await self.raft_network.send(m)

    def recv(self) -> Chan[pb.Message] | None:
        """Returns this node's queue.

        Go: network.go:165-167 recv
        """
        return self.raft_network.recv_from(self.id)
