"""What 3.4 must do: get shorter, and all that 1.3 did."""

import random

from kv.sim.disk import SimDisk, fail_at, no_fault
from labs.lab1_store.ex3_wal.checks import CHECKS as SAME
from labs.lab1_store.ex3_wal.checks import (
    Mark,
    Model,
    Save,
    Step,
    compare,
    crash,
    done,
    hard_of,
    opened,
    reopened,
    run_of,
    script,
)
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port import raftpb as pb

TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
SENDING = Reading("snapshots.md#sending-one", "Sending a snapshot")


def size_of(disk: SimDisk) -> int:
    return sum(map(len, disk.files().values()))


def big(first: int, last: int) -> list[pb.Entry]:
    return [pb.Entry(1, i, None, bytes(400)) for i in range(first, last + 1)]


@check("the log gets shorter", TAKING)
def shorter(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(t, disk)
        sizes = []
        for n in range(1, 31):
            last = n * 50
            await log.save(pb.HardState(1, 1, last), big(last - 49, last),
                           True)  # fmt: skip
            await Mark(last, 1).at(log)
            sizes.append(size_of(disk))
        await log.close()
        t.called = "save(50 entries), mark(the last of them); 30 times"
        t.holds(
            max(sizes[10:]) <= 1.5 * max(sizes[:10]),
            "entries that lie before the last snapshot but one are needed"
            " by nobody; a log that keeps them fills the disk, and each"
            " restart takes longer",
            f"its files have grown from {sizes[9]} to {sizes[-1]} bytes",
            "about as many bytes as after ten",
        )  # fmt: skip
        _, found = await opened(t, disk)
        t.holds(
            bool(found.entries) and found.entries[-1].index == 1500,
            "what was saved last is needed",
            f"{len(found.entries)} entries", "entries up to 1500",
        )  # fmt: skip

    t.run(work())


@check("what the snapshot before needs is kept", TAKING)
def tail(t: Trial) -> None:
    async def work() -> None:
        await reopened(t, [
            Save(pb.HardState(1, 1, 30), run_of(1, 30)),
            Mark(10, 1), Mark(20, 1),
        ], "marked were 10 and 20. If the snapshot of 20 turns out to be"
           " damaged, the node starts from the one of 10, and needs all"
           " behind it")  # fmt: skip

    t.run(work())


@check("vote, term and identity outlive it", TAKING)
def hard_state(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(t, disk)
        await log.save(pb.HardState(7, 3, 1), run_of(1, 30, 7), True)
        await log.save(pb.HardState(7, 3, 30), [], False)
        for index in (10, 20, 30):
            await Mark(index, 7).at(log)
        t.called = "save(term 7, vote 3), three marks, a power cut, open_log"
        _, found = await opened(t, disk.restart(random.Random(1)))
        t.holds(
            hard_of(found.hard_state)[:2] == (7, 3),
            "the record with the vote lay before the snapshot. Dropping it"
            " lets the node vote twice",
            f"term and vote are {hard_of(found.hard_state)[:2]}", "(7, 3)",
        )  # fmt: skip

    t.run(work())


@check("it goes on behind a mark", TAKING)
def goes_on(t: Trial) -> None:
    async def work() -> None:
        steps: list[Step] = []
        for n in range(1, 8):
            steps += [
                Save(pb.HardState(1, 1, n * 5), run_of(n * 5 - 4, n * 5)),
                Mark(n * 5 - 2, 1),
                Save(None, []),
            ]
        disk, model = await done(t, steps)
        for _ in range(3):
            log, found = await opened(t, disk)
            compare(t, model, found, "seven saves and marks, open_log",
                    "what is saved after a mark is saved, too")  # fmt: skip
            last = max(model.entries)
            step = Save(None, run_of(last + 1, last + 1))
            await step.at(log)
            model.take(step)
            await log.close()

    t.run(work())


@check("a crash in a mark leaves the old log or the new", TAKING)
def crashes(t: Trial) -> None:
    async def work() -> None:
        steps: list[Step] = [
            Save(pb.HardState(2, 3, 0), run_of(1, 6, 2)), Mark(2, 2),
            Mark(5, 2), Save(pb.HardState(3, 1, 6), run_of(7, 8, 3)),
            Mark(9, 4),
        ]  # fmt: skip
        number = 0
        while all([await crash(t, steps, number, f) for f in range(8)]):
            number += 1

    t.run(work())


@check("a mark that failed is final, too", TAKING)
def final(t: Trial) -> None:
    async def work(number: int) -> bool:
        disk = SimDisk(reserves=False)
        log, _ = await opened(t, disk)
        await log.save(pb.HardState(1, 1, 9), run_of(1, 9), True)
        await Mark(3, 1).at(log)
        disk.hook = fail_at(disk.operations + number)
        try:
            await Mark(6, 1).at(log)
            return False
        except OSError:
            pass
        disk.hook = no_fault
        t.called = f"mark(6), where disk operation {number} failed; save"
        await t.araises(
            OSError, lambda: log.save(None, run_of(10, 10), True),
            "nobody knows which of the two files is the log now: what is"
            " saved may go into the one that is gone after a restart",
        )  # fmt: skip
        return True

    async def all_of_them() -> None:
        number = 0
        while await work(number):
            number += 1

    t.run(all_of_them())


@check("whatever is saved and marked", SENDING)
def anything(t: Trial) -> None:
    async def work() -> None:
        for seed in range(10):
            await reopened(t, script(seed, 30), "any steps that raft takes")

    t.run(work())


@check("after a leader's snapshot little is left", SENDING)
def leaders(t: Trial) -> None:
    async def work() -> None:
        disk, model = SimDisk(reserves=False), Model()
        log, _ = await opened(t, disk)
        steps: list[Step] = [
            Save(pb.HardState(1, 1, 3), big(1, 200)), Mark(5000, 3),
            Save(pb.HardState(3, 0, 5000), run_of(5001, 5002, 3)),
            Mark(5001, 3), Mark(5002, 3),
        ]  # fmt: skip
        for step in steps:
            await step.at(log)
            model.take(step)
        await log.close()
        t.called = "200 entries, a leader's snapshot of 5000, two more marks"
        t.holds(size_of(disk) < 10_000, "the entries that it replaced are"
                " gone for good", f"{size_of(disk)} bytes", "a few hundred"
                )  # fmt: skip
        _, found = await opened(t, disk)
        compare(t, model, found, t.called, "it was saved")

    t.run(work())


CHECKS = [
    shorter, tail, hard_state, goes_on, crashes, final, anything, leaders,
    *SAME,
]  # fmt: skip
