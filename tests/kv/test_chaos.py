"""Runs with real processes: short ones, that go well and that must not."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kv import lincheck
from kv.chaos.command import parse, settings, summary
from kv.chaos.injure import Band
from kv.chaos.links import Links
from kv.chaos.nodes import Nodes
from kv.chaos.report import render
from kv.chaos.run import _ELECTED, _SLOW, Gap, Outcome, Run, Second
from kv.faults import (
    LEADER,
    Action,
    BreakConnections,
    ClockRate,
    Crash,
    DiskFault,
    Partition,
    Pause,
    Transfer,
    Wait,
)
from kv.framing import LengthPrefixed
from kv.lincheck import History, Operation
from kv.parts import Parts

REPO = Path(__file__).parents[2]


def some_of_each(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Do one of each in half a minute; a plan as `--nemesis` takes it."""
    yield Wait(1)
    yield Partition(((LEADER,),), 2)
    yield ClockRate(rng.choice(nodes), 4.0, 4)
    yield Wait(3)
    yield Crash(LEADER, 1)
    yield Wait(3)
    yield Pause(LEADER, 1.5)
    yield BreakConnections()
    yield Wait(3)
    yield DiskFault(rng.choice(nodes), "torn", 0.5)
    yield Wait(2.5)
    yield DiskFault(LEADER, "full", 1.0)
    yield Wait(2.5)
    for node in nodes:
        yield Crash(node, 0.5)
    yield Wait(3)
    yield Transfer(rng.choice(nodes))
    yield Wait(1)
    yield DiskFault(rng.choice(nodes), "flip", amount=0.5)
    yield Wait(60)


def chaos(
    *words: str, out: Path, expect: int | None
) -> tuple[dict[str, object], str]:
    """Run the command to its end; return its figures and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "kv", "chaos", "--out", str(out), *words],
        capture_output=True, text=True, timeout=180, cwd=REPO, check=False,
    )  # fmt: skip
    figures: dict[str, object] = json.loads((out / "run.json").read_text())
    wanted = figures["code"] if expect is None else expect
    assert done.returncode == wanted, done.stdout + done.stderr
    return figures, done.stdout


@pytest.mark.chaos
def test_half_a_minute_of_everything(tmp_path: Path) -> None:
    name = f"{__name__}:some_of_each"
    out = tmp_path / "out"
    figures, said = chaos(
        "--minutes", "0.4", "--seed", "7", "--nemesis", name,
        out=out, expect=0,
    )  # fmt: skip
    done, passed = figures["faults"], figures["passed over"]
    assert isinstance(done, dict)
    assert isinstance(passed, list)
    # On a machine that is busy, nobody may lead when it is time.
    why = {(p["what"], p["why"]) for p in passed}
    for fault in (
        "partition/partition", "crash/crash", "crash/crash-leader",
        "pause/pause", "clock/clock-rate", "disk/disk-torn",
        "disk/disk-flip", "link/break-connections", "transfer/transfer",
        *(["disk/disk-full"] if sys.platform == "linux" else []),
    ):  # fmt: skip
        name = fault.partition("/")[2]
        excuses = {(name, "nobody leads"), (name, "the node is down")}
        assert done.get(fault) or why & excuses, (fault, figures)
    assert len(done) > 6
    assert int(str(figures["elections"])) > 1
    assert int(str(figures["operations"])) > 50
    assert "All is well" in said
    # All that is kept can be judged again, and told again.
    history = lincheck.read_history(out / "history.jsonl")
    assert lincheck.check(history).verdict is lincheck.Verdict.LINEARIZABLE
    assert {fault.kind for fault in history.faults} >= {"partition", "crash"}
    steps = json.loads((out / "schedule.json").read_text())["steps"]
    assert len(steps) == 12
    page = (out / "report.html").read_text()
    assert "All is well" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    logs = {path.name for path in (out / "nodes").glob("*.log")}
    assert {"1.log", "2.log", "3.log"} <= logs


@pytest.mark.chaos
def test_stale_reads_are_found(tmp_path: Path) -> None:
    """And then the run is over, though it might have gone on for longer."""
    out = tmp_path / "out"
    figures, said = chaos(
        "--minutes", "0.5", "--seed", "7", "--unsafe", "stale",
        "--nemesis", f"{__name__}:each_apart", "--think", "50ms",
        "--clients", "40", "--until-found", out=out, expect=1,
    )  # fmt: skip
    assert isinstance(figures["found"], dict)
    assert figures["interrupted"] is False
    assert f"found after {figures['found']['at']} s" in said
    assert "Not linearizable" in (out / "conflict.html").read_text()
    assert "srcdoc" in (out / "report.html").read_text()


def each_apart(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cut each node off in turn: two of three are followers."""
    while True:
        for node in nodes:
            yield Partition(((node,),), 0.8)
            yield Wait(1.1)


