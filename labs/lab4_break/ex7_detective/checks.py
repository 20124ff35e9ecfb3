"""What 4.7 must do: name five mistakes, and show each with three actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kv.faults import Step
from kv.sim.run import Setup, run
from kv.unsafe import MISTAKES as KNOWN
from labs.lab4_break.ex7_detective.cases import CASES
from labs.runner.checking import Check, Trial, check, say
from labs.runner.exercise import Reading

READINGS: Final = {
    "a": Reading("idea.md#what-consensus-is-not", "What consensus is not"),
    "b": Reading("stale-leader.md", "A stale leader's reads"),
    "c": Reading("node.md#the-loop", "The loop"),
    "d": Reading("commit.md", "Commit"),
    "e": Reading("commit.md", "Commit"),
}
MOST: Final = 3  # actions
SEEDS: Final = 10
SECONDS: Final = 12.0


def names(letter: str, mistake: str) -> Check:
    @check(f"what is wrong in case {letter}", READINGS[letter])
    def named(t: Trial) -> None:
        came = t.name("MISTAKES").get(letter)
        t.called = f"MISTAKES[{letter!r}] in {t.file}"
        if came == "?" or came is None:
            t.wrong(
                "read the case: which rule was broken, and what had been done"
                " to the store just before?",
                f"{letter} is not named yet", "a mistake of the list",
            )  # fmt: skip
        t.holds(came in KNOWN, "the list in the file has the names", say(came),
                "one of them")  # fmt: skip
        t.holds(
            came == mistake,
            "with that mistake the rule of this case would not be broken, or"
            " not in this way", say(came), "another one",
        )  # fmt: skip

    return named


def shows(letter: str, mistake: str) -> Check:
    @check(f"a short schedule shows case {letter}", READINGS[letter])
    def shown(t: Trial) -> None:
        steps = t.name("SCHEDULES").get(letter, [])
        t.called = f"SCHEDULES[{letter!r}] in {t.file}"
        t.holds(
            isinstance(steps, list) and 0 < len(steps) <= MOST
            and all(isinstance(s, Step) for s in steps),
            "a list of one to three Steps", say(steps), "Step(2.0, ...)",
        )  # fmt: skip
        for seed in range(1, SEEDS + 1):
            setup = Setup(seed=seed, seconds=SECONDS, nemesis="calm")
            sick = run(with_mistake(setup, mistake), steps)
            if sick.violation is None:
                continue
            well = run(setup, steps)
            t.holds(
                well.violation is None,
                "the store without the mistake must bear it",
                str(well.violation), "all is well",
            )  # fmt: skip
            return
        t.wrong(
            "what has to happen for this mistake to show? A promise is only"
            " broken where somebody relied on it: clients that get no answer"
            " soon ask another node, and see nothing wrong there",
            f"with {SEEDS} seeds nobody noticed anything", "a broken rule",
        )  # fmt: skip

    return shown


def with_mistake(setup: Setup, mistake: str) -> Setup:
    return replace(setup, unsafe=mistake)


CHECKS = [
    *(names(letter, mistake) for letter, mistake in CASES.items()),
    *(shows(letter, mistake) for letter, mistake in CASES.items()),
]
