"""What any keeper of snapshots must do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kv.parts import Parts
from kv.seams import Snapshots
from kv.sim.disk import Crashed, SimDisk, crash_at, fail_at
from port import raftpb as pb

Run = Callable[..., Any]
FOLDER = "data/snap"


def meta(index: int) -> pb.SnapshotMetadata:
    state = pb.ConfState([1, 2], [4], [1, 2, 3], [3], True)
    return pb.SnapshotMetadata(state, index, index // 10 + 1)


def body(index: int) -> list[bytes]:
    return [b"%d:" % index, b"", b"state " * index, b"."]


async def saved(parts: Parts, disk: SimDisk, *indexes: int) -> Snapshots:
    snapshots = parts.snapshots(disk, FOLDER)
    for index in indexes:
        await snapshots.save(meta(index), body(index))
    return snapshots


async def newest(parts: Parts, disk: SimDisk, limit: int = 1000) -> int:
    """The index of the newest, after a restart; 0 if there is none."""
    stored = await parts.snapshots(disk, FOLDER).newest(limit)
    if stored is None:
        return 0
    index = stored.metadata.index or 0
    assert stored.metadata == meta(index), "the metadata has changed"
    assert b"".join(stored.chunks) == b"".join(body(index)), (
        f"the state in the snapshot of index {index} has changed"
    )
    return index


def test_without_any_there_is_none(parts: Parts, run: Run) -> None:
    assert run(newest(parts, SimDisk(reserves=False))) == 0


def test_the_newest_up_to_a_limit(parts: Parts, run: Run) -> None:
    async def check() -> None:
        disk = SimDisk(reserves=False)
        await saved(parts, disk, 10, 20)
        assert await newest(parts, disk) == 20
        assert await newest(parts, disk, 20) == 20
        assert await newest(parts, disk, 19) == 10, (
            "a snapshot beyond the limit was never finished"
        )
        assert await newest(parts, disk, 9) == 0
        await saved(parts, disk, 100)  # As text it would come before 20.
        assert await newest(parts, disk) == 100

    run(check())


def test_one_that_comes_late(parts: Parts, run: Run) -> None:
    """Our own is still being written when the leader sends a later one."""

    async def check() -> None:
        disk = SimDisk(reserves=False)
        await saved(parts, disk, 10, 50, 60, 40)
        assert await newest(parts, disk) == 60
        assert await newest(parts, disk, 59) == 50
        assert await newest(parts, disk, 49) in (40, 10)

    run(check())


def test_an_empty_state(parts: Parts, run: Run) -> None:
    async def check() -> None:
        snapshots = parts.snapshots(SimDisk(reserves=False), FOLDER)
        await snapshots.save(meta(1), [])
        stored = await snapshots.newest(1)
        assert stored is not None
        assert b"".join(stored.chunks) == b""

    run(check())


def test_a_large_state(parts: Parts, run: Run) -> None:
    chunks = [random.Random(n).randbytes(70_000) for n in range(20)]

    async def check() -> None:
        snapshots = parts.snapshots(SimDisk(reserves=False), FOLDER)
        await snapshots.save(meta(1), iter(chunks))
        stored = await snapshots.newest(1)
        assert stored is not None
        assert b"".join(stored.chunks) == b"".join(chunks)

    run(check())


def test_old_ones_go_and_the_one_before_stays(parts: Parts, run: Run) -> None:
    async def check() -> None:
        disk = SimDisk(reserves=False)
        sizes = []
        for index in range(1, 40):
            await saved(parts, disk, index)
            sizes.append(sum(map(len, disk.files().values())))
        assert sizes[-1] < sum(len(b"".join(body(i))) for i in range(30, 40))
        assert await newest(parts, disk, 38) == 38

    run(check())


def test_a_damaged_one_gives_way_to_the_one_before(
    parts: Parts, run: Run
) -> None:
    """Whichever bit it is."""

    async def check() -> None:
        disk = SimDisk(reserves=False)
        await saved(parts, disk, 10)
        old = set(disk.files())
        await saved(parts, disk, 20)
        files = disk.files()
        (path,) = set(files) - old
        for bit in range(0, len(files[path]) * 8, 3):
            bad = SimDisk(reserves=False)
            for name, content in files.items():
                bad.put(name, content)
            bad.flip(path, bit)
            came = await newest(parts, bad)
            assert came == 10, (
                f"bit {bit} of {path} was flipped, and newest() returned"
                f" {came or None}; expected the one before, 10"
            )
        for end in range(len(files[path])):
            bad.put(path, files[path][:end])
            assert await newest(parts, bad) == 10

    run(check())


@pytest.mark.parametrize("way", [crash_at, fail_at])
def test_a_crash_or_failure_at_any_operation(
    parts: Parts, run: Run, way: Callable[[int], Any]
) -> None:
    """There is always a whole one: the old one, or the new one."""

    async def crash(number: int, fate: int) -> bool:
        disk = SimDisk(reserves=False)
        await saved(parts, disk, 10, 20)
        disk.hook = way(disk.operations + number)
        finished = False
        try:
            await saved(parts, disk, 30)
            finished = True
        except (Crashed, OSError):
            pass
        disk = disk.restart(random.Random(fate) if fate else None)
        came = await newest(parts, disk)
        assert came == 30 or (came == 20 and not finished), (
            f"disk operation {number} was the last: newest() is {came}"
        )
        # What was left behind is in nobody's way.
        await saved(parts, disk, 40)
        assert await newest(parts, disk) == 40
        assert await newest(parts, disk, 39) >= 20
        return not finished

    async def crashes() -> None:
        number = 0
        while all([await crash(number, fate) for fate in range(8)]):
            number += 1
        assert number > 1, "it does not use the disk that it was given"

    run(crashes())


def test_a_full_disk(parts: Parts, run: Run) -> None:
    async def check() -> None:
        disk = SimDisk(capacity=20_000)
        snapshots = await saved(parts, disk, 10, 20)
        with pytest.raises(OSError, match=r"."):
            await snapshots.save(meta(30), [bytes(10_000)] * 9)
        assert await newest(parts, disk.restart(None)) == 20

    run(check())


def test_a_failing_dump_leaves_the_old_one(parts: Parts, run: Run) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("no more")

    async def check() -> None:
        disk = SimDisk(reserves=False)
        snapshots = await saved(parts, disk, 10)
        with pytest.raises(RuntimeError, match="no more"):
            await snapshots.save(meta(20), chunks())
        assert await newest(parts, disk) == 10

    run(check())


def test_others_run_while_it_saves(parts: Parts, run: Run) -> None:
    async def check() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        snapshots = parts.snapshots(SimDisk(reserves=False), FOLDER)
        await snapshots.save(meta(1), (bytes(65_536) for _ in range(60)))
        task.cancel()
        assert turns > 5, (
            "nobody else could run while 60 chunks were taken: await"
            " something now and then"
        )

    run(check())
