"""One set of voters that decides by majority."""

from __future__ import annotations

from collections.abc import Mapping

from port.quorum.quorum import (
    INFINITY,
    AckedIndexer,
    VoteLost,
    VotePending,
    VoteResult,
    VoteWon,
)


class MajorityConfig(set[int]):
    """The ids of the voters; more than half of them make a decision.

    Go: majority.go:26-26 MajorityConfig
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Returns the ids in order, in hexadecimal: `(1 2 a)`.

        Go: majority.go:28-44 String
        """
        return f"({' '.join(f'{voter_id:x}' for voter_id in sorted(self))})"

    def describe(self, acked: AckedIndexer) -> str:
        """Returns a picture of who has acknowledged what, a line a voter.

        The bar of a voter is as long as there are voters behind it; equals
        have equal bars. A question mark stands for a voter not heard of.

        Go: majority.go:48-106 Describe
        """
        n = len(self)
        if n == 0:
            return "<empty majority quorum>"
        index = {voter_id: acked.acked_index(voter_id) for voter_id in self}
        bars: dict[int, int] = {}
        bar, last = 0, -1
        ranked = sorted((index[v] or 0, v) for v in self)
        for behind, (idx, voter_id) in enumerate(ranked):
            if idx > last:
                bar, last = behind, idx
            bars[voter_id] = bar
        lines = [" " * n + "    idx\n"]
        for voter_id in sorted(self):
            if index[voter_id] is None:
                picture = "?" + " " * n
            else:
                bar = bars[voter_id]
                picture = "x" * bar + ">" + " " * (n - bar)
            idx = index[voter_id] or 0
            lines.append(f"{picture} {idx:5d}    (id={voter_id:x})\n")
        return "".join(lines)

    def slice(self) -> list[int]:
        """Returns the ids as a sorted list.

        Go: majority.go:109-116 Slice
        """
        return sorted(self)

    def committed_index(self, acked: AckedIndexer) -> int:
        """Returns the highest index that a majority has acknowledged.

        A voter not heard of counts as 0. Put in order, the indexes of a
        majority start just right of the middle towards the small end: with 5
        voters, that is the third largest.

        Returns:
            The index; `INFINITY` if there are no voters.

        Go: majority.go:120-163 CommittedIndex
        """
        n = len(self)
        if n == 0:
            return INFINITY
        acked_index = acked.acked_index
        indexes = [acked_index(voter_id) or 0 for voter_id in self]
        indexes.sort()
        return indexes[n - (n // 2 + 1)]

    def vote_result(self, votes: Mapping[int, bool]) -> VoteResult:
        """Counts votes; those of strangers do not matter.

        Args:
            votes: Who voted, and how: true is in favour.

        Returns:
            The outcome. Without voters a vote is won: so a joint quorum with
            an empty half behaves like the other half alone.

        Go: majority.go:169-198 VoteResult
        """
        if not self:
            return VoteWon
        granted = missing = 0
        for voter_id in self:
            vote = votes.get(voter_id)
            if vote is None:
                missing += 1
            elif vote:
                granted += 1
        quorum = len(self) // 2 + 1
        if granted >= quorum:
            return VoteWon
        if granted + missing >= quorum:
            return VotePending
        return VoteLost
