"""4.5: three plans to hurt a cluster."""

import random
from collections.abc import Iterator, Sequence

from kv.faults import (
    LEADER,
    Action,
    ClockJump,
    ClockRate,
    Crash,
    Partition,
    Wait,
)


def partition(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cuts the cluster in two, again and again."""
    while True:
        yield Wait(rng.uniform(1, 5))
        some = rng.sample(nodes, rng.randrange(1, len(nodes)))
        rest = [n for n in nodes if n not in some]
        yield Partition((tuple(some), tuple(rest)), rng.uniform(0.5, 15))


def skew(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Makes clocks run fast and slow, and jump."""
    while True:
        yield Wait(rng.uniform(1, 5))
        node = rng.choice([LEADER, *nodes])
        if rng.random() < 0.6:
            rate = 5 ** rng.uniform(-1, 1)
            yield ClockRate(node, rate, rng.uniform(1, 20))
        else:
            yield ClockJump(node, rng.uniform(-5, 5))


def crash(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Kills nodes, the leader among them, and majorities."""
    while True:
        yield Wait(rng.uniform(1, 5))
        some: Sequence[int] = [rng.choice([LEADER, *nodes])]
        if rng.random() < 0.3:
            some = rng.sample(nodes, len(nodes) // 2 + 1)
        for node in some:
            yield Crash(node, rng.uniform(0.1, 20), rng.random() < 0.5)
