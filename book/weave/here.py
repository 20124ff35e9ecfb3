"""You are here: the part of the book as a path, and the roles in question.

The parts and their order are those of the navigation in `mkdocs.yml`, the one
place that has them. In the part about the day each page of the path is an act
or what belongs to it. The roles that a chapter is about are lit in a small
copy of the diagram.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, SubElement

import yaml  # type: ignore[import-untyped]

from book.weave.page import title_of
from book.weave.pages import Book
from book.weave.roles import ROLES

NAV = "mkdocs.yml"
THREAD = "one-day"

# Whom a chapter of the day is about.
ABOUT = {
    "boot.md": "F",
    "becoming.md": "FPCL",
    "elections.md": "FPC",
    "write.md": "FL",
    "commit.md": "L",
    "leading.md": "FL",
    "failover.md": "FL",
    "snapshots.md": "FL",
    "membership.md": "L",
    "reads.md": "FL",
    "transfer.md": "FCL",
    "step.md": "FPCL",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the book.

    Attributes:
        title: What it is called; empty for a page that stands alone.
        pages: Its pages in order.
    """

    title: str
    pages: tuple[str, ...]


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Passes over the tags that only mkdocs knows."""


_Loader.add_multi_constructor("", lambda loader, tag, node: None)


def parts(root: Path) -> tuple[Part, ...]:
    """Returns the parts of the book in its order; none if it has no order."""
    file = root / NAV
    if not file.is_file():
        return ()
    return _parts(file.read_text(encoding="utf-8"))


@lru_cache(maxsize=4)
def _parts(text: str) -> tuple[Part, ...]:
    nav = yaml.load(text, _Loader).get("nav") or []
    return tuple(_part(entry) for entry in nav)


def _part(entry: object) -> Part:
    if isinstance(entry, dict):
        ((title, below),) = entry.items()
        if isinstance(below, list):
            return Part(str(title), tuple(_pages(below)))
        return Part("", (str(below),))
    return Part("", (str(entry),))


def _pages(entries: Sequence[object]) -> list[str]:
    """Returns the pages below a heading, those of inner headings too."""
    found: list[str] = []
    for entry in entries:
        if isinstance(entry, dict):
            for below in entry.values():
                inner = below if isinstance(below, list) else [below]
                found += _pages(inner)
        else:
            found.append(str(entry))
    return found


def order(root: Path) -> tuple[str, ...]:
    """Returns all pages in the book's order."""
    return tuple(name for part in parts(root) for name in part.pages)


def strip(book: Book, page: str) -> Element | None:
    """Returns the path of the page's part, or nothing if it has none."""
    part = next((p for p in parts(book.root) if page in p.pages), None)
    if part is None or not part.title:
        return None
    texts = {p.name: p.text for p in book.pages}
    nav = Element(
        "nav",
        {
            "class": "wv-here",
            "aria-label": "Where you are",
            "data-search-exclude": "",
        },
    )
    name = SubElement(nav, "span", {"class": "wv-part"})
    name.text = part.title
    path = SubElement(nav, "ol", {"class": "wv-path"})
    folder = PurePosixPath(page).parent.as_posix()
    for other in part.pages:
        stop = SubElement(path, "li")
        title = title_of(texts.get(other, "")) or other
        address = posixpath.relpath(other, folder)
        link = SubElement(stop, "a", {"href": address, "title": title})
        if other == page:
            link.set("aria-current", "page")
        SubElement(link, "span").text = title
    if said := _act(book, page):
        SubElement(nav, "span", {"class": "wv-act"}).text = said
    if page in ABOUT:
        nav.append(_thumbnail(ABOUT[page]))
    return nav


def _act(book: Book, page: str) -> str:
    """Says which acts of the day a page plays."""
    played = {
        scene.act
        for p in book.pages
        if p.name == page
        for scene in p.scenes
        if scene.name == THREAD and scene.act
    }
    numbers = ", ".join(str(n) for n in sorted(played))
    return f"act {numbers}" if numbers else ""


def _thumbnail(letters: str) -> Element:
    """Returns the four roles in a row, those in question lit."""
    lit = [role.name.lower() for role in ROLES if role.letter in letters]
    svg = Element(
        "svg",
        {
            "class": "wv-thumb",
            "viewBox": "0 0 150 24",
            "width": "150",
            "height": "24",
            "role": "img",
            "aria-label": f"About: {', '.join(lit)}",
        },
    )
    for place, role in enumerate(ROLES):
        x = 2 + place * 40
        if place:
            edge = {"class": "wv-edge", "d": f"M{x - 13} 12 h10"}
            SubElement(svg, "path", edge)
            SubElement(svg, "path", {"d": f"M{x - 5} 9 l4 3 -4 3z"})
        style = f"wv-{role.style}" if role.letter in letters else "wv-unlit"
        group = SubElement(svg, "g", {"class": style})
        box = {"x": str(x), "y": "3", "width": "26", "height": "18", "rx": "9"}
        SubElement(group, "rect", box)
        word = SubElement(group, "text", {"x": str(x + 13), "y": "16"})
        word.text = role.letter
    return svg
