"""One node in the hands of a test: made to order, its messages in view.

The tests are the application here: they store, send and apply. Nothing
leaves a node by itself, and what may leave only after it is stored waits
until a test says that it is:

    stepping fills `r.msgs`, which may leave at once,
    and `r.msgs_after_append`, which `stored(r)` lets go:
    what a node tells itself it hears then, the rest joins `r.msgs`;
    `take_messages(r)` does that too, and hands out what is to be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypedDict, Unpack

from port import raftpb as pb
from port.errors import ProposalDropped
from port.logger import discard_logger
from port.raft import (
    Config,
    Raft,
    Rand,
    ReadOnlyOption,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
    StateType,
)
from port.storage import MemoryStorage, Storage
from port.types import NO_LIMIT

THREE = (1, 2, 3)


class Options(TypedDict, total=False):
    """The fields of `Config` that tests set."""

    election_tick: int
    heartbeat_tick: int
    applied: int
    max_size_per_msg: int
    max_uncommitted_entries_size: int
    max_inflight_msgs: int
    max_inflight_bytes: int
    check_quorum: bool
    pre_vote: bool
    read_only_option: ReadOnlyOption
    rand: Rand


class SeededRand:
    """Random numbers that are the same in every run."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def intn(self, n: int) -> int:
        """Returns a number from 0 up to but without `n`."""
        return self._random.randrange(n)


# -- making one


def entries(first: int, *terms: int) -> list[pb.Entry]:
    """Returns empty entries of these terms, at indexes from `first` on."""
    return [
        pb.Entry(index=i, term=term) for i, term in enumerate(terms, first)
    ]


def snapshot(
    index: int,
    term: int,
    voters: Sequence[int],
    learners: Sequence[int] = (),
    voters_outgoing: Sequence[int] = (),
) -> pb.Snapshot:
    """Returns a snapshot that covers the log up to `index`."""
    conf_state = pb.ConfState(
        voters=list(voters),
        learners=list(learners),
        voters_outgoing=list(voters_outgoing),
    )
    return pb.Snapshot(
        metadata=pb.SnapshotMetadata(conf_state, index=index, term=term)
    )


def storage(
    voters: Sequence[int] = THREE,
    learners: Sequence[int] = (),
    *,
    terms: Sequence[int] = (),
    term: int = 0,
    vote: int = 0,
    commit: int = 0,
) -> MemoryStorage:
    """Returns what a node finds on its disk.

    Args:
        voters: The configuration's voters,
        learners: and its learners.
        terms: The log: the terms of its entries, which start at index 1.
        term: The hard state,
        vote: of these
        commit: three fields.
    """
    s = MemoryStorage()
    s.apply_snapshot(snapshot(0, 0, voters, learners))
    s.append(entries(1, *terms))
    s.set_hard_state(pb.HardState(term, vote, commit))
    return s


def node(
    id: int = 1, store: Storage | None = None, **options: Unpack[Options]
) -> Raft:
    """Returns a node that has just started: a follower that knows no leader.

    Args:
        id: Its id.
        store: Its disk; by default an empty one, of voters 1, 2 and 3.
        options: What differs from an election timeout of 10 ticks, a
            heartbeat each tick, and no limits to speak of.
    """
    settings: Options = {
        "election_tick": 10,
        "heartbeat_tick": 1,
        "max_size_per_msg": NO_LIMIT,
        "max_inflight_msgs": 256,
        "rand": SeededRand(id),
        **options,
    }
    return Raft(
        Config(
            id=id,
            storage=storage() if store is None else store,
            logger=discard_logger,
            **settings,
        )
    )


def make_leader(r: Raft) -> None:
    """Makes it leader of the next term, without asking anybody."""
    r.become_candidate()
    r.become_leader()


def leader(
    id: int = 1, store: Storage | None = None, **options: Unpack[Options]
) -> Raft:
    """Returns a leader; see `node`.

    Its first entry is in the log, and neither stored nor sent.
    """
    r = node(id, store, **options)
    make_leader(r)
    return r


def assume(r: Raft, state: StateType, lead: int = 0) -> None:
    """Puts a new node into a role, as if it had got there by itself.

    Args:
        r: The node.
        state: The role.
        lead: Whom it follows, if it is to follow.
    """
    if state is StateFollower:
        r.become_follower(r.term, lead)
    elif state is StatePreCandidate:
        r.become_pre_candidate()
    elif state is StateCandidate:
        r.become_candidate()
    elif state is StateLeader:
        make_leader(r)


# -- telling it something


