"""The write-ahead log: crashes, tears, flipped bits, strangers, growth."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kv.seams import Damaged, Identity, NotOurs, Recovered
from kv.sim.disk import (
    Crashed,
    Operation,
    SimDisk,
    crash_at,
    fail_at,
)
from kv.wal import SEGMENT, Wal, open_log
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
    run,
    run_of,
    script,
    snapshot_of,
)

SMALL = 700  # bytes of a segment: several in a short script
FIRST = "wal/0000000001.wal"


def opened(disk: SimDisk, segment: int = SMALL) -> tuple[Wal, Recovered]:
    return run(open_log(disk, "wal", US, segment))


def filled(steps: list[Step], segment: int = SMALL) -> tuple[SimDisk, Model]:
    """A disk with a log on which the steps were done, and their model."""
    disk, model = SimDisk(), Model()
    log, _ = opened(disk, segment)
    for step in steps:
        run(step.at(log))
        step.on(model)
    run(log.close())
    return disk, model


@pytest.mark.parametrize("seed", range(20))
def test_what_was_saved_is_there(seed: int) -> None:
    disk, model = filled(random_script(seed, 40))
    log, found = opened(disk)
    assert model.differs(found) is None
    assert hard(found.hard_state) == model.hard  # close has written it
    assert not found.notes
    # And one can go on from there.
    new = [entry(model.last + 1, 99)]
    run(log.save(None, new, True))
    model.save(None, new, True)
    run(log.close())
    assert model.differs(opened(disk)[1]) is None


def test_what_an_entry_lacks_it_lacks_afterwards() -> None:
    entries = [
        pb.Entry(1, 1, None, None),
        pb.Entry(1, 2, pb.EntryNormal, b""),
        pb.Entry(1, 3, pb.EntryConfChangeV2, b"\0" * 3000),
    ]
    disk, _ = filled([Save(None, entries, True)])
    assert opened(disk)[1].entries == entries


def test_one_save_is_one_sync() -> None:
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    kinds: list[str] = []
    disk.hook = lambda operation: kinds.append(operation.kind)
    run(log.save(pb.HardState(1, 1, 0), run_of(1, 50), True))
    assert kinds == ["append", "sync"]


def test_a_commit_index_alone_waits_for_the_next_save() -> None:
    disk = SimDisk()
    log, _ = opened(disk)
    run(log.save(pb.HardState(1, 1, 0), run_of(1, 2), True))
    before = disk.operations
    run(log.save(pb.HardState(1, 1, 2), [], False))
    assert disk.operations == before
    run(log.save(None, run_of(3, 3), True))
    _, found = opened(disk.restart(random.Random(1)))
    assert hard(found.hard_state) == (1, 1, 2)


def test_entries_that_leave_a_gap_are_refused() -> None:
    log, _ = opened(SimDisk())
    with pytest.raises(ValueError, match="does not follow"):
        run(log.save(None, [entry(2, 1)], True))


# Crashes.


def crash(
    steps: list[Step], number: int, dice: random.Random | None
) -> tuple[bool, str | None]:
    """Runs a script up to a crash, and on from what is left.

    Returns:
        Whether it came to the crash at all, and what was wrong.
    """
    disk, course = SimDisk(crash_at(number)), Course()
    try:
        log, _ = opened(disk)
        run(course.follow(log, steps))
        return False, None
    except Crashed:
        pass
    disk = disk.restart(dice)
    log, found = opened(disk)
    if wrong := course.differs(found):
        return True, wrong
    # It must be as good as new: all it says now it must say again.
    last = found.entries[-1].index or 0 if found.entries else None
    if last is None:
        last = found.snapshot.index or 0
    run(log.save(None, [entry(last + 1, 99)], True))
    _, again = opened(disk.restart(dice))
    if again.entries[:-1] != found.entries or again.notes:
        return True, f"changed by a restart: {again.notes}"
    return True, None


@pytest.mark.parametrize("seed", range(8))
def test_a_crash_at_any_operation(seed: int) -> None:
    """Power cut or kill: what returned is there, the rest whole or not."""
    steps = random_script(seed, 25)
    number, crashed = 0, True
    while crashed:
        for fate in range(4):
            dice = random.Random(fate) if fate else None
            crashed, wrong = crash(steps, number, dice)
            assert wrong is None, f"operation {number}, fate {fate}: {wrong}"
        number += 1
    assert number > 40


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_script_any_crash(data: st.DataObject) -> None:
    """The same with scripts, moments and fates that shrink."""

    def choose(n: int) -> int:
        return data.draw(st.integers(0, n - 1))

    steps = script(choose, 8, largest=1200)
    number = data.draw(st.integers(0, 60))
    _, wrong = crash(steps, number, random.Random(choose(1 << 16)))
    assert wrong is None


@pytest.mark.parametrize("reserved", [0, 5000])
@pytest.mark.parametrize("last", [1, 90, 1500])
def test_any_truncation_recovers_a_synced_prefix(
    reserved: int, last: int
) -> None:
    """The file ends anywhere in the last save, or zeros follow there."""
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    run(log.save(pb.HardState(1, 1, 0), run_of(1, 3), True))
    start = log._end
    run(log.save(None, [entry(4, 1, b"\xa7" * last)], True))
    content = disk.files()[FIRST]
    for end in range(start, log._end, 1 + last // 200):
        torn = SimDisk(reserves=False)
        torn.put(FIRST, content[:end] + bytes(reserved))
        _, found = opened(torn, SEGMENT)
        assert found.entries == run_of(1, 3)
        # Nothing to cut where nothing of it is there.
        notes = [n for n in found.notes if f"at byte {start}," in n]
        assert len(notes) == len(found.notes) == (end > start)


@pytest.mark.parametrize("data", [b"\xa7" * 3000, bytes(1500) + b"\1" * 1500])
def test_sectors_of_the_last_save_that_never_arrived(data: bytes) -> None:
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    run(log.save(None, run_of(1, 40), True))
    start = log._end
    run(log.save(None, [entry(41, 1, data)], True))
    content = disk.files()[FIRST][: log._end]
    first = start - start % 512
    sectors = range(first, len(content), 512)
    for lost in range(1, 1 << len(sectors)):
        damaged = bytearray(content)
        for bit, at in enumerate(sectors):
            if lost >> bit & 1:
                low, high = max(at, start), min(at + 512, len(content))
                damaged[low:high] = bytes(high - low)
        torn = SimDisk()
        torn.put(FIRST, bytes(damaged))
        assert opened(torn)[1].entries == run_of(1, 40)


def test_a_payload_that_no_mask_becomes() -> None:
    """It cannot be told from a lost sector: better not to start."""
    everything = b"".join(bytes([b]) * 1200 for b in range(256))
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    run(log.save(None, [entry(1, 1, everything)], True))
    content = disk.files()[FIRST][: log._end]
    assert outcome(content) == ([entry(1, 1, everything)], (0, 0, 0))
    lost = bytearray(content)
    lost[2048:2560] = bytes(512)
    assert outcome(bytes(lost)) == "damaged"


@pytest.mark.parametrize("part", ["head", "payload"])
def test_a_sector_of_an_earlier_save_is_damage(part: str) -> None:
    """It was synced before the save behind it began."""
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    run(log.save(None, [entry(1, 1, b"\xa7" * 300)], True))
    start = log._end
    run(log.save(None, [entry(2, 1, b"\xa7" * 3000)], True))
    end = log._end
    run(log.save(None, [entry(3, 1, b"\xa7" * 3000)], True))
    content = bytearray(disk.files()[FIRST][: log._end])
    if part == "head":
        content[start : start - start % 512 + 512] = bytes(
            512 - start % 512
        )
    else:
        content[1024:1536] = bytes(512)
    assert start < 512 < 1536 < end
    assert outcome(bytes(content)) == "damaged"


# Damage.


def outcome(content: bytes) -> tuple[list[pb.Entry], object] | str:
    disk = SimDisk(reserves=False)
    disk.put(FIRST, content)
    try:
        _, found = opened(disk, SEGMENT)
    except Damaged as error:
        named = error.path == FIRST and 0 <= error.offset < len(content)
        return "damaged" if named else str(error)
    return found.entries, hard(found.hard_state)


@pytest.mark.parametrize("zeros", [False, True])
def test_any_flipped_bit_is_found(zeros: bool) -> None:
    """In the last save, too, which must not pass for an interrupted one."""
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    data = bytes(1100) if zeros else b"some data"
    run(log.save(pb.HardState(1, 2, 3), run_of(1, 2), True))
    run(log.save(None, [entry(3, 1, data)], True))
    end = log._end
    content = disk.files()[FIRST][: end + 40]
    whole = outcome(content)
    assert whole != "damaged"
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        came = outcome(bytes(flipped))
        if bit < end * 8:
            assert came == "damaged", f"bit {bit} of {end * 8}"
        else:  # Nothing was written there yet.
            assert came in ("damaged", whole)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 30), at=st.floats(0, 1), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_segment(seed: int, at: float, bit: int) -> None:
    disk, _ = filled(random_script(seed, 30, largest=700))
    files = disk.files()
    path = sorted(files)[int(at * 997) % len(files)]
    written = len(files[path].rstrip(b"\0"))
    disk.flip(path, min(int(at * written), written - 1) * 8 + bit)
    with pytest.raises(Damaged, match="remove this node") as caught:
        opened(disk)
    assert caught.value.path == path


@pytest.mark.parametrize("end", [0.0, 0.5, 0.9, 1.0])
def test_an_old_segment_must_not_be_shorter(end: float) -> None:
    """Only the newest can be torn: the others were synced as they ended."""
    disk, _ = filled([Save(None, run_of(n, n), True) for n in range(1, 60)])
    content = disk.files()[FIRST]
    disk.put(FIRST, content[: int(len(content) * end)])
    if end == 1.0:
        opened(disk)
        return
    with pytest.raises(Damaged) as caught:
        opened(disk)
    assert "0000000001" in str(caught.value) or "ended at" in str(caught.value)


def test_an_old_segment_must_not_lose_its_last_records() -> None:
    disk, _ = filled([Save(None, run_of(n, n), True) for n in range(1, 60)])
    content = disk.files()[FIRST]
    at = content.rindex(b"\x5a\xa7") + 1  # Where the last record begins.
    disk.put(FIRST, content[:at])
    with pytest.raises(Damaged, match="the segment before ended"):
        opened(disk)


def test_a_record_is_only_good_where_it_was_written() -> None:
    """A block that a disk wrote to the wrong place has a fine CRC."""
    disk = SimDisk()
    log, _ = opened(disk, SEGMENT)
    at = [log._end]
    for n in range(1, 4):
        run(log.save(None, [entry(n, 1, b"same size")], True))
        at.append(log._end)
    content = disk.files()[FIRST]
    moved = bytearray(content)
    moved[at[0] : at[1]] = content[at[1] : at[2]]
    assert outcome(bytes(moved)) == "damaged"


def test_a_missing_segment() -> None:
    disk, _ = filled([Save(None, run_of(n, n), True) for n in range(1, 99)])
    assert len(disk.files()) > 4
    run(disk.remove("wal/0000000003.wal"))
    with pytest.raises(Damaged, match=r"0000000003\.wal.*is missing"):
        opened(disk)


# Whose it is.


@pytest.mark.parametrize("other", [Identity(0xC0FFEE, 2), Identity(7, 1)])
def test_the_log_of_another_is_refused(other: Identity) -> None:
    disk, _ = filled([Save(None, run_of(1, 1), True)])
    with pytest.raises(NotOurs, match="belongs to node 1 of cluster 0xc0ffee"):
        run(open_log(disk, "wal", other))


def test_a_newer_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("kv.wal.VERSION", 2)
        disk, _ = filled([Save(None, run_of(1, 1), True)])
    with pytest.raises(NotOurs, match="format 2"):
        opened(disk)


# Failures.


@pytest.mark.parametrize("kind", ["append", "sync"])
def test_after_a_failure_nothing_more_is_saved(kind: str) -> None:
    """A second sync would report success for what the system has dropped."""
    disk = SimDisk()
    log, _ = opened(disk)
    run(log.save(None, run_of(1, 2), True))

    def hook(operation: Operation) -> None:
        if operation.kind == kind:
            raise OSError(5, "broken")

    disk.hook = hook
    with pytest.raises(OSError, match="broken"):
        run(log.save(None, run_of(3, 4), True))
    disk.hook = lambda operation: None
    with pytest.raises(OSError, match="failed before"):
        run(log.save(None, run_of(5, 6), True))
    with pytest.raises(OSError, match="failed before"):
        run(log.mark(meta(1, 1)))
    run(log.close())
    _, found = opened(disk.restart(random.Random(3)))
    assert found.entries[:2] == run_of(1, 2)
    assert len(found.entries) in (2, 4)


def test_any_operation_may_fail() -> None:
    """It is passed on, and all that returned before is there."""
    steps = random_script(3, 25)
    for number in range(200):
        disk, course = SimDisk(fail_at(number)), Course()
        try:
            log, _ = opened(disk)
            run(course.follow(log, steps))
            break
        except OSError:
            pass
        _, found = opened(disk.restart(random.Random(number)))
        assert course.differs(found) is None
    else:
        pytest.fail("the script never ran to its end")


def test_a_full_disk() -> None:
    disk = SimDisk(capacity=3000, reserves=False)
    log, _ = opened(disk, SEGMENT)
    saved = 0
    said = ""
    while not said:
        try:
            run(log.save(None, run_of(saved + 1, saved + 1), True))
            saved += 1
        except OSError as error:
            said = str(error)
    assert "No space" in said
    assert saved > 20
    _, found = opened(disk.restart(None))
    assert found.entries == run_of(1, saved)


# Growth.


def test_the_log_stays_bounded() -> None:
    disk = SimDisk()
    log, _ = opened(disk, 4000)
    sizes = []
    for n in range(1, 3000):
        run(log.save(pb.HardState(1, 1, n - 1), run_of(n, n), True))
        if n % 100 == 0:
            run(log.mark(meta(n, 1)))
            sizes.append(sum(map(len, disk.files().values())))
    assert max(sizes) <= 4000 * 6
    _, found = opened(disk, 4000)
    assert found.entries[-1].index == 2999
    # All since the mark before the last, and not much more.
    assert 2600 <= (found.entries[0].index or 0) <= 2801


def test_a_leaders_snapshot_takes_the_logs_place() -> None:
    disk, model = filled([
        Save(pb.HardState(1, 1, 5), run_of(1, 9), True),
        Mark(meta(50, 3)),
        Save(pb.HardState(3, 0, 50), run_of(51, 52, 3), True),
    ])  # fmt: skip
    _, found = opened(disk)
    assert model.differs(found) is None
    assert [e.index for e in found.entries] == [51, 52]
    assert FIRST not in disk.files()


def test_a_leaders_snapshot_over_another_terms_entries() -> None:
    """The log reaches beyond it, but holds other entries there."""
    disk, model = filled([
        Save(pb.HardState(1, 1, 0), run_of(1, 9), True),
        Mark(meta(5, 2)),
        Save(pb.HardState(2, 0, 5), run_of(6, 6, 2), True),
    ])  # fmt: skip
    _, found = opened(disk)
    assert model.differs(found) is None
    assert found.entries == run_of(6, 6, 2)


def test_a_mark_that_comes_late_changes_nothing() -> None:
    disk, model = filled([
        Save(None, run_of(1, 9), True),
        Mark(meta(5, 1)), Mark(meta(3, 1)), Mark(meta(5, 1)),
    ])  # fmt: skip
    assert model.differs(opened(disk)[1]) is None


def test_what_a_crash_left_half_made_is_removed() -> None:
    disk, _ = filled([Save(None, run_of(1, 1), True)])
    disk.put("wal/next.tmp", b"half a segment")
    disk.put("wal/README", b"not ours")
    assert opened(disk)[1].entries == run_of(1, 1)
    assert "wal/next.tmp" not in disk.files()
    assert disk.files()["wal/README"] == b"not ours"


@pytest.mark.parametrize("seed", range(6))
def test_crash_after_crash(seed: int) -> None:
    """Also while the log is being opened after the last one."""
    dice = random.Random(seed)
    steps = random_script(seed + 100, 60, largest=900)
    disk, model = SimDisk(reserves=dice.random() < 0.5), Model()
    log, done, crashes = None, 0, 0
    while done < len(steps):
        disk.hook = crash_at(disk.operations + dice.randrange(40))
        maybe = model
        try:
            if log is None:
                log, found = opened(disk)
                assert model.differs(found) is None
            while done < len(steps):
                maybe = snapshot_of(model)
                steps[done].on(maybe)
                run(steps[done].at(log))
                model, done = maybe, done + 1
        except Crashed:
            crashes += 1
            log = None
            disk = disk.restart(dice if dice.random() < 0.8 else None)
            # Look at a copy, so that the real opening may crash as well.
            _, found = opened(disk.restart(None))
            disk = disk.restart(None)
            wrong = model.differs(found)
            if wrong is not None:  # Then the step under way was taken whole.
                assert maybe.differs(found) is None, wrong
                model, done = maybe, done + 1
            else:
                model.hard = max(model.sure, hard(found.hard_state))
    assert crashes > 5


def test_a_save_that_was_cancelled_was_the_last() -> None:
    """What is on the disk now, nobody knows."""

    async def delay(operation: Operation) -> None:
        await asyncio.sleep(0)

    async def check() -> None:
        disk = SimDisk()
        log, _ = await open_log(disk, "wal", US)
        disk.delay = delay
        task = asyncio.create_task(log.save(None, run_of(1, 1), True))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(OSError, match="failed before"):
            await log.save(None, run_of(1, 1), True)

    asyncio.run(check())


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_what_was_read_is_safe(how: str) -> None:
    """A save that was never synced, but is found, must outlive the power.

    The node acts on what it finds when it starts: it says that it has these
    entries. So opening the log has to make them as safe as they look.
    """
    for seed in range(20):
        disk = SimDisk()
        log, _ = run(open_log(disk, "wal", US))
        run(log.save(pb.HardState(1, 1, 0), run_of(1, 2), True))
        at = disk.operations + 1  # Its sync.
        disk.hook = crash_at(at) if how == "killed" else fail_at(at)
        with pytest.raises((Crashed, OSError)):
            run(log.save(None, run_of(3, 4), True))
        disk = disk.restart(None)
        log, found = run(open_log(disk, "wal", US))
        seen = [e.index for e in found.entries]
        disk = disk.restart(random.Random(seed))
        _, found = run(open_log(disk, "wal", US))
        assert [e.index for e in found.entries] == seen == [1, 2, 3, 4]
