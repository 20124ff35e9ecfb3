"""What the chapter *Snapshots and flow control* says, asked of the port.

The notes of `book/pages/snapshots.md` cite these tests.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from book.weave.flow import EDGES
from port import raftpb as pb
from port.errors import SnapshotTemporarilyUnavailable
from port.raft import Raft, StateFollower
from port.storage import MemoryStorage
from port.tracker import Progress
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    THREE,
    ack,
    heartbeat_resp,
    kinds,
    make_leader,
    node,
    propose,
    rejection,
    snapshot,
    storage,
    store_and_apply,
    take_message,
    take_messages,
)


class Disk(MemoryStorage):
    """A disk that may still be busy making its snapshot."""

    busy = False

    def snapshot(self) -> pb.Snapshot:
        if self.busy:
            raise SnapshotTemporarilyUnavailable
        return super().snapshot()


def busy_leader(window: int = 256) -> tuple[Raft, Disk]:
    """Returns a leader whose follower 3 has everything, and 2 has nothing.

    Entries 1 to 4 are committed.
    """
    disk = Disk()
    disk.apply_snapshot(snapshot(0, 0, THREE))
    r = node(1, disk, max_inflight_msgs=window)
    make_leader(r)
    take_messages(r)
    for data in (b"x", b"y", b"z"):
        propose(r, data)
    take_messages(r)
    r.step(ack(3, 4))
    take_messages(r)
    assert r.raft_log.committed == 4
    return r, disk


def compact(r: Raft, disk: MemoryStorage, index: int = 4) -> None:
    """Replaces the leader's log by a snapshot."""
    store_and_apply(r, disk)
    disk.create_snapshot(index, pb.ConfState(voters=[1, 2, 3]), b"state")
    disk.compact(index)


def probing() -> tuple[Raft, Disk, Progress]:
    r, disk = busy_leader()
    peer = r.trk.progress[2]
    assert str(peer.state) == "StateProbe"
    peer.recent_active = True
    return r, disk, peer


def replicating(window: int = 256) -> tuple[Raft, Disk, Progress]:
    r, disk = busy_leader(window)
    r.step(ack(2, 1))
    take_messages(r)
    peer = r.trk.progress[2]
    assert str(peer.state) == "StateReplicate"
    return r, disk, peer


def awaiting() -> tuple[Raft, Disk, Progress]:
    """Returns a leader that waits for node 2 to take a snapshot of 4."""
    r, disk, peer = probing()
    compact(r, disk)
    take_messages(r)
    r.step(rejection(2, 0))
    assert kinds(take_messages(r)) == [pb.MsgSnap]
    assert (peer.match, peer.next, peer.pending_snapshot) == (0, 5, 4)
    return r, disk, peer


def report(r: Raft, *, failed: bool) -> None:
    r.step(pb.Message(type=pb.MsgSnapStatus, from_=2, to=1, reject=failed))


# ---- The diagram ------------------------------------------------------------


def accepted() -> Progress:
    r, _, peer = probing()
    r.step(ack(2, 1))
    return peer


def refused() -> Progress:
    r, _, peer = replicating()
    r.step(rejection(2, 4, 1))
    return peer


def out_of_reach() -> Progress:
    r, _, peer = replicating()
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    return peer


def gone_while_probing() -> Progress:
    return awaiting()[2]


def gone_while_replicating() -> Progress:
    r, disk, peer = replicating(window=1)
    for _ in range(3):
        propose(r, b"more")
    take_messages(r)
    r.step(ack(3, 7))
    take_messages(r)
    assert peer.next == 5, "the window is full"
    compact(r, disk, 7)
    r.step(heartbeat_resp(2))
    return peer


def reported_sent() -> Progress:
    r, _, peer = awaiting()
    report(r, failed=False)
    return peer


def reported_failed() -> Progress:
    r, _, peer = awaiting()
    report(r, failed=True)
    return peer


def answered() -> Progress:
    r, _, peer = awaiting()
    r.step(ack(2, 4))
    return peer


TAKEN: list[tuple[str, str, Callable[[], Progress]]] = [
    ("Probe", "Replicate", accepted),
    ("Replicate", "Probe", refused),
    ("Replicate", "Probe", out_of_reach),
    ("Probe", "Snapshot", gone_while_probing),
    ("Replicate", "Snapshot", gone_while_replicating),
    ("Snapshot", "Probe", reported_sent),
    ("Snapshot", "Probe", reported_failed),
    ("Snapshot", "Replicate", answered),
]


