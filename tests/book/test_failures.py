"""What the failure stories say, run."""

from __future__ import annotations

from pathlib import Path

import pytest

from port.errors import ProposalDropped, RaftPanic
from port.raft import StateFollower, StateLeader
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.interaction_env_handler_add_nodes import (
    _bootstrap,
    _storage,
)
from port.rawnode import RawNode
from port.tracker import StateSnapshot
from tests.book.test_stories import commit, play, played, role

PAGE = Path(__file__).parents[2] / "book" / "pages" / "failures.md"

LED = """
    add-nodes 3 voters=(1,2,3) index=2 {}
    campaign 1
    stabilize log-level=none
"""
ONE = """
    add-nodes 1 voters=(1) index=2
    campaign 1
    stabilize log-level=none
    propose 1 a
"""
# The client has been told of an entry; node 2 has not heard of it.
ACKNOWLEDGED = LED.format("") + """
    propose 1 a
    process-ready 1
    deliver-msgs 3
    deliver-msgs drop=(2)
    process-ready 3
    deliver-msgs 1
    process-ready 1
    deliver-msgs drop=(2,3)
"""


def empty_the_disk(env: InteractionEnv, id: int) -> None:
    """Starts a node as it was in the beginning, under its old id."""
    n = env.nodes[id - 1]
    n.history = n.history[:1]
    n.storage = n.config.storage = _storage(env, id)
    _bootstrap(n.storage, n.history[0])
    n.config.applied = n.history[0].index
    n.append_work, n.apply_work = [], []
    n.raw_node = RawNode(n.config)


def start_with(env: InteractionEnv, applied: int) -> RawNode:
    """Restarts node 1, whose application says that it has applied so much."""
    n = env.nodes[0]
    n.config.applied = applied
    n.raw_node = RawNode(n.config)
    return n.raw_node


def on_the_page(line: str) -> bool:
    return f"\n{line}\n" in PAGE.read_text(encoding="utf-8")


# ---- A disk that was emptied -----------------------------------------------


def test_who_has_forgotten_what_is_committed_stops() -> None:
    env, _ = played(LED.format("") + "propose 1 a\nstabilize log-level=none")
    empty_the_disk(env, 3)
    play(env, "tick-heartbeat 1\nprocess-ready 1")
    with pytest.raises(RaftPanic) as said:
        play(env, "deliver-msgs 3")
    assert on_the_page(str(said.value))


def test_a_disk_that_forgets_loses_an_acknowledged_write() -> None:
    env, _ = played(ACKNOWLEDGED)
    assert commit(env, 1) == 4, "the client has been told"
    empty_the_disk(env, 3)
    said = play(env, "campaign 2\nstabilize 2 3\nraft-log 2")
    assert role(env, 2) is StateLeader
    assert commit(env, 2) == 4
    assert said[2] == '1/3 EntryNormal ""\n2/4 EntryNormal ""\n'
    for line in (
        "INFO 3 [logterm: 1, index: 2, vote: 0] cast MsgVote for 2 "
        "[logterm: 1, index: 3] at term 2",
        "INFO 2 became leader at term 2",
    ):
        assert f"  {line}\n" in said[1]
        assert on_the_page(line)


def test_the_one_who_remembers_is_never_joined_again() -> None:
    env, _ = played(ACKNOWLEDGED)
    empty_the_disk(env, 3)
    play(env, "campaign 2\nstabilize 2 3\npropose 2 b\nstabilize 2 3")
    play(env, "deliver-msgs drop=(1)\ntick-heartbeat 2")
    refused = (
        "DEBUG 1 [logterm: 1, index: 4] rejected MsgApp "
        "[logterm: 2, index: 4] from 2"
    )
    turn = "process-ready 2\ndeliver-msgs 1\nprocess-ready 1\ndeliver-msgs 2"
    for _ in range(5):
        play(env, turn)
    # From the next write on, a new question follows each refusal at once: no
    # clock is needed to go on.
    play(env, "propose 2 c")
    said = [play(env, turn)[1] for _ in range(30)]
    assert all(f"{refused}\n" in text for text in said[5:]), said[:8]
    assert commit(env, 1) == 4
    assert on_the_page(refused)


# ---- An index ahead of its data --------------------------------------------


def test_an_entry_that_is_said_to_be_applied_is_never_handed_out() -> None:
    env, _ = played(ONE + "stabilize log-level=none")
    env.output.reset()
    node = start_with(env, 4)
    assert on_the_page(str(env.output).splitlines()[-1])
    said = play(env, "campaign 1\nstabilize")
    assert '2/5 EntryNormal ""' in said[1]
    assert "1/4" not in said[1]
    assert node.raft.raft_log.applied == 5


def test_an_application_ahead_of_the_stored_commit_does_not_start() -> None:
    # The entry is on the disk, and the commit index with it is not.
    env, _ = played(ONE + "process-ready 1")
    with pytest.raises(RaftPanic) as said:
        start_with(env, 4)
    assert on_the_page(str(said.value))
    # The smaller of the two numbers will do.
    start_with(env, 3)


# ---- A leader that cannot commit -------------------------------------------


def test_with_check_quorum_a_lonely_leader_gives_up() -> None:
    env, _ = played(
        LED.format("prevote=true checkquorum=true")
        + "tick-election 1\nprocess-ready 1\ndeliver-msgs drop=(2,3)\n"
        + "tick-election 1"
    )
    assert role(env, 1) is StateFollower


def test_a_bound_refuses_what_cannot_be_committed() -> None:
    env, _ = played(LED.format("prevote=true"))
    raft = env.nodes[0].raw_node.raft
    raft.max_uncommitted_size = 20
    play(env, "propose 1 color:green")
    with pytest.raises(ProposalDropped):
        env.nodes[0].raw_node.propose(b"color:green")


# ---- Two that wait for each other ------------------------------------------


def test_a_question_of_a_lower_term_is_refused_aloud() -> None:
    env, _ = played("add-nodes 2 voters=(1,2,3) index=2 prevote=true")
    env.nodes[0].raw_node.raft.term = 3
    play(env, "campaign 2\nstabilize 2\nstabilize 1\ndeliver-msgs 2")
    assert env.nodes[1].raw_node.raft.term == 3


# ---- A snapshot that comes too late ----------------------------------------


def test_an_acknowledgement_short_of_the_log_ends_no_waiting() -> None:
    env, _ = played(
        LED.format("") + """
        propose 1 a
        stabilize 1 2 log-level=none
        deliver-msgs drop=(3)
        compact 1 4
        report-unreachable 1 3
        tick-heartbeat 1
        stabilize 1 2 log-level=none
        stabilize 3 log-level=none
        deliver-msgs 1
        process-ready 1
        propose 1 b
        stabilize 1 2 log-level=none
        compact 1 5
        stabilize log-level=none
    """
    )
    pr = env.nodes[0].raw_node.raft.trk.progress[3]
    assert (pr.state, pr.match) == (StateSnapshot, 4)
    for _ in range(5):
        play(env, "tick-heartbeat 1\nstabilize log-level=none")
    assert pr.state is StateSnapshot
    play(env, "report-snapshot 1 3 status=finish")
    play(env, "tick-heartbeat 1\nstabilize log-level=none")
    assert pr.match == 5
