"""4.4: key by key."""

from collections.abc import Callable, Sequence

from kv.lincheck.history import Operation

Checker = Callable[[Sequence[Operation]], bool]


def first_fault(
    operations: Sequence[Operation], linearizable: Checker
) -> str | None:
    """Judges a history of many keys.

    Args:
        operations: Of all keys, in any order; `op.key` says of which.
        linearizable: Judges the operations on one key: yours of 4.3.

    Returns:
        The key whose operations have no order, the first in alphabetical
        order if there are several; None if all is well.
    """
    raise NotImplementedError("first_fault.")
