"""What each role makes of each type of message, at each term: a matrix.

Its 384 cells are the four roles, the 24 types, and four ways in which a
message's term compares with the node's: zero (a local message, or one that
carries none), lower, equal, higher. `book/matrix.toml` says what happens in
them, a rule for many cells at a time:

    [[rule]]
    roles = "all"                     # or a list of roles
    types = ["MsgHup"]
    terms = ["zero"]
    verdict = "handled"
    symbol = "Raft._step_hup"         # or a list, if it depends
    to = ["candidate"]                # the roles that it may end in
    sends = ["MsgVote"]               # what it may send because of that
    raises = ["ProposalDropped"]      # what it may raise
    says = "One sentence."

Each cell has one rule, no more and no less. `to` is the same role unless it
is written, `sends` and `raises` are empty. The verdicts: `ignored`, nothing
changes and nothing is sent; `answered`, nothing changes, and an answer may be
sent; `forwarded`, nothing changes, and it may be passed on; `refused`, nothing
changes, and it raises; `handled`, whatever else.

`observe` finds the same by trying: it steps every message, in several forms,
into every role, in several situations. A test compares.

Before a message reaches raft, `RawNode` and `node` have filters; a `filter`
of the file says what they do to a type, by who sent it. And a `type` says
what it is for, and which terms it has when nobody breaks the rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from book.weave import python
from book.weave.problems import Problem, Refused, WeaveError
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
from port.rafttest.observe import Transition
from port.rafttest.observe.messages import handler_of, relation
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    NO_LIMIT,
    NONE,
)

FILE = "book/matrix.toml"
PORT = "port/raft.py"

ROLES = ("follower", "pre-candidate", "candidate", "leader")
TYPES = tuple(str(kind) for kind in pb.MessageType)
TERMS = ("zero", "lower", "equal", "higher")
VERDICTS = ("ignored", "answered", "forwarded", "refused", "handled")
# Whoever may have sent a message: a member, somebody unknown, or storage.
SENDERS = ("member", "stranger", "thread")


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens in some cells.

    Attributes:
        verdict: One of `VERDICTS`.
        symbols: The functions of `port/raft.py` that deal with the message;
            which one depends on the situation.
        to: The roles that it may end in; empty for the role it began in.
        sends: The types of messages that may be sent.
        raises: The names of the errors that may be raised.
        says: What happens, in a sentence.
        line: The line of the file that it begins on, from 1.
    """

    verdict: str
    symbols: tuple[str, ...]
    to: tuple[str, ...]
    sends: tuple[str, ...]
    raises: tuple[str, ...]
    says: str
    line: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One role, one type of message, one term."""

    role: str
    type: str
    term: str
    rule: Rule

    @property
    def to(self) -> tuple[str, ...]:
        """The roles that the node may be in afterwards."""
        return self.rule.to or (self.role,)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of message.

    Attributes:
        name: `MsgApp`.
        what: What it is for, in a few words.
        terms: The terms that it has when nobody breaks the rules.
        rawnode: What `RawNode.step` does to it, by sender: `in`, or the name
            of the error that it raises.
        node: What a `node` does to it, by sender: `in`; `as a proposal`, by
            the door for those; `left out` by `step`; `dropped` in the loop.
    """

    name: str
    what: str
    terms: tuple[str, ...]
    rawnode: Mapping[str, str]
    node: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells, and all types."""

    kinds: tuple[Kind, ...]
    rules: tuple[Rule, ...]
    by_place: Mapping[tuple[str, str, str], Cell]

    def cells(self) -> Iterator[Cell]:
        """Yields every cell: by type, then by role, then by term."""
        for kind in TYPES:
            for role in ROLES:
                for term in TERMS:
                    yield self.by_place[role, kind, term]

    def cell(self, role: str, type: str, term: str) -> Cell:
        """Returns a cell."""
        return self.by_place[role, type, term]

    def usual(self, cell: Cell) -> bool:
        """Tells whether the message has such a term if all keep the rules."""
        return cell.term in self.kind(cell.type).terms

    def kind(self, name: str) -> Kind:
        """Returns a type of message."""
        return self.kinds[TYPES.index(name)]

    def knows(self, seen: Transition) -> bool:
        """Tells whether a cell allows what the observer has seen."""
        type, _, term = seen.cause.partition(", term ")
        cell = self.by_place.get((seen.from_, type, term))
        return (
            cell is not None
            and seen.to in cell.to
            and seen.symbol in cell.rule.symbols
        )


def load(root: Path) -> Matrix:
    """Reads the matrix of the repository at `root`.

    Raises:
        WeaveError: something in it is wrong; it names each rule.
    """
    return read((root / FILE).read_text(encoding="utf-8"), root)


def read(text: str, root: Path) -> Matrix:
    """Reads a matrix, and checks it against the port at `root`.

    Raises:
        WeaveError: something in it is wrong; it names each rule.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise WeaveError([Problem(FILE, 1, str(wrong), "mend it")]) from wrong
    lines = [
        n
        for n, line in enumerate(text.splitlines(), 1)
        if line.strip() == "[[rule]]"
    ]
    problems: list[Problem] = []
    by_place: dict[tuple[str, str, str], Cell] = {}
    rules: list[Rule] = []
    for table, line in zip(tables.get("rule", []), lines, strict=True):
        try:
            rule, places = _rule(table, line, root)
            rules.append(rule)
            for place in places:
                other = by_place.get(place)
                if other is not None:
                    raise Refused(
                        f"{', '.join(place)}: line {other.rule.line} has a"
                        " rule for it already",
                        "each cell has one",
                    )
                by_place[place] = Cell(*place, rule)
        except Refused as wrong:
            problems.append(wrong.at(FILE, line))
    for role in ROLES:
        for type in TYPES:
            for term in TERMS:
                if (role, type, term) not in by_place:
                    problems.append(
                        Problem(
                            FILE, 1, f"{role}, {type}, {term}: has no rule",
                            "write one",
                        )
                    )  # fmt: skip
    kinds: list[Kind] = []
    try:
        kinds = _kinds(tables.get("type", []), tables.get("filter", []))
    except Refused as wrong:
        problems.append(wrong.at(FILE, 1))
    if problems:
        raise WeaveError(problems)
    return Matrix(tuple(kinds), tuple(rules), by_place)


