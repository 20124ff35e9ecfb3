"""The stops of one write: what each node has of it, and what is under way.

They are moments of act 3 and act 4 of `book/scenarios/one-day.txt`;
`tests/book/test_one_write.py` runs it and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from html import escape

WIDTH, HEIGHT = 560, 150
ROWS = {1: 28, 2: 76, 3: 124}
NOTHING, MEMORY, DISK, COMMITTED, APPLIED = (
    "",
    "in memory",
    "on disk",
    "committed",
    "applied",
)
CLIENT = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What is under way: from whom, to whom, what it says, and where."""

    sender: int
    target: int
    text: str
    x: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A moment.

    Attributes:
        has: What node 1, 2 and 3 have of the entry.
        sent: What is under way.
    """

    has: tuple[str, str, str]
    sent: tuple[Sent, ...] = ()


STOPS = (
    Stop((NOTHING,) * 3, (Sent(CLIENT, 1, "color:blue", 0),)),
    Stop((MEMORY, NOTHING, NOTHING)),
    Stop(
        (DISK, NOTHING, NOTHING),
        (Sent(1, 2, "MsgApp: 4", 310), Sent(1, 3, "MsgApp: 4", 415)),
    ),
    Stop(
        (DISK, DISK, NOTHING),
        (Sent(2, 1, "answer: 4", 310), Sent(1, 3, "MsgApp: 4", 415)),
    ),
    Stop(
        (COMMITTED, DISK, NOTHING),
        (Sent(1, 3, "MsgApp: 4", 415),),
    ),
    Stop(
        (APPLIED, DISK, NOTHING),
        (
            Sent(1, CLIENT, "done", 0),
            Sent(1, 2, "commit: 4", 310),
            Sent(1, 3, "4, and commit: 4", 415),
        ),
    ),
    Stop((APPLIED,) * 3),
)


def figures() -> dict[str, Callable[[], str]]:
    """Returns how each of them is drawn, by the name of its figure."""
    return {f"stop-{n}": partial(svg, n) for n in range(1, len(STOPS) + 1)}


def svg(number: int) -> str:
    """Returns one of them as one line of SVG, without colours of its own."""
    stop = STOPS[number - 1]
    name = f"wv-stop-{number}"
    spoken = ". ".join(
        (
            *(
                f"Node {id} has the entry {has}" if has
                else f"Node {id} does not have the entry"
                for id, has in enumerate(stop.has, 1)
            ),
            *(
                f"{_who(m.sender)} to {_who(m.target)}: {m.text}"
                for m in stop.sent
            ),
        )
    )  # fmt: skip
    return (
        f'<svg class="wv-drawn" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'style="max-width:{WIDTH}px;min-width:470px" '
        f'aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">Stop {number} of the write</title>'
        f'<desc id="{name}-d">{escape(spoken)}.</desc>'
        f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0.8 8 4 0 7.2z"/></marker></defs>'
        f"{''.join(_nodes(stop))}{''.join(_arrows(stop, name))}</svg>"
    )


def _who(id: int) -> str:
    return f"node {id}" if id else "the client"


def _nodes(stop: Stop) -> Iterator[str]:
    for id, has in enumerate(stop.has, 1):
        y = ROWS[id]
        role, style = ("L", "leader") if id == 1 else ("F", "follower")
        yield (
            f'<text x="0" y="{y + 5}">node {id}</text>'
            f'<g class="wv-{style}"><rect x="52" y="{y - 11}" width="22" '
            'height="22" rx="11"/><text class="wv-tag" '
            f'x="63" y="{y + 4}">{role}</text></g>'
            f'<g class="wv-entry"><rect x="90" y="{y - 13}" width="30" '
            f'height="26"/><text x="105" y="{y + 5}">3</text></g>'
        )
        if has:
            gone = ' style="stroke-dasharray:3 3"' if has == MEMORY else ""
            style = "wv-entry"
            style += " wv-fresh" if has in {COMMITTED, APPLIED} else ""
            yield (
                f'<g class="{style}"><rect{gone} x="122" y="{y - 13}" '
                f'width="98" height="26"/><text x="171" y="{y + 5}">'
                "4 color:blue</text></g>"
                f'<text class="wv-said" x="230" y="{y + 5}">'
                f"{escape(has)}</text>"
            )


def _arrows(stop: Stop, name: str) -> Iterator[str]:
    for m in stop.sent:
        style = f'class="wv-sent" style="marker-end:url(#{name}-tip)"'
        if CLIENT in (m.sender, m.target):
            y = ROWS[1]
            # The answer starts where the other words end.
            way = f"M490 {y} H136" if m.target else f"M300 {y} H490"
            x = 315 if m.target else 395
            yield (
                f'<path {style} d="{way}"/>'
                f'<text class="wv-said" x="{x}" y="{y - 8}" '
                f'text-anchor="middle">{escape(m.text)}</text>'
                f'<text x="500" y="{y + 5}">client</text>'
            )
            continue
        y1, y2 = ROWS[m.sender], ROWS[m.target]
        down = 1 if y2 > y1 else -1
        y1, y2 = y1 + 10 * down, y2 - 8 * down
        yield (
            f'<path {style} d="M{m.x} {y1} V{y2}"/>'
            f'<text class="wv-said" x="{m.x + 9}" '
            f'y="{(ROWS[1] + ROWS[2]) // 2 + 5}">{escape(m.text)}</text>'
        )
