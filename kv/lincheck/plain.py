"""The plain search of Wing and Gong, with Lowe's cache. The reference.

Calls and returns stand in one list, in order of time. At each moment the
operations whose call stands before the first return of the list are
*enabled*: none of those left ended before they began, so each of them may
come next. Take one that is legal in the present state, lift its call and
its return out of the list, go on; when a return blocks the way and nothing
is left to try, put the last one back and try the next instead (Wing and
Gong, 1993). Lowe's addition: the same set of lifted operations with the
same state has the same future, so look at it once.

    head -> call 0 -> call 1 -> return 0 -> call 2 -> return 2 -> return 1
            \\_________________/
              enabled: 0 and 1

An optional operation that never returned has no return in the list: it can
be lifted at any time after its call, or never, and the search is over once
all that *must* happen is lifted. An optional one with a return (a weakened
write, see shrink.py) can also be lifted without effect.

No reduction, no order of preference, nothing known about the object but
its model. The other paths are measured against this one and compared with
it, and models other than the store's run here.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from kv.lincheck.history import NEVER, Operation
from kv.lincheck.models import ILLEGAL, Model, State

_ROUND = 4096  # steps between two looks at the budget


@dataclass(slots=True)
class PlainOutcome:
    """What the plain search found.

    Attributes:
        linearizable: Its verdict.
        order: For yes, numbers of operations in the order of a witness; for
            no, the longest order that it could build.
        state: The state at the end of that order.
        steps: How many times it lifted an operation.
    """

    linearizable: bool
    order: list[int] = field(default_factory=list)
    state: State = None
    steps: int = 0


def plain_check(
    operations: Sequence[Operation], model: Model
) -> PlainOutcome:
    """Run the plain search to its end, however long that takes.

    Args:
        operations: All operations on one object, in any order.
        model: What the object does.

    Returns:
        The verdict, with a witness or the longest order.
    """
    search = plain_search(operations, model)
    while True:
        try:
            next(search)
        except StopIteration as end:
            outcome: PlainOutcome = end.value
            return outcome


def plain_search(
    operations: Sequence[Operation], model: Model
) -> Generator[int, None, PlainOutcome]:
    """The same, yielding the number of steps at every few thousand."""
    n = len(operations)
    head = 2 * n
    nxt, prv = _link(operations)
    step = model.step
    must = sum(op.must for op in operations)
    state = model.init()
    lifted = 0  # a bit for each operation
    cache: set[tuple[int, State]] = {(0, state)}
    path: list[tuple[int, State, bool]] = []
    best: list[int] = []
    best_state = state
    steps = 0
    e = nxt[head]
    while must:
        if e < n:  # a call: operation e is enabled
            op = operations[e]
            after = step(state, op)
            bit = 1 << e
            if after is not ILLEGAL and (lifted | bit, after) not in cache:
                path.append((e, state, False))
            elif _weak(op) and (lifted | bit, state) not in cache:
                path.append((e, state, True))
                after = state
            else:
                e = nxt[e]
                continue
            cache.add((lifted | bit, after))
            lifted |= bit
            state = after
            must -= op.must
            _lift(nxt, prv, e, n)
            if len(path) > len(best):
                best = [i for i, _, skipped in path if not skipped]
                best_state = state
            e = nxt[head]
            steps += 1
            if not steps % _ROUND:
                yield steps
            continue
        if not path:
            return PlainOutcome(False, best, best_state, steps)
        e, state, skipped = path.pop()
        _unlift(nxt, prv, e, n)
        op = operations[e]
        must += op.must
        lifted ^= 1 << e
        if not skipped and _weak(op) and (
            (lifted | 1 << e, state) not in cache
        ):
            cache.add((lifted | 1 << e, state))
            path.append((e, state, True))
            lifted |= 1 << e
            _lift(nxt, prv, e, n)
            e = nxt[head]
            continue
        e = nxt[e]
    order = [i for i, _, skipped in path if not skipped]
    return PlainOutcome(True, order, state, steps)


def _weak(op: Operation) -> bool:
    return not op.must and op.ret != NEVER


def _link(operations: Sequence[Operation]) -> tuple[list[int], list[int]]:
    """Link calls (e = number) and returns (n + number) in order of time.

    At equal times calls come first, for intervals are closed. The list is
    a ring through its head, number 2n.
    """
    n = len(operations)
    events = [(op.call, 0, e) for e, op in enumerate(operations)]
    events += [
        (op.ret, 1, n + e)
        for e, op in enumerate(operations)
        if op.ret != NEVER
    ]
    events.sort()
    nxt = [0] * (2 * n + 1)
    prv = [0] * (2 * n + 1)
    last = 2 * n
    for _, _, e in events:
        nxt[last] = e
        prv[e] = last
        last = e
    nxt[last] = 2 * n
    prv[2 * n] = last
    # What never returns points at itself, so that lifting it is harmless.
    for e, op in enumerate(operations):
        if op.ret == NEVER:
            nxt[n + e] = prv[n + e] = n + e
    return nxt, prv


def _lift(nxt: list[int], prv: list[int], e: int, n: int) -> None:
    """Take the call and the return of operation `e` out of the list."""
    a, b = prv[e], nxt[e]
    nxt[a] = b
    prv[b] = a
    e += n
    a, b = prv[e], nxt[e]
    nxt[a] = b
    prv[b] = a


def _unlift(nxt: list[int], prv: list[int], e: int, n: int) -> None:
    """Put them back: the exact reverse, so the return comes first."""
    r = e + n
    nxt[prv[r]] = r
    prv[nxt[r]] = r
    nxt[prv[e]] = e
    prv[nxt[e]] = e
