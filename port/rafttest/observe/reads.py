"""Read index: a read's way to its answer.

    asked -> waiting for commit -> waiting for quorum -> confirmed -> answered
    asked -> forwarded -> answered                        with a follower

The queues of a leader are seen by comparing how long they are. An answer is
seen where it is put down for the application, or sent; that a read is dropped
shows only when its message is through and has left nothing behind.
"""

from __future__ import annotations

from typing import Final

from port import raftpb as pb
from port.raft import StateLeader
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family, Step

# Where a read was that is answered because of such a message.
_ANSWERED_FROM: Final = {
    "MsgReadIndex": "asked",
    "MsgReadIndexResp": "forwarded",
    "MsgAppResp": "waiting for commit",
}


class Reads(Family):
    """Reads that wait for their answers."""

    NAME = "read-index"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells which queue has grown, or is shorter."""
        scene = self.scene
        if now.waiting_reads > was.waiting_reads:
            self.tell("asked", "waiting for commit")
        elif now.waiting_reads and was.state is StateLeader is not now.state:
            why = scene.decider("role", "follower")
            self.tell("waiting for commit", "kept", why)
        if now.unconfirmed > was.unconfirmed:
            fresh = scene.within("MsgReadIndex")
            self.tell(
                "asked" if fresh else "waiting for commit",
                "waiting for quorum",
            )
        elif now.unconfirmed < was.unconfirmed:
            if now.confirmed > was.confirmed:
                self.tell("waiting for quorum", "confirmed")
            else:
                why = scene.decider("role", "follower")
                self.tell("waiting for quorum", "lost", why)
        if now.read_states > was.read_states:
            self._answered()

    def sent(self, m: pb.Message) -> None:
        """Tells of an answer that is sent to whoever asked."""
        self._answered()

    def _answered(self) -> None:
        """Tells that a read has its answer, and who gave it."""
        scene = self.scene
        before = _ANSWERED_FROM.get(scene.causes[-1], "confirmed")
        by = "send_msg_read_index_response"
        if before in ("forwarded", "confirmed") or (
            before == "asked" and scene.raft.trk.is_singleton()
        ):
            by = scene.handler
        self.tell(before, "answered", by)

    def asked(self, step: Step) -> None:
        """Tells what became of a read where it was passed on, or was not."""
        handler = self.scene.handler
        if handler == "follower_read_index":
            forwarded = any(s.type is pb.MsgReadIndex for s in step.sent)
            to = "forwarded" if forwarded else "dropped"
            self.tell("asked", to, handler)
        elif handler in ("step_candidate", "Raft._step_lower_term"):
            self.tell("asked", "dropped", handler)

    def returned(self, step: Step) -> None:
        """Tells of a leader's answer that nobody takes."""
        if len(self.scene.raft.read_states) == step.was.read_states:
            self.tell("forwarded", "dropped", self.scene.handler)

    def acknowledged(self, step: Step) -> None:
        """Tells of a peer's word for reads that are still too few."""
        reads = self.scene.raft.read_only
        if reads.unconfirmed_reads and reads.acks != step.acks:
            self.tell(
                "waiting for quorum", "waiting for quorum",
                self.scene.handler,
            )  # fmt: skip
