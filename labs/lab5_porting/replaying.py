"""A function of the learner's in the place of the port's, and what follows.

All recordings of the Go library that the repository holds run through the
port once more, with the new function in it, and so do the book's scenarios.
The first line that differs is shown.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from difflib import ndiff
from typing import Any, Final
from unittest.mock import patch

from labs.runner.checking import Trial
from labs.runner.exercise import ROOT
from port.rafttest.datadriven import Directive, end_with_newline, parse
from port.rafttest.interaction_env import InteractionEnv

_ARCHIVE: Final = ROOT / "tests/golden/recordings.tar.xz"
_SCENARIOS: Final = ROOT / "book/scenarios"


def recordings() -> Iterator[tuple[str, str]]:
    """Yields the name and the text of each recording, the shortest first."""
    found = [
        (path.name, path.read_text("utf-8"))
        for path in sorted(_SCENARIOS.glob("*.txt"))
    ]
    with tarfile.open(_ARCHIVE) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and member.name.endswith(".txt"):
                found.append((member.name, file.read().decode("utf-8")))
    yield from sorted(found, key=lambda each: len(each[1]))


@contextmanager
def in_place_of(owner: object, **functions: object) -> Iterator[None]:
    """Puts functions into a class, a module or a table, by name."""
    with ExitStack() as stack:
        for name, function in functions.items():
            stack.enter_context(patch.object(owner, name, function))
        yield


def replay(t: Trial) -> None:
    """Runs all recordings, and tells the first line that differs."""
    for name, text in recordings():
        env = InteractionEnv()
        for d in parse(text, name):
            t.called = f"{name}, line {d.place.rpartition(':')[2]}: {d}"
            _compare(t, d, _outcome(t, env, d))


def _outcome(t: Trial, env: InteractionEnv, d: Directive) -> str:
    try:
        return end_with_newline(env.handle(d))
    except NotImplementedError:
        raise
    except Exception as error:
        t.wrong(
            "the recording goes on here; the port with your function in it"
            " does not",
            f"{type(error).__name__}: {error}",
            _first(d.expected),
        )


def _compare(t: Trial, d: Directive, output: str) -> None:
    if output == d.expected:
        return
    came = expected = ""
    lines = ndiff(d.expected.splitlines(), output.splitlines())
    for line in lines:
        if line.startswith("- ") and not expected:
            expected = line[2:]
        if line.startswith("+ ") and not came:
            came = line[2:]
        if came and expected:
            break
    t.wrong(
        "the port with your function in it does not print what the Go"
        " library has printed here",
        came or "(this line is missing)",
        expected or "(nothing more)",
    )


def _first(text: str) -> str:
    return text.partition("\n")[0] or "(nothing)"


def longest(functions: dict[str, Any]) -> tuple[str, int]:
    """Returns the function with the most lines of code, and how many."""
    counted = {
        name: _lines(function) for name, function in functions.items()
    }
    name = max(counted, key=counted.__getitem__)
    return name, counted[name]


def _lines(function: Any) -> int:  # noqa: ANN401  # The learner's own.
    """Counts the lines that have code of their own."""
    code = function.__code__
    lines = {line for _, _, line in code.co_lines() if line is not None}
    return len(lines - {code.co_firstlineno})
