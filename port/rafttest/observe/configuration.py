"""Configuration: simple or joint, a change under way, one's own standing.

    empty, simple, joint                  the configuration that is in force
    voter, outgoing voter, learner, outsider     what this node is in it
    free, pending                         whether a leader has a change going
    proposed, leave proposed -> pending, refused     a change that comes in

The first three are seen by comparing. Whether a change is let in is the
answer of `_refuse_conf_change`, which a watched node asks here instead.
"""

from __future__ import annotations

from typing import Final

from port import raft as core
from port import raftpb as pb
from port.raft import Raft, StateLeader
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family, Scene, Step
from port.rafttest.observe.transition import Transition

_REFUSE: Final = core._refuse_conf_change
# By the first word of raft's own reason.
_REFUSED: Final = {
    "possible": "refused: one pending",
    "must": "refused: still joint",
    "not": "refused: not joint",
}


def changed_by(scene: Scene) -> str:
    """Returns what has brought another configuration."""
    snapshot = "MsgSnap" in scene.causes
    return "Raft.restore" if snapshot else "Raft.apply_conf_change"


class Configuration(Family):
    """Who is in the group, and what is about to change in it."""

    NAME = "configuration"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells of another configuration, standing, or pending change."""
        if was.config != now.config:
            self.tell(was.config, now.config, changed_by(self.scene))
        if was.standing != now.standing:
            self.tell(was.standing, now.standing, changed_by(self.scene))
        if now.state is not StateLeader:
            return
        leads_on = was.state is StateLeader
        pended = leads_on and was.pending_conf > was.applied
        pends = now.pending_conf > now.applied
        if pends and not pended and not self.scene.within("MsgProp"):
            # A proposal that is let in is told as such: `refuse`.
            self.tell("free", "pending", "Raft.become_leader")
        elif pended and not pends:
            self.tell("pending", "free")

    def refuse(self, r: Raft, cc: pb.ConfChangeI) -> str:
        """Stands in for `_refuse_conf_change`, and tells its answer."""
        why = _REFUSE(r, cc)
        if r is self.scene.raft:
            passes = not why or r.disable_conf_change_validation
            self.tell(
                "proposed" if cc.as_v2().changes else "leave proposed",
                "pending" if passes else _REFUSED[why.split()[0]],
                "_prop_conf_change" if passes else "_refuse_conf_change",
            )
        return why

    def proposed(self, step: Step) -> None:
        """Tells that raft itself wants to leave a joint configuration."""
        causes = self.scene.causes
        within = causes[-2] if len(causes) > 1 else ""
        if within.startswith("Msg"):
            self.scene.sink(
                Transition(
                    self.NAME, step.was.config, within,
                    "leave dropped" if step.dropped else "leave proposed",
                    "Raft.applied_to",
                )
            )  # fmt: skip
