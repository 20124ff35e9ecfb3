"""The node as a task: upstream's `node_test.go`, and what asyncio adds.

Each test drives its node by hand: it takes a `Ready` when it wants one, and
lets the tasks run until they wait when it needs to see that nothing happens.
No test sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from port import raftpb as pb
from port.chan import Chan, Recv, select, try_select
from port.errors import ProposalDropped, RaftPanic, Stopped
from port.logger import discard_logger
from port.node import _Node, restart_node, setup_node, start_node
from port.raft import Config, Raft, StateFollower, StateLeader
from port.rafttest.interaction_env_logger import RedirectLogger
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import (
    NO_LIMIT,
    Peer,
    Ready,
    SnapshotFailure,
    SnapshotFinish,
    SoftState,
    is_empty_hard_state,
    is_hard_state_equal,
)
from port.util import is_local_msg
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.network import cluster
from tests.port.raft.nodes import entries, snapshot, storage

V1 = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=1)
V2 = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2)
R1 = pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=1)


def config(store: MemoryStorage, **fields: object) -> Config:
    """Returns node 1's configuration on that disk."""
    return Config(
        **{
            "id": 1,
            "election_tick": 10,
            "heartbeat_tick": 1,
            "storage": store,
            "max_size_per_msg": NO_LIMIT,
            "max_inflight_msgs": 256,
            "logger": discard_logger,
            **fields,
        }
    )


@asynccontextmanager
async def running(
    store: MemoryStorage, **fields: object
) -> AsyncIterator[_Node]:
    """A node that runs until the end of the block."""
    n = _Node(RawNode(config(store, **fields)))
    n.start()
    yield n
    await n.stop()


async def ready(n: _Node) -> Ready:
    """Takes the next `Ready`."""
    rd, ok = await n.ready().recv()
    assert ok
    return rd


async def handle(n: _Node, store: MemoryStorage) -> Ready:
    """Takes the next `Ready`, stores its entries, and advances."""
    rd = await ready(n)
    store.append(rd.entries)
    await n.advance()
    return rd


async def elect(n: _Node, store: MemoryStorage) -> None:
    """Makes the only voter the leader; its first entry is stored."""
    await n.campaign()
    while (await handle(n, store)).soft_state != SoftState(1, StateLeader):
        pass


async def offered(n: _Node) -> Ready | None:
    """Takes the next `Ready` if there is one without anybody's doing."""
    await settle()
    case = Recv(n.ready())
    return case.value if try_select(case) else None


async def serve(
    n: _Node, store: MemoryStorage, committed: list[pb.Entry]
) -> None:
    """Is an application: stores, applies, advances, until the node stops."""
    async for rd in n.ready():
        store.append(rd.entries)
        for entry in rd.committed_entries:
            committed.append(entry)
            if entry.type is pb.EntryConfChange:
                cc = pb.ConfChange.unmarshal(entry.data)
                await n.apply_conf_change(cc)
        await n.advance()


def parts(rd: Ready) -> dict[str, object]:
    """Returns what is in a `Ready`, without what is not."""
    fields = {name: getattr(rd, name) for name in Ready.__slots__}
    return {name: value for name, value in fields.items() if value}


def recorder(into: list[pb.Message]) -> Callable[[Raft, pb.Message], None]:
    """Returns a step function that only writes down what it is given.

    Not what raft tells itself when it is advanced, though.
    """

    def step(r: Raft, m: pb.Message) -> None:
        if m.type is not pb.MsgAppResp:
            into.append(m)

    return step


# Upstream's tests, in upstream's order


@pytest.mark.parametrize("kind", pb.MessageType, ids=str)
@on_loop
async def test_node_step(kind: pb.MessageType) -> None:
    """Proposals go by `propc`, the rest by `recvc`, local ones nowhere."""
    n = _Node(RawNode(config(storage([1]))))
    n.propc, n.recvc = Chan(1), Chan(1)
    await n.step(pb.Message(type=kind))
    if kind is pb.MsgProp:
        expected = (1, 0)
    elif is_local_msg(kind):
        expected = (0, 0)
    else:
        expected = (0, 1)
    assert (len(n.propc), len(n.recvc)) == expected


