"""4.1: write down what clients saw."""

from collections.abc import Callable


class Recorder:
    """Turns the calls and answers of clients into a history.

    Each event is handed to `write` as a dict with these keys:

        index    0, 1, 2, ...
        time     what clock() says, in nanoseconds
        process  a number; see below
        type     "invoke", "ok", "fail" or "info"
        f        "get", "put", "append", "cas" or "delete"
        key      the key
        value    what was asked (of a cas, the pair of old and new); and in
                 the `ok` of a get, what was found
        swapped  in the `ok` of a cas: True or False

    A client is a number of the caller's. A process is the history's word for
    it, with one difference: a client whose call has an unknown outcome goes on
    as a process that was never used before, for its old call may still be
    under way. Mind the clients that come later: a number that you made up must
    not be theirs as well.

    An event takes one look at the clock. A call that is refused writes none.
    Nobody ends a call that is not open, so you need not look out for that.
    """

    def __init__(
        self, write: Callable[[dict[str, object]], None],
        clock: Callable[[], int],
    ) -> None:
        self._write = write
        self._clock = clock

    def invoke(
        self, client: int, f: str, key: str, value: object = None
    ) -> None:
        """Before the call goes out.

        Raises:
            ValueError: this client has a call open already.
        """
        raise NotImplementedError("Recorder.invoke.")

    def ok(self, client: int, result: object = None) -> None:
        """It was done: for a get, what was found; for a cas, whether it
        swapped."""
        raise NotImplementedError("Recorder.ok.")

    def fail(self, client: int) -> None:
        """It certainly was not done, and will not be."""
        raise NotImplementedError("Recorder.fail.")

    def info(self, client: int) -> None:
        """Nobody knows: no answer came, or the connection broke."""
        raise NotImplementedError("Recorder.info.")
