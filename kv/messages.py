"""What nodes say to each other, as bytes: msgpack arrays, one a frame.

The first element says which kind of frame it is:

    HELLO     who is speaking, and to whom it thinks it speaks
    RAFT      raft's messages, any number of them
    SNAPSHOT  a snapshot begins: raft's message without the state itself
    PART      a piece of that state
    END       that was all of it, so many bytes
    STORED    the answer: the snapshot has reached raft

Entries go as `kv.entries` has them, the same as on disk. A leader sends the
same run of entries to each follower; its bytes are put together once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kv.entries import pack_entry, unpack_entries
from kv.packing import pack, unpack
from port import raftpb as pb

VERSION: Final = 1
HELLO, RAFT, SNAPSHOT, PART, END, STORED = range(1, 7)

Address = tuple[str, int]

_TYPES: Final = list(pb.MessageType)
_FIELDS: Final = 12
_MAX: Final = pb.MAX_UINT64


class Hello(NamedTuple):
    """What each side says first.

    Attributes:
        version: Of this format.
        cluster: The cluster's id.
        node: Who speaks.
        to: Whom it takes the other side for; 0 in an answer.
        address: Where it listens itself, if it says so.
    """

    version: int
    cluster: int
    node: int
    to: int
    address: Address | None = None


class Offer(NamedTuple):
    """The beginning of a snapshot.

    Attributes:
        message: Raft's `MsgSnap`; the snapshot in it has metadata only.
        members: Where members listen, by id: a node that was away may have
            missed the entries that told it.
        size: Of the state that follows, in bytes.
    """

    message: pb.Message
    members: dict[int, Address]
    size: int


class Codec:
    """Puts messages into bytes; remembers the run of entries it did last."""

    __slots__ = ("_last", "_run")

    def __init__(self) -> None:
        self._run: tuple[int, int, int, int] | None = None
        self._last = b""

    def raft(self, messages: list[pb.Message]) -> bytes:
        """Returns the frame of messages that carry no snapshot."""
        return pack([RAFT, *map(self._fields, messages)])

    def _fields(self, m: pb.Message) -> tuple[object, ...]:
        return (
            m.type or 0, m.to or 0, m.from_ or 0, m.term, m.log_term,
            m.index, m.commit, m.vote, m.reject, m.reject_hint, m.context,
            self._entries(m.entries) if m.entries else None,
        )  # fmt: skip

    def _entries(self, entries: list[pb.Entry]) -> bytes:
        first, last = entries[0], entries[-1]
        if not first.index:  # A proposal: nothing tells it from others.
            return b"".join(map(pack_entry, entries))
        # Index and term name an entry for good, and with it all before.
        run = (
            first.index, first.term or 0, last.index or 0, last.term or 0,
        )  # fmt: skip
        if run != self._run:
            self._last = b"".join(map(pack_entry, entries))
            self._run = run
        return self._last

    def offer(
        self, m: pb.Message, members: dict[int, Address], size: int
    ) -> bytes:
        """Returns the frame with which the sending of a snapshot begins."""
        metadata = m.snapshot.metadata if m.snapshot is not None else None
        metadata = metadata or pb.SnapshotMetadata()
        state = metadata.conf_state or pb.ConfState()
        return pack([
            SNAPSHOT, self._fields(m), metadata.index or 0,
            metadata.term or 0, state.voters, state.learners,
            state.voters_outgoing, state.learners_next,
            bool(state.auto_leave), member_list(members), size,
        ])  # fmt: skip


def hello(
    cluster: int, node: int, to: int, address: Address | None = None
) -> bytes:
    """Returns the frame that opens a connection, or answers one."""
    return pack((HELLO, VERSION, cluster, node, to, *(address or ())))


def part(data: bytes) -> bytes:
    """Returns the frame of a piece of a snapshot's state."""
    return pack((PART, data))


def end(size: int) -> bytes:
    """Returns the frame that ends a snapshot."""
    return pack((END, size))


def stored(ok: bool) -> bytes:
    """Returns the frame that answers a snapshot."""
    return pack((STORED, ok))


