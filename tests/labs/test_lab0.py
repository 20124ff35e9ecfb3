"""Lab 0: its sheets are what the situations say, and the port does."""

from __future__ import annotations

from importlib import import_module

import pytest

from labs.lab0_reading.ex7_lines.questions import QUESTIONS, Question
from labs.lab0_reading.sheets import TITLES, texts
from labs.lab0_reading.situations import Situation
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
