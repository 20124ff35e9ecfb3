"""A live node: a `port.node` with a clock, a network and a storage in memory.

It is the application that upstream's own live tests run. Storing takes a
millisecond, and a message leaves up to ten later, as if there were a disk and
a network card. What is committed it does not apply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from port import raftpb as pb
from port.chan import Chan, Recv, Send, select, try_select
from port.errors import RaftError
from port.logger import Logger, get_logger
from port.node import Node as RaftNode
from port.node import restart_node
from port.node import start_node as raft_start_node
from port.raft import GLOBAL_RAND, Config, Rand
from port.rafttest.network import Iface
from port.storage import MemoryStorage
from port.types import Peer, Ready, is_empty_hard_state

TICK = 0.005  # seconds
DISK = 0.001  # seconds
CARD = 10  # milliseconds


class Node:
    """A node and its surroundings.

    Attributes:
        node: The raft node; another one after each restart.
        id: Its id.
        iface: Its plug into the network.
        stopc: A send asks the node to stop; it is closed when it has.
        pausec: A send of true pauses it, of false has it go on.
        storage: What survives a restart,
        state: the hard state last stored among it.

    Go: node.go:28-40 node
    """

    def __init__(
        self, id: int, iface: Iface, logger: Logger, rand: Rand
    ) -> None:
        self.node: RaftNode
        self.id = id
        self.iface = iface
        self.stopc: Chan[None] = Chan()
        self.pausec: Chan[bool] = Chan()
        self.storage = MemoryStorage()
        self.state: pb.HardState | None = None
        self._logger = logger
        self._rand = rand
        self._tasks: set[asyncio.Task[None]] = set()
        self._main: asyncio.Task[None]

    def config(self) -> Config:
        """Returns how the raft node is set up, each time.

        Go: node.go:44-52 startNode
        Go: node.go:134-142 restart
        """
        return Config(
            id=self.id,
            election_tick=10,
            heartbeat_tick=1,
            storage=self.storage,
            max_size_per_msg=1024 * 1024,
            max_inflight_msgs=256,
            max_uncommitted_entries_size=1 << 30,
            logger=self._logger,
            rand=self._rand,
        )

    def start(self) -> None:
        """Begins to serve the raft node.

        Go: node.go:65-117 start
        """
        self.stopc = Chan()
        self._main = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        """Passes on what comes from the clock, the node and the network.

        Go: node.go:69-116 start
        """
        ticker: Chan[None] = Chan(1)
        clock = asyncio.create_task(_tick(ticker))
        tick, ready = Recv(ticker), Recv(self.node.ready())
        stop, pause = Recv(self.stopc), Recv(self.pausec)
        try:
            while True:
                message = Recv(self.iface.recv())
                fired = await select(
                    tick, ready, message, stop, pause, choose=self._rand.intn
                )
                if fired is tick:
                    self.node.tick()
                elif fired is ready:
                    await self._handle(ready.value)
                elif fired is message:
                    self._spawn(self._step(message.value))
                elif fired is stop:
                    await self.node.stop()
                    self._logger.info("raft.%d: stop", self.id)
                    return
                elif pause.value:
                    await self._pause()
        finally:
            clock.cancel()
            self.stopc.close()

    async def _handle(self, rd: Ready) -> None:
        """Stores what there is to store, and then has the messages sent.

        Go: node.go:74-92 start
        """
        if rd.hard_state is not None and not is_empty_hard_state(rd.hard_state):
            self.state = rd.hard_state
            self.storage.set_hard_state(rd.hard_state)
        self.storage.append(rd.entries)
        await asyncio.sleep(DISK)
        for m in rd.messages:
            self._spawn(self._send(m))
        await self.node.advance()

    async def _send(self, m: pb.Message) -> None:
        """Sends a message, a little later.

        Go: node.go:86-89 start
        """
        await asyncio.sleep(self._rand.intn(CARD) / 1000)
        await self.iface.send(m)

    async def _step(self, m: pb.Message) -> None:
        """Hands the raft node a message, unless it has stopped meanwhile.

        Go: node.go:93-94 start
        """
        with suppress(RaftError):
            await self.node.step(m)

    async def _pause(self) -> None:
        """Lets messages pile up until told to go on, and then steps them all.

        Go: node.go:101-113 start
        """
        recvms: list[pb.Message] = []
        paused = True
        while paused:
            message, pause = Recv(self.iface.recv()), Recv(self.pausec)
            either = select(message, pause, choose=self._rand.intn)
            if await either is message:
                recvms.append(message.value)
            else:
                paused = pause.value
        for m in recvms:
            await self._step(m)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        """Starts a task on the side: Go's `go func`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop alone would not keep it alive
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stops the node; what is in its storage stays, all else is lost.

        To be called on a running node only.

        Raises:
            RaftPanic: the raft node broke down earlier.

        Go: node.go:122-127 stop
        """
        self.iface.disconnect()
        try:
            await self.stopc.send(None)
        finally:
            await self._main  # raises what it died of, if it did

    async def restart(self) -> None:
        """Starts a node that was stopped, from what it had stored.

        One that is running has to stop first: the call waits for it.

        Go: node.go:131-146 restart
        """
        await self._main
        self.node = restart_node(self.config(), self._rand.intn)
        self.start()
        self.iface.connect()

    async def pause(self) -> None:
        """Pauses the node: messages are received, and that is all.

        Go: node.go:151-153 pause
        """
        await self.pausec.send(True)

    async def resume(self) -> None:
        """Has a paused node go on, with all messages that it was sent.

        Go: node.go:156-158 resume
        """
        await self.pausec.send(False)


def start_node(
    id: int,
    peers: Sequence[Peer],
    iface: Iface,
    *,
    logger: Logger | None = None,
    rand: Rand = GLOBAL_RAND,
) -> Node:
    """Starts a node of a new cluster.

    Args:
        id: The node's id.
        peers: All first members, this one among them.
        iface: Its plug into the network.
        logger: Where to log; to the default logger unless given.
        rand: All that is left to chance. With a seeded one, and a simulated
            clock, each run is the same.

    Go: node.go:42-63 startNode
    """
    n = Node(id, iface, logger or get_logger(), rand)
    n.node = raft_start_node(n.config(), peers, rand.intn)
    n.start()
    return n


async def _tick(ticker: Chan[None]) -> None:
    """Ticks until cancelled; who is late finds one tick, not all of them.

    Go: node.go:67-67 start
    """
    while True:
        await asyncio.sleep(TICK)
        try_select(Send(ticker, None))