def parse(body: bytes) -> tuple[int, list[object]]:
    """Returns a frame's kind, and what it holds, not yet looked at.

    Raises:
        ValueError: it is no frame.
    """
    found = unpack(body)
    if not isinstance(found, list) or not found:
        raise ValueError("a frame that is no list")
    kind = found[0]
    if type(kind) is not int or not HELLO <= kind <= STORED:
        raise ValueError("a frame of no known kind")
    return kind, found


def parse_hello(found: list[object]) -> Hello:
    """Returns who speaks.

    Raises:
        ValueError: it does not say so properly.
    """
    if len(found) < 5 or not all(map(_is_number, found[1:5])):
        raise ValueError("a greeting that cannot be read")
    address = None
    if len(found) > 6 and type(found[5]) is str and _is_number(found[6]):
        address = found[5], found[6]
    version, cluster, node, to = found[1:5]
    return Hello(version, cluster, node, to, address)  # type: ignore[arg-type]


def parse_raft(found: list[object]) -> list[pb.Message]:
    """Returns raft's messages.

    Raises:
        ValueError: one of them is none.
    """
    return [_message(fields) for fields in found[1:]]


def parse_offer(found: list[object]) -> Offer:
    """Returns the beginning of a snapshot.

    Raises:
        ValueError: it is none.
    """
    if len(found) != 11:
        raise ValueError("a snapshot that begins in no known way")
    message = _message(found[1])
    index, term, auto_leave, size = found[2], found[3], found[8], found[10]
    if not (_is_number(index) and _is_number(term) and _is_number(size)):
        raise ValueError("a snapshot without index, term or size")
    voters, learners, outgoing, later = (_ids(f) for f in found[4:8])
    state = pb.ConfState(
        voters, learners, outgoing, later, auto_leave is True
    )
    metadata = pb.SnapshotMetadata(state, index, term)  # type: ignore[arg-type]
    message.snapshot = pb.Snapshot(None, metadata)
    return Offer(message, parse_members(found[9]), size)  # type: ignore[arg-type]


def member_list(members: dict[int, Address]) -> list[tuple[int, str, int]]:
    """Returns where members listen, in the form that goes into bytes."""
    return [(id, host, port) for id, (host, port) in members.items()]


def parse_members(found: object) -> dict[int, Address]:
    """Returns where members listen; undoes `member_list`.

    Raises:
        ValueError: it does not say that.
    """
    if not isinstance(found, list):
        raise ValueError("members that are no list")
    members: dict[int, Address] = {}
    for row in found:
        if not isinstance(row, list) or len(row) != 3:
            raise ValueError("a member without id or address")
        id, host, port = row
        if not (_is_number(id) and type(host) is str and _is_number(port)):
            raise ValueError("a member without id or address")
        members[id] = (host, port)
    return members


def _is_number(what: object) -> bool:
    return type(what) is int and 0 <= what <= _MAX


def _ids(what: object) -> list[int]:
    if not isinstance(what, list) or not all(map(_is_number, what)):
        raise ValueError("ids that are none")
    return what


def _message(fields: object) -> pb.Message:
    if not isinstance(fields, list) or len(fields) != _FIELDS:
        raise ValueError("a message of no known form")
    (
        kind, to, from_, term, log_term, index, commit, vote, reject, hint,
        context, entries,
    ) = fields  # fmt: skip
    if type(kind) is not int or not 0 <= kind < len(_TYPES):
        raise ValueError("a message of no known type")
    for number in (to, from_, term, log_term, index, commit, vote, hint):
        if number is not None and (
            type(number) is not int or not 0 <= number <= _MAX
        ):
            raise ValueError("a message with something else for a number")
    if not (reject is None or type(reject) is bool):
        raise ValueError("a message that neither rejects nor accepts")
    if not (context is None or type(context) is bytes):
        raise ValueError("a message whose context is not bytes")
    if not (entries is None or type(entries) is bytes):
        raise ValueError("a message whose entries are not bytes")
    return pb.Message(
        _TYPES[kind], to, from_, term, log_term, index,
        unpack_entries(entries, 0, len(entries)) if entries else [],
        commit, vote, None, reject, hint, context,
    )  # fmt: skip
