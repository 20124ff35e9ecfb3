"""Whether the pages make a book: one home for each symbol, and no gaps.

What the notes must cover is kept in one place, `GATE`. It names whole files,
ours and upstream's: every line of ours that can run, and every line of code
of theirs, lies under a note or the build stops. Of a file that is covered in
part it names symbols, with the Go lines that they come from. The gate only
ever grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from book.weave import back, facts, golang, python, scenes
from book.weave.catalogue import AtStep
from book.weave.counterparts import read_ledger
from book.weave.facts import say_ranges
from book.weave.golang import GoRange
from book.weave.page import Page
from book.weave.pages import Book
from book.weave.problems import Problem, Refused, WeaveError
from book.weave.walks import Walk

FILE = "book/weave/gate.py"
LEDGER = "port/DIVERGENCES.md"

GATE = (
    "port/raft.py",
    "port/node.py",
    "port/chan.py",
    "port/rawnode.py",
    "port/log.py",
    "port/log_unstable.py",
    "port/storage.py",
    "port/read_only.py",
    "port/types.py",
    "port/util.py",
    "port/logger.py",
    "port/errors.py",
    "port/bootstrap.py",
    "port/status.py",
    "port/quorum/quorum.py",
    "port/quorum/majority.py",
    "port/quorum/joint.py",
    "port/tracker/state.py",
    "port/tracker/inflights.py",
    "port/tracker/progress.py",
    "port/tracker/tracker.py",
    "port/confchange/confchange.py",
    "port/confchange/restore.py",
    "port/raftpb/raft_pb.py",
    "port/raftpb/alias.py",
    "port/raftpb/confchange.py",
    "port/raftpb/confstate.py",
    "port/raftpb/util.py",
    "port/state_trace.py",
    "raft.go",
    "node.go",
    "rawnode.go",
    "log.go",
    "log_unstable.go",
    "read_only.go",
    "storage.go",
    "types.go",
    "util.go",
    "logger.go",
    "bootstrap.go",
    "status.go",
    "quorum/quorum.go",
    "quorum/majority.go",
    "quorum/joint.go",
    "tracker/state.go",
    "tracker/inflights.go",
    "tracker/progress.go",
    "tracker/tracker.go",
    "confchange/confchange.go",
    "confchange/restore.go",
    "raftpb/raft.proto",
    "raftpb/confchange.go",
    "raftpb/confstate.go",
    "raftpb/util.go",
    "state_trace.go",
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a file lies under notes.

    Attributes:
        file: A Python file of ours or a Go file of upstream's.
        covered: How many of its lines do.
        total: How many there are.
    """

    file: str
    covered: int
    total: int

    def __str__(self) -> str:
        share = 100 * self.covered // max(self.total, 1)
        return f"{self.file}: {self.covered} of {self.total} lines, {share} %"


@lru_cache(maxsize=4)
def problems(book: Book, gate: tuple[str, ...] = GATE) -> tuple[Problem, ...]:
    """Returns everything that is wrong with the book as a whole.

    Args:
        book: All pages.
        gate: What must be covered: files, and symbols as a walk names them.
    """
    found = [p for page in book.pages for p in wrong_with(page)]
    return tuple(found) or (
        *_second_homes(book),
        *_second_stages(book),
        *_wrong_moves(book),
        *_gaps(book, gate),
    )


def wrong_with(page: Page) -> Iterator[Problem]:
    """Yields what stands in the way of a page, taken by itself."""
    yield from page.problems
    for found in page.generated:
        try:
            back.check(found.name)
        except Refused as unknown:
            yield unknown.at(page.name, found.first)


def _wrong_moves(book: Book) -> Iterator[Problem]:
    """Yields what is wrong with the catalogue, or with showing it."""
    try:
        moves = book.moves
    except WeaveError as wrong:
        yield from wrong.problems
        return
    for page in book.pages:
        for block in page.moves:
            try:
                moves.check(block, page.name)
            except Refused as refused:
                yield refused.at(page.name, block.first)
        for woven in page.walks:
            for placed in woven.placed:
                steps = (e.step for e in placed.evidence if e.step)
                for step in steps:
                    try:
                        moves.spot(AtStep(*step))
                    except Refused as refused:
                        yield refused.at(page.name, placed.note.line)
    yield from moves.problems()


