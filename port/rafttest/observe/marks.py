"""What is known of a node at one look, and the names of its states.

Two of these, one look apart, are all that the families compare.
"""

from __future__ import annotations

from typing import Final

from port.log import RaftLog
from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from port.tracker import Progress, StateReplicate

_ROLES: Final = {
    StateFollower: "follower",
    StatePreCandidate: "pre-candidate",
    StateCandidate: "candidate",
    StateLeader: "leader",
}


class Marks:
    """What is known of a node; each field is compared by itself."""

    __slots__ = (
        "active", "applied", "applying", "commit", "config", "confirmed",
        "first", "in_progress", "last", "lead", "offset", "paused",
        "pending_conf", "progress", "read_states", "snapshot",
        "snapshot_index", "standing", "state", "term", "transferee",
        "unconfirmed", "vote", "waiting_reads",
    )  # fmt: skip

    def __init__(self, r: Raft) -> None:
        log = r.raft_log
        unstable = log.unstable
        self.state = r.state
        self.term = r.term
        self.vote = r.vote
        self.lead = r.lead
        self.transferee = r.lead_transferee
        self.pending_conf = r.pending_conf_index
        self.offset = unstable.offset
        self.in_progress = unstable.offset_in_progress
        self.snapshot = _snapshot_state(log)
        self.snapshot_index = unstable.snapshot and unstable.snapshot.index
        self.first = log.storage.first_index()
        self.last = log.last_index()
        self.commit = log.committed
        self.applying = log.applying
        self.applied = log.applied
        self.paused = log.applying_ents_paused
        self.config = _config_kind(r)
        self.standing = _standing(r)
        self.waiting_reads = len(r.pending_read_index_messages)
        self.unconfirmed = len(r.read_only.unconfirmed_reads)
        self.confirmed = r.read_only.confirmed_reads
        self.read_states = len(r.read_states)
        self.progress: dict[int, str] = {}
        self.active: dict[int, bool] = {}
        if r.state is StateLeader:
            for id, pr in r.trk.progress.items():
                if id != r.id:
                    self.progress[id] = progress_state(pr)
                    self.active[id] = pr.recent_active

    @property
    def role(self) -> str:
        """The role's name."""
        return _ROLES[self.state]

    @property
    def leader(self) -> str:
        """Whether a leader is known."""
        return "leader known" if self.lead else "no leader known"


def progress_state(pr: Progress) -> str:
    """Returns `probe`, `replicate` or `snapshot`, and what holds it up."""
    full = pr.state is StateReplicate and pr.inflights.full()
    return (
        str(pr.state).removeprefix("State").lower()
        + ", full" * full
        + ", paused" * pr.msg_app_flow_paused
    )


def _snapshot_state(log: RaftLog) -> str:
    if log.unstable.snapshot is None:
        return "none"
    if log.unstable.snapshot_in_progress:
        return "in progress"
    return "received"


def _config_kind(r: Raft) -> str:
    """Returns `empty`, `simple`, `joint` or `joint, leaves by itself`."""
    voters = r.trk.voters
    if voters[1]:
        return "joint, leaves by itself" if r.trk.auto_leave else "joint"
    return "simple" if voters[0] else "empty"


def _standing(r: Raft) -> str:
    """Returns what this node is in its configuration."""
    if r.id in r.trk.voters[0]:
        return "voter"
    if r.id in r.trk.voters[1]:
        return "outgoing voter"
    return "learner" if r.id in r.trk.learners else "outsider"
