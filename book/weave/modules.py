"""Files of Python, read: what each defines, and what it imports of the others.

Of a class its methods and fields are noted as well, of a field what is said
of it: `names.py` makes types of that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
# A file and a dotted name in it.
Place = tuple[str, str]


@dataclass(slots=True)
class Class:
    """A class of a file.

    Attributes:
        node: Its definition.
        methods: Its methods by name.
        fields: What a field is said to be, or what it is set to; whether it
            is said; and in which method it is set.
    """

    node: ast.ClassDef
    methods: dict[str, Function] = field(default_factory=dict)
    fields: dict[str, tuple[ast.expr, bool, Function | None]] = field(
        default_factory=dict
    )


@dataclass(slots=True)
class Module:
    """A file.

    Attributes:
        tree: The file, read.
        names: Where an imported name comes from, or the node that defines
            it.
        stars: The files of which it imports all that there is.
        classes: Its classes by name.
    """

    tree: ast.Module
    names: dict[str, Place | ast.AST] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    classes: dict[str, Class] = field(default_factory=dict)


class Modules:
    """All files of some folders.

    Args:
        root: The repository.
        folders: The folders in it.
    """

    def __init__(self, root: Path, folders: Iterable[str]) -> None:
        self._by_path: dict[str, Module] = {}
        for folder in folders:
            for file in sorted((root / folder).rglob("*.py")):
                path = file.relative_to(root).as_posix()
                tree = ast.parse(file.read_text(encoding="utf-8"), path)
                self._by_path[path] = Module(tree)
        for module in self._by_path.values():
            self._read(module, module.tree.body)

    def __getitem__(self, path: str) -> Module:
        return self._by_path[path]

    def get(self, path: str) -> Module | None:
        """Returns a file, if it is one of these."""
        return self._by_path.get(path)

    def items(self) -> Iterable[tuple[str, Module]]:
        """Returns every file with its path."""
        return self._by_path.items()

    def file(self, dotted: str) -> str | None:
        """Returns the file of a module of the port, if it is one."""
        stem = dotted.replace(".", "/")
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if path in self._by_path:
                return path
        return None

    def _read(self, module: Module, body: Iterable[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.If | ast.Try):
                self._read(module, node.body)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                self._imported(module, node)
            elif isinstance(node, Function):
                module.names[node.name] = node
            elif isinstance(node, ast.ClassDef):
                module.names[node.name] = node
                module.classes[node.name] = _class(node)
            elif isinstance(node, ast.AnnAssign) and isinstance(
                node.target, ast.Name
            ):
                module.names[node.target.id] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        module.names[target.id] = node

    def _imported(self, module: Module, node: ast.ImportFrom) -> None:
        source = self.file(node.module or "")
        if source is None:
            return
        for alias in node.names:
            if alias.name == "*":
                module.stars.append(source)
                continue
            inner = self.file(f"{node.module}.{alias.name}")
            known = alias.asname or alias.name
            module.names[known] = (inner, "") if inner else (source, alias.name)


def _class(node: ast.ClassDef) -> Class:
    found = Class(node)
    for inner in node.body:
        if isinstance(inner, Function):
            found.methods.setdefault(inner.name, inner)
        elif isinstance(inner, ast.AnnAssign) and isinstance(
            inner.target, ast.Name
        ):
            found.fields.setdefault(
                inner.target.id, (inner.annotation, True, None)
            )
        elif isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, ast.Name):
                    found.fields.setdefault(
                        target.id, (inner.value, False, None)
                    )
    for method in found.methods.values():
        for part in ast.walk(method):
            _fields(part, method, found)
    return found


def _fields(part: ast.AST, method: Function, found: Class) -> None:
    """Notes the fields that a method gives its object."""
    if isinstance(part, ast.AnnAssign) and _of_self(part.target):
        name = part.target.attr  # type: ignore[union-attr]
        found.fields[name] = (part.annotation, True, None)
    elif isinstance(part, ast.Assign) and method.name == "__init__":
        for target in part.targets:
            if _of_self(target) and isinstance(target, ast.Attribute):
                found.fields.setdefault(
                    target.attr, (part.value, False, method)
                )


def _of_self(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
