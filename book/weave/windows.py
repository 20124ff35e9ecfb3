"""What a leader knows of a follower, drawn: three progresses, one window.

The progresses are real ones, brought about by calls; the pictures read their
fields. `tests/book/test_tracker.py` reads the pictures back.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin

from book.weave.canvas import code, frame, label, text, tip
from port.tracker import (
    Inflights,
    Progress,
    StateProbe,
    StateReplicate,
    StateSnapshot,
)

CELL, LAST = 56, 12
LEFT = 8
ROWS = {StateProbe: 62, StateReplicate: 208, StateSnapshot: 354}
PIECE = 2  # entries in one append
COMPACTED = 8  # the leader's log begins behind this one


def probing() -> Progress:
    """Returns a progress of which only a guess is known."""
    pr = Progress(match=0, next=LAST + 1, inflights=Inflights(4))
    pr.maybe_decr_to(LAST, 7)
    pr.sent_entries(1, 100)
    return pr


def replicating() -> Progress:
    """Returns a progress with two messages under way."""
    pr = Progress(match=5, next=6, inflights=Inflights(4))
    pr.become_replicate()
    for _ in range(2):
        pr.sent_entries(PIECE, 200)
    return pr


def waiting() -> Progress:
    """Returns a progress that waits for a snapshot to arrive."""
    pr = Progress(match=3, next=4, inflights=Inflights(4))
    pr.become_snapshot(COMPACTED)
    return pr


SHOWN = (
    (probing(), "sends one, and waits for the answer"),
    (replicating(), "sends on, as far as the window goes"),
    (waiting(), "sends nothing: a snapshot is on its way"),
)


def _at(index: float) -> float:
    """Returns where the cell of an entry begins."""
    return LEFT + CELL * (index - 1)


def kind(pr: Progress, index: int) -> str:
    """Returns what is known of an entry: has, sent, gone, guess or open."""
    if index <= pr.match:
        return "has"
    if pr.state is StateSnapshot and index <= pr.pending_snapshot:
        return "gone"
    if pr.state is StateReplicate and index < pr.next:
        return "sent"
    if pr.state is StateProbe and index < pr.next:
        return "guess"
    return "open"


_LOOKS = {
    "has": "fill:var(--follower);stroke:var(--follower-ink)",
    "sent": "fill:var(--band);stroke:var(--link);stroke-width:1.6",
    "guess": "fill:none;stroke:var(--muted);stroke-dasharray:3 3",
    "gone": "fill:var(--down);stroke:var(--muted);stroke-dasharray:3 3",
    "open": "fill:none;stroke:var(--hair)",
}


def _brace(first: int, last: int, y: float, said: str) -> Iterator[str]:
    left, right = _at(first) + 3, _at(last + 1) - 3
    yield (
        f'<path d="M{left:g} {y:g} v-7 H{right:g} v7" style="fill:none;'
        'stroke:var(--muted);stroke-width:1.3"/>'
    )
    yield text((left + right) / 2, y - 13, said, "wv-said")


def _mark(x: float, y: float, name: str, anchor: str = "middle") -> str:
    return (
        f'<path d="M{x:g} {y + 20:g} V{y + 3:g}" style="fill:none;'
        'stroke:var(--link);stroke-width:1.5;'
        'marker-end:url(#wv-progress-tip)"/>'
        + code(x, y + 35, name, anchor)
    )


def _row(pr: Progress, says: str) -> Iterator[str]:
    y = ROWS[pr.state]
    yield label(0, y - 46, pr.state.name.removeprefix("State"), "wv-strong")
    yield label(82, y - 46, says, "wv-said")
    for index in range(1, LAST + 1):
        look = _LOOKS[kind(pr, index)]
        x = _at(index)
        yield (
            f'<rect x="{x + 1:g}" y="{y}" width="{CELL - 2}" height="26" '
            f'style="{look}"/>'
        )
        yield text(x + CELL / 2, y + 18, str(index), "wv-index")
    if pr.match:
        yield _mark(_at(pr.match) + CELL / 2, y + 28, "match")
    else:
        yield code(_at(1), y + 63, "match = 0", "start")
    yield _mark(_at(pr.next) + CELL / 2, y + 28, "next")
    if pr.state is StateProbe:
        yield from _brace(1, pr.next - 1, y - 5, "guessed: the logs agree")
    elif pr.state is StateReplicate:
        first = pr.match + 1
        for last, _ in pr.inflights.buffer:
            yield from _brace(first, last, y - 5, "one message")
            first = last + 1
    else:
        yield from _brace(
            pr.match + 1, pr.pending_snapshot, y - 5,
            "no longer in the leader's log",
        )


def progress() -> str:
    """Returns the three progresses as one line of SVG."""
    told = "; ".join(
        f"{pr.state}: match {pr.match}, next {pr.next}, {says}"
        for pr, says in SHOWN
    )
    parts = (part for pr, says in SHOWN for part in _row(pr, says))
    return frame(
        "progress", 424, "What a leader knows in each state", told, parts,
        defs=tip("progress", "fill:var(--link)"),
    )  # fmt: skip


RING = 8  # how many messages the window of the second picture may hold
SENT = ((21, 3), (24, 3), (25, 1), (30, 5), (31, 1), (36, 5))
START = 5  # the slot of the oldest
ACKED = 25
BYTES = 100  # each entry


def window() -> Inflights:
    """Returns the window of the second picture."""
    inflights = Inflights(RING)
    for last, entries in SENT:
        inflights.add(last, entries * BYTES)
    return inflights


def slots() -> dict[int, int]:
    """Returns what lies in which slot of the ring."""
    held = [index for index, _ in window().buffer]
    return {(START + n) % RING: index for n, index in enumerate(held)}


def _ring() -> Iterator[str]:
    middle, high, far, near = 150.0, 142.0, 96.0, 56.0
    held = slots()
    for slot in range(RING):
        low, top = (pi * (2 * (slot + s) / RING - 0.5) for s in (0, 1))
        wide, narrow = (
            [
                f"{middle + r * cos(a):.1f} {high + r * sin(a):.1f}"
                for a in (low, top)
            ]
            for r in (far, near)
        )
        d = (
            f"M{wide[0]} A{far} {far} 0 0 1 {wide[1]} "
            f"L{narrow[1]} A{near} {near} 0 0 0 {narrow[0]} z"
        )
        index = held.get(slot)
        look = "open" if index is None else "sent"
        if index is not None and index <= ACKED:
            look = "has"
        yield f'<path d="{d}" style="{_LOOKS[look]}"/>'
        angle = (low + top) / 2
        if index is not None:
            r = (far + near) / 2
            yield text(
                middle + r * cos(angle), high + r * sin(angle) + 4.5,
                str(index),
            )
        yield text(
            middle + (far + 13) * cos(angle),
            high + (far + 13) * sin(angle) + 4.5,
            str(slot), "wv-index",
        )
    yield text(middle, high - 2, f"start {START}")
    yield text(middle, high + 16, f"count {len(held)}")
    yield label(0, 16, "In Go: a ring", "wv-strong")


def _queue() -> Iterator[str]:
    left, y, width = 340, 62, 46
    inflights = window()
    yield label(left, 16, "In Python: a queue", "wv-strong")
    for n, (index, _) in enumerate(inflights.buffer):
        look = _LOOKS["has" if index <= ACKED else "sent"]
        x = left + width * n
        yield (
            f'<rect x="{x + 1}" y="{y}" width="{width - 2}" height="30" '
            f'style="{look}"/>'
        )
        yield text(x + width / 2, y + 20, str(index))
    end = left + width * len(inflights.buffer)
    yield label(left, y - 8, "oldest", "wv-said")
    yield text(end, y - 8, "latest", "wv-said", "end")
    freed = sum(1 for index, _ in inflights.buffer if index <= ACKED)
    yield (
        f'<path d="M{left + 3} {y + 36} v7 H{left + width * freed - 3} v-7" '
        'style="fill:none;stroke:var(--muted);stroke-width:1.3"/>'
    )
    yield label(left, y + 60, f"freed by an answer for {ACKED}", "wv-said")
    before = inflights.bytes
    inflights.free_le(ACKED)
    yield code(left, y + 108, f"bytes  {before} -> {inflights.bytes}",
               "start")
    yield code(left, y + 130, f"start     {START} -> "
               f"{(START + freed) % RING}", "start")
    yield code(left, y + 152, f"count     {len(SENT)} -> "
               f"{inflights.count()}", "start")


def ring() -> str:
    """Returns the window as one line of SVG, as Go and as Python keep it."""
    held = ", ".join(f"slot {s}: {i}" for s, i in sorted(slots().items()))
    told = (
        f"Left, a ring of {RING} slots that begins at slot {START}: {held}. "
        f"Right, the same in a queue. An answer for {ACKED} frees the "
        "messages that end at or before it, from the oldest on."
    )
    parts = (part for half in (_ring(), _queue()) for part in half)
    return frame(
        "ring", 264, "A window of six messages", told, parts,
        defs=tip("ring", "fill:var(--link)"),
    )  # fmt: skip
