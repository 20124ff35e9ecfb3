"""Two loops that meet at channels: an application's, and raft's own.

`tests/book/test_live.py` sees that the names are those of the code, and runs
what the page says about the door that is shut.
"""

from __future__ import annotations

from collections.abc import Iterator

from book.weave.canvas import code, frame, label, text, tip

HEIGHT = 346
LEFT, RIGHT, TOP, BELOW = 206, 540, 46, 300
# What goes across: the name of it, the channel of raft's, its height, and
# whether it goes to raft.
CROSSING = (
    ("tick", "tickc", 78, True),
    ("step, any other", "recvc", 126, True),
    ("step, a proposal", "propc", 166, True),
    ("ready", "readyc", 224, False),
    ("advance", "advancec", 264, True),
)


def _arrow(d: str, dashed: bool = False) -> str:
    dash = "stroke-dasharray:4 4;" if dashed else ""
    return (
        f'<path d="{d}" style="fill:none;stroke:var(--muted);{dash}'
        'stroke-width:1.3;marker-end:url(#wv-loops-tip)"/>'
    )


def _box(x: int, width: int, name: str, task: str) -> Iterator[str]:
    yield (
        f'<rect x="{x}" y="{TOP}" width="{width}" height="{BELOW - TOP}" '
        'rx="6" style="fill:var(--tint);stroke:var(--hair);'
        'stroke-width:1.4"/>'
    )
    yield label(x, TOP - 24, name, "wv-strong")
    yield code(x, TOP - 7, task, "start")


def _parts() -> Iterator[str]:
    yield from _box(94, LEFT - 94, "the application", "_serve")
    yield from _box(RIGHT, 132, "raft's own task", "run")
    for said, channel, y, to_raft in CROSSING:
        yield code(RIGHT + 14, y + 4, channel, "start")
        ends = (LEFT, RIGHT - 5) if to_raft else (RIGHT, LEFT + 5)
        shut = channel == "propc"
        if "step" in said:
            # By a task on the side.
            yield _arrow(f"M{LEFT} 146 L{LEFT + 24} {y} H{RIGHT - 5}", shut)
        else:
            yield _arrow(f"M{ends[0]} {y} H{ends[1]}")
        yield text((LEFT + RIGHT) / 2 + 8, y - 7, said)
    yield (
        f'<circle cx="{LEFT + 3}" cy="146" r="6" style="fill:var(--paper);'
        'stroke:var(--link);stroke-width:2"/>'
    )
    yield text(LEFT - 8, 150, "on the side", "wv-said", "end")
    yield (
        f'<path d="M{RIGHT - 1} 154 V178" style="stroke:var(--link);'
        'stroke-width:4;fill:none"/>'
    )
    yield text((LEFT + RIGHT) / 2 + 8, 188, "shut while nobody leads",
                "wv-said")  # fmt: skip
    for said, y in (("clock", 78), ("network", 146)):
        yield label(0, y + 4, said)
        yield _arrow(f"M62 {y} H89")
    yield label(0, 220, "disk, then")
    yield label(0, 236, "network")
    yield _arrow("M92 224 H70")
    yield text(
        94, BELOW + 26,
        "One loop must never wait for the other at a door that is shut.",
        "wv-said", "start",
    )  # fmt: skip


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(
        f"{said} {'to' if to_raft else 'from'} {channel}"
        for said, channel, _, to_raft in CROSSING
    )
    return frame(
        "loops", HEIGHT, "Two loops that meet at channels",
        f"{told}; propc is shut while nobody leads", _parts(),
        defs=tip("loops"),
    )  # fmt: skip
