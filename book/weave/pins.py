"""Which tests hold a function: those that use it, name it, or break it.

A test holds a function if a note cites it, if it is named after it, or if it
calls it. And some tests take a line of the port out, or put another in its
place, to see that something notices; they name the function in a string.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from book.weave.python import MODULE, Symbol
from book.weave.uses import TESTS, Index, index

UPSTREAM = "tests/port/UPSTREAM_TESTS.md"
# What breaks the port on purpose; who imports of it does so.
BREAKING = "tests/book/breaking.py"

# A shorter name, as `hup` or `send`, is in the names of too many tests.
SHORTEST = 8

_ROW = re.compile(r"^\| *\S+ *\| *(?P<go>\w+) *\| *(?P<ours>tests/\S+) *\|")


@dataclass(frozen=True, slots=True)
class Pin:
    """A test that holds a function.

    Attributes:
        file: Its file.
        name: Its name, as pytest has it; empty for a whole file.
        go: The test of upstream's that it does the work of, or nothing.
    """

    file: str
    name: str
    go: str = ""


class Pins:
    """Every test, and what it holds.

    Args:
        root: The repository.
        uses: Who uses what.
    """

    def __init__(self, root: Path, uses: Index) -> None:
        self._uses = uses
        self._go = dict(_upstream(root))
        self._tests: list[tuple[str, str]] = []
        self._broken: dict[str, set[str]] = {}
        for path, module in uses.modules.items():
            if not path.startswith(TESTS):
                continue
            self._tests += [(path, name) for name in _tests(module.tree)]
            if any(
                isinstance(place, tuple) and place[0] == BREAKING
                for place in module.names.values()
            ):
                for name in _strings(module.tree):
                    self._broken.setdefault(name, set()).add(path)

    def of(self, symbol: Symbol, cited: list[str]) -> list[Pin]:
        """Returns the tests that hold a symbol, the closest first.

        Args:
            symbol: The symbol.
            cited: The tests that its notes cite, as `file::name`.
        """
        if symbol.name == MODULE:
            return []
        found: dict[tuple[str, str], None] = {}
        for one in cited:
            file, _, name = one.partition("::")
            found[file, name] = None
        last = symbol.name.rpartition(".")[2].strip("_")
        if len(last) >= SHORTEST:
            named = re.compile(rf"(?:_|\b){re.escape(last)}(?:_|\b|$)")
            for file, name in self._tests:
                if named.search(name):
                    found[file, name] = None
        found |= {
            (use.path, use.owner.replace(".", "::")): None
            for use in self._uses.of(symbol.path, symbol.name, "tests/")
            if use.owner.rpartition(".")[2].startswith("test_")
        }
        pins = [
            Pin(file, name, self._go.get(f"{file}::{name}", ""))
            for file, name in found
        ]
        return pins

    def breakers(self, symbol: Symbol) -> list[str]:
        """Returns the files of tests that break the symbol on purpose."""
        if not symbol.path.endswith("port/raft.py"):
            return []
        return sorted(self._broken.get(symbol.name, ()))


def _upstream(root: Path) -> Iterator[tuple[str, str]]:
    file = root / UPSTREAM
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    for line in text.splitlines():
        if row := _ROW.match(line):
            yield row["ours"], row["go"]


def _tests(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(
                    inner, ast.FunctionDef | ast.AsyncFunctionDef
                ) and inner.name.startswith("test_"):
                    yield f"{node.name}::{inner.name}"
        elif isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        ) and node.name.startswith("test_"):
            yield node.name


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def pins(root: Path) -> Pins:
    """Returns what the tests hold as they are now, found out once."""
    return _pins(root, index(root))


@lru_cache(maxsize=4)
def _pins(root: Path, uses: Index) -> Pins:
    return Pins(root, uses)
