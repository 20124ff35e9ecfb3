"""5.6: a long function, cut up.

It works as it stands, and does what raft.go:1384-1578 does. Cut it into
functions of at most twenty lines of code each (docstring, blank lines and
the `def` are not counted), each with a docstring of a line or more. Nothing
that it does may change.
"""

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
    log, logger = r.raft_log, r.logger
    from_ = m.from_ or NONE
    index = m.index or 0
    if m.reject:
        hint = m.reject_hint or 0
        log_term = m.log_term or 0
        logger.debug(
            "%x received MsgAppResp(rejected, hint: (index %d, term %d))"
            " from %x for index %d",
            r.id,
            hint,
            log_term,
            from_,
            index,
        )
        if log_term > 0:
            hint, _ = log.find_conflict_by_term(hint, log_term)
        if pr.maybe_decr_to(index, hint):
            logger.debug("%x decreased progress of %x to [%s]",
                         r.id, from_, pr)
            if pr.state is StateReplicate:
                pr.become_probe()
            r.send_append(from_)
    else:
        news = pr.maybe_update(index)
        if not news:
            if pr.match != index:
                return
            if pr.state is not StateProbe:
                return
        if pr.state is StateProbe:
            pr.become_replicate()
        elif pr.state is StateSnapshot:
            if pr.match + 1 >= log.first_index():
                logger.debug(
                    "%x recovered from needing snapshot, resumed sending"
                    " replication messages to %x [%s]",
                    r.id,
                    from_,
                    pr,
                )
                pr.become_probe()
                pr.become_replicate()
        elif pr.state is StateReplicate:
            pr.inflights.free_le(index)
        if r.maybe_commit():
            release_pending_read_index_messages(r)
            r.bcast_append()
        elif r.id != from_ and pr.can_bump_commit(log.committed):
            r.send_append(from_)
        if r.id != from_:
            while r.maybe_send_append(from_, False):
                pass
        if from_ == r.lead_transferee and pr.match == log.last_index():
            logger.info(
                "%x sent MsgTimeoutNow to %x after received MsgAppResp",
                r.id,
                from_,
            )
            r.send_timeout_now(from_)
