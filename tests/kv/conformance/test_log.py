"""What any log must do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from kv.parts import Parts
from kv.seams import Damaged, Identity, Log, NotOurs, Recovered
from kv.sim.disk import Crashed, Operation, SimDisk, crash_at, fail_at
from port import raftpb as pb
from tests.kv.durable import (
    US,
    Course,
    Mark,
    Model,
    Save,
    Step,
    entry,
    hard,
    meta,
    random_script,
    run_of,
)

Run = Callable[..., Any]


async def opened(parts: Parts, disk: SimDisk) -> tuple[Log, Recovered]:
    return await parts.open_log(disk, "data/wal", US)


async def done(parts: Parts, steps: list[Step]) -> tuple[SimDisk, Model]:
    """A disk with a log on which the steps were done, and their model."""
    disk, model = SimDisk(reserves=False), Model()
    log, _ = await opened(parts, disk)
    for step in steps:
        await step.at(log)
        step.on(model)
    await log.close()
    return disk, model


async def check(parts: Parts, steps: list[Step]) -> Recovered:
    """Checks that a log has after a restart what was saved."""
    disk, model = await done(parts, steps)
    _, found = await opened(parts, disk)
    wrong = model.differs(found)
    assert wrong is None, f"closed and opened again: {wrong}"
    return found


def test_a_new_log_holds_nothing(parts: Parts, run: Run) -> None:
    found = run(check(parts, []))
    assert found.hard_state is None or hard(found.hard_state) == (0, 0, 0)


def test_what_was_saved_is_there(parts: Parts, run: Run) -> None:
    found = run(check(parts, [
        Save(pb.HardState(1, 2, 0), run_of(1, 3), True),
        Save(None, run_of(4, 5), True),
        Save(pb.HardState(1, 2, 5), [], True),
        Save(pb.HardState(7, 0, 5), [], True),
    ]))  # fmt: skip
    assert hard(found.hard_state) == (7, 0, 5)
    assert found.entries == run_of(1, 5)


def test_an_entry_comes_back_as_it_was(parts: Parts, run: Run) -> None:
    entries = [
        pb.Entry(term=1, index=1),
        pb.Entry(term=1, index=2, type=pb.EntryNormal, data=b""),
        pb.Entry(term=3, index=3, type=pb.EntryConfChange, data=b"\n\xff"),
        pb.Entry(term=3, index=4, type=pb.EntryConfChangeV2),
        pb.Entry(term=9, index=5, data=bytes(70_000)),
    ]
    found = run(check(parts, [Save(None, entries, True)]))
    assert found.entries == entries, (
        "an absent part (None) is not the same as an empty one: raft counts"
        " the bytes"
    )


def test_later_entries_replace_earlier_ones(parts: Parts, run: Run) -> None:
    found = run(check(parts, [
        Save(None, run_of(1, 9, term=1), True),
        Save(pb.HardState(2, 0, 3), run_of(4, 5, term=2), True),
    ]))  # fmt: skip
    assert [(e.index, e.term) for e in found.entries] == [
        (1, 1), (2, 1), (3, 1), (4, 2), (5, 2),
    ], "entry 4 came anew, so the old 4 and all behind it must go"  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_any_steps(parts: Parts, run: Run, seed: int) -> None:
    run(check(parts, random_script(seed, 40)))


def test_it_goes_on_after_a_restart(parts: Parts, run: Run) -> None:
    async def restarts() -> None:
        disk = SimDisk(reserves=False)
        for n in range(1, 8):
            log, found = await opened(parts, disk)
            assert found.entries == run_of(1, n - 1)
            await log.save(pb.HardState(n, 0, n - 1), run_of(n, n), True)
            await log.close()

    run(restarts())


def test_saves_and_marks_take_turns(parts: Parts, run: Run) -> None:
    """Marks come from elsewhere than saves, at any time."""

    async def slowly(operation: Operation) -> None:
        await asyncio.sleep(0)

    async def together() -> None:
        disk, model = SimDisk(reserves=False), Model()
        disk.delay = slowly
        log, _ = await opened(parts, disk)
        steps: list[Step] = []
        for n in range(1, 100):
            steps.append(Save(pb.HardState(1, 1, n), run_of(n, n), True))
            if n % 10 == 0:
                steps.append(Mark(meta(n - 5, 1)))
        for step in steps:
            step.on(model)
        await asyncio.gather(*(step.at(log) for step in steps))
        await log.close()
        _, found = await opened(parts, disk)
        assert model.differs(found) is None

    run(together())


# Crashes and failures.


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_any_operation(parts: Parts, run: Run, seed: int) -> None:
    """Power cut or kill, in the middle of a write or between two."""
    steps = random_script(seed, 14)

    async def crash(number: int, fate: int) -> bool:
        disk, course = SimDisk(crash_at(number), reserves=False), Course()
        try:
            log, _ = await opened(parts, disk)
            await course.follow(log, steps)
            return False
        except Crashed:
            pass
        disk = disk.restart(random.Random(fate) if fate else None)
        _, found = await opened(parts, disk)
        wrong = course.differs(found)
        assert wrong is None, (
            f"crash before disk operation {number}"
            f" ({'power cut' if fate else 'kill'}), after"
            f" {[type(s).__name__ for s in steps]}: {wrong}"
        )
        return True

    async def crashes() -> None:
        number = 0
        while all([await crash(number, fate) for fate in range(4)]):
            number += 1

    run(crashes())


def test_an_interrupted_save_is_cut_off_and_told(
    parts: Parts, run: Run
) -> None:
    async def torn() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(parts, disk)
        await log.save(pb.HardState(1, 1, 0), run_of(1, 2), True)

        def hook(operation: Operation) -> None:
            if operation.kind == "append":
                raise Crashed  # With half of the data out.

        disk.hook = hook
        with pytest.raises(Crashed):
            await log.save(None, [entry(3, 1, b"data" * 50)], True)
        disk = disk.restart(None)
        log, found = await opened(parts, disk)
        assert found.entries == run_of(1, 2)
        assert found.notes, "a note must say that something was cut off"
        await log.save(None, run_of(3, 4), True)
        await log.close()
        _, found = await opened(parts, disk)
        assert found.entries == run_of(1, 4)
        assert not found.notes

    run(torn())


@pytest.mark.parametrize("kind", ["append", "sync"])
def test_a_failure_is_passed_on_and_final(
    parts: Parts, run: Run, kind: str
) -> None:
    """The system drops what it could not sync: a retry proves nothing."""

    async def fails() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(parts, disk)
        await log.save(pb.HardState(1, 1, 0), run_of(1, 2), True)

        def hook(operation: Operation) -> None:
            if operation.kind == kind:
                raise OSError(5, "Input/output error")

        disk.hook = hook
        with pytest.raises(OSError, match=r"."):
            await log.save(None, run_of(3, 3), True)
        disk.hook = lambda operation: None
        with pytest.raises(OSError, match=r"."):
            await log.save(None, run_of(4, 4), True)

    run(fails())


def test_any_operation_may_fail(parts: Parts, run: Run) -> None:
    steps = random_script(1, 12)

    async def fails(number: int) -> bool:
        disk, course = SimDisk(fail_at(number), reserves=False), Course()
        try:
            log, _ = await opened(parts, disk)
            await course.follow(log, steps)
            return False
        except OSError:
            pass
        _, found = await opened(parts, disk.restart(random.Random(number)))
        wrong = course.differs(found)
        assert wrong is None, f"disk operation {number} failed: {wrong}"
        return True

    async def all_of_them() -> None:
        number = 0
        while await fails(number):
            number += 1

    run(all_of_them())


# Damage.


def test_damage_is_never_taken_for_data(parts: Parts, run: Run) -> None:
    """A bit has flipped in what was saved before the last save."""

    async def flips() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(parts, disk)
        await log.save(pb.HardState(1, 2, 0), run_of(1, 3), True)
        files = disk.files()
        await log.save(pb.HardState(1, 2, 1), run_of(4, 6), True)
        await log.close()
        after = disk.files()
        assert files, "after a save with sync there is no file"
        for path, content in files.items():
            written = len(content.rstrip(b"\0"))
            for bit in range(0, written * 8, 3):
                bad = SimDisk(reserves=False)
                for name, whole in after.items():
                    bad.put(name, whole)
                bad.flip(path, bit)
                try:
                    _, found = await opened(parts, bad)
                except (Damaged, NotOurs):
                    continue
                pytest.fail(
                    f"bit {bit} of {path} was flipped, and the log opened"
                    f" with {found.entries}; it must raise Damaged"
                )

    run(flips())


@pytest.mark.parametrize("other", [Identity(US.cluster, 2), Identity(9, 1)])
def test_the_log_of_another_is_refused(
    parts: Parts, run: Run, other: Identity
) -> None:
    async def stranger() -> None:
        disk, _ = await done(parts, [Save(None, run_of(1, 2), True)])
        with pytest.raises(NotOurs):
            await parts.open_log(disk, "data/wal", other)

    run(stranger())


# Marks.


def test_a_mark_keeps_what_the_snapshot_before_needs(
    parts: Parts, run: Run
) -> None:
    found = run(check(parts, [
        Save(pb.HardState(1, 1, 30), run_of(1, 30), True),
        Mark(meta(10, 1)), Mark(meta(20, 1)),
    ]))  # fmt: skip
    assert (found.entries[0].index or 0) <= 11, (
        "marked were 10 and 20: all after 10 is needed if the snapshot of 20"
        " should be damaged"
    )


def test_the_log_does_not_grow_for_ever(parts: Parts, run: Run) -> None:
    async def grows() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(parts, disk)
        sizes = []
        for n in range(1, 61):
            indexes = range(n * 50 - 49, n * 50 + 1)
            entries = [entry(i, 1, bytes(400)) for i in indexes]
            await log.save(pb.HardState(1, 1, n * 50), entries, True)
            await log.mark(meta(n * 50, 1))
            sizes.append(sum(map(len, disk.files().values())))
        await log.close()
        assert max(sizes[20:]) <= max(sizes[:20]) * 1.5, (
            f"its files have grown from {sizes[10]} to {sizes[-1]} bytes,"
            " though all but the last entries lie behind snapshots"
        )
        _, found = await opened(parts, disk)
        assert found.entries[-1].index == 3000

    run(grows())


@pytest.mark.parametrize(("index", "term"), [(50, 3), (5, 2)])
def test_a_leaders_snapshot_takes_the_logs_place(
    parts: Parts, run: Run, index: int, term: int
) -> None:
    found = run(check(parts, [
        Save(pb.HardState(1, 1, 3), run_of(1, 9), True),
        Mark(meta(index, term)),
        Save(
            pb.HardState(term, 0, index),
            run_of(index + 1, index + 2, term), True,
        ),
    ]))  # fmt: skip
    assert [e.index for e in found.entries] == [index + 1, index + 2]
