"""What 3.2 must do; 3.3 uses the same helpers."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

from kv.seams import Stored
from kv.sim.disk import Crashed, Hook, SimDisk, crash_at, fail_at
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port import raftpb as pb

TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
FOLDER = "data/snap"


def meta(index: int) -> pb.SnapshotMetadata:
    state = pb.ConfState([1, 2], [4], [1, 2, 3], [3], True)
    return pb.SnapshotMetadata(state, index, index // 10 + 1)


def body(index: int) -> list[bytes]:
    return [b"%d:" % index, b"", b"state " * index, b"."]


def folder_of(t: Trial, disk: SimDisk) -> Any:  # noqa: ANN401
    return t.spy(t.name("SnapshotFolder")(disk, FOLDER), "snapshots")


async def saved(t: Trial, disk: SimDisk, *indexes: int) -> None:
    snapshots = folder_of(t, disk)
    for index in indexes:
        await snapshots.save(meta(index), body(index))


async def newest(t: Trial, disk: SimDisk, limit: int = 1000) -> int:
    """The index of the newest, after a restart; 0 if there is none."""
    stored = await t.name("SnapshotFolder")(disk, FOLDER).newest(limit)
    if stored is None:
        return 0
    t.holds(isinstance(stored, Stored), "newest returns what was stored",
            say(stored), "a Stored, or None")  # fmt: skip
    index = stored.metadata.index or 0
    t.holds(
        stored.metadata == meta(index), "index, term and all of the members",
        f"{stored.metadata!r:.120}", f"{meta(index)!r:.120}",
    )  # fmt: skip
    t.holds(
        b"".join(stored.chunks) == b"".join(body(index)),
        "half a state is worse than none",
        f"the state in the snapshot of index {index} is another",
        "what was saved",
    )  # fmt: skip
    return index


@check("what was saved is there after a restart", TAKING)
def there(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        t.same(await newest(t, disk), 0, "there is none yet")
        await saved(t, disk, 10)
        t.same(await newest(t, disk), 10, "it was saved")
        await saved(t, disk, 20, 100)
        t.same(await newest(t, disk), 100, "the newest counts")

    t.run(work())


async def crash(
    t: Trial, way: Callable[[int], Hook], number: int, fate: int
) -> bool:
    """Lets the third save end at a disk operation; False if it did not."""
    disk = SimDisk(reserves=False)
    await saved(t, disk, 10, 20)
    disk.hook = way(disk.operations + number)
    finished = False
    try:
        await saved(t, disk, 30)
        finished = True
    except (Crashed, OSError):
        pass
    end = "a power cut" if fate else "a kill"
    what = "the disk fails" if way is fail_at else "the machine stops"
    called = f"save(10), save(20), save(30); {what} in disk operation"
    called += f" {number} of the last; then {end}, and newest"
    disk = disk.restart(random.Random(fate) if fate else None)
    t.called = called
    try:
        came = await newest(t, disk)
    except (ValueError, LookupError) as error:
        t.wrong(
            "what has a snapshot's name must be whole, whenever the power"
            " goes: write it under another name, sync it, then rename",
            f"a snapshot that is not whole ({error})", "20, or 30 if it is"
            " whole",
        )  # fmt: skip
    t.called = called
    t.holds(
        came == 30 or (came == 20 and not finished),
        "save(30) had returned" if finished else
        "20 was safely there, and a save that comes to nothing must not"
        " touch it",
        f"newest() is {came or 'None'}",
        "30" if finished else "20 or 30",
    )  # fmt: skip
    await saved(t, disk, 40)
    t.same(await newest(t, disk), 40, "what a crash has left behind must be"
           " in nobody's way")  # fmt: skip
    return not finished


@check("a crash at any disk operation leaves a whole one", TAKING)
def crashes(t: Trial) -> None:
    async def work() -> None:
        number = 0
        while all([await crash(t, crash_at, number, f) for f in range(7)]):
            number += 1

    t.run(work())


@check("the disk may fail at any operation", TAKING)
def failures(t: Trial) -> None:
    async def work() -> None:
        number = 0
        while all([await crash(t, fail_at, number, f) for f in range(4)]):
            number += 1

    t.run(work())


@check("a dump that fails leaves the old one", TAKING)
def failing_dump(t: Trial) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"begun"
        raise RuntimeError("no more")

    async def work() -> None:
        disk = SimDisk(reserves=False)
        await saved(t, disk, 10)
        await t.araises(
            RuntimeError, lambda: folder_of(t, disk).save(meta(20), chunks()),
            "what the dump raises must be heard of",
        )  # fmt: skip
        t.same(await newest(t, disk), 10, "there is no other that is whole")

    t.run(work())


@check("the newest two stay, older ones go", TAKING)
def kept(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        for index in range(1, 30):
            await saved(t, disk, index)
        size = sum(map(len, disk.files().values()))
        t.called = "29 saves, one after the other"
        t.holds(
            size < 6 * len(b"".join(body(29))),
            "snapshots would fill the disk",
            f"all files together have {size} bytes", "those of a few",
        )  # fmt: skip
        t.same(await newest(t, disk, 28), 28,
               "the one before the newest: if a disk turns a bit, the node"
               " starts from it")  # fmt: skip

    t.run(work())


@check("one that comes late does not remove newer ones", TAKING)
def late(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        await saved(t, disk, 10, 50, 60, 40)
        t.same(await newest(t, disk), 60,
               "our own is still being written when a later one comes from"
               " the leader")  # fmt: skip
        t.same(await newest(t, disk, 59), 50, "nor the one before it")
        came = await newest(t, disk, 49)
        t.called = "save(10), save(50), save(60), save(40), newest(49)"
        t.holds(came in (10, 40), "save(40) has returned, and the log may not"
                " have marked any later one yet: then newest is asked with"
                " its index", f"{came or 'None'}", "40 (or 10)"
                )  # fmt: skip

    t.run(work())


@check("others run while it saves", TAKING)
def others(t: Trial) -> None:
    async def work() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        snapshots = t.name("SnapshotFolder")(SimDisk(reserves=False), FOLDER)
        await snapshots.save(meta(1), (bytes(65_536) for _ in range(60)))
        task.cancel()
        t.called = "save, with 60 chunks of 64 kB"
        t.holds(turns > 5,
                "writes wait meanwhile, and so do heartbeats: a leader that"
                " is silent for long is replaced",
                f"others had {turns} turns", "one every few chunks")

    t.run(work())  # fmt: skip


CHECKS = [there, crashes, failures, failing_dump, kept, late, others]
