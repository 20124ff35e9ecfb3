"""Changes of the configuration: two ways to the same end, and refusals."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from port import raftpb as pb
from port.confchange import Changer, describe, restore, to_conf_change_single
from port.confchange.confchange import check_invariants
from port.errors import InvalidConfChange
from port.quorum import JointConfig, MajorityConfig
from port.tracker import (
    Config,
    Inflights,
    Progress,
    ProgressMap,
    ProgressTracker,
)

Steps = list[pb.ConfChangeSingle]


def steps(text: str) -> Steps:
    return pb.conf_changes_from_string(text)


def changer(text: str = "", last_index: int = 10) -> Changer:
    """A changer of a configuration that was built step by step."""
    chg = Changer(ProgressTracker(10, 0), last_index)
    for step in steps(text):
        take(chg, chg.simple([step]))
    return chg


def take(chg: Changer, result: tuple[Config, ProgressMap]) -> None:
    chg.tracker.config, chg.tracker.progress = result


def seen(result: tuple[Config, ProgressMap]) -> tuple[str, str]:
    """All that can be told of a result."""
    cfg, trk = result
    return str(cfg), str(trk)


# Node 1 is a voter from the start, and no change names it: so there is
# always a voter left.
beginnings = st.lists(st.integers(2, 6), max_size=5).map(
    lambda ids: " ".join(f"v{id}" for id in [1, *ids])
)
changes = st.lists(
    # Few nodes, so that several changes meet at one of them.
    st.tuples(st.sampled_from("vlru"), st.integers(2, 7)),
    min_size=1,
    max_size=9,
).map(lambda pairs: steps(" ".join(f"{how}{id}" for how, id in pairs)))


@settings(max_examples=300)
@given(beginnings, changes)
@example("v1 v2", steps("l2 r2"))
def test_conf_change_quick(beginning: str, ccs: Steps) -> None:
    """All changes at once end where they do one by one."""
    one_by_one = changer(beginning)
    for cc in ccs:
        take(one_by_one, one_by_one.simple([cc]))
    tracker = one_by_one.tracker
    ends = set()
    for auto_leave in (False, True):
        chg = changer(beginning)
        take(chg, chg.enter_joint(auto_leave, ccs))
        assert chg.tracker.config.auto_leave is auto_leave
        ends.add(seen(chg.leave_joint()))
    assert ends == {seen((tracker.config, tracker.progress))}


def majorities(voters: set[int]) -> list[set[int]]:
    size = len(voters) // 2 + 1
    return [set(some) for some in combinations(sorted(voters), size)]


@given(beginnings, changes)
def test_no_two_configurations_in_a_row_can_decide_apart(
    beginning: str, ccs: Steps
) -> None:
    """Any majorities of before and after have a node in common."""
    chg = changer(beginning)
    before = set(chg.tracker.voters.incoming)
    try:
        cfg, _ = chg.simple(ccs)
    except InvalidConfChange:
        cfg, _ = chg.enter_joint(False, ccs)
        assert cfg.voters.outgoing == before
        return
    after = set(cfg.voters.incoming)
    assert all(
        old & new for old in majorities(before) for new in majorities(after)
    )


@given(beginnings, changes, st.booleans())
def test_a_change_leaves_its_beginning_alone(
    beginning: str, ccs: Steps, joint: bool
) -> None:
    chg = changer(beginning)
    untouched = seen((chg.tracker.config, chg.tracker.progress))
    try:
        cfg, trk = chg.enter_joint(True, ccs) if joint else chg.simple(ccs)
    except InvalidConfChange:
        pass
    else:
        check_invariants(cfg, trk)
        for pr in trk.values():
            pr.is_learner = not pr.is_learner
        cfg.voters.incoming.clear()
    assert seen((chg.tracker.config, chg.tracker.progress)) == untouched


def test_the_window_of_a_follower_survives_a_change() -> None:
    chg = changer("v1 v2")
    window = chg.tracker.progress[2].inflights
    assert chg.simple(steps("l2"))[1][2].inflights is window


def test_a_new_node_starts_from_the_last_index() -> None:
    chg = changer("v1", last_index=0)
    assert chg.tracker.progress[1].next == 1
    chg.last_index = 7
    pr = chg.simple(steps("l2"))[1][2]
    assert (pr.match, pr.next, pr.recent_active) == (0, 7, True)
    assert (pr.inflights.size, pr.is_learner) == (10, True)


def test_a_voter_becomes_a_learner_when_the_joint_state_is_left() -> None:
    chg = changer("v1 v2 v3")
    take(chg, chg.enter_joint(False, steps("l3 l4")))
    assert str(chg.tracker.config) == (
        "voters=(1 2)&&(1 2 3) learners=(4) learners_next=(3)"
    )
    assert not chg.tracker.progress[3].is_learner
    take(chg, chg.leave_joint())
    assert str(chg.tracker.config) == "voters=(1 2) learners=(3 4)"
    assert chg.tracker.progress[3].is_learner


def test_node_0_is_nobody() -> None:
    chg = changer("v1")
    absent = pb.ConfChangeSingle(type=pb.ConfChangeAddNode)
    assert seen(chg.simple([*steps("v0 r0 l0"), absent])) == seen(
        (chg.tracker.config, chg.tracker.progress)
    )


def test_an_absent_type_adds_a_voter() -> None:
    cfg, _ = changer("v1").simple([pb.ConfChangeSingle(node_id=2)])
    assert str(cfg) == "voters=(1 2)"


@pytest.mark.parametrize(
    ("beginning", "ccs", "text"),
    [
        ("v1", "r1", "removed all voters"),
        ("v1", "l1", "removed all voters"),
        ("", "l1", "removed all voters"),
        (
            "v1",
            "v2 v3",
            "more than one voter changed without entering joint config",
        ),
    ],
)
def test_what_simple_refuses(beginning: str, ccs: str, text: str) -> None:
    with pytest.raises(InvalidConfChange) as refusal:
        changer(beginning).simple(steps(ccs))
    assert str(refusal.value) == text


def test_what_a_joint_configuration_refuses() -> None:
    chg = changer("v1")
    with pytest.raises(InvalidConfChange) as refusal:
        chg.leave_joint()
    assert str(refusal.value) == "can't leave a non-joint config"
    take(chg, chg.enter_joint(True, steps("v2 v3")))
    with pytest.raises(InvalidConfChange) as refusal:
        chg.enter_joint(False, [])
    assert str(refusal.value) == "config is already joint"
    with pytest.raises(InvalidConfChange) as refusal:
        chg.simple([])
    assert str(refusal.value) == (
        "can't apply simple config change in joint config"
    )
    with pytest.raises(InvalidConfChange) as refusal:
        changer().enter_joint(False, steps("v1"))
    assert str(refusal.value) == "can't make a zero-voter config joint"
    with pytest.raises(InvalidConfChange) as refusal:
        changer("v1").enter_joint(False, steps("r1"))
    assert str(refusal.value) == "removed all voters"


def test_a_change_of_unknown_type_is_refused() -> None:
    stranger = pb.ConfChangeSingle(type=pb.ConfChangeType(17), node_id=2)
    with pytest.raises(InvalidConfChange) as refusal:
        changer("v1").simple([stranger])
    assert str(refusal.value) == "unexpected conf type 17"


@pytest.mark.parametrize(
    ("config", "nodes", "text"),
    [
        (
            Config(JointConfig(MajorityConfig({1, 2}))),
            "v1",
            "no progress for 2",
        ),
        (
            Config(JointConfig(MajorityConfig({1})), learners={2}),
            "v1",
            "no progress for 2",
        ),
        (
            Config(JointConfig(MajorityConfig({1})), learners_next={2}),
            "v1 v2",
            "2 is in LearnersNext, but not Voters[1]",
        ),
        (
            Config(
                JointConfig(MajorityConfig({1}), MajorityConfig({1, 2})),
                learners_next={2},
            ),
            "v1 l2",
            "2 is in LearnersNext, but is already marked as learner",
        ),
        (
            Config(
                JointConfig(MajorityConfig({1}), MajorityConfig({1, 2})),
                learners={2},
            ),
            "v1 l2",
            "2 is in Learners and Voters[1]",
        ),
        (
            Config(JointConfig(MajorityConfig({1, 2})), learners={2}),
            "v1 l2",
            "2 is in Learners and Voters[0]",
        ),
        (
            Config(JointConfig(MajorityConfig({1})), learners={2}),
            "v1 v2",
            "2 is in Learners, but is not marked as learner",
        ),
        (
            Config(JointConfig(MajorityConfig({1})), auto_leave=True),
            "v1",
            "AutoLeave must be false when not joint",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(
    config: Config, nodes: str, text: str
) -> None:
    trk = ProgressMap(
        {
            int(word[1:]): Progress(
                inflights=Inflights(1), is_learner=word[0] == "l"
            )
            for word in nodes.split()
        }
    )
    with pytest.raises(InvalidConfChange) as refusal:
        check_invariants(config, trk)
    assert str(refusal.value) == text


def test_changes_as_text() -> None:
    assert describe(steps("v1 l2 r3 u4")) == (
        "ConfChangeAddNode(1) ConfChangeAddLearnerNode(2)"
        " ConfChangeRemoveNode(3) ConfChangeUpdateNode(4)"
    )
    assert describe([pb.ConfChangeSingle()]) == "ConfChangeAddNode(0)"
    assert describe([]) == ""


# -- restore


@st.composite
def conf_states(draw: st.DrawFn) -> pb.ConfState:
    """Any valid stored configuration with a voter in it."""
    ids = draw(st.permutations(range(1, 14)))
    voters = [ids.pop() for _ in range(draw(st.integers(1, 5)))]
    learners = [ids.pop() for _ in range(draw(st.integers(0, 4)))]
    removed = [ids.pop() for _ in range(draw(st.integers(0, 2)))]
    kept = voters[: draw(st.integers(0, len(voters)))]
    outgoing = kept + removed
    return pb.ConfState(
        voters=voters,
        learners=learners,
        voters_outgoing=outgoing,
        learners_next=removed[: draw(st.integers(0, len(removed)))],
        auto_leave=bool(outgoing) and draw(st.booleans()),
    )


@given(conf_states())
@example(pb.ConfState())
@example(pb.ConfState(voters=[1, 2, 3]))
@example(pb.ConfState(voters=[1, 2, 3], learners=[4, 5, 6]))
@example(
    pb.ConfState(
        voters=[1, 2, 3],
        learners=[5],
        voters_outgoing=[1, 2, 4, 6],
        learners_next=[4],
    )
)
def test_restore(cs: pb.ConfState) -> None:
    """What is restored is what was stored, in order."""
    chg = changer()
    cfg, trk = restore(chg, cs)
    assert str(chg.tracker.config) == "voters=()"
    assert not chg.tracker.progress
    check_invariants(cfg, trk)
    chg.tracker.config, chg.tracker.progress = cfg, trk
    again = chg.tracker.conf_state()
    again.equivalent(cs)
    cs.equivalent(again)
    assert again == pb.ConfState(
        voters=sorted(cs.voters),
        learners=sorted(cs.learners),
        voters_outgoing=sorted(cs.voters_outgoing),
        learners_next=sorted(cs.learners_next),
        auto_leave=bool(cs.auto_leave),
    )


def test_nothing_is_restored_to_nothing() -> None:
    cfg, trk = restore(changer(), pb.ConfState())
    assert (str(cfg), len(trk)) == ("voters=()", 0)


def test_the_way_to_a_joint_configuration() -> None:
    cs = pb.ConfState(
        voters=[1, 2, 3],
        learners=[5],
        voters_outgoing=[1, 2, 4, 6],
        learners_next=[4],
    )
    out, into = to_conf_change_single(cs)
    assert pb.conf_changes_to_string(out) == "v1 v2 v4 v6"
    assert pb.conf_changes_to_string(into) == (
        "r1 r2 r4 r6 v1 v2 v3 l5 l4"
    )
    cfg, _ = restore(changer(), cs)
    assert str(cfg) == (
        "voters=(1 2 3)&&(1 2 4 6) learners=(5) learners_next=(4)"
    )


def test_a_stored_configuration_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidConfChange, match="removed all voters"):
        restore(changer(), pb.ConfState(learners=[1]))
