"""The observer: which transitions it sees, and that it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings

import port.bootstrap
import port.log
import port.node
import port.raft
import port.rawnode
import port.storage
from port import raftpb as pb
from port.errors import RaftPanic
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
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.nodes import storage
from tests.port.test_node import R1, config, elect, ready
from tests.properties.actions import Schedule, parse
from tests.properties.cluster import Cluster
from tests.properties.generate import schedules


def observed(text: str, id: int = 1) -> list[tuple[str, ...]]:
    """Run a schedule, and return what node `id` was seen to do."""
    schedule = parse(text)
    seen: list[tuple[str, ...]] = []

    def wrap(config: Config, of: int) -> RawNode:
        sink = seen.append if of == id else lambda transition: None
        return watch(RawNode(config), sink)

    Cluster(schedule.setup, wrap=wrap).run(schedule.actions)
    return seen


ELECTED = "nodes=3 voters=1,2,3\ncampaign 1\nsettle 6\n"
TWO = "nodes=2 voters=1,2\ncampaign 1\nsettle 4\n"


@pytest.mark.parametrize(
    ("schedule", "node", "transition"),
    [
        (ELECTED, 1, ("role", "follower", "MsgHup", "candidate",
                      "Raft.campaign")),
        (ELECTED, 1, ("role", "candidate", "MsgVoteResp", "leader",
                      "candidate_vote_resp")),
        (ELECTED, 2, ("role", "follower", "MsgVote", "follower",
                      "Raft._step_higher_term")),
        (ELECTED + "campaign 2\nsettle 2", 1,
         ("role", "leader", "MsgVote", "follower",
          "Raft._step_higher_term")),
        ("nodes=3 voters=1,2,3 pre_vote\ncampaign 1\nsettle 4", 1,
         ("role", "pre-candidate", "MsgPreVoteResp", "candidate",
          "Raft.campaign")),
        ("nodes=3 voters=1,2,3 check_quorum\ncampaign 1\nsettle 4\ntick 1 6",
         1, ("role", "leader", "MsgCheckQuorum", "follower",
             "leader_check_quorum")),
        (ELECTED, 2, ("role-message", "follower", "MsgApp, term equal",
                      "follower", "follower_app")),
        (ELECTED, 1, ("role-message", "leader", "MsgAppResp, term equal",
                      "leader", "leader_app_resp")),
        (ELECTED, 1, ("role-message", "leader", "MsgVoteResp, term equal",
                      "leader", "step_leader")),
        (ELECTED, 1, ("progress", "none", "MsgVoteResp", "probe",
                      "candidate_vote_resp")),
        (ELECTED, 1, ("progress", "probe", "MsgVoteResp",
                      "probe, paused", "Raft.maybe_send_append")),
        (ELECTED + "unreachable 1 about 2", 1,
         ("progress", "replicate", "MsgUnreachable", "probe",
          "leader_unreachable")),
        (ELECTED, 1, ("entry", "absent", "MsgVoteResp", "unstable",
                      "Raft.append_entry")),
        (ELECTED, 1, ("entry", "unstable", "ready", "in progress",
                      "RawNode.accept_ready")),
        (ELECTED, 1, ("entry", "in progress", "MsgStorageAppendResp",
                      "stable", "Raft._step_storage_append_resp")),
        (ELECTED, 1, ("entry", "uncommitted", "MsgAppResp", "committed",
                      "Raft.maybe_commit")),
        (ELECTED, 2, ("entry", "uncommitted", "MsgApp", "committed",
                      "Raft.handle_append_entries")),
        (ELECTED + "settle 1", 2,
         ("entry", "applying", "MsgStorageApplyResp", "applied",
          "Raft._step_storage_apply_resp")),
        (ELECTED + "settle 1\ncompact 1 keep 0\ntick 1 1", 1,
         ("entry", "applied", "compact", "compacted",
             "MemoryStorage.compact")),
        (ELECTED + "propose 1\nready 1\npurge\ncampaign 2\nsettle 3 among 2,3"
         "\nsettle 3", 1,
         ("entry", "stable", "MsgApp", "replaced",
          "Raft.handle_append_entries")),
        (TWO + "change 1 auto r2", 1,
         ("configuration", "proposed", "MsgProp", "pending",
          "_prop_conf_change")),
        (TWO + "leave 1", 1, ("configuration", "leave proposed", "MsgProp",
                              "refused: not joint", "_refuse_conf_change")),
        (TWO + "change 1 explicit r2\nsettle 4", 1,
         ("configuration", "simple", "apply_conf_change", "joint",
          "Raft.apply_conf_change")),
        (TWO + "change 1 auto r2\nsettle 4", 2,
         ("configuration", "voter", "apply_conf_change", "outsider",
          "Raft.apply_conf_change")),
        (ELECTED + "read 1", 1,
         ("read-index", "asked", "MsgReadIndex", "waiting for quorum",
          "send_msg_read_index_response")),
        (ELECTED + "read 1\nsettle 3", 1,
         ("read-index", "waiting for quorum", "MsgHeartbeatResp",
          "confirmed", "leader_heartbeat_resp")),
        (ELECTED + "read 2", 2,
         ("read-index", "asked", "MsgReadIndex", "forwarded",
          "follower_read_index")),
        (ELECTED + "read 2\nsettle 4", 2,
         ("read-index", "forwarded", "MsgReadIndexResp", "answered",
          "follower_read_index_resp")),
        (ELECTED + "read 1\ncampaign 2\nsettle 2", 1,
         ("read-index", "waiting for quorum", "MsgVote", "lost",
          "Raft._step_higher_term")),
        (ELECTED + "transfer 1 to 2", 1,
         ("transfer", "none", "MsgTransferLeader", "told",
          "leader_transfer_leader")),
        (ELECTED + "transfer 1 to 2\ntick 1 6", 1,
         ("transfer", "told", "tick", "aborted", "Raft.tick_heartbeat")),
        (ELECTED, 2, ("vote", "none", "MsgVote", "granted",
                      "Raft._step_vote")),
        (ELECTED, 1, ("vote", "none", "MsgHup", "self", "Raft.campaign")),
        (ELECTED, 1, ("vote", "pending", "MsgVoteResp", "won",
                      "candidate_vote_resp")),
        ("nodes=3 voters=1,2,3\ncampaign 1\ncampaign 2\nsettle 1", 2,
         ("vote", "other", "MsgVote", "refused: not free",
             "Raft._step_vote")),
    ],
)  # fmt: skip
def test_a_transition_is_seen(
    schedule: str, node: int, transition: tuple[str, ...]
) -> None:
    seen = observed(schedule, node)
    assert transition in seen
    assert isinstance(seen[0], Transition)


# Moves of which a state says nothing: each with a schedule of its own.
JOINT = TWO + "change 1 explicit r2\nsettle 4\n"
ALONE = ELECTED + "read 1\nready 1\npurge\n"


@pytest.mark.parametrize(
    ("schedule", "node", "move"),
    [
        (ELECTED, 1, ("role", "off", "start", "follower")),
        (ELECTED + "restart 1 keep 99", 1,
         ("role", "off", "restart", "follower")),
        (ELECTED + "campaign 1", 1,
         ("role", "leader", "MsgHup", "refused: leads already")),
        ("nodes=3 voters=1,2 learners=3\ncampaign 3", 3,
         ("role", "follower", "MsgHup", "refused: not promotable")),
        (ELECTED, 2,
         ("role", "no leader known", "MsgApp", "leader known")),
        (ELECTED + "forget 2", 2,
         ("role", "leader known", "MsgForgetLeader", "no leader known")),
        ("nodes=3 voters=1,2,3 pre_vote\ncampaign 1\ncampaign 1", 1,
         ("role", "pre-candidate", "MsgHup", "pre-candidate")),
        (TWO + "change 1 auto r1\nsettle 4", 1,
         ("role", "leader", "apply_conf_change", "leader, removed")),
        ("nodes=2 voters=1,2\npropose 1", 1,
         ("entry", "proposed", "MsgProp", "dropped: no leader")),
        (ELECTED + "propose 2", 2,
         ("entry", "proposed", "MsgProp", "forwarded")),
        (ELECTED + "transfer 1 to 2\npropose 1", 1,
         ("entry", "proposed", "MsgProp", "dropped: leadership transfer")),
        (ELECTED + "campaign 2\nready 2\nflow 1", 1,
         ("progress", "any", "MsgVote", "none")),
        (ELECTED, 1, ("progress", "inactive", "MsgAppResp", "active")),
        (JOINT + "change 1 auto v2", 1,
         ("configuration", "proposed", "MsgProp", "refused: still joint")),
        (TWO + "change 1 implicit r2\nsettle 4", 1,
         ("configuration", "joint, leaves by itself", "MsgStorageApplyResp",
          "leave proposed")),
        (ALONE + "campaign 2\nsettle 3", 1,
         ("read-index", "waiting for quorum", "MsgVote", "lost")),
        (ELECTED + "transfer 1 to 2\nsettle 4", 1,
         ("transfer", "told", "MsgVote", "done")),
        (ELECTED + "transfer 2 to 3", 2,
         ("transfer", "asked", "MsgTransferLeader", "forwarded")),
        (JOINT + "campaign 2\nsettle 4", 2,
         ("vote", "pending, joint", "MsgVoteResp", "won")),
    ],
)  # fmt: skip
def test_a_move_is_seen(
    schedule: str, node: int, move: tuple[str, ...]
) -> None:
    assert move in {transition[:4] for transition in observed(schedule, node)}


SNAPSHOT = """
    nodes=3 voters=1,2 start=fresh
    campaign 1
    settle 4
    propose 1
    settle 3
    change 1 auto v3
    settle 3
    tick 1 1
    settle 6
