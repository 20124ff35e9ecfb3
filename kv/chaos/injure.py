"""Actions of `kv.faults`, carried out on real processes.

What cannot be done from outside is passed over, and counted: a proxy cannot
swap messages of a TCP connection, and nobody but the disk can have a sync
fail. `kill -9` cannot take from the system what it has not yet written, so a
power cut is a kill, unless nodes write as `kv.chaos.power` says; so written,
syncs can be slow, too. A full disk is played by a limit on the size of files,
which Linux sets from outside.

Plans speak of nodes that were there when they were made. Meanwhile nodes have
been replaced: by the plan, or because their disk was damaged and a new one
had to take their place. So a name stands for its successor, and one without a
successor for some member, that nemeses do not run dry in a long run. Only a
promotion means the very node that it names.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from kv import faults as f
from kv.chaos import damage
from kv.chaos.links import Effect, Matches, apart, between
from kv.chaos.nodes import Node, Nodes
from kv.client import KvError, Refused
from kv.faults import ANY, CLIENTS, LEADER, Action
from kv.messages import Address
from kv.processes import Status

CHANGE: Final = 20.0  # seconds until a change of members is given up
REFUSES: Final = 30.0  # seconds in which a node must refuse to start
TURN: Final = 0.004  # seconds that `count` operations or turns are taken for
STRAY: Final = 60.0  # seconds until a node that is no member is ended
DYING: Final = 2.0  # seconds from a write that fails to the end of a node
MOST: Final = 5  # nodes at a time

Note = Callable[..., None]
Limit = Callable[[int, int | None], None]
limit_files: Limit | None = None
if sys.platform == "linux":
    import resource

    def _limit_files(pid: int, size: int | None) -> None:
        """Has writes of a process fail beyond a size; `None`: none fails."""
        which = resource.RLIMIT_FSIZE
        _, most = resource.prlimit(pid, which)
        resource.prlimit(pid, which, (most if size is None else size, most))

    limit_files = _limit_files
_OnLink = f.Cut | f.Slow | f.Loss | f.Clog | f.Throttle


class _Pass(Exception):
    """It cannot be done here, or makes no sense now."""


@dataclass(slots=True, eq=False)
class Band:
    """A fault, for the picture.

    Attributes:
        family: What sort.
        text: What it is.
        begin: When it began, in seconds of the run.
        end: When it was over; `None` while it lasts.
    """

    family: str
    text: str
    begin: float
    end: float | None = None


class Injuries:
    """Carries actions out, and remembers what it did.

    Attributes:
        bands: Every fault so far.
        done: How often what was done, by family and name.
        passed: How often what was passed over, and why.
        problems: What nodes did that none should.
    """

    def __init__(
        self, nodes: Nodes, first: Sequence[int], rng: random.Random,
        note: Note, added: Callable[[Address], None],
    ) -> None:  # fmt: skip
        """Does nothing yet.

        Args:
            nodes: Whom to hurt.
            first: The first members, as plans know them.
            rng: Dice for what an action leaves open.
            note: Writes an event into the history.
            added: Hears where clients dial a new node.
        """
        self.bands: list[Band] = []
        self.done: Counter[tuple[str, str]] = Counter()
        self.passed: Counter[tuple[str, str]] = Counter()
        self.problems: list[str] = []
        self._nodes = nodes
        self._rng = rng
        self._note = note
        self._added = added
        self._successors: dict[int, int] = {}
        self._next_id = max(first) + 1000
        self._tasks: dict[asyncio.Task[None], bool] = {}
        self._changing = asyncio.Lock()
        self._touched: dict[int, float] = {}
        self._healed = asyncio.Event()

    @property
    def now(self) -> list[Band]:
        """The faults that last."""
        return [band for band in self.bands if band.end is None]

    def do(self, action: Action) -> None:
        """Begins to carry out an action; it ends by itself."""
        handler = _HANDLERS.get(type(action))
        name = str(action).split()[0]
        if isinstance(action, f.DiskFault):
            name = f"disk-{action.kind}"
        elif isinstance(action, f.Crash) and action.node == LEADER:
            name = "crash-leader"
        try:
            if handler is None:
                raise _Pass("it cannot be done to real processes")
            handler(self, action)
        except _Pass as why:
            self.passed[name, str(why)] += 1
        else:
            self.done[action.family, name] += 1

    async def heal(self) -> None:
        """Ends all that lasts; waits until disks that were lost are replaced.

        Raises:
            TimeoutError: a node could not be replaced though all is well.
        """
        self._healed.set()
        self._nodes.links.heal()
        ending = [task for task, waits in self._tasks.items() if not waits]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for band in self.now:
            if band.family not in ("disk", "members"):
                self._over(band)
        self._nodes.heal()
        changes = [task for task, waits in self._tasks.items() if waits]
        if changes:
            await asyncio.wait(changes, timeout=2 * CHANGE)
        late = [task for task in changes if not task.done()]
        for task in late:
            task.cancel()
        for band in self.now:
            self._over(band)
        if late:
            raise TimeoutError(
                "a change of the members did not end though all was well"
            )

    async def stop(self) -> None:
        """Leaves off, wherever it is."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Bands, tasks, names.

    def _begin(self, action: Action, text: str) -> Band:
        band = Band(action.family, text, self._nodes.now())
        self.bands.append(band)
        self._note(
            "fault", f=band.family, value=text, phase="begin"
        )
        return band

    def _over(self, band: Band) -> None:
        if band.end is None:
            band.end = self._nodes.now()
            self._note(
                "fault", f=band.family, value=band.text, phase="end"
            )

    def _spawn(
        self, work: Coroutine[Any, Any, None], patient: bool = False
    ) -> None:
        """Runs something beside the rest.

        Args:
            work: What.
            patient: Whether healing waits for it, and does not end it.
        """
        task = asyncio.create_task(work)
        self._tasks[task] = patient
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            self.problems.append(f"the harness: {task.exception()!r}")

    def _lasting(
        self, action: Action, band: Band, end: Callable[[], None]
    ) -> None:
        """Ends a fault when its time is up, or all is healed."""

        async def last() -> None:
            try:
                if action.lasts:
                    await asyncio.sleep(action.lasts)
                else:
                    await self._healed.wait()
            finally:
                end()
                self._over(band)

        self._spawn(last())

    def _node(self, id: int) -> Node:
        """Returns the node that a name stands for now."""
        members = self._nodes.members
        if id == LEADER:
            leader = self._nodes.leading()
            if leader is None:
                raise _Pass("nobody leads")
            return leader
        while id in self._successors:
            id = self._successors[id]
        if id in members:
            return members[id]
        if not members:
            raise _Pass("there are no nodes")
        return members[sorted(members)[id % len(members)]]

    def _end_of_link(self, id: int) -> int:
        return id if id in (ANY, CLIENTS) else self._node(id).id

    def _running(self, id: int) -> Node:
        node = self._node(id)
        if node.lost or not node.up:
            raise _Pass("the node is down")
        return node

    # Links.

    def _affect(
        self, action: Action, text: str, matches: Matches, effect: Effect
    ) -> None:
        links = self._nodes.links
        number = links.add(matches, effect)
        self._lasting(
            action, self._begin(action, text), lambda: links.remove(number)
        )

    def _link(
        self, action: _OnLink, effect: Effect, what: str, both: bool = False
    ) -> None:
        source = self._end_of_link(action.source)
        to = self._end_of_link(action.to)
        if source == to != ANY:
            raise _Pass("a link has two ends")
        sign = "-x-" if both else "->"
        text = f"{what} {_end(source)} {sign} {_end(to)}"
        self._affect(action, text, between(source, to, both), effect)

    def _partition(self, a: f.Partition) -> None:
        groups = tuple(
            tuple(self._node(id).id for id in group) for group in a.groups
        )
        sides = [",".join(map(str, sorted(set(g)))) for g in groups]
        if len(sides) == 1:
            sides.append("the others")
        text = " | ".join(sides)
        self._affect(a, text, apart(groups), Effect(cut=True))

    def _cut(self, a: f.Cut) -> None:
        self._link(a, Effect(cut=True), "cut", a.both)

    def _slow(self, a: f.Slow) -> None:
        effect = Effect(delay=a.delay, spread=a.spread)
        self._link(a, effect, f"{a.delay * 1000:.0f} ms more")

    def _loss(self, a: f.Loss) -> None:
        self._link(a, Effect(share=a.share), f"{a.share:.0%} lost")

    def _clog(self, a: f.Clog) -> None:
        self._link(a, Effect(clog=True), "clogged")

    def _throttle(self, a: f.Throttle) -> None:
        self._link(a, Effect(rate=a.rate), f"{a.rate} B/s")

    def _break(self, a: f.BreakConnections) -> None:
        source = self._end_of_link(a.source)
        to = self._end_of_link(a.to)
        if not self._nodes.links.broken(between(source, to)):
            raise _Pass("there is no connection")
        text = f"broken {_end(source)} -> {_end(to)}"
        self._over(self._begin(a, text))

    # Processes and clocks.

    def _crash(self, a: f.Crash) -> None:
        node = self._node(a.node)
        if node.lost or node.gone:
            raise _Pass("the node is down for good")
        # A moment in the middle of something: any will do, out here.
        wait = a.count * TURN * self._rng.random() if a.count else 0.0

        async def crash() -> None:
            await asyncio.sleep(wait)
            if node.lost or node.gone:
                return
            led = " (leader)" if node is self._nodes.leading() else ""
            name = f"node {node.id}{led}"
            if a.power and self._nodes.power:
                lost = node.lose_power(a, self._rng)
                band = self._begin(a, f"power cut of {name}: {lost}")
                node.expect_down(band)
                node.bring_up(a)
            else:
                band = self._begin(a, f"kill -9 of {name}")
                node.take_down(band)
            self._lasting(a, band, lambda: node.bring_up(band))

        self._spawn(crash())

    def _pause(self, a: f.Pause) -> None:
        node = self._running(a.node)
        led = " (leader)" if node is self._nodes.leading() else ""
        band = self._begin(a, f"node {node.id}{led} is stopped")
        node.hold(band)
        self._lasting(a, band, lambda: node.let_go(band))

    def _clock_rate(self, a: f.ClockRate) -> None:
        node = self._node(a.node)
        node.set_clock(rate=a.rate)
        band = self._begin(a, f"node {node.id}: time runs at {a.rate:g}")
        self._lasting(a, band, lambda: node.set_clock(rate=1.0))

    def _clock_jump(self, a: f.ClockJump) -> None:
        node = self._node(a.node)
        node.set_clock(jump=a.by)
        self._over(self._begin(a, f"node {node.id}: time jumps {a.by:+g} s"))

    def _strobe(self, a: f.Strobe) -> None:
        node = self._node(a.node)
        band = self._begin(
            a, f"node {node.id}: {a.by:+g} s every {a.every:g} s"
        )

        async def strobe() -> None:
            while band.end is None:
                node.set_clock(jump=a.by)
                await asyncio.sleep(a.every)

        self._spawn(strobe())
        self._lasting(a, band, lambda: None)

    # Disks.

    def _disk(self, a: f.DiskFault) -> None:
        if a.kind == "torn":
            self._torn(a)
        elif a.kind == "flip":
            self._flip(a)
        elif a.kind == "full" and limit_files is not None:
            self._full(a, limit_files)
        elif a.kind == "slow" and self._nodes.power:
            self._slow_disk(a)
        else:
            raise _Pass("only a disk itself can do that")

    def _torn(self, a: f.DiskFault) -> None:
        node = self._running(a.node)
        why = object()
        node.take_down(why)
        what = damage.tear(node.folder, self._rng)
        if what is None:
            node.bring_up(why)
            raise _Pass("the log is of another form")
        band = self._begin(a, f"node {node.id} is killed; {what}")
        self._lasting(a, band, lambda: node.bring_up(why))

    def _slow_disk(self, a: f.DiskFault) -> None:
        node = self._node(a.node)
        node.slow_disk(a.amount)
        band = self._begin(
            a, f"node {node.id}: a sync takes {a.amount:g} s more"
        )
        self._lasting(a, band, lambda: node.slow_disk(0.0))

    def _full(self, a: f.DiskFault, limit: Limit) -> None:
        """Has every write fail, until the node stops, as it must."""
        node = self._running(a.node)
        pid = node.pid
        band = self._begin(a, f"node {node.id}: no write succeeds")
        node.expect_down(band)

        async def starve() -> None:
            try:
                with suppress(OSError):  # It may have gone meanwhile.
                    limit(pid, 0)
                await asyncio.sleep(a.lasts or 1.0)
            finally:
                if node.pid == pid:
                    with suppress(OSError):
                        limit(pid, None)
                self._over(band)
                # A node that a write has failed for may be about to end yet.
                end = time.monotonic() + DYING
                while node.up and time.monotonic() < end:
                    await asyncio.sleep(0.05)
                if node.pid == pid and not node.up:
                    node.kill()  # It has ended by itself: this clears up.
                node.bring_up(band)

        self._spawn(starve())

    def _flip(self, a: f.DiskFault) -> None:
        node = self._running(a.node)
        if self._changing.locked():
            raise _Pass("the members are being changed")
        others = [
            m for m in self._nodes.members.values() if m is not node
        ]
        leader = self._nodes.leading()
        if leader is None or leader.status is None:
            raise _Pass("nobody leads")
        voters = leader.status["voters"]
        if len(voters) < 3 or any(m.lost for m in others):
            raise _Pass("one node too few would be left")
        if leader.status["outgoing"] or node.id not in voters:
            raise _Pass("the members are being changed")
        self._spawn(self._flipped(a, node), patient=True)

    async def _flipped(self, a: f.DiskFault, node: Node) -> None:
        """Turns a bit; the node must refuse; a new one takes its place."""
        async with self._changing:
            why = object()
            node.take_down(why)
            what = damage.flip(node.folder, a.amount, self._rng)
            if what is None:
                node.bring_up(why)
                self.done["disk", "disk-flip"] -= 1
                self.passed["disk-flip", "the log is short, or not ours"] += 1
                return
            band = self._begin(a, f"node {node.id}: {what}")
            try:
                node.lost = True
                if not await self._refuses(node):
                    self.problems.append(
                        f"node {node.id} started though {what}:\n"
                        f"{node.last_words()}"
                    )
                node.kill()
                self._next_id += 1
                await self._put_in_place(node, self._next_id, 30 * CHANGE)
                self._successors[node.id] = self._next_id
                self._nodes.drop(node, wipe=True)
            finally:
                self._over(band)

    async def _refuses(self, node: Node) -> bool:
        """Tells whether a node refuses to start on its disk."""
        node.start()
        loop = asyncio.get_running_loop()
        end = loop.time() + REFUSES
        while node.up and loop.time() < end:
            await asyncio.sleep(0.05)
            if await node.ask() is not None:
                return False
        words = node.last_words()
        return not node.up and "must not start" in words

    # Members.

    def _member_change(self, a: Action, work: Coroutine[Any, Any, None],
                       text: str) -> None:  # fmt: skip
        if self._changing.locked():
            work.close()
            raise _Pass("the members are being changed")

        async def change() -> None:
            async with self._changing:
                band = self._begin(a, text)
                try:
                    await work
                except TimeoutError as error:
                    self.passed[str(a).split()[0], str(error)] += 1
                finally:
                    self._over(band)

        self._spawn(change(), patient=True)

    def _exact(self, id: int) -> Node:
        while id in self._successors:
            id = self._successors[id]
        node = self._nodes.members.get(id)
        if id == LEADER:
            node = self._nodes.leading()
        if node is None:
            raise _Pass("there is no such member")
        return node

    def _fresh(self, id: int) -> None:
        former = {m.id for m in self._nodes.former}
        if id in self._nodes.members or id in former:
            raise _Pass("there was such a node already")
        if len(self._nodes.members) >= MOST:
            raise _Pass("there are enough nodes")

    def _add_learner(self, a: f.AddLearner) -> None:
        self._fresh(a.node)
        self._member_change(
            a, self._learner(a.node), f"node {a.node} joins as a learner"
        )

    def _promote(self, a: f.Promote) -> None:
        id = self._exact(a.node).id
        self._member_change(
            a, self._change(("promote", str(id)), _votes(id)),
            f"node {id} gets a vote",
        )  # fmt: skip

    def _remove(self, a: f.Remove) -> None:
        node = self._node(a.node)
        if len(self._nodes.members) < 4 or node.lost:
            raise _Pass("too few would be left")
        self._member_change(
            a, self._leave(node), f"node {node.id} is removed"
        )

    def _replace(self, a: f.Replace) -> None:
        node = self._node(a.node)
        if not self._learns(a.new):
            self._fresh(a.new)
        if node.lost:
            raise _Pass("it is being replaced already")
        self._member_change(
            a, self._exchange(node, a.new, a.lingers),
            f"node {a.new} takes the place of node {node.id}",
        )  # fmt: skip

    def _learns(self, id: int) -> bool:
        """Tells whether a node is there as a learner."""
        leader = self._nodes.leading()
        status = None if leader is None else leader.status
        return (
            status is not None and id in status["learners"]
            and id in self._nodes.members
        )  # fmt: skip

    async def _join(self, id: int) -> Node:
        node = await self._nodes.make(id, join=True)
        self._touched[id] = self._nodes.now()
        self._added(node.gate)
        node.start()
        return node

    async def _learner(self, id: int) -> None:
        node = await self._join(id)
        await self._change(("learner", str(id), _at(node)), _belongs(id))

    async def _leave(self, node: Node) -> None:
        await self._change(("remove", str(node.id)), _is_gone(node.id))
        self._nodes.drop(node)

    async def _exchange(self, node: Node, id: int, lingers: float) -> None:
        await self._put_in_place(node, id, CHANGE)
        self._successors[node.id] = id
        self._spawn(self._retire(node, lingers), patient=True)

    async def _retire(self, node: Node, after: float) -> None:
        """Ends a node that is no member, after a while, or if all is well."""
        with suppress(TimeoutError):
            async with asyncio.timeout(after):
                await self._healed.wait()
        self._nodes.drop(node)

    async def _put_in_place(self, old: Node, id: int, time: float) -> None:
        """Has a node learn, if it does not yet, and take an old one's place.
        """
        if self._learns(id):
            new = self._nodes.members[id]
        else:
            new = await self._join(id)
            await self._change(
                ("learner", str(id), _at(new)), _belongs(id), time
            )
        await self._change(
            ("replace", str(old.id), str(id), _at(new)),
            lambda s: _votes(id)(s) and _is_gone(old.id)(s), time,
        )  # fmt: skip

    async def _change(
        self, words: tuple[str, ...], done: Callable[[Status], bool],
        time: float = CHANGE,
    ) -> None:  # fmt: skip
        """Asks for a change of the members until it has come about.

        Raises:
            TimeoutError: it has not, so far.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + time
        why = "no leader"
        async with self._nodes.admin() as client:
            while not self._reached(done):
                if loop.time() > end:
                    raise TimeoutError(f"given up: {_kind(why)}")
                self._touched.update(
                    (int(w), self._nodes.now()) for w in words if w.isdigit()
                )
                for address in self._nodes.addresses():
                    client.add_server(address)
                try:
                    async with asyncio.timeout(5.0):
                        await client.member(*words)
                except (KvError, TimeoutError) as error:
                    why = str(error)
                    if isinstance(error, Refused) and self._reached(done):
                        return
                await asyncio.sleep(0.3)

    def _reached(self, done: Callable[[Status], bool]) -> bool:
        leader = self._nodes.leading()
        status = None if leader is None else leader.status
        return status is not None and not status["outgoing"] and done(status)

    def tidy(self, after: float = STRAY) -> None:
        """Ends nodes that have not been members for a long time.

        A change that was given up may come about later, so not at once. A
        learner that was never promoted stays.

        Args:
            after: How many seconds they must have been left alone.
        """
        leader = self._nodes.leading()
        if leader is None or leader.status is None or self._changing.locked():
            return
        now = self._nodes.now()
        for node in [*self._nodes.members.values()]:
            old = now - self._touched.get(node.id, now) > after
            if old and not node.lost and _is_gone(node.id)(leader.status):
                self._nodes.drop(node)


def _end(id: int) -> str:
    return {ANY: "*", CLIENTS: "clients"}.get(id, str(id))


def _at(node: Node) -> str:
    return f"{node.peer[0]}:{node.peer[1]}"


def _kind(why: str) -> str:
    """Returns a reason without its numbers, for counting."""
    return "".join(c for c in why if not c.isdigit())[:60]


def _belongs(id: int) -> Callable[[Status], bool]:
    return lambda s: id in s["voters"] or id in s["learners"]


def _votes(id: int) -> Callable[[Status], bool]:
    return lambda s: id in s["voters"]


def _is_gone(id: int) -> Callable[[Status], bool]:
    return lambda s: id not in (
        *s["voters"], *s["learners"], *s["outgoing"]
    )  # fmt: skip


def _transfer(self: Injuries, a: f.Transfer) -> None:
    node = self._node(a.to)

    async def transfer() -> None:
        band = self._begin(a, f"node {node.id} is to lead")
        try:
            with suppress(KvError, TimeoutError):
                async with self._nodes.admin() as client:
                    async with asyncio.timeout(3.0):
                        await client.transfer(node.id)
        finally:
            self._over(band)

    self._spawn(transfer())


def _heal(self: Injuries, a: f.Heal) -> None:
    # What lasts ends by itself when it is told so; but a plan goes on.
    self._nodes.links.heal()
    for task, patient in [*self._tasks.items()]:
        if not patient:
            task.cancel()
    self._nodes.heal()


_HANDLERS: Final[dict[type[Action], Callable[[Injuries, Any], None]]] = {
    f.Heal: _heal,
    f.Partition: Injuries._partition,
    f.Cut: Injuries._cut,
    f.Slow: Injuries._slow,
    f.Loss: Injuries._loss,
    f.Clog: Injuries._clog,
    f.Throttle: Injuries._throttle,
    f.BreakConnections: Injuries._break,
    f.Crash: Injuries._crash,
    f.Pause: Injuries._pause,
    f.ClockRate: Injuries._clock_rate,
    f.ClockJump: Injuries._clock_jump,
    f.Strobe: Injuries._strobe,
    f.DiskFault: Injuries._disk,
    f.AddLearner: Injuries._add_learner,
    f.Promote: Injuries._promote,
    f.Remove: Injuries._remove,
    f.Replace: Injuries._replace,
    f.Transfer: _transfer,
}
