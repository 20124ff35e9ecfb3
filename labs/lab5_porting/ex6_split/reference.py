"""5.6: a long function, cut up."""

from port import raftpb as pb
from port.raft import Raft, release_pending_read_index_messages
from port.tracker import (
    Progress,
    StateProbe,
    StateReplicate,
    StateSnapshot,
)
from port.types import NONE


def leader_app_resp(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Learns how far a peer's log, or this node's own disk, has come."""
    pr.recent_active = True
    if m.reject:
        look_further_back(r, m, pr)
    elif brings_news(m, pr):
        move_on(r, m, pr)
        commit_what_can_be(r, m, pr)
        send_the_rest(r, m)
        hand_over_if_ready(r, m, pr)


def look_further_back(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Finds, after a refusal, where the logs may agree, and tries there."""
    from_, index = m.from_ or NONE, m.index or 0
    hint, term = m.reject_hint or 0, m.log_term or 0
    r.logger.debug(
        "%x received MsgAppResp(rejected, hint: (index %d, term %d))"
        " from %x for index %d", r.id, hint, term, from_, index,
    )  # fmt: skip
    if term > 0:
        hint, _ = r.raft_log.find_conflict_by_term(hint, term)
    if pr.maybe_decr_to(index, hint):
        r.logger.debug("%x decreased progress of %x to [%s]",
                       r.id, from_, pr)  # fmt: skip
        if pr.state is StateReplicate:
            pr.become_probe()
        r.send_append(from_)


def brings_news(m: pb.Message, pr: Progress) -> bool:
    """Tells whether a peer has more, or just what a probe assumed."""
    index = m.index or 0
    if pr.maybe_update(index):
        return True
    return pr.match == index and pr.state is StateProbe


def move_on(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Lets the peer's progress take its next state."""
    if pr.state is StateProbe:
        pr.become_replicate()
    elif pr.state is StateSnapshot:
        if pr.match + 1 >= r.raft_log.first_index():
            r.logger.debug(
                "%x recovered from needing snapshot, resumed sending"
                " replication messages to %x [%s]", r.id, m.from_ or NONE, pr,
            )  # fmt: skip
            pr.become_probe()
            pr.become_replicate()
    elif pr.state is StateReplicate:
        pr.inflights.free_le(m.index or 0)


def commit_what_can_be(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Commits, and tells all; or tells the one that does not know."""
    if r.maybe_commit():
        release_pending_read_index_messages(r)
        r.bcast_append()
    elif r.id != m.from_ and pr.can_bump_commit(r.raft_log.committed):
        r.send_append(m.from_ or NONE)


def send_the_rest(r: Raft, m: pb.Message) -> None:
    """Fills the window that this answer has opened."""
    if r.id != m.from_:
        while r.maybe_send_append(m.from_ or NONE, False):
            pass


def hand_over_if_ready(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Lets the next leader stand once it has everything."""
    from_ = m.from_ or NONE
    if from_ == r.lead_transferee and pr.match == r.raft_log.last_index():
        r.logger.info(
            "%x sent MsgTimeoutNow to %x after received MsgAppResp",
            r.id, from_,
        )  # fmt: skip
        r.send_timeout_now(from_)
