"""Runs schedules, and cuts down and prints those that fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tests.properties import actions as act
from tests.properties.actions import Action, Schedule
from tests.properties.cluster import Cluster, Panicked
from tests.properties.invariants import NUMBERS, Violation
from tests.properties.script import script_of


class Outcome(NamedTuple):
    """How a schedule went.

    Attributes:
        schedule: What was run, up to its end; every node in it is definite.
        violation: What was broken, if anything.
        panic: Why the run ended early, where panics are not watched for.
        cluster: The cluster as it was left; `None` if it never began.
    """

    schedule: Schedule
    violation: Violation | None
    panic: str
    cluster: Cluster | None


def run(
    schedule: Schedule,
    numbers: Iterable[int] = NUMBERS,
    record: bool = False,
) -> Outcome:
    """Run a schedule under the invariants of these numbers.

    With number 11 among them, faults stop at its end, and the cluster has to
    find together again.
    """
    numbers = frozenset(numbers)
    violation, panic, cluster = None, "", None
    try:
        cluster = Cluster(schedule.setup, numbers, record=record)
        cluster.run(schedule.actions)
        if 11 in numbers:
            cluster.converge()
    except Violation as found:
        violation = found
    except Panicked as found:
        panic = str(found)
    if cluster is not None:
        schedule = Schedule(schedule.setup, tuple(cluster.done))
    return Outcome(schedule, violation, panic, cluster)


def check(schedule: Schedule, numbers: Iterable[int] = NUMBERS) -> Outcome:
    """Run a schedule that must break nothing.

    Raises:
        Violation: it does; the text holds the schedule, cut down.
    """
    outcome = run(schedule, numbers)
    if outcome.violation is not None:
        raise Violation(
            outcome.violation.number,
            explain(outcome.schedule, outcome.violation.number),
        ) from None
    return outcome


def explain(schedule: Schedule, number: int) -> str:
    """Return what is broken by a schedule, and the shortest like it."""
    short = shrink(schedule, number)
    what = run(short, {number}).violation
    said = script_of(short)
    return (
        f"{what}\n\nThis list does it (see tests/properties/actions.py):"
        f"\n\n{short}\n\n"
        + (
            f"As an interaction script:\n\n{said}"
            if said
            else "It cannot be said as an interaction script."
        )
    )


def fails(schedule: Schedule, number: int) -> bool:
    """Tell whether a schedule breaks just this invariant."""
    found = run(schedule, {number}).violation
    return found is not None


def shrink(schedule: Schedule, number: int, budget: int = 3000) -> Schedule:
    """Return a short schedule that still breaks the same invariant.

    First actions are left out, many at a time and then one by one. Then each
    is replaced by something plainer, then the setup. No step makes it longer,
    and each keeps it failing.
    """
    tries = 0

    def still_fails(setup: act.Setup, actions: list[Action]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= budget and fails(
            Schedule(setup, tuple(actions)), number
        )

    setup, actions, *_ = run(schedule, {number}).schedule
    actions = list(actions)
    before = None
    while before != (setup, actions):
        before = setup, list(actions)
        size = max(1, len(actions) // 2)
        while True:
            at = 0
            while at < len(actions):
                shorter = actions[:at] + actions[at + size :]
                if still_fails(setup, shorter):
                    actions = shorter
                else:
                    at += size
            if size == 1:
                break
            size //= 2
        for at, a in enumerate(actions):
            for plainer in plainer_actions(a):
                other = [*actions[:at], plainer, *actions[at + 1 :]]
                if still_fails(setup, other):
                    actions = other
                    break
        for plainer_setup in plainer_setups(setup):
            if still_fails(plainer_setup, actions):
                setup = plainer_setup
    return Schedule(setup, tuple(actions))


def plainer_actions(a: Action) -> list[Action]:
    """Return what may do instead of an action, the plainest first."""
    match a:
        case act.Tick(node, count) if count > 1:
            return [act.Tick(node, 1), act.Tick(node, count - 1)]
        case act.Deliver(source, to, nth, again) if nth or again:
            return [
                act.Deliver(source, to), act.Deliver(source, to, nth),
                act.Deliver(source, to, 0, again),
            ]  # fmt: skip
        case act.Lose(source, to, nth) if nth:
            return [act.Lose(source, to)]
        case act.Settle(rounds, among):
            fewer = [
                act.Settle(rounds, among[:i] + among[i + 1 :])
                for i in range(len(among))
                if len(among) > 1
            ]
            if rounds > 1:
                fewer.append(act.Settle(rounds - 1, among))
            return fewer
        case act.Split(nodes) if len(nodes) > 1:
            return [act.Split(nodes[:1]), act.Split(nodes[1:])]
        case act.Purge(nodes) if len(nodes) > 1:
            return [act.Purge(nodes[:1]), act.Purge(nodes[1:])]
        case act.Crash(node, keep) if 0 < keep < act.ALL:
            return [act.Crash(node, act.ALL), act.Crash(node, 0)]
        case act.Crash(node, 0):
            return [act.Crash(node, act.ALL)]
        case act.Restart(node, keep) if keep < act.ALL:
            return [act.Restart(node, act.ALL), act.Restart(node, 0)]
        case act.Part(node):
            return [act.Ready(node), act.Append(node)]
        case act.Compact(node, keep) if keep:
            return [act.Compact(node, 0)]
        case act.Change(node, how, steps):
            words = steps.split()
            fewer = [
                act.Change(node, how, " ".join(words[:i] + words[i + 1 :]))
                for i in range(len(words))
                if len(words) > 1
            ]
            return fewer + (
                [act.Change(node, "auto", steps)] if how != "auto" else []
            )
    return []


def plainer_setups(setup: act.Setup) -> list[act.Setup]:
    """Return setups that differ in one thing, and are plainer in it."""
    plain = act.Setup(setup.nodes, setup.voters, setup.learners)
    others = [
        setup._replace(**{name: getattr(plain, name)})
        for name in act.Setup._fields
        if getattr(setup, name) != getattr(plain, name)
    ]
    if setup.nodes > 1:
        others.append(
            setup._replace(
                nodes=setup.nodes - 1,
                voters=tuple(v for v in setup.voters if v < setup.nodes)
                or (1,),
                learners=tuple(v for v in setup.learners if v < setup.nodes),
            )
        )
    return others
