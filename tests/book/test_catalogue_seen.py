"""The catalogue and the observer, held against each other.

What the observer sees anywhere has to be in the catalogue: in the recordings
of the real library, in upstream's own scripts where they are, in the book's
scenarios, and in schedules such as the properties are tried with. And each
row has to be seen where it says: at its own steps, or by its own tests
(`test_catalogue_shown.py`, for those of this book).
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Set
from functools import cache
from pathlib import Path
from random import Random

import pytest

from book.weave.catalogue import (
    SCENARIOS,
    AtStep,
    InTest,
    Key,
    Row,
)
from book.weave.matrix import Matrix, load
from port.rafttest.datadriven import parse
from port.rafttest.observe import Transition, watch
from port.rawnode import RawNode
from tests.book.observing import ROOT, at, catalogue, play, steps
from tests.golden.recordings import names, recorded
from tests.properties.actions import Schedule
from tests.properties.cluster import Cluster
from tests.properties.generate import BITS, NAMES, decode, setup_of

# How many schedules are tried: `PROPERTIES=quick`, `ci` or `long`.
SCHEDULES = {"quick": 200, "ci": 6_000, "long": 60_000}
SHARED = ROOT.parent / "shared"


@cache
def matrix() -> Matrix:
    """Return what each role makes of each message, as the book has it."""
    return load(ROOT)


@cache
def rows() -> frozenset[Key]:
    """Return all that the catalogue has."""
    return frozenset(catalogue().keys())


def unknown(
    seen: Iterable[Transition], known: Set[Key], cells: Matrix
) -> list[Transition]:
    """Return what was seen, and is neither in a row nor in a cell."""
    return sorted(
        t
        for t in set(seen)
        if not (cells.knows(t) if t.family == "role-message" else t in known)
    )


def said(seen: Iterable[Transition], where: str) -> str:
    """Say what is not in the catalogue, as one would write it there."""
    lines = [f"{where} shows what the catalogue does not have:"]
    for family, from_, cause, to, symbol in seen:
        lines.append(
            f"  family = {family!r}, from = {from_!r}, cause = {cause!r},"
            f" to = {to!r}, symbol = {symbol!r}"
        )
    return "\n".join(lines)


def hold(seen: Iterable[Transition], where: str) -> None:
    """Hold what was seen against the catalogue."""
    missing = unknown(seen, rows(), matrix())
    assert not missing, said(missing, where)


def stems() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(path.stem for path in (ROOT / SCENARIOS).glob("*.txt"))


# -- what is seen is in the catalogue


@pytest.mark.parametrize("scenario", stems())
def test_what_a_scenario_shows_is_in_the_catalogue(scenario: str) -> None:
    seen = frozenset[Transition]().union(*steps(scenario))
    hold(seen, scenario)


@pytest.mark.parametrize("folder", ["golden", "corners"])
def test_what_the_recordings_show_is_in_the_catalogue(folder: str) -> None:
    for name in names(folder):
        seen: set[Transition] = set()
        play(parse(recorded()[name], name), seen.add)
        hold(seen, name)


@pytest.mark.upstream
def test_what_upstreams_scripts_show_is_in_the_catalogue(
    upstream: Path,
) -> None:
    for path in sorted((upstream / "testdata").glob("*.txt")):
        seen: set[Transition] = set()
        play(parse(path.read_text(encoding="utf-8"), str(path)), seen.add)
        hold(seen, path.name)


def test_what_known_schedules_show_is_in_the_catalogue() -> None:
    paths = sorted((SHARED / "schedules").glob("*.txt"))
    if not paths:
        pytest.skip("the schedules are not here")
    for path in paths:
        seen: set[Transition] = set()
        play(parse(path.read_text(encoding="utf-8"), str(path)), seen.add)
        hold(seen, path.name)


def test_what_any_schedule_shows_is_in_the_catalogue() -> None:
    profile = os.environ.get("PROPERTIES", "quick")
    # The same ones each time in the quick suite, and new ones elsewhere.
    random = Random(1 if profile == "quick" else None)
    for _ in range(SCHEDULES[profile]):
        schedule = decode(
            setup_of(random.getrandbits(3 * BITS)),
            random.randrange(4 * len(NAMES)),
            [random.getrandbits(BITS) for _ in range(30)],
        )
        seen: set[Transition] = set()
        cluster = Cluster(
            schedule.setup,
            (),
            wrap=lambda config, id, told=seen: watch(RawNode(config), told.add),
        )
        cluster.run(schedule.actions)
        run = Schedule(schedule.setup, tuple(cluster.done))
        hold(seen, f"{run}\n\nis a schedule that")


# -- what is in the catalogue is seen


@cache
def _strings(file: str, name: str) -> frozenset[str]:
    """Return the texts that a test mentions."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == name.rpartition("::")[2]
        ):
            return frozenset(
                leaf.value
                for leaf in ast.walk(node)
                if isinstance(leaf, ast.Constant)
                and isinstance(leaf.value, str)
            )
    raise LookupError(f"{file} has no {name}")


@pytest.mark.parametrize("row", catalogue().rows, ids=lambda row: row.id)
def test_a_row_is_seen_where_it_says(row: Row) -> None:
    missing: set[Key] = set(row.keys)
    tested = False
    for place in row.seen:
        if isinstance(place, AtStep):
            here = {tuple(t) for t in at(place)} & set(row.keys)
            assert here, f"{place} does not show {row.id}"
            missing -= here
        else:
            assert isinstance(place, InTest)
            # `see` in that test sees to the rest.
            assert row.id in _strings(place.file, place.name), (
                f"{place} does not speak of {row.id}"
            )
            tested = True
    assert tested or not missing, f"nothing shows {sorted(missing)}"


def test_whatever_a_test_shows_says_so() -> None:
    """A row that a test sees names that test, so that nobody looks in vain."""
    path = "tests/book/test_catalogue_shown.py"
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    named = {row.id: {str(p) for p in row.seen} for row in catalogue().rows}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for id in _strings(path, node.name) & named.keys():
            assert f"{path}::{node.name}" in named[id], id


# -- and these tests can fail


def test_a_row_that_is_missing_is_missed() -> None:
    id = "role.candidate-leader.won"
    fewer = rows() - set(catalogue().row(id).keys)
    seen = frozenset[Transition]().union(*steps("one-day"))
    missing = unknown(seen, fewer, matrix())
    assert missing == [
        ("role", "candidate", "MsgVoteResp", "leader", "candidate_vote_resp")
    ]
    assert "from = 'candidate', cause = 'MsgVoteResp'" in said(missing, "one")
