"""Lab 0: its sheets are what the situations say, and the port does."""

from __future__ import annotations

from importlib import import_module

import pytest

from labs.lab0_reading.ex7_lines.questions import QUESTIONS, Question
from labs.lab0_reading.sheets import TITLES, texts
from labs.lab0_reading.situations import Situation, readable
from labs.runner.catalogue import find
from labs.runner.checking import Trial, Wrong
from labs.runner.exercise import PAGES

SITUATIONS = [
    pytest.param(situation, id=f"{name}-{letter}")
    for name in TITLES
    for letter, situation in zip(
        "abcde",
        import_module(f"labs.lab0_reading.{name}.checks").SITUATIONS,
        strict=True,
    )
]


def test_there_are_thirty_and_twenty() -> None:
    assert len(SITUATIONS) == 30
    assert len(QUESTIONS) == 20


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_port_comes_by_the_line_that_decides(
    situation: Situation,
) -> None:
    assert situation.came_by()


def test_the_sheets_are_up_to_date() -> None:
    for path, text in texts().items():
        assert path.read_text("utf-8") == text, (
            f"{path}: run python -m labs.lab0_reading.sheets"
        )


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.key)
def test_an_answer_is_a_walk_of_the_book(question: Question) -> None:
    page = (PAGES / question.page).read_text("utf-8")
    assert f"::: walk port/raft.py {question.symbol}\n" in page


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_the_port_does_can_be_written(situation: Situation) -> None:
    for key, value in situation.truth().items():
        assert readable(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("role", "Follower"), ("role", "pre-candidate"),
        ("sends", ["MsgVote 1"]), ("sends", ["MsgVotes to 1"]),
        ("sends", ["MsgVote to 1, MsgVote to 3"]), ("sends", [3]),
        ("sends", ["raises"]), ("line", "port/raft.py"), ("line", "812"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_told_as_one(key: str, value: object) -> None:
    assert not readable(key, value)
    exercise = find("0.1")[0]
    module = import_module(exercise.checks)
    truth = module.SITUATIONS[0].truth()
    trial = Trial({"a": {**truth, key: value}}, exercise.stub_path)
    with pytest.raises(Wrong) as wrong:
        module.CHECKS[0].run(trial)
    assert "not written as the grader reads it" in wrong.value.why


def test_a_list_of_texts_where_numbers_are_asked_for() -> None:
    trial = Trial({"voters": ["1", "3"]}, find("2.2")[0].stub_path)
    with pytest.raises(Wrong) as wrong:
        trial.answer("voters", [1, 3], "why")
    assert "a whole number, without quotes" in wrong.value.expected
