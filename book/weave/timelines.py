"""Pictures in which time runs to the right and each node has a rail.

What they show is what the port does: `tests/book/test_leading.py` and
`tests/book/test_reads.py` run it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from book.weave.canvas import frame, tip

START, END = 92, 684
ROLES = {"L": "leader", "F": "follower"}


@dataclass(frozen=True, slots=True)
class Rail:
    """A node's rail: its name, its role's letter, its height."""

    name: str
    role: str
    y: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts on a rail, from when, until when, what."""

    y: int
    start: int
    end: int
    text: str
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message from one point to another.

    Attributes:
        x1: When it leaves.
        y1: The sender's rail.
        x2: When it arrives.
        y2: The receiver's rail.
        text: What it says; `""` says nothing.
        along: Where on its way the text stands, in hundredths.
        left: Whether the text stands left of the arrow.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    text: str = ""
    along: int = 50
    left: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on a rail, and a word `up` above it (or below, if negative)."""

    x: int
    y: int
    text: str
    up: int = 24
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Line:
    """A moment on all rails, with its name on top."""

    x: int
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A whole picture; `spoken` says it to those who cannot see it."""

    id: str
    title: str
    spoken: str
    height: int
    rails: tuple[Rail, ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    moments: tuple[Moment, ...] = ()

    def svg(self) -> str:
        """Returns it as one line of SVG, without colours of its own."""
        hatch = (
            f'<pattern id="wv-{self.id}-hatch" width="7" height="7" '
            'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<path class="wv-rail" d="M0 0 V7"/></pattern>'
        )
        return frame(
            self.id, self.height, self.title, self.spoken, _parts(self),
            defs=tip(self.id) + hatch,
        )  # fmt: skip


def _parts(t: Timeline) -> Iterator[str]:
    name = f"wv-{t.id}"
    for line in t.lines:
        yield (
            f'<path class="wv-rail" d="M{line.x} 20 V{t.height - 22}" '
            'stroke-dasharray="3 4"/>'
            f'<text class="wv-said" x="{line.x}" y="13" '
            f'text-anchor="middle">{escape(line.text)}</text>'
        )
    for rail in t.rails:
        y = rail.y
        yield (
            f'<text x="0" y="{y + 5}">{escape(rail.name)}</text>'
            f'<g class="wv-{ROLES[rail.role]}">'
            f'<rect x="54" y="{y - 12}" width="24" height="24" rx="12"/>'
            f'<text class="wv-tag" x="66" y="{y + 5}">{rail.role}</text></g>'
            f'<path class="wv-rail" d="M{START} {y} H{END}"/>'
        )
    for bar in t.bars:
        hatch = f' style="fill:url(#{name}-hatch)"' if bar.hatched else ""
        yield (
            f'<rect class="wv-disk"{hatch} x="{bar.start}" y="{bar.y - 11}" '
            f'width="{bar.end - bar.start}" height="22"/>'
            f'<text class="wv-said" x="{(bar.start + bar.end) // 2}" '
            f'y="{bar.y + 5}" text-anchor="middle">{escape(bar.text)}</text>'
        )
    for a in t.arrows:
        down = 1 if a.y2 > a.y1 else -1
        y1, y2 = a.y1 + 4 * down, a.y2 - 6 * down
        x = a.x1 + (a.x2 - a.x1) * a.along // 100
        y = y1 + (y2 - y1) * a.along // 100
        yield (
            '<path class="wv-sent" '
            f'style="marker-end:url(#{name}-tip)" '
            f'd="M{a.x1} {y1} L{a.x2} {y2}"/>'
        )
        if a.text:
            yield (
                f'<text class="wv-said" x="{x - 9 if a.left else x + 9}" '
                f'y="{y + 5}" text-anchor="{"end" if a.left else "start"}">'
                f"{escape(a.text)}</text>"
            )
    for m in t.moments:
        to = m.y - m.up + (6 if m.up > 0 else -14)
        yield (
            f'<path class="wv-moment" d="M{m.x} {to} V{m.y}"/>'
            f'<circle class="wv-moment" cx="{m.x}" cy="{m.y}" r="3.5"/>'
            f'<text class="wv-strong" x="{m.x}" y="{m.y - m.up}" '
            f'text-anchor="{m.anchor}">{escape(m.text)}</text>'
        )
    yield (
        f'<text class="wv-said" x="{END}" y="{t.height - 4}" '
        'text-anchor="end">time</text>'
    )


SILENCE = Timeline(
    "silence",
    "What a cut looks like from both sides",
    "Node 1 leads and loses its network just after one of its checks. Node 2 "
    "turns candidates away for one election timeout, and stands for election "
    "some time in the next. Node 1's next check still finds an answer from "
    "before the cut; only the one after that, two election timeouts after the "
    "cut, makes it step down. In between, both may believe that they lead.",
    214,
    (Rail("node 1", "L", 76), Rail("node 2", "F", 150)),
    (
        Line(112, "the cut"),
        Line(352, "one election timeout"),
        Line(592, "two"),
    ),
    (
        Bar(76, 112, 440, "leads, as it thinks"),
        Bar(76, 440, 592, "so it thinks still", True),
        Bar(150, 112, 352, "turns candidates away"),
        Bar(150, 352, 440, "may stand"),
        Bar(150, 440, 592, "leads"),
    ),
    (),
    (
        Moment(112, 76, "check", 24, "start"),
        Moment(352, 76, "check: passes", 24),
        Moment(592, 76, "check: steps down", 24),
        Moment(440, 150, "elected", -34),
    ),
)

READ = Timeline(
    "read",
    "A read at a follower",
    "A client asks node 1. Node 1 asks the leader, node 2, which notes its "
    "commit index, 10, and sends heartbeats to nodes 1 and 4. With the first "
    "answer it has heard from two of three, itself included, and tells node 1 "
    "the number it noted. Node 1 answers the client when it has applied entry "
    "10.",
    258,
    (
        Rail("node 1", "F", 64),
        Rail("node 2", "L", 140),
        Rail("node 4", "F", 212),
    ),
    arrows=(
        Arrow(122, 64, 180, 140, "MsgReadIndex", 38, True),
        Arrow(200, 140, 284, 64, "heartbeat 1", 40),
        Arrow(200, 140, 296, 212, "heartbeat 1", 50),
        Arrow(296, 64, 386, 140, "answer 1", 42),
        Arrow(308, 212, 520, 140, "answer 1, late", 55),
        Arrow(396, 140, 496, 64, "MsgReadIndexResp: 10", 42),
    ),
    moments=(
        Moment(116, 64, "what color?", 30),
        Moment(190, 140, "notes 10", -28, "end"),
        Moment(391, 140, "2 of 3", -26, "end"),
        Moment(616, 64, "has applied 10, answers", 30, "end"),
    ),
)
