"""`python -m kv chaos`: real processes, real faults, and a verdict.

    python -m kv chaos --minutes 30 --seed 7 --out somewhere

Three servers run on loopback, each link between them through a proxy, while
clients work and a nemesis does what its plan says. At the end all is healed
and judged. The folder keeps everything: `report.html`, the history, the
schedule, the figures, each node's log. Ctrl-C ends it early, with a report
all the same. Exit code 0: all is well; 1: something is wrong; 2: it could not
start; 3: nobody knows.
"""

from __future__ import annotations

import asyncio
import json
import random
import shlex
import shutil
import tempfile
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from kv.chaos.planted import find
from kv.chaos.report import write_report
from kv.chaos.run import CONVERGE, Outcome, Run, Settings, stop_on_signals
from kv.chaos.view import show
from kv.command_line import Parser, complain, number, seconds
from kv.faults import schedule, steps_from_json
from kv.nemeses import NEMESES, load_nemesis
from kv.parts import Parts, load_parts
from kv.serve import run as run_loop
from kv.unsafe import MISTAKES, load_unsafe


def parse(argv: list[str]) -> Namespace:
    """Reads the command line."""
    parser = Parser(
        prog="kv chaos", description=__doc__.split("\n")[0],
        epilog=f"Nemeses: {', '.join(NEMESES)}. Mistakes:"
        f" {', '.join(MISTAKES)}.",
    )  # fmt: skip
    add = parser.add_argument
    add("--minutes", type=float, default=None,
        help="how long (5, or what a replay needs)")
    add("--seed", type=int, default=None,
        help="of all dice: the same seed has the same schedule of faults")
    add("--nemesis", default="storm", metavar="NAME",
        help="what faults: a name, MODULE:NAME, or some with a plus between"
        " them (storm: all)")
    add("--replay", metavar="FILE",
        help="a schedule.json to carry out again, or a replay file of kv sim")
    add("--nodes", type=number, default=3, help="processes at first (3)")
    add("--clients", type=number, default=5, help="how many (5)")
    add("--think", type=seconds, default=0.02, metavar="TIME",
        help="between the operations of a client, on average (20ms)")
    add("--parts", default=None, metavar="MODULE:NAME",
        help="build the nodes of these parts")
    add("--plant", default=None, metavar="MODULE",
        help="plant a bug of labs/bugs in the nodes")
    add("--unsafe", default=None, metavar="NAME",
        help="make a mistake of kv/unsafe.py in the nodes: it should be found")
    add("--async-writes", action="store_true",
        help="let raft go on while the disk works")
    add("--heartbeat", type=seconds, default=0.05, metavar="TIME",
        help="between heartbeats (50ms)")
    add("--election", type=seconds, default=0.4, metavar="TIME",
        help="until a follower campaigns: one to two times this (400ms)")
    add("--snapshot-every", type=number, default=1000, metavar="ENTRIES",
        help="entries between snapshots (1000)")
    add("--append-size", type=number, default=None, metavar="BYTES",
        help="of entries in one message between nodes; of a larger one, one")
    add("--power-cuts", action="store_true",
        help="have crashes lose what was not synced, where they say so, and"
        " disks be slow: see kv/chaos/power.py")
    add("--until-found", action="store_true",
        help="end as soon as something is wrong")
    add("--converge", type=seconds, default=CONVERGE, metavar="TIME",
        help=f"for nodes to come to one state at the end ({CONVERGE:.0f}s)")
    add("--controls", metavar="FILE", default=None,
        help="find all mistakes that are made on purpose, and write how that"
        " went into this file")
    add("--only", metavar="NAME", default=None,
        help="of --controls, this one")
    add("--out", metavar="FOLDER", default=None,
        help="where all is kept; a new folder if not given")
    add("--plain", action="store_true",
        help="a line now and then, instead of a live view")
    args = parser.parse_args(argv)
    if args.only is not None and args.controls is None:
        parser.error("--only goes with --controls")
    return args


def again(args: Namespace, seed: int) -> str:
    """Returns the command that does the same once more, as it is typed."""
    words = ["python", "-m", "kv", "chaos"]
    for name, default in vars(parse([])).items():
        value = getattr(args, name)
        if name not in ("out", "plain", "seed") and value != default:
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words.append(str(value))
    return shlex.join([*words, "--seed", str(seed)])


