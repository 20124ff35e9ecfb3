"""Clients that ask for a verdict: what they do is written down, event by event.

Each client is a process in the sense of `kv.lincheck`: it does one thing at a
time, with a session of its own, and notes when it asked and what it heard.
Half of the keys are registers, for `put`, `get`, `cas` and now and then
`delete`; the others are lists, for `append` and `get`. The store appends
bytes, so an element goes in with a comma behind it, and what is read is split
again. No value is written twice: a read says which write it saw, and the
checker is quick about it.

Keys rotate: after so many operations a new one takes the place of an old one,
so no list grows without end, and each key's history stays short. At the end
`read_all` reads every key there ever was, once more.

What a client is told decides how an operation ends: an answer is `ok`,
`NotDone` and refusals are `fail`, and `Unknown` is `info`: it may have
happened, or may yet. Time comes from the clock of the clients' own world,
which no fault touches.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from kv.client import Client, KvError, NotDone, Refused, Unknown
from kv.messages import Address
from kv.world import World

Event = dict[str, object]
Take = Callable[[Event], None]

_SEPARATOR: Final = b","
# Refusals after which an earlier try may still have been carried out.
_IN_DOUBT: Final = frozenset({"STALE"})


class Recorder:
    """Numbers events, says when they were, and hands them on.

    Attributes:
        events: All of them, in order, unless they are not kept.
    """

    def __init__(
        self, now: Callable[[], float], take: Take | None = None,
        keep: bool = True,
    ) -> None:  # fmt: skip
        """Starts without events.

        Args:
            now: The time in seconds; it must never go back.
            take: Gets each event as it happens, to write it to a file.
            keep: Whether to keep them all in `events`.
        """
        self.events: list[Event] = []
        self._now = now
        self._take = take
        self._keep = keep
        self._start = now()
        self._count = 0

    def elapsed(self) -> float:
        """Returns how many seconds have passed."""
        return self._now() - self._start

    def note(self, kind: str, **what: object) -> None:
        """Writes down an event, or a fault: its `type`, then the rest."""
        event: Event = {
            "index": self._count, "time": round(self.elapsed() * 1e9),
            "type": kind, **what,
        }  # fmt: skip
        self._count += 1
        if self._keep:
            self.events.append(event)
        if self._take is not None:
            self._take(event)


def join_list(elements: Sequence[int]) -> bytes:
    """Returns a list as the store holds it."""
    return b"".join(b"%d%s" % (e, _SEPARATOR) for e in elements)


def split_list(value: bytes | None) -> list[int] | None:
    """Returns the elements of a list as it was read; `None`: no such key.

    Raises:
        ValueError: nobody has appended that.
    """
    if value is None:
        return None
    *parts, rest = value.split(_SEPARATOR)
    if rest:
        raise ValueError(f"{value[-40:]!r} is half an element")
    return [int(part) for part in parts]


class Workload:
    """Several clients at work, and the record of what they did.

    Attributes:
        recorder: Where it goes.
        counts: How often what ended how: `("append", "ok")` and so on.
        latencies: Of operations that were `ok`: when they ended, and how
            many seconds they took, if `measure` was asked for.
        progress: When an operation last was `ok`, by the recorder's time.
        gap: The longest time without one, and when it ended.
        keys: Every key that was ever used.
    """

    def __init__(
        self,
        world: World,
        servers: Sequence[Address],
        recorder: Recorder,
        rng: random.Random,
        *,
        clients: int = 5,
        keys: int = 6,
        per_key: int = 120,
        think: float = 0.1,
        timeout: float = 4.0,
        try_timeout: float = 1.0,
        sessions: bool = True,
        measure: bool = False,
        make_client: Callable[..., Client] = Client,
    ) -> None:
        """Makes clients that do nothing yet.

        Args:
            world: Theirs: clock and network.
            servers: Where nodes serve clients.
            recorder: Takes down what they do.
            rng: All they choose comes from here.
            clients: How many.
            keys: How many keys are in use at a time; each second is a list.
            per_key: After how many operations a new key takes its place.
            think: How long a client waits between operations, on average,
                in seconds.
            timeout: How long an operation takes at most.
            try_timeout: How long to wait for one server.
            sessions: Whether writes are done once though they are sent again.
            measure: Whether to keep `latencies`.
            make_client: Makes a client, with the arguments of `Client`.
        """
        self.recorder = recorder
        self.counts: Counter[tuple[str, str]] = Counter()
        self.latencies: list[tuple[float, float]] = []
        self.progress = recorder.elapsed()
        self.gap = (0.0, 0.0)
        self.keys: list[str] = []
        self._world = world
        self._servers = list(servers)
        self._rng = rng
        self._clients = clients
        self._per_key = per_key
        self._think = think
        self._timeout = timeout
        self._try_timeout = try_timeout
        self._sessions = sessions
        self._measure = measure
        self._make_client = make_client
        self._value = 0
        self._used: list[int] = [0] * keys
        self._current = [self._new_key(place) for place in range(keys)]
        self._live: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def _new_key(self, place: int) -> str:
        kind = "list" if place % 2 else "reg"
        key = f"{kind}{len(self.keys)}"
        self.keys.append(key)
        return key

    def add_server(self, server: Address) -> None:
        """Has all clients know one more server."""
        self._servers.append(server)
        for client in self._live:
            client.add_server(server)

    def remove_server(self, server: Address) -> None:
        """Has all clients forget a server, unless it is the only one."""
        if server in self._servers and len(self._servers) > 1:
            self._servers.remove(server)
        for client in self._live:
            client.remove_server(server)

    def start(self) -> None:
        """Sets the clients to work."""
        self.progress = self.recorder.elapsed()
        self._tasks = [
            asyncio.create_task(self._client(process))
            for process in range(self._clients)
        ]

    async def stop(self) -> None:
        """Lets each client end what it does, and returns when all have."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        self._note_progress(self.recorder.elapsed())

    async def run(self, seconds: float) -> None:
        """Has the clients work for so long."""
        self.start()
        await self._world.clock.sleep(seconds)
        await self.stop()

    def _client_of(self, process: int) -> Client:
        servers = self._servers
        first = process % len(servers)
        return self._make_client(
            servers[first:] + servers[:first], timeout=self._timeout,
            try_timeout=self._try_timeout, sessions=self._sessions,
            world=self._world,
        )  # fmt: skip

    async def _client(self, process: int) -> None:
        rng = random.Random(self._rng.getrandbits(64))
        clock = self._world.clock
        client = self._client_of(process)
        self._live.append(client)
        seen: dict[str, int | None] = {}
        try:
            while not self._stopping.is_set():
                if self._think > 0:
                    await clock.sleep(rng.expovariate(1 / self._think))
                await self._operation(process, client, rng, seen)
        finally:
            self._live.remove(client)
            await client.close()

    async def _operation(
        self, process: int, client: Client, rng: random.Random,
        seen: dict[str, int | None],
    ) -> None:  # fmt: skip
        """Does one operation of any kind."""
        place = rng.randrange(len(self._current))
        key = self._current[place]
        self._used[place] += 1
        if self._used[place] >= self._per_key:
            self._used[place] = 0
            self._current[place] = self._new_key(place)
        self._value += 1
        value = self._value
        dice = rng.random()
        if place % 2:
            if dice < 0.4:
                await self.get(process, client, key)
            else:
                await self._append(process, client, key, value)
        elif dice < 0.4:
            found = await self.get(process, client, key)
            if not isinstance(found, _Failed):
                seen[key] = found  # type: ignore[assignment]
        elif dice < 0.65:
            if await self._put(process, client, key, value):
                seen[key] = value
        elif dice < 0.95:
            await self._cas(process, client, key, seen, value)
        elif await self._delete(process, client, key):
            seen[key] = None

    async def get(
        self, process: int | str, client: Client, key: str
    ) -> object:
        """Reads a key, and writes that down; returns what was read."""
        is_list = key.startswith("list")
        begin = self._invoke(process, "get", key, None)
        try:
            found = await client.get(key.encode())
            value: object
            if is_list:
                value = split_list(found)
            else:
                value = None if found is None else int(found)
        except ValueError as error:
            # Nobody wrote that: a value that no history can explain.
            value = f"nonsense: {error}"
        except KvError as error:
            self._failed(process, "get", key, None, error)
            return _FAILED
        self._ok(process, "get", key, begin, value=value)
        return value

    async def _append(
        self, process: int, client: Client, key: str, value: int
    ) -> None:
        begin = self._invoke(process, "append", key, value)
        try:
            await client.append(key.encode(), join_list([value]))
        except KvError as error:
            self._failed(process, "append", key, value, error)
            return
        self._ok(process, "append", key, begin, value=value)

    async def _put(
        self, process: int | str, client: Client, key: str, value: int
    ) -> bool:
        begin = self._invoke(process, "put", key, value)
        try:
            await client.put(key.encode(), b"%d" % value)
        except KvError as error:
            self._failed(process, "put", key, value, error)
            return False
        self._ok(process, "put", key, begin, value=value)
        return True

    async def _delete(self, process: int, client: Client, key: str) -> bool:
        begin = self._invoke(process, "delete", key, None)
        try:
            await client.delete(key.encode())
        except KvError as error:
            self._failed(process, "delete", key, None, error)
            return False
        self._ok(process, "delete", key, begin, value=None)
        return True

    async def _cas(
        self, process: int, client: Client, key: str,
        seen: dict[str, int | None], value: int,
    ) -> None:  # fmt: skip
        old = seen.get(key)
        pair = [old, value]
        begin = self._invoke(process, "cas", key, pair)
        expected = None if old is None else b"%d" % old
        try:
            swap = await client.cas(key.encode(), expected, b"%d" % value)
        except KvError as error:
            self._failed(process, "cas", key, pair, error)
            return
        if swap.swapped:
            seen[key] = value
            self._ok(process, "cas", key, begin, value=pair, swapped=True)
            return
        actual = None if swap.actual is None else int(swap.actual)
        seen[key] = actual
        self._ok(
            process, "cas", key, begin, value=pair, swapped=False,
            actual=actual,
        )  # fmt: skip

    async def read_all(self, process: int | str = "last") -> dict[str, object]:
        """Reads every key that was ever used, and returns what they hold.

        For the end, when there are no faults.

        Raises:
            KvError: a key could not be read though there are no faults.
        """
        client = self._client_of(0)
        found = {}
        try:
            for key in self.keys:
                value = await self.get(process, client, key)
                if isinstance(value, _Failed):
                    raise NotDone(f"{key} cannot be read though all is well")
                found[key] = value
        finally:
            await client.close()
        return found

    async def write_fresh(self, process: int | str = "last") -> None:
        """Puts a key that nobody used before, and reads it back.

        Raises:
            KvError: it cannot be put or read though there are no faults.
        """
        client = self._client_of(0)
        self._value += 1
        key, value = self._new_key(0), self._value
        try:
            if not await self._put(process, client, key, value):
                raise NotDone(f"{key} cannot be put though all is well")
            if await self.get(process, client, key) != value:
                raise NotDone(f"{key} does not hold what was put")
        finally:
            await client.close()

    # Writing it down.

    def _invoke(
        self, process: int | str, f: str, key: str, value: object
    ) -> float:
        self.recorder.note(
            "invoke", process=process, f=f, key=key, value=value
        )
        return self.recorder.elapsed()

    def _ok(
        self, process: int | str, f: str, key: str, begin: float,
        **what: object,
    ) -> None:  # fmt: skip
        self.recorder.note("ok", process=process, f=f, key=key, **what)
        self.counts[f, "ok"] += 1
        now = self.recorder.elapsed()
        if self._measure:
            self.latencies.append((now, now - begin))
        self._note_progress(now)

    def _note_progress(self, now: float) -> None:
        self.gap = max(self.gap, (now - self.progress, now))
        self.progress = now

    def _failed(
        self, process: int | str, f: str, key: str, value: object,
        error: KvError,
    ) -> None:  # fmt: skip
        doubt = isinstance(error, Unknown) or (
            isinstance(error, Refused) and error.code in _IN_DOUBT
        )
        kind = "info" if doubt else "fail"
        self.recorder.note(
            kind, process=process, f=f, key=key, value=value, error=str(error)
        )
        self.counts[f, kind] += 1


class _Failed:
    """What `get` returns if there was no answer: any value may be one."""


_FAILED: Final = _Failed()


def lost_elements(
    events: Sequence[Event], final: dict[str, object]
) -> list[str]:
    """Compares the lists at the end with what clients were told.

    A check by itself, much simpler than linearizability: each element whose
    append was acknowledged stands in its list exactly once, each that nobody
    knows about at most once, and nothing else stands there.

    Args:
        events: The history.
        final: What `read_all` has found.

    Returns:
        What is wrong, a line each.
    """
    fate: dict[tuple[object, object], object] = {}
    for event in events:
        if event.get("f") == "append":
            fate[event["key"], event["value"]] = event["type"]
    wrong = []
    there: Counter[tuple[object, object]] = Counter()
    for key, held in final.items():
        if isinstance(held, list):
            there.update((key, element) for element in held)
    for (where, element), times in there.items():
        if times > 1:
            wrong.append(f"{where} holds {element} {times} times")
        if fate.get((where, element), "fail") == "fail":
            wrong.append(f"{where} holds {element}, which was not appended")
    for (name, value), how in fate.items():
        if how == "ok" and name in final and not there[name, value]:
            wrong.append(f"{name} lacks {value}, which was acknowledged")
    return wrong
