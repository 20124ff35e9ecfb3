"""The store in a few lines, to hold the real one to.

One dict of values, one of sessions, no shards, no sharing with dumps, nothing
clever. It is told each committed command once, in order; what every node's
state machine answers, at first, after a restart and from a snapshot, must be
the same.
"""

from __future__ import annotations

from kv.commands import MAX_VALUE, Command, Op, Result, Status, When

_GUARDED = frozenset({Op.PUT, Op.APPEND, Op.CAS, Op.DELETE})


class Model:
    """Keys, values and sessions.

    Attributes:
        values: By key.
        sessions: By client, the last number and its answer.
        first: By client and number, the index that carried it out.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self.values: dict[bytes, bytes] = {}
        self.sessions: dict[int, tuple[int, Result]] = {}
        self.first: dict[tuple[int, int], int] = {}

    def apply(self, index: int, c: Command) -> Result:
        """Carries out a command that went through the log."""
        if c.op is Op.OPEN_SESSION:
            self.sessions[index] = 0, Result()
            return Result(Status.OK, index)
        if c.op is Op.CLOSE_SESSION:
            closed = self.sessions.pop(c.client, None)
            return Result(Status.OK, int(closed is not None))
        if not c.client or c.op not in _GUARDED:
            return self._do(c)
        if c.client not in self.sessions:
            return Result(Status.EXPIRED)
        last, answer = self.sessions[c.client]
        if c.sequence <= last:
            again = c.sequence == last and last
            return answer if again else Result(Status.STALE)
        answer = self._do(c)
        self.sessions[c.client] = c.sequence, answer
        self.first[c.client, c.sequence] = index
        return answer

    def _do(self, c: Command) -> Result:
        values = self.values
        there = values.get(c.key)
        if c.op is Op.PUT:
            wanted = {When.ABSENT: False, When.PRESENT: True}.get(c.when)
            if wanted is not None and wanted != (there is not None):
                return Result(Status.UNMET)
            values[c.key] = c.value or b""
            return Result()
        if c.op is Op.APPEND:
            longer = (there or b"") + (c.value or b"")
            if len(longer) > MAX_VALUE:
                return Result(Status.TOO_LARGE)
            values[c.key] = longer
            return Result(Status.OK, len(longer))
        if c.op is Op.CAS:
            if there != c.expected:
                return Result(Status.UNMET, there)
            if c.value is None:
                values.pop(c.key, None)
            else:
                values[c.key] = c.value
            return Result()
        gone = 0  # Op.DELETE
        for key in c.keys:
            gone += values.pop(key, None) is not None
        return Result(Status.OK, gone)
