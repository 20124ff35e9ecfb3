"""Roles: follower, pre-candidate, candidate, leader.

A new term is a move as well, and so is the news of a leader to somebody who
follows. Seen by comparing role, term and leader; that a role is entered anew
with nothing changed shows only at `become_...`, and that a campaign came to
nothing only when the message that asked for it is through.
"""

from __future__ import annotations

from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family, Step

# Of a leader that leads on, though it has no vote any more.
_GONE = {"outsider": "removed", "learner": "demoted"}


class Roles(Family):
    """What a node is to the others, and whom it follows."""

    NAME = "role"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells of another role, term, or leader."""
        if was.state is not now.state or was.term != now.term:
            self.tell(was.role, now.role)
        if was.state is StateFollower and now.state is StateFollower:
            if was.lead != now.lead:
                both = was.lead and now.lead
                self.tell(
                    was.leader,
                    "another leader known" if both else now.leader,
                    self.scene.handler if was.term == now.term else "",
                )
        elif (
            was.state is StateLeader
            and now.state is StateLeader
            and was.standing != now.standing
            and now.standing in _GONE
        ):
            self.tell(
                "leader", f"leader, {_GONE[now.standing]}",
                "Raft.switch_to_config",
            )  # fmt: skip

    def becoming(self, r: Raft, *_: object) -> Marks:
        """Takes note of how the node stands before it becomes something."""
        return self.scene.marks

    def became(self, was: Marks, _: object, r: Raft, *__: object) -> None:
        """Tells of a role that is entered anew, with nothing else changed."""
        stands = r.state is StateCandidate or r.state is StatePreCandidate
        self.scene.campaigns += stands
        if was.state is r.state and was.term == r.term:
            self.tell(was.role, was.role)

    def stood(self, step: Step) -> None:
        """Tells why there was no campaign, if there was none.

        `Raft.hup` asks the same questions in the same order.
        """
        scene = self.scene
        if scene.handler not in ("Raft._step_hup", "follower_timeout_now"):
            return
        if scene.campaigns != step.campaigns:
            return
        if step.was.state is StateLeader:
            why = "refused: leads already"
        elif not step.promotable:
            why = "refused: not promotable"
        else:
            why = "refused: change not applied"
        self.tell(step.was.role, why, "Raft.hup")

    def forgot(self, step: Step) -> None:
        """Tells of a leader that is not forgotten."""
        handler = self.scene.handler
        if handler == "follower_forget_leader" and self.scene.raft.lead:
            self.tell("leader known", "refused: lease", handler)
