"""4.2: the definition, tried out on every order there is."""

from collections.abc import Sequence

from kv.lincheck.history import Operation

WRONG = object()


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order explains what everybody saw."""
    return goes_on(None, list(operations))


def goes_on(state: object, left: list[Operation]) -> bool:
    """Whether what is left can follow upon this state."""
    if not any(op.must for op in left):
        return True
    for i, op in enumerate(left):
        rest = left[:i] + left[i + 1 :]
        if any(other.must and other.ret < op.call for other in rest):
            continue
        after = done(state, op)
        if after is not WRONG and goes_on(after, rest):
            return True
    return False


def done(state: object, op: Operation) -> object:
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
