"""One message handled under the observer's eyes: when it looks, what it tells.

`tests/book/test_watching.py` runs that message and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from book.weave.canvas import WIDTH, frame

HEIGHT = 340
TOP, ROW, HIGH = 40, 30, 22


@dataclass(frozen=True, slots=True)
class Call:
    """A function that runs: its name, how deep, and from when to when."""

    name: str
    depth: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Look:
    """A moment at which the observer looks, and what it tells then."""

    x: int
    tells: tuple[tuple[str, str, str], ...]
    left: int


# The second vote reaches a candidate of three.
CALLS = (
    Call("step", 0, 0, 690),
    Call("candidate_vote_resp", 1, 70, 664),
    Call("become_leader", 2, 100, 372),
    Call("reset", 3, 116, 178),
    Call("append_entry", 3, 196, 352),
    Call("RaftLog.append", 4, 222, 340),
    Call("bcast_append", 2, 392, 646),
    Call("sent_entries", 3, 404, 514),
    Call("sent_entries", 3, 524, 634),
)
LOOKS = (
    Look(340, (
        ("role", "candidate", "leader"),
        ("progress", "none", "probe"),
        ("progress", "none", "probe"),
        ("entry", "absent", "unstable"),
    ), 206),
    Look(514, (("progress", "probe", "probe, paused"),), 392),
    Look(634, (("progress", "probe", "probe, paused"),), 392),
    Look(690, (
        ("role-message", "candidate", "leader"),
        ("vote", "pending", "won"),
    ), 556),
)  # fmt: skip


def told() -> list[tuple[str, str, str]]:
    """Returns all that is told, in order."""
    return [tell for look in LOOKS for tell in look.tells]


def _parts() -> Iterator[str]:
    yield (
        '<text x="0" y="20" class="wv-strong">A second vote, from three '
        "nodes</text>"
    )
    for call in CALLS:
        y = TOP + ROW * call.depth
        yield (
            f'<rect x="{call.start}" y="{y}" width="{call.end - call.start}" '
            f'height="{HIGH}" style="fill:var(--follower);'
            'stroke:var(--follower-ink)"/>'
            f'<text x="{call.start + 6}" y="{y + 15.5}" '
            'style="font-family:var(--mono);fill:var(--follower-ink)">'
            f"{escape(call.name)}</text>"
        )
    base = TOP + ROW * 5 + 12
    yield (
        f'<path d="M0 {base} H{WIDTH}" style="stroke:var(--hair);'
        'stroke-width:1.2;fill:none"/>'
    )
    y = base + 36
    shown: set[tuple[int, tuple[str, str, str]]] = set()
    lines: dict[int, int] = {}
    for look in LOOKS:
        x = min(look.x, WIDTH - 5)
        yield (
            f'<circle cx="{x}" cy="{base}" r="5" '
            'style="fill:var(--link);stroke:none"/>'
            f'<path d="M{x} {base + 8} V{base + 18}" '
            'style="stroke:var(--link);stroke-width:1.3;fill:none"/>'
        )
        for tell in look.tells:
            if (look.left, tell) in shown:
                continue
            shown.add((look.left, tell))
            count = sum(
                other == tell and one.left == look.left
                for one in LOOKS
                for other in one.tells
            )
            family, before, after = tell
            place = lines.get(look.left, 0)
            lines[look.left] = place + 1
            twice = ", twice" if count > 1 else ""
            yield (
                f'<text x="{look.left}" y="{y + 38 * place}">'
                f"{escape(family)}{twice}</text>"
                f'<text x="{look.left}" y="{y + 38 * place + 17}" '
                f'class="wv-said">{escape(before)} to {escape(after)}</text>'
            )


def svg() -> str:
    """Returns the picture as one line of SVG."""
    spoken = "; ".join(f"{f} from {a} to {b}" for f, a, b in told())
    return frame(
        "looks", HEIGHT, "When the observer looks",
        f"Told, in order: {spoken}", _parts(),
    )  # fmt: skip
