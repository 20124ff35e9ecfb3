"""Puts the notes of a walk on their lines, or says why it cannot.

A note starts on the line where its anchor matches, and takes in the comment
right above. It runs to where the next note starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from book.weave import golang, python
from book.weave.golang import GoRange
from book.weave.problems import Problem, Refused
from book.weave.python import Source, Symbol
from book.weave.sources import Evidence, Sources
from book.weave.walks import Note, Walk

MOST_CODE = 12
MOST_GO = 25
LONGEST_OPENING = 130


@dataclass(frozen=True, slots=True)
class Placed:
    """A note on its lines.

    Attributes:
        note: The note.
        lines: The real numbers of its lines, in order.
        go: The Go lines that it speaks of.
        evidence: What it rests on, resolved.
    """

    note: Note
    lines: tuple[int, ...]
    go: tuple[GoRange, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class WovenWalk:
    """A walk with everything found that it names.

    Attributes:
        walk: The walk as written.
        source: The Python file.
        symbol: The symbol that it explains.
        bare: The lines before the first note.
        placed: The notes in order.
    """

    walk: Walk
    source: Source
    symbol: Symbol
    bare: tuple[int, ...]
    placed: tuple[Placed, ...]


class _Text:
    """The symbol's code as one string, every run of blanks one space."""

    def __init__(self, source: Source, symbol: Symbol) -> None:
        self.words: list[str] = []
        self.starts: list[tuple[int, int]] = []
        at = 0
        for number in symbol.lines:
            line = " ".join(source.line(number).split())
            if line:
                self.starts.append((at, number))
                self.words.append(line)
                at += len(line) + 1
        self.text = " ".join(self.words)

    def line_at(self, position: int) -> int:
        return [n for start, n in self.starts if start <= position][-1]

    def find(self, anchor: str, repeat: int, after: int) -> int:
        """Returns where the match begins, or -1."""
        at = after - 1
        for _ in range(repeat):
            at = self.text.find(anchor, at + 1)
            if at < 0:
                return -1
        return at


def weave(
    walk: Walk, page: str, root: Path, shelf: Sources
) -> tuple[WovenWalk | None, list[Problem]]:
    """Finds everything that a walk names.

    Args:
        walk: The walk as written.
        page: The name of its page, for problems.
        root: The root of the repository.
        shelf: Resolves evidence.

    Returns:
        The walk with its notes on their lines, and every problem with it;
        `None` in place of the walk if its symbol is unknown.
    """
    try:
        source = python.read(root, walk.path)
        symbol = source.symbol(walk.name)
    except Refused as wrong:
        return None, [wrong.at(page, walk.first)]
    problems: list[Problem] = []
    starts: list[tuple[Note, int]] = []
    text = _Text(source, symbol)
    after = 0
    for note in walk.notes:
        try:
            start, after = _start(note, text, after, starts)
        except Refused as wrong:
            problems.append(wrong.at(page, note.line))
            continue
        starts.append((note, _with_comment(start, source, symbol, starts)))
    placed: list[Placed] = []
    bounds = [start for _, start in starts] + [symbol.lines[-1] + 1]
    for (note, start), end in zip(starts, bounds[1:], strict=True):
        lines = tuple(n for n in symbol.lines if start <= n < end)
        try:
            placed.append(_placed(note, lines, source, symbol, shelf))
        except Refused as wrong:
            problems.append(wrong.at(page, note.line))
    first = starts[0][1] if starts else symbol.lines[-1] + 1
    bare = tuple(n for n in symbol.lines if n < first)
    return WovenWalk(walk, source, symbol, bare, tuple(placed)), problems


def line_of(woven: WovenWalk, anchor: str) -> str:
    """Returns the id of the line on which `anchor` begins.

    Args:
        woven: The walk that shows it.
        anchor: Text of the code; the first match counts.

    Raises:
        Refused: it is nowhere in the code.
    """
    text = _Text(woven.source, woven.symbol)
    at = text.find(" ".join(anchor.split()), 1, 0)
    if at < 0:
        raise Refused(
            f"`{anchor}` is nowhere in the code of {woven.symbol.name}",
            "copy the anchor from the code as it is now",
        )
    return woven.symbol.line_id(text.line_at(at))


def _start(
    note: Note, text: _Text, after: int, starts: list[tuple[Note, int]]
) -> tuple[int, int]:
    anchor = " ".join(note.anchor.split())
    at = text.find(anchor, note.repeat, after)
    if at >= 0:
        start = text.line_at(at)
        if starts and text.line_at(after - 1) >= start:
            raise Refused(
                f"two notes start on line {start}: `{note.anchor}`",
                "join them, or let the later one start on a later line",
            )
        return start, at + len(anchor)
    earlier = text.text.find(anchor)
    if earlier < 0:
        raise Refused(
            f"`{note.anchor}` is nowhere in the code",
            "copy the anchor from the code as it is now",
        )
    if note.repeat > 1:
        raise Refused(
            f"`{note.anchor}` #{note.repeat} is one too many",
            "count its matches after the note before",
        )
    raise Refused(
        f"out of order: `{note.anchor}` is on line {text.line_at(earlier)}, "
        "before the note above",
        "put the notes in the order of the code",
    )


def _with_comment(
    start: int, source: Source, symbol: Symbol, starts: list[tuple[Note, int]]
) -> int:
    floor = starts[-1][1] if starts else 0
    here = symbol.lines.index(start)
    while here > 0:
        above = symbol.lines[here - 1]
        is_comment = source.line(above).strip().startswith("#")
        if not is_comment or above <= floor:
            break
        here -= 1
    return symbol.lines[here]


def _placed(
    note: Note,
    lines: tuple[int, ...],
    source: Source,
    symbol: Symbol,
    shelf: Sources,
) -> Placed:
    code = [n for n in lines if source.is_code(n)]
    if len(code) > MOST_CODE:
        raise Refused(
            f"the note covers {len(code)} lines of code, {lines[0]} to "
            f"{lines[-1]}; at most {MOST_CODE} may share one",
            "let another note start in between",
        )
    go = golang.parse(note.go, symbol.path) if note.go else ()
    golang.check_within(go, symbol)
    if (count := len(golang.code_lines(go))) > MOST_GO:
        raise Refused(
            f"the note covers {count} lines of Go; at most {MOST_GO} may "
            "share one",
            "split it",
        )
    _check_opening(note.opening)
    if note.key and not note.evidence:
        raise Refused(
            "a key note cites evidence, and this one does not",
            "end it with a paragraph such as `Evidence: thesis 3.4.`",
        )
    evidence = tuple(shelf.resolve(e) for e in note.evidence)
    return Placed(note, lines, go, evidence)


def _check_opening(opening: str) -> None:
    if len(opening) > LONGEST_OPENING:
        raise Refused(
            f"the first sentence has {len(opening)} characters; beside its "
            f"lines there is room for {LONGEST_OPENING}",
            "say it shorter, and the rest in the second sentence",
        )
