"""A node that its caller drives: upstream's `rawnode_test.go`, and more.

Most tests have a single voter: all that happens to it comes of its own
`Ready`s, which the test takes, stores and advances one by one.
"""

from __future__ import annotations

from typing import Unpack

import pytest

from port import raftpb as pb
from port.errors import (
    Compacted,
    ProposalDropped,
    StepLocalMsg,
    StepPeerNotFound,
    Unavailable,
)
from port.logger import discard_logger
from port.node import Node
from port.quorum import JointConfig, MajorityConfig
from port.raft import Config, StateFollower, StateLeader
from port.rawnode import ProgressTypeLearner, ProgressTypePeer, RawNode
from port.read_only import ReadState
from port.storage import MemoryStorage
from port.tracker import Config as TrackerConfig
from port.tracker import Progress
from port.types import NO_LIMIT, Ready, SoftState
from port.util import is_local_msg, is_response_msg
from tests.port.raft.nodes import (
    Options,
    SeededRand,
    entries,
    make_leader,
    snapshot,
    storage,
)


def raw_node(
    store: MemoryStorage | None = None, **options: Unpack[Options]
) -> RawNode:
    """Returns node 1 on that disk; by default it is the only voter."""
    settings: Options = {
        "election_tick": 10,
        "heartbeat_tick": 1,
        "max_size_per_msg": NO_LIMIT,
        "max_inflight_msgs": 256,
        "rand": SeededRand(1),
        **options,
    }
    return RawNode(
        Config(
            id=1,
            storage=storage([1]) if store is None else store,
            logger=discard_logger,
            **settings,
        )
    )


def handle(rn: RawNode, store: MemoryStorage) -> Ready:
    """Takes the next `Ready`, stores its entries, and advances."""
    rd = rn.ready()
    store.append(rd.entries)
    rn.advance(rd)
    return rd


def elect(rn: RawNode, store: MemoryStorage) -> None:
    """Makes the only voter the leader; its first entry is yet to come."""
    rn.campaign()
    handle(rn, store)
    assert rn.raft.soft_state() == SoftState(1, StateLeader)


@pytest.fixture
def store() -> MemoryStorage:
    """The disk of the only voter."""
    return storage([1])


@pytest.fixture
def leader(store: MemoryStorage) -> RawNode:
    """The only voter, as leader; its first entry is stored and applied."""
    rn = raw_node(store)
    elect(rn, store)
    while rn.has_ready():
        handle(rn, store)
    return rn


def parts(rd: Ready) -> dict[str, object]:
    """Returns what is in a `Ready`, without what is not."""
    fields = {name: getattr(rd, name) for name in Ready.__slots__}
    return {name: value for name, value in fields.items() if value}


def payload(e: pb.Entry) -> tuple[int, int, bytes]:
    """Returns an entry's index, term and data."""
    return e.index or 0, e.term or 0, e.data or b""


def test_raw_node_adapter() -> None:
    """All that a `Node` does a `RawNode` does as well, but for two things.

    There is nothing to stop; and it hands over leadership from whoever has
    it, so that nobody needs to be named for this.
    """
    lacking = {
        name
        for name in vars(Node)
        if not name.startswith("_") and not hasattr(RawNode, name)
    }
    assert lacking == {"stop", "transfer_leadership"}
    assert hasattr(RawNode, "transfer_leader")


# -- step


@pytest.fixture
def with_an_entry() -> RawNode:
    """The only voter, at term 1, with one entry under a snapshot.

    Enough for vote requests and the like to be taken without a panic.
    """
    store = MemoryStorage()
    store.set_hard_state(pb.HardState(term=1, commit=1))
    store.apply_snapshot(snapshot(1, 1, [1]))
    return raw_node(store)


