"""What other nodes have sent, on its way to raft; see `transport.Receiver`.

As a rule raft takes a message on the spot. If it does not, the message waits
in line, and so do all that come behind it: their order is kept, and nobody
who reads a connection ever waits. A line that is too long loses what comes,
as a network may.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from kv.address_book import AddressBook
from kv.messages import Address
from kv.replica.tasks import Tasks
from kv.seams import Snapshots
from kv.world import Clock
from port import raftpb as pb
from port.chan import Send, try_select
from port.node import _Node
from port.types import NONE, SnapshotFailure, SnapshotFinish
from port.util import LOCAL_MSGS

INBOX: Final = 10_000  # messages from other nodes
PATIENCE: Final = 0.5  # seconds until forwarded proposals are dropped

_log = logging.getLogger("kv.replica")


class Mail:
    """The `Receiver` of `kv.transport`.

    Attributes:
        led: Whether a leader is known.
    """

    def __init__(
        self, clock: Clock, tasks: Tasks, snapshots: Snapshots,
        book: AddressBook,
    ) -> None:  # fmt: skip
        """Begins with no message.

        Args:
            clock: The node's.
            tasks: Where messages are handed over that could not be at once.
            snapshots: Those that are stored.
            book: Where members listen.
        """
        self.led = False
        self._clock = clock
        self._tasks = tasks
        self._snapshots = snapshots
        self._book = book
        self._node: _Node
        self._heard: dict[int, float] = {}
        self._inbox: deque[pb.Message | int] = deque()
        self._arrived = asyncio.Event()
        self._stepping = False
        self._proposals: deque[pb.Message] = deque()
        self._proposed = asyncio.Event()

    def start(self, node: _Node) -> list[asyncio.Task[None]]:
        """Begins to hand messages over; returns the tasks that do."""
        self._node = node
        return [
            self._tasks.start(self._step_inbox()),
            self._tasks.start(self._step_proposals()),
        ]

    def receive(self, message: pb.Message) -> bool:
        """Takes a message for raft; returns whether there was room."""
        self._heard[message.from_ or NONE] = self._clock.time()
        if message.type is pb.MsgProp:
            return self._put_proposal(message)
        if (
            not self._inbox
            and not self._stepping
            and message.type not in LOCAL_MSGS
            and try_select(Send(self._node.recvc, message)) is not None
        ):
            return True
        return self._put(message)

    def heard_from(self, node: int, within: float) -> bool:
        """Tells whether a node has said anything in the last seconds."""
        last = self._heard.get(node)
        return last is not None and self._clock.time() - last < within

    def _put(self, what: pb.Message | int) -> bool:
        if len(self._inbox) >= INBOX:
            return False
        self._inbox.append(what)
        self._arrived.set()
        return True

    async def _step_inbox(self) -> None:
        inbox, node = self._inbox, self._node
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._stepping = True
            while inbox:
                what = inbox.popleft()
                if isinstance(what, int):
                    await node.report_unreachable(what)
                else:
                    await node.step(what)
            self._stepping = False

    # Raft takes no proposals while it knows no leader, and whoever offers one
    # waits. So they have a line of their own: were votes and appends to wait
    # behind one, there would never be a leader again.

    def _put_proposal(self, message: pb.Message) -> bool:
        if len(self._proposals) >= INBOX or not self.led:
            return False
        self._proposals.append(message)
        self._proposed.set()
        return True

    async def _step_proposals(self) -> None:
        while True:
            await self._proposed.wait()
            self._proposed.clear()
            while self._proposals:
                message = self._proposals.popleft()
                try:
                    async with self._clock.timeout(PATIENCE):
                        await self._node.step(message)
                except TimeoutError:
                    # Who forwarded them will say that nobody knows.
                    self._proposals.clear()

    # What has become of what this node has sent.

    def unreachable(self, node: int) -> None:
        """Tells raft that a message was dropped."""
        self._put(node)

    def snapshot_sent(self, node: int, ok: bool) -> None:
        """Tells raft how the sending of a snapshot ended."""
        status = SnapshotFinish if ok else SnapshotFailure
        _log.info("snapshot for node %d: %s", node, "sent" if ok else "failed")
        self._tasks.keep(self._node.report_snapshot(node, status))

    async def snapshot_chunks(
        self, metadata: pb.SnapshotMetadata
    ) -> list[bytes] | None:
        """Reads the state that a snapshot's metadata speak of."""
        index = metadata.index or 0
        found = await self._snapshots.newest(index)
        if found is None or found.metadata.index != index:
            return None
        return [*found.chunks]

    def learn(self, members: dict[int, Address]) -> None:
        """Takes note of where members listen, as the leader knows it."""
        self._book.learn(members)
