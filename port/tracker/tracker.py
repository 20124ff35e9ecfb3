"""Who is in the cluster, and how far each of them has come."""

from __future__ import annotations

from port import raftpb as pb
from port.quorum import JointConfig, MajorityConfig, VoteResult, VoteWon
from port.tracker.progress import Progress, ProgressMap


class Config:
    """A configuration: who votes, and who only learns.

    Nobody is voter and learner at once; a voter in either half of a joint
    configuration is a voter. That is what `learners_next` is for. Take
    voters 1, 2, 3 and a change that makes 3 a learner. On the way, 3 still
    votes in the outgoing half, so it cannot be a learner yet, and waits:

        before   voters=(1 2 3)
        joint    voters=(1 2)&&(1 2 3) learners_next=(3)
        after    voters=(1 2) learners=(3)

    A new learner that has no vote to lose becomes one at once, so that it
    can begin to catch up.

    Attributes:
        voters: The incoming half, and while joint the outgoing one.
        auto_leave: Raft itself shall leave the joint configuration as soon
            as it may; else the application proposes that.
        learners: Who receives the log without a vote.
        learners_next: Who becomes a learner when the joint configuration is
            left; voters of the outgoing half, all of them.

    Go: tracker.go:27-78 Config
    """

    __slots__ = ("auto_leave", "learners", "learners_next", "voters")

    def __init__(
        self,
        voters: JointConfig | None = None,
        auto_leave: bool = False,
        learners: set[int] | None = None,
        learners_next: set[int] | None = None,
    ) -> None:
        self.voters = JointConfig() if voters is None else voters
        self.auto_leave = auto_leave
        self.learners = set() if learners is None else learners
        self.learners_next = set() if learners_next is None else learners_next

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Config):
            return NotImplemented
        return (
            self.voters == other.voters
            and self.auto_leave == other.auto_leave
            and self.learners == other.learners
            and self.learners_next == other.learners_next
        )

    __hash__ = None  # type: ignore[assignment]  # mutable, so not a key

    def __repr__(self) -> str:
        return f"<Config {self}>"

    def __str__(self) -> str:
        """Returns `voters=(1 2)&&(1) learners=(3) autoleave` and the like.

        Go: tracker.go:80-93 String
        """
        text = f"voters={self.voters}"
        if self.learners:
            text += f" learners={MajorityConfig(self.learners)}"
        if self.learners_next:
            text += f" learners_next={MajorityConfig(self.learners_next)}"
        if self.auto_leave:
            text += " autoleave"
        return text

    def clone(self) -> Config:
        """Returns a copy that shares no sets, and has `auto_leave` false.

        That the flag is left behind is Go's doing, and it is kept. Only
        `port.confchange` clones: to enter a joint configuration it sets the
        flag afterwards, to leave one it clears it, and a simple change finds
        it clear.

        Go: tracker.go:96-112 Clone
        """
        return Config(
            voters=JointConfig(
                MajorityConfig(self.voters.incoming),
                MajorityConfig(self.voters.outgoing),
            ),
            learners=set(self.learners),
            learners_next=set(self.learners_next),
        )


