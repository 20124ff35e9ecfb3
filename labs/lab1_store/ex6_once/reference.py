"""A state machine: keys, values, and the sessions of those who write."""

from collections.abc import Iterable, Iterator

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

CHUNK = 100  # keys
SESSIONS = 10_000
GUARDED = {Op.PUT, Op.APPEND, Op.CAS, Op.DELETE}


class Machine:
    """Keys, values, and of each session the last number and answer."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        # The session that was used longest ago comes first.
        self.sessions: dict[int, tuple[int, Result]] = {}

    def apply(self, index: int, command: Command) -> Result:
        """Carries out one command, once, and returns its answer."""
        client, sequence = command.client, command.sequence
        if not client or command.op not in GUARDED:
            return self._do(index, command)
        if client not in self.sessions:
            return Result(Status.EXPIRED)
        last, answer = self.sessions.pop(client)
        if sequence > last:
            last, answer = sequence, self._do(index, command)
        self.sessions[client] = last, answer  # Now the one used last.
        if sequence < last or sequence == 0:
            return Result(Status.STALE)
        return answer

    def _do(self, index: int, command: Command) -> Result:
        data, key = self.data, command.key
        now = data.get(key)
        match command.op:
            case Op.GET:
                return Result(Status.OK, now)
            case Op.PUT:
                if command.when is When.ABSENT and now is not None:
                    return Result(Status.UNMET)
                if command.when is When.PRESENT and now is None:
                    return Result(Status.UNMET)
                data[key] = command.value or b""
                return Result()
            case Op.APPEND:
                grown = (now or b"") + (command.value or b"")
                if len(grown) > MAX_VALUE:
                    return Result(Status.TOO_LARGE)
                data[key] = grown
                return Result(Status.OK, len(grown))
            case Op.CAS:
                if now != command.expected:
                    return Result(Status.UNMET, now)
                if command.value is None:
                    data.pop(key, None)
                else:
                    data[key] = command.value
                return Result()
            case Op.DELETE:
                gone = [data.pop(k, None) for k in command.keys]
                return Result(Status.OK, len(gone) - gone.count(None))
            case Op.EXISTS:
                return Result(Status.OK, sum(k in data for k in command.keys))
            case Op.COUNT:
                return Result(Status.OK, sum(k.startswith(key) for k in data))
            case Op.LIST:
                keys = sorted(k for k in data if k.startswith(key))
                if command.after is not None:
                    keys = [k for k in keys if k > command.after]
                return Result(Status.OK, keys[: command.limit])
            case Op.OPEN_SESSION:
                # No index comes twice, so neither does an id.
                self.sessions[index] = 0, Result()
                if len(self.sessions) > SESSIONS:
                    del self.sessions[next(iter(self.sessions))]
                return Result(Status.OK, index)
            case Op.CLOSE_SESSION:
                known = self.sessions.pop(command.client, None)
                return Result(Status.OK, int(known is not None))

    def dump(self) -> Iterable[bytes]:
        """Returns the whole state in chunks of bytes, as it is now."""
        pairs = list(self.data.items())
        sessions = [
            (client, last, int(answer.status), answer.value)
            for client, (last, answer) in self.sessions.items()
        ]
        return _chunks(pairs, sessions)

    def load(self, chunks: Iterable[bytes]) -> None:
        """Replaces the state by one that `dump` returned."""
        values = unpack_stream(chunks)
        sizes = next(values, None)
        data: dict[bytes, bytes] = {}
        sessions: dict[int, tuple[int, Result]] = {}
        for some in values:
            if not isinstance(some, list):
                raise ValueError(f"no dump: it holds {some!r}")
            for key, *rest in some:
                if len(rest) == 1:
                    data[key] = rest[0]
                else:
                    last, status, value = rest
                    sessions[key] = last, Result(Status(status), value)
        if sizes != [len(data), len(sessions)]:
            raise ValueError(f"a dump of {sizes} that holds {len(data)} keys")
        self.data, self.sessions = data, sessions


def _chunks(
    pairs: list[tuple[bytes, bytes]],
    sessions: list[tuple[int, int, int, Value]],
) -> Iterator[bytes]:
    yield pack((len(pairs), len(sessions)))
    for rows in (pairs, sessions):
        for at in range(0, len(rows), CHUNK):
            yield pack(rows[at : at + CHUNK])
