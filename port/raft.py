"""The Raft state machine: messages and ticks in, messages and entries out.

`Raft.step` takes one message and changes the state by it. First the term: an
older one is answered or ignored, a newer one makes this node a follower of
it. Then a few types that mean the same in every role; then the role's own
step function: `step_leader`, `step_candidate` or `step_follower`. Each of
these hands every type of message to a function of its own.

Nothing is sent and nothing is stored here. What is to be sent waits in
`msgs`, what must wait until it is stored in `msgs_after_append`, and
`port.rawnode` hands both out in a `Ready`.

                          times out             wins
      ┌──────────────┐  ┌──────────────┐  ┌───────────┐  ┌────────┐
      │   follower   │─▶│pre-candidate │─▶│ candidate │─▶│ leader │
      └──────────────┘  └──────────────┘  └───────────┘  └────────┘
             ▲                 │                │            │
             └─────────────────┴────────────────┴────────────┘
               loses, meets a leader, or learns of a higher term

Without pre-vote a follower becomes a candidate at once.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from random import SystemRandom
from typing import TYPE_CHECKING, Final, Protocol

from port import raftpb as pb
from port.confchange import Changer
from port.confchange import restore as restore_config
from port.errors import (
    InvalidConfChange,
    InvalidConfig,
    Malformed,
    ProposalDropped,
    RaftError,
    RaftPanic,
    SnapshotTemporarilyUnavailable,
)
from port.log import RaftLog
from port.logger import get_logger
from port.quorum import VoteLost, VoteResult, VoteWon
from port.read_only import ReadOnly, ReadState
from port.state_trace import (
    trace_become_candidate,
    trace_become_follower,
    trace_become_leader,
    trace_change_conf_event,
    trace_commit,
    trace_conf_change_event,
    trace_init_state,
    trace_receive_message,
    trace_replicate,
    trace_send_message,
)
from port.tracker import Config as TrackerConfig
from port.tracker import (
    Inflights,
    Progress,
    ProgressMap,
    ProgressTracker,
    StateProbe,
    StateReplicate,
    StateSnapshot,
)
from port.types import (
    NO_LIMIT,
    NONE,
    EntryID,
    LogSlice,
    SoftState,
    conf_change_to_msg,
    is_empty_hard_state,
    is_empty_snap,
)
from port.util import (
    assert_conf_states_equivalent,
    describe_conf_change,
    ents_size,
    is_local_msg_target,
    payloads_size,
    vote_resp_msg_type,
)

if TYPE_CHECKING:
    from port.logger import Logger
    from port.state_trace import TraceLogger
    from port.storage import Storage


class ReadOnlyOption(IntEnum):
    """How a leader makes sure that it still leads before it serves a read.

    `ReadOnlySafe` asks a quorum. `ReadOnlyLeaseBased` relies on its lease,
    and so on clocks that run at nearly the same speed.

    Go: raft.go:58-58 ReadOnlyOption
    """

    ReadOnlySafe = 0
    ReadOnlyLeaseBased = 1


ReadOnlySafe: Final = ReadOnlyOption.ReadOnlySafe
ReadOnlyLeaseBased: Final = ReadOnlyOption.ReadOnlyLeaseBased


class Rand(Protocol):
    """A source of random numbers, for election timeouts."""

    def intn(self, n: int) -> int:
        """Returns a number from 0 up to but without `n`."""


class LockedRand:
    """The operating system's random numbers; safe to share.

    Go: raft.go:93-95 lockedRand
    """

    __slots__ = ("_random",)

    def __init__(self) -> None:
        self._random = SystemRandom()

    def intn(self, n: int) -> int:
        """Returns a number from 0 up to but without `n`.

        Go: raft.go:97-102 Intn
        """
        return self._random.randrange(n)


GLOBAL_RAND: Final = LockedRand()


class CampaignType(StrEnum):
    """Why a node campaigns; a transfer says so in the messages it sends.

    Go: raft.go:109-109 CampaignType
    """

    PreElection = "CampaignPreElection"
    Election = "CampaignElection"
    Transfer = "CampaignTransfer"


CAMPAIGN_TRANSFER: Final = CampaignType.Transfer.value.encode()


class StateType(IntEnum):
    """The role of a node.

    Go: raft.go:112-112 StateType
    """

    StateFollower = 0
    StateCandidate = 1
    StateLeader = 2
    StatePreCandidate = 3

    def __str__(self) -> str:
        """Returns the name.

        Go: raft.go:121-123 String
        """
        return self.name


StateFollower: Final = StateType.StateFollower
StateCandidate: Final = StateType.StateCandidate
StateLeader: Final = StateType.StateLeader
StatePreCandidate: Final = StateType.StatePreCandidate


class Config:
    """What a node is started with.

    Attributes:
        id: This node; not 0.
        election_tick: Ticks without a word from a leader before a follower
            campaigns; each time between one and two times as many, at random.
            Ten times `heartbeat_tick` is a good value.
        heartbeat_tick: Ticks between a leader's heartbeats.
        storage: Where to read what was stored before.
        applied: The last index that the application has applied, when it
            restarts with its state; with 0 it is handed everything again.
        async_storage_writes: Have the application store and apply by way of
            messages to two storage threads, rather than by `Ready` and
            `advance`: many writes can then be under way at a time.
        max_size_per_msg: The most entries an append carries, in bytes; 0 for
            one entry at most.
        max_committed_size_per_ready: The most entries that are with the
            application to be applied, in bytes; 0 for `max_size_per_msg`.
        max_uncommitted_entries_size: The most data that may wait to be
            committed before proposals are dropped, in bytes; 0 for no limit.
        max_inflight_msgs: The most appends on their way to one follower.
        max_inflight_bytes: Likewise in bytes; 0 for no limit. It bounds the
            throughput to this many bytes a round trip.
        check_quorum: A leader that has not heard from a quorum for an election
            timeout steps down.
        pre_vote: Ask whether an election could be won before one is started,
            so that a node that comes back does not disturb (thesis, 9.6).
        read_only_option: How reads are made safe.
        logger: Where log lines go; `None` for the default one.
        disable_proposal_forwarding: A follower drops proposals instead of
            passing them on, where only the leader may compute them.
        disable_conf_change_validation: Do not check configuration changes when
            they are proposed. The check is a guess in both directions, as a
            change takes effect when it is applied; whoever turns it off must
            order and check changes some other way, since an invalid one that
            is applied panics.
        step_down_on_removal: A leader that is removed or demoted becomes a
            follower.
        trace_logger: Where state trace events go.
        rand: Where election timeouts get their randomness; `None` for the
            operating system.

    Go: raft.go:126-291 Config
    """

    __slots__ = (
        "applied", "async_storage_writes", "check_quorum",
        "disable_conf_change_validation", "disable_proposal_forwarding",
        "election_tick", "heartbeat_tick", "id", "logger",
        "max_committed_size_per_ready", "max_inflight_bytes",
        "max_inflight_msgs", "max_size_per_msg",
        "max_uncommitted_entries_size", "pre_vote", "rand",
        "read_only_option", "step_down_on_removal", "storage",
        "trace_logger",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: int = 0,
        election_tick: int = 0,
        heartbeat_tick: int = 0,
        storage: Storage | None = None,
        applied: int = 0,
        async_storage_writes: bool = False,
        max_size_per_msg: int = 0,
        max_committed_size_per_ready: int = 0,
        max_uncommitted_entries_size: int = 0,
        max_inflight_msgs: int = 0,
        max_inflight_bytes: int = 0,
        check_quorum: bool = False,
        pre_vote: bool = False,
        read_only_option: ReadOnlyOption = ReadOnlySafe,
        logger: Logger | None = None,
        disable_proposal_forwarding: bool = False,
        disable_conf_change_validation: bool = False,
        step_down_on_removal: bool = False,
        trace_logger: TraceLogger | None = None,
        rand: Rand | None = None,
    ) -> None:
        self.id = id
        self.election_tick = election_tick
        self.heartbeat_tick = heartbeat_tick
        self.storage = storage
        self.applied = applied
        self.async_storage_writes = async_storage_writes
        self.max_size_per_msg = max_size_per_msg
        self.max_committed_size_per_ready = max_committed_size_per_ready
        self.max_uncommitted_entries_size = max_uncommitted_entries_size
        self.max_inflight_msgs = max_inflight_msgs
        self.max_inflight_bytes = max_inflight_bytes
        self.check_quorum = check_quorum
        self.pre_vote = pre_vote
        self.read_only_option = read_only_option
        self.logger = logger
        self.disable_proposal_forwarding = disable_proposal_forwarding
        self.disable_conf_change_validation = disable_conf_change_validation
        self.step_down_on_removal = step_down_on_removal
        self.trace_logger = trace_logger
        self.rand = rand

    def validate(self) -> tuple[Storage, Logger]:
        """Checks the fields against each other, and fills in the defaults.

        Returns:
            The two fields that cannot be `None` from here on.

        Raises:
            InvalidConfig: the text names the field and what it must be.

        Go: raft.go:293-341 validate
        """
        if self.id == NONE:
            raise InvalidConfig("cannot use none as id")
        if is_local_msg_target(self.id):
            raise InvalidConfig("cannot use local target as id")
        if self.heartbeat_tick <= 0:
            raise InvalidConfig("heartbeat tick must be greater than 0")
        if self.election_tick <= self.heartbeat_tick:
            raise InvalidConfig(
                "election tick must be greater than heartbeat tick"
            )
        if self.storage is None:
            raise InvalidConfig("storage cannot be nil")
        if self.max_uncommitted_entries_size == 0:
            self.max_uncommitted_entries_size = NO_LIMIT
        if self.max_committed_size_per_ready == 0:
            self.max_committed_size_per_ready = self.max_size_per_msg
        if self.max_inflight_msgs <= 0:
            raise InvalidConfig("max inflight messages must be greater than 0")
        if self.max_inflight_bytes == 0:
            self.max_inflight_bytes = NO_LIMIT
        elif self.max_inflight_bytes < self.max_size_per_msg:
            raise InvalidConfig(
                "max inflight bytes must be >= max message size"
            )
        if self.logger is None:
            self.logger = get_logger()
        if (
            self.read_only_option is ReadOnlyLeaseBased
            and not self.check_quorum
        ):
            raise InvalidConfig(
                "CheckQuorum must be enabled when ReadOnlyOption is"
                " ReadOnlyLeaseBased"
            )
        return self.storage, self.logger


# Messages that carry the term that they are about, rather than the sender's.
_CAMPAIGN_MSGS = frozenset({
    pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVote, pb.MsgPreVoteResp,
})  # fmt: skip

# Promises: they must not leave before what they promise is stored.
_AFTER_APPEND_MSGS = frozenset({
    pb.MsgAppResp, pb.MsgVoteResp, pb.MsgPreVoteResp,
})  # fmt: skip

# What only a leader sends: whoever sends it leads that term.
_FROM_LEADER = frozenset({pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap})

_CONF_CHANGES = (pb.EntryConfChange, pb.EntryConfChangeV2)


class Raft:
    """One node's Raft state.

    Attributes:
        id: This node.
        term: The current term; stored before any message of it leaves.
        vote: Whom this node voted for in `term`, or `NONE`; stored likewise.
        read_states: Answered reads, for the next `Ready`.
        raft_log: The log.
        max_msg_size: The most entries in one append, in bytes.
        max_uncommitted_size: The most data that may wait to be committed.
        trk: The configuration, the peers' progress, and the votes.
        state: The role.
        is_learner: Whether this node is a learner.
        msgs: To be sent to other nodes at once.
        msgs_after_append: To be sent, to others or to this node, once all
            that is unstable now is stored.
        lead: The leader, as far as known, or `NONE`.
        lead_transferee: Who is to take over from this leader, or `NONE`.
        pending_conf_index: No configuration change is proposed until this
            index is applied: at most one may be on its way at a time.
        uncommitted_size: About how much data waits to be committed, in bytes;
            kept by leaders only, and never too high.
        read_only: Reads that wait for their confirmation.
        election_elapsed: Ticks since the election timeout last began anew.
        heartbeat_elapsed: Ticks since the last heartbeats; leaders only.
        randomized_election_timeout: From `election_timeout` up to twice that;
            drawn again at every change of role or term.
        tick: What a tick does in this role.
        pending_read_index_messages: Reads that came before the leader had
            committed anything in its term; answered once it has.

    Go: raft.go:343-437 raft
    """

    __slots__ = (
        "_rand", "_step", "check_quorum", "disable_conf_change_validation",
        "disable_proposal_forwarding", "election_elapsed",
        "election_timeout", "heartbeat_elapsed", "heartbeat_timeout", "id",
        "is_learner", "lead", "lead_transferee", "logger", "max_msg_size",
        "max_uncommitted_size", "msgs", "msgs_after_append",
        "pending_conf_index", "pending_read_index_messages", "pre_vote",
        "raft_log", "randomized_election_timeout", "read_only",
        "read_states", "state", "step_down_on_removal", "term", "tick",
        "trace_logger", "trk", "uncommitted_size", "vote",
    )  # fmt: skip

    def __init__(self, c: Config) -> None:
        """Starts a follower from what `c.storage` holds.

        Raises:
            RaftPanic: the configuration is invalid, or what is stored
                contradicts itself.

        Go: raft.go:439-498 newRaft
        """
        storage, logger = c.validate()
        raft_log = RaftLog(storage, logger, c.max_committed_size_per_ready)
        hs, cs = storage.initial_state()

        self.id = c.id
        self.term = 0
        self.vote = NONE
        self.read_states: list[ReadState] = []
        self.raft_log = raft_log
        self.max_msg_size = c.max_size_per_msg
        self.max_uncommitted_size = c.max_uncommitted_entries_size
        self.trk = ProgressTracker(c.max_inflight_msgs, c.max_inflight_bytes)
        self.state = StateFollower
        self.is_learner = False
        self.msgs: list[pb.Message] = []
        self.msgs_after_append: list[pb.Message] = []
        self.lead = NONE
        self.lead_transferee = NONE
        self.pending_conf_index = 0
        self.disable_conf_change_validation = c.disable_conf_change_validation
        self.uncommitted_size = 0
        self.read_only = ReadOnly(c.read_only_option)
        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.check_quorum = c.check_quorum
        self.pre_vote = c.pre_vote
        self.heartbeat_timeout = c.heartbeat_tick
        self.election_timeout = c.election_tick
        self.randomized_election_timeout = 0
        self.disable_proposal_forwarding = c.disable_proposal_forwarding
        self.step_down_on_removal = c.step_down_on_removal
        self.tick: Callable[[], None] = self.tick_election
        self._step: StepFunc = step_follower
        self.logger = logger
        self.pending_read_index_messages: list[pb.Message] = []
        self.trace_logger = c.trace_logger
        self._rand: Rand = c.rand or GLOBAL_RAND

        trace_init_state(self)

        last_id = raft_log.last_entry_id()
        try:
            changer = Changer(self.trk, last_id.index)
            cfg, progress = restore_config(changer, cs)
        except InvalidConfChange as err:
            raise RaftPanic(str(err)) from err
        assert_conf_states_equivalent(
            logger, cs, self.switch_to_config(cfg, progress)
        )

        if hs is not None and not is_empty_hard_state(hs):
            self.load_state(hs)
        if c.applied > 0:
            raft_log.applied_to(c.applied, 0)
        self.become_follower(self.term, NONE)

        logger.info(
            "newRaft %x [peers: [%s], term: %d, commit: %d, applied: %d, "
            "lastindex: %d, lastterm: %d]",
            self.id, ",".join(f"{n:x}" for n in self.trk.voter_nodes()),
            self.term, raft_log.committed, raft_log.applied,
            last_id.index, last_id.term,
        )  # fmt: skip

    def has_leader(self) -> bool:
        """Tells whether this node knows a leader of its term.

        Go: raft.go:500-500 hasLeader
        """
        return self.lead != NONE

    def soft_state(self) -> SoftState:
        """Returns leader and role.

        Go: raft.go:502-502 softState
        """
        return SoftState(self.lead, self.state)

    def hard_state(self) -> pb.HardState:
        """Returns what must be stored besides the log.

        Go: raft.go:504-510 hardState
        """
        return pb.HardState(self.term, self.vote, self.raft_log.committed)

    def send(self, m: pb.Message) -> None:
        """Queues a message, with sender and term filled in.

        Messages of a campaign come with the term that they are about; a
        pre-vote's lies in the future. All others get this node's term, but
        for proposals and reads: those are passed on for a client, who knows
        no terms.

        Responses that promise something (an entry stored, a vote given) wait
        until it is stored; refusals wait too, to be on the safe side. (Thesis,
        section 3.8.)

        Raises:
            RaftPanic: term or target are not as they must be.

        Go: raft.go:514-601 send
        """
        if not m.from_:
            m.from_ = self.id
        kind = m.type or pb.MsgHup
        if kind in _CAMPAIGN_MSGS:
            if not m.term:
                self.logger.panic("term should be set when sending %s", kind)
        else:
            if m.term:
                self.logger.panic(
                    "term should not be set when sending %s (was %d)",
                    kind, m.term,
                )  # fmt: skip
            if kind is not pb.MsgProp and kind is not pb.MsgReadIndex:
                m.term = self.term
        if kind in _AFTER_APPEND_MSGS:
            self.msgs_after_append.append(m)
        else:
            if m.to == self.id:
                self.logger.panic(
                    "message should not be self-addressed when sending %s",
                    kind,
                )
            self.msgs.append(m)
        if self.trace_logger is not None:
            trace_send_message(self, m)

    def send_append(self, to: int) -> None:
        """Sends an append, if only to tell the commit index.

        Go: raft.go:605-607 sendAppend
        """
        self.maybe_send_append(to, True)

    def maybe_send_append(self, to: int, send_if_empty: bool) -> bool:
        """Sends entries, if the flow to that peer allows and there are any.

        Falls back on a snapshot where the log no longer reaches back far
        enough.

        Args:
            to: The peer.
            send_if_empty: Send without entries too: news of the commit index
                is worth a message, but not among many.

        Returns:
            Whether a message was sent.

        Go: raft.go:618-662 maybeSendAppend
        """
        pr = self.trk.progress[to]
        if pr.is_paused():
            return False
        log = self.raft_log
        prev_index = pr.next - 1
        if not send_if_empty and prev_index == log.last_index():
            return False  # the common answer, before anything is looked up
        try:
            prev_term = log.term(prev_index)
        except RaftError:
            return self.maybe_send_snapshot(to, pr)

        ents: list[pb.Entry] = []
        if pr.state is not StateReplicate or not pr.inflights.full():
            try:
                ents = log.entries(pr.next, self.max_msg_size)
            except RaftError:
                return send_if_empty and self.maybe_send_snapshot(to, pr)
        if not ents and not send_if_empty:
            return False

        committed = log.committed
        self.send(
            pb.Message(
                to=to, type=pb.MsgApp, index=prev_index, log_term=prev_term,
                entries=ents, commit=committed,
            )
        )  # fmt: skip
        pr.sent_entries(len(ents), payloads_size(ents))
        pr.sent_commit(committed)
        return True

    def maybe_send_snapshot(self, to: int, pr: Progress) -> bool:
        """Sends the newest snapshot, if the peer seems alive and there is one.

        Returns:
            Whether a message was sent.

        Go: raft.go:666-691 maybeSendSnapshot
        """
        if not pr.recent_active:
            self.logger.debug(
                "ignore sending snapshot to %x since it is not recently active",
                to,
            )
            return False
        try:
            snapshot = self.raft_log.snapshot()
        except SnapshotTemporarilyUnavailable:
            self.logger.debug(
                "%x failed to send snapshot to %x because snapshot is "
                "temporarily unavailable",
                self.id, to,
            )  # fmt: skip
            return False
        if is_empty_snap(snapshot):
            raise RaftPanic("need non-empty snapshot")
        self.logger.debug(
            "%x [firstindex: %d, commit: %d] sent "
            "snapshot[index: %d, term: %d] to %x [%s]",
            self.id, self.raft_log.first_index(), self.raft_log.committed,
            snapshot.index, snapshot.term, to, pr,
        )  # fmt: skip
        pr.become_snapshot(snapshot.index)
        self.logger.debug(
            "%x paused sending replication messages to %x [%s]",
            self.id, to, pr,
        )  # fmt: skip
        self.send(pb.Message(to=to, type=pb.MsgSnap, snapshot=snapshot))
        return True

    def send_heartbeat(self, to: int, ctx: bytes | None) -> None:
        """Sends a heartbeat.

        It tells no commit index beyond what is known to match: a follower
        takes it on trust, and what it has beyond that may be something else.

        Go: raft.go:694-710 sendHeartbeat
        """
        pr = self.trk.progress[to]
        commit = min(pr.match, self.raft_log.committed)
        self.send(
            pb.Message(to=to, type=pb.MsgHeartbeat, commit=commit, context=ctx)
        )
        pr.sent_commit(commit)

    def bcast_append(self) -> None:
        """Sends an append to every peer.

        Go: raft.go:714-721 bcastAppend
        """
        for id, _ in self.trk.visit():
            if id != self.id:
                self.send_append(id)

    def bcast_heartbeat(self) -> None:
        """Sends heartbeats, which confirm the reads that wait.

        Go: raft.go:724-726 bcastHeartbeat
        """
        self.bcast_heartbeat_with_ctx(self.read_only.heartbeat_ctx())

    def bcast_heartbeat_with_ctx(self, ctx: bytes | None) -> None:
        """Sends a heartbeat to every peer.

        Go: raft.go:728-735 bcastHeartbeatWithCtx
        """
        for id, _ in self.trk.visit():
            if id != self.id:
                self.send_heartbeat(id, ctx)

    def applied_to(self, index: int, size: int) -> None:
        """Notes that the application has applied entries up to `index`.

        A leader in a joint configuration that is to be left automatically
        proposes to leave it now. If that is dropped (a transfer is under
        way), the next applied entry tries again, here or at a new leader.

        Go: raft.go:737-764 appliedTo
        """
        index = max(index, self.raft_log.applied)
        self.raft_log.applied_to(index, size)

        if (
            self.trk.config.auto_leave
            and index >= self.pending_conf_index
            and self.state is StateLeader
        ):
            try:
                self.step(conf_change_to_msg(None))
            except RaftError as err:
                self.logger.debug(
                    "not initiating automatic transition out of joint "
                    "configuration %s: %s",
                    self.trk.config, err,
                )  # fmt: skip
            else:
                self.logger.info(
                    "initiating automatic transition out of joint "
                    "configuration %s",
                    self.trk.config,
                )

    def applied_snap(self, snap: pb.Snapshot) -> None:
        """Notes that a snapshot has been stored and applied.

        Go: raft.go:766-770 appliedSnap
        """
        self.raft_log.stable_snap_to(snap.index)
        self.applied_to(snap.index, 0)

    def maybe_commit(self) -> bool:
        """Commits what a quorum has stored, if it is of this term.

        Returns:
            Whether the commit index has moved; the peers should then be told.

        Go: raft.go:775-779 maybeCommit
        """
        moved = self.raft_log.maybe_commit(
            EntryID(self.term, self.trk.committed())
        )
        if self.trace_logger is not None:
            trace_commit(self)
        return moved

    def reset(self, term: int) -> None:
        """Forgets all that belonged to the role, and to another term.

        Go: raft.go:781-810 reset
        """
        if self.term != term:
            self.term = term
            self.vote = NONE
        self.lead = NONE

        self.election_elapsed = 0
        self.heartbeat_elapsed = 0
        self.reset_randomized_election_timeout()

        self.abort_leader_transfer()

        self.trk.reset_votes()
        last_index = self.raft_log.last_index()
        for id, pr in self.trk.visit():
            self.trk.progress[id] = Progress(
                match=last_index if id == self.id else 0,
                next=last_index + 1,
                inflights=Inflights(
                    self.trk.max_inflight, self.trk.max_inflight_bytes
                ),
                is_learner=pr.is_learner,
            )

        self.pending_conf_index = 0
        self.uncommitted_size = 0
        self.read_only = ReadOnly(self.read_only.option)

    def append_entry(self, es: list[pb.Entry]) -> bool:
        """Appends entries of this leader's own, numbered and of its term.

        Its acknowledgement to itself is queued like a follower's: it counts
        once the entries are stored here.

        Returns:
            Whether they were appended; not if too much is uncommitted.

        Go: raft.go:812-847 appendEntry
        """
        term = self.term
        index = self.raft_log.last_index()
        ents = [
            pb.Entry(term, index + i, e.type, e.data)
            for i, e in enumerate(es, 1)
        ]
        if not self.increase_uncommitted_size(ents):
            self.logger.warning(
                "%x appending new entries to log would exceed uncommitted "
                "entry size limit; dropping proposal",
                self.id,
            )
            return False
        trace_replicate(self, ents)
        last_index = self.raft_log.append(ents)
        self.send(
            pb.Message(to=self.id, type=pb.MsgAppResp, index=last_index)
        )
        return True

    def tick_election(self) -> None:
        """Counts towards the election timeout: followers and candidates.

        Go: raft.go:850-859 tickElection
        """
        self.election_elapsed += 1
        if self.promotable() and self.past_election_timeout():
            self.election_elapsed = 0
            try:
                self.step(pb.Message(from_=self.id, type=pb.MsgHup))
            except RaftError as err:
                self.logger.debug("error occurred during election: %s", err)

    def tick_heartbeat(self) -> None:
        """Counts towards the next heartbeats and quorum check: leaders.

        Go: raft.go:862-889 tickHeartbeat
        """
        self.heartbeat_elapsed += 1
        self.election_elapsed += 1

        if self.election_elapsed >= self.election_timeout:
            self.election_elapsed = 0
            if self.check_quorum:
                self._step_on_tick(pb.MsgCheckQuorum)
            if self.state is StateLeader and self.lead_transferee != NONE:
                self.abort_leader_transfer()

        if self.state is not StateLeader:
            return

        if self.heartbeat_elapsed >= self.heartbeat_timeout:
            self.heartbeat_elapsed = 0
            self._step_on_tick(pb.MsgBeat)

    def _step_on_tick(self, kind: pb.MessageType) -> None:
        """Steps a message of this leader to itself.

        Go: raft.go:869-871 tickHeartbeat
        Go: raft.go:885-887 tickHeartbeat
        """
        try:
            self.step(pb.Message(from_=self.id, type=kind))
        except RaftError as err:
            self.logger.debug(
                "error occurred during checking sending heartbeat: %s", err
            )

    def become_follower(self, term: int, lead: int) -> None:
        """Becomes a follower in `term`, of `lead` if that is known.

        Legal from every role.

        Go: raft.go:891-900 becomeFollower
        """
        self._step = step_follower
        self.reset(term)
        self.tick = self.tick_election
        self.lead = lead
        self.state = StateFollower
        self.logger.info("%x became follower at term %d", self.id, self.term)
        trace_become_follower(self)

    def become_candidate(self) -> None:
        """Opens a new term and stands for election in it.

        Raises:
            RaftPanic: this node leads.

        Go: raft.go:902-915 becomeCandidate
        """
        if self.state is StateLeader:
            raise RaftPanic("invalid transition [leader -> candidate]")
        self._step = step_candidate
        self.reset(self.term + 1)
        self.tick = self.tick_election
        self.vote = self.id
        self.state = StateCandidate
        self.logger.info("%x became candidate at term %d", self.id, self.term)
        trace_become_candidate(self)

    def become_pre_candidate(self) -> None:
        """Asks around whether an election could be won.

        Term and vote stay as they are: nothing has been promised yet.

        Raises:
            RaftPanic: this node leads.

        Go: raft.go:917-931 becomePreCandidate
        """
        if self.state is StateLeader:
            raise RaftPanic("invalid transition [leader -> pre-candidate]")
        self._step = step_candidate
        self.trk.reset_votes()
        self.tick = self.tick_election
        self.lead = NONE
        self.state = StatePreCandidate
        self.logger.info(
            "%x became pre-candidate at term %d", self.id, self.term
        )

    def become_leader(self) -> None:
        """Takes up the lead of this term, and appends an empty entry to it.

        Raises:
            RaftPanic: this node has not stood for election.

        Go: raft.go:933-971 becomeLeader
        """
        if self.state is StateFollower:
            raise RaftPanic("invalid transition [follower -> leader]")
        self._step = step_leader
        self.reset(self.term)
        self.tick = self.tick_heartbeat
        self.lead = self.id
        self.state = StateLeader
        pr = self.trk.progress[self.id]
        pr.become_replicate()
        pr.recent_active = True
        self.pending_conf_index = self.raft_log.last_index()

        trace_become_leader(self)
        if not self.append_entry([pb.Entry()]):
            self.logger.panic("empty entry was dropped")
        self.logger.info("%x became leader at term %d", self.id, self.term)

    def hup(self, t: CampaignType) -> None:
        """Campaigns, unless this node leads already or must not.

        Go: raft.go:973-990 hup
        """
        if self.state is StateLeader:
            self.logger.debug(
                "%x ignoring MsgHup because already leader", self.id
            )
            return
        if not self.promotable():
            self.logger.warning(
                "%x is unpromotable and can not campaign", self.id
            )
            return
        if self.has_unapplied_conf_changes():
            self.logger.warning(
                "%x cannot campaign at term %d since there are still "
                "pending configuration changes to apply",
                self.id, self.term,
            )  # fmt: skip
            return
        self.logger.info(
            "%x is starting a new election at term %d", self.id, self.term
        )
        self.campaign(t)

    def has_unapplied_conf_changes(self) -> bool:
        """Tells whether a committed configuration change waits to be applied.

        Read page by page, as there is no limit to what may wait.

        Go: raft.go:995-1021 hasUnappliedConfChanges
        """
        log = self.raft_log
        if log.applied >= log.committed:
            return False
        lo, hi = log.applied + 1, log.committed + 1
        try:
            return any(
                e.type in _CONF_CHANGES
                for page in log.scan(lo, hi, log.max_applying_ents_size)
                for e in page
            )
        except RaftError as err:
            self.logger.panic(
                "error scanning unapplied entries [%d, %d): %s", lo, hi, err
            )

    def campaign(self, t: CampaignType) -> None:
        """Asks every voter for its vote; this node's own is queued as well.

        Go: raft.go:1025-1073 campaign
        """
        if not self.promotable():
            self.logger.warning(
                "%x is unpromotable; campaign() should have been called",
                self.id,
            )
        if t is CampaignType.PreElection:
            self.become_pre_candidate()
            vote_msg = pb.MsgPreVote
            term = self.term + 1
        else:
            self.become_candidate()
            vote_msg = pb.MsgVote
            term = self.term
        for id in sorted(self.trk.voters.ids()):
            if id == self.id:
                self.send(
                    pb.Message(
                        to=id, term=term, type=vote_resp_msg_type(vote_msg)
                    )
                )
                continue
            last = self.raft_log.last_entry_id()
            self.logger.info(
                "%x [logterm: %d, index: %d] sent %s request to %x "
                "at term %d",
                self.id, last.term, last.index, vote_msg, id, self.term,
            )  # fmt: skip
            transfer = t is CampaignType.Transfer
            self.send(
                pb.Message(
                    to=id, term=term, type=vote_msg, index=last.index,
                    log_term=last.term,
                    context=CAMPAIGN_TRANSFER if transfer else None,
                )
            )  # fmt: skip

    def poll(
        self, id: int, t: pb.MessageType, v: bool
    ) -> tuple[int, int, VoteResult]:
        """Counts a vote.

        Returns:
            Votes for, votes against, and what they amount to.

        Go: raft.go:1075-1083 poll
        """
        if v:
            self.logger.info(
                "%x received %s from %x at term %d",
                self.id, t, id, self.term,
            )  # fmt: skip
        else:
            self.logger.info(
                "%x received %s rejection from %x at term %d",
                self.id, t, id, self.term,
            )  # fmt: skip
        self.trk.record_vote(id, v)
        return self.trk.tally_votes()

    def step(self, m: pb.Message) -> None:
        """Takes one message, from a peer, a storage thread or this node.

        Raises:
            ProposalDropped: it was a proposal, and was not appended.
            RaftPanic: the message breaks an invariant.

        Go: raft.go:1089-1271 Step
        """
        if self.trace_logger is not None:
            trace_receive_message(self, m)
        term = m.term or 0
        if term == 0:
            pass  # local: of no term
        elif term > self.term:
            if not self._step_higher_term(m):
                return
        elif term < self.term:
            self._step_lower_term(m)
            return

        handle = _ANY_ROLE.get(m.type or pb.MsgHup)
        if handle is not None:
            handle(self, m)
        else:
            self._step(self, m)

    def _step_higher_term(self, m: pb.Message) -> bool:
        """Follows a message into its term, where its type means that.

        Returns:
            Whether to go on with the message: not with a vote request while
            this node hears from a leader, unless that leader wants it so.

        Go: raft.go:1100-1131 Step
        """
        kind, term = m.type, m.term or 0
        if kind is pb.MsgVote or kind is pb.MsgPreVote:
            force = m.context == CAMPAIGN_TRANSFER
            in_lease = (
                self.check_quorum
                and self.lead != NONE
                and self.election_elapsed < self.election_timeout
            )
            if not force and in_lease:
                last = self.raft_log.last_entry_id()
                self.logger.info(
                    "%x [logterm: %d, index: %d, vote: %x] ignored %s "
                    "from %x [logterm: %d, index: %d] at term %d: lease "
                    "is not expired (remaining ticks: %d)",
                    self.id, last.term, last.index, self.vote, kind,
                    m.from_ or 0, m.log_term or 0, m.index or 0, self.term,
                    self.election_timeout - self.election_elapsed,
                )  # fmt: skip
                return False
        if kind is pb.MsgPreVote:
            pass  # a question about a term does not open it
        elif kind is pb.MsgPreVoteResp and not m.reject:
            pass  # a yes to that question, in the term it was about
        else:
            self.logger.info(
                "%x [term: %d] received a %s message with higher term "
                "from %x [term: %d]",
                self.id, self.term, kind, m.from_ or 0, term,
            )  # fmt: skip
            lead = (m.from_ or NONE) if kind in _FROM_LEADER else NONE
            self.become_follower(term, lead)
        return True

    def _step_lower_term(self, m: pb.Message) -> None:
        """Deals with a message of a term gone by; most are ignored.

        Go: raft.go:1133-1186 Step
        """
        kind = m.type or pb.MsgHup
        if (self.check_quorum or self.pre_vote) and (
            kind is pb.MsgHeartbeat or kind is pb.MsgApp
        ):
            # An old leader that does not know of our term. It cannot hear of
            # it through our vote requests where others ignore those, so tell
            # it; else we could neither follow it nor win against it.
            self.send(pb.Message(to=m.from_, type=pb.MsgAppResp))
        elif kind is pb.MsgPreVote:
            # Its sender may have the longer log and we the higher term; if we
            # kept silent, neither of us might ever win.
            last = self.raft_log.last_entry_id()
            self._log_vote_rejected(m, last)
            self.send(
                pb.Message(
                    to=m.from_, term=self.term, type=pb.MsgPreVoteResp,
                    reject=True,
                )
            )  # fmt: skip
        elif kind is pb.MsgStorageAppendResp:
            if m.index:
                # Entries may have been overwritten since by another term's.
                self.logger.info(
                    "%x [term: %d] ignored entry appends from a %s message "
                    "with lower term [term: %d]",
                    self.id, self.term, kind, m.term or 0,
                )  # fmt: skip
            if m.snapshot is not None:
                # What a snapshot holds is committed: no term can change it.
                self.applied_snap(m.snapshot)
        else:
            self.logger.info(
                "%x [term: %d] ignored a %s message with lower term "
                "from %x [term: %d]",
                self.id, self.term, kind, m.from_ or 0, m.term or 0,
            )  # fmt: skip

    def _step_hup(self, m: pb.Message) -> None:
        """Campaigns: the election timeout has passed, or somebody asked.

        Go: raft.go:1190-1195 Step
        """
        if self.pre_vote:
            self.hup(CampaignType.PreElection)
        else:
            self.hup(CampaignType.Election)

    def _step_storage_append_resp(self, m: pb.Message) -> None:
        """Notes what is now stored.

        Go: raft.go:1197-1203 Step
        """
        if m.index:
            self.raft_log.stable_to(EntryID(m.log_term or 0, m.index))
        if m.snapshot is not None:
            self.applied_snap(m.snapshot)

    def _step_storage_apply_resp(self, m: pb.Message) -> None:
        """Notes what is now applied.

        Go: raft.go:1205-1210 Step
        """
        if m.entries:
            index = m.entries[-1].index or 0
            self.applied_to(index, ents_size(m.entries))
            self.reduce_uncommitted_size(payloads_size(m.entries))

    def _step_vote(self, m: pb.Message) -> None:
        """Grants or refuses a vote or a pre-vote.

        A learner votes too: it may have been promoted without knowing yet,
        and the election may hang on it.

        Go: raft.go:1212-1262 Step
        """
        kind = m.type or pb.MsgHup
        can_vote = (
            # The vote has been given already, to the same candidate ...
            self.vote == (m.from_ or NONE)
            # ... or to nobody, and no leader of this term is known ...
            or (self.vote == NONE and self.lead == NONE)
            # ... or it is only a question about a term to come.
            or (kind is pb.MsgPreVote and (m.term or 0) > self.term)
        )
        last_id = self.raft_log.last_entry_id()
        cand_last_id = EntryID(m.log_term or 0, m.index or 0)
        if can_vote and self.raft_log.is_up_to_date(cand_last_id):
            self.logger.info(
                "%x [logterm: %d, index: %d, vote: %x] cast %s for %x "
                "[logterm: %d, index: %d] at term %d",
                self.id, last_id.term, last_id.index, self.vote, kind,
                m.from_ or 0, cand_last_id.term, cand_last_id.index,
                self.term,
            )  # fmt: skip
            # The term is the request's: to a pre-candidate ahead of us, our
            # own would look out of date.
            self.send(
                pb.Message(
                    to=m.from_, term=m.term, type=vote_resp_msg_type(kind)
                )
            )
            if kind is pb.MsgVote:
                self.election_elapsed = 0
                self.vote = m.from_ or NONE
        else:
            self._log_vote_rejected(m, last_id)
            self.send(
                pb.Message(
                    to=m.from_, term=self.term,
                    type=vote_resp_msg_type(kind), reject=True,
                )
            )  # fmt: skip

    def _log_vote_rejected(self, m: pb.Message, last: EntryID) -> None:
        """Logs that a vote was refused.

        Go: raft.go:1163-1164 Step
        Go: raft.go:1259-1260 Step
        """
        self.logger.info(
            "%x [logterm: %d, index: %d, vote: %x] rejected %s from %x "
            "[logterm: %d, index: %d] at term %d",
            self.id, last.term, last.index, self.vote, m.type,
            m.from_ or 0, m.log_term or 0, m.index or 0, self.term,
        )  # fmt: skip

    def handle_append_entries(self, m: pb.Message) -> None:
        """Appends a leader's entries, or says where the logs may part.

        Go: raft.go:1791-1833 handleAppendEntries
        """
        a = log_slice_from_msg_app(m)
        log = self.raft_log
        if a.prev.index < log.committed:
            self.send(
                pb.Message(to=m.from_, type=pb.MsgAppResp, index=log.committed)
            )
            return
        last_index = log.maybe_append(a, m.commit or 0)
        if last_index is not None:
            self.send(
                pb.Message(to=m.from_, type=pb.MsgAppResp, index=last_index)
            )
            return
        index, log_term = m.index or 0, m.log_term or 0
        self.logger.debug(
            "%x [logterm: %d, index: %d] rejected MsgApp "
            "[logterm: %d, index: %d] from %x",
            self.id, log.zero_term_on_out_of_bounds(index), index,
            log_term, index, m.from_ or 0,
        )  # fmt: skip
        # The leader's log has no term above `log_term` up to `index`; so our
        # entries of higher terms cannot match, and the hint skips them all.
        hint_index = min(index, log.last_index())
        hint_index, hint_term = log.find_conflict_by_term(hint_index, log_term)
        self.send(
            pb.Message(
                to=m.from_, type=pb.MsgAppResp, index=index, reject=True,
                reject_hint=hint_index, log_term=hint_term,
            )
        )  # fmt: skip

    def handle_heartbeat(self, m: pb.Message) -> None:
        """Takes over the leader's commit index, and answers.

        Go: raft.go:1835-1838 handleHeartbeat
        """
        self.raft_log.commit_to(m.commit or 0)
        self.send(
            pb.Message(
                to=m.from_, type=pb.MsgHeartbeatResp, context=m.context
            )
        )

    def handle_snapshot(self, m: pb.Message) -> None:
        """Takes a snapshot in place of the log, if it brings any news.

        Go: raft.go:1840-1855 handleSnapshot
        """
        s = pb.ensure_snapshot(m.snapshot)
        if self.restore(s):
            verb, index = "restored", self.raft_log.last_index()
        else:
            verb, index = "ignored", self.raft_log.committed
        self.logger.info(
            "%x [commit: %d] %s snapshot [index: %d, term: %d]",
            self.id, self.raft_log.committed, verb, s.index, s.term,
        )  # fmt: skip
        self.send(pb.Message(to=m.from_, type=pb.MsgAppResp, index=index))

    def restore(self, s: pb.Snapshot) -> bool:
        """Starts over from a snapshot: log and configuration.

        Returns:
            Whether it did. Not if the log holds all of it already, nor if
            this node must not: it leads, or the snapshot does not know it.

        Go: raft.go:1860-1942 restore
        """
        log = self.raft_log
        if s.index <= log.committed:
            return False
        if self.state is not StateFollower:
            # Cannot be: every message of a leader makes us follow it first.
            self.logger.warning(
                "%x attempted to restore snapshot as leader; "
                "should never happen",
                self.id,
            )
            self.become_follower(self.term + 1, NONE)
            return False

        metadata = pb.ensure_snapshot_metadata(s.metadata)
        cs = pb.ensure_conf_state(metadata.conf_state)
        # Whoever is in learners_next is in voters_outgoing as well.
        members = (cs.voters, cs.learners, cs.voters_outgoing)
        if not any(self.id in ids for ids in members):
            self.logger.warning(
                "%x attempted to restore snapshot but it is not in the "
                "ConfState %s; should never happen",
                self.id, cs,
            )  # fmt: skip
            return False

        id = EntryID(s.term, s.index)
        if log.match_term(id):
            last = log.last_entry_id()
            self.logger.info(
                "%x [commit: %d, lastindex: %d, lastterm: %d] "
                "fast-forwarded commit to snapshot [index: %d, term: %d]",
                self.id, log.committed, last.index, last.term,
                id.index, id.term,
            )  # fmt: skip
            log.commit_to(s.index)
            return False

        log.restore(s)

        self.trk = ProgressTracker(
            self.trk.max_inflight, self.trk.max_inflight_bytes
        )
        try:
            changer = Changer(self.trk, log.last_index())
            cfg, progress = restore_config(changer, cs)
        except InvalidConfChange as err:
            raise RaftPanic(f"unable to restore config {cs}: {err}") from err
        assert_conf_states_equivalent(
            self.logger, cs, self.switch_to_config(cfg, progress)
        )

        last = log.last_entry_id()
        self.logger.info(
            "%x [commit: %d, lastindex: %d, lastterm: %d] restored "
            "snapshot [index: %d, term: %d]",
            self.id, log.committed, last.index, last.term,
            id.index, id.term,
        )  # fmt: skip
        return True

    def promotable(self) -> bool:
        """Tells whether this node may become leader.

        It must be a voter, and have applied its snapshot: until then its log
        and configuration are not in step.

        Go: raft.go:1946-1949 promotable
        """
        pr = self.trk.progress.get(self.id)
        return (
            pr is not None
            and not pr.is_learner
            and not self.raft_log.has_next_or_in_progress_snapshot()
        )

    def apply_conf_change(self, cc: pb.ConfChangeV2) -> pb.ConfState:
        """Puts a committed configuration change into effect.

        Returns:
            The configuration from here on.

        Raises:
            RaftPanic: the change does not fit the configuration it meets.

        Go: raft.go:1951-1971 applyConfChange
        """
        changer = Changer(self.trk, self.raft_log.last_index())
        auto_leave, joint = cc.enter_joint()
        try:
            if cc.leave_joint():
                cfg, progress = changer.leave_joint()
            elif joint:
                cfg, progress = changer.enter_joint(auto_leave, cc.changes)
            else:
                cfg, progress = changer.simple(cc.changes)
        except InvalidConfChange as err:
            raise RaftPanic(str(err)) from err
        return self.switch_to_config(cfg, progress)

    def switch_to_config(
        self, cfg: TrackerConfig, progress: ProgressMap
    ) -> pb.ConfState:
        """Takes up a configuration, and does what follows from it.

        A leader may no longer be one; entries may be committed that were not,
        as the quorum is another; new peers want to hear from it.

        Returns:
            The configuration from here on.

        Go: raft.go:1979-2035 switchToConfig
        """
        trace_conf_change_event(cfg, self)

        self.trk.config = cfg
        self.trk.progress = progress

        self.logger.info(
            "%x switched to configuration %s", self.id, self.trk.config
        )
        cs = self.trk.conf_state()
        pr = progress.get(self.id)
        self.is_learner = pr is not None and pr.is_learner

        if (pr is None or self.is_learner) and self.state is StateLeader:
            if self.step_down_on_removal:
                self.become_follower(self.term, NONE)
            return cs

        if self.state is not StateLeader or not cs.voters:
            return cs

        if self.maybe_commit():
            self.bcast_append()
        else:
            for id, _ in self.trk.visit():
                if id != self.id:
                    self.maybe_send_append(id, False)
        transferee = self.lead_transferee
        if transferee != NONE and transferee not in self.trk.voters.ids():
            self.abort_leader_transfer()
        return cs

    def load_state(self, state: pb.HardState) -> None:
        """Takes up the hard state that was stored.

        Raises:
            RaftPanic: its commit index lies outside the log.

        Go: raft.go:2037-2044 loadState
        """
        commit, log = state.commit or 0, self.raft_log
        if not log.committed <= commit <= log.last_index():
            self.logger.panic(
                "%x state.commit %d is out of range [%d, %d]",
                self.id, commit, log.committed, log.last_index(),
            )  # fmt: skip
        log.committed = commit
        self.term = state.term or 0
        self.vote = state.vote or NONE

    def past_election_timeout(self) -> bool:
        """Tells whether it is time to campaign.

        Go: raft.go:2049-2051 pastElectionTimeout
        """
        return self.election_elapsed >= self.randomized_election_timeout

    def reset_randomized_election_timeout(self) -> None:
        """Draws a new timeout, so that nodes seldom campaign at once.

        Go: raft.go:2053-2055 resetRandomizedElectionTimeout
        """
        timeout = self.election_timeout
        self.randomized_election_timeout = timeout + self._rand.intn(timeout)

    def send_timeout_now(self, to: int) -> None:
        """Tells the node that is to take over to campaign at once.

        Go: raft.go:2057-2059 sendTimeoutNow
        """
        self.send(pb.Message(to=to, type=pb.MsgTimeoutNow))

    def abort_leader_transfer(self) -> None:
        """Keeps the lead after all.

        Go: raft.go:2061-2063 abortLeaderTransfer
        """
        self.lead_transferee = NONE

    def committed_entry_in_current_term(self) -> bool:
        """Tells whether an entry of this term is committed.

        Go: raft.go:2066-2070 committedEntryInCurrentTerm
        """
        log = self.raft_log
        return log.zero_term_on_out_of_bounds(log.committed) == self.term

    def response_to_read_index_req(
        self, req: pb.Message, read_index: int
    ) -> pb.Message | None:
        """Answers a read.

        Returns:
            The message to the node that asked, or `None`: it was this one,
            and the answer waits for the next `Ready`.

        Go: raft.go:2074-2088 responseToReadIndexReq
        """
        if not req.from_ or req.from_ == self.id:
            self.read_states.append(ReadState(read_index, req.entries[0].data))
            return None
        return pb.Message(
            type=pb.MsgReadIndexResp, to=req.from_, index=read_index,
            entries=req.entries,
        )  # fmt: skip

    def increase_uncommitted_size(self, ents: list[pb.Entry]) -> bool:
        """Makes room for new entries in the uncommitted end of the log.

        Entries without data always fit: a new leader's first, and the one
        that leaves a joint configuration. So does anything as long as nothing
        else waits: a limit below the size of an entry would stop the log.

        Returns:
            Whether they fit.

        Go: raft.go:2098-2112 increaseUncommittedSize
        """
        s = payloads_size(ents)
        size = self.uncommitted_size
        if size > 0 and s > 0 and size + s > self.max_uncommitted_size:
            return False
        self.uncommitted_size = size + s
        return True

    def reduce_uncommitted_size(self, s: int) -> None:
        """Gives the room of `s` bytes free; never below zero.

        What an earlier leader appended was never counted, so more may be
        given back than was taken.

        Go: raft.go:2116-2125 reduceUncommittedSize
        """
        self.uncommitted_size = max(self.uncommitted_size - s, 0)


StepFunc = Callable[[Raft, pb.Message], None]
StepWithProgress = Callable[[Raft, pb.Message, Progress], None]

# What means the same in every role; all else goes to the role's step function.
_ANY_ROLE: dict[pb.MessageType, StepFunc] = {
    pb.MsgHup: Raft._step_hup,
    pb.MsgStorageAppendResp: Raft._step_storage_append_resp,
    pb.MsgStorageApplyResp: Raft._step_storage_apply_resp,
    pb.MsgVote: Raft._step_vote,
    pb.MsgPreVote: Raft._step_vote,
}


def step_leader(r: Raft, m: pb.Message) -> None:
    """Takes a message as a leader.

    Most are about a peer, whose progress they need; one that is not tracked
    has nothing to say.

    Go: raft.go:1275-1669 stepLeader
    """
    kind = m.type or pb.MsgHup
    handle = _LEADER.get(kind)
    if handle is not None:
        handle(r, m)
        return
    pr = r.trk.progress.get(m.from_ or NONE)
    if pr is None:
        r.logger.debug(
            "%x no progress available for %x", r.id, m.from_ or NONE
        )
        return
    handle_with_progress = _LEADER_WITH_PROGRESS.get(kind)
    if handle_with_progress is not None:
        handle_with_progress(r, m, pr)


def leader_beat(r: Raft, m: pb.Message) -> None:
    """Sends heartbeats: it is time.

    Go: raft.go:1278-1280 stepLeader
    """
    r.bcast_heartbeat()


def leader_check_quorum(r: Raft, m: pb.Message) -> None:
    """Steps down unless a quorum was heard from since the last check.

    Go: raft.go:1281-1293 stepLeader
    """
    if not r.trk.quorum_active():
        r.logger.warning(
            "%x stepped down to follower since quorum is not active", r.id
        )
        r.become_follower(r.term, NONE)
    for id, pr in r.trk.visit():
        if id != r.id:
            pr.recent_active = False


def leader_prop(r: Raft, m: pb.Message) -> None:
    """Appends what is proposed, and sends it to the peers.

    Raises:
        ProposalDropped: this node is no member any more, hands the lead
            over, or has too much uncommitted.

    Go: raft.go:1294-1353 stepLeader
    """
    if not m.entries:
        r.logger.panic("%x stepped empty MsgProp", r.id)
    if r.id not in r.trk.progress:
        raise ProposalDropped
    if r.lead_transferee != NONE:
        r.logger.debug(
            "%x [term %d] transfer leadership to %x is in progress; "
            "dropping proposal",
            r.id, r.term, r.lead_transferee,
        )  # fmt: skip
        raise ProposalDropped
    for i, e in enumerate(m.entries):
        if e.type:
            _prop_conf_change(r, m.entries, i)
    if not r.append_entry(m.entries):
        raise ProposalDropped
    r.bcast_append()


def _prop_conf_change(r: Raft, entries: list[pb.Entry], i: int) -> None:
    """Lets a proposed configuration change pass, or empties its entry.

    Go: raft.go:1310-1346 stepLeader
    """
    e = entries[i]
    cc: pb.ConfChangeI
    try:
        if e.type is pb.EntryConfChange:
            cc = pb.ConfChange.unmarshal(e.data)
        elif e.type is pb.EntryConfChangeV2:
            cc = pb.ConfChangeV2.unmarshal(e.data)
        else:
            return
    except Malformed as err:
        raise RaftPanic(str(err)) from err
    failed_check = _refuse_conf_change(r, cc)
    if failed_check and not r.disable_conf_change_validation:
        r.logger.info(
            "%x ignoring conf change %s at config %s: %s",
            r.id, describe_conf_change(cc), r.trk.config, failed_check,
        )  # fmt: skip
        entries[i] = pb.Entry(type=pb.EntryNormal)
    else:
        r.pending_conf_index = r.raft_log.last_index() + i + 1
        trace_change_conf_event(cc, r)


def _refuse_conf_change(r: Raft, cc: pb.ConfChangeI) -> str:
    """Returns why a change may not be proposed now, or the empty text.

    Go: raft.go:1326-1337 stepLeader
    """
    already_pending = r.pending_conf_index > r.raft_log.applied
    already_joint = len(r.trk.voters[1]) > 0
    wants_leave_joint = not cc.as_v2().changes
    if already_pending:
        return (
            "possible unapplied conf change at index"
            f" {r.pending_conf_index} (applied to {r.raft_log.applied})"
        )
    if already_joint and not wants_leave_joint:
        return "must transition out of joint config first"
    if not already_joint and wants_leave_joint:
        return "not in joint state; refusing empty conf change"
    return ""


def leader_read_index(r: Raft, m: pb.Message) -> None:
    """Answers a read, or lets it wait until it is safe to.

    With a single voter it answers at once, as if that voter were always this
    node. Before it has committed an entry of its own term it does not know
    all that is committed.

    Go: raft.go:1354-1372 stepLeader
    """
    if r.trk.is_singleton():
        resp = r.response_to_read_index_req(m, r.raft_log.committed)
        if resp is not None:
            r.send(resp)
        return
    if not r.committed_entry_in_current_term():
        r.pending_read_index_messages.append(m)
        return
    send_msg_read_index_response(r, m)


def leader_forget_leader(r: Raft, m: pb.Message) -> None:
    """Does nothing: a leader does not forget itself.

    Go: raft.go:1373-1374 stepLeader
    """


def leader_app_resp(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Learns how far a peer's log, or this node's own disk, has come.

    Go: raft.go:1384-1578 stepLeader
    """
    pr.recent_active = True
    if m.reject:
        leader_app_rejected(r, m, pr)
    else:
        leader_app_accepted(r, m, pr)


