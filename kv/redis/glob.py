"""Patterns of keys, as `KEYS` and `SCAN` have them.

A pattern is cut into items, one for each byte that it may match; a key is
then walked along them. Of the stars only the last one seen is ever gone back
to, so no pattern takes more than its length times the key's.
"""

from __future__ import annotations

from collections.abc import Callable


def literal(pattern: bytes) -> bytes:
    """Returns what all keys that match a pattern begin with."""
    for at, byte in enumerate(pattern):
        if byte in b"*?[\\":
            return pattern[:at]
    return pattern


def glob(pattern: bytes) -> Callable[[bytes], bool]:
    """Returns what tells whether a key matches a pattern of Redis.

    `*`, `?`, `[a-c]`, `[^a]`, and a backslash before what is meant as it is.
    """
    if pattern == b"*":
        return lambda key: True
    if literal(pattern) == pattern[:-1] and pattern[-1:] == b"*":
        return lambda key: True  # Only such keys were asked for.
    items = list(_glob_items(pattern))
    return lambda key: _matches(items, key)


def _glob_items(pattern: bytes) -> list[frozenset[int] | None]:
    """Returns, for each place, the bytes that may stand there.

    `None` is a star.
    """
    items: list[frozenset[int] | None] = []
    at = 0
    anything = frozenset(range(256))
    while at < len(pattern):
        byte = pattern[at]
        at += 1
        if byte == ord("*"):
            if not items or items[-1] is not None:
                items.append(None)
        elif byte == ord("?"):
            items.append(anything)
        elif byte == ord("["):
            end = pattern.find(b"]", at + 1)
            end = len(pattern) if end < 0 else end
            inside, at = pattern[at:end], end + 1
            negated = inside[:1] == b"^"
            allowed: set[int] = set()
            rest = inside[1:] if negated else inside
            i = 0
            while i < len(rest):
                if i + 2 < len(rest) and rest[i + 1] == ord("-"):
                    allowed |= set(range(rest[i], rest[i + 2] + 1))
                    i += 3
                else:
                    allowed.add(rest[i])
                    i += 1
            items.append(anything - allowed if negated else frozenset(allowed))
        elif byte == ord("\\") and at < len(pattern):
            items.append(frozenset({pattern[at]}))
            at += 1
        else:
            items.append(frozenset({byte}))
    return items


def _matches(items: list[frozenset[int] | None], key: bytes) -> bool:
    """Matches with one star to go back to: linear, but for that."""
    at = i = 0
    star = mark = -1
    while at < len(key):
        item = items[i] if i < len(items) else frozenset[int]()
        if item is None:
            star, mark = i, at
            i += 1
        elif key[at] in item:
            at += 1
            i += 1
        elif star >= 0:
            mark += 1
            at, i = mark, star + 1
        else:
            return False
    return all(item is None for item in items[i:])
