"""1.2 and 1.6, all in a row, with the sessions around it."""

from kv.commands import MAX_VALUE, Op, Result, Status, When
from kv.packing import pack, unpack_stream

GUARDED = (Op.PUT, Op.APPEND, Op.CAS, Op.DELETE)


class Machine:
    def __init__(self):
        self.data = {}
        self.s = {}

    def apply(self, index, command):
        if command.client and command.op in GUARDED:
            if command.client not in self.s:
                return Result(Status.EXPIRED)
            n, r = self.s[command.client]
            if command.sequence == n and n:
                return r
            if command.sequence <= n:
                return Result(Status.STALE)
            r = self._apply(index, command)
            self.s.pop(command.client)
            self.s[command.client] = (command.sequence, r)
            return r
        if command.op == Op.OPEN_SESSION:
            self.s[index] = (0, None)
            if len(self.s) > 10000:
                del self.s[next(iter(self.s))]
            return Result(Status.OK, index)
        if command.op == Op.CLOSE_SESSION:
            known = self.s.pop(command.client, None)
            return Result(Status.OK, 1 if known else 0)
        return self._apply(index, command)

    def _apply(self, index, command):
        c, d = command, self.data
        if c.op == Op.GET:
            return Result(Status.OK, d.get(c.key))
        if c.op == Op.PUT:
            if c.when == When.ABSENT and c.key in d:
                return Result(Status.UNMET)
            if c.when == When.PRESENT and c.key not in d:
                return Result(Status.UNMET)
            d[c.key] = c.value
            return Result()
        if c.op == Op.APPEND:
            v = d.get(c.key, b"") + c.value
            if len(v) > MAX_VALUE:
                return Result(Status.TOO_LARGE)
            d[c.key] = v
            return Result(Status.OK, len(v))
        if c.op == Op.CAS:
            if d.get(c.key) != c.expected:
                return Result(Status.UNMET, d.get(c.key))
            d[c.key] = c.value
            if c.value is None:
                del d[c.key]
            return Result()
        if c.op == Op.DELETE:
            n = 0
            for k in c.keys:
                if k in d:
                    n += 1
                    del d[k]
            return Result(Status.OK, n)
        if c.op == Op.EXISTS:
            return Result(Status.OK, len([k for k in c.keys if k in d]))
        keys = sorted(k for k in d if k.startswith(c.key))
        if c.op == Op.COUNT:
            return Result(Status.OK, len(keys))
        if c.op == Op.LIST:
            if c.after is not None:
                keys = [k for k in keys if k > c.after]
            return Result(Status.OK, keys[: c.limit])
        if c.op == Op.OPEN_SESSION:
            return Result(Status.OK, index)
        return Result(Status.OK, 0)

    def dump(self):
        return [pack([self.data, list(self.s.items())])]

    def load(self, chunks):
        ((self.data, s),) = unpack_stream(chunks)
        self.s = {
            k: (n, r and Result(Status(r[0]), r[1])) for k, (n, r) in s
        }
