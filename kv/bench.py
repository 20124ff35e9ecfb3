"""`python -m kv bench`: what three processes on this machine can do.

SETs of 100 bytes, each on disk (fsync) on a majority before it is answered,
from 1, 64 and 256 connections, and from 64 that send 16 ahead; how long nobody
is served when the leader is killed; how long a restart and catching up take.

`--against etcd` and `--against pysyncobj` run the same load on these, in turn
with ours, and print ratios. What they do not have in common: etcd keeps every
version of a key and is spoken to by gRPC, which costs it; PySyncObj keeps its
log in memory only, which spares it every fsync. The load comes from one more
process on the same machine, so it, too, takes its share. Other work on the
machine moves all figures; the ratios, less.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import random
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from kv.client import Client, KvError
from kv.command_line import FAILED, Parser, complain, number, seconds
from kv.demo import fill
from kv.messages import Address
from kv.parts import load_parts
from kv.processes import Cluster, Member
from kv.serve import run

VALUE: Final = b"v" * 100
KEYS: Final = 1000
TUNED: Final = ["--heartbeat", "20ms", "--election", "100ms"]
LOADS: Final = [(1, 1), (64, 1), (256, 1), (64, 16)]


class Figures(NamedTuple):
    """What came of a load.

    Attributes:
        rate: Answers a second.
        median: Of the time until an answer, in ms.
        p99: What 99 of 100 answers took at most, in ms.
        cpu: Of all servers, in microseconds an answer.
    """

    rate: float
    median: float
    p99: float
    cpu: float


class Load(asyncio.Protocol):
    """One connection that always waits for the same number of answers."""

    def __init__(self, depth: int, late: list[float]) -> None:
        self.depth = depth
        self.late = late
        self.failed: str | None = None
        self.stopped = False
        self.ready = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport
        self._sent = 0.0
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.stopped:
            self.failed = f"the server closed: {exc}"

    def begin(self) -> None:
        """Sends the first round."""
        self._sent = time.perf_counter()
        self._left = self.depth
        self._transport.write(
            b"".join(self.request() for _ in range(self.depth))
        )

    def answered(self, count: int) -> None:
        """Counts answers; after the last of a round comes the next one."""
        now = time.perf_counter()
        self.late += [now - self._sent] * count
        self._left -= count
        if self._left <= 0 and not self.stopped:
            self.begin()

    def stop(self) -> None:
        """Ends it."""
        self.stopped = True
        self._transport.abort()

    def request(self) -> bytes:
        """Returns the bytes of a request."""
        raise NotImplementedError


class RespLoad(Load):
    """SETs, as Redis has them."""

    def request(self) -> bytes:
        """Returns a SET."""
        key = b"key%d" % random.randrange(KEYS)
        return b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (
            len(key), key, len(VALUE), VALUE,
        )  # fmt: skip

    def data_received(self, data: bytes) -> None:
        """Counts `+OK`."""
        count = data.count(b"\r\n")
        if data.count(b"+OK") != count and b"-" in data:
            self.failed = data[:80].decode("utf-8", "replace")
            self.stopped = True
            return
        self.answered(count)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    size = len(payload)
    return struct.pack(
        ">BHBBI", size >> 16, size & 0xFFFF, kind, flags, stream
    ) + payload  # fmt: skip


def _literal(name: bytes, value: bytes) -> bytes:
    """A header of HTTP/2, spelled out."""
    return b"\x00%c%b%c%b" % (len(name), name, len(value), value)


_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW = 0, 1, 4, 6, 8


class EtcdLoad(Load):
    """Puts, as etcd has them: gRPC over HTTP/2, as little as will do."""

    def __init__(self, depth: int, late: list[float]) -> None:
        super().__init__(depth, late)
        self._stream = 1
        self._buffer = b""
        self._got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets, and lets the server send as much as it likes."""
        super().connection_made(transport)
        self._transport.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + _frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 30))
            + _frame(_WINDOW, 0, 0, struct.pack(">I", 1 << 30))
        )

    def request(self) -> bytes:
        """Returns a `KV.Put`."""
        key = b"key%d" % random.randrange(KEYS)
        put = b"\x0a%c%b\x12%c%b" % (len(key), key, len(VALUE), VALUE)
        headers = b"".join(
            _literal(*pair) for pair in (
                (b":method", b"POST"), (b":scheme", b"http"),
                (b":path", b"/etcdserverpb.KV/Put"),
                (b":authority", b"localhost"), (b"te", b"trailers"),
                (b"content-type", b"application/grpc"),
            )
        )  # fmt: skip
        stream, self._stream = self._stream, self._stream + 2
        return _frame(_HEADERS, 4, stream, headers) + _frame(
            _DATA, 1, stream, b"\x00" + struct.pack(">I", len(put)) + put
        )

    def data_received(self, data: bytes) -> None:
        """Counts trailers that follow an answer."""
        buffer = self._buffer + data
        at = done = 0
        while len(buffer) - at >= 9:
            size = int.from_bytes(buffer[at : at + 3], "big")
            if len(buffer) - at < 9 + size:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            body = buffer[at + 9 : at + 9 + size]
            at += 9 + size
            if kind == _DATA:
                self._got += size
            elif kind == _HEADERS and flags & 1:
                if not self._got:
                    self.failed = f"etcd refused: {body!r}"
                    self.stopped = True
                    return
                done += 1
            elif kind == _SETTINGS and not flags & 1:
                self._transport.write(_frame(_SETTINGS, 1, 0, b""))
            elif kind == _PING and not flags & 1:
                self._transport.write(_frame(_PING, 1, 0, body))
            elif kind in (3, 7):
                self.failed = f"etcd ended it: {body!r}"
                self.stopped = True
                return
        self._buffer = buffer[at:]
        if done:
            self.answered(done)


