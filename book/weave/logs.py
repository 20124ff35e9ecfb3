"""Logs side by side: a row for each node, a cell for each entry.

The number in a cell is the entry's term, and so is the colour of its edge.
What the pictures show is what the scenarios do: `tests/book/test_logs.py`
runs them and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from book.weave.canvas import frame

CELL, TALL = 30, 26
STEP = TALL + 10
NAMES = 66


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one node.

    Attributes:
        name: What stands before it.
        terms: The terms of its entries.
        leads: Whether the node leads.
        gone: Indexes of entries that are about to give way.
        fresh: Indexes of entries that it has just been given.
    """

    name: str
    terms: tuple[int, ...]
    leads: bool = False
    gone: frozenset[int] = frozenset()
    fresh: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """A word above an index, with a stroke down to it; may stand aside."""

    index: int
    text: str
    aside: int = 0


@dataclass(frozen=True, slots=True)
class Skip:
    """Below the logs, what is passed over on the way from one to another."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Some logs under a heading, all from the same index on.

    Attributes:
        title: The heading.
        first: The index of the first entry.
        logs: The logs, from the top.
        marks: What is said of single indexes.
        skip: What is passed over, if anything.
        x: Where the panel stands.
        y: Where it stands.
        names: How much room the names take.
    """

    title: str
    first: int
    logs: tuple[Log, ...]
    marks: tuple[Mark, ...] = ()
    skip: Skip | None = None
    x: int = 0
    y: int = 0
    names: int = NAMES

    @property
    def last(self) -> int:
        """The highest index in it."""
        return self.first + max(len(log.terms) for log in self.logs) - 1


@dataclass(frozen=True, slots=True)
class Drawing:
    """Some panels, and what they show together."""

    id: str
    title: str
    spoken: str
    width: int
    height: int
    panels: tuple[Panel, ...] = field(default=())

    def svg(self) -> str:
        """Returns it as one line of SVG, without colours of its own."""
        return frame(
            self.id, self.height, self.title, self.spoken,
            (s for panel in self.panels for s in _panel(panel)),
            width=self.width, kind="wv-drawn wv-logs",
        )  # fmt: skip


def _panel(p: Panel) -> Iterator[str]:
    yield f'<g transform="translate({p.x} {p.y})">'
    yield f'<text class="wv-strong" x="0" y="14">{escape(p.title)}</text>'
    top = 46 + (22 if p.marks else 0)
    for index in range(p.first, p.last + 1):
        yield (
            f'<text class="wv-index" x="{_middle(p, index)}" '
            f'y="{top - 8}">{index}</text>'
        )
    for mark in p.marks:
        x = _middle(p, mark.index)
        yield (
            f'<text class="wv-said" x="{x + mark.aside}" y="{top - 34}" '
            f'text-anchor="middle">{escape(mark.text)}</text>'
            f'<path class="wv-moment" d="M{x} {top - 29} V{top - 21}"/>'
        )
    for row, log in enumerate(p.logs):
        y = top + row * STEP
        yield (
            f'<text class="wv-said" x="0" y="{y + 18}">'
            f"{escape(log.name)}</text>"
        )
        if log.leads:
            yield (
                f'<g class="wv-leader"><rect x="{p.names - 29}" y="{y + 3}" '
                'width="20" height="20" rx="10"/><text class="wv-tag" '
                f'x="{p.names - 19}" y="{y + 18}">L</text></g>'
            )
        for index, term in enumerate(log.terms, p.first):
            yield _cell(p, log, index, term, y)
    if p.skip:
        start, end = _middle(p, p.skip.start), _middle(p, p.skip.end)
        y = top + len(p.logs) * STEP + 6
        yield (
            f'<path class="wv-moment" d="M{start} {y - 8} V{y} H{end} '
            f'V{y - 8} M{end - 4} {y - 4} L{end} {y - 9} L{end + 4} '
            f'{y - 4}"/><text class="wv-said" x="{start + 12}" '
            f'y="{y + 4}">{escape(p.skip.text)}</text>'
        )
    yield "</g>"


