"""Snapshots: one's way into the log, or out to a peer.

    none -> received -> in progress -> stored     with a follower
    wanted -> sent, not sent                      by a leader

The way in is seen by comparing `unstable.snapshot`. A snapshot that is not
taken leaves no mark: it is told at what `Raft.restore` returns. Of the way
out, too, nothing but the sending shows.
"""

from __future__ import annotations

from port import raftpb as pb
from port.raft import Raft, StateFollower
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family
from port.tracker import Progress


class Snapshots(Family):
    """A snapshot that comes in, or is to go out."""

    NAME = "snapshot"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells how far the one that came in is."""
        if (was.snapshot, was.snapshot_index) != (
            now.snapshot,
            now.snapshot_index,
        ):
            gone = now.snapshot == "none"
            self.tell(was.snapshot, "stored" if gone else now.snapshot)

    def restoring(self, r: Raft, s: pb.Snapshot) -> tuple[int, str]:
        """Returns what is committed, and why it would not be taken."""
        self.scene.look()
        committed = r.raft_log.committed
        if s.index <= committed:
            return committed, "ignored: old"
        if r.state is not StateFollower:
            return committed, "ignored: no follower"
        return committed, "ignored: not in it"

    def restored(
        self, known: tuple[int, str], taken: object, r: Raft, *_: object
    ) -> None:
        """Tells of a snapshot that came in and is not taken."""
        committed, why = known
        if not taken:
            if r.raft_log.committed > committed:
                why = "fast-forwarded"
            self.tell("none", why, "Raft.restore")

    def tried(
        self, _: object, sent: object, r: Raft, to: int, pr: Progress
    ) -> None:
        """Tells of a snapshot that cannot be sent."""
        if not sent:
            why = "unavailable" if pr.recent_active else "peer inactive"
            self.tell("wanted", f"not sent: {why}", "Raft.maybe_send_snapshot")

    def sent(self, m: pb.Message) -> None:
        """Tells of one that is sent."""
        self.tell("wanted", "sent")
