"""Snapshots in place of entries: who sends them, who takes them."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft, StateFollower, StateLeader
from port.tracker import Progress
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    ack,
    make_leader,
    node,
    propose,
    rejection,
    snapshot,
    storage,
    store_and_apply,
    take_message,
    take_messages,
    tick,
)

# Any index and term will do, but that they are easy to tell from others.
INDEX, TERM = 11, 11

# -- taking one


def check_restored(r: Raft, snap: pb.Snapshot) -> None:
    """The log ends with the snapshot, and taking it again does nothing."""
    assert r.raft_log.last_index() == snap.index
    assert r.raft_log.term(snap.index) == snap.term
    assert not r.restore(snap), "it brings nothing new a second time"


def check_waits_to_campaign(r: Raft) -> None:
    """It has not applied the snapshot: its state and log are not in step."""
    tick(r, r.randomized_election_timeout)
    assert r.state is StateFollower


def test_restore() -> None:
    """A snapshot brings the configuration with it."""
    r = node(1, storage((1, 2)))
    snap = snapshot(INDEX, TERM, (1, 2, 3))
    assert r.restore(snap)
    check_restored(r, snap)
    assert r.trk.voter_nodes() == [1, 2, 3]
    check_waits_to_campaign(r)


def test_restore_with_learner() -> None:
    """Learners too, who stay learners."""
    r = node(3, storage((1, 2), (3,)), election_tick=8, heartbeat_tick=2)
    snap = snapshot(INDEX, TERM, (1, 2), learners=(3,))
    assert r.restore(snap)
    check_restored(r, snap)
    assert (r.trk.voter_nodes(), r.trk.learner_nodes()) == ([1, 2], [3])
    learns = {id: pr.is_learner for id, pr in r.trk.progress.items()}
    assert learns == {1: False, 2: False, 3: True}


def test_restore_with_voters_outgoing() -> None:
    """A voter of the outgoing half only takes it as well."""
    r = node(1, storage((1, 2)))
    snap = snapshot(INDEX, TERM, (2, 3, 4), voters_outgoing=(1, 2, 3))
    assert r.restore(snap)
    check_restored(r, snap)
    assert r.trk.voter_nodes() == [1, 2, 3, 4]
    check_waits_to_campaign(r)


def test_restore_voter_to_learner() -> None:
    """A snapshot may make a learner of a voter.

    No change does that in one step, but it may sum up several: the voter was
    removed and came back. To refuse would cut it off from the log for good.
    """
    r = node(3, storage((1, 2, 3)))
    assert not r.is_learner
    assert r.restore(snapshot(INDEX, TERM, (1, 2), learners=(3,)))
    assert r.is_learner


def test_restore_learner_promotion() -> None:
    r = node(3, storage((1, 2), (3,)))
    assert r.is_learner
    assert r.restore(snapshot(INDEX, TERM, (1, 2, 3)))
    assert not r.is_learner


@pytest.mark.parametrize(
    ("index", "committed"),
    [
        pytest.param(1, 1, id="committed already"),
        pytest.param(2, 2, id="in the log: as good as a commit"),
    ],
)
def test_restore_ignore_snapshot(index: int, committed: int) -> None:
    """What the log holds already is not thrown away for a snapshot."""
    r = node(1, storage((1, 2), terms=(1, 1, 1), term=1, commit=1))
    assert not r.restore(snapshot(index, 1, (1, 2)))
    assert r.raft_log.committed == committed
    assert r.raft_log.last_index() == 3


def test_restore_from_snap_msg() -> None:
    """Whoever sends a snapshot leads, and hears that it has been taken."""
    r = node(2, storage((1, 2)))
    r.step(
        pb.Message(
            type=pb.MsgSnap, from_=1, to=2, term=2,
            snapshot=snapshot(INDEX, TERM, (1, 2)),
        )
    )  # fmt: skip
    assert (r.lead, r.term) == (1, 2)
    answer = take_message(r)
    assert (answer.type, answer.index) == (pb.MsgAppResp, INDEX)


def test_learner_receive_snapshot() -> None:
    """A learner that lacks all that was compacted is sent a snapshot."""
    disk = storage((1,), (2,))
    net = Network([node(1, disk), node(2, storage((1,), (2,)))])
    lead, learner = net[1], net[2]
    lead.restore(snapshot(INDEX, TERM, (1,), learners=(2,)))
    snap = lead.raft_log.next_unstable_snapshot()
    assert snap is not None
    disk.apply_snapshot(snap)
    lead.applied_snap(snap)

    net.time_out(1)
    assert lead.state is StateLeader
    net.beat(1)
    assert lead.raft_log.committed == INDEX + 1
    assert learner.raft_log.committed == lead.raft_log.committed


def test_slow_node_restore() -> None:
    """A follower that missed what is compacted by now still catches up."""
    net = cluster(3)
    net.campaign(1)
    net.isolate(3)
    for _ in range(101):
        net.propose(1)
    lead, disk = net[1], net.stores[1]
    store_and_apply(lead, disk)
    voters = pb.ConfState(voters=lead.trk.voter_nodes())
    disk.create_snapshot(lead.raft_log.applied, voters, None)
    disk.compact(lead.raft_log.applied)

    net.heal()
    for _ in range(3):
        net.beat(1)
        if lead.trk.progress[3].recent_active:
            break
    assert lead.trk.progress[3].recent_active

    net.propose(1)  # a reason to send it the snapshot
    net.propose(1)  # and to tell it what is committed since
    assert net[3].raft_log.committed == lead.raft_log.committed == 104


# -- sending one


SNAPSHOT = snapshot(INDEX, TERM, (1, 2))


@pytest.fixture
def r() -> Raft:
    """A leader of two whose log begins after a snapshot."""
    r = node(1, storage((1, 2)))
    assert r.restore(SNAPSHOT)
    make_leader(r)
    return r


@pytest.fixture
def peer(r: Raft) -> Progress:
    """What that leader knows of its follower."""
    return r.trk.progress[2]


def reject_first_entry(r: Raft, peer: Progress) -> None:
    """Has the follower lack even what the log begins with."""
    peer.next = r.raft_log.first_index()
    r.step(rejection(2, peer.next - 1))


def test_provide_snap(r: Raft, peer: Progress) -> None:
    """A follower that lacks what is no longer in the log gets it."""
    reject_first_entry(r, peer)
    msg = take_message(r)
    assert (msg.type, msg.to) == (pb.MsgSnap, 2)
    assert msg.snapshot is not None
    assert msg.snapshot.index == INDEX


def test_sending_snapshot_set_pending_snapshot(
    r: Raft, peer: Progress
) -> None:
    """The leader notes which one is on its way."""
    reject_first_entry(r, peer)
    assert peer.pending_snapshot == INDEX


def test_ignore_providing_snap(r: Raft, peer: Progress) -> None:
    """A follower that has not been heard from lately gets none."""
    peer.next = r.raft_log.first_index() - 1
    peer.recent_active = False
    propose(r, b"somedata")
    assert take_messages(r) == []


def test_pending_snapshot_pause_replication(r: Raft, peer: Progress) -> None:
    """Entries wait until the snapshot has arrived."""
    peer.become_snapshot(INDEX)
    propose(r, b"somedata")
    assert take_messages(r) == []


@pytest.fixture
def under_way(peer: Progress) -> Progress:
    """A follower without a log, to which the snapshot is on its way."""
    peer.next = 1
    peer.become_snapshot(INDEX)
    return peer


def snap_status(*, reject: bool) -> pb.Message:
    """Returns the application's report of how sending went."""
    return pb.Message(type=pb.MsgSnapStatus, from_=2, to=1, reject=reject)


def test_snapshot_failure(r: Raft, under_way: Progress) -> None:
    """The follower is as far as it was; it is tried again, not at once."""
    r.step(snap_status(reject=True))
    assert under_way.pending_snapshot == 0
    assert under_way.next == 1
    assert under_way.msg_app_flow_paused


def test_snapshot_succeed(r: Raft, under_way: Progress) -> None:
    """The log goes on after the snapshot, once the follower says so."""
    r.step(snap_status(reject=False))
    assert under_way.pending_snapshot == 0
    assert under_way.next == INDEX + 1
    assert under_way.msg_app_flow_paused


def test_snapshot_abort(r: Raft, under_way: Progress) -> None:
    """A follower that has all of it, whoever from, need not wait for it."""
    r.step(ack(2, INDEX))
    assert under_way.pending_snapshot == 0
    assert under_way.next == INDEX + 2, "the leader's first entry is sent"
    assert under_way.inflights.count() == 1
