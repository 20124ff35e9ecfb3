"""Entries: an entry's way to being applied, or to being replaced.

    absent, proposed -> unstable -> in progress -> stable      on the disk
    uncommitted -> committed -> applying -> applied -> compacted

Most is seen by comparing marks along the log: where an entry stands is where
they stand. What is replaced has to be told before it is gone, at
`RaftLog.append`. A proposal that is not let in leaves no mark at all, and
neither does a report of the disk's that comes too late.
"""

from __future__ import annotations

from port import raftpb as pb
from port.log import RaftLog
from port.raft import StateLeader
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.scene import Family, Step
from port.types import EntryID


class Entries(Family):
    """Where the marks along a log stand."""

    NAME = "entry"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells which marks have moved."""
        if was.paused != now.paused:
            said = "apply open", "apply paused"
            self.tell(said[was.paused], said[now.paused])
        if now.snapshot == "received" and (
            was.snapshot != "received"
            or was.snapshot_index != now.snapshot_index
        ):
            if was.last >= was.first:
                self.tell("any", "under a snapshot")
            return  # all marks jump; that is no entry's own way
        if now.in_progress > was.in_progress and now.offset == was.offset:
            self.tell("unstable", "in progress")
        if now.offset > was.offset:
            self.tell("in progress", "stable")
        if now.commit > was.commit:
            self.tell("uncommitted", "committed")
        if now.applied > was.applied and now.applying > was.applying:
            self.tell("under a snapshot", "applied")
        elif now.applied > was.applied:
            self.tell("applying", "applied")
        elif now.applying > was.applying:
            self.tell("committed", "applying")
        if (
            now.first > was.first
            and now.snapshot == "none"
            and self.scene.causes == ["compact"]
        ):
            self.tell("applied", "compacted", "MemoryStorage.compact")

    def replaced(self, log: RaftLog, ents: list[pb.Entry]) -> None:
        """Tells which entries are replaced, before they are."""
        scene = self.scene
        if not ents or log is not scene.raft.raft_log:
            return
        marks = scene.marks
        first = ents[0].index or 0
        if marks.commit < first <= marks.last:
            states = (
                ("stable", 0, marks.offset),
                ("in progress", marks.offset, marks.in_progress),
                ("unstable", marks.in_progress, marks.last + 1),
            )
            for state, lo, hi in states:
                if max(lo, first) < hi:
                    self.tell(state, "replaced")
        if marks.commit < first:
            of = "proposed" if scene.within("MsgProp") else "absent"
            self.tell(of, "unstable")

    def reported(self, log: RaftLog, id: EntryID) -> tuple[int, int | None]:
        """Takes note of what a report of stable entries is compared with."""
        return log.unstable.offset, log.unstable.maybe_term(id.index)

    def ignored(
        self, known: tuple[int, int | None], _: object, log: RaftLog,
        id: EntryID,
    ) -> None:  # fmt: skip
        """Tells of a report of stable entries that changes nothing."""
        offset, term = known
        if log.unstable.offset != offset:
            return
        if term is None:
            why = "not there any more"
        else:
            why = "under a snapshot" if id.index < offset else "another term"
        self.tell("in progress", f"report ignored: {why}")

    def stored(self, step: Step) -> None:
        """Tells of a report of stable entries that is not even looked at."""
        handler = self.scene.handler
        if handler == "Raft._step_lower_term" and step.message.index:
            self.tell("in progress", "report ignored: older term", handler)

    def proposed(self, step: Step) -> None:
        """Tells what became of a proposal that was not appended here."""
        r, handler = self.scene.raft, self.scene.handler
        if not step.dropped:
            if handler == "follower_prop":
                self.tell("proposed", "forwarded", handler)
            elif handler != "leader_prop":
                self.tell("proposed", "ignored", handler)
            return
        if r.state is StateLeader:
            why = "too much uncommitted"
            if r.id not in r.trk.progress:
                why = "not a member"
            elif r.lead_transferee:
                why = "leadership transfer"
        else:
            why = "not forwarded" if r.lead else "no leader"
        self.tell("proposed", f"dropped: {why}", handler)
