"""The seams of the store: where one part ends and the next begins.

The server is put together from six parts, each behind a protocol: what it may
rely on, what it must promise. Here stand these protocols, what passes through
them, and what goes wrong there; nothing of any part. `kv.parts` says which
parts a store is made of. `tests/kv/conformance` holds any of them to the
promises below: it is the exact form of what is said here in words.

Two rules hold for every part. It touches the world through what it is given
and in no other way: a log that calls `open` cannot be run under the simulator.
And it lets go of nothing that goes wrong: an `OSError` of the disk is passed
on, since the server must stop, at once and for good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from kv.commands import Command, Result
from kv.world import Disk
from port import raftpb as pb
from port.node import Node
from port.read_only import ReadState
from port.types import SoftState


class StateMachine(Protocol):
    """What the store is for: keys and values, and who has written last.

    Nothing but the commands and their order may decide what it holds and what
    it answers: no clock, no dice, no order of a set or of hashes. Every node
    runs the same commands and must come to the same state, now, after a
    restart and from a snapshot.
    """

    def apply(self, index: int, command: Command) -> Result:
        """Carries out one command and returns its answer.

        Args:
            index: Where in the log the command stands. A read that did not go
                through the log comes with the index that was applied last.
            command: What to do. If it is of a session (`client` is not 0) and
                was carried out before, nothing is done and the answer is the
                same as then. See `kv.commands` for each operation.

        Returns:
            The answer; it must hold for good, whatever is applied next.
        """

    def dump(self) -> Iterable[bytes]:
        """Returns the whole state, as it is at the time of this call.

        What is applied while the chunks are being taken must not show in
        them: the caller takes one, lets others run, and takes the next. Keep
        chunks to some 100 kB, so that none of them holds the others up.

        Returns:
            The state in chunks of bytes, of which not all need exist yet. Two
            machines in the same state return the same bytes.
        """

    def load(self, chunks: Iterable[bytes]) -> None:
        """Replaces the state by one that `dump` returned, here or elsewhere.

        Args:
            chunks: The same bytes in the same order; where one chunk ends and
                the next begins may differ.

        Raises:
            ValueError: this is no such state.
        """


class Identity(NamedTuple):
    """Whose data it is: no other node may run on it.

    Attributes:
        cluster: The cluster's id.
        node: The node's id in it, as raft knows it.
    """

    cluster: int
    node: int


class Recovered(NamedTuple):
    """What a log was found to hold.

    Attributes:
        hard_state: The last one that was saved, or `None`.
        entries: Entries with ascending indexes, without gaps, those that were
            written over left out. As a rule the first of them lie before the
            last snapshot; see `Log.mark`.
        snapshot: Index and term of the last snapshot that was marked; index 0
            if none was.
        notes: What a person should know, a line each: that a torn end was cut
            off, say.
    """

    hard_state: pb.HardState | None = None
    entries: list[pb.Entry] = []  # noqa: RUF012  # never changed
    snapshot: pb.SnapshotMetadata = pb.SnapshotMetadata()
    notes: tuple[str, ...] = ()


class DataError(Exception):
    """Stored data that the node must not run on; the text says what to do."""


class Damaged(DataError):
    """Stored data has changed since it was written, or is not there.

    Attributes:
        path: The file.
        offset: Where in it, in bytes.
    """

    def __init__(self, path: str, offset: int, what: str) -> None:
        super().__init__(f"{path} at byte {offset}: {what}")
        self.path = path
        self.offset = offset


class NotOurs(DataError):
    """The data belongs to another node, another cluster, or a newer format."""


class Log(Protocol):
    """Raft's log on disk: what `save` has returned for outlives a crash.

    `save` and `mark` may be called while another call is under way: they take
    turns. After one that failed or was cancelled nobody knows what is stored,
    and every later one must fail.
    """

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: Sequence[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and the hard state; both or neither, after a crash.

        Args:
            hard_state: Term, vote and commit; `None` if they are as before.
            entries: In order and without gaps. The first may have an index
                that is stored already: then it and all that follow it there
                are replaced by these.
            sync: Whether it must be durable on return. If not (there are no
                entries then, and only the commit index has changed) it may be
                lost, but not what was saved before it.

        Raises:
            OSError: the disk failed.
        """

    async def mark(self, snapshot: pb.SnapshotMetadata) -> None:
        """Notes, durably, that a snapshot is safely stored.

        From now on the log may drop what is not needed to start from the
        snapshot that was marked before this one: from that one, and not only
        from this, since this one's file may turn out to be damaged, and since
        entries are kept for followers that are somewhat behind. It should
        drop it, so that it does not grow for ever.

        If the log does not hold the snapshot's last entry (same index, same
        term), the snapshot came from a leader and takes the log's place: all
        entries are dropped, and the next to be saved follows the snapshot.
        """

    async def close(self) -> None:
        """Stores what is not yet stored, and lets go of the files."""


