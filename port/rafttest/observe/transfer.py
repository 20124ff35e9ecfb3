"""Transfer: a leader's way of handing over.

    asked -> ignored, dropped, forwarded         a wish that is not granted
    none -> catching up -> told -> done, aborted

A handover has no state of its own in raft but the name of who is to take
over, and that is compared. Whether that node was told to stand is seen when
the message is sent; whether it worked, by who sent the message that ended it.
"""

from __future__ import annotations

from port import raftpb as pb
from port.raft import StateLeader
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family, Scene, Step


class Transfer(Family):
    """A handover that was asked for.

    Attributes:
        told: The node that is to take over was told to campaign.
    """

    NAME = "transfer"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.told = False
        self._telling = False

    @property
    def _under_way(self) -> str:
        return "told" if self.told else "catching up"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells of a handover that is over, or has begun."""
        if was.transferee == now.transferee:
            return
        before = self._under_way
        self.told = False
        if was.transferee:
            done = now.state is not StateLeader and any(
                m.from_ == was.transferee for m in self.scene.messages
            )
            self.tell(before, "done" if done else "aborted")
        if now.transferee:
            after = "told" if self._telling else "catching up"
            self.tell("none", after, "leader_transfer_leader")

    def sent(self, m: pb.Message) -> None:
        """Tells that a node was told to campaign."""
        scene, before = self.scene, self._under_way
        known = scene.marks.transferee == scene.raft.lead_transferee
        self._telling = True
        scene.look()
        self._telling = False
        if known:
            self.tell(before, "told")
        self.told = True

    def asked(self, step: Step) -> None:
        """Tells what became of a wish for another leader, if not granted."""
        r, handler = self.scene.raft, self.scene.handler
        to = step.message.from_ or 0
        if handler == "follower_transfer_leader":
            why = "forwarded" if step.sent else "dropped: no leader"
        elif handler == "step_candidate":
            why = "dropped: no leader"
        elif handler == "Raft._step_lower_term":
            why = "ignored: older term"
        elif to not in r.trk.progress:
            why = "ignored: unknown"
        elif r.trk.progress[to].is_learner:
            why = "ignored: learner"
        elif to == r.id:
            why = "ignored: leads already"
        elif to == step.was.transferee:
            why = "ignored: under way"
        else:
            return
        self.tell("asked", why, handler)
