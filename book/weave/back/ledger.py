"""The ledger, `port/DIVERGENCES.md`, as a page with links on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from book.weave import facts, python
from book.weave.back.desk import Desk, code, go, said, table
from book.weave.counterparts import Row, read_ledger
from book.weave.golang import GoRange
from book.weave.problems import Refused

LEDGER = "port/DIVERGENCES.md"

def rows(desk: Desk) -> list[Row]:
    """Returns the rows of the ledger, in its order."""
    text = (desk.root / LEDGER).read_text(encoding="utf-8")
    return read_ledger(text)[0]


def make(desk: Desk) -> Iterator[str]:
    """Yields the ledger, a table a Go file."""
    known = facts.load()
    for file, group in groupby(rows(desk), key=lambda row: row.file):
        yield f"## `{file}`"
        cells = []
        for row in group:
            lines = "all of it"
            if row.first and file in known:
                r = GoRange(file, row.first, row.last)
                lines = go([r], str(r).rpartition(":")[2])
            elif row.first:
                lines = f"{row.first}-{row.last}"
            names = ", ".join(code(name) for name in row.names)
            cells.append((lines, names, where(desk, row), said(row.why)))
        heads = ("Lines", "Go", "Python", "What differs, and why")
        yield table(heads, cells)


def where(desk: Desk, row: Row) -> str:
    """Returns the Python that a row names, linked if it has a walk."""
    found = place(desk, row)
    name = row.python.strip("`")
    if not found:
        return "" if name == "-" else code(name)
    path, symbol = found
    return code(name, desk.walk(path, symbol))


def place(desk: Desk, row: Row) -> tuple[str, str] | None:
    """Returns the file and symbol that a row names, if it names one.

    The ledger writes `port.raft.Raft.step`; how much of it is the file can
    only be told by looking.
    """
    parts = row.python.strip("`").split(".")
    for at in range(len(parts) - 1, 0, -1):
        stem = "/".join(parts[:at])
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            try:
                source = python.read(desk.root, path)
            except Refused:
                continue
            name = ".".join(parts[at:])
            if name in source.symbols:
                return path, name
    return None
