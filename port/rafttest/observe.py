"""Watches a node, and tells each transition that it makes.

A transition says which of a node's many small state machines has moved
(`family`), from where to where, because of which message or call (`cause`),
and which function of the port decided so (`symbol`):

    role          follower, candidate, leader; a new term counts as well
    role-message  what a role makes of a type of message
    progress      how a leader sends to one peer
    entry         an entry's way: written, committed, applied, or replaced
    snapshot      a snapshot's way into the log, or out to a peer
    configuration simple or joint; a change under way; the node's standing
    read-index    a read's way to its answer
    transfer      a leader's way of handing over
    vote          votes given and refused, elections won and lost
    node-loop     the channels that the task of `port.node` has armed

States have plain names, such as `leader` or `replicate, full, paused`. What
comes to nothing is told too (`dropped: no leader`, `refused: lease`), and a
broken rule is a transition to `panic`. The book's catalogue has every one of
them, `book/transitions.toml`, and those of `role-message` in `matrix.toml`.

    seen = []
    node = watch(RawNode(config), seen.append)

    with watch_loop(a_node_of_port_node, seen.append):
        ...

The core knows nothing of this, and while nobody watches it costs nothing.
While a watched node is called, the few methods by which its state changes are
wrapped; when one of them returns, the state is compared with what it was. The
function that decided is the innermost one of `port.raft`, `port.rawnode` or
`port.bootstrap` that was running, not counting those that only carry out.

The channels of `port.node` arm and disarm outside of what a `RawNode` knows,
so its loop is watched by itself: at the one `select` of each turn. This file
does not import `port.node`, nor asyncio, until somebody wants to watch one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

from port import raft as core
from port import raftpb as pb
from port.errors import ProposalDropped, RaftPanic
from port.log import RaftLog
from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from port.rawnode import RawNode
from port.read_only import ReadOnly
from port.tracker import Inflights, Progress, StateReplicate
from port.types import EntryID, Peer, Ready, SnapshotStatus

if TYPE_CHECKING:
    from port.chan import Case
    from port.node import _Node


class Transition(NamedTuple):
    """One move of one state machine.

    Attributes:
        family: Which state machine; see the head of this module.
        from_: The state before.
        cause: The type of message, or the method of `RawNode`, that moved it.
        to: The state after.
        symbol: The function that decided, such as `Raft.campaign`.
    """

    family: str
    from_: str
    cause: str
    to: str
    symbol: str


Sink = Callable[[Transition], None]


class WatchedRawNode(RawNode):
    """A `RawNode` whose every call is watched.

    Attributes:
        observer: What watches it.
    """

    __slots__ = ("observer",)

    def __init__(self, node: RawNode, observer: Observer) -> None:
        # Not made anew: it takes the place of `node`, which is not to be
        # used any more.
        for name in RawNode.__slots__:
            setattr(self, name, getattr(node, name))
        self.observer = observer

    def bootstrap(self, peers: list[Peer]) -> None:
        with self.observer.during("bootstrap"):
            super().bootstrap(peers)

    def tick(self) -> None:
        with self.observer.during("tick"):
            super().tick()

    def campaign(self) -> None:
        with self.observer.during("campaign"):
            super().campaign()

    def propose(self, data: bytes | None) -> None:
        with self.observer.during("propose"):
            super().propose(data)

    def propose_conf_change(self, cc: pb.ConfChangeI | None) -> None:
        with self.observer.during("propose_conf_change"):
            super().propose_conf_change(cc)

    def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        with self.observer.during("apply_conf_change"):
            return super().apply_conf_change(cc)

    def step(self, m: pb.Message) -> None:
        with self.observer.during("step"):
            super().step(m)

    def ready(self) -> Ready:
        with self.observer.during("ready"):
            return super().ready()

    def advance(self, rd: Ready) -> None:
        with self.observer.during("advance"):
            super().advance(rd)

    def report_unreachable(self, id: int) -> None:
        with self.observer.during("report_unreachable"):
            super().report_unreachable(id)

    def report_snapshot(self, id: int, status: SnapshotStatus) -> None:
        with self.observer.during("report_snapshot"):
            super().report_snapshot(id, status)

    def transfer_leader(self, transferee: int) -> None:
        with self.observer.during("transfer_leader"):
            super().transfer_leader(transferee)

    def forget_leader(self) -> None:
        with self.observer.during("forget_leader"):
            super().forget_leader()

    def read_index(self, rctx: bytes | None) -> None:
        with self.observer.during("read_index"):
            super().read_index(rctx)


def watch(node: RawNode, sink: Sink) -> WatchedRawNode:
    """Returns a node in place of `node` that tells `sink` what it does."""
    return WatchedRawNode(node, Observer(node.raft, sink))


# What only carries out a decision that was taken elsewhere.
_CARRIERS: Final = frozenset({
    "Raft.become_follower", "Raft.become_candidate",
    "Raft.become_pre_candidate", "Raft.become_leader", "Raft.reset",
    "Raft.send", "Raft.send_timeout_now", "Raft.abort_leader_transfer",
    "Raft.bcast_append", "Raft.send_append", "Raft.bcast_heartbeat",
    "Raft.bcast_heartbeat_with_ctx", "Raft.send_heartbeat", "Raft.applied_to",
    "RawNode.step", "RawNode._step_quietly", "RawNode.ready",
})  # fmt: skip
# And these decide for some families only.
_DECIDE_FOR: Final = {
    "Raft.maybe_send_append": ("paused", "snapshot"),
    "Raft.switch_to_config": ("role", "transfer"),
    "Raft.apply_conf_change": ("configuration", "progress"),
}
_FILES: Final = ("raft.py", "rawnode.py", "bootstrap.py")

# The functions after which to look; the first two are replaced altogether.
_WRAPPED: Final[tuple[tuple[type | ModuleType, str], ...]] = (
    (Raft, "step"), (core, "_refuse_conf_change"),
    (Raft, "become_follower"), (Raft, "become_candidate"),
    (Raft, "become_pre_candidate"), (Raft, "become_leader"),
    (Raft, "reset"), (Raft, "abort_leader_transfer"),
    (Raft, "switch_to_config"), (Raft, "send"), (Raft, "restore"),
    (Raft, "maybe_send_snapshot"), (Raft, "apply_conf_change"),
    (RawNode, "accept_ready"), (RawNode, "advance"),
    (RaftLog, "append"), (RaftLog, "maybe_append"), (RaftLog, "commit_to"),
    (RaftLog, "applied_to"), (RaftLog, "accept_applying"),
    (RaftLog, "accept_unstable"), (RaftLog, "stable_to"),
    (RaftLog, "stable_snap_to"), (RaftLog, "restore"),
    (Progress, "become_probe"), (Progress, "become_replicate"),
    (Progress, "become_snapshot"), (Progress, "sent_entries"),
    (Progress, "maybe_decr_to"), (Inflights, "free_le"),
    (ReadOnly, "add_request"), (ReadOnly, "maybe_advance"),
)  # fmt: skip
_METHODS: Final = tuple(
    (owner, name, vars(owner)[name]) for owner, name in _WRAPPED
)
_STEP: Final = vars(Raft)["step"]
_REFUSE: Final = core._refuse_conf_change

_ROLES: Final = {
    StateFollower: "follower",
    StatePreCandidate: "pre-candidate",
    StateCandidate: "candidate",
    StateLeader: "leader",
}
_CAMPAIGNS: Final = (StateCandidate, StatePreCandidate)
# Which machine stands still, and where, when such a method panics.
_BREAKS: Final = {
    "RaftLog.append": ("entry", "committed"),
    "RaftLog.maybe_append": ("entry", "committed"),
    "RaftLog.commit_to": ("entry", "uncommitted"),
    "RaftLog.applied_to": ("entry", "applying"),
    "RaftLog.accept_applying": ("entry", "committed"),
    "Raft.restore": ("snapshot", "none"),
    "Raft.maybe_send_snapshot": ("snapshot", "wanted"),
    "RawNode.accept_ready": ("node-loop", "the application has it"),
    "RawNode.advance": ("node-loop", "asynchronous writes"),
}
_REFUSED: Final = {
    "possible": "refused: one pending",
    "must": "refused: still joint",
    "not": "refused: not joint",
}


# Where a read was that is answered because of such a message.
_ANSWERED_FROM: Final = {
    "MsgReadIndex": "asked",
    "MsgReadIndexResp": "forwarded",
    "MsgAppResp": "waiting for commit",
}


class _Here(Exception):
    """Raised to get hold of the frame that raises it."""


class Marks:
    """What is known of a node; each field is compared by itself."""

    __slots__ = (
        "active", "applied", "applying", "commit", "config", "confirmed",
        "first", "in_progress", "last", "lead", "offset", "paused",
        "pending_conf", "progress", "read_states", "snapshot",
        "snapshot_index", "standing", "state", "term", "transferee",
        "unconfirmed", "vote", "waiting_reads",
    )  # fmt: skip

    def __init__(self, r: Raft) -> None:
        log = r.raft_log
        unstable = log.unstable
        self.state = r.state
        self.term = r.term
        self.vote = r.vote
        self.lead = r.lead
        self.transferee = r.lead_transferee
        self.pending_conf = r.pending_conf_index
        self.offset = unstable.offset
        self.in_progress = unstable.offset_in_progress
        self.snapshot = _snapshot_state(log)
        self.snapshot_index = unstable.snapshot and unstable.snapshot.index
        self.first = log.storage.first_index()
        self.last = log.last_index()
        self.commit = log.committed
        self.applying = log.applying
        self.applied = log.applied
        self.paused = log.applying_ents_paused
        self.config = config_kind(r)
        self.standing = standing(r)
        self.waiting_reads = len(r.pending_read_index_messages)
        self.unconfirmed = len(r.read_only.unconfirmed_reads)
        self.confirmed = r.read_only.confirmed_reads
        self.read_states = len(r.read_states)
        self.progress: dict[int, str] = {}
        self.active: dict[int, bool] = {}
        if r.state is StateLeader:
            for id, pr in r.trk.progress.items():
                if id != r.id:
                    self.progress[id] = progress_state(pr)
                    self.active[id] = pr.recent_active

    @property
    def role(self) -> str:
        """The role's name."""
        return _ROLES[self.state]

    @property
    def leader(self) -> str:
        """Whether a leader is known."""
        return "leader known" if self.lead else "no leader known"


