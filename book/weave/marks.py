"""The log in pictures: its marks, how its end is replaced, and A, B, A.

The tables are what is drawn; `tests/book/test_log.py` has a log of the port
do the same, and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from book.weave.canvas import code, frame, text

CELL, TALL = 44, 26
LEFT = 96


@dataclass(frozen=True, slots=True)
class State:
    """A log, as `RaftLog` and its storage hold it.

    Attributes:
        compacted: The last index that was compacted.
        stored: The terms of what storage holds after that.
        offset: The index of the first unstable entry.
        unstable: The terms of the unstable entries.
        in_progress: The first index that has not been handed out.
        applied: The three marks,
        applying: of the application
        committed: and of the quorum.
    """

    compacted: int
    stored: tuple[int, ...]
    offset: int
    unstable: tuple[int, ...]
    in_progress: int
    applied: int
    applying: int
    committed: int

    @property
    def last(self) -> int:
        """The last index of the log."""
        return self.offset + len(self.unstable) - 1

    @property
    def terms(self) -> dict[int, int]:
        """The term at each index, as the log sees it."""
        below = dict(enumerate(self.stored, self.compacted + 1))
        kept = {i: t for i, t in below.items() if i < self.offset}
        return kept | dict(enumerate(self.unstable, self.offset))


# Index 11 is in storage too, of a term that the next write replaces.
MARKS = State(4, (1, 1, 2, 2, 2, 2, 2), 11, (3, 3, 3, 3), 13, 7, 9, 12)


@dataclass(frozen=True, slots=True)
class Tail:
    """The unstable end of a log: where it starts, its terms, and its mark."""

    offset: int
    terms: tuple[int, ...]
    in_progress: int


BEFORE = Tail(5, (1, 1, 1), 7)
# What comes: from which index on, of which terms; and what becomes of it.
AFTER: tuple[tuple[str, int, tuple[int, ...], Tail], ...] = (
    ("it follows: from 8", 8, (1,), Tail(5, (1, 1, 1, 1), 7)),
    ("it replaces some: from 6", 6, (2, 2), Tail(5, (1, 2, 2), 6)),
    ("it replaces all: from 4", 4, (2, 2), Tail(4, (2, 2), 4)),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Node 2 at a moment of `a-b-a.txt`.

    Attributes:
        after: Which step has just been taken.
        said: What has happened.
        log: The terms that raft sees, from index 5 on.
        writing: The writes under way, each the terms from index 5 on.
        disk: The terms on the disk, from index 5 on.
    """

    after: int
    said: str
    log: tuple[int, ...]
    writing: tuple[tuple[int, ...], ...]
    disk: tuple[int, ...]


A_B_A = (
    Moment(9, "A", (1,), ((1,),), ()),
    Moment(20, "B", (2,), ((1,), (2,)), ()),
    Moment(35, "the disk is done", (2,), (), (2,)),
    Moment(40, "A again", (1, 3), ((1, 3),), (2,)),
    Moment(43, "done again", (1, 3), (), (1, 3)),
)


def _svg(
    id: str, width: int, height: int, title: str, told: str,
    parts: Iterator[str],
) -> str:  # fmt: skip
    return frame(
        id, height, title, told, parts, width=width, kind="wv-drawn wv-logs"
    )


def _cell(x: float, y: float, term: int, style: str = "") -> str:
    """Draws an entry: its term, and the edge that has the term's colour."""
    width = CELL - 2
    return (
        f'<g class="wv-entry {style}"><rect x="{x + 1:g}" y="{y:g}" '
        f'width="{width}" height="{TALL}"/>'
        f'<path class="wv-term wv-term-{(term - 1) % 6 + 1}" '
        f'd="M{x + 2.5:g} {y:g} v{TALL}"/>'
        f'<text x="{x + CELL / 2 + 1:g}" y="{y + 18:g}">{term}</text></g>'
    )


def _say(
    x: float, y: float, said: str, kind: str = "wv-said", anchor: str = "middle"
) -> str:
    return text(x, y, said, kind, anchor)


def _span(x: float, end: float, y: float, down: bool = False) -> str:
    """Draws a bracket over, or under, what it holds."""
    tick = -6 if down else 6
    return (
        f'<path class="wv-moment" d="M{x + 3:g} {y + tick:g} V{y:g} '
        f'H{end - 3:g} V{y + tick:g}"/>'
    )


def _mark(x: float, y: float, up: bool = False) -> str:
    """Draws a mark between two cells: what lies before it is meant."""
    length = -14 if up else 14
    return f'<path class="wv-moment" d="M{x:g} {y:g} v{length}"/>'


