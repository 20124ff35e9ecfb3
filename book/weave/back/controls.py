"""Mistakes that a checker has to find, and how it did: twice, side by side.

The rows are those of `book/controls.toml`, which the simulator and the runs
with processes write. A mistake that one of them has no row for has not been
found there, or has not been looked for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from book.weave.back.desk import Desk, code, table

FILE = "book/controls.toml"
KINDS = {
    "unsafe": "Mistakes in the store",
    "planted": "Bugs planted in the port",
}
WAYS = {"sim": "In simulation", "chaos": "For real"}

Row = dict[str, Any]


def read(root: Path) -> dict[str, dict[str, Row]]:
    """Returns all rows: by the mistake, then by who wrote them."""
    text = (root / FILE).read_text(encoding="utf-8")
    found: dict[str, dict[str, Row]] = {}
    for row in tomllib.loads(text).get("control", []):
        found.setdefault(row["name"], {})[row["by"]] = row
    return found


def make(desk: Desk) -> Iterator[str]:
    """Yields a table for each sort of mistake."""
    rows = read(desk.root)
    for kind, title in KINDS.items():
        yield f"## {title}"
        yield table(
            ("What is wrong", *WAYS.values()),
            (
                (_wrong(name, found), *(_cell(found, way) for way in WAYS))
                for name, found in rows.items()
                if any(row["kind"] == kind for row in found.values())
            ),
        )


def _wrong(name: str, found: dict[str, Row]) -> str:
    wrong = next(row["wrong"] for row in found.values())
    return f"{code(name)}<p>{escape(wrong)}</p>"


def _cell(found: dict[str, Row], way: str) -> str:
    """Returns how a mistake was found in one way."""
    # On a phone there are no heads of columns.
    head = f'<span class="wv-way-head">{WAYS[way]}: </span>'
    row = found.get(way)
    if row is None:
        return f'<p>{head}<span class="wv-min">not looked for</span></p>'
    return "".join((
        f"<p>{head}{_how(row)}</p>",
        f"<p>{escape(_short(row['finding']))}</p>",
        _faults(row["schedule"], way),
    ))  # fmt: skip


def _how(row: Row) -> str:
    """Returns under which faults, and after how long."""
    seeds = int(row["seeds"])
    if row["by"] == "sim":
        seconds, unit = row["virtual_seconds"], "virtual seconds"
    else:
        seconds, unit = row["real_seconds"], "seconds"
    tries = "the first seed" if seeds == 1 else f"{seeds} seeds"
    # A piece of code is not broken, so each option is a piece of its own.
    said = f"{row['nemesis']} {row.get('more', '')}".strip()
    under = " ".join(
        f"<code>{escape(part)}</code>" for part in re.split(r" (?=--)", said)
    )
    return f"{under}, {tries}, {seconds:.1f} {unit}"


def _short(finding: str) -> str:
    """Returns a finding, without the middle of one that is very long."""
    if len(finding) <= 320:
        return finding
    return f"{finding[:220].rstrip()} … {finding[-80:].lstrip()}"


def _faults(schedule: list[str], way: str) -> str:
    """Returns the faults, to be unfolded."""
    if not schedule:
        return "<p>No fault was needed.</p>"
    said = f"{len(schedule)} faults" if len(schedule) > 1 else "one fault"
    if way == "chaos":
        said += " until then"
    else:
        said += " are enough" if len(schedule) > 1 else " is enough"
    lines = escape("\n".join(schedule))
    return (
        f"<details><summary>{said}</summary>"
        f'<pre class="wv-faults">{lines}</pre></details>'
    )
