"""Two sets of voters that must both agree: joint consensus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from port.quorum.majority import MajorityConfig
from port.quorum.quorum import (
    AckedIndexer,
    VoteLost,
    VotePending,
    VoteResult,
)


class JointConfig:
    """Two majorities, which may overlap; a decision needs both of them.

    Half 0 is the incoming configuration, half 1 the outgoing one. Outside of
    a joint change half 1 is empty, and has no say then.

    Go: joint.go:19-19 JointConfig
    """

    __slots__ = ("incoming", "outgoing")

    def __init__(
        self,
        incoming: MajorityConfig | None = None,
        outgoing: MajorityConfig | None = None,
    ) -> None:
        self.incoming = MajorityConfig() if incoming is None else incoming
        self.outgoing = MajorityConfig() if outgoing is None else outgoing

    def __getitem__(self, half: int) -> MajorityConfig:
        return (self.incoming, self.outgoing)[half]

    def __iter__(self) -> Iterator[MajorityConfig]:
        return iter((self.incoming, self.outgoing))

    def __len__(self) -> int:
        return 2

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JointConfig):
            return NotImplemented
        return tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # mutable, so not a key

    def __repr__(self) -> str:
        return f"JointConfig({self.incoming!r}, {self.outgoing!r})"

    def __str__(self) -> str:
        """Returns `(1 2 3)&&(1 2)`, or the incoming half alone.

        Go: joint.go:21-26 String
        """
        if self.outgoing:
            return f"{self.incoming}&&{self.outgoing}"
        return str(self.incoming)

    def ids(self) -> set[int]:
        """Returns a new set of everyone who votes in either half.

        Go: joint.go:30-38 IDs
        """
        return set(self.incoming) | self.outgoing

    def describe(self, acked: AckedIndexer) -> str:
        """Returns a picture of all voters, as `MajorityConfig.describe`.

        Go: joint.go:42-44 Describe
        """
        return MajorityConfig(self.ids()).describe(acked)

    def committed_index(self, acked: AckedIndexer) -> int:
        """Returns the highest index that is committed in both halves.

        Go: joint.go:49-56 CommittedIndex
        """
        incoming = self.incoming.committed_index(acked)
        if not self.outgoing:
            return incoming
        outgoing = self.outgoing.committed_index(acked)
        return incoming if incoming < outgoing else outgoing

    def vote_result(self, votes: Mapping[int, bool]) -> VoteResult:
        """Counts votes: won if both halves won, lost as soon as one lost.

        Go: joint.go:61-75 VoteResult
        """
        incoming = self.incoming.vote_result(votes)
        outgoing = self.outgoing.vote_result(votes)
        if incoming is outgoing:
            return incoming
        if incoming is VoteLost or outgoing is VoteLost:
            return VoteLost
        return VotePending