def marks() -> str:
    """The marks along one log, and the two places that it is in."""
    s = MARKS

    def x(index: int) -> float:
        """Where the cell of an index begins."""
        return LEFT + 30 + (index - s.compacted - 1) * CELL

    def parts() -> Iterator[str]:
        top = 74
        for index in range(s.compacted + 1, s.last + 1):
            yield _say(x(index) + CELL / 2, top - 6, str(index), "wv-index")
        spans = (
            (s.compacted, s.applied, "applied"),
            (s.applied, s.applying, "applying"),
            (s.applying, s.committed, "committed"),
        )
        for before, last, said in spans:
            first = x(before + 1) - (30 if before == s.compacted else 0)
            yield _span(first, x(last + 1), 38)
            yield code((first + x(last + 1)) / 2, 26, said)
        rows = ((top, "the log"), (top + 56, "storage"),
                (top + 112, "unstable"))
        for y, said in rows:
            yield _say(0, y + 18, said, anchor="start")
        for y in (top, top + 56):
            yield (
                f'<g class="wv-entry"><rect x="{x(s.compacted) + 15:g}" '
                f'y="{y}" width="28" height="{TALL}" '
                'style="stroke-dasharray:2 3"/></g>'
            )
            yield _say(x(s.compacted + 1) - 16, y + 18, "..")
        for index, term in s.terms.items():
            yield _cell(x(index), top, term)
        for index, term in enumerate(s.stored, s.compacted + 1):
            old = "wv-gone" if index >= s.offset else ""
            yield _cell(x(index), top + 56, term, old)
        for index, term in enumerate(s.unstable, s.offset):
            yield _cell(x(index), top + 112, term)
        bottom = top + 112 + TALL
        for first, end, said in (
            (s.offset, s.in_progress, "being written"),
            (s.in_progress, s.last + 1, "not yet"),
        ):
            yield _span(x(first), x(end), bottom + 12, down=True)
            yield _say((x(first) + x(end)) / 2, bottom + 30, said)
        yield _mark(x(s.offset), top + 96)
        yield code(x(s.offset) - 6, top + 112 + 18, "offset", "end")
        yield _mark(x(s.in_progress), bottom + 34)
        yield code(x(s.in_progress), bottom + 64, "offset_in_progress")
        yield _mark(x(s.compacted + 1), top + 56 + TALL + 2)
        yield code(x(s.compacted + 1), top + 56 + TALL + 32, "first_index")

    return _svg(
        "marks", 692, 290, "The marks along a log",
        f"A log from index {s.compacted + 1} to {s.last}. Applied up to "
        f"{s.applied}, being applied up to {s.applying}, committed up to "
        f"{s.committed}. Storage has {s.compacted + 1} to "
        f"{s.compacted + len(s.stored)}; its last entry is of an old term and "
        f"does not count. Unstable is {s.offset} to {s.last}, of which "
        f"everything below {s.in_progress} is being written.",
        parts(),
    )  # fmt: skip


def tails() -> str:
    """What becomes of the unstable end when entries come."""

    def tail(x: float, y: float, t: Tail, fresh: set[int]) -> Iterator[str]:
        for index, term in enumerate(t.terms, t.offset):
            at = x + (index - 4) * CELL
            style = "wv-fresh" if index in fresh else ""
            yield _say(at + CELL / 2, y - 6, str(index), "wv-index")
            yield _cell(at, y, term, style)
        mark = x + (t.in_progress - 4) * CELL
        yield _mark(mark, y + TALL + 2)

    def parts() -> Iterator[str]:
        left = 40
        yield _say(0, 16, "before", "wv-strong", "start")
        yield from tail(left - CELL, 44, BEFORE, set())
        yield code(left + (BEFORE.in_progress - 5) * CELL, 102,
                   "offset_in_progress")
        for n, (said, first, terms, after) in enumerate(AFTER):
            x, y = ((380, 44), (left - CELL, 162), (380, 162))[n]
            head = 0 if n == 1 else x + (CELL if n == 0 else 0)
            yield _say(head, y - 28, said, "wv-strong", "start")
            fresh = set(range(first, first + len(terms)))
            yield from tail(x, y, after, fresh)

    told = (
        "Before: unstable entries 5 to 7 of term 1, 5 and 6 being written. "
        "Entry 8 follows: 5 to 8, and 5 and 6 are being written still. "
        "Entries 6 and 7 of term 2: 5 stays and is being written; 6 and 7 are "
        "not. Entries 4 and 5 of term 2: only they are left, and nothing of "
        "it is being written."
    )
    return _svg(
        "tails-of-unstable", 692, 214, "Three ways to append", told, parts()
    )


def a_b_a() -> str:
    """Node 2 in five moments: its log, what is being written, its disk."""

    def parts() -> Iterator[str]:
        rows = ((58, "its log"), (126, "being written"), (206, "its disk"))
        for y, said in rows:
            yield _say(0, y + 18, said, anchor="start")
        x = float(LEFT + 12)
        for n, m in enumerate(A_B_A):
            wide = 2 if max(len(m.log), len(m.disk)) > 1 else 1
            yield _say(x, 20, m.said, "wv-strong", "start")
            for k in range(wide):
                yield _say(x + k * CELL + CELL / 2, 50, str(5 + k),
                           "wv-index")
            for k, term in enumerate(m.log):
                yield _cell(x + k * CELL, 58, term)
            for row, write in enumerate(m.writing):
                for k, term in enumerate(write):
                    yield _cell(x + k * CELL, 126 + 34 * row, term)
            for k, term in enumerate(m.disk):
                yield _cell(x + k * CELL, 206, term)
            if n == 3:
                here = x + CELL / 2
                yield (
                    f'<path class="wv-moment" d="M{here - 18:g} 88 h36 '
                    f'M{here - 18:g} 202 h36" style="stroke-width:2.5"/>'
                )
            x += (92, 92, 136, 124, 0)[n]

    told = (
        "A: node 2's log has entry 5 of term 1, and it is being written. B: "
        "the log has entry 5 of term 2, and both are being written. The disk "
        "is done: it has entry 5 of term 2. A again: the log has entry 5 of "
        "term 1 and entry 6 of term 3, these are being written, and the disk "
        "still has entry 5 of term 2. Done again: both have the same."
    )
    return _svg("a-b-a", 692, 242, "An entry goes and comes back", told,
                parts())
