"""What each role makes of each type of message, at each term: a matrix.

Its 384 cells are the four roles, the 24 types, and four ways in which a
message's term compares with the node's: zero (a local message, or one that
carries none), lower, equal, higher. `book/matrix.toml` says what happens in
them, a rule for many cells at a time:

    [[rule]]
    roles = "all"                     # or a list of roles
    types = ["MsgHup"]
    terms = ["zero"]
    verdict = "handled"
    symbol = "Raft._step_hup"         # or a list, if it depends
    to = ["candidate"]                # the roles that it may end in
    sends = ["MsgVote"]               # what it may send because of that
    raises = ["ProposalDropped"]      # what it may raise
    says = "One sentence."

Each cell has one rule, no more and no less. `to` is the same role unless it
is written, `sends` and `raises` are empty. The verdicts: `ignored`, nothing
changes and nothing is sent; `answered`, nothing changes, and an answer may be
sent; `forwarded`, nothing changes, and it may be passed on; `refused`, nothing
changes, and it raises; `handled`, whatever else.

A test finds the same by trying, and compares: `tests/book/trying.py`.

Before a message reaches raft, `RawNode` and `node` have filters; a `filter`
of the file says what they do to a type, by who sent it. And a `type` says
what it is for, and which terms it has when nobody breaks the rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from book.weave import python
from book.weave.problems import Problem, Refused, WeaveError
from port import raftpb as pb
from port.rafttest.observe import Transition

FILE = "book/matrix.toml"
PORT = "port/raft.py"

ROLES = ("follower", "pre-candidate", "candidate", "leader")
TYPES = tuple(str(kind) for kind in pb.MessageType)
TERMS = ("zero", "lower", "equal", "higher")
VERDICTS = ("ignored", "answered", "forwarded", "refused", "handled")
# Whoever may have sent a message: a member, somebody unknown, or storage.
SENDERS = ("member", "stranger", "thread")


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens in some cells.

    Attributes:
        verdict: One of `VERDICTS`.
        symbols: The functions of `port/raft.py` that deal with the message;
            which one depends on the situation.
        to: The roles that it may end in; empty for the role it began in.
        sends: The types of messages that may be sent.
        raises: The names of the errors that may be raised.
        says: What happens, in a sentence.
        line: The line of the file that it begins on, from 1.
    """

    verdict: str
    symbols: tuple[str, ...]
    to: tuple[str, ...]
    sends: tuple[str, ...]
    raises: tuple[str, ...]
    says: str
    line: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One role, one type of message, one term."""

    role: str
    type: str
    term: str
    rule: Rule

    @property
    def to(self) -> tuple[str, ...]:
        """The roles that the node may be in afterwards."""
        return self.rule.to or (self.role,)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of message.

    Attributes:
        name: `MsgApp`.
        what: What it is for, in a few words.
        terms: The terms that it has when nobody breaks the rules.
        rawnode: What `RawNode.step` does to it, by sender: `in`, or the name
            of the error that it raises.
        node: What a `node` does to it, by sender: `in`; `as a proposal`, by
            the door for those; `left out` by `step`; `dropped` in the loop.
    """

    name: str
    what: str
    terms: tuple[str, ...]
    rawnode: Mapping[str, str]
    node: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells, and all types."""

    kinds: tuple[Kind, ...]
    rules: tuple[Rule, ...]
    by_place: Mapping[tuple[str, str, str], Cell]

    def cells(self) -> Iterator[Cell]:
        """Yields every cell: by type, then by role, then by term."""
        for kind in TYPES:
            for role in ROLES:
                for term in TERMS:
                    yield self.by_place[role, kind, term]

    def cell(self, role: str, type: str, term: str) -> Cell:
        """Returns a cell."""
        return self.by_place[role, type, term]

    def usual(self, cell: Cell) -> bool:
        """Tells whether the message has such a term if all keep the rules."""
        return cell.term in self.kind(cell.type).terms

    def kind(self, name: str) -> Kind:
        """Returns a type of message."""
        return self.kinds[TYPES.index(name)]

    def knows(self, seen: Transition) -> bool:
        """Tells whether a cell allows what the observer has seen."""
        type, _, term = seen.cause.partition(", term ")
        cell = self.by_place.get((seen.from_, type, term))
        return (
            cell is not None
            and seen.to in cell.to
            and seen.symbol in cell.rule.symbols
        )


def load(root: Path) -> Matrix:
    """Reads the matrix of the repository at `root`.

    Raises:
        WeaveError: something in it is wrong; it names each rule.
    """
    return read((root / FILE).read_text(encoding="utf-8"), root)


def read(text: str, root: Path) -> Matrix:
    """Reads a matrix, and checks it against the port at `root`.

    Raises:
        WeaveError: something in it is wrong; it names each rule.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise WeaveError([Problem(FILE, 1, str(wrong), "mend it")]) from wrong
    lines = [
        n
        for n, line in enumerate(text.splitlines(), 1)
        if line.strip() == "[[rule]]"
    ]
    problems: list[Problem] = []
    by_place: dict[tuple[str, str, str], Cell] = {}
    rules: list[Rule] = []
    for table, line in zip(tables.get("rule", []), lines, strict=True):
        try:
            rule, places = _rule(table, line, root)
            rules.append(rule)
            for place in places:
                other = by_place.get(place)
                if other is not None:
                    raise Refused(
                        f"{', '.join(place)}: line {other.rule.line} has a"
                        " rule for it already",
                        "each cell has one",
                    )
                by_place[place] = Cell(*place, rule)
        except Refused as wrong:
            problems.append(wrong.at(FILE, line))
    for role in ROLES:
        for type in TYPES:
            for term in TERMS:
                if (role, type, term) not in by_place:
                    problems.append(
                        Problem(
                            FILE, 1, f"{role}, {type}, {term}: has no rule",
                            "write one",
                        )
                    )  # fmt: skip
    kinds: list[Kind] = []
    try:
        kinds = _kinds(tables.get("type", []), tables.get("filter", []))
    except Refused as wrong:
        problems.append(wrong.at(FILE, 1))
    if problems:
        raise WeaveError(problems)
    return Matrix(tuple(kinds), tuple(rules), by_place)


