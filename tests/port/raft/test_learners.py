"""Learners: they receive the log, and have no say."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import StateFollower, StateLeader
from tests.port.raft.network import Network
from tests.port.raft.nodes import hup, node, storage, take_message, tick


@pytest.fixture
def net() -> Network:
    """A voter, 1, and a learner, 2."""
    return Network(node(id, storage((1,), (2,), term=1)) for id in (1, 2))


def test_learner_election_timeout() -> None:
    """However long a learner hears of no leader, it does not campaign."""
    r = node(2, storage((1,), (2,), term=1))
    tick(r, 2 * r.election_timeout)
    assert (r.state, r.term) == (StateFollower, 1)


def test_learner_promotion(net: Network) -> None:
    """A learner that is made a voter can win an election."""
    net.time_out(1)
    assert net.states() == {1: StateLeader, 2: StateFollower}
    net.beat(1)

    promotion = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2).as_v2()
    for r in net.nodes.values():
        r.apply_conf_change(promotion)
    assert not net[2].is_learner
    net.time_out(2)
    assert net.states() == {1: StateFollower, 2: StateLeader}


def test_learner_can_vote() -> None:
    """A learner votes when asked: it may be a voter, and not know it yet."""
    r = node(2, storage((1,), (2,), term=1))
    r.step(
        pb.Message(
            type=pb.MsgVote, from_=1, to=2, term=2, log_term=11, index=11
        )
    )
    answer = take_message(r)
    assert (answer.type, answer.reject) == (pb.MsgVoteResp, None)


def test_learner_log_replication(net: Network) -> None:
    """A learner receives entries, and hears what is committed."""
    net.time_out(1)
    net.beat(1)
    assert net[1].state is StateLeader
    assert net[2].is_learner

    net.propose(1, b"somedata")
    assert net.commits() == {1: 2, 2: 2}
    assert net[1].trk.progress[2].match == 2


def test_learner_campaign() -> None:
    """A learner does not campaign, whoever tells it to."""
    net = Network(node(id, storage((1,))) for id in (1, 2))
    addition = pb.ConfChange(type=pb.ConfChangeAddLearnerNode, node_id=2)
    for r in net.nodes.values():
        r.apply_conf_change(addition.as_v2())
    assert net[2].is_learner
    net.send(hup(2))
    assert net[2].state is StateFollower

    net.campaign(1)
    assert (net[1].state, net[1].lead) == (StateLeader, 1)
    # A leader asks no learner; but this one may have been a voter then.
    net.send(pb.Message(type=pb.MsgTimeoutNow, from_=1, to=2))
    assert net[2].state is StateFollower
