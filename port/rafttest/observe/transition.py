"""What an observer tells, and whom: `Transition` and `Sink`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Transition(NamedTuple):
    """One move of one state machine.

    Attributes:
        family: Which state machine; see the head of this package.
        from_: The state before.
        cause: The type of message, or the method of `RawNode`, that moved it.
        to: The state after.
        symbol: The function that decided, such as `Raft.campaign`.
    """

    family: str
    from_: str
    cause: str
    to: str
    symbol: str


Sink = Callable[[Transition], None]
