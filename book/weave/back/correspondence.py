"""Every function, method and type of the Go, and what stands for it here."""

from __future__ import annotations

from collections.abc import Iterator

from book.weave import facts
from book.weave.back import ledger
from book.weave.back.desk import Desk, code, go, table
from book.weave.counterparts import Ref, Row, read_port
from book.weave.facts import Item
from book.weave.golang import GoRange

KINDS = ("func", "method", "type")


def make(desk: Desk) -> Iterator[str]:
    """Yields a table for each Go file."""
    refs = read_port(desk.root / "port")[0]
    rows = ledger.rows(desk)
    for file, known in facts.load().items():
        items = [
            item
            for item in known.items
            if item.kind in KINDS and item.name != "_"
        ]
        if not items:
            continue
        yield f"## `{file}`"
        yield table(
            ("Go", "Lines", "Python", "Read in"),
            (
                _row(
                    desk,
                    file,
                    item,
                    [ref for ref in refs if _stands_for(ref, file, item)],
                    [row for row in rows if _speaks_of(row, file, item)],
                )
                for item in items
            ),
        )


def _stands_for(ref: Ref, file: str, item: Item) -> bool:
    return (
        ref.file == file
        and ref.name == item.name
        and item.first <= ref.first <= ref.last <= item.last
    )


def _speaks_of(row: Row, file: str, item: Item) -> bool:
    """Tells whether a row of the ledger is about this very item."""
    if row.file != file:
        return False
    inside = not row.first or (
        row.first <= item.last and item.first <= row.last
    )
    return inside and (not row.names or item.name in row.names)


def _row(
    desk: Desk, file: str, item: Item, refs: list[Ref], rows: list[Row]
) -> tuple[str, str, str, str]:
    name = f"{item.owner}.{item.name}" if item.owner else item.name
    shown = code(name)
    if item.kind == "type":
        shown = f"type {shown}"
    lines = GoRange(file, item.first, item.last)
    python: dict[str, None] = {}
    chapters: dict[str, None] = {}
    for ref in refs:
        href = desk.walk(ref.path, ref.symbol)
        symbol = ref.symbol.strip("<>")
        python[f"{code(ref.path)} {code(symbol, href)}"] = None
        if href:
            page, title = desk.chapter(href)
            chapters[f'<a href="{page or href}">{title}</a>'] = None
    if rows and not python:
        places = [ledger.where(desk, row) for row in rows]
        python = dict.fromkeys(p for p in places if p)
    said = [_joined(python)]
    if rows:
        said.append('<a href="divergences.html">differs</a>')
    return (
        shown,
        go([lines], str(lines).rpartition(":")[2]),
        " ".join(part for part in said if part),
        ", ".join(chapters),
    )


def _joined(pieces: dict[str, None]) -> str:
    """Puts pieces of one file under its name."""
    return "<br>".join(pieces)
