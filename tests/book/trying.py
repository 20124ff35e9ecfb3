"""What each role makes of each type of message, found out by trying.

`observe` steps every message, in several forms, into every role, in several
situations. What `book/matrix.toml` says is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from book.weave.matrix import ROLES, TERMS
from port import raftpb as pb
from port.errors import (
    ProposalDropped,
    RaftError,
    RaftPanic,
    StepLocalMsg,
    StepPeerNotFound,
)
from port.logger import discard_logger
from port.raft import CAMPAIGN_TRANSFER, Config, Raft, ReadOnlyLeaseBased
from port.rafttest.observe.messages import handler_of
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    NO_LIMIT,
    NONE,
)

TERM = 5
_BEHIND = TERM - 1
_LAST = 4  # the last entry of each node here, of term 5 on a leader


@dataclass(slots=True)
class Facts:
    """What was found out about a cell.

    Attributes:
        type: The type of the message.
        symbols: The functions that dealt with the message.
        to: The roles afterwards.
        sends: The types of messages that were sent.
        raises: The errors that were raised.
        changes: Whether anything about the node changed, besides.
    """

    type: str
    symbols: set[str]
    to: set[str]
    sends: set[str]
    raises: set[str]
    changes: bool = False

    @property
    def verdict(self) -> str:
        """One of the verdicts of `book.weave.matrix`."""
        if self.changes:
            return "handled"
        if self.sends == {self.type}:
            return "forwarded"
        if self.raises:
            return "handled" if self.sends else "refused"
        return "answered" if self.sends else "ignored"


Prepare = Callable[[Raft], object]


def _snapshot(index: int, term: int, *voters: int) -> pb.Snapshot:
    state = pb.ConfState(voters=list(voters or (1, 2, 3)))
    return pb.Snapshot(metadata=pb.SnapshotMetadata(state, index, term))


_MEMBERS = {
    "all": pb.ConfState(voters=[1, 2, 3]),
    "alone": pb.ConfState(voters=[1]),
    "learner": pb.ConfState(voters=[2, 3], learners=[1]),
    "joint": pb.ConfState(
        voters=[1, 2, 3], voters_outgoing=[1, 2], auto_leave=True
    ),
}


def _node(members: str = "all", **fields: object) -> Raft:
    """Makes node 1: a follower of term 5 with a log up to index 4."""
    store = MemoryStorage()
    state = _MEMBERS[members]
    store.apply_snapshot(
        pb.Snapshot(metadata=pb.SnapshotMetadata(state, 2, 1))
    )
    store.append([pb.Entry(2, 3), pb.Entry(2, 4)])
    store.set_hard_state(pb.HardState(TERM, NONE, 3))
    config = Config(
        id=1, election_tick=3, heartbeat_tick=1, storage=store,
        max_size_per_msg=NO_LIMIT, max_inflight_msgs=2,
        logger=discard_logger,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(config, name, value)
    return Raft(config)


def _follow(lead: int, vote: int = NONE) -> Prepare:
    def prepare(r: Raft) -> None:
        r.become_follower(TERM, lead)
        r.vote = vote

    return prepare


def _unapplied(r: Raft) -> None:
    r.become_follower(TERM, 2)
    change = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2)
    r.raft_log.append([pb.Entry(TERM, 5, pb.EntryConfChange, change.marshal())])
    r.raft_log.commit_to(5)


def _writing(r: Raft) -> None:
    r.become_follower(TERM, 2)
    r.raft_log.append([pb.Entry(TERM, 5)])
    r.raft_log.accept_unstable()


def _stand(votes: Mapping[int, bool], pre: bool) -> Prepare:
    def prepare(r: Raft) -> None:
        if pre:
            r.become_pre_candidate()
        else:
            r.term -= 1
            r.become_candidate()
        for id, granted in votes.items():
            r.trk.record_vote(id, granted)

    return prepare


def _lead(committed: bool = True) -> Prepare:
    def prepare(r: Raft) -> None:
        r.term -= 1
        r.become_candidate()
        r.become_leader()
        if committed:
            r.raft_log.commit_to(r.raft_log.last_index())
        r.msgs.clear()
        r.msgs_after_append.clear()

    return prepare


def _peers(state: str) -> Prepare:
    def prepare(r: Raft) -> None:
        _lead()(r)
        for id in (2, 3):
            pr = r.trk.progress[id]
            pr.recent_active = True
            pr.maybe_update(4)
            if state == "snapshot":
                pr.become_snapshot(4)
            else:
                pr.become_replicate()
            if state == "matched":
                pr.maybe_update(5)

    return prepare


def _compacted(r: Raft) -> None:
    _peers("probe")(r)
    store = r.raft_log.storage
    if isinstance(store, MemoryStorage):
        store.create_snapshot(4, pb.ConfState(voters=[1, 2, 3]), b"")
        store.compact(4)
    r.raft_log.applied_to(4, 0)
    for id in (2, 3):
        pr = r.trk.progress[id]
        pr.match = 0
        pr.become_probe()


def _postponing(r: Raft) -> None:
    _lead(False)(r)
    r.trk.progress[1].maybe_update(5)
    r.step(_message(pb.MsgReadIndex, 0, entries=[pb.Entry(data=b"r")]))


def _transferring(r: Raft) -> None:
    _peers("replicate")(r)
    r.lead_transferee = 3


def _removed(r: Raft) -> None:
    _lead()(r)
    del r.trk.progress[1]


def _full(r: Raft) -> None:
    _lead()(r)
    r.uncommitted_size = r.max_uncommitted_size = 1


def _reading(r: Raft) -> None:
    _peers("replicate")(r)
    r.step(_message(pb.MsgReadIndex, 0, entries=[pb.Entry(data=b"r")]))
    r.msgs.clear()


def _leaving(r: Raft) -> None:
    _lead()(r)
    r.pending_conf_index = 0


# Role by role, the situations that make a difference to some message.
_Situation = tuple[dict[str, object], Prepare]
_LEASE: dict[str, object] = {
    "check_quorum": True, "read_only_option": ReadOnlyLeaseBased,
}  # fmt: skip
_PRE: dict[str, object] = {"pre_vote": True}
_MINE, _NEARLY = {1: True}, {3: False}
SITUATIONS: dict[str, tuple[_Situation, ...]] = {
    "follower": (
        ({}, _follow(NONE)), ({}, _follow(2)), ({}, _follow(NONE, 3)),
        (_LEASE, _follow(2)), (_PRE, _follow(2)), (_PRE, _follow(NONE)),
        ({"members": "learner"}, _follow(2)), ({}, _unapplied), ({}, _writing),
        ({"disable_proposal_forwarding": True}, _follow(2)),
    ),
    "pre-candidate": (
        (_PRE, _stand({}, True)), (_PRE, _stand(_MINE, True)),
        (_PRE, _stand(_NEARLY, True)),
    ),
    "candidate": (
        ({}, _stand({}, False)), ({}, _stand(_MINE, False)),
        ({}, _stand(_NEARLY, False)), (_PRE, _stand({}, False)),
    ),
    "leader": (
        ({}, _lead()), ({}, _lead(False)), ({"check_quorum": True}, _lead()),
        (_LEASE, _peers("replicate")), (_PRE, _lead()),
        ({"members": "alone"}, _lead()), ({}, _peers("snapshot")),
        ({}, _transferring), ({}, _removed), ({}, _full), ({}, _reading),
        ({}, _peers("matched")), ({}, _compacted), ({}, _postponing),
        ({"members": "joint"}, _leaving),
    ),
}  # fmt: skip


def _message(
    kind: pb.MessageType, term: int, **fields: object
) -> pb.Message:
    m = pb.Message(type=kind, to=1, from_=2)
    m.term = term or None
    for name, value in fields.items():
        setattr(m, name, value)
    return m


_CHANGE = pb.Entry(type=pb.EntryConfChangeV2, data=b"")
_R = [pb.Entry(data=b"r")]
_UP: dict[str, object] = {"index": 9, "log_term": TERM}
# Type by type, the forms that make a difference to some role.
FORMS: dict[pb.MessageType, tuple[dict[str, object], ...]] = {
    pb.MsgProp: ({}, {"entries": [pb.Entry(data=b"ab")]},
                 {"entries": [_CHANGE]}),
    pb.MsgApp: ({"index": 4, "log_term": 2, "commit": 4},
                {"index": 4, "log_term": 2, "entries": [pb.Entry(TERM, 5)]},
                {"index": 9, "log_term": 5}, {"index": 2, "log_term": 1},
                {"index": 3, "log_term": 2, "entries": [pb.Entry(9, 3)]}),
    pb.MsgAppResp: ({"index": _LAST}, {"index": _LAST + 1},
                    {"index": 4, "reject": True, "reject_hint": 2},
                    {"reject": True},
                    {"index": 5, "from_": 3},
                    {"index": 4, "from_": 9}),
    pb.MsgVote: (_UP, {"index": 1, "log_term": 1},
                 {**_UP, "context": CAMPAIGN_TRANSFER}),
    pb.MsgPreVote: (_UP, {"index": 1, "log_term": 1}),
    pb.MsgVoteResp: ({}, {"reject": True}, {"from_": 9}),
    pb.MsgPreVoteResp: ({}, {"reject": True}, {"from_": 9}),
    pb.MsgSnap: ({"snapshot": _snapshot(2, 1)},
                 {"snapshot": _snapshot(4, 2)},
                 {"snapshot": _snapshot(9, TERM)},
                 {"snapshot": _snapshot(9, TERM, 2, 3)}),
    pb.MsgHeartbeat: ({"commit": 3}, {"commit": 4}, {"commit": 99}),
    pb.MsgHeartbeatResp: ({}, {"context": b"\1" + bytes(7)}, {"from_": 9}),
    pb.MsgUnreachable: ({}, {"from_": 9}),
    pb.MsgSnapStatus: ({}, {"reject": True}, {"from_": 9}),
    pb.MsgTransferLeader: ({}, {"from_": 1}, {"from_": 9}, {"from_": 3}),
    pb.MsgReadIndex: ({"entries": _R}, {"entries": _R, "from_": None}),
    pb.MsgReadIndexResp: ({"entries": _R, "index": 3}, {"index": 3}),
    pb.MsgStorageAppendResp: (
        {"from_": LOCAL_APPEND_THREAD, "index": 5, "log_term": TERM},
        {"from_": LOCAL_APPEND_THREAD, "snapshot": _snapshot(3, 2)},
        {"from_": LOCAL_APPEND_THREAD},
    ),
    pb.MsgStorageApplyResp: (
        {"from_": LOCAL_APPLY_THREAD},
        {"from_": LOCAL_APPLY_THREAD, "entries": [pb.Entry(2, 3)]},
        {"from_": LOCAL_APPLY_THREAD, "entries": [pb.Entry(2, 99)]},
    ),
}  # fmt: skip
_TERM_OF = {"zero": 0, "lower": _BEHIND, "equal": TERM, "higher": TERM + 1}
_ROLE_NAMES = dict(zip((0, 3, 1, 2), ROLES, strict=True))


@cache
def observe() -> Mapping[tuple[str, str, str], Facts]:
    """Steps every message into every role, and returns what was found."""
    found: dict[tuple[str, str, str], Facts] = {}
    for role, situations in SITUATIONS.items():
        for kind in pb.MessageType:
            for term in TERMS:
                facts = found[role, str(kind), term] = Facts(
                    str(kind), set(), set(), set(), set()
                )
                for fields, prepare in situations:
                    for form in FORMS.get(kind, ({},)):
                        r = _node(**fields)  # type: ignore[arg-type]
                        prepare(r)
                        _try(r, kind, _TERM_OF[term], form, facts)
    return found


def _try(
    r: Raft,
    kind: pb.MessageType,
    term: int,
    form: Mapping[str, object],
    facts: Facts,
) -> None:
    m = _message(kind, term, **form)
    if m.entries:
        m.entries = [
            pb.Entry(e.term, e.index, e.type, e.data) for e in m.entries
        ]
    facts.symbols.add(handler_of(r, m))
    before = _print(r)
    raised = ""
    try:
        r.step(m)
    except ProposalDropped:
        raised = "ProposalDropped"
    except RaftPanic:
        raised = "RaftPanic"
    sent = {
        str(a.type) for a in (*r.msgs, *r.msgs_after_append) if a.to != r.id
    }
    facts.to.add(_ROLE_NAMES[int(r.state)])
    facts.sends |= sent
    if raised:
        facts.raises.add(raised)
    if raised != "RaftPanic" and _print(r) != before:
        facts.changes = True


def _print(r: Raft) -> tuple[object, ...]:
    """Returns all of a node that a message may change, but what it sends."""
    log = r.raft_log
    return (
        r.term, r.vote, r.lead, r.state, r.lead_transferee, str(log),
        log.last_index(), log.unstable.snapshot, log.applying_ents_size,
        r.election_elapsed, r.heartbeat_elapsed, r.pending_conf_index,
        r.uncommitted_size, str(r.trk.progress), dict(r.trk.votes),
        str(r.trk.config), len(r.read_states), len(r.read_only.acks),
        len(r.read_only.unconfirmed_reads),
        len(r.pending_read_index_messages),
        [pr.msg_app_flow_paused for pr in r.trk.progress.values()],
    )  # fmt: skip


_SENDER = {"member": 2, "stranger": 9, "thread": LOCAL_APPEND_THREAD}


def rawnode_filter(kind: pb.MessageType, sender: str) -> str:
    """Returns what `RawNode.step` does to a message: `in`, or an error."""
    node = RawNode.__new__(RawNode)
    node.raft = _node()
    # Of a term gone by, so that raft makes nothing of what gets in.
    m = _message(kind, _BEHIND, from_=_SENDER[sender])
    try:
        node.step(m)
    except (StepLocalMsg, StepPeerNotFound) as error:
        return type(error).__name__
    except RaftError:
        return "in"
    return "in"
