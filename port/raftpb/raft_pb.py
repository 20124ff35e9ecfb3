"""The messages that raft exchanges and stores, and their protobuf form.

Upstream generates `raft.pb.go` from `raft.proto`. Here the schema is a table
in each class (`FIELDS`), and four short functions walk it: size, marshal,
unmarshal, clone. Three rules to know when reading:

* **Presence.** `None` is absent, and absent reads as zero: the code says
  `m.term or 0` where Go says `m.GetTerm()`. A zero that is present takes two
  bytes, an absent one none, and sizes steer flow control; so it matters
  which of the two a field holds.
* **Sharing.** Entries, snapshots and messages are not changed once another
  part of the program can see them. Nothing is copied to defend against it.
* **Order.** Fields are written by ascending number, as Go's protobuf does,
  so that conf changes marshal to the very same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self, cast

from port.errors import Malformed, RaftPanic

MAX_UINT64 = (1 << 64) - 1


class _Enum(IntEnum):
    """An `IntEnum` that prints like Go's and keeps numbers it does not know.

    A newer peer may send a value that this version has no name for. Go's
    protobuf keeps the number; so does this, under the number as its name.
    """

    def __str__(self) -> str:
        return self.name

    @classmethod
    def _missing_(cls, value: object) -> _Enum | None:
        if not isinstance(value, int):
            return None
        stranger = int.__new__(cls, value)
        stranger._name_ = str(value)
        stranger._value_ = value
        return stranger


class EntryType(_Enum):
    """What an entry's data is: the application's, or a conf change.

    Go: raft.proto:6-10 EntryType
    """

    EntryNormal = 0
    EntryConfChange = 1
    EntryConfChangeV2 = 2


class MessageType(_Enum):
    """The 24 kinds of message; `port.util` tells which are local.

    Go: raft.proto:32-60 MessageType
    """

    MsgHup = 0
    MsgBeat = 1
    MsgProp = 2
    MsgApp = 3
    MsgAppResp = 4
    MsgVote = 5
    MsgVoteResp = 6
    MsgSnap = 7
    MsgHeartbeat = 8
    MsgHeartbeatResp = 9
    MsgUnreachable = 10
    MsgSnapStatus = 11
    MsgCheckQuorum = 12
    MsgTransferLeader = 13
    MsgTimeoutNow = 14
    MsgReadIndex = 15
    MsgReadIndexResp = 16
    MsgPreVote = 17
    MsgPreVoteResp = 18
    MsgStorageAppend = 19
    MsgStorageAppendResp = 20
    MsgStorageApply = 21
    MsgStorageApplyResp = 22
    MsgForgetLeader = 23


class ConfChangeTransition(_Enum):
    """How a change of several members passes through the joint state.

    Go: raft.proto:109-125 ConfChangeTransition
    """

    ConfChangeTransitionAuto = 0
    ConfChangeTransitionJointImplicit = 1
    ConfChangeTransitionJointExplicit = 2


class ConfChangeType(_Enum):
    """What a single change does to the node that it names.

    Go: raft.proto:144-149 ConfChangeType
    """

    ConfChangeAddNode = 0
    ConfChangeRemoveNode = 1
    ConfChangeUpdateNode = 2
    ConfChangeAddLearnerNode = 3


class Field(NamedTuple):
    """One row of a schema: protobuf number, attribute, type, `repeated`."""

    number: int
    name: str
    kind: type
    repeated: bool = False


class Proto:
    """What all message classes share: equality by value, and a short repr."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[Field, ...]] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            getattr(self, f.name) == getattr(other, f.name)
            for f in self.FIELDS
        )

    __hash__ = None  # type: ignore[assignment]  # mutable, so not a key

    def __repr__(self) -> str:
        present = (
            f"{f.name}={value!r}"
            for f in self.FIELDS
            if (value := getattr(self, f.name)) not in (None, [])
        )
        return f"{type(self).__name__}({', '.join(present)})"

    def clone(self) -> Self:
        """Returns a deep copy; bytes are shared, since they cannot change."""
        twin = type(self)()
        for f in self.FIELDS:
            setattr(twin, f.name, _clone(getattr(self, f.name)))
        return twin

    def size(self) -> int:
        """Returns the length in bytes of `marshal()`, without marshalling."""
        return sum(_size(number, value) for number, value in self._present())

    def marshal(self) -> bytes:
        """Returns the protobuf encoding, fields by ascending number."""
        return b"".join(
            _marshal(number, value) for number, value in self._present()
        )

    @classmethod
    def unmarshal(cls, data: bytes | None) -> Self:
        """Returns the message that `data` encodes; absent data is an empty one.

        Fields that the schema does not know are skipped.

        Raises:
            Malformed: the bytes are no encoding of this message.
        """
        message = cls()
        known = {f.number: f for f in cls.FIELDS}
        for number, raw in _records(data or b"", cls.__name__):
            if (f := known.get(number)) is not None:
                _store(message, f, raw)
        return message

    def _present(self) -> Iterator[tuple[int, object]]:
        """Yields number and value of each present field, lists flattened."""
        for f in self.FIELDS:
            value: object = getattr(self, f.name)
            if f.repeated:
                for element in cast("list[object]", value):
                    yield f.number, element
            elif value is not None:
                yield f.number, value


