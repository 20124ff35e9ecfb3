"""`python -m kv cluster`: a cluster of processes on this machine, to play with.

Each node is a process of its own, with a folder of its own, on loopback. A
table shows what they know, and commands do to them what machines do to
themselves: `kill` ends a process as a power cut would, `pause` stops it as a
long pause of the whole machine would, `wipe` is a disk that is lost.

A node that has lost its disk must not come back as if it were itself: it has
forgotten for whom it voted, and what it said it had stored. So `wipe` puts a
new node, with a new id, in its place, by way of a joint configuration.

`--demo` tells a story by itself and writes a picture of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from kv.client import Client, Connection, KvError, Refused
from kv.command_line import Parser, complain, number, seconds
from kv.messages import Address
from kv.serve import run as run_loop
from kv.world import real_world

if TYPE_CHECKING:
    from rich.console import Group

BASE_PORT: Final = 7001
PEER_OFFSET: Final = 100
START_TIMEOUT: Final = 30.0  # seconds

Status = dict[str, Any]


class Member:
    """One process of the cluster."""

    def __init__(self, cluster: Cluster, id: int, join: bool = False) -> None:
        self.id = id
        self.join = join
        self.address: Address = ("127.0.0.1", cluster.base + id - 1)
        self.peer: Address = ("127.0.0.1", self.address[1] + PEER_OFFSET)
        # Where it listens itself, if others have to dial somewhere else.
        self.peer_listen: Address | None = None
        self.arguments: list[str] = []
        self.folder = cluster.folder / str(id)
        self.paused = False
        self.status: Status | None = None
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @property
    def up(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id; 0 if there is none."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Starts the process, unless it is there."""
        if self.up:
            return
        cluster = self._cluster
        self.folder.mkdir(parents=True, exist_ok=True)
        peers = ",".join(
            f"{m.id}={m.peer[0]}:{m.peer[1]}"
            for m in cluster.members.values()
        )
        host, port = self.peer_listen or self.peer
        self._output = (cluster.folder / f"{self.id}.log").open("ab")
        self._process = subprocess.Popen(
            [
                *cluster.command, "--id", str(self.id),
                "--cluster", str(cluster.id), "--data", str(self.folder),
                "--listen", f"127.0.0.1:{self.address[1]}",
                "--peer-listen", f"{host}:{port}",
                "--peers", peers, *(["--join"] if self.join else []),
                *cluster.arguments, *self.arguments,
            ],
            stdout=self._output, stderr=self._output,
            stdin=subprocess.DEVNULL, cwd=cluster.cwd,
            # Not in our group: Ctrl-C is for us, and we stop them in turn.
            process_group=0,
        )  # fmt: skip
        self.paused = False

    def signal(self, which: signal.Signals) -> None:
        """Sends a signal to the process, if it is there."""
        if self._process is not None and self.up:
            self._process.send_signal(which)

    def kill(self) -> None:
        """Ends the process at once, as a power cut would."""
        self.signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Has the process end in good order; kills it if it will not."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._wait(10.0)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Stops the process where it is."""
        self.signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Lets it go on."""
        self.signal(signal.SIGCONT)
        self.paused = False

    def _wait(self, timeout: float | None = None) -> None:
        if self._process is not None:
            self._process.wait(timeout)
            self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None
        self._hang_up()
        self.status = None

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(RuntimeError):  # Its loop may have ended.
                self._connection.close()
            self._connection = None

    async def ask(self, timeout: float = 0.5) -> Status | None:
        """Asks the process what it knows; `None` if it does not say."""
        if not self.up or self.paused:
            self.status = None
            return None
        world = real_world()
        answer: object = None
        try:
            async with self._turn, world.clock.timeout(timeout):
                if self._connection is None:
                    self._connection = await Connection.open(
                        world, self.address
                    )
                answer = await self._connection.call(b"STATUS")
        except (OSError, TimeoutError):
            self._hang_up()
        self.status = json.loads(answer) if type(answer) is bytes else None
        return self.status

    def sizes(self) -> tuple[int, int]:
        """Returns how many bytes log and snapshots take on disk."""

        def total(name: str) -> int:
            size = 0
            with suppress(OSError):
                for file in (self.folder / name).iterdir():
                    size += file.stat().st_size
            return size

        return total("wal"), total("snap")


class Cluster:
    """All processes, under one folder."""

    def __init__(
        self, folder: Path, nodes: int, base: int, arguments: list[str]
    ) -> None:
        """Makes a cluster whose processes are not started yet.

        Args:
            folder: Where the nodes keep their data.
            nodes: How many there are.
            base: The first node's port; the others' follow.
            arguments: What `serve` gets besides.
        """
        self.id = 1
        self.folder = folder
        self.base = base
        self.arguments = arguments
        self.command = [sys.executable, "-m", "kv", "serve"]
        self.cwd = Path(__file__).parents[1]
        self.members: dict[int, Member] = {}
        for id in range(1, nodes + 1):
            self.members[id] = Member(self, id)
        # Nodes that took the place of others are found again by folder.
        for path in sorted(folder.glob("*/replaces")):
            self._found(int(path.parent.name), path)

    def _found(self, id: int, path: Path) -> None:
        gone = int(path.read_text())
        self.members.pop(gone, None)
        self.members[id] = Member(self, id, join=True)

    def start(self) -> None:
        """Starts all processes."""
        for member in self.members.values():
            member.start()

    def stop(self) -> None:
        """Stops all processes."""
        for member in self.members.values():
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        for member in self.members.values():
            member.stop()

    def addresses(self) -> list[Address]:
        """Returns where clients may connect."""
        return [m.address for m in self.members.values()]

    def client(self, timeout: float = 10.0) -> Client:
        """Returns a client of the cluster."""
        return Client(self.addresses(), timeout=timeout, try_timeout=1.0)

    async def ask(self, timeout: float = 0.5) -> None:
        """Asks all what they know."""
        await asyncio.gather(
            *(m.ask(timeout) for m in self.members.values())
        )

    async def leader(self, timeout: float = START_TIMEOUT) -> Member:
        """Returns who leads, once a majority says so.

        Raises:
            TimeoutError: nobody does.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            await self.ask()
            said = [
                (m.status["term"], m.status["leader"])
                for m in self.members.values() if m.status is not None
            ]  # fmt: skip
            for vote in said:
                enough = 2 * said.count(vote) > len(self.members)
                member = self.members.get(vote[1])
                if enough and member is not None and member.up:
                    return member
            for m in self.members.values():
                if not m.up and m.pid:
                    raise KvError(
                        f"node {m.id} has stopped; see {self.folder}/{m.id}"
                        ".log"
                    )
            await asyncio.sleep(0.02)
        raise TimeoutError("no leader was elected")

    async def caught_up(self, member: Member, timeout: float = 60.0) -> float:
        """Waits until a node has applied all that was committed before.

        Returns:
            How long it took, in seconds.
        """
        begin = time.monotonic()
        leader = await self.leader()
        goal = (leader.status or {})["commit"]
        while time.monotonic() < begin + timeout:
            status = await member.ask()
            if status is not None and status["applied"] >= goal:
                return time.monotonic() - begin
            await asyncio.sleep(0.01)
        raise TimeoutError(f"node {member.id} has not caught up")

    async def wipe(self, member: Member) -> Member:
        """Replaces a node whose disk is lost by a new one."""
        import shutil

        member.kill()
        id = max(self.members) + 1
        new = Member(self, id, join=True)
        del self.members[member.id]
        self.members[id] = new
        shutil.rmtree(member.folder, ignore_errors=True)
        new.folder.mkdir(parents=True, exist_ok=True)
        (new.folder / "replaces").write_text(str(member.id))
        new.start()
        where = f"{new.peer[0]}:{new.peer[1]}"
        async with self.client(timeout=20.0) as client:
            await client.member("learner", str(id), where)
            await self.caught_up(new)
            for left in range(50, -1, -1):
                # A new leader has yet to hear from the others.
                try:
                    await client.member(
                        "replace", str(member.id), str(id), where
                    )
                    break
                except Refused:
                    if not left:
                        raise
                    await asyncio.sleep(0.1)
        return new


