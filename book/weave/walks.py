"""The blocks of a page, walks, figures and the like, read into values.

Nothing here knows Python, Go or HTML. The grammar is the one shown in the
package's docstring, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from book.weave.problems import Refused

_OPEN = re.compile(
    r"^::: (?P<kind>walk|figure|scenario|generated|transitions)\b"
    r"(?P<rest>.*)$"
)
_CLOSE = re.compile(r"^:::\s*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_TARGET = re.compile(r"^ (?P<path>\S+\.py) (?P<name>\S+)$")
_SCENE = re.compile(r"^ (?P<name>[\w-]+)(?: act=(?P<act>\d+))?\s*$")
_FAMILY = re.compile(r"^ family=(?P<name>[\w-]+)\s*$")
_NOTE = re.compile(
    r"^- (?P<key>! )?"
    r"(?P<ticks>`+)(?P<anchor>.+?)(?P=ticks)"
    r"(?: #(?P<repeat>\d+))?"
    r"(?: @ `(?P<go>[^`]+)`)?"
    r":(?: (?P<text>.*))?$"
)
_EVIDENCE = re.compile(r"^Evidence: (?P<list>.+?)\.?$", re.DOTALL)
_LOOSE = re.compile(r"(?:e\.g|i\.e|cf|vs|etc|No|Fig|Sec)\.$")
_STOP = re.compile(r"[.!?][)\"'”’*_]*(?=\s|$)")
_HELD = re.compile(r"(`+).+?\1|\[[^\]]*\]\([^)]*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Note:
    """One note as its author wrote it.

    Attributes:
        line: The line of the page that it starts on.
        anchor: Text of the Python code where it begins.
        repeat: Which match of the anchor is meant, from 1.
        go: The Go lines as written, or `""`.
        key: Whether it is one of the few that carry the function.
        blocks: Its paragraphs, as Markdown.
        evidence: What it rests on, as written.
    """

    line: int
    anchor: str
    repeat: int
    go: str
    key: bool
    blocks: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def opening(self) -> str:
        """The first sentence: all that a closed note shows."""
        return first_sentence(self.blocks[0])[0]

    @property
    def rest(self) -> tuple[str, ...]:
        """What opens: the rest of the first paragraph, and the others."""
        tail = first_sentence(self.blocks[0])[1]
        return ((tail,) if tail else ()) + self.blocks[1:]


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk as its author wrote it: the symbol, and notes in order.

    Attributes:
        first: The line of the page with the opening `:::`.
        last: The line with the closing one.
        path: The Python file.
        name: The symbol in it.
        notes: The notes.
    """

    first: int
    last: int
    path: str
    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as its author wrote it.

    Attributes:
        first: The line of the page with the opening `:::`.
        last: The line with the closing one.
        name: Which figure.
        caption: What to see in it, as Markdown.
    """

    first: int
    last: int
    name: str
    caption: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A scenario, or an act of one, as its author wrote it.

    Attributes:
        first: The line of the page with the opening `:::`.
        last: The line with the closing one.
        name: The script, without folder and ending.
        act: Which act of it; 0 for all of it.
        caption: What to see in it, as Markdown.
    """

    first: int
    last: int
    name: str
    act: int
    caption: str


@dataclass(frozen=True, slots=True)
class Generated:
    """What the build makes of data and code, in place of the block.

    Attributes:
        first: The line of the page with the opening `:::`.
        last: The line with the closing one.
        name: Which one.
    """

    first: int
    last: int
    name: str


@dataclass(frozen=True, slots=True)
class Transitions:
    """A family of transitions, as far as it is at home on a page.

    Attributes:
        first: The line of the page with the opening `:::`.
        last: The line with the closing one.
        family: Which family.
        caption: What to see in its diagram, as Markdown; may be empty.
    """

    first: int
    last: int
    family: str
    caption: str


Block = Walk | Figure | Scene | Generated | Transitions


class Misread(Refused):
    """A block that is not written as a walk; it knows its line."""

    def __init__(self, line: int, what: str, fix: str) -> None:
        super().__init__(what, fix)
        self.line = line


