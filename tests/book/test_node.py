"""What the chapter *The node* says, asked of the port.

The notes of `book/pages/node.md` cite these tests, and those of
`tests/port/test_node.py` and `tests/port/test_chan.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import port.node
from book.weave.turns import ALWAYS, CYCLE, LEADER
from port import raftpb as pb
from port.chan import Case, Recv, Send, select
from port.node import _Node
from port.raft import StateLeader
from port.rawnode import RawNode
from port.types import Peer, Ready
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.nodes import storage
from tests.port.test_node import V2, config, elect, handle, ready, running

NAMES = (
    "propc", "recvc", "confc", "tickc", "readyc", "advancec", "status",
    "stop",
)  # fmt: skip


class Watch:
    """Knows what the loop of a node offers at its present turn."""

    def __init__(self) -> None:
        self.armed: set[str] = set()

    async def select(self, *cases: Case, **options: object) -> Case:
        if len(cases) == len(NAMES):
            named = zip(NAMES, cases, strict=True)
            self.armed = {
                name
                for name, case in named
                if isinstance(case, Send | Recv) and case.chan is not None
            }
        return await select(*cases, **options)  # type: ignore[arg-type]

    async def sees(self, *sets: tuple[str, ...]) -> None:
        await settle()
        expected = set(ALWAYS)
        for names in sets:
            expected.update(names)
        assert self.armed == expected


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    w = Watch()
    monkeypatch.setattr(port.node, "select", w.select)
    return w


def test_the_loop_is_as_drawn(watch: Watch) -> None:
    (_, idle), (_, offer), (_, taken) = CYCLE
    (_, leaderless), (_, led) = LEADER

    @on_loop
    async def run() -> None:
        async with running(storage([1, 2])) as n:
            await watch.sees(idle, leaderless)
            await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
            await watch.sees(offer, led)
            await ready(n)
            await watch.sees(taken, led)
            await n.forget_leader()
            await watch.sees(taken, leaderless)
            await n.advance()
            await watch.sees(offer, leaderless)
            await ready(n)
            await n.advance()
            await watch.sees(idle, leaderless)

    run()


def test_with_asynchronous_writes_it_goes_straight_back(
    watch: Watch,
) -> None:
    (_, idle), (_, offer), _ = CYCLE

    @on_loop
    async def run() -> None:
        async with running(storage([1]), async_storage_writes=True) as n:
            await n.campaign()
            await watch.sees(offer)
            await ready(n)
            await watch.sees(idle)

    run()


@on_loop
async def test_the_loop_goes_on_while_the_application_works() -> None:
    """With a `Ready` in its hands, messages and ticks still come in."""
    async with running(storage([1, 2])) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await ready(n)
        n.tick()
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=2))
        assert (await n.status()).basic.hard_state.term == 2


@on_loop
async def test_whoever_works_on_a_ready_must_not_wait_for_one() -> None:
    """Without a leader, a proposal in the loop over `ready` never returns."""
    async with running(storage([1, 2])) as n:
        await n.campaign()
        await ready(n)
        proposing = spawn(n.propose(b"x"))
        await settle()
        assert not proposing.done()
        proposing.cancel()


@on_loop
async def test_a_forwarded_proposal_goes_by_the_same_door() -> None:
    """It gets this node's name, and waits for a leader like any other."""
    async with running(storage([1, 2])) as n:
        m = pb.Message(
            type=pb.MsgProp, from_=2, to=1, entries=[pb.Entry(data=b"x")]
        )
        stepping = spawn(n.step(m))
        await settle()
        assert not stepping.done()
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await stepping
        assert m.from_ == 1


@on_loop
async def test_a_change_that_raft_refuses_is_no_error() -> None:
    """Not even where the very same refusal of data would be one."""
    async with running(storage([1, 2])) as n:
        await n.step(pb.Message(type=pb.MsgHeartbeat, from_=2, term=1))
        await settle()
        n.rn.raft.disable_proposal_forwarding = True
        await n.propose_conf_change(V2)


@on_loop
async def test_cancelled_is_not_withdrawn() -> None:
    """A proposal that the loop has taken is proposed, whoever waits."""
    store = storage([1])
    n = _Node(RawNode(config(store)))
    n.start()
    await elect(n, store)
    await handle(n, store)
    proposing = spawn(n.propose(b"x"))
    await asyncio.sleep(0)
    proposing.cancel()
    await settle()
    assert [e.data for e in (await handle(n, store)).entries] == [b"x"]
    await n.stop()


@on_loop
async def test_a_sole_voter_needs_two_readys_to_lead() -> None:
    """First its term and vote are stored, then it hears from itself."""
    store = storage([1])
    async with running(store) as n:
        await n.campaign()
        first = await handle(n, store)
        assert first.hard_state is not None
        assert first.must_sync
        second = await ready(n)
        assert second.soft_state is not None
        assert second.soft_state.raft_state is StateLeader


@on_loop
async def test_a_new_log_begins_with_its_members() -> None:
    """An entry each, committed from the first, of term 1."""
    n = port.node.setup_node(
        config(storage([]), id=1), [Peer(1), Peer(2, b"where")]
    )
    n.start()
    rd: Ready = await ready(n)
    ents = [(e.type, e.term, e.index) for e in rd.committed_entries]
    kind = pb.EntryConfChange
    assert ents == [(kind, 1, 1), (kind, 1, 2)]
    changes = [pb.ConfChange.unmarshal(e.data) for e in rd.entries]
    assert [c.context for c in changes] == [None, b"where"]
    await n.stop()
