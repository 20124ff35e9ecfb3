"""The state machine: keys, values, and the sessions of those who write.

Pure, so that all nodes agree: what it holds and answers follows from the
commands and their order alone. Three things need care for that.

**Sessions.** Of each session the last sequence number and the answer to it
are kept. A write with that number is a retry, and gets the same answer; one
with a smaller number is a straggler whose client has gone on, and is refused;
one with a larger number is new. The table is state like any key: it is in
snapshots, or a node that starts from one would apply a retry again. It is
bounded by a rule that only looks at the log: beyond `MAX_SESSIONS` sessions,
or `MAX_ANSWERS` bytes of answers, the one goes that was used longest ago. Its
client then hears `EXPIRED`, since its id, the index at which it was given out,
is never given out again: so a forgotten retry is refused, not repeated.

**Order.** A dict keeps the order in which keys came. `dump` writes it out and
`load` restores it, so the bytes of a dump follow from the history as well.

**Snapshots without a pause.** Keys are spread over 256 dicts, the shards.
`dump` takes hold of all of them as they are, and while its chunks are being
taken, whoever changes a shard that may still be needed copies that one first
(its pointers: values are never changed in place). So no write pays for more
than one shard: of a million keys, some 4,000, in a fraction of a millisecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final
from zlib import crc32

from kv.commands import (
    MAX_VALUE,
    Command,
    Op,
    Result,
    Status,
    Value,
    When,
)
from kv.packing import pack, unpack_stream

FORMAT: Final = 1
MAX_SESSIONS: Final = 10_000
MAX_ANSWERS: Final = 16 << 20  # bytes
CHUNK: Final = 1 << 16  # bytes of keys and values in a chunk of a dump

_SHARDS: Final = 256
_LAST: Final = _SHARDS - 1  # All bits set, so it is a mask for a hash.
# Of every key; not Python's own hash, which differs from run to run.
_hash: Final = crc32

DONE: Final = Result()
_STALE: Final = Result(Status.STALE)
_EXPIRED: Final = Result(Status.EXPIRED)
_TOO_LARGE: Final = Result(Status.TOO_LARGE)
# By operation: whether a session guards it against being done twice.
_GUARDED: Final = [
    op in (Op.PUT, Op.APPEND, Op.CAS, Op.DELETE)
    for op in range(max(Op) + 1)
]


class Machine:
    """Our `StateMachine`."""

    __slots__ = (
        "_answers", "_do", "_dumps", "_gone", "_new", "_ours", "_sessions",
        "_shards", "_sorted",
    )  # fmt: skip

    def __init__(self) -> None:
        """Starts without keys and sessions."""
        self._shards: _Shards = [{} for _ in range(_SHARDS)]
        # Of each shard, whether it may be changed: no dump needs it as it is.
        self._ours = [True] * _SHARDS
        self._dumps = set[object]()  # under way
        # By client: the last sequence number and its answer; the session
        # that was used longest ago comes first.
        self._sessions: dict[int, tuple[int, Result]] = {}
        self._answers = 0  # bytes in those answers
        # The keys in order, as of the last time that somebody asked; and
        # what has changed since. No part of the state: all follows from it.
        self._sorted: list[bytes] = []
        self._new: list[bytes] = []
        self._gone = False
        do: dict[Op, Callable[[int, Command], Result]] = {
            Op.GET: self._get,
            Op.PUT: self._put,
            Op.APPEND: self._append,
            Op.CAS: self._cas,
            Op.DELETE: self._delete,
            Op.EXISTS: self._exists,
            Op.COUNT: self._count,
            Op.LIST: self._list,
            Op.OPEN_SESSION: self._open_session,
            Op.CLOSE_SESSION: self._close_session,
        }
        # A list, since an enum's hash is slow and its index is not.
        self._do = [do.get(Op(n), self._get) for n in [Op.GET, *Op]]

    def apply(self, index: int, command: Command) -> Result:
        """Carries out one command; see `StateMachine.apply`."""
        op = command.op
        client = command.client
        if client == 0 or not _GUARDED[op]:
            return self._do[op](index, command)
        session = self._sessions.pop(client, None)
        if session is None:
            return _EXPIRED
        sequence = command.sequence
        last, answer = session
        if sequence <= last:
            self._sessions[client] = session  # Now the one used last.
            return answer if sequence == last and last else _STALE
        self._answers -= _size(answer)
        result = self._do[op](index, command)
        self._sessions[client] = sequence, result
        self._answers += _size(result)
        self._bound_sessions()
        return result

    def _bound_sessions(self) -> None:
        """Drops sessions used longest ago; never the one used just now."""
        sessions = self._sessions
        while len(sessions) > MAX_SESSIONS or (
            self._answers > MAX_ANSWERS and len(sessions) > 1
        ):
            _, answer = sessions.pop(next(iter(sessions)))
            self._answers -= _size(answer)

    def _find(self, key: bytes) -> bytes | None:
        return self._shards[_hash(key) & _LAST].get(key)

    def _to_change(self, key: bytes) -> dict[bytes, bytes]:
        """Returns the shard of a key, for changes."""
        number = _hash(key) & _LAST
        if not self._ours[number]:
            self._shards[number] = dict(self._shards[number])
            self._ours[number] = True
        return self._shards[number]

    def _get(self, index: int, command: Command) -> Result:
        return Result(Status.OK, self._find(command.key))

    def _put(self, index: int, command: Command) -> Result:
        when = command.when
        if when is not When.ALWAYS:
            present = self._find(command.key) is not None
            if present is (when is When.ABSENT):
                return Result(Status.UNMET)
        self._set(command.key, command.value or b"")
        return DONE

    def _set(self, key: bytes, value: bytes) -> None:
        shard = self._to_change(key)
        if key not in shard:
            self._new.append(key)
        shard[key] = value

    def _unset(self, key: bytes) -> bool:
        if self._find(key) is None:
            return False
        del self._to_change(key)[key]
        self._gone = True
        return True

    def _append(self, index: int, command: Command) -> Result:
        value = (self._find(command.key) or b"") + (command.value or b"")
        if len(value) > MAX_VALUE:
            return _TOO_LARGE
        self._set(command.key, value)
        return Result(Status.OK, len(value))

    def _cas(self, index: int, command: Command) -> Result:
        actual = self._find(command.key)
        if actual != command.expected:
            return Result(Status.UNMET, actual)
        if command.value is None:
            self._unset(command.key)
        else:
            self._set(command.key, command.value)
        return DONE

    def _delete(self, index: int, command: Command) -> Result:
        return Result(Status.OK, sum(map(self._unset, command.keys)))

    def _exists(self, index: int, command: Command) -> Result:
        there = (self._find(key) is not None for key in command.keys)
        return Result(Status.OK, sum(there))

    def _count(self, index: int, command: Command) -> Result:
        if not command.key:
            return Result(Status.OK, sum(map(len, self._shards)))
        first, last = self._range(command.key)
        return Result(Status.OK, last - first)

    def _list(self, index: int, command: Command) -> Result:
        first, last = self._range(command.key)
        keys = self._sorted
        if command.after is not None:
            first = max(first, bisect_right(keys, command.after))
        return Result(
            Status.OK, keys[first : min(last, first + command.limit)]
        )

    def _range(self, prefix: bytes) -> tuple[int, int]:
        """Returns where in `_sorted` keys with a prefix begin and end."""
        keys = self._ordered()
        first = bisect_left(keys, prefix)
        bound = prefix.rstrip(b"\xff")
        if not bound:  # Nothing comes behind keys that begin with 0xff.
            return first, len(keys)
        bound = bound[:-1] + bytes([bound[-1] + 1])
        return first, bisect_left(keys, bound)

    def _ordered(self) -> list[bytes]:
        """Returns the keys in order, sorting no more than has changed."""
        keys, find = self._sorted, self._find
        if self._gone:
            keys = [key for key in keys if find(key) is not None]
        if self._new:
            new = self._new
            if self._gone:  # And some of it has come back.
                back = {key for key in new if find(key) is not None}
                new = list(back.difference(keys))
            keys = keys + new
            keys.sort()  # Takes the sorted part as one run.
        self._sorted, self._new, self._gone = keys, [], False
        return keys

    def _open_session(self, index: int, command: Command) -> Result:
        self._sessions[index] = 0, DONE
        self._bound_sessions()
        return Result(Status.OK, index)

    def _close_session(self, index: int, command: Command) -> Result:
        _, answer = self._sessions.pop(command.client, (0, None))
        if answer is None:
            return Result(Status.OK, 0)
        self._answers -= _size(answer)
        return Result(Status.OK, 1)

    def dump(self) -> Iterable[bytes]:
        """Returns the whole state; see `StateMachine.dump`.

        A msgpack map that says how much there is, and then lists: key, value,
        key, value and so on, and client, sequence, status, value likewise.
        """
        self._ours = [False] * _SHARDS
        ticket = object()
        self._dumps.add(ticket)
        return self._dump(ticket, list(self._shards), dict(self._sessions))

    def _dump(
        self,
        ticket: object,
        shards: _Shards,
        sessions: dict[int, tuple[int, Result]],
    ) -> Iterator[bytes]:
        try:
            yield from _dump(shards, sessions)
        finally:  # Also if it is given up half way.
            self._dumps.discard(ticket)
            if not self._dumps:
                self._ours = [True] * _SHARDS

    def load(self, chunks: Iterable[bytes]) -> None:
        """Replaces the state; see `StateMachine.load`."""
        shards, sessions = _load(chunks)
        self._shards, self._sessions = shards, sessions
        self._ours, self._dumps = [True] * _SHARDS, set()
        self._answers = sum(_size(answer) for _, answer in sessions.values())
        self._sorted, self._gone = [], False
        self._new = list(chain.from_iterable(shards))


_Shards = list[dict[bytes, bytes]]


def _size(answer: Result) -> int:
    """Returns the bytes that an answer holds on to, beyond a few."""
    value = answer.value
    return len(value) if isinstance(value, bytes) else 0


def _dump(
    shards: _Shards, sessions: dict[int, tuple[int, Result]]
) -> Iterator[bytes]:
    keys = sum(map(len, shards))
    yield pack({"format": FORMAT, "keys": keys, "sessions": len(sessions)})
    flat: list[Value] = []
    size = 0
    for key, value in chain.from_iterable(map(dict.items, shards)):
        flat += key, value
        size += len(key) + len(value) + 16  # No end of tiny ones, either.
        if size >= CHUNK:
            yield pack(flat)
            flat, size = [], 0
    if flat:
        yield pack(flat)
    flat, size = [], 0
    for client, (sequence, answer) in sessions.items():
        flat += client, sequence, int(answer.status), answer.value
        size += _size(answer) + 32
        if size >= CHUNK:
            yield pack(flat)
            flat, size = [], 0
    if flat:
        yield pack(flat)


def _load(
    chunks: Iterable[bytes],
) -> tuple[_Shards, dict[int, tuple[int, Result]]]:
    """Returns keys and sessions of a dump; raises `ValueError` if none."""
    values = unpack_stream(chunks)
    shards: _Shards = [{} for _ in range(_SHARDS)]
    keys = 0
    sessions: dict[int, tuple[int, Result]] = {}
    head = next(values, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ValueError(f"no dump of format {FORMAT}: it begins {head!r}")
    for flat in values:
        if not isinstance(flat, list):
            raise ValueError(f"no dump: it holds a {type(flat).__name__}")
        if keys < head["keys"]:
            for key, value in zip(flat[::2], flat[1::2], strict=True):
                shards[_hash(key) & _LAST][key] = value
            keys += len(flat) // 2
        else:
            fours = (flat[n::4] for n in range(4))
            for client, sequence, status, value in zip(*fours, strict=True):
                answer = Result(Status(status), value)
                sessions[client] = sequence, answer
    found = {"keys": sum(map(len, shards)), "sessions": len(sessions)}
    if any(head.get(what) != n for what, n in found.items()):
        raise ValueError(f"a dump of {head} that holds {found}")
    return shards, sessions
