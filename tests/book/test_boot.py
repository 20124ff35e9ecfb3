"""What the chapter *Boot* says, asked of the port.

The notes of `book/pages/boot.md` cite these tests. Each would fail if the
line that its note explains were taken out.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import InvalidConfig, RaftPanic
from port.raft import (
    Config,
    LockedRand,
    ReadOnlyLeaseBased,
    StateFollower,
)
from port.storage import MemoryStorage
from port.types import NONE
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import node, storage, tick


class Recorded:
    """Random numbers from a list; it notes what it was asked for."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.asked: list[int] = []

    def intn(self, n: int) -> int:
        self.asked.append(n)
        return self.numbers.pop(0)


def test_a_node_comes_back_with_its_term_and_vote() -> None:
    r = node(1, storage(terms=(1, 2), term=5, vote=3, commit=2))
    assert (r.term, r.vote) == (5, 3)
    assert (r.state, r.lead) == (StateFollower, NONE)
    assert r.raft_log.committed == 2


def test_it_does_not_come_back_with_what_it_had_applied() -> None:
    assert node(1, storage(terms=(1, 2), commit=2)).raft_log.applied == 0
    known = node(1, storage(terms=(1, 2), commit=2), applied=1)
    assert known.raft_log.applied == 1


def stops(commit: int) -> None:
    """Sees that a log of two entries does not start with this commit."""
    with pytest.raises(RaftPanic, match="out of range"):
        node(1, storage(terms=(1, 1), term=1, commit=commit))


@pytest.mark.parametrize("commit", [3, 4])
def test_a_commit_beyond_the_log_stops_it(commit: int) -> None:
    stops(commit)


def test_leases_need_the_quorum_check() -> None:
    with pytest.raises(InvalidConfig, match="CheckQuorum must be enabled"):
        node(1, read_only_option=ReadOnlyLeaseBased)
    node(1, read_only_option=ReadOnlyLeaseBased, check_quorum=True)


def test_an_empty_config_does_not_run() -> None:
    with pytest.raises(InvalidConfig, match="cannot use none as id"):
        Config().validate()
    with pytest.raises(InvalidConfig, match="heartbeat tick must be"):
        Config(id=1, storage=MemoryStorage()).validate()


def test_no_limit_is_what_zero_means_but_for_one() -> None:
    c = Config(
        id=1, election_tick=10, heartbeat_tick=1, max_inflight_msgs=1,
        storage=MemoryStorage(),
    )  # fmt: skip
    c.validate()
    assert c.max_uncommitted_entries_size == c.max_inflight_bytes == 2**64 - 1
    assert c.max_size_per_msg == c.max_committed_size_per_ready == 0


def test_timeouts_lie_between_one_and_two() -> None:
    draws = Recorded(0, 9)
    r = node(1, election_tick=10, rand=draws)
    assert r.randomized_election_timeout == 10
    r.reset_randomized_election_timeout()
    assert r.randomized_election_timeout == 19
    assert draws.asked == [10, 10]


def test_the_system_draws_below_the_limit() -> None:
    assert {LockedRand().intn(2) for _ in range(200)} == {0, 1}


def test_a_learner_counts_but_does_not_stand() -> None:
    r = node(3, storage((1, 2), (3,)), check_quorum=True)
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=1, to=3, term=1))
    tick(r, 25)
    assert (r.state, r.election_elapsed) == (StateFollower, 25)
    # And so its lease ends: it hears the next candidate, and votes.
    r.step(pb.Message(type=pb.MsgVote, from_=2, to=3, term=2))
    assert (r.term, r.vote) == (2, 2)


def test_who_has_applied_more_than_was_committed_stops() -> None:
    with pytest.raises(RaftPanic, match="out of range"):
        node(1, storage(terms=(1, 1), commit=1), applied=2)


def test_the_timeout_begins_anew_before_it_stands() -> None:
    r = node(1, rand=Recorded(3, 0, 0), pre_vote=True)
    tick(r, 13)
    assert r.election_elapsed == 0, "a pre-candidate does not reset"
    asked = [m.type for m in r.msgs]
    assert asked == [pb.MsgPreVote, pb.MsgPreVote]
    tick(r, 12)
    assert len(r.msgs) == 2, "and asks again after the same timeout"
    tick(r, 1)
    assert len(r.msgs) == 4


BREAKS: dict[str, Break] = {
    "forget the vote": (
        "Raft.load_state",
        "        self.vote = state.vote or NONE\n",
        "",
        test_a_node_comes_back_with_its_term_and_vote,
    ),
    "open a term": (
        "Raft.__init__",
        "self.become_follower(self.term, NONE)",
        "self.become_follower(self.term + 1, NONE)",
        test_a_node_comes_back_with_its_term_and_vote,
    ),
    "join in": (
        "Raft.load_state",
        "if not log.committed <= commit <= log.last_index():",
        "if False:",
        lambda: stops(commit=3),
    ),
    "ask at every tick": (
        "Raft.tick_election",
        "            self.election_elapsed = 0\n",
        "",
        test_the_timeout_begins_anew_before_it_stands,
    ),
    "do not count": (
        "Raft.tick_election",
        "        self.election_elapsed += 1\n",
        "        self.election_elapsed += self.promotable()\n",
        test_a_learner_counts_but_does_not_stand,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the chapter says of each break is so."""
    is_seen(monkeypatch, BREAKS[name], pytest.fail.Exception)
