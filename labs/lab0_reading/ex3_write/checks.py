"""What 0.3 asks: five situations about a write."""

from labs.lab0_reading.situations import (
    LETTERS,
    Situation,
    asked,
    candidate,
    leader,
    node,
    take,
)
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.log import RaftLog
from port.raft import Raft, candidate_prop, follower_prop, leader_prop

READING = Reading("write.md", "A write")
PROPOSAL = take(type=pb.MsgProp, from_=2, entries=[pb.Entry(data=b"x")])
SITUATIONS = (
    Situation(
        "Node 2 leads term 3. A client's entry is proposed to it. (Write"
        " down what it sends to itself, too: such messages wait for its"
        " disk.)",
        leader,
        PROPOSAL,
        (leader_prop, "r.bcast_append()"),
        "The entry goes to both others at once. The leader's own copy counts"
        " when its disk has it: it acknowledges to itself, by a message.",
        also=(
            (Raft.append_entry, "to=self.id, type=pb.MsgAppResp"),
            (Raft.append_entry, "last_index = self.raft_log.append(ents)"),
        ),
    ),
    Situation(
        "Node 2 follows node 1 in term 2. A client's entry is proposed to"
        " it.",
        lambda: node(lead=1),
        PROPOSAL,
        (follower_prop, "m.to = r.lead"),
        "Any node takes a proposal. Who cannot append it passes it on, as it"
        " is.",
        also=((follower_prop, "if r.lead == NONE:"),),
    ),
    Situation(
        "Node 2 is a candidate in term 3. A client's entry is proposed to it.",
        candidate,
        PROPOSAL,
        (candidate_prop, "raise ProposalDropped"),
        "There is nobody to pass it on to, and nobody keeps proposals for"
        " later: the caller is told.",
    ),
    Situation(
        "Node 2 leads term 3, and is handing over to node 3. A client's entry"
        " is proposed to it.",
        lambda: handing_over(3),
        PROPOSAL,
        (leader_prop, "if r.lead_transferee != NONE:"),
        "Node 3 is to have everything before it stands. With new entries it"
        " would never get there.",
    ),
    Situation(
        "Node 2 follows node 1 in term 2. An append comes that builds on its"
        " last entry (3, of term 1) and brings entry 4.",
        lambda: node(lead=1),
        take(
            type=pb.MsgApp, from_=1, term=2, index=3, log_term=1, commit=3,
            entries=[pb.Entry(term=2, index=4)],
        ),
        (Raft.handle_append_entries, "last_index = log.maybe_append("),
        "It fits, so it is appended and acknowledged; the acknowledgement"
        " waits for the disk.",
        also=((RaftLog.maybe_append, "if not self.match_term(a.prev):"),),
    ),
)  # fmt: skip


def handing_over(to: int) -> Raft:
    made = leader()
    made.lead_transferee = to
    return made


ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
