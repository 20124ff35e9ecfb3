"""The loop of a node, drawn: which channel is armed when.

`tests/book/test_node.py` watches a real node and compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from book.weave.canvas import frame, label, text, tip

HEIGHT = 376
ALWAYS = ("recvc", "confc", "tickc", "status", "stop")
# What else is armed: while nothing is to be handed out, while a `Ready` is
# on offer, and while the application has one.
CYCLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nothing to hand out", ()),
    ("a Ready on offer", ("readyc",)),
    ("the application has it", ("advancec",)),
)
LEADER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("no leader known, or removed", ()),
    ("a leader known", ("propc",)),
)


def _channel(x: int, y: int, name: str) -> str:
    width = 18 + 8 * len(name)
    return (
        f'<rect x="{x - width // 2}" y="{y - 13}" width="{width}" '
        'height="26" rx="13" style="fill:var(--band);stroke:var(--link);'
        'stroke-width:1.5"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" '
        f'style="font-family:var(--mono)">{name}</text>'
    )


def _box(x: int, y: int, width: int, told: str, names: tuple[str, ...]) -> str:
    middle = x + width // 2
    inside = (
        "".join(_channel(middle, y + 46, n) for n in names)
        if names
        else text(middle, y + 51, "neither" if width < 200 else "closed",
                  "wv-said")
    )
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="74" rx="6" '
        'style="fill:var(--tint);stroke:var(--hair);stroke-width:1.2"/>'
        f"{text(middle, y + 22, told)}{inside}"
    )


def _arrow(d: str) -> str:
    return (
        f'<path d="{d}" style="fill:none;stroke:var(--muted);'
        'stroke-width:1.3;marker-end:url(#wv-turns-tip)"/>'
    )


def _parts() -> Iterator[str]:
    yield label(0, 16, "The way of a Ready", "wv-strong")
    left = (0, 250, 500)
    for x, (told, names) in zip(left, CYCLE, strict=True):
        yield _box(x, 44, 190, told, names)
    yield _arrow("M192 81 H246")
    yield text(219, 72, "work", "wv-said")
    yield _arrow("M442 81 H496")
    yield text(469, 72, "taken", "wv-said")
    yield _arrow("M595 120 V168 Q595 176 587 176 H79 Q71 176 71 168 V122")
    yield text(470, 170, "advance", "wv-said")
    yield _arrow("M470 86 V140 Q470 148 462 148 H127 Q119 148 119 140 V122")
    yield text(296, 142, "taken, with asynchronous writes", "wv-said")
    yield _arrow("M360 42 V34 Q360 26 352 26 H338 Q330 26 330 34 V41")
    yield label(370, 34, "anything else came first: a new one", "wv-said")

    yield label(0, 216, "Proposals", "wv-strong")
    for x, (told, names) in zip((0, 290), LEADER, strict=True):
        yield _box(x, 232, 220, told, names)
    yield _arrow("M222 258 H286")
    yield text(254, 249, "elected", "wv-said")
    yield _arrow("M288 282 H224")
    yield text(255, 300, "lost", "wv-said")

    yield label(0, 350, "Always", "wv-strong")
    x = 112
    for name in ALWAYS:
        yield _channel(x, 345, name)
        x += 96


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = (
        "A Ready goes round: as long as there is nothing to hand out neither "
        "readyc nor advancec is armed; when there is work, readyc is, with "
        "a new Ready each turn; when the application has taken it, advancec "
        "is, until it is called. With asynchronous writes it goes straight "
        "back. Apart from this, propc is armed while a leader is known. "
        "Always armed are recvc, confc, tickc, status and stop."
    )
    return frame(
        "turns", HEIGHT, "Which channel is armed when", told, _parts(),
        defs=tip("turns"),
    )  # fmt: skip
