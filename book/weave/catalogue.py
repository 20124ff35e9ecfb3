"""The catalogue of transitions, `book/transitions.toml`, read and checked.

A row is one move of one of a node's small state machines, named just as the
observer names it (`port/rafttest/observe`):

    [[transition]]
    id = "role.follower-candidate.timeout"  # unique; its anchor on the page
    family = "role"
    from = "follower"
    cause = "MsgHup"                        # or a list of such
    to = "candidate"
    guard = "When exactly, in a short sentence."
    go = ["raft.go:1030-1036"]              # lines of the symbol's Go
    symbol = "port/raft.py Raft.campaign"   # who decides so
    home = "elections.md"                   # the page that it lives on
    seen = ["one-day#12"]                   # a step of a scenario, or a test

A text may run over several lines, and is read as one. A step is counted over
the whole script, from 1. A row of the core
(`core = true`) has a section of its own on its page, made of `title`,
`changes`, `stays`, `breaks`, `question` and `answer`: all of them, or none.
The book's own are in `book/core.toml`, by the rows' ids.

What every message means to every role is not here but in `book/matrix.toml`,
see `book.weave.matrix`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from book.weave import golang, python
from book.weave.problems import Problem, Refused, WeaveError
from book.weave.sources import Sources
from port.errors import Malformed
from port.rafttest.datadriven import Directive, parse

FILE = "book/transitions.toml"
PAGES = "book/pages"
SCENARIOS = "book/scenarios"

FAMILIES = (
    "role", "progress", "entry", "snapshot", "configuration", "read-index",
    "transfer", "vote", "node-loop",
)  # fmt: skip
PROSE = ("title", "changes", "stays", "breaks", "question", "answer")

_TEXTS = ("id", "family", "from", "to", "guard", "symbol", "home")
_KNOWN = frozenset((*_TEXTS, *PROSE, "cause", "go", "seen", "core"))
_ID = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+")
_SYMBOL = re.compile(r"(?P<path>port/[\w/]+\.py) (?P<name>[\w.]+)")
_STEP = re.compile(r"(?P<scenario>[\w-]+)#(?P<step>\d+)")
_ROW = re.compile(r"^\[\[transition\]\]\s*$", re.M)


@dataclass(frozen=True, slots=True)
class AtStep:
    """A step of a scenario: its place in the whole script, from 1."""

    scenario: str
    step: int

    def __str__(self) -> str:
        return f"{self.scenario}#{self.step}"


@dataclass(frozen=True, slots=True)
class InTest:
    """A test: its file, from the repository's root, and its name there."""

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


@dataclass(frozen=True, slots=True)
class Prose:
    """What the section of a core row says."""

    title: str
    changes: str
    stays: str
    breaks: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Row:
    """One transition.

    Attributes:
        id: Unique; the anchor on its home page.
        family: The state machine that moves, one of `FAMILIES`.
        from_: The state before.
        causes: The messages, calls or channels that do it, each of them.
        to: The state after.
        guard: When exactly, in a short sentence.
        go: The lines of Go, within the function that `symbol` is ported from.
        symbol: Who decides so.
        home: The page that it lives on, `elections.md`.
        seen: Where it can be seen.
        core: Whether it has a section of its own.
        prose: What that says; `None` as long as it is not written.
        line: The line of the catalogue that the row begins on, from 1.
    """

    id: str
    family: str
    from_: str
    causes: tuple[str, ...]
    to: str
    guard: str
    go: tuple[golang.GoRange, ...]
    symbol: python.Symbol
    home: str
    seen: tuple[AtStep | InTest, ...]
    core: bool
    prose: Prose | None
    line: int

    @property
    def keys(self) -> Iterator[Key]:
        """What the observer tells when this row comes to pass.

        It tells one of these for each of the causes.
        """
        for cause in self.causes:
            yield self.family, self.from_, cause, self.to, self.symbol.name


