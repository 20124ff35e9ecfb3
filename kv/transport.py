"""Messages between nodes, over connections that come and go.

Each node dials each other one and sends on that connection; what it receives
comes on the connections that the others dialled. So the two directions fail
and recover by themselves, and nobody has to agree on whose connection it is.

Raft takes a lost message in its stride, but not a late one for a punctual
one, and a node that waits for a slow peer is of no use to the fast ones. So
nothing here ever waits for a peer: what cannot be sent now, and does not fit
into a bounded queue, is dropped, and raft is told that the peer is out of
reach. Only snapshots are worth more care: they go in pieces, between which
other messages pass, and raft always hears how it ended.

Whoever connects must say first which cluster and node it is, and whom it
seeks. Anything that cannot be understood ends the connection it came on, with
one line in the log, and does no other harm.

It may also say where it listens. A node that was away while another one
joined knows nothing of that one; should it lead by now, its messages arrive,
and there would be nowhere to send an answer, nor would anything ever tell. So
whoever calls is dialled in turn, for as long as its connection lasts.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from typing import Final, Protocol

from kv import messages
from kv.messages import Address, Codec, Hello, Offer
from kv.seams import Identity, MakeFraming
from kv.world import Listener, World
from port import raftpb as pb

FRAME_LIMIT: Final = 16 << 20  # bytes; an append has 1 MiB, or one entry
QUEUE_LIMIT: Final = 32 << 20  # bytes that wait for one peer
SNAPSHOT_LIMIT: Final = 4 << 30  # bytes of state
PART: Final = 1 << 18  # bytes of a snapshot in one frame
MAX_NODE: Final = (1 << 63) - 1  # the largest id of a node
CONNECT_TIMEOUT: Final = 2.0  # seconds
SNAPSHOT_TIMEOUT: Final = 60.0  # seconds without progress
RETRY_FIRST: Final = 0.02  # seconds
RETRY_MOST: Final = 1.0  # seconds
CALLERS: Final = 32  # nodes that are dialled for having called

_log = logging.getLogger("kv.transport")


class Receiver(Protocol):
    """Who takes what arrives, and hears what could not be sent."""

    def receive(self, message: pb.Message) -> bool:
        """Takes a message for raft; returns whether there was room."""

    def unreachable(self, node: int) -> None:
        """Hears that something for `node` was dropped."""

    def snapshot_sent(self, node: int, ok: bool) -> None:
        """Hears how the sending of a snapshot to `node` ended."""

    async def snapshot_chunks(
        self, metadata: pb.SnapshotMetadata
    ) -> list[bytes] | None:
        """Returns the state of a stored snapshot, unless it is gone."""

    def learn(self, members: dict[int, Address]) -> None:
        """Hears where members listen."""


class Transport:
    """All connections of one node to and from the others."""

    def __init__(
        self,
        world: World,
        framing: MakeFraming,
        identity: Identity,
        receiver: Receiver,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        """Starts with no connection and no peers.

        Args:
            world: Where to connect.
            framing: Makes the framing of each connection.
            identity: Who this node is.
            receiver: Takes what arrives.
            server_tls: For connections that others open; `None`: in clear.
            client_tls: For those that this node opens.
        """
        self.world = world
        self.framing = framing
        self.identity = identity
        self.receiver = receiver
        self.members: dict[int, Address] = {}
        self.closed = False
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._codec = Codec()
        self._peers: dict[int, _Peer] = {}
        # Those that are no members, as far as we know, but have called.
        self._callers: dict[int, Address] = {}
        self._incoming: dict[_Incoming, None] = {}
        self._listener: Listener | None = None

    async def listen(self, host: str, port: int) -> Address:
        """Takes connections from here on; returns the address.

        Raises:
            OSError: the port is not to be had.
        """
        self._listener = await self.world.network.listen(
            lambda: _Incoming(self), host, port, self._server_tls
        )
        return self._listener.address

    def set_members(self, members: dict[int, Address]) -> None:
        """Connects to these nodes, and lets go of all others."""
        for id in {*self.members, *members}:
            self._callers.pop(id, None)  # It has come, or has gone.
        self.members = dict(members)
        self._dial()

    def _dial(self) -> None:
        """Has a peer for each node that is to be dialled, and no other."""
        if self.closed:
            return
        wanted = {**self._callers, **self.members}
        for id in [*self._peers]:
            if self._peers[id].address != wanted.get(id):
                self._peers.pop(id).close()
        for id, address in wanted.items():
            if id != self.identity.node and id not in self._peers:
                self._peers[id] = _Peer(self, id, address, self._client_tls)

    def _called(self, node: int, address: Address) -> None:
        """Takes note of where a node listens that has called."""
        if node not in self.members and len(self._callers) < CALLERS:
            self._callers[node] = address
            self._dial()

    def _hung_up(self, node: int) -> None:
        """Takes note that a node's connection has ended."""
        if any(i.caller == node for i in self._incoming):
            return
        if self._callers.pop(node, None) is not None:
            self._dial()

    def connected(self) -> list[int]:
        """Returns the nodes to which messages can be sent now."""
        return sorted(i for i, p in self._peers.items() if p.up)

    def send(self, out: list[pb.Message]) -> None:
        """Puts messages on their way, or drops them."""
        by_peer: dict[int, list[pb.Message]] = {}
        for m in out:
            to = m.to or 0
            if m.type is pb.MsgSnap:
                self._send_snapshot(to, m)
            elif to in by_peer:
                by_peer[to].append(m)
            else:
                by_peer[to] = [m]
        for to, batch in by_peer.items():
            peer = self._peers.get(to)
            if peer is None or not peer.up:
                self.receiver.unreachable(to)
                continue
            try:
                peer.send(self._codec.raft(batch))
            except ValueError:
                # Together they are too long for a frame; alone they are not.
                for m in batch:
                    peer.send(self._codec.raft([m]))

    def _send_snapshot(self, to: int, m: pb.Message) -> None:
        peer = self._peers.get(to)
        if peer is None or not peer.up:
            self.receiver.snapshot_sent(to, False)
        else:
            peer.send_snapshot(m, self._codec)

    def close(self) -> None:
        """Ends all connections."""
        self.closed = True
        if self._listener is not None:
            self._listener.close()
        for peer in self._peers.values():
            peer.close()
        for incoming in [*self._incoming]:
            incoming.drop(None)


