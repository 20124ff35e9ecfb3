"""What 3.3 must do."""

from kv.sim.disk import Operation, SimDisk
from labs.lab3_snapshots.ex2_atomic.checks import (
    FOLDER,
    newest,
    saved,
)
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")


def copy_of(disk: SimDisk) -> SimDisk:
    twin = SimDisk(reserves=False)
    for name, content in disk.files().items():
        twin.put(name, content)
    return twin


async def two(t: Trial) -> tuple[SimDisk, str, str]:
    """A disk with snapshots of 10 and 20, and the names of their files."""
    disk = SimDisk(reserves=False)
    await saved(t, disk, 10)
    first = set(disk.files())
    await saved(t, disk, 20)
    (second,) = set(disk.files()) - first
    (one,) = first
    return disk, one, second


@check("the newest up to a limit", TAKING)
def limit(t: Trial) -> None:
    async def work() -> None:
        disk, _, _ = await two(t)
        for upto, index in ((1000, 20), (20, 20), (19, 10), (10, 10), (9, 0)):
            t.called = f"save(10), save(20), newest({upto})"
            t.same(
                await newest(t, disk, upto), index,
                "one beyond what the log has marked was never finished",
            )  # fmt: skip

    t.run(work())


@check("a damaged one gives way to the one before", TAKING)
def damaged(t: Trial) -> None:
    async def work() -> None:
        disk, _, path = await two(t)
        size = len(disk.files()[path])
        for bit in range(0, size * 8, 7):
            bad = copy_of(disk)
            bad.flip(path, bit)
            t.called = f"newest; bit {bit} of the newest file has flipped"
            await fallen_back(t, bad)
        for end in range(0, size, 3):
            bad = copy_of(disk)
            bad.put(path, disk.files()[path][:end])
            t.called = f"newest; the newest file ends at byte {end}"
            await fallen_back(t, bad)

    t.run(work())


async def fallen_back(t: Trial, disk: SimDisk) -> None:
    called = t.called
    try:
        came = await newest(t, disk)
    except (ValueError, LookupError, TypeError) as error:
        t.called = called
        t.wrong("the node could start from the one before: the log has all"
                " that came after it",
                f"{type(error).__name__}: {error}", "the snapshot of 10"
                )  # fmt: skip
    t.called = called
    t.same(came, 10, "the newest that is undamaged")


@check("if all are damaged, there is none", TAKING)
def all_damaged(t: Trial) -> None:
    async def work() -> None:
        disk, one, other = await two(t)
        for path in (one, other):
            disk.flip(path, 40)
        t.called = "newest; a bit of each file has flipped"
        t.same(await newest(t, disk), 0,
               "None: the server looks whether the log alone is enough")

    t.run(work())  # fmt: skip


@check("what is no snapshot is passed over", TAKING)
def strangers(t: Trial) -> None:
    async def work() -> None:
        disk, _, _ = await two(t)
        for name in ("next.tmp", "README", "notes.snap", ".snap", "99.tmp"):
            disk.put(f"{FOLDER}/{name}", b"something else")
        disk.put(f"{FOLDER}/empty.tmp", b"")
        t.called = "newest, with other files in the folder"
        t.same(await newest(t, disk), 20,
               "a crash leaves files behind, and so do people")

    t.run(work())  # fmt: skip


@check("newest changes nothing", TAKING)
def looks_only(t: Trial) -> None:
    async def work() -> None:
        disk, _, path = await two(t)
        disk.flip(path, 80)
        before = disk.files()
        await newest(t, disk)
        await newest(t, disk, 5)
        t.called = "newest, twice; the newest file is damaged"
        t.holds(
            disk.files() == before,
            "a person may want to see what has happened to the file; and a"
            " limit may be another one tomorrow",
            "files were changed or removed", "they stay as they are",
        )  # fmt: skip

    t.run(work())


@check("a disk that fails is not a damaged file", TAKING)
def failing(t: Trial) -> None:
    async def work(kind: str) -> None:
        disk, _, _ = await two(t)

        def hook(operation: Operation) -> None:
            if operation.kind == kind:
                raise OSError(5, "Input/output error", operation.path)

        disk.hook = hook
        t.called = f"newest; the disk's {kind} fails"
        await t.araises(
            OSError, lambda: newest(t, disk),
            "the newest may be sound: who goes back to an older one has lost"
            " what lies between. The node has to stop, and a person to look",
        )  # fmt: skip

    t.run(work("read"))


@check("saving goes on as before", TAKING)
def goes_on(t: Trial) -> None:
    async def work() -> None:
        disk, _, path = await two(t)
        disk.flip(path, 40)
        await saved(t, disk, 30)
        t.same(await newest(t, disk), 30, "the newest is undamaged")

    t.run(work())


CHECKS = [
    limit, damaged, all_damaged, strangers, looks_only, failing, goes_on,
]  # fmt: skip