"""


@pytest.mark.parametrize(
    ("node", "transition"),
    [
        (1, ("snapshot", "wanted", "MsgAppResp", "sent",
             "Raft.maybe_send_snapshot")),
        (3, ("snapshot", "none", "MsgSnap", "received", "Raft.restore")),
        (3, ("snapshot", "received", "ready", "in progress",
             "RawNode.accept_ready")),
        (3, ("snapshot", "in progress", "MsgStorageAppendResp", "stored",
             "Raft.applied_snap")),
        (3, ("configuration", "empty", "MsgSnap", "simple",
             "Raft.restore")),
    ],
)  # fmt: skip
def test_a_snapshots_way_is_seen(
    node: int, transition: tuple[str, ...]
) -> None:
    assert transition in observed(SNAPSHOT, node)


QUICK = settings(
    max_examples=40, derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@QUICK
@given(schedules(size=15))
def test_watching_changes_nothing(schedule: Schedule) -> None:
    def wrap(config: Config, id: int) -> RawNode:
        return watch(RawNode(config), lambda transition: None)

    alone, watched = Cluster(schedule.setup), Cluster(schedule.setup, wrap=wrap)
    for cluster in (alone, watched):
        cluster.run(schedule.actions)
    assert alone.sent == watched.sent
    for one, other in zip(
        alone.nodes.values(), watched.nodes.values(), strict=True
    ):
        assert one.view.terms == other.view.terms
        assert one.view.commit == other.view.commit
        assert one.view.role is other.view.role


@QUICK
@given(schedules(size=15))
def test_every_symbol_is_a_function_of_the_port(schedule: Schedule) -> None:
    seen: set[Transition] = set()
    cluster = Cluster(
        schedule.setup,
        wrap=lambda config, id: watch(RawNode(config), seen.add),
    )
    cluster.run(schedule.actions)
    modules = (
        port.raft, port.rawnode, port.bootstrap, port.log, port.storage,
    )  # fmt: skip
    for transition in seen:
        path = transition.symbol.split(".")
        assert any(
            callable(reduce(lambda x, n: getattr(x, n, None), path, module))
            for module in modules
        ), transition


def node(sink: list[Transition]) -> WatchedRawNode:
    storage = MemoryStorage()
    storage.apply_snapshot(
        pb.Snapshot(
            metadata=pb.SnapshotMetadata(pb.ConfState(voters=[1]), 2, 1)
        )
    )
    config = Config(
        id=1, election_tick=3, heartbeat_tick=1, storage=storage,
        max_inflight_msgs=8, max_size_per_msg=1 << 20, applied=2,
    )  # fmt: skip
    return watch(RawNode(config), sink.append)


def test_nothing_is_wrapped_between_calls() -> None:
    before = dict(vars(Raft))
    seen: list[Transition] = []
    watched = node(seen)
    watched.campaign()
    watched.tick()
    causes = {t.cause for t in seen}
    assert causes == {"start", "MsgHup", "MsgHup, term zero"}
    assert dict(vars(Raft)) == before


def test_nothing_is_wrapped_after_a_panic() -> None:
    before = dict(vars(Raft))
    watched = node([])
    with pytest.raises(RaftPanic):
        watched.step(pb.Message(pb.MsgHeartbeat, 1, 2, 1, commit=99))
    assert dict(vars(Raft)) == before


def test_of_two_nodes_only_the_watched_one_is_told_of() -> None:
    seen: list[Transition] = []
    watched, other = node(seen), node([])
    seen.clear()
    other.campaign()
    assert not seen
    watched.campaign()
    assert {t.family for t in seen} >= {"role", "vote", "role-message"}


Moves = list[tuple[str, str, str]]


@asynccontextmanager
async def looped(
    moves: Moves, ids: list[int], **fields: object
) -> AsyncIterator[_Node]:
    """A node that runs and is watched until the end of the block."""
    n = _Node(RawNode(config(storage(ids), **fields)))

    def sink(t: Transition) -> None:
        by = "_Node.run" if t.cause == "stop" else "_Node._run"
        assert (t.family, t.symbol) == ("node-loop", by)
        moves.append((t.from_, t.cause, t.to))

    with watch_loop(n, sink):
        n.start()
        await settle()
        yield n
        await n.stop()


IDLE, OFFER, HAS = (
    "nothing to hand out", "a Ready on offer", "the application has it",
)  # fmt: skip
WAIT, TAKEN = "proposals wait", "proposals taken"


@on_loop
async def test_the_loop_of_a_node_is_seen() -> None:
    moves: Moves = []
    async with looped(moves, [1, 2]) as n:
        assert not moves
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await settle()
        assert moves == [(IDLE, "recvc", OFFER), (WAIT, "recvc", TAKEN)]
        moves.clear()
        n.tick()
        await settle()
        assert moves == [(OFFER, "tickc", OFFER)]
        moves.clear()
        await ready(n)
        n.tick()
        await n.status()
        await n.forget_leader()
        await settle()
        assert moves == [(OFFER, "readyc", HAS), (TAKEN, "recvc", WAIT)]
        moves.clear()
        await n.advance()
        await settle()
        assert moves == [(HAS, "advancec", OFFER)]
        await ready(n)
        await n.advance()
        await settle()
        assert moves[-1] == (HAS, "advancec", IDLE)
        moves.clear()
    assert moves == [(IDLE, "stop", "stopped")]


@on_loop
async def test_asynchronous_writes_never_wait_for_advance() -> None:
    moves: Moves = []
    async with looped(moves, [1], async_storage_writes=True) as n:
        await n.campaign()
        await ready(n)
        await settle()
    assert moves == [
        (IDLE, "recvc", OFFER), (OFFER, "readyc", IDLE),
        (IDLE, "stop", "stopped"),
    ]  # fmt: skip


@on_loop
async def test_who_is_removed_takes_no_proposals() -> None:
    moves: Moves = []
    async with looped(moves, [1, 2]) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await n.apply_conf_change(R1)
        await settle()
        assert (TAKEN, "confc", WAIT) in moves


@on_loop
async def test_a_sole_voter_is_let_in_by_advance() -> None:
    moves: Moves = []
    store = storage([1])
    n = _Node(RawNode(config(store)))
    with watch_loop(n, lambda t: moves.append(t[1:4])):
        n.start()
        await elect(n, store)
        await n.stop()
    assert (WAIT, "advancec", TAKEN) in moves


@on_loop
async def test_another_nodes_loop_is_not_told_of() -> None:
    moves: Moves = []
    async with looped(moves, [1, 2]):
        other = _Node(RawNode(config(storage([1, 2]))))
        other.start()
        await other.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        proposing = spawn(other.propose(b"x"))
        await settle()
        await proposing
        await other.stop()
        assert not moves


def test_the_loop_is_as_it_was_afterwards() -> None:
    before = port.node.select
    with watch_loop(_Node(RawNode(config(storage([1])))), print):
        assert port.node.select is not before
    assert port.node.select is before


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("become_candidate", ("role", "leader")),
        ("become_pre_candidate", ("role", "leader")),
    ],
)
def test_a_panic_is_seen(call: str, told: tuple[str, str]) -> None:
    seen: list[Transition] = []
    watched = node(seen)
    watched.campaign()
    watched.advance(watched.ready())
    watched.observer.look()
    assert watched.raft.state is port.raft.StateLeader
    with pytest.raises(RaftPanic), watched.observer.during(call):
        getattr(watched.raft, call)()
    assert Transition(*told, call, "panic", f"Raft.{call}") in seen