def leaders_apart(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Cut the leader off, again and again."""
    while True:
        yield Partition(((LEADER,),), 1.5)
        yield Wait(2.5)


class Marked(LengthPrefixed):
    """A framing of somebody else's: a mark stands before each length."""

    def encode(self, body: bytes) -> bytes:
        return b"!" + super().encode(body)

    def feed(self, data: bytes) -> list[bytes]:
        self.seen = getattr(self, "seen", b"") + data
        found = []
        while len(self.seen) >= 5:
            end = 5 + int.from_bytes(self.seen[1:5], "big")
            if len(self.seen) < end:
                break
            found.append(self.seen[5:end])
            self.seen = self.seen[end:]
        return found

    __slots__ = ("seen",)


PARTS = Parts(framing=Marked)


@pytest.mark.chaos
def test_a_run_that_is_interrupted_still_reports(tmp_path: Path) -> None:
    """With parts of somebody else's, whose links can be cut all the same."""
    out = tmp_path / "out"
    running = subprocess.Popen(
        [sys.executable, "-m", "kv", "chaos", "--out", str(out),
         "--minutes", "10", "--nemesis", f"{__name__}:leaders_apart",
         "--parts", f"{__name__}:PARTS"],
        cwd=REPO, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    history = out / "history.jsonl"
    end = time.monotonic() + 60
    while not (history.exists() and history.stat().st_size > 250_000):
        assert time.monotonic() < end
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert "framing tests.kv.test_chaos:Marked" in said
    figures = json.loads((out / "run.json").read_text())
    assert "somebody ended the run after" in said
    assert figures["interrupted"] is True
    assert figures["faults"]["partition/partition"] > 0
    assert figures["elections"] > 1, "the leader was not cut off"
    assert "ended the run early" in (out / "report.html").read_text()
    # Nobody is left behind.
    for path in (out / "nodes").glob("*.log"):
        assert path.read_text().rstrip().endswith("has stopped")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--nemesis", "nobody"], "nobody"),
        (["--minutes", "0"], "minutes"),
        (["--plant", "kv.chaos"], "BUG"),
        (["--plant", "labs.bugs.no_such"], "no_such"),
        (["--unsafe", "everything"], "everything"),
        (["--parts", "nowhere:X"], "nowhere"),
        (["--replay", "no/such/file"], "no/such/file"),
    ],
)
def test_what_keeps_a_run_from_starting(words: list[str], why: str) -> None:
    with pytest.raises((ValueError, OSError), match=why):
        settings(parse(words))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    with pytest.raises(ValueError, match="not empty"):
        settings(parse(["--out", str(tmp_path)]))


