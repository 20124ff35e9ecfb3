"""The processes of a run: killed, paused, told the time, and brought back.

A `Node` is a process of `kv.processes` that is dialled by way of gates, has a
clock that can be told to run wrongly, and knows who wants it down. Faults
overlap: one that is to be down for two reasons starts when both are over.
Whoever ends without being told to has failed; that is noted, with the last
words of its log, and is part of the verdict.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from kv.chaos.links import Links
from kv.chaos.power import settle, slow_down
from kv.client import Client
from kv.messages import Address
from kv.processes import Cluster, Member
from kv.skew import RIGHT, Setting, write_setting

LOOK: Final = 0.15  # seconds between looks at all nodes
RESTARTS: Final = 5  # of a node that ends by itself
# Outside of where systems take the ports of outgoing connections from: a
# node that is down for a while must find its port free.
PORTS: Final = 12_000, 30_000

Tell = Callable[[str, str], None]


def free_port(taken: set[int]) -> int:
    """Returns a port that nobody listens on, and that is not `taken`."""
    # Not from the run's seed: two runs of one seed may go on side by side.
    dice = random.SystemRandom()
    for _ in range(1000):
        port = dice.randrange(*PORTS)
        if port in taken:
            continue
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        taken.add(port)
        return port
    raise OSError("there is no free port")


class Node(Member):
    """One process, and what is wrong with it.

    Attributes:
        gate: Where clients dial it.
        lost: Whether its disk is damaged for good: it will not come back.
        gone: Whether it is to be left alone: it is no member any more.
        deaths: How often it ended by itself.
    """

    def __init__(self, nodes: Nodes, id: int, join: bool = False) -> None:
        super().__init__(nodes, id, join)
        self.gate: Address = ("127.0.0.1", 0)
        self.lost = False
        self.gone = False
        self.deaths = 0
        self.clock = RIGHT
        self._power = nodes.power
        self._control = nodes.folder / f"{id}.clock"
        self._down: set[object] = set()
        self._paused: set[object] = set()
        self.arguments = ["--clock-control", str(self._control)]

    @property
    def wanted(self) -> bool:
        """Whether it should be running."""
        return not (self._down or self.lost or self.gone)

    def kill(self) -> None:
        """Ends the process at once."""
        super().kill()
        if self._power:
            settle(self.folder, None)

    def take_down(self, why: object) -> None:
        """Kills it; it stays down until `bring_up` for the same reason."""
        self._down.add(why)
        self.kill()

    def lose_power(self, why: object, dice: random.Random) -> str:
        """Takes it down, and what it had not synced may be lost.

        Returns:
            What was, in words.
        """
        self._down.add(why)
        super().kill()
        return settle(self.folder, dice)

    def expect_down(self, why: object) -> None:
        """Notes that it may end by itself, until `bring_up`."""
        self._down.add(why)

    def bring_up(self, why: object) -> None:
        """Starts it, unless there is another reason for it to be down."""
        self._down.discard(why)
        if self.wanted and not self.up:
            self.start()
            if self._paused:
                self.pause()

    def hold(self, why: object) -> None:
        """Stops it as it stands, until `let_go` for the same reason."""
        self._paused.add(why)
        self.pause()

    def let_go(self, why: object) -> None:
        """Lets it go on, unless there is another reason to hold it."""
        self._paused.discard(why)
        if not self._paused and self.paused:
            self.resume()

    def set_clock(self, rate: float | None = None, jump: float = 0.0) -> None:
        """Has its clock run at another rate, or jump."""
        self.clock = Setting(
            self.clock.rate if rate is None else rate,
            self.clock.ahead + jump,
        )
        write_setting(str(self._control), self.clock)

    def slow_disk(self, seconds: float) -> None:
        """Has each sync take so much longer, if it writes as `power` has it.
        """
        slow_down(self.folder, seconds)

    def last_words(self, lines: int = 6) -> str:
        """Returns the end of its log."""
        path = self._cluster.folder / f"{self.id}.log"
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


class Nodes(Cluster):
    """All processes of a run.

    Attributes:
        links: Between them.
        power: Whether what they have not synced can be lost.
        elections: Who came to lead in which term, and when that was seen.
            Whoever led at the first look was elected before the run began.
        lanes: For each node its role and term, and since when.
        failures: What nodes did that none should.
        now: Tells the time of the run, in seconds.
        tell: Takes note of what happens: what sort of thing, and what.
    """

    def __init__(
        self, folder: Path, links: Links, arguments: list[str],
        wrapper: Sequence[str] = (), power: bool = False,
    ) -> None:  # fmt: skip
        """Makes a cluster without nodes.

        Args:
            folder: Where they keep their data and their logs.
            links: Opens gates for them.
            arguments: What `serve` gets besides.
            wrapper: What to run instead of `kv serve`: a module, and its own
                arguments.
            power: Whether that has them write as `kv.chaos.power` says.
        """
        super().__init__(folder, 0, 0, arguments)
        if wrapper:
            self.command = [sys.executable, "-m", *wrapper]
        self.links = links
        self.power = power
        self.members: dict[int, Node] = {}  # type: ignore[assignment]
        self.former: list[Node] = []
        self.elections: list[tuple[float, int, int]] = []
        self.lanes: dict[int, list[tuple[float, str, int]]] = {}
        self.failures: list[str] = []
        self.now: Callable[[], float] = time.monotonic
        self.tell: Tell = lambda kind, text: None
        self._taken: set[int] = set()
        self._term = 0
        self._watcher: asyncio.Task[None] | None = None

    async def make(self, id: int, join: bool = False) -> Node:
        """Makes a node with gates, which is yet to be started."""
        node = Node(self, id, join)
        for name in ("address", "peer_listen"):
            port = free_port(self._taken)
            setattr(node, name, ("127.0.0.1", port))
        own = node.peer_listen
        if own is None:
            raise RuntimeError("a node without a port")
        node.peer = await self.links.gate(id, own)
        node.gate = await self.links.gate(id, node.address, clients=True)
        self.members[id] = node
        return node

    def gates(self) -> list[Address]:
        """Returns where clients dial."""
        return [node.gate for node in self.members.values()]

    def admin(self, timeout: float = 5.0) -> Client:
        """Returns a client that no fault on a link touches."""
        return Client(self.addresses(), timeout=timeout, try_timeout=1.0)

    def drop(self, node: Node, wipe: bool = False) -> None:
        """Ends a node that is no member any more, for good."""
        node.gone = True
        node.kill()
        if self.members.pop(node.id, None) is not None:
            self.former.append(node)
            self.lanes.setdefault(node.id, []).append((self.now(), "gone", 0))
        if wipe:
            shutil.rmtree(node.folder, ignore_errors=True)

    def leading(self) -> Node | None:
        """Returns who led when all were asked last, in the newest term."""
        found: Node | None = None
        term = 0
        for node in self.members.values():
            s = node.status
            if s is not None and s["role"] == "leader" and s["term"] > term:
                found, term = node, s["term"]
        return found

    def watch(self) -> None:
        """Begins to look at all nodes, again and again."""
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def look(self) -> None:
        """Looks at all nodes once: who leads, and who has ended."""
        for node in [*self.members.values()]:
            if node.wanted and node.pid and not node.up:
                self._ended(node)
        await self.ask(0.4)
        for node in self.members.values():
            self._note_role(node)
        leader = self.leading()
        if leader is not None and leader.status is not None:
            term = leader.status["term"]
            if term > self._term:
                if self._term:
                    self.elections.append((self.now(), term, leader.id))
                self._term = term
                self.tell("election", f"term {term}: node {leader.id} leads")

    def _note_role(self, node: Node) -> None:
        s = node.status
        role, term = "down", 0
        if s is not None:
            role, term = s["role"], s["term"]
        elif node.up:
            role = "paused" if node.paused else "silent"
        lane = self.lanes.setdefault(node.id, [])
        if not lane or lane[-1][1:] != (role, term):
            lane.append((self.now(), role, term))

    def _ended(self, node: Node) -> None:
        """Notes that a node ended by itself, and starts it again."""
        node.deaths += 1
        self.failures.append(
            f"node {node.id} ended by itself:\n{node.last_words()}"
        )
        self.tell("death", f"node {node.id} ended by itself")
        node.kill()  # There is nothing left to kill: this clears up.
        if node.deaths < RESTARTS:
            node.start()
        else:
            node.lost = True

    def heal(self) -> None:
        """Has all clocks and disks be right, and all run who should."""
        for node in self.members.values():
            node.slow_disk(0.0)
            node._down.clear()
            node._paused.clear()
            if node.clock.rate != 1.0:
                node.set_clock(1.0)
            if node.paused:
                node.resume()
            if node.wanted and not node.up:
                node.start()

    async def converged(
        self, timeout: float, meanwhile: Callable[[], None] = lambda: None
    ) -> float:
        """Waits until all nodes have applied the same, and one leads.

        Args:
            timeout: For how many seconds.
            meanwhile: What to do again and again.

        Returns:
            How long it took, in seconds.

        Raises:
            TimeoutError: they have not; the text says how they stand.
        """
        begin = time.monotonic()
        while time.monotonic() < begin + timeout:
            await self.ask(1.0)
            meanwhile()
            said = [m.status for m in self.members.values()]
            if all(said):
                views = {
                    (s["term"], s["leader"], s["applied"], s["commit"],
                     tuple(s["voters"]), tuple(s["outgoing"]))
                    for s in said if s is not None
                }  # fmt: skip
                if len(views) == 1 and next(iter(views))[1]:
                    return time.monotonic() - begin
            await asyncio.sleep(0.1)
        stand = "; ".join(
            f"node {m.id} " + (
                "does not answer" if (s := m.status) is None else
                f"{s['role']}, term {s['term']}, applied {s['applied']} of"
                f" {s['commit']}"
            )
            for m in self.members.values()
        )  # fmt: skip
        raise TimeoutError(f"the nodes have not come together: {stand}")

    async def close(self) -> None:
        """Stops looking, and ends all processes."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await asyncio.to_thread(self.stop)