def _second_homes(book: Book) -> Iterator[Problem]:
    homes: dict[str, tuple[Page, Walk]] = {}
    for page in book.pages:
        for woven in page.walks:
            name = str(woven.symbol)
            if name in homes:
                home, walk = homes[name]
                yield Problem(
                    page.name,
                    woven.walk.first,
                    f"{name} has its home at {home.name}:{walk.first}",
                    f"link to it: {home.name}#{woven.symbol.id}",
                )
            homes.setdefault(name, (page, woven.walk))


def _second_stages(book: Book) -> Iterator[Problem]:
    """Yields what is played in two places."""
    stages: dict[tuple[str, int], str] = {}
    for page in book.pages:
        for scene in page.scenes:
            here = f"{page.name}:{scene.first}"
            for name, act in scenes.places(book.root, scene):
                if (name, act) in stages:
                    said = f"{name} act {act}" if act else name
                    yield Problem(
                        page.name,
                        scene.first,
                        f"{said} is played at {stages[name, act]}",
                        "link to it there",
                    )
                stages.setdefault((name, act), here)


def _gaps(book: Book, gate: tuple[str, ...]) -> Iterator[Problem]:
    """Yields what the gate demands and no note covers."""
    noted = noted_python(book)
    go = noted_go(book) | ledger(book.root)
    home = {str(w.symbol): (p, w) for p in book.pages for w in p.walks}
    for name in gate:
        path, _, symbol_name = name.partition(" ")
        if not symbol_name:
            left = _lines(book.root, path) - noted - go
            if left:
                yield Problem(
                    FILE,
                    1,
                    "the gate demands all of it, and no note covers"
                    f" {path}:{say_ranges({n for _, n in left})}",
                    "walk what is missing, or give it a row in the ledger",
                )
            continue
        try:
            source = python.read(book.root, path)
            symbol = source.symbol(symbol_name)
        except Refused as wrong:
            yield wrong.at(FILE, 1)
            continue
        if name not in home:
            yield Problem(
                FILE,
                1,
                f"the gate demands a walk of {name}, and there is none",
                "write it",
            )
            continue
        page, woven = home[name]
        line = woven.walk.first
        bare = source.executable & set(symbol.lines)
        bare -= {n for file, n in noted if file == path}
        if bare:
            yield Problem(
                page.name,
                line,
                f"no note covers {path}:{say_ranges(bare)}",
                "let a note start there, or earlier",
            )
        want = golang.code_lines(golang.sources(symbol))
        for file in sorted({f for f, _ in want - go}):
            missing = {n for f, n in want - go if f == file}
            yield Problem(
                page.name,
                line,
                f"no note names {file}:{say_ranges(missing)}",
                "add the lines to the note that explains them",
            )


def _lines(root: Path, path: str) -> frozenset[tuple[str, int]]:
    """Returns the lines of a whole file that notes must cover."""
    if path.endswith((".go", ".proto")):
        return golang.file_lines(path)
    lines = python.read(root, path).executable
    return frozenset((path, n) for n in lines)


def noted_python(book: Book) -> frozenset[tuple[str, int]]:
    """Returns the Python lines that lie under a note."""
    return frozenset(
        (w.symbol.path, n)
        for w in book.walks()
        for p in w.placed
        for n in p.lines
    )


def noted_go(book: Book) -> frozenset[tuple[str, int]]:
    """Returns the Go code lines that some note names."""
    return golang.code_lines(
        r for w in book.walks() for p in w.placed for r in p.go
    )


def ledger(root: Path) -> frozenset[tuple[str, int]]:
    """Returns the Go code lines that have a row among the divergences."""
    file = root / LEDGER
    if not file.is_file():
        return frozenset()
    rows, _ = read_ledger(file.read_text(encoding="utf-8"))
    return golang.code_lines(
        GoRange(row.file, row.first, row.last)
        for row in rows
        if row.first and row.file in facts.load()
    )


def coverage(book: Book) -> list[Coverage]:
    """Returns how far the notes have come, Python first, then Go."""
    found: list[Coverage] = []
    noted = noted_python(book)
    for path in sorted({w.symbol.path for w in book.walks()}):
        ran = python.read(book.root, path).executable
        done = sum((path, n) in noted for n in ran)
        found.append(Coverage(path, done, len(ran)))
    go = noted_go(book) | ledger(book.root)
    for file in sorted({f for f, _ in noted_go(book)}):
        lines = golang.file_lines(file)
        found.append(Coverage(file, len(lines & go), len(lines)))
    return found