KINDS = list(pb.MessageType)
LOCAL = [kind for kind in KINDS if is_local_msg(kind)]
RESPONSES = [
    kind for kind in KINDS if is_response_msg(kind) and kind not in LOCAL
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_raw_node_step(kind: pb.MessageType, with_an_entry: RawNode) -> None:
    """Messages that stay within a node are not taken from outside."""
    refused = False
    try:
        with_an_entry.step(pb.Message(type=kind))
    except StepLocalMsg:
        refused = True
    except (StepPeerNotFound, ProposalDropped):
        pass
    assert refused is (kind in LOCAL)


@pytest.mark.parametrize("kind", RESPONSES, ids=str)
def test_raw_node_step_response_of_a_stranger(
    kind: pb.MessageType, with_an_entry: RawNode
) -> None:
    """Who is not a member has nothing to answer to."""
    with pytest.raises(StepPeerNotFound):
        with_an_entry.step(pb.Message(type=kind, from_=2, term=1))


# -- configuration changes


def changes(
    text: str, transition: pb.ConfChangeTransition | None = None
) -> pb.ConfChangeV2:
    """Returns a change of these steps: `v2` for a voter, `l3` a learner."""
    steps = pb.conf_changes_from_string(text)
    return pb.ConfChangeV2(transition=transition, changes=steps)


def conf_state(text: str, auto_leave: bool = False) -> pb.ConfState:
    """Returns a configuration.

    Args:
        text: Node ids, each after a letter: `v` for the voters, `o` for the
            outgoing ones, `l` for learners, `n` for the learners to be.
        auto_leave: Whether the joint state is left without being asked.
    """
    ids = {
        kind: [int(word[1:]) for word in text.split() if word[0] == kind]
        for kind in "voln"
    }
    return pb.ConfState(
        voters=ids["v"],
        voters_outgoing=ids["o"],
        learners=ids["l"],
        learners_next=ids["n"],
        auto_leave=auto_leave,
    )


IMPLICIT = pb.ConfChangeTransitionJointImplicit
EXPLICIT = pb.ConfChangeTransitionJointExplicit

# Voter 2 comes and voter 1 becomes a learner: a quorum of the old and one of
# the new need not meet, so that this takes a joint configuration. There node
# 1 still votes; only after it can it learn.
SWAP = "v2 l1 l3"
SWAPPING = "v2 o1 l3 n1"
SWAPPED = conf_state("v2 l1 l3")

WITH_LEARNER = conf_state("v1 l2")
SIMPLE = [
    pytest.param(
        pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2),
        conf_state("v1 v2"),
        id="voter, the old form",
    ),
    pytest.param(changes("v2"), conf_state("v1 v2"), id="voter"),
    pytest.param(changes("l2"), WITH_LEARNER, id="learner"),
]
MANUAL = [
    pytest.param(
        changes("l2", EXPLICIT),
        conf_state("v1 o1 l2"),
        WITH_LEARNER,
        id="learner, explicit",
    ),
    pytest.param(
        changes(SWAP, EXPLICIT),
        conf_state(SWAPPING),
        SWAPPED,
        id="swap, explicit",
    ),
]
AUTOMATIC = [
    pytest.param(
        changes("l2", IMPLICIT),
        conf_state("v1 o1 l2", auto_leave=True),
        WITH_LEARNER,
        id="learner, implicit",
    ),
    pytest.param(
        changes(SWAP),
        conf_state(SWAPPING, auto_leave=True),
        SWAPPED,
        id="swap",
    ),
    pytest.param(
        changes(SWAP, IMPLICIT),
        conf_state(SWAPPING, auto_leave=True),
        SWAPPED,
        id="swap, implicit",
    ),
]
ALL = [
    pytest.param(*case.values[:2], id=case.id)
    for case in (*SIMPLE, *MANUAL, *AUTOMATIC)
]


