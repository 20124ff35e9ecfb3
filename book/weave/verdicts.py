"""Three logs after one heartbeat, as it is and with a planted bug.

`tests/book/test_watching.py` plants the bug, runs the scene, and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import frame

HEIGHT = 214
CELL, TALL, ROW, TOP, NAMES = 46, 28, 44, 62, 62
FIRST = 3

# Of each node the terms from index 3 on, the commit index, and what it wrote.
Logs = dict[int, tuple[tuple[int, ...], int]]
AS_IT_IS: Logs = {
    1: ((1, 1, 1), 3), 2: ((1, 2, 2), 5), 3: ((1, 2, 2), 5),
}  # fmt: skip
PLANTED: Logs = {
    1: ((1, 1, 1), 5), 2: ((1, 2, 2), 5), 3: ((1, 2, 2), 5),
}  # fmt: skip
DATA = {1: ("", "red", "pink"), 2: ("", "", "blue")}


def _panel(x: int, title: str, logs: Logs) -> Iterator[str]:
    yield f'<text class="wv-strong" x="{x}" y="16">{escape(title)}</text>'
    for n in range(3):
        yield (
            f'<text class="wv-index" x="{x + NAMES + n * CELL + CELL // 2}" '
            f'y="{TOP - 10}">{FIRST + n}</text>'
        )
    first = logs[2][0]
    for row, (id, (terms, commit)) in enumerate(logs.items()):
        y = TOP + row * ROW
        yield f'<text class="wv-said" x="{x}" y="{y + 19}">node {id}</text>'
        for n, term in enumerate(terms):
            at = x + NAMES + n * CELL
            wrong = FIRST + n <= commit and term != first[n]
            style = "wv-entry wv-fresh" if wrong else "wv-entry"
            yield (
                f'<g class="{style}"><rect x="{at + 1}" y="{y}" '
                f'width="{CELL - 2}" height="{TALL}"/>'
                f'<path class="wv-term wv-term-{term}" d="M{at + 2.5} {y} '
                f'v{TALL}"/><text x="{at + CELL // 2 + 1}" y="{y + 19}">'
                f"{term}</text></g>"
            )
        edge = x + NAMES + (commit - FIRST + 1) * CELL
        yield (
            f'<path d="M{edge} {y - 5} V{y + TALL + 5}" style="fill:none;'
            'stroke:var(--ink);stroke-width:3"/>'
        )
        said = ", ".join(d for d in DATA[min(id, 2)] if d)
        yield (
            f'<text class="wv-said" x="{x + NAMES + 3 * CELL + 12}" '
            f'y="{y + 19}">{said}</text>'
        )
    yield (
        f'<text class="wv-said" x="{x + NAMES + (logs[1][1] - 2) * CELL}" '
        f'y="{TOP - 30}" text-anchor="middle">committed</text>'
        f'<path d="M{x + NAMES + (logs[1][1] - 2) * CELL} {TOP - 25} '
        f'V{TOP - 9}" style="fill:none;stroke:var(--muted);'
        'stroke-width:1.2"/>'
    )


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = (
        "Node 1 has entries of term 1 at 4 and 5, nodes 2 and 3 have entries "
        "of term 2 there, committed. As it is, node 1 has committed up to 3. "
        "With the bug it has committed up to 5, and so its own entries."
    )
    parts = [
        *_panel(0, "as it is", AS_IT_IS),
        *_panel(340, "with the bug", PLANTED),
    ]
    return frame(
        "verdicts", HEIGHT, "Three logs after one heartbeat", told, parts
    )
