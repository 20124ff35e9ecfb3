"""Nodes as processes of this machine: started, killed, paused, asked.

Each node has a folder of its own under the cluster's, and a log beside it; all
are on loopback. What is done to a process here is what machines do to
themselves: `kill` ends it as a power cut would, `pause` stops it as a long
pause of the whole machine would, `wipe` is a disk that is lost.

A node that has lost its disk must not come back as if it were itself: it has
forgotten for whom it voted, and what it said it had stored. So `wipe` puts a
new node, with a new id, in its place, by way of a joint configuration.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from kv.address_book import FILE, read_addresses
from kv.client import Client, Connection, KvError, Refused
from kv.messages import Address
from kv.world import real_world

PEER_OFFSET: Final = 100
START_TIMEOUT: Final = 30.0  # seconds
REPLACES: Final = "replaces"  # a node's file: whose place it has taken

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

    def last_words(self) -> str:
        """Returns the last line of the log, or what stands for it."""
        path = self._cluster.folder / f"{self.id}.log"
        with suppress(OSError):
            lines = path.read_text("utf-8", "replace").splitlines()
            if said := [line for line in lines if line.strip()]:
                return said[-1].strip().removeprefix("kv: ")
        return "without a word"

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
        for path in sorted(folder.glob(f"*/{REPLACES}")):
            self._found(int(path.parent.name), path)

    def _found(self, id: int, path: Path) -> None:
        for gone in path.read_text().split():
            self.members.pop(int(gone), None)
        self.members[id] = Member(self, id, join=True)

    def known(self) -> dict[int, Address]:
        """Returns where nodes look for each other, as their data has it."""
        known: dict[int, Address] = {}
        for member in self.members.values():
            with suppress(OSError, ValueError):
                data = (member.folder / FILE).read_bytes()
                known |= read_addresses(data)
        return known

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
                        f"node {m.id} has stopped: {m.last_words()} (more in"
                        f" {self.folder}/{m.id}.log)"
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

    def put_in_place_of(self, member: Member) -> Member:
        """Returns a new node; the folder of the one before is gone."""
        id = max(self.members) + 1
        new = Member(self, id, join=True)
        del self.members[member.id]
        self.members[id] = new
        # With all that went before it: their folders can say it no more.
        gone = [str(member.id)]
        with suppress(OSError):
            gone += (member.folder / REPLACES).read_text().split()
        new.folder.mkdir(parents=True, exist_ok=True)
        (new.folder / REPLACES).write_text(" ".join(gone))
        shutil.rmtree(member.folder, ignore_errors=True)
        return new

    async def wipe(self, member: Member) -> Member:
        """Replaces a node whose disk is lost by a new one."""
        member.kill()
        new = self.put_in_place_of(member)
        new.start()
        where = f"{new.peer[0]}:{new.peer[1]}"
        async with self.client(timeout=20.0) as client:
            await client.member("learner", str(new.id), where)
            await self.caught_up(new)
            for left in range(50, -1, -1):
                # A new leader has yet to hear from the others.
                try:
                    await client.member(
                        "replace", str(member.id), str(new.id), where
                    )
                    break
                except Refused:
                    if not left:
                        raise
                    await asyncio.sleep(0.1)
        return new
