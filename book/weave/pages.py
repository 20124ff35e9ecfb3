"""All pages of the book, read and woven.

What is wrong with a page by itself is kept with it. Whether all of them
together make a book, `gate.py` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from book.weave import figures, scenes, walks
from book.weave.page import Page
from book.weave.place import WovenWalk, weave
from book.weave.problems import Problem, Refused
from book.weave.sources import Sources
from book.weave.transitions import Moves
from book.weave.walks import Figure, Generated, Misread, Scene, Transitions

ROOT = Path(__file__).parents[2]
PAGES = "book/pages"


class Book:
    """Every page under a folder.

    Args:
        root: The repository.
        pages: The folder of pages in it.
    """

    def __init__(self, root: Path = ROOT, pages: str = PAGES) -> None:
        self.root = root
        self.folder = root / pages
        self.shelf = Sources(root)
        self.pages = tuple(
            self.read(p.relative_to(self.folder).as_posix())
            for p in sorted(self.folder.rglob("*.md"))
        )

    def read(self, name: str) -> Page:
        """Reads and weaves one page."""
        return self.weave((self.folder / name).read_text("utf-8"), name)

    def weave(self, text: str, name: str) -> Page:
        """Weaves the blocks of a page."""
        woven: list[WovenWalk] = []
        drawn: list[Figure] = []
        played: list[Scene] = []
        made: list[Generated] = []
        moves: list[Transitions] = []
        problems: list[Problem] = []
        for found in walks.read(text.splitlines()):
            if isinstance(found, Misread):
                problems.append(found.at(name, found.line))
            elif isinstance(found, Figure):
                try:
                    figures.check(found.name)
                except Refused as unknown:
                    problems.append(unknown.at(name, found.first))
                drawn.append(found)
            elif isinstance(found, Scene):
                try:
                    scenes.check(self.root, found)
                    played.append(found)
                except Refused as unknown:
                    problems.append(unknown.at(name, found.first))
            elif isinstance(found, Transitions):
                moves.append(found)
            elif isinstance(found, Generated):
                made.append(found)
            else:
                one, wrong = weave(found, name, self.root, self.shelf)
                problems += wrong
                if one:
                    woven.append(one)
        return Page(
            name,
            text,
            tuple(woven),
            tuple(drawn),
            tuple(played),
            tuple(made),
            tuple(moves),
            tuple(problems),
        )

    def walks(self) -> Iterator[WovenWalk]:
        """Yields every walk of the book."""
        for page in self.pages:
            yield from page.walks

    @cached_property
    def moves(self) -> Moves:
        """The catalogue of transitions, and where its rows are shown.

        Raises:
            WeaveError: the catalogue does not hold.
        """
        return Moves(self.root, self.pages)
