"""What a leader sends to a follower, by what it knows of it."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft
from port.tracker import StateProbe, StateReplicate, StateType
from port.util import payload_size, payloads_size
from tests.port.raft.nodes import (
    THREE,
    ack,
    beat,
    dropped,
    heartbeat_resp,
    kinds,
    leader,
    make_leader,
    node,
    proposal,
    propose,
    rejection,
    storage,
    store_and_apply,
    stored,
    take_message,
    take_messages,
)


@pytest.fixture
def r() -> Raft:
    """A leader of two, whose first entry is stored and not yet sent."""
    r = leader(1, storage((1, 2)))
    take_messages(r)
    return r


def test_progress_leader() -> None:
    """A leader counts itself among those who have an entry once it has."""
    r = leader(1, storage((1, 2)))
    r.trk.progress[2].become_replicate()
    own = r.trk.progress[1]
    for _ in range(5):
        propose(r, b"foo")
    assert own.match == 0, "nothing is stored yet"
    unstable = r.raft_log.next_unstable_ents()
    assert [e.data or b"" for e in unstable] == [b"", *[b"foo"] * 5]

    stored(r)
    assert (own.match, own.next) == (6, 7)


# -- pauses


def test_progress_resume_by_heartbeat_resp(r: Raft) -> None:
    """Sending heartbeats ends no pause; an answer to one does."""
    peer = r.trk.progress[2]
    peer.msg_app_flow_paused = True
    r.step(beat(1))
    assert peer.msg_app_flow_paused

    peer.become_replicate()
    assert not peer.msg_app_flow_paused
    peer.msg_app_flow_paused = True
    r.step(heartbeat_resp(2))
    assert not peer.msg_app_flow_paused


def test_progress_paused(r: Raft) -> None:
    """A follower that is being probed gets one append until it answers."""
    for _ in range(3):
        propose(r, b"somedata")
    assert kinds(take_messages(r)) == [pb.MsgApp]


def test_send_append_for_progress_probe(r: Raft) -> None:
    """Only an answer to a heartbeat lets the next probe out."""
    peer = r.trk.progress[2]
    peer.become_probe()
    propose(r, b"somedata")
    assert take_message(r).index == 0, "the probe begins at the beginning"
    for _ in range(3):
        assert peer.msg_app_flow_paused
        for _ in range(10):
            propose(r, b"somedata")
        assert take_messages(r) == []
        r.step(beat(1))
        assert peer.msg_app_flow_paused
        assert take_message(r).type is pb.MsgHeartbeat

    r.step(heartbeat_resp(2))
    probe = take_message(r)
    assert (probe.type, probe.index) == (pb.MsgApp, 0)
    assert peer.msg_app_flow_paused, "one heartbeat, one probe"


def test_send_append_for_progress_replicate(r: Raft) -> None:
    """A follower that keeps up is sent each entry at once."""
    r.trk.progress[2].become_replicate()
    for _ in range(10):
        propose(r, b"somedata")
        assert take_message(r).type is pb.MsgApp


def test_send_append_for_progress_snapshot(r: Raft) -> None:
    """A follower that waits for a snapshot is sent nothing else."""
    r.trk.progress[2].become_snapshot(10)
    for _ in range(10):
        propose(r, b"somedata")
    assert take_messages(r) == []


def test_msg_app_resp_wait_reset() -> None:
    """Each follower's answer ends its own pause, and nobody else's."""
    disk = storage(THREE)
    r = leader(1, disk, election_tick=5)
    store_and_apply(r, disk)
    r.step(ack(2, 1))
    assert r.raft_log.committed == 1
    take_messages(r)  # it tells both what is committed

    propose(r, None)
    app = take_message(r)
    assert (app.type, app.to) == (pb.MsgApp, 2), "node 3 has not answered"
    assert [e.index for e in app.entries] == [2]

    r.step(ack(3, 1))
    app = take_message(r)
    assert (app.type, app.to) == (pb.MsgApp, 3)
    assert [e.index for e in app.entries] == [2]


# -- what is sent next


@pytest.mark.parametrize(
    ("state", "next"),
    [
        # Three earlier entries, the leader's first, the proposal: 6 is next.
        pytest.param(StateReplicate, 6, id="as if it had it already"),
        pytest.param(StateProbe, 2, id="not before it answers"),
    ],
)
def test_leader_increase_next(state: StateType, next: int) -> None:
    """What counts as sent: all of it where all is well, else nothing."""
    r = leader(1, storage((1, 2), terms=(1, 2, 3), term=3))
    peer = r.trk.progress[2]
    if state is StateReplicate:
        peer.become_replicate()
    peer.next = 2
    propose(r, b"somedata")
    assert peer.state is state
    assert peer.next == next


# The leader's log holds entries 1 to 3, all of its term; it assumes that the
# follower has the first two. Answer, the progress after it (match, next), and
# what is sent for it: how many appends, after which index, with which commit.
ANSWERS = [
    pytest.param(
        rejection(2, 3, hint=3, term=1), (0, 3), 0, 0, 0,
        id="a late rejection means nothing",
    ),
    pytest.param(
        rejection(2, 2, hint=2, term=1), (0, 2), 1, 1, 0,
        id="a rejection is followed by a probe further back",
    ),
    pytest.param(
        ack(2, 2, term=1), (2, 4), 2, 2, 2,
        id="an acceptance commits, and both followers hear of it",
    ),
    pytest.param(
        ack(2, 0, term=1), (0, 4), 1, 0, 0,
        id="an acceptance of nothing lets all of the log follow",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "progress", "sent", "index", "commit"), ANSWERS
)
def test_leader_app_resp(
    answer: pb.Message,
    progress: tuple[int, int],
    sent: int,
    index: int,
    commit: int,
) -> None:
    r = leader(1, storage(THREE, terms=(1, 1)))
    take_messages(r)
    r.step(answer.clone())
    peer = r.trk.progress[2]
    assert (peer.match, peer.next) == progress
    msgs = take_messages(r)
    assert [(m.index, m.commit) for m in msgs] == [(index, commit)] * sent


def test_recv_msg_unreachable() -> None:
    """What was sent ahead to a node that cannot be reached is sent anew."""
    r = leader(1, storage((1, 2), terms=(1, 2, 3), term=3))
    take_messages(r)
    peer = r.trk.progress[2]
    peer.match = 3
    peer.become_replicate()
    peer.next = 6
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert peer.state is StateProbe
    assert peer.next == peer.match + 1


# -- limits


def test_progress_flow_control() -> None:
    """Appends are kept within a size, and those in flight within two."""
    r = leader(
        1,
        storage((1, 2)),
        max_inflight_msgs=3,
        max_size_per_msg=2048,
        max_inflight_bytes=9000,  # Little more than three times 2048.
    )
    take_messages(r)
    r.trk.progress[2].become_probe()
    small, large = b"a" * 1000, b"b" * 5000
    for i in range(22):
        propose(r, large if 10 <= i < 16 else small)

    probe = take_message(r)
    assert [len(e.data or b"") for e in probe.entries] == [0, 1000], (
        "a probe carries the leader's first entry and the first proposal"
    )

    last = probe.entries[-1].index or 0
    for sizes in (
        # The answer ends the probing: three appends fit in.
        [[1000, 1000], [1000, 1000], [1000, 1000]],
        # All three answered at once. A large entry goes alone.
        [[1000, 1000], [1000], [5000]],
        # Two large ones are more than 9000 bytes, and so enough.
        [[5000], [5000]],
        [[5000], [5000]],
        # Back to small ones, but for the last large one.
        [[5000], [1000, 1000], [1000, 1000]],
        [[1000, 1000]],
    ):
        r.step(ack(2, last))
        apps = take_messages(r)
        assert set(kinds(apps)) == {pb.MsgApp}
        assert [[len(e.data or b"") for e in m.entries] for m in apps] == sizes
        last = apps[-1].entries[-1].index or 0


def test_uncommitted_entry_limit() -> None:
    """Proposals are dropped while too much waits to be committed.

    One proposal may go over the limit, if there was room before it. Entries
    without data always pass: a leader's first, and the one that leaves a
    joint configuration.
    """
    count = 1024
    entry = pb.Entry(data=b"testdata")
    assert payload_size(pb.Entry()) == 0
    r = node(
        1,
        max_uncommitted_entries_size=count * payload_size(entry),
        max_inflight_msgs=2 * count,  # So that this limit is not met.
    )
    make_leader(r)
    assert r.uncommitted_size == 0, "its first entry is empty"
    r.trk.progress[2].become_replicate()
    r.trk.progress[3].become_replicate()

    for i in range(count):
        assert not dropped(r, entry.data), f"proposal {i}"
    assert dropped(r, entry.data), "one too many"
    assert len(take_messages(r)) == 2 * count
    r.reduce_uncommitted_size(payloads_size([entry] * count))
    assert r.uncommitted_size == 0

    r.step(proposal(1, *[entry.data] * (2 * count)))
    assert dropped(r, entry.data), "the big one is over the limit"
    assert not dropped(r, None), "no data, no limit"
    assert len(take_messages(r)) == 2 * 2
    r.reduce_uncommitted_size(payloads_size([entry] * (2 * count)))
    assert r.uncommitted_size == 0
