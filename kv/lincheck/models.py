"""Models: what an object does when its operations come one at a time.

A model is the sequential truth that a concurrent history is held to: an
initial state, and a step from a state and an operation to the next state,
or to ILLEGAL if the object would never have given that answer there. States
must be hashable, because a search remembers where it has been.

The general path (search.py) knows the store by heart and does not ask a
model. Every other object is judged by the plain search (plain.py) with a
model from here or from a learner (`--model MODULE:NAME`).
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from typing import Protocol

from kv.lincheck.history import FUNCTIONS, UNTOLD, Operation
from kv.lincheck.values import Value

State = Hashable


class Illegal:
    """The type of ILLEGAL, which is no state of anything."""

    def __repr__(self) -> str:
        return "illegal"


ILLEGAL = Illegal()


class Model(Protocol):
    """What a search has to know of an object.

    Attributes:
        functions: What can be called.
        by_key: Whether operations on different keys never meet, so that
            each key can be judged alone.
    """

    functions: frozenset[str]
    by_key: bool

    def init(self) -> State:
        """The state before any operation."""
        ...

    def step(self, state: State, op: Operation) -> State:
        """The state after `op`, or ILLEGAL."""
        ...


class Register:
    """One key of the store: get, put, append, cas and delete.

    A state is a frozen value; None is the absent key.
    """

    functions = frozenset(FUNCTIONS)
    by_key = True

    def init(self) -> State:
        """An absent key."""
        return None

    def step(self, state: State, op: Operation) -> State:
        """Do `op`; an unknown one is taken to have had its effect."""
        f = op.f
        if f == "get":
            return state if op.result == state else ILLEGAL
        if f == "put":
            return op.value
        if f == "delete":
            return None
        if f == "append":
            if state is None:
                return (op.value,)
            if isinstance(state, tuple):
                return (*state, op.value)
            return ILLEGAL
        if not isinstance(op.value, tuple):
            return ILLEGAL
        old, new = op.value
        if op.actual is not UNTOLD and op.actual != state:
            return ILLEGAL
        if op.result is False:
            return ILLEGAL if state == old else state
        return new if state == old else ILLEGAL


class Text(Register):
    """A key whose `append` joins strings; an absent key reads ""."""

    functions = frozenset(["get", "put", "append"])

    def init(self) -> State:
        """An empty string."""
        return ""

    def step(self, state: State, op: Operation) -> State:
        """Do `op`."""
        if op.f != "append":
            return super().step(state, op)
        return f"{state}{op.value}"


class Lists:
    """A set of named lists that can be read all at once.

    `append` adds `value` to the list `key`; `get` reads that list, `all`
    reads every list as an object by name. As `all` sees several keys at one
    instant, the history cannot be taken apart by key.
    """

    functions = frozenset(["append", "get", "all"])
    by_key = False

    def init(self) -> State:
        """No list holds anything."""
        return frozenset()

    def step(self, state: State, op: Operation) -> State:
        """Do `op`."""
        if not isinstance(state, frozenset):
            return ILLEGAL
        if op.f == "all":
            return state if op.result == state else ILLEGAL
        lists: dict[Value, Value] = dict(state)
        items = lists.get(op.key, ())
        if op.f == "get":
            # A list that nobody appended to reads null or [].
            return state if (op.result or ()) == items else ILLEGAL
        if not isinstance(items, tuple):
            return ILLEGAL
        lists[op.key] = (*items, op.value)
        return frozenset(lists.items())


class Queue:
    """A queue: `enqueue` a value, `dequeue` the oldest, or null if empty."""

    functions = frozenset(["enqueue", "dequeue"])
    by_key = True

    def init(self) -> State:
        """An empty queue."""
        return ()

    def step(self, state: State, op: Operation) -> State:
        """Do `op`; an unknown dequeue took whatever was the oldest."""
        if not isinstance(state, tuple):
            return ILLEGAL
        if op.f == "enqueue":
            return (*state, op.value)
        if not op.must:
            return state[1:]
        if not state:
            return state if op.result is None else ILLEGAL
        return state[1:] if op.result == state[0] else ILLEGAL


MODELS: dict[str, type[Model]] = {
    "register": Register,
    "text": Text,
    "lists": Lists,
    "queue": Queue,
}


def find_model(name: str) -> Model:
    """The model of that name, or the one at MODULE:NAME.

    Raises:
        LookupError: There is none.
    """
    if name in MODELS:
        return MODELS[name]()
    module, colon, attribute = name.partition(":")
    if not colon:
        known = ", ".join(MODELS)
        raise LookupError(f"no model {name!r}; there are {known}")
    try:
        found = getattr(importlib.import_module(module), attribute)
        model: Model = found() if isinstance(found, type) else found
    except Exception as error:  # it is somebody's own, and not yet right
        kind = type(error).__name__
        raise LookupError(f"no model {name!r}: {kind}: {error}") from None
    for wanted in ("functions", "by_key", "init", "step"):
        if not hasattr(model, wanted):
            raise LookupError(f"{name} is no model: it has no {wanted!r}")
    return model
