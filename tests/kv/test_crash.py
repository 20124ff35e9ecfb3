"""The machine stops at each operation of the disk, one run for each.

A node writes, takes snapshots, drops old segments; at one operation the power
goes. What the disk had not promised to keep is there or not, as dice decide.
The node starts again: all that was answered must be there, and nothing that
was never asked for.
"""

import asyncio
import random
from contextlib import suppress

import pytest

from kv.commands import Command, Op, Result, put
from kv.server import Server
from kv.sim.disk import Crashed, Hook, SimDisk, crash_at, fail_at, no_fault
from kv.world import World, real_world
from tests.kv.nodes import options

WRITES = 24
QUICK = {"heartbeat": 0.002, "election": 0.004, "snapshot_every": 8}


async def begin(disk: SimDisk, ahead: bool) -> Server:
    """Start a node on a disk; raises what stops it."""
    real = real_world()
    world = World(real.clock, disk, real.network, random.Random(1))
    server = Server(options("node", async_writes=ahead, **QUICK), world)
    await server.start()
    return server


async def abandon(server: Server) -> None:
    """Leave a node as the power would."""
    with suppress(Exception, Crashed):
        await server.close()


async def write_all(server: Server) -> list[int]:
    """Write one after the other; return what was answered."""
    answered = []
    for n in range(WRITES):
        answer: asyncio.Future[object] = (
            asyncio.get_running_loop().create_future()
        )
        command = put(b"k%d" % n, b"%d" % n)._replace(
            tag=server.replica.writes.tag()
        )
        server.replica.writes.add(command, answer.set_result)
        failed = server.replica.failed
        await asyncio.wait(
            {answer, failed}, return_when=asyncio.FIRST_COMPLETED
        )
        if not answer.done() or not isinstance(answer.result(), Result):
            break
        answered.append(n)
    return answered


async def found(server: Server) -> dict[int, bytes]:
    """Return what is there, once the node leads and has applied it."""
    answers = {}
    for n in range(WRITES):
        answer: asyncio.Future[object] = (
            asyncio.get_running_loop().create_future()
        )
        server.replica.reads.add(Command(Op.GET, b"k%d" % n), answer.set_result)
        result = await asyncio.wait_for(answer, 10)
        assert isinstance(result, Result), result
        if result.value is not None:
            assert isinstance(result.value, bytes)
            answers[n] = result.value
    return answers


async def life(hook: Hook, ahead: bool) -> tuple[SimDisk, list[int]]:
    """Run a node until it has written all, or its machine stops."""
    disk = SimDisk(hook, reserves=False)
    answered: list[int] = []
    server = None
    try:
        server = await begin(disk, ahead)
        answered = await write_all(server)
        await server.close()
    except (Crashed, OSError):
        pass
    finally:
        if server is not None:
            await abandon(server)
    return disk, answered


async def afterlife(
    disk: SimDisk, answered: list[int], ahead: bool
) -> None:
    """Start again; what was answered must be there."""
    server = await begin(disk, ahead)
    there = await found(server)
    assert set(answered) <= set(there)
    # The one under way may be there; none behind it was ever asked for.
    assert set(there) <= set(range(len(answered) + 1))
    assert all(value == b"%d" % n for n, value in there.items())
    await server.close()


def operations(ahead: bool) -> int:
    """How many operations a life without faults takes."""
    disk, answered = asyncio.run(life(no_fault, ahead))
    assert len(answered) == WRITES
    return disk.operations


# With and without waiting for the disk: see kv/drive_async.py.
both = pytest.mark.parametrize(
    "ahead", [False, True], ids=["in-turn", "ahead"]
)


@both
@pytest.mark.parametrize("part", range(4))
def test_the_power_may_go_at_any_operation(part: int, ahead: bool) -> None:
    async def go() -> None:
        for at in range(part, count, 4):
            disk, answered = await life(crash_at(at), ahead)
            dice = random.Random(at)
            await afterlife(disk.restart(dice), answered, ahead)

    count = operations(ahead)
    assert count > 60
    asyncio.run(go())


@both
def test_a_failure_at_any_operation_stops_the_node_and_loses_nothing(
    ahead: bool,
) -> None:
    async def go() -> None:
        for at in range(0, count, 5):
            disk, answered = await life(fail_at(at, 5), ahead)
            await afterlife(disk.restart(random.Random(at)), answered, ahead)

    count = operations(ahead)
    asyncio.run(go())
