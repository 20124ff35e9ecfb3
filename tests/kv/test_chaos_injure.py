"""Actions on nodes that are not there: who is meant, what lasts, what ends."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kv.chaos.injure import Injuries
from kv.chaos.links import CLEAR, Links
from kv.chaos.nodes import Node, Nodes, free_port
from kv.chaos.power import slow_file
from kv.faults import (
    ANY,
    CLIENTS,
    FOREVER,
    LEADER,
    Action,
    AddLearner,
    BreakConnections,
    ClockJump,
    ClockRate,
    Crash,
    Cut,
    DiskFault,
    Duplicate,
    Heal,
    Partition,
    Pause,
    Promote,
    Remove,
    Reorder,
    Slow,
    Strobe,
)
from kv.framing import LengthPrefixed
from tests.kv.nodes import until

SHORT = 0.05


class Puppet(Node):
    """A node without a process."""

    alive = False
    starts = 0

    @property
    def up(self) -> bool:
        return self.alive

    @property
    def pid(self) -> int:
        return 1

    def start(self) -> None:
        if not self.alive:
            self.alive, self.paused = True, False
            self.starts += 1

    def kill(self) -> None:
        self.alive = False

    def signal(self, which: object) -> None:
        pass


class Stage(Nodes):
    """Three puppets, of which the second leads."""

    def __init__(self, folder: Path) -> None:
        links = Links(LengthPrefixed, random.Random(1))
        super().__init__(folder, links, [])
        for id in (1, 2, 3):
            self.members[id] = Puppet(self, id)
            self.members[id].start()
        self.lead: int | None = 2
        self.status: dict[str, Any] = {
            "voters": [1, 2, 3], "learners": [], "outgoing": [],
            "role": "leader", "term": 1,
        }  # fmt: skip

    def leading(self) -> Node | None:
        if self.lead is None:
            return None
        self.members[self.lead].status = self.status
        return self.members[self.lead]


class Play:
    """Puppets, what is done to them, and what is written down."""

    def __init__(self, folder: Path) -> None:
        self.nodes = Stage(folder)
        self.noted: list[dict[str, object]] = []
        self.injuries = Injuries(
            self.nodes, [1, 2, 3], random.Random(1), self._note, print
        )

    def _note(self, kind: str, **what: object) -> None:
        self.noted.append(what)

    def do(self, *actions: Action) -> None:
        for action in actions:
            self.injuries.do(action)

    def node(self, id: int) -> Puppet:
        node = self.nodes.members[id]
        assert isinstance(node, Puppet)
        return node

    def passed(self) -> list[str]:
        return [why for _, why in self.injuries.passed]

    async def over(self) -> None:
        """Wait until nothing lasts any more."""
        await asyncio.sleep(0)  # Some begin a little later.
        await until(lambda: not self.injuries._tasks)
        assert not self.injuries.now
        assert not self.injuries.problems


def play(folder: Path, work: Callable[[Play], Awaitable[None]]) -> None:
    async def go() -> None:
        scene = Play(folder)
        try:
            await work(scene)
        finally:
            await scene.injuries.stop()

    asyncio.run(go())


def test_a_crash_ends_and_the_leader_is_looked_up(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.do(Crash(LEADER, SHORT))
        await until(lambda: not scene.node(2).up)
        assert scene.node(1).up
        await scene.over()
        assert scene.node(2).up
        assert [n["phase"] for n in scene.noted] == ["begin", "end"]
        assert scene.injuries.done == {("crash", "crash-leader"): 1}

    play(tmp_path, work)


def test_down_for_two_reasons_it_stays_until_both_are_over(
    tmp_path: Path,
) -> None:
    async def work(scene: Play) -> None:
        scene.do(Crash(1, SHORT), Crash(1, 4 * SHORT))
        await until(lambda: len(scene.injuries.bands) == 2)
        await until(lambda: len(scene.injuries.now) == 1)
        assert not scene.node(1).up
        await scene.over()
        assert scene.node(1).up
        assert scene.node(1).starts == 2

    play(tmp_path, work)


def test_what_is_paused_and_killed_comes_back_paused(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.do(Pause(1, 6 * SHORT), Crash(1, SHORT))
        await until(lambda: not scene.node(1).up)
        await until(lambda: scene.node(1).up)
        assert scene.node(1).paused
        await scene.over()
        assert not scene.node(1).paused

    play(tmp_path, work)


def test_clocks_are_told_and_put_right(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.do(ClockRate(3, 4.0, SHORT), ClockJump(3, 2.5))
        file = tmp_path / "3.clock"
        assert json.loads(file.read_text()) == {"rate": 4.0, "ahead": 2.5}
        await scene.over()
        assert json.loads(file.read_text()) == {"rate": 1.0, "ahead": 2.5}
        scene.do(Strobe(3, 0.5, SHORT / 5, SHORT))
        await scene.over()
        assert json.loads(file.read_text())["ahead"] > 3.0

    play(tmp_path, work)


def test_links_are_cut_for_as_long_as_it_says(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        links = scene.nodes.links
        scene.do(
            Partition(((LEADER,),), SHORT), Cut(CLIENTS, ANY, seconds=SHORT),
            Slow(1, 3, 0.2, 0.1, SHORT), Cut(1, 1),
        )  # fmt: skip
        assert links.link(1, 2).effect.cut
        assert links.link(CLIENTS, 3).effect.cut
        assert not links.link(3, CLIENTS).effect.cut
        assert links.link(1, 3).effect.delay == 0.2
        assert not links.link(1, 3).effect.cut
        assert scene.passed() == ["a link has two ends"]
        await scene.over()
        assert links.link(1, 2).effect is CLEAR
        assert links.link(CLIENTS, 3).effect is CLEAR
        texts = [band.text for band in scene.injuries.bands]
        assert texts == [
            "2 | the others", "cut clients -> *", "200 ms more 1 -> 3",
        ]  # fmt: skip

    play(tmp_path, work)


def test_healing_ends_it_all(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.do(
            Crash(1, FOREVER), Pause(2, 60), ClockRate(3, 0.2, FOREVER),
            Partition(((1,), (2,), (3,)), FOREVER),
        )  # fmt: skip
        await until(lambda: not scene.node(1).up)
        assert len(scene.injuries.now) == 4
        await scene.injuries.heal()
        assert not scene.injuries.now
        assert scene.node(1).up
        assert not scene.node(2).paused
        assert scene.node(3).clock.rate == 1.0
        assert scene.nodes.links.link(1, 2).effect is CLEAR
        await scene.over()

    play(tmp_path, work)


def test_a_plan_may_heal_and_go_on(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.do(Crash(1, FOREVER))
        await until(lambda: not scene.node(1).up)
        scene.do(Heal())
        assert scene.node(1).up
        await scene.over()
        scene.do(Crash(1, SHORT))
        await until(lambda: not scene.node(1).up)
        await scene.over()

    play(tmp_path, work)


def test_a_node_may_end_of_a_full_disk_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write fails under the fault; to end takes the node a while."""
    limits: list[int | None] = []

    async def work(scene: Play) -> None:
        monkeypatch.setattr(
            "kv.chaos.injure.limit_files",
            lambda _, size: limits.append(size),
        )
        node = scene.node(1)
        scene.do(DiskFault(1, "full", SHORT))
        await until(lambda: limits == [0, None])
        await asyncio.sleep(SHORT)
        node.alive = False
        await scene.nodes.look()
        await until(lambda: node.up)
        await scene.over()
        assert scene.nodes.failures == []
        assert node.starts == 2

    play(tmp_path, work)


