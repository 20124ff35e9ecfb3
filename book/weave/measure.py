"""How long functions are and how often they branch, Go's and ours.

    python -m book.weave.measure FOLDER-OR-FILE...

Counts what is there, and judges nothing. A function's length is its lines of
code: no blank lines, no comments, no docstring; its first line and Go's
closing bracket count. A branch is a place where the way forks: in Go `if`,
`for`, `case` but not `default`, `&&` and `||`; in Python `if`, `for`, `while`,
`except`, `case`, `and`, `or`, a conditional expression and each `for` and
`if` of a comprehension. Depth is how far the deepest line is indented, beyond
the function's own body.

What stands inside another function is counted with it.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from book.weave import facts

_GO_BRANCH = re.compile(r"\b(?:if|for|case)\b|&&|\|\|")
_TESTS = ("_test.go", ".pb.go")


class Measure(NamedTuple):
    """What is counted of one function.

    Attributes:
        file: The file that it is in.
        name: Its name, with the class or type that it belongs to.
        lines: Its lines of code.
        branches: The places in it where the way forks.
        depth: How far its deepest line is indented beyond its body.
    """

    file: str
    name: str
    lines: int
    branches: int
    depth: int


class Summary(NamedTuple):
    """What is said of many functions together.

    Attributes:
        functions: How many there are.
        median: The length of the one in the middle.
        nine: The length that nine of ten do not exceed.
        longest: The longest of all.
        branches: Branches for each 100 lines.
        straight: How many of a hundred have no branch at all.
    """

    functions: int
    median: float
    nine: int
    longest: Measure
    branches: float
    straight: float


def of_go(text: str, file: str) -> Iterator[Measure]:
    """Measures each function of a gofmt'd Go file."""
    known = facts.read_source(text)
    lines = facts.blanked(text)
    for item in known.items:
        if item.kind not in ("func", "method"):
            continue
        body = [
            lines[n - 1]
            for n in range(item.first, item.last + 1)
            if n in known.code
        ]
        name = f"{item.owner}.{item.name}" if item.owner else item.name
        depth = max(
            (len(s) - len(s.lstrip("\t")) for s in body[1:-1]), default=1
        )
        count = sum(len(_GO_BRANCH.findall(s)) for s in body[1:])
        yield Measure(file, name, len(body), count, max(depth - 1, 0))


def of_python(text: str, file: str) -> Iterator[Measure]:
    """Measures each function of a Python file."""
    source = text.splitlines()
    tree = ast.parse(text, file)

    def walk(node: ast.AST, prefix: str) -> Iterator[Measure]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _function(child, prefix, source, file)

    yield from walk(tree, "")


def _function(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    prefix: str,
    source: Sequence[str],
    file: str,
) -> Measure:
    doc: range = range(0)
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        doc = range(first.lineno, (first.end_lineno or first.lineno) + 1)
    kept = [
        source[n - 1]
        for n in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if n not in doc and source[n - 1].strip()
        and not source[n - 1].lstrip().startswith("#")
    ]
    nested = [_depth(child, 0) for child in node.body]
    count = sum(_branches(child) for child in ast.walk(node))
    name = prefix + node.name
    return Measure(file, name, len(kept), count, max(nested, default=0))


def _branches(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    kinds = (
        ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler,
        ast.match_case, ast.IfExp,
    )  # fmt: skip
    return int(isinstance(node, kinds))


def _depth(node: ast.AST, depth: int) -> int:
    """Returns how deep the blocks within a statement go."""
    found = depth
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, None)
        if not isinstance(block, list):
            continue
        for child in block:
            # `elif` is an `if` alone in an `else`, and stands no deeper.
            chained = name == "orelse" and isinstance(child, ast.If)
            inner = depth if chained and len(block) == 1 else depth + 1
            if isinstance(child, ast.ExceptHandler | ast.match_case):
                inner = depth
            found = max(found, _depth(child, inner))
    return found


def measure(paths: Iterable[Path]) -> Iterator[Measure]:
    """Measures every function of these files, and of the files in folders."""
    for path in paths:
        if path.is_dir():
            files = sorted([*path.rglob("*.go"), *path.rglob("*.py")])
        else:
            files = [path]
        for file in files:
            if file.name.endswith(_TESTS):
                continue
            text = file.read_text(encoding="utf-8")
            name = file.relative_to(path).as_posix() if path.is_dir() else ""
            of = of_go if file.suffix == ".go" else of_python
            yield from of(text, name or file.name)


def lengths_known() -> list[int]:
    """Returns the lengths of all Go functions that facts are kept of."""
    return [
        len(known.code & set(range(item.first, item.last + 1)))
        for name, known in facts.load().items()
        if name.endswith(".go")
        for item in known.items
        if item.kind in ("func", "method")
    ]


def summary(measures: Sequence[Measure]) -> Summary:
    """Puts many functions into a few numbers."""
    lengths = sorted(m.lines for m in measures)
    lines = sum(lengths)
    return Summary(
        len(measures),
        statistics.median(lengths),
        lengths[min(len(lengths) * 9 // 10, len(lengths) - 1)],
        max(measures, key=lambda m: m.lines),
        100 * sum(m.branches for m in measures) / lines,
        100 * sum(m.branches == 0 for m in measures) / len(measures),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a summary and the ten longest, and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m book.weave.measure",
        description="Count the lines and branches of functions.",
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    try:
        found = list(measure(parser.parse_args(argv).paths))
    except SyntaxError as error:
        parser.exit(2, f"{error.filename}:{error.lineno}: {error.msg}\n")
    except UnicodeDecodeError as error:
        parser.exit(2, f"a file there is no text in UTF-8: {error}\n")
    except OSError as error:
        parser.exit(2, f"{error.filename}: {error.strerror}\n")
    if not found:
        print("no functions there")
        return 1
    s = summary(found)
    print(f"{s.functions} functions, half of them up to {s.median:g} lines")
    print(f"nine of ten up to {s.nine}, the longest {s.longest.lines}")
    print(f"{s.branches:.0f} branches in 100 lines")
    print(f"{s.straight:.0f} of 100 functions have none")
    for m in sorted(found, key=lambda m: -m.lines)[:10]:
        print(
            f"{m.lines:5} lines {m.branches:4} branches, {m.depth} deep: "
            f"{m.file} {m.name}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