# Family, from, cause, to, symbol: a `Transition` of the observer is one.
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rows, in the order of the file."""

    rows: tuple[Row, ...]

    def family(self, name: str) -> tuple[Row, ...]:
        """Returns the rows of a family."""
        return tuple(row for row in self.rows if row.family == name)

    def at(self, page: str) -> tuple[Row, ...]:
        """Returns the rows that live on a page, `elections.md`."""
        return tuple(row for row in self.rows if row.home == page)

    def row(self, id: str) -> Row:
        """Returns the row of that id.

        Raises:
            Refused: there is none.
        """
        for row in self.rows:
            if row.id == id:
                return row
        raise Refused(f"{FILE} has no row {id}", "name one that it has")

    def keys(self) -> dict[Key, Row]:
        """Returns all that may be observed, each with its row."""
        return {key: row for row in self.rows for key in row.keys}


def load(root: Path) -> Catalogue:
    """Reads the catalogue of the repository at `root`.

    Raises:
        WeaveError: something in it is wrong; it names each row and field.
    """
    return read((root / FILE).read_text(encoding="utf-8"), root)


def read(text: str, root: Path) -> Catalogue:
    """Reads a catalogue, and checks it against the repository at `root`.

    Args:
        text: What `book/transitions.toml` holds.
        root: The repository, for pages, scenarios, tests and the port.

    Raises:
        WeaveError: something in it is wrong; it names each row and field.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise WeaveError([Problem(FILE, 1, str(wrong), "mend it")]) from wrong
    reader = _Reader(root)
    lines = [text.count("\n", 0, m.start()) + 1 for m in _ROW.finditer(text)]
    for name in tables.keys() - {"transition"}:
        reader.wrong(1, f"there is a table {name}", "only [[transition]] is")
    rows: list[Row] = []
    found = tables.get("transition", [])
    for table, line in zip(found, lines, strict=True):
        row = reader.row(table, line)
        if row is not None:
            rows.append(row)
    reader.check_unique(rows)
    if reader.problems:
        raise WeaveError(reader.problems)
    return Catalogue(tuple(rows))


