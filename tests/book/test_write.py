"""What the chapter *A write* says, asked of the port.

The notes of `book/pages/write.md` cite these tests.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.raft import NONE, Raft
from port.types import EntryID
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    ack,
    dropped,
    heartbeat_resp,
    kinds,
    leader,
    log_of,
    make_leader,
    node,
    proposal,
    propose,
    rejection,
    snapshot,
    storage,
    store_and_apply,
    stored,
    take_message,
    take_messages,
)


def append(from_: int, after: EntryID, *ents: pb.Entry) -> pb.Message:
    """Returns an append of term 1 to node 2."""
    return pb.Message(
        type=pb.MsgApp, from_=from_, to=2, term=1, index=after.index,
        log_term=after.term, entries=list(ents),
    )  # fmt: skip


def test_what_is_passed_on_keeps_its_sender_and_has_no_term() -> None:
    r = node(3)
    r.become_follower(2, 1)
    for kind in (pb.MsgProp, pb.MsgReadIndex):
        r.step(
            pb.Message(type=kind, from_=2, to=3, entries=[pb.Entry(data=b"x")])
        )
        m = take_message(r)
        assert (m.from_, m.to, m.term) == (2, 1, None)


def test_the_sender_decides_neither_term_nor_index() -> None:
    r = leader(1)
    forged = pb.Entry(term=9, index=9, data=b"x")
    r.step(pb.Message(type=pb.MsgProp, from_=1, to=1, entries=[forged]))
    assert log_of(r)[-1] == (2, 1, b"x")
    assert (forged.term, forged.index) == (9, 9)


def test_appends_leave_before_answers_do() -> None:
    r = leader(1)
    assert kinds(r.msgs) == []
    propose(r, b"x")
    assert kinds(r.msgs) == [pb.MsgApp, pb.MsgApp]
    assert [(m.to, m.index) for m in r.msgs_after_append] == [(1, 1), (1, 2)]
    follower = node(2)
    follower.step(append(1, EntryID(0, 0), pb.Entry(1, 1, data=b"x")))
    assert follower.msgs == []
    assert kinds(follower.msgs_after_append) == [pb.MsgAppResp]


def test_a_refusal_waits_as_well() -> None:
    r = node(2)
    r.step(append(1, EntryID(1, 7), pb.Entry(1, 8, data=b"x")))
    assert r.msgs == []
    (answer,) = r.msgs_after_append
    assert answer.reject


def test_a_leader_counts_itself_when_it_has_stored() -> None:
    r = leader(1, storage((1,)))
    propose(r, b"x")
    assert r.raft_log.committed == 0
    stored(r)
    assert r.raft_log.committed == 2


def test_nothing_of_an_entry_but_its_data_counts() -> None:
    r = leader(1, max_uncommitted_entries_size=1)
    assert r.uncommitted_size == 0
    propose(r, b"twelve bytes")
    assert r.uncommitted_size == 12
    assert dropped(r, b"y")
    propose(r, None)
    r.reduce_uncommitted_size(12)
    assert r.uncommitted_size == 0


def test_a_new_leader_may_give_back_more_than_it_took() -> None:
    disk = storage()
    r = node(1, disk)
    make_leader(r)
    propose(r, b"of the first lead")
    r.become_follower(2, NONE)
    make_leader(r)
    assert r.uncommitted_size == 0
    r.reduce_uncommitted_size(17)
    assert r.uncommitted_size == 0


def test_two_proposals_are_two_messages_and_one_of_two_is_one() -> None:
    r = replicating(256)
    propose(r, b"a")
    propose(r, b"b")
    assert [len(m.entries) for m in take_messages(r)] == [1, 1]
    propose(r, b"c", b"d")
    assert [len(m.entries) for m in take_messages(r)] == [2]


def replicating(window: int) -> Raft:
    """Returns node 1 of two, a leader that has just heard from node 2."""
    r = leader(1, storage((1, 2)), max_inflight_msgs=window)
    take_messages(r)
    r.step(ack(2, 1, r.term))
    take_messages(r)
    return r


def test_a_full_window_lets_an_empty_append_through() -> None:
    r = replicating(2)
    propose(r, b"a")
    propose(r, b"b")
    propose(r, b"c")
    assert [len(m.entries) for m in take_messages(r)] == [1, 1]
    r.step(heartbeat_resp(2, r.term))
    m = take_message(r)
    assert (m.type, m.index, m.entries) == (pb.MsgApp, 3, [])


def test_behind_a_compacted_log_a_snapshot_is_sent() -> None:
    """The window is full, so no entry is read; the term must be."""
    disk = storage((1, 2))
    r = node(1, disk, max_inflight_msgs=1)
    make_leader(r)
    take_messages(r)
    r.step(ack(2, 1, r.term))
    propose(r, b"a")
    store_and_apply(r, disk)
    take_messages(r)
    r.step(ack(2, 2, r.term))
    propose(r, b"b", b"c")
    disk.append(r.raft_log.next_unstable_ents())
    r.raft_log.stable_to(r.raft_log.last_entry_id())
    take_messages(r)
    disk.create_snapshot(2, snapshot(2, 1, (1, 2)).metadata.conf_state, b"")
    disk.compact(4)
    r.step(rejection(2, 3, 2, r.term))
    assert kinds(take_messages(r)) == [pb.MsgSnap]


@pytest.mark.parametrize("entries", [0, 1])
def test_an_append_tells_more_than_it_proves(entries: int) -> None:
    """It names the leader's commit index; the follower takes what it can."""
    r = node(2)
    sent = [pb.Entry(1, 1, data=b"x")][:entries]
    m = append(1, EntryID(0, 0), *sent)
    m.commit = 5
    r.step(m)
    assert r.raft_log.committed == entries


def test_an_empty_proposal_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(RaftPanic, match="empty MsgProp"):
        leader(1).step(proposal(1))


# ---- Break it ---------------------------------------------------------------

# What the chapter asks its reader to change, and the test that sees it.
BREAKS: dict[str, Break] = {
    "let answers go at once": (
        "Raft.send",
        "if kind in _AFTER_APPEND_MSGS:",
        "if kind in _AFTER_APPEND_MSGS and m.to == self.id:",
        test_appends_leave_before_answers_do,
    ),
    "give everything a term": (
        "Raft.send",
        "if kind is not pb.MsgProp and kind is not pb.MsgReadIndex:",
        "if True:",
        test_what_is_passed_on_keeps_its_sender_and_has_no_term,
    ),
    "name the last sender": (
        "Raft.send",
        "if not m.from_:",
        "if True:",
        test_what_is_passed_on_keeps_its_sender_and_has_no_term,
    ),
    "believe the proposal": (
        "Raft.append_entry",
        "pb.Entry(term,",
        "pb.Entry(e.term or term,",
        test_the_sender_decides_neither_term_nor_index,
    ),
    "refuse empty entries": (
        "Raft.increase_uncommitted_size",
        "s > 0 and ",
        "",
        test_nothing_of_an_entry_but_its_data_counts,
    ),
    "ignore the window": (
        "Raft.maybe_send_append",
        "if pr.state is not StateReplicate or not pr.inflights.full():",
        "if True:",
        test_a_full_window_lets_an_empty_append_through,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name], RaftError, RaftPanic)
