"""Damage that is done to a log, and what the log makes of it."""

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from kv.chaos.damage import POISON, flip, tear
from kv.seams import Damaged, Identity
from kv.wal import open_log
from kv.world import RealDisk
from port import raftpb as pb

WHO = Identity(1, 1)


async def write(folder: Path) -> None:
    """Write a log of three segments."""
    log, _ = await open_log(RealDisk(), str(folder / "wal"), WHO, 4096)
    for index in range(1, 101):
        entry = pb.Entry(2, index, None, b"%d" % index * 30)
        await log.save(pb.HardState(2, 1, index - 1), [entry], True)
    await log.close()


async def read(folder: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many entries there are, and what is said of them."""
    log, found = await open_log(RealDisk(), str(folder / "wal"), WHO, 4096)
    await log.close()
    for entry in found.entries:
        assert POISON not in (entry.data or b"")
    return len(found.entries), found.notes


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    asyncio.run(write(folder))
    assert len(list((folder / "wal").iterdir())) > 2
    return folder


def test_a_torn_end_is_cut_off_and_nothing_else(
    written: Path, tmp_path: Path
) -> None:
    ways = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        shutil.copytree(written, folder)
        what = tear(folder, random.Random(seed))
        assert what is not None
        ways.add("sector" in what)
        count, notes = asyncio.run(read(folder))
        assert count == 100
        assert len(notes) == 1
        assert "cut off" in notes[0]
    assert ways == {True, False}


def test_what_is_torn_would_have_come_next(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Had it been written whole, it would be an entry like any other."""
    folder = tmp_path / "whole"
    shutil.copytree(written, folder)
    rng = random.Random(1)
    monkeypatch.setattr(rng, "random", lambda: 1.0)
    monkeypatch.setattr(rng, "randrange", lambda low, high: high)
    assert tear(folder, rng) is not None

    async def go() -> None:
        log, found = await open_log(RealDisk(), str(folder / "wal"), WHO)
        await log.close()
        last = found.entries[-1]
        assert (last.index, last.term) == (101, 2)
        assert POISON in (last.data or b"")

    asyncio.run(go())


def test_a_turned_bit_is_found(written: Path, tmp_path: Path) -> None:
    files = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        shutil.copytree(written, folder)
        what = flip(folder, seed / 39, random.Random(seed))
        assert what is not None
        files.add(what.split()[-3])
        with pytest.raises(Damaged):
            asyncio.run(read(folder))
    assert len(files) > 2


def test_another_ones_log_is_left_alone(tmp_path: Path) -> None:
    rng = random.Random(1)
    assert tear(tmp_path, rng) is None
    (tmp_path / "wal").mkdir()
    theirs = tmp_path / "wal" / "mine.wal"
    theirs.write_bytes(b"of another form")
    assert tear(tmp_path, rng) is None
    assert flip(tmp_path, 0.5, rng) is None
    assert theirs.read_bytes() == b"of another form"
