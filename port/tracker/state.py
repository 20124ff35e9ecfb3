"""The three ways in which a leader may treat a follower."""

from enum import IntEnum
from typing import Final


class StateType(IntEnum):
    """How the leader sends to a follower.

    `StateProbe`: the end of its log is not known. One append at a time goes
    out to find where the logs agree; the answer carries a hint, so that one
    round is mostly enough.

    `StateReplicate`: the logs agree up to a known point. Appends follow one
    another without waiting for answers.

    `StateSnapshot`: it needs entries that the leader no longer has. Nothing
    is sent until it has a snapshot.

    Go: state.go:18-18 StateType
    """

    StateProbe = 0
    StateReplicate = 1
    StateSnapshot = 2

    def __str__(self) -> str:
        """Returns the name.

        Go: state.go:42-42 String
        """
        return self.name


StateProbe: Final = StateType.StateProbe
StateReplicate: Final = StateType.StateReplicate
StateSnapshot: Final = StateType.StateSnapshot
