"""A node without threads: the caller steps it and handles its `Ready`.

    while True:
        node.tick(), node.step(m), node.propose(data) ...   # input
        if node.has_ready():
            rd = node.ready()
            # store rd.hard_state, rd.entries, rd.snapshot
            # send rd.messages
            # apply rd.committed_entries
            node.advance(rd)

Raft moves on as soon as a `Ready` is taken, but counts what is in it as
stored and applied only on `advance`: there it steps the acknowledgements
that were held back. With asynchronous storage writes there is no `advance`:
the work goes to two storage threads as messages, and these carry the
acknowledgements as their responses.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from port import raftpb as pb
from port.bootstrap import bootstrap
from port.errors import RaftError, StepLocalMsg, StepPeerNotFound
from port.raft import Config, Raft
from port.state_trace import trace_ready
from port.status import BasicStatus, Status, get_basic_status, get_status
from port.tracker import Inflights, Progress
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    Peer,
    Ready,
    SnapshotFailure,
    SnapshotStatus,
    conf_change_to_msg,
    is_empty_hard_state,
    is_empty_snap,
)
from port.util import (
    LOCAL_MSGS,
    RESPONSE_MSGS,
    ents_size,
    is_local_msg_target,
)


class RawNode:
    """One node, driven by its caller, and by one caller at a time.

    Attributes:
        raft: The state machine.
        async_storage_writes: Whether storing and applying go by messages.

    Go: rawnode.go:34-42 RawNode
    """

    __slots__ = (
        "async_storage_writes", "prev_hard_st", "prev_soft_st", "raft",
        "steps_on_advance",
    )  # fmt: skip

    def __init__(self, config: Config) -> None:
        """Starts a node from what the configuration's storage holds.

        Raises:
            RaftPanic: the configuration is invalid, or what is stored
                contradicts itself.

        Go: rawnode.go:51-61 NewRawNode
        """
        self.raft = Raft(config)
        self.async_storage_writes = config.async_storage_writes
        self.prev_soft_st = self.raft.soft_state()
        self.prev_hard_st = self.raft.hard_state()
        self.steps_on_advance: list[pb.Message] = []

    def bootstrap(self, peers: list[Peer]) -> None:
        """Makes this new node a member of a new cluster; see there.

        Go: bootstrap.go:32-82 Bootstrap
        """
        bootstrap(self, peers)

    def tick(self) -> None:
        """Moves the node's clock on by one tick.

        Go: rawnode.go:64-66 Tick
        """
        self.raft.tick()

    def tick_quiesced(self) -> None:
        """Moves the clock on, and does nothing about it.

        For groups that are known to be idle: no heartbeats, no elections.
        Handle with care; upstream means to remove it.

        Go: rawnode.go:78-80 TickQuiesced
        """
        self.raft.election_elapsed += 1

    def campaign(self) -> None:
        """Has the node stand for election now.

        Go: rawnode.go:83-87 Campaign
        """
        self.raft.step(pb.Message(type=pb.MsgHup))

    def propose(self, data: bytes | None) -> None:
        """Proposes an entry with `data`.

        Raises:
            ProposalDropped: it will not be appended.

        Go: rawnode.go:90-96 Propose
        """
        self.raft.step(
            pb.Message(
                type=pb.MsgProp, from_=self.raft.id,
                entries=[pb.Entry(data=data)],
            )
        )  # fmt: skip

    def propose_conf_change(self, cc: pb.ConfChangeI | None) -> None:
        """Proposes a configuration change; `None` to leave the joint state.

        Raises:
            ProposalDropped: it will not be appended.

        Go: rawnode.go:100-106 ProposeConfChange
        """
        self.raft.step(conf_change_to_msg(cc))

    def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        """Puts a committed configuration change into effect.

        To be called for each one that is applied, unless the application
        decides against it.

        Returns:
            The configuration from here on; it belongs into snapshots.

        Raises:
            RaftPanic: the change does not fit the configuration.

        Go: rawnode.go:111-113 ApplyConfChange
        """
        return self.raft.apply_conf_change(cc.as_v2())

    def step(self, m: pb.Message) -> None:
        """Takes a message from a peer or a storage thread.

        Raises:
            StepLocalMsg: messages of this type stay within a node.
            StepPeerNotFound: it is a response from a node not tracked.
            ProposalDropped: it was a proposal, and will not be appended.

        Go: rawnode.go:116-125 Step
        """
        kind, from_ = m.type or pb.MsgHup, m.from_ or 0
        if kind in LOCAL_MSGS and not is_local_msg_target(from_):
            raise StepLocalMsg
        if (
            kind in RESPONSE_MSGS
            and from_ not in self.raft.trk.progress
            and not is_local_msg_target(from_)
        ):
            raise StepPeerNotFound
        self.raft.step(m)

    def ready(self) -> Ready:
        """Hands out the work that there is; `advance` must follow it.

        Go: rawnode.go:131-135 Ready
        """
        rd = self.ready_without_accept()
        self.accept_ready(rd)
        return rd

    def ready_without_accept(self) -> Ready:
        """Returns the work that there is, and changes nothing.

        Go: rawnode.go:139-187 readyWithoutAccept
        """
        r = self.raft
        log = r.raft_log
        hard_state = r.hard_state() if self._hard_state_moved() else None
        entries = log.next_unstable_ents()
        rd = Ready(
            soft_state=r.soft_state() if self._soft_state_moved() else None,
            hard_state=hard_state,
            read_states=r.read_states,
            entries=entries,
            snapshot=log.next_unstable_snapshot(),
            committed_entries=log.next_committed_ents(
                self.apply_unstable_entries()
            ),
            messages=r.msgs.copy(),
            must_sync=must_sync(
                hard_state or self.prev_hard_st,
                self.prev_hard_st,
                len(entries),
            ),
        )
        if self.async_storage_writes:
            if need_storage_append_msg(r, rd):
                rd.messages.append(new_storage_append_msg(r, rd))
            if need_storage_apply_msg(rd):
                rd.messages.append(new_storage_apply_msg(r, rd))
        else:
            for m in r.msgs_after_append:
                if m.to != r.id:
                    rd.messages.append(m)
        return rd

    def accept_ready(self, rd: Ready) -> None:
        """Notes that `rd` has been handed out, just as it was returned.

        Go: rawnode.go:400-438 acceptReady
        """
        r = self.raft
        if rd.soft_state is not None:
            self.prev_soft_st = rd.soft_state
        if rd.hard_state is not None and not is_empty_hard_state(
            rd.hard_state
        ):
            self.prev_hard_st = rd.hard_state
        if rd.read_states:
            r.read_states = []
        if not self.async_storage_writes:
            steps = self.steps_on_advance
            if steps:
                r.logger.panic(
                    "two accepted Ready structs without call to Advance"
                )
            for m in r.msgs_after_append:
                if m.to == r.id:
                    steps.append(m)
            if need_storage_append_resp_msg(r, rd):
                steps.append(new_storage_append_resp_msg(r, rd))
            if need_storage_apply_resp_msg(rd):
                steps.append(
                    new_storage_apply_resp_msg(r, rd.committed_entries)
                )
        r.msgs = []
        r.msgs_after_append = []
        r.raft_log.accept_unstable()
        if rd.committed_entries:
            ents = rd.committed_entries
            r.raft_log.accept_applying(
                ents[-1].index or 0,
                ents_size(ents),
                self.apply_unstable_entries(),
            )
        if r.trace_logger is not None:
            trace_ready(r)

    def apply_unstable_entries(self) -> bool:
        """Tells whether to apply what is committed but not yet stored here.

        Without asynchronous writes it is stored first anyway: both are in
        the same `Ready`, and the application does one after the other.

        Go: rawnode.go:443-445 applyUnstableEntries
        """
        return not self.async_storage_writes

    def has_ready(self) -> bool:
        """Tells whether `ready` has any work to hand out.

        Go: rawnode.go:448-470 HasReady
        """
        r = self.raft
        log = r.raft_log
        return bool(
            r.msgs
            or r.msgs_after_append
            or self._soft_state_moved()
            or self._hard_state_moved()
            or log.has_next_unstable_snapshot()
            or log.has_next_unstable_ents()
            or log.has_next_committed_ents(self.apply_unstable_entries())
            or r.read_states
        )

    def _soft_state_moved(self) -> bool:
        """Tells whether leader or role differ from the last `Ready`'s.

        Go: rawnode.go:451-453 HasReady
        """
        r, prev = self.raft, self.prev_soft_st
        return r.lead != prev.lead or r.state is not prev.raft_state

    def _hard_state_moved(self) -> bool:
        """Tells whether term, vote or commit differ from the last stored.

        Go: rawnode.go:454-456 HasReady
        """
        r, prev = self.raft, self.prev_hard_st
        return (
            r.raft_log.committed != prev.commit
            or r.term != prev.term
            or r.vote != prev.vote
        )

    def advance(self, rd: Ready) -> None:
        """Tells raft that the work of the last `Ready` is done.

        Steps the acknowledgements that were held back for it. Not with
        asynchronous storage writes: there the responses do this.

        Args:
            rd: Not looked at; what to do was settled when it was handed out.

        Go: rawnode.go:477-489 Advance
        """
        if self.async_storage_writes:
            self.raft.logger.panic(
                "Advance must not be called when using AsyncStorageWrites"
            )
        steps = self.steps_on_advance
        self.steps_on_advance = []
        for m in steps:
            try:
                self.raft.step(m)
            except RaftError:
                continue

    def status(self) -> Status:
        """Returns the node's state in full, copied.

        Go: rawnode.go:493-496 Status
        """
        return get_status(self.raft)

    def basic_status(self) -> BasicStatus:
        """Returns the node's state without the peers' progress.

        Go: rawnode.go:500-502 BasicStatus
        """
        return get_basic_status(self.raft)

    def with_progress(
        self, visitor: Callable[[int, ProgressType, Progress], None]
    ) -> None:
        """Shows each peer's progress to `visitor`, without its inflights.

        Go: rawnode.go:516-526 WithProgress
        """
        for id, pr in self.raft.trk.visit():
            kind = ProgressTypeLearner if pr.is_learner else ProgressTypePeer
            shown = pr.copy()
            shown.inflights = Inflights(0)
            visitor(id, kind, shown)

    def _step_quietly(self, m: pb.Message) -> None:
        """Steps a message whose errors are of no use to the caller.

        Go: rawnode.go:529-531 ReportUnreachable
        """
        try:
            self.raft.step(m)
        except RaftError:
            return

    def report_unreachable(self, id: int) -> None:
        """Tells raft that the last message to a node could not be sent.

        Go: rawnode.go:529-531 ReportUnreachable
        """
        self._step_quietly(pb.Message(type=pb.MsgUnreachable, from_=id))

    def report_snapshot(self, id: int, status: SnapshotStatus) -> None:
        """Tells raft how the sending of a snapshot to a node has ended.

        Go: rawnode.go:534-538 ReportSnapshot
        """
        reject = status is SnapshotFailure
        self._step_quietly(
            pb.Message(type=pb.MsgSnapStatus, from_=id, reject=reject)
        )

    def transfer_leader(self, transferee: int) -> None:
        """Asks the leader to hand over to another node.

        Go: rawnode.go:541-543 TransferLeader
        """
        self._step_quietly(
            pb.Message(type=pb.MsgTransferLeader, from_=transferee)
        )

    def forget_leader(self) -> None:
        """Has a follower forget its leader, so that it may vote at once.

        Go: rawnode.go:547-549 ForgetLeader
        """
        self.raft.step(pb.Message(type=pb.MsgForgetLeader))

    def read_index(self, rctx: bytes | None) -> None:
        """Asks for an index from which on a read now would be linearizable.

        The answer is among the `read_states` of a later `Ready`, under the
        same context; or there is none, and the caller asks again.

        Go: rawnode.go:555-557 ReadIndex
        """
        self._step_quietly(
            pb.Message(type=pb.MsgReadIndex, entries=[pb.Entry(data=rctx)])
        )


def must_sync(st: pb.HardState, prev: pb.HardState, ents_num: int) -> bool:
    """Tells whether what is to be stored must be on disk before going on.

    A crash may take back the commit index, which comes again by itself. It
    must not take back a term, a vote or an entry. (Paper, figure 2.)

    Args:
        st: The hard state now.
        prev: The hard state stored before.
        ents_num: How many entries are to be stored.

    Go: rawnode.go:191-198 MustSync
    """
    return (
        ents_num != 0
        or (st.vote or 0) != (prev.vote or 0)
        or (st.term or 0) != (prev.term or 0)
    )


def need_storage_append_msg(r: Raft, rd: Ready) -> bool:
    """Tells whether the append thread has anything to do.

    Responses that wait for earlier writes count too.

    Go: rawnode.go:200-208 needStorageAppendMsg
    """
    return bool(
        rd.entries
        or not is_empty_hard_state(rd.hard_state)
        or not is_empty_snap(rd.snapshot)
        or r.msgs_after_append
    )


def need_storage_append_resp_msg(r: Raft, rd: Ready) -> bool:
    """Tells whether raft needs to hear when the writing is done.

    Go: rawnode.go:210-216 needStorageAppendRespMsg
    """
    return (
        r.raft_log.has_next_or_in_progress_unstable_ents()
        or not is_empty_snap(rd.snapshot)
    )


def new_storage_append_msg(r: Raft, rd: Ready) -> pb.Message:
    """Returns the work for the append thread.

    Its responses are to be delivered when it is done. Term, vote and commit
    are there only if they have changed. The report that entries are stable
    comes last: the leader's acknowledgement to itself, before it, finds their
    terms in the unstable log still.

    Go: rawnode.go:223-260 newStorageAppendMsg
    """
    m = pb.Message(
        type=pb.MsgStorageAppend, to=LOCAL_APPEND_THREAD, from_=r.id,
        entries=rd.entries,
    )  # fmt: skip
    hard_state = rd.hard_state
    if hard_state is not None and not is_empty_hard_state(hard_state):
        m.term = hard_state.term
        m.vote = hard_state.vote
        m.commit = hard_state.commit
    if not is_empty_snap(rd.snapshot):
        m.snapshot = rd.snapshot
    m.responses = list(r.msgs_after_append)
    if need_storage_append_resp_msg(r, rd):
        m.responses.append(new_storage_append_resp_msg(r, rd))
    return m


def new_storage_append_resp_msg(r: Raft, rd: Ready) -> pb.Message:
    """Returns the report that all that is unstable now has been stored.

    It names the last entry, and the term in which it was asked for. If the
    term has moved on by the time it arrives, it is ignored: another leader
    may have replaced the entry, and put it back, with writes still on their
    way (A, B, A). As every new term writes its hard state, a later report
    stands in for the one that was ignored; hence the last entry of the log
    and not of `rd`, which may have none.

    Go: rawnode.go:266-363 newStorageAppendRespMsg
    """
    m = pb.Message(
        type=pb.MsgStorageAppendResp, to=r.id, from_=LOCAL_APPEND_THREAD,
        term=r.term,
    )  # fmt: skip
    if r.raft_log.has_next_or_in_progress_unstable_ents():
        last = r.raft_log.last_entry_id()
        m.index = last.index
        m.log_term = last.term
    if not is_empty_snap(rd.snapshot):
        m.snapshot = rd.snapshot
    return m


def need_storage_apply_msg(rd: Ready) -> bool:
    """Tells whether the apply thread has anything to do.

    Go: rawnode.go:365-365 needStorageApplyMsg
    """
    return bool(rd.committed_entries)


def need_storage_apply_resp_msg(rd: Ready) -> bool:
    """Tells whether raft needs to hear when the applying is done.

    Go: rawnode.go:366-366 needStorageApplyRespMsg
    """
    return bool(rd.committed_entries)


def new_storage_apply_msg(r: Raft, rd: Ready) -> pb.Message:
    """Returns the work for the apply thread; committed, so of no term.

    Go: rawnode.go:372-382 newStorageApplyMsg
    """
    ents = rd.committed_entries
    return pb.Message(
        type=pb.MsgStorageApply, to=LOCAL_APPLY_THREAD, from_=r.id, term=0,
        entries=ents, responses=[new_storage_apply_resp_msg(r, ents)],
    )  # fmt: skip


def new_storage_apply_resp_msg(r: Raft, ents: list[pb.Entry]) -> pb.Message:
    """Returns the report that entries have been applied.

    Go: rawnode.go:387-395 newStorageApplyRespMsg
    """
    return pb.Message(
        type=pb.MsgStorageApplyResp, to=r.id, from_=LOCAL_APPLY_THREAD,
        term=0, entries=ents,
    )  # fmt: skip


class ProgressType(IntEnum):
    """What kind of member a progress is about.

    Go: rawnode.go:505-505 ProgressType
    """

    ProgressTypePeer = 0
    ProgressTypeLearner = 1


ProgressTypePeer: Final = ProgressType.ProgressTypePeer
ProgressTypeLearner: Final = ProgressType.ProgressTypeLearner
