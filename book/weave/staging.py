"""A joint change, drawn node by node: who votes where, and who waits.

The configurations come from the changer itself;
`tests/book/test_confchange.py` reads the picture back.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.canvas import frame, label, text, tip
from port import raftpb as pb
from port.confchange import Changer
from port.tracker import Config, ProgressTracker

HEIGHT = 318
LEFT, STEP, TOP, ROW = 108, 118, 62, 92
BEGINNING, CHANGE = "v1 v2 v3", "v4 l3 l5"
NODES = range(1, 6)


def stages() -> tuple[tuple[str, Config], ...]:
    """Returns the configurations before, within and after the change."""
    tracker = ProgressTracker(1, 0)
    changer = Changer(tracker, 1)
    for step in pb.conf_changes_from_string(BEGINNING):
        tracker.config, tracker.progress = changer.simple([step])
    found = [("before", tracker.config)]
    tracker.config, tracker.progress = changer.enter_joint(
        False, pb.conf_changes_from_string(CHANGE)
    )
    found.append(("joint", tracker.config))
    tracker.config, tracker.progress = changer.leave_joint()
    found.append(("after", tracker.config))
    return tuple(found)


def says(config: Config, id: int) -> tuple[str, ...]:
    """Returns what a node is, a line for each thing."""
    new, old = config.voters
    lines = []
    if id in new and id in old:
        lines.append("votes in both")
    elif id in new:
        lines.append("votes in new" if old else "votes")
    elif id in old:
        lines.append("votes in old")
    if id in config.learners:
        lines.append("learner")
    if id in config.learners_next:
        lines.append("learner next")
    return tuple(lines)


def _cell(x: int, y: int, lines: tuple[str, ...]) -> Iterator[str]:
    if not lines:
        look = "fill:none;stroke:var(--hair);stroke-dasharray:2 4"
    elif lines[0] == "learner":
        look = "fill:none;stroke:var(--muted);stroke-dasharray:5 3"
    else:
        look = "fill:var(--follower);stroke:var(--follower-ink)"
    yield (
        f'<rect x="{x}" y="{y}" width="{STEP - 10}" height="52" rx="6" '
        f'style="{look}"/>'
    )
    middle = x + (STEP - 10) / 2
    first = y + 31 - 9 * (len(lines) - 1)
    for n, line in enumerate(lines):
        ink = "" if line == "learner" else "fill:var(--follower-ink)"
        yield (
            f'<text x="{middle:g}" y="{first + 18 * n}" text-anchor="middle" '
            f'style="{ink}">{escape(line)}</text>'
        )


def _parts() -> Iterator[str]:
    for id in NODES:
        x = LEFT + STEP * (id - 1) + (STEP - 10) / 2
        yield text(x, 30, f"node {id}", "wv-strong")
    for n, (name, config) in enumerate(stages()):
        y = TOP + ROW * n
        yield label(0, y + 31, name, "wv-strong")
        for id in NODES:
            x = LEFT + STEP * (id - 1)
            yield from _cell(x, y, says(config, id))
        if n:
            yield (
                f'<path d="M14 {y - 44} V{y + 8}" style="fill:none;'
                'stroke:var(--muted);stroke-width:1.3;'
                'marker-end:url(#wv-staging-tip)"/>'
            )
            said = CHANGE if n == 1 else "leave"
            yield (
                f'<text x="24" y="{y - 14}" style="font-family:var(--mono)">'
                f"{said}</text>"
            )


def svg() -> str:
    """Returns the picture as one line of SVG."""
    told = "; ".join(f"{name}: {config}" for name, config in stages())
    return frame(
        "staging", HEIGHT, "A voter becomes a learner", told, _parts(),
        defs=tip("staging"),
    )  # fmt: skip
