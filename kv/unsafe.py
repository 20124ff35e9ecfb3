"""Mistakes on purpose, which a checker has to find.

Each is a store with one promise broken, as somebody might well write it. The
healthy code knows nothing of them: a mistake is planted from here for as long
as a block runs, as the bugs of the port in `labs/bugs` are:

    with MISTAKES["no-fsync"].planted():
        ...

`--unsafe NAME` of `kv sim` and `kv chaos` does that, and starts the nodes
with the `reads` that belong to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, NamedTuple

from kv import drive as healthy_drive
from kv import machine, records, wal
from kv.client import Client
from kv.commands import Op, Result, Status
from kv.entries import unpack_entries
from kv.machine import Machine
from kv.packing import unpack
from kv.replica import feeder
from kv.seams import Identity, Recovered, Replica
from kv.wal import Wal
from kv.world import Disk, File
from port import raftpb as pb
from port.confchange import Changer
from port.node import Node
from port.types import is_empty_snap


class Mistake(NamedTuple):
    """A mistake.

    Attributes:
        name: What `--unsafe` calls it.
        wrong: What is wrong, in a sentence.
        shows: What has to happen for it to show.
        plant: Plants it, while a block runs.
        reads: How nodes are to answer reads.
    """

    name: str
    wrong: str
    shows: str
    plant: Callable[[], AbstractContextManager[None]]
    reads: str = "safe"

    def planted(self) -> AbstractContextManager[None]:
        """Plants it for as long as the block runs."""
        return self.plant()


@contextmanager
def _replaced(owner: object, name: str, new: object) -> Iterator[None]:
    """Puts something in another's place while the block runs."""
    old = getattr(owner, name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, old)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


# The log.


class _NeverSynced:
    """A file whose syncs are left out."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def append(self, data: bytes, sync: bool = False) -> None:
        await self._file.append(data)

    async def sync(self) -> None:
        pass

    async def close(self) -> None:
        await self._file.close()


class _Unsynced:
    """A disk on which nothing of a log is synced."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._disk, name)

    async def create(self, path: str, reserve: int = 0) -> File:
        # The first record of a segment is synced, or none would be found.
        file = await self._disk.create(path, reserve)
        return _OnceSynced(file)

    async def open(self, path: str, at: int, reserve: int = 0) -> File:
        return _NeverSynced(await self._disk.open(path, at, reserve))


class _OnceSynced(_NeverSynced):
    """A file whose first write is synced."""

    _first = True

    async def append(self, data: bytes, sync: bool = False) -> None:
        await self._file.append(data, sync and self._first)
        self._first = False


def _no_fsync() -> AbstractContextManager[None]:
    healthy = wal.open_log

    async def open_log(
        disk: Disk, folder: str, identity: Identity,
        segment: int = wal.SEGMENT,
    ) -> tuple[Wal, Recovered]:  # fmt: skip
        return await healthy(
            _Unsynced(disk), folder, identity, segment
        )

    return _replaced(wal, "open_log", open_log)


def _torn_tail() -> AbstractContextManager[None]:
    healthy = records.Reader.next

    def trusting(
        self: records.Reader,
    ) -> tuple[dict[str, object], list[pb.Entry]] | None:
        """Reads a record as far as it goes, and asks for no CRC or end."""
        data, at = self._data, self.at
        head = records._read_head(data, self._number, at)
        if head is None or not head.size:
            return healthy(self)
        start = at + records._HEAD_SIZE
        end = start + head.size
        payload = data[start:end].ljust(head.size, b"\0")
        try:
            notes = unpack(payload[: head.notes]) if head.notes else {}
            entries = unpack_entries(payload, head.notes, len(payload))
        except ValueError:
            return healthy(self)
        if not isinstance(notes, dict):
            return healthy(self)
        self.begin, self.at = at, min(end + 1, len(data))
        return notes, entries

    return _replaced(records.Reader, "next", trusting)


# The replica, and its loop.


def _acknowledge_early() -> AbstractContextManager[None]:
    healthy = feeder.Feeder._taken

    def taken(self: feeder.Feeder, handed: feeder.Handed) -> None:
        """Tells the client as soon as the leader's raft has it."""
        healthy(self, handed)
        for w in handed.batch:
            if w.term and w.command is not None and w.command.op in (
                Op.PUT, Op.APPEND, Op.DELETE
            ):  # fmt: skip
                self.writes.finish(w, Result(Status.OK, 1))

    return _replaced(feeder.Feeder, "_taken", taken)


