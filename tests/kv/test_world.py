"""The real disk and network, which keep what the protocols promise."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from kv.named import load_named
from kv.parts import Parts, load_parts
from kv.storage import recover
from kv.world import Disk, RealClock, RealDisk, RealNetwork, open_streams
from port import raftpb as pb
from tests.kv.durable import US, run_of


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


async def files(disk: Disk, folder: str) -> None:
    """A little of everything."""
    await disk.make_folder(f"{folder}/a/b")
    await disk.make_folder(f"{folder}/a/b")
    path = f"{folder}/a/b/file"
    file = await disk.create(path)
    await file.append(b"one ")
    await file.append(b"two ", sync=True)
    assert await disk.read(path) == b"one two "
    await file.append(b"three")
    await file.sync()
    await file.close()
    await file.close()
    assert await disk.size(path) == 13
    assert await disk.read(path, 4, 3) == b"two"
    assert await disk.read(path, 8) == b"three"
    file = await disk.open(path, 8)
    await file.append(b"3")
    await file.close()
    await disk.truncate(path, 9)
    await disk.rename(path, f"{folder}/a/b/other")
    await disk.sync_folder(f"{folder}/a/b")
    assert await disk.names(f"{folder}/a/b") == ["other"]
    file = await disk.create(f"{folder}/a/b/other")
    await file.close()
    assert await disk.read(f"{folder}/a/b/other") == b""
    await disk.remove(f"{folder}/a/b/other")
    assert await disk.names(f"{folder}/a/b") == []
    with pytest.raises(FileNotFoundError):
        await disk.open(path, 0)
    with pytest.raises(FileNotFoundError):
        await disk.names(f"{folder}/none")


def test_files(folder: str) -> None:
    asyncio.run(files(RealDisk(), folder))


def test_files_of_the_simulated_disk() -> None:
    from kv.sim.disk import SimDisk

    asyncio.run(files(SimDisk(), "top"))


def test_what_is_reserved_is_written_over(folder: str) -> None:
    async def check() -> None:
        disk = RealDisk()
        path = f"{folder}/file"
        file = await disk.create(path, reserve=10_000)
        await file.append(b"data", sync=True)
        await file.close()
        content = await disk.read(path)
        assert content.rstrip(b"\0") == b"data"
        assert len(content) == await disk.size(path)
        if sys.platform == "linux":
            assert len(content) == 10_000

    asyncio.run(check())


def test_nobody_else_may_read_it(folder: str) -> None:
    async def check() -> None:
        disk = RealDisk()
        await disk.make_folder(f"{folder}/data")
        await (await disk.create(f"{folder}/data/file")).close()

    asyncio.run(check())
    assert os.stat(f"{folder}/data").st_mode & 0o077 == 0
    assert os.stat(f"{folder}/data/file").st_mode & 0o077 == 0


def test_a_failure_comes_through_the_thread(folder: str) -> None:
    async def check() -> None:
        if not os.path.exists("/dev/full"):
            pytest.skip("there is no /dev/full here")
        file = await RealDisk().open("/dev/full", 0)
        with pytest.raises(OSError, match="No space") as caught:
            await file.append(b"x")
        assert caught.value.errno == errno.ENOSPC
        await file.close()

    asyncio.run(check())


def test_a_cancelled_append_leaves_the_loop_well(folder: str) -> None:
    async def check() -> None:
        file = await RealDisk().create(f"{folder}/file")
        task = asyncio.create_task(file.append(bytes(1 << 20), sync=True))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await file.close()  # Waits for what the thread is doing.
        assert await RealDisk().size(f"{folder}/file") == 1 << 20

    asyncio.run(check())


def test_a_lock_holds_against_another_process(folder: str) -> None:
    path = f"{folder}/LOCK"
    other = (
        "import asyncio, sys; from kv.world import RealDisk;"
        "asyncio.run(RealDisk().lock(sys.argv[1]))"
    )
    command = [sys.executable, "-c", other, path]
    here = Path(__file__).parents[2]

    async def check() -> None:
        lock = await RealDisk().lock(path)
        with pytest.raises(BlockingIOError):
            await RealDisk().lock(path)
        done = subprocess.run(
            command, cwd=here, capture_output=True, text=True, check=False
        )
        assert "BlockingIOError" in done.stderr
        lock.release()
        lock.release()
        subprocess.run(command, cwd=here, check=True)
        (await RealDisk().lock(path)).release()

    asyncio.run(check())


def test_a_node_on_a_real_disk(folder: str) -> None:
    async def check() -> None:
        disk = RealDisk()
        node = await recover(Parts(), disk, folder, US)
        await node.log.save(pb.HardState(1, 1, 40), run_of(1, 50), True)
        metadata = pb.SnapshotMetadata(pb.ConfState([1]), 40, 1)
        await node.snapshots.save(metadata, node.machine.dump())
        await node.log.mark(metadata)
        await node.log.save(None, run_of(51, 60), True)
        await node.log.close()
        node = await recover(Parts(), disk, folder, US)
        assert node.applied == 40
        assert node.storage.last_index() == 60
        await node.log.close()

    asyncio.run(check())


def test_the_clock() -> None:
    async def check() -> None:
        clock = RealClock()
        before = clock.time()
        await clock.sleep(0.002)
        assert clock.time() > before
        assert clock.wall() > 1_600_000_000
        with pytest.raises(TimeoutError):
            async with clock.timeout(0.001):
                await asyncio.sleep(10)
        async with clock.timeout(None):
            pass

    asyncio.run(check())


class Echo(asyncio.Protocol):
    """Says what it hears."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def echo(
    server: ssl.SSLContext | None = None, client: ssl.SSLContext | None = None
) -> bytes:
    network = RealNetwork()
    listener = await network.listen(Echo, "127.0.0.1", 0, server)
    host, port = listener.address
    assert port != 0
    reader, writer = await open_streams(network, host, port, client)
    writer.write(b"hello")
    await writer.drain()
    heard = await reader.readexactly(5)
    writer.close()
    listener.close()
    return heard


def test_a_connection() -> None:
    assert asyncio.run(echo()) == b"hello"


def test_a_connection_under_tls() -> None:
    ca = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context()
    for context in (server, client):
        ca.configure_trust(context)
        ca.issue_cert("127.0.0.1").configure_cert(context)
    assert asyncio.run(echo(server, client)) == b"hello"


def test_nobody_answers() -> None:
    async def check() -> None:
        network = RealNetwork()
        listener = await network.listen(Echo, "127.0.0.1", 0)
        host, port = listener.address
        with pytest.raises(OSError, match="in use"):
            await network.listen(Echo, host, port)
        listener.close()
        with pytest.raises(OSError, match=r"\d"):
            await network.connect(Echo, host, port)

    asyncio.run(check())


# Parts by name.


def test_parts_say_whose_they_are() -> None:
    class Mine:
        pass

    owners = Parts(machine=Mine).owners()  # type: ignore[arg-type]
    assert owners.pop("machine").endswith("Mine")
    assert set(owners.values()) == {"ours"}
    assert len(owners) == 5


def test_parts_by_name() -> None:
    assert isinstance(load_parts("tests.kv.test_world:SOME"), Parts)
    assert load_named("kv.parts:Parts") is Parts
    for name, said in [
        ("kv.parts", "does not read MODULE:NAME"),
        ("kv.none:PARTS", "cannot import kv.none"),
        ("kv.parts:NONE", "has no NONE"),
        ("kv.parts:TAIL", "is a int, not a Parts"),
    ]:
        with pytest.raises(ValueError, match=said):
            load_parts(name)


SOME = Parts()