class _Connection(asyncio.Protocol):
    """One connection: frames in, frames out."""

    def __init__(self, owner: Transport) -> None:
        self.owner = owner
        self.lost: asyncio.Future[None] = (
            asyncio.get_running_loop().create_future()
        )
        self.paused = False
        self._framing = owner.framing(FRAME_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self.name = "?"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.name = str(transport.get_extra_info("peername", "?"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)
        self.resume_writing()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def writable(self) -> None:
        """Returns once the other side keeps up, or is gone."""
        while self.paused and self._transport is not None:
            if self._writable is None:
                self._writable = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._writable)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._framing.feed(data):
                kind, found = messages.parse(body)
                self.take(kind, found)
                if self._transport is None:
                    return
        except ValueError as error:
            self.drop(str(error))

    def take(self, kind: int, found: list[object]) -> None:
        """Handles a frame; `ValueError` if it makes no sense here."""
        raise NotImplementedError

    def write(self, body: bytes) -> None:
        """Sends a frame, if the connection is there."""
        if self._transport is not None:
            self._transport.write(self._framing.encode(body))

    def write_raw(self, frame: bytes) -> None:
        """Sends what has a frame already."""
        if self._transport is not None:
            self._transport.write(frame)

    def frame(self, body: bytes) -> bytes:
        """Returns the frame of a message; `ValueError` if it is too long."""
        return self._framing.encode(body)

    def drop(self, why: str | None) -> None:
        """Ends the connection, and says why in one line."""
        if self._transport is not None:
            if why is not None:
                _log.warning("connection with %s closed: %s", self.name, why)
            self._transport.abort()
            self._transport = None


class _Incoming(_Connection):
    """A connection that another node has opened."""

    def __init__(self, owner: Transport) -> None:
        super().__init__(owner)
        self._hello: Hello | None = None
        self._offer: Offer | None = None
        self._chunks: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.owner._incoming[self] = None
        if self.owner.closed or not self.owner.members:  # Not ready yet.
            self.drop(None)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.owner._incoming.pop(self, None)
        if self.caller:
            self.owner._hung_up(self.caller)

    @property
    def caller(self) -> int:
        """The node at the other end; 0 if it has not said so."""
        return 0 if self._hello is None else self._hello.node

    def take(self, kind: int, found: list[object]) -> None:
        if self._hello is None:
            if kind != messages.HELLO:
                raise ValueError("it does not say who it is")
            self._greet(messages.parse_hello(found))
        elif kind == messages.RAFT:
            for m in messages.parse_raft(found):
                if m.from_ != self._hello.node and m.type not in _PASSED_ON:
                    raise ValueError(
                        f"node {self._hello.node} speaks for {m.from_}"
                    )
                if m.to != self.owner.identity.node:
                    raise ValueError(f"a message for node {m.to}")
                self.owner.receiver.receive(m)
        elif kind == messages.SNAPSHOT:
            self._offer = messages.parse_offer(found)
            if self._offer.message.type is not pb.MsgSnap:
                raise ValueError("a snapshot in a message of another type")
            if self._offer.size > SNAPSHOT_LIMIT:
                raise ValueError(f"a snapshot of {self._offer.size} bytes")
            self._chunks, self._size = [], 0
        elif kind == messages.PART:
            self._part(found)
        elif kind == messages.END:
            self._end()
        else:
            raise ValueError("a frame that has no place here")

    def _greet(self, hello: Hello) -> None:
        who = self.owner.identity
        if hello.version != messages.VERSION:
            raise ValueError(f"it speaks version {hello.version}")
        if hello.cluster != who.cluster:
            raise ValueError(f"it belongs to cluster {hello.cluster:x}")
        if hello.to != who.node or hello.node in (0, who.node):
            raise ValueError(
                f"node {hello.node} seeks node {hello.to}; this is {who.node}"
            )
        if hello.node > MAX_NODE:
            raise ValueError("an id that is not for nodes")
        self._hello = hello
        self.name = f"node {hello.node}"
        self.write(messages.hello(who.cluster, who.node, 0))
        if hello.address is not None:
            self.owner._called(hello.node, hello.address)

    def _part(self, found: list[object]) -> None:
        data = found[1] if len(found) == 2 else None
        if self._offer is None or not isinstance(data, bytes):
            raise ValueError("a part of no snapshot")
        self._size += len(data)
        if self._size > self._offer.size:
            raise ValueError("a snapshot longer than was said")
        self._chunks.append(data)

    def _end(self) -> None:
        offer, self._offer = self._offer, None
        if offer is None or self._size != offer.size:
            raise ValueError("the end of no snapshot, or of half of one")
        message = offer.message
        metadata = message.snapshot.metadata if message.snapshot else None
        data, self._chunks = b"".join(self._chunks), []
        message.snapshot = pb.Snapshot(data, metadata)
        self.owner.receiver.learn(offer.members)
        self.write(messages.stored(self.owner.receiver.receive(message)))


# These keep the name of the follower for whose client they are.
_PASSED_ON: Final = frozenset({
    pb.MsgProp, pb.MsgReadIndex, pb.MsgTransferLeader,
})  # fmt: skip


class _Outgoing(_Connection):
    """A connection that this node has opened."""

    def __init__(self, owner: Transport, peer: int) -> None:
        super().__init__(owner)
        self._peer = peer
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.answer: asyncio.Future[bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        who = self.owner.identity
        self.write(messages.hello(
            who.cluster, who.node, self._peer,
            self.owner.members.get(who.node),
        ))  # fmt: skip

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError("closed"))
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(False)

    def take(self, kind: int, found: list[object]) -> None:
        if kind == messages.HELLO and not self.greeted.done():
            hello = messages.parse_hello(found)
            who = self.owner.identity
            if (hello.cluster, hello.node) != (who.cluster, self._peer):
                raise ValueError(
                    f"node {self._peer} was expected; this is node"
                    f" {hello.node} of cluster {hello.cluster:x}"
                )
            self.greeted.set_result(None)
        elif kind == messages.STORED and self.answer is not None:
            if not self.answer.done():
                self.answer.set_result(len(found) > 1 and found[1] is True)
        else:
            raise ValueError("a frame that has no place here")


class _Peer:
    """Another node: dials it, and dials again; queues what is for it."""

    def __init__(
        self,
        owner: Transport,
        id: int,
        address: Address,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.address = address
        self._owner = owner
        self._id = id
        self._tls = tls
        self._connection: _Outgoing | None = None
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._sending: asyncio.Task[None] | None = None
        self._drainer: asyncio.Task[None] | None = None
        self._dialler = asyncio.create_task(self._dial())

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    def close(self) -> None:
        """Ends the connection, and dials no more."""
        self._dialler.cancel()
        for task in (self._sending, self._drainer):
            if task is not None:
                task.cancel()
        if self._connection is not None:
            self._connection.drop(None)
            self._connection = None

    async def _dial(self) -> None:
        """Keeps a connection up, for as long as the peer is a member."""
        clock, retry = self._owner.world.clock, RETRY_FIRST
        while True:
            connection = None
            try:
                async with clock.timeout(CONNECT_TIMEOUT):
                    connection = await self._owner.world.network.connect(
                        lambda: _Outgoing(self._owner, self._id),
                        *self.address, self._tls,
                    )  # fmt: skip
                    await connection.greeted
            except (OSError, TimeoutError) as error:
                if connection is not None:
                    connection.drop(None)
                _log.debug("node %d: %s", self._id, error)
            except asyncio.CancelledError:
                # It went while it was dialled: nobody else would hang up.
                if connection is not None:
                    connection.drop(None)
                raise
            else:
                retry = RETRY_FIRST
                self._connection = connection
                await connection.lost
                self._connection = None
                self._queue.clear()
                self._queued = 0
            # Not all at the same time, when a node comes back.
            dice = self._owner.world.random.random()
            await clock.sleep(retry * (0.5 + dice))
            retry = min(2 * retry, RETRY_MOST)

    def send(self, body: bytes) -> None:
        """Sends a frame now, queues it, or drops it."""
        connection = self._connection
        if connection is None:
            self._owner.receiver.unreachable(self._id)
            return
        frame = connection.frame(body)
        if not connection.paused and not self._queue:
            connection.write_raw(frame)
        elif self._queued + len(frame) > QUEUE_LIMIT:
            self._owner.receiver.unreachable(self._id)
        else:
            self._queue.append(frame)
            self._queued += len(frame)
            if self._drainer is None or self._drainer.done():
                self._drainer = asyncio.create_task(self._drain(connection))

    async def _drain(self, connection: _Outgoing) -> None:
        while self._queue and self._connection is connection:
            await connection.writable()
            if self._queue and self._connection is connection:
                frame = self._queue.popleft()
                self._queued -= len(frame)
                connection.write_raw(frame)

    def send_snapshot(self, m: pb.Message, codec: Codec) -> None:
        """Begins to send a snapshot, unless one is under way."""
        connection = self._connection
        busy = self._sending is not None and not self._sending.done()
        if connection is None or busy:
            self._owner.receiver.snapshot_sent(self._id, False)
            return
        self._sending = asyncio.create_task(
            self._stream(connection, m, codec)
        )

    async def _stream(
        self, connection: _Outgoing, m: pb.Message, codec: Codec
    ) -> None:
        ok = False
        try:
            ok = await self._send_parts(connection, m, codec)
        except (OSError, TimeoutError, ValueError) as error:
            _log.warning("snapshot for node %d: %s", self._id, error)
        finally:
            connection.answer = None
            self._owner.receiver.snapshot_sent(self._id, ok)

    async def _send_parts(
        self, connection: _Outgoing, m: pb.Message, codec: Codec
    ) -> bool:
        clock = self._owner.world.clock
        metadata = m.snapshot.metadata if m.snapshot is not None else None
        if metadata is None:
            return False
        chunks = await self._owner.receiver.snapshot_chunks(metadata)
        if chunks is None:
            return False
        size = sum(map(len, chunks))
        loop = asyncio.get_running_loop()
        connection.answer = loop.create_future()
        connection.write(codec.offer(m, self._owner.members, size))
        for piece in pieces(chunks):
            connection.write(messages.part(piece))
            async with clock.timeout(SNAPSHOT_TIMEOUT):
                await connection.writable()
            await asyncio.sleep(0)  # Others may have something to say.
        connection.write(messages.end(size))
        async with clock.timeout(SNAPSHOT_TIMEOUT):
            return await connection.answer


def pieces(chunks: list[bytes]) -> list[bytes]:
    """Returns chunks cut, or joined, to a good size for sending."""
    out: list[bytes] = []
    batch: list[bytes] = []
    size = 0
    for chunk in chunks:
        for at in range(0, len(chunk), PART):
            cut = chunk[at : at + PART]
            if size + len(cut) > PART:
                out.append(b"".join(batch))
                batch, size = [], 0
            batch.append(cut)
            size += len(cut)
    if batch:
        out.append(b"".join(batch))
    return out


