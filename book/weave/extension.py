"""Where the weave meets Python-Markdown.

A preprocessor finds out which page it is. Another takes the blocks out of the
page, while it is still lines with numbers, and leaves a mark for each. A block
processor turns a mark into elements, so that links and emphasis in notes are
handled like all others. A tree processor puts the strip on top.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
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

from book.weave import (
    back,
    catalogue,
    figures,
    gate,
    here,
    render,
    scenes,
    transitions,
)
from book.weave.back.desk import Desk
from book.weave.gate import GATE
from book.weave.pages import PAGES, ROOT, Book
from book.weave.place import WovenWalk, line_of
from book.weave.problems import Problem, Refused, WeaveError
from book.weave.refs import (
    ROLE,
    CitedPattern,
    GoPattern,
    LinePattern,
    RolePattern,
    SymbolPattern,
)
from book.weave.transitions import Easel
from book.weave.walks import Figure, Generated, Scene, Transitions
from port.rafttest.record import Home

_MARK = "\x02weave:{}\x03"
_MARKED = re.compile("^\x02weave:(\\d+)\x03$")


Block = WovenWalk | Figure | Scene | Generated | Transitions


class WeaveExtension(Extension):  # type: ignore[misc]
    """Walks, figures and scenarios in pages."""

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
        demanded = tuple(self.getConfig("gate"))
        page = _Page(_book(root, str(self.getConfig("pages"))))
        # Before the normaliser (30) touches the text that the file has.
        md.preprocessors.register(
            _Find(md, page, demanded), "weave-find", 35
        )
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
            GoPattern(md, shelf, page.complain), "weave-go", 195
        )
        md.inlinePatterns.register(
            LinePattern(md, page.line, page.complain), "weave-line", 196
        )
        md.inlinePatterns.register(RolePattern(ROLE, md), "weave-role", 186)
        md.inlinePatterns.register(
            SymbolPattern(md, lambda: page.homes), "weave-symbol", 194
        )


def _book(root: Path, pages: str) -> Book:
    """Reads the whole book, once a build."""
    inputs = [*(root / pages).rglob("*.md"), *(root / "port").rglob("*.py")]
    inputs += [*(root / "tests").rglob("*.py"), root / "book/sources.toml"]
    inputs += (root / scenes.FOLDER).glob("*.txt")
    inputs += [*(root / "port").rglob("*.md"), *(root / "kv").rglob("*.py")]
    tables = (catalogue.FILE, transitions.CORE)
    inputs += [root / name for name in tables if (root / name).is_file()]
    stamp = max(file.stat().st_mtime_ns for file in inputs)
    return _book_at(root, pages, stamp)


@lru_cache(maxsize=4)
def _book_at(root: Path, pages: str, stamp: int) -> Book:
    return Book(root, pages)


class _Page:
    """What the processors of one page share."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.name = "page"
        self.offset = 0
        self.text = ""
        self.homes: dict[str, str] = {}
        self.desk = Desk(book, ())
        self.walks: list[WovenWalk] = []
        self.blocks: list[tuple[int, int, Block]] = []

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
                break
        self.homes = self._homes()
        self.desk = Desk(self.book, self.walked())

    def _homes(self) -> dict[str, str]:
        """Returns where each symbol that has a walk is explained.

        By its name in its file, as `Raft.reset`, and by the last part of it,
        as `reset`. Of those that share a last part, this page's has it, then
        raft's own, then functions of other files. A single word that is a
        method elsewhere, as `term` or `entries`, is more often a field, and
        goes by its whole name only; one that is a command of the scripts, as
        `tick`, is none elsewhere. On other pages, these are links to the
        pages' sources, which the generator turns into addresses.
        """
        found: dict[str, str] = {}
        short: dict[str, tuple[int, str]] = {}
        for home, woven in self.walked():
            name = woven.symbol.name
            owner, _, last = name.rpartition(".")
            if owner:
                found.setdefault(name, home)
            rank = 2
            if home.startswith("#"):
                rank = 0
            elif woven.symbol.path == "port/raft.py":
                rank = 1
            elif "_" not in last.strip("_") and (
                owner or _is_of_scripts(woven)
            ):
                continue
            short[last] = min(
                short.get(last, (rank, home)),
                (rank, home),
                key=lambda ranked: ranked[0],
            )
        return {last: home for last, (_, home) in short.items()} | found

    def walked(self) -> Iterator[tuple[str, WovenWalk]]:
        """Yields every walk of the book, and a link to it from here."""
        for page in self.book.pages:
            path = ""
            if page.name != self.name:
                folder = PurePosixPath(self.name).parent.as_posix()
                path = posixpath.relpath(page.name, folder)
            for woven in page.walks:
                yield f"{path}#{woven.symbol.id}", woven

    def stages(self) -> dict[tuple[str, str], Home]:
        """Returns the same for a player, which needs addresses of pages."""
        return {
            (woven.symbol.path, woven.symbol.name): Home(
                link.replace(".md#", ".html#"), woven.symbol.lines
            )
            for link, woven in self.walked()
        }

    def line(self, name: str, anchor: str) -> str:
        """Returns a link to a line of a walk.

        Args:
            name: A symbol, or the last part of its name.
            anchor: Text of its code.

        Raises:
            Refused: it has no walk, or no such text.
        """
        for home, woven in self.walked():
            known = woven.symbol.name
            if name in (known, known.rpartition(".")[2], str(woven.symbol)):
                id = line_of(woven, anchor)
                return f"{home.partition('#')[0]}#{id}"
        raise Refused(f"{name} has no walk", "name a symbol that has one")

    def complain(self, wrong: Refused, text: str) -> None:
        """Stops the build for something in running text."""
        before = self.text.partition(text)[0]
        line = self.offset + before.count("\n") + 1
        raise WeaveError([wrong.at(self.name, line)])