def change_in(e: pb.Entry) -> pb.ConfChangeI | None:
    """Returns the configuration change that an entry carries, if any."""
    if e.type is pb.EntryConfChange:
        return pb.ConfChange.unmarshal(e.data)
    if e.type is pb.EntryConfChangeV2:
        return pb.ConfChangeV2.unmarshal(e.data)
    return None


def apply_changes(rn: RawNode, rd: Ready) -> pb.ConfState | None:
    """Applies the changes among what is committed; returns the last state."""
    state = None
    for e in rd.committed_entries:
        cc = change_in(e)
        if cc is not None:
            state = rn.apply_conf_change(cc)
    return state


def change(
    rn: RawNode, store: MemoryStorage, cc: pb.ConfChangeI
) -> pb.ConfState:
    """Proposes something, and a change after it, and goes on till it applies.

    The leader leaves a joint configuration only with what comes then.
    """
    rn.propose(b"somedata")
    rn.propose_conf_change(cc)
    for _ in range(3):
        rd = rn.ready()
        store.append(rd.entries)
        state = apply_changes(rn, rd)
        rn.advance(rd)
        if state is not None:
            return state
    raise AssertionError(f"{cc} was never committed")


@pytest.mark.parametrize(("cc", "state"), ALL)
def test_raw_node_propose_and_conf_change(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """A change takes effect, by a joint configuration if it has to or may."""
    assert change(leader, store, cc) == state


@pytest.mark.parametrize(("cc", "state"), ALL)
def test_raw_node_propose_and_conf_change_is_an_entry(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """What is stored is the change that was proposed, to the last bit."""
    change(leader, store, cc)
    last = store.last_index()
    before, entry = store.entries(last - 1, last + 1, NO_LIMIT)
    assert before.data == b"somedata"
    assert (entry.type, entry.data) == pb.marshal_conf_change(cc)


@pytest.mark.parametrize(("cc", "state"), ALL)
def test_raw_node_propose_and_conf_change_marks_its_place(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """No further change before this one is applied.

    Where the joint state is left automatically, the entry for that is in the
    log already, though not yet on disk.
    """
    change(leader, store, cc)
    pending = leader.raft.pending_conf_index
    assert pending == store.last_index() + bool(state.auto_leave)


@pytest.mark.parametrize(("cc", "state"), SIMPLE)
def test_raw_node_propose_and_conf_change_simple(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """A change of one voter needs nothing more."""
    change(leader, store, cc)
    assert leader.raft.trk.conf_state() == state
    assert leader.ready().entries == []


@pytest.mark.parametrize(("cc", "state", "after"), MANUAL)
def test_raw_node_propose_and_conf_change_left_by_hand(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    after: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """An explicit joint configuration lasts until somebody ends it."""
    change(leader, store, cc)
    assert handle(leader, store).entries == [], "it is not left by itself"
    leave = pb.ConfChangeV2(context=b"manual")
    leader.propose_conf_change(leave)
    (entry,) = leader.ready().entries
    assert change_in(entry) == leave
    # Where node 2 has a say it would not commit, as there is no node 2.
    assert leader.apply_conf_change(leave) == after


@pytest.mark.parametrize(("cc", "state", "after"), AUTOMATIC)
def test_raw_node_propose_and_conf_change_left_by_itself(
    cc: pb.ConfChangeI,
    state: pb.ConfState,
    after: pb.ConfState,
    leader: RawNode,
    store: MemoryStorage,
) -> None:
    """An implicit joint configuration is left as soon as it is applied."""
    change(leader, store, cc)
    (entry,) = leader.ready().entries
    leave = change_in(entry)
    assert leave == pb.ConfChangeV2()
    assert leader.apply_conf_change(leave) == after


@pytest.fixture
def deposed(leader: RawNode, store: MemoryStorage) -> RawNode:
    """A leader that was deposed just before it applied a joint change."""
    leader.propose_conf_change(changes("l2", IMPLICIT))
    handle(leader, store)
    rd = leader.ready()
    leader.step(
        pb.Message(
            type=pb.MsgHeartbeatResp, from_=1, term=leader.raft.term + 1
        )
    )
    state = apply_changes(leader, rd)
    assert state == conf_state("v1 o1 l2", auto_leave=True)
    leader.advance(rd)
    assert leader.raft.state is StateFollower
    return leader


def test_raw_node_joint_auto_leave(
    deposed: RawNode, store: MemoryStorage
) -> None:
    """A new leader leaves the joint configuration that it finds itself in.

    It does so once it has applied something, which is its own first entry.
    """
    deposed.campaign()
    readies = [handle(deposed, store) for _ in range(4)]
    found = [[change_in(e) for e in rd.entries] for rd in readies]
    leave = pb.ConfChangeV2()
    assert found == [[], [None], [], [leave]]
    assert deposed.apply_conf_change(leave) == WITH_LEARNER


def test_raw_node_joint_auto_leave_is_for_leaders(
    deposed: RawNode, store: MemoryStorage
) -> None:
    """A follower leaves that to whoever leads."""
    assert deposed.raft.pending_conf_index == 0
    assert deposed.ready_without_accept().entries == []


def test_raw_node_propose_add_duplicate_node(
    leader: RawNode, store: MemoryStorage
) -> None:
    """To add a node twice harms nobody, and does not block the next change."""
    add_1 = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=1)
    add_2 = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=2)
    for cc in (add_1, add_1, add_2):
        leader.propose_conf_change(cc)
        rd = leader.ready()
        store.append(rd.entries)
        leader.advance(rd)
        # Committed is the entry with the next `Ready`.
        rd = leader.ready()
        apply_changes(leader, rd)
        leader.advance(rd)
    last = store.last_index()
    stored = store.entries(last - 2, last + 1, NO_LIMIT)
    assert [change_in(e) for e in stored] == [add_1, add_1, add_2]
    assert leader.raft.trk.conf_state() == conf_state("v1 v2")


# -- reads


def test_raw_node_read_index(leader: RawNode) -> None:
    """A request for a read reaches raft, with its context."""
    reached = []
    leader.raft._step = lambda r, m: reached.append(m)
    leader.read_index(b"context")
    (m,) = reached
    assert m.type is pb.MsgReadIndex
    assert [e.data for e in m.entries] == [b"context"]


def test_raw_node_read_index_read_states(store: MemoryStorage) -> None:
    """Answers to reads are handed out, once."""
    rn = raw_node(store)
    assert not rn.has_ready()
    answers = [ReadState(1, b"context")]
    rn.raft.read_states = answers
    assert rn.has_ready()
    assert handle(rn, store).read_states == answers
    assert rn.raft.read_states == []
    assert not rn.has_ready()


# -- starting


@pytest.fixture
def fresh_disk() -> MemoryStorage:
    """A disk that is set up by hand, without entries that change members.

    The log begins at index 2: whoever is empty is at 0, cannot catch up by
    the log, and so gets the members with a snapshot.
    """
    store = MemoryStorage()
    store.apply_snapshot(snapshot(1, 0, [1]))
    return store


def test_raw_node_start_finds_no_log(fresh_disk: MemoryStorage) -> None:
    hard_state, members = fresh_disk.initial_state()
    assert hard_state is None
    assert members == conf_state("v1")
    assert (fresh_disk.first_index(), fresh_disk.last_index()) == (2, 1)
    with pytest.raises(Compacted):
        fresh_disk.entries(1, 1, NO_LIMIT)
    with pytest.raises(Unavailable):
        fresh_disk.entries(2, 2, NO_LIMIT)


def test_raw_node_start(fresh_disk: MemoryStorage) -> None:
    """From a disk without a log to the first entry that is applied."""
    rn = raw_node(fresh_disk)
    assert not rn.has_ready(), "a new node has nothing to say"
    elect(rn, fresh_disk)
    rn.propose(b"foo")
    log = [(2, 1, b""), (3, 1, b"foo")]

    rd = handle(rn, fresh_disk)
    assert [payload(e) for e in rd.entries] == log, "first they are stored"
    assert rd.must_sync

    rd = handle(rn, fresh_disk)
    applied = [payload(e) for e in rd.committed_entries]
    assert applied == log, "then they are applied"
    assert parts(rd) == {
        "hard_state": pb.HardState(term=1, vote=1, commit=3),
        "committed_entries": rd.committed_entries,
    }, "for which nothing else is needed, not even a sync"
    assert not rn.has_ready()


def test_raw_node_restart() -> None:
    """What was committed is applied again; the rest waits for a leader."""
    store = storage([1], terms=(1, 1), term=1, commit=1)
    rn = raw_node(store)
    assert parts(handle(rn, store)) == {"committed_entries": entries(1, 1)}
    assert not rn.has_ready()


def test_raw_node_restart_from_snapshot() -> None:
    """The snapshot is the application's already; what comes after it is not."""
    store = MemoryStorage()
    store.set_hard_state(pb.HardState(term=1, commit=3))
    store.apply_snapshot(snapshot(2, 1, [1, 2]))
    store.append(entries(3, 1))
    rn = raw_node(store)
    assert parts(handle(rn, store)) == {"committed_entries": entries(3, 1)}
    assert not rn.has_ready()


# -- status


def test_raw_node_status(leader: RawNode) -> None:
    """A leader tells all: who leads, who is a member, how far each one is."""
    status = leader.status()
    assert status.basic.soft_state == SoftState(1, StateLeader)
    assert status.config == TrackerConfig(JointConfig(MajorityConfig({1})))
    assert str(status.progress[1]) == str(leader.raft.trk.progress[1])
    assert status.progress[1].match == 1


def test_raw_node_status_of_a_follower() -> None:
    """Whoever does not lead knows nothing of the others' progress."""
    status = raw_node(storage()).status()
    assert status.basic.soft_state == SoftState(0, StateFollower)
    assert status.progress == {}


def test_raw_node_status_is_a_copy(leader: RawNode) -> None:
    status = leader.status()
    status.config.voters.incoming.add(9)
    status.progress[1].match = 9
    status.progress[1].inflights.add(9, 9)
    again = leader.status()
    assert again.config == TrackerConfig(JointConfig(MajorityConfig({1})))
    assert (again.progress[1].match, again.progress[1].inflights.count()) == (
        1, 0,
    )  # fmt: skip


def test_raw_node_basic_status(leader: RawNode) -> None:
    """The status without the costly part says the same."""
    status = leader.basic_status()
    assert (status.id, status.applied, status.lead_transferee) == (1, 1, 0)
    assert status.hard_state == pb.HardState(term=1, vote=1, commit=1)
    assert status.soft_state == SoftState(1, StateLeader)


def test_raw_node_with_progress() -> None:
    """Each member is shown, by id, and nothing that raft still needs."""
    rn = raw_node(storage([1, 30], learners=[2]))
    make_leader(rn.raft)
    rn.raft.trk.progress[2].match = 7
    rn.raft.trk.progress[30].inflights.add(1, 1)
    seen = {}

    def visit(id: int, kind: object, pr: Progress) -> None:
        seen[id] = (kind, pr.match, pr.inflights.count())
        pr.match = 9

    rn.with_progress(visit)
    assert seen == {
        1: (ProgressTypePeer, 0, 0),
        2: (ProgressTypeLearner, 7, 0),
        30: (ProgressTypePeer, 0, 0),
    }
    assert list(seen) == [1, 2, 30]
    assert rn.raft.trk.progress[2].match == 7


# -- limits


class IgnoresSizeHint(MemoryStorage):
    """A storage that returns all the entries it is asked for."""

    def entries(self, lo: int, hi: int, max_size: int) -> list[pb.Entry]:
        return super().entries(lo, hi, NO_LIMIT)


@pytest.mark.parametrize("kind", [MemoryStorage, IgnoresSizeHint])
def test_raw_node_commit_pagination_after_restart(
    kind: type[MemoryStorage],
) -> None:
    """No entry is left out where what is committed exceeds the limit.

    Once one was: before a crash the storage had handed out ten entries, more
    than fit; after it raft cut the tenth off, took it for applied all the
    same, and went on with the eleventh.
    """
    log = [pb.Entry(term=1, index=i, data=b"a") for i in range(1, 11)]
    store = kind()
    store.apply_snapshot(snapshot(0, 0, [1]))
    store.append([*log, pb.Entry(term=1, index=11, data=b"boom")])
    store.set_hard_state(pb.HardState(term=1, vote=1, commit=10))
    limit = sum(e.size() for e in log[:-1]) - 1
    rn = raw_node(store, max_size_per_msg=limit)
    applied: list[int] = []
    while len(applied) < 11:
        rd = rn.ready()
        assert rd.committed_entries, f"stopped after {applied}"
        applied += [e.index or 0 for e in rd.committed_entries]
        rn.advance(rd)
        # Node 2 is not a member, but nobody asks.
        rn.step(
            pb.Message(
                type=pb.MsgHeartbeat, from_=2, to=1, term=1, commit=11
            )
        )
    assert applied == list(range(1, 12))


DATA = b"testdata"
FITS = 16


@pytest.fixture
def cut_off(store: MemoryStorage) -> RawNode:
    """A leader that nobody hears, with as many proposals as it takes.

    It commits nothing, as its `Ready`s are not handled.
    """
    rn = raw_node(store, max_uncommitted_entries_size=FITS * len(DATA))
    elect(rn, store)
    while rn.has_ready():
        handle(rn, store)
    taken = 0
    for _ in range(1024):
        try:
            rn.propose(DATA)
        except ProposalDropped:
            continue
        taken += 1
    assert taken == FITS
    return rn


def test_raw_node_bounded_log_growth_with_partition(
    cut_off: RawNode, store: MemoryStorage
) -> None:
    """What is not committed stays below a limit, however long that takes."""
    assert cut_off.raft.uncommitted_size == FITS * len(DATA)
    assert len(handle(cut_off, store).entries) == FITS


def test_raw_node_bounded_log_growth_with_partition_that_ends(
    cut_off: RawNode, store: MemoryStorage
) -> None:
    """Entries count as uncommitted until they are applied."""
    handle(cut_off, store)
    assert cut_off.raft.uncommitted_size == FITS * len(DATA)
    rd = handle(cut_off, store)
    assert (len(rd.entries), len(rd.committed_entries)) == (0, FITS)
    assert cut_off.raft.uncommitted_size == 0
    cut_off.propose(DATA)


# -- ready


@pytest.fixture
def talker() -> RawNode:
    """A node that has a message to send."""
    rn = raw_node()
    rn.raft.msgs.append(pb.Message(context=b"foo"))
    return rn


def test_raw_node_consume_ready_looks_first(talker: RawNode) -> None:
    """To look at the work changes nothing."""
    msgs = list(talker.raft.msgs)
    assert talker.ready_without_accept().messages == msgs
    assert talker.raft.msgs == msgs


def test_raw_node_consume_ready(talker: RawNode) -> None:
    """To take the work moves the messages out."""
    msgs = list(talker.raft.msgs)
    assert talker.ready().messages == msgs
    assert talker.raft.msgs == []


def test_raw_node_consume_ready_keeps_what_comes_later(
    talker: RawNode,
) -> None:
    """To advance is about the work that was taken, and nothing since."""
    rd = talker.ready()
    later = pb.Message(context=b"bar")
    talker.raft.msgs.append(later)
    talker.advance(rd)
    assert talker.raft.msgs == [later]
