"""Every field of `Config`: its default, what it says, and where it acts."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from book.weave import facts, python
from book.weave.back.desk import Desk, code, go, said, table
from book.weave.golang import GoRange
from book.weave.uses import Index, Use, index
from port.raft import Config

RAFT = "port/raft.py"
# A field that acts in more places than this acts everywhere.
MOST = 12

_FIELD = re.compile(r"^    (\w+): (.+)$")


def meanings(doc: str) -> dict[str, str]:
    """Returns what a docstring says of each attribute."""
    found: dict[str, str] = {}
    name = ""
    for line in doc.partition("Attributes:\n")[2].splitlines():
        if not line.startswith("    "):
            break
        if field := _FIELD.match(line):
            name, found[field[1]] = field[1], field[2]
        else:
            found[name] += " " + line.strip()
    return found


def defaults() -> dict[str, object]:
    """Returns the default of each field."""
    known = inspect.signature(Config.__init__).parameters
    return {n: p.default for n, p in known.items() if n != "self"}


def kept_as(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Returns under which name a field lives on: file and dotted name.

    `Raft.__init__` copies a field into one of its own, or hands it to the
    log, the tracker or the reads, whose `__init__` does.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    uses = index(root)
    start = _method(uses.modules[RAFT].tree, "Raft", "__init__")
    for node in ast.walk(start):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
            )
            target = targets[0]
            value = node.value
            if isinstance(value, ast.BoolOp):
                value = value.values[0]
            name = _field_of(value)
            if name and isinstance(target, ast.Attribute):
                found.setdefault(name, []).append((RAFT, f"Raft.{target.attr}"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for at, arg in enumerate(node.args):
                if name := _field_of(arg):
                    place = _parameter(uses, node.func, at)
                    if place:
                        found.setdefault(name, []).append(place)
    # What `validate` returns has been the configuration's as well.
    found["logger"] = [(RAFT, "Raft.logger")]
    found["storage"] = [("port/log.py", "RaftLog.storage")]
    return found


def _field_of(node: ast.expr) -> str:
    """Returns the field, if an expression is `c.field`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "c" else ""
    return ""


def _parameter(
    uses: Index, func: ast.Name, at: int
) -> tuple[str, str] | None:
    """Returns the field that a class keeps its argument in."""
    kind = uses.names.named(RAFT, func.id)
    if kind is None or kind.kind != "class":
        return None
    start = _method(uses.modules[kind.path].tree, kind.name, "__init__")
    parameter = start.args.args[at + 1].arg
    for node in ast.walk(start):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            target = node.targets[0]
            if node.value.id == parameter and isinstance(
                target, ast.Attribute
            ):
                return kind.path, f"{kind.name}.{target.attr}"
    return None


def _method(tree: ast.Module, owner: str, name: str) -> ast.FunctionDef:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == owner:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == name:
                    return inner
    raise LookupError(f"{owner}.{name}")


def acts(root: Path, field: str) -> list[Use]:
    """Returns the places where a field decides something.

    Those that read it, or what it was copied into; not those that copy it.
    """
    uses = index(root)
    places = [(RAFT, f"Config.{field}"), *kept_as(root).get(field, [])]
    found = [
        use
        for path, name in places
        for use in uses.of(path, name)
        if not use.stored
        and not use.path.startswith("port/rafttest/")
        and use.owner not in ("Raft.__init__", "Config.__init__")
    ]
    if not found:
        # Whoever takes it in is all there is.
        found = [
            use
            for use in uses.of(RAFT, f"Config.{field}")
            if not use.stored and not use.path.startswith("port/rafttest/")
        ]
    return found


def make(desk: Desk) -> Iterator[str]:
    """Yields the table of fields."""
    source = python.read(desk.root, RAFT)
    told = meanings(source.symbol("Config").doc)
    items = {
        item.name.lower(): item
        for item in facts.load()["raft.go"].items
        if item.kind == "member" and item.owner == "Config"
    }
    rows = []
    for name, default in defaults().items():
        item = items.get(name.replace("_", ""))
        there = "not in the Go"
        if item:
            where = GoRange("raft.go", item.first, item.last)
            there = f"{code(item.name)} {go([where])}"
        rows.append(
            (
                f'<code id="{name}">{name}</code><br>{there}',
                code(shown(default)),
                said(told.get(name, "")),
                _places(desk, name),
            )
        )
    yield table(("Field", "Default", "What it says", "Where it acts"), rows)


def shown(default: object) -> str:
    """Returns a default as one writes it."""
    return str(default) if not hasattr(default, "name") else default.name


def _places(desk: Desk, field: str) -> str:
    found: dict[tuple[str, str], str] = {}
    for use in acts(desk.root, field):
        if (use.path, use.owner) not in found:
            line = desk.line(use.path, use.line)
            href = line or desk.walk(use.path, use.owner)
            found[use.path, use.owner] = code(use.owner, href)
    if len(found) > MOST:
        return f"in {len(found)} functions"
    return "<br>".join(found.values())