def read(lines: Sequence[str]) -> Iterator[Block | Misread]:
    """Yields the blocks of a page in order, and what cannot be read.

    Fenced code is passed over, so that a page can show what a walk is.
    """
    fence: str | None = None
    at = 0
    while at < len(lines):
        mark = _FENCE.match(lines[at])
        if mark and (fence is None or mark[1].startswith(fence)):
            fence = mark[1] if fence is None else None
        opened = _OPEN.match(lines[at]) if fence is None else None
        if not opened:
            at += 1
            continue
        end = at + 1
        while end < len(lines) and not _CLOSE.match(lines[end]):
            end += 1
        kind = opened["kind"]
        try:
            if end == len(lines):
                what = f"the {kind} never ends"
                raise Misread(at + 1, what, "close it with `:::`")
            if kind == "walk":
                yield _walk(lines, at, end, opened["rest"])
            elif kind == "scenario":
                yield _scene(lines, at, end, opened["rest"])
            elif kind == "transitions":
                yield _transitions(lines, at, end, opened["rest"])
            elif kind == "generated":
                name = opened["rest"].strip()
                yield Generated(at + 1, end + 1, name)
            else:
                caption = " ".join(lines[at + 1 : end]).strip()
                name = opened["rest"].strip()
                yield Figure(at + 1, end + 1, name, caption)
        except Misread as wrong:
            yield wrong
        at = end + 1


def first_sentence(text: str) -> tuple[str, str]:
    """Splits a paragraph after its first sentence.

    A stop inside code or inside a link does not end a sentence.
    """
    held = [range(*m.span()) for m in _HELD.finditer(text)]
    for stop in _STOP.finditer(text):
        if any(stop.start() in span for span in held):
            continue
        if _LOOSE.search(text[: stop.start() + 1]):
            continue
        return text[: stop.end()].strip(), text[stop.end() :].strip()
    return text.strip(), ""


def _scene(lines: Sequence[str], start: int, end: int, rest: str) -> Scene:
    target = _SCENE.match(rest)
    if not target:
        raise Misread(
            start + 1,
            f"::: scenario{rest} names no scenario",
            "write `::: scenario one-day act=2`, or a name alone",
        )
    caption = " ".join(lines[start + 1 : end]).strip()
    act = int(target["act"] or 0)
    return Scene(start + 1, end + 1, target["name"], act, caption)


def _transitions(
    lines: Sequence[str], start: int, end: int, rest: str
) -> Transitions:
    target = _FAMILY.match(rest)
    if not target:
        raise Misread(
            start + 1,
            f"::: transitions{rest} names no family",
            "write `::: transitions family=role`",
        )
    caption = " ".join(lines[start + 1 : end]).strip()
    return Transitions(start + 1, end + 1, target["name"], caption)


def _walk(lines: Sequence[str], start: int, end: int, rest: str) -> Walk:
    target = _TARGET.match(rest)
    if not target:
        raise Misread(
            start + 1,
            f"::: walk{rest} names no symbol",
            "write `::: walk port/raft.py Raft.become_follower`",
        )
    notes: list[Note] = []
    at = start + 1
    while at < end:
        if not lines[at].strip():
            at += 1
            continue
        stop = at + 1
        while stop < end and (
            not lines[stop].strip() or lines[stop].startswith("  ")
        ):
            stop += 1
        notes.append(_note(lines[at:stop], at + 1))
        at = stop
    path, name = target["path"], target["name"]
    return Walk(start + 1, end + 1, path, name, tuple(notes))


def _note(lines: Sequence[str], number: int) -> Note:
    head = _NOTE.match(lines[0])
    if not head:
        raise Misread(
            number,
            f"this is no note: {lines[0][:50]}",
            "write ``- `anchor` @ `raft.go:892`: text``, and indent what "
            "follows by two spaces",
        )
    body = "\n".join([head["text"] or "", *(s[2:] for s in lines[1:])])
    blocks = [b.strip("\n") for b in re.split(r"\n\s*\n", body) if b.strip()]
    evidence: tuple[str, ...] = ()
    if blocks and (found := _EVIDENCE.match(blocks[-1].strip())):
        blocks.pop()
        evidence = tuple(
            " ".join(e.split()) for e in found["list"].split(";") if e.strip()
        )
    if not blocks:
        raise Misread(number, "the note says nothing", "say why, or drop it")
    return Note(
        line=number,
        anchor=head["anchor"].strip(),
        repeat=int(head["repeat"] or 1),
        go=head["go"] or "",
        key=bool(head["key"]),
        blocks=tuple(blocks),
        evidence=evidence,
    )
