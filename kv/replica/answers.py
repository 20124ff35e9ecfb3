"""What a client hears of what it asked: done, not done, or unknown.

A failure says which of the last two. *Not done* is a promise, that nothing
was done and nothing will be; `kv.replica.writes` says when it can be given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kv.commands import Result


class Failure(NamedTuple):
    """Why a request was not carried out.

    Attributes:
        code: One word for programs.
        text: The rest, for people.
        unknown: Whether it may have been carried out all the same, or may
            yet be. If not, it certainly was not, and will not be.
    """

    code: str
    text: str
    unknown: bool = False


Answer = Result | Failure
Done = Callable[[Answer], None]
"""Whom to tell; to be called once."""

NO_LEADER: Final = Failure("NOLEADER", "no leader is known; nothing was done")
BUSY: Final = Failure("BUSY", "raft takes no writes now; nothing was done")
FULL: Final = Failure("BUSY", "too many requests wait; nothing was done")
REFUSED: Final = Failure(
    "REFUSED", "another change is under way; nothing was done"
)
UNKNOWN: Final = Failure(
    "TIMEOUT", "outcome unknown: it may have been done, or may yet be", True
)
READ_LATE: Final = Failure("TIMEOUT", "the read was not answered in time")
STOPPED: Final = Failure("STOPPED", "the node stops; nothing was done")
STOPPED_UNKNOWN: Final = Failure(
    "STOPPED", "the node stops; outcome unknown", True
)
