"""The proxies between nodes: who is who, and what each fault does to bytes."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kv import messages
from kv.chaos.links import Effect, Links, apart, between
from kv.faults import ANY, CLIENTS
from kv.framing import LengthPrefixed
from kv.serve import run as run_loop
from tests.kv.nodes import until

LONG = b"x" * 5000


class Ends:
    """Node 1 dials node 2, and all that each of them has heard."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.heard = bytearray()  # by node 2
        self.answered = bytearray()  # by node 1
        self.gone = asyncio.Event()  # as node 1 sees it
        self.left = asyncio.Event()  # as node 2 sees it
        self.back: asyncio.StreamWriter | None = None
        self.writer: asyncio.StreamWriter

    async def listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.back = writer
        await self._read(reader, self.heard, self.left)
        writer.close()

    async def dial(self, port: int) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.reading = asyncio.create_task(
            self._read(reader, self.answered, self.gone)
        )

    async def _read(
        self, reader: asyncio.StreamReader, into: bytearray,
        ended: asyncio.Event,
    ) -> None:  # fmt: skip
        try:
            while data := await reader.read(1 << 16):
                into += data
        except OSError:
            pass
        ended.set()


def hello(source: int) -> bytes:
    return LengthPrefixed(1 << 20).encode(messages.hello(1, source, 2))


