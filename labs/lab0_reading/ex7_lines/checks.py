"""What 0.7 asks: twenty lines, and who has them."""

from labs.lab0_reading.ex7_lines.questions import QUESTIONS, Question
from labs.runner.checking import Check, Trial, check
from labs.runner.exercise import Reading


def asks(question: Question) -> Check:
    @check(question.words, Reading(question.page, "its chapter"))
    def ask(t: Trial) -> None:
        if t.name(question.key) in question.also:
            return
        t.answer(question.key, question.symbol, question.hint)

    return ask


ASKED = tuple(question.key for question in QUESTIONS)
CHECKS = [asks(question) for question in QUESTIONS]