def test_a_node_that_ends_after_a_full_disk_is_past_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(scene: Play) -> None:
        monkeypatch.setattr("kv.chaos.injure.DYING", SHORT)
        monkeypatch.setattr("kv.chaos.injure.limit_files", lambda *_: None)
        scene.do(DiskFault(1, "full", SHORT))
        await scene.over()
        scene.node(1).alive = False
        await scene.nodes.look()
        assert "ended by itself" in scene.nodes.failures[0]

    play(tmp_path, work)


def test_a_disk_is_slow_for_a_while(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.nodes.power = True
        scene.do(DiskFault(LEADER, "slow", SHORT, 1.5))
        assert slow_file(scene.node(2).folder).read_text() == "1.5"
        assert scene.noted[0]["value"] == "node 2: a sync takes 1.5 s more"
        await scene.over()
        assert not slow_file(scene.node(2).folder).exists()
        assert scene.injuries.done == {("disk", "disk-slow"): 1}
        assert scene.node(2).starts == 1

    play(tmp_path, work)


def test_a_slow_disk_heals(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.nodes.power = True
        scene.do(DiskFault(1, "slow", FOREVER, 1.5))
        assert slow_file(scene.node(1).folder).exists()
        await scene.injuries.heal()
        assert not slow_file(scene.node(1).folder).exists()
        await scene.over()

    play(tmp_path, work)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (Duplicate(1, 2), "real processes"),
        (Reorder(1, 2), "real processes"),
        (DiskFault(1, "sync"), "only a disk"),
        (DiskFault(1, "slow", amount=1.0), "only a disk"),
        (DiskFault(1, "torn"), "another form"),
        (BreakConnections(), "no connection"),
        (Promote(9), "no such member"),
        (Remove(1), "too few"),
        (AddLearner(2), "already"),
    ],
)
def test_what_cannot_be_done_is_passed_over(
    tmp_path: Path, action: Action, why: str
) -> None:
    async def work(scene: Play) -> None:
        scene.do(action)
        assert len(scene.passed()) == 1
        assert why in scene.passed()[0]
        assert not scene.injuries.done
        assert all(scene.node(id).up for id in (1, 2, 3))

    play(tmp_path, work)