def rows(cluster: Cluster) -> Iterator[tuple[Member, list[str]]]:
    """Yields what the table shows of each node."""
    for member in cluster.members.values():
        s = member.status
        wal, snap = member.sizes()
        disk = [_size(wal), _size(snap)]
        if s is None:
            state = "paused" if member.paused else (
                "silent" if member.up else "down"
            )  # fmt: skip
            yield member, [str(member.id), state, *"-----", *disk]
        else:
            yield member, [
                str(member.id), s["role"], str(s["term"]),
                str(s["leader"] or "-"), str(s["commit"]), str(s["applied"]),
                f"{s['first']}..{s['last']}", *disk,
            ]  # fmt: skip


HEAD: Final = (
    "node", "role", "term", "leader", "commit", "applied", "in memory",
    "log", "snapshots",
)  # fmt: skip


def _size(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size //= 1000
    return f"{size:.0f} GB"


_STYLE: Final = {
    "leader": "bold green", "candidate": "yellow", "follower": "cyan",
    "precandidate": "yellow",
}  # fmt: skip


def table(cluster: Cluster, below: str = "") -> Group:
    """Returns the table, for `rich` to show."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in HEAD:
        shown.add_column(name, justify="right")
    for _, cells in rows(cluster):
        shown.add_row(*cells, style=_STYLE.get(cells[1], "dim"))
    return Group(shown, Text(below))


HELP: Final = """\
kill N|leader    end a process as a power cut would
pause N|leader   stop it where it is; `resume N` lets it go on
restart N|all    start it again
wipe N           lose its disk: a new node takes its place
transfer N       have it lead
put KEY VALUE    get KEY    status    quit"""


class Console:
    """Carries out what people type."""

    def __init__(self, cluster: Cluster) -> None:
        """Makes a console for a cluster that runs."""
        self._cluster = cluster
        self._client = cluster.client(timeout=5.0)

    async def do(self, line: str) -> str:
        """Carries out a line and returns what to say."""
        words = line.split()
        if not words:
            return ""
        actions: dict[str, Callable[[list[str]], Awaitable[str]]] = {
            "kill": self._kill, "pause": self._pause, "resume": self._resume,
            "restart": self._restart, "wipe": self._wipe, "put": self._put,
            "get": self._get, "transfer": self._transfer,
            "status": self._status,
        }  # fmt: skip
        action = actions.get(words[0])
        if action is None:
            return HELP
        began = _stamp()
        try:
            answer = await action(words[1:])
        except (KvError, TimeoutError, LookupError, ValueError) as error:
            answer = str(error) or HELP
        self._note(began, line, answer)
        return answer

    def _note(self, began: str, line: str, answer: str) -> None:
        """Writes down what was done and when, beside the nodes' own logs."""
        said = answer.partition("\n")[0]
        log = self._cluster.folder / "commands.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{began} {' '.join(line.split())}: {said}\n")

    async def _member(self, words: list[str]) -> Member:
        if len(words) != 1:
            raise ValueError("which node?")
        if words[0] == "leader":
            return await self._cluster.leader(5.0)
        member = self._cluster.members.get(int(words[0]))
        if member is None:
            raise LookupError(f"there is no node {words[0]}")
        return member

    async def _kill(self, words: list[str]) -> str:
        member = await self._member(words)
        member.kill()
        return f"node {member.id} is dead"

    async def _pause(self, words: list[str]) -> str:
        member = await self._member(words)
        member.pause()
        return f"node {member.id} is paused"

    async def _resume(self, words: list[str]) -> str:
        member = await self._member(words)
        member.resume()
        return f"node {member.id} goes on"

    async def _restart(self, words: list[str]) -> str:
        if words == ["all"]:
            for each in self._cluster.members.values():
                each.stop()
            self._cluster.start()
            return "all start again"
        member = await self._member(words)
        member.stop()
        member.start()
        return f"node {member.id} starts again"

    async def _wipe(self, words: list[str]) -> str:
        member = await self._member(words)
        new = await self._cluster.wipe(member)
        self._client = self._cluster.client(timeout=5.0)
        return f"node {new.id} has taken the place of node {member.id}"

    async def _transfer(self, words: list[str]) -> str:
        member = await self._member(words)
        await self._client.transfer(member.id)
        return f"node {member.id} leads"

    async def _put(self, words: list[str]) -> str:
        if len(words) != 2:
            raise ValueError("put KEY VALUE")
        begin = time.monotonic()
        await self._client.put(words[0].encode(), words[1].encode())
        return f"done in {(time.monotonic() - begin) * 1000:.1f} ms"

    async def _get(self, words: list[str]) -> str:
        if len(words) != 1:
            raise ValueError("get KEY")
        value = await self._client.get(words[0].encode())
        return "(nothing)" if value is None else repr(value)[2:-1]

    async def _status(self, words: list[str]) -> str:
        await self._cluster.ask()
        lines = ["".join(f"{h:>12}" for h in HEAD)]
        for _, cells in rows(self._cluster):
            lines.append("".join(f"{c:>12}" for c in cells))
        return "\n".join(lines)