def _snapshot_state(log: RaftLog) -> str:
    if log.unstable.snapshot is None:
        return "none"
    if log.unstable.snapshot_in_progress:
        return "in progress"
    return "received"


def progress_state(pr: Progress) -> str:
    """Returns `probe`, `replicate` or `snapshot`, and what holds it up."""
    full = pr.state is StateReplicate and pr.inflights.full()
    return (
        str(pr.state).removeprefix("State").lower()
        + ", full" * full
        + ", paused" * pr.msg_app_flow_paused
    )


def config_kind(r: Raft) -> str:
    """Returns `empty`, `simple`, `joint` or `joint, leaves by itself`."""
    voters = r.trk.voters
    if voters[1]:
        return "joint, leaves by itself" if r.trk.auto_leave else "joint"
    return "simple" if voters[0] else "empty"


def standing(r: Raft) -> str:
    """Returns what this node is in its configuration."""
    if r.id in r.trk.voters[0]:
        return "voter"
    if r.id in r.trk.voters[1]:
        return "outgoing voter"
    return "learner" if r.id in r.trk.learners else "outsider"


class Observer:
    """Compares a node's state, again and again, with what it was.

    Attributes:
        raft: The node.
        sink: Who is told.
        causes: The messages and calls that are being handled, the innermost
            last.
        messages: The messages among them.
        told: The node that is to take over was told to campaign.
        handler: The function that deals with the message at hand.
        halfway: Not 0 while the role is being left and the next one not yet
            entered: nothing of that is worth a look.
        campaigns: How often the node has stood for election, or asked first.
    """

    def __init__(self, raft: Raft, sink: Sink) -> None:
        self.raft = raft
        self.sink = sink
        self.causes: list[str] = []
        self.messages: list[pb.Message] = []
        self.marks = Marks(raft)
        self.told = False
        self.handler = ""
        self.halfway = 0
        self.campaigns = 0
        self._panic: RaftPanic | None = None
        self._timeout_now = False
        self._watched = [
            (owner, name, self._wrapped(owner, name, method))
            for owner, name, method in _METHODS
        ]
        self.causes = ["restart" if raft.term else "start"]
        self._tell("role", "off", "follower", "Raft.__init__")
        self.causes = []

    @contextmanager
    def during(self, call: str) -> Iterator[None]:
        """Watches for as long as the block runs; `call` is what runs."""
        if self.causes:  # a call within a call: it is being watched already
            self.causes.append(call)
            try:
                yield
            finally:
                self.look()
                self.causes.pop()
            return
        self.causes.append("compact")
        self.look()  # what the application did to the storage meanwhile
        self.causes[0] = call
        for owner, name, watched in self._watched:
            setattr(owner, name, watched)
        try:
            yield
        finally:
            for owner, name, method in _METHODS:
                setattr(owner, name, method)
            self.look()
            self.causes.clear()

    def _wrapped(
        self,
        owner: type | ModuleType,
        name: str,
        method: Callable[..., object],
    ) -> Callable[..., object]:
        """Returns a method that looks at the node once it is through."""
        if owner is core:
            return self._refuse
        if owner is Raft and name == "step":
            return self._stepper()
        before: Callable[..., object] = _nothing
        after: Callable[..., None] | None = None
        if owner is RaftLog and name == "append":
            before = self._replaced
        elif owner is RaftLog and name == "stable_to":
            before, after = self._reported, self._ignored
        elif owner is Raft and name == "send":
            after = self._sent
        elif owner is Raft and name == "restore":
            before, after = self._restoring, self._restored
        elif owner is Raft and name == "maybe_send_snapshot":
            after = self._snapshot_tried
        elif owner is Raft and name.startswith("become_"):
            before, after = self._becoming, self._became
        halts = owner is Raft and name == "reset"
        qualified = f"{owner.__name__}.{name}"

        def wrapped(*args: object) -> object:
            known = before(*args)
            self.halfway += halts
            try:
                result = method(*args)
            except RaftPanic as panic:
                self._broken(panic, qualified, args)
                raise
            finally:
                self.halfway -= halts
            if after is not None:
                after(known, result, *args)
            if not halts:
                self.look()
            return result

        return wrapped

    def _stepper(self) -> Callable[[Raft, pb.Message], None]:
        """Returns what stands in for `Raft.step`."""

        def step(r: Raft, m: pb.Message) -> None:
            if r is self.raft:
                self.stepped(m)
            else:
                _STEP(r, m)

        return step

    def stepped(self, m: pb.Message) -> None:
        """Steps a message, and tells what came of it."""
        r = self.raft
        kind = m.type or pb.MsgHup
        self.look()
        before = self.marks
        queued = len(r.msgs)
        promised = len(r.msgs_after_append)
        campaigns = self.campaigns
        acks = dict(r.read_only.acks)
        refusal = _why_not(r) if kind in (pb.MsgHup, pb.MsgTimeoutNow) else ""
        outer, self.handler = self.handler, handler_of(r, m)
        self.causes.append(str(kind))
        self.messages.append(m)
        dropped = False
        try:
            _STEP(r, m)
        except ProposalDropped:
            dropped = True
            raise
        except RaftPanic as panic:
            if self._panic is not panic and kind is pb.MsgProp:
                self._panic = panic
                self._tell("entry", "proposed", "panic", self.handler)
            raise
        finally:
            self.look()
            handler = self.handler
            self.sink(
                Transition(
                    "role-message", before.role,
                    f"{kind}, term {relation(m, before.term)}",
                    self.marks.role, handler,
                )
            )  # fmt: skip
            if kind is pb.MsgVote or kind is pb.MsgPreVote:
                self._voted(m, r.msgs_after_append[promised:], before)
            elif kind is pb.MsgVoteResp or kind is pb.MsgPreVoteResp:
                self._counted(before)
            elif kind is pb.MsgReadIndex:
                self._asked(r.msgs[queued:])
            elif kind is pb.MsgReadIndexResp:
                if len(r.read_states) == before.read_states:
                    self._tell("read-index", "forwarded", "dropped", handler)
            elif kind is pb.MsgHeartbeatResp:
                self._acknowledged(acks)
            elif kind is pb.MsgProp:
                self._proposed(before, dropped)
            elif kind is pb.MsgTransferLeader:
                self._transfer_asked(m, before, r.msgs[queued:])
            elif handler in ("Raft._step_hup", "follower_timeout_now"):
                if self.campaigns == campaigns:
                    self._tell("role", before.role, refusal, "Raft.hup")
            elif handler == "follower_forget_leader" and r.lead:
                self._tell("role", "leader known", "refused: lease", handler)
            elif (
                kind is pb.MsgStorageAppendResp
                and handler == "Raft._step_lower_term"
                and m.index
            ):
                self._tell(
                    "entry", "in progress", "report ignored: older term",
                    handler,
                )  # fmt: skip
            self.messages.pop()
            self.causes.pop()
            self.handler = outer

    # What can be told only while it happens.

    def _broken(
        self, panic: RaftPanic, method: str, args: tuple[object, ...]
    ) -> None:
        """Tells which machine a panic has stopped; once, where it began."""
        if self._panic is panic:
            return
        name = method.rpartition(".")[2]
        if name.startswith("become_") and method.startswith("Raft"):
            family, before = "role", self.marks.role
        elif method == "Raft.apply_conf_change":
            family, before = "configuration", self.marks.config
        elif method == "Progress.sent_entries" and isinstance(
            args[0], Progress
        ):
            family, before = "progress", progress_state(args[0])
        elif method in _BREAKS:
            family, before = _BREAKS[method]
        else:
            return
        self._panic = panic
        self._tell(family, before, "panic", method)

    def _becoming(self, r: Raft, *args: object) -> Marks:
        return self.marks

    def _became(self, was: Marks, result: object, r: Raft, *_: object) -> None:
        """Tells of a role that is entered anew, with nothing else changed."""
        self.campaigns += r.state in _CAMPAIGNS
        if was.state is r.state and was.term == r.term:
            self._tell("role", was.role, was.role)

    def _replaced(self, log: RaftLog, ents: list[pb.Entry]) -> None:
        """Tells which entries are replaced, before they are."""
        if not ents or log is not self.raft.raft_log:
            return
        marks = self.marks
        first = ents[0].index or 0
        if marks.commit < first <= marks.last:
            states = (
                ("stable", 0, marks.offset),
                ("in progress", marks.offset, marks.in_progress),
                ("unstable", marks.in_progress, marks.last + 1),
            )
            for state, lo, hi in states:
                if max(lo, first) < hi:
                    self._tell("entry", state, "replaced")
        if marks.commit < first:
            of = "proposed" if self._within("MsgProp") else "absent"
            self._tell("entry", of, "unstable")

    def _reported(self, log: RaftLog, id: EntryID) -> tuple[int, int | None]:
        return log.unstable.offset, log.unstable.maybe_term(id.index)

    def _ignored(
        self,
        known: tuple[int, int | None],
        result: object,
        log: RaftLog,
        id: EntryID,
    ) -> None:
        """Tells of a report of stable entries that changes nothing."""
        offset, term = known
        if log.unstable.offset != offset:
            return
        if term is None:
            why = "not there any more"
        else:
            why = "under a snapshot" if id.index < offset else "another term"
        self._tell("entry", "in progress", f"report ignored: {why}")

    def _restoring(self, r: Raft, s: pb.Snapshot) -> tuple[Marks, str]:
        self.look()
        if s.index <= r.raft_log.committed:
            return self.marks, "ignored: old"
        if r.state is not StateFollower:
            return self.marks, "ignored: no follower"
        return self.marks, "ignored: not in it"

    def _restored(
        self, known: tuple[Marks, str], result: object, r: Raft, *_: object
    ) -> None:
        """Tells of a snapshot that came in and is not taken."""
        was, why = known
        if not result:
            if r.raft_log.committed > was.commit:
                why = "fast-forwarded"
            self._tell("snapshot", "none", why, "Raft.restore")

    def _snapshot_tried(
        self, known: object, sent: object, r: Raft, to: int, pr: Progress
    ) -> None:
        """Tells of a snapshot that cannot be sent."""
        if not sent:
            why = "unavailable" if pr.recent_active else "peer inactive"
            self._tell(
                "snapshot", "wanted", f"not sent: {why}",
                "Raft.maybe_send_snapshot",
            )  # fmt: skip

    def _sent(
        self, known: object, result: object, r: Raft, m: pb.Message
    ) -> None:
        """Tells of a message that is a transition by itself."""
        if m.type is pb.MsgTimeoutNow:
            before = "told" if self.told else "catching up"
            known_already = self.marks.transferee == r.lead_transferee
            self._timeout_now = True
            self.look()
            self._timeout_now = False
            if known_already:
                self._tell("transfer", before, "told")
            self.told = True
        elif m.type is pb.MsgSnap:
            self._tell("snapshot", "wanted", "sent")
        elif m.type is pb.MsgReadIndexResp:
            self._answered()

    def _answered(self) -> None:
        """Tells that a read has its answer, and who gave it."""
        before = _ANSWERED_FROM.get(self.causes[-1], "confirmed")
        by = "send_msg_read_index_response"
        if before in ("forwarded", "confirmed") or (
            before == "asked" and self.raft.trk.is_singleton()
        ):
            by = self.handler
        self._tell("read-index", before, "answered", by)

    def _refuse(self, r: Raft, cc: pb.ConfChangeI) -> str:
        """Stands in for `_refuse_conf_change`, and tells its answer."""
        why = _REFUSE(r, cc)
        if r is self.raft:
            passes = not why or r.disable_conf_change_validation
            self._tell(
                "configuration",
                "proposed" if cc.as_v2().changes else "leave proposed",
                "pending" if passes else _REFUSED[why.split()[0]],
                "_prop_conf_change" if passes else "_refuse_conf_change",
            )  # fmt: skip
        return why

    def _voted(
        self, m: pb.Message, sent: list[pb.Message], was: Marks
    ) -> None:
        """Tells what came of a request for a vote."""
        r, from_ = self.raft, m.from_ or 0
        moved = r.term != was.term
        vote, lead = (0, 0) if moved else (was.vote, was.lead)
        whom = "asked"
        answers = [a for a in sent if a.to == from_]
        if not answers:
            lower = relation(m, was.term) == "lower"
            outcome = "ignored: older term" if lower else "ignored: lease"
        elif not answers[-1].reject:
            whom = self._given(vote, from_)
            outcome = "granted"
        elif self.handler == "Raft._step_lower_term":
            outcome = "refused: older term"
        else:
            ahead = m.type is pb.MsgPreVote and (m.term or 0) > r.term
            free = vote == from_ or not (vote or lead) or ahead
            if not free:
                whom = self._given(vote, from_)
            outcome = "refused: log behind" if free else "refused: not free"
        self._tell("vote", whom, outcome, self.handler)

    def _given(self, vote: int, to: int) -> str:
        """Returns to whom a vote was given before somebody asks for it."""
        return "none" if not vote else "same" if vote == to else "other"

    def _counted(self, was: Marks) -> None:
        """Tells what a vote that came in has decided."""
        if was.state not in _CAMPAIGNS:
            return
        if self.handler != "candidate_vote_resp":
            return
        if not self.raft.trk.votes and self.marks.state is was.state:
            return
        mine = pb.MsgVoteResp
        if was.state is StatePreCandidate:
            mine = pb.MsgPreVoteResp
        if self.causes[-1] != str(mine):
            return  # it is about the campaign before
        after = self.raft.state
        if after is was.state:
            outcome = "pending"
        else:
            outcome = "lost" if after is StateFollower else "won"
        before = "pending, joint" if was.config.startswith("joint") else ""
        self._tell("vote", before or "pending", outcome, self.handler)

    def _asked(self, sent: list[pb.Message]) -> None:
        """Tells what became of a read where it was passed on, or was not."""
        if self.handler == "follower_read_index":
            forwarded = any(s.type is pb.MsgReadIndex for s in sent)
            to = "forwarded" if forwarded else "dropped"
            self._tell("read-index", "asked", to, self.handler)
        elif self.handler in ("step_candidate", "Raft._step_lower_term"):
            self._tell("read-index", "asked", "dropped", self.handler)

    def _acknowledged(self, acks: dict[int, int]) -> None:
        """Tells of a peer's word for reads that are still too few."""
        reads = self.raft.read_only
        if reads.unconfirmed_reads and reads.acks != acks:
            self._tell(
                "read-index", "waiting for quorum", "waiting for quorum",
                self.handler,
            )  # fmt: skip

    def _proposed(self, was: Marks, dropped: bool) -> None:
        """Tells what became of a proposal that was not appended here."""
        r, handler = self.raft, self.handler
        within = self.causes[-2] if len(self.causes) > 1 else ""
        if within.startswith("Msg"):  # raft itself wants to leave
            self.sink(
                Transition(
                    "configuration", was.config, within,
                    "leave dropped" if dropped else "leave proposed",
                    "Raft.applied_to",
                )
            )  # fmt: skip
        if not dropped:
            if handler == "follower_prop":
                self._tell("entry", "proposed", "forwarded", handler)
            elif handler != "leader_prop":
                self._tell("entry", "proposed", "ignored", handler)
            return
        if r.state is StateLeader:
            why = "too much uncommitted"
            if r.id not in r.trk.progress:
                why = "not a member"
            elif r.lead_transferee:
                why = "leadership transfer"
        else:
            why = "not forwarded" if r.lead else "no leader"
        self._tell("entry", "proposed", f"dropped: {why}", handler)

    def _transfer_asked(
        self, m: pb.Message, was: Marks, sent: list[pb.Message]
    ) -> None:
        """Tells what became of a wish for another leader, if not granted."""
        r, to = self.raft, m.from_ or 0
        if self.handler == "follower_transfer_leader":
            why = "forwarded" if sent else "dropped: no leader"
        elif self.handler == "step_candidate":
            why = "dropped: no leader"
        elif self.handler == "Raft._step_lower_term":
            why = "ignored: older term"
        elif to not in r.trk.progress:
            why = "ignored: unknown"
        elif r.trk.progress[to].is_learner:
            why = "ignored: learner"
        elif to == r.id:
            why = "ignored: leads already"
        elif to == was.transferee:
            why = "ignored: under way"
        else:
            return
        self._tell("transfer", "asked", why, self.handler)

    # What can be told by comparing.

    def look(self) -> None:
        """Tells all that has changed since the last look."""
        if self.halfway:
            return
        was, now = self.marks, Marks(self.raft)
        self.marks = now
        self._role(was, now)
        if was.vote != now.vote and now.vote in (0, self.raft.id):
            # A vote for somebody else is told as an answer: `_voted`.
            self._tell("vote", self._whom(was.vote), self._whom(now.vote))
        self._log(was, now)
        self._peers(was, now)
        self._config(was, now)
        self._reads(was, now)
        if was.transferee != now.transferee:
            before = "told" if self.told else "catching up"
            self.told = False
            if was.transferee:
                done = now.state is not StateLeader and any(
                    m.from_ == was.transferee for m in self.messages
                )
                after = "done" if done else "aborted"
                self._tell("transfer", before, after)
            if now.transferee:
                after = "told" if self._timeout_now else "catching up"
                by = "leader_transfer_leader"
                self._tell("transfer", "none", after, by)

    def _whom(self, vote: int) -> str:
        if not vote:
            return "none"
        return "self" if vote == self.raft.id else "peer"

    def _role(self, was: Marks, now: Marks) -> None:
        if was.state is not now.state or was.term != now.term:
            self._tell("role", was.role, now.role)
        if was.state is StateFollower and now.state is StateFollower:
            if was.lead != now.lead:
                both = was.lead and now.lead
                self._tell(
                    "role", was.leader,
                    "another leader known" if both else now.leader,
                    self.handler if was.term == now.term else "",
                )  # fmt: skip
        elif was.state is StateLeader and now.state is StateLeader:
            gone = {"outsider": "removed", "learner": "demoted"}
            if was.standing != now.standing and now.standing in gone:
                self._tell(
                    "role", "leader", f"leader, {gone[now.standing]}",
                    "Raft.switch_to_config",
                )  # fmt: skip

    def _log(self, was: Marks, now: Marks) -> None:
        if was.paused != now.paused:
            said = "apply open", "apply paused"
            self._tell("entry", said[was.paused], said[now.paused])
        if (was.snapshot, was.snapshot_index) != (
            now.snapshot,
            now.snapshot_index,
        ):
            if now.snapshot == "received":
                self._tell("snapshot", was.snapshot, "received")
                if was.last >= was.first:
                    self._tell("entry", "any", "under a snapshot")
                return  # all marks jump; that is no entry's own way
            self._tell(
                "snapshot", was.snapshot,
                "in progress" if now.snapshot == "in progress" else "stored",
            )  # fmt: skip
        if now.in_progress > was.in_progress and now.offset == was.offset:
            self._tell("entry", "unstable", "in progress")
        if now.offset > was.offset:
            self._tell("entry", "in progress", "stable")
        if now.commit > was.commit:
            self._tell("entry", "uncommitted", "committed")
        if now.applied > was.applied and now.applying > was.applying:
            self._tell("entry", "under a snapshot", "applied")
        elif now.applied > was.applied:
            self._tell("entry", "applying", "applied")
        elif now.applying > was.applying:
            self._tell("entry", "committed", "applying")
        if (
            now.first > was.first
            and now.snapshot == "none"
            and self.causes == ["compact"]
        ):
            self._tell("entry", "applied", "compacted", "MemoryStorage.compact")

    def _peers(self, was: Marks, now: Marks) -> None:
        if now.state is not StateLeader:
            if was.progress:
                why = self._anchor("role", "follower")
                self._tell("progress", "any", "none", why)
            return
        for id in sorted(was.progress.keys() | now.progress.keys()):
            before = was.progress.get(id, "none")
            after = now.progress.get(id, "none")
            if before != after:
                gone_or_new = was.progress and "none" in (before, after)
                self._tell(
                    "progress", before, after,
                    _switch(self) if gone_or_new else "",
                )  # fmt: skip
        said = "inactive", "active"
        for id, active in now.active.items():
            if was.active.get(id, active) != active:
                self._tell(
                    "progress", said[not active], said[active], self.handler
                )

    def _config(self, was: Marks, now: Marks) -> None:
        if was.config != now.config:
            self._tell("configuration", was.config, now.config, _switch(self))
        if was.standing != now.standing:
            self._tell(
                "configuration", was.standing, now.standing, _switch(self)
            )
        if now.state is not StateLeader:
            return
        leads_on = was.state is StateLeader
        pended = leads_on and was.pending_conf > was.applied
        pends = now.pending_conf > now.applied
        if pends and not pended and not self._within("MsgProp"):
            # A proposal that is let in is told as such: `_refuse`.
            self._tell(
                "configuration", "free", "pending", "Raft.become_leader"
            )
        elif pended and not pends:
            self._tell("configuration", "pending", "free")

    def _reads(self, was: Marks, now: Marks) -> None:
        if now.waiting_reads > was.waiting_reads:
            self._tell("read-index", "asked", "waiting for commit")
        elif now.waiting_reads and was.state is StateLeader is not now.state:
            why = self._anchor("role", "follower")
            self._tell("read-index", "waiting for commit", "kept", why)
        if now.unconfirmed > was.unconfirmed:
            fresh = self.causes[-1] == "MsgReadIndex"
            self._tell(
                "read-index", "asked" if fresh else "waiting for commit",
                "waiting for quorum",
            )  # fmt: skip
        elif now.unconfirmed < was.unconfirmed:
            if now.confirmed > was.confirmed:
                self._tell("read-index", "waiting for quorum", "confirmed")
            else:
                why = self._anchor("role", "follower")
                self._tell("read-index", "waiting for quorum", "lost", why)
        if now.read_states > was.read_states:
            self._answered()

    def _within(self, cause: str) -> bool:
        return bool(self.causes) and self.causes[-1] == cause

    def _tell(
        self, family: str, before: str, after: str, symbol: str = ""
    ) -> None:
        cause = self.causes[-1] if self.causes else "start"
        self.sink(
            Transition(
                family, before, cause, after,
                symbol or self._anchor(family, after),
            )
        )  # fmt: skip

    def _anchor(self, family: str, after: str) -> str:
        """Returns the innermost function of raft that is running.

        Those that only carry out are passed over. What a handler has done
        itself is noticed when it is through; then it is that handler.
        """
        try:
            raise _Here
        except _Here as here:
            trace = here.__traceback__
        frame: FrameType | None = None if trace is None else trace.tb_frame
        while frame is not None:
            code = frame.f_code
            if code.co_filename.endswith(_FILES) and _is_of_port(frame):
                name = code.co_qualname.split(".<locals>")[0]
                if name == "Raft.step" and self.handler:
                    break
                only_for = _DECIDE_FOR.get(name)
                if name not in _CARRIERS and (
                    only_for is None
                    or family in only_for
                    or after.endswith(only_for)
                ):
                    return name
            elif code is Observer.stepped.__code__:
                break
            frame = frame.f_back
        return self.handler or (self.causes[0] if self.causes else "start")


