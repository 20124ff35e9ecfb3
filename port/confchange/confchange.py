"""The rules by which a cluster's membership may change.

Two majorities of sets that differ in one member always share a member, so
a change of one voter is safe to make at once: `Changer.simple`. Any larger
change goes through a joint configuration, in which every decision needs a
majority of the old voters and one of the new: `enter_joint`, later
`leave_joint`. This is section 4.3 of the Raft thesis.

Everything works on copies and returns them. A change that is refused raises,
and leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable

from port import raftpb as pb
from port.errors import InvalidConfChange
from port.quorum import MajorityConfig
from port.tracker import (
    Config,
    Inflights,
    Progress,
    ProgressMap,
    ProgressTracker,
)


class Changer:
    """Computes changes to the configuration that a tracker holds.

    Attributes:
        tracker: Where the changes start from; it is only read.
        last_index: The last index of the log, from which a new node's
            progress starts.

    Go: confchange.go:31-34 Changer
    """

    __slots__ = ("last_index", "tracker")

    def __init__(self, tracker: ProgressTracker, last_index: int) -> None:
        self.tracker = tracker
        self.last_index = last_index

    def enter_joint(
        self, auto_leave: bool, ccs: Iterable[pb.ConfChangeSingle]
    ) -> tuple[Config, ProgressMap]:
        """Enters a joint configuration: from `(1 2)` to `(1 2 3)&&(1 2)`.

        The voters are copied to the outgoing half, and the changes are made
        to the incoming one.

        Args:
            auto_leave: Passed on in the new configuration.
            ccs: The changes.

        Returns:
            The new configuration and its progress map.

        Raises:
            InvalidConfChange: the configuration is joint already, has no
                voters, or would have none.

        Go: confchange.go:51-78 EnterJoint
        """
        cfg, trk = self.check_and_copy()
        if joint(cfg):
            raise InvalidConfChange("config is already joint")
        if not cfg.voters.incoming:
            # Bootstrap starts from nobody, but by way of simple changes.
            raise InvalidConfChange("can't make a zero-voter config joint")
        cfg.voters.outgoing = MajorityConfig(cfg.voters.incoming)
        self.apply(cfg, trk, ccs)
        cfg.auto_leave = auto_leave
        return check_and_return(cfg, trk)

    def leave_joint(self) -> tuple[Config, ProgressMap]:
        """Leaves the joint configuration: the incoming half is all there is.

        Learners that had to wait become learners, and who is in neither half
        nor a learner is forgotten.

        Returns:
            The new configuration and its progress map.

        Raises:
            InvalidConfChange: the configuration is not joint.

        Go: confchange.go:94-121 LeaveJoint
        """
        cfg, trk = self.check_and_copy()
        if not joint(cfg):
            raise InvalidConfChange("can't leave a non-joint config")
        for id in cfg.learners_next:
            cfg.learners.add(id)
            trk[id].is_learner = True
        cfg.learners_next = set()
        for id in cfg.voters.outgoing:
            if id not in cfg.voters.incoming and id not in cfg.learners:
                del trk[id]
        cfg.voters.outgoing = MajorityConfig()
        cfg.auto_leave = False
        return check_and_return(cfg, trk)

    def simple(
        self, ccs: Iterable[pb.ConfChangeSingle]
    ) -> tuple[Config, ProgressMap]:
        """Makes changes that come to at most one voter more or less.

        Args:
            ccs: The changes; of learners, as many as one likes.

        Returns:
            The new configuration and its progress map.

        Raises:
            InvalidConfChange: the configuration is joint, more than one
                voter would change, or none would be left.

        Go: confchange.go:128-145 Simple
        """
        cfg, trk = self.check_and_copy()
        if joint(cfg):
            raise InvalidConfChange(
                "can't apply simple config change in joint config"
            )
        self.apply(cfg, trk, ccs)
        before = self.tracker.config.voters.incoming
        if symdiff(before, cfg.voters.incoming) > 1:
            raise InvalidConfChange(
                "more than one voter changed without entering joint config"
            )
        return check_and_return(cfg, trk)

    def apply(
        self,
        cfg: Config,
        trk: ProgressMap,
        ccs: Iterable[pb.ConfChangeSingle],
    ) -> None:
        """Makes the changes in place, voters in the incoming half.

        A change of node 0 does nothing: an application that decides against
        a change that is committed already sets the id to 0.

        Raises:
            InvalidConfChange: a change is of no known type, or there are no
                voters left.

        Go: confchange.go:150-174 apply
        """
        for cc in ccs:
            id = cc.node_id or 0
            if id == 0:
                continue
            kind = cc.type or pb.ConfChangeAddNode
            if kind is pb.ConfChangeAddNode:
                self.make_voter(cfg, trk, id)
            elif kind is pb.ConfChangeAddLearnerNode:
                self.make_learner(cfg, trk, id)
            elif kind is pb.ConfChangeRemoveNode:
                self.remove(cfg, trk, id)
            elif kind is not pb.ConfChangeUpdateNode:
                raise InvalidConfChange(f"unexpected conf type {int(kind)}")
        if not cfg.voters.incoming:
            raise InvalidConfChange("removed all voters")

    def make_voter(self, cfg: Config, trk: ProgressMap, id: int) -> None:
        """Makes the node a voter of the incoming half, new or promoted.

        Go: confchange.go:178-189 makeVoter
        """
        pr = trk.get(id)
        if pr is None:
            self.init_progress(cfg, trk, id, is_learner=False)
            return
        pr.is_learner = False
        cfg.learners.discard(id)
        cfg.learners_next.discard(id)
        cfg.voters.incoming.add(id)

    def make_learner(self, cfg: Config, trk: ProgressMap, id: int) -> None:
        """Makes the node a learner, now or when the joint state is left.

        A voter of the outgoing half has to wait: nobody may be voter and
        learner at once. What is known of its progress is kept.

        Go: confchange.go:204-228 makeLearner
        """
        pr = trk.get(id)
        if pr is None:
            self.init_progress(cfg, trk, id, is_learner=True)
            return
        if pr.is_learner:
            return
        self.remove(cfg, trk, id)
        trk[id] = pr
        if id in cfg.voters.outgoing:
            cfg.learners_next.add(id)
        else:
            pr.is_learner = True
            cfg.learners.add(id)

    def remove(self, cfg: Config, trk: ProgressMap, id: int) -> None:
        """Removes the node; its progress stays while the other half needs it.

        Go: confchange.go:231-244 remove
        """
        if id not in trk:
            return
        cfg.voters.incoming.discard(id)
        cfg.learners.discard(id)
        cfg.learners_next.discard(id)
        if id not in cfg.voters.outgoing:
            del trk[id]

    def init_progress(
        self, cfg: Config, trk: ProgressMap, id: int, is_learner: bool
    ) -> None:
        """Adds a node that was not there.

        The first probe takes it that the node has the log up to our last
        entry but one. That is hopeful; its answer puts it right.

        Go: confchange.go:247-271 initProgress
        """
        if is_learner:
            cfg.learners.add(id)
        else:
            cfg.voters.incoming.add(id)
        trk[id] = Progress(
            match=0,
            next=max(self.last_index, 1),
            inflights=Inflights(
                self.tracker.max_inflight, self.tracker.max_inflight_bytes
            ),
            is_learner=is_learner,
            # A newcomer has had no time to be heard from. Counted as silent,
            # it could cost a leader that checks its quorum the leadership.
            recent_active=True,
        )

    def check_and_copy(self) -> tuple[Config, ProgressMap]:
        """Returns copies of the configuration and of the progress map.

        Of each progress only `is_learner` will change, so its window of
        appends is shared with the original.

        Raises:
            InvalidConfChange: the two do not fit each other.

        Go: confchange.go:337-347 checkAndCopy
        """
        cfg = self.tracker.config.clone()
        trk = ProgressMap(
            (id, pr.copy()) for id, pr in self.tracker.progress.items()
        )
        return check_and_return(cfg, trk)


def check_invariants(cfg: Config, trk: ProgressMap) -> None:
    """Checks that a configuration fits itself and its progress map.

    Everyone has progress. Who waits to become a learner is a voter of the
    outgoing half. Who is a learner is a voter of neither, and is marked. An
    empty configuration passes: every cluster starts from one.

    Raises:
        InvalidConfChange: it does not; the text says which node is wrong.

    Go: confchange.go:276-332 checkInvariants
    """
    for ids in (cfg.voters.ids(), cfg.learners, cfg.learners_next):
        for id in ids:
            if id not in trk:
                raise InvalidConfChange(f"no progress for {id}")
    for id in cfg.learners_next:
        if id not in cfg.voters.outgoing:
            raise InvalidConfChange(
                f"{id} is in LearnersNext, but not Voters[1]"
            )
        if trk[id].is_learner:
            raise InvalidConfChange(
                f"{id} is in LearnersNext, but is already marked as learner"
            )
    for id in cfg.learners:
        if id in cfg.voters.outgoing:
            raise InvalidConfChange(f"{id} is in Learners and Voters[1]")
        if id in cfg.voters.incoming:
            raise InvalidConfChange(f"{id} is in Learners and Voters[0]")
        if not trk[id].is_learner:
            raise InvalidConfChange(
                f"{id} is in Learners, but is not marked as learner"
            )
    if not joint(cfg) and cfg.auto_leave:
        raise InvalidConfChange("AutoLeave must be false when not joint")


def check_and_return(
    cfg: Config, trk: ProgressMap
) -> tuple[Config, ProgressMap]:
    """Returns both if they fit each other.

    Raises:
        InvalidConfChange: they do not.

    Go: confchange.go:351-356 checkAndReturn
    """
    check_invariants(cfg, trk)
    return cfg, trk


def symdiff(left: set[int], right: set[int]) -> int:
    """Returns how many are in one of the sets and not in the other.

    Go: confchange.go:384-398 symdiff
    """
    return len(left ^ right)


def joint(cfg: Config) -> bool:
    """Tells whether the configuration is joint.

    Go: confchange.go:400-402 joint
    """
    return len(cfg.voters.outgoing) > 0


def describe(ccs: Iterable[pb.ConfChangeSingle]) -> str:
    """Returns the changes as text: `ConfChangeAddNode(1) ...`.

    Go: confchange.go:410-419 Describe
    """
    return " ".join(
        f"{cc.type or pb.ConfChangeAddNode}({cc.node_id or 0})" for cc in ccs
    )