class Entry(Proto):
    """One entry of the log: where it stands, and what it carries.

    `data` is opaque to raft unless `type` says that it is a conf change. An
    entry without data is what a new leader appends first, and what takes the
    place of a conf change that was refused.

    Go: raft.proto:12-17 Entry
    """

    __slots__ = ("data", "index", "term", "type")

    def __init__(
        self,
        term: int | None = None,
        index: int | None = None,
        type: EntryType | None = None,
        data: bytes | None = None,
    ) -> None:
        self.term = term
        self.index = index
        self.type = type
        self.data = data

    def __eq__(self, other: object) -> bool:
        """Tells whether it is the same entry; logs are compared by it."""
        if type(other) is not type(self):
            return NotImplemented
        return (
            self.index == other.index
            and self.term == other.term
            and self.data == other.data
            and self.type == other.type
        )

    __hash__ = None

    def size(self) -> int:
        """Returns the encoded size in bytes.

        Spelled out, since flow control asks it of every entry that moves. One
        tag byte a field; a number takes a byte for every seven bits of it.
        """
        n = 0
        if self.type is not None:
            n += 2
        if (term := self.term) is not None:
            n += 1 + ((term | 1).bit_length() + 6) // 7
        if (index := self.index) is not None:
            n += 1 + ((index | 1).bit_length() + 6) // 7
        if (data := self.data) is not None:
            length = len(data)
            n += 1 + ((length | 1).bit_length() + 6) // 7 + length
        return n


class ConfState(Proto):
    """Who is in the cluster: voters and learners, of both halves if joint.

    Go: raft.proto:127-142 ConfState
    """

    __slots__ = (
        "auto_leave", "learners", "learners_next", "voters", "voters_outgoing",
    )  # fmt: skip

    def __init__(
        self,
        voters: list[int] | None = None,
        learners: list[int] | None = None,
        voters_outgoing: list[int] | None = None,
        learners_next: list[int] | None = None,
        auto_leave: bool | None = None,
    ) -> None:
        self.voters = voters or []
        self.learners = learners or []
        self.voters_outgoing = voters_outgoing or []
        self.learners_next = learners_next or []
        self.auto_leave = auto_leave

    def equivalent(self, other: ConfState | None) -> None:
        """Checks that both describe the same configuration.

        Raises:
            InvalidConfChange: they differ; the text shows both.

        Go: confstate.go:26-52 Equivalent
        """
        # Here rather than in confstate.py as a method must sit in its class.
        from port.raftpb.confstate import equivalent

        equivalent(self, other)


class SnapshotMetadata(Proto):
    """The last entry that a snapshot covers, and the membership there.

    Go: raft.proto:19-23 SnapshotMetadata
    """

    __slots__ = ("conf_state", "index", "term")

    def __init__(
        self,
        conf_state: ConfState | None = None,
        index: int | None = None,
        term: int | None = None,
    ) -> None:
        self.conf_state = conf_state
        self.index = index
        self.term = term


class Snapshot(Proto):
    """The application's state up to an index, in place of the log before it.

    Go: raft.proto:25-28 Snapshot
    """

    __slots__ = ("data", "metadata")

    def __init__(
        self,
        data: bytes | None = None,
        metadata: SnapshotMetadata | None = None,
    ) -> None:
        self.data = data
        self.metadata = metadata

    @property
    def index(self) -> int:
        """The last index that is covered; 0 when the snapshot is empty."""
        metadata = self.metadata
        return 0 if metadata is None else metadata.index or 0

    @property
    def term(self) -> int:
        """The term of the last entry that is covered."""
        metadata = self.metadata
        return 0 if metadata is None else metadata.term or 0


