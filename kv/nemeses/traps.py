"""Plans that bring about the order of events in which one mistake shows.

Each is a story that was thought out first. Chance would come to it, too, but
perhaps in a year; what chance decides here is who plays which part, and when
exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from kv.faults import (
    ANY,
    CLIENTS,
    FOREVER,
    LEADER,
    Action,
    AddLearner,
    ClockRate,
    Clog,
    Crash,
    Cut,
    DiskFault,
    Partition,
    Replace,
    Slow,
    Throttle,
    Transfer,
    Wait,
)
from kv.nemeses.dice import breath, span


def slow_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Slows the leader's clock, and then cuts it off from the others.

    What a lease cannot bear: its holder counts fewer seconds than those who
    wait for its end.
    """
    while True:
        yield breath(rng)
        seconds = span(rng, 2, 8)
        yield ClockRate(LEADER, round(rng.uniform(0.05, 0.3), 2), seconds)
        yield Wait(0.3)
        yield Partition(((LEADER,),), seconds)
        yield Wait(seconds)


def audience(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Adds learners, and leaves a leader alone with them now and then."""
    first = max(nodes) + 1
    learners = first, first + 1
    for node in learners:
        yield Wait(0.8)
        yield AddLearner(node)
    while True:
        yield breath(rng, 2.0)
        yield Partition(((LEADER, *learners),), span(rng, 0.5, 3))


def exchanges(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Exchanges a member over slow links, and cuts those off who come late.

    Then the leader and the new member go by the new configuration, while the
    others have yet to hear that it is committed.
    """
    members = list(nodes)
    new = max(nodes)
    while True:
        yield Wait(span(rng, 2, 6))
        new += 1
        place = rng.randrange(len(members))
        yield Slow(LEADER, ANY, 0.4, 0.0, 3.0)
        yield Wait(0.1)
        yield Replace(members[place], new)
        members[place] = new
        yield Wait(round(rng.uniform(0.45, 0.8), 3))
        yield Partition(((LEADER, new),), span(rng, 2, 6))


def half_heard(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Exchanges a member, and has half of them not hear how it went.

    The new one has caught up before. Then of three the first leads, the
    second hears of the exchange late, the third not at all. When the first
    knows that it is committed, he and the new one are left alone, and go by
    the new configuration; the others know of none. Their clocks are slow
    meanwhile, or the second would not wait for what is late.
    """
    members = list(nodes)
    new = max(nodes)
    while True:
        new += 1
        lead, late, out = rng.sample(members, 3)
        yield Transfer(lead)
        yield AddLearner(new)
        yield Wait(3.5)
        yield Transfer(lead)
        yield Wait(1.0)
        yield ClockRate(lead, 0.1, 6.0)
        yield ClockRate(late, 0.2, 1.3)
        yield ClockRate(out, 0.2, 1.3)
        yield Cut(lead, out, both=True, seconds=5.0)
        yield Slow(lead, late, 0.8, 0.0, 1.4)
        yield Wait(0.2)
        yield Replace(out, new, lingers=5.0)
        members[members.index(out)] = new
        yield Wait(1.15)
        yield Partition(((lead, new),), 4.0)
        yield Wait(7.0)


def slow_elections(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Has leaders crash while messages take long.

    Then two are candidates at a time, and whoever wins is long about
    committing its first entry.
    """
    while True:
        delay = round(rng.uniform(0.05, 0.25), 3)
        yield Slow(ANY, ANY, delay, 0.05, 5.0)
        yield Wait(1.5)
        yield Crash(LEADER, 0.3)
        yield Wait(span(rng, 2.5, 3.5))


def lonely_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Cuts the leader off, with what only he has, until another one leads."""
    while True:
        yield Wait(span(rng, 1.0, 2.0))
        seconds = span(rng, 1.0, 2.0)
        yield Partition(((LEADER,),), seconds)
        yield Wait(seconds)


def late_comers(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has the one who lags behind run for leader before anyone else."""
    while True:
        lead, _, late = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(1.5)
        yield Cut(lead, late, seconds=3.0)
        yield Wait(0.8)
        yield ClockRate(late, 5.0, 2.0)
        yield Crash(lead, 2.5)
        yield Wait(4.0)


def blind_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Has one lead who has all entries, and knows not which are committed.

    What the leader tells the next one is some time on its way, and the third
    gets nothing. Then the leader crashes, and what is on its way is lost. The
    next one leads, and must first send the third all that it lacks before it
    can commit anything.
    """
    while True:
        lead, then, lacks = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(2.0)
        yield Cut(lead, lacks, seconds=2.0)
        yield Slow(lead, then, 0.06, 0.0, 1.5)
        yield Wait(0.8)
        yield Slow(then, lacks, 0.06, 0.0, 3.0)
        yield Cut(lead, then, seconds=2.0)
        yield Wait(0.03)
        yield Crash(lead, 2.5)
        yield Wait(4.5)


def empty_hands(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Takes from a follower what it is about to store, and then the leader.

    The third has not got it, for it was cut off just before. If the follower
    had said that it has it, it is committed, and nobody has it.
    """
    while True:
        lead, holds, lacks = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(2.0)
        yield Cut(lead, lacks, both=True, seconds=0.8)
        yield Wait(0.2)
        yield DiskFault(holds, "full", 0.3)
        yield Wait(0.12)
        yield Crash(lead, 4.0)
        yield Wait(6.0)


def asked_again(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has a voter restart, and be asked for a vote in the same term again.

    The voter leads, and hands the lead to a first one, whose words take half
    a second: that it has all entries, its request for a vote, and its first
    entry. Between the last two the voter crashes; then a second one asks it.
    The clocks of the two are slow, or they would give up meanwhile.
    """
    while True:
        first, second, voter = rng.sample(nodes, 3)
        yield Transfer(voter)
        yield Wait(2.0)
        yield ClockRate(first, 0.05, 7.0)
        yield ClockRate(voter, 0.25, 1.4)
        yield Cut(first, second, seconds=6.5)
        yield Slow(first, voter, 0.5, 0.0, 6.5)
        yield Wait(0.1)
        yield Transfer(first)
        yield Wait(1.3)
        yield Cut(first, voter, seconds=5.1)
        yield Crash(voter, 0.05)
        yield Wait(9.0)


def figure_8(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Plays figure 8 of the Raft paper, with three nodes.

    The first leads, hands the lead on, and is cut off, with entries that only
    he has. The heir is cut off as well, with one that only he has. Then the
    first is elected again, and sends those entries to the third, slowly; when
    some are there, he is cut off, and the heir comes back.
    """
    while True:
        first, heir, third = rng.sample(nodes, 3)
        yield Transfer(first)
        yield Wait(2.0)
        yield ClockRate(first, 0.25, 1.4)
        yield ClockRate(third, 0.5, 2.0)
        yield Slow(heir, ANY, 0.5, 0.0, 1.8)
        yield Wait(0.6)
        yield Transfer(heir)
        yield Wait(0.8)  # Its request for votes is on its way.
        yield Partition(((first,),), 1.2)
        yield Wait(0.5)  # It has a vote, and its first entry is on its way.
        yield Partition(((heir,),), 2.5)
        yield Wait(0.7)
        yield Throttle(first, third, 2000, 2.0)
        yield ClockRate(first, 4.0, 0.8)
        yield Wait(1.6)
        yield Partition(((first,),), 4.0)
        yield Wait(6.0)


def short_reigns(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Cuts each leader off soon after its election, while messages take long.

    So each leaves entries that few have, and comes back in time to lead again
    with them: figure 8 of the Raft paper, by chance.
    """
    yield Slow(ANY, ANY, 0.1, 0.1, FOREVER)
    while True:
        yield Partition(((LEADER,),), round(rng.uniform(0.5, 1.5), 3))
        yield Wait(round(rng.uniform(0.1, 1.2), 3))


def buried(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Leaves the leader with one other, and one of them with a slow disk.

    Meanwhile the rest go on. Back among them, the one with the slow disk gets
    a snapshot while entries that lost are still on their way to the disk.
    """
    yield Slow(ANY, ANY, 0.1, 0.1, FOREVER)
    while True:
        yield Wait(round(rng.uniform(0.5, 2.0), 3))
        other = rng.choice(nodes)
        seconds = round(rng.uniform(1.0, 2.0), 3)
        slow = LEADER if rng.random() < 0.5 else other
        delay = round(rng.uniform(1.0, 3.0), 3)
        yield DiskFault(slow, "slow", round(seconds + 1.0, 3), delay)
        yield Partition(((LEADER, other),), seconds)
        yield Wait(seconds)


def returns(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has an entry replaced, and put back, while a slow disk writes it.

    The first leads, and is left with one other, whose disk is slow: the two
    have entries that nobody else has. The first crashes; whoever leads then
    is cut off from all but the one with the slow disk, whose entries it
    replaces by its own. The first is back, and since only he has those
    entries, only he can be elected; he puts them back. Needs five nodes.
    """
    while True:
        first, slow, *others = rng.sample(nodes, len(nodes))
        yield Transfer(first)
        yield Wait(1.5)
        yield Slow(ANY, ANY, 0.1, 0.0, 6.0)
        yield Partition(((first, slow),), 1.1)
        yield ClockRate(slow, 0.3, 8.0)
        delay = round(rng.uniform(0.2, 0.6), 3)
        yield DiskFault(slow, "slow", 8.0, delay)
        yield Wait(0.5)
        yield Crash(first, 0.3)
        # An entry takes 0.1 s. So whoever leads is soon enough cut off.
        for _ in range(14):
            for node in (first, *others):
                yield Cut(LEADER, node, both=True, seconds=2.5)
            yield Wait(0.07)
        yield Wait(6.0)


def put_back(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Does as `returns` does, by the clock, for loops that report late.

    The first leads, and hands the lead to a rival whose requests for votes
    take 0.8 s. Meanwhile the first gets entries to the slow one alone. Then
    the rival is elected, and all that it can do is replace them there. The
    others, who have neither, elect the first; what he sends the slow one is
    held back until shortly before it hears, 3 s late, that the first writes
    are done. At that moment its disk becomes so slow that the last are not.
    Clients wait at the beginning, or the rival would lack an entry and could
    not be handed the lead. Needs five nodes.
    """
    while True:
        first, slow, rival, *others = rng.sample(nodes, len(nodes))
        yield Transfer(first)
        yield Wait(2.0)
        for node in others:
            yield Slow(rival, node, 0.8, 0.0, 3.0)
        yield Slow(rival, first, 0.12, 0.0, 1.0)
        yield Clog(rival, slow, 1.15)
        yield ClockRate(rival, 0.2, 4.0)
        yield ClockRate(slow, 0.2, 8.0)
        yield Clog(CLIENTS, ANY, 0.5)
        yield Wait(0.3)
        yield DiskFault(slow, "slow", 8.0, 0.12)
        yield Transfer(rival)
        yield Wait(0.07)  # It has been told; its request is on its way.
        for node in others:
            yield Cut(first, node, both=True, seconds=1.2)
        yield Cut(first, rival, both=True, seconds=6.0)
        yield Wait(0.73)
        yield Clog(first, slow, 2.35)
        yield Wait(0.4)  # The rival leads, and the slow one knows.
        for node in others:
            yield Cut(rival, node, both=True, seconds=5.0)
        yield Wait(0.2)
        yield Cut(rival, slow, both=True, seconds=5.0)
        yield Wait(2.05)
        yield DiskFault(slow, "slow", 2.5, 2.5)
        yield Wait(5.5)
