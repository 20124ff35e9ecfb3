"""`python -m kv cluster --demo`: a cluster's story, told by itself.

Writes; the leader is killed; an election; more writes; the dead node comes
back and catches up from the log. Then it is killed once more, and misses more
than the log is kept for: this time it is sent a snapshot. Beside it runs one
client that writes all the time and keeps book of when it was answered.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from kv.client import Client, Connection, KvError
from kv.parts import SNAPSHOT_EVERY
from kv.processes import Cluster, Member
from kv.world import real_world

PERIOD: Final = 0.02  # seconds between two looks at the nodes
PAUSE: Final = 1.5  # seconds between chapters
VALUE: Final = b"v" * 100
DEPTH: Final = 256  # requests sent ahead


class Look(NamedTuple):
    """What a node said at a time; `role` is `down` if nothing."""

    time: float
    role: str
    term: int
    commit: int
    applied: int


class Event(NamedTuple):
    """Something that was done to the cluster."""

    time: float
    text: str


class Story:
    """All that was seen and done."""

    def __init__(self, cluster: Cluster) -> None:
        """Begins now."""
        self.cluster = cluster
        self.begin = time.monotonic()
        self.looks: dict[int, list[Look]] = {m: [] for m in cluster.members}
        self.events: list[Event] = []
        self.answered: list[float] = []
        self.failed = 0
        self.facts: list[tuple[str, str]] = []

    def now(self) -> float:
        """Returns seconds since the story began."""
        return time.monotonic() - self.begin

    def tell(self, text: str) -> None:
        """Says what happens, to those who watch and for the picture."""
        self.events.append(Event(self.now(), text))
        print(f"{self.now():7.2f} s  {text}", flush=True)

    def fact(self, name: str, value: str) -> None:
        """Notes what was measured."""
        self.facts.append((name, value))
        print(f"{'':11}{name}: {value}", flush=True)

    async def watch(self) -> None:
        """Looks at the nodes, again and again."""
        while True:
            await self.cluster.ask(0.2)
            now = self.now()
            for m in self.cluster.members.values():
                s = m.status
                self.looks[m.id].append(
                    Look(now, "down", 0, 0, 0) if s is None else
                    Look(now, s["role"], s["term"], s["commit"],
                         s["applied"])
                )  # fmt: skip
            await asyncio.sleep(PERIOD)

    async def write(self) -> None:
        """Writes a counter, one after another, as a client would."""
        async with Client(
            self.cluster.addresses(), timeout=20.0, try_timeout=0.25
        ) as client:
            for n in range(1, 1 << 30):
                try:
                    await client.put(b"counter", b"%d" % n)
                    self.answered.append(self.now())
                except KvError:
                    self.failed += 1
                await asyncio.sleep(0.005)

    def gap(self, since: float) -> tuple[float, float]:
        """Returns the longest time without an answer, as from and to."""
        times = [since, *(t for t in self.answered if t >= since)]
        pairs = pairwise(times)
        return max(pairs, key=lambda p: p[1] - p[0], default=(since, since))


async def fill(member: Member, count: int) -> None:
    """Writes many values quickly, many at a time."""
    connection = await Connection.open(real_world(), member.address)
    sent = 0
    for done in range(count):
        while sent < count and sent - done < DEPTH:
            connection.send(b"SET", b"key%d" % (sent % 1000), VALUE)
            sent += 1
        answer = await connection.receive()
        if answer != b"OK":
            raise KvError(f"a write was refused: {answer!r}")
    connection.close()


async def demo(cluster: Cluster, out: Path) -> int:
    """Tells the story; returns the exit code."""
    story = Story(cluster)
    story.tell(f"{len(cluster.members)} nodes start")
    await cluster.leader()
    tasks = [
        asyncio.create_task(story.watch()),
        asyncio.create_task(story.write()),
    ]
    try:
        await _chapters(story)
    finally:
        for task in tasks:
            task.cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
    out.write_text(page(story), encoding="utf-8")
    print(f"\nthe picture: {out.resolve()}")
    return 0


async def _chapters(story: Story) -> None:
    cluster = story.cluster
    leader = await cluster.leader()
    story.tell(f"node {leader.id} leads; a client writes")
    await asyncio.sleep(PAUSE)

    dead = leader
    at = story.now()
    dead.kill()
    story.tell(f"node {dead.id}, the leader, is killed")
    leader = await cluster.leader()
    story.tell(f"node {leader.id} leads")
    await asyncio.sleep(PAUSE)
    begin, end = story.gap(at)
    story.fact("gap that the client saw", f"{(end - begin) * 1000:.0f} ms")

    missed = (leader.status or {})["commit"]
    dead.start()
    story.tell(f"node {dead.id} starts again")
    await cluster.caught_up(dead)
    status = dead.status or {}
    how = "a snapshot" if status["snapshot"] > 0 else "the log"
    story.tell(f"node {dead.id} has caught up by {how}")
    await asyncio.sleep(PAUSE)

    dead.kill()
    story.tell(f"node {dead.id} is killed again")
    leader = await cluster.leader()
    before = time.monotonic()
    count = SNAPSHOT_EVERY * 12 // 10
    while True:
        await fill(leader, count)
        await asyncio.sleep(0.3)
        status = await leader.ask() or {}
        if status.get("snapshot", 0) and status["first"] > missed + 1:
            break
    took = time.monotonic() - before
    story.tell(f"{count} more writes, in {took:.1f} s; a snapshot took the"
               " place of the log's beginning")  # fmt: skip
    dead.start()
    story.tell(f"node {dead.id} starts again")
    begin = story.now()
    await cluster.caught_up(dead)
    await asyncio.sleep(0.3)
    status = await dead.ask() or {}
    how = "a snapshot" if status["first"] > missed + 1 else "the log"
    story.tell(f"node {dead.id} has caught up by {how}")
    story.fact("from its start until then",
               f"{story.events[-1].time - begin:.2f} s")  # fmt: skip
    await asyncio.sleep(PAUSE)

    async with cluster.client() as client:
        value = int((await client.get(b"counter")) or b"0")
    sure = len(story.answered)
    story.fact("writes of the client that were answered", str(sure))
    story.fact("the counter at the end", str(value))
    if value < sure:
        raise KvError("an answered write is lost")


# The picture.

WIDTH: Final = 960
LEFT: Final = 70
LANE: Final = 34
GAP: Final = 12
CHART: Final = 180
_LETTER: Final = {
    "leader": "L", "follower": "F", "candidate": "C", "precandidate": "P",
    "down": "",
}  # fmt: skip
_TOKENS: Final = Path(__file__).parents[1] / "book/player/tokens.css"


def spans(looks: list[Look]) -> Iterator[tuple[float, float, str, int]]:
    """Yields from, to, role and term, wherever one of these changes."""
    for i, look in enumerate(looks):
        if i == 0 or look[1:3] != looks[i - 1][1:3]:
            end = look.time
            for later in looks[i:]:
                end = later.time
                if later[1:3] != look[1:3]:
                    break
            yield look.time, end, look.role, look.term


def page(story: Story) -> str:
    """Returns the story as a page that needs nothing else."""
    tokens = _TOKENS.read_text(encoding="utf-8") if _TOKENS.exists() else ""
    gap = dict(story.facts).get("gap that the client saw", "-")
    facts = "".join(
        f"<tr><th>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>"
        for n, v in story.facts
    )
    lines = "".join(
        f"<li><span>{e.time:.2f} s</span> {html.escape(e.text)}</li>"
        for e in story.events
    )
    return _PAGE.format(
        tokens=tokens, style=_STYLE, gap=html.escape(gap), facts=facts,
        lines=lines, picture=picture(story), n=len(story.looks),
    )  # fmt: skip


def picture(story: Story) -> str:
    """Returns the timeline as SVG."""
    end = max(story.now(), 0.1)
    lanes = len(story.looks) * (LANE + GAP)
    top = 24
    chart = top + lanes + 24
    height = chart + CHART + 48

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - 24) * t / end

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-labelledby="fig-title">'
        '<title id="fig-title">Roles, terms and commit indexes over time'
        "</title><defs>"
        '<pattern id="hatch" width="6" height="6"'
        ' patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" class="down"/>'
        '<line x1="0" y1="0" x2="0" y2="6" class="stripe"/></pattern>'
        "</defs>"
    ]
    for begin, until in _gaps(story):
        parts.append(
            f'<rect class="gap" x="{x(begin):.1f}" y="{top - 6}"'
            f' width="{max(x(until) - x(begin), 1):.1f}"'
            f' height="{chart + CHART - top + 6}"><title>no answer for'
            f" {(until - begin) * 1000:.0f} ms</title></rect>"
        )
    for row, (id, looks) in enumerate(sorted(story.looks.items())):
        parts += _lane(id, looks, top + row * (LANE + GAP), x)
    parts += _chart(story, chart, x)
    for i in range(11):
        t = end * i / 10
        parts.append(
            f'<text class="axis" x="{x(t):.1f}" y="{chart + CHART + 18}"'
            f' text-anchor="middle">{t:.1f} s</text>'
        )
    free = 0.0  # where the next number has room
    for number, event in enumerate(story.events, 1):
        place = max(x(event.time), free)
        free = place + 16
        parts.append(
            f'<line class="event" x1="{x(event.time):.1f}" y1="{top - 6}"'
            f' x2="{x(event.time):.1f}" y2="{chart + CHART}"><title>'
            f"{html.escape(event.text)}</title></line>"
            f'<text class="axis" x="{place:.1f}" y="{top - 10}"'
            f' text-anchor="middle">{number}</text>'
        )
    return "".join(parts) + "</svg>"


def _gaps(story: Story) -> Iterator[tuple[float, float]]:
    """Yields where the client waited for more than a tenth of a second."""
    yield from (p for p in pairwise(story.answered) if p[1] - p[0] > 0.1)


def _lane(
    id: int, looks: list[Look], y: int, x: Callable[[float], float]
) -> list[str]:
    out = [
        f'<text class="label" x="8" y="{y + LANE * 0.65:.0f}">node {id}'
        "</text>"
    ]
    for begin, until, role, term in spans(looks):
        width = max(x(until) - x(begin), 1)
        fill = ' fill="url(#hatch)"' if role == "down" else ""
        out.append(
            f'<g><title>{role}{f", term {term}" if term else ""}: from'
            f" {begin:.2f} s to {until:.2f} s</title>"
            f'<rect class="{role}"{fill} x="{x(begin):.1f}" y="{y}"'
            f' width="{width:.1f}" height="{LANE}"/>'
        )
        if term:
            out.append(
                f'<rect class="term" x="{x(begin):.1f}" y="{y + LANE - 3}"'
                f' width="{width:.1f}" height="3"'
                f' style="fill:var(--term-{(term - 1) % 6 + 1})"/>'
            )
        if width > 34:
            out.append(
                f'<text class="{role}-ink" x="{x(begin) + 6:.1f}"'
                f' y="{y + 20}">{_LETTER.get(role, "?")}'
                f'{f" t{term}" if term else "down"}</text>'
            )
        out.append("</g>")
    return out


def _chart(
    story: Story, y: int, x: Callable[[float], float]
) -> list[str]:
    most = max(
        (k.commit for looks in story.looks.values() for k in looks),
        default=1,
    ) or 1  # fmt: skip
    out = [
        f'<text class="label" x="8" y="{y + 12}">commit</text>'
        f'<text class="axis" x="8" y="{y + 28}">{most}</text>'
        f'<line class="hair" x1="{LEFT}" y1="{y + CHART}" x2="{WIDTH - 24}"'
        f' y2="{y + CHART}"/>'
    ]
    for row, (id, looks) in enumerate(sorted(story.looks.items())):
        runs: list[list[str]] = [[]]
        for k in looks:
            if k.role == "down":
                runs.append([])
                continue
            h = y + CHART - CHART * k.commit / most
            runs[-1].append(f"{x(k.time):.1f},{h:.1f}")
        out += [
            f'<polyline class="line line-{row % 3}"'
            f' points="{" ".join(run)}"><title>node {id}</title></polyline>'
            for run in runs if len(run) > 1
        ]  # fmt: skip
        out.append(
            f'<line class="line line-{row % 3}" x1="{LEFT + 80 * row}"'
            f' y1="{y + CHART + 36}" x2="{LEFT + 80 * row + 20}"'
            f' y2="{y + CHART + 36}"/>'
            f'<text class="axis" x="{LEFT + 80 * row + 25}"'
            f' y="{y + CHART + 40}">node {id}</text>'
        )
    return out


_STYLE: Final = """
body { background: var(--paper); color: var(--ink); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; font: 17px/1.6 var(--serif); }
h1 { font-size: 1.6rem; font-weight: 600; line-height: 1.3; }
figure { margin: 2rem 0; } figcaption { color: var(--muted); font-size: 15px; }
svg { width: 100%; height: auto; font: 12px var(--sans); }
.follower { fill: var(--follower); stroke: var(--follower-ink);
  stroke-width: .5; }
