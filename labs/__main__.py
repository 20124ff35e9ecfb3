"""`python -m labs`: see `labs/runner/commands.py`.

This file runs on Pythons that cannot run the rest, to say what to type.
"""

from __future__ import annotations

import os
import shutil
import sys

NEEDED = ("crc32c", "hiredis", "msgpack", "rich")


def outside() -> str:
    """Returns what to type if this is not the project's environment."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    missing = sys.version_info < (3, 11)
    for name in NEEDED:
        if missing:
            break
        try:
            __import__(name)
        except ImportError:
            missing = True
    if not missing:
        return ""
    rest = " ".join(["-m", "labs", *sys.argv[1:]])
    there = os.path.exists(os.path.join(root, ".venv", "bin", "python"))
    first = "" if there else "    make labs\n\nsets it up; after that\n\n"
    return (
        "The labs run in the project's own environment, and this is another"
        f"\nPython. In {root}:\n\n{first}"
        f"    .venv/bin/python {rest}\n\n"
        "or, once in each terminal, `source .venv/bin/activate`; then"
        "\n`python -m labs` works as the brief says it."
    )


def main() -> int:
    """Runs a command."""
    told = outside()
    if told:
        print(told, file=sys.stderr)
        return 2
    from labs.runner import commands

    code = commands.main(sys.argv[1:])
    if len(sys.argv) == 1 and code == 0 and not _active():
        print(
            "\nFirst, once in each terminal: source .venv/bin/activate\n"
            "(`python` is the project's own from then on)"
        )
    return code


def _active() -> bool:
    """Tells whether `python` would be the Python that runs this."""
    found = shutil.which("python")
    here = os.path.dirname(sys.executable)
    return found is not None and os.path.dirname(found) == here


if __name__ == "__main__":
    sys.exit(main())
