"""The matrix of roles and messages: one page, to be pinned to the wall.

A line is a type of message, a column is a role and how the message's term
compares with the node's. Terms zero and equal are one cell where they mean
the same, as they nearly always do. Each cell leads to the line that decides.
What only a broken node would send is pale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from book.weave import matrix, python
from book.weave.back.desk import Desk
from book.weave.matrix import Cell, Kind, Matrix, Rule
from book.weave.roles import ROLES

PORT = matrix.PORT

# The lines in the order of a life, with a heading for each part.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Elections", (
        "MsgHup", "MsgPreVote", "MsgPreVoteResp", "MsgVote", "MsgVoteResp",
        "MsgTransferLeader", "MsgTimeoutNow", "MsgForgetLeader",
    )),
    ("The log", (
        "MsgProp", "MsgApp", "MsgAppResp", "MsgSnap", "MsgSnapStatus",
        "MsgUnreachable",
    )),
    ("Staying leader", (
        "MsgBeat", "MsgHeartbeat", "MsgHeartbeatResp", "MsgCheckQuorum",
    )),
    ("Reads", ("MsgReadIndex", "MsgReadIndexResp")),
    ("The disk", (
        "MsgStorageAppend", "MsgStorageAppendResp", "MsgStorageApply",
        "MsgStorageApplyResp",
    )),
)  # fmt: skip

# A message of a lower term comes first: it hardly ever matters.
TERMS = ("lower", "zero", "equal", "higher")
SIGNS = {"lower": "&lt;", "zero": "0", "equal": "=", "higher": "&gt;"}
MARKS = {
    "ignored": "·", "answered": "↩", "forwarded": "→", "refused": "✕",
    "handled": "",
}  # fmt: skip
FOLLOWS = "↑"
SAID = {
    "ignored": "nothing changes, nothing is sent",
    "answered": "nothing changes, and it may be answered",
    "forwarded": "passed on, perhaps",
    "refused": "an error, or a panic",
}
_GATES = re.compile(r"Raft\._step_(lower|higher)_term|step_\w+")
_SHORT = re.compile(r"^(_step|follower|candidate|leader)_")
_LETTERS = {
    name: role.letter
    for name, role in zip(matrix.ROLES, ROLES, strict=True)
}
_LEAST = 5  # cells that a rule must have to be told at the top


def make(desk: Desk) -> Iterator[str]:
    """Yields the matrix, and below it what its cells say."""
    whole = matrix.load(desk.root)
    yield "".join(_table(whole, desk))
    yield "## What the cells say"
    yield (
        "A cell's rule in words, with all that it may send or raise. Most"
        " cells have a rule that they share with many others; those come"
        " first."
    )
    shared = _shared(whole)
    yield "".join(_told(shared, whole, "Nearly everywhere", desk))
    for title, types in PARTS:
        yield f"### {title}"
        for name in types:
            rules = _rules(whole, name, shared)
            yield "".join(_told(rules, whole, name, desk))


# ---- The table -------------------------------------------------------------


def _table(whole: Matrix, desk: Desk) -> Iterator[str]:
    yield '<div class="wv-wall" role="region" tabindex="0"'
    yield ' aria-label="The matrix"><table class="wv-matrix">'
    yield '<colgroup><col class="wv-col-type">'
    for _ in ROLES:
        for term in TERMS:
            yield f'<col class="wv-col-{term}">'
    yield '</colgroup><thead><tr><th rowspan="2" scope="col">'
    yield '<span class="wv-wall-title">What each role makes of each message'
    yield "</span></th>"
    for name, role in zip(matrix.ROLES, ROLES, strict=True):
        yield (
            f'<th colspan="4" scope="colgroup" class="wv-first">'
            f'<span class="wv-role-tag {role.letter}">{role.letter}</span>'
            f" {name}</th>"
        )
    yield "</tr><tr>"
    for _ in ROLES:
        for term in TERMS:
            first = ' class="wv-first"' if term == TERMS[0] else ""
            yield (
                f'<th scope="col"{first}><abbr title="its term is {term}">'
                f"{SIGNS[term]}</abbr></th>"
            )
    yield "</tr></thead>"
    for title, types in PARTS:
        yield f'<tbody aria-label="{title}">'
        for name in types:
            yield from _line(whole.kind(name), whole, desk)
        yield "</tbody>"
    yield "</table>"
    yield from _legend()
    yield "</div>"


def _line(kind: Kind, whole: Matrix, desk: Desk) -> Iterator[str]:
    note = _door(kind)
    tail = f" <em>{note}</em>" if note else ""
    yield (
        f'<tr><th scope="row"><a href="#says-{kind.name}"><b>'
        f"{kind.name.removeprefix('Msg')}</b></a>{tail}"
        f"<span>{escape(kind.what)}</span></th>"
    )
    for role in matrix.ROLES:
        at = 0
        while at < len(TERMS):
            cell = whole.cell(role, kind.name, TERMS[at])
            span = 1
            if TERMS[at] == "zero":
                same = whole.cell(role, kind.name, "equal").rule
                span = 2 if _alike(same, cell.rule) else 1
            terms = TERMS[at : at + span]
            yield _cell(cell, terms, kind, whole, desk)
            at += span
    yield "</tr>"


def _alike(a: Rule, b: Rule) -> bool:
    return (a.verdict, a.symbols, a.to, a.sends, a.raises) == (
        b.verdict, b.symbols, b.to, b.sends, b.raises
    )  # fmt: skip


def _door(kind: Kind) -> str:
    """Returns what keeps such a message out before it comes to raft."""
    if kind.rawnode["member"] != "in":
        return "local"
    if kind.rawnode["stranger"] != "in":
        return "members only"
    if kind.node["member"] != "in":
        return "its own door"
    return ""


def _cell(
    cell: Cell, terms: tuple[str, ...], kind: Kind, whole: Matrix, desk: Desk
) -> str:
    rule, first = cell.rule, terms[0] == TERMS[0]
    real = any(term in kind.terms for term in terms)
    style = f"wv-{rule.verdict}" + ("" if real else " wv-never")
    style += " wv-first" if first else ""
    wide = len(terms) > 1
    said = escape(
        f"{cell.role}, {kind.name}, term {' or '.join(terms)}: {_all(rule)}",
        quote=True,
    )
    inside = "".join(_inside(cell, wide, whole))
    href = escape(_decides(cell, desk))
    span = f' colspan="{len(terms)}"' if wide else ""
    return (
        f'<td{span} class="{style}"><a href="{href}" title="{said}" '
        f'aria-label="{said}">{inside}</a></td>'
    )


def _inside(cell: Cell, wide: bool, whole: Matrix) -> Iterator[str]:
    """Yields what a cell shows: a mark, where to, by whom, and what is sent."""
    rule = cell.rule
    handled = rule.verdict == "handled"
    yield MARKS[rule.verdict]
    follows = handled and cell.term == "higher"
    if follows:
        yield FOLLOWS
    for role in cell.to:
        if role != cell.role:
            letter = _LETTERS[role]
            yield f'<span class="wv-role-tag {letter}">{letter}</span>'
    symbol = _handler(rule)
    same = whole.cell("follower", cell.type, "equal").rule.symbols
    if follows and symbol in same:
        yield "<b>=</b>"
    elif handled and symbol:
        name = _SHORT.sub("", symbol.rpartition(".")[2])
        yield f"<code>{name.replace('_', '_<wbr>')}</code>"
    sends = [s.removeprefix("Msg") for s in rule.sends if s != cell.type]
    tells = rule.verdict == "answered"
    if sends and (wide or (tells and cell.term in ("zero", "equal"))):
        yield f"<small>{', '.join(sends)}</small>"
    if rule.raises and handled and not follows:
        yield "<sup>✕</sup>"


def _handler(rule: Rule) -> str:
    """Returns the function that handles it, if the role's own table has it."""
    for symbol in rule.symbols:
        if not _GATES.fullmatch(symbol):
            return symbol
    return ""


