"""The names of the outcomes of a vote; upstream generates this file."""

from typing import Final

NAMES: Final = ("VotePending", "VoteLost", "VoteWon")


def string(i: int) -> str:
    """Returns the name of outcome `i`, or the number in a frame if unknown.

    Go: voteresult_string.go:20-26 String
    """
    if 1 <= i <= len(NAMES):
        return NAMES[i - 1]
    return f"VoteResult({i})"
