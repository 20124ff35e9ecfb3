"""The state trace: one event for each step that the TLA+ model knows.

Upstream checks such traces against its TLA+ specification. Here they are a
second recording, beside the log lines: what happened, with which state, on
which message. Nothing is built unless the `Config` brings a trace logger.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING, Protocol

from port import raftpb as pb

if TYPE_CHECKING:
    from port.raft import Raft
    from port.tracker import Config

# What JSON can say, as far as a trace needs it.
Json = str | int | bool | list["Json"] | dict[str, "Json"]


class StateMachineEventType(IntEnum):
    """The kinds of event; the name without `rsm` is what a trace shows.

    Go: state_trace.go:29-29 stateMachineEventType
    Go: state_trace.go:53-75 String
    """

    InitState = 0
    BecomeCandidate = auto()
    BecomeFollower = auto()
    BecomeLeader = auto()
    Commit = auto()
    Replicate = auto()
    ChangeConf = auto()
    ApplyConfChange = auto()
    Ready = auto()
    SendAppendEntriesRequest = auto()
    ReceiveAppendEntriesRequest = auto()
    SendAppendEntriesResponse = auto()
    ReceiveAppendEntriesResponse = auto()
    SendRequestVoteRequest = auto()
    ReceiveRequestVoteRequest = auto()
    SendRequestVoteResponse = auto()
    ReceiveRequestVoteResponse = auto()
    SendSnapshot = auto()
    ReceiveSnapshot = auto()

    def __str__(self) -> str:
        return self.name


class TracingEvent:
    """One event: which node, what it did, and its state right then.

    Go: state_trace.go:83-93 TracingEvent
    """

    __slots__ = (
        "conf", "log_size", "message", "name", "node_id", "properties",
        "role", "state",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        node_id: str,
        state: TracingState,
        role: str,
        log_size: int,
        conf: tuple[list[str], list[str]],
        message: TracingMessage | None,
        properties: dict[str, Json],
    ) -> None:
        self.name = name
        self.node_id = node_id
        self.state = state
        self.role = role
        self.log_size = log_size
        self.conf = conf
        self.message = message
        self.properties = properties

    def as_json(self) -> dict[str, Json]:
        """Returns the event as upstream writes it, absent parts left out."""
        event: dict[str, Json] = {
            "name": self.name,
            "nid": self.node_id,
            "state": self.state.as_json(),
            "role": self.role,
            "log": self.log_size,
            "conf": [[*self.conf[0]], [*self.conf[1]]],
        }
        if self.message is not None:
            event["msg"] = self.message.as_json()
        if self.properties:
            event["prop"] = self.properties
        return event


class TracingState:
    """Term, vote and commit of the node.

    Go: state_trace.go:95-99 TracingState
    """

    __slots__ = ("commit", "term", "vote")

    def __init__(self, term: int, vote: str, commit: int) -> None:
        self.term = term
        self.vote = vote
        self.commit = commit

    def as_json(self) -> dict[str, Json]:
        """Returns the three by their names in a trace."""
        return {"term": self.term, "vote": self.vote, "commit": self.commit}


class TracingMessage:
    """A message as the model sees it: entries by their number.

    Go: state_trace.go:101-113 TracingMessage
    """

    __slots__ = ("_fields",)

    def __init__(self, m: pb.Message) -> None:
        log_term, index, entries = m.log_term or 0, m.index or 0, len(m.entries)
        if m.type is pb.MsgSnap:
            # The model has no snapshots: one is an append of all it covers.
            log_term, index = 0, 0
            entries = m.snapshot.index if m.snapshot is not None else 0
        self._fields: dict[str, Json] = {
            "type": str(m.type or pb.MsgHup),
            "term": m.term or 0,
            "from": str(m.from_ or 0),
            "to": str(m.to or 0),
            "entries": entries,
            "logTerm": log_term,
            "index": index,
            "commit": m.commit or 0,
            "vote": str(m.vote or 0),
            "reject": bool(m.reject),
            "rejectHint": m.reject_hint or 0,
        }

    def as_json(self) -> dict[str, Json]:
        """Returns the fields by their names in a trace."""
        return self._fields


class SingleConfChange:
    """One step of a configuration change, in the model's words.

    Go: state_trace.go:115-118 SingleConfChange
    """

    __slots__ = ("action", "node_id")

    def __init__(self, node_id: str, action: str) -> None:
        self.node_id = node_id
        self.action = action

    def as_json(self) -> dict[str, Json]:
        """Returns node and action by their names in a trace."""
        return {"nid": self.node_id, "action": self.action}


class TracingConfChange:
    """A configuration change that is proposed, or one that takes effect.

    Go: state_trace.go:120-123 TracingConfChange
    """

    __slots__ = ("changes", "new_conf")

    def __init__(
        self, changes: list[SingleConfChange], new_conf: list[str]
    ) -> None:
        self.changes = changes
        self.new_conf = new_conf

    def as_json(self) -> dict[str, Json]:
        """Returns changes and new voters, whichever there are."""
        event: dict[str, Json] = {}
        if self.changes:
            event["changes"] = [c.as_json() for c in self.changes]
        if self.new_conf:
            event["newconf"] = [*self.new_conf]
        return event


def make_tracing_state(r: Raft) -> TracingState:
    """Returns term, vote and commit of `r`.

    Go: state_trace.go:125-132 makeTracingState
    """
    return TracingState(r.term, str(r.vote), r.raft_log.committed)


def make_tracing_message(m: pb.Message | None) -> TracingMessage | None:
    """Returns what a trace shows of `m`.

    Go: state_trace.go:134-160 makeTracingMessage
    """
    return None if m is None else TracingMessage(m)


class TraceLogger(Protocol):
    """Takes the events, one by one, as they happen.

    Go: state_trace.go:162-164 TraceLogger
    """

    def trace_event(self, event: TracingEvent) -> None:
        """Takes one event."""


def trace_event(
    evt: StateMachineEventType,
    r: Raft,
    m: pb.Message | None,
    prop: dict[str, Json],
) -> None:
    """Hands an event with the state of `r` to its trace logger.

    Go: state_trace.go:166-181 traceEvent
    """
    if r.trace_logger is None:
        return
    voters = r.trk.voters
    r.trace_logger.trace_event(
        TracingEvent(
            name=str(evt),
            node_id=str(r.id),
            state=make_tracing_state(r),
            role=str(r.state),
            log_size=r.raft_log.last_index(),
            conf=(
                format_conf(voters[0].slice()),
                format_conf(voters[1].slice()),
            ),
            message=make_tracing_message(m),
            properties=prop,
        )
    )


def trace_node_event(evt: StateMachineEventType, r: Raft) -> None:
    """Traces an event that has no message.

    Go: state_trace.go:183-185 traceNodeEvent
    """
    trace_event(evt, r, None, {})


def format_conf(s: list[int]) -> list[str]:
    """Returns node ids as text.

    Go: state_trace.go:187-197 formatConf
    """
    return [str(id) for id in s]


def trace_init_state(r: Raft) -> None:
    """Traces a node that starts.

    Go: state_trace.go:201-207 traceInitState
    """
    trace_node_event(StateMachineEventType.InitState, r)


def trace_ready(r: Raft) -> None:
    """Traces a `Ready` that is handed out.

    Go: state_trace.go:209-211 traceReady
    """
    trace_node_event(StateMachineEventType.Ready, r)


def trace_commit(r: Raft) -> None:
    """Traces an attempt to commit, whether the mark moved or not.

    Go: state_trace.go:213-215 traceCommit
    """
    trace_node_event(StateMachineEventType.Commit, r)


def trace_replicate(r: Raft, es: list[pb.Entry]) -> None:
    """Traces each entry that a leader is about to append.

    Go: state_trace.go:217-223 traceReplicate
    """
    if r.trace_logger is None:
        return
    for e in es:
        if not e.type:
            trace_node_event(StateMachineEventType.Replicate, r)


def trace_become_follower(r: Raft) -> None:
    """Traces a new follower.

    Go: state_trace.go:225-227 traceBecomeFollower
    """
    trace_node_event(StateMachineEventType.BecomeFollower, r)


def trace_become_candidate(r: Raft) -> None:
    """Traces a new candidate.

    Go: state_trace.go:229-231 traceBecomeCandidate
    """
    trace_node_event(StateMachineEventType.BecomeCandidate, r)


def trace_become_leader(r: Raft) -> None:
    """Traces a new leader.

    Go: state_trace.go:233-235 traceBecomeLeader
    """
    trace_node_event(StateMachineEventType.BecomeLeader, r)


_ACTIONS = {
    pb.ConfChangeAddNode: "AddNewServer",
    pb.ConfChangeRemoveNode: "RemoveServer",
    pb.ConfChangeAddLearnerNode: "AddLearner",
}


def trace_change_conf_event(cci: pb.ConfChangeI, r: Raft) -> None:
    """Traces a configuration change that a leader is about to append.

    Go: state_trace.go:237-270 traceChangeConfEvent
    """
    changes = [
        SingleConfChange(str(c.node_id or 0), _ACTIONS[kind])
        for c in cci.as_v2().changes
        if (kind := c.type or pb.ConfChangeAddNode) in _ACTIONS
    ]
    if changes:
        cc = TracingConfChange(changes, [])
        event = StateMachineEventType.ChangeConf
        trace_event(event, r, None, {"cc": cc.as_json()})


def trace_conf_change_event(cfg: Config, r: Raft) -> None:
    """Traces a configuration that takes effect.

    Go: state_trace.go:272-285 traceConfChangeEvent
    """
    if r.trace_logger is None:
        return
    cc = TracingConfChange([], format_conf(cfg.voters[0].slice()))
    event = StateMachineEventType.ApplyConfChange
    trace_event(event, r, None, {"cc": cc.as_json()})


_SENDS = {
    pb.MsgApp: StateMachineEventType.SendAppendEntriesRequest,
    pb.MsgHeartbeat: StateMachineEventType.SendAppendEntriesRequest,
    pb.MsgSnap: StateMachineEventType.SendAppendEntriesRequest,
    pb.MsgAppResp: StateMachineEventType.SendAppendEntriesResponse,
    pb.MsgHeartbeatResp: StateMachineEventType.SendAppendEntriesResponse,
    pb.MsgVote: StateMachineEventType.SendRequestVoteRequest,
    pb.MsgVoteResp: StateMachineEventType.SendRequestVoteResponse,
}


def trace_send_message(r: Raft, m: pb.Message) -> None:
    """Traces a message that is queued; those that the model lacks are not.

    Go: state_trace.go:287-316 traceSendMessage
    """
    if r.trace_logger is None:
        return
    evt = _SENDS.get(m.type or pb.MsgHup)
    if evt is None:
        return
    prop: dict[str, Json] = {}
    pr = r.trk.progress.get(m.from_ or 0)
    if m.type is pb.MsgApp and pr is not None:
        prop = {"match": pr.match, "next": pr.next}
    trace_event(evt, r, m, prop)


_RECEIVES = {
    pb.MsgApp: StateMachineEventType.ReceiveAppendEntriesRequest,
    pb.MsgHeartbeat: StateMachineEventType.ReceiveAppendEntriesRequest,
    pb.MsgSnap: StateMachineEventType.ReceiveAppendEntriesRequest,
    pb.MsgAppResp: StateMachineEventType.ReceiveAppendEntriesResponse,
    pb.MsgHeartbeatResp: StateMachineEventType.ReceiveAppendEntriesResponse,
    pb.MsgVote: StateMachineEventType.ReceiveRequestVoteRequest,
    pb.MsgVoteResp: StateMachineEventType.ReceiveRequestVoteResponse,
}


def trace_receive_message(r: Raft, m: pb.Message) -> None:
    """Traces a message that comes in, before anything is done about it.

    Go: state_trace.go:318-339 traceReceiveMessage
    """
    if r.trace_logger is None:
        return
    evt = _RECEIVES.get(m.type or pb.MsgHup)
    if evt is not None:
        trace_event(evt, r, m, {})
