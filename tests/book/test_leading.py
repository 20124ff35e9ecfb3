"""What the chapter *Staying leader* says, asked of the port.

The notes of `book/pages/leading.md` cite these tests.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftPanic
from port.raft import NONE, Raft, StateFollower, StateLeader
from port.tracker import StateProbe, StateReplicate, StateSnapshot
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    ack,
    beat,
    heartbeat_resp,
    leader,
    make_leader,
    node,
    propose,
    storage,
    take_message,
    take_messages,
    tick,
)


def heartbeat(to: int, term: int, commit: int = 0) -> pb.Message:
    """Returns a heartbeat of node 1."""
    return pb.Message(
        type=pb.MsgHeartbeat, from_=1, to=to, term=term, commit=commit
    )


def vote_request(from_: int, to: int, term: int) -> pb.Message:
    """Returns a request by a node whose log is as long as any."""
    return pb.Message(
        type=pb.MsgVote, from_=from_, to=to, term=term, index=99, log_term=term
    )


def other_histories() -> tuple[Raft, Raft]:
    """Returns a leader of term 2 and a follower with another entry 2."""
    lead = node(1, storage(terms=(1, 2), term=2, commit=1))
    lead.become_follower(1, NONE)
    make_leader(lead)
    take_messages(lead)
    for index in (2, 3):
        lead.step(ack(3, index))
    assert lead.raft_log.committed == 3
    take_messages(lead)
    other = node(2, storage(terms=(1, 1, 1), term=1, commit=1))
    return lead, other


def test_a_heartbeat_commits_nothing_of_another_history() -> None:
    lead, other = other_histories()
    lead.step(beat(1))
    for m in take_messages(lead):
        if m.to == 2:
            other.step(m)
    assert other.lead == 1
    assert other.raft_log.committed == 1


def test_a_commit_that_was_lost_is_told_again() -> None:
    """The heartbeat tells less than the append before it, and says so."""
    r = leader(1)
    take_messages(r)
    for id in (2, 3):
        r.step(ack(id, 1))
    take_messages(r)
    propose(r, b"x")
    take_messages(r)
    r.step(ack(3, 2))
    lost = [m.commit for m in take_messages(r) if m.to == 2]
    assert lost == [2]
    r.step(beat(1))
    (told,) = (m.commit for m in take_messages(r) if m.to == 2)
    assert told == 1
    r.step(ack(2, 2))
    assert [(m.to, m.commit) for m in take_messages(r)] == [(2, 2)]


def test_a_heartbeat_goes_to_everybody() -> None:
    r = leader(1, storage((1, 2, 3), (4,)))
    take_messages(r)
    r.trk.progress[2].msg_app_flow_paused = True
    r.trk.progress[3].become_snapshot(1)
    r.step(beat(1))
    assert sorted(m.to or 0 for m in take_messages(r)) == [2, 3, 4]


def test_a_commit_beyond_the_log_is_a_panic() -> None:
    r = node(2, storage(terms=(1,), term=1))
    with pytest.raises(RaftPanic, match="lost"):
        r.step(heartbeat(2, 1, commit=2))


def test_an_answer_says_nothing_of_the_log() -> None:
    r = node(2, storage(terms=(1, 1, 1), term=1))
    m = heartbeat(2, 1)
    m.context = b"12345678"
    r.step(m)
    answer = take_message(r)
    assert (answer.type, answer.context) == (pb.MsgHeartbeatResp, b"12345678")
    assert not answer.index
    assert not answer.commit


def test_a_heartbeat_pushes_the_timeout_away() -> None:
    r = node(2)
    r.become_follower(1, NONE)
    for _ in range(5 * r.randomized_election_timeout):
        r.tick()
        r.step(heartbeat(2, 1))
    assert (r.state, r.lead, r.election_elapsed) == (StateFollower, 1, 0)


# ---- Check-quorum -----------------------------------------------------------


def test_silence_is_noticed_at_the_second_check_at_the_latest() -> None:
    r = leader(1, check_quorum=True)
    take_messages(r)
    for id in (2, 3):
        r.step(heartbeat_resp(id))
    tick(r, r.election_timeout)
    assert r.state is StateLeader, "there were answers since the start"
    r.step(heartbeat_resp(2))
    tick(r, 2 * r.election_timeout - 1)
    assert r.state is StateLeader, "the answer after the check still counts"
    r.tick()
    assert (r.state, r.term, r.vote, r.lead) == (StateFollower, 1, 1, NONE)


def test_a_learner_is_no_part_of_the_quorum() -> None:
    r = leader(1, storage((1, 2), (3,)), check_quorum=True)
    for _ in range(r.election_timeout):
        r.step(heartbeat_resp(3))
        r.tick()
    assert r.state is StateFollower


def test_a_leader_that_checks_nothing_leads_for_ever() -> None:
    r = leader(1)
    tick(r, 100 * r.election_timeout)
    assert r.state is StateLeader


# ---- Leases -----------------------------------------------------------------


def test_a_leader_that_checks_is_always_in_its_lease() -> None:
    r = leader(1, check_quorum=True)
    for n in range(5 * r.election_timeout):
        r.step(vote_request(3, 1, r.term + 1))
        assert (r.state, r.term) == (StateLeader, 1), f"after {n} ticks"
        r.step(heartbeat_resp(2))
        r.tick()


@pytest.mark.parametrize("ticks", [0, 9, 10])
def test_a_follower_keeps_the_lease_for_an_election_timeout(
    ticks: int,
) -> None:
    r = node(2, check_quorum=True)
    r.become_follower(1, NONE)
    r.randomized_election_timeout = 19
    r.step(heartbeat(2, 1))
    tick(r, ticks)
    r.step(vote_request(3, 2, 2))
    assert (r.term == 1) == (ticks < r.election_timeout)


def test_a_restart_forgets_the_lease() -> None:
    disk = storage(term=1, vote=1)
    before = node(2, disk, check_quorum=True)
    before.step(heartbeat(2, 1))
    before.step(vote_request(3, 2, 2))
    assert before.vote == 1
    after = node(2, disk, check_quorum=True)
    after.step(vote_request(3, 2, 2))
    assert after.vote == 3


# ---- Answers ----------------------------------------------------------------


def test_a_probe_of_one_who_has_everything_ends_by_itself() -> None:
    r = leader(1)
    take_messages(r)
    for id in (2, 3):
        r.step(ack(id, 1))
    take_messages(r)
    peer = r.trk.progress[2]
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert peer.state is StateProbe
    assert peer.match == r.raft_log.last_index()
    r.step(heartbeat_resp(2))
    probe = take_message(r)
    assert (probe.type, probe.entries) == (pb.MsgApp, [])
    r.step(ack(2, 1))
    assert peer.state is StateReplicate


def test_who_waits_for_a_snapshot_gets_no_append() -> None:
    r = leader(1)
    take_messages(r)
    peer = r.trk.progress[2]
    peer.become_snapshot(1)
    r.step(heartbeat_resp(2))
    assert take_messages(r) == []
    assert (peer.state, peer.recent_active) == (StateSnapshot, True)


def test_a_full_window_lets_an_empty_append_through() -> None:
    r = leader(1, max_inflight_msgs=1)
    take_messages(r)
    r.step(ack(2, 1))
    take_messages(r)
    propose(r, b"fills the window")
    take_messages(r)
    propose(r, b"waits")
    assert [m.to for m in take_messages(r) if m.to == 2] == []
    r.step(heartbeat_resp(2))
    through = take_message(r)
    assert (through.type, through.entries) == (pb.MsgApp, [])


# ---- Break it ---------------------------------------------------------------

# What the chapter asks its reader to change, and the test that sees it.
BREAKS: dict[str, Break] = {
    "tell the whole commit index": (
        "Raft.send_heartbeat",
        "min(pr.match, self.raft_log.committed)",
        "self.raft_log.committed",
        test_a_heartbeat_commits_nothing_of_another_history,
    ),
    "take no note of what was told": (
        "Raft.send_heartbeat",
        "pr.sent_commit(commit)",
        "pass",
        test_a_commit_that_was_lost_is_told_again,
    ),
    "never forget an answer": (
        "leader_check_quorum",
        "pr.recent_active = False",
        "pass",
        test_silence_is_noticed_at_the_second_check_at_the_latest,
    ),
    "stay paused": (
        "leader_heartbeat_resp",
        "pr.msg_app_flow_paused = False",
        "pass",
        test_a_full_window_lets_an_empty_append_through,
    ),
    "leave the probe alone": (
        "leader_heartbeat_resp",
        " or pr.state is StateProbe",
        "",
        test_a_probe_of_one_who_has_everything_ends_by_itself,
    ),
    "let the clock run": (
        "follower_heartbeat",
        "r.election_elapsed = 0",
        "pass",
        test_a_heartbeat_pushes_the_timeout_away,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name])