class Target(Protocol):
    """A cluster under load."""

    name: str
    load: type[Load]

    async def start(self) -> Address:
        """Starts it, and returns where the leader serves clients."""

    def pids(self) -> list[int]:
        """Returns its processes."""

    def stop(self) -> None:
        """Stops it."""


def _cluster(folder: Path, arguments: list[str]) -> Cluster:
    from contextlib import ExitStack
    from socket import socket

    cluster = Cluster(folder, 3, 7001, arguments)
    with ExitStack() as stack:
        ports = []
        for _ in range(6):
            sock = stack.enter_context(socket())
            sock.bind(("127.0.0.1", 0))
            ports.append(sock.getsockname()[1])
    for n, member in enumerate(cluster.members.values()):
        member.address = ("127.0.0.1", ports[n])
        member.peer = ("127.0.0.1", ports[3 + n])
    return cluster


class Ours:
    """Three nodes of this store."""

    name = "ours"
    load: type[Load] = RespLoad

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.cluster = _cluster(folder, arguments)

    async def start(self) -> Address:
        """Starts them."""
        self.cluster.start()
        return (await self.cluster.leader()).address

    def pids(self) -> list[int]:
        """Returns their processes."""
        return [m.pid for m in self.cluster.members.values()]

    def stop(self) -> None:
        """Stops them."""
        self.cluster.stop()


class _Processes:
    """Three processes of another store."""

    name = ""
    load: type[Load] = RespLoad

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        with contextlib.ExitStack() as stack:
            from socket import socket

            self.ports = []
            for _ in range(6):
                sock = stack.enter_context(socket())
                sock.bind(("127.0.0.1", 0))
                self.ports.append(sock.getsockname()[1])

    def spawn(self, words: list[str], **env: str) -> None:
        """Starts a process whose output goes to a file."""
        output = (self.folder / f"{self.name}.log").open("ab")
        self.running.append(subprocess.Popen(
            words, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            env={**os.environ, **env}, process_group=0,
        ))  # fmt: skip
        output.close()

    def pids(self) -> list[int]:
        """Returns the processes."""
        return [p.pid for p in self.running]

    def stop(self) -> None:
        """Kills the processes: nobody needs what they hold."""
        for p in self.running:
            p.send_signal(signal.SIGKILL)
        for p in self.running:
            p.wait()


class Etcd(_Processes):
    """Three nodes of etcd, as the system has it."""

    name = "etcd"
    load: type[Load] = EtcdLoad

    async def start(self) -> Address:
        """Starts them."""
        where = ",".join(
            f"n{n}=http://127.0.0.1:{self.ports[3 + n]}" for n in range(3)
        )
        for n in range(3):
            client = f"http://127.0.0.1:{self.ports[n]}"
            peer = f"http://127.0.0.1:{self.ports[3 + n]}"
            self.spawn([
                "etcd", "--name", f"n{n}", "--data-dir",
                str(self.folder / f"etcd{n}"), "--listen-client-urls",
                client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                peer, "--initial-cluster", where, "--log-level", "error",
            ])  # fmt: skip
        for _ in range(300):
            await asyncio.sleep(0.1)
            for n in range(3):
                if await self._leads(self.ports[n]):
                    return ("127.0.0.1", self.ports[n])
        raise TimeoutError("etcd elects no leader")

    async def _leads(self, port: int) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close"
                b"\r\n\r\n"
            )
            text = await asyncio.wait_for(reader.read(-1), 2)
            writer.close()
        except (OSError, TimeoutError):
            return False
        return b"etcd_server_is_leader 1" in text