class ProgressTracker:
    """The active configuration, and what is known of each node in it.

    Attributes:
        config: The active configuration. Go embeds it, so its fields can be
            read here too.
        progress: The progress of each voter and learner.
        votes: Who has voted in the current election, and how.
        max_inflight: The size of a new node's window, in messages.
        max_inflight_bytes: The same in bytes; 0 for any number.

    Go: tracker.go:117-126 ProgressTracker
    """

    __slots__ = (
        "config", "max_inflight", "max_inflight_bytes", "progress", "votes",
    )  # fmt: skip

    def __init__(self, max_inflight: int, max_inflight_bytes: int) -> None:
        """Makes a tracker of nobody.

        Go: tracker.go:129-145 MakeProgressTracker
        """
        self.max_inflight = max_inflight
        self.max_inflight_bytes = max_inflight_bytes
        self.config = Config()
        self.votes: dict[int, bool] = {}
        self.progress = ProgressMap()

    @property
    def voters(self) -> JointConfig:
        """The voters of the active configuration."""
        return self.config.voters

    @property
    def auto_leave(self) -> bool:
        """Whether raft itself leaves the joint configuration."""
        return self.config.auto_leave

    @property
    def learners(self) -> set[int]:
        """The learners of the active configuration."""
        return self.config.learners

    @property
    def learners_next(self) -> set[int]:
        """Who becomes a learner when the joint configuration is left."""
        return self.config.learners_next

    def conf_state(self) -> pb.ConfState:
        """Returns the active configuration in the form that is stored.

        Go: tracker.go:148-156 ConfState
        """
        config = self.config
        return pb.ConfState(
            voters=config.voters.incoming.slice(),
            voters_outgoing=config.voters.outgoing.slice(),
            learners=sorted(config.learners),
            learners_next=sorted(config.learners_next),
            auto_leave=config.auto_leave,
        )

    def is_singleton(self) -> bool:
        """Tells whether one voter alone decides everything.

        Go: tracker.go:160-162 IsSingleton
        """
        voters = self.config.voters
        return len(voters.incoming) == 1 and not voters.outgoing

    def committed(self) -> int:
        """Returns the highest index that a quorum of voters has.

        Go: tracker.go:179-181 Committed
        """
        acked = MatchAckIndexer(self.progress)
        return self.config.voters.committed_index(acked)

    def visit(self) -> list[tuple[int, Progress]]:
        """Returns id and progress of each node, by id.

        Go calls back for each; here the caller loops over a list.

        Go: tracker.go:184-204 Visit
        """
        return sorted(self.progress.items())

    def quorum_active(self) -> bool:
        """Tells whether a quorum has been heard from recently.

        Go: tracker.go:208-218 QuorumActive
        """
        votes = {
            id: pr.recent_active
            for id, pr in self.progress.items()
            if not pr.is_learner
        }
        return self.config.voters.vote_result(votes) is VoteWon

    def voter_nodes(self) -> list[int]:
        """Returns the ids of all voters, of both halves, sorted.

        Go: tracker.go:221-229 VoterNodes
        """
        return sorted(self.config.voters.ids())

    def learner_nodes(self) -> list[int]:
        """Returns the ids of the learners, sorted.

        Go: tracker.go:232-242 LearnerNodes
        """
        return sorted(self.config.learners)

    def reset_votes(self) -> None:
        """Forgets the votes, for a new election.

        Go: tracker.go:245-247 ResetVotes
        """
        self.votes = {}

    def record_vote(self, id: int, v: bool) -> None:
        """Takes note of a vote; a node's first one counts.

        Args:
            id: Who voted.
            v: Whether in favour.

        Go: tracker.go:251-256 RecordVote
        """
        self.votes.setdefault(id, v)

    def tally_votes(self) -> tuple[int, int, VoteResult]:
        """Counts the votes.

        Returns:
            How many voters are in favour, how many against, and the outcome.
            The two counts are for the log: they leave out those who are no
            longer in the configuration.

        Go: tracker.go:260-281 TallyVotes
        """
        granted = rejected = 0
        votes = self.votes
        for id, pr in self.progress.items():
            if pr.is_learner or id not in votes:
                continue
            if votes[id]:
                granted += 1
            else:
                rejected += 1
        return granted, rejected, self.config.voters.vote_result(votes)


class MatchAckIndexer:
    """Lets a quorum look up what each voter has acknowledged.

    Go: tracker.go:164-164 matchAckIndexer
    """

    __slots__ = ("progress",)

    def __init__(self, progress: ProgressMap) -> None:
        self.progress = progress

    def acked_index(self, voter_id: int) -> int | None:
        """Returns the match index of the voter; `None` for a stranger.

        Go: tracker.go:169-175 AckedIndex
        """
        pr = self.progress.get(voter_id)
        return None if pr is None else pr.match