@pytest.mark.parametrize("lack", ["leader", "voters", "change", "lost"])
def test_no_bit_is_turned_when_one_node_too_few_would_be_left(
    tmp_path: Path, lack: str
) -> None:
    async def work(scene: Play) -> None:
        if lack == "leader":
            scene.nodes.lead = None
        elif lack == "voters":
            scene.nodes.status["voters"] = [1, 2]
        elif lack == "change":
            scene.nodes.status["outgoing"] = [1, 2, 3]
        else:
            scene.node(3).lost = True
        scene.do(DiskFault(1, "flip"))
        assert len(scene.passed()) == 1
        assert scene.node(1).up

    play(tmp_path, work)


def test_nobody_leads(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        scene.nodes.lead = None
        scene.do(Crash(LEADER), Pause(LEADER), Partition(((LEADER,),)))
        assert set(scene.passed()) == {"nobody leads"}

    play(tmp_path, work)


def test_a_name_stands_for_its_successor(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        nodes, injuries = scene.nodes, scene.injuries
        nodes.members[7] = Puppet(nodes, 7)
        nodes.drop(nodes.members[1])
        injuries._successors[1] = 7
        assert injuries._node(1).id == 7
        # One without a successor is someone, always the same.
        assert injuries._node(1000) is injuries._node(1000)

    play(tmp_path, work)


def test_who_is_no_member_is_ended_in_the_end(tmp_path: Path) -> None:
    async def work(scene: Play) -> None:
        nodes, injuries = scene.nodes, scene.injuries
        nodes.members[7] = Puppet(nodes, 7)
        injuries._touched[7] = nodes.now()
        injuries.tidy()
        assert 7 in nodes.members  # The change may yet come about.
        injuries._touched[7] -= 1000
        nodes.status["learners"] = [7]
        injuries.tidy()
        assert 7 in nodes.members
        nodes.status["learners"] = []
        injuries.tidy()
        assert 7 not in nodes.members
        assert {1, 2, 3} <= set(nodes.members)

    play(tmp_path, work)


def test_who_ends_without_being_told_is_noted_and_started_again(
    tmp_path: Path,
) -> None:
    async def work(scene: Play) -> None:
        nodes = scene.nodes
        (tmp_path / "2.log").write_text("said\nits last words\n")
        scene.node(2).alive = False
        scene.node(3).gone = True
        scene.node(3).alive = False
        await nodes.look()
        assert scene.node(2).up
        assert not scene.node(3).up
        assert len(nodes.failures) == 1
        assert "its last words" in nodes.failures[0]

    play(tmp_path, work)


def test_ports_are_free_and_not_taken_twice() -> None:
    taken: set[int] = set()
    found = [free_port(taken) for _ in range(50)]
    assert len(set(found)) == 50 == len(taken)
