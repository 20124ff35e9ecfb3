"""4.1: write down what clients saw."""

from collections.abc import Callable


class Recorder:
    """Turns the calls and answers of clients into a history."""

    def __init__(
        self, write: Callable[[dict[str, object]], None],
        clock: Callable[[], int],
    ) -> None:
        self._write = write
        self._clock = clock
        self._index = 0
        self._fresh = 0
        self._process: dict[int, int] = {}
        self._open: dict[int, tuple[str, str, object]] = {}

    def invoke(
        self, client: int, f: str, key: str, value: object = None
    ) -> None:
        """Before the call goes out."""
        if client in self._open:
            raise ValueError(f"client {client} has a call open")
        if client not in self._process:
            self._process[client] = self._fresh
            self._fresh += 1
        self._open[client] = f, key, value
        self._event(client, "invoke", f, key, value)

    def ok(self, client: int, result: object = None) -> None:
        """It was done."""
        f, key, value = self._open.pop(client)
        if f == "cas":
            self._event(client, "ok", f, key, value, swapped=result)
        else:
            seen = result if f == "get" else value
            self._event(client, "ok", f, key, seen)

    def fail(self, client: int) -> None:
        """It certainly was not done, and will not be."""
        self._event(client, "fail", *self._open.pop(client))

    def info(self, client: int) -> None:
        """Nobody knows."""
        self._event(client, "info", *self._open.pop(client))
        del self._process[client]

    def _event(
        self, client: int, kind: str, f: str, key: str, value: object,
        **more: object,
    ) -> None:  # fmt: skip
        event = {
            "index": self._index, "time": self._clock(),
            "process": self._process[client], "type": kind, "f": f,
            "key": key, "value": value, **more,
        }  # fmt: skip
        self._index += 1
        self._write(event)
