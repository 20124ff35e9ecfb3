"""Tries schedules for as long as one wants, and says how it goes.

    python -m tests.properties [--seed N] [--minutes M]

Without `--minutes` it goes on until it is interrupted. The seed that a round
began with is shown, so that a round can be had again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from hypothesis import given, seed, settings

from tests.properties import conftest  # noqa: F401  (registers the profiles)
from tests.properties.actions import Schedule
from tests.properties.generate import schedules
from tests.properties.invariants import Violation
from tests.properties.running import check

SIZES = (10, 25, 40, 80)


def main(argv: list[str] | None = None) -> int:
    """Carry out the command line, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.properties",
        description="Try schedules until interrupted.",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--minutes", type=float, default=0, metavar="M")
    args = parser.parse_args(argv)
    begun = time.monotonic()
    until = begun + 60 * args.minutes if args.minutes else float("inf")
    seen: Counter[str] = Counter()
    number = args.seed
    try:
        while time.monotonic() < until:
            try:
                one_round(number, SIZES[number % len(SIZES)], seen)
            except Violation as found:
                print(f"\nseed {number}: {found}", file=sys.stderr)
                return 1
            number += 1
            took = time.monotonic() - begun
            print(
                f"seed {number}: {seen['schedules']:,} schedules,"
                f" {seen['leaders']:,} leaders, {seen['commits']:,} commits,"
                f" {seen['messages']:,} messages,"
                f" {seen['restarts']:,} restarts in {took:.0f} s",
                flush=True,
            )
    except KeyboardInterrupt:
        print()
    return 0


def one_round(number: int, size: int, seen: Counter[str]) -> None:
    """Try as many schedules as the profile says."""

    @seed(number)
    @settings.get_profile(os.environ.get("PROPERTIES", "long"))
    @given(schedules(size=size))
    def run(schedule: Schedule) -> None:
        cluster = check(schedule).cluster
        seen["schedules"] += 1
        if cluster is not None:
            seen["leaders"] += len(cluster.monitor.history.logs)
            seen["commits"] += cluster.monitor.history.high
            seen["messages"] += cluster.sent
            seen["restarts"] += sum(n.life - 1 for n in cluster.nodes.values())

    run()


if __name__ == "__main__":
    sys.exit(main())