def test_a_schedule_can_be_done_again(tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    file.write_text('{"steps": [{"at": 2, "do": "crash", "node": 1}]}')
    chosen = settings(parse(["--replay", str(file)]))
    assert chosen.steps is not None
    assert chosen.seconds == 4.0
    assert [step.action for step in chosen.steps] == [Crash(1)]


# The report, of runs that never were.


def outcome(tmp_path: Path, **more: object) -> Outcome:
    """Return the outcome of a small run that went well."""
    chosen = settings(parse(["--out", str(tmp_path / "new"), "--seed", "3"]))
    found = Outcome(chosen, "today")
    found.seconds = 3.0
    found.counts = Counter({("get", "ok"): 2, ("put", "info"): 1})
    found.done = Counter({("crash", "crash"): 1})
    found.passed = Counter({("reorder", "it cannot be done"): 2})
    found.bands = [Band("crash", "<kill> of node 1", 0.5, 2.0)]
    found.elections = [(1.5, 2, 3)]
    found.lanes = {1: [(0.0, "leader", 1), (0.5, "down", 0)]}
    found.per_second = [Second(1), Second(0, 0, 1), Second(1)]
    found.gaps = [Gap(0.4, 2.1, ["<kill> of node 1"])]
    found.result = lincheck.check(History())
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_the_report_of_a_good_run(tmp_path: Path) -> None:
    page = render(outcome(tmp_path, healed=1.25))
    assert "All is well: after 3 seconds and 1 faults" in page
    assert "&lt;kill&gt; of node 1" in page
    assert "<kill>" not in page
    assert "2 were passed over" in page
    assert "1.70 s" in page


def test_the_report_of_a_bad_run(tmp_path: Path) -> None:
    problems = [f"node {n} ended by itself:\n<b>" for n in range(12)]
    bad = outcome(tmp_path, problems=problems, interrupted=True)
    assert bad.code == 1
    page = render(bad)
    assert "Something is wrong" in page
    assert "&lt;b&gt;" in page
    assert "2 more, in run.json" in page
    assert "ended the run early" in page
    assert "problem: node 0 ended by itself" in summary(bad)


def test_the_report_of_a_history_without_an_order(tmp_path: Path) -> None:
    history = History.of([
        Operation(0, "0", "put", "k", 1, None, 1, 2),
        Operation(1, "0", "get", "k", None, None, 3, 4),
    ])  # fmt: skip
    result = lincheck.check(history)
    bad = outcome(
        tmp_path, result=result, explanation=lincheck.explain(result)
    )
    assert bad.code == 1
    page = render(bad, "<html>&the conflict</html>")
    assert 'srcdoc="&lt;html&gt;&amp;the conflict' in page
    assert "conflict, 0.0 s after" in summary(bad)


def test_a_gap_tells_what_was_wrong(tmp_path: Path) -> None:
    run = Run(settings(parse(["--out", str(tmp_path / "new")])))
    out = run.outcome
    out.seconds = 20.0
    out.lanes = {
        1: [(0.0, "leader", 1), (4.0, "down", 0), (9.0, "follower", 2)],
        2: [(0.0, "follower", 1), (5.0, "silent", 0)],
        3: [(0.0, "follower", 1), (8.0, "leader", 2)],
        4: [(0.0, "follower", 1), (1.0, "gone", 0)],
    }
    out.bands = [
        Band("clock", "over by then", 0.0, 1.0),
        Band("crash", "short", 4.0, 5.0), Band("pause", "long", 3.9, None),
        Band("link", "not yet", 9.0, 12.0),
    ]  # fmt: skip
    out.elections = [(8.0, 2, 3)]
    run._slow = [(3.0, 9.0), (6.0, 0.6), (7.0, 1.25)]
    answered = [n / 2 for n in range(9)] + [n / 2 for n in range(17, 40)]
    (gap,) = run._gaps(answered)
    assert (gap.begin, gap.end) == (4.0, 8.5)
    assert gap.why == [
        "of 3 nodes 2 were down, or did not answer",
        "long (3.9 s to 20.0 s)", "short (4.0 s to 5.0 s)",
        "node 3 is elected in term 2 (8.0 s)",
        "2 saves took half a second or more, one of them 1.2 s: the machine"
        " is busy",
    ]  # fmt: skip


def test_elections_and_slow_saves_are_read_in_the_logs(tmp_path: Path) -> None:
    run = Run(settings(parse(["--out", str(tmp_path / "new")])))
    run.nodes = Nodes(tmp_path, Links(LengthPrefixed, random.Random(1)), [])
    (tmp_path / "1004.log").write_text(
        "2030-01-02 03:04:05,250 1004 raft INFO 3ec became leader at term 7\n"
        "2030-01-02 03:04:06,000 1004 raft INFO 3ec became follower at term"
        " 8\nno log line\n2030-01-02 03:04:07,000 1004 kv.replica WARNING"
        " the disk took 1.7 s for one save\n"
    )
    when = time.strptime("2030-01-02 03:04:00", "%Y-%m-%d %H:%M:%S")
    run._zero = time.mktime(when)
    assert run._logged(_ELECTED) == [(5.25, 1004, "7")]
    assert run._logged(_SLOW) == [(7.0, 1004, "1.7")]


def test_nobody_knows(tmp_path: Path) -> None:
    assert outcome(tmp_path, result=None).code == 3


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_node_is_told_a_bug(tmp_path: Path) -> None:
    """What is planted runs: it says so by not starting on nonsense."""
    done = subprocess.run(
        [sys.executable, "-m", "kv.chaos.planted", "labs.bugs.votes_twice",
         "--", "--nonsense"],
        capture_output=True, text=True, timeout=60, cwd=REPO, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--nonsense" in done.stderr or "--data" in done.stderr


def test_without_processes_nothing_hangs(tmp_path: Path) -> None:
    """A cluster that cannot start ends the run, and is reported."""
    chosen = settings(parse(["--out", str(tmp_path / "new")]))
    chosen.wrapper = ["kv.chaos.planted", "no.such.module", "--"]

    async def go() -> Outcome:
        return await Run(chosen).go()

    found = asyncio.run(go())
    assert found.code == 1
    assert "has stopped" in found.problems[0]


def test_the_report_says_how_to_do_it_again(tmp_path: Path) -> None:
    words = ["--minutes", "2", "--clients", "7", "--think", "40ms",
             "--power-cuts", "--nemesis", "churn+links"]  # fmt: skip
    chosen = settings(parse([*words, "--out", str(tmp_path / "new")]))
    said = chosen.again.removeprefix("python -m kv chaos ")
    same = settings(parse([*said.split(), "--out", str(tmp_path / "more")]))
    assert same.again == chosen.again
    assert (same.seed, same.clients, same.think, same.power) == (
        chosen.seed, 7, 0.04, True
    )  # fmt: skip
    assert (same.seconds, same.nemesis) == (120.0, "churn+links")


def test_a_run_does_not_go_on_when_nobody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kv.chaos.run.GLANCE", 0.0)
    words = ["--out", str(tmp_path / "new"), "--until-found"]

    async def go() -> Run:
        run = Run(settings(parse(words)))  # Without nodes, a look fails.
        task = asyncio.create_task(run._glances())
        task.add_done_callback(run._glanced)
        await asyncio.wait([task])
        await asyncio.sleep(0)
        return run

    run = asyncio.run(go())
    assert "the harness: AttributeError" in run.outcome.problems[0]
    assert run.stopping.is_set()
    assert run.outcome.code == 1