def _is_of_scripts(woven: WovenWalk) -> bool:
    return woven.symbol.path.startswith("port/rafttest/")


class _Find(Preprocessor):  # type: ignore[misc]
    def __init__(
        self, md: Markdown, page: _Page, demanded: tuple[str, ...]
    ) -> None:
        super().__init__(md)
        self.page = page
        self.demanded = demanded

    def run(self, lines: list[str]) -> list[str]:
        # The whole book is refused with its first page: one that is in order
        # itself may still be a second home, or leave the gate open.
        if wrong := gate.problems(self.page.book, self.demanded):
            raise WeaveError(wrong)
        self.page.locate("\n".join(lines))
        return lines


class _Cut(Preprocessor):  # type: ignore[misc]
    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, lines: list[str]) -> list[str]:
        here = self.page.book.weave("\n".join(lines), self.page.name)
        if wrong := list(gate.wrong_with(here)):
            by = self.page.offset
            raise WeaveError([_moved(p, by) for p in wrong])
        self.page.walks = list(here.walks)
        self.page.blocks = [
            *((w.walk.first, w.walk.last, w) for w in here.walks),
            *((f.first, f.last, f) for f in here.figures),
            *((s.first, s.last, s) for s in here.scenes),
            *((g.first, g.last, g) for g in here.generated),
            *((m.first, m.last, m) for m in here.moves),
        ]
        self.page.blocks.sort(key=lambda block: block[0])
        kept: list[str] = []
        done = 0
        for number, (first, last, _) in enumerate(self.page.blocks):
            kept += [*lines[done : first - 1], "", _MARK.format(number), ""]
            done = last
        return kept + lines[done:]


def _moved(p: Problem, by: int) -> Problem:
    return Problem(p.page, p.line + by, p.what, p.fix)


class _Fill(BlockProcessor):  # type: ignore[misc]
    def __init__(self, parser: object, page: _Page) -> None:
        super().__init__(parser)
        self.page = page
        self.figures = 0

    def test(self, parent: Element, block: str) -> bool:
        return bool(_MARKED.match(block))

    def run(self, parent: Element, blocks: list[str]) -> None:
        mark = _MARKED.match(blocks.pop(0))
        if mark is None:
            return
        block = self.page.blocks[int(mark[1])][2]
        md = self.parser.md
        if isinstance(block, WovenWalk):
            render.walk(parent, block, self.page.desk, md, self._parse)
            return
        stash = md.htmlStash.store
        if isinstance(block, Scene):
            try:
                root, homes = self.page.book.root, self.page.stages()
                scenes.embed(parent, root, block, homes, stash)
            except Refused as wrong:
                line = self.page.offset + block.first
                raise WeaveError([wrong.at(self.page.name, line)]) from wrong
            return
        if isinstance(block, Transitions):
            name, homes = self.page.name, self.page.stages()
            easel = Easel(name, homes, self._parse, stash)
            transitions.show(parent, self.page.book.moves, block, easel)
            return
        if isinstance(block, Generated):
            back.make(
                parent, block.name, self.page.desk, self._parse, stash
            )
            return
        self.figures += 1
        figures.draw(parent, block.name, self.figures, block.caption, stash)

    def _parse(self, parent: Element, blocks: list[str]) -> None:
        self.parser.parseBlocks(parent, blocks)


class _Strip(Treeprocessor):  # type: ignore[misc]
    def __init__(self, md: Markdown, page: _Page) -> None:
        super().__init__(md)
        self.page = page

    def run(self, root: Element) -> None:
        render.untangle(root)
        path = here.strip(self.page.book, self.page.name)
        if path is not None:
            root.insert(0, path)
        if not self.page.walks:
            return
        at = 0
        for place, element in enumerate(root):
            if element.tag == "h1":
                at = place + 1
                break
        root.insert(at, render.strip(self.page.walks))
