"""What the chapter *The arithmetic of members* says, asked of the port.

The notes of `book/pages/confchange.md` cite these tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from book.weave import staging
from port import raftpb as pb
from port.confchange import Changer
from port.confchange.confchange import check_invariants
from port.errors import InvalidConfChange
from port.quorum import JointConfig, MajorityConfig
from port.raft import CampaignType, Raft, StateFollower
from port.tracker import (
    Config,
    Inflights,
    Progress,
    ProgressMap,
    ProgressTracker,
)
from tests.port.raft.nodes import node, storage, take_messages

PAGE = Path(__file__).parents[2] / "book" / "pages" / "confchange.md"
Steps = list[pb.ConfChangeSingle]


def steps(text: str) -> Steps:
    return pb.conf_changes_from_string(text)


def take(chg: Changer, result: tuple[Config, ProgressMap]) -> None:
    chg.tracker.config, chg.tracker.progress = result


@pytest.fixture
def chg() -> Changer:
    """Returns a changer of voters 1, 2 and 3, each of whom has entry 7."""
    chg = Changer(ProgressTracker(10, 0), 7)
    for step in steps("v1 v2 v3"):
        take(chg, chg.simple([step]))
    for pr in chg.tracker.progress.values():
        pr.maybe_update(7)
    return chg


# -- the picture, and what the page quotes


def test_the_picture_is_what_the_page_quotes() -> None:
    before, joint, after = (config for _, config in staging.stages())
    assert str(joint) in PAGE.read_text(encoding="utf-8")
    assert [staging.says(joint, id) for id in staging.NODES] == [
        ("votes in both",), ("votes in both",),
        ("votes in old", "learner next"), ("votes in new",), ("learner",),
    ]  # fmt: skip
    assert staging.says(before, 4) == ()
    assert staging.says(after, 3) == ("learner",)


def test_the_table_of_refusals(chg: Changer) -> None:
    nobody = Changer(ProgressTracker(1, 0), 0)
    joint = Changer(ProgressTracker(1, 0), 0)
    take(joint, chg.enter_joint(False, []))
    page = PAGE.read_text(encoding="utf-8")
    refusals: tuple[Callable[[], object], ...] = (
        lambda: joint.enter_joint(False, []),
        lambda: nobody.enter_joint(False, []),
        lambda: chg.leave_joint(),
        lambda: joint.simple([]),
        lambda: chg.simple(steps("v4 v5")),
        lambda: chg.simple(steps("r1 r2 r3")),
    )
    for refused in refusals:
        with pytest.raises(InvalidConfChange) as told:
            refused()
        assert f"| `{told.value}` |" in page


# -- the ways


@pytest.mark.parametrize("text", ["v4 v5", "v4 r4", "l4 l5", "r1 v1"])
def test_only_single_steps_come_to_simple(text: str) -> None:
    """Two or more go through a joint configuration, whatever they do."""
    assert pb.ConfChangeV2(changes=steps(text)).enter_joint()[1]
    assert not pb.ConfChangeV2(changes=steps(text)[:1]).enter_joint()[1]


def test_old_and_new_need_not_overlap(chg: Changer) -> None:
    take(chg, chg.enter_joint(False, steps("r1 r2 r3 v4 v5 v6")))
    assert str(chg.tracker.config) == "voters=(4 5 6)&&(1 2 3)"
    assert str(chg.leave_joint()[0]) == "voters=(4 5 6)"


def test_who_waits_keeps_its_progress(chg: Changer) -> None:
    take(chg, chg.enter_joint(False, steps("l3 r2")))
    assert set(chg.tracker.progress) == {1, 2, 3}
    take(chg, chg.leave_joint())
    assert set(chg.tracker.progress) == {1, 3}
    assert chg.tracker.progress[3].match == 7
    assert chg.tracker.progress[3].is_learner


# -- the steps


def test_a_voter_is_not_started_over(chg: Changer) -> None:
    cfg, trk = chg.simple(steps("l3"))
    assert str(cfg) == "voters=(1 2) learners=(3)"
    assert trk[3].match == 7


def test_the_later_of_two_steps_wins(chg: Changer) -> None:
    """And by a simple change it may start over."""
    assert str(chg.simple(steps("v3 r3"))[0]) == "voters=(1 2)"
    cfg, trk = chg.simple(steps("r3 v3"))
    assert str(cfg) == "voters=(1 2 3)"
    assert trk[3].match == 0
    _, trk = chg.enter_joint(False, steps("r3 v3"))
    assert trk[3].match == 7


@pytest.mark.parametrize("text", ["v3", "r9", "u2"])
def test_what_is_already_so_changes_nothing(chg: Changer, text: str) -> None:
    cfg, trk = chg.simple(steps(text))
    assert str(cfg) == str(chg.tracker.config)
    assert str(trk) == str(chg.tracker.progress)


# -- what always holds


def test_what_the_invariants_do_not_ask() -> None:
    """A progress too many passes, and so does a voter marked as learner."""
    cfg = Config(JointConfig(MajorityConfig({1})))
    trk = ProgressMap({
        id: Progress(inflights=Inflights(1), is_learner=True)
        for id in (1, 9)
    })
    check_invariants(cfg, trk)


# -- who leads?


def stands(r: Raft) -> list[int]:
    """Returns whom a node asks for votes when it campaigns."""
    r.campaign(CampaignType.Election)
    return sorted(
        m.to or 0
        for m in take_messages(r)
        if m.type is pb.MsgVote and m.to != r.id
    )


def test_two_voters_and_a_learner_may_wait_for_the_dead() -> None:
    """Neither can win without node 1, which alone knew of the change."""
    second = node(2, storage((1, 2), learners=(3,)))
    third = node(3, storage((1, 2), learners=(3,)))
    assert stands(second) == [1]
    assert not third.promotable()
    assert third.state is StateFollower
