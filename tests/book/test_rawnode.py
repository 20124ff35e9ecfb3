"""What the chapter *The raw node* says, asked of the port.

The notes of `book/pages/rawnode.md` cite these tests, and those of
`tests/port/test_rawnode.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from book.weave.storing import PROMISES
from port import raft, rawnode
from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.logger import discard_logger
from port.raft import Config
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.rawnode import RawNode, must_sync
from port.storage import MemoryStorage
from port.types import LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Peer, Ready
from tests.book.breaking import Break, breaks
from tests.port.raft.nodes import SeededRand, entries, storage

SCENARIO = Path(__file__).parents[2] / "book/scenarios/slow-disk.txt"


def raw_node(store: MemoryStorage, slow_disk: bool = False) -> RawNode:
    """Returns node 1; `slow_disk` for asynchronous writes."""
    return RawNode(
        Config(
            id=1, storage=store, election_tick=10, heartbeat_tick=1,
            max_size_per_msg=2**20, max_inflight_msgs=256,
            logger=discard_logger, rand=SeededRand(1),
            async_storage_writes=slow_disk,
        )
    )  # fmt: skip


def append(index: int, commit: int = 0, term: int = 1) -> pb.Message:
    """Returns the append of one entry, from node 2, which leads."""
    return pb.Message(
        type=pb.MsgApp, from_=2, to=1, term=term, index=index - 1,
        log_term=term if index > 1 else 0, commit=commit,
        entries=entries(index, term),
    )  # fmt: skip


def kinds(msgs: list[pb.Message]) -> list[str]:
    """Returns the names of the messages' types."""
    return [str(m.type) for m in msgs]


def write(store: MemoryStorage, rd: Ready) -> None:
    """Does what a `Ready` wants of the disk."""
    store.append(rd.entries)
    if rd.hard_state is not None:
        store.set_hard_state(rd.hard_state)


def hear(rn: RawNode, m: pb.Message) -> None:
    """Has raft hear what it told itself through a storage thread."""
    for answer in m.responses:
        if answer.to == 1:
            rn.step(answer)


def test_three_types_wait_for_the_disk() -> None:
    assert {str(kind) for kind in raft._AFTER_APPEND_MSGS} == set(PROMISES)


def test_the_lower_half_of_the_picture_is_the_scenario() -> None:
    """Two entries go to the disk, then each is applied when reported."""
    env, seen = InteractionEnv(), []
    text = SCENARIO.read_text(encoding="utf-8")
    for d in list(parse(text, "slow-disk")):
        env.handle(d)
        if d.cmd not in ("process-ready", "deliver-msgs"):
            continue
        n = env.nodes[0]
        log = n.raw_node.raft.raft_log
        seen.append((
            log.unstable.offset_in_progress - 1,
            log.unstable.offset - 1,
            log.applying,
        ))  # fmt: skip
    moments = [s for s, next_ in pairwise(seen) if s != next_] + seen[-1:]
    # Handed out to be written, known to be written, handed out to be applied.
    assert moments == [
        (4, 3, 3), (5, 3, 3), (5, 4, 3), (5, 4, 4), (5, 5, 4), (5, 5, 5),
    ]  # fmt: skip


def test_a_vote_needs_the_disk_and_a_commit_does_not() -> None:
    before = pb.HardState(2, 1, 5)
    assert not must_sync(pb.HardState(2, 1, 6), before, 0)
    assert must_sync(pb.HardState(2, 3, 5), before, 0)
    assert must_sync(pb.HardState(3, 1, 5), before, 0)
    assert must_sync(before, before, 1)


def test_what_has_not_changed_needs_no_disk() -> None:
    """A `Ready` without a hard state is not one whose term is 0."""
    rn = raw_node(storage([1, 2], terms=[1], term=1, vote=2, commit=1))
    rn.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=1))
    rd = rn.ready()
    assert kinds(rd.messages) == ["MsgHeartbeatResp"]
    assert rd.hard_state is None
    assert not rd.must_sync


def test_what_it_says_to_itself_is_not_in_the_messages() -> None:
    rn = raw_node(storage([1, 2]))
    rn.campaign()
    rd = rn.ready()
    assert [(str(m.type), m.to) for m in rd.messages] == [("MsgVote", 2)]
    assert kinds(rn.steps_on_advance) == ["MsgVoteResp"]
    assert not rn.raft.trk.votes
    rn.advance(rd)
    assert rn.raft.trk.votes == {1: True}


def test_entries_may_be_stored_and_applied_in_one_ready() -> None:
    rn = raw_node(storage([1, 2]))
    rn.step(append(1, commit=1))
    rd = rn.ready()
    assert rd.entries == rd.committed_entries
    assert len(rd.entries) == 1


def test_a_slow_disk_holds_back_what_is_applied() -> None:
    """Committed by others; this node has not stored it yet."""
    store = storage([1, 2])
    rn = raw_node(store, slow_disk=True)
    rn.step(append(1, commit=1))
    rd = rn.ready()
    assert rn.raft.raft_log.committed == 1
    assert not rd.committed_entries
    assert not rn.has_ready()
    write(store, rd)
    hear(rn, rd.messages[-1])
    assert [e.index for e in rn.ready().committed_entries] == [1]


def test_an_answer_waits_behind_what_is_being_written() -> None:
    """The same append again: nothing to store, and yet not to be answered."""
    rn = raw_node(storage([1, 2]), slow_disk=True)
    rn.step(append(1))
    assert kinds(rn.ready().messages) == ["MsgStorageAppend"]
    rn.step(append(1))
    (m,) = rn.ready().messages
    assert m.to == LOCAL_APPEND_THREAD
    assert not m.entries
    assert kinds(m.responses) == ["MsgAppResp", "MsgStorageAppendResp"]


