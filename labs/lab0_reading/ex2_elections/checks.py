"""What 0.2 asks: five situations about votes."""

from labs.lab0_reading.situations import (
    LETTERS,
    Situation,
    asked,
    node,
    take,
)
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.log import RaftLog
from port.raft import Raft

READING = Reading("elections.md", "Elections and pre-vote")
SITUATIONS = (
    Situation(
        "Node 2 is in term 2, knows no leader and has not voted. Node 3 asks"
        " for its vote in term 3; both logs end with entry 3 of term 1.",
        node,
        take(type=pb.MsgVote, from_=3, term=3, index=3, log_term=1),
        (Raft._step_vote, "if can_vote and self.raft_log.is_up_to_date("),
        "The vote of a new term is free, and a log that is as long is up to"
        " date.",
    ),
    Situation(
        "Node 2 has voted for node 1 in term 2. Node 3 asks for its vote in"
        " the same term, with a log that is longer than node 2's.",
        lambda: node(vote=1),
        take(type=pb.MsgVote, from_=3, term=2, index=9, log_term=2),
        (Raft._step_vote, "or (self.vote == NONE and self.lead == NONE)"),
        "One vote a term. How good the second candidate's log is does not"
        " matter any more. A no is a message as well.",
        also=(
            (Raft._step_vote, "self.vote == (m.from_ or NONE)"),
            (Raft._step_vote, "if can_vote and self.raft_log.is_up_to_date("),
        ),
    ),
    Situation(
        "Node 2 is in term 2, and its log ends with entry 4 of that term. Node"
        " 3 asks for its vote in term 3; its log ends with entry 9 of term 1.",
        lambda: node((1, 1, 1, 2)),
        take(type=pb.MsgVote, from_=3, term=3, index=9, log_term=1),
        (Raft._step_vote, "if can_vote and self.raft_log.is_up_to_date("),
        "The last term decides, and only then the length. The longer log may"
        " be the one that nobody else has.",
        also=((RaftLog.is_up_to_date, "return their.term > our.term"),),
    ),
    Situation(
        "With the quorum check on, node 2 follows node 1 in term 2; three"
        " ticks ago it has heard of it. Node 3 asks for its vote in term 5.",
        lambda: heard(3),
        take(type=pb.MsgVote, from_=3, term=5, index=9, log_term=2),
        (Raft._step_higher_term, "if not force and in_lease:"),
        "Whoever hears from a leader does not help to depose it. Not even"
        " the higher term is taken over: the message is as if it had not"
        " come.",
    ),
    Situation(
        "The same, but the request says CampaignTransfer: node 1 has told"
        " node 3 to take over. (Node 3's log is the longer one, and ends with"
        " an entry of term 2.)",
        lambda: heard(3),
        take(
            type=pb.MsgVote, from_=3, term=5, index=9, log_term=2,
            context=b"CampaignTransfer",
        ),
        (Raft._step_higher_term, "force = m.context == CAMPAIGN_TRANSFER"),
        "The leader wants to be deposed. So the term is taken over, and then"
        " the request is one like any other.",
        also=((Raft._step_higher_term, "if not force and in_lease:"),),
    ),
)  # fmt: skip


def heard(ago: int) -> Raft:
    made = node(lead=1, check_quorum=True)
    made.election_elapsed = ago
    return made


ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
