"""A client that survives what the cluster survives.

    async with Client([("127.0.0.1", 7001), ("127.0.0.1", 7002)]) as client:
        await client.put(b"color", b"blue")
        value = await client.get(b"color")

It talks to one server, and goes on to the next if that one is gone, slow, or
without a leader. A write that was sent and not answered may have been done; so
each write carries the client's session and a number, by which the cluster does
it once, however often it is sent. Only if the session itself has been
forgotten meanwhile must the outcome stay unknown.

Every call ends within `timeout`, and its error tells what is certain:

    KvError
    ├── NotDone    it was not done, and will not be
    ├── Unknown    it may have been done, or may yet be
    └── Refused    the server understood, and said no

A client does one thing at a time; calls of several tasks wait for each other.
Whoever wants more at a time opens more clients.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, cast

import hiredis

from kv.messages import Address
from kv.world import World, open_streams, real_world

_RETRY: Final = 0.02  # seconds between tries
# What a server says when it has certainly not done it, and another, or the
# same a little later, may.
_NOT_DONE: Final = frozenset({"NOLEADER", "BUSY", "STOPPED", "LOADING"})
_GONE: Final = (OSError, EOFError, asyncio.IncompleteReadError)


class KvError(Exception):
    """What a client can say of a call that has failed."""


class NotDone(KvError):
    """It was not done, and will not be."""


class Unknown(KvError):
    """It may have been done, or may yet be."""


class Refused(KvError):
    """The server understood, and said no.

    Attributes:
        code: Its reason in one word, `TOOLARGE` for instance.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class Swap(NamedTuple):
    """What came of a `cas`.

    Attributes:
        swapped: Whether the expected value stood there.
        actual: If not: what did.
    """

    swapped: bool
    actual: bytes | None = None


class Connection:
    """One connection to one server; requests may be sent ahead."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Takes over a connection."""
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader(replyError=Refused)

    @classmethod
    async def open(
        cls, world: World, address: Address, password: str | None = None
    ) -> Self:
        """Connects.

        Raises:
            OSError: nobody answers there.
            Refused: the password is not right.
        """
        connection = cls(*await open_streams(world.network, *address))
        if password is not None:
            answer = await connection.call(b"AUTH", password.encode())
            if isinstance(answer, Refused):
                connection.close()
                raise answer
        return connection

    def send(self, *words: bytes) -> None:
        """Sends a request; `receive` brings the answer."""
        self._writer.write(hiredis.pack_command(words))  # type: ignore[arg-type]

    async def receive(self) -> object:
        """Returns the next answer; an error is returned, not raised.

        Raises:
            OSError: the connection has ended.
        """
        try:
            while (answer := self._parser.gets()) is False:
                data = await self._reader.read(1 << 16)
                if not data:
                    raise ConnectionResetError("the server closed")
                self._parser.feed(data)
        except hiredis.ProtocolError as error:
            raise ConnectionAbortedError(
                "what answers there is no server of the store"
            ) from error
        return answer

    async def call(self, *words: bytes) -> object:
        """Sends a request and returns the answer."""
        self.send(*words)
        return await self.receive()

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()


