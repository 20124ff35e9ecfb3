"""The index: three ways through the book, and everything that is in it.

The parts and pages are those of the navigation, the minutes those that the
pages say of themselves, so that a new page is on the index at once and every
sum is a sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from book.weave import here, minutes
from book.weave.back.desk import Desk
from book.weave.page import title_of

DAY = "A day in the life of a cluster"
BACK = "Back matter"
LABS = "Labs"
FIRST = "lab1.md"  # the first in which something is built
SHEET = "cheatsheet.md"

# How to read a page: all of it, or by its key notes.
WHOLE, KEY = "whole", "by its key notes"
HOUR = (
    ("one-write.md", WHOLE),
    ("becoming.md", KEY),
    ("commit.md", KEY),
    (SHEET, WHOLE),
)

_SENTENCE = re.compile(r"\s+")


def weekend(desk: Desk) -> list[tuple[str, str]]:
    """Returns what fits into a weekend, and how to read it."""
    day = [name for part in _parts(desk, DAY) for name in part.pages]
    first = _first_lab(desk)
    stops = [(name, KEY) for name in (*day, "node.md")]
    return [*stops, *((name, WHOLE) for name in first)]


def _first_lab(desk: Desk) -> list[str]:
    return [n for part in _parts(desk, LABS) for n in part.pages if n == FIRST]


def _parts(desk: Desk, title: str) -> list[here.Part]:
    return [p for p in here.parts(desk.root) if p.title == title]


def takes(desk: Desk, name: str, how: str = WHOLE) -> int:
    """Returns how many minutes a page takes; 0 if it does not say."""
    for page in desk.book.pages:
        if page.name == name and (said := minutes.said(page.text)):
            return said.key if how == KEY else said.whole
    return 0


def hours(total: int) -> str:
    """Returns minutes as one says them."""
    if total < 100:
        return f"{total} minutes"
    half, odd = divmod(round(total / 30), 2)
    return f"{half}{'½' if odd else ''} hours"


def make(desk: Desk) -> Iterator[str]:
    """Yields the three ways."""
    yield "### One hour"
    yield (
        "What Raft does, and some of the code that does it. "
        + _total(desk, HOUR)
    )
    yield _list(desk, HOUR)
    yield "### A weekend"
    yield (
        "All of `raft.go` by the key notes, the task around it, and a first "
        "exercise. Afterwards you can find each rule of the paper in the "
        "code, and know what etcd has added. " + _total(desk, weekend(desk))
    )
    yield _list(desk, weekend(desk))
    yield "### Three weeks"
    everything = [
        (name, WHOLE)
        for part in here.parts(desk.root)
        if part.title != BACK
        for name in part.pages
    ]
    labs = (
        "; after each part do the labs that go with it, before you read on"
        if _parts(desk, LABS)
        else ""
    )
    yield (
        "Everything, a chapter an evening and no more, in the order below"
        f"{labs}. Change a line of the port, guess which test will fail, and "
        "run them. Afterwards you can open `raft.go` at any line and say why "
        f"it is there. {_total(desk, everything)}"
    )


def _total(desk: Desk, stops: Sequence[tuple[str, str]]) -> str:
    total = sum(takes(desk, name, how) for name, how in stops)
    return f"**{hours(total)}** of reading."


def _list(desk: Desk, stops: Sequence[tuple[str, str]]) -> str:
    rows = []
    for name, how in stops:
        said = _minutes(takes(desk, name, how))
        manner = f" {how}" if how == KEY else ""
        rows.append(f"<li>{_link(desk, name)}{manner}{said}</li>")
    return f'<ol class="wv-way">{"".join(rows)}</ol>'


def _minutes(number: int) -> str:
    return f' <span class="wv-min">{number} min</span>' if number else ""


def _link(desk: Desk, name: str) -> str:
    title = desk.titles.get(name.replace(".md", ".html")) or name
    address = name.replace(".md", ".html")
    return f'<a href="{address}">{escape(title, quote=False)}</a>'


def contents(desk: Desk) -> Iterator[str]:
    """Yields every page of the book, with a word on it, part by part."""
    texts = {page.name: page.text for page in desk.book.pages}
    rows = []
    for part in here.parts(desk.root):
        pages = [name for name in part.pages if name != "index.md"]
        if not pages:
            continue
        if part.title:
            total = sum(takes(desk, name) for name in pages)
            said = f" {hours(total)}" if total else ""
            rows.append(
                f'<tr class="wv-part-row"><th colspan="2" scope="rowgroup">'
                f"{escape(part.title)}</th><td>{said.strip()}</td></tr>"
            )
        for name in pages:
            number = takes(desk, name)
            rows.append(
                f"<tr><td>{_link(desk, name)}</td>"
                f"<td>{escape(_about(texts.get(name, '')), quote=False)}</td>"
                f"<td>{f'{number} min' if number else ''}</td></tr>"
            )
    yield f"<table><tbody>{''.join(rows)}</tbody></table>"


def _about(text: str) -> str:
    """Returns what a page says of itself in its head, its first sentence."""
    found = re.search(
        r"^description:(?: >-)?\s*(.+?)(?=^\S)", text, re.M | re.DOTALL
    )
    said = _SENTENCE.sub(" ", found[1]).strip() if found else ""
    first = re.match(r"(.+?[.!?])(?: |$)", said)
    return first[1] if first else said or title_of(text)
