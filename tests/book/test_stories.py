"""What the stories say beyond what their scenarios show."""

from __future__ import annotations

from itertools import product

from port.raft import (
    StateCandidate,
    StateFollower,
    StateLeader,
    StateType,
)
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv


def play(env: InteractionEnv, script: str) -> list[str]:
    """Carries out commands, one on each line; input follows a backslash."""
    text = "\n\n".join(
        line.strip().replace("\\", "\n") + "\n----"
        for line in script.splitlines()
        if line.strip()
    )
    return [env.handle(d) for d in parse(text + "\n", "story")]


def played(script: str) -> tuple[InteractionEnv, list[str]]:
    """Does so in a cluster of its own."""
    env = InteractionEnv()
    return env, play(env, script)


def role(env: InteractionEnv, id: int) -> StateType:
    return env.nodes[id - 1].raw_node.raft.state


def commit(env: InteractionEnv, id: int) -> int:
    return env.nodes[id - 1].raw_node.raft.raft_log.committed


LED = """
    add-nodes 3 voters=(1,2,3) index=2 {}
    campaign 1
    stabilize log-level=none
"""
STANDS = """
    set-randomized-election-timeout 3 timeout=3
    tick-election 3
    process-ready 3
"""


# ---- A disruptive rejoin ---------------------------------------------------


def test_check_quorum_alone_does_not_keep_a_leader() -> None:
    env, _ = played(
        LED.format("checkquorum=true") + STANDS + """
        deliver-msgs 1 2
        raft-state
        tick-heartbeat 1
        stabilize
    """
    )
    assert role(env, 1) is StateFollower
    assert role(env, 3) is StateCandidate


def test_one_node_without_pre_vote_is_enough() -> None:
    env, _ = played(LED.format("checkquorum=true prevote=true"))
    env.nodes[2].raw_node.raft.pre_vote = False
    play(env, STANDS)
    play(env, "deliver-msgs 1 2\ntick-heartbeat 1\nstabilize")
    assert role(env, 1) is StateFollower


# ---- A stale leader's reads ------------------------------------------------


def test_a_heartbeat_that_arrives_deposes_a_stale_leader() -> None:
    env, _ = played(
        LED.format("checkquorum=true") + """
        set-randomized-election-timeout 2 timeout=3
        set-randomized-election-timeout 3 timeout=5
        tick-election 3
        tick-election 2
        stabilize 2 3
        deliver-msgs drop=(1)
        read-index 1 rd
        process-ready 1
        stabilize
    """
    )
    r = env.nodes[0].raw_node.raft
    assert r.state is StateFollower
    assert not r.read_states
    assert not r.read_only.unconfirmed_reads


# ---- The holes in read-index -----------------------------------------------


def test_check_quorum_ends_the_lead_of_a_removed_leader() -> None:
    env, _ = played("""
        add-nodes 2 voters=(1,2) index=2 checkquorum=true
        campaign 1
        stabilize log-level=none
        propose-conf-change 1\\r1
        stabilize log-level=none
        campaign 2
        stabilize 2 log-level=none
        tick-election 1
        process-ready 1
        deliver-msgs drop=(2)
        read-index 1 rd
        tick-election 1
    """)
    assert role(env, 2) is StateLeader
    assert role(env, 1) is StateFollower
    # The read came in between, and was answered.
    assert len(env.nodes[0].raw_node.raft.read_states) == 1


# ---- Replacing two of three ------------------------------------------------


def test_two_voters_with_empty_disks_hold_up_every_commit() -> None:
    env, _ = played(
        LED.format("") + """
        add-nodes 2
        propose-conf-change 1 transition=explicit\\v4 v5 r2 r3
        stabilize 1 2 3 log-level=none
        propose 1 x
        stabilize 1 2 3 log-level=none
    """
    )
    last = env.nodes[0].raw_node.raft.raft_log.last_index()
    assert commit(env, 1) == last - 1


def test_who_must_be_up_while_two_lists_count() -> None:
    """One of each list may fail; node 1 is in both."""
    old, new = {1, 2, 3}, {1, 4, 5}
    enough = [
        up
        for bits in product((0, 1), repeat=5)
        if len(old & (up := {n for n, b in enumerate(bits, 1) if b})) > 1
        and len(new & up) > 1
    ]
    assert {1, 2, 4} in enough
    assert [up for up in enough if 1 not in up] == [{2, 3, 4, 5}]


# ---- A slow follower -------------------------------------------------------


def test_a_snapshot_that_was_called_lost_is_welcome() -> None:
    _, out = played(
        LED.format("") + """
        propose 1 a
        stabilize 1 2 log-level=none
        deliver-msgs drop=(3)
        report-unreachable 1 3
        compact 1 4
        tick-heartbeat 1
        process-ready 1
        deliver-msgs 3
        process-ready 3
        deliver-msgs 1
        process-ready 1
        report-snapshot 1 3 status=failure
        stabilize log-level=none
        status 1
    """
    )
    assert any("MsgSnap" in said for said in out)
    assert "3: StateReplicate match=4 next=5" in out[-1]


# ---- Split votes -----------------------------------------------------------


def test_how_often_the_smallest_timeout_is_drawn_twice() -> None:
    """Ten numbers to draw from: 10 %, 14.5 % and 23 %."""
    for nodes, percent in ((2, 10.0), (3, 14.5), (5, 23.3)):
        alone = sum(nodes * (9 - least) ** (nodes - 1) for least in range(10))
        assert round(100 * (1 - alone / 10**nodes), 1) == percent


def test_a_vote_that_comes_late_still_decides() -> None:
    env, _ = played("""
        add-nodes 3 voters=(1,2,3) index=2
        campaign 2
        campaign 3
        process-ready 2 3
        deliver-msgs 2 3
        process-ready 2 3
        deliver-msgs 2 3
    """)
    assert role(env, 2) is role(env, 3) is StateCandidate
    play(env, "stabilize")
    assert {role(env, 2), role(env, 3)} == {StateLeader, StateFollower}


# ---- A removed leader that will not go -------------------------------------


def test_a_learner_that_leads_takes_proposals() -> None:
    env, out = played(
        LED.format("") + """
        propose-conf-change 1\\l1
        stabilize log-level=none
        propose 1 x
        stabilize log-level=none
    """
    )
    r = env.nodes[0].raw_node.raft
    assert r.is_learner
    assert r.state is StateLeader
    assert "dropped" not in out[-2]
    assert commit(env, 1) == r.raft_log.last_index()


def test_without_pre_vote_a_disturbance_removes_it() -> None:
    env, _ = played(
        LED.format("checkquorum=true") + """
        propose-conf-change 1\\r1
        stabilize log-level=none
        campaign 2
        process-ready 2
        deliver-msgs 3
        tick-heartbeat 1
        stabilize
    """
    )
    assert role(env, 1) is StateFollower


def test_a_removed_leader_that_restarts_does_not_stand() -> None:
    env, _ = played(
        LED.format("") + """
        propose-conf-change 1\\r1
        stabilize log-level=none
        restart 1
        stabilize 1
        tick-election 1
        tick-election 1
    """
    )
    assert role(env, 1) is StateFollower
    assert not env.nodes[0].raw_node.raft.promotable()
