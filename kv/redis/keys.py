"""Commands on keys, and sessions: what the store is for.

A write becomes a `Command` that goes through the log, a read one that is
answered by this node's machine once raft has said how far it must have got.
Either way the client's place in line is taken at once, and filled later.

    ONCE session number SET ...

has a write carried out once, however often it is sent: see `kv.commands` on
sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kv.commands import (
    MAX_KEY,
    MAX_KEYS,
    MAX_VALUE,
    Command,
    Op,
    Result,
    When,
    count,
    list_keys,
)
from kv.redis import replies
from kv.redis.connection import READ, WRITE, Connection, Handler
from kv.redis.glob import glob, literal
from kv.redis.replies import too_large
from kv.replica.reads import Reads
from kv.replica.writes import Writes
from kv.resp import array, bulk

CURSORS: Final = 1000  # scans that are under way
LIST_ALL: Final = 1 << 32  # keys

Session = tuple[int, int]
"""A session's client, and the number of a write of it."""

_NONE: Final = (0, 0)


class KeyCommands:
    """What clients ask of the state machine.

    Attributes:
        table: The commands, by name.
    """

    def __init__(self, writes: Writes, reads: Reads) -> None:
        """Takes whom to hand them to."""
        self._writes = writes
        self._reads = reads
        # Where a scan goes on, by its number; the oldest is forgotten first.
        self._cursors: dict[int, bytes] = {}
        self.table: Final[dict[bytes, Handler]] = {
            b"SET": (WRITE, 2, 4, self._set),
            b"GET": (READ, 1, 1, self._get),
            b"DEL": (WRITE, 1, MAX_KEYS, self._del),
            b"APPEND": (WRITE, 2, 2, self._append),
            b"CAS": (WRITE, 3, 5, self._cas),
            b"ONCE": (WRITE, 4, MAX_KEYS + 4, self._once),
            b"SESSION": (WRITE, 1, 2, self._session),
            b"EXISTS": (READ, 1, MAX_KEYS, self._exists),
            b"STRLEN": (READ, 1, 1, self._strlen),
            b"DBSIZE": (READ, 0, 0, self._dbsize),
            b"KEYS": (READ, 1, 1, self._keys),
            b"SCAN": (READ, 1, 7, self._scan),
        }
        self._of_session: Final[
            dict[bytes, Callable[[Connection, list[bytes], Session], None]]
        ] = {
            b"SET": self._set, b"DEL": self._del, b"APPEND": self._append,
            b"CAS": self._cas,
        }  # fmt: skip

    def _write(
        self, client: Connection, shape: replies.Shape, session: Session,
        op: Op, key: bytes = b"", value: bytes | None = None,
        expected: bytes | None = None, when: When = When.ALWAYS,
        keys: tuple[bytes, ...] = (),
    ) -> None:  # fmt: skip
        """Has a write carried out; the answer comes in its turn."""
        writes = self._writes
        session_client, sequence = session
        command = Command(
            op, key, value, expected, when, keys, None, 0, session_client,
            sequence, writes.tag(),
        )  # fmt: skip
        writes.add(command, client.expect(shape))

    # Writes. What they are of a session, if they are, comes last.

    def _set(
        self, client: Connection, words: list[bytes],
        session: Session = _NONE,
    ) -> None:  # fmt: skip
        key, value = words[1], words[2]
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            client.reply(too_large(key, value))
            return
        when = When.ALWAYS
        for word in words[3:]:
            option = word.upper()
            if option == b"NX" and when is not When.PRESENT:
                when = When.ABSENT
            elif option == b"XX" and when is not When.ABSENT:
                when = When.PRESENT
            else:
                raise ValueError("syntax error: only NX or XX may follow")
        self._write(
            client, replies.put, session, Op.PUT, key, value, None, when
        )

    def _append(
        self, client: Connection, words: list[bytes],
        session: Session = _NONE,
    ) -> None:  # fmt: skip
        key, value = words[1], words[2]
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            client.reply(too_large(key, value))
            return
        self._write(client, replies.number, session, Op.APPEND, key, value)

    def _cas(
        self, client: Connection, words: list[bytes],
        session: Session = _NONE,
    ) -> None:  # fmt: skip
        key, expected, value = words[1:4]
        if len(key) > MAX_KEY or max(len(expected), len(value)) > MAX_VALUE:
            client.reply(too_large(key, max(expected, value, key=len)))
            return
        options = {word.upper() for word in words[4:]}
        if options - {b"ABSENT", b"DELETE"}:
            raise ValueError("syntax error: ABSENT or DELETE may follow")
        self._write(
            client, replies.swap, session, Op.CAS, key,
            None if b"DELETE" in options else value,
            None if b"ABSENT" in options else expected,
        )  # fmt: skip

    def _del(
        self, client: Connection, words: list[bytes],
        session: Session = _NONE,
    ) -> None:  # fmt: skip
        if max(map(len, words)) > MAX_KEY:
            client.reply(too_large(max(words[1:], key=len), b""))
            return
        self._write(
            client, replies.number, session, Op.DELETE,
            keys=tuple(words[1:]),
        )  # fmt: skip

    # Sessions.

    def _once(self, client: Connection, words: list[bytes]) -> None:
        name = words[3].upper()
        function = self._of_session.get(name)
        if function is None:
            raise ValueError("ONCE is for SET, DEL, APPEND and CAS")
        if not (words[1].isdigit() and words[2].isdigit()):
            raise ValueError("ONCE session number COMMAND ...")
        _, least, most, _ = self.table[name]
        if not least <= len(words) - 4 <= most:
            raise ValueError("wrong number of arguments")
        session = int(words[1]), int(words[2])
        if not 0 < session[0] < 1 << 64 or not 0 < session[1] < 1 << 64:
            raise ValueError("session and number are positive")
        function(client, words[3:], session)

    def _session(self, client: Connection, words: list[bytes]) -> None:
        session, op = _NONE, Op.OPEN_SESSION
        match [words[1].upper(), *words[2:]]:
            case [b"OPEN"]:
                pass
            case [b"CLOSE", which] if (
                which.isdigit() and 0 < int(which) < 1 << 64
            ):
                session, op = (int(which), 0), Op.CLOSE_SESSION
            case _:
                raise ValueError("SESSION OPEN, or SESSION CLOSE session")
        self._write(client, replies.number, session, op)

    # Reads.

    def _get(self, client: Connection, words: list[bytes]) -> None:
        command = Command(Op.GET, words[1])
        self._reads.add(command, client.expect(replies.value))

    def _strlen(self, client: Connection, words: list[bytes]) -> None:
        command = Command(Op.GET, words[1])
        self._reads.add(command, client.expect(replies.length))

    def _exists(self, client: Connection, words: list[bytes]) -> None:
        command = Command(Op.EXISTS, keys=tuple(words[1:]))
        self._reads.add(command, client.expect(replies.number))

    def _dbsize(self, client: Connection, words: list[bytes]) -> None:
        self._reads.add(count(), client.expect(replies.number))

    def _keys(self, client: Connection, words: list[bytes]) -> None:
        pattern = words[1]
        match_key = glob(pattern)

        def shape(result: Result) -> bytes:
            found = replies.keys(result)
            return array([bulk(k) for k in found if match_key(k)])

        command = list_keys(literal(pattern), None, LIST_ALL)
        self._reads.add(command, client.expect(shape))

    def _scan(self, client: Connection, words: list[bytes]) -> None:
        if not words[1].isdigit():
            raise ValueError("invalid cursor")
        cursor, after = int(words[1]), None
        if cursor:
            after = self._cursors.pop(cursor, None)
            if after is None:
                raise ValueError("invalid cursor: it is too old")
        pattern, limit = b"*", 10
        options = words[2:]
        while options:
            match [options[0].upper(), *options[1:]]:
                case [b"MATCH", word, *options]:
                    pattern = word
                case [b"COUNT", word, *options] if word.isdigit():
                    limit = min(max(int(word), 1), 10_000)
                case [b"TYPE", word, *options]:
                    if word.lower() != b"string":
                        pattern = b""
                case _:
                    raise ValueError("syntax error")
        match_key = glob(pattern)

        def shape(result: Result) -> bytes:
            found = replies.keys(result)
            more = self._cursor(found[-1]) if len(found) == limit else 0
            shown = [bulk(k) for k in found if match_key(k)]
            return array([bulk(b"%d" % more), array(shown)])

        command = list_keys(literal(pattern), after, limit)
        self._reads.add(command, client.expect(shape))

    def _cursor(self, after: bytes) -> int:
        """Returns a number under which a scan goes on behind a key."""
        number = self._writes.tag() & ((1 << 62) - 1)
        self._cursors[number] = after
        if len(self._cursors) > CURSORS:
            self._cursors.pop(next(iter(self._cursors)))
        return number
