"""A power cut for a real process, and a slow disk.

`kill -9` takes nothing from the system: what a process has written is there
when it starts again, synced or not. So under `--power-cuts` a node has a layer
between itself and its disk that does with files what the system does with its
memory. What is written goes into a file beside, `.unsynced/INODE`, and only a
sync brings it to its place. After a kill the harness says what becomes of the
rest (`settle`). If the power has stayed, all of it is there. If it has gone,
dice decide as in `kv.sim.disk`: of what was not synced nothing, all, the
beginning or any of its sectors are found.

The node knows nothing of that, has no dice, and reads back what it has
written. Names are not held back: one that was made, changed or removed is so
for good at once, which is a kinder disk than there may be; the simulated one
is not so kind.

The same layer has syncs take longer, for as long as a file beside the node's
folder says by how much (`slow_down`). What waits is the thread that syncs, as
with a disk that is slow; the node's loop goes on.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from struct import Struct
from typing import Final

from kv import serve
from kv.sim.disk import after_power_cut
from kv.world import RealDisk, RealFile, World, _sync, _write, real_world

BESIDE: Final = ".unsynced"  # a folder in each folder that files are in
_HEAD: Final = Struct(">QQ")  # where a piece belongs, and its size

_LOOK: Final = 0.02  # seconds between looks whether a disk is slow yet

_Piece = tuple[int, bytes]


def slow_file(folder: Path) -> Path:
    """Returns the file that says by how much a node's syncs are slower."""
    return folder.with_name(f"{folder.name}.disk")


def slow_down(folder: Path, seconds: float) -> None:
    """Has each sync of a node take longer, until it is told otherwise.

    Args:
        folder: The node's.
        seconds: By how much; 0: its disk is as fast as it is.
    """
    file = slow_file(folder)
    if seconds <= 0:
        file.unlink(missing_ok=True)
        return
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.write_text(f"{seconds:g}", encoding="utf-8")
    os.replace(temporary, file)  # So that nobody reads half of it.


def _delay(control: Path | None) -> float:
    """Returns by how much syncs are slower now, in seconds."""
    try:
        return float(control.read_text("utf-8")) if control else 0.0
    except (OSError, ValueError):
        return 0.0


def _dawdle(control: Path | None) -> None:
    """Takes as long as a slow disk does, or until it is slow no more."""
    begin = time.monotonic()
    while (left := begin + _delay(control) - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK))


