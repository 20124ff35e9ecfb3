"""The disk in memory: what it may lose it does lose, and nothing else."""

from __future__ import annotations

import asyncio
import random

import pytest

from kv.sim.disk import (
    Crashed,
    Operation,
    SimDisk,
    SimFile,
    crash_at,
    fail_at,
)
from tests.kv.durable import run


async def written(disk: SimDisk, *parts: bytes) -> SimFile:
    """A file whose first part is synced, name and all, and no other."""
    await disk.make_folder("d")
    file = await disk.create("d/f")
    for number, part in enumerate(parts):
        await file.append(part)
        if number == 0:
            await file.sync()
            await disk.sync_folder("d")
    return file


def fates(disk: SimDisk, count: int = 60) -> set[bytes | None]:
    """What may become of `d/f` in a power cut."""
    found = set()
    for seed in range(count):
        found.add(disk.restart(random.Random(seed)).files().get("d/f"))
    return found


def test_what_was_not_synced_may_be_lost_in_part() -> None:
    disk = SimDisk()
    run(written(disk, b"safe.", b"x" * 1000))
    found = fates(disk)
    assert b"safe." in found
    assert b"safe." + b"x" * 1000 in found
    assert len(found) > 10
    assert all(content and content[:5] == b"safe." for content in found)
    # Sectors arrive in any order: the last without the first.
    assert any(c and b"\0" in c and c[-1:] == b"x" for c in found)


def test_what_was_synced_is_there() -> None:
    disk = SimDisk()
    file = run(written(disk, b"one", b"two"))
    run(file.sync())
    assert fates(disk) == {b"onetwo"}


def test_a_kill_loses_nothing() -> None:
    disk = SimDisk()
    run(written(disk, b"one", b"two"))
    assert disk.restart(None).files() == {"d/f": b"onetwo"}


def test_a_failed_sync_drops_what_it_was_to_sync() -> None:
    """And the next one reports success, as it does on Linux."""
    disk = SimDisk()
    file = run(written(disk, b"one", b"two"))
    disk.hook = fail_at(disk.operations)
    with pytest.raises(OSError, match="Input/output"):
        run(file.sync())
    run(file.append(b"three"))
    run(file.sync())
    assert disk.files() == {"d/f": b"onetwothree"}
    assert fates(disk) == {b"one\0\0\0three"}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("rename", {b"old", b"new"}),
        ("rename sync", {b"new"}),
        ("rename sync remove", {b"new", None}),
        ("rename sync remove sync", {None}),
    ],
)
def test_names_that_were_not_synced(
    steps: str, expected: set[bytes | None]
) -> None:
    disk = SimDisk()
    run(written(disk, b"old"))
    file = run(disk.create("d/tmp"))
    run(file.append(b"new", sync=True))
    for step in steps.split():
        if step == "rename":
            run(disk.rename("d/tmp", "d/f"))
        elif step == "remove":
            run(disk.remove("d/f"))
        else:
            run(disk.sync_folder("d"))
    assert fates(disk) == expected


def test_a_crash_stops_everything() -> None:
    disk = SimDisk(crash_at(4))  # After folder, name, append, sync.
    with pytest.raises(Crashed):
        run(written(disk, b"one", b"two"))
    with pytest.raises(Crashed):
        run(disk.names("d"))
    assert not isinstance(Crashed(), Exception)
    again = disk.restart(None)
    assert run(again.read("d/f")) == b"one"
    run(again.truncate("d/f", 1))
    assert again.files() == {"d/f": b"o"}


def test_a_crash_in_an_append() -> None:
    disk = SimDisk(crash_at(2))
    with pytest.raises(Crashed):
        run(written(disk, b"abcdef"))
    assert disk.restart(None).files() == {"d/f": b"abc"}


def test_a_full_disk_takes_what_fits() -> None:
    disk = SimDisk(capacity=8)
    with pytest.raises(OSError, match="No space"):
        run(written(disk, b"12345", b"67890"))
    assert disk.files() == {"d/f": b"12345678"}


def test_a_flipped_bit() -> None:
    disk = SimDisk()
    run(written(disk, b"\0\0"))
    disk.flip("d/f", 9)
    assert disk.files() == {"d/f": b"\0\2"}
    assert fates(disk) == {b"\0\2"}


def test_a_lock_ends_with_its_holder() -> None:
    disk = SimDisk()
    run(disk.make_folder("d"))
    run(disk.lock("d/LOCK"))
    with pytest.raises(BlockingIOError):
        run(disk.lock("d/LOCK"))
    run(disk.restart(None).lock("d/LOCK")).release()


def test_the_same_dice_the_same_disk() -> None:
    disk = SimDisk()
    run(written(disk, b"safe", b"x" * 3000, b"y" * 3000))
    one, two = (disk.restart(random.Random(4)).files() for _ in range(2))
    assert one == two


def test_a_delay_lets_others_in() -> None:
    happened: list[str] = []

    async def delay(operation: Operation) -> None:
        happened.append(operation.kind)
        await asyncio.sleep(0)

    async def check() -> None:
        disk = SimDisk()
        disk.delay = delay
        await disk.make_folder("d")
        task = asyncio.create_task(disk.names("d"))
        await asyncio.sleep(0)
        happened.append("meanwhile")
        assert await task == []

    asyncio.run(check())
    assert happened == ["make_folder", "names", "meanwhile"]
