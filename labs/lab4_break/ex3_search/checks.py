"""What 4.3 must do: the same as 4.2, and soon."""

from __future__ import annotations

from labs.lab4_break.ex2_brute.checks import (
    get,
    in_turn,
    overlapping,
    put,
    stale,
    swaps,
    touching,
    unknown,
)
from labs.lab4_break.judging import agree, histories
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

IDEA = Reading("idea.md", "The idea")


@check("it is right about small histories", IDEA)
def small(t: Trial) -> None:
    agree(t, "linearizable", t.name("linearizable"),
          histories(60, 9, 4, values=2, unknown=0.1))  # fmt: skip


@check("it is right about hundreds of operations", IDEA)
def hundreds(t: Trial) -> None:
    agree(t, "linearizable", t.name("linearizable"),
          histories(6, 300, 4, values=3))  # fmt: skip


@check("it does not try the same twice", IDEA)
def cached(t: Trial) -> None:
    writes = [put(i % 2, 0, 100 + i) for i in range(12)]
    lie = [put(1, 200 + 2 * i, 201 + 2 * i) for i in range(2)]
    t.called = "linearizable of 12 puts at once of two values, and a lie"
    came = t.name("linearizable")([*writes, *lie, get(9, 300, 301)])
    t.same(came, False,
           "12 puts have more orders than there is time; but only 2 states,"
           " and 4096 sets of what is done")  # fmt: skip


@check("it does not recurse as deep as the history is long", IDEA)
def deep(t: Trial) -> None:
    t.called = "linearizable of 3000 puts, one after another"
    came = t.name("linearizable")([put(i, 2 * i, 2 * i + 1)
                                   for i in range(3000)])  # fmt: skip
    t.same(came, True, "Python stops at a depth of 1000")


CHECKS = [
    in_turn, stale, overlapping, touching, unknown, swaps, small, hundreds,
    cached, deep,
]  # fmt: skip
