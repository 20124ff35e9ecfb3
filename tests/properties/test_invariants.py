"""Each invariant on small states made by hand: some good, some bad."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import StateCandidate, StateLeader
from tests.properties.invariants import (
    CommitQuorum,
    CommittedStays,
    Converges,
    DurableFirst,
    ElectionSafety,
    History,
    LeaderAppendOnly,
    LeaderCompleteness,
    LogMatching,
    Monitor,
    Monotonic,
    NoPanic,
    ReadIndexSafety,
    StateMachineSafety,
    View,
    Violation,
)


def log(*terms: int, first: int = 1) -> list[pb.Entry]:
    """Return entries of these terms; what they hold follows from the term."""
    return [
        pb.Entry(term, index, data=b"%d" % term)
        for index, term in enumerate(terms, first)
    ]


def follower(id: int, *terms: int, **more: object) -> View:
    """Return a follower with a log of these terms."""
    return View(id, entries=log(*terms), **more)  # type: ignore[arg-type]


def leader(id: int, term: int, *terms: int, **more: object) -> View:
    """Return a leader of `term` with a log of these terms."""
    return follower(id, *terms, term=term, role=StateLeader, **more)


class Disk:
    """What is durable, by hand."""

    def __init__(
        self, *terms: int, term: int = 0, vote: int = 0, commit: int = 0
    ) -> None:
        self.terms = [0, *terms]
        self.term = term
        self.vote = vote
        self.commit = commit

    def holds(self, index: int, term: int) -> bool:
        return index < len(self.terms) and self.terms[index] == term

    def log(self) -> tuple[int, list[int]]:
        return 0, self.terms


def history(*views: View) -> History:
    """Return what is known once these have been seen."""
    seen = History()
    for view in views:
        seen.note(view)
    return seen


def broken(number: int) -> pytest.RaisesExc[Violation]:
    """Expect the violation of an invariant."""
    return pytest.raises(Violation, match=f"^invariant {number}: ")


def test_a_panic_is_a_violation() -> None:
    with broken(0):
        NoPanic().panicked(1, IndexError("list index out of range"))


class TestElectionSafety:
    def test_a_leader_a_term(self) -> None:
        rule = ElectionSafety()
        rule.saw(None, leader(1, 1))
        rule.saw(None, leader(1, 1))
        rule.saw(None, leader(2, 2))
        rule.saw(None, follower(3, term=2))

    def test_two_in_a_term(self) -> None:
        rule = ElectionSafety()
        rule.saw(None, leader(1, 1))
        rule.saw(None, follower(1, term=1))
        with broken(1):
            rule.saw(None, leader(2, 1))


class TestLogMatching:
    def test_logs_may_part_once(self) -> None:
        rule = LogMatching()
        rule.saw(None, follower(1, 1, 1, 3))
        rule.saw(None, follower(2, 1, 1, 2, 2))
        rule.saw(None, follower(3, 1))

    def test_the_same_term_after_different_ones(self) -> None:
        rule = LogMatching()
        rule.saw(None, follower(1, 1, 1, 3))
        with broken(2):
            rule.saw(None, follower(2, 1, 2, 3))

    def test_the_same_term_with_something_else_in_it(self) -> None:
        rule = LogMatching()
        rule.saw(None, follower(1, 1))
        with broken(2):
            rule.saw(None, View(2, entries=[pb.Entry(1, 1, data=b"else")]))

    def test_a_snapshots_edge_counts_too(self) -> None:
        rule = LogMatching()
        rule.saw(None, follower(1, 1, 1, 3))
        rule.saw(None, View(2, base=2, base_term=1, entries=log(3, first=3)))
        with broken(2):
            rule.saw(
                None, View(3, base=2, base_term=2, entries=log(3, first=3))
            )

    def test_an_entry_in_the_wrong_place(self) -> None:
        with broken(2):
            LogMatching().saw(None, View(1, entries=log(1, first=2)))

    def test_an_unchanged_log_is_not_looked_at(self) -> None:
        rule = LogMatching()
        rule.saw(follower(1, 1), follower(1, 1))
        assert not rule.known


class TestLeaderCompleteness:
    def test_a_leader_with_what_was_committed(self) -> None:
        seen = history(leader(1, 1, 1, 1, commit=2))
        rule = LeaderCompleteness(seen)
        rule.saw(None, leader(2, 2, 1, 1, 2))

    def test_under_its_snapshot_counts(self) -> None:
        seen = history(leader(1, 1, 1, 1, commit=2))
        rule = LeaderCompleteness(seen)
        rule.saw(
            None, View(2, term=2, role=StateLeader, base=2, base_term=1)
        )

    @pytest.mark.parametrize("terms", [(1,), (), (1, 2)])
    def test_a_leader_without(self, terms: tuple[int, ...]) -> None:
        seen = history(leader(1, 1, 1, 1, commit=2))
        with broken(3):
            LeaderCompleteness(seen).saw(None, leader(2, 2, *terms))

    def test_who_does_not_lead_may_lack_it(self) -> None:
        seen = history(leader(1, 1, 1, 1, commit=2))
        rule = LeaderCompleteness(seen)
        rule.saw(None, follower(2, 1, term=2))
        rule.saw(None, follower(2, 1, term=2, role=StateCandidate))

    def test_an_old_term_that_commits_after_the_election(self) -> None:
        seen = History()
        rule = LeaderCompleteness(seen)
        for view in (leader(1, 1, 1, 1), leader(2, 2, 1, 2)):
            seen.note(view)
            rule.saw(None, view)
        late = leader(1, 1, 1, 1, commit=2)
        seen.note(late)
        with broken(3):
            rule.saw(None, late)


class TestLeaderAppendOnly:
    def test_it_appends(self) -> None:
        LeaderAppendOnly().saw(leader(1, 2, 1), leader(1, 2, 1, 2))

    def test_it_compacts(self) -> None:
        after = View(
            1, term=2, role=StateLeader, base=1, base_term=1,
            entries=log(2, first=2),
        )  # fmt: skip
        LeaderAppendOnly().saw(leader(1, 2, 1, 2), after)

    def test_it_shortens(self) -> None:
        with broken(4):
            LeaderAppendOnly().saw(leader(1, 2, 1, 2), leader(1, 2, 1))

    def test_it_overwrites(self) -> None:
        with broken(4):
            LeaderAppendOnly().saw(leader(1, 3, 1, 1), leader(1, 3, 1, 3))

    def test_it_replaces_an_entry_of_its_own_term(self) -> None:
        before = leader(1, 2, 1, 2)
        other = [*before.entries[:1], pb.Entry(2, 2, data=b"else")]
        after = View(1, term=2, role=StateLeader, entries=other)
        assert before.terms == after.terms
        with broken(4):
            LeaderAppendOnly().saw(before, after)

    def test_it_has_more_than_before_its_first_entry(self) -> None:
        before = View(
            1, term=2, role=StateLeader, base=1, base_term=1,
            entries=log(2, first=2),
        )  # fmt: skip
        with broken(4):
            LeaderAppendOnly().saw(before, leader(1, 2, 1, 2))

    def test_a_follower_may(self) -> None:
        rule = LeaderAppendOnly()
        rule.saw(leader(1, 2, 1, 2), follower(1, 1, 3, term=3))
        rule.saw(follower(1, 1, 2), follower(1, 1))

    def test_after_a_restart_a_tail_may_be_gone(self) -> None:
        rule = LeaderAppendOnly()
        rule.saw(leader(1, 2, 1, 2, life=1), leader(1, 2, 1, life=2))


class TestStateMachineSafety:
    def test_all_apply_the_same(self) -> None:
        rule = StateMachineSafety()
        for node in (1, 2):
            for entry in log(1, 1, 2):
                rule.applied(node, entry, b"%d" % (entry.index or 0))

    def test_another_entry(self) -> None:
        rule = StateMachineSafety()
        rule.applied(1, pb.Entry(1, 1), b"a")
        with broken(5):
            rule.applied(2, pb.Entry(2, 1), b"a")

    @pytest.mark.parametrize("index", [1, 2, 4])
    def test_a_gap_or_a_step_back(self, index: int) -> None:
        rule = StateMachineSafety()
        rule.loaded(1, 2, b"")
        with broken(5):
            rule.applied(1, pb.Entry(1, index), b"")
            rule.applied(1, pb.Entry(1, index), b"")

    def test_a_snapshot_with_another_state(self) -> None:
        rule = StateMachineSafety()
        rule.applied(1, pb.Entry(1, 1), b"a")
        rule.loaded(2, 1, b"a")
        with broken(5):
            rule.loaded(3, 1, b"b")


class TestCommittedStays:
    def test_what_is_above_commit_does_not_matter(self) -> None:
        rule = CommittedStays(history(leader(1, 2, 1, 2, commit=2)))
        rule.saw(None, follower(2, 1, 1, commit=1))

    def test_within_commit_it_does(self) -> None:
        rule = CommittedStays(history(leader(1, 2, 1, 2, commit=2)))
        with broken(6):
            rule.saw(None, follower(2, 1, 1, commit=2))

    def test_it_is_overwritten_later(self) -> None:
        rule = CommittedStays(history(leader(1, 1, 1, 1, commit=2)))
        before = follower(2, 1, 1, commit=2)
        rule.saw(None, before)
        with broken(6):
            rule.saw(before, follower(2, 1, 2, commit=2))


class TestCommitQuorum:
    def test_a_quorum_has_it(self) -> None:
        rule = CommitQuorum({1: Disk(1), 2: Disk(1), 3: Disk()})
        rule.saw(
            leader(1, 1, 1, halves=[{1, 2, 3}]),
            leader(1, 1, 1, commit=1, halves=[{1, 2, 3}]),
        )

    def test_half_is_no_quorum(self) -> None:
        rule = CommitQuorum({1: Disk(1), 2: Disk()})
        with broken(7):
            rule.saw(
                leader(1, 1, 1), leader(1, 1, 1, commit=1, halves=[{1, 2}])
            )

    def test_another_term_does_not_count(self) -> None:
        rule = CommitQuorum({1: Disk(2), 2: Disk(1)})
        with broken(7):
            rule.saw(
                leader(1, 2, 2), leader(1, 2, 2, commit=1, halves=[{1, 2}])
            )

    def test_both_halves_count(self) -> None:
        rule = CommitQuorum({1: Disk(1), 2: Disk(), 3: Disk(1)})
        with broken(7):
            rule.saw(
                leader(1, 1, 1),
                leader(1, 1, 1, commit=1, halves=[{1, 3}, {1, 2}]),
            )

    def test_a_follower_may_trust_its_leader(self) -> None:
        rule = CommitQuorum({1: Disk()})
        rule.saw(follower(1, 1), follower(1, 1, commit=1, halves=[{1}]))

    def test_a_start_is_exempt(self) -> None:
        rule = CommitQuorum({1: Disk()})
        rule.saw(None, leader(1, 1, 1, commit=1, halves=[{1}]))
        rule.saw(
            follower(1, life=1),
            leader(1, 1, 1, commit=1, life=2, halves=[{1}]),
        )


class TestMonotonic:
    def test_marks_in_order(self) -> None:
        Monotonic().saw(None, follower(1, 1, 1, commit=2, applied=1))

    @pytest.mark.parametrize(("applied", "commit"), [(2, 1), (0, 3)])
    def test_marks_out_of_order(self, applied: int, commit: int) -> None:
        with broken(8):
            Monotonic().saw(
                None, follower(1, 1, 1, commit=commit, applied=applied)
            )

    @pytest.mark.parametrize("name", ["term", "commit"])
    def test_what_falls(self, name: str) -> None:
        before = follower(1, 1, 1, **{name: 2})
        with broken(8):
            Monotonic().saw(before, follower(1, 1, 1, **{name: 1}))

    def test_a_restart_may_fall_back(self) -> None:
        before = follower(1, 1, 1, term=3, commit=2, life=1)
        Monotonic().saw(before, follower(1, 1, 1, term=2, commit=1, life=2))

    def test_a_restart_restores_what_is_durable(self) -> None:
        disk = Disk(1, 1, term=3, vote=2, commit=1)
        Monotonic().restarted(
            follower(1, 1, 1, term=3, vote=2, commit=1), disk
        )

    @pytest.mark.parametrize(
        "view",
        [
            follower(1, 1, 1, term=2, vote=2, commit=1),
            follower(1, 1, 1, term=3, vote=0, commit=1),
            follower(1, 1, 1, term=3, vote=2, commit=0),
            follower(1, 1, term=3, vote=2, commit=1),
            follower(1, 1, 2, term=3, vote=2, commit=1),
        ],
    )
    def test_a_restart_restores_something_else(self, view: View) -> None:
        with broken(8):
            Monotonic().restarted(
                view, Disk(1, 1, term=3, vote=2, commit=1)
            )


class TestDurableFirst:
    @staticmethod
    def ack(index: int, term: int, **more: bool) -> pb.Message:
        return pb.Message(
            pb.MsgAppResp, to=1, from_=2, term=term, index=index, **more
        )

    @staticmethod
    def vote(to: int, term: int, **more: bool) -> pb.Message:
        return pb.Message(pb.MsgVoteResp, to=to, from_=2, term=term, **more)

    def test_an_acknowledgement_of_what_is_durable(self) -> None:
        rule = DurableFirst(history(leader(1, 2, 1, 2)))
        rule.sent(self.ack(2, 2), Disk(1, 2, term=2))
        rule.sent(self.ack(1, 2), Disk(1, term=2))

    @pytest.mark.parametrize("disk", [Disk(1, term=2), Disk(1, 1, term=2)])
    def test_of_what_is_not(self, disk: Disk) -> None:
        rule = DurableFirst(history(leader(1, 2, 1, 2)))
        with broken(9):
            rule.sent(self.ack(2, 2), disk)

    def test_of_what_the_leader_does_not_have(self) -> None:
        rule = DurableFirst(history(leader(1, 2, 1, 2)))
        with broken(9):
            rule.sent(self.ack(3, 2), Disk(1, 2, 1, term=2))

    def test_a_vote_that_is_durable(self) -> None:
        DurableFirst(History()).sent(self.vote(3, 2), Disk(term=2, vote=3))

    @pytest.mark.parametrize(
        "disk", [Disk(term=1, vote=3), Disk(term=2), Disk(term=2, vote=1)]
    )
    def test_a_vote_that_is_not(self, disk: Disk) -> None:
        with broken(9):
            DurableFirst(History()).sent(self.vote(3, 2), disk)

    def test_a_later_term_makes_promises_void(self) -> None:
        rule = DurableFirst(history(leader(1, 2, 1, 2)))
        rule.sent(self.ack(2, 2), Disk(1, term=3))
        rule.sent(self.vote(3, 2), Disk(term=3))

    def test_a_refusal_promises_nothing(self) -> None:
        rule = DurableFirst(history(leader(1, 2, 1, 2)))
        rule.sent(self.ack(2, 2, reject=True), Disk())
        rule.sent(self.vote(3, 2, reject=True), Disk())


class TestReadIndexSafety:
    def test_a_read_sees_what_was_committed(self) -> None:
        rule = ReadIndexSafety(history(leader(1, 1, 1, 1, commit=2)))
        rule.asked(b"r")
        rule.answered(1, b"r", 2)

    def test_a_read_that_does_not(self) -> None:
        rule = ReadIndexSafety(history(leader(1, 1, 1, 1, commit=2)))
        rule.asked(b"r")
        with broken(10):
            rule.answered(1, b"r", 1)

    def test_what_is_committed_later_need_not_be_seen(self) -> None:
        seen = history(leader(1, 1, 1, commit=1))
        rule = ReadIndexSafety(seen)
        rule.asked(b"r")
        seen.note(leader(1, 1, 1, 1, commit=2))
        rule.answered(1, b"r", 1)

    def test_a_known_hole_is_excused(self) -> None:
        rule = ReadIndexSafety(history(leader(1, 1, 1, 1, commit=2)))
        rule.asked(b"r")
        rule.excuse(b"r")
        rule.answered(1, b"r", 0)


def test_convergence() -> None:
    Converges().healed(9, "")
    with broken(11):
        Converges().healed(99, "nobody leads")


def test_the_monitor_watches_what_it_is_told_to() -> None:
    every, none = Monitor({}), Monitor({}, ())
    for monitor in (every, none):
        monitor.saw(None, leader(1, 1, 1))
    none.saw(None, leader(2, 1, 1))
    none.tell("panicked", 1, ValueError())
    with broken(1):
        every.saw(None, leader(2, 1, 1))
    with broken(0):
        every.tell("panicked", 1, ValueError())