async def _apply_at_once(node: Node, replica: Replica) -> None:
    """The Ready loop, applying what is stored, committed or not."""
    async for ready in node.ready():
        if ready.soft_state is not None:
            replica.observe(ready.soft_state)
        snapshot = ready.snapshot
        if snapshot is not None and is_empty_snap(snapshot):
            snapshot = None
        if snapshot is not None:
            await replica.store_snapshot(snapshot)
        if ready.entries or ready.hard_state is not None:
            await replica.save(
                ready.hard_state, ready.entries, ready.must_sync
            )
        replica.send(ready.messages)
        if snapshot is not None:
            replica.restore(snapshot)
        await replica.apply(ready.committed_entries)
        if not any(entry.type for entry in ready.entries):
            await replica.apply(ready.entries)
        replica.answer_reads(ready.read_states)
        await replica.snapshot_if_due()
        await node.advance()


def _apply_early() -> AbstractContextManager[None]:
    return _replaced(healthy_drive, "drive", _apply_at_once)


# The state machine, and sessions.


def _forgetful_snapshots() -> AbstractContextManager[None]:
    healthy = Machine.dump

    def dump(self: Machine) -> Iterable[bytes]:
        """Returns the keys, and no sessions."""
        sessions, self._sessions = self._sessions, {}
        try:
            return healthy(self)
        finally:
            self._sessions = sessions

    return _replaced(machine.Machine, "dump", dump)


def _no_sessions() -> AbstractContextManager[None]:
    async def write(self: Client, *words: bytes) -> object:
        """Sends a write until it is answered, as if that were harmless."""
        async with self._turn:
            return await self._try(words, repeat=True)

    return _replaced(Client, "_write", write)


# Members.


@contextmanager
def _two_at_once() -> Iterator[None]:
    healthy = pb.ConfChangeV2.enter_joint

    def never_joint(self: pb.ConfChangeV2) -> tuple[bool, bool]:
        auto_leave, joint = healthy(self)
        return auto_leave, joint and not self.changes

    def simple(
        self: Changer, ccs: Sequence[pb.ConfChangeSingle]
    ) -> tuple[Any, Any]:
        """Makes any number of changes in one step."""
        cfg, trk = self.check_and_copy()
        self.apply(cfg, trk, ccs)
        return cfg, trk

    with (
        _replaced(pb.ConfChangeV2, "enter_joint", never_joint),
        _replaced(Changer, "simple", simple),
    ):
        yield


MISTAKES: Final[dict[str, Mistake]] = {
    mistake.name: mistake
    for mistake in (
        Mistake(
            "no-fsync",
            "The log is written, and never synced.",
            "power cuts; a killed process loses nothing",
            _no_fsync,
        ),
        Mistake(
            "torn-tail",
            "What a crash left of the last save is taken for all of it.",
            "a power cut in the middle of a save of several sectors",
            _torn_tail,
        ),
        Mistake(
            "acknowledge-early",
            "A client is told as soon as the leader has its write.",
            "a leader that is cut off, or crashes, before it has sent it",
            _acknowledge_early,
        ),
        Mistake(
            "apply-early",
            "An entry is applied when it is stored, not when committed.",
            "a leader whose last entries are replaced by another's",
            _apply_early,
        ),
        Mistake(
            "forgetful-snapshots",
            "A snapshot holds the keys, and not the sessions.",
            "a node that starts from one, and then a client's next write",
            _forgetful_snapshots,
        ),
        Mistake(
            "no-sessions",
            "A client sends a write again, with nothing to tell that it has.",
            "an answer that is lost on its way",
            _no_sessions,
        ),
        Mistake(
            "stale",
            "A node answers reads from what it has applied.",
            "a follower that is behind: no fault is needed",
            _nothing, reads="stale",
        ),
        Mistake(
            "lease",
            "A leader answers reads while it thinks that it has a lease. The"
            " code is right, but what it relies on is not: that all clocks"
            " run at about the same speed. A leader whose clock is slow, or"
            " that was paused, thinks so for longer than the others wait.",
            "a leader that is cut off, and has a slow clock",
            _nothing, reads="lease",
        ),
        Mistake(
            "two-at-once",
            "Two members are exchanged in one step, without a joint"
            " configuration between.",
            "a replacement that only some have heard of, and a partition",
            _two_at_once,
        ),
    )
}  # fmt: skip


def load_unsafe(name: str) -> Mistake:
    """Returns the mistake of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in MISTAKES:
        raise ValueError(
            f"no mistake {name!r}; there are {', '.join(MISTAKES)}"
        )
    return MISTAKES[name]
