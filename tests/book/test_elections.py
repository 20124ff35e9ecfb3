"""What the chapter *Elections and pre-vote* says, asked of the port.

The notes of `book/pages/elections.md` cite these tests. Each would fail if
the line that its note explains were taken out.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import Raft, StateCandidate, StateFollower, StatePreCandidate
from port.types import NONE
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    hup,
    node,
    snapshot,
    storage,
    take_after_append,
    tick,
)


def request(
    from_: int, term: int, *, pre: bool = False, index: int = 0
) -> pb.Message:
    """Returns a request for node 1's vote, by a log of `index` entries."""
    return pb.Message(
        type=pb.MsgPreVote if pre else pb.MsgVote, from_=from_, to=1,
        term=term, index=index, log_term=1 if index else 0,
    )  # fmt: skip


def answer(r: Raft) -> pb.Message:
    """Takes the one answer that waits to be sent."""
    (m,) = take_after_append(r)
    return m


def test_a_question_binds_nobody() -> None:
    r = node(1)
    tick(r, 4)
    for candidate in (2, 3):
        r.step(request(candidate, 1, pre=True))
        assert not answer(r).reject
    assert (r.term, r.vote, r.election_elapsed) == (0, NONE, 4)


def test_a_vote_is_given_once_and_again_to_the_same() -> None:
    r = node(1)
    tick(r, 4)
    r.step(request(2, 1))
    assert not answer(r).reject
    assert (r.term, r.vote, r.election_elapsed) == (1, 2, 0)
    r.step(request(3, 1))
    assert answer(r).reject
    r.step(request(2, 1))
    assert not answer(r).reject, "the first answer may have been lost"


def test_a_refusal_does_not_set_the_clock_back() -> None:
    r = node(1, storage(terms=(1, 1), term=1))
    tick(r, 4)
    r.step(request(2, 1, index=1))
    assert answer(r).reject
    assert r.election_elapsed == 4


def test_who_knows_its_leader_gives_no_vote_in_that_term() -> None:
    r = node(1)
    r.become_follower(1, 2)
    assert r.vote == NONE
    r.step(request(3, 1))
    assert answer(r).reject


def test_who_has_voted_may_still_promise_the_next_term() -> None:
    r = node(1)
    r.step(request(2, 1))
    assert answer(r).term == 1
    r.step(request(3, 2, pre=True))
    yes = answer(r)
    assert not yes.reject
    assert (yes.term, r.term) == (2, 1), "in the term of the question"


def test_the_longer_log_is_not_voted_for_by_index_alone() -> None:
    r = node(1, storage(terms=(1, 2), term=2))
    r.step(request(2, 3, index=9))
    assert answer(r).reject, "nine entries, but the last of term 1"
    assert r.term == 3, "the term is believed all the same"


def test_a_lost_trial_leaves_the_term() -> None:
    r = node(1, storage(terms=(1,), term=4), pre_vote=True)
    r.step(hup(1))
    assert r.state is StatePreCandidate
    for peer in (2, 3):
        r.step(
            pb.Message(
                type=pb.MsgPreVoteResp, from_=peer, to=1, term=4, reject=True
            )
        )
    assert (r.state, r.term) == (StateFollower, 4)


def test_a_refusal_from_a_later_term_ends_the_trial() -> None:
    r = node(1, pre_vote=True)
    r.step(hup(1))
    r.step(
        pb.Message(
            type=pb.MsgPreVoteResp, from_=2, to=1, term=7, reject=True
        )
    )
    assert (r.state, r.term) == (StateFollower, 7)


def test_nobody_stands_on_a_snapshot_it_has_not_stored() -> None:
    r = node(1)
    r.become_follower(1, 2)
    r.step(
        pb.Message(
            type=pb.MsgSnap, from_=2, to=1, term=1,
            snapshot=snapshot(11, 1, (1, 2, 3)),
        )
    )  # fmt: skip
    assert not r.promotable()
    r.step(hup(1))
    assert r.state is StateFollower


def test_a_sole_voter_waits_for_its_own_ballot() -> None:
    r = node(1, storage((1,)))
    r.step(hup(1))
    assert r.state is StateCandidate
    for m in take_after_append(r):
        r.step(m)
    assert r.state.name == "StateLeader"


def test_a_stale_pre_candidate_is_told_the_term() -> None:
    r = node(1, storage(term=5))
    r.step(request(2, 3, pre=True))
    no = answer(r)
    assert (no.type, no.reject, no.term) == (pb.MsgPreVoteResp, True, 5)


def test_a_stale_candidate_is_not() -> None:
    r = node(1, storage(term=5))
    r.step(request(2, 3))
    assert take_after_append(r) == r.msgs == []


def test_a_refusal_from_a_term_gone_by_is_passed_over() -> None:
    r = node(1, storage(term=5), pre_vote=True)
    r.step(hup(1))
    r.step(
        pb.Message(
            type=pb.MsgPreVoteResp, from_=2, to=1, term=3, reject=True
        )
    )
    assert r.state is StatePreCandidate
    assert r.trk.votes == {}


def test_whoever_asks_in_vain_asks_all_the_same() -> None:
    """A pre-candidate that becomes a learner stands after it has won."""
    r = node(1, pre_vote=True)
    r.step(hup(1))
    r.apply_conf_change(
        pb.ConfChangeV2(
            changes=[pb.ConfChangeSingle(pb.ConfChangeAddLearnerNode, 1)]
        )
    )
    assert not r.promotable()
    for peer in (2, 3):
        r.step(pb.Message(type=pb.MsgPreVoteResp, from_=peer, to=1, term=1))
    assert r.state is StateCandidate


def test_a_promise_is_no_vote() -> None:
    """The last answer to the question comes when the election is on."""
    r = node(1, pre_vote=True)
    r.step(hup(1))
    take_after_append(r)
    yes = [
        pb.Message(type=pb.MsgPreVoteResp, from_=peer, to=1, term=1)
        for peer in (2, 3)
    ]
    for m in yes:
        r.step(m)
    assert (r.state, r.term) == (StateCandidate, 1)
    r.step(yes[1])
    assert r.state is StateCandidate
    assert r.trk.votes == {}


BREAKS: dict[str, Break] = {
    "vote beside a leader": (
        "Raft._step_vote",
        "self.vote == NONE and self.lead == NONE",
        "self.vote == NONE",
        test_who_knows_its_leader_gives_no_vote_in_that_term,
    ),
    "answer in my own term": (
        "Raft._step_vote",
        "to=m.from_, term=m.term,",
        "to=m.from_, term=self.term,",
        test_who_has_voted_may_still_promise_the_next_term,
    ),
    "set the clock back first": (
        "Raft._step_vote",
        "        kind = m.type or pb.MsgHup\n",
        "        kind = m.type or pb.MsgHup\n"
        "        self.election_elapsed = 0\n",
        test_a_refusal_does_not_set_the_clock_back,
    ),
    "count promises as votes": (
        "candidate_vote_resp",
        "if m.type is not my_vote_resp_type:",
        "if False:",
        test_a_promise_is_no_vote,
    ),
    "count what is not stored": (
        "Raft.campaign",
        "            if id == self.id:\n",
        "            if id == self.id:\n"
        "                self.trk.record_vote(id, True)\n"
        "                if self.trk.is_singleton():\n"
        "                    self.become_leader()\n",
        test_a_sole_voter_waits_for_its_own_ballot,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the chapter says of each break is so."""
    is_seen(monkeypatch, BREAKS[name])
