"""Making histories: a store that is right, seen by clients that overlap.

A small simulation: clients call, wait, return and think, and somewhere
between call and return the operation has its effect on one true state per
key. So a generated history is linearizable by construction, with the
moments of effect as its witness; unless it is *damaged*, when one read is
made to return an older state of its key.

An outcome becomes unknown in one of three ways, as in life: the request was
lost, the answer was lost, or the request took effect much later.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kv.lincheck.history import NEVER, UNTOLD, History, Operation
from kv.lincheck.values import Value

MIXES: dict[str, dict[str, float]] = {
    "blind": {"get": 0.5, "put": 0.5},
    "register": {"get": 0.5, "put": 0.3, "cas": 0.2},
    "lists": {"get": 0.5, "append": 0.4, "put": 0.1},
    "store": {
        "get": 0.45,
        "put": 0.15,
        "append": 0.2,
        "cas": 0.15,
        "delete": 0.05,
    },
}


@dataclass(frozen=True, slots=True)
class Spec:
    """What kind of history to make.

    Attributes:
        operations: How many calls there are in all.
        clients: How many of them can overlap.
        keys: How many keys they share.
        unknown: The share of operations whose outcome gets lost.
        damaged: Whether one read returns a state that was over.
        values: How many values there are to write; 0 for a new one each
            time.
        told: Whether a cas that mismatched tells what it found.
        mix: A name in MIXES: what is called how often.
        seed: Equal specs with equal seeds make equal histories.
    """

    operations: int = 1000
    clients: int = 5
    keys: int = 1
    unknown: float = 0.0
    damaged: bool = False
    values: int = 0
    told: bool = False
    mix: str = "register"
    seed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.operations} operations, {self.clients} clients, "
            f"{self.keys} keys, {self.mix}, "
            f"{self.values or 'unique'} values, "
            f"{self.unknown:.0%} unknown"
            f"{', damaged' if self.damaged else ''}, seed {self.seed}"
        )


def suite(largest: int = 10_000, hard: bool = False) -> Iterator[Spec]:
    """The synthetic suite: every verdict on it must be definite.

    Registers with unique values and with five; lists with unique elements.
    Lists of five elements, where hundreds of appends look alike, are harder
    than anything a sensible test would record, and stand apart.

    Args:
        largest: The greatest number of operations of a history.
        hard: Whether to make these instead, for which nothing is promised.
    """
    seed = 0
    for operations in (1_000, largest):
        for clients in (5, 10, 25):
            for keys in (1, 10, 100):
                for unknown in (0.0, 0.01, 0.05):
                    for values in (0, 5):
                        for damaged in (False, True):
                            for mix in MIXES:
                                seed += 1
                                alike = values > 0 and "append" in MIXES[mix]
                                if alike is not hard:
                                    continue
                                yield Spec(
                                    operations,
                                    clients,
                                    keys,
                                    unknown,
                                    damaged,
                                    values,
                                    bool(seed % 3),
                                    mix,
                                    seed,
                                )


def generate(spec: Spec) -> History:
    """Make a history.

    Args:
        spec: What it should be like.

    Returns:
        The history, normalised.
    """
    run = _Run(spec)
    run.simulate()
    done = run.done
    if spec.damaged:
        run.damage()
    history = History(f"generated ({spec})")
    done.sort(key=lambda op: op.call)
    for op in done:
        history.of_key(op.key).add(op)
    return history


class _Run:
    """One simulation."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.rng = random.Random(spec.seed)
        self.states: dict[str, Value] = {}
        self.past: dict[str, list[tuple[int, Value]]] = {}
        self.done: list[Operation] = []
        self.fresh = 0
        weights = MIXES[spec.mix]
        self.functions = list(weights)
        self.weights = list(weights.values())
        self.lists = "append" in weights

    def simulate(self) -> None:
        """Let every client run until the calls are used up."""
        rng, spec = self.rng, self.spec
        turn = 0
        # (time, tie-breaker, client, what happens, the operation)
        agenda: list[tuple[int, int, int, str, Operation | None]] = []

        def at(
            time: int, client: int, what: str, op: Operation | None = None
        ) -> None:
            nonlocal turn
            turn += 1
            heapq.heappush(agenda, (time, turn, client, what, op))

        for client in range(spec.clients):
            at(rng.randrange(1000), client, "call")
        names = [str(client) for client in range(spec.clients)]
        lost = [0] * spec.clients
        started = 0
        while agenda:
            now, _, client, what, op = heapq.heappop(agenda)
            if op is None:
                if started == spec.operations:
                    continue
                op = self._call(started, names[client], now)
                started += 1
                if rng.random() >= spec.unknown:
                    at(now + 1 + rng.randrange(1000), client, "effect", op)
                    continue
                # The outcome gets lost, and the client gives up.
                fate = rng.randrange(3)
                if fate:
                    wait = rng.randrange(1000 if fate == 1 else 20_000)
                    at(now + 1 + wait, client, "orphan", op)
                lost[client] += 1
                names[client] = f"{client}'{lost[client]}"
                if op.f != "get":
                    self.done.append(replace(op, must=False))
                at(now + 2000 + rng.randrange(100), client, "call")
            elif what == "return":
                self.done.append(replace(op, ret=now))
                at(now + 1 + rng.randrange(100), client, "call")
            else:
                told = self._effect(op, now)
                if what == "effect" and told is not None:
                    at(now + rng.randrange(1000), client, "return", told)
                elif what == "effect":  # refused: it is as if never called
                    at(now + 1 + rng.randrange(1000), client, "call")

    def _call(self, number: int, process: str, now: int) -> Operation:
        rng = self.rng
        key = f"k{rng.randrange(self.spec.keys)}"
        f = rng.choices(self.functions, self.weights)[0]
        value: Value = None
        if f == "put":
            value = (self._value(),) if self.lists else self._value()
        elif f == "append":
            value = self._value()
        elif f == "cas":
            # Clients tend to know what stood there a moment ago.
            past = self.past.get(key, [])
            back = rng.randrange(min(3, len(past))) if past else 0
            old = past[-1 - back][1] if past else None
            value = old, (self._value(),) if self.lists else self._value()
        return Operation(number, process, f, key, value, None, now, NEVER)

    def _value(self) -> Value:
        self.fresh += 1
        if self.spec.values:
            return self.rng.randrange(self.spec.values)
        return self.fresh

    def _effect(self, op: Operation, now: int) -> Operation | None:
        """Do `op` on the true state; None if it is refused."""
        key = str(op.key)
        state = self.states.get(key)
        if op.f == "get":
            return replace(op, result=state)
        after = op.value
        if op.f == "append":
            if not isinstance(state, tuple | None):
                return None
            after = (*(state or ()), op.value)
        elif op.f == "cas" and isinstance(op.value, tuple):
            old, after = op.value
            if old != state:
                told = state if self.spec.told else UNTOLD
                return replace(op, result=False, actual=told)
        self.states[key] = after
        self.past.setdefault(key, []).append((now, after))
        return replace(op, result=True if op.f == "cas" else None)

    def damage(self) -> None:
        """Let one read in the second half return a state that was over."""
        reads = [i for i, op in enumerate(self.done) if op.f == "get"]
        self.rng.shuffle(reads)
        half = max((op.call for op in self.done), default=0) // 2
        for i in reads:
            op = self.done[i]
            if op.call < half:
                continue
            over = [
                state
                for (_, state), (end, _) in zip(
                    self.past.get(str(op.key), []),
                    self.past.get(str(op.key), [])[1:],
                    strict=False,
                )
                if end < op.call - 2000
            ]
            if over and over[-1] != op.result:
                self.done[i] = replace(op, result=over[-1])
                return
