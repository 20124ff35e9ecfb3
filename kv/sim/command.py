"""`python -m kv sim`: the store on virtual time, under faults, with a verdict.

    python -m kv sim --seed 7 --minutes 30
    python -m kv sim --seeds 0:1000 --seconds 40
    python -m kv sim --replay failure.json
    python -m kv sim --unsafe no-fsync --nemesis crashes --shrink

One seed is one run, the same each time, on any machine. A run that breaks a
rule leaves a replay file, which `--shrink` makes small first. Many seeds run
on all cores; with `--dask tcp://...` on a cluster of machines (the extra
`cluster`). Exit code 0: all is well; 1: a rule was broken; 2: it could not
start; 130: it was interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from kv.command_line import FAILED, Parser, complain, number
from kv.faults import Step
from kv.nemeses import NEMESES, load_nemesis
from kv.parts import load_parts, see_that_the_loop_fits
from kv.sim.run import (
    Outcome,
    Setup,
    replay_from_json,
    replay_to_json,
    run,
)
from kv.sim.shrink import Shrinker
from kv.sim.view import View
from kv.unsafe import MISTAKES

_AHEAD: Final = 4  # runs that each worker is given before one is done

ExecutorContext = AbstractContextManager[Executor]


def seeds(text: str) -> range:
    """Reads `first:behind`; for `argparse`."""
    first, colon, behind = text.partition(":")
    if not (colon and first.isdigit() and behind.isdigit()) or not (
        int(first) < int(behind)
    ):
        raise ArgumentTypeError(f"{text!r} does not read FIRST:BEHIND")
    return range(int(first), int(behind))


def positive(text: str) -> float:
    """Reads a number above 0; for `argparse`."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e9:
        raise ArgumentTypeError(f"{text!r} is no positive number")
    return found


def parse(argv: list[str]) -> Namespace:
    """Reads the command line."""
    parser = Parser(
        prog="kv sim", description=__doc__.split("\n")[0],
        epilog="Nemeses: " + ", ".join(NEMESES)
        + ". Mistakes: " + ", ".join(MISTAKES) + ".",
    )  # fmt: skip
    add = parser.add_argument
    add("--seed", type=int, default=1, help="of all dice (1)")
    add("--seeds", type=seeds, metavar="FIRST:BEHIND",
        help="many runs, one a seed")
    add("--minutes", type=positive, help="virtual minutes under faults")
    add("--seconds", type=positive, default=60.0,
        help="the same in seconds (60)")
    add("--nodes", type=number, default=3, help="at first (3)")
    add("--clients", type=number, default=5, help="at work (5)")
    add("--think", type=positive, default=0.15, metavar="SECONDS",
        help="how long a client waits between operations (0.15)")
    add("--nemesis", default="storm", metavar="NAME",
        help="what faults: a name, MODULE:NAME, or some with a plus between"
        " them (storm: all)")
    add("--reads", choices=["safe", "lease", "stale"], default="safe",
        help="how nodes answer them (safe)")
    add("--async-writes", action="store_true",
        help="let raft go on while the disk works")
    add("--snapshot-every", type=number, default=Setup().snapshot_every,
        metavar="ENTRIES", help="between snapshots (150)")
    add("--append-size", type=number, default=Setup().append_size,
        metavar="BYTES",
        help="of entries in one message; 1: an entry each (256 KiB)")
    add("--parts", default="", metavar="MODULE:NAME",
        help="build the nodes of these parts")
    add("--plant", default="", metavar="MODULE",
        help="plant a bug, labs.bugs.forgets_vote for instance")
    add("--unsafe", default="", metavar="NAME",
        help="make a mistake of kv/unsafe.py")
    add("--replay", metavar="FILE", help="run what a replay file holds")
    add("--shrink", action="store_true",
        help="make a failure small before it is written down")
    add("--out", default="sim-failure.json", metavar="FILE",
        help="where the replay file of a failure goes (sim-failure.json)")
    add("--history", metavar="FILE",
        help="write the clients' history there, for kv lincheck")
    add("--verbose", action="store_true", help="say what happens")
    add("--workers", type=number, default=os.cpu_count() or 1,
        help="processes for --seeds (all cores)")
    add("--dask", metavar="ADDRESS",
        help="run --seeds on a Dask cluster, whose workers have one thread"
        " each, and this package")
    add("--controls", metavar="FILE",
        help="have every mistake and planted bug found, and write the table")
    return parser.parse_args(argv)


