"""4.5: three plans to hurt a cluster.

Each is a generator that never ends: a `Wait`, then an action, or several at
one moment, and so on. The first lines of kv/faults.py have an example. How
long, whom and how hard is drawn from `rng` and from nothing else. Each thing
that lasts is over by itself within a minute: `seconds` is never 0. The checks
look at half an hour of each plan, on five nodes.
"""

import random
from collections.abc import Iterator, Sequence

from kv.faults import Action


def partition(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cuts the cluster in two, again and again: `Partition`.

    Write down both sides, so that each node is in one of two groups. Over the
    half hour each node is in the smaller one at some time.
    """
    raise NotImplementedError("partition, which yields actions.")


def skew(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Makes clocks run fast and slow, and jump: `ClockRate`, `ClockJump`.

    Rates are from 0.2 to 5, and some are below 0.5, some above 2.
    """
    raise NotImplementedError("skew, which yields actions.")


def crash(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Kills nodes, the leader among them, and majorities: `Crash`.

    Each node has its turn, and so has `LEADER`, whoever that is by then. For
    a majority, yield its crashes with no `Wait` in between. Some take the
    power away, too, and some do not.
    """
    raise NotImplementedError("crash, which yields actions.")
