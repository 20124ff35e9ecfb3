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
    node loop     the channels that the task of `port.node` has armed

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
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple

from port import raft as core
from port import raftpb as pb
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
from port.tracker import Progress
from port.types import Peer, Ready, SnapshotStatus

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
    "Raft.switch_to_config": ("role",),
    "Raft.apply_conf_change": ("configuration", "progress", "transfer"),
}
_FILES: Final = ("raft.py", "rawnode.py", "bootstrap.py")

# The methods after which to look.
_WRAPPED: Final[tuple[tuple[type, str], ...]] = (
    (Raft, "become_follower"), (Raft, "become_candidate"),
    (Raft, "become_pre_candidate"), (Raft, "become_leader"),
    (Raft, "reset"), (Raft, "abort_leader_transfer"),
    (Raft, "switch_to_config"), (Raft, "send"),
    (RaftLog, "append"), (RaftLog, "commit_to"), (RaftLog, "applied_to"),
    (RaftLog, "accept_applying"), (RaftLog, "accept_unstable"),
    (RaftLog, "stable_to"), (RaftLog, "stable_snap_to"),
    (RaftLog, "restore"),
    (Progress, "become_probe"), (Progress, "become_replicate"),
    (Progress, "become_snapshot"), (Progress, "sent_entries"),
    (Progress, "maybe_update"), (Progress, "maybe_decr_to"),
    (ReadOnly, "add_request"), (ReadOnly, "maybe_advance"),
)  # fmt: skip
_METHODS: Final = tuple(
    (owner, name, vars(owner)[name]) for owner, name in _WRAPPED
)
_STEP: Final = vars(Raft)["step"]


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
        "applied", "applying", "commit", "config", "confirmed", "first",
        "in_progress", "last", "offset", "pending_conf", "progress",
        "read_states", "snapshot", "standing", "state", "term",
        "transferee", "unconfirmed", "vote", "waiting_reads",
    )  # fmt: skip

    def __init__(self, r: Raft) -> None:
        log = r.raft_log
        unstable = log.unstable
        self.state = r.state
        self.term = r.term
        self.vote = r.vote
        self.transferee = r.lead_transferee
        self.pending_conf = r.pending_conf_index
        self.offset = unstable.offset
        self.in_progress = unstable.offset_in_progress
        self.snapshot = _snapshot_state(log)
        self.first = log.storage.first_index()
        self.last = log.last_index()
        self.commit = log.committed
        self.applying = log.applying
        self.applied = log.applied
        self.config = config_kind(r)
        self.standing = standing(r)
        self.waiting_reads = len(r.pending_read_index_messages)
        self.unconfirmed = len(r.read_only.unconfirmed_reads)
        self.confirmed = r.read_only.confirmed_reads
        self.read_states = len(r.read_states)
        leads = r.state is StateLeader
        self.progress = {
            id: f"{pr.state}" + " paused" * pr.msg_app_flow_paused
            for id, pr in r.trk.progress.items()
            if leads and id != r.id
        }