def _rule(
    table: Mapping[str, object], line: int, root: Path
) -> tuple[Rule, list[tuple[str, str, str]]]:
    known = {
        "roles", "types", "terms", "verdict", "symbol", "to", "sends",
        "raises", "says",
    }  # fmt: skip
    for field in sorted(table.keys() - known):
        raise Refused(f"{field} is no field", f"use {', '.join(sorted(known))}")
    roles = _names(table, "roles", ROLES)
    types = _names(table, "types", TYPES)
    terms = _names(table, "terms", TERMS)
    verdict = table.get("verdict")
    if verdict not in VERDICTS:
        raise Refused(
            f"verdict: {verdict!r} is none", f"say one of {', '.join(VERDICTS)}"
        )
    says = table.get("says")
    if not isinstance(says, str) or not says.strip():
        raise Refused("says: is missing", "say what happens")
    symbols = _names(table, "symbol", None)
    for symbol in symbols:
        python.read(root, PORT).symbol(symbol)
    rule = Rule(
        verdict=str(verdict),
        symbols=symbols,
        to=_names(table, "to", ROLES) if "to" in table else (),
        sends=_names(table, "sends", TYPES) if "sends" in table else (),
        raises=_names(table, "raises", ("ProposalDropped", "RaftPanic"))
        if "raises" in table
        else (),
        says=" ".join(says.split()),
        line=line,
    )
    return rule, [(r, y, t) for r in roles for y in types for t in terms]


def _names(
    table: Mapping[str, object], field: str, known: tuple[str, ...] | None
) -> tuple[str, ...]:
    value = table.get(field)
    if value == "all" and known is not None:
        return known
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value:
        raise Refused(f"{field}: is missing, or empty", "name some")
    for name in value:
        if not isinstance(name, str) or (known and name not in known):
            raise Refused(
                f"{field}: there is no {name}",
                f"name some of {', '.join(known or ())}",
            )
    return tuple(value)


def _kinds(
    types: list[Mapping[str, object]], filters: list[Mapping[str, object]]
) -> list[Kind]:
    rawnode: dict[str, dict[str, str]] = {}
    node: dict[str, dict[str, str]] = {}
    for table in filters:
        for name in _names(table, "types", TYPES):
            if name in rawnode:
                raise Refused(f"{name} has two filters", "leave it one")
            for into, where in ((rawnode, "rawnode"), (node, "node")):
                by_sender = table.get(where)
                if not isinstance(by_sender, dict) or set(by_sender) != set(
                    SENDERS
                ):
                    raise Refused(
                        f"filter of {name}: {where}: does not name each sender",
                        f"name {', '.join(SENDERS)}",
                    )
                into[name] = by_sender
    found: dict[str, Kind] = {}
    for table in types:
        (name,) = _names(table, "name", TYPES)
        if name not in rawnode:
            raise Refused(f"{name} has no filter", "write one")
        what = table.get("what")
        if not isinstance(what, str):
            raise Refused(f"type {name}: what: is missing", "say it")
        found[name] = Kind(
            name, " ".join(what.split()), _names(table, "terms", TERMS),
            rawnode[name], node[name],
        )  # fmt: skip
    missing = [name for name in TYPES if name not in found]
    if missing:
        raise Refused(f"{missing[0]} has no [[type]]", "write one")
    return [found[name] for name in TYPES]
