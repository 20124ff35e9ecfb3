"""4.3: Wing and Gong's search, with Lowe's cache."""

from collections.abc import Sequence

from kv.lincheck.history import Operation


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order explains what everybody saw.

    The same question as in 4.2, asked of hundreds of operations, and once of
    3000, one after another. It must not recurse as deep as there are
    operations. All checks together have a few seconds, so what it has tried
    once, it must not try again. One that does looks like an endless loop to
    check, and is told so.
    """
    raise NotImplementedError("linearizable.")
