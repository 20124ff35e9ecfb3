"""What 0.7 asks: twenty lines, and who has them."""

from labs.lab0_reading.ex7_lines.questions import QUESTIONS, Question
from labs.runner.checking import Check, Trial, check, say
from labs.runner.exercise import Reading


def asks(question: Question) -> Check:
    @check(question.words, Reading(question.page, "its chapter"))
    def ask(t: Trial) -> None:
        came = t.name(question.key)
        if came in question.also:
            return
        if f"Raft.{came}" == question.symbol:
            t.called = f"{question.key} in {t.file}"
            t.wrong(
                "you have found it. The book writes a method with its class"
                " before it",
                f"{question.key} = {say(came)}",
                f'{question.key} = "{question.symbol}"',
            )  # fmt: skip
        t.answer(question.key, question.symbol, question.hint)

    return ask


ASKED = tuple(question.key for question in QUESTIONS)
CHECKS = [asks(question) for question in QUESTIONS]