def _pieces(path: str | Path) -> list[_Piece]:
    """Returns what such a file holds, as far as it is whole."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return []
    found = []
    at = 0
    while at + _HEAD.size <= len(data):
        where, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + size > len(data):
            break
        found.append((where, data[at : at + size]))
        at += size
    return found


def _beside(path: str) -> str:
    """Returns where the pieces of a file are kept.

    By its number and not by its name, which may change while it is open.

    Raises:
        FileNotFoundError: there is no such file.
    """
    folder = os.path.join(os.path.dirname(path), BESIDE)
    return os.path.join(folder, str(os.stat(path).st_ino))


class HeldFile(RealFile):
    """A file whose unsynced part is kept beside it."""

    def __init__(self, path: str, fd: int, slow: Path | None) -> None:
        super().__init__(path, fd)
        self._slow = slow
        self._at = os.lseek(fd, 0, os.SEEK_CUR)
        beside = _beside(path)
        os.makedirs(os.path.dirname(beside), exist_ok=True)
        self._pieces = _pieces(beside)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._held = os.open(beside, flags, 0o600)

    def _append(self, data: bytes, sync: bool) -> None:
        _write(self._held, _HEAD.pack(self._at, len(data)) + data)
        self._pieces.append((self._at, data))
        self._at += len(data)
        if sync:
            self._through()

    async def sync(self) -> None:
        """Brings all that was written to its place."""
        await self._worker.do(self._through)

    def _through(self) -> None:
        # First: whoever is killed meanwhile has not synced it.
        _dawdle(self._slow)
        for at, data in self._pieces:
            os.lseek(self._fd, at, os.SEEK_SET)
            _write(self._fd, data)
        _sync(self._fd)
        self._pieces.clear()
        os.ftruncate(self._held, 0)

    async def close(self) -> None:
        """Lets go of it; what is unsynced stays so."""
        if not self._closed:
            await super().close()
            os.close(self._held)


class HeldDisk(RealDisk):
    """This machine's disk, and memory that forgets."""

    def __init__(self, slow: Path | None = None) -> None:
        """Makes one.

        Args:
            slow: The file that says by how much syncs are slower; see
                `slow_down`. `None`: they never are.
        """
        self._slow = slow

    def _open(self, path: str, flags: int, at: int, reserve: int) -> RealFile:
        file = super()._open(path, flags, at, reserve)
        file._worker.stop()  # The one below has its own.
        if flags & os.O_TRUNC:
            self._forget(path)
        return HeldFile(path, file._fd, self._slow)

    def _forget(self, path: str) -> None:
        with suppress(FileNotFoundError):
            os.remove(_beside(path))

    async def names(self, folder: str) -> list[str]:
        """Returns the names in a folder, sorted."""
        return [name for name in await super().names(folder) if name != BESIDE]

    async def size(self, path: str) -> int:
        """Returns how long a file is, in bytes."""
        size = await super().size(path)
        ends = (at + len(data) for at, data in _pieces(_beside(path)))
        return max([size, *ends])

    def _read(self, path: str, start: int, size: int) -> bytes:
        pieces = _pieces(_beside(path))
        if not pieces:
            return super()._read(path, start, size)
        content = _laid(super()._read(path, 0, -1), pieces)
        return content[start:] if size < 0 else content[start : start + size]

    def _truncate(self, path: str, size: int) -> None:
        _bring(Path(path), Path(_beside(path)), None)
        super()._truncate(path, size)

    async def rename(self, old: str, new: str) -> None:
        """Gives a file another name."""
        self._forget(new)
        await super().rename(old, new)

    async def remove(self, path: str) -> None:
        """Removes a file."""
        self._forget(path)
        await super().remove(path)


def _laid(content: bytes, pieces: list[_Piece]) -> bytes:
    """Returns a file's content with pieces laid over it."""
    found = bytearray(content)
    for at, data in pieces:
        found.extend(bytes(max(0, at - len(found))))
        found[at : at + len(data)] = data
    return bytes(found)


def _bring(
    path: Path, beside: Path, dice: random.Random | None
) -> tuple[int, int]:
    """Brings pieces to their place, or what dice leave of them.

    Returns:
        How many bytes were not synced, and how many of those are not there.
    """
    pieces = _pieces(beside)
    if not pieces:
        return 0, 0
    synced = path.read_bytes()
    wanted = _laid(synced, pieces)
    found = wanted
    if dice is not None:
        found = after_power_cut(synced, pieces, dice)
    path.write_bytes(found)
    os.truncate(beside, 0)
    end = found.ljust(len(wanted), b"\0")
    lost = sum(
        wanted[at + n] != end[at + n]
        for at, data in pieces for n in range(len(data))
    )  # fmt: skip
    return sum(len(data) for _, data in pieces), lost


def settle(folder: Path, dice: random.Random | None) -> str:
    """Says what becomes of what a node that was killed had not synced.

    Args:
        folder: The node's.
        dice: What a power cut left; `None`: there was none.

    Returns:
        How much was lost, in words.
    """
    unsynced = lost = 0
    for beside in sorted(folder.glob(f"**/{BESIDE}")):
        inodes = {
            str(path.stat().st_ino): path
            for path in beside.parent.iterdir() if path.is_file()
        }  # fmt: skip
        for held in sorted(beside.iterdir()):
            if held.name in inodes:
                had, gone = _bring(inodes[held.name], held, dice)
                unsynced, lost = unsynced + had, lost + gone
            held.unlink()
    if not unsynced:
        return "all was synced"
    return f"of {unsynced} bytes not synced {lost} are lost"


@contextmanager
def cut_off(slow: Path | None = None) -> Iterator[None]:
    """Has nodes of this process write through such a layer.

    Args:
        slow: As `HeldDisk` has it.
    """

    def world() -> World:
        return replace(real_world(), disk=HeldDisk(slow))

    name = "real_world"
    healthy = getattr(serve, name)
    setattr(serve, name, world)
    try:
        yield
    finally:
        setattr(serve, name, healthy)