@pytest.mark.parametrize(
    ("unblock", "error"),
    [
        (lambda n, task: n.done.close(), Stopped),
        (lambda n, task: task.cancel(), asyncio.CancelledError),
    ],
    ids=["stop", "cancel"],
)
@on_loop
async def test_node_step_unblock(
    unblock: Callable[[_Node, asyncio.Task[None]], None],
    error: type[BaseException],
) -> None:
    """A step that waits for its turn is freed by a stop, and by a cancel."""
    n = _Node(RawNode(config(storage([1]))))
    stepping = spawn(n.step(pb.Message(type=pb.MsgProp)))
    await settle()
    assert not stepping.done()
    unblock(n, stepping)
    with pytest.raises(error):
        await stepping


@on_loop
async def test_node_propose() -> None:
    """What is proposed arrives in raft, as a proposal of this node's."""
    store, msgs = storage([1]), []
    async with running(store) as n:
        await elect(n, store)
        n.rn.raft._step = recorder(msgs)
        await n.propose(b"somedata")
    assert [m.type for m in msgs] == [pb.MsgProp]
    assert msgs[0].from_ == 1
    assert [e.data for e in msgs[0].entries] == [b"somedata"]


@pytest.mark.parametrize("disable", [False, True])
def test_disable_proposal_forwarding(disable: bool) -> None:
    """A follower passes proposals on to the leader, unless it must not."""
    net = cluster(3)
    net.campaign(1)
    follower = net[2]
    follower.disable_proposal_forwarding = disable
    proposal = pb.Message(
        from_=2, to=2, type=pb.MsgProp, entries=[pb.Entry(data=b"testdata")]
    )
    if disable:
        with pytest.raises(ProposalDropped):
            follower.step(proposal)
        assert follower.msgs == []
    else:
        follower.step(proposal)
        assert [m.to for m in follower.msgs] == [1]


def test_node_read_index_to_old_leader() -> None:
    """A read finds its way to the new leader by the old, and has no term."""
    net = cluster(3)
    net.campaign(1)

    def forwarded(from_: int, to: int) -> pb.Message:
        return pb.Message(
            from_=from_,
            to=to,
            type=pb.MsgReadIndex,
            entries=[pb.Entry(data=b"testdata")],
        )

    for id in (2, 3):
        net[id].step(forwarded(id, id))
        assert net[id].msgs == [forwarded(id, 1)]
        net[id].msgs = []
    net.campaign(3)
    for id in (2, 3):
        net[1].step(forwarded(id, 1))
    assert net[1].msgs == [forwarded(2, 3), forwarded(3, 3)]


@on_loop
async def test_node_propose_config() -> None:
    """A proposed configuration change arrives in raft, marshalled."""
    store, msgs = storage([1]), []
    async with running(store) as n:
        await elect(n, store)
        n.rn.raft._step = recorder(msgs)
        await n.propose_conf_change(V1)
    assert [m.type for m in msgs] == [pb.MsgProp]
    assert msgs[0].entries == [
        pb.Entry(type=pb.EntryConfChange, data=V1.marshal())
    ]


@on_loop
async def test_node_propose_add_duplicate_node() -> None:
    """Adding a member twice does not get in the way of adding another."""
    store, committed = storage([1]), []
    async with running(store) as n:
        await elect(n, store)
        serving = spawn(serve(n, store, committed))
        for change in (V1, V1, V2):
            await n.propose_conf_change(change)
            await settle()
        serving.cancel()
    assert [e.data for e in committed] == [
        None, V1.marshal(), V1.marshal(), V2.marshal(),
    ]  # fmt: skip


@on_loop
async def test_block_proposal() -> None:
    """A proposal waits for a leader to be known, and is taken then."""
    store = storage([1])
    async with running(store) as n:
        proposing = spawn(n.propose(b"somedata"))
        await settle()
        assert not proposing.done()
        await n.campaign()
        await handle(n, store)
        await proposing


@on_loop
async def test_node_propose_wait_dropped() -> None:
    """A proposer hears at once that its proposal was dropped."""
    store, msgs = storage([1]), []

    def step(r: Raft, m: pb.Message) -> None:
        if m.type is pb.MsgProp and m.entries[0].data == b"test_dropping":
            raise ProposalDropped
        recorder(msgs)(r, m)

    async with running(store) as n:
        await elect(n, store)
        n.rn.raft._step = step
        with pytest.raises(ProposalDropped):
            await n.propose(b"test_dropping")
    assert msgs == []


