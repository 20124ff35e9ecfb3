"""What a script moves, drawn: one node, the messages, and which command.

`tests/book/test_rafttest.py` sees that every command named in the picture is
one, and does what the arrow says.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import code, frame, label, text, tip

HEIGHT = 318

# What is done to raft from outside, in the order of the picture.
CALLS = (
    "campaign", "tick-election", "tick-heartbeat", "propose", "read-index",
)  # fmt: skip
# The arrows: the command, and what it takes to where.
MOVES = {
    "process-ready": ("raft", "in flight"),
    "deliver-msgs": ("in flight", "raft"),
    "process-append-thread": ("raft", "storage"),
    "process-apply-thread": ("raft", "state machine"),
    "restart": ("storage", "raft"),
}


def _box(x: int, y: int, width: int, height: int, name: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" '
        'style="fill:var(--follower);stroke:var(--follower-ink)"/>'
        f'<text x="{x + width / 2:g}" y="{y + height / 2 + 5:g}" '
        'text-anchor="middle" class="wv-strong" '
        f'style="fill:var(--follower-ink)">{escape(name)}</text>'
    )


def _arrow(d: str) -> str:
    return (
        f'<path d="{d}" style="fill:none;stroke:var(--muted);'
        'stroke-width:1.3;marker-end:url(#wv-scripting-tip)"/>'
    )


def _parts() -> Iterator[str]:
    yield (
        '<rect x="146" y="34" width="400" height="268" rx="8" '
        'style="fill:none;stroke:var(--hair);stroke-width:1.4"/>'
    )
    yield label(158, 22, "one node", "wv-strong")
    yield text(692, 22, "between the nodes", "wv-strong", "end")
    yield _box(236, 66, 184, 72, "raft")
    yield _box(206, 238, 116, 46, "storage")
    yield _box(372, 238, 116, 46, "state machine")
    yield _box(584, 58, 106, 88, "in flight")
    for n, name in enumerate(CALLS):
        yield code(0, 60 + 23 * n, name, "start")
    yield _arrow("M128 100 H232")
    yield _arrow("M422 86 H580")
    yield code(482, 78, "process-ready")
    yield _arrow("M582 122 H424")
    yield code(482, 141, "deliver-msgs")
    yield _arrow("M638 148 V196")
    yield code(632, 178, "drop=", "end")
    yield text(638, 213, "lost", "wv-said")
    for x, name in ((262, "process-append-"), (394, "process-apply-")):
        yield _arrow(f"M{x} 140 V234")
        yield code(x + 7, 184, name, "start")
        yield code(x + 7, 200, "thread", "start")
    yield _arrow("M204 261 H186 Q178 261 178 253 V126 Q178 118 186 118 H232")
    yield code(172, 200, "restart", "end")
    yield text(638, 264, "stabilize: all of", "wv-said")
    yield text(638, 281, "it, until nothing", "wv-said")
    yield text(638, 298, "is left", "wv-said")


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(
        f"{name} takes things from {start} to {end}"
        for name, (start, end) in MOVES.items()
    )
    return frame(
        "scripting", HEIGHT, "What the commands of a script move", told,
        _parts(), defs=tip("scripting"),
    )  # fmt: skip