def leader_app_rejected(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Looks further back for the point up to which the logs agree.

    The follower has `log_term` at `reject_hint`, and terms only rise along
    its log. So where our term is higher, the logs cannot agree: all of those
    indexes are passed over at once.

    Go: raft.go:1390-1517 stepLeader
    """
    from_, index = m.from_ or NONE, m.index or 0
    hint, log_term = m.reject_hint or 0, m.log_term or 0
    r.logger.debug(
        "%x received MsgAppResp(rejected, hint: (index %d, term %d)) "
        "from %x for index %d",
        r.id, hint, log_term, from_, index,
    )  # fmt: skip
    next_probe_index = hint
    if log_term > 0:
        next_probe_index, _ = r.raft_log.find_conflict_by_term(hint, log_term)
    if pr.maybe_decr_to(index, next_probe_index):
        r.logger.debug(
            "%x decreased progress of %x to [%s]", r.id, from_, pr
        )
        if pr.state is StateReplicate:
            pr.become_probe()
        r.send_append(from_)


def leader_app_accepted(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Commits what can be, and sends the peer what it still lacks.

    A response that brings no news is passed over, unless it shows that a peer
    which is being probed has just what was assumed.

    Go: raft.go:1518-1577 stepLeader
    """
    from_, index = m.from_ or NONE, m.index or 0
    if not pr.maybe_update(index) and not (
        pr.match == index and pr.state is StateProbe
    ):
        return
    log = r.raft_log
    if pr.state is StateProbe:
        pr.become_replicate()
    elif pr.state is StateSnapshot and pr.match + 1 >= log.first_index():
        # Whichever snapshot it was that it applied: our log reaches back far
        # enough to go on from there.
        r.logger.debug(
            "%x recovered from needing snapshot, resumed sending "
            "replication messages to %x [%s]",
            r.id, from_, pr,
        )  # fmt: skip
        pr.become_probe()
        pr.become_replicate()
    elif pr.state is StateReplicate:
        pr.inflights.free_le(index)

    if r.maybe_commit():
        release_pending_read_index_messages(r)
        r.bcast_append()
    elif r.id != from_ and pr.can_bump_commit(log.committed):
        r.send_append(from_)
    if r.id != from_:
        while r.maybe_send_append(from_, False):
            pass
    if from_ == r.lead_transferee and pr.match == log.last_index():
        r.logger.info(
            "%x sent MsgTimeoutNow to %x after received MsgAppResp",
            r.id, from_,
        )  # fmt: skip
        r.send_timeout_now(from_)


def leader_heartbeat_resp(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Knows the peer alive, sends what it lacks, and confirms reads.

    This lets one append through where the flow was paused: should all those
    in flight have been lost, nothing else would.

    Go: raft.go:1579-1610 stepLeader
    """
    pr.recent_active = True
    pr.msg_app_flow_paused = False
    from_ = m.from_ or NONE
    if pr.match < r.raft_log.last_index() or pr.state is StateProbe:
        r.send_append(from_)
    if r.read_only.option is not ReadOnlySafe or not m.context:
        return
    r.read_only.recv_ack(from_, m.context)
    for rs in r.read_only.maybe_advance(r.trk.voters):
        resp = r.response_to_read_index_req(rs.req, rs.index)
        if resp is not None:
            r.send(resp)


def leader_snap_status(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Probes a peer to which a snapshot was sent, with or without success.

    Either way it waits: for the peer's own response, or for a heartbeat's
    time before the next try.

    Go: raft.go:1611-1628 stepLeader
    """
    if pr.state is not StateSnapshot:
        return
    if not m.reject:
        pr.become_probe()
        outcome = "succeeded"
    else:
        # First, or it would be probed from behind a snapshot it never got.
        pr.pending_snapshot = 0
        pr.become_probe()
        outcome = "failed"
    r.logger.debug(
        "%x snapshot %s, resumed sending replication messages to %x [%s]",
        r.id, outcome, m.from_ or NONE, pr,
    )  # fmt: skip
    pr.msg_app_flow_paused = True


def leader_unreachable(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Goes back to probing: what was sent ahead is likely lost.

    Go: raft.go:1629-1635 stepLeader
    """
    if pr.state is StateReplicate:
        pr.become_probe()
    r.logger.debug(
        "%x failed to send message to %x because it is unreachable [%s]",
        r.id, m.from_ or NONE, pr,
    )  # fmt: skip


def leader_transfer_leader(r: Raft, m: pb.Message, pr: Progress) -> None:
    """Begins to hand the lead over; it has one election timeout for it.

    Go: raft.go:1636-1666 stepLeader
    """
    if pr.is_learner:
        r.logger.debug(
            "%x is learner. Ignored transferring leadership", r.id
        )
        return
    transferee = m.from_ or NONE
    last_transferee = r.lead_transferee
    if last_transferee != NONE:
        if last_transferee == transferee:
            r.logger.info(
                "%x [term %d] transfer leadership to %x is in progress, "
                "ignores request to same node %x",
                r.id, r.term, transferee, transferee,
            )  # fmt: skip
            return
        r.abort_leader_transfer()
        r.logger.info(
            "%x [term %d] abort previous transferring leadership to %x",
            r.id, r.term, last_transferee,
        )  # fmt: skip
    if transferee == r.id:
        r.logger.debug(
            "%x is already leader. Ignored transferring leadership to self",
            r.id,
        )
        return
    r.logger.info(
        "%x [term %d] starts to transfer leadership to %x",
        r.id, r.term, transferee,
    )  # fmt: skip
    r.election_elapsed = 0
    r.lead_transferee = transferee
    if pr.match == r.raft_log.last_index():
        r.send_timeout_now(transferee)
        r.logger.info(
            "%x sends MsgTimeoutNow to %x immediately as %x already has "
            "up-to-date log",
            r.id, transferee, transferee,
        )  # fmt: skip
    else:
        r.send_append(transferee)


_LEADER: dict[pb.MessageType, StepFunc] = {
    pb.MsgBeat: leader_beat,
    pb.MsgCheckQuorum: leader_check_quorum,
    pb.MsgProp: leader_prop,
    pb.MsgReadIndex: leader_read_index,
    pb.MsgForgetLeader: leader_forget_leader,
}
_LEADER_WITH_PROGRESS: dict[pb.MessageType, StepWithProgress] = {
    pb.MsgAppResp: leader_app_resp,
    pb.MsgHeartbeatResp: leader_heartbeat_resp,
    pb.MsgSnapStatus: leader_snap_status,
    pb.MsgUnreachable: leader_unreachable,
    pb.MsgTransferLeader: leader_transfer_leader,
}


def step_candidate(r: Raft, m: pb.Message) -> None:
    """Takes a message as a candidate or a pre-candidate.

    Go: raft.go:1673-1716 stepCandidate
    """
    handle = _CANDIDATE.get(m.type or pb.MsgHup)
    if handle is not None:
        handle(r, m)


def candidate_prop(r: Raft, m: pb.Message) -> None:
    """Drops a proposal: there is nobody to pass it on to.

    Raises:
        ProposalDropped: always.

    Go: raft.go:1684-1686 stepCandidate
    """
    r.logger.info("%x no leader at term %d; dropping proposal", r.id, r.term)
    raise ProposalDropped


def candidate_app(r: Raft, m: pb.Message) -> None:
    """Follows whoever leads this term already, and takes its entries.

    Go: raft.go:1687-1689 stepCandidate
    """
    r.become_follower(m.term or 0, m.from_ or NONE)
    r.handle_append_entries(m)


def candidate_heartbeat(r: Raft, m: pb.Message) -> None:
    """Follows whoever leads this term already, and answers.

    Go: raft.go:1690-1692 stepCandidate
    """
    r.become_follower(m.term or 0, m.from_ or NONE)
    r.handle_heartbeat(m)


def candidate_snap(r: Raft, m: pb.Message) -> None:
    """Follows whoever leads this term already, and takes its snapshot.

    Go: raft.go:1693-1695 stepCandidate
    """
    r.become_follower(m.term or 0, m.from_ or NONE)
    r.handle_snapshot(m)


def candidate_vote_resp(r: Raft, m: pb.Message) -> None:
    """Counts a vote, and wins, loses or waits for more.

    Only votes of the campaign at hand count: a candidate may still get
    answers to the pre-vote before it.

    Go: raft.go:1696-1711 stepCandidate
    Go: raft.go:1677-1682 stepCandidate
    """
    pre_candidate = r.state is StatePreCandidate
    my_vote_resp_type = pb.MsgPreVoteResp if pre_candidate else pb.MsgVoteResp
    if m.type is not my_vote_resp_type:
        return
    granted, rejected, result = r.poll(m.from_ or NONE, m.type, not m.reject)
    r.logger.info(
        "%x has received %d %s votes and %d vote rejections",
        r.id, granted, m.type, rejected,
    )  # fmt: skip
    if result is VoteWon:
        if pre_candidate:
            r.campaign(CampaignType.Election)
        else:
            r.become_leader()
            r.bcast_append()
    elif result is VoteLost:
        # In our term, not in that of a pre-vote, which lies in the future.
        r.become_follower(r.term, NONE)


def candidate_timeout_now(r: Raft, m: pb.Message) -> None:
    """Does nothing: this node campaigns as it is.

    Go: raft.go:1712-1713 stepCandidate
    """
    r.logger.debug(
        "%x [term %d state %s] ignored MsgTimeoutNow from %x",
        r.id, r.term, r.state, m.from_ or NONE,
    )  # fmt: skip


_CANDIDATE: dict[pb.MessageType, StepFunc] = {
    pb.MsgProp: candidate_prop,
    pb.MsgApp: candidate_app,
    pb.MsgHeartbeat: candidate_heartbeat,
    pb.MsgSnap: candidate_snap,
    pb.MsgPreVoteResp: candidate_vote_resp,
    pb.MsgVoteResp: candidate_vote_resp,
    pb.MsgTimeoutNow: candidate_timeout_now,
}


def step_follower(r: Raft, m: pb.Message) -> None:
    """Takes a message as a follower.

    Go: raft.go:1718-1779 stepFollower
    """
    handle = _FOLLOWER.get(m.type or pb.MsgHup)
    if handle is not None:
        handle(r, m)


def follower_prop(r: Raft, m: pb.Message) -> None:
    """Passes a proposal on to the leader.

    Raises:
        ProposalDropped: no leader is known, or it may not be passed on.

    Go: raft.go:1720-1729 stepFollower
    """
    if r.lead == NONE:
        r.logger.info(
            "%x no leader at term %d; dropping proposal", r.id, r.term
        )
        raise ProposalDropped
    if r.disable_proposal_forwarding:
        r.logger.info(
            "%x not forwarding to leader %x at term %d; dropping proposal",
            r.id, r.lead, r.term,
        )  # fmt: skip
        raise ProposalDropped
    m.to = r.lead
    r.send(m)


def follower_app(r: Raft, m: pb.Message) -> None:
    """Hears from the leader, and takes its entries.

    Go: raft.go:1730-1733 stepFollower
    """
    r.election_elapsed = 0
    r.lead = m.from_ or NONE
    r.handle_append_entries(m)


def follower_heartbeat(r: Raft, m: pb.Message) -> None:
    """Hears from the leader, and answers.

    Go: raft.go:1734-1737 stepFollower
    """
    r.election_elapsed = 0
    r.lead = m.from_ or NONE
    r.handle_heartbeat(m)


def follower_snap(r: Raft, m: pb.Message) -> None:
    """Hears from the leader, and takes its snapshot.

    Go: raft.go:1738-1741 stepFollower
    """
    r.election_elapsed = 0
    r.lead = m.from_ or NONE
    r.handle_snapshot(m)


def follower_transfer_leader(r: Raft, m: pb.Message) -> None:
    """Passes a wish for another leader on to the leader.

    Go: raft.go:1742-1748 stepFollower
    """
    if r.lead == NONE:
        r.logger.info(
            "%x no leader at term %d; dropping leader transfer msg",
            r.id, r.term,
        )  # fmt: skip
        return
    m.to = r.lead
    r.send(m)


def follower_forget_leader(r: Raft, m: pb.Message) -> None:
    """Forgets the leader, so that a vote can be given before the timeout.

    Not where leases are relied upon: the leader would not know of it.

    Go: raft.go:1749-1757 stepFollower
    """
    if r.read_only.option is ReadOnlyLeaseBased:
        r.logger.error("ignoring MsgForgetLeader due to ReadOnlyLeaseBased")
        return
    if r.lead != NONE:
        r.logger.info(
            "%x forgetting leader %x at term %d", r.id, r.lead, r.term
        )
        r.lead = NONE


def follower_timeout_now(r: Raft, m: pb.Message) -> None:
    """Campaigns at once: the leader wants this node to take over.

    Without a pre-vote, since the leader itself vouches that it is time.

    Go: raft.go:1758-1763 stepFollower
    """
    r.logger.info(
        "%x [term %d] received MsgTimeoutNow from %x and starts an "
        "election to get leadership.",
        r.id, r.term, m.from_ or NONE,
    )  # fmt: skip
    r.hup(CampaignType.Transfer)


def follower_read_index(r: Raft, m: pb.Message) -> None:
    """Passes a read on to the leader.

    Go: raft.go:1764-1770 stepFollower
    """
    if r.lead == NONE:
        r.logger.info(
            "%x no leader at term %d; dropping index reading msg",
            r.id, r.term,
        )  # fmt: skip
        return
    m.to = r.lead
    r.send(m)


def follower_read_index_resp(r: Raft, m: pb.Message) -> None:
    """Takes the leader's answer to a read, for the next `Ready`.

    Go: raft.go:1771-1776 stepFollower
    """
    if len(m.entries) != 1:
        r.logger.error(
            "%x invalid format of MsgReadIndexResp from %x, "
            "entries count: %d",
            r.id, m.from_ or NONE, len(m.entries),
        )  # fmt: skip
        return
    r.read_states.append(ReadState(m.index or 0, m.entries[0].data))


_FOLLOWER: dict[pb.MessageType, StepFunc] = {
    pb.MsgProp: follower_prop,
    pb.MsgApp: follower_app,
    pb.MsgHeartbeat: follower_heartbeat,
    pb.MsgSnap: follower_snap,
    pb.MsgTransferLeader: follower_transfer_leader,
    pb.MsgForgetLeader: follower_forget_leader,
    pb.MsgTimeoutNow: follower_timeout_now,
    pb.MsgReadIndex: follower_read_index,
    pb.MsgReadIndexResp: follower_read_index_resp,
}


def log_slice_from_msg_app(m: pb.Message) -> LogSlice:
    """Returns the run of entries that an append carries.

    Go: raft.go:1782-1789 logSliceFromMsgApp
    """
    return LogSlice(
        m.term or 0, EntryID(m.log_term or 0, m.index or 0), m.entries
    )


def release_pending_read_index_messages(r: Raft) -> None:
    """Takes up the reads that waited for this term's first commit.

    Go: raft.go:2127-2144 releasePendingReadIndexMessages
    """
    if not r.pending_read_index_messages:
        return
    if not r.committed_entry_in_current_term():
        r.logger.error(
            "pending MsgReadIndex should be released only after first "
            "commit in current term"
        )
        return
    msgs = r.pending_read_index_messages
    r.pending_read_index_messages = []
    for m in msgs:
        send_msg_read_index_response(r, m)


def send_msg_read_index_response(r: Raft, m: pb.Message) -> None:
    """Answers a read by the lease, or asks the peers to confirm it.

    Go: raft.go:2146-2162 sendMsgReadIndexResponse
    """
    if r.read_only.option is ReadOnlySafe:
        r.read_only.add_request(r.raft_log.committed, m)
        r.read_only.recv_ack(r.id, r.read_only.heartbeat_ctx())
        r.bcast_heartbeat()
    elif r.read_only.option is ReadOnlyLeaseBased:
        resp = r.response_to_read_index_req(m, r.raft_log.committed)
        if resp is not None:
            r.send(resp)