@on_loop
async def test_node_tick() -> None:
    """A tick moves raft's clock."""
    async with running(storage([1])) as n:
        elapsed = n.rn.raft.election_elapsed
        n.tick()
        await settle()
        assert len(n.tickc) == 0
        assert n.rn.raft.election_elapsed == elapsed + 1


@on_loop
async def test_node_stop() -> None:
    """Stop waits until the node is at rest, and may be called again."""
    n = _Node(RawNode(config(storage([1]))))
    n.start()
    assert (await n.status()).basic.id == 1
    await n.stop()
    assert try_select(Recv(n.done))
    # Go's status is an empty one from here on.
    with pytest.raises(Stopped):
        await n.status()
    await n.stop()


@on_loop
async def test_node_start() -> None:
    """A new node adds its peers, and then commits what it is proposed."""
    store = MemoryStorage()
    n = start_node(config(store), [Peer(1)])
    first = pb.Entry(
        type=pb.EntryConfChange, term=1, index=1, data=V1.marshal()
    )
    foo = pb.Entry(term=2, index=3, data=b"foo")
    assert parts(await handle(n, store)) == {
        "hard_state": pb.HardState(term=1, commit=1, vote=0),
        "entries": [first],
        "committed_entries": [first],
        "must_sync": True,
    }
    await n.campaign()
    await handle(n, store)  # its vote
    await handle(n, store)  # its first entry
    await n.propose(b"foo")
    assert parts(await handle(n, store)) == {
        "hard_state": pb.HardState(term=2, commit=2, vote=1),
        "entries": [foo],
        "committed_entries": [pb.Entry(term=2, index=2)],
        "must_sync": True,
    }
    assert parts(await handle(n, store)) == {
        "hard_state": pb.HardState(term=2, commit=3, vote=1),
        "committed_entries": [foo],
    }
    assert await offered(n) is None
    await n.stop()


@on_loop
async def test_node_restart() -> None:
    """What was committed comes out again; what is stored needs no storing."""
    store = storage([])
    log = entries(1, 1, 1)
    store.append(log)
    store.set_hard_state(pb.HardState(term=1, commit=1))
    n = restart_node(config(store))
    assert parts(await handle(n, store)) == {"committed_entries": log[:1]}
    assert await offered(n) is None
    await n.stop()


@on_loop
async def test_node_restart_from_snapshot() -> None:
    """What the snapshot covers does not come out again, what follows does."""
    store = MemoryStorage()
    store.set_hard_state(pb.HardState(term=1, commit=3))
    store.apply_snapshot(snapshot(2, 1, [1, 2]))
    log = entries(3, 1)
    store.append(log)
    n = restart_node(config(store))
    assert parts(await handle(n, store)) == {"committed_entries": log}
    assert await offered(n) is None
    await n.stop()


@on_loop
async def test_node_advance() -> None:
    """With the entries of one `Ready` advanced past, the next one comes."""
    store = storage([1])
    async with running(store) as n:
        await elect(n, store)
        await n.propose(b"foo")
        await handle(n, store)
        assert (await ready(n)).committed_entries


@pytest.mark.parametrize(
    ("state", "equal"),
    [
        (SoftState(0, StateFollower), True),
        (SoftState(1, StateFollower), False),
        (SoftState(0, StateLeader), False),
    ],
)
def test_soft_state_equal(state: SoftState, equal: bool) -> None:
    """Two soft states are the same if leader and role are."""
    assert (state == SoftState(0, StateFollower)) is equal


@pytest.mark.parametrize(
    ("state", "equal"),
    [
        (pb.HardState(), True),
        (pb.HardState(term=0, vote=0, commit=0), True),
        (pb.HardState(vote=1), False),
        (pb.HardState(commit=1), False),
        (pb.HardState(term=1), False),
    ],
)
def test_is_hard_state_equal(state: pb.HardState, equal: bool) -> None:
    """Two hard states are the same if all three fields are, absent or 0."""
    assert is_hard_state_equal(state, pb.HardState()) is equal
    assert is_empty_hard_state(state) is equal


@on_loop
async def test_node_propose_add_learner_node() -> None:
    """Applying the change that adds a learner returns it as a learner."""
    store = storage([1])
    change = pb.ConfChange(type=pb.ConfChangeAddLearnerNode, node_id=2)
    async with running(store) as n:
        await elect(n, store)
        await n.propose_conf_change(change)
        rd = await ready(n)
        while not rd.entries:
            await n.advance()
            rd = await ready(n)
        assert rd.entries[0].data == change.marshal()
        state = await n.apply_conf_change(change)
    assert (state.voters, state.learners) == ([1], [2])


