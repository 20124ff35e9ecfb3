"""Progress: how a leader sends to one peer.

    probe, replicate, snapshot      each also `paused`, the second also `full`
    active, inactive                whether the peer was heard of lately

Seen by comparing what the leader has noted of each of its peers. Who leads no
more has nothing noted of anybody, and that is told once, not once a peer.
"""

from __future__ import annotations

from port.raft import StateLeader
from port.rafttest.observe.configuration import changed_by
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family


class Peers(Family):
    """What a leader has noted of its peers."""

    NAME = "progress"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells of each peer that is sent to otherwise than before."""
        if now.state is not StateLeader:
            if was.progress:
                why = self.scene.decider("role", "follower")
                self.tell("any", "none", why)
            return
        for id in sorted(was.progress.keys() | now.progress.keys()):
            before = was.progress.get(id, "none")
            after = now.progress.get(id, "none")
            if before != after:
                gone_or_new = was.progress and "none" in (before, after)
                self.tell(
                    before, after,
                    changed_by(self.scene) if gone_or_new else "",
                )  # fmt: skip
        said = "inactive", "active"
        for id, active in now.active.items():
            if was.active.get(id, active) != active:
                self.tell(said[not active], said[active], self.scene.handler)