def _switch(observer: Observer) -> str:
    """Returns what has brought another configuration."""
    snapshot = "MsgSnap" in observer.causes
    return "Raft.restore" if snapshot else "Raft.apply_conf_change"


def _nothing(*args: object) -> None:
    """Is what there is to do before most methods."""


def _is_of_port(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name in ("port.raft", "port.rawnode", "port.bootstrap")


def _why_not(r: Raft) -> str:
    """Returns why a campaign would be refused now; `hup` asks the same."""
    if r.state is StateLeader:
        return "refused: leads already"
    if not r.promotable():
        return "refused: not promotable"
    return "refused: change not applied"


def relation(m: pb.Message, term: int) -> str:
    """Returns how a message's term compares: zero, lower, equal, higher."""
    of = m.term or 0
    if not of:
        return "zero"
    return "equal" if of == term else "lower" if of < term else "higher"


def handler_of(r: Raft, m: pb.Message) -> str:
    """Returns the function that is going to deal with a message.

    It follows `Raft.step` without taking the step.
    """
    kind, term = m.type or pb.MsgHup, m.term or 0
    role = r.state
    if 0 < term < r.term:
        return "Raft._step_lower_term"
    if term > r.term:
        asks = kind is pb.MsgVote or kind is pb.MsgPreVote
        if (
            asks
            and m.context != core.CAMPAIGN_TRANSFER
            and r.check_quorum
            and r.lead
            and r.election_elapsed < r.election_timeout
        ):
            return "Raft._step_higher_term"
        if kind is not pb.MsgPreVote and not (
            kind is pb.MsgPreVoteResp and not m.reject
        ):
            role = StateFollower
    any_role = core._ANY_ROLE.get(kind)
    if any_role is not None:
        return any_role.__qualname__
    found: Callable[..., None] | None
    if role is StateLeader:
        found = core._LEADER.get(kind)
        if found is None and (m.from_ or 0) in r.trk.progress:
            found = core._LEADER_WITH_PROGRESS.get(kind)
        return "step_leader" if found is None else found.__qualname__
    if role is StateFollower:
        found = core._FOLLOWER.get(kind)
        return "step_follower" if found is None else found.__qualname__
    found = core._CANDIDATE.get(kind)
    return "step_candidate" if found is None else found.__qualname__


# The cases of the one `select` in the loop of a node, in their order.
_CASES: Final = (
    "propc", "recvc", "confc", "tickc", "readyc", "advancec", "status",
    "stop",
)  # fmt: skip
# What is armed says how far a `Ready` is, and whether proposals are taken.
_WAY: Final = {
    (False, False): "nothing to hand out",
    (True, False): "a Ready on offer",
    (False, True): "the application has it",
}
_DOOR: Final = ("proposals wait", "proposals taken")


@contextmanager
def watch_loop(node: _Node, sink: Sink) -> Iterator[None]:
    """Watches the loop of a `port.node`, as long as the block runs.

    Told is what a turn has changed about the channels that are armed; the
    cause is the channel that fired. While a `Ready` is on offer, every turn
    that does not hand it out offers a new one, and is told too.

    Args:
        node: The node; it may run already, or be started in the block.
        sink: Who is told.
    """
    from port import node as module

    real: Callable[..., Coroutine[object, object, Case]]
    real = vars(module)["select"]
    loop = LoopObserver(node, sink)

    def select(
        *cases: Case, **options: Callable[[int], int]
    ) -> Coroutine[object, object, Case] | _Turn:
        chosen = real(*cases, **options)
        if len(cases) != len(_CASES):
            return chosen
        armed = {
            name: getattr(case, "chan", None)
            for name, case in zip(_CASES, cases, strict=True)
        }
        if armed["recvc"] is not node.recvc:
            return chosen
        loop.turn({name for name, chan in armed.items() if chan is not None})
        return _Turn(chosen, cases, loop)

    module.select = select  # type: ignore
    try:
        yield
    finally:
        module.select = real  # type: ignore


class LoopObserver:
    """Compares what the loop of a node has armed with what it had.

    Attributes:
        node: The node.
        sink: Who is told.
        way: How far a `Ready` is; empty before the first turn.
        door: Whether proposals are taken; likewise.
        cause: The channel that fired last.
    """

    def __init__(self, node: _Node, sink: Sink) -> None:
        self.node = node
        self.sink = sink
        self.way = ""
        self.door = ""
        self.cause = "start"

    def turn(self, armed: set[str]) -> None:
        """Takes note of what is armed at the beginning of a turn."""
        way = _WAY["readyc" in armed, "advancec" in armed]
        door = _DOOR["propc" in armed]
        anew = way == _WAY[True, False] and self.cause != "start"
        if self.way and (self.way != way or anew):
            self._tell(self.way, way)
        if self.door and self.door != door:
            self._tell(self.door, door)
        self.way, self.door = way, door

    def fired(self, name: str) -> None:
        """Takes note of the channel that fired."""
        self.cause = name
        if name == "stop":
            self._tell(self.way, "stopped", "_Node.run")

    def _tell(
        self, before: str, after: str, symbol: str = "_Node._run"
    ) -> None:
        self.sink(Transition("node-loop", before, self.cause, after, symbol))


class _Turn:
    """Waits for a `select`, and tells which of its cases has fired."""

    __slots__ = ("cases", "chosen", "loop")

    def __init__(
        self,
        chosen: Coroutine[object, object, Case],
        cases: tuple[Case, ...],
        loop: LoopObserver,
    ) -> None:
        self.chosen = chosen
        self.cases = cases
        self.loop = loop

    def __await__(self) -> Generator[object, object, Case]:
        fired = yield from self.chosen.__await__()
        self.loop.fired(_CASES[self.cases.index(fired)])
        return fired
