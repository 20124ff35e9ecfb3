"""Rows of the catalogue that no scenario can show: each by a test here.

A scenario speaks the interaction language, and that has no panics, no
storage that is slow, and nobody who breaks the rules. Where a row has many
causes, a scenario shows some, and a test the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from port import raftpb as pb
from port.errors import (
    ProposalDropped,
    RaftPanic,
    SnapshotTemporarilyUnavailable,
)
from port.log import EntryID
from port.logger import discard_logger
from port.node import _Node
from port.raft import Config, Raft
from port.rafttest.observe import (
    Transition,
    WatchedRawNode,
    watch,
    watch_loop,
)
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import LOCAL_APPLY_THREAD, NO_LIMIT, NONE, Peer
from tests.book.observing import see
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.nodes import storage
from tests.port.test_node import R1
from tests.port.test_node import config as node_config
from tests.port.test_node import ready as take

Seen = list[Transition]
LEADERS = (pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap)
OTHERS = (
    pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVoteResp, pb.MsgAppResp,
    pb.MsgHeartbeatResp, pb.MsgReadIndexResp, pb.MsgTransferLeader,
    pb.MsgTimeoutNow,
)  # fmt: skip


def snapshot(index: int, term: int, **conf: object) -> pb.Snapshot:
    """Return a snapshot with such a configuration."""
    state = pb.ConfState(**conf)  # type: ignore[arg-type]
    return pb.Snapshot(metadata=pb.SnapshotMetadata(state, index, term))


def stored(**conf: object) -> MemoryStorage:
    """Return a storage with a snapshot at index 2."""
    store = MemoryStorage()
    store.apply_snapshot(snapshot(2, 1, **conf or {"voters": [1, 2, 3]}))
    return store


def started(store: MemoryStorage | None = None, **fields: object) -> RawNode:
    """Return node 1, a follower of term 4 who has voted for nobody."""
    node = RawNode(
        Config(
            **{
                "id": 1, "election_tick": 3, "heartbeat_tick": 1,
                "storage": store or stored(), "max_size_per_msg": NO_LIMIT,
                "max_inflight_msgs": 1, "logger": discard_logger, **fields,
            }
        )
    )  # fmt: skip
    node.raft.become_follower(4, NONE)
    return node


def lead(r: Raft) -> None:
    """Make a node the leader of the next term, as if it had been elected."""
    r.become_candidate()
    r.become_leader()
    r.msgs.clear()
    r.msgs_after_append.clear()


def ack(r: Raft, from_: int, **fields: object) -> None:
    """Let a peer acknowledge the whole log."""
    last = r.raft_log.last_index()
    r.step(
        pb.Message(
            **{"type": pb.MsgAppResp, "from_": from_, "term": r.term,
               "index": last, **fields}  # type: ignore[arg-type]
        )
    )  # fmt: skip


def message(kind: pb.MessageType, term: int, from_: int = 2) -> pb.Message:
    """Return a message that makes sense to whoever gets it."""
    m = pb.Message(kind, 1, from_, term, log_term=1, index=2, commit=2)
    if kind is pb.MsgSnap:
        m.snapshot = snapshot(2, 1, voters=[1, 2, 3])
    elif kind is pb.MsgPreVoteResp:
        m.reject = True
    elif kind is pb.MsgReadIndexResp:
        m.entries = [pb.Entry(data=b"r")]
    return m


def read(r: Raft) -> None:
    """Let a client read at a node."""
    r.step(pb.Message(pb.MsgReadIndex, entries=[pb.Entry(data=b"r")]))


# -- a later term


def _known(r: Raft) -> None:
    r.become_follower(4, 3)


def _voted(r: Raft) -> None:
    r.vote = 3


def _lost(r: Raft) -> None:
    r.become_candidate()
    r.become_follower(r.term, NONE)


def _reading(r: Raft) -> None:
    lead(r)
    ack(r, 2)
    ack(r, 3)
    read(r)


def _postponing(r: Raft) -> None:
    lead(r)
    read(r)


def _catching_up(r: Raft) -> None:
    lead(r)
    r.step(pb.Message(pb.MsgTransferLeader, from_=2))


def _told(r: Raft) -> None:
    lead(r)
    ack(r, 2)
    r.step(pb.Message(pb.MsgTransferLeader, from_=2))


# Each with the messages that it shall get, and from whom.
SITUATIONS: tuple[
    tuple[Callable[[Raft], object], tuple[pb.MessageType, ...], int], ...
] = (
    (lambda r: None, (*LEADERS, *OTHERS), 2),
    (_known, (*LEADERS, *OTHERS), 2),
    (_voted, (*LEADERS, *OTHERS), 2),
    (_lost, (*LEADERS, *OTHERS), 2),
    (Raft.become_pre_candidate, (*LEADERS, *OTHERS), 2),
    (Raft.become_candidate, (*LEADERS, *OTHERS), 2),
    (_reading, (*LEADERS, *OTHERS), 2),
    (_postponing, (*LEADERS, *OTHERS), 2),
    (_catching_up, (*LEADERS, *OTHERS), 2),
    (_catching_up, (*LEADERS, *OTHERS), 3),
    (_told, (*LEADERS, *OTHERS), 2),
    (_told, (*LEADERS, *OTHERS), 3),
)


def test_a_later_term_ends_what_there_was() -> None:
    seen: Seen = []
    for prepare, kinds, from_ in SITUATIONS:
        for kind in kinds:
            node = started()
            prepare(node.raft)
            # The observer sees only the message, and has to know of a
            # transferee that was told before.
            watched = watch(node, seen.append)
            watched.observer.transfer.told = prepare is _told
            watched.step(message(kind, node.raft.term + 2, from_))
    see(
        "role.follower-follower.term", "role.pre-candidate-follower.term",
        "role.candidate-follower.term", "role.leader-follower.term",
        "role.follower-knows.term", "role.follower-another.term",
        "role.follower-unknown.term", "vote.self-none", "vote.peer-none",
        "progress.any-none.term", "read-index.commit-kept.term",
        "read-index.quorum-lost.term", "transfer.catching-up-done",
        "transfer.catching-up-aborted.term", "transfer.told-done",
        "transfer.told-aborted.term",
        among=seen,
    )  # fmt: skip


# -- roles


def test_the_removed_cannot_stand_again() -> None:
    seen: Seen = []
    for become in (Raft.become_candidate, Raft.become_pre_candidate):
        node = started()
        become(node.raft)
        watched = watch(node, seen.append)
        watched.apply_conf_change(
            pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=1)
        )
        watched.campaign()
    see(
        "role.candidate-refused.unpromotable",
        "role.pre-candidate-refused.unpromotable",
        among=seen,
    )


@pytest.mark.parametrize(
    ("prepare", "method", "id"),
    [
        (lead, "become_candidate", "role.leader-panic.candidate"),
        (lead, "become_pre_candidate", "role.leader-panic.pre-candidate"),
        (_known, "become_leader", "role.follower-panic.leader"),
    ],
)
def test_forbidden_steps_panic(
    prepare: Callable[[Raft], None], method: str, id: str
) -> None:
    seen: Seen = []
    node = started()
    prepare(node.raft)
    watched = watch(node, seen.append)
    with pytest.raises(RaftPanic), watched.observer.during(method):
        getattr(node.raft, method)()
    see(id, among=seen)


def test_a_leader_takes_no_snapshot() -> None:
    seen: Seen = []
    node = started()
    lead(node.raft)
    watched = watch(node, seen.append)
    with watched.observer.during("restore"):
        assert not node.raft.restore(snapshot(9, 5, voters=[1, 2]))
    see(
        "role.leader-follower.snapshot", "snapshot.none-ignored.no-follower",
        among=seen,
    )  # fmt: skip


def test_a_cluster_begins_with_entries() -> None:
    seen: Seen = []
    node = RawNode(
        Config(
            id=1, election_tick=3, heartbeat_tick=1, storage=MemoryStorage(),
            max_size_per_msg=NO_LIMIT, max_inflight_msgs=1,
            logger=discard_logger,
        )
    )  # fmt: skip
    watch(node, seen.append).bootstrap([Peer(1), Peer(2)])
    # Whoever joins later finds the same change in its log.
    late = RawNode(
        Config(
            id=3, election_tick=3, heartbeat_tick=1, storage=MemoryStorage(),
            max_size_per_msg=NO_LIMIT, max_inflight_msgs=1,
            logger=discard_logger,
        )
    )  # fmt: skip
    watch(late, seen.append).apply_conf_change(
        pb.ConfChange(type=pb.ConfChangeAddNode, node_id=3)
    )
    see(
        "role.follower-follower.bootstrap", "entry.absent-unstable.bootstrap",
        "entry.uncommitted-committed.bootstrap",
        "configuration.empty-simple.apply", "configuration.outsider-voter",
        among=seen,
    )  # fmt: skip


# -- what a leader knows of a peer


def leading(seen: Seen, **fields: object) -> WatchedRawNode:
    """Return a leader that has one entry more than node 2, and is watched."""
    node = started(**fields)
    r = node.raft
    lead(r)
    ack(r, 2)
    ack(r, 3)
    r.append_entry([pb.Entry(data=b"a")])
    r.msgs.clear()
    return watch(node, seen.append)


ADD = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=4)
# What makes a leader look whether it has something to send to node 2.
OCCASIONS: tuple[Callable[[WatchedRawNode], object], ...] = (
    lambda n: n.propose(b"b"),
    lambda n: n.step(
        pb.Message(
            pb.MsgAppResp, 1, 2, n.raft.term,
            index=n.raft.trk.progress[2].match + 1,
        )
    ),
    lambda n: n.step(pb.Message(pb.MsgHeartbeatResp, 1, 2, n.raft.term)),
    lambda n: n.transfer_leader(2),
    lambda n: n.apply_conf_change(ADD),
)  # fmt: skip


def test_every_occasion_fills_the_window() -> None:
    seen: Seen = []
    for occasion in OCCASIONS:
        node = leading(seen)
        r = node.raft
        r.append_entry([pb.Entry(data=b"b")])
        node.observer.look()
        occasion(node)
    see("progress.replicate-full", among=seen)


def compacted(seen: Seen) -> WatchedRawNode:
    """Return a leader whose log begins behind what node 2 needs."""
    node = started()
    r = node.raft
    lead(r)
    for _ in range(3):
        r.append_entry([pb.Entry(data=b"a")])
    store = r.raft_log.storage
    assert isinstance(store, MemoryStorage)
    store.append(r.raft_log.next_unstable_ents())
    last = r.raft_log.last_index()
    r.raft_log.stable_to(EntryID(r.term, last))
    ack(r, 1)
    ack(r, 3)
    store.create_snapshot(last - 1, pb.ConfState(voters=[1, 2, 3]), b"")
    store.compact(last - 1)
    r.msgs.clear()
    pr = r.trk.progress[2]
    pr.recent_active = True
    pr.become_replicate()
    return watch(node, seen.append)


def test_any_occasion_may_need_snapshots() -> None:
    seen: Seen = []
    for occasion in OCCASIONS:
        occasion(compacted(seen))
    see("progress.replicate-snapshot", among=seen)


def test_a_snapshot_may_be_in_the_making(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unavailable(self: MemoryStorage) -> pb.Snapshot:
        raise SnapshotTemporarilyUnavailable

    seen: Seen = []
    for occasion in OCCASIONS:
        node = compacted(seen)
        with monkeypatch.context() as patch:
            patch.setattr(MemoryStorage, "snapshot", unavailable)
            occasion(node)
    see("snapshot.wanted-unavailable", among=seen)


def test_an_empty_snapshot_panics(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Seen = []
    node = compacted(seen)
    monkeypatch.setattr(MemoryStorage, "snapshot", lambda self: pb.Snapshot())
    with pytest.raises(RaftPanic):
        node.step(pb.Message(pb.MsgHeartbeatResp, 1, 2, node.raft.term))
    see("snapshot.wanted-panic", among=seen)


def test_a_window_may_stay_full() -> None:
    """An answer in the middle of what is under way frees no place."""
    seen: Seen = []
    for then in (0, 1, 2):
        node = leading(seen)
        r = node.raft
        r.append_entry([pb.Entry(data=b"b"), pb.Entry(data=b"c")])
        r.send_append(2)  # three entries at once
        node.observer.look()
        ack(r, 2, index=0)  # an old one changes nothing
        node.step(
            pb.Message(
                pb.MsgAppResp, 1, 2, r.term, index=r.trk.progress[2].match + 1
            )
        )
        if then == 0:
            node.propose(b"d")
        elif then == 1:
            # Node 3's answer commits: all are told, though the window of
            # node 2 is full.
            node.step(
                pb.Message(
                    pb.MsgAppResp, 1, 3, r.term, index=r.raft_log.committed + 1
                )
            )
            node.step(
                pb.Message(
                    pb.MsgAppResp, 1, 2, r.term,
                    index=r.trk.progress[2].match + 1,
                )
            )  # fmt: skip
        else:
            node.step(
                pb.Message(
                    pb.MsgAppResp, 1, 2, r.term, index=r.raft_log.last_index()
                )
            )
    see(
        "progress.full-full.answer", "progress.full-paused.probe",
        "progress.full-replicate.answer",
        among=seen,
    )  # fmt: skip


def test_no_append_behind_a_snapshot() -> None:
    seen: Seen = []
    node = leading(seen)
    pr = node.raft.trk.progress[2]
    pr.become_snapshot(9)
    with pytest.raises(RaftPanic), node.observer.during("sent_entries"):
        pr.sent_entries(1, 1)
    see("progress.snapshot-panic", among=seen)


# -- entries


def test_proposals_are_dropped() -> None:
    seen: Seen = []
    node = started(disable_proposal_forwarding=True)
    node.raft.become_follower(4, 2)
    with pytest.raises(ProposalDropped):
        watch(node, seen.append).propose(b"a")
    small = leading(seen, max_uncommitted_entries_size=3)
    with pytest.raises(ProposalDropped):
        small.propose(b"abc")
    with pytest.raises(RaftPanic):
        leading(seen).step(pb.Message(pb.MsgProp, from_=1))
    see(
        "entry.proposed-dropped.not-forwarded", "entry.proposed-dropped.quota",
        "entry.proposed-panic",
        among=seen,
    )  # fmt: skip


def test_what_is_committed_is_not_touched() -> None:
    seen: Seen = []

    def follower() -> WatchedRawNode:
        node = started()
        node.raft.raft_log.append([pb.Entry(4, 3), pb.Entry(4, 4)])
        node.raft.raft_log.commit_to(4)
        return watch(node, seen.append)

    node = follower()
    with pytest.raises(RaftPanic):
        # It builds on the last committed entry, and has two of one index.
        node.step(
            pb.Message(
                type=pb.MsgApp, to=1, from_=2, term=5, log_term=4, index=4,
                entries=[pb.Entry(5, 4), pb.Entry(5, 5)], commit=4,
            )
        )  # fmt: skip
    node = follower()
    with pytest.raises(RaftPanic), node.observer.during("append"):
        node.raft.raft_log.append([pb.Entry(5, 3)])
    node = follower()
    with pytest.raises(RaftPanic):
        node.step(pb.Message(pb.MsgHeartbeat, 1, 2, 4, commit=9))
    node = follower()
    with pytest.raises(RaftPanic):
        node.step(
            pb.Message(
                type=pb.MsgStorageApplyResp, to=1, from_=LOCAL_APPLY_THREAD,
                entries=[pb.Entry(4, 9)],
            )
        )  # fmt: skip
    node = follower()
    with pytest.raises(RaftPanic), node.observer.during("accept_applying"):
        node.raft.raft_log.accept_applying(9, 1, True)
    see(
        "entry.committed-panic.conflict", "entry.committed-panic.append",
        "entry.uncommitted-panic", "entry.applying-panic",
        "entry.committed-panic.applying",
        among=seen,
    )  # fmt: skip


# -- configurations and snapshots

SIMPLE = {"voters": [2, 3]}
STANDINGS: dict[str, dict[str, object]] = {
    "voter": {"voters": [1, 2, 3]},
    "learner": {"voters": [2, 3], "learners": [1]},
    "outgoing": {"voters": [2, 3], "voters_outgoing": [1, 2]},
    "outsider": SIMPLE,
}
KINDS: dict[str, dict[str, object]] = {
    "empty": {},
    "simple": {"voters": [1, 2, 3]},
    "joint": {"voters": [1, 2, 3], "voters_outgoing": [1, 2]},
    "auto": {
        "voters": [1, 2, 3], "voters_outgoing": [1, 2], "auto_leave": True,
    },
}  # fmt: skip


def restoring(
    seen: Seen, before: dict[str, object], after: dict[str, object]
) -> None:
    """Let a node with one configuration get a snapshot with another."""
    store = stored(**before) if before else MemoryStorage()
    node = watch(started(store), seen.append)
    node.step(
        pb.Message(
            type=pb.MsgSnap, to=1, from_=2, term=4,
            snapshot=snapshot(9, 4, **after),
        )
    )  # fmt: skip


def test_snapshots_bring_configurations() -> None:
    seen: Seen = []
    for name in KINDS:
        for to in ("simple", "joint", "auto"):
            restoring(seen, KINDS[name], KINDS[to])
    for name in STANDINGS:
        for to in ("voter", "learner", "outgoing"):
            restoring(seen, STANDINGS[name], STANDINGS[to])
    see(
        "configuration.empty-auto.snapshot",
        "configuration.simple-joint.snapshot",
        "configuration.simple-auto.snapshot",
        "configuration.joint-simple.snapshot",
        "configuration.auto-simple.snapshot",
        "configuration.joint-auto.snapshot",
        "configuration.auto-joint.snapshot",
        "configuration.voter-learner.snapshot",
        "configuration.voter-outgoing.snapshot",
        "configuration.learner-voter.snapshot",
        "configuration.learner-outgoing.snapshot",
        "configuration.outgoing-voter.snapshot",
        "configuration.outgoing-learner.snapshot",
        "configuration.outsider-outgoing.snapshot",
        among=seen,
    )


def test_an_impossible_configuration() -> None:
    seen: Seen = []
    with pytest.raises(RaftPanic):
        # Somebody who is to learn has to vote in the old half.
        restoring(
            seen, KINDS["simple"],
            {"voters": [1], "voters_outgoing": [1], "learners_next": [2]},
        )  # fmt: skip
    see("snapshot.none-panic", among=seen)


def test_a_change_has_to_fit() -> None:
    seen: Seen = []
    for kind in ("simple", "joint", "auto"):
        node = watch(started(stored(**KINDS[kind])), seen.append)
        leave = pb.ConfChangeV2()
        with pytest.raises(RaftPanic):
            node.apply_conf_change(leave if kind == "simple" else ADD)
    see(
        "configuration.simple-panic", "configuration.joint-panic",
        "configuration.auto-panic",
        among=seen,
    )  # fmt: skip


# -- reads and transfers


def test_unawaited_answers_are_dropped() -> None:
    seen: Seen = []
    node = started()
    node.raft.become_follower(4, 2)
    malformed = pb.Message(pb.MsgReadIndexResp, 1, 2, 4)
    watch(node, seen.append).step(malformed)
    node = started()
    lead(node.raft)
    watch(node, seen.append).step(message(pb.MsgReadIndexResp, node.raft.term))
    see(
        "read-index.forwarded-dropped.malformed",
        "read-index.forwarded-dropped.leader",
        among=seen,
    )


def test_nobody_hands_over_to_a_stranger() -> None:
    seen: Seen = []
    leading(seen).transfer_leader(9)
    see("transfer.asked-ignored.unknown", among=seen)


# -- the loop of a node


@asynccontextmanager
async def looped(
    seen: Seen, ids: list[int], **fields: object
) -> AsyncIterator[_Node]:
    """A node that runs, and is watched, until the end of the block."""
    store = storage(ids)
    n = _Node(RawNode(node_config(store, **fields)))
    with watch_loop(n, seen.append):
        n.start()
        await settle()
        yield n
        await n.stop()


def beat(term: int = 1) -> pb.Message:
    """Return a heartbeat of node 2."""
    return pb.Message(pb.MsgHeartbeat, 1, 2, term)


async def handed(n: _Node) -> None:
    """Take what is on offer, and be done with it, until nothing is left."""
    store = n.rn.raft.raft_log.storage
    assert isinstance(store, MemoryStorage)
    await settle()
    while n.rn.has_ready():
        store.append((await take(n)).entries)
        await n.advance()
        await settle()


@on_loop
async def test_a_ready_goes_round() -> None:
    seen: Seen = []
    # Everything that comes in can make work, and more of it.
    async with looped(seen, [1, 2]) as n:
        await n.step(beat())
        await settle()
        await n.step(beat(2))
        n.tick()
        await settle()
        await n.propose(b"passed on")
        await n.status()
        await n.apply_conf_change(
            pb.ConfChange(type=pb.ConfChangeAddLearnerNode, node_id=3)
        )
        await settle()
        await take(n)
        await n.step(beat(3))
        await n.advance()
        await handed(n)
        await n.propose(b"passed on")
        await handed(n)
        for _ in range(40):  # longer than any election timeout
            n.tick()
        await settle()
    async with looped(seen, [1, 2]):
        pass
    async with looped(seen, [1, 2]) as n:
        await n.step(beat())
        await take(n)
    async with looped(seen, [1, 2], async_storage_writes=True) as n:
        await n.step(beat())
        await take(n)
        await settle()
    see(
        "node-loop.offer-offer", "node-loop.offer-has",
        "node-loop.offer-idle.asynchronous", "node-loop.has-offer",
        "node-loop.has-idle", "node-loop.idle-stopped",
        "node-loop.offer-stopped", "node-loop.has-stopped",
        among=seen,
    )  # fmt: skip


@on_loop
async def test_whatever_comes_in_makes_work() -> None:
    seen: Seen = []
    async with looped(seen, [1, 2]) as n:
        await n.step(beat())
        await handed(n)
        await n.propose(b"passed on")
        await handed(n)
        for _ in range(40):
            n.tick()
        await settle()
    async with looped(seen, [1], step_down_on_removal=True) as n:
        await n.campaign()
        await settle()
        await handed(n)
        # A change makes work: the new peer is sent what there is.
        await n.apply_conf_change(
            pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2)
        )
        await settle()
    see("node-loop.idle-offer", among=seen)


@on_loop
async def test_the_door_for_proposals() -> None:
    seen: Seen = []
    async with looped(seen, [1, 2]) as n:
        await n.step(beat())
        await settle()
        await n.forget_leader()
        await settle()
        await n.step(beat(2))
        await settle()
        for _ in range(40):  # it stands: the leader is forgotten
            n.tick()
        await settle()
        await n.step(beat(9))
        await settle()
        await n.apply_conf_change(R1)
        await settle()
    async with looped(seen, [1]) as n:
        await n.campaign()
        await settle()
        proposing = spawn(n.propose(b"waits for a leader"))
        await handed(n)
        await asyncio.wait_for(proposing, 1)
    see(
        "node-loop.wait-taken", "node-loop.taken-wait.lost",
        "node-loop.taken-wait.removed",
        among=seen,
    )  # fmt: skip


def test_a_ready_at_a_time() -> None:
    seen: Seen = []
    node = watch(started(), seen.append)
    node.campaign()
    node.ready()
    node.campaign()
    with pytest.raises(RaftPanic):
        node.ready()
    other = watch(started(async_storage_writes=True), seen.append)
    other.campaign()
    rd = other.ready()
    with pytest.raises(RaftPanic):
        other.advance(rd)
    see(
        "node-loop.has-panic.ready", "node-loop.asynchronous-panic.advance",
        among=seen,
    )  # fmt: skip
