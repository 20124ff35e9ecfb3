"""What runs under real faults have found in the store, each once more."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import hiredis
import pytest

from kv.client import Client
from kv.commands import get
from kv.framing import LengthPrefixed
from kv.machine import Machine
from kv.replica.reads import Reads
from kv.seams import Identity
from kv.transport import Transport
from kv.world import Listener, RealClock, RealNetwork, real_world
from port import raftpb as pb
from port.read_only import ReadState
from tests.kv.nodes import Wire, serving


class Slow(RealNetwork):
    """Someone asks while a node is opening its second port."""

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        self.said: list[str] = []

    async def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str,
        port: int, tls: ssl.SSLContext | None = None,
    ) -> Listener:  # fmt: skip
        listener = await super().listen(factory, host, port, tls)
        if self.address is None:
            self.address = listener.address
            return listener
        wire = Wire(*await asyncio.open_connection(*self.address))
        for words in (["STATUS"], ["SET", "a", "b"], ["GET", "a"],
                      ["INFO"], ["MEMBER", "REMOVE", "1"]):  # fmt: skip
            self.said.append(str(await wire.call(*words)))
        wire.close()
        # One that speaks as a node is turned away, and may come again.
        reader, writer = await asyncio.open_connection(*listener.address)
        assert await reader.read() == b""
        writer.close()
        return listener


def test_who_asks_before_a_node_is_ready_is_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that is being started broke off, with a traceback."""

    async def go() -> None:
        network = Slow()
        world = replace(real_world(), network=network)
        async with serving(tmp_path / "1", world) as server:
            assert len(network.said) == 5
            for said in network.said:
                assert said.startswith("LOADING")
            wire = await Wire.to(server)
            while "NOLEADER" in str(await wire.call("SET", "a", "b")):
                await asyncio.sleep(0.05)
            assert await wire.call("GET", "a") == b"b"
            wire.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(go())
    assert not caplog.records


class Nobody:
    """Takes what a transport has for it, and does nothing."""

    def receive(self, message: pb.Message) -> bool:
        return True

    def unreachable(self, node: int) -> None:
        pass

    def snapshot_sent(self, node: int, ok: bool) -> None:
        pass

    async def snapshot_chunks(
        self, metadata: pb.SnapshotMetadata
    ) -> list[bytes] | None:
        return None

    def learn(self, members: dict[int, tuple[str, int]]) -> None:
        pass


def test_a_peer_that_goes_while_it_is_dialled_is_hung_up_on() -> None:
    """The connection stayed, until the other side answered, if ever."""

    async def go() -> None:
        there, gone = asyncio.Event(), asyncio.Event()

        async def silent(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            there.set()
            with suppress(OSError):
                while await reader.read(1000):
                    pass
            writer.close()
            gone.set()

        listener = await asyncio.start_server(silent, "127.0.0.1", 0)
        address = listener.sockets[0].getsockname()[:2]
        transport = Transport(
            real_world(), LengthPrefixed, Identity(7, 1), Nobody()
        )
        transport.set_members({1: ("127.0.0.1", 1), 2: address})
        async with asyncio.timeout(10):
            await there.wait()
            await asyncio.sleep(0.05)  # Now it waits to be greeted.
            transport.set_members({1: ("127.0.0.1", 1)})
            await gone.wait()
        transport.close()
        listener.close()

    asyncio.run(go())


@pytest.mark.parametrize("whose", ["any", "leader"])
def test_a_call_that_is_cancelled_leaves_no_answer_behind(whose: str) -> None:
    """The next call took the answer to the one before for its own."""

    async def go() -> None:
        asked = asyncio.Event()

        async def slow(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            """Answers with the last word, late where it is `slow`."""
            requests = hiredis.Reader()
            with suppress(OSError):
                while data := await reader.read(1000):
                    requests.feed(data)
                    while words := requests.gets():
                        said = words[-1]
                        if said == b"STATUS":
                            said = b'{"role": "leader"}'
                        if said == b"slow":
                            asked.set()
                            await asyncio.sleep(0.1)
                        writer.write(b"$%d\r\n%s\r\n" % (len(said), said))
            writer.close()

        async def ask(key: bytes) -> object:
            if whose == "leader":
                return await client.to_leader(b"GET", key)
            return await client.get(key)

        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()[:2]
        async with Client([address]) as client:
            first = asyncio.create_task(ask(b"slow"))
            await asked.wait()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert await ask(b"quick") == b"quick"
            assert await ask(b"other") == b"other"
        server.close()

    asyncio.run(go())


class Hands(RealClock):
    """A clock that stands until it is moved."""

    now = 0.0

    def time(self) -> float:
        return self.now


def test_a_question_is_not_repeated_before_its_answer_can_be_there() -> None:
    """Answers that took longer than the first repetition never counted."""
    clock = Hands()
    reads = Reads(Machine(), clock, timeout=5.0, retry=0.1, first_name=0)
    answers: list[object] = []
    under_way: list[tuple[float, bytes]] = []
    took = []
    for _ in range(2):
        begin = clock.now
        reads.add(get(b"key"), answers.append)
        had = len(answers)
        while len(answers) == had and clock.now < begin + 6:
            clock.now += 0.01
            if reads.ready_to_ask:
                name = reads.new_name()
                reads.asked(name)
                under_way.append((clock.now + 0.3, name))
            there = [n for due, n in under_way if due <= clock.now]
            under_way = [x for x in under_way if x[1] not in there]
            reads.answered([ReadState(7, n) for n in there], sure=True)
            reads.applied(7)
            reads.sweep(clock.now, led=True)
        took.append(clock.now - begin)
    assert took[0] < 1.0
    assert took[1] < 0.4  # It has learned how long an answer takes.
