"""Pictures of majorities that meet, and of halves that do not.

`tests/book/test_idea.py` asks the port whether each group can decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from book.weave.canvas import frame

HEIGHT = 196
ROW, STEP = 98, 62


@dataclass(frozen=True, slots=True)
class Group:
    """Some nodes that stand side by side, and what they do."""

    ids: range
    text: str
    below: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Some nodes in a row, and two groups among them."""

    title: str
    x: int
    nodes: int
    groups: tuple[Group, Group]

    @property
    def shared(self) -> frozenset[int]:
        """The nodes that both groups have."""
        one, other = self.groups
        return frozenset(one.ids) & frozenset(other.ids)


PANELS = (
    Panel("Five nodes", 30, 5, (
        Group(range(1, 4), "have the entry: it is committed"),
        Group(range(3, 6), "elect the next leader", True),
    )),
    Panel("Four nodes, and halves", 448, 4, (
        Group(range(1, 3), "have the entry"),
        Group(range(3, 5), "elect a leader", True),
    )),
)  # fmt: skip


def svg() -> str:
    """Returns the pictures as one line of SVG, without colours of its own."""
    told = (
        "Left: of five nodes, 1, 2 and 3 have an entry, which is committed by "
        "that; 3, 4 and 5 elect the next leader. Node 3 is among both. Right: "
        "of four nodes, 1 and 2 have an entry, and 3 and 4 elect a leader. "
        "Nobody is among both."
    )
    return frame(
        "overlap", HEIGHT, "Majorities meet, halves need not", told,
        (s for panel in PANELS for s in _panel(panel)),
    )  # fmt: skip


def _panel(p: Panel) -> Iterator[str]:
    yield (
        f'<text class="wv-strong" x="{p.x - 24}" y="16">'
        f"{escape(p.title)}</text>"
    )
    for group in p.groups:
        left = p.x + STEP * (group.ids[0] - 1)
        right = p.x + STEP * (group.ids[-1] - 1)
        inset = 5 if group.below else 0
        yield (
            f'<rect x="{left - 24 + inset}" y="{ROW - 24 + inset}" '
            f'width="{right - left + 48 - 2 * inset}" '
            f'height="{48 - 2 * inset}" rx="24" style="fill:none;'
            'stroke:var(--link);stroke-width:1.6'
            f'{";stroke-dasharray:5 4" if group.below else ""}"/>'
            f'<text class="wv-said" '
            f'x="{right + 16 if group.below else left - 16}" '
            f'y="{ROW + 46 if group.below else ROW - 36}" '
            f'text-anchor="{"end" if group.below else "start"}">'
            f"{escape(group.text)}</text>"
        )
    for id in range(1, p.nodes + 1):
        x = p.x + STEP * (id - 1)
        # One that is in both is what it is all about.
        mark = (
            ' style="stroke:var(--link);stroke-width:2.6"'
            if id in p.shared
            else ""
        )
        yield (
            f'<rect class="wv-disk"{mark} x="{x - 13}" y="{ROW - 13}" '
            'width="26" height="26" rx="13"/><text class="wv-tag" '
            f'x="{x}" y="{ROW + 4}">{id}</text>'
        )
    told = (
        f"node {min(p.shared)} takes part in both, and remembers"
        if p.shared
        else "nobody takes part in both"
    )
    yield (
        f'<text class="wv-strong" x="{p.x - 24}" y="{HEIGHT - 14}">'
        f"{told}</text>"
    )
