"""Every page of the book, looked at once, and what must hold of each.

A page is loaded a single time, in one window that is made narrow and wide,
light and dark; the tests read what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from book.weave import here, minutes
from book.weave.back import ways
from book.weave.pages import Book
from tests.book.opening import ROOT, Open

WIDTHS = (390, 768, 1024, 1280)
# Paper and ink as the browser has them, by the sum of red, green and blue.
GREY = 3 * 128

# A page of each type: the index, pictures, walks with a player, a story, a
# table that the build makes, the sheet, a brief, a list of words.
TYPES = (
    "index", "one-write", "transfer", "split-votes", "messages",
    "cheatsheet", "lab1", "glossary", "matrix",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What a page showed.

    Attributes:
        said: What the console said.
        grounds: How light the paper is, light and dark.
        widths: How wide the page came out, by the width of the window.
        walks: Each walk with its height and that of its code.
    """

    said: list[str] = field(default_factory=list)
    grounds: list[int] = field(default_factory=list)
    widths: dict[int, int] = field(default_factory=dict)
    walks: list[tuple[str, int, int]] = field(default_factory=list)


def ground(page: Page, scheme: str) -> int:
    colour = page.evaluate(
        """scheme => {
          document.body.setAttribute("data-md-color-scheme", scheme);
          return getComputedStyle(document.body).backgroundColor;
        }""",
        scheme,
    )
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


@pytest.fixture(scope="module")
def seen(
    browser: Browser, site: Path, pages: list[str]
) -> Iterator[dict[str, Seen]]:
    """Every page, looked at."""
    # Colours change at once for whoever wants no motion.
    context = browser.new_context(offline=True, reduced_motion="reduce")
    context.set_default_navigation_timeout(60_000)
    found: dict[str, Seen] = {}
    for name in pages:
        page = context.new_page()
        look = found[name] = Seen()
        page.on("console", lambda m, k=look: k.said.append(m.text))
        page.on("pageerror", lambda e, k=look: k.said.append(str(e)))
        page.on("requestfailed", lambda r, k=look: k.said.append(r.url))
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        page.goto(f"{site.as_uri()}/{name}")
        # What is folded away has no height until it is opened.
        page.evaluate(
            """() => document.querySelectorAll("details.wv-fold")
              .forEach(fold => fold.open = true)"""
        )
        look.walks = page.evaluate(
            """() => [...document.querySelectorAll(".wv-code")].map(code => [
              code.parentElement.id,
              code.offsetHeight,
              [...code.querySelectorAll(".wv-lines")]
                .reduce((sum, lines) => sum + lines.offsetHeight, 0)])"""
        )
        for width in reversed(WIDTHS):
            page.set_viewport_size({"width": width, "height": 900})
            look.widths[width] = page.evaluate(
                "document.documentElement.scrollWidth"
            )
        look.grounds = [ground(page, "default"), ground(page, "slate")]
        page.close()
    yield found
    context.close()


def test_no_page_complains(seen: dict[str, Seen]) -> None:
    assert {n: look.said for n, look in seen.items() if look.said} == {}


def test_pages_are_light_and_dark(seen: dict[str, Seen]) -> None:
    for name, look in seen.items():
        light, dark = look.grounds
        assert light > GREY > dark, name


def test_nothing_sticks_out(seen: dict[str, Seen]) -> None:
    wide = {
        (name, width): came
        for name, look in seen.items()
        for width, came in look.widths.items()
        if came > width
    }
    assert wide == {}


def test_a_closed_walk_is_hardly_taller_than_its_code(
    seen: dict[str, Seen],
) -> None:
    tall = {
        symbol: f"{height / lines:.2f}"
        for look in seen.values()
        for symbol, height, lines in look.walks
        if height > 1.5 * lines
    }
    assert tall == {}
    assert sum(len(look.walks) for look in seen.values()) > 300


@pytest.mark.parametrize("name", TYPES)
def test_axe_finds_no_serious_fault(open_page: Open, name: str) -> None:
    page = open_page(f"{name}.html")
    found = Axe().run(
        page,
        options={
            "resultTypes": ["violations"],
            # A file may not read its styles; the browser applies them.
            "preload": False,
            "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
        },
    )
    faults = [
        f"{fault['id']}: {node['target']} {node['html'][:90]}"
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"][:3]
    ]
    assert faults == []


# ---- From page to page -------------------------------------------------------


def test_each_page_leads_on_to_the_next(site: Path) -> None:
    order = [n.replace(".md", ".html") for n in here.order(ROOT)]
    assert order[0] == "index.html"
    on = re.compile(r'<a href="([^"]+)" class="md-footer__link[^"]*--next"')
    for name, after in zip(order, [*order[1:], None], strict=True):
        found = on.search((site / name).read_text(encoding="utf-8"))
        assert (found[1] if found else None) == after, name


def test_every_page_is_on_the_index(site: Path, pages: list[str]) -> None:
    html = (site / "index.html").read_text(encoding="utf-8")
    for name in pages:
        assert f'href="{name}"' in html or name == "index.html", name


def test_every_link_within_the_book_leads_somewhere(
    site: Path, pages: list[str]
) -> None:
    texts = {name: (site / name).read_text(encoding="utf-8") for name in pages}
    ids = {
        name: set(re.findall(r'\bid="?([^"\s>]+)', text))
        for name, text in texts.items()
    }
    link = re.compile(r'\bhref="([\w./-]*\.html)?(?:#([^"]*))?"')
    lost = set()
    for name, text in texts.items():
        for there, anchor in set(link.findall(text)):
            target = there or name
            if target not in ids:
                lost.add(f"{name}: {there}")
            elif anchor and unescape(anchor) not in ids[target]:
                lost.add(f"{name}: {there}#{anchor}")
    assert lost == set()


def test_no_link_stands_in_a_link(site: Path, pages: list[str]) -> None:
    nested = re.compile(r"<a\b[^>]*>(?:(?!</a>).)*?<a\b", re.DOTALL)
    for name in pages:
        html = (site / name).read_text(encoding="utf-8")
        found = nested.search(html)
        assert found is None, f"{name}: {found[0][:200] if found else ''}"


def test_no_page_is_over_a_megabyte(site: Path, pages: list[str]) -> None:
    big = {n: (site / n).stat().st_size for n in pages}
    assert {n: size for n, size in big.items() if size > 1 << 20} == {}


# ---- What pages say of themselves --------------------------------------------

BOOK = Book()


def test_minutes_are_about_right() -> None:
    """What a page says it takes is near what was measured, whole or not."""
    wrong = {}
    for page in BOOK.pages:
        told = minutes.said(page.text)
        if told is None or page.generated:
            continue
        by = minutes.measured(BOOK.root, page)
        near = by / 2.5 <= told.whole <= 2.5 * by
        if not near or told.key > told.whole:
            wrong[page.name] = f"says {told.whole}, measured {by:.0f}"
    assert wrong == {}


def test_every_chapter_says_how_long_it_takes() -> None:
    silent = [
        name
        for part in here.parts(ROOT)
        if part.title not in (ways.BACK, ways.LABS)
        for name in part.pages
        if name != "index.md"
        and not minutes.said((BOOK.folder / name).read_text("utf-8"))
    ]
    assert silent == []