class Message(Proto):
    """What nodes say to each other, and raft to its storage threads.

    One class serves all types; which fields matter depends on `type`, and the
    functions of `port.raft` that build and handle each say so. `from_` has
    its underscore because `from` is a keyword of Python.

    Go: raft.proto:62-99 Message
    """

    __slots__ = (
        "commit", "context", "entries", "from_", "index", "log_term",
        "reject", "reject_hint", "responses", "snapshot", "term", "to",
        "type", "vote",
    )  # fmt: skip

    def __init__(
        self,
        type: MessageType | None = None,
        to: int | None = None,
        from_: int | None = None,
        term: int | None = None,
        log_term: int | None = None,
        index: int | None = None,
        entries: list[Entry] | None = None,
        commit: int | None = None,
        vote: int | None = None,
        snapshot: Snapshot | None = None,
        reject: bool | None = None,
        reject_hint: int | None = None,
        context: bytes | None = None,
        responses: list[Message] | None = None,
    ) -> None:
        self.type = type
        self.to = to
        self.from_ = from_
        self.term = term
        self.log_term = log_term
        self.index = index
        self.entries = [] if entries is None else entries
        self.commit = commit
        self.vote = vote
        self.snapshot = snapshot
        self.reject = reject
        self.reject_hint = reject_hint
        self.context = context
        self.responses = [] if responses is None else responses


class HardState(Proto):
    """What must survive a crash besides the log: term, vote and commit.

    Go: raft.proto:101-105 HardState
    """

    __slots__ = ("commit", "term", "vote")

    def __init__(
        self,
        term: int | None = None,
        vote: int | None = None,
        commit: int | None = None,
    ) -> None:
        self.term = term
        self.vote = vote
        self.commit = commit


class ConfChangeSingle(Proto):
    """One step of a configuration change.

    Go: raft.proto:164-167 ConfChangeSingle
    """

    __slots__ = ("node_id", "type")

    def __init__(
        self,
        type: ConfChangeType | None = None,
        node_id: int | None = None,
    ) -> None:
        self.type = type
        self.node_id = node_id


class ConfChange(Proto):
    """The older form of a configuration change: a single step.

    Go: raft.proto:151-160 ConfChange
    """

    __slots__ = ("context", "id", "node_id", "type")

    def __init__(
        self,
        type: ConfChangeType | None = None,
        node_id: int | None = None,
        context: bytes | None = None,
        id: int | None = None,
    ) -> None:
        self.type = type
        self.node_id = node_id
        self.context = context
        self.id = id

    def as_v2(self) -> ConfChangeV2:
        """Returns the same operation in the newer form.

        Go: confchange.go:58-66 AsV2
        """
        step = ConfChangeSingle(
            type=self.type or ConfChangeType.ConfChangeAddNode,
            node_id=self.node_id or 0,
        )
        return ConfChangeV2(changes=[step], context=self.context)

    def as_v1(self) -> ConfChange | None:
        """Returns itself: this is the older form.

        Go: confchange.go:69-71 AsV1
        """
        return self


class ConfChangeV2(Proto):
    """A configuration change of any number of steps, taken as one.

    Without changes (a context is allowed) it asks to leave the joint state.

    Go: raft.proto:201-205 ConfChangeV2
    """

    __slots__ = ("changes", "context", "transition")

    def __init__(
        self,
        transition: ConfChangeTransition | None = None,
        changes: list[ConfChangeSingle] | None = None,
        context: bytes | None = None,
    ) -> None:
        self.transition = transition
        self.changes = [] if changes is None else changes
        self.context = context

    def as_v2(self) -> ConfChangeV2:
        """Returns itself.

        Go: confchange.go:74-74 AsV2
        """
        return self

    def as_v1(self) -> ConfChange | None:
        """Returns `None`: there is no older form of this.

        Go: confchange.go:77-77 AsV1
        """
        return None

    def enter_joint(self) -> tuple[bool, bool]:
        """Tells whether this change passes through the joint state.

        Returns:
            `(auto_leave, joint)`: whether raft leaves the joint state by
            itself, and whether it is entered at all. More than one step always
            goes through it; one step only when the transition asks for it.

        Go: confchange.go:84-106 EnterJoint
        """
        auto = ConfChangeTransition.ConfChangeTransitionAuto
        explicit = ConfChangeTransition.ConfChangeTransitionJointExplicit
        transition = self.transition or auto
        if transition is auto and len(self.changes) <= 1:
            return False, False
        if transition not in ConfChangeTransition.__members__.values():
            raise RaftPanic(f"unknown transition: {transition}")
        return transition is not explicit, True

    def leave_joint(self) -> bool:
        """Tells whether this change asks to leave the joint state.

        Go: confchange.go:111-114 LeaveJoint
        """
        return not self.transition and not self.changes


