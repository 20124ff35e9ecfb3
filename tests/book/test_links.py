"""A link into a walk that quotes the line it leads to leads to that line."""

from __future__ import annotations

import re

import pytest

from book.weave import python
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
