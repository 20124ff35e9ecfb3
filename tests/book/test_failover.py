"""What the chapter *The leader dies* says, asked of the port.

The notes of `book/pages/failover.md` cite these tests.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.log import RaftLog
from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    log_slice_from_msg_app,
)
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.tracker import StateProbe, StateReplicate
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    ack,
    entries,
    leader,
    log_of,
    node,
    propose,
    rejection,
    storage,
    take_message,
    take_messages,
)

TAILS = Path(__file__).parents[2] / "book/scenarios/divergent-tails.txt"
BOTH = ("leader_app_rejected", "handle_append_entries")

passing_over = RaftLog.find_conflict_by_term


def as_it_is(log: RaftLog, index: int) -> tuple[int, int]:
    """The answer of a log that looks at one entry only."""
    return index, log.zero_term_on_out_of_bounds(index)


@pytest.mark.parametrize(
    ("clever", "refusals"),
    [
        (BOTH, (1, 1)),
        (("leader_app_rejected",), (1, 3)),
        (("handle_append_entries",), (5, 1)),
        ((), (5, 3)),
    ],
)
def test_each_side_helps_against_one_kind_of_tail(
    clever: tuple[str, ...],
    refusals: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = 0
    counted = [0, 0]

    def find(self: RaftLog, index: int, term: int) -> tuple[int, int]:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        caller = frame.f_back.f_code.co_name
        # Node 2 in part 2 merely lacks the end, and is no tail.
        if caller == "handle_append_entries" and self.last_index() != 9:
            counted[part] += 1
        if caller in clever:
            return passing_over(self, index, term)
        return as_it_is(self, index)

    monkeypatch.setattr(RaftLog, "find_conflict_by_term", find)
    env = InteractionEnv()
    for d in parse(TAILS.read_text(encoding="utf-8"), "tails"):
        if d.cmd == "propose" and d.args[1].key == "i":
            part = 1
        env.handle(d)
    assert tuple(counted) == refusals


def append(
    term: int, index: int, log_term: int, *ents: pb.Entry, commit: int = 0
) -> pb.Message:
    """Returns an append of node 1 to node 2."""
    return pb.Message(
        type=pb.MsgApp, from_=1, to=2, term=term, index=index,
        log_term=log_term, entries=list(ents), commit=commit,
    )  # fmt: skip


def follower(*terms: int, commit: int = 0, term: int = 0) -> Raft:
    """Returns node 2 with a log of these terms."""
    store = storage(terms=terms, term=term or terms[-1], commit=commit)
    return node(2, store)


def test_below_the_commit_nothing_is_looked_at() -> None:
    r = follower(1, 1, 1, commit=2)
    r.step(append(2, 1, 1, *entries(2, 1, 1, 2)))
    answer = take_message(r)
    assert (answer.index, answer.reject) == (2, None)
    assert len(log_of(r)) == 3


def test_what_is_committed_is_never_replaced() -> None:
    r = follower(1, 1, 1, commit=2)
    sent = log_slice_from_msg_app(append(2, 1, 1, *entries(2, 2)))
    with pytest.raises(RaftPanic, match="conflict with committed entry"):
        r.raft_log.maybe_append(sent, 0)


def test_a_tail_gives_way_only_to_something_else() -> None:
    r = follower(1, 1, 1)
    r.step(append(2, 1, 1, *entries(2, 1)))
    assert len(log_of(r)) == 3, "what it was sent is a part of what it has"
    r.step(append(2, 1, 1, *entries(2, 2)))
    assert [term for _, term, _ in log_of(r)] == [1, 2]


def test_the_hint_passes_over_terms_that_are_too_high() -> None:
    r = follower(1, 3, 3, 3)
    r.step(append(4, 4, 2, *entries(5, 4)))
    answer = take_message(r)
    assert answer.reject
    assert (answer.index, answer.reject_hint, answer.log_term) == (4, 1, 1)


def test_the_hint_of_a_short_log_is_its_end() -> None:
    r = follower(1, 1)
    r.step(append(2, 7, 1, *entries(8, 2)))
    answer = take_message(r)
    assert (answer.reject_hint, answer.log_term) == (2, 1)


def probing(*terms: int) -> Raft:
    """Returns node 1 of two, a new leader that has sent a first append."""
    r = leader(1, storage((1, 2), terms=terms, term=terms[-1]))
    take_messages(r)
    r.bcast_append()
    take_messages(r)
    return r


def test_the_leader_passes_over_terms_that_are_too_high() -> None:
    r = probing(1, 2, 2, 2)
    refusal = rejection(2, 4, 3, r.term)
    refusal.log_term = 1
    r.step(refusal)
    m = take_message(r)
    assert (m.index, m.log_term) == (1, 1)
    assert [e.term for e in m.entries] == [2, 2, 2, 3]


def test_a_hint_without_a_term_is_taken_as_it_is() -> None:
    r = probing(1, 2, 2, 2)
    r.step(rejection(2, 4, 3, r.term))
    assert take_message(r).index == 3


def test_a_late_refusal_changes_nothing() -> None:
    r = probing(1, 2, 2, 2)
    r.step(rejection(2, 3, 1, r.term))
    assert take_messages(r) == [], "it is not about the last append"
    r.step(ack(2, 5, r.term))
    take_messages(r)
    before = str(r.trk.progress[2])
    r.step(rejection(2, 4, 1, r.term))
    assert str(r.trk.progress[2]) == before, "what it knows is better"


def test_a_refusal_ends_sending_ahead() -> None:
    r = probing(1, 2, 2, 2)
    r.step(ack(2, 5, r.term))
    take_messages(r)
    propose(r, b"x")
    propose(r, b"y")
    take_messages(r)
    pr = r.trk.progress[2]
    assert pr.state is StateReplicate
    r.step(rejection(2, 6, 5, r.term))
    assert pr.state is StateProbe
    m = take_message(r)
    assert (m.index, len(m.entries)) == (5, 2)
    propose(r, b"z")
    assert take_messages(r) == []


def test_a_candidate_follows_the_winner() -> None:
    r = node(2)
    r.become_candidate()
    assert r.state is StateCandidate
    r.step(append(r.term, 0, 0, *entries(1, r.term)))
    assert (r.state, r.lead, r.vote) == (StateFollower, 1, 2)
    assert len(log_of(r)) == 1


# ---- Break it ---------------------------------------------------------------

# What the chapter asks its reader to change, and the test that sees it.
BREAKS: dict[str, Break] = {
    "look below the commit": (
        "Raft.handle_append_entries",
        "if a.prev.index < log.committed:",
        "if False:",
        test_below_the_commit_nothing_is_looked_at,
    ),
    "hint at what it has": (
        "Raft.handle_append_entries",
        "log.find_conflict_by_term(hint_index, log_term)",
        "(hint_index, log.term(hint_index))",
        test_the_hint_passes_over_terms_that_are_too_high,
    ),
    "take the hint as it is": (
        "leader_app_rejected",
        "if log_term > 0:",
        "if False:",
        test_the_leader_passes_over_terms_that_are_too_high,
    ),
    "send on as before": (
        "leader_app_rejected",
        "pr.become_probe()",
        "pass",
        test_a_refusal_ends_sending_ahead,
    ),
    "stay a candidate": (
        "candidate_app",
        "r.become_follower(m.term or 0, m.from_ or NONE)",
        "pass",
        test_a_candidate_follows_the_winner,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name], RaftError, RaftPanic)
