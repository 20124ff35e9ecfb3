"""One node as its clients see it."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis

from kv.commands import MAX_KEY, MAX_VALUE, Result
from kv.redis import replies
from kv.redis.connection import READ, WRITE, Clients, Connection
from kv.redis.glob import glob
from kv.replica.answers import Done
from kv.world import RealDisk, RealFile, World, real_world
from tests.kv.nodes import Wire, serving, until


def test_a_session_of_everyday_commands(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            c = await Wire.to(server)
            for words, answer in [
                (("PING",), b"PONG"),
                (("PING", "hi"), b"hi"),
                (("ECHO", "a\r\nb"), b"a\r\nb"),
                (("GET", "a"), None),
                (("SET", "a", "1"), b"OK"),
                (("SET", "a", "2", "NX"), None),
                (("SET", "a", "2", "XX"), b"OK"),
                (("SET", "b", "2", "xx"), None),
                (("GET", "a"), b"2"),
                (("APPEND", "a", "34"), 3),
                (("STRLEN", "a"), 3),
                (("STRLEN", "nothing"), 0),
                (("CAS", "a", "234", "5"), [1, None]),
                (("CAS", "a", "234", "6"), [0, b"5"]),
                (("CAS", "c", "", "7", "ABSENT"), [1, None]),
                (("CAS", "c", "", "8", "ABSENT"), [0, b"7"]),
                (("CAS", "c", "7", "", "DELETE"), [1, None]),
                (("EXISTS", "a", "a", "c"), 2),
                (("DBSIZE",), 1),
                (("DEL", "a", "c"), 1),
                (("DBSIZE",), 0),
                (("SELECT", "0"), b"OK"),
                (("CLIENT", "SETNAME", "me"), b"OK"),
                (("CLIENT", "GETNAME"), b"me"),
                (("CONFIG", "GET", "save"), [b"save", b""]),
                (("COMMAND", "DOCS"), []),
            ]:
                assert await c.call(*words) == answer, words
            for words in [
                ("NONSENSE",),
                ("GET",),
                ("SET", "a", "1", "EX", "10"),
                ("SELECT", "1"),
                ("AUTH", "x"),
                ("ONCE", "1", "1", "GET", "a"),
                ("SESSION", "CLOSE", str(1 << 64)),
                ("MEMBER", "LEARNER", "2", ":7002"),
                ("MEMBER", "LEARNER", "2", "127.0.0.1:²"),
                ("HELLO", "3"),
                ("CAS", "a", "b", "c", "MAYBE"),
            ]:
                assert isinstance(await c.call(*words), Exception), words
            assert (await c.call("HELLO", "2"))[:2] == [b"server", b"redis"]
            assert b"raft_role:leader" in await c.call("INFO")
            assert json.loads(await c.call("STATUS"))["role"] == "leader"
            assert await c.call("QUIT") == b"OK"
            with pytest.raises(EOFError):
                await c.receive()

    asyncio.run(go())


def test_what_is_sent_ahead_happens_in_order(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            c = await Wire.to(server)
            requests, wanted = [], []
            for n in range(300):
                requests += [("SET", "a", str(n)), ("GET", "a")]
                wanted += [b"OK", b"%d" % n]
                requests += [("PING",)] * (n % 3)
                wanted += [b"PONG"] * (n % 3)
            assert await c.calls(requests) == wanted
            # More at a time than a client may have outstanding.
            many = [("APPEND", "b", "x")] * 6000
            assert await c.calls(many) == [*range(1, 6001)]

    asyncio.run(go())


def test_limits_are_kept_and_named(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            c = await Wire.to(server)
            answer = await c.call("SET", b"k" * (MAX_KEY + 1), "v")
            assert str(answer).startswith("TOOLARGE a key")
            value = b"v" * MAX_VALUE
            assert await c.call("SET", "a", value) == b"OK"
            assert await c.call("GET", "a") == value
            answer = await c.call("APPEND", "a", "x")
            assert str(answer).startswith("TOOLARGE")
            assert await c.call("STRLEN", "a") == MAX_VALUE
            answer = await c.call("SET", "a", value + b"v")
            assert str(answer).startswith("TOOLARGE Protocol error")
            with pytest.raises(EOFError):  # It could not be understood.
                await c.receive()

    asyncio.run(go())


def test_a_write_of_a_session_is_done_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            c = await Wire.to(server)
            session = str(await c.call("SESSION", "OPEN"))
            first = ("ONCE", session, "1", "APPEND", "a", "x")
            assert await c.calls([first, first]) == [1, 1]
            assert await c.call("ONCE", session, "2", "CAS", "a", "x", "y")
            assert await c.call("GET", "a") == b"y"
            assert "STALE" in str(await c.call(*first))
            assert await c.call("SESSION", "CLOSE", session) == 1
            assert "EXPIRED" in str(await c.call(*first))
            assert await c.call("GET", "a") == b"y"

    asyncio.run(go())


def test_keys_and_scan(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            c = await Wire.to(server)
            await c.calls(("SET", f"k{n:03}", "v") for n in range(100))
            await c.calls([("SET", "other", "v"), ("SET", "k[1]", "v")])
            assert len(await c.call("KEYS", "*")) == 102
            assert len(await c.call("KEYS", "k0*")) == 100 - 90 + 90
            assert await c.call("KEYS", "k00[2-3]") == [b"k002", b"k003"]
            assert await c.call("KEYS", "k\\[1]") == [b"k[1]"]
            seen, cursor = [], b"0"
            for _ in range(100):
                cursor, keys = await c.call(
                    "SCAN", cursor, "MATCH", "*5", "COUNT", "7"
                )
                seen += keys
                if cursor == b"0":
                    break
            assert seen == [b"k%03d" % n for n in range(5, 100, 10)]
            assert isinstance(await c.call("SCAN", "12345"), Exception)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (b"a*b*c", b"axxbyyc", b"axxc"),
        (b"?b", b"ab", b"b"),
        (b"[^a]b", b"cb", b"ab"),
        (b"a\\*", b"a*", b"ab"),
        (b"*[0-9]", b"x7", b"7x"),
        (b"**a", b"ba", b"ab"),
        (b"", b"", b"a"),
    ],
)
def test_patterns(pattern: bytes, yes: bytes, no: bytes) -> None:
    assert glob(pattern)(yes)
    assert not glob(pattern)(no)


def test_redis_py_is_a_client(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path, password="secret") as server:
            await asyncio.to_thread(talk, *server.address)

    def talk(host: str, port: int) -> None:
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(host, port, protocol=2).ping()
        r: Any = redis.Redis(host, port, password="secret", protocol=2)
        assert r.set("a", "1")
        assert r.get("a") == b"1"
        assert r.set("a", "2", nx=True) is None
        assert r.append("a", "x") == 2
        assert r.exists("a", "b") == 1
        with r.pipeline(transaction=False) as pipe:
            for n in range(100):
                pipe.set(f"k{n}", n)
            assert all(pipe.execute())
        assert len([*r.scan_iter("k*", count=9)]) == 100
        assert r.dbsize() == 101
        assert r.info()["raft_role"] == "leader"
        assert r.delete("a", "b") == 1
        with pytest.raises(redis.exceptions.ResponseError, match="TOOLARGE"):
            r.set("k" * 5000, "v")
        r.close()

    asyncio.run(go())


@pytest.mark.skipif(
    shutil.which("redis-cli") is None, reason="redis-cli is not here"
)
def test_redis_cli_and_redis_benchmark_are_clients(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            port = str(server.address[1])

            async def say(*words: str) -> str:
                done = await asyncio.to_thread(
                    subprocess.run, words, capture_output=True, text=True,
                    timeout=20, check=True,
                )  # fmt: skip
                return str(done.stdout)

            cli = ("redis-cli", "-p", port)
            assert await say(*cli, "set", "a", "b") == "OK\n"
            assert await say(*cli, "get", "a") == "b\n"
            assert await say(*cli, "--scan") == "a\n"
            assert "raft_term" in await say(*cli, "info")
            said = await say(
                "redis-benchmark", "-p", port, "-t", "ping,set,get", "-n",
                "500", "-c", "20", "-P", "4", "-q",
            )  # fmt: skip
            assert said.count("requests per second") == 4

    asyncio.run(go())


def test_a_password_comes_first(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path, password="pass word") as server:
            c = await Wire.to(server)
            assert "NOAUTH" in str(await c.call("GET", "a"))
            assert "NOAUTH" in str(await c.call("HELLO", "2"))
            assert "WRONGPASS" in str(await c.call("AUTH", "x"))
            assert await c.call("AUTH", "default", "pass word") == b"OK"
            assert "WRONGPASS" in str(await c.call("AUTH", "x"))
            assert await c.call("GET", "a") is None  # It stays known.

    asyncio.run(go())


def test_nonsense_ends_only_its_own_connection(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            good, bad = await Wire.to(server), await Wire.to(server)
            assert await good.call("SET", "a", "b") == b"OK"
            assert await bad.call("PING") == b"PONG"
            bad.writer.write(b"*1\r\n*1\r\n$1\r\nx\r\n")
            assert isinstance(await bad.receive(), Exception)
            with pytest.raises(EOFError):
                await bad.receive()
            assert await good.call("GET", "a") == b"b"
            await until(lambda: len(server.clients.connections) == 1)

    asyncio.run(go())


def test_a_client_that_leaves_leaves_nothing_behind(tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(tmp_path) as server:
            for _ in range(20):
                c = await Wire.to(server)
                for _ in range(50):
                    c.send("SET", "a", "b")
                await c.writer.drain()
                c.close()
            d = await Wire.to(server)
            assert await d.call("PING") == b"PONG"
            await until(lambda: len(server.clients.connections) == 1)
            await until(lambda: not server.replica.writes)

    asyncio.run(go())


def test_what_was_answered_is_there_after_a_restart(tmp_path: Path) -> None:
    async def go() -> None:
        for start in range(0, 400, 100):
            async with serving(tmp_path, snapshot_every=130) as server:
                c = await Wire.to(server)
                wanted = [b"%d" % n for n in range(start)]
                asked = [("GET", f"k{n}") for n in range(start)]
                assert await c.calls(asked) == wanted
                news = range(start, start + 100)
                await c.calls(("SET", f"k{n}", str(n)) for n in news)

    asyncio.run(go())


class BrokenFile(RealFile):
    """A file whose disk fails at some time."""

    broken = False

    async def append(self, data: bytes, sync: bool = False) -> None:
        if BrokenFile.broken:
            raise OSError(28, "No space left on device")
        await super().append(data, sync)


class BreakableDisk(RealDisk):
    """A disk that fails when told to."""

    async def create(self, path: str, reserve: int = 0) -> RealFile:
        return self._wrap(await super().create(path, reserve))

    async def open(self, path: str, at: int, reserve: int = 0) -> RealFile:
        return self._wrap(await super().open(path, at, reserve))

    def _wrap(self, file: RealFile) -> RealFile:
        file.__class__ = BrokenFile
        return file


def test_a_disk_error_stops_the_node_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        real = real_world()
        world = World(real.clock, BreakableDisk(), real.network)
        from kv.server import Server
        from tests.kv.nodes import options

        server = Server(options(tmp_path), world)
        await server.start()
        running = asyncio.create_task(server.run())
        c = await Wire.to(server)
        assert await c.call("SET", "a", "1") == b"OK"
        monkeypatch.setattr(BrokenFile, "broken", True)
        answer = await c.call("SET", "a", "2")
        assert "STOPPED" in str(answer)
        assert "unknown" in str(answer)
        with pytest.raises(OSError, match="No space left"):
            await running
        monkeypatch.setattr(BrokenFile, "broken", False)
        async with serving(tmp_path) as again:
            d = await Wire.to(again)
            assert await d.call("GET", "a") in (b"1", b"2")

    asyncio.run(go())


class Pipe(asyncio.Transport):
    """A client that sends, and reads nothing of what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


def test_who_reads_no_answers_is_not_listened_to() -> None:
    waiting: list[Done] = []

    def expect(client: Connection, words: list[bytes]) -> None:
        waiting.append(client.expect(replies.done))

    async def go() -> None:
        clients = Clients(locked=False)
        clients.commands = {
            b"GET": (READ, 0, 0, expect), b"SET": (WRITE, 0, 0, expect),
        }  # fmt: skip
        client, pipe = clients.connection(), Pipe()
        client.connection_made(pipe)
        client.data_received(b"GET\r\nSET\r\n")
        assert not pipe.reading  # The write waits for the read.
        client.pause_writing()
        waiting.pop()(Result())
        await asyncio.sleep(0)
        # The write is under way; what was answered has still to be read.
        assert len(waiting) == 1
        assert not pipe.reading
        client.resume_writing()
        assert pipe.reading

    asyncio.run(go())
