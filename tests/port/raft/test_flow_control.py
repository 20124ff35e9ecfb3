"""The window of appends that are on their way to one follower."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft
from port.tracker import Progress
from tests.port.raft.nodes import (
    ack,
    heartbeat_resp,
    leader,
    propose,
    storage,
    take_message,
    take_messages,
)

WINDOW = 256


@pytest.fixture
def r() -> Raft:
    """A leader of two, with as many appends on their way as may be.

    The first of them carries the leader's own first entry as well; append
    number n carries entry n + 1.
    """
    r = leader(1, storage((1, 2)), max_inflight_msgs=WINDOW)
    r.trk.progress[2].become_replicate()
    for n in range(1, WINDOW + 1):
        propose(r, b"somedata")
        app = take_message(r)
        assert app.type is pb.MsgApp
        assert app.entries[-1].index == n + 1
    return r


@pytest.fixture
def peer(r: Raft) -> Progress:
    """What that leader knows of its follower."""
    return r.trk.progress[2]


def test_msg_app_flow_control_full(r: Raft, peer: Progress) -> None:
    """A full window holds further appends back."""
    assert peer.is_paused()
    for _ in range(10):
        propose(r, b"somedata")
    assert take_messages(r) == []


def test_msg_app_flow_control_move_forward(r: Raft, peer: Progress) -> None:
    """Each answer with news makes room; old answers make none."""
    for index in range(2, WINDOW):
        r.step(ack(2, index))
        take_messages(r)
        propose(r, b"somedata")
        assert take_message(r).type is pb.MsgApp
        assert peer.is_paused(), f"room for one only, by the ack of {index}"
        for old in range(index):
            r.step(ack(2, old))
            assert peer.is_paused(), f"ack of {old} came after {index}'s"


def test_msg_app_flow_control_recv_heartbeat(
    r: Raft, peer: Progress
) -> None:
    """Each answer to a heartbeat lets one empty append through.

    Its answer would tell what has become of those that are on their way.
    """
    for answers in range(1, 5):
        for _ in range(answers):
            assert peer.is_paused()
            r.step(heartbeat_resp(2))
            app = take_message(r)
            assert (app.type, app.entries) == (pb.MsgApp, [])

        for _ in range(10):
            assert peer.is_paused()
            propose(r, b"somedata")
            assert take_messages(r) == []

        r.step(heartbeat_resp(2))
        take_messages(r)
