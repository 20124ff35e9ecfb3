"""The world outside: clock, disk and network, as the store sees them.

The store never asks the operating system for anything itself. Whatever it
needs comes in through the three protocols here, so that the very same server
runs on a real machine and in a simulator that loses, tears, delays and lies.
What the protocols promise is what a real machine promises, and no more:

* **Disk.** What has been written may be lost, in whole or in part, until a
  `sync` of the file has returned. A name that was made, changed or removed
  may come back as it was until a `sync_folder` of its folder has returned.
  A `sync` that failed says that data is lost, and trying again says nothing:
  the system may have dropped what it could not write (it does on Linux) and
  will then report success. So: stop.
* **Network.** Bytes of one connection arrive in order or not at all. A
  connection may end at any byte. Nothing tells how much the other side read.
* **Clock.** It never goes back on one machine, but may run at another rate
  than the next machine's.

Every method that may take long is a coroutine and does its work off the event
loop. Each disk operation is one step that either happens or not, so a crash
can be planned before and after each of them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import queue
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

T = TypeVar("T")
P = TypeVar("P", bound=asyncio.BaseProtocol)


class Clock(Protocol):
    """Time as this machine measures it."""

    def time(self) -> float:
        """Returns seconds from some start; never less than the time before."""

    def wall(self) -> float:
        """Returns seconds since 1970, for people to read; it may jump."""

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds of this clock."""

    def timeout(
        self, seconds: float | None
    ) -> AbstractAsyncContextManager[object]:
        """Bounds what is awaited inside `async with`; `None` does not.

        Raises:
            TimeoutError: on leaving, if so many seconds have passed.
        """


class File(Protocol):
    """A file that is being written, from some place on, always forward.

    One coroutine at a time may use it. After an error, or if a call was
    cancelled, nobody knows what it holds beyond what was synced before: the
    only thing left to do is `close`.
    """

    async def append(self, data: bytes, sync: bool = False) -> None:
        """Writes all of `data` behind what was written before.

        Args:
            data: What to write.
            sync: Do what `sync` does, too: the same as calling it afterwards,
                but with one way to the disk instead of two.

        Raises:
            OSError: some of it, or nothing, was written.
        """

    async def sync(self) -> None:
        """Returns once all that was written would outlive a power cut.

        Raises:
            OSError: what was written since the last sync is in doubt, and a
                second try cannot be trusted. Stop the node.
        """

    async def close(self) -> None:
        """Lets go of the file. It does not sync, and may be repeated."""


class Lock(Protocol):
    """A lock that is held; it ends with `release`, or with the process."""

    def release(self) -> None:
        """Gives it up. May be repeated."""


class Disk(Protocol):
    """A disk: folders, and files that are written forward and read whole.

    Paths are strings with `/` between their parts. All errors are `OSError`
    with the `errno` that the system gives: `FileNotFoundError`, `ENOSPC` for
    a full disk, `EIO` for a broken one.
    """

    async def make_folder(self, path: str) -> None:
        """Makes a folder and those above it, durably; fine if it is there."""

    async def names(self, folder: str) -> list[str]:
        """Returns the names of the files in a folder, sorted.

        Raises:
            FileNotFoundError: there is no such folder.
        """

    async def size(self, path: str) -> int:
        """Returns how long a file is, in bytes, what is reserved included."""

    async def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        """Returns what a file holds, from `start` on.

        Args:
            path: The file.
            start: How many bytes to pass over.
            size: How many to return at most; all there are if negative.
        """

    async def create(self, path: str, reserve: int = 0) -> File:
        """Makes a file, or empties the one of that name, to write into.

        Its name is not durable before a `sync_folder`.

        Args:
            path: The file.
            reserve: Make it so many bytes long at once, all zero; what is
                appended goes over them from the start. A sync then does not
                have to move the file's end: on ext4 it takes two thirds of
                the time. It is a wish, which a disk may ignore.
        """

    async def open(self, path: str, at: int, reserve: int = 0) -> File:
        """Opens a file that is there, to write on from byte `at`.

        What it holds from there on is written over as far as the writing
        goes; use `truncate` first to be rid of it.

        Raises:
            FileNotFoundError: it is not there.
        """

    async def truncate(self, path: str, size: int) -> None:
        """Cuts a file off after `size` bytes, durably."""

    async def rename(self, old: str, new: str) -> None:
        """Gives a file another name, in place of any that had it.

        Under the new name there is always one file or the other, whole. Which
        of them is durable only after a `sync_folder`.
        """

    async def remove(self, path: str) -> None:
        """Removes a file; durable only after a `sync_folder`."""

    async def sync_folder(self, path: str) -> None:
        """Returns once the names in a folder would outlive a power cut."""

    async def lock(self, path: str) -> Lock:
        """Locks a file, which is made if need be, against other processes.

        Raises:
            BlockingIOError: another one holds it.
        """