def test_append_pagination() -> None:
    """Entries are sent many at a time, but never more than fit a message."""
    net, sizes = cluster(3, max_size_per_msg=2048), []

    def weigh(m: pb.Message) -> bool:
        if m.type is pb.MsgApp:
            sizes.append(sum(len(e.data or b"") for e in m.entries))
        return True

    net.passes = weigh
    net.campaign(1)
    net.isolate(1)
    for _ in range(5):
        net.propose(1, b"a" * 1000)
    net.heal()
    net.beat(1)
    assert max(sizes) <= 2048
    assert max(sizes) > 1024


@on_loop
async def test_commit_pagination() -> None:
    """What is committed comes out in helpings of the size that was set."""
    store = storage([1])
    async with running(store, max_committed_size_per_ready=2048) as n:
        await elect(n, store)
        assert len((await handle(n, store)).committed_entries) == 1
        for _ in range(3):
            await n.propose(b"a" * 1000)
        assert len((await handle(n, store)).entries) == 3
        assert len((await handle(n, store)).committed_entries) == 2
        assert len((await handle(n, store)).committed_entries) == 1


@on_loop
async def test_commit_pagination_with_async_storage_writes() -> None:
    """So it does when storing and applying go by messages.

    What has been handed out to be applied, and has not been acknowledged,
    counts towards the size.
    """
    store = storage([1])
    async with running(
        store, max_committed_size_per_ready=2048, async_storage_writes=True
    ) as n:

        async def append_thread() -> list[pb.Message]:
            """Does the storing of a `Ready`; returns what is to be applied."""
            to_apply = []
            for m in (await ready(n)).messages:
                if m.type is pb.MsgStorageAppend:
                    store.append(m.entries)
                    for response in m.responses:
                        await n.step(response)
                else:
                    assert m.type is pb.MsgStorageApply
                    assert len(m.entries) == 1
                    to_apply.append(m)
            return to_apply

        async def applied(m: pb.Message) -> None:
            (response,) = m.responses
            await n.step(response)

        await n.campaign()
        assert await append_thread() == []  # its vote
        assert await append_thread() == []  # its first entry
        (first,) = await append_thread()
        await applied(first)

        blob = b"a" * 1024
        await n.propose(blob)
        assert await append_thread() == []
        await n.propose(blob)
        one = await append_thread()
        await n.propose(blob)
        two = await append_thread()
        assert len(one) == len(two) == 1
        # The third has to wait until the first is applied.
        while rd := await offered(n):
            assert pb.MsgStorageApply not in [m.type for m in rd.messages]
        await applied(one[0])
        (three,) = await append_thread()
        for m in (two[0], three):
            await applied(m)


class IgnoresSizeHint(MemoryStorage):
    """A storage that always returns all the entries it is asked for."""

    def entries(self, lo: int, hi: int, max_size: int) -> list[pb.Entry]:
        return super().entries(lo, hi, NO_LIMIT)


@on_loop
async def test_node_commit_pagination_after_restart() -> None:
    """A commit index never falls, whatever the storage thinks of sizes.

    Once it did: a storage that returned one entry more than fits let the
    commit index pass it before a crash; after the restart raft itself cut
    that entry off, and handed out a hard state with a lower commit.
    """
    store = IgnoresSizeHint()
    store.apply_snapshot(snapshot(0, 0, [1]))
    log = [
        pb.Entry(term=1, index=i, type=pb.EntryNormal, data=b"a")
        for i in range(1, 11)
    ]
    store.append(log)
    store.set_hard_state(pb.HardState(term=1, vote=1, commit=10))
    size = sum(e.size() for e in log[:-1]) - 1
    async with running(store, max_size_per_msg=size) as n:
        rd = await ready(n)
        assert rd.committed_entries
        assert rd.hard_state is None or rd.hard_state.commit >= 10


# What asyncio adds: nobody is left waiting

