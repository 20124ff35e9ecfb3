"""Where the weave meets Python-Markdown.

A preprocessor takes the blocks out of the page, while it is still lines with
numbers, and leaves a mark for each. A block processor turns a mark into
elements, so that links and emphasis in notes are handled like all others. A
tree processor puts the strip on top.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.blockprocessors import (  # type: ignore[import-untyped]
    BlockProcessor,
)
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.preprocessors import Preprocessor  # type: ignore[import-untyped]
from markdown.treeprocessors import (  # type: ignore[import-untyped]
    Treeprocessor,
)

from book.weave import figures, render
from book.weave.pages import GATE, PAGES, ROOT, Book
from book.weave.place import WovenWalk
from book.weave.problems import Problem, Refused, WeaveError
from book.weave.refs import (
    ROLE,
    CitedPattern,
    GoPattern,
    RolePattern,
    SymbolPattern,
)

_MARK = "\x02weave:{}\x03"
_MARKED = re.compile("^\x02weave:(\\d+)\x03$")
_FIGURE = re.compile(r"^::: figure (?P<name>[\w-]+)\s*$")


class WeaveExtension(Extension):  # type: ignore[misc]
    """Walks and figures in pages."""

    def __init__(self, **options: object) -> None:
        self.config = {
            "root": [str(ROOT), "the repository"],
            "pages": [PAGES, "the folder of pages below it"],
            "gate": [list(GATE), "the symbols that must be covered"],
        }
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:
        """Registers the processors; Python-Markdown calls this."""
        root = Path(str(self.getConfig("root")))
        gate = tuple(self.getConfig("gate"))
        page = _Page(_book(root, str(self.getConfig("pages")), gate))
        # After the normaliser (30), which drops the bytes that the mark is
        # made of; before fenced code (25), which would take a walk's text.
        md.preprocessors.register(_Cut(md, page), "weave", 28)
        md.parser.blockprocessors.register(
            _Fill(md.parser, page), "weave", 175
        )
        # After inline patterns (20), before the table of contents (5).
        md.treeprocessors.register(_Strip(md, page), "weave", 7)
        shelf = page.book.shelf
        md.inlinePatterns.register(
            CitedPattern(md, shelf, page.complain), "weave-cited", 185
        )
        # Above the pattern for code in backticks (190).
        md.inlinePatterns.register(
            GoPattern(md, page.complain), "weave-go", 195
        )
        md.inlinePatterns.register(RolePattern(ROLE, md), "weave-role", 186)
        md.inlinePatterns.register(
            SymbolPattern(md, page.homes), "weave-symbol", 194
        )


def _book(root: Path, pages: str, gate: tuple[str, ...]) -> Book:
    """Reads the whole book once a build, and refuses it if need be."""
    inputs = [*(root / pages).rglob("*.md"), *(root / "port").rglob("*.py")]
    inputs += [*(root / "tests").rglob("*.py"), root / "book/sources.toml"]
    stamp = max(file.stat().st_mtime_ns for file in inputs)
    return _book_at(root, pages, gate, stamp)


@lru_cache(maxsize=4)
def _book_at(
    root: Path, pages: str, gate: tuple[str, ...], stamp: int
) -> Book:
    book = Book(root, pages, gate)
    if problems := book.problems():
        raise WeaveError(problems)
    return book


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure as written, and its number on the page."""

    name: str
    number: int
    caption: str


class _Page:
    """What the processors of one page share."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.name = "page"
        self.offset = 0
        self.text = ""
        self.walks: list[WovenWalk] = []
        self.blocks: list[WovenWalk | _Figure] = []

    def locate(self, text: str) -> None:
        """Finds the page's file by its text: a generator tells no name.

        What the file has more at its top is front matter, and counts.
        """
        self.text = text
        self.name, self.offset = "page", 0
        for page in self.book.pages:
            if text.strip() and page.text.rstrip().endswith(text.rstrip()):
                before = page.text.rstrip()[: -len(text.rstrip())]
                self.name, self.offset = page.name, before.count("\n")
                return

    def homes(self) -> dict[str, str]:
        """Returns where each symbol that has a walk is explained.

        Names alone, as in `Raft.reset`: no two files share a class's name
        that the pages walk through, and if they did, the first would win.
        """
        found: dict[str, str] = {}
        for page in self.book.pages:
            path = ""
            if page.name != self.name:
                folder = PurePosixPath(self.name).parent.as_posix()
                path = posixpath.relpath(page.name, folder)
                path = f"{path.removesuffix('.md')}.html"
            for woven in page.walks:
                home = f"{path}#{woven.symbol.id}"
                found.setdefault(woven.symbol.name, home)
        return found

    def complain(self, wrong: Refused, text: str) -> None:
        """Stops the build for something in running text."""
        before = self.text.partition(text)[0]
        line = self.offset + before.count("\n") + 1
        raise WeaveError([wrong.at(self.name, line)])


class _Cut(Preprocessor):  # type: ignore[misc]
    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, lines: list[str]) -> list[str]:
        page = self.page
        page.locate("\n".join(lines))
        woven, problems = page.book.weave(page.text, page.name)
        if problems:
            raise WeaveError([_moved(p, page.offset) for p in problems])
        page.walks, page.blocks = woven, []
        found = {w.walk.first: w for w in woven}
        kept: list[str] = []
        at = figures_so_far = 0
        while at < len(lines):
            if walk := found.get(at + 1):
                kept += self._mark(walk)
                at = walk.walk.last
            elif figure := _FIGURE.match(lines[at]):
                end = self._end(lines, at)
                caption = " ".join(lines[at + 1 : end]).strip()
                figures_so_far += 1
                kept += self._mark(
                    _Figure(figure["name"], figures_so_far, caption)
                )
                at = end + 1
            else:
                kept.append(lines[at])
                at += 1
        return kept

    def _end(self, lines: list[str], start: int) -> int:
        for at in range(start + 1, len(lines)):
            if lines[at].rstrip() == ":::":
                return at
        wrong = Refused("the figure never ends", "close it with `:::`")
        self.page.complain(wrong, lines[start])
        return len(lines)

    def _mark(self, block: WovenWalk | _Figure) -> list[str]:
        self.page.blocks.append(block)
        return ["", _MARK.format(len(self.page.blocks) - 1), ""]


def _moved(p: Problem, by: int) -> Problem:
    return Problem(p.page, p.line + by, p.what, p.fix)


class _Fill(BlockProcessor):  # type: ignore[misc]
    def __init__(self, parser: object, page: _Page) -> None:
        super().__init__(parser)
        self.page = page

    def test(self, parent: Element, block: str) -> bool:
        return bool(_MARKED.match(block))

    def run(self, parent: Element, blocks: list[str]) -> None:
        mark = _MARKED.match(blocks.pop(0))
        if mark is None:
            return
        block = self.page.blocks[int(mark[1])]
        if isinstance(block, WovenWalk):
            homes = self.page.homes()
            md = self.parser.md
            render.walk(parent, block, homes, md, self._parse)
            return
        stash = self.parser.md.htmlStash.store
        try:
            figures.draw(
                parent, block.name, block.number, block.caption, stash
            )
        except Refused as wrong:
            self.page.complain(wrong, f"::: figure {block.name}")

    def _parse(self, parent: Element, blocks: list[str]) -> None:
        self.parser.parseBlocks(parent, blocks)


class _Strip(Treeprocessor):  # type: ignore[misc]
    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, root: Element) -> None:
        if not self.page.walks:
            return
        at = 0
        for place, element in enumerate(root):
            if element.tag == "h1":
                at = place + 1
                break
        root.insert(at, render.strip(self.page.walks))
