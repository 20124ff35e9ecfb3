"""Power cuts for real processes, which lose what was not synced; slow disks."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from kv import wal as w
from kv.chaos.power import BESIDE, HeldDisk, settle, slow_down, slow_file
from kv.seams import Damaged, Identity
from kv.unsafe import MISTAKES
from kv.world import RealDisk
from port import raftpb as pb

WHO = Identity(1, 1)
REPO = Path(__file__).parents[2]


def dice(seed: int = 0) -> random.Random:
    return random.Random(seed)


async def write(folder: Path, *words: bytes, sync: bool = False) -> str:
    """Write words into a file, the first synced, and let go of it."""
    path = str(folder / "file")
    file = await HeldDisk().create(path, 4096)
    await file.append(words[0], sync=True)
    for word in words[1:]:
        await file.append(word)
    if sync:
        await file.sync()
    await file.close()
    return path


def test_a_node_reads_back_what_it_has_written(tmp_path: Path) -> None:
    async def go() -> None:
        path = await write(tmp_path, b"safe ", b"and ", b"not")
        disk = HeldDisk()
        assert (await disk.read(path)).rstrip(b"\0") == b"safe and not"
        assert await disk.read(path, 5, 3) == b"and"
        assert await disk.names(str(tmp_path)) == ["file"]
        await disk.rename(path, path + "2")
        assert await disk.read(path + "2", 5, 3) == b"and"
        assert await disk.size(path + "2") == 4096
        file = await disk.open(path + "2", 12)
        await file.append(b"!", sync=True)
        await file.close()
        assert (tmp_path / "file2").read_bytes()[:13] == b"safe and not!"

    asyncio.run(go())


def test_without_a_power_cut_all_is_there(tmp_path: Path) -> None:
    path = Path(asyncio.run(write(tmp_path, b"safe ", b"and ", b"not")))
    assert path.read_bytes()[:8] == b"safe " + bytes(3)
    assert "of 7 bytes not synced 0 are lost" in settle(tmp_path, None)
    assert path.read_bytes()[:12] == b"safe and not"
    assert settle(tmp_path, dice()) == "all was synced"


def test_a_power_cut_takes_what_was_not_synced(tmp_path: Path) -> None:
    found = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = Path(asyncio.run(write(folder, b"safe ", b"and ", b"not")))
        settle(folder, dice(seed))
        found.add(path.read_bytes().rstrip(b"\0"))
        assert not any((folder / BESIDE).iterdir())
    assert all(content.startswith(b"safe") for content in found)
    # Nothing, all, and something between.
    assert {b"safe ", b"safe and not"} < found


def test_what_was_synced_stays(tmp_path: Path) -> None:
    path = Path(
        asyncio.run(write(tmp_path, b"safe ", b"and ", b"sound", sync=True))
    )
    assert settle(tmp_path, dice()) == "all was synced"
    assert path.read_bytes()[:14] == b"safe and sound"


def test_a_file_that_begins_anew_owes_nothing_to_the_old(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        path = await write(tmp_path, b"old ", b"and late")
        disk = HeldDisk()
        file = await disk.create(path)
        await file.append(b"new", sync=True)
        await file.close()
        await disk.remove(path)
        await write(tmp_path, b"newer")

    asyncio.run(go())
    settle(tmp_path, None)
    assert (tmp_path / "file").read_bytes().rstrip(b"\0") == b"newer"


async def log(folder: Path, count: int) -> None:
    """Write a log of so many saves, and leave it as a crash would."""
    wal, found = await w.open_log(HeldDisk(), str(folder), WHO, 4096)
    first = len(found.entries) + 1
    for index in range(first, first + count):
        entry = pb.Entry(2, index, None, b"%d" % index * 30)
        await wal.save(pb.HardState(2, 1, index - 1), [entry], True)


async def length(folder: Path) -> int:
    wal, found = await w.open_log(RealDisk(), str(folder), WHO, 4096)
    await wal.close()
    return len(found.entries)


def test_the_log_outlives_power_cuts(tmp_path: Path) -> None:
    for turn in range(1, 6):
        asyncio.run(log(tmp_path, 20))
        settle(tmp_path, dice(turn))
        assert asyncio.run(length(tmp_path)) == 20 * turn


def test_a_log_that_is_never_synced_does_not(tmp_path: Path) -> None:
    lost = 0
    for seed in range(8):
        folder = tmp_path / str(seed)
        with MISTAKES["no-fsync"].planted():
            asyncio.run(log(folder, 5))
        settle(folder, dice(seed))
        try:
            lost += asyncio.run(length(folder)) < 5
        except Damaged:  # Some of it is there, behind what is not.
            lost += 1
    assert lost > 2


def test_a_slow_sync_takes_its_time_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    """Whoever writes elsewhere goes on; told otherwise, so does it."""
    folder = tmp_path / "1"
    folder.mkdir()

    async def go() -> None:
        disk = HeldDisk(slow_file(folder))
        file = await disk.create(str(folder / "file"))
        slow_down(folder, 600.0)
        begin = time.monotonic()
        syncing = asyncio.create_task(file.append(b"a", sync=True))
        for _ in range(3):
            await asyncio.sleep(0.01)
            other = await HeldDisk().create(str(tmp_path / "other"))
            await other.append(b"b", sync=True)
            await other.close()
        assert not syncing.done()
        # It is not there yet for whoever loses power now.
        assert (folder / "file").read_bytes() == b""
        slow_down(folder, 0.3)
        await syncing
        assert time.monotonic() - begin >= 0.3
        assert (folder / "file").read_bytes() == b"a"
        slow_down(folder, 600.0)
        await file.append(b"c")  # No sync.
        syncing = asyncio.create_task(file.sync())
        await asyncio.sleep(0.01)
        slow_down(folder, 0.0)
        await syncing
        await file.append(b"d", sync=True)
        await file.close()

    asyncio.run(go())
    assert (folder / "file").read_bytes() == b"acd"
    assert not slow_file(folder).exists()


def test_a_process_that_is_killed_leaves_it_to_the_dice(
    tmp_path: Path,
) -> None:
    """`kv.chaos.planted --power` is what writes so."""
    code = (
        "import asyncio, time\n"
        "from kv.chaos.power import cut_off\n"
        "from kv import serve\n"
        "async def go():\n"
        "    disk = serve.real_world().disk\n"
        f"    file = await disk.create({str(tmp_path / 'file')!r})\n"
        "    await file.append(b'safe', sync=True)\n"
        "    await file.append(b' and not')\n"
        "    print('written', flush=True)\n"
        "    time.sleep(60)\n"
        "with cut_off():\n"
        "    asyncio.run(go())\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"written\n"
    running.kill()
    running.wait()
    assert (tmp_path / "file").read_bytes() == b"safe"
    assert "8 bytes not synced" in settle(tmp_path, dice())
