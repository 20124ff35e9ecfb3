"""What 4.5 must do: hurt, everywhere, and let go again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from kv.faults import (
    LEADER,
    Action,
    ClockJump,
    ClockRate,
    Crash,
    Partition,
    Step,
    Wait,
    schedule,
)
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

STALE = Reading("stale-leader.md", "A stale leader's reads")
SPLIT = Reading("split-votes.md", "Split votes")
LEAD = Reading("leading.md", "Staying leader")

Plan = Callable[[random.Random, Sequence[int]], Iterator[Action]]
NODES = (1, 2, 3, 4, 5)
SECONDS = 1800.0
PLANS = ("partition", "skew", "crash")


def plan(t: Trial, name: str, seed: int = 1) -> list[Step]:
    """Half an hour of a plan."""
    function: Plan = t.name(name)
    t.called = f"{name}(random.Random({seed}), {NODES}), for half an hour"
    steps = schedule(function, random.Random(seed), NODES, SECONDS)
    t.holds(
        steps and all(isinstance(s.action, Action) for s in steps),
        "a plan yields actions of kv.faults",
        f"{len(steps)} actions", "some",
    )  # fmt: skip
    return steps


@check("each plan waits between its blows, and never ends", LEAD)
def waits(t: Trial) -> None:
    for name in PLANS:
        function: Plan = t.name(name)
        t.called = f"{name}(random.Random(1), {NODES})"
        first = [*islice(function(random.Random(1), NODES), 400)]
        t.holds(
            len(first) == 400,
            "a plan goes on for ever, `while True`: for how long it is"
            " followed is for others to say", f"{len(first)} actions, and the"
            " end", "as many as are asked for",
        )  # fmt: skip
        pauses = [a.seconds for a in first if isinstance(a, Wait)]
        t.holds(
            sum(pauses) > 60 and len(set(pauses)) > 10,
            "without time in between nothing ever recovers, and always the"
            " same time finds always the same",
            f"{len(pauses)} waits of {sum(pauses):.0f} s in 400 actions",
            "waits of different lengths",
        )  # fmt: skip


@check("the seed decides everything", LEAD)
def seeded(t: Trial) -> None:
    for name in PLANS:
        t.same(plan(t, name, 7) == plan(t, name, 7), True,
               "a failure must be found again: draw from rng, and from"
               " nothing else")  # fmt: skip
        t.same(plan(t, name, 7) == plan(t, name, 8), False,
               "and another seed must be another run")  # fmt: skip


@check("what begins ends by itself", STALE)
def ends(t: Trial) -> None:
    for name in PLANS:
        for step in plan(t, name):
            action = step.action
            if isinstance(action, ClockJump):
                continue
            t.holds(
                0 < action.lasts <= 60,
                "with seconds=0 it lasts until somebody heals it, and nobody"
                " does", str(action), "0 < seconds <= 60",
            )  # fmt: skip


@check("a partition has two sides, and everybody is on one", STALE)
def sides(t: Trial) -> None:
    minorities: set[int] = set()
    for step in plan(t, "partition"):
        action = step.action
        if not isinstance(action, Partition):
            continue
        groups = [set(g) for g in action.groups]
        t.holds(
            len(groups) == 2 and all(groups)
            and not groups[0] & groups[1],
            "write down both sides, a group for each, and nobody on both",
            str(action), "two groups",
        )  # fmt: skip
        t.same(sorted(groups[0] | groups[1]), list(NODES),
               "everybody is on one side")  # fmt: skip
        minorities |= min(groups, key=len)
    t.same(sorted(minorities), list(NODES),
           "in half an hour everybody should have been in a minority: the"
           " leader, whoever that is, among them")  # fmt: skip


@check("clocks run fast and slow, and jump", LEAD)
def clocks(t: Trial) -> None:
    steps = plan(t, "skew")
    rates = [s.action.rate for s in steps if isinstance(s.action, ClockRate)]
    jumps = [s.action.by for s in steps if isinstance(s.action, ClockJump)]
    t.holds(
        rates and min(rates) < 0.5 and max(rates) > 2
        and min(rates) >= 0.19 and max(rates) <= 5.1,
        "a slow leader keeps its lease too long, a fast follower gives up too"
        " soon: both, and within 0.2 to 5",
        f"rates from {min(rates, default=1):.2f} to"
        f" {max(rates, default=1):.2f}", "about 0.2 to 5",
    )  # fmt: skip
    t.holds(jumps, "and sometimes a clock jumps", "no ClockJump", "some")


@check("crashes hit the leader, and majorities", SPLIT)
def crashes(t: Trial) -> None:
    steps = [s for s in plan(t, "crash") if isinstance(s.action, Crash)]
    nodes = {s.action.node for s in steps if isinstance(s.action, Crash)}
    t.holds(
        LEADER in nodes,
        "the leader's death is the interesting one: `LEADER` is whoever leads"
        " when the action is due", f"nodes {sorted(nodes)}", "LEADER, too",
    )  # fmt: skip
    t.same(sorted(nodes - {LEADER}), list(NODES), "and everybody else's turn"
           )  # fmt: skip
    most = max(
        len({s.action.node for s in steps if isinstance(s.action, Crash)
             and s.at == at})
        for at in {s.at for s in steps}
    )  # fmt: skip
    t.holds(
        most >= 3, "kill three of five at once, now and then: the cluster must"
        " stand still, and then go on", f"at most {most} at once", "3",
    )  # fmt: skip
    t.same({s.action.power for s in steps if isinstance(s.action, Crash)},
           {True, False},
           "with the power and without: what was not synced is lost only"
           " with it")  # fmt: skip


ASKED = PLANS
CHECKS = [waits, seeded, ends, sides, clocks, crashes]