def setup_of(args: Namespace) -> Setup:
    """Returns what a run follows from.

    Raises:
        ValueError: a name stands for nothing.
    """
    setup = Setup(
        seed=args.seed,
        seconds=args.minutes * 60 if args.minutes else args.seconds,
        nodes=args.nodes, clients=args.clients, think=args.think,
        reads=args.reads, async_writes=args.async_writes,
        snapshot_every=args.snapshot_every, append_size=args.append_size,
        nemesis=args.nemesis, parts=args.parts, plant=args.plant,
        unsafe=args.unsafe,
    )  # fmt: skip
    load_nemesis(setup.nemesis)
    if setup.parts:
        see_that_the_loop_fits(load_parts(setup.parts), setup.async_writes)
    return setup


def replayed(args: Namespace) -> tuple[Setup, list[Step]]:
    """Returns what a replay file holds, with the store that was asked for.

    Raises:
        ValueError: it is no such file.
        OSError: it cannot be read.
    """
    try:
        text = Path(args.replay).read_text(encoding="utf-8")
        setup, steps = replay_from_json(text)
    except ValueError as error:
        raise ValueError(
            f"{args.replay} cannot be replayed: {error}"
        ) from error
    asked = {
        name: getattr(args, name)
        for name in ("parts", "plant", "unsafe")
        if getattr(args, name)
    }
    return replace(setup, **asked), steps


def main(argv: list[str]) -> int:
    """Runs the simulation; see the module."""
    args = parse(argv)
    sys.path.insert(0, "")  # For nemeses and parts of whoever calls.
    try:
        if args.controls:
            from kv.sim.controls import (
                see_that_it_can_be_written,
                write_controls,
            )

            see_that_it_can_be_written(Path(args.controls))
            return write_controls(args.controls, print, args.workers)
        if args.history:  # Better now than after the run.
            Path(args.history).open("a", encoding="utf-8").close()
        if not Path(args.out).absolute().parent.is_dir():
            raise ValueError(f"--out {args.out}: there is no such folder")
        setup, steps = setup_of(args), None
        if args.replay:
            setup, steps = replayed(args)
        if args.seeds is not None:
            return sweep(args, setup)
        outcome = run_in_view(
            setup, steps, bool(args.history), args.verbose
        )
    except (ValueError, OSError) as error:
        return complain(error)
    print(report(outcome))
    if args.history:
        write_history(args.history, outcome)
    if outcome.ok:
        return 0
    if not args.replay or args.shrink:
        keep(args, outcome)
    return FAILED


def run_in_view(
    setup: Setup, steps: list[Step] | None, keep: bool, verbose: bool
) -> Outcome:
    """Runs it, and shows meanwhile how far it is."""
    if verbose:
        return run(setup, steps, keep, told=print)
    view = View()
    try:
        return run(setup, steps, keep, view=view)
    finally:
        view.end()


def report(o: Outcome) -> str:
    """Returns what there is to say of a run."""
    done = sum(n for (_, how), n in o.operations.items() if how == "ok")
    unknown = sum(n for (_, how), n in o.operations.items() if how == "info")
    failed = sum(n for (_, how), n in o.operations.items() if how == "fail")
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(o.faults.items()))
    seconds, end = o.gap
    parts = load_parts(o.setup.parts).owners() if o.setup.parts else {}
    theirs = [f"{k} {v}" for k, v in parts.items() if v != "ours"]
    lines = [
        f"seed        {o.setup.seed}, nemesis {o.setup.nemesis},"
        f" {o.setup.nodes} nodes, {o.setup.clients} clients",
        *([f"parts       {', '.join(theirs)}"] if theirs else []),
        f"time        {o.virtual:,.1f} s virtual in {o.real:,.1f} s real"
        f" ({o.cpu:,.1f} s of work, {o.virtual / max(o.cpu, 1e-9):,.0f} times"
        " as fast)",
        f"operations  {done:,} acknowledged, {failed:,} refused,"
        f" {unknown:,} unknown",
        f"faults      {sum(o.faults.values()):,}: {kinds or 'none'};"
        f" passed over: {sum(o.passed_over.values()):,}",
        f"elections   {o.elections:,}",
        f"longest gap {seconds:.1f} s without an acknowledgement, until"
        f" {end:.1f}",
        f"trace       {o.trace}",
        f"verdict     {o.verdict()}",
    ]
    return "\n".join(lines)


