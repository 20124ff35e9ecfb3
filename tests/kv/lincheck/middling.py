"""Generated histories of middling size, such as the plain search can do."""

from __future__ import annotations

import random

from kv.lincheck.generate import MIXES, Spec, generate
from kv.lincheck.history import WRITES, KeyHistory
from kv.lincheck.models import Register
from kv.lincheck.plain import plain_search

_ROUNDS = 12  # of the plain search; beyond, the history is left out


def middling(seed: int) -> KeyHistory | None:
    """One key of a generated history, or None if it is too hard for plain."""
    rng = random.Random(seed)
    spec = Spec(
        operations=rng.randrange(8, 60),
        clients=rng.randrange(2, 9),
        unknown=rng.choice([0, 0.1, 0.3]),
        damaged=rng.random() < 0.6,
        values=rng.choice([0, 1, 2, 2, 3, 5]),
        told=rng.random() < 0.4,
        mix=rng.choice(list(MIXES)),
        seed=seed,
    )
    part = generate(spec).of_key("k0")
    if rng.random() < 0.15:
        loose = frozenset(
            i
            for i in range(len(part))
            if part.kind[i] in WRITES and rng.random() < 0.3
        )
        part = part.select(range(len(part)), loose)
    search = plain_search(list(part), Register())
    try:
        for _ in range(_ROUNDS):
            next(search)
    except StopIteration:
        return part
    return None
