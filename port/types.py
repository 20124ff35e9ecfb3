"""The small values that pass between the parts of raft.

`EntryID` and `LogSlice` are upstream's `types.go`. What a `Ready` is, and when
two states count as equal, belongs to `node.go`; it stands here because
`port.node` needs asyncio, and the core must do without. The constants are
those of `raft.go` that other files need too.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from port import raftpb as pb
from port.errors import RaftError

if TYPE_CHECKING:
    from port.raft import StateType
    from port.read_only import ReadState

# The id of no node: no leader, no vote, nobody to answer to.
NONE: Final = 0

# Whom messages to the storage threads name as their target; with asynchronous
# storage writes only.
LOCAL_APPEND_THREAD: Final = pb.MAX_UINT64
LOCAL_APPLY_THREAD: Final = pb.MAX_UINT64 - 1

# The largest uint64: as a size it means 'no limit'.
NO_LIMIT: Final = pb.MAX_UINT64


class EntryID(NamedTuple):
    """What names an entry for good: the term that issued it, and its index.

    One leader a term, and no leader issues two entries at one index; so two
    entries with the same id are the same entry.

    Go: types.go:28-31 entryID
    """

    term: int
    index: int  # type: ignore[assignment]  # a number, not tuple's method

    def __str__(self) -> str:
        return f"{{term:{self.term} index:{self.index}}}"


def pb_entry_id(entry: pb.Entry) -> EntryID:
    """Returns the id of an entry.

    Go: types.go:34-36 pbEntryID
    """
    return EntryID(entry.term or 0, entry.index or 0)


class LogSlice:
    """A run of entries as one leader's log holds them, and what precedes it.

    Attributes:
        term: The leader's term. Not the term of the entries: a leader passes
            on what earlier terms left behind.
        prev: The id of the entry just before the run.
        entries: The run itself, without gaps.

    Two slices of the same `term` never disagree about an index; two of
    different terms agree up to some index and never again after it.

    Go: types.go:67-74 logSlice
    """

    __slots__ = ("entries", "prev", "term")

    def __init__(
        self, term: int, prev: EntryID, entries: list[pb.Entry]
    ) -> None:
        self.term = term
        self.prev = prev
        self.entries = entries

    def last_index(self) -> int:
        """Returns the last index of the run, or `prev`'s when it is empty.

        Go: types.go:78-80 lastIndex
        """
        return self.prev.index + len(self.entries)

    def last_entry_id(self) -> EntryID:
        """Returns the id of the last entry, or `prev` when there is none.

        Go: types.go:84-89 lastEntryID
        """
        return pb_entry_id(self.entries[-1]) if self.entries else self.prev

    def valid(self) -> None:
        """Checks what every slice must keep: no gap, and terms that only rise.

        Raises:
            RaftError: the text names the two entries that do not fit.

        Go: types.go:93-106 valid
        """
        prev = self.prev
        for entry in self.entries:
            here = pb_entry_id(entry)
            if here.term < prev.term or here.index != prev.index + 1:
                raise RaftError(
                    f"leader term {self.term}: entries {prev} and {here}"
                    " not consistent"
                )
            prev = here
        if self.term < prev.term:
            raise RaftError(
                f"leader term {self.term}: entry {prev} has a newer term"
            )


class SnapshotStatus(IntEnum):
    """How the sending of a snapshot ended, as the application reports it.

    Go: node.go:24-24 SnapshotStatus
    """

    SnapshotFinish = 1
    SnapshotFailure = 2


SnapshotFinish: Final = SnapshotStatus.SnapshotFinish
SnapshotFailure: Final = SnapshotStatus.SnapshotFailure


class SoftState(NamedTuple):
    """Who leads, and this node's role: worth showing, not worth storing.

    Go: node.go:40-43 SoftState
    Go: node.go:45-47 equal
    """

    lead: int
    raft_state: StateType


class Ready:
    """Work for the application: what to store, to send and to apply.

    A field that is `None` or empty asks for nothing. Everything here is
    shared with raft and must not be changed.

    Attributes:
        soft_state: Set when the leader or this node's role has changed.
        hard_state: Term, vote and commit to store before `messages` leave.
        read_states: Answers to `read_index`; a read may be served once its
            index has been applied.
        entries: To be stored before `messages` leave.
        snapshot: To be stored, and the state machine replaced by it.
        committed_entries: To be applied, in order.
        messages: To be sent. Without asynchronous storage they leave after
            the above is stored; with it they may leave at once, and the
            ones to the storage threads carry what has to wait.
        must_sync: Whether storing must be durable; false when only the
            commit index has moved.

    Go: node.go:52-115 Ready
    """

    __slots__ = (
        "committed_entries", "entries", "hard_state", "messages",
        "must_sync", "read_states", "snapshot", "soft_state",
    )  # fmt: skip

    def __init__(
        self,
        soft_state: SoftState | None = None,
        hard_state: pb.HardState | None = None,
        read_states: list[ReadState] | None = None,
        entries: list[pb.Entry] | None = None,
        snapshot: pb.Snapshot | None = None,
        committed_entries: list[pb.Entry] | None = None,
        messages: list[pb.Message] | None = None,
        must_sync: bool = False,
    ) -> None:
        self.soft_state = soft_state
        self.hard_state = hard_state
        self.read_states = [] if read_states is None else read_states
        self.entries = [] if entries is None else entries
        self.snapshot = snapshot
        self.committed_entries = (
            [] if committed_entries is None else committed_entries
        )
        self.messages = [] if messages is None else messages
        self.must_sync = must_sync


def is_hard_state_equal(a: pb.HardState, b: pb.HardState) -> bool:
    """Tells whether term, vote and commit agree; absent counts as zero.

    Go: node.go:117-119 isHardStateEqual
    """
    return (
        (a.term or 0) == (b.term or 0)
        and (a.vote or 0) == (b.vote or 0)
        and (a.commit or 0) == (b.commit or 0)
    )


def is_empty_hard_state(st: pb.HardState | None) -> bool:
    """Tells whether there is nothing in it to store.

    Go: node.go:122-124 IsEmptyHardState
    """
    return st is None or not (st.term or st.vote or st.commit)


def is_empty_snap(sp: pb.Snapshot | None) -> bool:
    """Tells whether there is no snapshot: none at all, or one of index 0.

    Go: node.go:127-129 IsEmptySnap
    """
    return sp is None or sp.index == 0


class Peer(NamedTuple):
    """A member to begin with, for `bootstrap`.

    Go: node.go:245-248 Peer
    """

    id: int
    context: bytes | None = None


def conf_change_to_msg(c: pb.ConfChangeI | None) -> pb.Message:
    """Returns the proposal that carries a configuration change.

    Go: node.go:488-494 confChangeToMsg
    """
    kind, data = pb.marshal_conf_change(c)
    return pb.Message(
        type=pb.MsgProp, entries=[pb.Entry(type=kind, data=data)]
    )