CALLS: dict[str, Callable[[_Node], Awaitable[object]]] = {
    "campaign": lambda n: n.campaign(),
    "propose": lambda n: n.propose(b"x"),
    "propose_conf_change": lambda n: n.propose_conf_change(V2),
    "step": lambda n: n.step(pb.Message(type=pb.MsgHeartbeat, from_=2)),
    "ready.recv": lambda n: n.ready().recv(),
    "advance": lambda n: n.advance(),
    "apply_conf_change": lambda n: n.apply_conf_change(V2),
    "transfer_leadership": lambda n: n.transfer_leadership(1, 2),
    "forget_leader": lambda n: n.forget_leader(),
    "read_index": lambda n: n.read_index(b"x"),
    "status": lambda n: n.status(),
    "report_unreachable": lambda n: n.report_unreachable(2),
    "report_snapshot": lambda n: n.report_snapshot(2, SnapshotFailure),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class BrokenRawNode(RawNode):
    """A state machine that breaks as soon as it is asked for work."""

    error: Exception

    def has_ready(self) -> bool:
        raise self.error


def broken_node(error: Exception) -> _Node:
    """Returns a node that will not survive its first turn."""
    rn = BrokenRawNode(config(storage([1])))
    rn.error = error
    return _Node(rn)


@each_call
@on_loop
async def test_a_stop_frees_whoever_waits(
    call: Callable[[_Node], Awaitable[object]],
) -> None:
    n = _Node(RawNode(config(storage([1]))))
    waiting = spawn(call(n))  # nobody is there yet to serve it
    await settle()
    assert not waiting.done()
    n.done.close()  # as `run` does on its way out
    n.readyc.close(Stopped())
    with pytest.raises(Stopped):
        await waiting


@each_call
@on_loop
async def test_a_call_on_a_node_that_has_stopped_does_not_wait(
    call: Callable[[_Node], Awaitable[object]],
) -> None:
    async with running(storage([1])) as n:
        pass
    with pytest.raises(Stopped):
        await call(n)


@each_call
@on_loop
async def test_a_panic_reaches_whoever_waits(
    call: Callable[[_Node], Awaitable[object]],
) -> None:
    n = broken_node(RaftPanic("it is over"))
    waiting = spawn(call(n))
    await settle()
    n.start()
    with pytest.raises(RaftPanic, match="it is over"):
        await waiting


@each_call
@on_loop
async def test_a_panic_reaches_whoever_comes_later(
    call: Callable[[_Node], Awaitable[object]],
) -> None:
    n = broken_node(RaftPanic("it is over"))
    n.start()
    await settle()
    for _ in range(2):
        with pytest.raises(RaftPanic, match="it is over"):
            await call(n)
    with pytest.raises(RaftPanic, match="it is over"):
        n.tick()
    with pytest.raises(RaftPanic, match="it is over"):
        await n.stop()


@on_loop
async def test_a_proposer_that_waits_for_its_answer_hears_of_a_panic() -> None:
    store = storage([1])

    def step(r: Raft, m: pb.Message) -> None:
        raise RaftPanic("while stepping")

    n = _Node(RawNode(config(store)))
    n.start()
    await elect(n, store)
    n.rn.raft._step = step
    with pytest.raises(RaftPanic, match="while stepping"):
        await n.propose(b"x")


@on_loop
async def test_another_exception_in_run_counts_as_a_panic() -> None:
    error = OSError("no such disk")
    n = broken_node(error)
    n.start()
    with pytest.raises(RaftPanic, match="OSError: no such disk") as caught:
        await n.status()
    assert caught.value.__cause__.__cause__ is error


@on_loop
async def test_a_node_whose_task_is_cancelled_has_stopped() -> None:
    n = _Node(RawNode(config(storage([1]))))
    n.start()
    waiting = spawn(n.propose(b"x"))
    await settle()
    n._task.cancel()
    with pytest.raises(Stopped):
        await waiting


@on_loop
async def test_a_loop_over_ready_ends_when_the_node_stops() -> None:
    store, committed = storage([1]), []
    async with running(store) as n:
        serving = spawn(serve(n, store, committed))
        await n.campaign()
        await settle()
    await serving
    assert len(committed) == 1


@on_loop
async def test_a_loop_over_ready_raises_when_the_node_breaks_down() -> None:
    n = broken_node(RaftPanic("it is over"))
    n.start()
    with pytest.raises(RaftPanic, match="it is over"):
        await serve(n, storage([1]), [])


@on_loop
async def test_a_select_on_ready_fires_when_the_node_stops() -> None:
    async with running(storage([1])) as n:
        case = Recv(n.ready())
        waiting = spawn(select(case))
        await settle()
    assert await waiting is case
    with pytest.raises(Stopped):
        case.value  # noqa: B018


@pytest.mark.parametrize("cancels", [1, 3])
@on_loop
async def test_the_node_survives_callers_that_leave_without_the_answer(
    cancels: int,
) -> None:
    store = storage([1])
    async with running(store) as n:
        for call in (n.apply_conf_change(V2), n.status()):
            caller = spawn(call)
            await asyncio.sleep(0)  # `run` has its request, or is about to
            for _ in range(cancels):
                caller.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([caller])
        state = await n.apply_conf_change(
            pb.ConfChange(type=pb.ConfChangeAddNode, node_id=3)
        )
        assert state.voters == [1, 2, 3]
        assert (await n.status()).basic.id == 1


@on_loop
async def test_a_cancelled_proposer_has_not_proposed() -> None:
    store = storage([1])
    async with running(store) as n:
        proposing = spawn(n.propose(b"x"))
        await settle()
        proposing.cancel()
        await elect(n, store)
        assert (await handle(n, store)).committed_entries[0].data is None
        assert await offered(n) is None


@on_loop
async def test_a_call_can_be_put_under_a_timeout() -> None:
    async with running(storage([1])) as n:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await n.propose(b"x")


# The run loop


@on_loop
async def test_a_node_that_hangs_buffers_128_ticks_and_then_warns() -> None:
    logger = RedirectLogger()
    n = _Node(RawNode(config(storage([1]), logger=logger)))
    logger.reset()
    for _ in range(128):
        n.tick()
    assert str(logger) == ""
    n.tick()
    assert (
        str(logger) == "WARN 1 A tick missed to fire. Node blocks too long!\n"
    )


@on_loop
async def test_a_ready_that_waits_grows() -> None:
    store = storage([1])
    async with running(store) as n:
        await elect(n, store)
        await handle(n, store)
        await n.propose(b"one")
        await settle()
        await n.propose(b"two")
        assert [e.data for e in (await ready(n)).entries] == [b"one", b"two"]


@on_loop
async def test_the_next_ready_waits_for_advance() -> None:
    store = storage([1])
    async with running(store) as n:
        await elect(n, store)
        await ready(n)
        await n.propose(b"x")
        assert await offered(n) is None
        await n.advance()
        assert (await ready(n)).entries


@on_loop
async def test_with_async_storage_writes_no_ready_waits_for_another() -> None:
    store = storage([1])
    async with running(store, async_storage_writes=True) as n:
        await n.campaign()
        vote = await ready(n)
        for response in vote.messages[0].responses:
            await n.step(response)
        await ready(n)
        await n.propose(b"x")
        assert await ready(n)


@on_loop
async def test_a_response_of_a_stranger_is_ignored() -> None:
    store, msgs = storage([1]), []
    async with running(store) as n:
        await elect(n, store)
        n.rn.raft._step = recorder(msgs)
        for from_ in (2, 1):
            await n.step(pb.Message(type=pb.MsgHeartbeatResp, from_=from_))
        await settle()
    assert [m.from_ for m in msgs] == [1]


@on_loop
async def test_what_raft_refuses_does_not_stop_the_node() -> None:
    async with running(storage([1, 2])) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await settle()
        n.rn.raft.lead = 0  # it is lost, and `run` has yet to notice
        with pytest.raises(ProposalDropped):
            await n.propose(b"x")
        assert (await n.status()).basic.id == 1


@on_loop
async def test_errors_of_raft_over_a_message_are_nobodys_business() -> None:
    def step(r: Raft, m: pb.Message) -> None:
        raise ProposalDropped

    async with running(storage([1, 2])) as n:
        n.rn.raft._step = step
        await n.step(pb.Message(type=pb.MsgApp, from_=2))
        assert (await n.status()).basic.id == 1


@on_loop
async def test_a_proposal_waits_when_the_leader_is_lost() -> None:
    async with running(storage([1, 2])) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await n.propose(b"x")
        await n.forget_leader()
        proposing = spawn(n.propose(b"y"))
        await settle()
        assert not proposing.done()
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await proposing


@on_loop
async def test_a_node_that_is_removed_takes_no_more_proposals() -> None:
    store = storage([1, 2])
    async with running(store) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await n.propose(b"x")
        await n.apply_conf_change(R1)
        proposing = spawn(n.propose(b"y"))
        await settle()
        assert not proposing.done()
        # Until it hears of another leader.
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=3, term=2))
        await proposing