Entry.FIELDS = (
    Field(1, "type", EntryType),
    Field(2, "term", int),
    Field(3, "index", int),
    Field(4, "data", bytes),
)
ConfState.FIELDS = (
    Field(1, "voters", int, repeated=True),
    Field(2, "learners", int, repeated=True),
    Field(3, "voters_outgoing", int, repeated=True),
    Field(4, "learners_next", int, repeated=True),
    Field(5, "auto_leave", bool),
)
SnapshotMetadata.FIELDS = (
    Field(1, "conf_state", ConfState),
    Field(2, "index", int),
    Field(3, "term", int),
)
Snapshot.FIELDS = (
    Field(1, "data", bytes),
    Field(2, "metadata", SnapshotMetadata),
)
Message.FIELDS = (
    Field(1, "type", MessageType),
    Field(2, "to", int),
    Field(3, "from_", int),
    Field(4, "term", int),
    Field(5, "log_term", int),
    Field(6, "index", int),
    Field(7, "entries", Entry, repeated=True),
    Field(8, "commit", int),
    Field(9, "snapshot", Snapshot),
    Field(10, "reject", bool),
    Field(11, "reject_hint", int),
    Field(12, "context", bytes),
    Field(13, "vote", int),
    Field(14, "responses", Message, repeated=True),
)
HardState.FIELDS = (
    Field(1, "term", int),
    Field(2, "vote", int),
    Field(3, "commit", int),
)
ConfChangeSingle.FIELDS = (
    Field(1, "type", ConfChangeType),
    Field(2, "node_id", int),
)
ConfChange.FIELDS = (
    Field(1, "id", int),
    Field(2, "type", ConfChangeType),
    Field(3, "node_id", int),
    Field(4, "context", bytes),
)
ConfChangeV2.FIELDS = (
    Field(1, "transition", ConfChangeTransition),
    Field(2, "changes", ConfChangeSingle, repeated=True),
    Field(3, "context", bytes),
)

# The wire format. A record is a tag (number and wire type in one varint) and
# a value: a varint, or a length and as many bytes. Fixed-width values occur
# only in fields that the schema does not know, and are stepped over.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def _varint_size(n: int) -> int:
    return ((n & MAX_UINT64 | 1).bit_length() + 6) // 7


def _varint(n: int) -> bytes:
    n &= MAX_UINT64
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _size(number: int, value: object) -> int:
    tag = _varint_size(number << 3)
    if isinstance(value, int):
        return tag + _varint_size(value)
    length = value.size() if isinstance(value, Proto) else len(_bytes(value))
    return tag + _varint_size(length) + length


def _marshal(number: int, value: object) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value)
    body = value.marshal() if isinstance(value, Proto) else _bytes(value)
    return _varint(number << 3 | BYTES) + _varint(len(body)) + body


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")
    return value


def _clone(value: object) -> object:
    if isinstance(value, list):
        return [_clone(element) for element in value]
    return value.clone() if isinstance(value, Proto) else value


def _records(data: bytes, name: str) -> Iterator[tuple[int, int | bytes]]:
    """Yields `(field number, value)` of each record in `data`."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at, name)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise Malformed(f"{name}: field number 0 at byte {at}")
        if wire == VARINT:
            value, at = _read_varint(data, at, name)
            yield number, value
            continue
        if wire == BYTES:
            length, at = _read_varint(data, at, name)
        elif wire in (FIXED64, FIXED32):
            length = 8 if wire == FIXED64 else 4
        else:
            raise Malformed(f"{name}: wire type {wire} at byte {at}")
        if at + length > len(data):
            raise Malformed(f"{name}: field {number} is cut off")
        if wire == BYTES:
            yield number, data[at : at + length]
        at += length


def _read_varint(data: bytes, at: int, name: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Malformed(f"{name}: a number is cut off at byte {at}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > MAX_UINT64:
                break
            return value, at
    raise Malformed(f"{name}: a number is too long at byte {at}")


def _store(message: Proto, f: Field, raw: int | bytes) -> None:
    """Sets a field from its raw value, adding to it where it repeats."""
    if isinstance(raw, bytes) and issubclass(f.kind, int) and f.repeated:
        at = 0
        while at < len(raw):  # packed: a proto2 reader accepts that too
            number, at = _read_varint(raw, at, f.name)
            getattr(message, f.name).append(number)
        return
    if isinstance(raw, bytes) == issubclass(f.kind, int):
        raise Malformed(
            f"{type(message).__name__}: field {f.number} ({f.name})"
            " has the wrong wire type"
        )
    value = _convert(f.kind, raw)
    if f.repeated:
        getattr(message, f.name).append(value)
    else:
        setattr(message, f.name, value)


def _convert(kind: type, raw: int | bytes) -> object:
    if isinstance(raw, bytes):
        return kind.unmarshal(raw) if issubclass(kind, Proto) else raw
    if kind is bool:
        return raw != 0
    if issubclass(kind, IntEnum):  # protobuf enums are signed, 32 bits wide
        low = raw & 0xFFFFFFFF
        return kind(low - (1 << 32) if low >> 31 else low)
    return raw
