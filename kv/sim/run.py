"""One run, from a seed to a verdict.

First clients work while faults happen; then all is healed, and the cluster
has to agree, to serve, and to hold what it acknowledged. All of it follows
from the `Setup` and the schedule, and the schedule as a rule from the seed.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from struct import Struct
from typing import Any, Final

from kv import faults as f
from kv import wal
from kv.client import KvError
from kv.drive_async import drive_async
from kv.faults import Step
from kv.lincheck import Verdict, check, explain
from kv.lincheck.reading import parse
from kv.messages import Address
from kv.named import load_named
from kv.nemeses import load_nemesis
from kv.parts import Parts, load_parts, see_that_the_loop_fits
from kv.seams import Drive
from kv.server import Options
from kv.sim.cluster import CLIENT_PORT, PEER_PORT, Cluster
from kv.sim.disk import Crashed
from kv.sim.loop import Guarded, Idle, Outside, SimLoop
from kv.sim.view import Moment, View
from kv.sim.watch import NAMES, Watch
from kv.unsafe import load_unsafe
from kv.workload import Event, Recorder, Workload, lost_elements
from port import chan
from port.logger import discard_logger
from port.rafttest.invariants import Violation

FORMAT: Final = 1
SEGMENT: Final = 1 << 15  # bytes of a log's segment: many in a short run
_HEALING: Final = 60.0  # virtual seconds
_EVENT: Final = Struct(">dii")
_BETWEEN: Final = 100  # traced events, before the clock is asked again
_TOO_LONG: Final = 900.0  # virtual seconds that a run may go on after its end


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run follows from, beside its schedule.

    Attributes:
        seed: Of all dice.
        seconds: Virtual seconds under faults.
        nodes: How many there are at first.
        clients: How many.
        think: How long a client waits between operations, on average.
        reads: `safe`, `lease` or `stale`.
        async_writes: Whether raft goes on while the disk works.
        sessions: Whether clients have sessions.
        election: Seconds without a leader until a follower campaigns.
        heartbeat: Seconds between a leader's heartbeats.
        snapshot_every: Entries between snapshots.
        append_size: Bytes of entries in one message at most. Short ones make
            more states between which something can go wrong.
        nemesis: Its name, or `MODULE:NAME`.
        parts: `MODULE:NAME` of parts, or nothing.
        plant: The module of a planted bug, or nothing.
        unsafe: The name of a mistake of `kv.unsafe`, or nothing.
        rules: Which rules to watch; none given: all.
    """

    seed: int = 1
    seconds: float = 60.0
    nodes: int = 3
    clients: int = 5
    think: float = 0.15
    reads: str = "safe"
    async_writes: bool = False
    sessions: bool = True
    election: float = 0.5
    heartbeat: float = 0.1
    snapshot_every: int = 150
    append_size: int = 1 << 18
    nemesis: str = "storm"
    parts: str = ""
    plant: str = ""
    unsafe: str = ""
    rules: tuple[int, ...] = ()

    def plan(self) -> list[Step]:
        """Returns the schedule that the seed has for the nemesis."""
        rng = random.Random(f"plan {self.seed}")
        nodes = range(1, self.nodes + 1)
        nemesis = load_nemesis(self.nemesis)
        return f.schedule(nemesis, rng, nodes, self.seconds)


