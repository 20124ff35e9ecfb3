"""Proxies on loopback that stand for the links between machines.

Each node tells the others to dial its *gate*, a port of ours, and so do
clients. From the first message of a connection between nodes the gate learns
who dials; from then on each direction of the connection is a `_Pipe` of one
link, the one from source to destination, and goes as fast, as late, or not at
all, as the *effects* on that link have it.

TCP carries bytes in order or not at all, and so do these links: nothing is
lost, doubled or swapped within a connection. A loss is a wait until it is sent
again; a cut holds back what is sent, and when it is over, the connections that
had something under way are reset, as by a firewall that has forgotten them; a
clog holds it back and delivers it, late. A broken connection ends in the
middle of whatever is said.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from kv import messages
from kv.faults import ANY, CLIENTS
from kv.messages import Address
from kv.seams import Framing, MakeFraming
from kv.transport import FRAME_LIMIT

HIGH: Final = 1 << 20  # bytes that a pipe takes in before it waits
LOW: Final = HIGH // 4
RESEND: Final = 0.2  # seconds until TCP sends again what was lost, or twice
BREATH: Final = 0.05  # seconds between looks at what has changed
PATIENCE: Final = 1.0  # seconds to wait for a message to be cut in two
CONNECT: Final = 2.0  # seconds


class Effect(NamedTuple):
    """What is wrong with links.

    Attributes:
        cut: Nothing passes, and connections are reset in the end.
        clog: Nothing passes for now.
        delay: Seconds that everything takes more.
        spread: And up to so many more, at random.
        share: How much is lost and sent again, from 0 to 1.
        rate: Bytes a second; 0: as many as come.
    """

    cut: bool = False
    clog: bool = False
    delay: float = 0.0
    spread: float = 0.0
    share: float = 0.0
    rate: int = 0


CLEAR: Final = Effect()
Matches = Callable[[int, int], bool]


def between(source: int, to: int, both: bool = False) -> Matches:
    """Returns what tells whether a link has these ends.

    Args:
        source: Who sends; a node, `CLIENTS`, or `ANY` node.
        to: Who receives.
        both: Whether the other direction is meant, too.
    """

    def one(s: int, t: int) -> bool:
        return _is(source, s) and _is(to, t)

    def two(s: int, t: int) -> bool:
        return one(s, t) or one(t, s)

    return two if both else one


def _is(wanted: int, end: int) -> bool:
    return wanted == end or (wanted == ANY and end != CLIENTS)


def apart(groups: tuple[tuple[int, ...], ...]) -> Matches:
    """Returns what tells which links a partition cuts.

    Two nodes can speak if some group holds both, or none holds either.
    """

    def matches(source: int, to: int) -> bool:
        if CLIENTS in (source, to):
            return False
        if any(source in g and to in g for g in groups):
            return False
        return any(source in g or to in g for g in groups)

    return matches


class Links:
    """All links, what is wrong with them, and the gates to them."""

    def __init__(self, framing: MakeFraming, rng: random.Random) -> None:
        """Starts without a gate.

        Args:
            framing: What nodes have between each other, to see who dials.
            rng: Dice for spreads, losses, and where messages break.
        """
        self.framing = framing
        self.rng = rng
        self._links: dict[tuple[int, int], _Link] = {}
        self._effects: dict[int, tuple[Matches, Effect]] = {}
        self._next = 0
        self._servers: list[asyncio.Server] = []
        self._sides: set[_Side] = set()

    async def gate(
        self, node: int, address: Address, clients: bool = False
    ) -> Address:
        """Opens a gate to a node.

        Args:
            node: Whose.
            address: Where the node itself listens.
            clients: Whether it is for clients, and not for other nodes.

        Returns:
            Where to dial.
        """
        loop = asyncio.get_running_loop()

        def accept() -> _Side:
            return _Dialled(self, node, address, clients)

        server = await loop.create_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        return host, port

    def add(self, matches: Matches, effect: Effect) -> int:
        """Has an effect on all links that match; returns its number."""
        self._next += 1
        self._effects[self._next] = matches, effect
        self._changed()
        return self._next

    def remove(self, number: int) -> None:
        """Ends an effect, if it is still there."""
        if self._effects.pop(number, None) is not None:
            self._changed()

    def heal(self) -> None:
        """Ends all effects."""
        self._effects.clear()
        self._changed()

    def broken(self, matches: Matches) -> int:
        """Breaks connections in the middle of a message.

        Returns:
            How many there were.
        """
        count = 0
        for link in self._links.values():
            if matches(link.source, link.to):
                for pipe in [*link.pipes]:
                    pipe.break_()
                    count += 1
        return count

    def link(self, source: int, to: int) -> _Link:
        """Returns a link; it is made if nothing has passed it so far."""
        found = self._links.get((source, to))
        if found is None:
            found = self._links[source, to] = _Link(source, to)
            found.change(self._effect(source, to))
        return found

    def _effect(self, source: int, to: int) -> Effect:
        """Returns all that is wrong with a link, added up."""
        cut = clog = False
        delay = spread = 0.0
        rate = 0
        kept = 1.0
        for matches, e in self._effects.values():
            if matches(source, to):
                cut, clog = cut or e.cut, clog or e.clog
                delay, spread = delay + e.delay, spread + e.spread
                kept *= 1 - e.share
                rate = min(filter(None, (rate, e.rate)), default=0)
        return Effect(cut, clog, delay, spread, 1 - kept, rate)

    def _changed(self) -> None:
        for link in self._links.values():
            link.change(self._effect(link.source, link.to))

    async def close(self) -> None:
        """Ends all connections, and takes no more."""
        for server in self._servers:
            server.close()
        for side in [*self._sides]:
            side.abort()
        await asyncio.sleep(0)


class _Link:
    """One direction between two machines.

    Attributes:
        effect: What is wrong with it.
        pipes: One for each connection that goes along it.
        open: Set while anything passes.
    """

    def __init__(self, source: int, to: int) -> None:
        self.source = source
        self.to = to
        self.effect = CLEAR
        self.pipes: set[_Pipe] = set()
        self.open = asyncio.Event()
        self.open.set()

    def change(self, effect: Effect) -> None:
        """Takes note of what is wrong with it now."""
        was, self.effect = self.effect, CLEAR if effect == CLEAR else effect
        if effect.cut or effect.clog:
            self.open.clear()
            return
        if was.cut:
            for pipe in [*self.pipes]:
                if pipe.held:
                    pipe.reset()
        self.open.set()


class _Pipe:
    """One direction of one connection."""

    def __init__(self, owner: Links, link: _Link, source: _Side) -> None:
        self._owner = owner
        self._link = link
        self._source = source
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._size = 0
        self._due = 0.0
        self._doomed = False
        self._task: asyncio.Task[None] | None = None
        link.pipes.add(self)

    @property
    def held(self) -> bool:
        """Whether something is under way."""
        return bool(self._queue)

    def feed(self, data: bytes | None) -> None:
        """Takes what the source said; `None` is the end."""
        if self not in self._link.pipes:
            return  # The connection has ended.
        if self._doomed:
            self._snap(data or b"")
            return
        effect, sink = self._link.effect, self._source.other
        idle = not self._queue and effect is CLEAR
        if idle and data and sink is not None and sink.ready:
            sink.write(data)
            return
        self._due = max(self._due, self._when(effect))
        self._queue.append((self._due, data))
        self._size += len(data or b"")
        if self._size > HIGH:
            self._source.pause()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def _when(self, effect: Effect) -> float:
        """Returns when what comes now is to arrive."""
        rng = self._owner.rng
        wait = effect.delay + effect.spread * rng.random()
        again = RESEND
        while effect.share and rng.random() < effect.share and again < 4:
            wait += again
            again *= 2
        return asyncio.get_running_loop().time() + wait

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._link.open.wait()
                if self._queue:  # It may have been reset meanwhile.
                    await self._pass()
        except (OSError, TimeoutError):
            self.reset()
        finally:
            self._task = None

    async def _pass(self) -> None:
        """Passes on what is first in line, or waits a little."""
        due, data = self._queue[0]
        left = due - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(min(left, BREATH))
            return
        sink = await self._source.meet()
        if not self._queue:  # It was reset meanwhile.
            return
        if data is None:
            self._queue.clear()
            self._end()
            sink.close()
            return
        rate = self._link.effect.rate
        piece = data[: max(64, int(rate * BREATH))] if rate else data
        if len(piece) < len(data):
            self._queue[0] = due, data[len(piece) :]
        else:
            self._queue.popleft()
        self._size -= len(piece)
        sink.write(piece)
        if rate:
            await asyncio.sleep(len(piece) / rate)
        await sink.writable()
        if self._size < LOW:
            self._source.resume()

    def break_(self) -> None:
        """Ends the connection in the middle of the next that is said."""
        if not self._doomed:
            self._doomed = True
            loop = asyncio.get_running_loop()
            loop.call_later(PATIENCE, self._snap, b"")

    def _snap(self, data: bytes) -> None:
        if self not in self._link.pipes:
            return
        sink = self._source.other
        if sink is not None and sink.ready and not self._queue:
            if len(data) > 1:
                sink.write(data[: self._owner.rng.randrange(1, len(data))])
            self._end()
            sink.close()
            self._source.abort()
        else:
            self.reset()

    def reset(self) -> None:
        """Ends the connection at both ends, and loses what is under way."""
        self._end()
        sink = self._source.other
        self._source.abort()
        if sink is not None:
            sink.abort()

    def _end(self) -> None:
        self._queue.clear()
        self._link.pipes.discard(self)

    def stop(self) -> None:
        """Forgets it: there is nobody left to bring anything to."""
        self._end()
        if self._task is not None:
            self._task.cancel()


class _Side(asyncio.Protocol):
    """One end of a proxied connection.

    Attributes:
        other: The other end, once it is there.
        pipe: What becomes of what is said here, once that is known.
    """

    def __init__(self, owner: Links) -> None:
        self.owner = owner
        self.other: _Side | None = None
        self.pipe: _Pipe | None = None
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def ready(self) -> bool:
        """Whether it can be written to now."""
        return self._transport is not None and self._writable.is_set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.owner._sides.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.owner._sides.discard(self)
        self._writable.set()
        if self.pipe is not None:
            self.pipe.feed(None)
        if self.other is not None and self.other.pipe is not None:
            self.other.pipe.stop()

    def data_received(self, data: bytes) -> None:
        if self.pipe is not None:
            self.pipe.feed(data)

    async def meet(self) -> _Side:
        """Returns the other end."""
        if self.other is None:
            raise ConnectionError("there is no other end")
        return self.other

    def write(self, data: bytes) -> None:
        """Passes bytes on to who is connected here."""
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def writable(self) -> None:
        """Returns once it takes more, or is gone."""
        await self._writable.wait()

    def pause(self) -> None:
        """Reads no more for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    def close(self) -> None:
        """Ends the connection here, after what was written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection here, at once."""
        if self._transport is not None:
            self._transport.abort()