def hup(id: int) -> pb.Message:
    """Returns what makes a node campaign."""
    return pb.Message(type=pb.MsgHup, from_=id, to=id)


def beat(id: int) -> pb.Message:
    """Returns what makes a leader send heartbeats."""
    return pb.Message(type=pb.MsgBeat, from_=id, to=id)


def proposal(id: int, *data: bytes | None) -> pb.Message:
    """Returns a proposal of an entry each, which a client brings to a node."""
    return pb.Message(
        type=pb.MsgProp, from_=id, to=id,
        entries=[pb.Entry(data=d) for d in data],
    )  # fmt: skip


def read_index(id: int, ctx: bytes, to: int = 0) -> pb.Message:
    """Returns a read that node `id` asks for, of itself unless `to` is set."""
    return pb.Message(
        type=pb.MsgReadIndex, from_=id, to=to or id,
        entries=[pb.Entry(data=ctx)],
    )  # fmt: skip


def ack(from_: int, index: int, term: int = 0) -> pb.Message:
    """Returns a follower's word to node 1 that it has stored up to `index`."""
    return pb.Message(
        type=pb.MsgAppResp, from_=from_, to=1, index=index, term=term
    )


def rejection(
    from_: int, index: int, hint: int = 0, term: int = 0
) -> pb.Message:
    """Returns a follower's word to node 1 that it lacks entry `index`.

    Args:
        from_: The follower.
        index: Where the entries would have been put.
        hint: Up to where the logs may agree.
        term: The follower's.
    """
    return pb.Message(
        type=pb.MsgAppResp, from_=from_, to=1, index=index, term=term,
        reject=True, reject_hint=hint,
    )  # fmt: skip


def heartbeat_resp(
    from_: int, term: int = 0, context: bytes | None = None
) -> pb.Message:
    """Returns a follower's answer to a heartbeat of node 1."""
    return pb.Message(
        type=pb.MsgHeartbeatResp, from_=from_, to=1, term=term,
        context=context,
    )  # fmt: skip


def tick(r: Raft, times: int) -> None:
    """Lets time pass."""
    for _ in range(times):
        r.tick()


def propose(r: Raft, *data: bytes | None) -> None:
    """Proposes an entry each, all in one message.

    Raises:
        ProposalDropped: the node would not have it.
    """
    r.step(proposal(r.id, *data))


def dropped(r: Raft, *data: bytes | None) -> bool:
    """Proposes; returns whether the node would not have it."""
    try:
        propose(r, *data)
    except ProposalDropped:
        return True
    return False


# -- hearing what it says


def deliver(r: Raft, msgs: Iterable[pb.Message]) -> None:
    """Gives a node what it told itself; the rest joins what is to be sent."""
    for m in msgs:
        if m.to == r.id:
            r.step(m)
        else:
            r.msgs.append(m)


def take_after_append(r: Raft) -> list[pb.Message]:
    """Takes out what has waited until all that is unstable is stored."""
    msgs, r.msgs_after_append = r.msgs_after_append, []
    return msgs


def stored(r: Raft) -> None:
    """Lets go what has waited until all that is unstable is stored."""
    while msgs := take_after_append(r):
        deliver(r, msgs)


def take_messages(r: Raft) -> list[pb.Message]:
    """Stores everything, and takes out what is to be sent to others."""
    stored(r)
    msgs, r.msgs = r.msgs, []
    return msgs


def take_message(r: Raft) -> pb.Message:
    """Stores everything, and takes out the one message that there must be."""
    msgs = take_messages(r)
    if len(msgs) != 1:
        raise AssertionError(
            f"node {r.id} has {len(msgs)} messages to send, not one: {msgs}"
        )
    return msgs[0]


def kinds(msgs: Iterable[pb.Message]) -> list[pb.MessageType]:
    """Returns the types of messages, in order."""
    return [m.type or pb.MsgHup for m in msgs]


def store_and_apply(r: Raft, store: MemoryStorage) -> list[pb.Entry]:
    """Writes the log to disk, applies what is committed, and returns that."""
    log = r.raft_log
    store.append(log.next_unstable_ents())
    log.stable_to(log.last_entry_id())
    stored(r)
    ents = log.next_committed_ents(True)
    log.applied_to(log.committed, 0)
    return ents


def log_of(r: Raft) -> list[tuple[int, int, bytes]]:
    """Returns index, term and data of all entries in the log."""
    return [
        (e.index or 0, e.term or 0, e.data or b"")
        for e in r.raft_log.all_entries()
    ]
