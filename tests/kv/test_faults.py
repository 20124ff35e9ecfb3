"""The vocabulary of faults, and the clients who ask for a verdict."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kv import faults, nemeses
from kv.faults import Action, Crash, Cut, Partition, Step, Wait
from kv.lincheck import Verdict, check
from kv.lincheck.reading import parse
from kv.nemeses import weather
from kv.workload import Recorder, Workload, lost_elements, split_list
from kv.world import real_world
from tests.kv.nodes import leader_of, three


@pytest.mark.parametrize("name", nemeses.NEMESES)
def test_a_schedule_goes_through_a_file_and_back(name: str) -> None:
    plan = nemeses.load_nemesis(name)
    steps = faults.schedule(plan, random.Random(5), [1, 2, 3], 400)
    assert steps == faults.schedule(plan, random.Random(5), [1, 2, 3], 400)
    assert steps == sorted(steps, key=lambda step: step.at)
    assert bool(steps) == (name != "calm")
    text = json.dumps(faults.steps_to_json(steps))
    assert faults.steps_from_json(json.loads(text)) == steps


def test_the_storm_has_every_action() -> None:
    steps = faults.schedule(weather.storm, random.Random(1), [1, 2, 3], 9000)
    kinds = {type(step.action) for step in steps}
    assert kinds == set(faults.ACTIONS) - {faults.Wait, faults.Heal}


def test_nodes_have_names() -> None:
    crash = faults.to_json(Crash(faults.LEADER, 2, power=True))
    assert crash["node"] == "leader"
    cut = Cut(faults.CLIENTS, 2)
    assert faults.from_json(faults.to_json(cut)) == cut
    assert str(cut) == "cut source=clients to=2"
    ring = Partition(((1, 2), (faults.LEADER,)))
    assert faults.to_json(ring)["groups"] == [[1, 2], ["leader"]]


@pytest.mark.parametrize(
    "text",
    [
        '{"do": "explode"}',
        '{"do": "crash", "node": "somebody"}',
        '{"do": "crash", "node": 1, "moment": "later"}',
        '{"do": "crash", "power": 1}',
        '{"do": "disk-fault", "kind": "melt"}',
        '{"do": "partition", "groups": [1, 2]}',
        '{"do": "pause", "hours": 2}',
        '{"do": "pause", "seconds": "2"}',
        "[]",
    ],
)
def test_what_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        faults.from_json(json.loads(text))


def test_a_step_needs_its_time() -> None:
    for at in (None, -1, "1"):
        with pytest.raises(ValueError, match="no time"):
            faults.steps_from_json([{"do": "heal", "at": at}])


def mine(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    yield Wait(2)
    yield Crash(nodes[0])


def test_a_nemesis_of_mine() -> None:
    plan = nemeses.load_nemesis(f"{__name__}:mine")
    steps = faults.schedule(plan, random.Random(), [7, 8], 10)
    assert steps == [Step(2.0, Crash(7))]
    both = nemeses.load_nemesis("pauses+transfers")
    steps = faults.schedule(both, random.Random(3), [1, 2, 3], 100)
    assert {step.action.family for step in steps} == {"pause", "transfer"}
    for name in (
        "earthquake", "storm+", "kv.faults:nothing", "kv.faults:LEADER"
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            nemeses.load_nemesis(name)


def fails(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    yield Crash(nodes[9])


def strays(rng: random.Random, nodes: Sequence[int]) -> Iterator[object]:
    yield "crash"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{__name__}:fails", r"test_faults\.py:\d+: IndexError"),
        (f"{__name__}:strays", r"strays yields 'crash', which is no action"),
        ("os:getcwd", r"os:getcwd stopped: TypeError"),
    ],
)
def test_a_nemesis_that_is_not_right_yet(name: str, said: str) -> None:
    plan = nemeses.load_nemesis(name)
    with pytest.raises(ValueError, match=said):
        faults.schedule(plan, random.Random(1), [1, 2, 3], 10)


def test_a_plan_that_never_waits_ends() -> None:
    def plan(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
        while True:
            yield Crash(1)

    assert faults.schedule(plan, random.Random(), [1], 1)


def test_a_list_is_joined_and_split() -> None:
    assert split_list(None) is None
    assert split_list(b"1,22,") == [1, 22]
    with pytest.raises(ValueError, match="half"):
        split_list(b"1,2")


def test_what_a_list_lacks_or_has_too_much() -> None:
    events: list[dict[str, object]] = [
        {"type": kind, "f": "append", "key": "list1", "value": value}
        for value, end in enumerate(("ok", "fail", "info", "ok", "ok"))
        for kind in ("invoke", end)
    ]
    assert not lost_elements(events, {"list1": [0, 2, 3, 4]})
    assert not lost_elements(events, {"list1": [0, 3, 4]})
    wrong = lost_elements(events, {"list1": [0, 1, 3, 3]})
    assert len(wrong) == 3
    assert "lacks 4" in wrong[2]


def test_clients_of_a_cluster_without_faults(tmp_path: Path) -> None:
    async def work() -> None:
        async with three(tmp_path) as servers:
            await leader_of(servers)
            world = real_world()
            recorder = Recorder(world.clock.time)
            load = Workload(
                world, [s.address for s in servers], recorder,
                random.Random(1), think=0.002, per_key=20, measure=True,
            )  # fmt: skip
            load.start()
            while sum(load.counts.values()) < 200:
                await asyncio.sleep(0.02)
            await load.stop()
            await load.write_fresh()
            final = await load.read_all()
        lines = [json.dumps(event) for event in recorder.events]
        assert check(parse("x", lines)).verdict is Verdict.LINEARIZABLE
        assert not lost_elements(recorder.events, final)
        done = {f for f, how in load.counts if how == "ok"}
        assert {"get", "put", "append", "cas"} <= done
        assert len(load.latencies) == sum(load.counts.values())
        assert len(final) == len(load.keys) > 6

    asyncio.run(work())
