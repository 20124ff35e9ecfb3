"""What clients ask of the state machine, what it answers, and the bytes.

A command travels from the server that a client talks to, through the log, to
the state machine of every node, years later perhaps. So its bytes are a format
to be kept: a msgpack array `[op, tag, client, sequence, ...]`, and behind that
what the operation needs, as `_LAYOUT` says.

Reads (`GET`, `EXISTS`, `COUNT`, `LIST`) are commands like any other. As a rule
they do not go through the log: the server asks raft how far it must have
applied to answer, waits until it has, and hands them to its own machine. They
may go through the log too, and mean the same.

A **session** makes a write that is tried again happen once. `OPEN_SESSION`
goes through the log, and the answer is a client id that nobody ever had or
will have. Each write of that client then carries the id and a sequence number
that counts up from 1; a retry carries the number of the first try. A client
has one write of a session under way at a time: whoever wants more opens more.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple, cast

from kv.packing import pack, unpack

MAX_KEY: Final = 4096  # bytes
MAX_VALUE: Final = 1 << 20  # bytes; `APPEND` cannot make a longer one either
MAX_KEYS: Final = 1024  # in one command


class BadCommand(ValueError):
    """Bytes that are no command, or a command beyond the limits."""


class Op(IntEnum):
    """What to do. The numbers are part of the format."""

    GET = 1
    PUT = 2
    APPEND = 3
    CAS = 4
    DELETE = 5
    EXISTS = 6
    COUNT = 7
    LIST = 8
    OPEN_SESSION = 9
    CLOSE_SESSION = 10


READS: Final = frozenset({Op.GET, Op.EXISTS, Op.COUNT, Op.LIST})


class When(IntEnum):
    """On what condition a `PUT` puts. The numbers are part of the format."""

    ALWAYS = 0
    ABSENT = 1  # Redis: NX
    PRESENT = 2  # Redis: XX


class Command(NamedTuple):
    """One command; the functions below make them.

    Attributes:
        op: What to do.
        key: The key, for `GET`, `PUT`, `APPEND` and `CAS`; the prefix that
            keys must have, for `COUNT` and `LIST`.
        value: What to put, append or, for `CAS`, to swap in; `None` there
            swaps in nothing, so the key is deleted.
        expected: For `CAS`: what must stand there; `None`: nothing must.
        when: For `PUT`.
        keys: For `DELETE` and `EXISTS`.
        after: For `LIST`: only keys behind this one; `None`: all.
        limit: For `LIST`: how many keys at most.
        client: The session that the write belongs to; 0: to none.
        sequence: The write's number in it, from 1.
        tag: Whatever the server that proposed it wrote there, to find the
            client who waits. The state machine must not look at it.
    """

    op: Op
    key: bytes = b""
    value: bytes | None = None
    expected: bytes | None = None
    when: When = When.ALWAYS
    keys: tuple[bytes, ...] = ()
    after: bytes | None = None
    limit: int = 0
    client: int = 0
    sequence: int = 0
    tag: int = 0


def get(key: bytes) -> Command:
    """Asks for a value. Answer: the value, or `None`."""
    return Command(Op.GET, key)


def put(key: bytes, value: bytes, when: When = When.ALWAYS) -> Command:
    """Puts a value. Answer: `OK` and `None`; `UNMET` if `when` is not."""
    return Command(Op.PUT, key, value, when=when)


def append(key: bytes, value: bytes) -> Command:
    """Puts bytes behind a value; an absent one counts as empty.

    Answer: the new length in bytes; `TOO_LARGE` above `MAX_VALUE`, and then
    nothing has changed.
    """
    return Command(Op.APPEND, key, value)


def cas(key: bytes, expected: bytes | None, value: bytes | None) -> Command:
    """Swaps a value in if the expected one stands there; `None` is absent.

    Answer: `OK`, and `None`; or `UNMET`, and the value that does stand there.
    """
    return Command(Op.CAS, key, value, expected)


def delete(*keys: bytes) -> Command:
    """Deletes keys, all in one step. Answer: how many there were."""
    return Command(Op.DELETE, keys=keys)


def exists(*keys: bytes) -> Command:
    """Counts those of the keys that are there, repeated ones repeatedly."""
    return Command(Op.EXISTS, keys=keys)


def count(prefix: bytes = b"") -> Command:
    """Counts the keys that begin with `prefix`."""
    return Command(Op.COUNT, prefix)


def list_keys(
    prefix: bytes = b"", after: bytes | None = None, limit: int = 1000
) -> Command:
    """Asks for keys that begin with `prefix`, in order, from behind `after`.

    Answer: a list of at most `limit` keys. One shorter than that is the end.
    """
    return Command(Op.LIST, prefix, after=after, limit=limit)


def open_session() -> Command:
    """Opens a session. Answer: its client id, a positive number."""
    return Command(Op.OPEN_SESSION)


def close_session(client: int) -> Command:
    """Closes a session. Answer: 1; 0 if there was none."""
    return Command(Op.CLOSE_SESSION, client=client)


class Status(IntEnum):
    """How it went. The numbers are part of the format."""

    OK = 0
    UNMET = 1  # A condition was not met; nothing has changed.
    TOO_LARGE = 2  # A value would grow beyond the limit; nothing has changed.
    # The two below say: this try has changed nothing. An earlier try may have.
    STALE = 3  # The session has gone on to a later number.
    EXPIRED = 4  # No such session: closed, or the least used of too many.


Value = bytes | int | list[bytes] | None


class Result(NamedTuple):
    """What the state machine answers.

    Attributes:
        status: How it went.
        value: The answer proper, as the function that makes the command says.
    """

    status: Status = Status.OK
    value: Value = None


# What stands behind the first four, by operation: fields of `Command`.
_LAYOUT: Final[dict[Op, tuple[str, ...]]] = {
    Op.GET: ("key",),
    Op.PUT: ("key", "value", "when"),
    Op.APPEND: ("key", "value"),
    Op.CAS: ("key", "value", "expected"),
    Op.DELETE: ("keys",),
    Op.EXISTS: ("keys",),
    Op.COUNT: ("key",),
    Op.LIST: ("key", "after", "limit"),
    Op.OPEN_SESSION: (),
    Op.CLOSE_SESSION: (),
}
_HEAD: Final = ("op", "tag", "client", "sequence")


def _is_key(what: object) -> bool:
    return isinstance(what, bytes) and len(what) <= MAX_KEY


def _is_value(what: object) -> bool:
    return isinstance(what, bytes) and len(what) <= MAX_VALUE


def _is_count(what: object) -> bool:
    return type(what) is int and 0 <= what < 1 << 64


def _is_keys(what: object) -> bool:
    return (
        isinstance(what, list | tuple)
        and len(what) <= MAX_KEYS
        and all(map(_is_key, what))
    )


_CHECKS: Final = {
    "tag": _is_count,
    "client": _is_count,
    "sequence": _is_count,
    "key": _is_key,
    "value": lambda what: what is None or _is_value(what),
    "expected": lambda what: what is None or _is_value(what),
    "when": lambda what: type(what) is int and what in (0, 1, 2),
    "keys": _is_keys,
    "after": lambda what: what is None or _is_key(what),
    "limit": _is_count,
}


def encode(command: Command) -> bytes:
    """Returns the bytes of a command; `decode` undoes it."""
    op, tag = command.op, command.tag
    client, sequence = command.client, command.sequence
    # Spelled out for what clients ask most.
    if op is Op.PUT:
        return pack((
            2, tag, client, sequence,
            command.key, command.value, int(command.when),
        ))  # fmt: skip
    rest = [getattr(command, name) for name in _LAYOUT[op]]
    return pack([int(op), tag, client, sequence, *rest])


def decode(data: bytes) -> Command:
    """Returns the command that bytes stand for.

    Every node decodes the same bytes to the same command, or refuses them:
    what is refused here must be skipped by all.

    Raises:
        BadCommand: they stand for none, or it exceeds the limits.
    """
    try:
        parts = unpack(data)
        if not isinstance(parts, list):
            raise BadCommand("not a command: no list")
        if (command := _plain_put(parts)) is not None:
            return command
        op = Op(parts[0])
        fields = dict(zip(_HEAD, parts, strict=False))
        fields.update(zip(_LAYOUT[op], parts[len(_HEAD) :], strict=True))
        ok = all(_CHECKS[n](fields[n]) for n in _HEAD[1:] + _LAYOUT[op])
    except (ValueError, TypeError, LookupError) as error:
        raise BadCommand(f"not a command: {error}") from error
    if not ok or (op in _NEED_VALUE and fields["value"] is None):
        raise BadCommand(f"{op.name}: a part is missing, wrong or too long")
    fields["op"] = op
    if "when" in fields:
        fields["when"] = When(fields["when"])
    if "keys" in fields:
        fields["keys"] = tuple(fields["keys"])
    return Command(**fields)


def _plain_put(parts: list[object]) -> Command | None:
    """Returns a `PUT` that is in order, three times as fast as `decode`.

    Anything else, be it another command or nonsense, is `decode`'s.
    """
    if len(parts) != 7 or parts[0] != 2:
        return None
    _, tag, client, sequence, key, value, when = parts
    if (
        type(key) is bytes and len(key) <= MAX_KEY
        and type(value) is bytes and len(value) <= MAX_VALUE
        and type(tag) is int and type(client) is int
        and type(sequence) is int and when == 0
        and tag >= 0 <= client and sequence >= 0
    ):  # fmt: skip
        return Command(
            Op.PUT, key, value, None, When.ALWAYS, (), None, 0,
            client, sequence, tag,
        )  # fmt: skip
    return None


_NEED_VALUE: Final = frozenset({Op.PUT, Op.APPEND})


def encode_result(result: Result) -> bytes:
    """Returns the bytes of a result; `decode_result` undoes it."""
    return pack((int(result.status), result.value))


def decode_result(data: bytes) -> Result:
    """Returns the result that bytes stand for.

    Raises:
        BadCommand: they stand for none.
    """
    try:
        status, value = cast("list[Any]", unpack(data))
        return Result(Status(status), value)
    except (ValueError, TypeError) as error:
        raise BadCommand(f"not a result: {error}") from error