@on_loop
async def test_a_node_that_was_never_a_member_takes_proposals() -> None:
    store = storage([2, 3])
    async with running(store) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await n.apply_conf_change(
            pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=3)
        )
        await n.propose(b"x")


@on_loop
async def test_a_node_that_leaves_only_half_of_a_joint_configuration() -> None:
    """It is an outgoing voter as yet, so its proposals are welcome."""
    store = storage([1, 2, 3])
    async with running(store) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        state = await n.apply_conf_change(
            pb.ConfChangeV2(
                changes=pb.conf_changes_from_string("r1 r3"),
                transition=pb.ConfChangeTransitionJointExplicit,
            )
        )
        assert state.voters_outgoing == [1, 2, 3]
        await n.propose(b"x")


@on_loop
async def test_the_log_says_who_leads() -> None:
    logger = RedirectLogger()
    async with running(storage([1, 2, 3]), logger=logger) as n:
        for from_, term in ((2, 1), (3, 2)):
            await n.step(
                pb.Message(type=pb.MsgHeartbeat, from_=from_, term=term)
            )
            await settle()
        await n.forget_leader()
        await settle()
    said = [line for line in str(logger).splitlines() if "raft.node" in line]
    assert said == [
        "INFO raft.node: 1 elected leader 2 at term 1",
        "INFO raft.node: 1 changed leader from 2 to 3 at term 2",
        "INFO raft.node: 1 lost leader 3 at term 2",
    ]


