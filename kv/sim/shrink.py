"""From a schedule that breaks a rule to a short one that breaks the same.

`ddmin` leaves out parts of a list, large ones first, as long as what remains
still fails (Zeller and Hildebrandt, *Simplifying and isolating
failure-inducing input*, 2002). Then each action is made plainer, and the run
shorter. A change shifts all that is random in a run; so a schedule that fails
once is tried with a few seeds before it is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from kv import faults as f
from kv.faults import Step
from kv.sim.run import Outcome, Setup, run

T = TypeVar("T")


def ddmin(items: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Returns a sublist that still fails, and of which no item can go.

    Args:
        items: A list that fails.
        fails: Tells whether a list fails. Its answers may contradict one
            another; what is returned has failed at least once.
    """
    left = list(items)
    if not left or fails([]):
        return []
    parts = 2
    while len(left) >= 2:
        size = max(1, len(left) // parts)
        for at in range(0, len(left), size):
            rest = left[:at] + left[at + size :]
            if rest and fails(rest):
                left = rest
                parts = max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(2 * parts, len(left))
    return left


class Shrinker:
    """Makes a failing run small.

    Attributes:
        setup: The setup so far.
        steps: The schedule so far.
        outcome: How it went last time that it failed.
        tries: How many runs that has taken.
    """

    def __init__(
        self, failed: Outcome, budget: int = 400, seeds: int = 3,
        told: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """Starts from a run that failed.

        Args:
            failed: It.
            budget: How many runs to spend.
            seeds: With how many seeds to try a schedule.
            told: Gets a line whenever it has become smaller.

        Raises:
            ValueError: it broke no rule.
        """
        if failed.violation is None:
            raise ValueError("that run broke no rule")
        self.setup = failed.setup
        self.steps = list(failed.steps)
        self.outcome = failed
        self.tries = 0
        self._number = failed.violation.number
        self._budget = budget
        self._seeds = seeds
        self._told = told

    def shrink(self) -> Outcome:
        """Returns the smallest run that was found."""
        self._cut_off()
        before = None
        while before != (self.setup, self.steps):
            before = self.setup, self.steps
            ddmin(self.steps, lambda steps: self._fails(self.setup, steps))
            self._plainer()
            self._shorter()
            if self.tries >= self._budget:
                break
        return self.outcome

    def _fails(self, setup: Setup, steps: list[Step]) -> bool:
        for more in range(self._seeds):
            if self.tries >= self._budget:
                return False
            self.tries += 1
            tried = replace(setup, seed=self.setup.seed + more)
            outcome = run(tried, steps)
            violation = outcome.violation
            if violation is not None and violation.number == self._number:
                self.setup, self.steps = tried, list(steps)
                self.outcome = outcome
                if self._told is not None:
                    self._told(
                        f"{self.tries} runs: {len(steps)} actions,"
                        f" {tried.seconds:g} s"
                    )
                return True
        return False

    def _cut_off(self) -> None:
        """Leaves out what was to happen after the rule was broken."""
        end = self.outcome.virtual
        begun = [step for step in self.steps if step.at < end]
        seconds = min(self.setup.seconds, max(end, 1.0))
        setup = replace(self.setup, seconds=round(seconds, 3))
        if setup != self.setup or len(begun) < len(self.steps):
            self._fails(setup, begun)

    def _plainer(self) -> None:
        for at in range(len(self.steps)):
            for action in plainer(self.steps[at].action):
                steps = list(self.steps)
                steps[at] = steps[at]._replace(action=action)
                if self._fails(self.setup, steps):
                    break

    def _shorter(self) -> None:
        """Moves everything towards the beginning, and ends earlier."""
        for factor in (0.5, 0.75):
            steps = [s._replace(at=round(s.at * factor, 3)) for s in self.steps]
            seconds = round(self.setup.seconds * factor, 3)
            if seconds >= 2:
                self._fails(replace(self.setup, seconds=seconds), steps)
        for clients in (1, 2, 3):
            if clients < self.setup.clients and self._fails(
                replace(self.setup, clients=clients), self.steps
            ):
                break


def plainer(action: f.Action) -> Iterator[f.Action]:
    """Yields what may do instead of an action, the plainest first."""
    if isinstance(action, f.Crash) and action.moment != "now":
        yield replace(action, moment="now", count=0)
    if isinstance(action, f.Crash) and action.power:
        yield replace(action, power=False)
    for field in fields(action):
        value = getattr(action, field.name)
        if field.name == "seconds" and value > 1:
            yield replace(action, **{"seconds": float(round(value / 2))})
        if isinstance(value, float) and value != round(value, 1):
            yield replace(action, **{field.name: round(value, 1)})
