"""One client's connection: requests come in, answers go out in their order.

Requests of one client may be many at a time (pipelining), and are answered in
order, whatever takes how long. So each has a place in line, a slot: an answer
that is there, or one that is to come; what is written is always the front of
the line, up to the first that is not there yet. Writes that follow one
another are under way together, and so are reads; but a read behind a write
begins when the write is done, and a write behind a read when that is
answered: within one connection things happen as they were asked.

What a command does is none of a connection's business. It looks it up, sees
whether it has to wait, and calls it; the command then answers at once
(`reply`), or takes a place in line for later (`expect`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from kv.commands import Result
from kv.redis.replies import Shape, failure, refusal
from kv.replica.answers import Answer, Done
from kv.resp import ProtocolError, Requests, TooLarge, error

CONNECTIONS: Final = 1000
OUTSTANDING: Final = 4096  # requests of one client at a time
LINGER: Final = 1.0  # seconds

LOCAL, READ, WRITE = range(3)
"""Kinds of commands: answered on the spot, by a read, by a write."""

_OPEN: Final = frozenset({b"AUTH", b"HELLO", b"QUIT"})

Handler = tuple[
    int, int, int, "Callable[[Connection, list[bytes]], None]"
]
"""How a command is carried out.

Its kind; how many arguments it takes at least, and at most; and what does it,
called with the command's name and arguments. What is wrong with these it says
by a `ValueError`. (A plain tuple is the quickest to take apart.)
"""

_log = logging.getLogger("kv.redis")


class Clients:
    """All clients of a node.

    Attributes:
        locked: Whether a client has to say a password first.
        commands: What they may ask; nothing until the node is ready. (Its
            port is open a little before all is there.)
        connections: Those that are there, in their order.
        admitted: How many have come so far.
    """

    def __init__(self, locked: bool) -> None:
        """Begins without any."""
        self.locked = locked
        self.commands: Mapping[bytes, Handler] = {}
        self.connections: dict[Connection, None] = {}
        self.admitted = 0
        self._dirty: list[Connection] = []

    def connection(self) -> Connection:
        """Returns what is to serve a client who connects."""
        return Connection(self)

    def admit(self, connection: Connection) -> bool:
        """Counts a connection in, unless there are too many."""
        if len(self.connections) >= CONNECTIONS:
            return False
        self.connections[connection] = None
        self.admitted += 1
        return True

    def soon(self, connection: Connection) -> None:
        """Has a connection's answers written when this round is over.

        One write for all of them, instead of one for each.
        """
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self.flush)
        self._dirty.append(connection)

    def flush(self) -> None:
        """Writes the answers that are there."""
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    def close(self) -> None:
        """Ends all connections."""
        for connection in [*self.connections]:
            connection.close()


class _Slot:
    """The place of an answer in the line of a connection."""

    __slots__ = ("connection", "reply", "shape")

    def __init__(self, connection: Connection, shape: Shape) -> None:
        self.connection = connection
        self.shape = shape
        self.reply: bytes | None = None

    def done(self, answer: Answer) -> None:
        """Takes the answer of the replica."""
        if type(answer) is Result:
            self.reply = (
                self.shape(answer)
                if answer.status <= 1
                else refusal(answer.status)
            )
        else:
            self.reply = failure(answer)  # type: ignore[arg-type]
        connection = self.connection
        connection.outstanding -= 1
        if connection.slots and connection.slots[0] is self:
            connection.clients.soon(connection)


class Connection(asyncio.Protocol):
    """One client.

    Attributes:
        clients: All of them, this one among them.
        slots: The line of answers.
        outstanding: How many of them are still to come.
        name: What the client calls itself.
        known: Whether it has said the password, if there is one.
    """

    def __init__(self, clients: Clients) -> None:
        """Begins with nothing asked."""
        self.clients = clients
        self.slots: deque[_Slot | bytes] = deque()
        self.outstanding = 0
        self.name = b""
        self.known = not clients.locked
        self._requests = Requests()
        self._transport: asyncio.Transport | None = None
        self._held: deque[list[bytes]] = deque()
        self._writing = False  # What the outstanding requests are.
        self._closing = False
        self._deaf = False  # It could not be understood any more.
        self._reading = True
        self._full = False  # It does not read its answers.

    @property
    def id(self) -> int:
        """A number that no other connection of now has."""
        return id(self) & 0xFFFFFFFF

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if not self.clients.admit(self) and self._transport is not None:
            self._transport.write(error("ERR", "too many connections"))
            self._transport.close()
            self._transport = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._held.clear()
        self.slots.clear()
        self.clients.connections.pop(self, None)

    def pause_writing(self) -> None:
        # A client who does not read its answers may ask no more.
        self._full = True
        self._pause()

    def resume_writing(self) -> None:
        self._full = False
        if not self._held:
            self._resume()

    def _pause(self) -> None:
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._full or self._reading:
            return
        if self._transport is not None:
            self._reading = True
            self._transport.resume_reading()

    # What comes in.

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            requests = self._requests.feed(data)
        except ProtocolError as problem:
            code = "TOOLARGE" if isinstance(problem, TooLarge) else "ERR"
            _log.info("client closed: %s", problem)
            self.slots.append(error(code, f"Protocol error: {problem}"))
            self._closing = self._deaf = True
            self._resume()
            self.clients.soon(self)
            return
        if self._held:
            self._held.extend(requests)
            return
        for i, request in enumerate(requests):
            if not self._request(request):
                self._held.extend(requests[i:])
                self._pause()
                return

    def _go_on(self) -> None:
        """Takes up what had to wait."""
        held = self._held
        while held:
            if not self._request(held[0]):
                return
            held.popleft()
        self._resume()

    def _request(self, request: list[bytes]) -> bool:
        """Begins with a request, unless it has to wait: then `False`."""
        if self._closing or not request:
            return True
        name = request[0].upper()
        if not self.known and name not in _OPEN:
            self.reply(error("NOAUTH", "Authentication required."))
            return True
        commands = self.clients.commands
        if not commands:
            self.reply(error("LOADING", "the node starts; nothing was done"))
            return True
        handler = commands.get(name)
        if handler is None:
            shown = request[0][:64].decode("utf-8", "replace")
            self.reply(error("ERR", f"unknown command '{shown}'"))
            return True
        kind, least, most, function = handler
        if not least <= len(request) - 1 <= most:
            self.reply(error(
                "ERR", f"wrong number of arguments for '{name.decode()}'"
            ))  # fmt: skip
            return True
        if kind != LOCAL and self.outstanding:
            writing = kind == WRITE
            if (
                writing is not self._writing
                or self.outstanding >= OUTSTANDING
            ):
                return False
        if kind != LOCAL:
            self._writing = kind == WRITE
        try:
            function(self, request)
        except ValueError as problem:
            self.reply(error("ERR", str(problem)))
        return True

    # What goes out.

    def reply(self, data: bytes) -> None:
        """Answers at once, but in its turn."""
        self.slots.append(data)
        if len(self.slots) == 1:
            self.clients.soon(self)

    def expect(self, shape: Shape) -> Done:
        """Keeps a place in line for an answer of the replica.

        Args:
            shape: Makes a reply of it.

        Returns:
            Whom the replica has to tell.
        """
        slot = _Slot(self, shape)
        self.slots.append(slot)
        self.outstanding += 1
        return slot.done

    def leave(self) -> None:
        """Ends the connection once all that was asked is answered."""
        self._closing = True

    def flush(self) -> None:
        """Writes all answers up to the first that is not there yet."""
        out = []
        slots = self.slots
        while slots:
            first = slots[0]
            if isinstance(first, bytes):
                out.append(first)
            elif first.reply is not None:
                out.append(first.reply)
            else:
                break
            slots.popleft()
        if self._transport is not None and out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._closing and not slots:
            self._end()
        elif self._held:
            self._go_on()

    def _end(self) -> None:
        """Says goodbye.

        To close while the client still sends would reset the connection, and
        the last answer might never be seen: so listen on for a moment.
        """
        if not self._deaf or self._transport is None:
            self.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER, self.close)

    def close(self) -> None:
        """Ends the connection when all is written."""
        if self._transport is not None:
            self._transport.close()
