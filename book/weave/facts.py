"""Facts about upstream's Go files: what stands on which lines.

`book/upstream/v3.7.0.json` says for every ported Go file which functions,
methods, types, constants and variables it has, each with its first and last
line, and which of its lines are code. Facts only; no Go source. The tests
hold the port's `Go:` lines to it, and the book its notes.

    python -m book.weave.facts CHECKOUT -o book/upstream/v3.7.0.json
    python -m book.weave.facts CHECKOUT --check book/upstream/v3.7.0.json

There is no Go parser here, and none is needed. The files are gofmt'd: a
declaration starts in the first column, its parts one tab in, and it ends on
the line where its brackets close. What could fool that, brackets and first
columns inside comments and strings, is blanked out before anybody counts.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

TAG = "v3.7.0"
COMMIT = "b867cf13f6bc0dae21204302df97bc2355c3af55"
FACTS = Path(__file__).parents[1] / "upstream" / f"{TAG}.json"
PACKAGES = ("", "confchange", "quorum", "raftpb", "rafttest", "tracker")

_COMMENT_OR_STRING = re.compile(
    r"""
      //[^\n]* | /\*.*?\*/
    | `[^`]*` | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    """,
    re.VERBOSE | re.DOTALL,
)
_FUNC = re.compile(r"func (?:\((?:\w+ )?\*?(?P<owner>\w+)\) )?(?P<name>\w+)")
_NAMED = re.compile(r"(type|const|var|message|enum) (\w+)")
_GROUP = re.compile(r"(type|const|var) \($")
_HOLDER = re.compile(r"(?:type .* (?:struct|interface)|message .*|enum .*) {$")
_FRAME = re.compile(r"(?:package|import|syntax|option)\b")
_PART = re.compile(r"\t\*?(?:\w+\.)?(\w+(?:, \w+)*)")
_PROTO_PART = re.compile(r"\t.*?(\w+) += \d+;")


class Item(NamedTuple):
    """One named thing of a Go file, or a bracketed group of them.

    Attributes:
        kind: `func`, `method`, `type`, `const` or `var`; `member` for a
            struct's field, an interface's method, a message's field or an
            enum's value; `group` for a bracketed `const` or `var`.
        name: Its bare name; for a group the keyword.
        owner: A method's receiver or a member's type, else `""`.
        first: Its first line, from 1, without the comment above it.
        last: Its last line, the closing bracket's.
    """

    kind: str
    name: str
    owner: str
    first: int
    last: int


class GoFile(NamedTuple):
    """What is known of one file.

    Attributes:
        lines: How many lines it has.
        frame: The lines of the package clause and the imports.
        code: The lines that are neither blank nor comment, frame included.
        items: Its items in the order of the file.
    """

    lines: int
    frame: frozenset[int]
    code: frozenset[int]
    items: tuple[Item, ...]


def blanked(source: str) -> list[str]:
    """Return the lines without comments and without what strings say.

    A string leaves `""` behind on each line that it spans, so that an empty
    line inside a raw string still counts as code; far to the right, so that
    the line is taken for the continuation that it is.
    """

    def blank(found: re.Match[str]) -> str:
        text = found.group()
        more = text.count("\n")
        if text.startswith(("//", "/*")):
            return "\n" * more
        return '""' + '\n\t\t\t\t""' * more

    text = _COMMENT_OR_STRING.sub(blank, source)
    return [line.rstrip() for line in text.splitlines()]


def _ends(lines: list[str], start: int) -> int:
    """Return the index of the last line of what starts at index `start`."""
    indent = re.match(r"\t*", lines[start])
    deeper = (indent.group() if indent else "") + "\t"
    depth = 0
    for at in range(start, len(lines)):
        depth += sum(map(lines[at].count, "([{"))
        depth -= sum(map(lines[at].count, ")]}"))
        goes_on = at + 1 < len(lines) and lines[at + 1].startswith(deeper)
        if depth == 0 and not goes_on:
            return at
    raise ValueError(f"line {start + 1}: the brackets never close")


def _parts(
    lines: list[str], start: int, last: int, kind: str, owner: str, proto: bool
) -> Iterator[Item]:
    """Yield what stands one tab in, between a holder's brackets."""
    part = _PROTO_PART if proto else _PART
    at = start + 1
    while at < last:
        found = part.match(lines[at])
        if not found:
            at += 1
            continue
        end = _ends(lines, at)
        for name in found.group(1).split(", "):
            yield Item(kind, name, owner, at + 1, end + 1)
        at = end + 1


def read_source(source: str, proto: bool = False) -> GoFile:
    """Find the facts of one file.

    Args:
        source: The text of a gofmt'd Go file or of a `.proto` file.
        proto: Whether it is the latter.

    Returns:
        Its facts.

    Raises:
        ValueError: Something in the first column is no declaration known
            here, or the brackets do not close.
    """
    lines = blanked(source)
    items: list[Item] = []
    frame: set[int] = set()
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line:
            at += 1
            continue
        end = _ends(lines, at)
        if _FRAME.match(line):
            frame.update(range(at + 1, end + 2))
        elif found := _FUNC.match(line):
            owner = found["owner"] or ""
            kind = "method" if owner else "func"
            items.append(Item(kind, found["name"], owner, at + 1, end + 1))
        elif found := _GROUP.match(line):
            items.append(Item("group", found[1], "", at + 1, end + 1))
            items.extend(_parts(lines, at, end, found[1], "", proto))
        elif found := _NAMED.match(line):
            kind = {"message": "type", "enum": "type"}.get(found[1], found[1])
            items.append(Item(kind, found[2], "", at + 1, end + 1))
            if _HOLDER.match(line):
                items.extend(_parts(lines, at, end, "member", found[2], proto))
        else:
            raise ValueError(f"line {at + 1}: not a declaration: {line}")
        at = end + 1
    code = frozenset(n for n, line in enumerate(lines, 1) if line.strip())
    return GoFile(len(lines), frozenset(frame), code, tuple(items))


def read_checkout(checkout: Path) -> dict[str, GoFile]:
    """Find the facts of every ported file.

    Args:
        checkout: Upstream's repository at the pinned tag.

    Returns:
        The facts by path from the repository's root. Tests are left out;
        `raft.proto` stands for the `raft.pb.go` that is made from it.

    Raises:
        ValueError: It is no such checkout, or a file cannot be read.
    """
    if not (checkout / "raft.go").is_file():
        raise ValueError(f"{checkout} is no checkout of etcd-io/raft")
    files = {}
    for package in PACKAGES:
        folder = checkout / package
        for path in sorted([*folder.glob("*.go"), *folder.glob("*.proto")]):
            if path.name.endswith(("_test.go", ".pb.go")):
                continue
            name = path.relative_to(checkout).as_posix()
            source = path.read_text(encoding="utf-8")
            try:
                files[name] = read_source(source, path.suffix == ".proto")
            except ValueError as wrong:
                raise ValueError(f"{name}: {wrong}") from None
    return files


def say_ranges(numbers: Iterable[int]) -> str:
    """Write line numbers as `1,3-5`."""
    ranges: list[list[int]] = []
    for n in sorted(numbers):
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def read_ranges(text: str) -> frozenset[int]:
    """Read what `say_ranges` wrote."""
    numbers: set[int] = set()
    for piece in text.split(",") if text else []:
        first, _, last = piece.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def dumps(files: dict[str, GoFile]) -> str:
    """Write the facts as JSON, an item a line, so that a diff says what."""
    out = []
    for name, file in files.items():
        items = [
            json.dumps({k: v for k, v in item._asdict().items() if v != ""})
            for item in file.items
        ]
        out.append(
            f"  {json.dumps(name)}: {{\n"
            f'    "lines": {file.lines},\n'
            f'    "frame": "{say_ranges(file.frame)}",\n'
            f'    "code": "{say_ranges(file.code)}",\n'
            '    "items": ['
            + ",".join(f"\n      {item}" for item in items)
            + ("\n    ]" if items else "]")
            + "\n  }"
        )
    head = f'"tag": "{TAG}",\n"commit": "{COMMIT}",\n"files": '
    return "{\n" + head + "{\n" + ",\n".join(out) + "\n}\n}\n"


@cache
def load(path: Path = FACTS) -> dict[str, GoFile]:
    """Read the facts that are kept in the repository.

    Args:
        path: The file that `dumps` wrote.

    Returns:
        The facts by path from the root of upstream's repository.
    """
    files = json.loads(path.read_text(encoding="utf-8"))["files"]
    return {
        name: GoFile(
            file["lines"],
            read_ranges(file["frame"]),
            read_ranges(file["code"]),
            tuple(Item(**{"owner": "", **item}) for item in file["items"]),
        )
        for name, file in files.items()
    }


def main(argv: list[str] | None = None) -> int:
    """Write the facts of a checkout, or compare them with those kept.

    Args:
        argv: The arguments; the command line's unless given.

    Returns:
        The exit status: 1 if the facts differ, 2 if there are none.
    """
    parser = argparse.ArgumentParser(
        prog="python -m book.weave.facts",
        description="What stands on which lines of upstream's Go files.",
    )
    parser.add_argument("checkout", type=Path, help="etcd-io/raft at " + TAG)
    parser.add_argument("-o", dest="output", type=Path, help="write here")
    parser.add_argument("--check", type=Path, help="compare with this file")
    args = parser.parse_args(argv)
    try:
        text = dumps(read_checkout(args.checkout))
    except (OSError, ValueError) as wrong:
        print(f"facts: {wrong}", file=sys.stderr)
        return 2
    if args.check:
        kept = args.check.read_text(encoding="utf-8")
        changed = list(
            difflib.unified_diff(
                kept.splitlines(),
                text.splitlines(),
                str(args.check),
                str(args.checkout),
                lineterm="",
                n=0,
            )
        )
        if changed:
            print(*changed[:20], sep="\n")
            print(f"facts: {args.check} does not agree with {args.checkout}")
            return 1
        print(f"{args.check} agrees with {args.checkout}")
    elif args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