def settings(args: Namespace) -> Settings:
    """Returns what is to be run.

    Raises:
        ValueError: something does not exist, or does not go together.
        OSError: a folder or a file cannot be had.
    """
    plan = load_nemesis(args.nemesis)
    nemesis = args.nemesis
    span = 5 * 60.0
    steps = None
    if args.replay is not None:
        try:
            text = Path(args.replay).read_text(encoding="utf-8")
            found = json.loads(text)
            if not isinstance(found, dict):
                raise ValueError("it holds no schedule")
            steps = steps_from_json(found.get("steps"))
        except ValueError as error:
            raise ValueError(
                f"{args.replay} cannot be carried out: {error}"
            ) from error
        ends = [step.at + step.action.lasts for step in steps]
        span = max([*ends, 1.0])
        nemesis = f"replay of {args.replay}"
    if args.minutes is not None:
        span = args.minutes * 60
    if span <= 0:
        raise ValueError("--minutes must be more than 0")
    seed = args.seed
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    if steps is None:
        # As the run will do it: a mistake in somebody's plan is told now.
        dice = random.Random(f"{seed} plan")
        schedule(plan, dice, range(1, args.nodes + 1), span)
    parts = load_parts(args.parts) if args.parts else Parts()
    arguments = [
        "--heartbeat", str(args.heartbeat), "--election", str(args.election),
        "--snapshot-every", str(args.snapshot_every),
    ]  # fmt: skip
    notes = {}
    if args.parts:
        arguments += ["--parts", args.parts]
        owners = parts.owners().items()
        theirs = [f"{part} {who}" for part, who in owners if who != "ours"]
        notes["parts"] = "; ".join(theirs) or "ours"
    if args.async_writes:
        arguments += ["--async-writes"]
        notes["writes"] = "asynchronous"
    if args.append_size is not None:
        arguments += ["--append-size", str(args.append_size)]
        notes["append size"] = str(args.append_size)
    sessions = True
    planted: list[str] = []
    if args.power_cuts:
        planted += ["--power"]
        notes["power cuts"] = "lose what was not synced"
    if args.plant is not None:
        find(args.plant)  # So that a slip of the pen is told at once.
        planted += [args.plant]
        notes["planted"] = args.plant
    if args.unsafe is not None:
        if args.plant is not None:
            raise ValueError("--plant and --unsafe: one mistake at a time")
        mistake = load_unsafe(args.unsafe)
        notes["unsafe"] = args.unsafe
        arguments += ["--reads", mistake.reads]
        planted += [f"kv.unsafe:{args.unsafe}"]
    out = Path(args.out or tempfile.mkdtemp(prefix="kv-chaos-"))
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty")
    return Settings(
        out=out, seconds=span, seed=seed, nemesis=nemesis, plan=plan,
        steps=steps, nodes=args.nodes, clients=args.clients,
        think=args.think, sessions=sessions, arguments=arguments,
        wrapper=["kv.chaos.planted", *planted, "--"] if planted else [],
        parts=parts, notes=notes, power=args.power_cuts,
        until_found=args.until_found, converge=args.converge,
        again=again(args, seed),
    )  # fmt: skip


async def go(chosen: Settings, plain: bool = False) -> Outcome:
    """Runs it, shows it meanwhile, and writes the report."""
    run = Run(chosen)
    undo = stop_on_signals(run)
    showing = asyncio.create_task(show(run, plain))
    mistake: AbstractContextManager[None] = nullcontext()
    if chosen.notes.get("unsafe") == "no-sessions":
        mistake = load_unsafe("no-sessions").planted()  # It is a client's.
    try:
        with mistake:
            outcome = await run.go()
    finally:
        undo()
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    write_report(outcome)
    if outcome.code == 0:
        # The logs stay; the data of nodes that are well is of no use.
        for folder in (chosen.out / "nodes").iterdir():
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
    return outcome


def summary(outcome: Outcome) -> str:
    """Returns the run in a few lines."""
    lines = [outcome.sentence(), ""]
    lines.append(
        f"{outcome.seconds:.0f} s, seed {outcome.settings.seed},"
        f" {outcome.settings.nemesis}; {outcome.operations:,} operations:"
        f" {outcome.ended('ok'):,} answered, {outcome.ended('fail'):,} not"
        f" done, {outcome.ended('info'):,} unknown"
    )
    faults = ", ".join(
        f"{name} {n}" for (_, name), n in sorted(outcome.done.items())
    )
    lines.append(f"faults: {sum(outcome.done.values())}: {faults or 'none'}")
    lines.append(f"elections: {len(outcome.elections)}")
    if outcome.latency:
        lines.append("latency: " + ", ".join(
            f"{name} {value * 1000:.1f} ms"
            for name, value in outcome.latency.items()
        ))  # fmt: skip
    for gap in outcome.gaps[:1]:
        lines.append(
            f"longest time without progress: {gap.end - gap.begin:.2f} s,"
            f" from {gap.begin:.1f} s; meanwhile: {'; '.join(gap.why)}"
        )
    if outcome.found is not None:
        lines.append(f"found after {outcome.found[0]:.1f} s")
    if outcome.explanation is not None:
        lines.append(
            f"conflict, {outcome.conflict_at} s after the beginning:"
            f" {outcome.explanation.sentence}"
        )
    lines += [f"problem: {problem}" for problem in outcome.problems]
    return "\n".join(lines)


def look_for_controls(path: str, only: str | None) -> int:
    """Has all controls found, or one; says at once why it cannot."""
    from kv.chaos.controls import CONTROLS, write_controls
    from kv.sim.controls import see_that_it_can_be_written

    names = [control.name for control in CONTROLS]
    try:
        if only is not None and only not in names:
            raise ValueError(
                f"no control {only!r}; there are {', '.join(names)}"
            )
        see_that_it_can_be_written(Path(path))
    except (ValueError, OSError) as error:
        return complain(error)
    return write_controls(path, only)


def main(argv: list[str]) -> int:
    """Runs it; see the module."""
    args = parse(argv)
    if args.controls is not None:
        return look_for_controls(args.controls, args.only)
    try:
        chosen = settings(args)
        chosen.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        return complain(error)
    print(f"seed {chosen.seed}; all is kept in {chosen.out}", flush=True)
    for name, what in chosen.notes.items():
        print(f"{name}: {what}", flush=True)
    box: list[Outcome] = []

    async def work() -> int:
        box.append(await go(chosen, args.plain))
        return 0

    run_loop(work())
    print(summary(box[0]))
    print(f"report: {chosen.out / 'report.html'}")
    return box[0].code
