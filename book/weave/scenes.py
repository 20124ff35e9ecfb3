"""Scenarios that a page plays: `::: scenario one-day act=2`, a caption, `:::`.

A scenario is a script in `book/scenarios`. An act of it begins at a command
whose comment has a paragraph `Act 2: Elections`. The script runs when its page
is built, and must print what its file says. A step is counted within what the
page shows, and its anchor is `step-7` in an act of the day, the thread of the
book; in any other it is `figure-8-step-7`, so that a page may hold several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import cast
from xml.etree.ElementTree import Element, SubElement, tostring

from book.weave.problems import Refused
from book.weave.walks import Scene
from port.errors import Malformed
from port.rafttest import play
from port.rafttest.datadriven import Directive, parse
from port.rafttest.record import Data, Homes, Recording, Step, Table, record

FOLDER = "book/scenarios"
THREAD = "one-day"

# A line that ran: its number, its text, its place in its function's walk.
_Row = tuple[int, str, int]

_ACT = re.compile(r"^# Act (?P<number>\d+): (?P<title>.+)$")


@dataclass(frozen=True, slots=True)
class Act:
    """A part of a scenario.

    Attributes:
        number: Its number; 0 is the whole scenario.
        title: What it is called.
        first: The place of its first command in the script, from 0.
        last: The place after its last one.
    """

    number: int
    title: str
    first: int
    last: int


def check(root: Path, scene: Scene) -> None:
    """Sees that there is such a scenario, and such an act in it.

    Raises:
        Refused: there is not.
    """
    _find(_read(root, scene.name), scene)


def places(root: Path, scene: Scene) -> Iterator[tuple[str, int]]:
    """Yields what may be embedded once: each act, or the scenario."""
    acts = [act.number for act in _acts(_read(root, scene.name))]
    for act in acts or [0]:
        if scene.act in (0, act):
            yield scene.name, act


def acts(root: Path, scene: Scene) -> list[Act]:
    """Returns the acts that a page plays; the whole script is act 0."""
    directives = _read(root, scene.name)
    if scene.act:
        return [_find(directives, scene)]
    return _acts(directives) or [_find(directives, scene)]


def act_at(root: Path, name: str, step: int) -> Act:
    """Returns the act that holds a step, counted over the whole script."""
    directives = _read(root, name)
    for act in _acts(directives):
        if act.first < step <= act.last:
            return act
    return Act(0, "", 0, len(directives))


def commands(root: Path, name: str) -> list[str]:
    """Returns the commands of a script, in order.

    Raises:
        Refused: there is no such script.
    """
    return [str(d).strip() for d in _read(root, name)]


def title(root: Path, name: str) -> str:
    """Returns what a script is called: its first line."""
    return _find(_read(root, name), Scene(0, 0, name, 0, "")).title


def prefix(name: str) -> str:
    """Returns what the anchors of a script's steps begin with."""
    return "" if name == THREAD else f"{name}-"


class Code:
    """What ran, of several players of a page, kept once.

    Most of a small scenario's data are lines of the port, and most of these
    are the same in all of them.

    Attributes:
        id: The id of the element that is to hold them.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self._places: dict[tuple[str, str], int] = {}
        self._lines: list[dict[int, _Row]] = []
        self._homes: list[str] = []
        self._runs = Table()

    def take(self, data: Data) -> None:
        """Takes what ran out of a player's data, and leaves the id there."""
        code = cast("list[tuple[str, str, list[_Row], str]]", data["code"])
        moved: list[int] = []
        for path, name, rows, home in code:
            place = self._places.setdefault((path, name), len(self._lines))
            if place == len(self._lines):
                self._lines.append({})
                self._homes.append(home)
            self._lines[place].update({row[0]: row for row in rows})
            moved.append(place)
        runs = [
            self._runs.place((moved[at], lines))
            for at, lines in cast("list[tuple[int, object]]", data.pop("runs"))
        ]
        for step in cast("list[dict[str, list[int]]]", data["steps"]):
            step["ran"] = [runs[at] for at in step["ran"]]
        data["code"] = self.id

    def element(self) -> Element:
        """Returns the element that holds what was taken."""
        held = Element("script", {"type": "application/json", "id": self.id})
        code = [
            [*key, [lines[n] for n in sorted(lines)], home]
            for key, lines, home in zip(
                self._places, self._lines, self._homes, strict=True
            )
        ]
        held.text = play.packed({"code": code, "runs": self._runs.rows})
        return held


