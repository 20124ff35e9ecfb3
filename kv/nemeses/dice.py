"""What plans draw: waits, durations, nodes, links, partitions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from kv.faults import (
    ANY,
    CLIENTS,
    LEADER,
    Partition,
    Wait,
)


def breath(rng: random.Random, mean: float = 4.0) -> Wait:
    """Returns a wait, now and then a long one."""
    return Wait(round(min(rng.expovariate(1 / mean), 5 * mean) + 0.2, 3))


def span(rng: random.Random, low: float, high: float) -> float:
    """Returns a duration; short ones are as likely as long ones."""
    return round(float(low * (high / low) ** rng.random()), 3)


def someone(rng: random.Random, nodes: Sequence[int]) -> int:
    """Returns a node, and rather often the leader."""
    return LEADER if rng.random() < 0.4 else rng.choice(nodes)


def link(rng: random.Random, nodes: Sequence[int]) -> tuple[int, int]:
    """Returns both ends of a link, of many, or of all."""
    source, to = someone(rng, nodes), someone(rng, nodes)
    dice = rng.random()
    if dice < 0.3 or source == to:
        to = ANY
    elif dice < 0.5:
        source = ANY
    elif dice < 0.6:
        return CLIENTS, ANY
    return source, to


def split(rng: random.Random, nodes: Sequence[int]) -> Partition:
    """Returns a partition of any kind."""
    some = rng.sample(nodes, len(nodes))
    half = len(some) // 2
    groups: tuple[tuple[int, ...], ...]
    kind = rng.choice(("leader", "one", "minority", "majority", "bridge",
                       "ring", "all"))  # fmt: skip
    if kind == "leader":
        groups = ((LEADER,),)
    elif kind == "one":
        groups = ((some[0],),)
    elif kind == "minority":
        groups = (tuple(some[: max(1, half)]),)
    elif kind == "majority":  # The leader with too few.
        groups = ((LEADER, *some[: max(0, half - 1)]),)
    elif kind == "bridge":
        groups = tuple(some[: half + 1]), tuple(some[half:])
    elif kind == "ring":
        around = [*some, some[0]]
        groups = tuple(pairwise(around))
        if len(some) < 4:  # Of three, all are neighbours: leave one out.
            groups = groups[:-1]
    else:
        groups = tuple((node,) for node in some)
    return Partition(groups, span(rng, 0.3, 15))
