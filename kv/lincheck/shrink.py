"""Shrinking: from a history that has no order to one that shows why.

A smaller history may replace a larger one only if *no order* of the larger
follows from *no order* of the smaller. Four steps are sound in this way:

* **Cut the end off.** The part of a history up to a moment must have an
  order itself. What was still open then becomes unknown.
* **Forget a read.** It changes nothing for the others.
* **Weaken a write** to an optional one. It may still have happened, within
  the same interval, but need not.
* **Drop an optional write that nobody could notice.** Every order works
  without it.

*Deleting* a write that happened is not among them: a read that returned its
value would be at fault then, in a history that was fine.

The search is asked again after each step. What it cannot refute within the
budget is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kv.lincheck.history import (
    APPEND,
    CAS,
    GET,
    MISS,
    NEVER,
    PUT,
    WRITES,
    KeyHistory,
)
from kv.lincheck.search import search

BUDGET = 300_000
"""Places that all searches of one shrinking may look at."""


class _Doubt:
    """Asks the search again and again, on one budget."""

    def __init__(self, budget: int) -> None:
        self.left = budget

    def refuted(self, h: KeyHistory) -> bool:
        """Whether it is certain that `h` has no order."""
        steps = search(h)
        seen = 0
        try:
            while self.left > 0:
                now = next(steps)
                self.left -= now - seen
                seen = now
        except StopIteration as end:
            # Setting a search up costs something as well.
            self.left -= end.value.steps - seen + len(h) // 2
            return not end.value.linearizable
        return False


def shrink(
    h: KeyHistory, budget: int = BUDGET, cut: bool = True
) -> KeyHistory:
    """Find a small part of a key's history that has no order either.

    Args:
        h: A history that is not linearizable.
        budget: Places to look at meanwhile.
        cut: Whether to cut the end off, if that was not done before.

    Returns:
        A part of it that is not linearizable; some of its writes optional.
    """
    doubt = _Doubt(budget)
    if cut:
        h = _shortest(h, doubt)
    h = _without(h, _core(h, doubt))
    return _noticed(h, doubt)


def until(h: KeyHistory, time: int) -> KeyHistory:
    """The part of a history up to a moment; what was open is unknown."""
    chosen = [
        i
        for i in range(len(h))
        if h.call[i] <= time and (h.ret[i] <= time or h.kind[i] in WRITES)
    ]
    part = h.select(chosen)
    for j in range(len(part)):
        if part.ret[j] > time:
            part.ret[j] = NEVER
            part.must[j] = 0
    return part


def _shortest(h: KeyHistory, doubt: _Doubt) -> KeyHistory:
    """Cut off as much of the end as possible, by bisection."""
    ends = sorted({end for end in h.ret if end != NEVER})
    low, high = 0, len(ends) - 1  # ends[high] is known to be refuted
    while low < high:
        middle = (low + high) // 2
        if doubt.refuted(until(h, ends[middle])):
            high = middle
        else:
            low = middle + 1
    return until(h, ends[high]) if ends else h


def _without(h: KeyHistory, core: Iterable[int]) -> KeyHistory:
    """Keep `core`, weaken all other writes, forget all other reads."""
    kept = set(core)
    chosen = [i for i in range(len(h)) if i in kept or h.kind[i] in WRITES]
    return h.select(chosen, frozenset(set(chosen) - kept))


def _core(h: KeyHistory, doubt: _Doubt) -> list[int]:
    """The operations without which there would be no conflict."""
    core = [i for i in range(len(h)) if h.must[i]]
    # Most conflicts are short: try the last few, then twice as many.
    core.sort(key=h.ret.__getitem__)
    few = 8
    while few < len(core):
        if doubt.refuted(_without(h, core[-few:])):
            core = core[-few:]
            break
        few *= 2
    return minimal(
        core,
        lambda part: doubt.left > 0 and doubt.refuted(_without(h, part)),
    )


def minimal(
    items: list[int], holds: Callable[[list[int]], bool]
) -> list[int]:
    """Leave out whatever can be left out, in halves, quarters and so on.

    Args:
        items: Something for which `holds` is true.
        holds: The property to be kept.

    Returns:
        A part of `items` for which it is true, and for no part of it that
        lacks one item.
    """
    size = max(1, len(items) // 2)
    while items:
        start = 0
        smaller = False
        while start < len(items):
            rest = items[:start] + items[start + size :]
            if holds(rest):
                items = rest
                smaller = True
            else:
                start += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    return items


def _noticed(h: KeyHistory, doubt: _Doubt) -> KeyHistory:
    """Drop the optional writes that nobody could notice."""
    while APPEND not in h.kind and MISS not in h.kind:
        seen = {
            h.seen[i] for i, k in enumerate(h.kind) if k in (GET, CAS)
        }
        kept = [
            i
            for i, k in enumerate(h.kind)
            if h.must[i] or k not in (PUT, CAS) or h.arg[i] in seen
        ]
        if len(kept) == len(h):
            return h
        h = h.select(kept)
    return h
