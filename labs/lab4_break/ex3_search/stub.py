"""4.3: Wing and Gong's search, with Lowe's cache."""

from collections.abc import Sequence

from kv.lincheck.history import Operation


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order explains what everybody saw.

    The same question as in 4.2, asked of hundreds of operations. It must not
    recurse as deep as there are operations.
    """
    raise NotImplementedError("linearizable.")