@asynccontextmanager
async def ends(clients: bool = False) -> AsyncIterator[Ends]:
    """Connect by way of a gate; the first message has passed."""
    links = Links(LengthPrefixed, random.Random(7))
    both = Ends(links)
    server = await asyncio.start_server(both.listen, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()[:2]
    gate = await links.gate(2, address, clients)
    await both.dial(gate[1])
    try:
        both.writer.write(hello(1))
        await until(lambda: len(both.heard) == len(hello(1)))
        both.heard.clear()
        yield both
    finally:
        both.writer.close()
        await links.close()
        server.close()
        await both.reading


def run(work: Callable[[Ends], Awaitable[None]], clients: bool = False) -> None:
    wrong: list[object] = []

    async def go() -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        async with ends(clients) as both:
            await work(both)
        await asyncio.sleep(0)
        gc.collect()  # Tasks that failed unnoticed say so when they go.
        return 0

    run_loop(go())
    assert not wrong


def say(both: Ends, data: bytes) -> None:
    both.writer.write(data)


def answer(both: Ends, data: bytes) -> None:
    assert both.back is not None
    both.back.write(data)


async def a_while() -> None:
    """Let pass what would pass at once."""
    await asyncio.sleep(0.1)


def test_bytes_pass_both_ways() -> None:
    async def work(both: Ends) -> None:
        say(both, LONG)
        answer(both, LONG[:77])
        await until(lambda: both.heard == LONG)
        await until(lambda: both.answered == LONG[:77])
        both.writer.close()
        await both.left.wait()

    run(work)


def test_an_end_that_goes_takes_the_other_with_it() -> None:
    async def work(both: Ends) -> None:
        answer(both, b"last words")
        assert both.back is not None
        both.back.close()
        await both.gone.wait()
        assert both.answered == b"last words"

    run(work)


def test_a_cut_is_one_way_and_resets_in_the_end() -> None:
    async def work(both: Ends) -> None:
        number = both.links.add(between(1, 2), Effect(cut=True))
        say(both, b"lost")
        answer(both, b"arrives")
        await until(lambda: both.answered == b"arrives")
        await a_while()
        assert not both.heard
        both.links.remove(number)
        await both.gone.wait()
        await both.left.wait()
        assert not both.heard

    run(work)


def test_a_cut_that_nobody_noticed_resets_nothing() -> None:
    async def work(both: Ends) -> None:
        number = both.links.add(between(1, 2), Effect(cut=True))
        both.links.remove(number)
        say(both, b"still there")
        await until(lambda: both.heard == b"still there")

    run(work)


def test_a_clog_delivers_late() -> None:
    async def work(both: Ends) -> None:
        number = both.links.add(between(ANY, 2), Effect(clog=True))
        say(both, b"late, ")
        await a_while()
        assert not both.heard
        both.links.remove(number)
        say(both, b"in order")
        await until(lambda: both.heard == b"late, in order")

    run(work)


def test_effects_add_up_until_healed() -> None:
    async def work(both: Ends) -> None:
        both.links.add(between(1, 2), Effect(clog=True))
        number = both.links.add(between(1, ANY), Effect(clog=True))
        both.links.add(between(2, 1), Effect(cut=True))
        both.links.remove(number)
        say(both, b"held")
        await a_while()
        assert not both.heard
        both.links.heal()
        await until(lambda: both.heard == b"held")

    run(work)


def test_delay_and_loss_keep_the_order() -> None:
    async def work(both: Ends) -> None:
        effect = Effect(delay=0.01, spread=0.05, share=0.2)
        both.links.add(between(1, 2), effect)
        answer(both, b"now")
        said = b""
        for n in range(30):
            piece = b"%d," % n
            say(both, piece)
            said += piece
            await asyncio.sleep(0.002)
        await until(lambda: both.heard == said)
        assert both.answered == b"now"

    run(work)


def test_a_narrow_link_takes_its_time_and_loses_nothing() -> None:
    async def work(both: Ends) -> None:
        number = both.links.add(between(1, 2), Effect(rate=10_000))
        say(both, LONG)
        await until(lambda: len(both.heard) > 0)
        assert len(both.heard) < len(LONG)
        both.links.remove(number)
        await until(lambda: both.heard == LONG)

    run(work)


def test_it_breaks_in_the_middle_of_a_message() -> None:
    async def work(both: Ends) -> None:
        assert both.links.broken(between(1, 2)) == 1
        say(both, LONG)
        await both.gone.wait()
        await both.left.wait()
        assert 0 < len(both.heard) < len(LONG)

    run(work)


def test_a_quiet_connection_breaks_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kv.chaos.links.PATIENCE", 0.01)

    async def work(both: Ends) -> None:
        both.links.broken(between(ANY, ANY))
        await both.gone.wait()
        await both.left.wait()

    run(work)


def test_clients_have_links_of_their_own() -> None:
    async def work(both: Ends) -> None:
        both.links.add(between(ANY, ANY, both=True), Effect(clog=True))
        both.links.add(apart(((2,),)), Effect(cut=True))
        say(both, b"from afar")
        await until(lambda: both.heard == b"from afar")
        both.heard.clear()
        both.links.add(between(CLIENTS, 2), Effect(clog=True))
        say(both, b"held")
        await a_while()
        assert not both.heard

    run(work, clients=True)


def test_a_node_that_is_not_there_refuses() -> None:
    async def go() -> None:
        links = Links(LengthPrefixed, random.Random(7))
        both = Ends(links)
        server = await asyncio.start_server(both.listen, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()[:2]
        server.close()
        await server.wait_closed()
        gate = await links.gate(2, address)
        await both.dial(gate[1])
        both.writer.write(hello(1))
        await both.gone.wait()
        await links.close()
        await both.reading

    asyncio.run(go())


@pytest.mark.parametrize(
    ("groups", "cut"),
    [
        (((1,),), {(1, 2), (2, 1), (1, 3), (3, 1)}),
        (((1, 2), (2, 3)), {(1, 3), (3, 1)}),
        (((1,), (2,), (3,)), {(a, b) for a in (1, 2, 3) for b in (1, 2, 3)
                              if a != b}),
        ((), set()),
    ],
)  # fmt: skip
def test_what_a_partition_cuts(
    groups: tuple[tuple[int, ...], ...], cut: set[tuple[int, int]]
) -> None:
    matches = apart(groups)
    every = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b]
    assert {pair for pair in every if matches(*pair)} == cut
    assert not matches(CLIENTS, 1)


def test_who_dials_during_a_cut_and_gives_up_leaves_nothing() -> None:
    async def work(both: Ends) -> None:
        number = both.links.add(between(1, 2), Effect(cut=True))
        gate = await both.links.gate(2, ("127.0.0.1", 1))
        _, writer = await asyncio.open_connection(*gate)
        writer.write(hello(1))
        await until(lambda: len(both.links.link(1, 2).pipes) == 2)
        writer.close()
        await a_while()
        both.links.remove(number)
        await until(lambda: len(both.links.link(1, 2).pipes) == 1)

    run(work)
