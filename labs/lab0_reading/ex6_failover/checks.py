"""What 0.6 asks: five situations after a leader has died."""

from labs.lab0_reading.situations import (
    LETTERS,
    Situation,
    asked,
    candidate,
    node,
    take,
    ticks,
)
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.log import RaftLog
from port.raft import Raft, candidate_vote_resp

READING = Reading("failover.md", "The leader dies")
SITUATIONS = (
    Situation(
        "Node 2 follows node 1 in term 2, and node 1 is dead. Node 2's"
        " timeout is 15 ticks, and 15 ticks pass. Neither pre-vote nor the"
        " quorum check is on. (Its own vote is a message to itself.)",
        lambda: node(lead=1),
        ticks(15),
        (Raft.tick_election, "and self.past_election_timeout():"),
        "It opens a term, votes for itself and asks all others, the dead one"
        " among them: it cannot know.",
    ),
    Situation(
        "The same, with pre-vote on.",
        lambda: node(lead=1, pre_vote=True),
        ticks(15),
        (Raft._step_hup, "self.hup(CampaignType.PreElection)"),
        "It asks first. Until a majority has said yes, its term is the old"
        " one.",
    ),
    Situation(
        "Node 2 is a candidate in term 3, and its own vote has been counted."
        " Now node 3 gives it its vote.",
        candidate,
        take(type=pb.MsgVoteResp, from_=3, term=3),
        (candidate_vote_resp, "if result is VoteWon:"),
        "Two of three: it leads, appends an empty entry of its own and sends"
        " that at once. Its own acknowledgement is a message, too.",
    ),
    Situation(
        "Node 2 has entries 1 to 3, all of term 1. Node 3 leads term 3 and"
        " sends an append that builds on entry 5, of term 2.",
        node,
        take(
            type=pb.MsgApp, from_=3, term=3, index=5, log_term=2,
            entries=[pb.Entry(term=3, index=6)],
        ),
        (Raft.handle_append_entries, "if last_index is not None:"),
        "It lacks entry 5, and says so. The answer has the same type as a"
        " good one; a field tells them apart.",
        also=((RaftLog.maybe_append, "if not self.match_term(a.prev):"),),
    ),
    Situation(
        "Node 2 has entries of terms 1, 1, 2 and 2. Node 3 leads term 3 and"
        " sends an append that builds on entry 2 and brings entry 3, of term"
        " 3. Nothing is committed.",
        lambda: node((1, 1, 2, 2)),
        take(
            type=pb.MsgApp, from_=3, term=3, index=2, log_term=1,
            entries=[pb.Entry(term=3, index=3)],
        ),
        (RaftLog.maybe_append, "self.append(a.entries[start:])"),
        "Entry 3 differs: it and all behind it give way. What nobody has"
        " committed may be taken back.",
        also=(
            (RaftLog.find_conflict, "if not self.match_term("),
            (Raft.handle_append_entries, "last_index = log.maybe_append("),
        ),
    ),
)  # fmt: skip

ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
