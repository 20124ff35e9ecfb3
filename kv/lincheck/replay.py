"""Checking a witness: the short proof that a history is linearizable.

A witness is an order of operations. Whoever found it and however, it can be
checked in one pass, by code that shares nothing with the search:

1. no operation stands in it twice, and every one that must happen does;
2. nothing stands behind an operation that was called after it had returned
   (one running maximum of the calls so far is enough);
3. done one by one on an absent key, each finds what it claims to have seen.

This is what makes a *yes* of this checker worth something: not that its
search is right, but that this page of code is.
"""

from __future__ import annotations

from collections.abc import Sequence

from kv.lincheck.history import (
    APPEND,
    CAS,
    GET,
    MISS,
    PUT,
    KeyHistory,
    Operation,
)
from kv.lincheck.models import ILLEGAL, Model
from kv.lincheck.values import Value


class ReplayError(Exception):
    """The order is no witness; the text says why."""


def replay(history: KeyHistory, order: Sequence[int]) -> None:
    """Check a witness for one key of a store.

    Args:
        history: The operations on the key.
        order: Their numbers, in the order to be checked.

    Raises:
        ReplayError: The order is no witness.
    """
    kind, seen, arg = history.kind, history.seen, history.arg
    call, ret = history.call, history.ret
    placed = bytearray(len(history))
    latest = -1  # the latest call so far
    state: Value = None
    grown: list[Value] | None = None  # the state, while it is a list
    for i in order:
        if placed[i]:
            raise ReplayError(f"{history[i]} stands in the order twice")
        placed[i] = 1
        if ret[i] < latest:
            raise ReplayError(f"{history[i]} had ended before one before it")
        if call[i] > latest:
            latest = call[i]
        k = kind[i]
        if k == PUT:
            state = arg[i]
            grown = None
            continue
        if k == APPEND:
            if grown is None:
                if state is not None and not isinstance(state, tuple):
                    raise ReplayError(f"{history[i]} is not on a list")
                grown = list(state or ())
            grown.append(arg[i])
            continue
        expected = seen[i]
        if grown is None:
            equal = expected == state
        else:
            equal = (
                isinstance(expected, tuple)
                and len(expected) == len(grown)
                and list(expected) == grown
            )
        if k == (GET if equal else MISS):
            continue
        if k == CAS and equal:
            state = arg[i]
            grown = None
            continue
        found = tuple(grown) if grown is not None else state
        raise ReplayError(f"{history[i]} finds {found!r}")
    if any(map(int.__gt__, history.must, placed)):
        lost = next(i for i in range(len(placed)) if _lost(history, placed, i))
        raise ReplayError(f"{history[lost]} is missing from the order")


def _lost(history: KeyHistory, placed: bytearray, i: int) -> bool:
    return history.must[i] > placed[i]


def replay_model(
    model: Model, operations: Sequence[Operation], order: Sequence[int]
) -> None:
    """Check a witness for any model.

    Args:
        model: What the object does.
        operations: All operations on it.
        order: Their numbers, in the order to be checked.

    Raises:
        ReplayError: The order is no witness.
    """
    placed: set[int] = set()
    latest = -1
    state = model.init()
    for i in order:
        op = operations[i]
        if i in placed:
            raise ReplayError(f"{op} stands in the order twice")
        placed.add(i)
        if op.ret < latest:
            raise ReplayError(f"{op} had ended before one before it")
        latest = max(latest, op.call)
        after = model.step(state, op)
        if after is ILLEGAL:
            raise ReplayError(f"{op} is impossible in {state!r}")
        state = after
    for i, op in enumerate(operations):
        if op.must and i not in placed:
            raise ReplayError(f"{op} is missing from the order")