@dataclass(slots=True)
class Outcome:
    """How a run went.

    Attributes:
        setup: What it followed from.
        steps: The schedule.
        violation: Which rule was broken, and how; `None`: none.
        outside: If something reached out of the simulation: who, and where.
        trace: The hash of all that happened.
        virtual: Seconds that passed in it.
        real: Seconds that it took.
        cpu: Seconds of them that the processor worked for it.
        operations: How often what ended how.
        faults: How often what family of action was carried out.
        passed_over: Likewise, what made no sense just then.
        elections: How many terms had a leader.
        gap: The longest time without an acknowledged operation under
            faults, and when it ended.
        pieces: How many pieces the network carried.
        turns: How many handles the nodes ran.
        events: The history, if it was to be kept.
    """

    setup: Setup
    steps: list[Step]
    violation: Violation | None = None
    outside: str = ""
    trace: str = ""
    virtual: float = 0.0
    real: float = 0.0
    cpu: float = 0.0
    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    elections: int = 0
    gap: tuple[float, float] = (0.0, 0.0)
    pieces: int = 0
    turns: int = 0
    events: list[Event] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no rule was broken."""
        return self.violation is None and not self.outside

    def verdict(self) -> str:
        """Returns the verdict in one line."""
        if self.outside:
            return self.outside
        if self.violation is None:
            return "all rules hold"
        return f"{NAMES[self.violation.number]}: {self.violation.text}"


def replay_to_json(setup: Setup, steps: Sequence[Step]) -> str:
    """Returns the text of a replay file."""
    lines = ",\n".join(
        f"  {json.dumps(step)}" for step in f.steps_to_json(steps)
    )
    given = {
        name: value
        for name, value in asdict(setup).items()
        if value != getattr(Setup(), name) or name in ("seed", "seconds")
    }
    return (
        f'{{"format": {FORMAT}, "setup": {json.dumps(given)},\n'
        f' "steps": [\n{lines}\n]}}\n'
    )


def replay_from_json(text: str) -> tuple[Setup, list[Step]]:
    """Returns what a replay file holds.

    Raises:
        ValueError: it is none.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"no replay file of format {FORMAT}")
    given = data.get("setup")
    if not isinstance(given, dict):
        raise ValueError("its setup is no object")
    known = asdict(Setup())
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"its setup has a strange {name!r}")
        if name == "rules":
            given[name] = tuple(value)
        elif type(value) is not type(known[name]) and not (
            type(known[name]) is float and type(value) is int
        ):
            raise ValueError(f"its setup has {name} = {value!r}")
    return Setup(**given), f.steps_from_json(data.get("steps"))


def run(
    setup: Setup,
    steps: Sequence[Step] | None = None,
    keep: bool = False,
    told: Callable[[str], None] | None = None,
    view: View | None = None,
) -> Outcome:
    """Runs it, and judges.

    Args:
        setup: What it follows from.
        steps: The schedule; `None`: the one of the seed.
        keep: Whether the outcome is to hold the history, come what may.
        told: Gets a line about whatever happens.
        view: Shows now and then how far it is.

    Raises:
        ValueError: a name in the setup stands for nothing, or the loop of the
            parts is none for such writes.
    """
    if steps is None:
        steps = setup.plan()
    with ExitStack() as stack:
        if setup.plant:
            stack.enter_context(_planted(setup.plant))
        parts = load_parts(setup.parts) if setup.parts else Parts()
        see_that_the_loop_fits(parts, setup.async_writes)
        if setup.unsafe:
            mistake = load_unsafe(setup.unsafe)
            stack.enter_context(mistake.planted())
            if mistake.reads != "safe":
                setup = replace(setup, reads=mistake.reads)
        outcome = _Run(setup, [*steps], parts, told, view).run()
    if outcome.ok and not keep:
        outcome.events = []
    return outcome


def _planted(module: str) -> AbstractContextManager[None]:
    """Returns what plants the bug of a module."""
    name = module if ":" in module else f"{module}:BUG"
    bug = load_named(name)
    if not hasattr(bug, "planted"):
        raise ValueError(f"{module} holds no bug that can be planted")
    planted: AbstractContextManager[None] = bug.planted()
    return planted