class _Dialled(_Side):
    """The end that somebody has dialled: it finds out who, and dials on."""

    def __init__(
        self, owner: Links, node: int, address: Address, clients: bool
    ) -> None:
        super().__init__(owner)
        self._node = node
        self._address = address
        self._framing: Framing | None = None
        self._early: list[bytes] = []
        self._dialling = asyncio.Lock()
        self._source = CLIENTS
        if clients:
            self._pipe_from(CLIENTS)
        else:
            self._framing = owner.framing(FRAME_LIMIT)

    def _pipe_from(self, source: int) -> None:
        self._source = source
        link = self.owner.link(source, self._node)
        self.pipe = _Pipe(self.owner, link, self)

    def data_received(self, data: bytes) -> None:
        if self._framing is not None:
            self._early.append(data)
            try:
                said = self._framing.feed(data)
            except ValueError:
                said = [b""]
            if not said:
                return
            self._framing = None
            self._pipe_from(_who(said[0]))
            data, self._early = b"".join(self._early), []
        super().data_received(data)

    async def meet(self) -> _Side:
        """Returns the other end, the node itself: dials it if need be."""
        async with self._dialling:
            if self.other is None:
                await self._dial()
        return await super().meet()

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT):
            _, side = await loop.create_connection(
                lambda: _Side(self.owner), *self._address
            )
        if self._transport is None:  # Gone meanwhile.
            side.abort()
            raise ConnectionError("who dialled has gone")
        side.other, self.other = self, side
        back = self.owner.link(self._node, self._source)
        side.pipe = _Pipe(self.owner, back, side)


def _who(said: bytes) -> int:
    """Returns which node says so; `ANY` if it cannot be understood."""
    try:
        kind, found = messages.parse(said)
        if kind == messages.HELLO:
            return messages.parse_hello(found).node
    except ValueError:
        pass
    return ANY
