"""The three states in which a leader sends to a peer, and their diagram.

The tables are the truth: the diagram is drawn from them, and
`tests/book/test_snapshots.py` drives the port along every edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from book.weave.canvas import frame, tip

HEIGHT = 320
BOX_WIDTH, BOX_HEIGHT = 168, 62
HALF = BOX_WIDTH // 2
LINE = 16


@dataclass(frozen=True, slots=True)
class State:
    """A state: its name, what may be under way in it, and its place."""

    name: str
    says: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one state to another.

    Attributes:
        start: The state that it leaves.
        end: The state that it reaches.
        causes: Why, a line of the label each.
        path: How it runs.
        x: Where the label stands.
        y: Where its first line stands.
        anchor: Which end of the label stands there.
    """

    start: str
    end: str
    causes: tuple[str, ...]
    path: str
    x: int
    y: int
    anchor: str = "middle"


STATES = (
    State("Probe", "one append", 110, 76),
    State("Replicate", "a window full", 582, 76),
    State("Snapshot", "nothing", 346, 262),
)

EDGES = (
    Edge("Probe", "Replicate", ("an append is accepted",),
         "M196 60 H494", 346, 50),
    Edge("Replicate", "Probe", ("an append is refused, or out of reach",),
         "M496 92 H200", 346, 112),
    Edge("Probe", "Snapshot", ("the next entry", "is gone"),
         "M76 109 V254 Q76 263 85 263 H258", 84, 196, "start"),
    Edge("Replicate", "Snapshot", ("the next entry", "is gone"),
         "M616 109 V254 Q616 263 607 263 H434", 608, 196, "end"),
    Edge("Snapshot", "Probe", ("sent, or failed:", "as reported"),
         "M292 229 V180 Q292 171 283 171 H195 Q186 171 186 162 V111",
         194, 146, "start"),
    Edge("Snapshot", "Replicate", ("its answer joins", "our log"),
         "M400 229 V180 Q400 171 409 171 H497 Q506 171 506 162 V111",
         498, 146, "end"),
)  # fmt: skip


def svg() -> str:
    """Returns the diagram as one line of SVG, without colours of its own."""
    spoken = "; ".join(
        f"{e.start} to {e.end}: {' '.join(e.causes)}" for e in EDGES
    )
    return frame(
        "flow", HEIGHT, "How a leader sends to a peer", spoken, _parts(),
        defs=tip("flow"),
    )  # fmt: skip


def _parts() -> Iterator[str]:
    for edge in EDGES:
        yield (
            '<path class="wv-sent" style="fill:none;'
            f'marker-end:url(#wv-flow-tip)" d="{edge.path}"/>'
        )
        for n, line in enumerate(edge.causes):
            yield (
                f'<text class="wv-said" x="{edge.x}" y="{edge.y + LINE * n}" '
                f'text-anchor="{edge.anchor}">{escape(line)}</text>'
            )
    for state in STATES:
        yield (
            f'<rect class="wv-disk" x="{state.x - HALF}" '
            f'y="{state.y - BOX_HEIGHT // 2}" width="{BOX_WIDTH}" '
            f'height="{BOX_HEIGHT}" rx="6"/>'
            f'<text class="wv-strong" x="{state.x}" y="{state.y - 3}" '
            f'text-anchor="middle">{state.name}</text>'
            f'<text class="wv-said" x="{state.x}" y="{state.y + 16}" '
            f'text-anchor="middle">{escape(state.says)}</text>'
        )
