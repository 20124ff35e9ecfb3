"""What a `MemoryStorage` holds from call to call, drawn.

The port's own storage is called while the picture is made, so there is
nothing that could be drawn wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from book.weave.canvas import code
from book.weave.marks import CELL, TALL, _cell, _say, _svg
from port import raftpb as pb
from port.storage import MemoryStorage

_LEFT, _STEP = 268, 40
_LAST = 8


def _entries(first: int, *terms: int) -> list[pb.Entry]:
    return [pb.Entry(term=t, index=i) for i, t in enumerate(terms, first)]


def _snapshot(index: int, term: int) -> pb.Snapshot:
    return pb.Snapshot(
        metadata=pb.SnapshotMetadata(pb.ConfState(), index=index, term=term)
    )


CALLS: tuple[tuple[str, Callable[[MemoryStorage], object]], ...] = (
    ("MemoryStorage()", lambda s: None),
    ("append(1 .. 6)", lambda s: s.append(_entries(1, 1, 1, 1, 1, 1, 1))),
    ("create_snapshot(4)", lambda s: s.create_snapshot(4, None, b"")),
    ("compact(3)", lambda s: s.compact(3)),
    ("append(6, 7)", lambda s: s.append(_entries(6, 2, 2))),
    ("append(2, 3, 4)", lambda s: s.append(_entries(2, 1, 1, 1))),
    ("apply_snapshot(8)", lambda s: s.apply_snapshot(_snapshot(8, 3))),
)


def calls() -> str:
    """Returns the picture as one line of SVG."""

    def x(index: int) -> float:
        return _LEFT + index * CELL

    def parts() -> Iterator[str]:
        storage = MemoryStorage()
        for index in range(_LAST + 1):
            yield _say(x(index) + CELL / 2, 16, str(index), "wv-index")
        for row, (said, call) in enumerate(CALLS):
            call(storage)
            y = 26 + _STEP * row
            yield code(0, y + 18, said, "start")
            stand_in, *kept = storage.ents
            at = x(stand_in.index or 0)
            yield (
                f'<rect x="{at + 1:g}" y="{y}" width="{CELL - 2}" '
                f'height="{TALL}" style="fill:none;stroke:var(--muted);'
                'stroke-dasharray:2 3"/>'
            )
            yield _say(at + CELL / 2, y + 18, str(stand_in.term or 0))
            for e in kept:
                yield _cell(x(e.index or 0), y, e.term or 0)
            if covered := storage.snapshot().index:
                yield (
                    f'<path class="wv-moment" d="M{x(0):g} {y + TALL + 5} '
                    f'H{x(covered + 1) - 2:g} v-4" '
                    'style="stroke-width:2"/>'
                )

    return _svg(
        "calls", 692, 26 + _STEP * len(CALLS), "A storage from call to call",
        "Empty, it has a stand-in at index 0. Entries 1 to 6 are appended. A"
        " snapshot is made at 4 and nothing else changes. Compacted at 3, the"
        " stand-in is at 3 and 4 to 6 are left. Entries 6 and 7 of term 2"
        " replace 6 and add 7. Entries 2 to 4 are appended: 2 and 3 are passed"
        " over, 4 is taken and all behind it goes. A snapshot of index 8 is"
        " applied: only a stand-in at 8 is left.",
        parts(),
    )  # fmt: skip
