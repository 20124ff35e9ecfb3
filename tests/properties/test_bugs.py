"""The invariants bite: each planted bug breaks the one that it should.

Twice over: by its own short schedule, and in a search that knows nothing of
it. The search is that of the properties; it is told which mix of actions to
use, how many an example has, where to start (so that it does not take longer
on another day), and after how many examples it must have found the bug.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider

from labs.bugs import NAMES, Bug, Edit, all_bugs, find
from labs.bugs.planting import DoesNotFit
from port.log import RaftLog
from tests.properties.actions import Schedule, parse
from tests.properties.generate import schedules
from tests.properties.running import Outcome, check, explain, run
from tests.properties.script import script_of


class Search(NamedTuple):
    """How a bug is looked for."""

    mix: str
    seed: int
    budget: int
    size: int = 25


SEARCHES = {
    "commits_older_terms": Search("rivals", 2, 6000, 12),
    "votes_for_shorter_logs": Search("crashes", 2, 1000),
    "votes_twice": Search("elections", 5, 300),
    "forgets_vote": Search("elections", 6, 3000, 12),
    "ignores_conflict": Search("rivals", 3, 1000, 12),
    "leads_on_a_minority": Search("elections", 1, 300),
    "counts_learners": Search("members", 5, 1000),
    "reads_before_commit": Search("reads", 1, 3000),
    "acknowledges_early": Search("everything", 4, 300),
    "applies_before_commit": Search("partitions", 4, 1000),
    "counts_one_half": Search("members", 5, 3000),
    "keeps_stale_tail": Search("rivals and snapshots", 5, 6000, 12),
    "heartbeat_beyond_match": Search("rivals", 5, 1000, 12),
    "commits_past_new_entries": Search("rivals", 4, 6000, 12),
    "believes_stale_writes": Search("one slow disk", 5, 6000, 12),
}


class Found(Exception):
    """The search has come to its end."""


def search(bug: Bug, how: Search) -> tuple[int, int, Outcome | None]:
    """Return how many examples it took, how many panicked, and the hit."""
    tried = panics = 0
    hit = None

    @seed(how.seed)
    @settings(
        max_examples=how.budget, database=None, deadline=None,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )  # fmt: skip
    @given(schedules(size=how.size, mixes=(how.mix,)))
    def look(schedule: Schedule) -> None:
        nonlocal tried, panics, hit
        outcome = run(schedule, {bug.invariant})
        tried += 1
        panics += bool(outcome.panic)
        if outcome.violation is not None:
            hit = outcome
            raise Found

    # Now and then Hypothesis draws a number that stands in some module which
    # happens to be loaded. A search that is to be the same tomorrow, and in
    # another process, must not depend on that.
    with (
        suppress(Found),
        patch.object(
            HypothesisProvider, "_maybe_draw_constant", return_value=None
        ),
    ):
        look()
    return tried, panics, hit


@pytest.mark.parametrize("name", NAMES)
def test_a_short_schedule_shows_the_bug(name: str) -> None:
    bug = find(name)
    schedule = parse(bug.schedule)
    with bug.planted():
        for number in (bug.invariant, *bug.also):
            violation = run(schedule, {number}).violation
            assert violation is not None, f"nothing breaks {number}"
            assert violation.number == number


@pytest.mark.parametrize("name", NAMES)
def test_the_same_schedule_breaks_nothing_without_it(name: str) -> None:
    check(parse(find(name).schedule))


@pytest.mark.parametrize("name", NAMES)
def test_a_search_finds_the_bug(name: str) -> None:
    bug, how = find(name), SEARCHES[name]
    with bug.planted():
        _, _, hit = search(bug, how)
    assert hit is not None, f"not found in {how.budget} examples"
    check(hit.schedule)


def test_the_edit_that_only_helps_a_bug_along_is_no_bug() -> None:
    """New leaders may begin to probe further back than they do."""
    bug = find("commits_past_new_entries")
    helper = bug._replace(edits=bug.edits[1:], invariant=6)
    with helper.planted():
        check(parse(bug.schedule))
        how = SEARCHES[bug.name]._replace(budget=200)
        assert search(helper, how)[2] is None


def test_every_bug_has_a_module_of_its_name() -> None:
    assert [bug.name for bug in all_bugs()] == list(NAMES)
    assert list(SEARCHES) == list(NAMES)


def test_a_bug_is_gone_after_the_block() -> None:
    bug = find("votes_twice")
    code = [edit.function.__code__ for edit in bug.edits]
    with bug.planted():
        assert [edit.function.__code__ for edit in bug.edits] != code
    assert [edit.function.__code__ for edit in bug.edits] == code


@pytest.mark.parametrize("old", ["no such text", "self"])
def test_an_edit_that_does_not_fit_is_refused(old: str) -> None:
    with pytest.raises(DoesNotFit), Edit(RaftLog.commit_to, old, "x").made():
        pass


def test_what_breaks_is_explained_in_few_lines() -> None:
    bug = find("votes_for_shorter_logs")
    long = parse(bug.schedule + "\npropose 1\nsettle 3\nheal\ntick 2 3")
    with bug.planted():
        text = explain(long, bug.invariant)
    assert "invariant 3" in text
    assert str(parse(bug.schedule)) in text
    assert "deliver-msgs" in text


def test_a_panic_of_the_port_is_no_violation_unless_watched_for() -> None:
    bug = find("heartbeat_beyond_match")
    schedule = parse(
        "nodes=3 voters=1,2,3\ncampaign 1\nsettle 4 among 1,2\n"
        "purge\ntick 1 1\nready 1\nflow 3"
    )
    with bug.planted():
        quiet, loud = run(schedule, {6}), run(schedule, {0})
        script = script_of(schedule)
    assert quiet.violation is None
    assert "tocommit" in quiet.panic
    assert loud.violation is not None
    assert script is not None
