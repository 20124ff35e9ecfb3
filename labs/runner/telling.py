"""Says in words what came of a check, in 80 columns.

Each way to fail has its own paragraph. None shows a traceback: the line that
matters is quoted, and what was called is said as one would type it.
"""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterable
from typing import Final

from labs.runner.exercise import Exercise, Reading
from labs.runner.running import Outcome

WIDTH: Final = 74  # a page of the book shows no more without scrolling
LABEL: Final = 12
INDENT: Final = "  "


def wrapped(text: str, indent: str = INDENT) -> list[str]:
    """Returns a paragraph as lines."""
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, initial_indent=indent,
        subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def labelled(label: str, text: str) -> list[str]:
    """Returns a paragraph that stands behind a label."""
    if not text:
        return []
    # Spaces are kept: they may be what it is about.
    return textwrap.wrap(
        " ".join(text.splitlines()), WIDTH,
        initial_indent=f"{INDENT}{label:{LABEL}}",
        subsequent_indent=f"{INDENT}{'':{LABEL}}",
        break_on_hyphens=False,
    )  # fmt: skip


def heading(exercise: Exercise, state: str) -> str:
    """Returns the line that an exercise begins with."""
    name = f"{exercise.id}  {exercise.title}"
    return f"{name:<{WIDTH - 8}}  {state:>6}".rstrip()


def told(outcome: Outcome) -> str:
    """Returns what a learner is to read."""
    exercise = outcome.exercise
    if outcome.green:
        return heading(exercise, "green")
    lines = [heading(exercise, "red"), ""]
    lines += _KINDS[outcome.kind](outcome)
    if printed := str(outcome.found.get("printed", "")).rstrip():
        lines += ["", f"{INDENT}Your code printed:"]
        shown = [
            part for line in printed.splitlines()
            for part in textwrap.wrap(line, 70) or [""]
        ]  # fmt: skip
        lines += [f"{INDENT}  {part}" for part in shown[-8:]]
    return "\n".join(lines)


def _paragraph(outcome: Outcome, text: str) -> list[str]:
    return [*wrapped(text), *_about(outcome)]


def _about(outcome: Outcome) -> list[str]:
    """Returns what was being checked, and where to read."""
    found = outcome.found
    if "title" not in found:
        return []
    lines = labelled("Checked", str(found["title"]))
    if found.get("called"):
        lines += labelled("Called", str(found["called"]))
    lines += labelled("Why", str(found.get("why", "")))
    lines += _book(outcome)
    return ["", *lines]


def _book(outcome: Outcome) -> list[str]:
    found = outcome.found
    if "page" not in found:
        return []
    return labelled(
        "In the book", f"{found['reading']} (book/pages/{found['page']})"
    )


def _wrong(outcome: Outcome) -> list[str]:
    found = outcome.found
    return [
        *labelled("Checked", str(found.get("title", ""))),
        *labelled("Called", str(found["called"])),
        *labelled("Came", str(found["came"])),
        *labelled("Expected", str(found["expected"])),
        *labelled("Why", str(found["why"])),
        *_book(outcome),
    ]


def _place(outcome: Outcome) -> str:
    """Returns `labs/work/machine.py, line 31, in apply: return x`."""
    found = outcome.found
    name = f"labs/work/{outcome.file.name}"
    if not found.get("line"):
        return name
    text = f"{name}, line {found['line']}"
    if found.get("function") not in (None, "", "<module>"):
        text += f", in {found['function']}"
    if found.get("source"):
        text += f": `{found['source']}`"
    return text


def _todo(outcome: Outcome) -> list[str]:
    return _paragraph(
        outcome,
        f"Still to be written: {outcome.found['text']} Go to"
        f" {_place(outcome)}",
    )


def _raised(outcome: Outcome) -> list[str]:
    found = outcome.found
    if found.get("line"):
        where = f"It was raised at {_place(outcome)}."
    else:
        where = (
            "No line of yours raised it: the check called your code in a way"
            " that it does not take, or could not go on with what it had"
            " returned. Compare names, arguments and what is returned with"
            " the stub and the brief."
        )
    return _paragraph(
        outcome, f"Your code stopped with {found['text']}. {where}"
    )


def _syntax(outcome: Outcome) -> list[str]:
    kind = "TOML" if outcome.file.suffix == ".toml" else "Python"
    return wrapped(
        f"This is no {kind} yet, so nothing was checked:"
        f" {outcome.found['text']}, at {_place(outcome)}. The mistake may"
        " stand a line above."
    )


def _loop(outcome: Outcome) -> list[str]:
    return _paragraph(
        outcome,
        f"An endless loop, it seems: after {outcome.exercise.seconds:g}"
        f" seconds of work your code was stopped at {_place(outcome)}. Ask"
        " what is to end the loop that this line is in.",
    )


def _hang(outcome: Outcome) -> list[str]:
    return _paragraph(
        outcome,
        "Your code waits for something that never comes: after"
        f" {outcome.exercise.seconds:g} seconds without work it was stopped"
        f" at {_place(outcome)}. Ask who is to end that wait.",
    )


def _exit(outcome: Outcome) -> list[str]:
    return _paragraph(
        outcome,
        f"Your code ended the whole program ({outcome.found['text']}). Raise"
        " an error instead: a part of a server must not decide that the"
        " server ends.",
    )


def _died(outcome: Outcome) -> list[str]:
    code = outcome.found.get("code")
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    elif code is None:
        how = "did not react any more, and was killed"
    else:
        how = f"ended with exit code {code}, and without an answer"
    return _paragraph(
        outcome,
        f"The process that ran your code {how}. As a rule that is a call of"
        " os._exit or os.kill, memory without end, or a loop inside a"
        " library.",
    )


def _missing(outcome: Outcome) -> list[str]:
    exercise = outcome.exercise
    return wrapped(
        f"There is no labs/work/{exercise.file} yet: `python -m labs start"
        f" {exercise.id}` puts it there."
    )


_KINDS: Final = {
    "wrong": _wrong, "todo": _todo, "raised": _raised, "syntax": _syntax,
    "loop": _loop, "hang": _hang, "exit": _exit, "died": _died,
    "missing": _missing,
}  # fmt: skip


def readings(reading: Iterable[Reading]) -> list[str]:
    """Returns the places in the book, a line each."""
    return [f"{INDENT}{r.title} (book/pages/{r.page})" for r in reading]
