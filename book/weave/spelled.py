"""A line of a transcript, and where in two logs its numbers are.

The line is what `describe_message` makes of the message; the places of its
pieces are found in it. `tests/book/test_small.py` compares with the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import frame, tip
from port import raftpb as pb
from port.util import describe_message

HEIGHT = 282
GLYPH, LEFT, BASE = 8.6, 0, 30
CELL, TALL, LOG, FIRST = 58, 30, 132, 250

MESSAGE = pb.Message(
    type=pb.MsgApp, from_=1, to=2, term=3, log_term=2, index=7, commit=6,
    entries=[pb.Entry(3, 8, None, b"color:blue")],
)  # fmt: skip
SENDER = ((5, 1), (6, 2), (7, 2), (8, 3))
RECEIVER = ((5, 1), (6, 2), (7, 2))
# What each piece means, and the index in the sender's log that it is about.
PIECES = (
    ("1->2", "from, to", 0),
    ("Term:3", "its term", 0),
    ("Log:2/7", "before it", 7),
    ("Commit:6", "commit", 6),
    ("3/8", "the entry", 8),
)


def line() -> str:
    """Returns the line."""
    return describe_message(MESSAGE)


def _middle(index: int) -> int:
    return FIRST + (index - 5) * CELL + CELL // 2


def _cells(y: int, log: tuple[tuple[int, int], ...]) -> Iterator[str]:
    for index, term in log:
        x = _middle(index) - CELL // 2
        fresh = " wv-fresh" if index == 8 else ""
        yield (
            f'<g class="wv-entry{fresh}"><rect x="{x + 1}" y="{y}" '
            f'width="{CELL - 2}" height="{TALL}"/>'
            f'<path class="wv-term wv-term-{term}" d="M{x + 2.5} {y} '
            f'v{TALL}"/><text x="{x + CELL // 2 + 1}" y="{y + 20}" '
            f'style="font-family:var(--mono)">{term}/{index}</text></g>'
        )


def _parts() -> Iterator[str]:
    text = line()
    yield (
        f'<text x="{LEFT}" y="{BASE}" xml:space="preserve" '
        f'textLength="{len(text) * GLYPH:g}" '
        f'style="font-family:var(--mono);font-size:14px">{escape(text)}'
        "</text>"
    )
    for piece, said, index in PIECES:
        start = LEFT + text.index(piece) * GLYPH
        end = start + len(piece) * GLYPH
        middle = (start + end) / 2
        yield (
            f'<path d="M{start:g} {BASE + 8} H{end:g}" style="fill:none;'
            'stroke:var(--link);stroke-width:2"/>'
        )
        anchor, x = ("start", 0.0) if start == 0 else ("middle", middle)
        y = BASE + 26
        yield (
            f'<text class="wv-said" x="{x:g}" y="{y}" '
            f'text-anchor="{anchor}">{escape(said)}</text>'
        )
        if index:
            to = _middle(index)
            yield (
                f'<path d="M{middle:g} {y + 7} C{middle:g} {y + 40} {to} '
                f'{LOG - 40} {to} {LOG - 5}" style="fill:none;'
                'stroke:var(--link);stroke-width:1.3;'
                'marker-end:url(#wv-spelled-tip)"/>'
            )
    yield (
        f'<text class="wv-strong" x="0" y="{LOG + 20}">node 1, leader of '
        "term 3</text>"
    )
    yield from _cells(LOG, SENDER)
    below = LOG + 78
    yield (
        f'<text class="wv-strong" x="0" y="{below + 20}">node 2, follower'
        "</text>"
    )
    yield from _cells(below, RECEIVER)
    x = _middle(8)
    yield (
        f'<path d="M{x} {LOG + TALL + 4} V{below - 6}" style="fill:none;'
        'stroke:var(--muted);stroke-width:1.3;stroke-dasharray:3 3;'
        'marker-end:url(#wv-spelled-tip)"/>'
        f'<rect x="{x - CELL // 2 + 1}" y="{below}" width="{CELL - 2}" '
        f'height="{TALL}" style="fill:none;stroke:var(--muted);'
        'stroke-dasharray:3 3"/>'
        f'<text class="wv-said" x="{x + CELL // 2 + 10}" y="{below + 20}">'
        "if it has 2/7</text>"
    )
    edge = _middle(6) + CELL // 2
    yield (
        f'<path d="M{edge} {LOG - 4} V{LOG + TALL + 6}" style="fill:none;'
        'stroke:var(--ink);stroke-width:2.4"/>'
        f'<text class="wv-said" x="{edge - 6}" y="{LOG + TALL + 20}" '
        'text-anchor="end">committed</text>'
    )


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(f"{piece}: {said}" for piece, said, _ in PIECES)
    return frame(
        "spelled", HEIGHT, "A line of a transcript, spelled out",
        f"{line()}: {told}", _parts(), defs=tip("spelled"),
    )  # fmt: skip
