"""Pictures of two majorities: why replacing a node takes two steps.

The sets are the ones of act 8; `tests/book/test_membership.py` asks the
port whether what the first picture says of them is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import frame
from book.weave.timelines import Bar, Line, Moment, Rail, Timeline

HEIGHT = 268
OLD, NEW = frozenset({1, 2, 3}), frozenset({1, 2, 4})
# In this order both are neighbours.
ORDER = (3, 1, 2, 4)
DECISIONS: tuple[tuple[frozenset[int], bool], ...] = (
    (frozenset({1, 2}), True),
    (frozenset({1, 3, 4}), True),
    (frozenset({1, 3}), False),
    (frozenset({2, 4}), False),
)
STEP = 62


def _node(x: int, y: int, id: int, there: bool = True) -> str:
    style = "" if there else ' style="fill:none;stroke-dasharray:2 3"'
    text = "" if there else ' style="fill:var(--muted)"'
    return (
        f'<circle class="wv-disk"{style} cx="{x}" cy="{y}" r="13"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle"{text}>{id}</text>'
    )


def _said(x: int, y: int, text: str, style: str = "wv-said") -> str:
    return (
        f'<text class="{style}" x="{x}" y="{y}" text-anchor="middle">'
        f"{escape(text)}</text>"
    )


def _brace(left: int, right: int, y: int, up: int) -> str:
    return (
        '<path style="fill:none;stroke:var(--muted);stroke-width:1.3" '
        f'd="M{left} {y} v{-up} H{right} v{up}"/>'
    )


def _circled(left: int, right: int, y: int) -> str:
    return (
        f'<rect x="{left - 21}" y="{y - 21}" width="{right - left + 42}" '
        'height="42" rx="21" style="fill:none;stroke:var(--link);'
        'stroke-width:1.6"/>'
    )


def _parts() -> Iterator[str]:
    first, row = 42, 138
    at = {id: first + STEP * n for n, id in enumerate(ORDER)}
    yield _said(first + 93, 20, "At one stroke", "wv-strong")
    yield _said((at[3] + at[2]) // 2, 64, "the old voters")
    yield _brace(at[3] - 14, at[2] + 14, 80, 8)
    yield _circled(at[3], at[1], row)
    yield _circled(at[2], at[4], row)
    yield from (_node(x, row, id) for id, x in at.items())
    yield _brace(at[1] - 14, at[4] + 14, 196, -8)
    yield _said((at[1] + at[4]) // 2, 222, "the new voters")
    yield _said((at[3] + at[1]) // 2, 108, "decide")
    yield _said((at[2] + at[4]) // 2, 108, "decide")

    left = 404
    at = {id: left + 46 * n for n, id in enumerate(ORDER)}
    yield _said(516, 20, "Jointly", "wv-strong")
    for n, (ids, enough) in enumerate(DECISIONS):
        y = 66 + 50 * n
        yield from (_node(x, y, id, id in ids) for id, x in at.items())
        yield (
            f'<text x="{left + 166}" y="{y + 5}">'
            f"{'decide' if enough else 'do not:'}</text>"
        )
        if not enough:
            lacks = "new" if len(ids & NEW) < 2 else "old"
            yield (
                f'<text class="wv-said" x="{left + 166}" y="{y + 22}">'
                f"1 of 3 {lacks}</text>"
            )


def majorities() -> str:
    """Returns the first picture, as one line of SVG."""
    told = (
        "Left: nodes 3, 1, 2, 4 in a row. The old voters are 3, 1 and 2, the "
        "new ones 1, 2 and 4. Nodes 3 and 1 are a majority of the old, nodes "
        "2 and 4 one of the new, and the two share nobody. Right: in a joint "
        "configuration nodes 1 and 2 can decide, and so can 1, 3 and 4; "
        "nodes 1 and 3 cannot, nor can 2 and 4."
    )
    return frame(
        "members", HEIGHT, "Majorities, old, new and joint", told, _parts()
    )


_Y = {2: 64, 1: 108, 3: 152, 4: 196}
_ENTERS = {2: 176, 1: 218, 3: 250, 4: 340}
_LEAVES = {2: 512, 1: 548, 3: 572, 4: 596}


def _bars() -> Iterator[Bar]:
    for id, y in _Y.items():
        enters, leaves = _ENTERS[id], _LEAVES[id]
        if id in OLD:
            yield Bar(y, 92, enters, "1 2 3")
        yield Bar(y, enters, leaves, "1 2 4 and 1 2 3", True)
        yield Bar(y, leaves, 684, "1 2 4")


SWITCH = Timeline(
    "switch",
    "Which configuration is in force where, in act 8",
    "Nodes 2, 1 and 3 start with voters 1, 2, 3. Each enters the joint "
    "configuration when it applies entry 9, node 2 first, for it leads. Node "
    "4 enters it with a snapshot. Each leaves it when it applies entry 10. "
    "While nodes differ, one half of what they believe in is always shared.",
    234,
    (
        Rail("node 2", "L", 64),
        Rail("node 1", "F", 108),
        Rail("node 3", "F", 152),
        Rail("node 4", "F", 196),
    ),
    (Line(150, "9 committed"), Line(486, "10 committed")),
    tuple(_bars()),
    (),
    (Moment(340, 196, "snapshot", -26),),
)
