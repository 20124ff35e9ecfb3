"""Small histories by chance: some plausible, some absurd, all allowed."""

from __future__ import annotations

import random

from kv.lincheck.history import NEVER, UNTOLD, WRITES, History, KeyHistory
from kv.lincheck.history import Operation as Op
from kv.lincheck.models import ILLEGAL, Register
from kv.lincheck.values import Value

KINDS = {
    "puts": ["get", "get", "put"],
    "cas": ["get", "put", "cas", "cas"],
    "lists": ["get", "get", "append", "append", "put"],
    "all": ["get", "put", "append", "cas", "delete"],
}


def small(seed: int, most: int = 7, clients: int = 4) -> KeyHistory:
    """A history of one key with at most `most` operations.

    Written values are unique in every other one. Answers are those of a
    store for the most part, and wild guesses for the rest.
    """
    rng = random.Random(seed)
    kind = rng.choice(list(KINDS))
    unique = rng.random() < 0.5
    count = rng.randrange(1, most + 1)
    domain = rng.choice([1, 2, 2, 3, 4])
    honest = rng.choice([1.0, 0.9, 0.6, 0.2])
    fresh = 0

    def value() -> Value:
        nonlocal fresh
        fresh += 1
        scalar = fresh if unique else rng.randrange(domain)
        return scalar

    def written() -> Value:
        if kind == "lists" or (kind == "all" and rng.random() < 0.7):
            return (value(),)
        return value()

    def guess() -> Value:
        if rng.random() < 0.2:
            return None
        among = range(1, count + 1) if unique else range(domain)
        if kind in ("lists", "all") and rng.random() < 0.8:
            length = rng.choice([0, 1, 1, 2, 2, 3])
            if unique:
                return tuple(rng.sample(among, min(length, len(among))))
            return tuple(rng.choice(among) for _ in range(length))
        return rng.choice(among)

    free = [0] * rng.randrange(1, clients + 1)
    calls: list[tuple[int, int, int, str]] = []
    for _ in range(count):
        client = rng.randrange(len(free))
        call = free[client] + rng.randrange(4)
        ret = call + rng.randrange(6)
        free[client] = ret + rng.randrange(1, 3)
        calls.append((call, ret, client, rng.choice(KINDS[kind])))
    calls.sort()
    state: Value = None
    store = Register()
    done: dict[int, Op] = {}
    order = sorted(
        range(count), key=lambda i: rng.uniform(calls[i][0], calls[i][1])
    )
    for i in order:
        call, ret, client, f = calls[i]
        truthful = rng.random() < honest
        argument: Value = None
        if f == "put":
            argument = written()
        elif f == "append":
            argument = value()
        elif f == "cas":
            argument = state if rng.random() < 0.6 else guess(), written()
        op = Op(i, str(client), f, None, argument, None, call, ret)
        if f == "get":
            result = state if truthful else guess()
            done[i] = Op(i, str(client), f, None, None, result, call, ret)
            continue
        lost = rng.random() < 0.2
        if lost:
            op = Op(
                i, str(client), f, None, argument, None, call, NEVER, False
            )
        elif f == "cas" and isinstance(argument, tuple):
            swapped = (state == argument[0]) if truthful else rng.random() < 0.6
            actual: Value = UNTOLD
            if rng.random() < 0.3:
                actual = state if truthful else guess()
            op = Op(
                i,
                str(client),
                f,
                None,
                argument,
                swapped,
                call,
                ret,
                True,
                actual,
            )
        done[i] = op
        if not lost or rng.random() < 0.5:
            after = store.step(state, op)
            state = state if after is ILLEGAL else after
    history = History.of(done[i] for i in range(count))
    part = history.of_key(None)
    if rng.random() < 0.15:
        loose = frozenset(
            i
            for i in range(len(part))
            if part.kind[i] in WRITES and rng.random() < 0.3
        )
        part = part.select(range(len(part)), loose)
    return part