class Client:
    """A client of a cluster."""

    def __init__(
        self,
        servers: Sequence[Address],
        *,
        password: str | None = None,
        timeout: float = 10.0,
        try_timeout: float = 2.0,
        sessions: bool = True,
        world: World | None = None,
    ) -> None:
        """Makes a client; it connects with the first call.

        Args:
            servers: Where nodes serve clients; any of them will do.
            password: What they want to hear.
            timeout: How long a call takes at most, in seconds.
            try_timeout: How long to wait for one server.
            sessions: Whether writes are done once, though sent again. If
                not, a write that was not answered is not sent again.
            world: Where to connect; this machine's network if not given.
        """
        self._servers = list(servers)
        self._password = password
        self._timeout = timeout
        self._try_timeout = try_timeout
        self._sessions = sessions
        self._world = world or real_world()
        self._at = 0
        self._connection: Connection | None = None
        self._session = 0
        self._sequence = 0
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Returns the client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None,
        error: BaseException | None, trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Closes the client."""
        await self.close()

    @property
    def server(self) -> Address:
        """The server that the next call goes to."""
        return self._servers[self._at]

    def add_server(self, server: Address) -> None:
        """Has the client know one more server."""
        if server not in self._servers:
            self._servers.append(server)

    def remove_server(self, server: Address) -> None:
        """Has the client forget a server, unless it knows no other.

        A call that is under way there is not disturbed; if no answer comes,
        the next try goes elsewhere.
        """
        if server in self._servers and len(self._servers) > 1:
            at = self._servers.index(server)
            del self._servers[at]
            # The one at hand stays the same; if it was this, it is the next.
            self._at = (self._at - (at < self._at)) % len(self._servers)

    async def get(self, key: bytes) -> bytes | None:
        """Returns the value of a key, or `None`."""
        return cast("bytes | None", await self._read(b"GET", key))

    async def exists(self, *keys: bytes) -> int:
        """Returns how many of the keys are there."""
        return cast(int, await self._read(b"EXISTS", *keys))

    async def count(self) -> int:
        """Returns how many keys there are."""
        return cast(int, await self._read(b"DBSIZE"))

    async def keys(self, prefix: bytes = b"") -> list[bytes]:
        """Returns the keys that begin with a prefix, in order."""
        escaped = b"".join(
            b"\\" + bytes([b]) if b in b"*?[]\\" else bytes([b])
            for b in prefix
        )
        return cast("list[bytes]", await self._read(b"KEYS", escaped + b"*"))

    async def put(
        self, key: bytes, value: bytes, *,
        absent: bool = False, present: bool = False,
    ) -> bool:  # fmt: skip
        """Puts a value; returns whether it did.

        Args:
            key: Where.
            value: What.
            absent: Only if the key is not there yet.
            present: Only if it is.
        """
        when = [b"NX"] * absent + [b"XX"] * present
        return await self._write(b"SET", key, value, *when) is not None

    async def append(self, key: bytes, value: bytes) -> int:
        """Appends to a value; returns how long it is now."""
        return cast(int, await self._write(b"APPEND", key, value))

    async def delete(self, *keys: bytes) -> int:
        """Deletes keys; returns how many there were."""
        return cast(int, await self._write(b"DEL", *keys))

    async def cas(
        self, key: bytes, expected: bytes | None, value: bytes | None
    ) -> Swap:
        """Swaps a value in if the expected one stands there.

        Args:
            key: Where.
            expected: What must stand there; `None`: nothing.
            value: What to put; `None` deletes the key.
        """
        flags = [b"ABSENT"] * (expected is None)
        flags += [b"DELETE"] * (value is None)
        answer = cast("list[Any]", await self._write(
            b"CAS", key, expected or b"", value or b"", *flags
        ))  # fmt: skip
        swapped = answer[0] == 1
        return Swap(swapped, None if swapped else answer[1])

    async def status(self) -> dict[str, Any]:
        """Returns what the server at hand knows about itself."""
        answer = await self._read(b"STATUS")
        return cast("dict[str, Any]", json.loads(cast(bytes, answer)))

    async def to_leader(self, *words: bytes) -> object:
        """Sends a request to the leader, and to nobody else.

        It is sent once; if no answer comes, the outcome is unknown.
        """
        async with self._turn:
            await self._find_leader()
            return await self._once(words)

    async def member(self, *words: str) -> None:
        """Changes the members: `add`, `learner`, `promote`, `remove`, ..."""
        await self.to_leader(b"MEMBER", *(w.encode() for w in words))

    async def transfer(self, to: int) -> None:
        """Has another node lead."""
        await self.to_leader(b"TRANSFER", b"%d" % to)

    async def close(self) -> None:
        """Closes the session and the connection, as far as it is easy."""
        if self._connection is not None and self._session:
            try:
                async with self._world.clock.timeout(self._try_timeout):
                    await self._connection.call(
                        b"SESSION", b"CLOSE", b"%d" % self._session
                    )
            except (*_GONE, TimeoutError):
                pass  # It will be forgotten in time.
        self._session = 0
        self._leave()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _next(self) -> None:
        self._leave()
        self._at = (self._at + 1) % len(self._servers)

    async def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = await Connection.open(
                self._world, self.server, self._password
            )
        return self._connection

    async def _read(self, *words: bytes) -> object:
        async with self._turn:
            return await self._try(words, repeat=True)

    async def _write(self, *words: bytes) -> object:
        async with self._turn:
            if not self._sessions:
                return await self._try(words, repeat=False)
            if not self._session:
                await self._open_session()
            self._sequence += 1
            head = (b"ONCE", b"%d" % self._session, b"%d" % self._sequence)
            return await self._try(head + words, repeat=True, write=True)

    async def _open_session(self) -> None:
        # Done twice, it leaves a session behind that nobody uses.
        answer = await self._try((b"SESSION", b"OPEN"), repeat=True)
        self._session, self._sequence = cast(int, answer), 0

    async def _try(
        self, words: tuple[bytes, ...], repeat: bool, write: bool = False
    ) -> object:
        """Sends a request until it is answered.

        Args:
            words: The request.
            repeat: Whether it may be sent again though it may be under way.
            write: Whether it is a write of the session.
        """
        clock = self._world.clock
        end = clock.time() + self._timeout
        in_doubt = False
        why = "no server answers"
        gone: BaseException | None = None
        for turn in range(1 << 30):
            if turn:
                if clock.time() + _RETRY >= end:
                    break
                await clock.sleep(_RETRY)
            sent = False
            left = max(0.001, min(self._try_timeout, end - clock.time()))
            try:
                async with clock.timeout(left):
                    connection = await self._connect()
                    sent = True
                    answer = await connection.call(*words)
            except (*_GONE, TimeoutError) as error:
                why = str(error) or "no answer in time"
                gone = error
                self._next()
                in_doubt = in_doubt or sent
                if sent and not repeat:
                    break
                continue
            except asyncio.CancelledError:
                self._leave()  # The answer may come yet, to no question.
                raise
            if not isinstance(answer, Refused):
                return answer
            why, gone = str(answer), None
            if answer.code in _NOT_DONE and "unknown" not in why:
                self._next()
            elif answer.code in ("TIMEOUT", "STOPPED"):
                in_doubt = in_doubt or "unknown" in why
                self._next()
                if not repeat:
                    break
            elif answer.code == "EXPIRED" and write:
                self._session = 0
                if in_doubt:
                    break
                raise NotDone("the session was forgotten; try again")
            else:
                raise answer
        if in_doubt and (write or not repeat):
            if write:
                # The number may still be under way: never use it again.
                self._session = 0
            raise Unknown(why) from gone
        raise NotDone(why) from gone

    async def _find_leader(self) -> None:
        for _ in range(50 * len(self._servers)):
            answer = await self._try((b"STATUS",), repeat=True)
            status = json.loads(cast(bytes, answer))
            if status["role"] == "leader":
                return
            self._next()
            await self._world.clock.sleep(_RETRY)
        raise NotDone("no server says that it leads")

    async def _once(self, words: tuple[bytes, ...]) -> object:
        try:
            async with self._world.clock.timeout(self._timeout):
                connection = await self._connect()
                answer = await connection.call(*words)
        except (*_GONE, TimeoutError) as error:
            self._leave()
            raise Unknown(str(error) or "no answer in time") from error
        except asyncio.CancelledError:
            self._leave()
            raise
        if isinstance(answer, Refused):
            if "unknown" in str(answer):
                raise Unknown(str(answer))
            raise answer
        return answer