def embed(
    parent: Element,
    root: Path,
    scene: Scene,
    homes: Homes,
    stash: Callable[[str], str],
    code: Code | None = None,
) -> None:
    """Appends the player of a scenario, with its caption.

    Args:
        parent: The element to append to.
        root: The repository.
        scene: What to play.
        homes: Where the functions that ran are explained.
        stash: Keeps HTML until the page is written, and returns its mark.
        code: Takes what ran, if the page is to hold it once.

    Raises:
        Refused: there is no such scenario, or it does not run as it should.
    """
    directives = _read(root, scene.name)
    act = _find(directives, scene)
    recording = _record(directives)
    for step, d in zip(recording.steps, directives, strict=False):
        if step.out != d.expected:
            raise Refused(
                f"{d.place}: {d}: prints something else than the file says",
                f"compare: python -m port.rafttest check {FOLDER}",
            )
    steps = recording.steps[act.first : act.last]
    steps[0] = _without_heading(steps[0])
    # The book's steps begin where the act does; what stood before it too.
    part = Recording(recording.title)
    part.steps = [*recording.steps[: act.first], *steps]
    data = part.data(act.first, act.last, homes)
    if code is not None:
        code.take(data)
    command = f"python -m port.rafttest run {FOLDER}/{scene.name}.txt"
    player = play.container(steps, data, command, prefix(scene.name))
    figure = SubElement(parent, "figure", {"class": "wv-figure wv-scene"})
    told = SubElement(figure, "figcaption")
    named = f"Act {act.number}: {act.title}" if act.number else act.title
    label = SubElement(told, "span", {"class": "wv-number"})
    label.text = stash(f"{named}. ")
    SubElement(told, "span").text = scene.caption
    figure.append(_kept(player, stash))


def _kept(player: Element, stash: Callable[[str], str]) -> Element:
    """Keeps texts from whatever reads text for Markdown; anchors stay."""
    for item in player.iter("li"):
        html = "".join(
            tostring(e, encoding="unicode", method="html") for e in item
        )
        for child in list(item):
            item.remove(child)
        item.text = stash(html)
    script = player.find("script")
    if script is not None:
        player.remove(script)
        html = tostring(script, encoding="unicode", method="html")
        SubElement(player, "div").text = stash(html)
    for details in player.iter("details"):
        details.set("data-search-exclude", "")
    return player


@lru_cache(maxsize=32)
def _parse(text: str, path: str) -> tuple[Directive, ...]:
    return tuple(parse(text, path))


def _read(root: Path, name: str) -> tuple[Directive, ...]:
    file = root / FOLDER / f"{name}.txt"
    if not file.is_file():
        known = sorted(p.stem for p in (root / FOLDER).glob("*.txt"))
        raise Refused(
            f"there is no scenario {name}", f"play one of {', '.join(known)}"
        )
    try:
        return _parse(file.read_text("utf-8"), f"{FOLDER}/{name}.txt")
    except Malformed as err:
        raise Refused(str(err), "write it as a script") from err


@lru_cache(maxsize=32)
def _record(directives: tuple[Directive, ...]) -> Recording:
    return record(directives)


def _acts(directives: tuple[Directive, ...]) -> list[Act]:
    starts: list[tuple[int, str, int]] = []
    for place, d in enumerate(directives):
        for line in d.head:
            if found := _ACT.match(line.strip()):
                starts.append((int(found["number"]), found["title"], place))
    starts.append((0, "", len(directives)))
    return [
        Act(number, title, first, last)
        for (number, title, first), (_, _, last) in pairwise(starts)
    ]


def _find(directives: tuple[Directive, ...], scene: Scene) -> Act:
    if not directives:
        raise Refused(f"{scene.name} has no commands", "write some")
    if not scene.act:
        title = directives[0].head[0].strip().lstrip("#").strip()
        return Act(0, title or scene.name, 0, len(directives))
    acts = _acts(directives)
    for act in acts:
        if act.number == scene.act:
            return act
    raise Refused(
        f"{scene.name} has no act {scene.act}",
        f"play one of {', '.join(str(a.number) for a in acts)}"
        if acts else "leave out `act=`: it is not divided",
    )  # fmt: skip


def _without_heading(step: Step) -> Step:
    """Drops the act's name, and what the file says before it."""
    for at, paragraph in enumerate(step.prose):
        if _ACT.match(f"# {paragraph}"):
            return step._replace(prose=step.prose[at + 1 :])
    return step
