"""4.5: three plans to hurt a cluster."""

import random
from collections.abc import Iterator, Sequence

from kv.faults import Action


def partition(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cuts the cluster in two, again and again: `Partition`."""
    raise NotImplementedError("partition, which yields actions.")


def skew(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Makes clocks run fast and slow, and jump: `ClockRate`, `ClockJump`."""
    raise NotImplementedError("skew, which yields actions.")


def crash(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Kills nodes, the leader among them, and majorities: `Crash`."""
    raise NotImplementedError("crash, which yields actions.")