@on_loop
async def test_what_the_calls_step() -> None:
    store, msgs = storage([1]), []
    async with running(store) as n:
        await elect(n, store)
        n.rn.raft._step = recorder(msgs)
        await n.report_unreachable(1)
        await n.report_snapshot(1, SnapshotFailure)
        await n.report_snapshot(1, SnapshotFinish)
        await n.transfer_leadership(1, 2)
        await n.forget_leader()
        await n.read_index(b"ctx")
    assert msgs == [
        pb.Message(type=pb.MsgUnreachable, from_=1),
        pb.Message(type=pb.MsgSnapStatus, from_=1, reject=True),
        pb.Message(type=pb.MsgSnapStatus, from_=1, reject=False),
        pb.Message(type=pb.MsgTransferLeader, from_=2, to=1),
        pb.Message(type=pb.MsgForgetLeader),
        pb.Message(type=pb.MsgReadIndex, entries=[pb.Entry(data=b"ctx")]),
    ]


@on_loop
async def test_a_read_is_answered_in_a_ready() -> None:
    store = storage([1])
    async with running(store) as n:
        await elect(n, store)
        await handle(n, store)
        await n.read_index(b"ctx")
        (state,) = (await ready(n)).read_states
        assert (state.index, state.request_ctx) == (1, b"ctx")


def test_a_new_node_needs_peers() -> None:
    with pytest.raises(RaftPanic, match="no peers given; use RestartNode"):
        setup_node(config(MemoryStorage()), [])


@on_loop
async def test_a_new_node_on_a_used_storage_warns_and_goes_on() -> None:
    logger = RedirectLogger()
    store = storage([1], terms=[1])
    n = setup_node(config(store, logger=logger), [Peer(1)])
    assert (
        "WARN error occurred during starting a new node:"
        " can't bootstrap a nonempty Storage"
    ) in str(logger)
    n.start()
    await n.stop()


@pytest.mark.parametrize("pick", [0, -1], ids=["first", "last"])
@on_loop
async def test_choices_can_be_injected(pick: int) -> None:
    """With `choose` given, the same run comes out each time."""
    asked: list[int] = []

    def choose(n: int) -> int:
        asked.append(n)
        return range(n)[pick]

    async def run() -> list[int]:
        store = storage([1])
        n = _Node(RawNode(config(store)), choose)
        n.start()
        await elect(n, store)
        for _ in range(9):
            spawn(n.propose(b"x"))
        taken = 0
        helpings = []
        while taken < 9:
            rd = await handle(n, store)
            helpings.append(len(rd.entries))
            taken += len(rd.entries)
        await n.stop()
        return helpings

    assert await run() == await run()
    assert asked
    assert asked[: len(asked) // 2] * 2 == asked
