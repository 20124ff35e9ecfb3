"""How the catalogue of transitions is read, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from book.weave.catalogue import (
    FAMILIES,
    PROSE,
    AtStep,
    InTest,
    load,
    read,
)
from book.weave.golang import GoRange
from book.weave.problems import Refused, WeaveError

ROOT = Path(__file__).parents[2]

FIELDS = {
    "id": '"role.follower-candidate.timeout"',
    "family": '"role"',
    "from": '"follower"',
    "cause": '["MsgHup", "MsgTimeoutNow"]',
    "to": '"candidate"',
    "guard": '"It is time."',
    "go": '["raft.go:1038-1042"]',
    "symbol": '"port/raft.py Raft.campaign"',
    "home": '"elections.md"',
    "seen": (
        '["one-day#3", "tests/book/test_catalogue.py::test_a_row_is_read"]'
    ),
}
TEXTS = dict.fromkeys(PROSE, '"Text."')


def written(**fields: str | None) -> str:
    """Return a row with some fields changed, or left out."""
    row = FIELDS | {"from" if k == "from_" else k: v for k, v in fields.items()}
    lines = [f"{name} = {value}" for name, value in row.items() if value]
    return "\n".join(["[[transition]]", *lines, ""])


def refusal(text: str) -> str:
    """Return what is said about a catalogue that is refused."""
    with pytest.raises(WeaveError) as refused:
        read(text, ROOT)
    return str(refused.value)


def test_a_row_is_read() -> None:
    catalogue = read("# Rows.\n\n" + written(core="true", **TEXTS), ROOT)
    (row,) = catalogue.rows
    assert row.line == 3
    assert row.causes == ("MsgHup", "MsgTimeoutNow")
    assert row.go == (GoRange("raft.go", 1038, 1042),)
    assert row.symbol.id == "raft.Raft.campaign"
    assert row.seen == (
        AtStep("one-day", 3),
        InTest("tests/book/test_catalogue.py", "test_a_row_is_read"),
    )
    assert row.prose is not None
    assert row.prose.title == "Text."
    assert catalogue.keys() == {
        ("role", "follower", cause, "candidate", "Raft.campaign"): row
        for cause in row.causes
    }
    assert catalogue.row(row.id) is row
    assert catalogue.family("role") == catalogue.at("elections.md") == (row,)
    assert not catalogue.family("vote")
    assert not catalogue.at("boot.md")
    with pytest.raises(Refused):
        catalogue.row("role.nowhere")


def test_the_prose_of_the_core_may_come_later() -> None:
    (row,) = read(written(core="true"), ROOT).rows
    assert row.core
    assert row.prose is None


def test_a_single_cause_needs_no_list() -> None:
    (row,) = read(written(cause='"MsgHup"'), ROOT).rows
    assert row.causes == ("MsgHup",)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("guard", None, "guard: is no text"),
        ("guard", '" "', "guard: is no text"),
        ("to", "3", "to: is no text"),
        ("cause", "[]", "cause: is no list"),
        ("cause", '["MsgHup", "MsgHup"]', "cause: names one twice"),
        ("go", '"raft.go:1"', "go: is no list"),
        ("seen", "[1]", "seen: is no list"),
        ("seen", None, "seen: is no list"),
        ("core", '"yes"', "core: is neither"),
        ("wher", '"x"', "wher: is no field"),
        ("family", '"roll"', "family: there is no family roll"),
        ("id", '"role"', "id: is no id"),
        ("id", '"vote.x"', "id: does not begin with its family"),
        ("home", '"nowhere.md"', "home: there is no page nowhere.md"),
        ("symbol", '"Raft.campaign"', "symbol: 'Raft.campaign' names nothing"),
        ("symbol", '"port/raft.py Raft.x"', "has no symbol Raft.x"),
        ("symbol", '"port/craft.py Raft.x"', "no file port/craft.py"),
        ("go", '["raft.go:891-900"]', "go: raft.go:891-900 is outside"),
        ("go", '["raft.go:0-3"]', "go: raft.go has no lines"),
        ("go", '["campaign"]', "go: 'campaign' names no Go lines"),
        ("seen", '["one-day"]', "seen: 'one-day' is neither"),
        ("seen", '["one-day#0"]', "seen: one-day has no step 0"),
        ("seen", '["one-day#9999"]', "seen: one-day has no step 9999"),
        ("seen", '["one-night#1"]', "seen: there is no scenario one-night"),
        ("seen", '["tests/book/test_catalogue.py::x"]', "has no test x"),
        ("seen", '["tests/book/x.py::x"]', "seen: there is no tests/book/x"),
        ("title", '"T"', "title: is there, but this is no row of the core"),
    ],
)
def test_what_is_refused_is_named(
    field: str, value: str | None, said: str
) -> None:
    text = refusal(written(**{field: value}))
    assert said in text
    if field != "id":
        assert "transitions.toml:1: role.follower-candidate.timeout: " in text


@pytest.mark.parametrize("field", PROSE)
def test_prose_is_there_as_a_whole(field: str) -> None:
    text = refusal(written(core="true", **TEXTS | {field: ""}))
    assert f"{field}: is missing" in text


def test_every_wrong_row_is_named() -> None:
    text = refusal(
        written(id='"role.one"', to="1")
        + written(id='"role.two"', home='"x.md"')
        + "[more]\n"
    )
    assert "role.one: to:" in text
    assert "role.two: home:" in text
    assert "there is a table more" in text


def test_no_two_rows_have_one_id() -> None:
    text = refusal(written() + written(to='"leader"'))
    assert "id: there are two of them" in text


def test_no_two_rows_are_the_same_move() -> None:
    text = refusal(written() + written(id='"role.x"', cause='"MsgHup"'))
    assert "role.follower-candidate.timeout is the same move, by MsgHup" in text


def test_what_is_no_toml_is_refused() -> None:
    assert "transitions.toml" in refusal("[[transition]")


def test_the_catalogue_is_sound() -> None:
    assert {row.family for row in load(ROOT).rows} == set(FAMILIES)


def test_the_core_are_the_rows_that_have_words() -> None:
    words = tomllib.loads((ROOT / "book/core.toml").read_text("utf-8"))
    assert [row.id for row in load(ROOT).rows if row.core] == [
        row.id for row in load(ROOT).rows if row.id in words
    ]
