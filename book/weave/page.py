"""One page of the book, read and woven."""

from __future__ import annotations

import re
from dataclasses import dataclass

from book.weave.place import WovenWalk
from book.weave.problems import Problem
from book.weave.walks import Figure, Generated, Scene, Transitions


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the book, read and woven.

    Attributes:
        name: Its name below the folder of pages.
        text: The whole file.
        walks: The walks that could be woven, in order.
        figures: The figures, in order.
        scenes: The scenarios that it plays, in order.
        generated: What the build makes for it, in order.
        moves: The families of transitions that it shows, in order.
        problems: What stands in the way of the rest.
    """

    name: str
    text: str
    walks: tuple[WovenWalk, ...]
    figures: tuple[Figure, ...]
    scenes: tuple[Scene, ...]
    generated: tuple[Generated, ...]
    moves: tuple[Transitions, ...]
    problems: tuple[Problem, ...]


def title_of(text: str) -> str:
    """Returns the title of a page: its own, or its first heading."""
    found = re.search(
        r"\A---\n(?:.*\n)*?title: +(.+?) *$", text, re.MULTILINE
    )
    found = found or re.search(r"^# +(.+?) *$", text, re.MULTILINE)
    return re.sub(r"[*`\"]", "", found[1]) if found else ""
