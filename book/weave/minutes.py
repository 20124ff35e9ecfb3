"""How long a page takes: what it says of itself, and a measure of it.

A chapter says on top how many minutes it takes, whole and by its key notes.
The index adds these up. So that they are not made up, there is a measure: the
words at the pace at which one reads what has to be understood, the code line
by line, and the steps of a scenario one after another. A test holds the one to
the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from book.weave import scenes
from book.weave.page import Page

WORDS = 125
DOCSTRING_WORDS = 250
CODE_LINES = 25
STEPS = 5

_SAID = re.compile(
    r"[Aa]bout (?P<whole>\d+)\s+minutes"
    r"(?:;\s+(?P<key>\d+)\s+by\s+the\s+key\s+notes)?"
)
_BLOCK = re.compile(r"^::: .*?^:::\s*?$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HIDDEN = re.compile(r"\]\([^)]*\)|<[^>]*>|\A---.*?^---", re.M | re.DOTALL)
_WORD = re.compile(r"[A-Za-z][\w'’-]*")


@dataclass(frozen=True, slots=True)
class Minutes:
    """How long a page takes.

    Attributes:
        whole: To read all of it.
        key: To read it by its key notes; the same, if it has none.
    """

    whole: int
    key: int


def said(text: str) -> Minutes | None:
    """Returns what a page says of itself, or nothing."""
    found = _SAID.search(text)
    if not found:
        return None
    whole = int(found["whole"])
    return Minutes(whole, int(found["key"] or whole))


def words(text: str) -> int:
    """Returns how many words of prose a page has besides its blocks."""
    for left_out in (_HIDDEN, _BLOCK, _CODE):
        text = left_out.sub(" ", text)
    return len(_WORD.findall(text))


def measured(root: Path, page: Page) -> float:
    """Returns about how many minutes a page takes, all notes opened."""
    notes = code = told = 0
    for woven in page.walks:
        told += len(_WORD.findall(woven.symbol.doc))
        code += sum(map(woven.source.is_code, woven.symbol.lines))
        notes += sum(
            len(_WORD.findall(" ".join(placed.note.blocks)))
            for placed in woven.placed
        )
    steps = sum(
        act.last - act.first
        for scene in page.scenes
        for act in scenes.acts(root, scene)
    )
    return (
        (words(page.text) + notes) / WORDS
        + told / DOCSTRING_WORDS
        + code / CODE_LINES
        + steps / STEPS
    )
