"""Short names for the operations that tests are made of.

Each takes the moments of call and return; `None` for a return means that
nobody knows the outcome.
"""

from __future__ import annotations

from kv.lincheck.history import NEVER, UNTOLD, History, KeyHistory
from kv.lincheck.history import Operation as Op
from kv.lincheck.values import freeze


def op(
    f: str,
    call: int,
    ret: int | None,
    value: object = None,
    result: object = None,
    actual: object = UNTOLD,
) -> Op:
    """One operation; its number is the moment of its call."""
    known = ret is not None
    end = NEVER if ret is None else ret
    answer = result if f == "cas" else freeze(result)
    told = actual if actual is UNTOLD else freeze(actual)
    return Op(
        call, f"p{call}", f, "k", freeze(value), answer, call, end, known, told
    )


def get(result: object, call: int, ret: int) -> Op:
    return op("get", call, ret, result=result)


def put(value: object, call: int, ret: int | None) -> Op:
    return op("put", call, ret, value)


def append(value: object, call: int, ret: int | None) -> Op:
    return op("append", call, ret, value)


def cas(old: object, new: object, call: int, ret: int | None) -> Op:
    """A cas that swapped, or of unknown outcome."""
    return op("cas", call, ret, [old, new], None if ret is None else True)


def miss(
    old: object, new: object, call: int, ret: int, actual: object = UNTOLD
) -> Op:
    """A cas that found something else."""
    return op("cas", call, ret, [old, new], False, actual)


def key(*ops: Op) -> KeyHistory:
    """The history of one key."""
    return History.of(ops).of_key("k")