.leader { fill: var(--leader); stroke: var(--leader-ink); stroke-width: 2; }
.candidate { fill: var(--candidate); stroke: var(--candidate-ink);
  stroke-dasharray: 4 2; }
.precandidate { fill: var(--pre); stroke: var(--pre-ink);
  stroke-dasharray: 1 2; }
#hatch .down { fill: var(--down); } .stripe { stroke: var(--down-ink);
  stroke-width: 1; opacity: .5; }
.follower-ink { fill: var(--follower-ink); } .down-ink { fill: var(--ink); }
.leader-ink { fill: var(--leader-ink); font-weight: 600; }
.candidate-ink { fill: var(--candidate-ink); }
.precandidate-ink { fill: var(--pre-ink); }
.label { fill: var(--ink); } .axis { fill: var(--muted); }
.gap { fill: var(--candidate); opacity: .45; }
.event { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 3; }
.hair { stroke: var(--hair); }
.line { fill: none; stroke: var(--ink); stroke-width: 1.6; }
.line-1 { stroke-dasharray: 6 3; } .line-2 { stroke-dasharray: 2 2; }
table { border-collapse: collapse; } th { text-align: left;
  font-weight: 400; padding: .1rem 2rem .1rem 0; }
td { font: 14px var(--mono); } ol span { font: 14px var(--mono);
  color: var(--muted); margin-right: .5rem; }
"""

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A cluster's story</title><style>{tokens}{style}</style></head><body>
<h1>The leader was killed, and a client waited {gap} for its next
answer.</h1>
<figure>{picture}<figcaption>Each lane is one of {n} nodes: its role by
letter, fill and outline (L leader, F follower, C candidate, P pre-candidate;
hatched: down), its term by number and by the colour of the lower edge. Where
a band lies behind everything the client had no answer for more than 100 ms.
Below: how far each node knows the log to be committed.</figcaption></figure>
<ol>{lines}</ol><table>{facts}</table></body></html>
"""
