"""Handing the lead over (thesis, section 3.10)."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft, StateFollower, StateLeader, StateType
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    dropped,
    node,
    storage,
    store_and_apply,
    tick,
)


@pytest.fixture
def net() -> Network:
    """Three nodes, of which 1 leads."""
    net = cluster(3)
    net.campaign(1)
    assert (net[1].state, net[1].lead) == (StateLeader, 1)
    return net


@pytest.fixture
def stuck(net: Network) -> Network:
    """The same, and node 1 is to hand over to 3, which it cannot reach."""
    net.isolate(3)
    net.transfer(3, asked=1)
    assert net[1].lead_transferee == 3
    return net


def check_settled(r: Raft, state: StateType, lead: int) -> None:
    """Its role and leader are these, and no transfer is under way."""
    assert (r.state, r.lead) == (state, lead)
    assert r.lead_transferee == 0, "the transfer is not over"


# -- to whom


def test_leader_transfer_to_up_to_date_node(net: Network) -> None:
    """There and back again, asked of whoever leads."""
    net.transfer(2, asked=1)
    check_settled(net[1], StateFollower, 2)
    net.propose(1)
    net.transfer(1, asked=2)
    check_settled(net[1], StateLeader, 1)


def test_leader_transfer_to_up_to_date_node_from_follower(
    net: Network,
) -> None:
    """Followers pass the wish on to their leader."""
    net.transfer(2, asked=2)
    check_settled(net[1], StateFollower, 2)
    net.propose(1)
    net.transfer(1, asked=1)
    check_settled(net[1], StateLeader, 1)


def test_leader_transfer_with_check_quorum() -> None:
    """The leader's own wish overrides its lease."""
    net = cluster(3, check_quorum=True)
    for id, r in net.nodes.items():
        r.randomized_election_timeout = r.election_timeout + id
    tick(net[2], net[2].election_timeout)
    net.campaign(1)
    assert net[1].state is StateLeader

    net.transfer(2, asked=1)
    check_settled(net[1], StateFollower, 2)
    net.propose(1)
    net.transfer(1, asked=2)
    check_settled(net[1], StateLeader, 1)


def test_leader_transfer_to_slow_follower(net: Network) -> None:
    """A node that lags is brought up to date first."""
    net.isolate(3)
    net.propose(1)
    net.heal()
    assert net[1].trk.progress[3].match == 1
    net.transfer(3, asked=1)
    check_settled(net[1], StateFollower, 3)


def test_leader_transfer_after_snapshot(net: Network) -> None:
    """If need be by a snapshot, which it must have applied."""
    net.isolate(3)
    net.propose(1)
    lead, disk = net[1], net.stores[1]
    store_and_apply(lead, disk)
    disk.create_snapshot(
        lead.raft_log.applied,
        pb.ConfState(voters=lead.trk.voter_nodes()),
        None,
    )
    disk.compact(lead.raft_log.applied)
    net.heal()
    assert lead.trk.progress[3].match == 1

    held: list[pb.Message] = []

    def hold_acceptance(m: pb.Message) -> bool:
        if m.type is pb.MsgAppResp and m.from_ == 3 and not m.reject:
            held.append(m)
            return False
        return True

    net.passes = hold_acceptance
    net.transfer(3, asked=1)
    assert lead.state is StateLeader, "node 3 has not got the snapshot yet"
    assert len(held) == 1

    snap = net[3].raft_log.next_unstable_snapshot()
    assert snap is not None
    net.stores[3].apply_snapshot(snap)
    net[3].applied_snap(snap)
    net.passes = None
    net.send(*held)
    check_settled(lead, StateFollower, 3)


def test_leader_transfer_to_self(net: Network) -> None:
    net.transfer(1, asked=1)
    check_settled(net[1], StateLeader, 1)


def test_leader_transfer_to_non_existing_node(net: Network) -> None:
    net.transfer(4, asked=1)
    check_settled(net[1], StateLeader, 1)


def test_transfer_non_member() -> None:
    """A node that was removed does not take over, whoever votes for it."""
    r = node(1, storage((2, 3, 4)), election_tick=5)
    r.step(pb.Message(type=pb.MsgTimeoutNow, from_=2, to=1))
    for peer in (2, 3):
        r.step(pb.Message(type=pb.MsgVoteResp, from_=peer, to=1))
    assert r.state is StateFollower


# -- how it ends when the other does not take over


def test_leader_transfer_timeout(stuck: Network) -> None:
    """The leader goes on after an election timeout."""
    lead = stuck[1]
    tick(lead, lead.heartbeat_timeout)
    assert lead.lead_transferee == 3
    tick(lead, lead.election_timeout - lead.heartbeat_timeout)
    check_settled(lead, StateLeader, 1)


def test_leader_transfer_ignore_proposal(stuck: Network) -> None:
    """Proposals are dropped meanwhile: they would delay the transfer."""
    lead = stuck[1]
    store_and_apply(lead, stuck.stores[1])
    stuck.propose(1)
    assert dropped(lead, None)
    assert lead.trk.progress[1].match == 1
    assert lead.raft_log.last_index() == 1


def test_leader_transfer_receive_higher_term_vote(stuck: Network) -> None:
    """A newer term ends the transfer along with the lead."""
    stuck.campaign(2)
    check_settled(stuck[1], StateFollower, 2)


def test_leader_transfer_back(stuck: Network) -> None:
    """Asked to hand over to itself, the leader stays."""
    stuck.transfer(1, asked=1)
    check_settled(stuck[1], StateLeader, 1)


def test_leader_transfer_second_transfer_to_another_node(
    stuck: Network,
) -> None:
    """A new wish takes the place of the old one."""
    stuck.transfer(2, asked=1)
    check_settled(stuck[1], StateFollower, 2)


def test_leader_transfer_second_transfer_to_same_node(
    stuck: Network,
) -> None:
    """The same wish again gains no time."""
    lead = stuck[1]
    tick(lead, lead.heartbeat_timeout)
    stuck.transfer(3, asked=1)
    tick(lead, lead.election_timeout - lead.heartbeat_timeout)
    check_settled(lead, StateLeader, 1)


@pytest.fixture
def unheard(net: Network) -> Network:
    """Node 1 has told 3 to take over, and the word was lost."""
    net.ignore(pb.MsgTimeoutNow)
    net.transfer(3, asked=1)
    assert net[1].lead_transferee == 3
    return net


def test_leader_transfer_remove_node(unheard: Network) -> None:
    """Who leaves the configuration cannot take over."""
    lead = unheard[1]
    lead.apply_conf_change(
        pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=3).as_v2()
    )
    check_settled(lead, StateLeader, 1)


def test_leader_transfer_demote_node(unheard: Network) -> None:
    """Nor can a learner; while the joint configuration lasts, it may."""
    lead = unheard[1]
    lead.apply_conf_change(
        pb.ConfChangeV2(
            changes=[
                pb.ConfChangeSingle(pb.ConfChangeRemoveNode, 3),
                pb.ConfChangeSingle(pb.ConfChangeAddLearnerNode, 3),
            ]
        )
    )
    assert lead.lead_transferee == 3, "node 3 votes in the outgoing half"
    lead.apply_conf_change(pb.ConfChangeV2())
    check_settled(lead, StateLeader, 1)
