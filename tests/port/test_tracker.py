"""Inflights, progress and the tracker of all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from port import raftpb as pb
from port.errors import RaftPanic
from port.quorum import (
    JointConfig,
    MajorityConfig,
    VoteLost,
    VotePending,
    VoteWon,
)
from port.tracker import (
    Config,
    Inflights,
    Progress,
    ProgressTracker,
    StateProbe,
    StateReplicate,
    StateSnapshot,
    StateType,
)


def progress(
    state: StateType = StateProbe,
    match: int = 0,
    next: int = 1,
    size: int = 256,
    max_bytes: int = 0,
) -> Progress:
    return Progress(
        match=match,
        next=next,
        state=state,
        inflights=Inflights(size, max_bytes),
    )


# -- inflights


@given(
    size=st.integers(0, 5),
    max_bytes=st.sampled_from([0, 1, 100, 250]),
    script=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 3), st.integers(0, 120)),
            st.integers(-3, 12),
        )
    ),
)
def test_a_window_holds_what_a_plain_list_would(
    size: int, max_bytes: int, script: list[tuple[int, int] | int]
) -> None:
    """A pair adds a message further up; a number frees up to there."""
    window = Inflights(size, max_bytes)
    model: list[tuple[int, int]] = []
    last = 0
    for step in script:
        if isinstance(step, int):
            window.free_le(last - step)
            model = [message for message in model if message[0] > last - step]
        elif window.full():
            with pytest.raises(RaftPanic, match="Full inflights"):
                window.add(last, 1)
        else:
            last += step[0]
            window.add(last, step[1])
            model.append((last, step[1]))
        held = sum(nbytes for _, nbytes in model)
        assert window.count() == len(model)
        assert window.bytes == held
        assert window.full() is (
            len(model) == size or (max_bytes > 0 and held >= max_bytes)
        )


@pytest.fixture(params=[0, 5], ids=["unused", "used before"])
def window(request: pytest.FixtureRequest) -> Inflights:
    """An empty window for ten messages, through which some may have gone."""
    window = Inflights(10)
    for index in range(request.param):
        window.add(index, 1)
    window.free_le(request.param)
    return window


def add(window: Inflights, *indexes: int) -> None:
    """Adds messages; the one up to index `i` has 100 + `i` bytes."""
    for index in indexes:
        window.add(index, 100 + index)


def held(window: Inflights) -> tuple[int, int]:
    """How many messages are under way, and how many bytes."""
    return window.count(), window.bytes


def test_inflights_add(window: Inflights) -> None:
    add(window, *range(5))
    assert held(window) == (5, 510)
    add(window, *range(5, 10))
    assert held(window) == (10, 1045)


def test_inflight_free_to(window: Inflights) -> None:
    """The oldest go first; room that was freed can be used again."""
    add(window, *range(10))
    for index, left in ((0, (9, 945)), (4, (5, 535)), (8, (1, 109))):
        window.free_le(index)
        assert held(window) == left, f"after all up to {index} were freed"
    add(window, *range(10, 15))
    for index, left in ((12, (2, 227)), (14, (0, 0))):
        window.free_le(index)
        assert held(window) == left, f"after all up to {index} were freed"


@pytest.mark.parametrize(
    ("size", "max_bytes", "full_at", "free", "again_at"),
    [
        pytest.param(0, 0, 0, 0, 0, id="always"),
        pytest.param(1, 0, 1, 1, 2, id="one"),
        pytest.param(1, 10, 1, 1, 2, id="one that is too big"),
        pytest.param(15, 0, 15, 6, 22, id="by number"),
        pytest.param(8, 400, 4, 2, 7, id="by bytes, crossed"),
        pytest.param(8, 406, 4, 3, 8, id="by bytes, exactly"),
        pytest.param(15, 408, 5, 1, 6, id="by bytes, more freed than used"),
    ],
)
def test_inflights_full(
    size: int, max_bytes: int, full_at: int, free: int, again_at: int
) -> None:
    """A window is full at a number of messages, or of bytes.

    The message that crosses the limit of bytes still gets in; the next one,
    however small, does not.
    """
    window = Inflights(size, max_bytes)
    added = 0
    for end in (full_at, again_at):
        while not window.full():
            add(window, added)
            added += 1
        assert added == end
        with pytest.raises(RaftPanic, match="Full inflights"):
            window.add(added, 0)
        if end == full_at:
            window.free_le(free)


def test_inflights_reset() -> None:
    """No bytes are forgotten when everything under way is given up."""
    window = Inflights(10, 1000)
    index = 0
    for _ in range(100):
        window.reset()
        assert held(window) == (0, 0)
        for _ in range(5):
            assert not window.full()
            index += 1
            window.add(index, 16)
        window.free_le(index - 2)
        assert held(window) == (2, 32)
        assert not window.full()
    window.free_le(index)
    assert held(window) == (0, 0)


def test_a_clone_goes_its_own_way() -> None:
    window = Inflights(3, 7)
    window.add(1, 5)
    twin = window.clone()
    twin.add(2, 1)
    window.free_le(1)
    assert (window.count(), window.bytes) == (0, 0)
    assert (twin.count(), twin.bytes) == (2, 6)
    assert (twin.size, twin.max_bytes) == (3, 7)


# -- progress


@pytest.mark.parametrize(
    ("state", "paused", "expected"),
    [
        (StateProbe, False, False),
        (StateProbe, True, True),
        (StateReplicate, False, False),
        (StateReplicate, True, True),
        (StateSnapshot, False, True),
        (StateSnapshot, True, True),
    ],
)
def test_progress_is_paused(
    state: StateType, paused: bool, expected: bool
) -> None:
    pr = progress(state)
    pr.msg_app_flow_paused = paused
    assert pr.is_paused() is expected


@pytest.mark.parametrize("to", list(StateType))
@pytest.mark.parametrize("from_", list(StateType))
def test_a_new_state_starts_with_a_clean_slate(
    from_: StateType, to: StateType
) -> None:
    pr = progress(from_, match=4, next=9)
    pr.msg_app_flow_paused = True
    pr.pending_snapshot = 3
    pr.inflights.add(8, 10)
    if to is StateProbe:
        pr.become_probe()
    elif to is StateReplicate:
        pr.become_replicate()
    else:
        pr.become_snapshot(7)
    assert pr.state is to
    assert pr.match == 4
    assert pr.next == (8 if to is StateSnapshot else 5)
    assert pr.pending_snapshot == (7 if to is StateSnapshot else 0)
    assert pr.msg_app_flow_paused is False
    assert pr.inflights.count() == 0


@pytest.mark.parametrize(
    ("state", "pending", "next"),
    [
        pytest.param(StateReplicate, 0, 2, id="after an append was lost"),
        pytest.param(StateSnapshot, 10, 11, id="behind the snapshot"),
        pytest.param(StateSnapshot, 0, 2, id="after a snapshot failed"),
    ],
)
def test_progress_become_probe(
    state: StateType, pending: int, next: int
) -> None:
    """Probing starts behind what the follower is known to have."""
    pr = progress(state, match=1, next=5)
    pr.pending_snapshot = pending
    pr.become_probe()
    assert (pr.state, pr.match, pr.next) == (StateProbe, 1, next)


def test_progress_become_replicate() -> None:
    pr = progress(StateProbe, match=1, next=5)
    pr.become_replicate()
    assert (pr.state, pr.match, pr.next) == (StateReplicate, 1, 2)


def test_progress_become_snapshot() -> None:
    pr = progress(StateProbe, match=1, next=5)
    pr.become_snapshot(10)
    assert (pr.state, pr.match) == (StateSnapshot, 1)
    assert pr.pending_snapshot == 10


def test_progress_resume() -> None:
    """A refusal or a success of the last probe lets the next one out."""
    pr = progress(next=2)
    pr.msg_app_flow_paused = True
    assert pr.maybe_decr_to(1, 1)
    assert not pr.msg_app_flow_paused
    pr.msg_app_flow_paused = True
    assert pr.maybe_update(2)
    assert not pr.msg_app_flow_paused


def test_the_commit_index_is_sent_once() -> None:
    pr = progress(StateReplicate, match=4, next=8)
    assert pr.can_bump_commit(5)
    pr.sent_commit(5)
    assert not pr.can_bump_commit(5)
    assert pr.can_bump_commit(6)
    pr.sent_commit(7)
    assert not pr.can_bump_commit(9), "all that was sent is committed there"
    pr.sent_entries(2, 10)
    assert pr.can_bump_commit(9)


@pytest.mark.parametrize("state", [StateProbe, StateReplicate])
@pytest.mark.parametrize("rejected", [False, True])
def test_stepping_back_sends_the_commit_index_again(
    state: StateType, rejected: bool
) -> None:
    pr = progress(state, match=4, next=9)
    pr.sent_commit(8)
    if rejected:
        assert pr.maybe_decr_to(rejected=8, match_hint=4)
    else:
        pr.become_probe()
    assert pr.next == 5
    pr.become_replicate()
    pr.sent_entries(4, 10)
    assert pr.can_bump_commit(5)


def test_a_copy_has_the_same_window() -> None:
    pr = Progress(
        match=1,
        next=5,
        state=StateReplicate,
        pending_snapshot=2,
        recent_active=True,
        msg_app_flow_paused=True,
        inflights=Inflights(3),
        is_learner=True,
    )
    pr.sent_commit(3)
    twin = pr.copy()
    for name in Progress.__slots__:
        assert getattr(twin, name) is getattr(pr, name), name
    twin.match = 2
    assert pr.match == 1


def test_a_snapshot_carries_its_commit_index() -> None:
    pr = progress(StateProbe, match=1, next=2)
    pr.become_snapshot(10)
    assert not pr.can_bump_commit(10)
    assert not pr.can_bump_commit(20), "nothing after it was sent"


def test_replicating_runs_ahead_until_the_window_is_full() -> None:
    pr = progress(StateReplicate, match=1, next=2, size=2)
    pr.sent_entries(3, 30)
    assert (pr.next, pr.is_paused()) == (5, False)
    pr.sent_entries(0, 0)
    assert (pr.next, pr.inflights.count()) == (5, 1)
    pr.sent_entries(1, 10)
    assert (pr.next, pr.is_paused()) == (6, True)
    pr.msg_app_flow_paused = False
    pr.sent_entries(0, 0)  # goes out although it is full: a probe
    assert pr.is_paused()
    pr.inflights.free_le(4)
    pr.sent_entries(0, 0)
    assert not pr.is_paused()


def test_probing_pauses_after_one_append_with_entries() -> None:
    pr = progress(StateProbe, match=1, next=2)
    pr.sent_entries(0, 0)
    assert not pr.is_paused()
    pr.sent_entries(3, 30)
    assert pr.is_paused()
    assert (pr.next, pr.inflights.count()) == (2, 0)


def test_no_append_while_a_snapshot_is_under_way() -> None:
    with pytest.raises(RaftPanic, match="unhandled state StateSnapshot"):
        progress(StateSnapshot).sent_entries(1, 1)


@pytest.mark.parametrize(
    ("n", "news", "match", "next"),
    [
        pytest.param(2, False, 3, 5, id="older"),
        pytest.param(3, False, 3, 5, id="known"),
        pytest.param(4, True, 4, 5, id="newer"),
        pytest.param(5, True, 5, 6, id="as far as nothing was sent"),
        pytest.param(9, True, 9, 10, id="further"),
    ],
)
def test_progress_update(n: int, news: bool, match: int, next: int) -> None:
    pr = progress(match=3, next=5)
    pr.msg_app_flow_paused = True
    assert pr.maybe_update(n) is news
    assert (pr.match, pr.next) == (match, next)
    assert pr.msg_app_flow_paused is not news


@pytest.mark.parametrize(
    ("state", "match", "next", "rejected", "hint", "expected"),
    [
        pytest.param(StateReplicate, 5, 10, 5, 5, None, id="acknowledged"),
        pytest.param(StateReplicate, 5, 10, 4, 4, None, id="long ago"),
        pytest.param(StateReplicate, 5, 10, 9, 8, 6, id="back to match"),
        pytest.param(StateReplicate, 5, 10, 9, 9, 6, id="without a hint"),
        pytest.param(StateProbe, 0, 0, 0, 0, None, id="nothing was sent"),
        pytest.param(StateProbe, 0, 10, 5, 5, None, id="not the last probe"),
        pytest.param(StateProbe, 0, 10, 9, 9, 9, id="one back"),
        pytest.param(StateProbe, 0, 2, 1, 1, 1, id="to the first entry"),
        pytest.param(StateProbe, 0, 1, 0, 0, 1, id="not before the first"),
        pytest.param(StateProbe, 0, 10, 9, 2, 3, id="behind the hint"),
        pytest.param(StateProbe, 0, 10, 9, 0, 1, id="hint of nothing"),
        pytest.param(StateProbe, 4, 10, 9, 2, 5, id="never below match"),
        pytest.param(StateSnapshot, 0, 10, 9, 2, 3, id="snapshot"),
    ],
)
def test_progress_maybe_decr(
    state: StateType,
    match: int,
    next: int,
    rejected: int,
    hint: int,
    expected: int | None,
) -> None:
    """`None`: the rejection is stale and changes nothing."""
    pr = progress(state, match=match, next=next)
    pr.msg_app_flow_paused = True
    assert pr.maybe_decr_to(rejected, hint) is (expected is not None)
    assert pr.match == match
    assert pr.next == (next if expected is None else expected)
    lifted = expected is not None and state is not StateReplicate
    assert pr.msg_app_flow_paused is not lifted


def test_progress_string() -> None:
    pr = progress(StateSnapshot, match=1, next=2, size=1)
    pr.recent_active = True
    pr.pending_snapshot = 123
    assert str(pr) == "StateSnapshot match=1 next=2 paused pendingSnap=123"
    pr.is_learner, pr.recent_active = True, False
    pr.inflights.add(123, 1)
    assert str(pr) == (
        "StateSnapshot match=1 next=2 learner paused"
        " pendingSnap=123 inactive inflight=1[full]"
    )
    pr.inflights.size = 2
    assert str(pr).endswith(" inactive inflight=1")


# -- tracker


def tracker(
    voters: set[int], outgoing: set[int] | None = None, learners: str = ""
) -> ProgressTracker:
    trk = ProgressTracker(10, 0)
    both = JointConfig(MajorityConfig(voters), MajorityConfig(outgoing or ()))
    trk.config = Config(both, learners={int(id) for id in learners})
    # Neither in order nor the other way round: nothing may rest on either.
    for id in sorted(both.ids() | trk.learners, key=lambda id: -id ^ 1):
        trk.progress[id] = progress()
        trk.progress[id].is_learner = id in trk.learners
    return trk


def test_committed_is_what_a_majority_of_voters_has() -> None:
    trk = tracker({1, 2, 3}, learners="45")
    for id, match in ((1, 9), (2, 5), (3, 2), (4, 9), (5, 9)):
        trk.progress[id].match = match
    assert trk.committed() == 5
    trk.config.voters.outgoing.update({2, 3, 4})
    del trk.progress[4]  # unknown counts as nothing
    assert trk.committed() == 2


def test_visit_goes_by_id() -> None:
    trk = tracker({9, 3, 300}, learners="57")
    visited = trk.visit()
    assert [id for id, _ in visited] == [3, 5, 7, 9, 300]
    assert all(trk.progress[id] is pr for id, pr in visited)
    assert str(trk.progress).splitlines() == [
        f"{id}: {pr}" for id, pr in visited
    ]


def test_a_quorum_is_active_when_a_majority_was_heard_from() -> None:
    trk = tracker({1, 2, 3}, learners="4")
    assert not trk.quorum_active()
    trk.progress[1].recent_active = trk.progress[4].recent_active = True
    assert not trk.quorum_active(), "a learner does not count"
    trk.progress[2].recent_active = True
    assert trk.quorum_active()


def test_the_first_vote_of_a_node_counts() -> None:
    trk = tracker({1, 2, 3}, learners="4")
    trk.record_vote(1, True)
    assert trk.tally_votes() == (1, 0, VotePending)
    trk.record_vote(2, False)
    trk.record_vote(2, True)
    trk.record_vote(4, True)
    assert trk.tally_votes() == (1, 1, VotePending)
    trk.record_vote(9, True)  # a stranger
    assert trk.tally_votes() == (1, 1, VotePending)
    trk.record_vote(3, False)
    assert trk.tally_votes() == (1, 2, VoteLost)
    trk.reset_votes()
    assert trk.tally_votes() == (0, 0, VotePending)
    trk.record_vote(2, True)
    trk.record_vote(3, True)
    assert trk.tally_votes() == (2, 0, VoteWon)


@pytest.mark.parametrize(
    ("voters", "outgoing", "expected"),
    [({1}, set(), True), ({1, 2}, set(), False), ({1}, {1}, False)],
)
def test_a_singleton_decides_alone(
    voters: set[int], outgoing: set[int], expected: bool
) -> None:
    assert tracker(voters, outgoing).is_singleton() is expected


def test_the_stored_form_is_sorted_and_complete() -> None:
    trk = tracker({300, 1, 20}, {20, 4}, learners="97")
    trk.config.learners_next = {4}
    assert trk.conf_state() == pb.ConfState(
        voters=[1, 20, 300],
        learners=[7, 9],
        voters_outgoing=[4, 20],
        learners_next=[4],
        auto_leave=False,
    )
    trk.config.auto_leave = True
    assert trk.conf_state().auto_leave is True
    assert trk.voter_nodes() == [1, 4, 20, 300]
    assert trk.learner_nodes() == [7, 9]
    assert ProgressTracker(1, 0).learner_nodes() == []


def test_a_configuration_prints_what_is_there() -> None:
    config = tracker({1, 2}, learners="3").config
    assert str(config) == "voters=(1 2) learners=(3)"
    config.voters.outgoing.update({1, 10})
    config.learners_next = {10}
    config.auto_leave = True
    assert str(config) == (
        "voters=(1 2)&&(1 a) learners=(3) learners_next=(a) autoleave"
    )
    assert str(Config()) == "voters=()"


def test_a_clone_shares_nothing_and_leaves_auto_leave_behind() -> None:
    config = tracker({1, 2}, {2, 3}, learners="4").config
    config.learners_next = {3}
    config.auto_leave = True
    twin = config.clone()
    assert twin.auto_leave is False
    twin.auto_leave = True
    assert twin == config
    for ids in (*twin.voters, twin.learners, twin.learners_next):
        ids.add(99)
    assert str(config) == (
        "voters=(1 2)&&(2 3) learners=(4) learners_next=(3) autoleave"
    )


def test_the_tracker_shows_its_configuration() -> None:
    trk = tracker({1, 2}, {2, 3}, learners="4")
    assert trk.voters is trk.config.voters
    assert trk.learners is trk.config.learners
    assert trk.learners_next is trk.config.learners_next
    assert trk.auto_leave is False
