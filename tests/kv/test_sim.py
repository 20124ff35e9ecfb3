"""The store on virtual time: one seed, one run; and what it must find."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kv import faults, messages
from kv.__main__ import main
from kv.faults import (
    ANY,
    CLIENTS,
    LEADER,
    Action,
    Crash,
    Partition,
    Pause,
    Step,
    Wait,
)
from kv.framing import LengthPrefixed
from kv.lincheck import Verdict, check, read_history
from kv.messages import Codec
from kv.nemeses import weather
from kv.parts import Parts
from kv.seams import Identity, Log, Recovered
from kv.sim.clock import SimClock
from kv.sim.command import parse, setup_of
from kv.sim.controls import CONTROLS, Control, find
from kv.sim.loop import Guarded, Idle, Outside, Process, SimLoop
from kv.sim.network import Fabric, SimNetwork, Trouble, is_raft
from kv.sim.run import (
    Outcome,
    Setup,
    replay_from_json,
    replay_to_json,
    run,
)
from kv.sim.shrink import Shrinker, ddmin
from kv.sim.watch import NAMES
from kv.unsafe import MISTAKES
from kv.world import Disk
from labs.bugs import NAMES as BUGS
from port import raftpb as pb

SHORT = Setup(seed=3, seconds=8, think=0.2)


@pytest.fixture(scope="module")
def short() -> Outcome:
    return run(SHORT, keep=True)


# Determinism.


def test_a_run_goes_well(short: Outcome) -> None:
    assert short.ok, short.verdict()
    assert short.operations["get", "ok"] > 20
    assert sum(short.faults.values()) >= 2
    assert short.virtual >= 8
    assert short.elections >= 1


def test_one_seed_is_one_run(short: Outcome) -> None:
    again = run(SHORT, keep=True)
    assert again.trace == short.trace
    assert again.events == short.events
    assert again.virtual == short.virtual


def test_another_seed_is_another_run(short: Outcome) -> None:
    setup = Setup(seed=4, seconds=8, think=0.2)
    assert run(setup, short.steps).trace != short.trace


def test_the_dice_of_others_are_left_alone(short: Outcome) -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    run(Setup(seed=1, seconds=1))
    assert random.random() == expected


def test_asynchronous_writes_run_here_too() -> None:
    outcome = run(Setup(seed=2, seconds=6, async_writes=True))
    assert outcome.ok, outcome.verdict()


# The loop, the clock and the network by themselves.


def on_loop(main: Callable[[SimLoop], object]) -> SimLoop:
    loop = SimLoop()
    loop.run_until_complete(main(loop))  # type: ignore[arg-type]
    loop.close()
    return loop


def test_time_passes_without_waiting() -> None:
    async def wait(loop: SimLoop) -> None:
        await asyncio.sleep(86400)

    assert 86400 <= on_loop(wait).time() < 86401


def test_a_loop_with_nothing_to_do_says_so() -> None:
    async def wait(loop: SimLoop) -> None:
        await loop.create_future()

    with pytest.raises(Idle):
        on_loop(wait)


def test_what_is_killed_does_nothing_more() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        try:
            while True:
                await asyncio.sleep(1)
                done.append(name)
        finally:
            done.append("never said to anybody")

    async def watch(loop: SimLoop) -> None:
        one, two = Process(loop, "one"), Process(loop, "two")
        one.run(work("one"))
        two.run(work("two"))
        await asyncio.sleep(2.5)
        one.kill()
        at = len(done)
        await asyncio.sleep(2)
        assert set(done[at:]) == {"two"}
        two.kill()

    on_loop(watch)


def test_what_is_paused_goes_on_later() -> None:
    done: list[float] = []

    async def watch(loop: SimLoop) -> None:
        async def work() -> None:
            while True:
                await asyncio.sleep(1)
                done.append(round(loop.time(), 3))

        process = Process(loop, "one")
        process.run(work())
        await asyncio.sleep(1.5)
        process.pause()
        await asyncio.sleep(5)
        process.go_on()
        await asyncio.sleep(1.7)
        process.kill()

    on_loop(watch)
    assert done == [1.0, 6.5, 7.5]


def test_a_clock_has_its_own_rate() -> None:
    async def watch(loop: SimLoop) -> None:
        clock = SimClock(loop, start=0.0)
        clock.set_rate(2.0)
        await clock.sleep(4)
        assert 2 <= loop.time() < 2.1
        waiting = asyncio.ensure_future(clock.sleep(4))
        await asyncio.sleep(1)
        clock.set_rate(0.5)  # Two of four seconds are left to wait.
        await waiting
        assert 7 <= loop.time() < 7.1
        waiting = asyncio.ensure_future(clock.sleep(100))
        await asyncio.sleep(0)
        clock.jump(99.5)
        clock.jump(-1000)
        await waiting
        assert 8 <= loop.time() < 8.1
        with pytest.raises(TimeoutError):
            async with clock.timeout(1):
                await loop.create_future()
        assert 10 <= loop.time() < 10.1

    on_loop(watch)


class Chat(asyncio.Protocol):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.end: object = "none yet"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.end = exc


async def connected(
    loop: SimLoop,
) -> tuple[Fabric, Chat, Chat, Process, Process]:
    fabric = Fabric(loop, random.Random(1), lambda *_: None)
    one, two = Process(loop, "one"), Process(loop, "two")
    theirs = Chat()
    network = SimNetwork(fabric, 2, two)
    await network.listen(lambda: theirs, "m2", 1)
    ours = await SimNetwork(fabric, 1, one).connect(Chat, "m2", 1)
    return fabric, ours, theirs, one, two


def test_bytes_arrive_in_order() -> None:
    async def talk(loop: SimLoop) -> None:
        _, ours, theirs, _, _ = await connected(loop)
        for n in range(200):
            ours.transport.write(b"%d," % n)
        await asyncio.sleep(1)
        assert theirs.heard == b"".join(b"%d," % n for n in range(200))
        ours.transport.close()
        await asyncio.sleep(1)
        assert theirs.end is None
        assert ours.end is None

    on_loop(talk)


def test_a_cut_link_carries_nothing_until_it_is_healed() -> None:
    async def talk(loop: SimLoop) -> None:
        fabric, ours, theirs, _, _ = await connected(loop)
        cut = Trouble(1, 2, stuck=True, patient=True)
        ours.transport.write(b"under way, ")
        fabric.add(cut)
        ours.transport.write(b"late")
        theirs.transport.write(b"the other way")
        await asyncio.sleep(5)
        assert theirs.heard == b""
        assert ours.heard == b"the other way"
        fabric.end(cut)
        await asyncio.sleep(1)
        assert theirs.heard == b"under way, late"

    on_loop(talk)


def test_who_dies_is_missed_at_once_unless_the_power_went() -> None:
    async def talk(loop: SimLoop) -> None:
        _, ours, _, _, two = await connected(loop)
        two.kill()
        await asyncio.sleep(1)
        assert isinstance(ours.end, ConnectionResetError)
        fabric, ours, _, _, two = await connected(loop)
        fabric.dark.add(2)
        two.kill()
        ours.transport.write(b"is anybody there?")
        await asyncio.sleep(9)
        assert ours.end == "none yet"
        fabric.reboot(2)
        await asyncio.sleep(2)
        assert isinstance(ours.end, ConnectionResetError)

    on_loop(talk)


def test_a_connection_breaks_in_the_middle_of_what_it_carries() -> None:
    heard = set()

    async def talk(loop: SimLoop) -> None:
        fabric, ours, theirs, _, _ = await connected(loop)
        for seed in range(20):
            fabric.rng.seed(seed)
            fabric, ours, theirs, _, _ = await connected(loop)
            ours.transport.write(b"0123456789")
            fabric.break_all(1, 2)
            await asyncio.sleep(1)
            assert b"0123456789".startswith(theirs.heard)
            assert ours.end != "none yet"
            assert theirs.end != "none yet"
            heard.add(len(theirs.heard))

    on_loop(talk)
    assert len(heard) > 0


def test_links_of_clients_are_hurt_only_by_name() -> None:
    assert Trouble(ANY, ANY).hits(1, 2)
    assert not Trouble(ANY, 1).hits(CLIENTS, 1)
    assert Trouble(CLIENTS, ANY).hits(CLIENTS, 1)


# The world outside.


async def real_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Log, Recovered]:
    open(__file__).close()
    raise AssertionError("it was let out")


async def socket_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Log, Recovered]:
    socket.socket()
    raise AssertionError("it was let out")


async def thread_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Log, Recovered]:
    await asyncio.to_thread(print)
    raise AssertionError("it was let out")


REAL_FILE = Parts(open_log=real_log)
REAL_SOCKET = Parts(open_log=socket_log)
THREAD = Parts(open_log=thread_log)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("REAL_FILE", "opened a real file; use disk"),
        ("REAL_SOCKET", "opened a real socket; use network"),
        ("THREAD", "started a thread"),
    ],
)
def test_nobody_reaches_out(name: str, word: str) -> None:
    parts = f"{__name__}:{name}"
    outcome = run(Setup(seconds=2, parts=parts, nemesis="calm"))
    assert not outcome.ok
    assert outcome.outside.startswith("tests/kv/test_sim.py:")
    assert word in outcome.outside


def test_outside_of_a_run_everybody_may() -> None:
    loop = SimLoop()
    with Guarded(loop):
        open(__file__).close()  # Nobody's process.
    loop.close()
    assert issubclass(Outside, BaseException)
    assert not issubclass(Outside, Exception)


# Replay and shrinking.


def test_a_replay_file_holds_all_of_a_run(short: Outcome) -> None:
    text = replay_to_json(short.setup, short.steps)
    setup, steps = replay_from_json(text)
    assert setup == short.setup
    assert run(setup, steps).trace == short.trace
    for wrong in ("{}", '{"format": 1}', text.replace("seed", "sead")):
        with pytest.raises(ValueError, match=r"."):
            replay_from_json(wrong)


def test_ddmin_leaves_what_is_needed() -> None:
    asked = []

    def fails(items: list[int]) -> bool:
        asked.append(items)
        return {3, 17} <= set(items)

    assert ddmin(range(40), fails) == [3, 17]
    assert len(asked) < 80
    assert ddmin([1, 2], lambda items: True) == []


def test_a_failure_is_made_small() -> None:
    outcome = run(Setup(seed=0, seconds=12, unsafe="no-fsync",
                        nemesis="crashes"))  # fmt: skip
    assert outcome.violation is not None
    assert len(outcome.steps) > 2
    small = Shrinker(outcome, budget=12, seeds=1).shrink()
    assert small.violation is not None
    assert small.violation.number == outcome.violation.number
    assert 1 <= len(small.steps) <= 2
    assert run(small.setup, small.steps).trace == small.trace


# What must be found. The budget is in `CONTROLS`: so many seeds, of so many
# virtual seconds each.

# These seeds are known to find it; if they no longer do, others will.
KNOWN = {
    "torn-tail": 2, "acknowledge-early": 2, "lease": 5, "two-at-once": 3,
    "votes_for_shorter_logs": 2, "votes_twice": 2, "reads_before_commit": 1,
    "counts_one_half": 4, "commits_older_terms": 10,
    "commits_past_new_entries": 3, "keeps_stale_tail": 7,
    "believes_stale_writes": 17,
}  # fmt: skip


@pytest.mark.parametrize(
    "control", CONTROLS, ids=lambda control: control.name
)
def test_a_mistake_is_found(control: Control) -> None:
    found = find(control, KNOWN.get(control.name, 0))
    assert found is not None, f"not with {control.seeds} seeds"
    assert found.outcome.violation is not None


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: c.name)
def test_a_control_can_be_run_by_hand(control: Control) -> None:
    kind = "--plant=labs.bugs." if control.planted else "--unsafe="
    args = parse(["--seed=3", f"--seconds={control.seconds}",
                  f"--nemesis={control.nemesis}", kind + control.name,
                  *control.options().split()])  # fmt: skip
    assert setup_of(args) == replace(control.setup(3), rules=())


def test_every_mistake_has_a_control() -> None:
    assert set(MISTAKES) == {c.name for c in CONTROLS if not c.planted}
    assert set(BUGS) == {c.name for c in CONTROLS if c.planted}


@pytest.mark.parametrize(
    "name",
    ["lease", "two-at-once", "commits_older_terms", "keeps_stale_tail",
     "believes_stale_writes"],
)  # fmt: skip
def test_a_control_without_its_mistake_is_healthy(name: str) -> None:
    control = next(c for c in CONTROLS if c.name == name)
    setup = replace(control.setup(1), seconds=12.0, unsafe="", plant="")
    outcome = run(setup)
    assert outcome.ok, outcome.verdict()


# The command.


def mine(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    yield Wait(1.0)
    yield Pause(nodes[0], 0.5)
    yield Crash(nodes[1], 0.5)


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.jsonl"
    code = main([
        "sim", "--seed", "5", "--seconds", "4", "--nemesis",
        f"{__name__}:mine", "--history", str(history),
    ])  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0, said
    assert "crash 1, pause 1" in said
    assert "all rules hold" in said
    assert check(read_history(history)).verdict is Verdict.LINEARIZABLE
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert {"pause", "crash"} == {
        line["f"] for line in lines if line["type"] == "fault"
    }


def test_a_failure_leaves_a_replay_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "failure.json"
    code = main([
        "sim", "--seconds", "5", "--unsafe", "apply-early", "--nemesis",
        "partitions", "--out", str(out),
    ])  # fmt: skip
    said = capsys.readouterr().out
    assert code == 1
    assert main(["sim", "--replay", str(out)]) == 1
    again = capsys.readouterr().out
    line = next(x for x in said.splitlines() if x.startswith("verdict"))
    assert line in again.splitlines()


def test_a_schedule_is_replayed_on_the_store_that_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [Step(3.0, Partition(((LEADER,),), seconds=4))]
    file = tmp_path / "schedule.json"
    file.write_text(replay_to_json(Setup(seconds=6.0), steps), "utf-8")
    assert main(["sim", "--replay", str(file)]) == 0
    replay = ["sim", "--replay", str(file), "--unsafe", "apply-early"]
    assert main(replay) == 1
    assert "Monotonic" in capsys.readouterr().out


def test_many_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([
        "sim", "--seeds", "0:3", "--seconds", "2", "--workers", "2",
    ])  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0, said
    assert "3/3 seeds, 0 failed" in said


@pytest.mark.parametrize(
    "wrong",
    [
        ["--nemesis", "earthquake"],
        ["--unsafe", "everything"],
        ["--plant", "labs.bugs"],
        ["--parts", "nowhere:PARTS"],
        ["--replay", "/nowhere/at/all"],
    ],
)
def test_a_slip_is_told_in_a_line(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", "--seconds", "1", *wrong]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_rules_have_names() -> None:
    assert sorted(NAMES) == list(range(len(NAMES)))
    steps = faults.schedule(weather.calm, random.Random(), [1], 10)
    assert steps == []
    assert Step(0.5, Crash(1)).at == 0.5


def test_one_run_at_a_time_in_a_process() -> None:
    one, two = SimLoop(), SimLoop()
    with Guarded(one), pytest.raises(RuntimeError), Guarded(two):
        pass
    one.close()
    two.close()


def test_messages_of_raft_are_told_from_all_else() -> None:
    """Only they may be lost, doubled or reordered within a connection."""
    frame = LengthPrefixed(1 << 20).encode
    beat = pb.Message(type=pb.MsgHeartbeat, to=1, from_=2)
    for number in (1, 14, 15, 40):
        assert is_raft(frame(Codec().raft([beat] * number)))
    for other in (
        frame(messages.hello(7, 1, 2)), frame(messages.part(b"x" * 100)),
        frame(messages.end(5)), b"", b"*1\r\n$4\r\nPING\r\n",
    ):  # fmt: skip
        assert not is_raft(other)
    assert not is_raft(frame(Codec().raft([beat])) * 2)
