"""The definition itself, tried out on every order there is.

Nothing here is clever, and that is its use: whatever the fast and the
general path claim about a small history can be held against it. It takes
time that grows like the factorial of the number of operations; eight or
nine are plenty.
"""

from __future__ import annotations

from collections.abc import Sequence

from kv.lincheck.history import Operation
from kv.lincheck.models import ILLEGAL, Model, Register, State


def brute_force(
    operations: Sequence[Operation], model: Model | None = None
) -> bool:
    """Whether some order of the operations explains every answer.

    Args:
        operations: All operations on one object; the optional ones may be
            left out of the order.
        model: What the object does; a key of the store if not given.

    Returns:
        True iff the history is linearizable.
    """
    model = model or Register()

    def extend(state: State, rest: tuple[Operation, ...]) -> bool:
        if not any(op.must for op in rest):
            return True
        for op in rest:
            # Whatever ended before `op` began must stand before it.
            if any(other.must and other.before(op) for other in rest):
                continue
            after = model.step(state, op)
            if after is ILLEGAL:
                continue
            left = tuple(
                other
                for other in rest
                if other is not op and not other.before(op)
            )
            if extend(after, left):
                return True
        return False

    return extend(model.init(), tuple(operations))
