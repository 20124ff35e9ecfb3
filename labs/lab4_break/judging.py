"""Histories to judge checkers by, half of them damaged, from a printed seed.

A seed is drawn anew for each check, and told when something is wrong, so that
nobody can learn the histories by heart and everybody can have one again:
`LAB_SEED=123 python -m labs check 4.2`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from kv.lincheck import History, Verdict
from kv.lincheck import check as judge
from kv.lincheck.generate import Spec, generate
from kv.lincheck.history import NEVER, Operation
from kv.lincheck.values import show
from labs.runner.checking import Trial

Checker = Callable[[list[Operation]], bool]


@cache
def seed() -> int:
    """Returns this run's seed: a new one, or that of LAB_SEED."""
    given = os.environ.get("LAB_SEED", "")
    return int(given) if given.isdigit() else random.randrange(1_000_000)


def histories(
    count: int, operations: int, clients: int, **more: object
) -> Iterator[tuple[list[Operation], bool]]:
    """Yields histories and whether they are linearizable, from the seed.

    Half of them are damaged. Damage may turn out to be harmless; what is true
    is what the store's own checker says.
    """
    for number in range(count):
        spec = Spec(
            operations=operations, clients=clients, damaged=number % 2 == 1,
            seed=seed() + number, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        history = generate(spec)
        truth = judge(history).verdict is Verdict.LINEARIZABLE
        yield list(history.operations()), truth


def in_words(operations: Sequence[Operation]) -> str:
    """Says a small history: each operation, and from when to when."""
    return "; ".join(
        f"{short(op)} from {op.call}"
        + (" on" if op.ret == NEVER else f" to {op.ret}")
        for op in sorted(operations, key=lambda each: each.call)
    )


def short(op: Operation) -> str:
    """Says an operation in a few words."""
    if op.f == "get":
        return f"get -> {show(op.result)}"
    if op.f == "cas" and isinstance(op.value, tuple):
        old, new = op.value
        what = f"cas {show(old)} to {show(new)}"
        if op.must:
            what += " -> swapped" if op.result else " -> mismatch"
        return what
    return f"{op.f} {show(op.value)}"


def of(*operations: Operation) -> History:
    """Makes a history of operations."""
    return History.of(operations)


def agree(
    t: Trial, name: str, check: Checker,
    cases: Iterator[tuple[list[Operation], bool]],
) -> None:  # fmt: skip
    """Sees that a checker gives the right verdict on all of them."""
    right = total = 0
    for operations, truth in cases:
        total += 1
        t.called = (
            f"{name}(history {total} of seed {seed()}, {len(operations)}"
            " operations)"
        )
        came = check(list(operations))
        if came is truth:
            right += 1
            continue
        small = f": {in_words(operations)}" if len(operations) <= 10 else ""
        words = "linearizable" if truth else "not linearizable"
        t.wrong(
            f"this history is {words}{small}. LAB_SEED={seed()} brings it"
            " back",
            f"{came!r}, after {right} right answers", f"{truth!r}",
        )  # fmt: skip
