"""4.4: key by key."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from kv.lincheck.history import Operation

Checker = Callable[[Sequence[Operation]], bool]


def first_fault(
    operations: Sequence[Operation], linearizable: Checker
) -> str | None:
    """Judges a history of many keys."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for op in operations:
        by_key[str(op.key)].append(op)
    for key in sorted(by_key):
        if not linearizable(by_key[key]):
            return key
    return None
