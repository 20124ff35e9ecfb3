"""How fast the checker is, against the plain search in the same run.

    python -m tests.bench.lincheck [--suite] [--quick]

CPU seconds of this process, the best of a few runs; reading and generating
are not counted. Ours includes the witness of every yes and its replay. The
plain search (kv/lincheck/plain.py) gets the same normalised operations. It
is stopped after a while, and then only a lower bound is printed.

`--suite` runs the whole synthetic suite and counts what stayed unknown;
`--hard` does so with its harder part, for which nothing is promised.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kv.lincheck import History, Verdict, check, read_history
from kv.lincheck.generate import Spec, generate, suite
from kv.lincheck.history import GET, PUT, KeyHistory
from kv.lincheck.models import Register
from kv.lincheck.plain import plain_search

DATA = Path(
    os.environ.get("PORCUPINE_TEST_DATA")
    or Path(__file__).parents[3] / "shared" / "porcupine"
)
PATIENCE = 20.0  # CPU seconds that the plain search may take


def cpu(work: Callable[[], object], runs: int) -> float:
    """CPU seconds of the best run."""
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def plain(histories: list[History]) -> tuple[float, bool]:
    """CPU seconds of the plain search, and whether it came to an end."""
    parts = [list(part) for h in histories for part in h.keys.values()]
    gc.collect()
    begin = time.process_time()
    for operations in parts:
        for _ in plain_search(operations, Register()):
            if time.process_time() - begin > PATIENCE:
                return time.process_time() - begin, False
    return time.process_time() - begin, True


def unique(count: int, clients: int = 5) -> History:
    """One key, `count` puts and gets, every value new, in good order."""
    rng = random.Random(1)
    moments = range(20, 20 + 10 * count, 10)
    calls = [moment - rng.randrange(5 * clients - 5) for moment in moments]
    order = sorted(range(count), key=calls.__getitem__)
    kinds = [rng.random() < 0.5 for _ in moments]
    stood: list[int] = []
    last = None
    for i in range(count):
        if kinds[i]:
            last = i
        stood.append(last)  # type: ignore[arg-type]
    part = KeyHistory("k")
    part.kind = bytearray(PUT if kinds[i] else GET for i in order)
    part.label = bytearray(1 if kinds[i] else 0 for i in order)
    part.arg = [i if kinds[i] else None for i in order]
    part.seen = [None if kinds[i] else stood[i] for i in order]
    part.call = [calls[i] for i in order]
    part.ret = [
        20 + 10 * i + rng.randrange(5 * clients - 5) for i in order
    ]
    part.must = bytearray(b"\1") * count
    part.index = list(range(count))
    part.process = [str(i % clients) for i in order]
    history = History("unique")
    history.keys["k"] = part
    return history


def above(work: Callable[[], object]) -> float:
    """Megabytes that Python has allocated at most meanwhile, in a slow run."""
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def row(name: str, ours: float, theirs: tuple[float, bool] | None) -> None:
    """Print one line of the table."""
    if theirs is None:
        print(f"{name:<46}{ours:>10.4f}")
        return
    seconds, ended = theirs
    more = "" if ended else ">"
    print(
        f"{name:<46}{ours:>10.4f}{more + format(seconds, '.3f'):>12}"
        f"{more + format(seconds / ours, '.0f'):>8}"
    )


def judge(histories: list[History], wanted: Verdict | None) -> float:
    """Time the checker on some histories; their verdict must be as wanted."""
    for history in histories:
        verdict = check(history).verdict
        if wanted is not None and verdict is not wanted:
            raise SystemExit(f"{history.name}: {verdict}, not {wanted}")
    return cpu(lambda: [check(history) for history in histories], 5)


def main(argv: list[str]) -> int:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", action="store_true")
    parser.add_argument("--hard", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(argv)
    print(f"{'CPU seconds':<46}{'ours':>10}{'plain':>12}{'ratio':>8}")
    yes = Verdict.LINEARIZABLE
    logs = sorted((DATA / "jepsen").glob("etcd_*.log"))
    if logs:
        histories = [read_history(log) for log in logs]
        histories = [h for h in histories if len(h)]
        ours = judge(histories, None)
        theirs = min(plain(histories) for _ in range(3))
        row(f"{len(histories)} Jepsen logs", ours, theirs)
        ours = judge([read_history(DATA / "kv/c50-ok.txt")], yes)
        theirs = plain([read_history(DATA / "kv/c50-ok.txt")])
        row("Porcupine's c50-ok", ours, theirs)
    for name, spec in (
        ("1,000 ops, 1 key, 10 clients", Spec(1000, 10)),
        ("1,000 ops, 1 key, 10 clients, five values",
            Spec(1000, 10, values=5)),
        ("10,000 ops, 1 key, 5 clients, 5 % unknown",
            Spec(10_000, 5, unknown=0.05, values=5)),
        ("100,000 ops, 100 keys, 5 clients", Spec(100_000, 5, 100)),
    ):
        history = generate(spec)
        row(name, judge([history], yes), plain([history]))
    history = unique(100_000)
    row("100,000 unique-valued ops, 1 key", judge([history], yes),
        None if options.quick else plain([history]))
    print(f"{'':<46}{above(lambda: check(history)):>10.1f} MB on top of it")
    if not options.quick:
        history = unique(1_000_000)
        row("1,000,000 unique-valued ops, 1 key", judge([history], yes), None)
        grown = above(lambda: check(history))
        print(f"{'':<46}{grown:>10.1f} MB on top of it")
    if options.suite or options.hard:
        _suite(options.hard)
    return 0


def _suite(hard: bool) -> None:
    """The synthetic suite: nothing may stay unknown."""
    seen: Counter[tuple[bool, str]] = Counter()
    slow: list[tuple[float, str]] = []
    total = 0.0
    for spec in suite(hard=hard):
        history = generate(spec)
        begin = time.process_time()
        verdict = check(history).verdict
        took = time.process_time() - begin
        total += took
        slow.append((took, f"{verdict}: {spec}"))
        seen[spec.damaged, str(verdict)] += 1
        if verdict is Verdict.UNKNOWN or (
            verdict is Verdict.NOT_LINEARIZABLE and not spec.damaged
        ):
            print(f"{verdict}: {spec}", flush=True)
    print(f"\nsynthetic suite, {sum(seen.values())} histories, {total:.1f} s")
    for (damaged, verdict), count in sorted(seen.items()):
        print(f"  {'damaged' if damaged else 'whole':<10}{verdict:<20}{count}")
    for took, text in sorted(slow, reverse=True)[:5]:
        print(f"  {took:>8.2f} s  {text}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