class Listener(Protocol):
    """A port that takes connections."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as bound: tells which port 0 has become."""

    def close(self) -> None:
        """Takes no more connections; those that there are live on."""


class Network(Protocol):
    """Connections, with asyncio's own protocols at both ends.

    The `factory` makes the object that asyncio calls: `connection_made` with
    a transport to write to, `data_received`, `connection_lost`, and
    `pause_writing` when the other side does not keep up.
    """

    async def listen(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> Listener:
        """Takes connections on a port; 0 picks a free one.

        Raises:
            OSError: the port is taken, or not ours to take.
        """

    async def connect(
        self,
        factory: Callable[[], P],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> P:
        """Connects, and returns what the factory made.

        Raises:
            OSError: nobody answers there, or TLS was refused.
        """


@dataclass(frozen=True, slots=True)
class World:
    """All that a node needs of the world.

    Attributes:
        clock: Its time.
        disk: Its disk.
        network: Its network.
        random: Where its dice come from; seeded, all its throws are known.
    """

    clock: Clock
    disk: Disk
    network: Network
    random: random.Random = field(default_factory=random.SystemRandom)


async def open_streams(
    network: Network,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connects, for those who would rather read and write than be called.

    Returns:
        A reader and a writer, as `asyncio.open_connection` does.

    Raises:
        OSError: nobody answers there.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = await network.connect(
        lambda: _Connected(reader, loop), host, port, tls
    )
    return reader, asyncio.StreamWriter(
        protocol.transport, protocol, reader, loop
    )


class _Connected(asyncio.StreamReaderProtocol):
    """Remembers the transport, which the base class keeps to itself."""

    transport: asyncio.Transport

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(reader, loop=loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport = transport  # type: ignore[assignment]


def real_world() -> World:
    """Returns this machine's."""
    return World(RealClock(), RealDisk(), RealNetwork())


class RealClock:
    """This machine's clock."""

    def time(self) -> float:
        """Returns the system's monotonic time, in seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Returns the system's idea of the date, in seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""
        await asyncio.sleep(seconds)

    def timeout(
        self, seconds: float | None
    ) -> AbstractAsyncContextManager[object]:
        """Bounds what is awaited inside; see `Clock.timeout`."""
        return asyncio.timeout(seconds)


class _Worker:
    """A thread that does one thing after another for an event loop.

    Half the price of asyncio's own `to_thread`, which goes through a second
    kind of future. The thread ends with `stop`, or with the process.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None]
        self._jobs = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # What it holds would live until the next one comes.

    def do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Has the thread do `work`; the future brings what came of it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                answer = work()
            except Exception as error:
                call(_fail, future, error)
            else:
                call(_finish, future, answer)

        def call(tell: Callable[..., None], *args: object) -> None:
            # The loop is closed if the program ends meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, *args)

        self._jobs.put(job)
        return future

    def stop(self) -> None:
        """Ends the thread when it has done what it was given."""
        self._jobs.put(None)


def _finish(future: asyncio.Future[T], answer: T) -> None:
    if not future.done():  # It was cancelled meanwhile.
        future.set_result(answer)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _sync(fd: int) -> None:
    """Makes a file's content durable; its times may be lost."""
    if sys.platform == "darwin":
        import fcntl

        # There, fsync alone leaves the data in the drive's own cache.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def _reserve(fd: int, size: int) -> None:
    """Makes a file `size` bytes long, zeros behind what it holds."""
    if size <= 0 or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        # Some file systems cannot, and it was only a wish.
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _write(fd: int, data: bytes) -> None:
    """Writes all of it: the system may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class RealFile:
    """A file of this machine, with a thread of its own.

    Its own, so that a log does not wait behind a snapshot that is written.
    """

    def __init__(self, path: str, fd: int) -> None:
        """Takes over an open descriptor; made by `RealDisk`."""
        self._path = path
        self._fd = fd
        self._worker = _Worker(f"disk {os.path.basename(path)}")
        self._closed = False

    async def append(self, data: bytes, sync: bool = False) -> None:
        """Writes behind what was written before; see `File.append`."""
        await self._worker.do(lambda: self._append(data, sync))

    def _append(self, data: bytes, sync: bool) -> None:
        _write(self._fd, data)
        if sync:
            _sync(self._fd)

    async def sync(self) -> None:
        """Makes durable what was written; see `File.sync`."""
        await self._worker.do(lambda: _sync(self._fd))

    async def close(self) -> None:
        """Lets go of the file, after what is under way."""
        if not self._closed:
            self._closed = True
            done = self._worker.do(lambda: os.close(self._fd))
            self._worker.stop()
            await done


class RealLock:
    """A lock on a file of this machine."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Gives it up."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


class RealDisk:
    """This machine's disk."""

    async def make_folder(self, path: str) -> None:
        """Makes a folder and those above it, durably."""
        await asyncio.to_thread(self._make_folder, path)

    def _make_folder(self, path: str) -> None:
        above = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(path):
            if not os.path.isdir(above):
                self._make_folder(above)
            with suppress(FileExistsError):
                os.mkdir(path, FOLDER_MODE)
        self._sync_folder(above)

    async def names(self, folder: str) -> list[str]:
        """Returns the names in a folder, sorted."""
        return sorted(await asyncio.to_thread(os.listdir, folder))

    async def size(self, path: str) -> int:
        """Returns how long a file is, in bytes."""
        return (await asyncio.to_thread(os.stat, path)).st_size

    async def read(self, path: str, start: int = 0, size: int = -1) -> bytes:
        """Returns what a file holds."""
        return await asyncio.to_thread(self._read, path, start, size)

    def _read(self, path: str, start: int, size: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(size)

    async def create(self, path: str, reserve: int = 0) -> RealFile:
        """Makes a file, or empties the one of that name."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return await asyncio.to_thread(self._open, path, flags, 0, reserve)

    async def open(self, path: str, at: int, reserve: int = 0) -> RealFile:
        """Opens a file that is there, to write on from byte `at`."""
        return await asyncio.to_thread(
            self._open, path, os.O_WRONLY, at, reserve
        )

    def _open(self, path: str, flags: int, at: int, reserve: int) -> RealFile:
        fd = os.open(path, flags | os.O_CLOEXEC, FILE_MODE)
        try:
            _reserve(fd, reserve)
            os.lseek(fd, at, os.SEEK_SET)
        except OSError:
            os.close(fd)
            raise
        return RealFile(path, fd)

    async def truncate(self, path: str, size: int) -> None:
        """Cuts a file off, durably."""
        await asyncio.to_thread(self._truncate, path, size)

    def _truncate(self, path: str, size: int) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            _sync(fd)
        finally:
            os.close(fd)

    async def rename(self, old: str, new: str) -> None:
        """Gives a file another name."""
        await asyncio.to_thread(os.replace, old, new)

    async def remove(self, path: str) -> None:
        """Removes a file."""
        await asyncio.to_thread(os.remove, path)

    async def sync_folder(self, path: str) -> None:
        """Makes the names in a folder durable."""
        await asyncio.to_thread(self._sync_folder, path)

    def _sync_folder(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    async def lock(self, path: str) -> RealLock:
        """Locks a file against other processes."""
        return await asyncio.to_thread(self._lock, path)

    def _lock(self, path: str) -> RealLock:
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        fd = os.open(path, flags, FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise
        return RealLock(fd)


class RealListener:
    """A port of this machine."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        host, port = server.sockets[0].getsockname()[:2]
        self.address: tuple[str, int] = (host, port)

    def close(self) -> None:
        """Takes no more connections."""
        self._server.close()


class RealNetwork:
    """This machine's network: TCP, with TLS where a context is given."""

    async def listen(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> RealListener:
        """Takes connections on a port; see `Network.listen`."""
        loop = asyncio.get_running_loop()
        return RealListener(
            await loop.create_server(factory, host, port, ssl=tls)
        )

    async def connect(
        self,
        factory: Callable[[], P],
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> P:
        """Connects; see `Network.connect`."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(
            factory, host, port, ssl=tls
        )
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # asyncio does so too; said here, since latency hangs on it.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return protocol
