"""Which Python stands for which Go: the `Go:` lines and the ledger.

Whatever is ported ends its docstring with a line that names its source,

    Go: raft.go:891-900 becomeFollower

where the file is relative to the Go package that the Python package stands
for. A constant, which has no docstring, carries the line as a comment. What
has no counterpart, or a different one, has a row in `port/DIVERGENCES.md`.
Both are read here; `tests/port/test_upstream_map.py` holds them to the facts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PORT = Path(__file__).parents[2] / "port"
LEDGER = PORT / "DIVERGENCES.md"

_GO_LINE = re.compile(r" *(#:? *)?Go: *(?P<what>.*)")
_SOURCE = re.compile(
    r"(?P<file>[\w/.]+\.(?:go|proto)):(?P<first>\d+)(?:-(?P<last>\d+))?"
)
_NAME = re.compile(r" (?P<name>\w+)$")
_ROW = re.compile(r"\| *(?P<cells>.*?) *\|$")

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Ref(NamedTuple):
    """One `Go:` line.

    Attributes:
        path: The Python file, from `port`'s parent folder.
        line: Its line there.
        scope: The class (dotted) or `""` in which its owner is defined.
        symbol: Its owner's dotted name; `<module>` outside any docstring.
        function: Whether the owner is a function or method.
        file: The Go file, from the root of upstream's repository.
        first: The first line there.
        last: The last line there.
        name: The Go name.
    """

    path: str
    line: int
    scope: str
    symbol: str
    function: bool
    file: str
    first: int
    last: int
    name: str


class Row(NamedTuple):
    """One row of the ledger.

    Attributes:
        line: Its line in the ledger.
        file: The Go file, from the root of upstream's repository.
        first: The first line there; 0 if the row speaks of the whole file.
        last: The last line there, or 0.
        names: The Go names.
        python: Where to look in Python.
        why: What differs and why.
    """

    line: int
    file: str
    first: int
    last: int
    names: tuple[str, ...]
    python: str
    why: str

    def covers(self, first: int, last: int) -> bool:
        """Say whether these lines of the file lie inside the row's range."""
        return not self.first or self.first <= first <= last <= self.last


def _owners(
    body: list[ast.stmt], scope: str
) -> Iterator[tuple[int, int, str, str, bool]]:
    """Yield each docstring's first and last line, scope, symbol, is-function.

    What is defined inside a function belongs to that function.
    """
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _owners(node.body + node.orelse, scope)
        if not isinstance(node, Definition):
            continue
        symbol = f"{scope}.{node.name}" if scope else node.name
        function = not isinstance(node, ast.ClassDef)
        if ast.get_docstring(node, clean=False) is not None:
            doc = node.body[0]
            end = doc.end_lineno or doc.lineno
            yield doc.lineno, end, scope, symbol, function
        if not function:
            yield from _owners(node.body, symbol)


def read_refs(source: str, path: str) -> tuple[list[Ref], list[str]]:
    """Find the `Go:` lines of one Python file.

    Args:
        source: Its text.
        path: Its path from `port`'s parent folder, for instance
            `port/raftpb/util.py`.

    Returns:
        The refs by line, and a complaint for each line that starts like one
        and cannot be read.
    """
    package = "".join(f"{part}/" for part in Path(path).parts[1:-1])
    where: dict[int, tuple[str, str, bool]] = {}
    for first, last, scope, symbol, function in _owners(
        ast.parse(source).body, ""
    ):
        where.update(
            dict.fromkeys(range(first, last + 1), (scope, symbol, function))
        )
    refs, wrong = [], []
    for number, text in enumerate(source.splitlines(), 1):
        line = _GO_LINE.fullmatch(text)
        if line is None:
            continue
        what = line["what"].removesuffix('"""')
        found = _SOURCE.match(what)
        name = _NAME.fullmatch(what, found.end()) if found else None
        if found is None or name is None:
            wrong.append(
                f"{path}:{number}: `{text.strip()}` is not of the form "
                "`Go: file.go:FIRST-LAST name`, one to a line"
            )
            continue
        file = found["file"]
        if "/" not in file:
            file = package + file
        first = int(found["first"])
        last = int(found["last"] or first)
        owner = where.get(number, ("", "<module>", False))
        refs.append(Ref(path, number, *owner, file, first, last, name["name"]))
    return refs, wrong


def read_port(port: Path = PORT) -> tuple[list[Ref], list[str]]:
    """Find the `Go:` lines of all Python files under `port`.

    Args:
        port: That folder.

    Returns:
        As `read_refs`, for all files in the order of their paths.
    """
    refs, wrong = [], []
    for path in sorted(port.rglob("*.py")):
        name = path.relative_to(port.parent).as_posix()
        more = read_refs(path.read_text(encoding="utf-8"), name)
        refs += more[0]
        wrong += more[1]
    return refs, wrong


def read_ledger(text: str) -> tuple[list[Row], list[str]]:
    r"""Read the table of divergences.

    Args:
        text: The Markdown of the ledger. A cell writes a pipe as `\|`.

    Returns:
        Its rows, and a complaint for each one that cannot be read.
    """
    rows, wrong = [], []
    for number, line in enumerate(text.splitlines(), 1):
        found = _ROW.fullmatch(line.strip())
        if not found:
            continue
        cells = [
            cell.replace(r"\|", "|").strip()
            for cell in re.split(r"(?<!\\)\|", found["cells"])
        ]
        if cells[0] == "Go range" or set(cells[0]) <= set("-: "):
            continue
        place = cells[0].strip("`")
        source = _SOURCE.fullmatch(place)
        whole = re.fullmatch(r"[\w/.]+\.(go|proto)", place)
        if len(cells) != 4 or not (source or whole) or not cells[3]:
            wrong.append(
                f"port/DIVERGENCES.md:{number}: not four cells of the form "
                "| `file.go:FIRST-LAST` | `name`, ... | Python | why |"
            )
            continue
        file = source["file"] if source else place
        first = int(source["first"]) if source else 0
        last = int(source["last"] or first) if source else 0
        names = tuple(re.findall(r"\w+", cells[1]))
        rows.append(Row(number, file, first, last, names, *cells[2:]))
    return rows, wrong
