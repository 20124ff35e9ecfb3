"""A network in memory: connections of bytes, with all that TCP may do.

What is written to a connection arrives at the other end in order, late, cut
into other pieces, or not at all when the connection ends. A **cut** link
carries nothing: what is sent waits, as for a retransmission, and comes when
the link is healed; half of the connections do not live to see that. A crash
of a process ends its connections; a power cut does not, and the other side
goes on talking to nobody, until it is told after the reboot.

Between nodes, messages of raft may be lost, doubled or reordered one by one,
too. TCP does not do that inside a connection, but connections come and go,
and raft has to bear all three.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from kv.faults import ANY, CLIENTS
from kv.messages import RAFT
from kv.sim.loop import Process, SimLoop

P = TypeVar("P", bound=asyncio.BaseProtocol)

HIGH: Final = 1 << 16  # bytes under way, before a writer is paused
LOW: Final = 1 << 14
RETRY: Final = 0.25  # seconds until a lost packet is sent again
_SHORTEST: Final = 4  # bytes of a message
_LONG_ARRAY: Final = 0xDC  # in msgpack; two bytes of length follow


@dataclass
class Trouble:
    """Something that is wrong with some links.

    Attributes:
        source: Who sends; `ANY` for all nodes.
        to: Who receives.
        stuck: Nothing passes; what is sent waits.
        patient: Nobody gives a connection up for that.
        delay: Seconds more, and up to `spread` more.
        loss: The share of messages that are lost.
        double: That arrive twice.
        reorder: That overtake.
        rate: Bytes a second; 0: any number.
        pairs: If given, just these links.
    """

    source: int = ANY
    to: int = ANY
    stuck: bool = False
    patient: bool = False
    delay: float = 0.0
    spread: float = 0.0
    loss: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    rate: int = 0
    pairs: frozenset[tuple[int, int]] | None = None

    def hits(self, source: int, to: int) -> bool:
        """Tells whether it is a link's."""
        if self.pairs is not None:
            return (source, to) in self.pairs
        if CLIENTS in (source, to) and CLIENTS not in (self.source, self.to):
            return False
        return self.source in (source, ANY) and self.to in (to, ANY)


class _Link:
    """How it stands with all that goes from one machine to another."""

    __slots__ = ("delay", "double", "free", "loss", "rate", "reorder",
                 "spread", "strange", "stuck")  # fmt: skip

    def __init__(self) -> None:
        self.free = 0.0  # when the line will be
        self.reset()

    def reset(self) -> None:
        self.stuck = self.strange = False
        self.delay = self.spread = 0.0
        self.loss = self.double = self.reorder = 0.0
        self.rate = 0

    def add(self, t: Trouble) -> None:
        self.stuck = self.stuck or t.stuck
        self.delay += t.delay
        self.spread += t.spread
        self.loss = max(self.loss, t.loss)
        self.double = max(self.double, t.double)
        self.reorder = max(self.reorder, t.reorder)
        if t.rate:
            self.rate = min(self.rate or t.rate, t.rate)
        self.strange = bool(
            self.loss or self.double or self.reorder or self.rate
        )


