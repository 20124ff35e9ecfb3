"""Checks the whole book without building it: `python -m book.weave`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from book.weave import gate
from book.weave.gate import GATE
from book.weave.pages import Book


def main(argv: list[str]) -> int:
    """Prints what is wrong, or what the notes cover. Returns 1 if wrong."""
    ArgumentParser(
        prog="python -m book.weave",
        description="Checks the whole book without building it.",
    ).parse_args(argv)
    book = Book()
    if problems := gate.problems(book):
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    for line in gate.coverage(book):
        print(f"notes cover {line}")
    print(f"gate: {len(GATE)} files and symbols, and every line has its note")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
