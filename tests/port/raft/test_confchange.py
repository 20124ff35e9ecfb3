"""Changes of the configuration: proposed, refused, applied."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from port import raftpb as pb
from port.errors import RaftPanic
from port.raft import Raft, StateCandidate, StateFollower, StateLeader
from port.types import NO_LIMIT
from tests.port.raft.network import cluster
from tests.port.raft.nodes import (
    ack,
    leader,
    node,
    propose,
    storage,
    store_and_apply,
    tick,
)


def change(r: Raft, kind: pb.ConfChangeType, id: int) -> None:
    """Applies a change to one node of the configuration."""
    r.apply_conf_change(pb.ConfChange(type=kind, node_id=id).as_v2())


def conf_change_proposal(
    kind: pb.EntryType = pb.EntryConfChange, data: bytes | None = None
) -> pb.Message:
    """Returns a change that a client brings to node 1, to be proposed."""
    return pb.Message(
        type=pb.MsgProp, from_=1, to=1,
        entries=[pb.Entry(type=kind, data=data)],
    )  # fmt: skip


# -- one at a time


def test_step_config() -> None:
    """A leader appends a change, and notes that one is on its way."""
    r = leader(1, storage((1, 2)))
    last = r.raft_log.last_index()
    r.step(conf_change_proposal())
    assert r.raft_log.last_index() == last + 1
    assert r.pending_conf_index == last + 1


def test_step_ignore_config() -> None:
    """A second change meanwhile becomes an empty entry."""
    r = leader(1, storage((1, 2)))
    r.step(conf_change_proposal())
    pending, last = r.pending_conf_index, r.raft_log.last_index()
    r.step(conf_change_proposal())
    assert r.raft_log.entries(last + 1, NO_LIMIT) == [
        pb.Entry(type=pb.EntryNormal, term=1, index=3)
    ]
    assert r.pending_conf_index == pending


@pytest.mark.parametrize(
    ("terms", "pending"), [((), 0), ((1,), 1)], ids=["empty", "one entry"]
)
def test_new_leader_pending_config(
    terms: tuple[int, ...], pending: int
) -> None:
    """A new leader takes whatever it found in its log for a change."""
    r = leader(1, storage((1, 2), terms=terms, term=len(terms)))
    assert r.pending_conf_index == pending


# -- applied


def test_add_node() -> None:
    r = node(1, storage((1,)))
    change(r, pb.ConfChangeAddNode, 2)
    assert r.trk.voter_nodes() == [1, 2]


def test_add_learner() -> None:
    """Nodes become learners and voters in turn, this one among them."""
    r = node(1, storage((1,)))
    change(r, pb.ConfChangeAddLearnerNode, 2)
    assert not r.is_learner
    assert r.trk.learner_nodes() == [2]
    assert r.trk.progress[2].is_learner

    change(r, pb.ConfChangeAddNode, 2)
    assert not r.trk.progress[2].is_learner

    change(r, pb.ConfChangeAddLearnerNode, 1)
    assert r.trk.progress[1].is_learner
    assert r.is_learner

    change(r, pb.ConfChangeAddNode, 1)
    assert not r.trk.progress[1].is_learner
    assert not r.is_learner


def check_cannot_remove_last_voter(r: Raft) -> None:
    with pytest.raises(RaftPanic, match="removed all voters"):
        change(r, pb.ConfChangeRemoveNode, 1)


def test_remove_node() -> None:
    r = node(1, storage((1, 2)))
    change(r, pb.ConfChangeRemoveNode, 2)
    assert r.trk.voter_nodes() == [1]
    check_cannot_remove_last_voter(r)


def test_remove_learner() -> None:
    r = node(1, storage((1,), (2,)))
    change(r, pb.ConfChangeRemoveNode, 2)
    assert r.trk.voter_nodes() == [1]
    assert r.trk.learner_nodes() == []
    check_cannot_remove_last_voter(r)


@pytest.mark.parametrize("voters", [(1, 2, 3), (3, 2, 1)], ids=str)
def test_raft_nodes(voters: Sequence[int]) -> None:
    """Voters are listed by id, however they were stored."""
    assert node(1, storage(voters)).trk.voter_nodes() == [1, 2, 3]


def test_commit_after_remove_node() -> None:
    """A smaller quorum may commit what the larger one had not."""
    disk = storage((1, 2))
    r = leader(1, disk, election_tick=5)
    removal = pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=2)
    r.step(conf_change_proposal(data=removal.marshal()))
    assert store_and_apply(r, disk) == []
    removal_index = r.raft_log.last_index()
    propose(r, b"hello")

    r.step(ack(2, removal_index))
    applied = store_and_apply(r, disk)
    assert [(e.type or pb.EntryNormal, e.data) for e in applied] == [
        (pb.EntryNormal, None),
        (pb.EntryConfChange, removal.marshal()),
    ]

    r.apply_conf_change(removal.as_v2())
    applied = store_and_apply(r, disk)
    assert [(e.type or pb.EntryNormal, e.data) for e in applied] == [
        (pb.EntryNormal, b"hello")
    ]


# -- before an election


def check_applies_before_campaign(v2: bool) -> None:
    """A node campaigns only in a configuration that it has caught up with.

    Here nobody really removes node 2, so that it can show both.
    """
    net = cluster(3)
    n1, n2 = net[1], net[2]
    net.campaign(1)
    assert n1.state is StateLeader
    removal = pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=2)
    if v2:
        net.send(
            conf_change_proposal(
                pb.EntryConfChangeV2, removal.as_v2().marshal()
            )
        )
    else:
        net.send(conf_change_proposal(data=removal.marshal()))
    assert n2.raft_log.committed == 2

    tick(n2, n2.randomized_election_timeout)
    assert n2.state is StateFollower, "the change is committed, not applied"
    net.transfer(2, asked=1)
    assert (n1.state, n2.state) == (StateLeader, StateFollower), (
        "nor does it take over when it is asked to"
    )
    tick(n1, n1.election_timeout)
    assert n1.lead_transferee == 0

    store_and_apply(n2, net.stores[2])
    net.transfer(2, asked=1)
    assert (n1.state, n2.state) == (StateFollower, StateLeader)

    store_and_apply(n1, net.stores[1])
    tick(n1, n1.randomized_election_timeout)
    assert n1.state is StateCandidate


def test_conf_change_check_before_campaign() -> None:
    check_applies_before_campaign(v2=False)


def test_conf_change_v2_check_before_campaign() -> None:
    check_applies_before_campaign(v2=True)
