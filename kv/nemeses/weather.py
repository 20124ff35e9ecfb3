"""Plans that hurt at random: each is one kind of fault; `storm` is all.

They know nothing of what they might find, which is why they find what nobody
thought of.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final

from kv.faults import (
    Action,
    AddLearner,
    BreakConnections,
    ClockJump,
    ClockRate,
    Clog,
    Crash,
    Cut,
    DiskFault,
    Duplicate,
    Loss,
    Nemesis,
    Pause,
    Promote,
    Remove,
    Reorder,
    Replace,
    Slow,
    Strobe,
    Throttle,
    Transfer,
    Wait,
)
from kv.nemeses.dice import breath, link, someone, span, split


def partitions(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cuts the cluster into pieces, two ways and one way."""
    while True:
        yield breath(rng)
        if rng.random() < 0.7:
            yield split(rng, nodes)
        else:
            source, to = link(rng, nodes)
            both = rng.random() < 0.3
            yield Cut(source, to, both, span(rng, 0.3, 15))


def links(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Makes links slow, lossy, narrow or stuck, and breaks connections."""
    while True:
        yield breath(rng)
        source, to = link(rng, nodes)
        share = round(rng.uniform(0.02, 0.5), 2)
        seconds = span(rng, 0.5, 15)
        delay = span(rng, 0.01, 2)
        yield rng.choice((
            Slow(source, to, delay, delay, seconds),
            Loss(source, to, share, seconds),
            Duplicate(source, to, share, seconds),
            Reorder(source, to, share, seconds),
            Clog(source, to, span(rng, 0.2, 8)),
            Throttle(source, to, rng.choice((2000, 20_000)), seconds),
            BreakConnections(source, to),
        ))  # fmt: skip


def crashes(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Kills one, the leader, many or all, at any moment, with power or not."""
    while True:
        yield breath(rng)
        power = rng.random() < 0.5
        seconds = span(rng, 0.05, 20)
        dice = rng.random()
        if dice < 0.15:
            together = rng.random() < 0.5
            for node in nodes:
                down = seconds if together else span(rng, 0.05, 10)
                yield Crash(node, down, power)
        elif dice < 0.3:
            for node in rng.sample(nodes, len(nodes) // 2 + 1):
                yield Crash(node, span(rng, 0.05, 8), power)
        else:
            moment = rng.choice(("now", "disk", "disk", "await"))
            count = rng.randrange(1, 60) if moment != "now" else 0
            node = someone(rng, nodes)
            yield Crash(node, seconds, power, moment, count)


def pauses(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Stops nodes as they stand."""
    while True:
        yield breath(rng)
        yield Pause(someone(rng, nodes), span(rng, 0.05, 10))


def clocks(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has clocks run fast or slow, jump, and jump again and again."""
    while True:
        yield breath(rng)
        node = someone(rng, nodes)
        seconds = span(rng, 1, 20)
        yield rng.choice((
            ClockRate(node, round(5 ** rng.uniform(-1, 1), 2), seconds),
            ClockJump(node, round(rng.uniform(-5, 5), 2)),
            Strobe(node, span(rng, 0.05, 3), span(rng, 0.1, 1), seconds),
        ))


def disks(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has writes torn, syncs fail, disks full, slow, or turn a bit."""
    while True:
        yield breath(rng, 6.0)
        kind = rng.choice(("torn", "torn", "sync", "full", "slow", "flip"))
        amount = round(rng.random(), 3)
        if kind == "slow":
            amount = span(rng, 0.005, 0.5)
        yield DiskFault(someone(rng, nodes), kind, span(rng, 0.1, 8), amount)


def churn(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has members come and go, one at a time and in exchange."""
    members = list(nodes)
    new = max(nodes)
    while True:
        yield breath(rng)
        dice = rng.random()
        if dice < 0.4 and len(members) > 2:
            new += 1
            old = rng.randrange(len(members))
            yield Replace(members[old], new)
            members[old] = new
        elif dice < 0.8 and len(members) <= len(nodes):
            new += 1
            yield AddLearner(new)
            yield Wait(span(rng, 0.5, 5))
            yield Promote(new)
            members.append(new)
        elif len(members) > 3:
            yield Remove(members.pop(rng.randrange(len(members))))


def transfers(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has the lead change hands."""
    while True:
        yield breath(rng)
        yield Transfer(rng.choice(nodes))


def calm(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Does nothing."""
    while True:
        yield Wait(3600)


def mixed(*plans: Nemesis) -> Nemesis:
    """Returns a nemesis that takes an action of one plan or another."""

    def plan(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
        running = [p(random.Random(rng.getrandbits(64)), nodes) for p in plans]
        while True:
            # The plans' own waits do not count, or the more plans, the less
            # would happen.
            yield breath(rng, 2.5)
            for action in rng.choice(running):
                if not isinstance(action, Wait):
                    yield action
                    break

    return plan


storm: Final = mixed(
    partitions, partitions, links, crashes, crashes, pauses, clocks, disks,
    churn, transfers,
)  # fmt: skip