class OpenLog(Protocol):
    """Opens a log, or begins one."""

    async def __call__(
        self, disk: Disk, folder: str, identity: Identity
    ) -> tuple[Log, Recovered]:
        """Opens the log in a folder, which is made if it is not there.

        A crash may have stopped the last save in the middle: then what there
        is of it is cut off, and a note says so. Anything else that is not as
        it was written is damage: cutting there would lose what was promised.

        Returns:
            The log, ready for `save`, and what it holds.

        Raises:
            Damaged: what is stored is not what was written.
            NotOurs: it was written for another identity.
            OSError: the disk failed.
        """


class Stored(NamedTuple):
    """A snapshot as it was read.

    Attributes:
        metadata: Index, term and configuration.
        chunks: The machine's state, for `StateMachine.load`.
    """

    metadata: pb.SnapshotMetadata
    chunks: Sequence[bytes]


class Snapshots(Protocol):
    """The snapshots of one node, each of them whole or not there at all."""

    async def save(
        self, metadata: pb.SnapshotMetadata, chunks: Iterable[bytes]
    ) -> None:
        """Stores a snapshot, durably, and drops those no longer needed.

        It comes beside those that there are, of which the newest two at least
        are kept: if this one should be damaged later, the node can start from
        the one before.

        Args:
            metadata: Index, term and configuration.
            chunks: The machine's state. Take one at a time, and let others
                run in between.

        Raises:
            OSError: the disk failed. What was stored before is untouched.
        """

    async def newest(self, limit: int) -> Stored | None:
        """Returns the newest snapshot that is undamaged.

        Args:
            limit: The index up to which snapshots count: that of the last one
                marked in the log. A later one was never finished.

        Returns:
            The snapshot, or `None` if there is none.
        """


class MakeSnapshots(Protocol):
    """Makes the keeper of the snapshots in a folder."""

    def __call__(self, disk: Disk, folder: str) -> Snapshots:
        """Returns it. The folder need not be there yet."""


class Framing(Protocol):
    """Where one message ends and the next begins, in one direction.

    TCP carries bytes, not messages: what was sent in one piece may arrive in
    many, and what was sent in many, in one. Each connection has its own.
    """

    def encode(self, body: bytes) -> bytes:
        """Returns the bytes to send for a message.

        Raises:
            ValueError: it is longer than the limit.
        """

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes as they arrive and returns the messages now complete.

        Raises:
            ValueError: no message begins so, or it is longer than the limit:
                this must be noticed before room is made for it. What is said
                on this connection cannot be understood any more.
        """


class MakeFraming(Protocol):
    """Makes the framing of a new connection."""

    def __call__(self, limit: int) -> Framing:
        """Returns it.

        Args:
            limit: How long a message may be, in bytes.
        """


class Replica(Protocol):
    """One node's share of the store, as the Ready loop sees it.

    Each method does one thing and leaves it to `drive` when. That order is
    what the loop is about.
    """

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        """Stores a snapshot that came from the leader, durably.

        Its file first, then the mark in the log; raft finds it from then on.
        """

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and hard state, and shows them to raft's storage.

        Durably if `sync` says so; see `Log.save`.
        """

    def send(self, messages: list[pb.Message]) -> None:
        """Puts messages on their way to other nodes; does not wait for it."""

    def restore(self, snapshot: pb.Snapshot) -> None:
        """Replaces the state machine's state by that of a stored snapshot."""

    async def apply(self, entries: list[pb.Entry]) -> None:
        """Applies committed entries in order, and answers who waits for them.

        What is a change of the configuration is handed to raft.
        """

    def answer_reads(self, reads: list[ReadState]) -> None:
        """Serves reads for which raft has said how far to have applied."""

    def observe(self, state: SoftState) -> None:
        """Takes note of a new leader or a new role."""

    async def snapshot_if_due(self) -> None:
        """Takes a snapshot if `snapshot_due` says so; writes go on."""


Drive = Callable[[Node, Replica], Awaitable[None]]
"""The Ready loop: returns when the node has stopped.

It takes each `Ready` of `node.ready()` and does what it asks for, in an order
in which a crash between any two steps breaks no promise: nothing is sent that
says 'stored' before it is, nothing is applied that is not committed and
stored, and no client is told before it is applied. Whatever the replica
raises ends the loop.
"""
