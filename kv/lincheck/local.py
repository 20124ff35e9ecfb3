"""Refuting a long history by a short stretch of it.

A depth-first search that meets an impossible read late in a long history
goes back through all that came before, although none of it is to blame. So
when a key takes long, we look at the stretch before the return that nobody
got past, alone:

* Operations that had ended when the stretch began are dropped. What they
  left is unknown: the key may hold anything when the stretch begins. We say
  this with optional puts in front of it, one for each state that somebody
  in the stretch looks at and one for all the others.
* Operations that were open then may have happened already, or not. Reads
  among them are dropped, writes become optional.
* Whatever was called after that return is dropped, and what was open then
  is optional, as in shrink.py.

An order of the whole history, cut where the last of the dropped operations
stands, would be an order of the stretch. So if the stretch has none, the
history has none. If it has one, nothing is said.
"""

from __future__ import annotations

from kv.lincheck.history import (
    APPEND,
    CAS,
    NEVER,
    PUT,
    WRITES,
    KeyHistory,
    Operation,
)
from kv.lincheck.search import search
from kv.lincheck.shrink import until
from kv.lincheck.values import Truth, Value

SIZES = (24, 64, 160)
"""How many operations a stretch has, one try after the other."""

AHEAD = (0, 16, 64)
"""How many returns after the one that nobody got past it ends."""


def refuted_near(
    h: KeyHistory,
    reached: int,
    look: int,
    sizes: tuple[int, ...] = SIZES,
    ahead: tuple[int, ...] = AHEAD,
) -> tuple[int, int] | None:
    """Look for a stretch that has no order, around a return.

    The search may have turned back before the read that is to blame, for it
    looks ahead. So the stretch may end somewhat later, too.

    Args:
        h: The operations on a key.
        reached: The operation whose return nobody got past so far.
        look: How many places to look at in each try.
        sizes: How many operations a stretch has, one try after the other.
        ahead: How many returns later it ends.

    Returns:
        When a stretch begins that has no order, which proves that the whole
        has none, and the operation with whose return it ends; or None.
    """
    ends = [i for i in range(len(h)) if h.ret[i] != NEVER]
    ends.sort(key=h.ret.__getitem__)
    here = ends.index(reached)
    for more in ahead:
        last = ends[min(here + more, len(ends) - 1)]
        before = until(h, h.ret[last])
        calls = [before.call[i] for i in range(len(before)) if before.must[i]]
        for size in sizes:
            begin = calls[max(0, len(calls) - size - more)]
            steps = search(stretch(before, begin))
            try:
                while next(steps) < look:
                    pass
            except StopIteration as end:
                if not end.value.linearizable:
                    return begin, last
    return None


def stretch(h: KeyHistory, begin: int) -> KeyHistory:
    """The operations from a moment on, behind a put of anything.

    Args:
        h: The operations on a key.
        begin: The moment; what had returned before is dropped.
    """
    chosen = [
        i
        for i in range(len(h))
        if h.call[i] >= begin or (h.ret[i] >= begin and h.kind[i] in WRITES)
    ]
    open_then = frozenset(i for i in chosen if h.call[i] < begin)
    rest = h.select(chosen, open_then)
    part = KeyHistory(h.key)
    for value in _states(rest):
        time = begin - 1
        part.add(
            Operation(
                -1, "", "put", h.key, value, None, time, time, must=False
            )
        )
    for name in KeyHistory.__slots__:
        if name != "key":
            getattr(part, name).extend(getattr(rest, name))
    front = len(part) - len(rest)
    for i in range(front, len(part)):
        part.call[i] = max(part.call[i], begin)
    return part


def _states(h: KeyHistory) -> list[Value]:
    """Every state that matters to a stretch, and one for all the others."""
    states: dict[Value, None] = {}
    lists = APPEND in h.kind
    tidy = lists
    for i, k in enumerate(h.kind):
        if k != APPEND and k != PUT:
            seen = h.seen[i]
            states[seen] = None
            if lists and isinstance(seen, tuple):
                for length in range(1, len(seen)):
                    states[seen[:length]] = None
        if k in (PUT, CAS):
            tidy = tidy and isinstance(h.arg[i], tuple | None)
    states.pop(None, None)  # it begins so anyway
    if lists:
        states[(Truth("anything"),)] = None
    if not tidy:
        states[Truth("anything")] = None
    return list(states)
