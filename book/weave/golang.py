"""Ranges of Go lines: how notes write them, what they may name.

A note says `raft.go:892,895-896`, and for several files
`raft.go:892; tracker/progress.go:40`. The Go file is named from the root of
upstream's repository, or from the folder that mirrors the Python file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from book.weave import facts
from book.weave.problems import Refused
from book.weave.python import MODULE, Symbol

BLOB = f"https://github.com/etcd-io/raft/blob/{facts.TAG}/"

_WRITTEN = re.compile(r"(?P<file>[\w/]+\.(?:go|proto)):(?P<spans>[\d,\s-]+)")
_SPAN = re.compile(r"(\d+)(?:-(\d+))?")
_SOURCE = re.compile(
    r"^Go: (?P<file>[\w/]+\.(?:go|proto))(?::(?P<spans>[\d,-]+))?", re.M
)


@dataclass(frozen=True, slots=True, order=True)
class GoRange:
    """Lines `first` to `last` of a Go file, named from upstream's root."""

    file: str
    first: int
    last: int

    @property
    def url(self) -> str:
        """The address of these lines, at the pinned tag."""
        end = "" if self.first == self.last else f"-L{self.last}"
        return f"{BLOB}{self.file}#L{self.first}{end}"

    @property
    def lines(self) -> range:
        """The numbers of these lines."""
        return range(self.first, self.last + 1)

    def holds(self, other: GoRange) -> bool:
        """Tells whether `other` lies within."""
        same = self.file == other.file
        return same and self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        return f"{self.file}:{_said(self)}"


def _said(r: GoRange) -> str:
    return str(r.first) if r.first == r.last else f"{r.first}-{r.last}"


def say(ranges: Iterable[GoRange]) -> str:
    """Writes ranges as a note does: `raft.go:892,895-896`."""
    by_file: dict[str, list[str]] = {}
    for r in ranges:
        by_file.setdefault(r.file, []).append(_said(r))
    return "; ".join(f"{f}:{','.join(said)}" for f, said in by_file.items())


def parse(text: str, python: str) -> tuple[GoRange, ...]:
    """Reads what a note says.

    Args:
        text: `raft.go:892,895-896`.
        python: The Python file that the note is about; it tells the folder.

    Raises:
        Refused: it is not written like that, or names lines that the file
            does not have.
    """
    found: list[GoRange] = []
    for piece in text.split(";"):
        written = _WRITTEN.fullmatch(piece.strip())
        if not written:
            raise Refused(
                f"{text!r} names no Go lines",
                "write it like `raft.go:892,895-896`",
            )
        found.extend(_ranges(written["file"], written["spans"], python))
    return tuple(found)


def sources(symbol: Symbol) -> tuple[GoRange, ...]:
    """Returns the ranges that a symbol's docstring says it comes from."""
    found: list[GoRange] = []
    for line in _SOURCE.finditer(symbol.doc):
        if line["spans"]:
            found.extend(_ranges(line["file"], line["spans"], symbol.path))
    return tuple(found)


def without_sources(doc: str) -> str:
    """Returns a docstring without its `Go:` lines."""
    kept = [s for s in doc.splitlines() if not s.startswith("Go: ")]
    return "\n".join(kept).strip()


def check_within(ranges: Iterable[GoRange], symbol: Symbol) -> None:
    """Refuses Go lines that are not the symbol's to explain.

    They lie in the Go function, method or type that the symbol's docstring
    names. The walk of a module, and of a class that names no Go, may speak
    of any line of the Go file that is in no function.

    Raises:
        Refused: a range does not.
    """
    homes = sources(symbol)
    for r in ranges:
        if any(home.holds(r) for home in homes):
            continue
        if not homes or symbol.name == MODULE:
            inside = _function_at(r)
            if inside is None:
                continue
            raise Refused(
                f"{r} is in the Go function {inside}, not in {symbol.name}",
                "note it in the walk of that function",
            )
        raise Refused(
            f"{r} is outside of {say(homes)}, where {symbol.name} comes from",
            "name lines of that function, or mend the docstring's `Go:` line",
        )


def code_lines(ranges: Iterable[GoRange]) -> frozenset[tuple[str, int]]:
    """Returns the lines of these ranges that are neither blank nor comment."""
    return frozenset(
        (r.file, n)
        for r in ranges
        for n in r.lines
        if n in facts.load()[r.file].code
    )


def file_lines(file: str) -> frozenset[tuple[str, int]]:
    """Returns every code line of a Go file but its package and imports."""
    known = facts.load()[file]
    return frozenset((file, n) for n in known.code - known.frame)


def _ranges(file: str, spans: str, python: str) -> Iterator[GoRange]:
    name = _resolve(file, python)
    for part in spans.split(","):
        span = _SPAN.fullmatch(part.strip())
        if not span:
            raise Refused(
                f"{spans!r} is no list of lines", "write it like 892,895-896"
            )
        first, last = int(span[1]), int(span[2] or span[1])
        if not 1 <= first <= last <= facts.load()[name].lines:
            raise Refused(
                f"{name} has no lines {part.strip()}",
                f"it has {facts.load()[name].lines}",
            )
        yield GoRange(name, first, last)


def _resolve(file: str, python: str) -> str:
    folder = PurePosixPath(python).parent
    mirrored = PurePosixPath(*folder.parts[1:], file).as_posix()
    for name in (mirrored, file):
        if name in facts.load():
            return name
    raise Refused(
        f"upstream has no ported file {file}", "name it as upstream does"
    )


def _function_at(r: GoRange) -> str | None:
    for item in facts.load()[r.file].items:
        is_function = item.kind in ("func", "method")
        if is_function and item.first <= r.last and r.first <= item.last:
            return item.name
    return None
