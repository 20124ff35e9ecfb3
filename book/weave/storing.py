"""What waits for the disk: one `Ready` at a time, and without waiting.

The names are raft's. `tests/book/test_rawnode.py` asks the port which
messages wait, and runs the scenario that the lower half shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from book.weave.drawn import (
    _PLAIN,
    _SMALL,
    _STRONG,
    WIDTH,
    _path,
    _rect,
    _svg,
    _text,
)

# Messages that promise something, and so wait until it is stored.
PROMISES = ("MsgAppResp", "MsgVoteResp", "MsgPreVoteResp")

_LANES = ("raft", "network", "disk", "machine")
_BOX = "fill:var(--band);stroke:var(--muted);stroke-width:1"
_LEFT, _STEP = 104, 50


def _lane(top: int, name: str) -> int:
    return top + _STEP * _LANES.index(name)


def _rails(top: int, names: tuple[str, ...]) -> Iterator[str]:
    rail = "fill:none;stroke:var(--hair);stroke-width:1.2"
    for n, name in enumerate(names):
        y = top + _STEP * n
        yield _text(0, y + 5, name, _SMALL, "start")
        yield f'<path d="M{_LEFT} {y} H{WIDTH - 4}" style="{rail}"/>'


def _box(x: int, end: int, y: int, said: str) -> Iterator[str]:
    yield _rect(x, y - 13, end - x, 26, _BOX)
    yield _text((x + end) / 2, y + 5, said, _PLAIN)


def _dot(x: int, y: int, said: str, anchor: str = "middle") -> Iterator[str]:
    yield (
        f'<circle cx="{x}" cy="{y}" r="4.5" style="fill:var(--link)"/>'
    )
    yield _text(x, y - 13, said, _STRONG, anchor)


def _down(x: int, first: int, last: int) -> str:
    """Draws an arrow from one lane to another, at one moment."""
    down = 1 if last > first else -1
    return _path(f"M{x} {first + 13 * down} V{last - 15 * down}", "order")


def _one_at_a_time(top: int) -> Iterator[str]:
    raft, network, disk, machine = (_lane(top, name) for name in _LANES)
    yield from _rails(top, ("raft", "network", "disk", "application"))
    yield from _box(124, 268, network, "requests: MsgApp ..")
    yield from _box(124, 396, disk, "snapshot, entries, hard state")
    yield from _box(402, 520, network, "promises")
    yield from _box(402, 616, machine, "snapshot, entries, reads")
    yield from _dot(114, raft, "Ready")
    yield from _dot(632, raft, "advance")
    yield _path(f"M114 {raft + 6} V{disk - 8} Q114 {disk} 121 {disk}",
                "order")
    yield _path(f"M114 {network - 8} Q114 {network} 121 {network}", "order")
    yield _path(f"M402 {disk} Q410 {disk} 410 {disk - 8} V{network + 16}",
                "order")
    yield _path(f"M402 {disk} Q410 {disk} 410 {disk + 8} V{machine - 16}",
                "order")
    yield _path(f"M619 {machine} H624 Q632 {machine} 632 {machine - 8} "
                f"V{raft + 8}", "order")


def _without_waiting(top: int) -> Iterator[str]:
    raft, network, disk, machine = (_lane(top, name) for name in _LANES)
    yield from _rails(top, ("raft", "network", "append thread",
                            "apply thread"))
    for x in (114, 196):
        yield _path(f"M{x} {raft + 6} V{network - 8} Q{x} {network} "
                    f"{x + 7} {network}", "order")
    yield _path(f"M114 {network - 8} V{disk - 8} Q114 {disk} 121 {disk}",
                "order")
    yield _path(f"M196 {network - 8} V{disk - 15}", "order")
    for x, said in ((340, "4 is stable"), (466, "5 is stable")):
        yield _path(f"M{x} {disk - 13} V{raft + 8}", "order")
        yield _text(x - 6, network + 29, said, _SMALL, "end")
    yield _path(f"M372 {raft + 6} V{machine - 8} Q372 {machine} 379 "
                f"{machine}", "order")
    yield _path(f"M500 {raft + 6} V{machine - 15}", "order")
    yield _path(f"M640 {machine} H648 Q656 {machine} 656 {machine - 8} "
                f"V{raft + 8}", "order")
    yield _text(656, raft - 13, "applied", _SMALL)
    for x in (114, 196, 372, 500):
        yield from _dot(x, raft, "Ready")
    for x, end, said in ((124, 186, "MsgApp"), (206, 268, "MsgApp")):
        yield from _box(x, end, network, said)
    yield from _box(124, 340, disk, "entry 4")
    yield from _box(340, 466, disk, "entry 5")
    yield from _box(382, 528, machine, "entry 4")
    yield from _box(528, 640, machine, "entry 5")


def order() -> str:
    """Returns the picture as one line of SVG."""
    return _svg(
        "order", 480, "What waits for what in a Ready",
        "Above, one Ready at a time: requests may leave at once; snapshot,"
        " entries and hard state are stored; when they are, promises leave"
        " and the application applies; then advance. Below, with asynchronous"
        " writes: two Readys hand entry 4 and entry 5 to the append thread,"
        " which writes one after the other and reports each; after each"
        " report a Ready hands the entry to the apply thread.",
        [
            _text(0, 16, "One at a time, and advance", _STRONG, "start"),
            *_one_at_a_time(56),
            _text(0, 264, "With asynchronous writes", _STRONG, "start"),
            *_without_waiting(306),
        ],
    )
