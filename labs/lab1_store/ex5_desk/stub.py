"""1.5: your desk, where clients wait until their write is applied.

A write goes into the log as bytes, `encode(command)` of kv/commands.py, and
comes back, some time later or never, on every node. The desk finds the client
who waits. What it says must be true, whatever else happens.
"""

from collections.abc import Callable
from random import Random

from kv.commands import Command, Result
from kv.replica.answers import Failure

Done = Callable[[Result | Failure], None]

TIMEOUT = 5.0  # seconds


class Desk:
    """Who waits for which write."""

    def __init__(self, dice: Random) -> None:
        """Begins with nobody.

        Args:
            dice: For tags. No two desks may use the same ones, not even
                before and after a restart: old entries come back.
        """
        self.dice = dice

    def submit(self, command: Command, now: float, done: Done) -> bytes:
        """Takes a client's write.

        Args:
            command: What to do; its `tag` is for the desk to set.
            now: The time, in seconds.
            done: Is to be called once, with the answer.

        Returns:
            The bytes to be proposed: different ones for each write.
        """
        raise NotImplementedError("Desk.submit, which takes a client's write.")

    def refused(self, data: bytes) -> None:
        """Raft has refused a proposal: it certainly is not done."""
        raise NotImplementedError("Desk.refused, which is good to know.")

    def applied(self, data: bytes, result: Result) -> None:
        """An entry was applied here: one of the desk's, or any other."""
        raise NotImplementedError("Desk.applied, where clients hear of it.")

    def tick(self, now: float) -> None:
        """Time has passed: whoever has waited TIMEOUT seconds hears so."""
        raise NotImplementedError("Desk.tick, the end of waiting.")

    def stop(self) -> None:
        """The node stops: whoever still waits hears so."""
        raise NotImplementedError("Desk.stop, for those who still wait.")
