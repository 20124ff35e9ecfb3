"""5.4: a follower, message by message.

Port raft.go:1718-1779, stepFollower, as one function with a case for each
type of message. (The port has a small function for each; do it your way.)
Log lines are compared character by character: keep Go's formats. Go's
`Infof("%x ...", a)` is `r.logger.info("%x ...", a)` here, and
`ErrProposalDropped` is raised: `ProposalDropped` of `port.errors`.

You may call what raft has: r.send, r.handle_append_entries,
r.handle_heartbeat, r.handle_snapshot, r.hup. What else Go names is called, and
to be imported from:

    None                  NONE                   port.types
    ReadOnlyLeaseBased    ReadOnlyLeaseBased     port.raft
    campaignTransfer      CampaignType.Transfer  port.raft
    ReadState             ReadState(index, ctx)  port.read_only

Fields have Go's names in snake case; `m.from_` has an underscore, as `from` is
a keyword. A field of a message that is absent is `None` and reads as zero:
`m.from_ or NONE`.
"""

from port import raftpb as pb
from port.raft import Raft


def step_follower(r: Raft, m: pb.Message) -> None:
    """Takes a message as a follower.

    Raises:
        ProposalDropped: a proposal that cannot be passed on.
    """
    raise NotImplementedError("step_follower.")
