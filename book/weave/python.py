"""Python files as a walk sees them: symbols, their lines, their docstring.

A symbol is named as in `port/raft.py Raft.become_follower`. It owns the lines
from its first decorator, or the comment right above it, to its last. A class
owns what its methods do not, and `<module>` what no class and no function
does. The docstring is not among the lines: a walk prints it as prose.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

from book.weave.problems import Refused

MODULE = "<module>"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Symbol:
    """A piece of Python that one walk explains.

    Attributes:
        path: The file, from the root of the repository.
        name: The dotted name in the file, or `<module>`.
        lines: The real numbers of the lines to show, in order.
        doc: The docstring without its indentation; empty when there is none.
    """

    path: str
    name: str
    lines: tuple[int, ...]
    doc: str

    @property
    def id(self) -> str:
        """The anchor on the page: `raft.Raft.become_follower`.

        Browsers and search engines dislike `<` in an address, hence `module`.
        """
        stem = self.path.removesuffix(".py").removeprefix("port/")
        return f"{stem.replace('/', '.')}.{self.name.strip('<>')}"

    def line_id(self, number: int) -> str:
        """The anchor of a line: the symbol's, and the line's place in it."""
        return f"{self.id}.{self.lines.index(number) + 1}"

    def __str__(self) -> str:
        return f"{self.path} {self.name}"


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file, read once.

    Attributes:
        path: The file, from the root of the repository.
        text: The lines, without their ends; `text[0]` is line 1.
        executable: The lines that can run, docstrings left out.
        symbols: Every symbol of the file by name, in the file's order.
    """

    path: str
    text: tuple[str, ...]
    executable: frozenset[int]
    symbols: dict[str, Symbol]

    def symbol(self, name: str) -> Symbol:
        """Returns the symbol of that name.

        Raises:
            Refused: the file has none.
        """
        if name in self.symbols:
            return self.symbols[name]
        tail = name.rpartition(".")[2]
        near = [s for s in self.symbols if s.rpartition(".")[2] == tail]
        raise Refused(
            f"{self.path} has no symbol {name}",
            f"did you mean {near[0]}?" if near else "name one that it has",
        )

    def line(self, number: int) -> str:
        """Returns the text of a line, counted from 1."""
        return self.text[number - 1]

    def is_code(self, number: int) -> bool:
        """Tells whether a line has more on it than a comment."""
        stripped = self.line(number).strip()
        return bool(stripped) and not stripped.startswith("#")


def read(root: Path, path: str) -> Source:
    """Reads the Python file at `path` under `root`.

    Raises:
        Refused: there is no such file.
    """
    file = root / path
    if not file.is_file():
        raise Refused(f"there is no file {path}", "name one that there is")
    return _read(file, path, file.stat().st_mtime_ns)


@cache
def _read(file: Path, path: str, stamp: int) -> Source:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text, path)
    lines = tuple(text.splitlines())
    docs = frozenset(n for node in _owners(tree) for n in _doc_lines(node))
    ran = frozenset(_code_lines(compile(tree, path, "exec"))) - docs - {0}
    symbols = {s.name: s for s in _symbols(path, tree, lines)}
    return Source(path, lines, ran, symbols)


def _owners(tree: ast.Module) -> Iterator[ast.Module | Definition]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition):
            yield node


def _doc_lines(node: ast.Module | Definition) -> range:
    if ast.get_docstring(node, clean=False) is None:
        return range(0)
    first = node.body[0]
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _code_lines(code: CodeType) -> Iterator[int]:
    yield from (n for _, _, n in code.co_lines() if n is not None)
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _code_lines(const)


def _symbols(
    path: str, tree: ast.Module, text: tuple[str, ...]
) -> Iterator[Symbol]:
    def walk(
        node: ast.Module | Definition, name: str, span: range
    ) -> Iterator[Symbol]:
        inner: list[tuple[Definition, range]] = []
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [
                (child, _span(child, text))
                for child in node.body
                if isinstance(child, Definition)
            ]
        gone = {n for _, taken in inner for n in taken} | set(_doc_lines(node))
        kept = _without_blanks([n for n in span if n not in gone], text)
        yield Symbol(path, name, kept, inspect.cleandoc(_doc(node)))
        for child, taken in inner:
            prefix = "" if name == MODULE else f"{name}."
            yield from walk(child, prefix + child.name, taken)

    yield from walk(tree, MODULE, range(1, len(text) + 1))


def _doc(node: ast.Module | Definition) -> str:
    return ast.get_docstring(node, clean=True) or ""


def _span(node: Definition, text: tuple[str, ...]) -> range:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    while first > 1 and text[first - 2].strip().startswith("#"):
        first -= 1
    return range(first, (node.end_lineno or node.lineno) + 1)


def _without_blanks(
    numbers: list[int], text: tuple[str, ...]
) -> tuple[int, ...]:
    """Drops blank lines at the ends, and all but one of a run of them."""
    kept: list[int] = []
    for n in numbers:
        blank = not text[n - 1].strip()
        if blank and (not kept or not text[kept[-1] - 1].strip()):
            continue
        kept.append(n)
    while kept and not text[kept[-1] - 1].strip():
        kept.pop()
    return tuple(kept)
