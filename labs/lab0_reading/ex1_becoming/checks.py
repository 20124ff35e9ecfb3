"""What 0.1 asks: five situations about terms and roles."""

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
from port.raft import Raft, candidate_app

READING = Reading("becoming.md", "Becoming")
SITUATIONS = (
    Situation(
        "Node 2 follows node 1 in term 2. A heartbeat of term 3 comes from"
        " node 3.",
        lambda: node(lead=1),
        take(type=pb.MsgHeartbeat, from_=3, term=3),
        (Raft._step_higher_term, "self.become_follower(term, lead)"),
        "A higher term is taken over from any message, and of some messages"
        " one knows that only a leader sends them. Then the message itself is"
        " dealt with.",
    ),
    Situation(
        "Node 2 leads term 3. An answer to an append comes from node 1; it"
        " is of term 4.",
        leader,
        take(type=pb.MsgAppResp, from_=1, term=4, index=4),
        (Raft._step_higher_term, "self.become_follower(term, lead)"),
        "Somebody has opened term 4. Who leads it, an answer does not say;"
        " and a follower has no use for answers to appends.",
    ),
    Situation(
        "Node 2 is a candidate in term 3. An empty append of term 3 comes"
        " from node 1; it builds on entry 3 of term 1, which node 2 has.",
        candidate,
        take(type=pb.MsgApp, from_=1, term=3, index=3, log_term=1),
        (candidate_app, "r.become_follower("),
        "Only the leader of a term appends in it. So this term's election is"
        " over, and node 2 has lost without having heard of it.",
    ),
    Situation(
        "Node 2 follows node 3 in term 2, with neither pre-vote nor the"
        " quorum check. An append of term 1 comes from node 1.",
        lambda: node(lead=3),
        take(type=pb.MsgApp, from_=1, term=1, index=3, log_term=1),
        (Raft._step_lower_term, '"%x [term: %d] ignored a %s message with'),
        "The paper's follower answers no. Is that needed here, where nobody"
        " waits for an answer, and where the next message of any kind will"
        " tell node 1 the term?",
        also=(
            (Raft._step_lower_term, "if (self.check_quorum or self.pre_vote)"),
        ),
    ),
    Situation(
        "Node 2 leads term 3 and has entry 4 of that term. Node 1, whose log"
        " ends with entry 3 of term 1, asks for a pre-vote in term 4.",
        leader,
        take(type=pb.MsgPreVote, from_=1, term=4, index=3, log_term=1),
        (Raft._step_higher_term, "a question about a term does not open it"),
        "A pre-vote is a question about a term to come. It is answered, no"
        " here as the log is behind, and moves nobody.",
        also=((Raft._step_vote, "if can_vote and self.raft_log."),),
    ),
)

ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