def _cell(p: Panel, log: Log, index: int, term: int, y: int) -> str:
    x = _middle(p, index) - CELL // 2
    style = "wv-entry"
    if index in log.gone:
        style += " wv-gone"
    if index in log.fresh:
        style += " wv-fresh"
    return (
        f'<g class="{style}"><rect x="{x + 1}" y="{y}" width="{CELL - 2}" '
        f'height="{TALL}"/><path class="wv-term wv-term-{(term - 1) % 6 + 1}" '
        f'd="M{x + 2.5} {y} v{TALL}"/>'
        f'<text x="{x + CELL // 2 + 1}" y="{y + 18}">{term}</text></g>'
    )


def _middle(p: Panel, index: int) -> int:
    return p.names + (index - p.first) * CELL + CELL // 2


def _five(
    title: str,
    at: tuple[int, int],
    leader: int,
    logs: tuple[tuple[int, ...], ...],
    fresh: dict[int, set[int]] | None = None,
) -> Panel:
    fresh = fresh or {}
    rows = tuple(
        Log(
            f"{n}",
            terms,
            n == leader,
            fresh=frozenset(fresh.get(n, set())),
        )
        for n, terms in enumerate(logs, 1)
    )
    return Panel(title, 3, rows, x=at[0], y=at[1], names=42)


FIGURE_8 = Drawing(
    "figure-8",
    "The paper's figure 8, with this library's entries",
    "Five nodes in five moments. (a) Node 1 leads in term 1 and has given its "
    "entry 4 to node 2 only. (b) Node 5 is elected in term 2 and has an entry "
    "4 of its own. (c) Node 1 is elected in term 3; its entry 4 of term 1 is "
    "now on nodes 1, 2 and 3, a majority. (d) Node 5 is elected in term 4 "
    "and puts its own entry 4, of term 2, in the place of it everywhere. (e) "
    "Or else node 1 brings its entry 5, of term 3, to a majority before that; "
    "then node 5 cannot be elected.",
    692,
    232,
    (
        _five("(a)", (0, 0), 1, ((1, 1), (1, 1), (1,), (1,), (1,)),
              {1: {4}, 2: {4}}),
        _five("(b)", (124, 0), 5, ((1, 1), (1, 1), (1,), (1,), (1, 2)),
              {5: {4}}),
        _five("(c)", (250, 0), 1,
              ((1, 1, 3), (1, 1), (1, 1, 3), (1,), (1, 2)),
              {1: {5}, 3: {4, 5}}),
        _five("(d)", (410, 0), 5, ((1, 2, 4),) * 5,
              {1: {4, 5}, 2: {4, 5}, 3: {4, 5}, 4: {4, 5}, 5: {5}}),
        _five("(e) instead of (d)", (560, 0), 1,
              ((1, 1, 3), (1, 1, 3), (1, 1, 3), (1,), (1, 2)),
              {2: {5}}),
    ),
)  # fmt: skip

TAILS = Drawing(
    "tails",
    "Two tails that differ from the leader's log",
    "In the first, the leader's log has entries of term 1 up to index 3, of "
    "term 2 from 4 to 8 and of term 3 at 9; the follower has term 1 from 3 to "
    "7. In the second, the leader has term 3 from 9 to 12 and term 5 at 13; "
    "the follower has term 3 at 9 and term 4 from 10 to 13.",
    692,
    356,
    (
        Panel(
            "An old tail",
            3,
            (
                Log("node 3", (1, 2, 2, 2, 2, 2, 3), True),
                Log("node 1", (1, 1, 1, 1, 1), gone=frozenset(range(4, 8))),
            ),
            (Mark(8, "asks", 6), Mark(7, "hint", -6), Mark(3, "agree")),
            Skip(7, 3, "the leader passes over 7 to 4: its own are of term 2"),
            names=92,
        ),
        Panel(
            "A tail of a later term",
            3,
            (
                Log("node 3", (1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 5), True),
                Log(
                    "node 1",
                    (1, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4),
                    gone=frozenset(range(10, 14)),
                ),
            ),
            (Mark(12, "asks"), Mark(9, "hint, agree")),
            Skip(12, 9, "the follower passes over 12 to 10: of term 4"),
            y=190,
            names=92,
        ),
    ),
)
