"""Draws a family of transitions: states below each other, edges as links.

The drawing is made of the catalogue's rows alone, so it cannot differ from
them. States stand in a column, in the order in which an entry, a read or a
role goes through them. An edge to the next state runs straight down; every
other edge has a lane to the left. What leads nowhere, as *refused* or
*ignored*, stands to the right of the state that it happens in. An edge carries
a number for each of its rows, and each number is a link to its row.

The drawing is narrow, so that a phone shows it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

PILL, PILL_LEAST = 120, 36
LANE, DISC = 20, 9.5
STUB, GAP, CLOSE = 25, 30, 16
PORT = 12
NEAR = 17  # from a pill to the first lane, and to the first number
TURN = 7
SAID = 7.1  # the width of a letter, about


@dataclass(frozen=True, slots=True)
class Edge:
    """A row as an edge.

    Attributes:
        number: What stands on it.
        start: The state that it leaves.
        end: The state that it reaches.
        href: Where its row is.
        told: What to say of it to those who do not see it.
        here: Whether its row is on this page.
    """

    number: int
    start: str
    end: str
    href: str
    told: str
    here: bool = True


@dataclass(slots=True)
class _State:
    name: str
    stubs: list[tuple[str, list[Edge]]] = field(default_factory=list)
    ports: list[tuple[int, bool, str]] = field(default_factory=list)
    top: float = 0
    height: float = PILL_LEAST

    @property
    def middle(self) -> float:
        return self.top + self.height / 2

    @property
    def bottom(self) -> float:
        return self.top + self.height


# Edges in lanes, by the places of the states that they join.
Over = dict[tuple[int, int], list[Edge]]

# How a role's pill looks; see `roles.py`. Other states look alike.
STYLES = {
    "follower": "wv-follower",
    "pre-candidate": "wv-pre",
    "candidate": "wv-candidate",
    "leader": "wv-leader",
}


def svg(name: str, title: str, order: Sequence[str], edges: list[Edge]) -> str:
    """Returns the drawing as one line of SVG.

    Args:
        name: A word that its ids begin with.
        title: What it shows.
        order: States in the order in which they should stand; those that are
            not in it come behind, as they come in the rows.
        edges: The rows.
    """
    states = _states(order, edges)
    places = {state.name: at for at, state in enumerate(states)}
    down: dict[int, list[Edge]] = {}
    over: Over = {}
    for e in edges:
        if e.end not in places or e.start == e.end:
            end = "again" if e.start == e.end else e.end
            _stub(states[places[e.start]], end, e)
            continue
        start, end_ = places[e.start], places[e.end]
        if end_ == start + 1:
            down.setdefault(start, []).append(e)
        else:
            over.setdefault((start, end_), []).append(e)
    lanes = _lanes(over)
    left = NEAR + LANE * (max(lanes.values(), default=-1) + 1)
    _set(states, down, over)
    width = _width(states, down, left)
    height = states[-1].bottom + 4
    parts = [_head(name, title, edges, width, height)]
    for pair, lane in sorted(lanes.items(), key=lambda item: -item[1]):
        x = left - NEAR - LANE * lane
        parts += _over(name, states, pair, over[pair], x, left)
    for at, some in down.items():
        parts += _down(name, states[at], states[at + 1], some, left)
    for state in states:
        parts += _pill(state, left)
        parts += _stubs(name, state, left)
    return "".join((*parts, "</svg>"))


def _states(order: Sequence[str], edges: Iterable[Edge]) -> list[_State]:
    """Returns what has a pill: what something leaves, and what `order` has."""
    edges = list(edges)
    left = {e.start for e in edges}
    seen = [s for e in edges for s in (e.start, e.end)]
    names = [s for s in order if s in seen]
    names += [s for s in dict.fromkeys(seen) if s in left and s not in names]
    return [_State(s) for s in names]


def _stub(state: _State, end: str, e: Edge) -> None:
    for known, some in state.stubs:
        if known == end:
            some.append(e)
            return
    state.stubs.append((end, [e]))


def _lanes(over: Over) -> dict[tuple[int, int], int]:
    """Gives each edge a lane in which no other is in its way."""
    taken: list[list[tuple[int, int]]] = []
    lanes: dict[tuple[int, int], int] = {}
    for pair in sorted(over, key=lambda p: (abs(p[0] - p[1]), min(p))):
        low, high = min(pair), max(pair)
        free = (
            lane for lane, some in enumerate(taken)
            if all(high <= a or b <= low for a, b in some)
        )  # fmt: skip
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[pair] = lane
    return lanes


def _set(
    states: list[_State],
    down: dict[int, list[Edge]],
    over: Over,
) -> None:
    """Gives each state its place, with room for all that is beside it."""
    for start, end in over:
        states[start].ports.append((end, True, states[end].name))
        states[end].ports.append((start, False, states[start].name))
    for at, state in enumerate(states):
        # Upward ones on top, so that they do not cross; the longest outside.
        state.ports.sort(key=lambda p, at=at: (p[0] > at, -p[0]))  # type: ignore
        state.height = max(
            PILL_LEAST, PORT * len(state.ports) + 14, STUB * len(state.stubs)
        )
    top = 4.0
    joined = {at for pair in over for at in range(min(pair), max(pair))}
    gaps = [
        GAP if at in down or at not in joined else CLOSE
        for at in range(len(states))
    ]
    for (start, end), some in over.items():
        low, high = min(start, end), max(start, end)
        room = sum(gaps[low:high]) + sum(
            s.height for s in states[low + 1 : high]
        )
        wanted = 2 * DISC * len(some) + 6
        if room < wanted:
            gaps[(low + high - 1) // 2] += int(wanted - room)
    for state, gap in zip(states, gaps, strict=True):
        state.top = top
        top += state.height + gap


def _width(
    states: list[_State], down: dict[int, list[Edge]], left: float
) -> float:
    right = left + PILL + 4
    for state in states:
        for said, some in state.stubs:
            numbers = NEAR + 2 * DISC * len(some) + 6
            wide = left + PILL + numbers + SAID * len(said) + 8
            right = max(right, wide)
    for some in down.values():
        right = max(right, left + PILL / 2 + 10 + 2 * DISC * len(some) + 8)
    return right


def _head(
    name: str, title: str, edges: list[Edge], width: float, height: float
) -> str:
    return "".join([
        f'<svg class="wv-moves" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" role="group" aria-labelledby="{name}-t">',
        f'<title id="{name}-t">{escape(title)}</title>',
        f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        '<path d="M0 0.8 8 4 0 7.2z"/></marker></defs>',
    ])  # fmt: skip


def _port(state: _State, other: int, leaves: bool) -> float:
    at = next(
        n for n, p in enumerate(state.ports) if p[:2] == (other, leaves)
    )
    first = state.middle - PORT * (len(state.ports) - 1) / 2
    return first + PORT * at


def _over(
    name: str,
    states: list[_State],
    pair: tuple[int, int],
    some: list[Edge],
    x: float,
    left: float,
) -> Iterator[str]:
    start, end = pair
    y1 = _port(states[start], end, True)
    y2 = _port(states[end], start, False)
    by = TURN if y2 > y1 else -TURN
    yield (
        f'<path class="wv-way" marker-end="url(#{name}-tip)" '
        f'd="M{left - 1:g} {y1:g} H{x + TURN:g} Q{x:g} {y1:g} {x:g} '
        f"{y1 + by:g} V{y2 - by:g} Q{x:g} {y2:g} {x + TURN:g} {y2:g} "
        f'H{left - 3:g}"/>'
    )
    low = max(states[min(pair)].bottom, min(y1, y2) + TURN)
    high = min(states[max(pair)].top, max(y1, y2) - TURN)
    first = (low + high) / 2 - DISC * (len(some) - 1)
    for n, e in enumerate(some):
        yield _number(e, x, first + 2 * DISC * n)


def _down(
    name: str, a: _State, b: _State, some: list[Edge], left: float
) -> Iterator[str]:
    x = left + PILL / 2
    yield (
        f'<path class="wv-way" marker-end="url(#{name}-tip)" '
        f'd="M{x:g} {a.bottom:g} V{b.top - 2:g}"/>'
    )
    y = (a.bottom + b.top) / 2 - 1
    for n, e in enumerate(some):
        yield _number(e, x + 15 + 2 * DISC * n, y)


def _pill(state: _State, left: float) -> Iterator[str]:
    style = STYLES.get(state.name, "wv-state")
    y, h = state.top, state.height
    yield (
        f'<g class="wv-role {style}"><rect x="{left:g}" y="{y:g}" '
        f'width="{PILL}" height="{h:g}" rx="17"/>'
    )
    if style == "wv-leader":
        yield (
            f'<rect class="wv-inner" x="{left + 3:g}" y="{y + 3:g}" '
            f'width="{PILL - 6}" height="{h - 6:g}" rx="14"/>'
        )
    words = _wrapped(state.name, 16)
    first = state.middle + 4.5 - 8 * (len(words) - 1)
    for n, line in enumerate(words):
        yield (
            f'<text x="{left + PILL / 2:g}" y="{first + 16 * n:g}">'
            f"{escape(line)}</text>"
        )
    yield "</g>"


def _stubs(name: str, state: _State, left: float) -> Iterator[str]:
    first = state.middle - STUB * (len(state.stubs) - 1) / 2
    for n, (said, some) in enumerate(state.stubs):
        y = first + STUB * n
        x = left + PILL
        at = x + NEAR - 4
        yield f'<path class="wv-way" d="M{x:g} {y:g} H{at:g}"/>'
        for k, e in enumerate(some):
            yield _number(e, at + DISC + 2 * DISC * k, y)
        at += 2 * DISC * len(some) + 6
        yield f'<text class="wv-end" x="{at:g}" y="{y + 4.5:g}">'
        yield f"{escape(said)}</text>"


def _number(e: Edge, x: float, y: float) -> str:
    away = "" if e.here else " wv-away"
    return (
        f'<a href="{escape(e.href)}" class="wv-move{away}" '
        f'aria-label="{escape(e.told)}"><title>{escape(e.told)}</title>'
        f'<circle cx="{x:g}" cy="{y:g}" r="8.4"/>'
        f'<text x="{x:g}" y="{y + 3.8:g}">{e.number}</text></a>'
    )


def _wrapped(text: str, most: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