class _Run:
    """A run under way."""

    def __init__(
        self, setup: Setup, steps: list[Step], parts: Parts,
        told: Callable[[str], None] | None, view: View | None,
    ) -> None:  # fmt: skip
        self.setup = setup
        self.steps = steps
        self.parts = parts
        self.told = told
        self.view = view
        self.traced = 0
        self.loop = SimLoop()
        self.rng = random.Random(f"run {setup.seed}")
        self.hash = hashlib.blake2b(digest_size=12)
        self.broken = asyncio.Event()
        rules = setup.rules or None
        self.watch = Watch(setup.reads == "safe", self.broken.set, rules)
        self.events: list[Event] = []
        self.cluster: Cluster
        self.load: Workload

    def run(self) -> Outcome:
        """Runs it to its end."""
        outcome = Outcome(self.setup, self.steps)
        begin, worked = time.perf_counter(), time.process_time()
        state = random.getstate()
        seed = f"everybody {self.setup.seed}"
        random.seed(seed)
        # The port's own dice are apart, for threads that are none of ours may
        # throw the others.
        dice: Any = chan  # Its `random` is a module; anything like it will do.
        dice.random = random.Random(seed)
        logs = _Logs(self.loop, self.told)
        collecting = gc.isenabled()
        gc.disable()  # When it comes is nobody's to say; see below.
        gc.collect()
        problem: BaseException | None = None
        try:
            with Guarded(self.loop), self.watch.reads(), logs:
                self.loop.run_until_complete(self._main())
        except (Idle, Outside) as error:
            problem = error
        finally:
            self._end()
            random.setstate(state)
            dice.random = random
            if collecting:
                gc.enable()
        troubles = self.loop.troubles
        for name, trouble in troubles:
            if isinstance(trouble, Outside):
                outcome.outside = str(trouble)
            elif not isinstance(trouble, Idle | Crashed):
                kind = type(trouble).__name__
                self.watch.broken(0, f"{name} raised {kind}: {trouble}")
        if isinstance(problem, Idle):
            self.watch.broken(17, str(problem))
        outcome.violation = self.watch.violation
        outcome.trace = self.hash.hexdigest()
        outcome.virtual = self.loop.time()
        outcome.operations = self.load.counts
        outcome.faults = self.cluster.done
        outcome.passed_over = self.cluster.passed_over
        outcome.elections = len(self.watch.elections)
        outcome.gap = self.load.gap
        outcome.pieces = self.cluster.fabric.sent
        outcome.events = self.events
        outcome.real = time.perf_counter() - begin
        outcome.cpu = time.process_time() - worked
        return outcome

    def _end(self) -> None:
        cluster = getattr(self, "cluster", None)
        if cluster is not None:
            cluster.stop()
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.loop.close()

    async def _main(self) -> None:
        work = asyncio.ensure_future(self._phases())
        broken = asyncio.ensure_future(self.broken.wait())
        await asyncio.wait(
            (work, broken), return_when=asyncio.FIRST_COMPLETED
        )
        if work.done():
            broken.cancel()
            work.result()
        else:
            work.cancel()

    async def _phases(self) -> None:
        setup, loop = self.setup, self.loop
        self.cluster = cluster = Cluster(
            loop, random.Random(self.rng.getrandbits(64)), self.watch,
            self._options, setup.nodes,
            self._trace if self.view is None else self._trace_in_view,
        )  # fmt: skip
        recorder = Recorder(loop.time, self.events.append, keep=False)
        servers: list[Address] = [
            (f"m{id}", CLIENT_PORT) for id in range(1, setup.nodes + 1)
        ]
        self.load = load = Workload(
            cluster.client_world, servers, recorder,
            random.Random(self.rng.getrandbits(64)), clients=setup.clients,
            think=setup.think, timeout=3.0, try_timeout=1.0,
            sessions=setup.sessions, per_key=80,
        )  # fmt: skip
        cluster.on_server = load.add_server
        cluster.on_retired = load.remove_server
        cluster.on_fault = partial(_note_fault, recorder, cluster)
        for machine in cluster.machines.values():
            cluster.start(machine)
        await cluster.clients.run(_begin(load))
        for step in self.steps:
            await asyncio.sleep(max(0.0, step.at - loop.time()))
            self._tell(str(step))
            cluster.do(step.action)
        await asyncio.sleep(max(0.0, setup.seconds - loop.time()))
        self._tell("all is healed")
        cluster.heal()
        await cluster.clients.run(load.stop())
        if not await self._agree():
            return
        try:
            await cluster.clients.run(load.write_fresh())
            final = await cluster.clients.run(load.read_all())
        except KvError as error:
            self.watch.broken(17, f"after healing, {error}")
            return
        if not await self._agree():
            return
        self._judge(final)

    async def _agree(self) -> bool:
        """Waits until all nodes agree; tells whether they came to."""
        cluster, loop = self.cluster, self.loop
        end = loop.time() + _HEALING
        missing = ""
        while loop.time() < end:
            cluster.retire_strangers()
            missing = cluster.missing()
            if not missing:
                return True
            await asyncio.sleep(0.1)
        self.watch.broken(
            11, f"{_HEALING:.0f} seconds after healing, {missing}"
        )
        return False

    def _judge(self, final: dict[str, object]) -> None:
        """Looks at all that can be said at the end."""
        watch, cluster = self.watch, self.cluster
        dumps = {}
        for id in sorted(cluster.wanted()):
            server = cluster.machines[id].server
            if server is None:
                continue
            machine = server.replica.machine
            dumps[id] = b"".join(machine.dump())
            watch.values(id, machine, server.replica.applied)
        watch.same_state(dumps)
        for line in lost_elements(self.events, final):
            watch.broken(13, line)
        history = parse("history", [json.dumps(e) for e in self.events])
        result = check(history)
        if result.verdict is Verdict.NOT_LINEARIZABLE:
            why = explain(result)
            watch.broken(15, why.sentence if why is not None else "no order")
        elif result.verdict is Verdict.UNKNOWN:
            self._tell("linearizability: nobody knows")

    def _options(
        self, node: int, join: bool, members: dict[int, Address]
    ) -> Options:
        setup = self.setup
        parts = self.parts
        if parts.open_log is Parts().open_log:
            parts = replace(
                parts, open_log=partial(wal.open_log, segment=SEGMENT)
            )
        drive: Drive = parts.drive
        if setup.async_writes and drive is Parts().drive:
            drive = drive_async
        return Options(
            node=node, cluster=7, folder="data",
            address=(f"m{node}", CLIENT_PORT),
            peer_address=(f"m{node}", PEER_PORT), members=members, join=join,
            heartbeat=setup.heartbeat, election=setup.election,
            reads=setup.reads, async_writes=setup.async_writes, timeout=2.0,
            snapshot_every=setup.snapshot_every,
            append_size=setup.append_size,
            parts=self.watch.parts(node, parts, drive),
            logger=discard_logger,
        )  # fmt: skip

    def _trace(self, when: float, source: int, to: int, what: bytes) -> None:
        self.hash.update(_EVENT.pack(when, source, to) + what)

    def _trace_in_view(
        self, when: float, source: int, to: int, what: bytes
    ) -> None:
        """The same, and lets somebody see every now and then how it goes.

        Here, where no virtual time passes for it.
        """
        self._trace(when, source, to, what)
        self.traced += 1
        if self.traced % _BETWEEN == 0 and self.view and self.view.due():
            counts = self.load.counts
            self.view.show(Moment(
                when, self.setup.seconds,
                sum(n for (_, how), n in counts.items() if how == "ok"),
                self.cluster.done.total(), len(self.watch.elections),
            ))  # fmt: skip

    def _tell(self, line: str) -> None:
        if self.told is not None:
            self.told(f"{self.loop.time():9.3f}  {line}")


