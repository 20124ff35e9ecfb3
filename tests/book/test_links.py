"""Links lead to what they say: a quoted line, lines of one Go function."""

from __future__ import annotations

import re

import pytest

from book.weave import facts, python
from book.weave.page import Page
from book.weave.pages import Book

LINK = re.compile(r'\]\(([\w-]+\.md)#([\w.]+)\.(\d+)\s+"([^"]+)"\)')

BOOK = Book()
WALKS = {
    (page.name, walk.symbol.id): walk.symbol
    for page in BOOK.pages
    for walk in page.walks
}
LINKS = [
    (page.name, *m.groups())
    for page in BOOK.pages
    for m in LINK.finditer(page.text)
]


@pytest.mark.parametrize(("page", "home", "id", "line", "quoted"), LINKS)
def test_the_line_is_the_one_quoted(
    page: str, home: str, id: str, line: str, quoted: str
) -> None:
    symbol = WALKS[home, id]
    number = symbol.lines[int(line) - 1]
    text = python.read(BOOK.root, symbol.path).text[number - 1]
    assert quoted in text, f"{page} means {text.strip()}"


# In prose; the ranges of notes are the build's to check.
GO = re.compile(r"(?<!@ )`([a-z_/]+\.go):(\d+)-(\d+)`")
FILES = facts.load()


@pytest.mark.parametrize("page", BOOK.pages, ids=lambda page: page.name)
def test_a_range_of_go_ends_with_what_it_is_about(page: Page) -> None:
    for name, *ends in GO.findall(page.text):
        if (known := FILES.get(name)) is None:
            continue
        first, last = map(int, ends)
        assert first < last <= known.lines
        inside = [i for i in known.items if i.first <= first <= i.last]
        beyond = all(i.last < last for i in inside)
        elsewhere = any(i.first <= last <= i.last for i in known.items)
        assert not (inside and beyond) or elsewhere, (
            f"{page.name}: {name}:{first}-{last} ends behind"
            f" {inside[-1].name}, at {inside[-1].last}"
        )