@pytest.mark.parametrize(("start", "end", "act"), TAKEN)
def test_every_arrow_is_taken(
    start: str, end: str, act: Callable[[], Progress]
) -> None:
    assert str(act().state) == f"State{end}"


def test_the_diagram_has_these_arrows_and_no_other() -> None:
    drawn = {(e.start, e.end) for e in EDGES}
    assert drawn == {(start, end) for start, end, _ in TAKEN}


# ---- Sending one ------------------------------------------------------------


def test_the_silent_are_sent_none() -> None:
    r, disk, peer = probing()
    compact(r, disk)
    take_messages(r)
    peer.next = 1
    peer.msg_app_flow_paused = False
    peer.recent_active = False
    propose(r, b"more")
    assert [m.to for m in take_messages(r)] == [3]
    r.step(heartbeat_resp(2))
    assert take_message(r).type is pb.MsgSnap


def test_a_snapshot_in_the_making_is_waited_for() -> None:
    r, disk, peer = probing()
    compact(r, disk)
    take_messages(r)
    disk.busy = True
    r.step(rejection(2, 0))
    assert take_messages(r) == []
    assert str(peer.state) == "StateProbe"
    disk.busy = False
    r.step(heartbeat_resp(2))
    assert take_message(r).type is pb.MsgSnap


def test_nothing_but_word_of_it_ends_the_wait() -> None:
    r, _, peer = awaiting()
    for _ in range(100):
        r.tick()
        r.step(heartbeat_resp(2))
        propose(r, b"more")
    to_it = [m for m in take_messages(r) if m.to == 2]
    assert set(kinds(to_it)) == {pb.MsgHeartbeat}
    assert str(peer.state) == "StateSnapshot"


def test_any_snapshot_will_do_that_joins_the_log() -> None:
    """Node 2 took one from elsewhere; it is older than the one sent."""
    r, _, peer = awaiting()
    peer.pending_snapshot = 9
    r.step(ack(2, 4))
    assert str(peer.state) == "StateReplicate"


# ---- After a report ---------------------------------------------------------


def test_a_report_of_failure_keeps_the_place() -> None:
    r, _, peer = awaiting()
    report(r, failed=True)
    assert (peer.match, peer.next) == (0, 1)


def test_a_report_of_success_is_no_proof() -> None:
    r, _, peer = awaiting()
    report(r, failed=False)
    assert (peer.match, peer.next) == (0, 5)


@pytest.mark.parametrize("failed", [False, True])
def test_after_a_report_it_waits(failed: bool) -> None:
    r, _, _ = awaiting()
    report(r, failed=failed)
    propose(r, b"more")
    assert [m.to for m in take_messages(r)] == [3]
    r.step(heartbeat_resp(2))
    assert take_message(r).type is (pb.MsgSnap if failed else pb.MsgApp)


def test_a_late_report_changes_nothing() -> None:
    r, _, peer = awaiting()
    r.step(ack(2, 4))
    take_messages(r)
    report(r, failed=True)
    assert str(peer.state) == "StateReplicate"
    assert not peer.msg_app_flow_paused


def test_out_of_reach_starts_over_from_what_is_known() -> None:
    r, _, peer = replicating()
    assert peer.next > peer.match + 1
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert (peer.match, peer.next, peer.inflights.count()) == (1, 2, 0)


def test_out_of_reach_does_not_end_a_snapshot() -> None:
    r, _, peer = awaiting()
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert str(peer.state) == "StateSnapshot"


# ---- Taking one -------------------------------------------------------------


def offer(r: Raft, s: pb.Snapshot | None) -> pb.Message:
    """Lets node 2 get a snapshot of node 3, and returns its answer."""
    r.step(pb.Message(type=pb.MsgSnap, from_=3, to=2, term=5, snapshot=s))
    return take_message(r)


def follower(*terms: int, commit: int = 0) -> Raft:
    return node(2, storage(terms=terms, term=5, commit=commit))


def test_a_snapshot_replaces_a_log_that_goes_another_way() -> None:
    r = follower(1, 1, 1, 1, 1, 1)
    answer = offer(r, snapshot(4, 2, THREE))
    assert (answer.type, answer.index) == (pb.MsgAppResp, 4)
    assert r.raft_log.last_index() == r.raft_log.committed == 4


def test_a_log_that_holds_it_all_is_kept() -> None:
    r = follower(1, 1, 1, 2, 2, 2)
    answer = offer(r, snapshot(4, 2, THREE))
    assert r.raft_log.committed == 4
    assert r.raft_log.last_index() == 6
    assert answer.index == 4


