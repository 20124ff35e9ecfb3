"""How raft's values read as text, and how much room entries take.

The `describe_*` functions print what the recordings hold, character for
character. Node ids in messages are hexadecimal, other numbers decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import InvalidConfChange, Malformed, RaftPanic
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    NONE,
    Ready,
    SoftState,
    is_empty_hard_state,
    is_empty_snap,
)

if TYPE_CHECKING:
    from port.logger import Logger
    from port.read_only import ReadState

LOCAL_MSGS = frozenset({
    pb.MsgHup,
    pb.MsgBeat,
    pb.MsgUnreachable,
    pb.MsgSnapStatus,
    pb.MsgCheckQuorum,
    pb.MsgStorageAppend,
    pb.MsgStorageAppendResp,
    pb.MsgStorageApply,
    pb.MsgStorageApplyResp,
})  # fmt: skip

RESPONSE_MSGS = frozenset({
    pb.MsgAppResp,
    pb.MsgVoteResp,
    pb.MsgHeartbeatResp,
    pb.MsgUnreachable,
    pb.MsgReadIndexResp,
    pb.MsgPreVoteResp,
    pb.MsgStorageAppendResp,
    pb.MsgStorageApplyResp,
})  # fmt: skip


def is_local_msg(msgt: pb.MessageType) -> bool:
    """Tells whether such a message never travels between nodes.

    Go: util.go:59-61 IsLocalMsg
    """
    return msgt in LOCAL_MSGS


def is_response_msg(msgt: pb.MessageType) -> bool:
    """Tells whether such a message answers another one.

    Go: util.go:63-65 IsResponseMsg
    """
    return msgt in RESPONSE_MSGS


def is_local_msg_target(id: int) -> bool:
    """Tells whether `id` is one of the two storage threads.

    Go: util.go:67-69 IsLocalMsgTarget
    """
    return id in (LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD)


def vote_resp_msg_type(msgt: pb.MessageType) -> pb.MessageType:
    """Returns the type that answers a vote or a pre-vote request.

    Raises:
        RaftPanic: `msgt` is neither.

    Go: util.go:72-81 voteRespMsgType
    """
    if msgt is pb.MsgVote:
        return pb.MsgVoteResp
    if msgt is pb.MsgPreVote:
        return pb.MsgPreVoteResp
    raise RaftPanic(f"not a vote message: {msgt}")


def describe_hard_state(hs: pb.HardState) -> str:
    """Returns text such as `Term:2 Vote:1 Commit:7`; no vote, no `Vote`.

    Go: util.go:83-91 DescribeHardState
    """
    vote = f" Vote:{hs.vote}" if hs.vote else ""
    return f"Term:{hs.term or 0}{vote} Commit:{hs.commit or 0}"


def describe_soft_state(ss: SoftState) -> str:
    """Returns text such as `Lead:1 State:StateFollower`.

    Go: util.go:93-95 DescribeSoftState
    """
    return f"Lead:{ss.lead} State:{ss.raft_state}"


def describe_conf_state(state: pb.ConfState | None) -> str:
    """Returns all five fields of a configuration, empty ones included.

    Go: util.go:97-102 DescribeConfState
    """
    state = state or pb.ConfState()
    return (
        f"Voters:{_numbers(state.voters)}"
        f" VotersOutgoing:{_numbers(state.voters_outgoing)}"
        f" Learners:{_numbers(state.learners)}"
        f" LearnersNext:{_numbers(state.learners_next)}"
        f" AutoLeave:{_bool(state.auto_leave)}"
    )


def describe_snapshot(snap: pb.Snapshot) -> str:
    """Returns where a snapshot stands, and its configuration; not its data.

    Go: util.go:104-107 DescribeSnapshot
    """
    conf_state = snap.metadata.conf_state if snap.metadata else None
    return (
        f"Index:{snap.index} Term:{snap.term}"
        f" ConfState:{describe_conf_state(conf_state)}"
    )


def describe_ready(rd: Ready, f: EntryFormatter | None = None) -> str:
    """Returns a `Ready` over several lines, without what is absent.

    Go: util.go:109-144 DescribeReady
    """
    lines = []
    if rd.soft_state is not None:
        lines.append(describe_soft_state(rd.soft_state))
    if rd.hard_state is not None and not is_empty_hard_state(rd.hard_state):
        lines.append(f"HardState {describe_hard_state(rd.hard_state)}")
    if rd.read_states:
        lines.append(f"ReadStates {_read_states(rd.read_states)}")
    if rd.entries:
        lines.append("Entries:")
        lines += [describe_entry(e, f) for e in rd.entries]
    if rd.snapshot is not None and not is_empty_snap(rd.snapshot):
        lines.append(f"Snapshot {describe_snapshot(rd.snapshot)}")
    if rd.committed_entries:
        lines.append("CommittedEntries:")
        lines += [describe_entry(e, f) for e in rd.committed_entries]
    if rd.messages:
        lines.append("Messages:")
        lines += [describe_message(m, f) for m in rd.messages]
    if not lines:
        return "<empty Ready>"
    head = f"Ready MustSync={_bool(rd.must_sync)}:"
    return "\n".join([head, *lines, ""])


# How an application shows the data of its entries.
#
# Go: util.go:148-148 EntryFormatter
EntryFormatter = Callable[[bytes], str]


def describe_message(m: pb.Message, f: EntryFormatter | None = None) -> str:
    """Returns text such as `1->2 MsgApp Term:1 Log:1/3 Commit:4`.

    `Log` is log term and index; further fields are there when not zero.

    Go: util.go:152-154 DescribeMessage
    """
    return describe_message_with_indent("", m, f)


def describe_message_with_indent(
    indent: str, m: pb.Message, f: EntryFormatter | None
) -> str:
    """Returns the text of a message, and of its responses further in.

    Go: util.go:156-191 describeMessageWithIndent
    """
    text = (
        f"{indent}{describe_target(m.from_ or NONE)}"
        f"->{describe_target(m.to or NONE)} {m.type or pb.MsgHup}"
        f" Term:{m.term or 0} Log:{m.log_term or 0}/{m.index or 0}"
    )
    if m.reject:
        text += f" Rejected (Hint: {m.reject_hint or 0})"
    if m.commit:
        text += f" Commit:{m.commit}"
    if m.vote:
        text += f" Vote:{m.vote}"
    if len(m.entries) == 1:
        text += f" Entries:[{describe_entry(m.entries[0], f)}]"
    elif m.entries:
        text += " Entries:["
        for e in m.entries:
            text += f"\n{indent}  {describe_entry(e, f)}"
        text += f"\n{indent}]"
    if m.snapshot is not None and not is_empty_snap(m.snapshot):
        text += f"\n{indent}  Snapshot: {describe_snapshot(m.snapshot)}"
    if m.responses:
        text += " Responses:["
        for response in m.responses:
            inner = describe_message_with_indent(indent + "  ", response, f)
            text += f"\n{inner}"
        text += f"\n{indent}]"
    return text


def describe_target(id: int) -> str:
    """Returns a node's id in hexadecimal, or the name of a storage thread.

    Go: util.go:193-204 describeTarget
    """
    if id == NONE:
        return "None"
    if id == LOCAL_APPEND_THREAD:
        return "AppendThread"
    if id == LOCAL_APPLY_THREAD:
        return "ApplyThread"
    return f"{id:x}"


def describe_entry(e: pb.Entry, f: EntryFormatter | None = None) -> str:
    """Returns text such as `1/5 EntryNormal "foo"` or `1/6 EntryConfChange v4`.

    Go: util.go:208-242 DescribeEntry
    """
    kind = e.type or pb.EntryNormal
    formatted = ""
    try:
        if kind is pb.EntryNormal:
            formatted = (f or quote)(e.data or b"")
        elif kind is pb.EntryConfChange:
            v1 = pb.ConfChange.unmarshal(e.data)
            formatted = pb.conf_changes_to_string(v1.as_v2().changes)
        elif kind is pb.EntryConfChangeV2:
            v2 = pb.ConfChangeV2.unmarshal(e.data)
            formatted = pb.conf_changes_to_string(v2.changes)
    except Malformed as err:
        formatted = str(err)
    text = f"{e.term or 0}/{e.index or 0} {kind}"
    return f"{text} {formatted}" if formatted else text


def describe_conf_change(cc: pb.ConfChangeI) -> str:
    """Returns a configuration change in full, in one line.

    Go: util.go:247-258 DescribeConfChange
    """
    cc = cc.as_v2()
    auto = pb.ConfChangeTransitionAuto
    text = f"transition:{cc.transition or auto}"
    for c in cc.changes:
        kind = c.type or pb.ConfChangeAddNode
        text += f" changes:{{type:{kind} node_id:{c.node_id or 0}}}"
    if cc.context:
        text += f" context:{quote(cc.context)}"
    return text


def describe_entries(
    ents: Sequence[pb.Entry], f: EntryFormatter | None = None
) -> str:
    """Returns the text of each entry on a line of its own.

    Go: util.go:262-268 DescribeEntries
    """
    return "".join(describe_entry(e, f) + "\n" for e in ents)


def ents_size(ents: Sequence[pb.Entry]) -> int:
    """Returns the size of the entries in bytes, as protobuf encodes them.

    Go: util.go:274-280 entsSize
    """
    size = 0
    for e in ents:
        size += e.size()
    return size


def limit_size(ents: list[pb.Entry], max_size: int) -> list[pb.Entry]:
    """Returns the longest prefix within `max_size` bytes, but one at least.

    An entry larger than the limit must still move, or nothing behind it ever
    would.

    Go: util.go:286-298 limitSize
    """
    if len(ents) <= 1 or max_size >= pb.MAX_UINT64:
        return ents
    size = ents[0].size()
    for limit in range(1, len(ents)):
        size += ents[limit].size()
        if size > max_size:
            return ents[:limit]
    return ents


def payload_size(e: pb.Entry) -> int:
    """Returns the length of an entry's data in bytes; without data, 0.

    Go: util.go:307-309 payloadSize
    """
    return len(e.data) if e.data is not None else 0


def payloads_size(ents: Sequence[pb.Entry]) -> int:
    """Returns the length of all data in bytes.

    Go: util.go:312-318 payloadsSize
    """
    size = 0
    for e in ents:
        if e.data is not None:
            size += len(e.data)
    return size


def assert_conf_states_equivalent(
    logger: Logger, cs1: pb.ConfState, cs2: pb.ConfState
) -> None:
    """Panics unless both describe the same configuration.

    Go: util.go:320-326 assertConfStatesEquivalent
    """
    try:
        cs1.equivalent(cs2)
    except InvalidConfChange as err:
        logger.panic("%s", err)


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
    "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def quote(data: bytes) -> str:
    """Returns `data` between double quotes, as Go's `%q` prints bytes.

    Text that is UTF-8 and printable stands as it is; all else is escaped.
    """
    text = data.decode("utf-8", "surrogateescape")
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(char: str) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, kept by decode()
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _bool(value: bool | None) -> str:
    return "true" if value else "false"


def _numbers(values: Sequence[int]) -> str:
    return f"[{' '.join(map(str, values))}]"


def _read_states(states: Sequence[ReadState]) -> str:
    return "[" + " ".join(
        f"{{{s.index} {_numbers(list(s.request_ctx or b''))}}}"
        for s in states
    ) + "]"  # fmt: skip
