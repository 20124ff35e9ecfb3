"""4.3: Wing and Gong's search, with Lowe's cache."""

from collections.abc import Iterator, Sequence

from kv.lincheck.history import Operation

WRONG = object()


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order explains what everybody saw."""
    ops = sorted(operations, key=lambda op: op.call)
    must = sum(1 << i for i, op in enumerate(ops) if op.must)
    seen: set[tuple[int, object]] = {(0, None)}
    path = [choices(ops, 0, None)]
    while path:
        found = next(path[-1], None)
        if found is None:
            path.pop()
            continue
        if found[0] & must == must:
            return True
        if found not in seen:
            seen.add(found)
            path.append(choices(ops, *found))
    return not must


def choices(
    ops: Sequence[Operation], done: int, state: object
) -> Iterator[tuple[int, object]]:
    """Yields what may come next: who is done then, and the state."""
    left = list(window(ops, done))
    end = min((ops[i].ret for i in left if ops[i].must), default=0)
    for i in left:
        if ops[i].call > end:
            break
        after = step(state, ops[i])
        if after is not WRONG:
            yield done | 1 << i, after


def window(ops: Sequence[Operation], done: int) -> Iterator[int]:
    """Yields who is not done, up to where nobody can be next any more."""
    end = None
    low = (~done & (done + 1)).bit_length() - 1  # the first who is not done
    for i in range(low, len(ops)):
        if done >> i & 1:
            continue
        if end is not None and ops[i].call > end:
            return
        yield i
        if ops[i].must and (end is None or ops[i].ret < end):
            end = ops[i].ret


def step(state: object, op: Operation) -> object:
    """The state after an operation, or WRONG if it saw something else."""
    if op.f == "get":
        return state if op.result == state else WRONG
    if op.f == "put":
        return op.value
    if not isinstance(op.value, tuple):
        return WRONG
    old, new = op.value
    if op.must and not op.result:
        return state if state != old else WRONG
    return new if state == old else WRONG
