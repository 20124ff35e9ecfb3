"""Heartbeats: who sends them, what they say, what follows from the answer."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import StateCandidate, StateFollower, StateLeader, StateType
from port.storage import MemoryStorage
from tests.port.raft.nodes import (
    THREE,
    ack,
    assume,
    beat,
    heartbeat_resp,
    kinds,
    leader,
    node,
    propose,
    snapshot,
    storage,
    take_message,
    take_messages,
)


@pytest.mark.parametrize(
    ("state", "sent"),
    [(StateLeader, 2), (StateCandidate, 0), (StateFollower, 0)],
    ids=str,
)
def test_recv_msg_beat(state: StateType, sent: int) -> None:
    """Only a leader sends heartbeats when it is time."""
    r = node(1, storage(terms=(1, 1), term=1))
    assume(r, state)
    r.step(beat(1))
    assert kinds(take_messages(r)) == [pb.MsgHeartbeat] * sent


def test_bcast_beat() -> None:
    """A heartbeat tells the commit index, as far as the peer's log matches.

    It says nothing about entries, least of all about those that have been
    compacted away.
    """
    disk = MemoryStorage()
    disk.apply_snapshot(snapshot(1000, 1, THREE))
    disk.set_hard_state(pb.HardState(term=1, commit=1000))
    r = leader(1, disk)
    for _ in range(10):
        propose(r, None)
    take_messages(r)
    slow, normal = r.trk.progress[2], r.trk.progress[3]
    slow.match, slow.next = 5, 6
    normal.match = r.raft_log.last_index()
    normal.next = normal.match + 1

    r.step(beat(1))
    msgs = take_messages(r)
    assert {m.to: m.commit for m in msgs} == {2: 5, 3: 1000}
    for m in msgs:
        assert m.type is pb.MsgHeartbeat
        assert not m.index
        assert not m.log_term
        assert not m.entries


@pytest.mark.parametrize(
    ("told", "committed"), [(3, 3), (1, 2)], ids=["further", "no further"]
)
def test_handle_heartbeat(told: int, committed: int) -> None:
    """A follower commits what the leader says, and never takes it back."""
    r = node(1, storage((1, 2), terms=(1, 2, 3), term=2, commit=2))
    r.become_follower(2, 2)
    r.step(
        pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=2, commit=told)
    )
    assert r.raft_log.committed == committed
    assert take_message(r).type is pb.MsgHeartbeatResp


def test_handle_heartbeat_resp() -> None:
    """An answer shows that a peer lives, so it is sent what it lacks."""
    r = leader(1, storage((1, 2), terms=(1, 2, 3), term=3))
    r.raft_log.commit_to(r.raft_log.last_index())
    for attempt in ("first", "second"):
        r.step(heartbeat_resp(2))
        app = take_message(r)
        assert app.type is pb.MsgApp, f"{attempt} answer"

    r.step(ack(2, (app.index or 0) + len(app.entries)))
    take_messages(r)
    r.step(heartbeat_resp(2))
    assert take_messages(r) == [], "the peer has all there is"