class Fabric:
    """All machines' network.

    Attributes:
        troubles: What is wrong now.
        sent: How many pieces were written.
        trace: Called with what arrives: time, link, bytes.
    """

    def __init__(
        self, loop: SimLoop, rng: random.Random,
        trace: Callable[[float, int, int, bytes], None],
    ) -> None:  # fmt: skip
        """Starts without listeners.

        Args:
            loop: Whose time it is.
            rng: Latencies, and all that is left to chance.
            trace: See the attribute.
        """
        self.loop = loop
        self.rng = rng
        self.trace = trace
        self.troubles: list[Trouble] = []
        self.sent = 0
        self.listeners: dict[tuple[str, int], _Listener] = {}
        self.dark: set[int] = set()  # machines without power
        self._links: dict[tuple[int, int], _Link] = {}
        self._pipes: dict[_Pipe, None] = {}

    def link(self, source: int, to: int) -> _Link:
        """Returns how it stands with a link."""
        found = self._links.get((source, to))
        if found is None:
            found = self._links[source, to] = _Link()
            self._judge(source, to, found)
        return found

    def _judge(self, source: int, to: int, link: _Link) -> None:
        link.reset()
        for trouble in self.troubles:
            if trouble.hits(source, to):
                link.add(trouble)

    def add(self, trouble: Trouble) -> None:
        """Has something go wrong."""
        self.troubles.append(trouble)
        self._again()
        if trouble.stuck:
            for pipe in [*self._pipes]:
                if trouble.hits(pipe.source, pipe.to):
                    pipe.catch()
                    if not trouble.patient:
                        pipe.may_die()

    def end(self, trouble: Trouble) -> None:
        """Has it go right again, if it has not already."""
        kept = [t for t in self.troubles if t is not trouble]
        if len(kept) < len(self.troubles):
            self.troubles = kept
            self._again()

    def end_all(self) -> None:
        """Has everything go right again."""
        self.troubles = []
        self._again()

    def _again(self) -> None:
        for (source, to), link in self._links.items():
            self._judge(source, to, link)
        for pipe in [*self._pipes]:
            pipe.look()

    def break_all(self, source: int, to: int) -> None:
        """Ends connections in the middle of what they carry."""
        chosen = Trouble(source, to)
        for pipe in [*self._pipes]:
            if chosen.hits(pipe.source, pipe.to) and pipe in self._pipes:
                pipe.snap()

    def reboot(self, machine: int) -> None:
        """A machine has power again: who still talked to it is told."""
        self.dark.discard(machine)
        for pipe in [*self._pipes]:
            if pipe.to == machine:
                pipe.tell_of_reboot()

    def latency(self, link: _Link) -> float:
        """Returns how long a piece takes."""
        rng = self.rng
        dice = rng.random()
        if dice < 0.01:  # A long tail.
            base = 0.002 + 0.03 * rng.random()
        else:
            base = 0.0002 + 0.0004 * dice
        if link.delay or link.spread:
            base += link.delay + link.spread * rng.random()
        return base


class _Listener:
    """A `Listener`."""

    def __init__(
        self, fabric: Fabric, host: int, process: Process,
        factory: Callable[[], asyncio.BaseProtocol],
        address: tuple[str, int],
    ) -> None:  # fmt: skip
        self.address = address
        self.host = host
        self.process = process
        self.factory = factory
        self._fabric = fabric
        process.at_end.append(self.close)

    def close(self) -> None:
        """Takes no more connections."""
        if self._fabric.listeners.get(self.address) is self:
            del self._fabric.listeners[self.address]


