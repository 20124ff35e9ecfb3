"""The network of live nodes: upstream's `rafttest/network_test.go`."""

from __future__ import annotations

import asyncio

import pytest

from port import raftpb as pb
from port.rafttest.network import RaftNetwork
from tests.port.loops import on_loop

SENT = 1000


def message(from_: int = 1, to: int = 2) -> pb.Message:
    return pb.Message(from_=from_, to=to)


def received(nt: RaftNetwork, id: int) -> int:
    """Returns how many messages wait before a node."""
    queue = nt.recv_from(id)
    return 0 if queue is None else len(queue)


@on_loop
async def test_network_drop() -> None:
    """A link loses about the share of messages that it is told to."""
    nt = RaftNetwork(1, 2)
    nt.drop(1, 2, 0.1)
    for _ in range(SENT):
        await nt.send(message())
    assert 50 < SENT - received(nt, 2) < 150


@on_loop
async def test_network_delay() -> None:
    """A link delays about the share that it is told to, evenly up to the most.

    That is half a millisecond for one in ten of a thousand messages: 50 ms,
    give or take six (a standard deviation).
    """
    nt = RaftNetwork(1, 2)
    nt.delay(1, 2, 0.001, 0.1)
    clock = asyncio.get_running_loop().time
    for _ in range(SENT):
        before = clock()
        await nt.send(message())
        assert clock() - before <= 0.001
    assert 0.025 < clock() < 0.075


@on_loop
async def test_links_fail_one_way_only() -> None:
    nt = RaftNetwork(1, 2)
    nt.drop(1, 2, 1.0)
    nt.delay(1, 2, 1.0, 1.0)
    await nt.send(message(1, 2))
    await nt.send(message(2, 1))
    assert (received(nt, 2), received(nt, 1)) == (0, 1)
    assert asyncio.get_running_loop().time() == 0


@on_loop
async def test_what_arrives_is_a_copy() -> None:
    nt = RaftNetwork(1, 2)
    sent = pb.Message(from_=1, to=2, entries=[pb.Entry(data=b"x")])
    await nt.send(sent)
    got, _ = await nt.recv_from(2).recv()
    assert got == sent
    assert got is not sent
    assert got.entries[0] is not sent.entries[0]


@on_loop
async def test_a_full_queue_loses_what_comes_next() -> None:
    nt = RaftNetwork(1, 2)
    for _ in range(1025):
        await nt.send(message())
    assert received(nt, 2) == 1024


@on_loop
async def test_a_stranger_gets_nothing() -> None:
    nt = RaftNetwork(1, 2)
    await nt.send(message(1, 3))
    assert nt.recv_from(3) is None


@pytest.mark.parametrize("by_plug", [False, True])
@on_loop
async def test_a_disconnected_node_neither_gets_nor_keeps(
    by_plug: bool,
) -> None:
    """What waited before it is there again when it comes back."""
    nt = RaftNetwork(1, 2)
    plug = nt.node_network(2)
    await nt.send(message())
    if by_plug:
        plug.disconnect()
    else:
        nt.disconnect(2)
    await nt.send(message())
    assert nt.recv_from(2) is plug.recv() is None
    plug.connect()
    await nt.node_network(1).send(message())
    assert received(nt, 2) == 2
    assert plug.recv() is nt.recv_from(2)
