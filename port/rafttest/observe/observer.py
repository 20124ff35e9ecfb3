"""The observer: looks at the right moments, and asks each family.

While a watched node is called, the few methods by which its state changes are
wrapped; when one of them returns, the state is compared with what it was. The
tables of `Observer` say which family has a word on which occasion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final, NamedTuple

from port import raft as core
from port import raftpb as pb
from port.errors import RaftPanic
from port.log import RaftLog
from port.raft import Raft
from port.rafttest.observe.configuration import Configuration
from port.rafttest.observe.entries import Entries
from port.rafttest.observe.marks import Marks, progress_state
from port.rafttest.observe.progress import Peers
from port.rafttest.observe.reads import Reads
from port.rafttest.observe.roles import Roles
from port.rafttest.observe.scene import Scene, Step
from port.rafttest.observe.snapshots import Snapshots
from port.rafttest.observe.transfer import Transfer
from port.rafttest.observe.transition import Sink
from port.rafttest.observe.votes import Votes
from port.rawnode import RawNode
from port.read_only import ReadOnly
from port.tracker import Inflights, Progress

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
_STEP: Final = Raft.step

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


def _nothing(*args: object) -> None:
    """Is what there is to do before and after most methods."""


class _Around(NamedTuple):
    """What to do around a method, besides looking once it is through.

    Attributes:
        before: Called with what the method gets; what it returns is known.
        after: Called with what was known, the result, and the same again.
    """

    before: Callable[..., object] = _nothing
    after: Callable[..., None] = _nothing


class Observer(Scene):
    """Compares a node's state, again and again, with what it was.

    Attributes:
        roles: A family each, from here on.
        votes: Whom it votes for.
        snapshots: What comes in or goes out instead of entries.
        entries: Where the marks along its log stand.
        peers: What it has noted of the others, as a leader.
        configuration: Who belongs to the group.
        reads: What waits to be read.
        transfer: A handover that was asked for.
    """

    def __init__(self, raft: Raft, sink: Sink) -> None:
        super().__init__(raft, sink)
        self.roles = Roles(self)
        self.votes = Votes(self)
        self.snapshots = Snapshots(self)
        self.entries = Entries(self)
        self.peers = Peers(self)
        self.configuration = Configuration(self)
        self.reads = Reads(self)
        self.transfer = Transfer(self)
        self._compared = (
            self.roles, self.votes, self.snapshots, self.entries,
            self.peers, self.configuration, self.reads, self.transfer,
        )  # fmt: skip
        votes, reads = self.votes, self.reads
        self._answers: dict[
            pb.MessageType, tuple[Callable[[Step], None], ...]
        ] = {
            pb.MsgHup: (self.roles.stood,),
            pb.MsgTimeoutNow: (self.roles.stood,),
            pb.MsgForgetLeader: (self.roles.forgot,),
            pb.MsgVote: (votes.asked,),
            pb.MsgPreVote: (votes.asked,),
            pb.MsgVoteResp: (votes.counted,),
            pb.MsgPreVoteResp: (votes.counted,),
            pb.MsgProp: (self.configuration.proposed, self.entries.proposed),
            pb.MsgStorageAppendResp: (self.entries.stored,),
            pb.MsgReadIndex: (reads.asked,),
            pb.MsgReadIndexResp: (reads.returned,),
            pb.MsgHeartbeatResp: (reads.acknowledged,),
            pb.MsgTransferLeader: (self.transfer.asked,),
        }
        self._sends: dict[
            pb.MessageType | None, Callable[[pb.Message], None]
        ] = {
            pb.MsgTimeoutNow: self.transfer.sent,
            pb.MsgSnap: self.snapshots.sent,
            pb.MsgReadIndexResp: reads.sent,
        }
        becomes = _Around(self.roles.becoming, self.roles.became)
        self._around: dict[str, _Around] = {
            "Raft.become_follower": becomes,
            "Raft.become_candidate": becomes,
            "Raft.become_pre_candidate": becomes,
            "Raft.become_leader": becomes,
            "Raft.send": _Around(after=self._sent),
            "Raft.restore": _Around(
                self.snapshots.restoring, self.snapshots.restored
            ),
            "Raft.maybe_send_snapshot": _Around(after=self.snapshots.tried),
            "RaftLog.append": _Around(self.entries.replaced),
            "RaftLog.stable_to": _Around(
                self.entries.reported, self.entries.ignored
            ),
        }
        self._watched = [
            (owner, name, self._wrapped(owner, name, method))
            for owner, name, method in _METHODS
        ]
        self.causes = ["restart" if raft.term else "start"]
        self.roles.tell("off", "follower", "Raft.__init__")
        self.causes = []

    def compare(self, was: Marks, now: Marks) -> None:
        for family in self._compared:
            family.compare(was, now)

    def answer(self, step: Step) -> None:
        for tell in self._answers.get(step.kind, ()):
            tell(step)

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
            return self.configuration.refuse
        if owner is Raft and name == "step":
            return self._stepper()
        qualified = f"{owner.__name__}.{name}"
        around = self._around.get(qualified, _Around())
        halts = qualified == "Raft.reset"

        def wrapped(*args: object) -> object:
            known = around.before(*args)
            self.halfway += halts
            try:
                result = method(*args)
            except RaftPanic as panic:
                self._broke(panic, qualified, args)
                raise
            finally:
                self.halfway -= halts
            around.after(known, result, *args)
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

    def _sent(
        self, known: object, result: object, r: Raft, m: pb.Message
    ) -> None:
        """Tells of a message that is a transition by itself."""
        tell = self._sends.get(m.type)
        if tell is not None:
            tell(m)

    def _broke(
        self, panic: RaftPanic, method: str, args: tuple[object, ...]
    ) -> None:
        """Tells which machine a panic in this method has stopped."""
        if method.startswith("Raft.become_"):
            self.broken(panic, "role", self.marks.role, method)
        elif method == "Raft.apply_conf_change":
            self.broken(panic, "configuration", self.marks.config, method)
        elif method == "Progress.sent_entries" and isinstance(
            args[0], Progress
        ):
            self.broken(panic, "progress", progress_state(args[0]), method)
        elif method in _BREAKS:
            self.broken(panic, *_BREAKS[method], method)
