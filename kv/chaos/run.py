"""A run: a cluster, clients, faults; then all is healed, and it is judged.

The verdict rests on more than the history of the clients. After the faults
all nodes must come to one state and take fresh writes; each of them must read
the same under every key; no acknowledged append may be missing, and none may
be there twice; no node may have ended by itself, and none may have started on
damaged data.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

from kv import lincheck
from kv.chaos.damage import POISON
from kv.chaos.early import Early, judge
from kv.chaos.injure import Band, Injuries
from kv.chaos.links import Links
from kv.chaos.nodes import Nodes
from kv.client import KvError
from kv.faults import Nemesis, Step, schedule, steps_to_json
from kv.lincheck import NEVER, Explanation, Result, Verdict
from kv.parts import Parts
from kv.workload import Event, Recorder, Workload, lost_elements
from kv.world import real_world

CONVERGE: Final = 90.0  # seconds until all nodes must be in one state
QUIET: Final = 1.0  # seconds; a gap without progress that is worth telling
GAPS: Final = 12  # of which so many are told
GLANCE: Final = 1.0  # seconds between looks for a problem, if one is wanted
GRACE: Final = 4  # looks for what clients see of it, if a node ended first
_LOGGED: Final = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) (\d+) "
_ELECTED: Final = re.compile(
    _LOGGED + r"raft INFO .* became leader at term (\d+)"
)
_SLOW: Final = re.compile(
    _LOGGED + r"kv\.replica WARNING the disk took ([\d.]+) s for one save"
)


@dataclass(slots=True, kw_only=True)
class Settings:
    """What is to be run.

    Attributes:
        out: The folder for all that is kept.
        seconds: How long the faults last.
        seed: Of all dice; the same seed has the same schedule.
        nemesis: The plan's name.
        plan: The plan; or `steps`, if they are given.
        steps: The schedule itself, to be done again.
        nodes: How many processes at first.
        clients: How many.
        think: Seconds between the operations of one, on average.
        keys: How many keys are in use at a time.
        per_key: Operations until a new key takes the place of one.
        sessions: Whether clients have sessions.
        arguments: What `serve` gets.
        wrapper: What to run instead of `kv serve`.
        parts: What nodes are made of; for their framing.
        notes: What else the report should say of the run, by name.
        again: The command that does it once more.
        power: Whether nodes lose what is not synced when their power goes;
            the wrapper has to see to that.
        until_found: Whether to end as soon as something is wrong.
        converge: Seconds until all nodes must be in one state at the end.
    """

    out: Path
    seconds: float
    seed: int
    nemesis: str
    plan: Nemesis
    steps: list[Step] | None = None
    nodes: int = 3
    clients: int = 5
    think: float = 0.02
    keys: int = 6
    per_key: int = 400
    sessions: bool = True
    arguments: list[str] = field(default_factory=list)
    wrapper: Sequence[str] = ()
    parts: Parts = field(default_factory=Parts)
    notes: dict[str, str] = field(default_factory=dict)
    again: str = ""
    power: bool = False
    until_found: bool = False
    converge: float = CONVERGE


@dataclass(slots=True)
class Gap:
    """A time without progress.

    Attributes:
        begin: When the last operation before it was answered, in seconds.
        end: When the next was.
        why: The faults meanwhile, longest first, and elections.
    """

    begin: float
    end: float
    why: list[str]


@dataclass(slots=True)
class Second:
    """What clients heard within one second."""

    ok: int = 0
    fail: int = 0
    info: int = 0
    half: float = 0.0
    most: float = 0.0


@dataclass(slots=True)
class Outcome:
    """All that there is to tell of a run.

    Attributes:
        settings: What was run.
        began: When, as people say it.
        seconds: How long the clients worked.
        interrupted: Whether somebody ended it.
        counts: How many operations of what kind ended how.
        done: How many faults, by family and name.
        passed: What was passed over, and why.
        bands: When which fault lasted.
        elections: When, in which term, and who was elected.
        lanes: For each node when it had which role.
        per_second: What clients heard.
        latency: Quantiles of all answered operations, in seconds.
        gaps: Times without progress, longest first.
        healed: Seconds from the healing until all were in one state.
        problems: All that is wrong, besides the history.
        found: When a problem was seen that the run was to end with, in
            seconds, and what it was.
        result: The verdict on the history.
        explanation: If it is a no: why.
    """

    settings: Settings
    began: str
    seconds: float = 0.0
    interrupted: bool = False
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    bands: list[Band] = field(default_factory=list)
    elections: list[tuple[float, int, int]] = field(default_factory=list)
    lanes: dict[int, list[tuple[float, str, int]]] = field(
        default_factory=dict
    )
    per_second: list[Second] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    healed: float | None = None
    problems: list[str] = field(default_factory=list)
    found: tuple[float, str] | None = None
    result: Result | None = None
    explanation: Explanation | None = None

    @property
    def operations(self) -> int:
        """How many operations were begun."""
        return sum(self.counts.values())

    def ended(self, how: str) -> int:
        """Returns how many ended so: `ok`, `fail` or `info`."""
        return sum(n for (_, h), n in self.counts.items() if h == how)

    @property
    def code(self) -> int:
        """0: all is well; 1: it is not; 3: nobody knows."""
        verdict = None if self.result is None else self.result.verdict
        if self.problems or verdict is Verdict.NOT_LINEARIZABLE:
            return 1
        return 0 if verdict is Verdict.LINEARIZABLE else 3

    def sentence(self) -> str:
        """Returns the verdict in one sentence."""
        said = {0: "All is well", 1: "Something is wrong", 3: "Nobody knows"}
        verdict = "was not judged"
        if self.result is not None:
            verdict = f"is {self.result.verdict}"
        text = (
            f"{said[self.code]}: the history of {self.operations:,}"
            f" operations {verdict}"
        )
        if self.problems:
            first = self.problems[0].splitlines()[0]
            more = len(self.problems) - 1
            text += f"; {first}" + (f", and {more} more" if more else "")
        if self.interrupted:
            text += f"; somebody ended the run after {self.seconds:.0f} s"
        return text + "."

    @property
    def conflict_at(self) -> float | None:
        """When the conflict was complete, in seconds of the run."""
        if self.explanation is None:
            return None
        ends = [
            op.call if op.ret == NEVER else op.ret
            for op in self.explanation.conflict
        ]
        return round(max(ends, default=0) / 1e9, 1)

    def figures(self) -> dict[str, object]:
        """Returns what fits into `run.json`."""
        s = self.settings
        return {
            "verdict": self.sentence(), "code": self.code,
            "seed": s.seed, "nemesis": s.nemesis, "began": self.began,
            "seconds": round(self.seconds, 3), **s.notes,
            "interrupted": self.interrupted, "operations": self.operations,
            "ended": {how: self.ended(how) for how in ("ok", "fail", "info")},
            "faults": {f"{a}/{b}": n for (a, b), n in self.done.items()},
            "passed over": [
                {"what": a, "why": b, "times": n}
                for (a, b), n in self.passed.items()
            ],
            "elections": len(self.elections),
            "latency": self.latency,
            "gaps": [asdict(gap) for gap in self.gaps],
            "healed": self.healed, "problems": self.problems,
            "found": None if self.found is None else {
                "at": round(self.found[0], 1), "what": self.found[1],
            },
            "conflict": None if self.explanation is None else {
                "what": self.explanation.sentence, "at": self.conflict_at,
            },
            "arguments": s.arguments,
        }  # fmt: skip


class Run:
    """One run, from the first process to the verdict.

    Attributes:
        outcome: What there is to tell so far.
        nodes: The processes.
        injuries: What is done to them.
        workload: The clients.
        stopping: Set to end it early.
        state: What it does just now, in a word or two.
        total: How many seconds the faults will have lasted at the end.
    """

    def __init__(self, settings: Settings) -> None:
        """Makes a run that has not begun."""
        self.settings = settings
        self.outcome = Outcome(
            settings, time.strftime("%Y-%m-%d %H:%M:%S %Z")
        )
        self.stopping = asyncio.Event()
        self.state = "starting"
        self.total = settings.seconds
        self._events: IO[str] | None = None
        self._bins: dict[int, Counter[str]] = {}
        self._slow: list[tuple[float, float]] = []
        self._early = Early() if settings.until_found else None

    async def go(self) -> Outcome:
        """Runs it; whatever happens, there is an outcome."""
        s = self.settings
        (s.out / "nodes").mkdir(parents=True, exist_ok=True)
        rng = random.Random(f"{s.seed} run")
        steps = s.steps
        if steps is None:
            plan_rng = random.Random(f"{s.seed} plan")
            ids = range(1, s.nodes + 1)
            steps = schedule(s.plan, plan_rng, ids, s.seconds)
        self._keep("schedule.json", {
            "seed": s.seed, "nemesis": s.nemesis, "seconds": s.seconds,
            "steps": steps_to_json(steps),
        })  # fmt: skip
        links = Links(s.parts.framing, rng)
        self.nodes = Nodes(
            s.out.resolve() / "nodes", links, s.arguments, s.wrapper,
            s.power,
        )  # fmt: skip
        with (s.out / "history.jsonl").open("w", encoding="utf-8") as file:
            self._events = file
            try:
                await self._work(rng, steps)
            except (KvError, OSError, TimeoutError) as error:
                self._problem(f"the run ended early: {error}")
            finally:
                await self.nodes.close()
                await links.close()
        self._events = None
        self._gather()
        self.state = "judging"
        await asyncio.to_thread(self._judge)
        self._keep("run.json", self.outcome.figures())
        return self.outcome

    def _keep(self, name: str, what: object) -> None:
        text = json.dumps(what, indent=1, ensure_ascii=False)
        (self.settings.out / name).write_text(text + "\n", encoding="utf-8")

    def _problem(self, text: str) -> None:
        self.outcome.problems.append(text)

    async def _work(self, rng: random.Random, steps: list[Step]) -> None:
        s, nodes = self.settings, self.nodes
        for id in range(1, s.nodes + 1):
            await nodes.make(id)
        nodes.start()
        await nodes.leader()
        self.recorder = Recorder(time.monotonic, self._take, keep=False)
        self._zero = time.time()
        nodes.now = self.recorder.elapsed
        nodes.tell = self._tell
        self.workload = Workload(
            real_world(), nodes.gates(), self.recorder,
            random.Random(f"{s.seed} clients"), clients=s.clients,
            keys=s.keys, per_key=s.per_key, think=s.think,
            sessions=s.sessions, measure=True,
            # Short, so that there are answers that nobody ever got.
            timeout=2.0, try_timeout=0.6,
        )  # fmt: skip
        self.injuries = Injuries(
            nodes, range(1, s.nodes + 1), rng, self.recorder.note,
            self.workload.add_server,
        )  # fmt: skip
        await nodes.look()
        nodes.watch()
        self.workload.start()
        self.state = "under faults"
        glances = asyncio.create_task(self._glances())
        glances.add_done_callback(self._glanced)
        try:
            await self._hurt(steps)
            if self.outcome.found is None:
                self.state = "healing"
                await self._heal()
        finally:
            self.outcome.seconds = self.recorder.elapsed()
            glances.cancel()
            await self.injuries.stop()

    async def _glances(self) -> None:
        """Looks for a problem now and then, if the run is to end with one."""
        out, looks = self.outcome, 0
        while self._early is not None:
            await asyncio.sleep(GLANCE)
            seen = await asyncio.to_thread(judge, self._early.due())
            problems = [
                *self.nodes.failures, *self.injuries.problems,
                *await self._poisoned(),
            ]  # fmt: skip
            if out.found is None and (seen or problems):
                what = seen or problems[0]
                out.found = self.recorder.elapsed(), what
            looks += out.found is not None
            if seen or looks > GRACE:
                self.stopping.set()
                return

    def _glanced(self, task: asyncio.Task[None]) -> None:
        """Ends a run in which nobody looks any more, and says why."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._problem(f"the harness: {error!r}")
            self.stopping.set()

    async def _poisoned(self) -> list[str]:
        """Asks whether what nobody wrote has come out of a torn log."""
        if not self.injuries.done["disk", "disk-torn"]:
            return []
        with suppress(KvError):
            async with self.nodes.admin(timeout=1.0) as client:
                if await client.get(POISON) is not None:
                    return ["a torn write was taken for data"]
        return []

    async def _hurt(self, steps: list[Step]) -> None:
        """Does what the schedule says, until it is over or ended."""
        for step in steps:
            if not await self._until(step.at):
                return
            self.injuries.do(step.action)
            self.injuries.tidy()
        await self._until(self.settings.seconds)

    async def _until(self, at: float) -> bool:
        """Waits until a second of the run; `False` if it is to end."""
        with suppress(TimeoutError):
            left = max(0.0, at - self.recorder.elapsed())
            async with asyncio.timeout(left):
                await self.stopping.wait()
        out = self.outcome
        out.interrupted = self.stopping.is_set() and out.found is None
        return not self.stopping.is_set()

    async def _heal(self) -> None:
        """Ends the faults, and asks for what must come about then."""
        out, workload, nodes = self.outcome, self.workload, self.nodes
        try:
            await self.injuries.heal()
        except TimeoutError as error:
            self._problem(str(error))
        begin = self.recorder.elapsed()
        # The clients work on, now that all is well, and must get on.
        await asyncio.sleep(min(2.0, self.settings.seconds / 10))
        await workload.stop()
        self.state = "converging"
        # Who was left over from a change of members is ended here.
        patience = self.settings.converge
        await nodes.converged(patience, lambda: self.injuries.tidy(5.0))
        out.healed = self.recorder.elapsed() - begin
        self.state = "reading all"
        await workload.write_fresh()
        final = await workload.read_all()
        await nodes.converged(patience)
        await self._compare(final)
        self._final = final

    async def _compare(self, final: dict[str, object]) -> None:
        """Has each node by itself say what it holds."""
        keys = [key.encode() for key in final]
        held: dict[int, list[bytes | None]] = {}
        for node in self.nodes.members.values():
            async with self.nodes.admin() as client:
                client._servers = [node.address]
                held[node.id] = [await client.get(key) for key in keys]
                if await client.get(POISON) is not None:
                    self._problem(
                        f"node {node.id} took a torn write for data"
                    )
        (first, wanted), *others = held.items()
        for id, found in others:
            differ = [k for k, a, b in zip(keys, wanted, found, strict=True)
                      if a != b]  # fmt: skip
            if differ:
                self._problem(
                    f"nodes {first} and {id} hold different values under"
                    f" {len(differ)} keys, {differ[0].decode()} for one"
                )

    # Taking down what happens.

    def _take(self, event: Event) -> None:
        if self._events is not None:
            json.dump(event, self._events, separators=(",", ":"))
            self._events.write("\n")
            if self._early is not None:
                self._early.take(event)
        kind = event["type"]
        if kind in ("ok", "fail", "info"):
            second = int(str(event["time"])) // 10**9
            self._bins.setdefault(second, Counter())[str(kind)] += 1

    def _tell(self, kind: str, text: str) -> None:
        now = round(self.recorder.elapsed() * 1e9)
        self.recorder.note("fault", f=kind, value=text, until=now)

    # Looking back.

    def _gather(self) -> None:
        """Puts together what the run has left behind."""
        out = self.outcome
        out.problems += self.nodes.failures
        out.lanes = self.nodes.lanes
        if not hasattr(self, "workload"):
            return
        out.counts = self.workload.counts
        out.done, out.passed = self.injuries.done, self.injuries.passed
        out.bands = self.injuries.bands
        out.problems += self.injuries.problems
        out.elections = [
            (when, int(term), node)
            for when, node, term in self._logged(_ELECTED)
        ] or self.nodes.elections
        self._slow = [
            (when, float(took)) for when, _, took in self._logged(_SLOW)
        ]
        latencies = self.workload.latencies
        out.latency = quantiles([took for _, took in latencies])
        out.per_second = self._seconds(latencies)
        out.gaps = self._gaps([when for when, _ in latencies])

    def _logged(
        self, what: re.Pattern[str]
    ) -> list[tuple[float, int, str]]:
        """Returns what the nodes' logs say: when, who, and what."""
        found = []
        for path in self.nodes.folder.glob("*.log"):
            text = path.read_text(encoding="utf-8", errors="replace")
            for line in text.splitlines():
                if m := what.match(line):
                    when = time.mktime(
                        time.strptime(m[1], "%Y-%m-%d %H:%M:%S")
                    ) + int(m[2]) / 1000  # fmt: skip
                    found.append((when - self._zero, int(m[3]), m[4]))
        return sorted(entry for entry in found if entry[0] > 0)

    def _seconds(
        self, latencies: list[tuple[float, float]]
    ) -> list[Second]:
        took: dict[int, list[float]] = {}
        for when, seconds in latencies:
            took.setdefault(int(when), []).append(seconds)
        found = []
        for second in range(int(self.outcome.seconds) + 1):
            c = self._bins.get(second, Counter())
            each = sorted(took.get(second, [0.0]))
            found.append(Second(
                c["ok"], c["fail"], c["info"], each[len(each) // 2], each[-1]
            ))  # fmt: skip
        return found

    def _gaps(self, answered: list[float]) -> list[Gap]:
        """Returns the longest times without progress, and what was wrong."""
        times = [0.0, *sorted(answered)]
        longest = sorted(pairwise(times), key=lambda g: g[0] - g[1])[:GAPS]
        return [
            Gap(round(a, 3), round(b, 3), [*self._meanwhile(a, b)])
            for a, b in longest if b - a >= QUIET
        ]  # fmt: skip

    def _meanwhile(self, begin: float, end: float) -> Iterator[str]:
        """Yields what was wrong in a time, the longest first."""
        nodes, silent = self._present((begin + end) / 2)
        if silent:
            yield f"of {nodes} nodes {silent} were down, or did not answer"
        else:
            yield f"there were {nodes} nodes"
        found = []
        for band in self.outcome.bands:
            until = self.outcome.seconds if band.end is None else band.end
            # What happened just before may have an election follow.
            overlap = min(end, until) - max(begin, band.begin)
            if overlap > 0 or begin - 0.5 < band.begin < end:
                found.append((overlap, band, until))
        found.sort(key=lambda f: -f[0])
        for _, band, until in found[:8]:
            yield f"{band.text} ({band.begin:.1f} s to {until:.1f} s)"
        if len(found) > 8:
            yield f"and {len(found) - 8} more"
        for when, term, node in self.outcome.elections:
            if begin <= when <= end:
                yield f"node {node} is elected in term {term} ({when:.1f} s)"
        slow = [took for when, took in self._slow if begin <= when <= end]
        if slow:
            meant = any(band.family == "disk" for _, band, _ in found)
            yield (
                f"{len(slow)} saves took half a second or more, one of them"
                f" {max(slow):.1f} s{'' if meant else ': the machine is busy'}"
            )

    def _present(self, at: float) -> tuple[int, int]:
        """Returns how many nodes there were, and how many of them silent."""
        roles = []
        for lane in self.outcome.lanes.values():
            role = [role for when, role, _ in lane if when <= at][-1:]
            if role and role != ["gone"]:
                roles += role
        silent = sum(role in ("down", "paused", "silent") for role in roles)
        return len(roles), silent

    def _judge(self) -> None:
        out, path = self.outcome, self.settings.out / "history.jsonl"
        try:
            history = lincheck.read_history(path)
        except lincheck.HistoryError as error:
            self._problem(f"the history makes no sense: {error}")
            return
        out.result = lincheck.check(history)
        out.explanation = lincheck.explain(out.result)
        final = getattr(self, "_final", None)
        if final is not None:
            with path.open(encoding="utf-8") as file:
                appends = [
                    json.loads(line) for line in file if '"append"' in line
                ]
            out.problems += lost_elements(appends, final)


def quantiles(values: list[float]) -> dict[str, float]:
    """Returns median, 99th percentile and maximum."""
    if not values:
        return {}
    values = sorted(values)
    last = len(values) - 1
    return {
        "p50": round(values[last // 2], 6),
        "p99": round(values[int(last * 0.99)], 6),
        "max": round(values[-1], 6),
    }


def stop_on_signals(run: Run) -> Callable[[], None]:
    """Has Ctrl-C end a run in good order; the second one ends it at once.

    Returns:
        What undoes that.
    """
    loop = asyncio.get_running_loop()
    both = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        if run.stopping.is_set():
            undo()
            for node in run.nodes.members.values():
                node.kill()
            sys.exit(130)
        run.stopping.set()

    def undo() -> None:
        for each in both:
            loop.remove_signal_handler(each)

    for each in both:
        loop.add_signal_handler(each, stop)
    return undo