def _snapshot_state(log: RaftLog) -> str:
    if log.unstable.snapshot is None:
        return "none"
    if log.unstable.snapshot_in_progress:
        return "in progress"
    return "received"


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
        told: The node that is to take over was told to campaign.
        handler: The function that deals with the message at hand.
        halfway: Not 0 while the role is being left and the next one not yet
            entered: nothing of that is worth a look.
    """

    def __init__(self, raft: Raft, sink: Sink) -> None:
        self.raft = raft
        self.sink = sink
        self.causes: list[str] = []
        self.marks = Marks(raft)
        self.told = False
        self.handler = ""
        self.halfway = 0

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
        for owner, name, method in _METHODS:
            setattr(owner, name, self._wrapped(name, method))
        Raft.step = self._stepper()  # type: ignore
        try:
            yield
        finally:
            Raft.step = _STEP  # type: ignore
            for owner, name, method in _METHODS:
                setattr(owner, name, method)
            self.look()
            self.causes.clear()

    def _wrapped(
        self, name: str, method: Callable[..., object]
    ) -> Callable[..., object]:
        """Returns a method that looks at the node once it is through."""
        if name == "append":

            def append(log: RaftLog, ents: list[pb.Entry]) -> object:
                if ents and log is self.raft.raft_log:
                    self._replaced(ents[0].index or 0)
                result = method(log, ents)
                self.look()
                return result

            return append
        if name == "send":

            def send(r: Raft, m: pb.Message) -> object:
                result = method(r, m)
                self._sent(m)
                self.look()
                return result

            return send

        if name == "reset":

            def reset(r: Raft, term: int) -> object:
                self.halfway += 1
                try:
                    return method(r, term)
                finally:
                    self.halfway -= 1

            return reset

        def wrapped(*args: object) -> object:
            result = method(*args)
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
        before = r.state
        vote = r.vote
        commit, term = r.raft_log.committed, r.term
        queued = len(r.msgs)
        promised = len(r.msgs_after_append)
        changes = [bool(e.type) for e in m.entries]
        outer, self.handler = self.handler, handler_of(r, m)
        self.causes.append(str(kind))
        try:
            _STEP(r, m)
        finally:
            self.look()
            self._tell("role-message", before, r.state, self.handler)
            if kind is pb.MsgVote or kind is pb.MsgPreVote:
                self._voted(m, r.msgs_after_append[promised:], vote, term)
            elif kind is pb.MsgVoteResp or kind is pb.MsgPreVoteResp:
                self._counted(m, before)
            elif kind is pb.MsgSnap and self.marks.snapshot == "none":
                ahead = r.raft_log.committed > commit
                self._tell(
                    "snapshot", "none",
                    "fast-forwarded" if ahead else "ignored", "Raft.restore",
                )  # fmt: skip
            elif kind is pb.MsgReadIndex:
                self._asked(r.msgs[queued:])
            elif kind is pb.MsgProp and before is StateLeader:
                now = [bool(e.type) for e in m.entries]
                if changes != now:
                    self._tell(
                        "configuration", "proposed", "refused",
                        "_prop_conf_change",
                    )  # fmt: skip
            self.causes.pop()
            self.handler = outer

    # What can be told only while it happens.

    def _replaced(self, first: int) -> None:
        """Tells which entries are replaced, before they are."""
        marks = self.marks
        if first <= marks.last:
            states = (
                ("stable", 0, marks.offset),
                ("in progress", marks.offset, marks.in_progress),
                ("unstable", marks.in_progress, marks.last + 1),
            )
            for state, lo, hi in states:
                if max(lo, first) < hi:
                    self._tell("entry", state, "replaced")
        self._tell("entry", "absent", "unstable")

    def _sent(self, m: pb.Message) -> None:
        """Tells of a message that is a transition by itself."""
        if m.type is pb.MsgTimeoutNow:
            self.look()
            self._tell("transfer", "told" if self.told else "waiting", "told")
            self.told = True
        elif m.type is pb.MsgSnap:
            self._tell("snapshot", "wanted", "sent")
        elif m.type is pb.MsgReadIndexResp:
            before = _ANSWERED_FROM.get(self.causes[-1], "confirmed")
            self._tell("read-index", before, "answered")

    def _voted(
        self, m: pb.Message, sent: list[pb.Message], vote: int, term: int
    ) -> None:
        """Tells what came of a request for a vote."""
        if self.raft.term != term:
            vote = 0
        whom = "none" if not vote else "same" if vote == m.from_ else "other"
        answers = [a for a in sent if a.to == m.from_]
        if not answers:
            outcome = "ignored"
        else:
            outcome = "refused" if answers[-1].reject else "granted"
        self._tell("vote", whom, outcome, self.handler)

    def _counted(self, m: pb.Message, before: core.StateType) -> None:
        """Tells what a vote that came in has decided."""
        if before is not StateCandidate and before is not StatePreCandidate:
            return
        after = self.raft.state
        if self.handler != "candidate_vote_resp":
            return
        if after is before:
            outcome = "pending"
        else:
            outcome = "lost" if after is StateFollower else "won"
        self._tell("vote", "pending", outcome, self.handler)

    def _asked(self, sent: list[pb.Message]) -> None:
        """Tells what became of a read where it was passed on, or was not."""
        if self.handler == "follower_read_index":
            forwarded = any(s.type is pb.MsgReadIndex for s in sent)
            to = "forwarded" if forwarded else "dropped"
            self._tell("read-index", "asked", to, self.handler)
        elif self.handler == "step_candidate":
            self._tell("read-index", "asked", "dropped", self.handler)

    # What can be told by comparing.

    def look(self) -> None:
        """Tells all that has changed since the last look."""
        if self.halfway:
            return
        was, now = self.marks, Marks(self.raft)
        self.marks = now
        if was.state is not now.state or was.term != now.term:
            self._tell("role", was.state, now.state)
        if was.vote != now.vote and now.vote in (0, self.raft.id):
            # A vote for somebody else is told as an answer: `_voted`.
            self._tell("vote", self._whom(was.vote), self._whom(now.vote))
        self._log(was, now)
        if was.progress != now.progress:
            self._progress(was.progress, now.progress)
        self._config(was, now)
        self._reads(was, now)
        if was.transferee != now.transferee:
            before = "told" if self.told else "waiting"
            self.told = False
            if was.transferee:
                self._tell("transfer", before, "none")
            if now.transferee:
                self._tell("transfer", "none", "waiting")

    def _whom(self, vote: int) -> str:
        if not vote:
            return "none"
        return "self" if vote == self.raft.id else "peer"

    def _log(self, was: Marks, now: Marks) -> None:
        if was.snapshot != now.snapshot:
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
        if now.applying > was.applying:
            self._tell("entry", "committed", "applying")
        if now.applied > was.applied:
            self._tell("entry", "applying", "applied")
        if now.first > was.first and self.causes == ["compact"]:
            self._tell("entry", "applied", "compacted", "Storage")

    def _progress(self, was: dict[int, str], now: dict[int, str]) -> None:
        if not now:
            return  # it no longer leads: nobody is sent anything
        for id in sorted(was.keys() | now.keys()):
            before, after = was.get(id, "none"), now.get(id, "none")
            if before != after:
                self._tell("progress", before, after)

    def _config(self, was: Marks, now: Marks) -> None:
        if was.config != now.config:
            self._tell("configuration", was.config, now.config)
        if was.standing != now.standing:
            self._tell("configuration", was.standing, now.standing)
        under_way = was.pending_conf > was.applied
        if now.state is StateLeader and was.state is StateLeader:
            if now.pending_conf > was.pending_conf and self._within("MsgProp"):
                self._tell(
                    "configuration", "proposed", "pending",
                    "_prop_conf_change",
                )  # fmt: skip
            elif under_way and now.pending_conf <= now.applied:
                self._tell("configuration", "pending", "free")

    def _reads(self, was: Marks, now: Marks) -> None:
        fewer = was.waiting_reads - now.waiting_reads
        if now.waiting_reads > was.waiting_reads:
            self._tell("read-index", "asked", "waiting for commit")
        elif fewer > 0 and self.raft.state is not StateLeader:
            self._tell("read-index", "waiting for commit", "lost")
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
                self._tell("read-index", "waiting for quorum", "lost")
        if now.read_states > was.read_states:
            before = _ANSWERED_FROM.get(self.causes[-1], "confirmed")
            self._tell("read-index", before, "answered")

    def _within(self, cause: str) -> bool:
        return bool(self.causes) and self.causes[-1] == cause

    def _tell(
        self, family: str, before: object, after: object, symbol: str = ""
    ) -> None:
        cause = self.causes[-1] if self.causes else "start"
        self.sink(
            Transition(
                family, str(before), cause, str(after),
                symbol or self._anchor(family, str(after)),
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


def _is_of_port(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name in ("port.raft", "port.rawnode", "port.bootstrap")


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
            self._tell(self.way, "stopped")

    def _tell(self, before: str, after: str) -> None:
        self.sink(
            Transition("node loop", before, self.cause, after, "_Node._run")
        )


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
