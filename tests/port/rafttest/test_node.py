"""Live nodes on a lossy network: upstream's `rafttest/node_test.go`, and more.

The clock is simulated and chance is seeded, so that a run takes no longer than
its work, and comes out the same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from port.errors import RaftPanic, Stopped
from port.logger import discard_logger
from port.rafttest.network import RaftNetwork
from port.rafttest.node import Node, start_node
from port.types import Peer
from tests.port.loops import on_loop, settle, simulate, spawn
from tests.port.raft.nodes import SeededRand


@asynccontextmanager
async def live(
    size: int, nt: RaftNetwork | None = None
) -> AsyncIterator[list[Node]]:
    """Nodes 1 to `size`, all of them running, at the end as well."""
    ids = range(1, size + 1)
    nt = nt or RaftNetwork(*ids)
    peers = [Peer(id) for id in ids]
    nodes = [
        start_node(
            id, peers, nt.node_network(id),
            logger=discard_logger, rand=SeededRand(id),
        )
        for id in ids
    ]  # fmt: skip
    yield nodes
    for n in nodes:
        await n.stop()


async def wait_leader(nodes: list[Node]) -> int:
    """Waits until all agree on who leads; returns its place in the list."""
    while True:
        leads = {(await n.node.status()).basic.soft_state.lead for n in nodes}
        for i, n in enumerate(nodes):
            if leads == {n.id}:
                return i
        await asyncio.sleep(0.005)


async def wait_commit_converge(nodes: list[Node], target: int) -> None:
    """Waits, five seconds at most, until all commit the same, above target."""
    async with asyncio.timeout(5):
        while True:
            commits = {
                (await n.node.status()).basic.hard_state.commit for n in nodes
            }
            if len(commits) == 1 and min(commits) > target:
                return
            await asyncio.sleep(0.1)


async def propose(n: Node, times: int) -> None:
    for _ in range(times):
        await n.node.propose(b"somedata")


@on_loop
async def test_basic_progress() -> None:
    """Five nodes elect a leader, and commit what is proposed to any."""
    async with live(5) as nodes:
        await wait_leader(nodes)
        await propose(nodes[0], 100)
        await wait_commit_converge(nodes, 100)


@on_loop
async def test_restart() -> None:
    """Two of five stop and start again; nothing is lost, all catch up."""
    async with live(5) as nodes:
        lead = await wait_leader(nodes)
        one, two, three, four = (
            nodes[(lead + i) % 5] for i in (1, 2, 3, 4)
        )
        await propose(nodes[lead], 30)
        await one.stop()
        await propose(three, 30)
        await two.stop()
        await propose(four, 30)
        await two.restart()
        await propose(nodes[lead], 30)
        await one.restart()
        await wait_commit_converge(nodes, 120)


@on_loop
async def test_pause() -> None:
    """Two of five pause, and catch up when they go on."""
    async with live(5) as nodes:
        await wait_leader(nodes)
        await propose(nodes[0], 30)
        await nodes[1].pause()
        await propose(nodes[0], 30)
        await nodes[2].pause()
        await propose(nodes[0], 30)
        await nodes[2].resume()
        await propose(nodes[0], 30)
        await nodes[1].resume()
        await wait_commit_converge(nodes, 120)


@on_loop
async def test_progress_on_a_lossy_network() -> None:
    """Lost and late messages cost time, and nothing else."""
    nt = RaftNetwork(1, 2, 3)
    for from_ in (1, 2, 3):
        for to in (1, 2, 3):
            nt.drop(from_, to, 0.1)
            nt.delay(from_, to, 0.02, 0.2)
    async with live(3, nt) as nodes:
        lead = await wait_leader(nodes)
        await propose(nodes[lead], 20)
        await wait_commit_converge(nodes, 20)


@on_loop
async def test_a_paused_node_does_nothing_and_then_catches_up() -> None:
    nt = RaftNetwork(1, 2, 3)
    async with live(3, nt) as nodes:
        lead = nodes[await wait_leader(nodes)]
        paused, other = (n for n in nodes if n is not lead)
        await propose(lead, 1)
        await wait_commit_converge(nodes, 4)
        before = paused.storage.last_index()
        await paused.pause()
        await propose(lead, 5)
        await wait_commit_converge([lead, other], 9)
        assert paused.storage.last_index() == before
        # Nothing new reaches it: it has only what it was sent meanwhile, or
        # what of that has come in order.
        nt.disconnect(paused.id)
        await paused.resume()
        await asyncio.sleep(0.03)
        assert paused.storage.last_index() > before
        nt.connect(paused.id)
        await wait_commit_converge(nodes, 9)


def test_a_run_can_be_repeated() -> None:
    async def run() -> list[object]:
        clock = asyncio.get_running_loop().time
        seen: list[object] = []
        async with live(3) as nodes:
            for _ in range(3):
                lead = await wait_leader(nodes)
                seen += [lead, clock()]
                await propose(nodes[lead], 10)
                await wait_commit_converge(nodes, 10)
                seen += [str(n.state) for n in nodes]
                await nodes[lead].stop()
                await nodes[lead].restart()
        return seen

    assert simulate(run()) == simulate(run())


@on_loop
async def test_a_stopped_node_leaves_nothing_running() -> None:
    async with live(1) as nodes:
        await propose(nodes[await wait_leader(nodes)], 1)
    with pytest.raises(Stopped):
        await nodes[0].node.status()
    await asyncio.sleep(0.01)  # for what is still on its way
    assert asyncio.all_tasks() == {asyncio.current_task()}


@on_loop
async def test_what_is_stored_survives_a_restart_and_no_more() -> None:
    async with live(3) as nodes:
        lead = nodes[await wait_leader(nodes)]
        await propose(lead, 3)
        before, log = lead.state, lead.storage.last_index()
        await lead.stop()
        assert lead.iface.recv() is None
        await lead.restart()
        status = await lead.node.status()
        assert status.basic.soft_state.lead == 0
        assert status.basic.hard_state == before
        assert lead.storage.last_index() == log
        assert lead.iface.recv() is not None


@on_loop
async def test_a_restart_waits_for_the_stop() -> None:
    async with live(1) as nodes:
        again = spawn(nodes[0].restart())
        await settle()
        assert not again.done()
        await nodes[0].stop()
        await again


@on_loop
async def test_a_node_that_breaks_down_says_so_when_it_is_stopped() -> None:
    n = start_node(
        1, [Peer(1)], RaftNetwork(1).node_network(1), logger=discard_logger
    )
    n.storage = None  # the first store will fail
    await asyncio.sleep(1)
    with pytest.raises(AttributeError):
        await n.stop()


@on_loop
async def test_a_raft_node_that_panics_takes_the_live_node_with_it() -> None:
    n = start_node(
        1, [Peer(1)], RaftNetwork(1).node_network(1), logger=discard_logger
    )
    await asyncio.sleep(1)
    n.node.rn.raft.tick = None
    await asyncio.sleep(1)
    with pytest.raises(RaftPanic, match="TypeError"):
        await n.stop()
    assert asyncio.get_running_loop().time() < 3  # it did not wait for long
