"""The desk where clients wait until their write is applied."""

from collections.abc import Callable
from random import Random

from kv.commands import Command, Result, encode
from kv.replica.answers import Failure

Done = Callable[[Result | Failure], None]

TIMEOUT = 5.0  # seconds


class Desk:
    """Who waits for which write."""

    def __init__(self, dice: Random) -> None:
        """Begins with nobody."""
        self.tag = dice.getrandbits(62)
        # By the bytes of the entry; the one who came first comes first.
        self.waiting: dict[bytes, tuple[float, Done]] = {}

    def submit(self, command: Command, now: float, done: Done) -> bytes:
        """Takes a client's write; returns the bytes to be proposed."""
        self.tag += 1
        data = encode(command._replace(tag=self.tag))
        self.waiting[data] = now + TIMEOUT, done
        return data

    def refused(self, data: bytes) -> None:
        """Raft has refused a proposal: it certainly is not done."""
        self._answer(data, Failure("BUSY", "nothing was done"))

    def applied(self, data: bytes, result: Result) -> None:
        """An entry was applied here: one of the desk's, or any other."""
        self._answer(data, result)

    def tick(self, now: float) -> None:
        """Time has passed: whoever has waited TIMEOUT seconds hears so."""
        late = [d for d, (end, _) in self.waiting.items() if end <= now]
        for data in late:
            self._answer(data, Failure("TIMEOUT", "outcome unknown", True))

    def stop(self) -> None:
        """The node stops: whoever still waits hears so."""
        for data in list(self.waiting):
            self._answer(data, Failure("STOPPED", "outcome unknown", True))

    def _answer(self, data: bytes, answer: Result | Failure) -> None:
        """Tells whoever waits for an entry, and forgets them."""
        _, done = self.waiting.pop(data, (0.0, None))
        if done is not None:
            done(answer)