def directives(root: Path, scenario: str) -> tuple[Directive, ...]:
    """Returns the commands of a scenario.

    Raises:
        Refused: there is no such scenario, or it cannot be read.
    """
    path = root / SCENARIOS / f"{scenario}.txt"
    if not path.is_file():
        raise Refused(f"there is no scenario {scenario}", "write it")
    return _directives(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _directives(path: Path, stamp: int) -> tuple[Directive, ...]:
    name = f"{SCENARIOS}/{path.name}"
    try:
        return tuple(parse(path.read_text(encoding="utf-8"), name))
    except Malformed as wrong:
        raise Refused(str(wrong), "write it as a script") from wrong


class _Reader:
    """Makes rows of tables, and collects all that is wrong with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = Sources(root)
        self.problems: list[Problem] = []

    def wrong(self, line: int, what: str, fix: str) -> None:
        self.problems.append(Problem(FILE, line, what, fix))

    def row(self, table: Mapping[str, object], line: int) -> Row | None:
        """Returns a row, or `None` and at least one problem more."""
        before = len(self.problems)
        id = table.get("id", "?")

        def refuse(field: str, what: str, fix: str) -> None:
            self.wrong(line, f"{id}: {field}: {what}", fix)

        for field in sorted(table.keys() - _KNOWN):
            refuse(field, "is no field", f"use {', '.join(sorted(_KNOWN))}")
        texts: dict[str, str] = {}
        for field in (*_TEXTS, *(f for f in PROSE if f in table)):
            value = table.get(field)
            if isinstance(value, str) and value.strip():
                texts[field] = " ".join(value.split())
            else:
                refuse(field, "is no text, or is empty", "write some")
        lists: dict[str, tuple[str, ...]] = {}
        for field in ("cause", "go", "seen"):
            value = table.get(field)
            if field == "cause" and isinstance(value, str):
                value = [value]
            if _is_list(value) and value:
                lists[field] = tuple(value)
            else:
                refuse(field, "is no list of texts, or is empty", "fill it")
        core = table.get("core", False)
        if not isinstance(core, bool):
            refuse("core", "is neither true nor false", "write one of them")
        if len(self.problems) > before:
            return None

        family = texts["family"]
        if family not in FAMILIES:
            refuse("family", f"there is no family {family}",
                   f"name one of {', '.join(FAMILIES)}")
        if not _ID.fullmatch(texts["id"]):
            refuse("id", "is no id", "write it like role.leader-follower.term")
        elif not texts["id"].startswith(f"{family}."):
            refuse("id", "does not begin with its family",
                   f"begin it with {family}.")
        if len(set(lists["cause"])) < len(lists["cause"]):
            refuse("cause", "names one twice", "name each once")
        if not (self.root / PAGES / texts["home"]).is_file():
            refuse("home", f"there is no page {texts['home']}",
                   f"name a file of {PAGES}")
        written = [field for field in PROSE if field in texts]
        if written and not core:
            refuse(written[0], "is there, but this is no row of the core",
                   "write core = true, or leave it out")
        if written and len(written) < len(PROSE):
            missing = next(f for f in PROSE if f not in texts)
            refuse(missing, f"is missing, while {written[0]} is there",
                   "write all of the prose, or none of it")
        symbol = None
        try:
            symbol = self._symbol(texts["symbol"])
        except Refused as wrong:
            refuse("symbol", wrong.what, wrong.fix)
        go: list[golang.GoRange] = []
        for said in lists["go"]:
            try:
                if symbol is not None:
                    ranges = golang.parse(said, symbol.path)
                    golang.check_within(ranges, symbol)
                    go.extend(ranges)
            except Refused as wrong:
                refuse("go", wrong.what, wrong.fix)
        seen: list[AtStep | InTest] = []
        for said in lists["seen"]:
            try:
                seen.append(self._sight(said))
            except Refused as wrong:
                refuse("seen", wrong.what, wrong.fix)
        if len(self.problems) > before or symbol is None:
            return None
        return Row(
            id=texts["id"], family=family, from_=texts["from"],
            causes=lists["cause"], to=texts["to"], guard=texts["guard"],
            go=tuple(go), symbol=symbol, home=texts["home"],
            seen=tuple(seen), core=bool(core),
            prose=Prose(*(texts[f] for f in PROSE)) if written else None,
            line=line,
        )  # fmt: skip

    def _symbol(self, said: str) -> python.Symbol:
        written = _SYMBOL.fullmatch(said)
        if written is None:
            raise Refused(
                f"{said!r} names nothing of the port",
                "write it like `port/raft.py Raft.campaign`",
            )
        return python.read(self.root, written["path"]).symbol(written["name"])

    def _sight(self, said: str) -> AtStep | InTest:
        if "::" in said:
            self.sources.resolve(said)
            file, _, name = said.partition("::")
            return InTest(file, name)
        written = _STEP.fullmatch(said)
        if written is None:
            raise Refused(
                f"{said!r} is neither a step nor a test",
                "write `one-day#12` or `tests/book/test_x.py::test_y`",
            )
        step = int(written["step"])
        count = len(directives(self.root, written["scenario"]))
        if not 1 <= step <= count:
            raise Refused(
                f"{written['scenario']} has no step {step}",
                f"it has {count}, counted from 1",
            )
        return AtStep(written["scenario"], step)

    def check_unique(self, rows: Iterable[Row]) -> None:
        """Refuses ids, and moves, that two rows have."""
        ids: dict[str, Row] = {}
        keys: dict[Key, Row] = {}
        for row in rows:
            if ids.setdefault(row.id, row) is not row:
                self.wrong(row.line, f"{row.id}: id: there are two of them",
                           "rename one")
            for key in row.keys:
                other = keys.setdefault(key, row)
                if other is not row:
                    self.wrong(
                        row.line,
                        f"{row.id}: cause: {other.id} is the same move,"
                        f" by {key[2]}",
                        "join them, or take the cause out of one",
                    )  # fmt: skip


def _is_list(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(
        isinstance(v, str) and v.strip() for v in value
    )
