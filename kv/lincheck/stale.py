"""Reads that are plainly stale: found in one pass, before any search.

Most failures of real stores are of one kind: somebody read what had been
overwritten. Values need not be unique for that to be certain. Say that the
write U had ended before the read began. Then a write W whose value the read
returned cannot help if W had ended before U began: U is always between.

    W |---|
             U |---|
                       read |---| returns the value of W

So in order of time, keep the latest call among the writes that ended, and
for each value the latest return among its writes that began. If a read
wants a value whose last return lies before the latest call at the time when
the read began, there is no order. An unknown write never returned, so it
can always help; the initial null was there before all others.

This proves nothing if it finds nothing. It is for keys without appends.
"""

from __future__ import annotations

from collections.abc import Sequence

from kv.lincheck.history import CAS, GET, NEVER, PUT, KeyHistory
from kv.lincheck.values import Value


def in_order(h: KeyHistory) -> list[int]:
    """Calls and returns in order of time, calls first where times are equal.

    Returns:
        i for the call of operation i, n + i for its return, if it has one.
    """
    n = len(h)
    times = [2 * time for time in h.call]
    times += [2 * time + 1 for time in h.ret]
    if NEVER in h.ret:
        events = [e for e, end in enumerate(h.ret, n) if end != NEVER]
        events[:0] = range(n)
    else:
        events = list(range(2 * n))
    events.sort(key=times.__getitem__)
    return events


def stale_read(h: KeyHistory, events: Sequence[int]) -> int:
    """Look for a read, or a cas that swapped, that is plainly stale.

    Args:
        h: The operations on a key without appends.
        events: What `in_order` returned for them.

    Returns:
        Its number, or -1.
    """
    n = len(h)
    kind, seen, arg, must = h.kind, h.seen, h.arg, h.must
    call, ret = h.call, h.ret
    last_return: dict[Value, int] = {None: -1}
    # The latest call of a write that ended, its value, and the latest of
    # one that left another value.
    latest, value, second = -1, None, -1
    bound = [-1] * n
    for e in events:
        if e < n:
            k = kind[e]
            if k == GET or k == CAS:  # noqa: SIM109
                bound[e] = second if seen[e] == value else latest
            if k == PUT or k == CAS:  # noqa: SIM109
                left = arg[e]
                if ret[e] > last_return.get(left, -2):
                    last_return[left] = ret[e]
            continue
        e -= n
        if not must[e]:
            continue
        k = kind[e]
        if (k == GET or k == CAS) and (  # noqa: SIM109
            last_return.get(seen[e], -2) < bound[e]
        ):
            return e
        if k == PUT or k == CAS:  # noqa: SIM109
            begun, left = call[e], arg[e]
            if begun > latest:
                if left != value:
                    second, value = latest, left
                latest = begun
            elif begun > second and left != value:
                second = begun
    return -1
