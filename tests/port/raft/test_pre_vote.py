"""Asking first whether an election could be won (thesis, section 9.6)."""

from __future__ import annotations

from typing import Unpack

import pytest

from port.raft import (
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import Options, hup, node, storage


def in_term_1(**options: Unpack[Options]) -> Network:
    """Returns three nodes that have seen one term go by."""
    return Network(node(id, storage(term=1), **options) for id in (1, 2, 3))


def set_pre_vote(net: Network, *ids: int) -> None:
    """Turns pre-vote on at nodes that run; else it takes a restart."""
    for id in ids:
        net[id].pre_vote = True


def test_single_node_pre_candidate() -> None:
    net = cluster(1, pre_vote=True)
    net.campaign(1)
    assert net[1].state is StateLeader


def test_dueling_pre_candidates() -> None:
    """A node that cannot win leaves the leader in peace."""
    net = cluster(3, pre_vote=True)
    net.cut(1, 3)
    net.campaign(1)
    net.campaign(3)
    assert net[1].state is StateLeader, "node 2 has voted for it"
    assert net[3].state is StateFollower, "node 2 would not vote for it"

    net.heal()
    net.campaign(3)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateFollower,
    }  # fmt: skip
    assert net.terms() == {1: 1, 2: 1, 3: 1}
    last = {id: r.raft_log.last_index() for id, r in net.nodes.items()}
    assert last == {1: 1, 2: 1, 3: 0}


def test_disruptive_follower_pre_vote() -> None:
    """A node that comes back with an old log does not end the term."""
    net = in_term_1(check_quorum=True)
    net.campaign(1)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateFollower,
    }  # fmt: skip
    net.isolate(3)
    for _ in range(3):
        net.propose(1, b"somedata")
    set_pre_vote(net, 1, 2, 3)
    net.heal()

    net.campaign(3)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StatePreCandidate,
    }  # fmt: skip
    assert net.terms() == {1: 2, 2: 2, 3: 2}

    net.heartbeat(1, 3)
    assert net[1].state is StateLeader, "a late heartbeat does it no harm"


def test_node_with_smaller_term_can_complete_election() -> None:
    """A node that missed a term can still win, or help another to.

    It comes back in the moment in which the leader goes, and the one that
    stayed has the higher term: neither may wait for the other for ever.
    """
    net = in_term_1(pre_vote=True)
    net.isolate(3)
    net.campaign(1)
    assert (net[1].state, net[2].state) == (StateLeader, StateFollower)
    net.campaign(3)
    assert net[3].state is StatePreCandidate
    net.campaign(2)
    assert net.terms() == {1: 3, 2: 3, 3: 1}
    assert net.states() == {
        1: StateFollower, 2: StateLeader, 3: StatePreCandidate,
    }  # fmt: skip

    net.heal()
    net.isolate(2)
    net.campaign(3)
    net.campaign(1)
    assert StateLeader in (net[1].state, net[3].state), (
        f"nodes 1 and 3 are two of three: {net.states()} in {net.terms()}"
    )


def test_pre_vote_with_split_vote() -> None:
    """Pre-votes do not rule out a split vote; the next round settles it."""
    net = in_term_1(pre_vote=True)
    net.campaign(1)
    net.isolate(1)

    net.send(hup(2), hup(3))
    assert (net[2].term, net[3].term) == (3, 3)
    assert (net[2].state, net[3].state) == (StateCandidate, StateCandidate), (
        "each granted the other's pre-vote, and then voted for itself"
    )

    net.campaign(2)
    assert (net[2].term, net[3].term) == (4, 4)
    assert (net[2].state, net[3].state) == (StateLeader, StateFollower)


def test_pre_vote_with_check_quorum() -> None:
    """A node that is a pre-candidate itself has no leader to protect."""
    net = in_term_1(pre_vote=True, check_quorum=True)
    net.campaign(1)
    net.isolate(1)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateFollower,
    }  # fmt: skip

    net.campaign(3)
    assert (net[2].state, net[3].state) == (
        StateFollower, StatePreCandidate,
    ), "node 2 still believes in its leader, and does not answer"  # fmt: skip

    net.campaign(2)
    assert (net[2].state, net[3].state) == (StateLeader, StateFollower)


# -- turning it on, one node after the other


@pytest.fixture
def half_migrated() -> Network:
    """Node 1 leads term 2, and 3 comes back, in term 4 and with less log.

    Nodes 1 and 2 had pre-vote turned on when 3 was away, which drove its
    term up without it. It is turned on there too, now that it is back.
    """
    net = in_term_1()
    set_pre_vote(net, 1, 2)
    net.campaign(1)
    net.isolate(3)
    net.propose(1, b"some data")
    net.campaign(3)
    net.campaign(3)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateCandidate,
    }  # fmt: skip
    assert net.terms() == {1: 2, 2: 2, 3: 4}

    set_pre_vote(net, 3)
    net.heal()
    return net


def test_pre_vote_migration_can_complete_election(
    half_migrated: Network,
) -> None:
    """The one with the log and the one with the term end up together."""
    net = half_migrated
    net.isolate(1)
    net.campaign(3)
    net.campaign(2)
    assert net[2].state is StateFollower, "node 3 has told it of term 4"
    assert net[3].state is StatePreCandidate

    net.campaign(3)
    net.campaign(2)
    assert net[2].state is StateLeader
    assert net[3].state is StateFollower


def test_pre_vote_migration_with_free_stuck_pre_candidate(
    half_migrated: Network,
) -> None:
    """A heartbeat to the one that is ahead brings the others up to its term.

    It cannot win, for want of log, nor follow a leader of a lower term.
    """
    net = half_migrated
    for _ in range(2):
        net.campaign(3)
        assert net.states() == {
            1: StateLeader, 2: StateFollower, 3: StatePreCandidate,
        }  # fmt: skip

    net.heartbeat(1, 3)
    assert net[1].state is StateFollower
    assert net[1].term == net[3].term
