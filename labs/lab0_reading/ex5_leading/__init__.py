"""0.5: ticks, heartbeats, and who is still there."""

from labs.lab0_reading.ex5_leading.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.5",
    title="Staying leader",
    minutes=20,
    package=__name__,
    file="leading.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="ticks, heartbeats, and who is still there",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("leading.md", "Staying leader"),),
    hints=(
        "A tick may do two things for a leader: look who was heard"
        " from, and send heartbeats. In that order.",
        "A quorum includes the leader itself. Of three nodes, one other"
        " is enough.",
        "The line of a is in `tick_heartbeat`. b and c are decided by the"
        " same line, in `leader_check_quorum`. The answer to an"
        " old leader is a plain message of the new term, in"
        " `_step_lower_term`. In e look at `leader_heartbeat_resp`, and"
        " at what the leader knows of the peer's log.",
    ),
    discussion=(
        "In b the leader steps down in silence: no message tells the"
        " others, and none could, for they are out of reach. The term"
        " stays, because nobody has opened another.\n\n"
        "Situation e is the only cure for lost appends. Nothing in raft"
        " times out and sends again; the heartbeat's answer shows that"
        " the peer lives, and what it lacks goes out once more."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "beats_on",
            "Heartbeats are sent by a node that has just stepped down.",
            "[b]\n"
            'role = "follower"\n'
            "term = 3\n"
            "sends = []",
            "[b]\n"
            'role = "follower"\n'
            "term = 3\n"
            'sends = ["MsgHeartbeat to 1", "MsgHeartbeat to 3"]',
        ),
        mutant(
            "opens_a_term",
            "Stepping down opens a term.",
            "[b]\n"
            'role = "follower"\n'
            "term = 3",
            "[b]\n"
            'role = "follower"\n'
            "term = 4",
        ),
        mutant(
            "needs_both",
            "One of two others is not enough.",
            "[c]\n"
            'role = "leader"',
            "[c]\n"
            'role = "follower"',
        ),
        mutant(
            "lets_it_be_deposed_later",
            "An old leader is left in the dark.",
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            'sends = ["MsgAppResp to 1"]',
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            "sends = []",
        ),
        mutant(
            "waits_for_a_write",
            "What was lost is sent with the next write.",
            'sends = ["MsgApp to 3"]',
            "sends = []",
        ),
    ),
)  # fmt: skip
