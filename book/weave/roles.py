"""The four roles and every way from one to another, and their diagram.

The tables are the truth: the diagram is drawn from them, and
`tests/book/test_roles.py` drives the port through every edge and checks that
it knows no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 692, 312
ROW = 144
PILL_WIDTH, PILL_HEIGHT = 110, 58
TOP, BOTTOM = ROW - PILL_HEIGHT // 2, ROW + PILL_HEIGHT // 2
BEND = 9
LINE = 15


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a node.

    Attributes:
        letter: The letter that stands for it everywhere.
        name: Its name.
        style: The class that gives it its colours.
        x: The middle of its pill in the diagram.
        door: The function by which a node comes to it.
    """

    letter: str
    name: str
    style: str
    x: int
    door: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one role to another.

    Attributes:
        start: The letter that it leaves.
        end: The letter that it reaches.
        causes: Why a node takes it, a line of the label each.
        height: Where it runs: at `ROW`, straight across; above or below it,
            over there and back.
        leaves: How far from the middle of its role it leaves.
        enters: How far from the middle of its role it enters.
    """

    start: str
    end: str
    causes: tuple[str, ...]
    height: int = ROW
    leaves: int = 0
    enters: int = 0


ROLES = (
    Role("F", "Follower", "follower", 57, "Raft.become_follower"),
    Role("P", "Pre-candidate", "pre", 250, "Raft.become_pre_candidate"),
    Role("C", "Candidate", "candidate", 442, "Raft.become_candidate"),
    Role("L", "Leader", "leader", 635, "Raft.become_leader"),
)

EDGES = (
    Edge("F", "F", ("a higher", "term"), 88, -28, 0),
    Edge("F", "P", ("silence,", "pre-vote on")),
    Edge(
        "F",
        "C",
        ("silence with pre-vote off, or told to take over",),
        40,
        34,
        -30,
    ),
    Edge("P", "P", ("silence",), 88, -14, 14),
    Edge("P", "C", ("a quorum", "would vote")),
    Edge(
        "P",
        "F",
        ("refused, or a leader,", "or a higher term"),
        204,
        -20,
        38,
    ),
    Edge("C", "C", ("silence,", "pre-vote off"), 88, 6, 34),
    Edge("C", "P", ("silence,", "pre-vote on"), 204, -26, 26),
    Edge("C", "L", ("a quorum", "votes")),
    Edge(
        "C",
        "F",
        ("refused, or a leader of this term, or a higher term",),
        252,
        6,
        4,
    ),
    Edge(
        "L",
        "F",
        ("a higher term, or a silent quorum, or removed",),
        288,
        0,
        -30,
    ),
)


def svg() -> str:
    """Returns the diagram as one line of SVG, without colours of its own."""
    spoken = "; ".join(
        f"{e.start} to {e.end}: {' '.join(e.causes)}" for e in EDGES
    )
    parts = [
        f'<svg class="wv-roles" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="wv-roles-t wv-roles-d">',
        '<title id="wv-roles-t">The four roles of a node</title>',
        f'<desc id="wv-roles-d">{escape(spoken)}</desc>',
        '<defs><marker id="wv-tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        '<path d="M0 0.8 8 4 0 7.2z"/></marker></defs>',
    ]
    places = {r.letter: r.x for r in ROLES}
    for edge in EDGES:
        x1 = places[edge.start] + edge.leaves
        x2 = places[edge.end] + edge.enters
        parts.append(f'<path class="wv-edge" d="{_path(edge, x1, x2)}"/>')
        parts += _label(edge, (x1 + x2) // 2)
    for role in ROLES:
        parts += _pill(role)
    parts.append("</svg>")
    return "".join(parts)


def _path(edge: Edge, x1: int, x2: int) -> str:
    if edge.height == ROW:
        half = PILL_WIDTH // 2
        return f"M{x1 + half + 2} {ROW} H{x2 - half - 4}"
    # Out of the pill, round a corner, across, round a corner, into a pill.
    above = edge.height < ROW
    from_, to = (TOP - 2, TOP - 4) if above else (BOTTOM + 2, BOTTOM + 4)
    y = edge.height
    before = y + BEND if above else y - BEND
    turn = BEND if x2 > x1 else -BEND
    return (
        f"M{x1} {from_} V{before} Q{x1} {y} {x1 + turn} {y} "
        f"H{x2 - turn} Q{x2} {y} {x2} {before} V{to}"
    )


def _label(edge: Edge, x: int) -> Iterator[str]:
    """Yields the label's lines: over a line above, under a line below."""
    first = edge.height - 7 - LINE * (len(edge.causes) - 1)
    if edge.height > ROW:
        first = edge.height + LINE
    for n, line in enumerate(edge.causes):
        yield (
            f'<text class="wv-cause" x="{x}" y="{first + LINE * n}">'
            f"{escape(line)}</text>"
        )


def _pill(role: Role) -> Iterator[str]:
    def rect(inset: int, style: str = "") -> str:
        width, height = PILL_WIDTH - 2 * inset, PILL_HEIGHT - 2 * inset
        return (
            f'<rect{style} x="{role.x - PILL_WIDTH // 2 + inset}" '
            f'y="{TOP + inset}" width="{width}" height="{height}" '
            f'rx="{24 - inset}"/>'
        )

    yield f'<g class="wv-role wv-{role.style}">{rect(0)}'
    if role.letter == "L":
        yield rect(4, ' class="wv-inner"')
    yield f'<text class="wv-letter" x="{role.x}" y="{ROW + 1}">'
    yield f"{role.letter}</text>"
    yield f'<text class="wv-name" x="{role.x}" y="{ROW + 19}">'
    yield f"{role.name}</text></g>"
