"""The course of one write, drawn as a lane for each node.

Time runs to the right. A node's lane carries what it does to its disk; what
goes from lane to lane is a message. The moments are those of act 3 and act 4
of `book/scenarios/one-day.txt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from book.weave.canvas import frame, tip

HEIGHT = 300
START, END = 92, 688
LANES = {1: 84, 2: 176, 3: 262}


@dataclass(frozen=True, slots=True)
class Write:
    """A node writes to its disk: from when, until when, what."""

    node: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: who sends it when, who gets it when, what it says.

    Attributes:
        sender: A node.
        left: When it leaves.
        target: A node.
        came: When it arrives.
        text: What it says; `""` says nothing.
        along: Where on its way the text stands, in hundredths.
        anchor: Which end of the text stands there.
    """

    sender: int
    left: int
    target: int
    came: int
    text: str = ""
    along: int = 50
    anchor: str = "start"


WRITES = (
    Write(1, 146, 274, "writes 4 to disk"),
    Write(2, 222, 340, "writes 4 to disk"),
    Write(3, 566, 684, "writes 4 to disk"),
)
MESSAGES = (
    Sent(1, 146, 2, 218, "MsgApp: 4", 62, "end"),
    Sent(1, 146, 3, 562, "MsgApp: 4, still under way", 74, "end"),
    Sent(2, 340, 1, 420, "MsgAppResp: up to 4", 50, "start"),
)
MARKS = (
    (1, 130, "color:blue", -40, "middle"),
    (1, 274, "own copy counts: 1 of 3", -22, "middle"),
    (1, 420, "2 of 3: committed", -40, "start"),
)


def svg() -> str:
    """Returns the drawing as one line of SVG, without colours of its own."""
    spoken = (
        "Node 1 is given color:blue. At the same moment it begins to write "
        "entry 4 to its disk and sends it to nodes 2 and 3. Its own copy "
        "counts when it is written. Node 2 answers when it has written its "
        "copy, and with that answer two of three nodes have the entry: it is "
        "committed. The message to node 3 arrives after that."
    )
    parts: list[str] = []
    for node, y in LANES.items():
        role, style = ("L", "leader") if node == 1 else ("F", "follower")
        parts.append(
            f'<text class="wv-lane" x="2" y="{y + 5}">node {node}</text>'
            f'<g class="wv-{style}">'
            f'<rect x="54" y="{y - 12}" width="24" height="24" rx="12"/>'
            f'<text class="wv-tag" x="66" y="{y + 5}">{role}</text></g>'
            f'<path class="wv-rail" d="M{START} {y} H{END}"/>'
        )
    for m in MESSAGES:
        parts.append(_message(m))
    for w in WRITES:
        y = LANES[w.node]
        parts.append(
            f'<rect class="wv-disk" x="{w.start}" y="{y - 11}" '
            f'width="{w.end - w.start}" height="22"/>'
            f'<text class="wv-said" x="{(w.start + w.end) // 2}" '
            f'y="{y + 5}" text-anchor="middle">{escape(w.text)}</text>'
        )
    for node, x, text, up, anchor in MARKS:
        y = LANES[node]
        parts.append(
            f'<path class="wv-moment" d="M{x} {y + up + 6} V{y - 3}"/>'
            f'<circle class="wv-moment" cx="{x}" cy="{y}" r="3.5"/>'
            f'<text class="wv-strong" x="{x}" y="{y + up}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )
    parts.append(
        f'<text class="wv-said" x="{END}" y="{HEIGHT - 4}" '
        'text-anchor="end">time</text>'
    )
    return frame(
        "lanes", HEIGHT, "The course of one write", spoken, parts,
        kind="wv-drawn wv-lanes", defs=tip("lanes"),
    )  # fmt: skip


def _message(m: Sent) -> str:
    y1, y2 = LANES[m.sender], LANES[m.target]
    down = 1 if y2 > y1 else -1
    y1, y2 = y1 + 3 * down, y2 - 12 * down
    x = m.left + (m.came - m.left) * m.along // 100
    y = y1 + (y2 - y1) * m.along // 100
    shift = 9 if m.anchor == "start" else -9
    return (
        f'<path class="wv-sent" d="M{m.left} {y1} L{m.came} {y2}"/>'
        f'<text class="wv-said" x="{x + shift}" y="{y + 9}" '
        f'text-anchor="{m.anchor}">{escape(m.text)}</text>'
    )