def _decides(cell: Cell, desk: Desk) -> str:
    """Returns the address of the line that decides what becomes of a cell."""
    source = python.read(desk.root, PORT)
    symbol = source.symbol(cell.rule.symbols[0])
    lines = symbol.lines
    named = re.compile(rf"pb\.{cell.type}\b")
    at = next((n for n in lines if named.search(source.line(n))), 0)
    if not at and symbol.name.endswith("_step_lower_term"):
        # None of the types that it names: its last branch.
        at = [n for n in lines if source.line(n).strip() == "else:"][-1]
    return desk.line(PORT, at or lines[0])


def _legend() -> Iterator[str]:
    yield '<p class="wv-wall-legend"><span>'
    yield "The message's term against the node's: "
    yield "&lt; lower, 0 none, = equal, &gt; higher.</span> "
    for verdict, mark in MARKS.items():
        if mark:
            yield f"<span><b>{mark}</b> {SAID[verdict]}</span> "
    yield "<span><code>name</code> the function that handles it</span> "
    yield f"<span><b>{FOLLOWS}</b> the term is followed</span> "
    yield "<span><b>=</b> and then as a follower at =</span> "
    for role in ROLES:
        yield (
            f'<span><span class="wv-role-tag {role.letter}">{role.letter}'
            f"</span> may become {role.name.lower()}</span> "
        )
    yield "<span><small>Small</small>: may send. "
    yield "<sup>✕</sup>: may raise or panic.</span> "
    yield '<span class="wv-never">Pale: only a broken node sends this.</span>'
    yield (
        " <span><em>local</em>: never from outside; <em>members only</em>:"
        " an answer of a stranger is turned away; <em>its own door</em>:"
        " waits until there is a leader.</span></p>"
    )


