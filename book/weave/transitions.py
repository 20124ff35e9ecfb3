"""What a page shows of the catalogue: `::: transitions family=role`, `:::`.

Each row of `book/transitions.toml` has one home, the page that it names. There
the block shows the family's diagram with this page's part lit, a section for
each row of the core, and a table of the others. A row is of the core if
`book/core.toml` has words for it, by its id:

    ["role.follower-candidate.timeout"]
    title = "..."
    changes = "..."
    stays = "..."
    breaks = "..."
    question = "..."
    answer = "..."

A step at which a row is seen leads to the player that shows it. A scenario
that no page plays is played where its first row is at home, folded away until
somebody asks for it.
"""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, SubElement, tostring

from markdown.util import AtomicString  # type: ignore[import-untyped]

from book.weave import catalogue, scenes
from book.weave.catalogue import AtStep, Catalogue, InTest, Prose, Row
from book.weave.golang import GoRange
from book.weave.page import Page
from book.weave.place import WovenWalk
from book.weave.problems import Problem, Refused, WeaveError
from book.weave.transitions_drawn import Edge, svg
from book.weave.walks import Scene, Transitions
from port.rafttest.record import Homes

CORE = "book/core.toml"

# What a family is called, and the states of it in the order of a life.
TITLES: Mapping[str, str] = {
    "role": "The roles of a node",
    "progress": "What a leader holds of a peer",
    "entry": "The life of an entry",
    "snapshot": "The way of a snapshot",
    "configuration": "The configuration",
    "read-index": "The way of a read",
    "transfer": "Handing over",
    "vote": "Votes",
    "node-loop": "The loop of a node",
}
ORDER: Mapping[str, tuple[str, ...]] = {
    "role": (
        "off", "follower", "pre-candidate", "candidate", "leader",
        "leader, removed", "no leader known", "leader known",
        "another leader known",
    ),
    "progress": (
        "none", "probe", "probe, paused", "replicate",
        "replicate, full, paused", "replicate, full", "snapshot", "any",
        "inactive", "active",
    ),
    "entry": (
        "proposed", "absent", "unstable", "in progress", "stable",
        "uncommitted", "committed", "applying", "applied", "compacted",
        "any", "under a snapshot", "apply open", "apply paused",
    ),
    "snapshot": (
        "wanted", "sent", "none", "received", "in progress", "stored",
    ),
    "configuration": (
        "proposed", "leave proposed", "pending", "free", "empty", "simple",
        "joint", "joint, leaves by itself", "outsider", "learner", "voter",
        "outgoing voter",
    ),
    "read-index": (
        "asked", "forwarded", "waiting for commit", "waiting for quorum",
        "confirmed", "answered",
    ),
    "transfer": ("asked", "none", "catching up", "told", "done"),
    "vote": (
        "asked", "same", "other", "none", "self", "peer", "pending",
        "pending, joint",
    ),
    "node-loop": (
        "nothing to hand out", "a Ready on offer", "the application has it",
        "proposals wait", "proposals taken",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a step can be seen.

    Attributes:
        page: The page that plays it.
        anchor: The step's anchor there.
        label: What a link to it says.
    """

    page: str
    anchor: str
    label: str


class Moves:
    """The catalogue, and where in the book each of its rows is to be seen.

    Args:
        root: The repository.
        pages: All pages of the book.
        rows: The catalogue, if it is not to be read from the repository.
        told: The words for the core, likewise.

    Raises:
        WeaveError: the catalogue, or what is said of its core, does not hold.
    """

    def __init__(
        self,
        root: Path,
        pages: Iterable[Page],
        rows: Catalogue | None = None,
        told: Mapping[str, Prose] | None = None,
    ) -> None:
        self.root = root
        self.pages = tuple(pages)
        if rows is None:
            there = (root / catalogue.FILE).is_file()
            rows = catalogue.load(root) if there else Catalogue(())
        self.rows = rows
        self.told = _core(root, rows) if told is None else told
        self.numbers = {
            row.id: n
            for family in {row.family for row in rows.rows}
            for n, row in enumerate(rows.family(family), 1)
        }

    def prose(self, row: Row) -> Prose | None:
        """Returns what is said of a row of the core."""
        return self.told.get(row.id, row.prose)

    def check(self, block: Transitions, page: str) -> None:
        """Sees that there is something to show.

        Raises:
            Refused: there is no such family, or none of it is at home here.
        """
        if block.family not in catalogue.FAMILIES:
            raise Refused(
                f"there is no family {block.family} of transitions",
                f"name one of {', '.join(catalogue.FAMILIES)}",
            )
        homes = {row.home for row in self.rows.family(block.family)}
        if page not in homes:
            raise Refused(
                f"no transition of family {block.family} has its home here",
                f"show it on {', '.join(sorted(homes)) or 'a page of its own'}",
            )

    def problems(self) -> Iterator[Problem]:
        """Yields families that a page shows twice, or not at all."""
        shown: dict[tuple[str, str], int] = {}
        for page in self.pages:
            for block in page.moves:
                here = (block.family, page.name)
                if here in shown:
                    yield Problem(
                        page.name,
                        block.first,
                        f"{block.family} is shown on line {shown[here]}",
                        "show it once",
                    )
                shown.setdefault(here, block.first)
        known = {page.name for page in self.pages}
        for row in self.rows.rows:
            if (row.family, row.home) not in shown and row.home in known:
                shown[row.family, row.home] = 0
                yield Problem(
                    row.home,
                    1,
                    f"{row.id} has its home here, and is not shown",
                    f"write `::: transitions family={row.family}`",
                )

    # ---- Where things are ------------------------------------------------

    @cached_property
    def stages(self) -> dict[tuple[str, int], tuple[str, str, str]]:
        """Each act that is played: page, its anchors' prefix, its label."""
        found: dict[tuple[str, int], tuple[str, str, str]] = {}
        for page in self.pages:
            for scene in page.scenes:
                for act in scenes.acts(self.root, scene):
                    label = f"Act {act.number}" if act.number else act.title
                    prefix = scenes.prefix(scene.name)
                    found[scene.name, act.number] = page.name, prefix, label
        return found

    @cached_property
    def strays(self) -> dict[str, Row]:
        """Scenarios that no page plays, by the row that gives them a home."""
        found: dict[str, Row] = {}
        played = {name for name, _ in self.stages}
        for row in self.rows.rows:
            for seen in row.seen:
                if isinstance(seen, AtStep) and seen.scenario not in played:
                    found.setdefault(seen.scenario, row)
        return found

    def spot(self, seen: AtStep) -> Spot:
        """Returns where a step is played.

        Raises:
            Refused: no page plays it.
        """
        if seen.scenario in self.strays:
            title = scenes.title(self.root, seen.scenario)
            return Spot(
                self.strays[seen.scenario].home,
                f"{scenes.prefix(seen.scenario)}step-{seen.step}",
                f"{_short(title)}, step {seen.step}",
            )
        act = scenes.act_at(self.root, seen.scenario, seen.step)
        number = act.number
        if (seen.scenario, number) not in self.stages:
            number = 0  # played whole
        if (seen.scenario, number) not in self.stages:
            raise Refused(
                f"no page plays step {seen.step} of {seen.scenario}",
                "play it, or cite another",
            )
        page, prefix, label = self.stages[seen.scenario, number]
        step = seen.step - (act.first if number else 0)
        label = f"{_short(label)}, step {step}"
        return Spot(page, f"{prefix}step-{step}", label)

    def lines(self, row: Row) -> tuple[WovenWalk, int] | None:
        """Returns the walk that shows what decides a row, and the line."""
        for page in self.pages:
            for woven in page.walks:
                if str(woven.symbol) == str(row.symbol):
                    for placed in woven.placed:
                        if any(_meet(a, b) for a in placed.go for b in row.go):
                            return woven, placed.lines[0]
                    return woven, woven.symbol.lines[0]
        return None

    def home_of(self, woven: WovenWalk) -> str:
        """Returns the page that a walk is on."""
        return next(p.name for p in self.pages if woven in p.walks)


def _short(title: str) -> str:
    """Returns a title up to its colon."""
    return title.partition(": ")[0]


def _meet(a: GoRange, b: GoRange) -> bool:
    return a.file == b.file and a.first <= b.last and b.first <= a.last


def _core(root: Path, rows: Catalogue) -> dict[str, Prose]:
    """Reads what is said of the core."""
    file = root / CORE
    if not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8")
    problems: list[Problem] = []
    found: dict[str, Prose] = {}
    known = {row.id for row in rows.rows}
    wanted = [f.name for f in fields(Prose)]
    for id, said in tomllib.loads(text).items():
        line = text.partition(f'["{id}"]')[0].count("\n") + 1
        if id not in known:
            problems.append(
                Problem(
                    CORE, line, f"no transition is called {id}",
                    f"take an id of {catalogue.FILE}",
                )
            )  # fmt: skip
        elif sorted(said) != sorted(wanted):
            wrong = sorted(set(said) ^ set(wanted))
            problems.append(
                Problem(
                    CORE, line, f"{id}: too much or missing: {wrong[0]}",
                    f"write {', '.join(wanted)}",
                )
            )  # fmt: skip
        else:
            found[id] = Prose(**said)
    if problems:
        raise WeaveError(problems)
    return found


@dataclass(frozen=True, slots=True)
class Easel:
    """What a block is made with.

    Attributes:
        page: The name of its page.
        homes: Where functions are explained, for the players.
        parse: Appends Markdown blocks to an element.
        stash: Keeps HTML until the page is written, and returns its mark.
    """

    page: str
    homes: Homes
    parse: Callable[[Element, list[str]], None]
    stash: Callable[[str], str]

    def link(self, page: str, anchor: str, suffix: str = ".md") -> str:
        """Returns the address of an anchor, as seen from this page."""
        if page == self.page:
            return f"#{anchor}"
        folder = PurePosixPath(self.page).parent.as_posix()
        path = posixpath.relpath(page, folder)
        return f"{path.removesuffix('.md')}{suffix}#{anchor}"


def show(
    parent: Element, moves: Moves, block: Transitions, easel: Easel
) -> None:
    """Appends all of a family that has its home on a page."""
    rows = [
        row
        for row in moves.rows.family(block.family)
        if row.home == easel.page
    ]
    box = SubElement(parent, "div", {"class": "wv-family"})
    _diagram(box, moves, block, easel)
    core = [row for row in rows if moves.prose(row)]
    for row in core:
        _section(box, moves, row, easel)
    others = [row for row in rows if row not in core]
    if others:
        _table(box, moves, others, easel, bool(core))
    _strays(box, moves, rows, easel)


def edges(
    moves: Moves, family: str, easel: Easel, suffix: str = ".html"
) -> list[Edge]:
    """Returns the rows of a family as edges, linked as from a page."""
    return [
        Edge(
            moves.numbers[row.id],
            row.from_,
            row.to,
            easel.link(row.home, row.id, suffix),
            f"{moves.numbers[row.id]}: {row.from_} to {row.to},"
            f" by {_few(row.causes)}",
            row.home == easel.page,
        )
        for row in moves.rows.family(family)
    ]


def _few(causes: tuple[str, ...]) -> str:
    """Returns causes as text; of many, two and how many more there are."""
    if len(causes) < 5:
        return " or ".join(causes)
    return f"{causes[0]}, {causes[1]} or {len(causes) - 2} others"


def _diagram(
    box: Element, moves: Moves, block: Transitions, easel: Easel
) -> None:
    family = block.family
    drawn = edges(moves, family, easel)
    figure = SubElement(box, "figure", {"class": "wv-figure wv-moves-of"})
    html = svg(
        f"wv-moves-{family}", TITLES[family], ORDER.get(family, ()), drawn
    )
    SubElement(figure, "div").text = easel.stash(html)
    told = SubElement(figure, "figcaption")
    label = SubElement(told, "span", {"class": "wv-number"})
    label.text = f"{TITLES[family]}. "
    away = any(not e.here for e in drawn)
    said = block.caption or "Each number is a transition, and leads to it."
    if away:
        said += " Those in grey have their home in other chapters."
    SubElement(told, "span").text = said
    _key(told, edges(moves, family, easel, ".md"))


def _key(told: Element, drawn: list[Edge]) -> None:
    """Appends what each number means, for pages that have the room."""
    key = SubElement(told, "div", {"class": "wv-moves-key"})
    key.set("data-search-exclude", "")
    for e in drawn:
        link = SubElement(key, "a", {"href": e.href})
        if not e.here:
            link.set("class", "wv-away")
        number = SubElement(link, "span", {"class": "wv-disc"})
        number.text = AtomicString(str(e.number))
        said = e.told.partition(": ")[2]
        SubElement(link, "span").text = AtomicString(said)


def _section(box: Element, moves: Moves, row: Row, easel: Easel) -> None:
    prose = moves.prose(row)
    if prose is None:
        return
    section = SubElement(box, "section", {"class": "wv-move-core"})
    section.set("id", row.id)
    title = SubElement(section, "h3")
    number = SubElement(title, "span", {"class": "wv-disc"})
    number.text = AtomicString(str(moves.numbers[row.id]))
    SubElement(title, "span").text = prose.title
    _way(SubElement(section, "p", {"class": "wv-way-of"}), row)
    terms = SubElement(section, "dl", {"class": "wv-move-facts"})
    for word, said in (
        ("When", row.guard),
        ("Changes", prose.changes),
        ("Stays", prose.stays),
    ):
        SubElement(terms, "dt").text = word
        SubElement(terms, "dd").text = said
    SubElement(terms, "dt").text = "Decided"
    decided = SubElement(terms, "dd", {"class": "wv-decided"})
    _decided(decided, moves, row, easel)
    SubElement(terms, "dt").text = "Seen"
    _seen(SubElement(terms, "dd", {"class": "wv-seen"}), moves, row, easel)
    SubElement(terms, "dt").text = "What would break"
    SubElement(terms, "dd").text = prose.breaks
    asked = SubElement(section, "details", {"class": "question"})
    SubElement(asked, "summary").text = prose.question
    easel.parse(asked, [prose.answer])


def _way(line: Element, row: Row) -> None:
    """Sets from, to and cause: follower → candidate, by MsgHup."""
    SubElement(line, "span").text = AtomicString(row.from_)
    SubElement(line, "span").text = AtomicString(" → ")
    SubElement(line, "span").text = AtomicString(
        row.to if row.to != row.from_ else "the same"
    )
    for n, cause in enumerate(row.causes):
        comma = ", by " if not n else " or "
        SubElement(line, "span").text = AtomicString(comma)
        SubElement(line, "code").text = AtomicString(cause)


def _decided(box: Element, moves: Moves, row: Row, easel: Easel) -> None:
    name = row.symbol.name.rpartition(".")[2]
    if found := moves.lines(row):
        woven, line = found
        href = easel.link(
            moves.home_of(woven), woven.symbol.line_id(line)
        )
        link = SubElement(box, "a", {"href": href, "class": "wv-to-line"})
        SubElement(link, "code").text = AtomicString(name)
    else:
        SubElement(box, "code").text = AtomicString(name)
    for r in row.go:
        link = SubElement(box, "a", {"href": r.url, "class": "wv-goref"})
        link.set("title", f"Go: {r}")
        SubElement(link, "code").text = AtomicString(str(r))


def _seen(box: Element, moves: Moves, row: Row, easel: Easel) -> None:
    for seen in row.seen:
        if isinstance(seen, InTest):
            test = SubElement(box, "code", {"class": "wv-in-test"})
            test.set("title", f"a test, in {seen.file}")
            test.text = AtomicString(seen.name)
            continue
        spot = moves.spot(seen)
        href = easel.link(spot.page, spot.anchor)
        link = SubElement(box, "a", {"href": href, "class": "wv-play"})
        link.text = AtomicString(spot.label)


def _table(
    box: Element, moves: Moves, rows: list[Row], easel: Easel, more: bool
) -> None:
    table = SubElement(box, "table", {"class": "wv-move-rows"})
    caption = SubElement(table, "caption")
    caption.text = "The others" if more else "All of them"
    head = SubElement(SubElement(table, "thead"), "tr")
    for word in ("", "From → to", "When", "Decided", "Seen"):
        SubElement(head, "th", {"scope": "col"}).text = AtomicString(word)
    body = SubElement(table, "tbody")
    for row in rows:
        line = SubElement(body, "tr", {"id": row.id})
        cells = [SubElement(line, "td") for _ in range(5)]
        number = SubElement(cells[0], "a", {"class": "wv-disc"})
        number.set("href", f"#{row.id}")
        number.text = AtomicString(str(moves.numbers[row.id]))
        _way(cells[1], row)
        SubElement(cells[2], "span").text = row.guard
        cells[3].set("class", "wv-decided")
        _decided(cells[3], moves, row, easel)
        cells[4].set("class", "wv-seen")
        _seen(cells[4], moves, row, easel)


def _strays(
    box: Element, moves: Moves, rows: list[Row], easel: Easel
) -> None:
    """Appends the players of scenarios that these rows give a home."""
    here = [name for name, row in moves.strays.items() if row in rows]
    if not here:
        return
    said = SubElement(box, "p", {"class": "wv-runs"})
    said.text = "Small runs, for what no other shows"
    code = scenes.Code(f"wv-code-{rows[0].family}")
    for name in here:
        details = SubElement(box, "details", {"class": "wv-run"})
        summary = SubElement(details, "summary")
        summary.text = AtomicString(scenes.title(moves.root, name))
        scenes.embed(
            details, moves.root, Scene(0, 0, name, 0, ""), easel.homes,
            easel.stash, code,
        )  # fmt: skip
    html = tostring(code.element(), encoding="unicode", method="html")
    SubElement(box, "div").text = easel.stash(html)
