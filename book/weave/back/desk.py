"""What every maker works with: the book, and links into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from re import compile

from book.weave import golang
from book.weave.golang import GoRange
from book.weave.page import title_of
from book.weave.pages import Book
from book.weave.pins import Pins, pins
from book.weave.place import WovenWalk
from book.weave.uses import Index, index

# Where a long name may be broken: after a dot, before an underscore.
_SEAM = compile(r"(?<=\.)(?=\w)|(?<=[a-z0-9])(?=_[a-z])")
_TICKED = compile(r"`+([^`]+)`+")


class Desk:
    """The book as seen from the page that is being made.

    Args:
        book: All pages.
        walked: Every walk of the book, with the link to it from this page,
            as the generator's Markdown wants it.
    """

    def __init__(
        self, book: Book, walked: Iterable[tuple[str, WovenWalk]]
    ) -> None:
        self.book = book
        # Nobody but Markdown turns names of sources into those of pages.
        self._walked = [
            (link.replace(".md#", ".html#"), woven) for link, woven in walked
        ]

    @cached_property
    def _walks(self) -> dict[tuple[str, str], str]:
        return {
            (woven.symbol.path, woven.symbol.name): href
            for href, woven in self._walked
        }

    @cached_property
    def _lines(self) -> dict[tuple[str, int], str]:
        # A line's anchor is its symbol's, and its place in the symbol.
        return {
            (woven.symbol.path, n): f"{href}.{place}"
            for href, woven in self._walked
            for place, n in enumerate(woven.symbol.lines, 1)
        }

    @cached_property
    def uses(self) -> Index:
        """Who uses what in the port."""
        return index(self.root)

    @cached_property
    def pins(self) -> Pins:
        """Which tests hold what."""
        return pins(self.root)

    @property
    def root(self) -> Path:
        """The repository."""
        return self.book.root

    @cached_property
    def titles(self) -> dict[str, str]:
        """The title of each page, by the address of its HTML."""
        return {
            page.name.replace(".md", ".html"): title_of(page.text)
            for page in self.book.pages
        }

    def walk(self, path: str, name: str) -> str:
        """Returns the address of a symbol's walk, or nothing.

        A method that has no walk of its own is in its class's, if that has.
        """
        return self._walks.get((path, name), "")

    def line(self, path: str, number: int) -> str:
        """Returns the address of a line in the walk that shows it."""
        return self._lines.get((path, number), "")

    def chapter(self, href: str) -> tuple[str, str]:
        """Returns the address and the title of the page of an address."""
        page = href.partition("#")[0]
        return page, self.titles.get(page, "")

    def python(self, path: str, name: str) -> str:
        """Returns a symbol as HTML: a link to its walk, if it has one."""
        return code(name, self.walk(path, name))

    def at(self, path: str, number: int) -> str:
        """Returns a line's place as HTML, linked if a walk shows it."""
        return code(f"{path}:{number}", self.line(path, number))


def said(text: str) -> str:
    """Returns a line of Markdown as HTML, as far as docstrings use it."""
    return _TICKED.sub(r"<code>\1</code>", escape(text, quote=False))


def code(text: str, href: str = "") -> str:
    """Returns text as code, and as a link if it leads anywhere."""
    shown = f"<code>{_SEAM.sub('<wbr>', escape(text))}</code>"
    return f'<a href="{escape(href)}">{shown}</a>' if href else shown


def go(ranges: Sequence[GoRange], text: str = "") -> str:
    """Returns Go lines as HTML, each range a link to the pinned tag."""
    if text and len(ranges) == 1:
        return f'<a class="wv-goref" href="{ranges[0].url}">{escape(text)}</a>'
    return ", ".join(
        f'<a class="wv-goref" href="{r.url}"><code>{golang.say([r])}</code>'
        "</a>"
        for r in ranges
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table; its cells are HTML already."""
    head = "".join(f"<th>{h}</th>" for h in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table>"
    )
