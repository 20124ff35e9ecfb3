"""A state machine: keys and values, without sessions."""

from collections.abc import Iterable, Iterator

from kv.commands import MAX_VALUE, Command, Op, Result, Status, When
from kv.packing import pack, unpack_stream

CHUNK = 100  # keys


class Machine:
    """Keys and values."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def apply(self, index: int, command: Command) -> Result:
        """Carries out one command and returns its answer."""
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
                return Result(Status.OK, index)
            case Op.CLOSE_SESSION:
                return Result(Status.OK, 0)

    def dump(self) -> Iterable[bytes]:
        """Returns the whole state in chunks of bytes, as it is now."""
        # The list is made here and now; only the packing can wait.
        return _chunks([(key, value) for key, value in self.data.items()])

    def load(self, chunks: Iterable[bytes]) -> None:
        """Replaces the state by one that `dump` returned."""
        values = unpack_stream(chunks)
        size = next(values, None)
        found: dict[bytes, bytes] = {}
        for some in values:
            if not isinstance(some, list):
                raise ValueError(f"no dump: it holds {some!r}")
            found.update(some)
        if size != len(found):
            raise ValueError(f"a dump of {size} keys that holds {len(found)}")
        self.data = found


def _chunks(pairs: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    yield pack(len(pairs))
    for at in range(0, len(pairs), CHUNK):
        yield pack(pairs[at : at + CHUNK])