def test_an_old_snapshot_is_answered_with_what_is_committed() -> None:
    r = follower(1, 1, 1, commit=3)
    answer = offer(r, snapshot(2, 1, THREE))
    assert (answer.type, answer.index) == (pb.MsgAppResp, 3)


def test_a_snapshot_does_not_take_us_back() -> None:
    """Whether its index matches cannot be seen: that is compacted."""
    disk = MemoryStorage()
    disk.apply_snapshot(snapshot(5, 2, THREE))
    disk.set_hard_state(pb.HardState(term=5, commit=5))
    r = node(2, disk)
    assert offer(r, snapshot(3, 2, THREE)).index == 5
    assert r.raft_log.committed == r.raft_log.last_index() == 5


def test_none_at_all_counts_as_an_old_one() -> None:
    r = follower(1)
    assert not offer(r, None).index


def test_the_answer_waits_for_the_disk() -> None:
    r = follower()
    r.step(
        pb.Message(
            type=pb.MsgSnap, from_=3, to=2, term=5,
            snapshot=snapshot(4, 2, THREE),
        )
    )  # fmt: skip
    assert r.msgs == []
    assert kinds(r.msgs_after_append) == [pb.MsgAppResp]
    assert not r.promotable()


def test_a_snapshot_without_us_is_not_taken() -> None:
    r = follower(1)
    answer = offer(r, snapshot(4, 2, (1, 3)))
    assert not answer.index
    assert r.raft_log.last_index() == 1


@pytest.mark.parametrize(
    "s",
    [
        snapshot(4, 2, (1, 3), learners=(2,)),
        snapshot(4, 2, (1, 3), voters_outgoing=(1, 2)),
    ],
    ids=["a learner", "leaving"],
)
def test_whoever_is_anything_in_it_takes_it(s: pb.Snapshot) -> None:
    r = follower(1)
    assert offer(r, s).index == 4


def test_the_configuration_comes_with_it() -> None:
    r = follower(1)
    offer(r, snapshot(4, 2, (2, 3, 4), voters_outgoing=(1, 2, 3)))
    assert r.trk.voter_nodes() == [1, 2, 3, 4]
    assert sorted(r.trk.progress) == [1, 2, 3, 4]


def test_a_candidate_follows_whoever_sends_one() -> None:
    r = follower(1)
    r.become_candidate()
    r.step(
        pb.Message(
            type=pb.MsgSnap, from_=3, to=2, term=r.term,
            snapshot=snapshot(4, 2, THREE),
        )
    )  # fmt: skip
    assert (r.state, r.lead) == (StateFollower, 3)
    assert r.raft_log.last_index() == 4


def test_a_leader_takes_none() -> None:
    r = follower(1)
    make_leader(r)
    term = r.term
    assert not r.restore(snapshot(4, 2, THREE))
    assert (r.state, r.term) == (StateFollower, term + 1)


# ---- Break it ---------------------------------------------------------------

BREAKS: dict[str, Break] = {
    "send to the dead": (
        "Raft.maybe_send_snapshot",
        "if not pr.recent_active:",
        "if False:",
        test_the_silent_are_sent_none,
    ),
    "keep nothing": (
        "Raft.restore",
        "if log.match_term(id):",
        "if False:",
        test_a_log_that_holds_it_all_is_kept,
    ),
    "take anything": (
        "Raft.restore",
        "if s.index <= log.committed:",
        "if False:",
        test_a_snapshot_does_not_take_us_back,
    ),
    "forget who leaves": (
        "Raft.restore",
        "(cs.voters, cs.learners, cs.voters_outgoing)",
        "(cs.voters, cs.learners)",
        lambda: test_whoever_is_anything_in_it_takes_it(
            snapshot(4, 2, (1, 3), voters_outgoing=(1, 2))
        ),
    ),
    "fail forwards": (
        "leader_snap_status",
        "pr.pending_snapshot = 0",
        "pass",
        test_a_report_of_failure_keeps_the_place,
    ),
    "do not wait": (
        "leader_snap_status",
        "pr.msg_app_flow_paused = True",
        "pass",
        lambda: test_after_a_report_it_waits(False),
    ),
    "give up a snapshot": (
        "leader_unreachable",
        "if pr.state is StateReplicate:",
        "if True:",
        test_out_of_reach_does_not_end_a_snapshot,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name])
