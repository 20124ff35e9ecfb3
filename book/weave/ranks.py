"""Five voters, put in order of what they have acknowledged.

The picture of the chapter on quorums. What it says of them is computed by the
port; `tests/book/test_quorum.py` reads it back.
"""

from __future__ import annotations

from collections.abc import Iterator

from book.weave.canvas import frame, label, text
from port.quorum import MajorityConfig, MapAckIndexer

HEIGHT = 252
TOP, ROW = 66, 34
SCALE = 19

VOTERS = MajorityConfig({1, 2, 3, 4, 5})
ACKED = MapAckIndexer({1: 7, 2: 5, 3: 9, 4: 4})


def committed() -> int:
    """Returns what a majority has."""
    return VOTERS.committed_index(ACKED)


def ranked() -> list[tuple[int, int]]:
    """Returns `(index, voter)` in order, who has least first."""
    return sorted((ACKED.get(voter, 0), voter) for voter in VOTERS)


def place() -> int:
    """Returns which of the ranked decides, counted from 0."""
    return len(VOTERS) - (len(VOTERS) // 2 + 1)


def _bar(x: int, y: int, voter: int, decides: bool = False) -> Iterator[str]:
    index = ACKED.get(voter)
    yield (
        f'<circle class="wv-disk" cx="{x}" cy="{y}" r="12"/>'
        f'<text class="wv-tag" x="{x}" y="{y + 4}">{voter}</text>'
    )
    if index is None:
        yield label(x + 22, y + 5, "not heard of", "wv-said")
        return
    edge = "var(--link);stroke-width:2" if decides else "var(--muted)"
    yield (
        f'<rect x="{x + 20}" y="{y - 8}" width="{SCALE * index}" '
        f'height="16" style="fill:var(--follower);stroke:{edge}"/>'
    )
    yield label(
        x + 26 + SCALE * index, y + 5, str(index),
        "wv-strong" if decides else "",
    )


def _parts() -> Iterator[str]:
    yield label(0, 20, "Five voters, and what each has stored", "wv-strong")
    for n, voter in enumerate(sorted(VOTERS)):
        yield from _bar(14, TOP + ROW * n, voter)
    left = 400
    first = left - 46
    yield label(first, 20, "In order", "wv-strong")
    for n, (_, voter) in enumerate(ranked()):
        y = TOP + ROW * n
        yield label(first, y + 5, str(n), "wv-said")
        yield from _bar(left, y, voter, n == place())
    upper, lower = TOP + ROW * place() - 14, TOP + ROW * 4 + 14
    mark = left + 20 + SCALE * committed()
    yield (
        f'<path d="M{mark} {upper - 8} V{lower + 8}" style="fill:none;'
        'stroke:var(--link);stroke-width:1.4;stroke-dasharray:4 3"/>'
        f'<path d="M634 {upper} h8 V{lower} h-8" style="fill:none;'
        'stroke:var(--muted);stroke-width:1.3"/>'
    )
    middle = (upper + lower) / 2
    yield label(650, middle - 2, "three")
    yield label(650, middle + 14, "of five")
    yield text(
        mark, lower + 26, f"a majority has all up to {committed()}",
    )


def svg() -> str:
    """Returns the picture as one line of SVG."""
    has = ", ".join(f"voter {v} has {i}" for v, i in sorted(ACKED.items()))
    order = ", ".join(str(index) for index, _ in ranked())
    told = (
        f"Left: {has}, and of voter 5 nothing is known. Right: the same in "
        f"order, {order}. The one in place {place()}, counted from 0, is "
        f"{committed()}: it and the two after it are a majority."
    )
    return frame(
        "ranks", HEIGHT, "What a majority has, found by sorting", told,
        _parts(),
    )  # fmt: skip