async def _begin(load: Workload) -> None:
    load.start()


def _note_fault(
    recorder: Recorder, cluster: Cluster, action: f.Action
) -> None:
    """Writes a fault into the history, for the picture."""
    recorder.note(
        "fault", f=action.family, value=str(action),
        until=round((recorder.elapsed() + action.lasts) * 1e9),
    )  # fmt: skip


class _Logs(logging.Handler):
    """What the store logs: told with its virtual time, or nowhere."""

    def __init__(
        self, loop: SimLoop, told: Callable[[str], None] | None
    ) -> None:
        super().__init__()
        self._loop = loop
        self._told = told
        self._loggers = [logging.getLogger(n) for n in ("kv", "asyncio")]
        self._before: list[tuple[bool, int]] = []

    def __enter__(self) -> None:
        for logger in self._loggers:
            self._before.append((logger.propagate, logger.level))
            logger.propagate = False
            logger.addHandler(self)
            if self._told is not None:
                logger.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        for logger, (propagate, level) in zip(
            self._loggers, self._before, strict=True
        ):
            logger.propagate = propagate
            logger.setLevel(level)
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Tells a line."""
        if self._told is not None:
            current = self._loop.current
            name = current.name if current is not None else ""
            self._told(
                f"{self._loop.time():9.3f}  {name}: {record.getMessage()}"
            )