# ---- The rules -------------------------------------------------------------


def _places(rule: Rule, whole: Matrix) -> list[Cell]:
    return [cell for cell in whole.cells() if cell.rule is rule]


def _shared(whole: Matrix) -> list[Rule]:
    """Returns the rules that many types share."""
    return [
        rule
        for rule in whole.rules
        if len({c.type for c in _places(rule, whole)}) >= _LEAST
    ]


def _rules(whole: Matrix, name: str, shared: list[Rule]) -> list[Rule]:
    found = [
        whole.cell(role, name, term).rule
        for role in matrix.ROLES
        for term in TERMS
    ]
    rules: list[Rule] = []
    for rule in found:
        if rule not in rules and rule not in shared:
            rules.append(rule)
    return rules


def _told(
    rules: list[Rule], whole: Matrix, title: str, desk: Desk
) -> Iterator[str]:
    own = title.startswith("Msg")
    id = f' id="says-{title}"' if own else ""
    yield f'<div class="wv-says"{id}><h4>{title}</h4>'
    if not rules:
        yield "<p>Nothing but those rules.</p></div>"
        return
    yield "<dl>"
    for rule in rules:
        cells = [
            c for c in _places(rule, whole) if not own or c.type == title
        ]
        yield f"<dt>{_where(cells, own)}</dt><dd>{_linked(rule, desk)}</dd>"
    yield "</dl></div>"


def _where(cells: list[Cell], own: bool) -> str:
    roles = [r for r in matrix.ROLES if any(c.role == r for c in cells)]
    terms = [t for t in TERMS if any(c.term == t for c in cells)]
    tags = "".join(
        f'<span class="wv-role-tag {_LETTERS[r]}">{_LETTERS[r]}</span>'
        for r in roles
    )
    signs = " ".join(SIGNS[t] for t in terms)
    types = len({c.type for c in cells})
    tail = "" if own else f" <small>{types} types</small>"
    return f"{tags} <code>{signs}</code>{tail}"


def _linked(rule: Rule, desk: Desk) -> str:
    names = ", ".join(desk.python(PORT, symbol) for symbol in rule.symbols)
    return f"{escape(_all(rule))} {names}"


def _all(rule: Rule) -> str:
    """Returns a rule in words, with all that it names."""
    said = " ".join(rule.says.split())
    if rule.to:
        said += f" Afterwards: {' or '.join(rule.to)}."
    if rule.sends:
        said += f" May send {', '.join(rule.sends)}."
    if rule.raises:
        said += f" May raise {', '.join(rule.raises)}."
    return said
