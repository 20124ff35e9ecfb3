"""A trace among the ways that a model allows, drawn."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from book.weave.canvas import frame

HEIGHT = 232
LEFT, STEP, TOP, ROW = 28, 128, 58, 44
# The states after each step that the model knows, and the steps it allows.
ROWS = (1, 3, 4, 4, 3, 3)
ALLOWED = (
    ((0, 0), (0, 1), (0, 2)),
    ((0, 0), (0, 1), (1, 1), (1, 2), (2, 3)),
    ((0, 0), (1, 0), (1, 1), (2, 2), (3, 3)),
    ((0, 0), (1, 1), (2, 1), (3, 2)),
    ((0, 0), (1, 1), (2, 2)),
)
# The row of the trace after each step; the last step is none of the model's.
TRACE = (0, 1, 2, 2, 1, 2)
EVENTS = (
    "BecomeCandidate", "SendRequestVote", "ReceiveVote", "BecomeLeader",
    "Commit",
)  # fmt: skip


def fits() -> int:
    """Returns how many steps of the trace the model allows, from the first."""
    for n, (start, end) in enumerate(pairwise(TRACE)):
        if (start, end) not in ALLOWED[n]:
            return n
    return len(EVENTS)


def _at(step: int, row: int) -> tuple[float, float]:
    middle = TOP + ROW * 1.5
    return LEFT + STEP * step, middle + ROW * (row - (ROWS[step] - 1) / 2)


def _edge(step: int, start: int, end: int, style: str) -> str:
    x, y = _at(step, start)
    u, v = _at(step + 1, end)
    return (
        f'<path d="M{x + 9:g} {y:g} L{u - 9:g} {v:g}" '
        f'style="fill:none;{style}"/>'
    )


def _parts() -> Iterator[str]:
    for step, edges in enumerate(ALLOWED):
        for start, end in edges:
            yield _edge(step, start, end, "stroke:var(--hair);stroke-width:1.6")
    good = fits()
    for step in range(len(EVENTS)):
        style = "stroke:var(--link);stroke-width:2.6"
        if step >= good:
            style += ";stroke-dasharray:5 4"
        yield _edge(step, TRACE[step], TRACE[step + 1], style)
    for step, rows in enumerate(ROWS):
        for row in range(rows):
            x, y = _at(step, row)
            on = TRACE[step] == row
            look = (
                "fill:var(--link);stroke:var(--link)"
                if on
                else "fill:var(--paper);stroke:var(--muted)"
            )
            yield (
                f'<circle cx="{x:g}" cy="{y:g}" r="7" style="{look}"/>'
            )
    for step, name in enumerate(EVENTS):
        yield (
            f'<text x="{LEFT + STEP * (step + 0.5):g}" y="{HEIGHT - 14}" '
            f'text-anchor="middle" class="wv-said">{escape(name)}</text>'
        )
    x = LEFT + STEP * (good + 0.5)
    yield (
        f'<text x="{x:g}" y="24" text-anchor="middle">no such step:</text>'
        f'<text x="{x:g}" y="41" text-anchor="middle">code or model is wrong'
        "</text>"
    )
    yield '<text x="0" y="20" class="wv-strong">All ways of the model</text>'


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = (
        "Circles are states of the model, thin lines the steps that it "
        "allows. A thick line follows a trace from state to state. Its last "
        "step is dashed: the model has no such step."
    )
    return frame(
        "paths", HEIGHT, "A trace among the ways of a model", told, _parts()
    )
