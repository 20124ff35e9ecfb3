"""The words that quorums are spoken of in: index, acknowledgement, outcome."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol

# What an empty quorum has committed: everything, as nobody is there to lack
# it. A joint quorum takes the smaller of two indexes, so an empty half then
# has no say, which is right.
INFINITY: Final = (1 << 64) - 1


class Index(int):
    """A position in the log, for printing.

    Computation is done on plain numbers, which are quicker to make; wrap one
    as `Index(n)` where a reader is to see it.

    Go: quorum.go:23-23 Index
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Returns the number, or the sign for infinity.

        Go: quorum.go:25-30 String
        """
        return "∞" if self == INFINITY else int.__repr__(self)


class AckedIndexer(Protocol):
    """Tells up to which index a voter has acknowledged the log.

    Go: quorum.go:34-36 AckedIndexer
    """

    def acked_index(self, voter_id: int) -> int | None:
        """Returns that index; `None` if nothing is known of the voter."""


class MapAckIndexer(dict[int, int]):
    """An `AckedIndexer` that looks up a dict: for tests and scripts.

    Go: quorum.go:38-38 mapAckIndexer
    """

    __slots__ = ()

    def acked_index(self, voter_id: int) -> int | None:
        """Returns the index stored for the voter, if there is one.

        Go: quorum.go:40-43 AckedIndex
        """
        return self.get(voter_id)


class VoteResult(IntEnum):
    """The outcome of a vote, as far as it can be told.

    `VotePending`: votes still missing can tip it either way. `VoteLost`: no
    majority in favour is possible any more. `VoteWon`: there is one.

    Go: quorum.go:48-48 VoteResult
    """

    VotePending = 1
    VoteLost = 2
    VoteWon = 3

    def __str__(self) -> str:
        """Returns the name.

        Go: voteresult_string.go:20-26 String
        """
        return self.name


VotePending: Final = VoteResult.VotePending
VoteLost: Final = VoteResult.VoteLost
VoteWon: Final = VoteResult.VoteWon
