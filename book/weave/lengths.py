"""How long the functions are, Go's and ours, as two rows of bars.

Counted at build: ours in the files, the Go's in the facts about upstream.
`tests/book/test_style.py` compares with what the page says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from book.weave import facts, measure
from book.weave.canvas import WIDTH, frame, label, text

HEIGHT = 262
LEFT, STEP, BASE, TALLEST = 60, 104, 196, 132
PORT = Path(__file__).parents[2] / "port"
# What raft is made of, less scripts, messages and Go's channels.
GO = ("quorum/", "tracker/", "confchange/")
OURS = ("raft.py", "node.py", "rawnode.py", "log.py", "log_unstable.py",
        "storage.py", "read_only.py", "bootstrap.py", "status.py", "types.py",
        "util.py", "logger.py", "state_trace.py", "quorum", "tracker",
        "confchange")  # fmt: skip
EDGES = (1, 6, 11, 21, 41, 81, 1000)


def go_functions() -> dict[str, int]:
    """Returns the length of each Go function of the core, by its name."""
    return {
        f"{name} {item.owner}.{item.name}": len(
            known.code & set(range(item.first, item.last + 1))
        )
        for name, known in facts.load().items()
        if name.endswith(".go") and ("/" not in name or name.startswith(GO))
        for item in known.items
        if item.kind in ("func", "method")
    }


def our_functions() -> dict[str, int]:
    """Returns the same of the port."""
    found = measure.measure(PORT / name for name in OURS)
    return {f"{m.file} {m.name}": m.lines for m in found}


def bins(lengths: dict[str, int]) -> list[int]:
    """Returns how many functions are in each class of length."""
    return [
        sum(first <= n < end for n in lengths.values())
        for first, end in pairwise(EDGES)
    ]


def longest(lengths: dict[str, int], count: int) -> list[tuple[str, int]]:
    """Returns the longest, by their bare names."""
    ranked = sorted(lengths.items(), key=lambda pair: -pair[1])
    return [(name.rpartition(".")[2], n) for name, n in ranked[:count]]


def _parts() -> Iterator[str]:
    go, ours = go_functions(), our_functions()
    rows = (("Go", go, "follower"), ("the port", ours, "leader"))
    most = max(max(bins(lengths)) for _, lengths, _ in rows)
    for n, (name, lengths, look) in enumerate(rows):
        fill = f"fill:var(--{look});stroke:var(--{look}-ink)"
        y = 14 + 22 * n
        yield f'<rect x="470" y="{y - 11}" width="14" height="14" '
        yield f'style="{fill}"/>'
        yield label(492, y + 1, f"{name}: {len(lengths)} functions")
        for place, count in enumerate(bins(lengths)):
            height = TALLEST * count / most
            x = LEFT + STEP * place + 38 * n - 34
            yield (
                f'<rect x="{x:g}" y="{BASE - height:g}" width="34" '
                f'height="{height:g}" style="{fill}"/>'
            )
            yield text(x + 17, BASE - height - 6, str(count))
    yield (
        f'<path d="M0 {BASE} H{WIDTH}" style="stroke:var(--muted);'
        'stroke-width:1.2;fill:none"/>'
    )
    for place, (first, end) in enumerate(pairwise(EDGES)):
        said = f"{first} to {end - 1}" if end < EDGES[-1] else f"{first} on"
        yield text(LEFT + STEP * place + 2, BASE + 20, said, "wv-said")
    yield label(0, BASE + 44, "lines of code", "wv-said")
    told = ", ".join(f"{name} {n}" for name, n in longest(go, 3))
    yield text(WIDTH, BASE + 44, told, "wv-said", "end")


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(
        f"{name}: {', '.join(map(str, bins(lengths)))}"
        for name, lengths in (("Go", go_functions()), ("port", our_functions()))
    )
    return frame(
        "lengths", HEIGHT, "How long functions are", told, _parts()
    )
