"""A disk in memory that may do everything that a real one may.

`SimDisk` is a `Disk`. Beside what programs see, it keeps what would be left
after a power cut, and what is on its way between the two. `restart` draws the
rest with dice and returns the disk that the program finds when it starts
again: of what was not synced, nothing, all, the beginning of the last write or
any of its sectors are there; and of the changes of names in a folder that was
not synced, none, all, the first so many or any of them.

Faults come from a `hook`, which is called before each operation. It raises:

* an `OSError`: the operation fails. If it was a sync, what was to be synced
  is dropped, as on Linux: programs go on to see it, later syncs report
  success, and after a power cut it is gone. If it was an `append`, half of it
  is written.
* `Crashed`: the machine stops here. An `append` gets half of its data out
  first. Nothing works any more on this disk; take the one that `restart`
  returns. It is no `Exception`, so that nobody handles it by mistake.

A bit that flips in a file that lies there is `flip`.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal, NamedTuple

SECTOR: Final = 512

Kind = Literal[
    "append", "create", "lock", "make_folder", "names", "open", "read",
    "remove", "rename", "size", "sync", "sync_folder", "truncate",
]  # fmt: skip


class Operation(NamedTuple):
    """What is about to be done.

    Attributes:
        number: How many operations came before it on this disk.
        kind: The method; an `append` that syncs is two operations.
        path: The file or folder.
    """

    number: int
    kind: Kind
    path: str


Hook = Callable[[Operation], None]
Delay = Callable[[Operation], Awaitable[None]]


class Crashed(BaseException):
    """The machine has stopped."""


def no_fault(operation: Operation) -> None:
    """Lets everything succeed."""


def crash_at(number: int) -> Hook:
    """Returns a hook that stops the machine before that operation."""

    def hook(operation: Operation) -> None:
        if operation.number == number:
            raise Crashed

    return hook


def fail_at(number: int, code: int = errno.EIO) -> Hook:
    """Returns a hook that has that operation fail."""

    def hook(operation: Operation) -> None:
        if operation.number == number:
            raise OSError(code, os.strerror(code), operation.path)

    return hook


class _Inode:
    """A file without its name.

    Attributes:
        seen: What programs see.
        safe: What would be there after a power cut, for certain.
        moving: What was written since the last sync: offset and bytes.
    """

    __slots__ = ("moving", "safe", "seen")

    def __init__(self, content: bytes = b"") -> None:
        self.seen = bytearray(content)
        self.safe = bytearray(content)
        self.moving: list[tuple[int, bytes]] = []

    def copy(self) -> _Inode:
        """Returns one like it."""
        twin = _Inode()
        twin.seen, twin.safe = self.seen[:], self.safe[:]
        twin.moving = [*self.moving]
        return twin

    def write(self, at: int, data: bytes) -> None:
        """Writes, as far as programs can see."""
        self._grow(self.seen, at)
        self.seen[at : at + len(data)] = data
        self.moving.append((at, bytes(data)))

    def sync(self) -> None:
        """Makes all of it safe."""
        for at, data in self.moving:
            self._grow(self.safe, at)
            self.safe[at : at + len(data)] = data
        self._grow(self.safe, len(self.seen))
        self.moving.clear()

    def cut(self, size: int) -> None:
        """Cuts it off, safely."""
        self.sync()
        del self.seen[size:], self.safe[size:]

    @staticmethod
    def _grow(content: bytearray, size: int) -> None:
        content.extend(bytes(max(0, size - len(content))))

    def after_power_cut(self, dice: random.Random) -> _Inode:
        """Returns the file as it is found afterwards."""
        twin = _Inode(bytes(self.safe))
        if not self.moving:
            # It may have been made longer, at most.
            if dice.random() < 0.5:
                twin.write(len(self.seen), b"")
        elif (fate := dice.choice(("none", "all", "begun", "sectors"))) in (
            "all", "begun"
        ):  # fmt: skip
            *before, (at, data) = self.moving
            if fate == "begun":
                data = data[: dice.randrange(len(data) + 1)]
            for where, what in (*before, (at, data)):
                twin.write(where, what)
        elif fate == "sectors":
            for at, data in self.moving:
                for start in range(at - at % SECTOR, at + len(data), SECTOR):
                    if dice.random() < 0.5:
                        low = max(start, at)
                        part = data[low - at : start + SECTOR - at]
                        twin.write(low, part)
        if dice.random() < 0.5:
            twin.write(len(self.seen), b"")
        twin.sync()
        return twin


def after_power_cut(
    content: bytes, unsynced: Iterable[tuple[int, bytes]], dice: random.Random
) -> bytes:
    """Returns what a file may hold once the power is back.

    Args:
        content: What was synced.
        unsynced: What was written since, where in the file.
        dice: They say how much of that is there.
    """
    inode = _Inode(content)
    for at, data in unsynced:
        inode.write(at, data)
    return bytes(inode.after_power_cut(dice).seen)


class _Change(NamedTuple):
    """A change of names: one goes, one comes, or both."""

    gone: str | None = None
    new: str | None = None
    inode: _Inode | None = None

    def on(self, names: dict[str, _Inode]) -> None:
        if self.gone is not None:
            names.pop(self.gone, None)
        if self.new is not None and self.inode is not None:
            names[self.new] = self.inode


class SimFile:
    """A `File` of a `SimDisk`."""

    def __init__(
        self, disk: SimDisk, path: str, inode: _Inode, at: int
    ) -> None:
        self._disk = disk
        self._path = path
        self._inode = inode
        self._at = at
        self._closed = False

    async def append(self, data: bytes, sync: bool = False) -> None:
        """Writes behind what was written before; see `File.append`."""
        self._check()
        stopped = self._disk._stopped
        try:
            await self._disk._begin("append", self._path)
        except (OSError, Crashed):
            if not stopped:
                self._write(data[: len(data) // 2])
            raise
        room = self._disk._room(self._at + len(data), self._inode)
        self._write(data[: max(0, len(data) + min(room, 0))])
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)
        if sync:
            await self.sync()

    def _write(self, data: bytes) -> None:
        self._inode.write(self._at, data)
        self._at += len(data)

    async def sync(self) -> None:
        """Makes it safe; see `File.sync`."""
        self._check()
        try:
            await self._disk._begin("sync", self._path)
        except OSError:
            self._inode.moving.clear()
            raise
        self._inode.sync()

    def _check(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "the file is closed", self._path)

    async def close(self) -> None:
        """Lets go of it."""
        self._closed = True


class SimLock:
    """A `Lock` of a `SimDisk`."""

    def __init__(self, held: set[str], path: str) -> None:
        self._held = held
        self._path = path

    def release(self) -> None:
        """Gives it up."""
        self._held.discard(self._path)


class SimDisk:
    """A `Disk` in memory.

    Attributes:
        hook: Called before each operation; what it raises, happens.
        capacity: How many bytes the files may hold together, or `None`.
        operations: How many operations have begun.
        delay: Awaited in each operation before it happens; `None`: they
            happen at once, and nobody else runs meanwhile.
    """

    def __init__(
        self,
        hook: Hook = no_fault,
        capacity: int | None = None,
        reserves: bool = True,
    ) -> None:
        """Starts empty.

        Args:
            hook: Where faults come from.
            capacity: How many bytes there is room for; `None`: any number.
            reserves: Whether it makes files longer when asked to. It is a
                wish; without, long runs take less memory.
        """
        self.hook = hook
        self.capacity = capacity
        self.operations = 0
        self.delay: Delay | None = None
        self._reserves = reserves
        self._stopped = False
        self._folders = {"", ".", "/"}
        self._locks: set[str] = set()
        self._names: dict[str, _Inode] = {}
        self._safe_names: dict[str, _Inode] = {}
        # By folder, since its last sync.
        self._changes: dict[str, list[_Change]] = {}

    async def _begin(self, kind: Kind, path: str) -> None:
        if self._stopped:
            raise Crashed
        operation = Operation(self.operations, kind, path)
        self.operations += 1
        try:
            self.hook(operation)
        except Crashed:
            self._stopped = True
            raise
        if self.delay is not None:
            await self.delay(operation)
            if self._stopped:
                raise Crashed

    def _room(self, size: int, inode: _Inode) -> int:
        """Returns the bytes that stay free if a file becomes so long."""
        if self.capacity is None:
            return 0
        others = {id(i): len(i.seen) for i in self._names.values()}
        others[id(inode)] = max(size, len(inode.seen))
        return self.capacity - sum(others.values())

    def _find(self, path: str) -> _Inode:
        inode = self._names.get(path)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return inode

    def _inside(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
        return folder

    def _change(self, folder: str, change: _Change) -> None:
        change.on(self._names)
        self._changes.setdefault(folder, []).append(change)

    async def make_folder(self, path: str) -> None:
        """Makes a folder and those above it, safely."""
        await self._begin("make_folder", path)
        while path not in self._folders:
            self._folders.add(path)
            path = path.rpartition("/")[0]

    async def names(self, folder: str) -> list[str]:
        """Returns the names in a folder, sorted."""
        await self._begin("names", folder)
        self._inside(f"{folder}/x")
        return sorted(
            n.rpartition("/")[2] for n in self._names if _in(folder, n)
        )

    async def size(self, path: str) -> int:
        """Returns how long a file is."""
        await self._begin("size", path)
        return len(self._find(path).seen)

    async def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        """Returns what a file holds."""
        await self._begin("read", path)
        content = self._find(path).seen
        end = len(content) if size < 0 else start + size
        return bytes(content[start:end])

    async def create(self, path: str, reserve: int = 0) -> SimFile:
        """Makes a file, or empties the one of that name."""
        await self._begin("create", path)
        folder = self._inside(path)
        # A file of its own: the old one is found again after a power cut.
        inode = _Inode()
        self._change(folder, _Change(None, path, inode))
        return self._opened(path, inode, 0, reserve)

    async def open(self, path: str, at: int, reserve: int = 0) -> SimFile:
        """Opens a file that is there, to write on from byte `at`."""
        await self._begin("open", path)
        return self._opened(path, self._find(path), at, reserve)

    def _opened(
        self, path: str, inode: _Inode, at: int, reserve: int
    ) -> SimFile:
        if self._reserves and reserve > len(inode.seen):
            if self._room(reserve, inode) < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            inode._grow(inode.seen, reserve)
        return SimFile(self, path, inode, at)

    async def truncate(self, path: str, size: int) -> None:
        """Cuts a file off, safely."""
        await self._begin("truncate", path)
        self._find(path).cut(size)

    async def rename(self, old: str, new: str) -> None:
        """Gives a file another name, in the same folder."""
        await self._begin("rename", old)
        folder = self._inside(new)
        if folder != self._inside(old):
            raise OSError(errno.EXDEV, "another folder", new)
        self._change(folder, _Change(old, new, self._find(old)))

    async def remove(self, path: str) -> None:
        """Removes a file."""
        await self._begin("remove", path)
        self._find(path)
        self._change(self._inside(path), _Change(path))

    async def sync_folder(self, path: str) -> None:
        """Makes the names in a folder safe."""
        await self._begin("sync_folder", path)
        self._inside(f"{path}/x")
        for change in self._changes.pop(path, ()):
            change.on(self._safe_names)

    async def lock(self, path: str) -> SimLock:
        """Locks a file; as with processes, a restart ends it."""
        await self._begin("lock", path)
        self._inside(path)
        if path in self._locks:
            raise BlockingIOError(errno.EAGAIN, "it is locked", path)
        self._locks.add(path)
        return SimLock(self._locks, path)

    def restart(
        self,
        dice: random.Random | None,
        hook: Hook = no_fault,
    ) -> SimDisk:
        """Returns the disk that programs find when the machine is up again.

        On this one nothing works any more, but it can be asked again.

        Args:
            dice: What a power cut did to whatever was not safe; `None`: there
                was none, only the program was killed. Then all that it did is
                there to see; but what it had not synced is no safer for that,
                and a power cut later on may still take it.
            hook: Where the new disk's faults come from.
        """
        twin = SimDisk(hook, self.capacity, self._reserves)
        twin.delay = self.delay
        twin._folders = set(self._folders)
        self._stopped = True
        if dice is None:
            self._leave_to(twin)
            return twin
        files = self._after_power_cut(dice)
        twin._names = {n: _Inode(content) for n, content in files.items()}
        twin._safe_names = dict(twin._names)
        return twin

    def _leave_to(self, twin: SimDisk) -> None:
        """Hands everything over as it is, safe or not."""
        copies: dict[int, _Inode] = {}

        def copy(inode: _Inode) -> _Inode:
            if id(inode) not in copies:
                copies[id(inode)] = inode.copy()
            return copies[id(inode)]

        twin._names = {n: copy(i) for n, i in self._names.items()}
        twin._safe_names = {n: copy(i) for n, i in self._safe_names.items()}
        twin._changes = {
            folder: [
                c if c.inode is None else c._replace(inode=copy(c.inode))
                for c in changes
            ]
            for folder, changes in self._changes.items()
        }

    def _after_power_cut(self, dice: random.Random) -> dict[str, bytes]:
        names = dict(self._safe_names)
        for _, changes in sorted(self._changes.items()):
            fate = dice.choice(("none", "all", "first", "any"))
            first = dice.randrange(len(changes) + 1)
            for number, change in enumerate(changes):
                if (
                    fate == "all"
                    or (fate == "first" and number < first)
                    or (fate == "any" and dice.random() < 0.5)
                ):
                    change.on(names)
        return {
            name: bytes(inode.after_power_cut(dice).seen)
            for name, inode in sorted(names.items())
        }

    def flip(self, path: str, bit: int) -> None:
        """Flips a bit of a file, counted from its beginning."""
        inode = self._find(path)
        for content in (inode.seen, inode.safe):
            if bit // 8 < len(content):
                content[bit // 8] ^= 1 << bit % 8

    def put(self, path: str, content: bytes) -> None:
        """Puts a file there, safely, without a fault or an operation."""
        self._folders.add(self._folder_of(path))
        self._names[path] = self._safe_names[path] = _Inode(content)

    @staticmethod
    def _folder_of(path: str) -> str:
        return path.rpartition("/")[0]

    def files(self) -> dict[str, bytes]:
        """Returns all files as programs see them, by path."""
        return {n: bytes(i.seen) for n, i in sorted(self._names.items())}


def _in(folder: str, path: str) -> bool:
    return path.rpartition("/")[0] == folder
