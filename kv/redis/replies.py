"""What the store has answered, as replies of Redis' protocol.

A result has no shape of its own: a command knows which of these its client
expects. What was refused, or not done, reads the same whatever was asked.
"""

from __future__ import annotations

from collections.abc import Callable

from kv.commands import MAX_KEY, MAX_VALUE, Result, Status
from kv.replica.answers import Failure
from kv.resp import NIL, OK, array, bulk, error, integer

Shape = Callable[[Result], bytes]


def done(result: Result) -> bytes:
    """Returns that it is done, whatever the result."""
    return OK


def put(result: Result) -> bytes:
    """Returns whether a value was put."""
    return OK if result.status is Status.OK else NIL


def value(result: Result) -> bytes:
    """Returns a value, if there is one."""
    found = result.value
    return bulk(found) if isinstance(found, bytes) else NIL


def number(result: Result) -> bytes:
    """Returns a number."""
    found = result.value
    return integer(found) if isinstance(found, int) else NIL


def length(result: Result) -> bytes:
    """Returns how long a value is; 0 if there is none."""
    found = result.value
    return integer(len(found) if isinstance(found, bytes) else 0)


def swap(result: Result) -> bytes:
    """Returns whether a value was swapped, and else what stands there."""
    swapped = result.status is Status.OK
    return array([integer(swapped), value(result)])


def keys(result: Result) -> list[bytes]:
    """Returns the keys of a result, for those who make a reply of them."""
    return result.value if isinstance(result.value, list) else []


def failure(why: Failure) -> bytes:
    """Returns why something was not done."""
    return error(why.code, why.text)


def refusal(status: Status) -> bytes:
    """Returns why the state machine has refused a command."""
    return {
        Status.TOO_LARGE: error(
            "TOOLARGE", f"a value of more than {MAX_VALUE} bytes"
        ),
        Status.STALE: error(
            "STALE", "the session has gone on to a later number"
        ),
        Status.EXPIRED: error("EXPIRED", "no such session"),
    }[status]


def too_large(key: bytes, value: bytes) -> bytes:
    """Returns which of the two is too large."""
    if len(key) > MAX_KEY:
        return error("TOOLARGE", f"a key of {len(key)} bytes; at most"
                     f" {MAX_KEY}")  # fmt: skip
    return error(
        "TOOLARGE", f"a value of {len(value)} bytes; at most {MAX_VALUE}"
    )
