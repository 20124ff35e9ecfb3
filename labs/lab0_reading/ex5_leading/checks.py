"""What 0.5 asks: five situations about staying leader."""

from labs.lab0_reading.situations import (
    LETTERS,
    Situation,
    asked,
    has,
    leader,
    node,
    take,
    ticks,
)
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.raft import Raft, leader_check_quorum, leader_heartbeat_resp

READING = Reading("leading.md", "Staying leader")


def about_to_check(*heard: int) -> Raft:
    """A leader one tick before it looks who was heard from."""
    made = leader(check_quorum=True)
    for peer in heard:
        made.trk.progress[peer].recent_active = True
    made.election_elapsed = 9
    return made


SITUATIONS = (
    Situation(
        "Node 2 leads term 3. A heartbeat is due each tick. One tick passes.",
        leader,
        ticks(1),
        (Raft.tick_heartbeat, "self._step_on_tick(pb.MsgBeat)"),
        "It does so whether or not there is anything to say.",
    ),
    Situation(
        "Node 2 leads term 3 with the quorum check on. Its election timeout"
        " runs out at the next tick, when a heartbeat is due, too. It has"
        " heard from nobody since the last time. One tick passes.",
        about_to_check,
        ticks(1),
        (leader_check_quorum, "if not r.trk.quorum_active():"),
        "It is one of three and knows of no other: it may have been deposed"
        " long ago. The term stays. A node that does not lead sends no"
        " heartbeats, not even those that were due at this tick.",
    ),
    Situation(
        "The same, but it has heard from node 1.",
        lambda: about_to_check(1),
        ticks(1),
        (leader_check_quorum, "if not r.trk.quorum_active():"),
        "Itself and node 1 are two of three. It goes on, and the heartbeats"
        " of this tick are sent.",
    ),
    Situation(
        "With the quorum check on, node 2 follows node 3 in term 2. A"
        " heartbeat of term 1 comes from node 1.",
        lambda: node(lead=3, check_quorum=True),
        take(type=pb.MsgHeartbeat, from_=1, term=1),
        (
            Raft._step_lower_term,
            "self.send(pb.Message(to=m.from_, type=pb.MsgAppResp))",
        ),
        "Here an old leader is told, by a message of the new term: requests"
        " for votes, which would tell it otherwise, are ignored while one"
        " hears from a leader.",
        also=(
            (Raft._step_lower_term, "if (self.check_quorum or self.pre_vote)"),
        ),
    ),
    Situation(
        "Node 2 leads term 3 and has entries up to 4. Node 3, known to have"
        " entries up to 2, answers a heartbeat.",
        lambda: has(leader(), 3, 2),
        take(type=pb.MsgHeartbeatResp, from_=3, term=3),
        (leader_heartbeat_resp, "if pr.match < r.raft_log.last_index()"),
        "It lives and lacks something. Should what was sent have been lost,"
        " nothing else would send it again.",
    ),
)

ASKED = LETTERS
CHECKS = asked(SITUATIONS, READING)