def test_the_report_names_the_end_of_the_log() -> None:
    """A write of a new term alone speaks for the entries before it."""
    store = storage([1, 2])
    rn = raw_node(store, slow_disk=True)
    rn.step(append(1))
    first = rn.ready()
    rn.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=2))
    second = rn.ready()
    assert not second.entries
    write(store, first)
    hear(rn, first.messages[-1])  # of term 1, and so ignored
    assert rn.raft.raft_log.unstable.offset == 1
    write(store, second)
    hear(rn, second.messages[-1])
    assert rn.raft.raft_log.unstable.offset == 2


def test_nothing_comes_of_a_write_that_leaves_nothing_unstable() -> None:
    """A commit that moved is written, and nobody needs to hear of it."""
    rn = raw_node(storage([1, 2], terms=[1], term=1), slow_disk=True)
    rn.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=1, commit=1))
    m = next(m for m in rn.ready().messages if m.to == LOCAL_APPEND_THREAD)
    assert m.commit == 1
    assert not m.responses


def test_a_storage_message_without_a_hard_state_says_so() -> None:
    rn = raw_node(storage([1, 2], term=1), slow_disk=True)
    rn.step(append(1))
    (m,) = rn.ready().messages
    assert (m.term, m.vote, m.commit) == (None, None, None)


def test_what_is_applied_is_reported_in_no_term() -> None:
    store = storage([1, 2], terms=[1], term=1)
    rn = raw_node(store, slow_disk=True)
    rn.step(append(2, commit=1))
    m = next(m for m in rn.ready().messages if m.to == LOCAL_APPLY_THREAD)
    rn.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=9))
    hear(rn, m)
    assert rn.raft.raft_log.applied == 1


def test_two_readys_need_an_advance_between() -> None:
    rn = raw_node(storage([1]))
    rn.campaign()
    rn.ready()
    with pytest.raises(RaftPanic, match="without call to Advance"):
        rn.ready()


def test_advance_is_not_for_asynchronous_writes() -> None:
    rn = raw_node(storage([1]), slow_disk=True)
    rn.campaign()
    with pytest.raises(RaftPanic, match="Advance must not be called"):
        rn.advance(rn.ready())


def test_a_sole_voter_commits_on_advance() -> None:
    store = storage([1])
    rn = raw_node(store)
    rn.campaign()
    for _ in range(2):
        rd = rn.ready()
        write(store, rd)
        assert rn.raft.raft_log.committed == 0
        rn.advance(rd)
    assert rn.raft.raft_log.committed == 1


def test_read_states_are_handed_out_once() -> None:
    store = storage([1])
    rn = raw_node(store)
    rn.campaign()
    while rn.has_ready():
        rd = rn.ready()
        write(store, rd)
        rn.advance(rd)
    rn.read_index(b"r")
    rd = rn.ready()
    assert len(rd.read_states) == 1
    rn.advance(rd)
    assert not rn.has_ready()


def test_bootstrap_starts_in_the_term_of_its_entries() -> None:
    """Or nothing could be reported stable before somebody is elected."""
    store = MemoryStorage()
    rn = raw_node(store)
    rn.bootstrap([Peer(1), Peer(2)])
    rd = rn.ready()
    assert rd.hard_state is not None
    assert (rd.hard_state.term, rd.hard_state.commit) == (1, 2)
    write(store, rd)
    rn.advance(rd)
    assert rn.raft.raft_log.unstable.offset == 3


def test_bootstrap_wants_peers_and_an_empty_storage() -> None:
    with pytest.raises(RaftError, match="at least one peer"):
        raw_node(MemoryStorage()).bootstrap([])
    with pytest.raises(RaftError, match="nonempty"):
        raw_node(storage([1], terms=[1])).bootstrap([Peer(1)])


# What the reader is asked to break, and the tests that see it.
BROKEN: tuple[Break, ...] = (
    (
        "RawNode.ready_without_accept", "if m.to != r.id:", "if True:",
        test_what_it_says_to_itself_is_not_in_the_messages,
    ),
    (
        "RawNode.apply_unstable_entries",
        "return not self.async_storage_writes", "return True",
        test_a_slow_disk_holds_back_what_is_applied,
    ),
    (
        "need_storage_append_msg", "or r.msgs_after_append", "",
        test_an_answer_waits_behind_what_is_being_written,
    ),
    (
        "need_storage_append_resp_msg",
        "r.raft_log.has_next_or_in_progress_unstable_ents()",
        "bool(rd.entries)",
        test_the_report_names_the_end_of_the_log,
    ),
    (
        "new_storage_apply_resp_msg", "term=0", "term=r.term",
        test_what_is_applied_is_reported_in_no_term,
    ),
    (
        "must_sync", "or (st.vote or 0) != (prev.vote or 0)", "",
        test_a_vote_needs_the_disk_and_a_commit_does_not,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "other", "seen"), BROKEN, ids=[b[0] for b in BROKEN]
)
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    other: str,
    seen: Callable[[], None],
) -> None:
    breaks(monkeypatch, name, text, other, rawnode)
    if name == "must_sync":
        monkeypatch.setitem(globals(), "must_sync", rawnode.must_sync)
    with pytest.raises((AssertionError, RaftPanic, ValueError)):
        seen()
