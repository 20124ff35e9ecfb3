"""1.2: your state machine, as `StateMachine` in kv/seams.py wants it.

Commands and results are those of kv/commands.py; keys and values are bytes,
as clients send them. Nothing but the commands and their order may decide what
is held and what is answered: no clock, no dice, no order of a set.
"""

from collections.abc import Iterable

from kv.commands import Command, Op, Result, Status


class Machine:
    """Keys and values."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def apply(self, index: int, command: Command) -> Result:
        """Carries out one command and returns its answer.

        See the functions `get` to `list_keys` in kv/commands.py: each says
        what it asks for and what is answered.
        """
        match command.op:
            case Op.GET:
                return Result(Status.OK, self.data.get(command.key))
            case Op.OPEN_SESSION:
                # Until 1.6, a session is a number and nothing else.
                return Result(Status.OK, index)
            case Op.CLOSE_SESSION:
                return Result(Status.OK, 0)
            case _:
                raise NotImplementedError(
                    "Machine.apply, for all but GET: PUT is next."
                )

    def dump(self) -> Iterable[bytes]:
        """Returns the whole state in chunks of bytes, as it is now.

        What is applied while the chunks are taken must not show in them.
        `kv.packing.pack` turns values, lists and dicts into bytes.
        """
        raise NotImplementedError("Machine.dump, the state as bytes.")

    def load(self, chunks: Iterable[bytes]) -> None:
        """Replaces the state by one that `dump` returned.

        Chunks may be cut elsewhere than `dump` cut them; see
        `kv.packing.unpack_stream`.

        Raises:
            ValueError: this is no such state.
        """
        raise NotImplementedError("Machine.load, the way back.")
