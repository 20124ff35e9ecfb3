"""4.2: the definition, tried out on every order there is."""

from collections.abc import Sequence

from kv.lincheck.history import Operation


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order explains what everybody saw.

    All operations are on one register, which holds None at first. Each has

        op.f        "get", "put" or "cas"
        op.value    of a put the value, of a cas the pair (old, new)
        op.result   of a get what was found, of a cas whether it swapped
        op.call     when it was called; numbers
        op.ret      when it returned; greater than all others if never
        op.must     False if nobody knows whether it happened at all; then
                    op.result says nothing

    There is an order to be found in which each operation finds what it says,
    and in which nothing that had ended comes after what began later. An end
    and a beginning at the same number overlap: either may be first. Those that
    need not have happened may be left out. At most eight operations.
    """
    raise NotImplementedError("linearizable.")