def write_history(path: str, outcome: Outcome) -> None:
    """Writes the clients' history, an event a line."""
    import json

    with open(path, "w", encoding="utf-8") as file:
        for event in outcome.events:
            file.write(json.dumps(event) + "\n")


def keep(args: Namespace, outcome: Outcome) -> None:
    """Writes the replay file of a run that failed, made small if asked."""
    if args.shrink and outcome.violation is not None:
        outcome = Shrinker(outcome, told=print).shrink()
        print(report(outcome))
        for step in outcome.steps:
            print(f"  {step}")
    text = replay_to_json(outcome.setup, outcome.steps)
    Path(args.out).write_text(text, encoding="utf-8")
    print(f"replay      python -m kv sim --replay {args.out}")


# Many seeds.


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """Yields an executor on a Dask cluster."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            "--dask wants the extra `cluster`: pip install"
            " 'raft-workbook[cluster]'"
        ) from error
    with Client(address) as client:
        yield client.get_executor()


def executor_of(args: Namespace) -> ExecutorContext:
    """Returns what the runs are run on."""
    if args.dask:
        return _dask(args.dask)
    return ProcessPoolExecutor(args.workers, initializer=_end_on_ctrl_c)


def run_all(
    setups: Iterator[Setup], executor: Executor, ahead: int,
    take: Callable[[Outcome], None],
) -> None:  # fmt: skip
    """Runs setups on an executor, and hands on how each went, as it comes."""
    running: set[Future[Outcome]] = set()
    for setup in setups:
        running.add(executor.submit(run, setup))
        if len(running) >= ahead:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                take(future.result())
    for future in running:
        take(future.result())


def _end_on_ctrl_c() -> None:
    """Has a worker end without a word on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def sweep(args: Namespace, setup: Setup) -> int:
    """Runs many seeds, with progress; returns the exit code."""
    total = len(args.seeds)
    failures: list[Outcome] = []
    sums: Counter[str] = Counter()
    families: Counter[str] = Counter()
    begin = time.monotonic()
    shown = 0.0
    live = sys.stdout.isatty()

    def take(outcome: Outcome) -> None:
        nonlocal shown
        sums["runs"] += 1
        sums["virtual"] += round(outcome.virtual)
        sums["elections"] += outcome.elections
        families.update(outcome.faults)
        for (_, how), n in outcome.operations.items():
            sums[how] += n
        if not outcome.ok:
            failures.append(outcome)
            print(f"seed {outcome.setup.seed}: {outcome.verdict()}",
                  flush=True)  # fmt: skip
        now = time.monotonic()
        if now - shown > (0.2 if live else 30) or sums["runs"] == total:
            shown = now
            left = (now - begin) / sums["runs"] * (total - sums["runs"])
            print(
                f"{sums['runs']}/{total} seeds, {len(failures)} failed,"
                f" {sums['ok']:,} operations, {left:.0f} s to go  ",
                end="\r" if live else "\n", flush=True,
            )  # fmt: skip

    setups = (replace(setup, seed=seed) for seed in args.seeds)
    with executor_of(args) as executor:
        try:
            run_all(setups, executor, _AHEAD * args.workers, take)
        except KeyboardInterrupt:
            # What runs already ends; what has not begun never does.
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    real = time.monotonic() - begin
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in sorted(families.items()))
    print(
        f"\n{total} seeds, {sums['virtual']:,} s virtual in {real:,.0f} s"
        f" real\noperations  {sums['ok']:,} acknowledged, {sums['fail']:,}"
        f" refused, {sums['info']:,} unknown\nfaults      "
        f"{sum(families.values()):,}: {kinds}\nelections   "
        f"{sums['elections']:,}\nverdict     {len(failures)} seeds failed"
    )
    if not failures:
        return 0
    first = min(failures, key=lambda outcome: outcome.setup.seed)
    keep(args, first)
    return FAILED
