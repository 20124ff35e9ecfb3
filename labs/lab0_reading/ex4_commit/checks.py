"""What 0.4 asks: five situations about committing."""

from labs.lab0_reading.situations import (
    LETTERS,
    Situation,
    asked,
    has,
    leader,
    node,
    take,
)
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.log import RaftLog
from port.raft import Raft, leader_app_accepted

READING = Reading("commit.md", "Commit")


def acknowledged(index: int) -> pb.Message:
    return pb.Message(
        type=pb.MsgAppResp, from_=1, to=2, term=3, index=index
    )


def committed() -> Raft:
    """A leader that has committed its entry 4 with node 3; 1 is behind."""
    made = has(has(leader(), 3, 4), 1, 3)
    made.maybe_commit()
    return made


SITUATIONS = (
    Situation(
        "Node 2 leads term 3; its log is three entries of term 1 and entry 4"
        " of its own term, and its disk has all four. It probes both others,"
        " and nothing is on its way to them. Nothing is committed. Now node 1"
        " acknowledges entry 4.",
        leader,
        lambda r: r.step(acknowledged(4)),
        (leader_app_accepted, "if r.maybe_commit():"),
        "Two of three have entry 4, and it is of this term: it is committed,"
        " and all before it. Everybody is told, by an append that may be"
        " empty.",
        also=(
            (RaftLog.maybe_commit, "if at.term and at.index > self.committed"),
        ),
    ),
    Situation(
        "The same leader at the same point, but node 1 acknowledges entry 3"
        " only, which is of term 1.",
        leader,
        lambda r: r.step(acknowledged(3)),
        (RaftLog.maybe_commit, "if at.term and at.index > self.committed"),
        "Two of three have entry 3, and still it is not committed: figure 8"
        " of the paper. What node 1 lacks is sent.",
        also=((Raft.maybe_commit, "moved = self.raft_log.maybe_commit("),),
    ),
    Situation(
        "The same leader, and node 1 is known to have entry 4. A late"
        " acknowledgement of entry 3 comes from it.",
        lambda: has(leader(), 1, 4),
        lambda r: r.step(acknowledged(3)),
        (leader_app_accepted, "if not pr.maybe_update(index) and not ("),
        "It brings no news, so nothing comes of it.",
    ),
    Situation(
        "Node 2 follows node 1 in term 2 and has three entries. A heartbeat"
        " tells it commit index 3.",
        lambda: node(lead=1),
        take(type=pb.MsgHeartbeat, from_=1, term=2, commit=3),
        (Raft.handle_heartbeat, "self.raft_log.commit_to("),
        "A follower believes the index: its leader tells no more than it"
        " knows to match. What is sent is the heartbeat's answer.",
        also=((RaftLog.commit_to, "if self.committed < to_commit:"),),
    ),
    Situation(
        "Node 2 leads term 3 and has committed entry 4 with node 3. Node 1"
        " acknowledges entry 4, too; it was told of commit index 0 last.",
        committed,
        lambda r: r.step(acknowledged(4)),
        (leader_app_accepted, "elif r.id != from_ and pr.can_bump_commit("),
        "Nothing new is committed by it. But node 1 does not know how far the"
        " commit is, and now it may be told.",
    ),
)

ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