class PySyncObj(_Processes):
    """Three nodes of PySyncObj behind a server as small as can be."""

    name = "pysyncobj"

    async def start(self) -> Address:
        """Starts them."""
        peers = [f"127.0.0.1:{p}" for p in self.ports[3:]]
        script = Path(__file__).parents[1] / "tests/bench/pysyncobj_store.py"
        for n in range(3):
            others = peers[:n] + peers[n + 1 :]
            self.spawn([
                sys.executable, str(script), str(self.ports[n]), peers[n],
                *others,
            ])  # fmt: skip
        for _ in range(300):
            await asyncio.sleep(0.1)
            for n in range(3):
                with contextlib.suppress(OSError, TimeoutError):
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", self.ports[n]
                    )
                    writer.write(b"LEADER\r\n")
                    said = await asyncio.wait_for(reader.readline(), 2)
                    writer.close()
                    if said == b":1\r\n":
                        return ("127.0.0.1", self.ports[n])
        raise TimeoutError("PySyncObj elects no leader")


def cpu_seconds(pids: list[int]) -> float:
    """Returns what processes have used of the processors so far."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
            total += sum(map(int, fields.split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


async def measure(
    target: Target, where: Address, connections: int, depth: int,
    duration: float,
) -> Figures:  # fmt: skip
    """Puts a load on a leader for a while.

    Raises:
        RuntimeError: a request was refused.
    """
    loop = asyncio.get_running_loop()
    late: list[float] = []
    loads: list[Load] = []
    for _ in range(connections):
        _, load = await loop.create_connection(
            lambda: target.load(depth, late), *where
        )
        loads.append(load)
    for load in loads:
        load.begin()
    await asyncio.sleep(duration / 4)  # What begins is not yet steady.
    late.clear()
    cpu, begin = cpu_seconds(target.pids()), time.perf_counter()
    await asyncio.sleep(duration)
    took = time.perf_counter() - begin
    used = cpu_seconds(target.pids()) - cpu
    for load in loads:
        load.stop()
        if load.failed is not None:
            raise RuntimeError(f"{target.name}: {load.failed}")
    if not late:
        raise RuntimeError(f"{target.name}: nothing was answered")
    count = len(late)
    late.sort()
    return Figures(
        count / took, 1e3 * statistics.median(late),
        1e3 * late[min(count - 1, count * 99 // 100)], 1e6 * used / count,
    )  # fmt: skip


def _line(name: str, figures: Figures, note: str = "") -> None:
    print(
        f"  {name:<10}{figures.rate:>9.0f}/s   median"
        f" {figures.median:>7.2f} ms   p99 {figures.p99:>8.2f} ms   CPU"
        f" {figures.cpu:>6.0f} us each{note}",
        flush=True,
    )


async def loads(
    targets: list[Target], duration: float, rounds: int
) -> None:
    """Measures all loads, on all in turn, and prints the middle rounds."""
    where = [await t.start() for t in targets]
    await asyncio.sleep(1.0)
    for connections, depth in LOADS:
        ahead = f", {depth} sent ahead" if depth > 1 else ""
        print(f"SET 100 bytes, {connections} connections{ahead}")
        found: list[list[Figures]] = [[] for _ in targets]
        for _ in range(rounds):
            for n, target in enumerate(targets):
                found[n].append(await measure(
                    target, where[n], connections, depth, duration
                ))  # fmt: skip
        middle = [
            sorted(some, key=lambda f: f.rate)[len(some) // 2]
            for some in found
        ]
        for target, figures in zip(targets, middle, strict=True):
            ratio = middle[0].rate / figures.rate
            own = target is targets[0]
            _line(target.name, figures,
                  "" if own else f"   ours is {ratio:.2f}x")  # fmt: skip


async def failover(folder: Path, rounds: int) -> None:
    """Kills the leader, again and again; how long is nobody served?"""
    cluster = _cluster(folder, TUNED)
    gaps = []
    try:
        cluster.start()
        await cluster.leader()
        for n in range(rounds):
            leader = await cluster.leader()
            others = [
                m.address for m in cluster.members.values() if m is not leader
            ]
            await asyncio.sleep(random.uniform(0.3, 0.5))
            async with Client(
                others, timeout=20.0, try_timeout=1.0
            ) as client:
                await client.put(b"a", b"%d" % n)
                leader.kill()
                begin = time.perf_counter()
                await client.put(b"a", b"after")
                gaps.append(time.perf_counter() - begin)
            leader.start()
            await cluster.caught_up(leader)
    finally:
        cluster.stop()
    print(
        f"failover, heartbeat 20 ms, election 100 to 200 ms, {rounds} times:"
        f" median {1e3 * statistics.median(gaps):.0f} ms, most"
        f" {1e3 * max(gaps):.0f} ms",
        flush=True,
    )


async def _fill(leader: Member, count: int) -> float:
    begin = time.perf_counter()
    await fill(leader, count)
    return time.perf_counter() - begin


async def recovery(folder: Path, entries: int) -> None:
    """Restart with many entries; catch-up by log, and by snapshot."""
    for how, every in (("log", 10 * entries), ("snapshot", 10_000)):
        place = folder / how
        place.mkdir()
        cluster = _cluster(
            place, [*TUNED, "--snapshot-every", str(every)]
        )
        try:
            cluster.start()
            leader = await cluster.leader()
            behind = next(
                m for m in cluster.members.values() if m is not leader
            )
            behind.kill()
            took = await _fill(leader, entries)
            print(
                f"{entries} entries written in {took:.2f} s"
                f" ({entries / took:.0f}/s, 256 ahead)",
                flush=True,
            )
            await asyncio.sleep(0.5)
            begin = time.perf_counter()
            behind.start()
            await _serving(behind)
            up = time.perf_counter()
            await cluster.caught_up(behind)
            print(
                f"  catch-up by {how}: {time.perf_counter() - up:.2f} s"
                f" after the process was up ({up - begin:.2f} s)",
                flush=True,
            )
            behind.stop()
            begin = time.perf_counter()
            behind.start()
            await _serving(behind)
            await cluster.caught_up(behind)
            print(
                f"  restart with {entries} entries"
                f" ({'log' if how == 'log' else 'snapshot and tail'}):"
                f" {time.perf_counter() - begin:.2f} s",
                flush=True,
            )
        finally:
            cluster.stop()


async def _serving(member: Member) -> None:
    while await member.ask() is None:
        if not member.up:
            raise RuntimeError(f"node {member.id} has stopped")
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kv-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(argv: list[str]) -> int:
    """Measures; see the module."""
    parser = Parser(prog="kv bench", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--against", action="append", default=[],
        choices=["etcd", "pysyncobj"], help="run these side by side")
    add("--only", choices=["load", "failover", "recovery"],
        help="of the three, this one")
    add("--duration", type=seconds, default=4.0, metavar="TIME",
        help="of each load (4s)")
    add("--rounds", type=number, default=3, help="of each load (3)")
    add("--entries", type=number, default=100_000,
        help="to recover (100000)")
    add("--parts", default=None, metavar="MODULE:NAME",
        help="build the nodes of these parts")
    args = parser.parse_args(argv)
    if "etcd" in args.against and shutil.which("etcd") is None:
        return complain("there is no etcd here: apt-get install etcd-server")
    if "pysyncobj" in args.against and (
        importlib.util.find_spec("pysyncobj") is None
    ):
        return complain("there is no pysyncobj here: pip install"
                        " pysyncobj==0.3.17")  # fmt: skip
    if args.parts:
        try:
            load_parts(args.parts)
        except ValueError as error:
            return complain(error)
    arguments = ["--parts", args.parts] if args.parts else []
    others: dict[str, Callable[[Path], Target]] = {
        "etcd": Etcd, "pysyncobj": PySyncObj,
    }  # fmt: skip

    async def go() -> int:
        with _folder() as folder:
            if args.only in (None, "load"):
                targets: list[Target] = [Ours(folder / "ours", arguments)]
                (folder / "ours").mkdir()
                targets += [others[name](folder) for name in args.against]
                try:
                    await loads(targets, args.duration, args.rounds)
                finally:
                    for target in targets:
                        target.stop()
            if args.only in (None, "failover"):
                (folder / "failover").mkdir()
                await failover(folder / "failover", 10)
            if args.only in (None, "recovery"):
                (folder / "recovery").mkdir()
                await recovery(folder / "recovery", args.entries)
        return 0

    try:
        return run(go())
    except (KvError, RuntimeError, TimeoutError, OSError) as error:
        print(f"kv bench: {error}", file=sys.stderr)
        return FAILED
