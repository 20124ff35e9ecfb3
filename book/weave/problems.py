"""What the weave refuses, and how it says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mkdocs.exceptions import BuildError


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a page cannot be woven.

    Attributes:
        page: The page's name, as its author knows it.
        line: The line of that page, counted from 1.
        what: What is wrong.
        fix: What the author can do about it.
    """

    page: str
    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.what}\n    fix: {self.fix}"


class WeaveError(BuildError):
    """Stops the build. It carries every problem found, not the first alone.

    It is one of mkdocs' build errors, so that an author sees the problems
    and no stack trace. Outside mkdocs it is an exception like any other.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n" + "\n".join(str(p) for p in problems))


class Refused(Exception):
    """What a small function raises when it cannot know page and line.

    The caller, who does know them, turns it into a `Problem`.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def at(self, page: str, line: int) -> Problem:
        """Returns the same refusal with its place."""
        return Problem(page, line, self.what, self.fix)
