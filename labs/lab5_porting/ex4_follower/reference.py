"""5.4: a follower, message by message."""

from port import raftpb as pb
from port.errors import ProposalDropped
from port.raft import CampaignType, Raft, ReadOnlyLeaseBased
from port.read_only import ReadState
from port.types import NONE


def step_follower(r: Raft, m: pb.Message) -> None:
    """Takes a message as a follower."""
    log = r.logger
    match m.type:
        case pb.MsgProp:
            if r.lead == NONE:
                log.info("%x no leader at term %d; dropping proposal",
                         r.id, r.term)
                raise ProposalDropped
            if r.disable_proposal_forwarding:
                log.info("%x not forwarding to leader %x at term %d;"
                         " dropping proposal", r.id, r.lead, r.term)
                raise ProposalDropped
            m.to = r.lead
            r.send(m)
        case pb.MsgApp:
            heard(r, m)
            r.handle_append_entries(m)
        case pb.MsgHeartbeat:
            heard(r, m)
            r.handle_heartbeat(m)
        case pb.MsgSnap:
            heard(r, m)
            r.handle_snapshot(m)
        case pb.MsgTransferLeader:
            if r.lead == NONE:
                log.info("%x no leader at term %d; dropping leader transfer"
                         " msg", r.id, r.term)
                return
            m.to = r.lead
            r.send(m)
        case pb.MsgForgetLeader:
            if r.read_only.option is ReadOnlyLeaseBased:
                log.error("ignoring MsgForgetLeader due to"
                          " ReadOnlyLeaseBased")
                return
            if r.lead != NONE:
                log.info("%x forgetting leader %x at term %d",
                         r.id, r.lead, r.term)
                r.lead = NONE
        case pb.MsgTimeoutNow:
            log.info("%x [term %d] received MsgTimeoutNow from %x and starts"
                     " an election to get leadership.",
                     r.id, r.term, m.from_ or NONE)
            r.hup(CampaignType.Transfer)
        case pb.MsgReadIndex:
            if r.lead == NONE:
                log.info("%x no leader at term %d; dropping index reading"
                         " msg", r.id, r.term)
                return
            m.to = r.lead
            r.send(m)
        case pb.MsgReadIndexResp:
            if len(m.entries) != 1:
                log.error("%x invalid format of MsgReadIndexResp from %x,"
                          " entries count: %d",
                          r.id, m.from_ or NONE, len(m.entries))
                return
            state = ReadState(m.index or 0, m.entries[0].data)
            r.read_states.append(state)


def heard(r: Raft, m: pb.Message) -> None:
    """Notes that the leader is alive."""
    r.election_elapsed = 0
    r.lead = m.from_ or NONE