def _rule(
    table: Mapping[str, object], line: int, root: Path
) -> tuple[Rule, list[tuple[str, str, str]]]:
    known = {
        "roles", "types", "terms", "verdict", "symbol", "to", "sends",
        "raises", "says",
    }  # fmt: skip
    for field in sorted(table.keys() - known):
        raise Refused(f"{field} is no field", f"use {', '.join(sorted(known))}")
    roles = _names(table, "roles", ROLES)
    types = _names(table, "types", TYPES)
    terms = _names(table, "terms", TERMS)
    verdict = table.get("verdict")
    if verdict not in VERDICTS:
        raise Refused(
            f"verdict: {verdict!r} is none", f"say one of {', '.join(VERDICTS)}"
        )
    says = table.get("says")
    if not isinstance(says, str) or not says.strip():
        raise Refused("says: is missing", "say what happens")
    symbols = _names(table, "symbol", None)
    for symbol in symbols:
        python.read(root, PORT).symbol(symbol)
    rule = Rule(
        verdict=str(verdict),
        symbols=symbols,
        to=_names(table, "to", ROLES) if "to" in table else (),
        sends=_names(table, "sends", TYPES) if "sends" in table else (),
        raises=_names(table, "raises", ("ProposalDropped", "RaftPanic"))
        if "raises" in table
        else (),
        says=" ".join(says.split()),
        line=line,
    )
    return rule, [(r, y, t) for r in roles for y in types for t in terms]


def _names(
    table: Mapping[str, object], field: str, known: tuple[str, ...] | None
) -> tuple[str, ...]:
    value = table.get(field)
    if value == "all" and known is not None:
        return known
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise Refused(f"{field}: is missing, or empty", "name some")
    for name in value:
        if not isinstance(name, str) or (known and name not in known):
            raise Refused(
                f"{field}: there is no {name}",
                f"name some of {', '.join(known or ())}",
            )
    return tuple(value)


def _kinds(
    types: list[Mapping[str, object]], filters: list[Mapping[str, object]]
) -> list[Kind]:
    rawnode: dict[str, dict[str, str]] = {}
    node: dict[str, dict[str, str]] = {}
    for table in filters:
        for name in _names(table, "types", TYPES):
            if name in rawnode:
                raise Refused(f"{name} has two filters", "leave it one")
            for into, where in ((rawnode, "rawnode"), (node, "node")):
                by_sender = table.get(where)
                if not isinstance(by_sender, dict) or set(by_sender) != set(
                    SENDERS
                ):
                    raise Refused(
                        f"filter of {name}: {where}: does not name each sender",
                        f"name {', '.join(SENDERS)}",
                    )
                into[name] = by_sender
    found: dict[str, Kind] = {}
    for table in types:
        (name,) = _names(table, "name", TYPES)
        if name not in rawnode:
            raise Refused(f"{name} has no filter", "write one")
        what = table.get("what")
        if not isinstance(what, str):
            raise Refused(f"type {name}: what: is missing", "say it")
        found[name] = Kind(
            name, " ".join(what.split()), _names(table, "terms", TERMS),
            rawnode[name], node[name],
        )  # fmt: skip
    missing = [name for name in TYPES if name not in found]
    if missing:
        raise Refused(f"{missing[0]} has no [[type]]", "write one")
    return [found[name] for name in TYPES]


# -- by trying

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
        """One of `VERDICTS`."""
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


__all__ = [
    "FILE", "ROLES", "SENDERS", "TERMS", "TYPES", "VERDICTS", "Cell",
    "Facts", "Kind", "Matrix", "Rule", "load", "observe",
    "rawnode_filter", "read", "relation",
]  # fmt: skip
