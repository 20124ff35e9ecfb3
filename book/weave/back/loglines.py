"""Every line that the library logs, and the code that logs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from book.weave import python
from book.weave.back.desk import Desk, code, table
from book.weave.uses import index

LEVELS = ("debug", "info", "warning", "error", "fatal", "panic")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A call that logs.

    Attributes:
        path: The file.
        line: Its line.
        symbol: The function that it is in.
        level: One of `LEVELS`.
        text: The format, with `%s` where values stand; as code where the
            format is put together as it goes.
    """

    path: str
    line: int
    symbol: str
    level: str
    text: str


def find(root: Path) -> Iterator[LogLine]:
    """Yields every call of a logger in the library, in the files' order.

    The tools beside it, in `port/rafttest`, have loggers to test with.
    """
    for file in sorted((root / "port").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        if path.startswith("port/rafttest/") or path == "port/logger.py":
            continue
        source = python.read(root, path)
        owners = {
            n: symbol.name
            for symbol in source.symbols.values()
            for n in symbol.lines
        }
        tree = index(root).modules[path].tree
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        for call in sorted(calls, key=lambda n: (n.lineno, n.col_offset)):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in LEVELS:
                continue
            if ast.unparse(func.value).rpartition(".")[2] != "logger":
                continue
            first = call.args[0]
            text = ast.unparse(first)
            if isinstance(first, ast.Constant):
                text = str(first.value)
            at = owners.get(call.lineno, python.MODULE)
            yield LogLine(path, call.lineno, at, func.attr, text)


def make(desk: Desk) -> Iterator[str]:
    """Yields a table a file."""
    lines: dict[str, list[LogLine]] = {}
    for line in find(desk.root):
        lines.setdefault(line.path, []).append(line)
    for path, found in lines.items():
        yield f"## `{path}`"
        yield table(
            ("Level", "What it says", "Printed by"),
            (
                (
                    line.level,
                    f'<code class="wv-long">{escape(line.text)}</code>',
                    f"{code(line.symbol, desk.walk(path, line.symbol))}, "
                    + _line(desk, line),
                )
                for line in found
            ),
        )


def _line(desk: Desk, line: LogLine) -> str:
    href = desk.line(line.path, line.line)
    said = f"line&nbsp;{line.line}"
    return f'<a href="{href}">{said}</a>' if href else said