def _stamp() -> str:
    """Returns the time as the nodes' logs have it."""
    now = time.time()
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return f"{date},{int(now % 1 * 1000):03}"


async def converse(cluster: Cluster) -> int:
    """Shows the table and takes commands, until there are no more."""
    console = Console(cluster)
    if sys.stdin.isatty() and sys.stdout.isatty():
        await _live(cluster, console)
        return 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() in ("quit", "exit"):
            break
        print(await console.do(line), flush=True)
    return 0


async def _live(cluster: Cluster, console: Console) -> None:
    """The table on top, what was said below it, and a line to type in."""
    import termios
    import tty

    from rich.live import Live

    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue()
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    said, line = HELP, ""
    tty.setcbreak(fd)
    loop.add_reader(
        fd, lambda: typed.put_nowait(os.read(fd, 256).decode(errors="replace"))
    )
    work: asyncio.Task[str] | None = None
    try:
        with Live(auto_refresh=False, screen=False) as live:
            while True:
                await cluster.ask()
                if work is not None and work.done():
                    said, work = work.result(), None
                live.update(
                    table(cluster, f"{said}\n\n> {line}"), refresh=True
                )
                try:
                    keys = await asyncio.wait_for(typed.get(), 0.1)
                except TimeoutError:
                    continue
                for key in keys:
                    if key in "\r\n":
                        if line.strip() in ("quit", "exit"):
                            return
                        if work is None:
                            said = f"{line} ..."
                            work = asyncio.create_task(console.do(line))
                        line = ""
                    elif key in "\x7f\b":
                        line = line[:-1]
                    elif key == "\x04":
                        return
                    elif key.isprintable():
                        line += key
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def parse(argv: list[str]) -> tuple[Namespace, list[str]]:
    """Reads the command line; what is for `serve` comes back apart."""
    parser = Parser(prog="kv cluster", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--nodes", type=number, default=3, help="how many processes (3)")
    add("--data", metavar="FOLDER", default=None,
        help="where the nodes keep their data; a new folder if not given")
    add("--port", type=number, default=BASE_PORT,
        help=f"of the first node; the others' follow ({BASE_PORT})")
    add("--heartbeat", type=seconds, default=0.05, metavar="TIME",
        help="between heartbeats (50ms)")
    add("--election", type=seconds, default=0.5, metavar="TIME",
        help="until a follower campaigns: one to two times this (500ms)")
    add("--reads", choices=["safe", "lease", "stale"], default="safe")
    add("--async-writes", action="store_true",
        help="let raft go on while the disk works")
    add("--snapshot-every", type=number, default=None, metavar="ENTRIES")
    add("--parts", default=None, metavar="MODULE:NAME",
        help="build the nodes of these parts")
    add("--demo", action="store_true",
        help="tell a story, and write a picture of it")
    add("--out", metavar="FILE", default="cluster-demo.html",
        help="where the picture goes (cluster-demo.html)")
    args = parser.parse_args(argv)
    arguments = [
        "--heartbeat", str(args.heartbeat), "--election", str(args.election),
        "--reads", args.reads,
    ]  # fmt: skip
    if args.async_writes:
        arguments.append("--async-writes")
    if args.snapshot_every is not None:
        arguments += ["--snapshot-every", str(args.snapshot_every)]
    if args.parts is not None:
        arguments += ["--parts", args.parts]
    return args, arguments


def main(argv: list[str]) -> int:
    """Runs a cluster; see the module."""
    args, arguments = parse(argv)
    if args.parts is not None:
        from kv.parts import load_parts

        try:
            owners = load_parts(args.parts).owners()
        except ValueError as error:
            return complain(error)
        for name, owner in owners.items():
            print(f"{name:>14}: {owner}")
    try:
        folder = Path(args.data or tempfile.mkdtemp(prefix="kv-cluster-"))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return complain(error)
    cluster = Cluster(folder.resolve(), args.nodes, args.port, arguments)
    print(f"{args.nodes} nodes under {folder}", flush=True)

    async def go() -> int:
        if args.demo:
            from kv.demo import demo

            return await demo(cluster, Path(args.out))
        await cluster.leader()
        return await converse(cluster)

    try:
        cluster.start()
        return run_loop(go())
    except KeyboardInterrupt:
        return 0
    except (KvError, TimeoutError, OSError) as error:
        print(f"kv cluster: {error}", file=sys.stderr)
        return 1
    finally:
        cluster.stop()