class SimNetwork:
    """A `Network`, as one process sees it."""

    def __init__(self, fabric: Fabric, host: int, process: Process) -> None:
        """Plugs a process in.

        Args:
            fabric: The network.
            host: The machine: a node's id, or `CLIENTS`.
            process: Whose connections end with it.
        """
        self._fabric = fabric
        self._host = host
        self._process = process

    async def listen(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> _Listener:
        """Takes connections on a port; see `Network.listen`."""
        address = host, port
        if address in self._fabric.listeners:
            raise OSError(98, "address already in use")
        listener = _Listener(
            self._fabric, self._host, self._process, factory, address
        )
        self._fabric.listeners[address] = listener
        return listener

    async def connect(
        self,
        factory: Callable[[], P],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> P:
        """Connects; see `Network.connect`."""
        fabric, loop, me = self._fabric, self._fabric.loop, self._host
        to = machine_of(host)
        there, back = fabric.link(me, to), fabric.link(to, me)
        await asyncio.sleep(fabric.latency(there))
        # A packet that is lost is sent again, until somebody gives up.
        while there.stuck or back.stuck or to in fabric.dark:
            await asyncio.sleep(RETRY * (0.5 + fabric.rng.random()))
        listener = fabric.listeners.get((host, port))
        if listener is None:
            await asyncio.sleep(fabric.latency(back))
            raise ConnectionRefusedError(111, "connection refused")
        ours = SimTransport(fabric, self._process, me, host)
        theirs = SimTransport(fabric, listener.process, to, f"m{me}")
        peers = CLIENTS not in (me, to)
        ours.pipe = _Pipe(fabric, me, to, ours, theirs, peers)
        theirs.pipe = _Pipe(fabric, to, me, theirs, ours, peers)
        loop.call_soon(
            theirs.accept, listener.factory, context=listener.process.context
        )
        await asyncio.sleep(fabric.latency(back))
        protocol = factory()
        ours.begin(protocol)
        return protocol


def machine_of(host: str) -> int:
    """Returns the number of the machine that has a name."""
    return int(host.removeprefix("m"))


class SimTransport(asyncio.Transport):
    """One end of a connection."""

    pipe: _Pipe

    def __init__(
        self, fabric: Fabric, process: Process, host: int, peer: str
    ) -> None:
        """Makes an end whose `pipe` to the other end is yet to be set."""
        super().__init__({"peername": (peer, 0)})
        self.process = process
        self.host = host
        self.closed = False  # Nothing more is to be written.
        self.lost = False  # The protocol has been told, or will be.
        self._fabric = fabric
        self._protocol: Any = None
        self._deaf = False
        self._unread: deque[bytes] = deque()
        self._ended = False  # The other side has said goodbye.
        process.at_end.append(self._orphaned)

    def accept(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Begins at the side that was connected to."""
        if not self.lost:
            self.begin(factory())

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Hands the connection to a protocol."""
        self._protocol = protocol
        protocol.connection_made(self)
        if self.lost:
            self._protocol.connection_lost(ConnectionResetError("reset"))
            return
        self._read_on()

    # What arrives; always in the context of the process.

    def arrive(self, data: bytes) -> None:
        """Takes bytes."""
        if self.lost:
            return
        if self._deaf or self._protocol is None or self._unread:
            self._unread.append(data)
            return
        self._protocol.data_received(data)

    def eof(self) -> None:
        """Hears that the other side writes no more."""
        self._ended = True
        self._read_on()

    def reset(self, error: Exception | None) -> None:
        """Hears that the connection has ended."""
        if self.lost:
            return
        self.lost = self.closed = True
        self._forget()
        self.pipe.drop()
        self.pipe.vanish()
        if self._protocol is not None:
            self._protocol.connection_lost(error)

    def _read_on(self) -> None:
        while self._unread and not self._deaf and not self.lost:
            self._protocol.data_received(self._unread.popleft())
        if self._ended and not self._unread and self._protocol is not None:
            self._ended = False
            if not self.lost and not self._protocol.eof_received():
                self.close()

    # What a protocol asks for.

    def write(self, data: Any) -> None:  # noqa: ANN401
        """Sends bytes."""
        if not self.closed and data:
            self.pipe.send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:  # noqa: ANN401
        """Sends bytes."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Ends the connection once all is sent."""
        if not self.closed:
            self.closed = True
            self.pipe.finish()
            self._lose(None)

    def abort(self) -> None:
        """Ends the connection at once."""
        if not self.lost:
            self.closed = True
            self.pipe.reset()
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self._forget()
            self._fabric.loop.call_soon(
                self._tell, error, context=self.process.context
            )

    def _tell(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._protocol.connection_lost(error)

    def _forget(self) -> None:
        if self._orphaned in self.process.at_end:
            self.process.at_end.remove(self._orphaned)

    def _orphaned(self) -> None:
        """The process is dead: its system ends the connection for it."""
        self.closed = self.lost = True
        if self.host in self._fabric.dark:
            self.pipe.drop()  # Nobody is there to say anything.
            self.pipe.vanish()
        else:
            self.pipe.reset()

    def break_off(self) -> None:
        """The network gives the connection up, at this end."""
        if not self.lost:
            self.lost = self.closed = True
            self._forget()
            self.pipe.drop()
            if self._protocol is not None:
                self._fabric.loop.call_soon(
                    self._tell, ConnectionResetError("broken"),
                    context=self.process.context,
                )  # fmt: skip

    def can_write_eof(self) -> bool:
        """Tells that one side may go on to read."""
        return True

    def write_eof(self) -> None:
        """Writes no more, and reads on."""
        if not self.closed:
            self.closed = True
            self.pipe.finish()

    def is_closing(self) -> bool:
        """Tells whether nothing more can be written."""
        return self.closed

    def is_reading(self) -> bool:
        """Tells whether it is not paused."""
        return not self._deaf

    def pause_reading(self) -> None:
        """Takes nothing more for now."""
        self._deaf = True

    def resume_reading(self) -> None:
        """Goes on with what came in."""
        if self._deaf:
            self._deaf = False
            self._fabric.loop.call_soon(
                self._read_on, context=self.process.context
            )

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes have not arrived."""
        return self.pipe.size

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Changes nothing."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Returns who is told."""
        found: asyncio.BaseProtocol = self._protocol
        return found

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Changes who is told."""
        self._protocol = protocol


_FIN: Final = b"fin"
_RST: Final = b"rst"


class _Pipe:
    """All that goes from one end of a connection to the other.

    Attributes:
        source: The machine that sends.
        to: The one that gets it.
        size: How many bytes are under way.
    """

    __slots__ = (
        "_fabric", "_flying", "_full", "_last", "_link", "_peers",
        "_receiver", "_sender", "_waiting", "size", "source", "to",
    )  # fmt: skip

    def __init__(
        self, fabric: Fabric, source: int, to: int, sender: SimTransport,
        receiver: SimTransport, peers: bool,
    ) -> None:  # fmt: skip
        self.source = source
        self.to = to
        self.size = 0
        self._fabric = fabric
        self._link = fabric.link(source, to)
        self._sender = sender
        self._receiver = receiver
        self._peers = peers
        self._last = 0.0
        self._full = False
        # Each with what it is: `_FIN`, `_RST`, or nothing for bytes.
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._flying: deque[tuple[asyncio.TimerHandle, bytes, bytes]]
        self._flying = deque()
        fabric._pipes[self] = None

    def send(self, data: bytes) -> None:
        """Sends bytes."""
        fabric = self._fabric
        fabric.sent += 1
        link = self._link
        self.size += len(data)
        if self.size > HIGH and not self._full:
            self._full = True
            self._sender._protocol.pause_writing()
        if link.stuck or self._waiting:
            self._waiting.append((b"", data))
            return
        if link.strange:
            self._send_strangely(data, link)
        elif len(data) > 1 and fabric.rng.random() < 0.02:
            at = fabric.rng.randrange(1, len(data))
            self._put(data[:at], link)
            self._put(data[at:], link)
        else:
            self._put(data, link)

    def _send_strangely(self, data: bytes, link: _Link) -> None:
        """Sends bytes over a link that is slow, or out of its mind."""
        rng = self._fabric.rng
        wait = 0.0
        if link.rate:
            now = self._fabric.loop.time()
            link.free = max(link.free, now) + len(data) / link.rate
            wait = link.free - now
        message = self._peers and is_raft(data)
        if rng.random() < link.loss:
            if message:
                self.size -= len(data)
                return
            wait += RETRY
        if message and rng.random() < link.double:
            self.size += len(data)
            self._put(data, link, rng.random() * 0.3, ordered=False)
        if message and rng.random() < link.reorder:
            self._put(data, link, rng.random() * 0.1, ordered=False)
        else:
            self._put(data, link, wait)

    def _put(
        self, data: bytes, link: _Link, wait: float = 0.0,
        ordered: bool = True, what: bytes = b"",
    ) -> None:  # fmt: skip
        fabric = self._fabric
        when = fabric.loop._now + wait + fabric.latency(link)
        if ordered:
            self._last = when = max(when, self._last + 1e-9)
        timer = fabric.loop.call_at(
            when, self._arrive, data, what,
            context=self._receiver.process.context,
        )  # fmt: skip
        if ordered:
            self._flying.append((timer, what, data))

    def _arrive(self, data: bytes, what: bytes) -> None:
        """Hands over what has arrived; in the receiver's context."""
        fabric, flying = self._fabric, self._flying
        while flying and flying[0][0].when() <= fabric.loop._now:
            flying.popleft()
        fabric.trace(fabric.loop._now, self.source, self.to, data or what)
        if what == _RST:
            self._receiver.reset(ConnectionResetError("reset by peer"))
            return
        if what == _FIN:
            self._receiver.eof()
            return
        self.size -= len(data)
        if self._full and self.size < LOW:
            self._full = False
            fabric.loop.call_soon(
                self._resume, context=self._sender.process.context
            )
        self._receiver.arrive(data)

    def _resume(self) -> None:
        if not self._sender.lost and self._sender._protocol is not None:
            self._sender._protocol.resume_writing()

    def finish(self) -> None:
        """Says goodbye after all that was sent."""
        self._say(_FIN)

    def reset(self) -> None:
        """Ends the connection at the other end, too."""
        self._say(_RST)

    def _say(self, what: bytes) -> None:
        link = self._link
        if link.stuck or self._waiting:
            self._waiting.append((what, b""))
        else:
            self._put(b"", link, what=what)
            self.vanish()

    def look(self) -> None:
        """Sends what has waited, if the link carries it again."""
        if not self._waiting:
            return
        link = self._link
        if link.stuck:
            return
        waiting, self._waiting = self._waiting, deque()
        pause = RETRY * (0.2 + self._fabric.rng.random())
        for what, data in waiting:
            self._put(data, link, pause, what=what)
            if what:
                self.vanish()

    def catch(self) -> None:
        """What is under way does not arrive now: it will be sent again."""
        now = self._fabric.loop.time()
        caught = [
            (what, data) for timer, what, data in self._flying
            if timer.when() > now
        ]  # fmt: skip
        for timer, _, _ in self._flying:
            if timer.when() > now:
                timer.cancel()
        self._flying.clear()
        self._waiting.extendleft(reversed(caught))
        if any(what for what, _ in caught):
            self._fabric._pipes[self] = None  # There is something to look for.

    def may_die(self) -> None:
        """The link is cut: one end, or both, may lose patience."""
        fabric = self._fabric
        if fabric.rng.random() < 0.5:
            fabric.loop.call_later(
                3 * fabric.rng.random(), self._lose_patience
            )

    def _lose_patience(self) -> None:
        if self._link.stuck:
            self._sender.break_off()
            self._say(_RST)

    def snap(self) -> None:
        """Breaks, within what is under way."""
        fabric = self._fabric
        flying = [(t, d) for t, _, d in self._flying if d]
        if flying:
            keep = fabric.rng.randrange(len(flying))
            for timer, _ in flying[keep:]:
                timer.cancel()
            data = flying[keep][1]
            part = data[: fabric.rng.randrange(len(data))]
            if part:
                self._put(part, self._link)
        self._sender.break_off()
        self.reset()

    def tell_of_reboot(self) -> None:
        """If the other end died with its machine, this one hears of it."""
        if self._receiver.process.dead:
            wait = self._fabric.rng.random()
            self._fabric.loop.call_later(wait, self._sender.break_off)
            self.vanish()

    def drop(self) -> None:
        """Sends no more of what has waited."""
        self._waiting.clear()

    def vanish(self) -> None:
        """Nobody will send here any more."""
        self._fabric._pipes.pop(self, None)


def is_raft(data: bytes) -> bool:
    """Tells whether bytes are just one frame with messages of raft."""
    size = int.from_bytes(data[:4], "big")
    if size != len(data) - 4 or size < _SHORTEST:
        return False
    # The kind is the first of an array of up to 15, or of more.
    return data[7 if data[4] == _LONG_ARRAY else 5] == RAFT
