"""Servers in this process and clients that speak plain RESP, for tests."""

# ruff: noqa: ANN401

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import hiredis

from kv.server import Options, Server
from kv.world import World, real_world
from port.logger import discard_logger

SWIFT = {"heartbeat": 0.02, "election": 0.15}


def options(folder: Path | str, **more: Any) -> Options:
    """Return how to run a node on its own, on ports that are free."""
    node = more.setdefault("node", 1)
    more.setdefault("members", {node: ("127.0.0.1", 1)})
    return Options(
        **{
            "cluster": 7,
            "folder": str(folder),
            "address": ("127.0.0.1", 0),
            "peer_address": ("127.0.0.1", 0),
            "logger": discard_logger,
            **SWIFT,
            **more,
        }
    )


@contextlib.asynccontextmanager
async def serving(
    folder: Path | str, world: World | None = None, **more: Any
) -> AsyncIterator[Server]:
    """Run a node while the block runs."""
    server = Server(options(folder, **more), world or real_world())
    await server.start()
    try:
        yield server
    finally:
        await server.close()


class Wire:
    """A client that sees every byte."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer
        self.parser = hiredis.Reader()

    @classmethod
    async def to(cls, server: Server) -> "Wire":
        return cls(*await asyncio.open_connection(*server.address))

    def send(self, *words: bytes | str) -> None:
        self.writer.write(hiredis.pack_command(words))  # type: ignore

    async def receive(self) -> Any:
        while (answer := self.parser.gets()) is False:
            data = await asyncio.wait_for(self.reader.read(65536), 10)
            if not data:
                raise EOFError
            self.parser.feed(data)
        return answer

    async def call(self, *words: bytes | str) -> Any:
        self.send(*words)
        return await self.receive()

    async def calls(self, requests: Iterable[tuple[bytes | str, ...]]) -> Any:
        """Send all at once, then take all answers."""
        requests = [*requests]
        for words in requests:
            self.send(*words)
        return [await self.receive() for _ in requests]

    def close(self) -> None:
        self.writer.close()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    import socket

    with contextlib.ExitStack() as stack:
        taken = []
        for _ in range(count):
            sock = stack.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            taken.append(sock.getsockname()[1])
        return taken


@contextlib.asynccontextmanager
async def three(
    folder: Path, count: int = 3, **more: Any
) -> AsyncIterator[list[Server]]:
    """Run a cluster in this process while the block runs."""
    ports = free_ports(count)
    members = {i: ("127.0.0.1", p) for i, p in enumerate(ports, 1)}
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                serving(
                    folder / str(i), node=i, members=members,
                    peer_address=members[i], **more,
                )
            )
            for i in members
        ]  # fmt: skip


async def leader_of(servers: list[Server]) -> Server:
    """Return who leads, when a majority follows."""
    for _ in range(1000):
        said = [s.replica.lead for s in servers if s.replica.lead]
        for server in servers:
            if 2 * said.count(server.options.node) > len(servers):
                return server
        await asyncio.sleep(0.01)
    raise TimeoutError("no leader")


async def until(condition: Any, timeout: float = 10.0) -> None:
    """Wait until a condition holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not condition():
        assert loop.time() < end, "it did not come about in time"
        await asyncio.sleep(0.01)
