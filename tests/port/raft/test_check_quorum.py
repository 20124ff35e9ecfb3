"""Leaders that make sure that they still lead, and the lease they get."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft, StateCandidate, StateFollower, StateLeader
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    heartbeat_resp,
    leader,
    node,
    storage,
    tick,
)


@pytest.fixture
def net() -> Network:
    """Three nodes that check the quorum."""
    return cluster(3, check_quorum=True)


def patient(r: Raft, ticks: int) -> None:
    """Has a node campaign that much later than the shortest timeout.

    So that it does not while its clock runs up to that timeout.
    """
    r.randomized_election_timeout = r.election_timeout + ticks


def let_lease_expire(net: Network, id: int) -> None:
    """Runs a node's clock until it may vote for another than its leader."""
    tick(net[id], net[id].election_timeout)


def test_leader_stepdown_when_quorum_active() -> None:
    """One answer a tick is enough to go on, of two followers."""
    r = leader(1, election_tick=5, check_quorum=True)
    for _ in range(r.election_timeout + 1):
        r.step(heartbeat_resp(2, term=r.term))
        r.tick()
    assert r.state is StateLeader


def test_leader_stepdown_when_quorum_lost() -> None:
    """Silence for as long as an election timeout ends the lead."""
    r = leader(1, election_tick=5, check_quorum=True)
    tick(r, r.election_timeout + 1)
    assert r.state is StateFollower


def test_leader_superseding_with_check_quorum(net: Network) -> None:
    """Who hears from a leader votes for nobody else until that ends."""
    patient(net[2], 1)
    let_lease_expire(net, 2)
    net.campaign(1)
    assert (net[1].state, net[3].state) == (StateLeader, StateFollower)

    net.campaign(3)
    assert net[3].state is StateCandidate, "node 2 has heard from node 1"

    let_lease_expire(net, 2)
    net.campaign(3)
    assert net[3].state is StateLeader


def test_leader_election_with_check_quorum(net: Network) -> None:
    """Nodes that have just started know of no leader, so they may vote."""
    net.campaign(1)
    assert (net[1].state, net[3].state) == (StateLeader, StateFollower)

    # A change of term has drawn new timeouts.
    patient(net[1], 1)
    patient(net[2], 2)
    let_lease_expire(net, 1)
    let_lease_expire(net, 2)
    net.campaign(3)
    assert (net[1].state, net[3].state) == (StateFollower, StateLeader)


def test_free_stuck_candidate_with_check_quorum(net: Network) -> None:
    """A candidate that nobody answers is let back in by the leader.

    Its term is ahead, so it cannot follow; a heartbeat makes it say so, and
    the leader gives up its lease for the sake of one term for all.
    """
    patient(net[2], 1)
    let_lease_expire(net, 2)
    net.campaign(1)
    net.isolate(1)

    for ahead in (1, 2):
        net.campaign(3)
        assert (net[2].state, net[3].state) == (StateFollower, StateCandidate)
        assert net[3].term == net[2].term + ahead

    net.heal()
    net.heartbeat(1, 3)
    assert net[1].state is StateFollower
    assert net[1].term == net[3].term

    net.campaign(3)
    assert net[3].state is StateLeader


def test_non_promotable_voter_with_check_quorum() -> None:
    """A node that does not know itself a voter yet votes and follows."""
    net = Network([
        node(1, storage((1, 2)), check_quorum=True),
        node(2, storage((1,)), check_quorum=True),
    ])
    patient(net[2], 1)
    assert not net[2].promotable()

    let_lease_expire(net, 2)
    net.campaign(1)
    assert net.states() == {1: StateLeader, 2: StateFollower}
    assert net[2].lead == 1


def test_disruptive_follower() -> None:
    """A follower that heard the leader too late ends its term.

    Its answer to the late heartbeat carries the term that it has opened.
    """
    net = Network(
        node(id, storage(term=1), check_quorum=True) for id in (1, 2, 3)
    )
    net.campaign(1)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateFollower,
    }  # fmt: skip

    patient(net[3], 2)
    tick(net[3], net[3].randomized_election_timeout)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateCandidate,
    }  # fmt: skip
    assert net.terms() == {1: 2, 2: 2, 3: 3}

    # With its answer leave the vote requests, which the leases ward off.
    net.heartbeat(1, 3)
    assert net.states() == {
        1: StateFollower, 2: StateFollower, 3: StateCandidate,
    }  # fmt: skip
    assert net.terms() == {1: 3, 2: 2, 3: 3}


def test_add_node_check_quorum() -> None:
    """A node that joins has an election timeout's time to be heard."""
    r = leader(1, storage((1,)), check_quorum=True)
    tick(r, r.election_timeout - 1)
    r.apply_conf_change(
        pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2).as_v2()
    )
    r.tick()
    assert r.state is StateLeader, "the check is due, but node 2 is new"
    tick(r, r.election_timeout)
    assert r.state is StateFollower, "node 2 had all that time"
