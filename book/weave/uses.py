"""Who uses what in the port: each name in its code, and in that of its tests.

A walk says who calls its function, and a name in the code leads to where it
is explained. Both want to know what a name stands for, and `names.py` tells.
A use that it cannot tell stays out: a link that is missing is better than one
that is wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from book.weave.modules import Function, Modules, Place
from book.weave.names import Names, Scope, Type
from book.weave.python import MODULE

# The tests that may hold a function of the port.
TESTS = ("tests/port", "tests/book")


@dataclass(frozen=True, slots=True)
class Use:
    """A name in the code that stands for something of the port's.

    Attributes:
        path: The file with the name.
        line: Its line.
        column: Where it starts on the line.
        name: The name as it stands there.
        owner: The symbol whose code it is in; a table of the module, by its
            name.
        target: The file and the dotted name of what it stands for.
        call: Whether it is called there.
        stored: Whether a value is put there.
    """

    path: str
    line: int
    column: int
    name: str
    owner: str
    target: Place
    call: bool
    stored: bool


class Index:
    """Every use of every name of the port.

    Args:
        root: The repository.
        more: Folders besides `port` in which to look for uses.

    Attributes:
        modules: The files, read.
        names: What the names in them stand for.
        uses: The uses, file by file.
    """

    def __init__(self, root: Path, more: tuple[str, ...] = ()) -> None:
        self.modules = Modules(root, ("port", *more))
        self.names = Names(self.modules)
        self.uses: list[Use] = []
        for path, module in self.modules.items():
            _Visitor(self.names, path, module.tree).run(self.uses)
        self._by_target: dict[Place, list[Use]] = {}
        self._by_line: dict[tuple[str, int], list[Use]] = {}
        for use in self.uses:
            self._by_target.setdefault(use.target, []).append(use)
            self._by_line.setdefault((use.path, use.line), []).append(use)

    def of(self, path: str, name: str, within: str = "port/") -> list[Use]:
        """Returns the uses of a symbol in a folder, in the files' order.

        A method that a protocol promises is also used where the protocol's
        is: whoever calls it need not know whose it is.
        """
        found = list(self._by_target.get((path, name), []))
        owner, _, last = name.rpartition(".")
        for file, promised in self._promises(path, owner):
            found += self._by_target.get((file, f"{promised}.{last}"), [])
        return [use for use in found if use.path.startswith(within)]

    def on_line(self, path: str, line: int) -> list[Use]:
        """Returns the uses on a line, from left to right."""
        found = self._by_line.get((path, line), [])
        return sorted(found, key=lambda use: use.column)

    def _promises(self, path: str, owner: str) -> Iterator[Place]:
        """Yields the protocols that a class keeps."""
        module = self.modules.get(path)
        if module is None or owner not in module.classes:
            return
        mine = module.classes[owner].methods.keys()
        for (file, name), promised in self._protocols.items():
            if name != owner and promised <= mine:
                yield file, name

    @cached_property
    def _protocols(self) -> dict[Place, set[str]]:
        """Every protocol, and the methods that it promises."""
        return {
            (path, name): set(cls.methods)
            for path, module in self.modules.items()
            for name, cls in module.classes.items()
            if cls.methods
            and "Protocol" in [ast.unparse(base) for base in cls.node.bases]
        }


class _Visitor(ast.NodeVisitor):
    """Goes through a module and writes down what it uses."""

    def __init__(self, names: Names, path: str, tree: ast.Module) -> None:
        self.names = names
        self.path = path
        self.tree = tree
        self.owner = MODULE
        self.cls: Type | None = None
        self.scope: Scope = {}
        self.called: set[int] = set()
        self.found: list[Use] = []

    def run(self, found: list[Use]) -> None:
        """Appends the uses of the module."""
        self.found = found
        self.visit(self.tree)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """An import uses nothing; what uses the name does."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The body of a class is the class's."""
        before = self.owner, self.cls
        self.owner, self.cls = node.name, Type("class", self.path, node.name)
        self.generic_visit(node)
        self.owner, self.cls = before

    def visit_Assign(self, node: ast.Assign) -> None:
        """What a table of the module holds is used by the table."""
        self._table(node, node.targets[0])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Likewise."""
        self._table(node, node.target)

    def _table(self, node: ast.stmt, target: ast.expr) -> None:
        before = self.owner
        if before == MODULE and isinstance(target, ast.Name):
            self.owner = target.id
        self.generic_visit(node)
        self.owner = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """The body of a function is the function's."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Likewise."""
        self._function(node)

    def _function(self, node: Function) -> None:
        helper = not node.name.startswith("test_")
        if helper and self.path.startswith("tests/"):
            return  # What helps a test holds nothing by itself.
        before = self.owner, self.scope, self.cls
        outer = self.owner == MODULE or self.owner == (
            self.cls.name if self.cls else None
        )
        if outer:
            prefix = f"{self.cls.name}." if self.cls else ""
            self.owner = prefix + node.name
            self.scope = {}
        known = self.names.parameters(
            self.path, node, self.cls if outer else None
        )
        self.scope = {**self.scope, **known}
        self.names.bind(self.path, node, self.scope)
        self.cls = None
        for inner in node.body:
            self.visit(inner)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default:
                self.visit(default)
        self.owner, self.scope, self.cls = before

    def visit_Call(self, node: ast.Call) -> None:
        """Remembers what is called."""
        self.called.add(id(node.func))
        self.generic_visit(node)
        kind = self.names.infer(self.path, node.func, self.scope)
        if kind and kind.kind == "class":
            made = self.names.member(kind, "__init__")
            if made:
                self._use(node.func, "", made[0], True)

    def visit_Name(self, node: ast.Name) -> None:
        """A name of the module, or one that it imports."""
        if node.id in self.scope:
            return
        place = self._definition(self.path, node.id)
        if place:
            self._use(node, node.id, place, isinstance(node.ctx, ast.Store))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A name of another module, or of a class."""
        self.visit(node.value)
        kind = self.names.infer(self.path, node.value, self.scope)
        if kind is None:
            return
        stored = isinstance(node.ctx, ast.Store)
        if kind.kind == "module":
            place = self._definition(kind.path, node.attr)
            if place:
                self._use(node, node.attr, place, stored)
        elif kind.kind in ("class", "instance"):
            found = self.names.member(kind, node.attr)
            if found:
                self._use(node, node.attr, found[0], stored)

    def _definition(self, path: str, name: str) -> Place | None:
        """Returns the class or function that a module knows by a name."""
        kind = self.names.named(path, name)
        if kind and kind.kind in ("class", "function"):
            # A value may have been given a second name: `X = Some.X`.
            return kind.path, kind.name
        return None

    def _use(
        self, node: ast.expr, name: str, target: Place, stored: bool
    ) -> None:
        end_line = node.end_lineno or node.lineno
        end = node.end_col_offset or 0
        self.found.append(
            Use(
                self.path, end_line, end - len(name.encode()), name,
                self.owner, target, id(node) in self.called, stored,
            )
        )  # fmt: skip


def index(root: Path) -> Index:
    """Returns the index of port and tests as they are now, made once."""
    there = tuple(name for name in TESTS if (root / name).is_dir())
    stamp = max(
        (
            file.stat().st_mtime_ns
            for folder in ("port", *there)
            for file in (root / folder).rglob("*.py")
        ),
        default=0,
    )
    return _index(root, there, stamp)


@lru_cache(maxsize=4)
def _index(root: Path, there: tuple[str, ...], stamp: int) -> Index:
    return Index(root, there)
