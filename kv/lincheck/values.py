"""JSON values as things that can stand in a set.

A checker compares values all day and keeps them in dictionaries, so each
value is frozen once, when the history is read:

    JSON            frozen
    null            None
    string, number  itself (1 and 1.0 are one number, as in JSON)
    true, false     TRUE, FALSE: Python holds True == 1, JSON does not
    array           tuple
    object          frozenset of (key, value) pairs

Nothing else is special about a value: to the checker it is a name that is
equal to some names and different from all others.
"""

from __future__ import annotations

import json
from collections.abc import Hashable

Value = Hashable


class Truth:
    """One of JSON's two truth values, equal to itself alone."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


TRUE = Truth("true")
FALSE = Truth("false")


def freeze(value: object) -> Value:
    """Turn a parsed JSON value into a hashable one.

    Args:
        value: What `json.loads` gave, or a value that is frozen already.

    Returns:
        The frozen value; equal JSON values give equal frozen values.

    Raises:
        TypeError: The value is nothing that JSON can say.
    """
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    if isinstance(value, list | tuple):
        return tuple([freeze(item) for item in value])
    if isinstance(value, dict):
        pairs = [(name, freeze(item)) for name, item in value.items()]
        return frozenset(pairs)
    if isinstance(value, str | int | float | Truth | frozenset):
        return value
    raise TypeError(f"not a JSON value: {value!r}")


def thaw(value: Value) -> object:
    """Turn a frozen value back into what `json.dumps` understands."""
    if isinstance(value, Truth):
        return value is TRUE
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    if isinstance(value, frozenset):
        return {name: thaw(item) for name, item in sorted(value)}
    return value


def show(value: Value, limit: int = 40) -> str:
    """Print a frozen value as JSON, shortened in the middle if it is long.

    Args:
        value: The frozen value.
        limit: The greatest number of characters to return.

    Returns:
        One line of text.
    """
    text = json.dumps(thaw(value), ensure_ascii=False)
    if len(text) <= limit:
        return text
    head = (limit - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (limit - 3 - head) :]}"
