"""A node with a mistake in it: `kv serve`, once the mistake has been made.

    python -m kv.chaos.planted labs.bugs.forgets_vote -- --data x --id 1 ...
    python -m kv.chaos.planted kv.unsafe:stale -- --data x --id 1 ...
    python -m kv.chaos.planted --power kv.unsafe:no-fsync -- --data x ...

A module has a `BUG`, `kv.unsafe` has its mistakes by name; either has
`planted()`, a context in which the program is wrong. `--power` has the node
write as `kv.chaos.power` says; a mistake may be left out then. `kv serve`
itself knows nothing of it.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol, cast

from kv import serve
from kv.chaos.power import cut_off, slow_file
from kv.command_line import complain
from kv.unsafe import load_unsafe


class Bug(Protocol):
    """What can be planted."""

    def planted(self) -> AbstractContextManager[None]:
        """Makes the mistake for as long as the context lasts."""


def find(module: str) -> Bug:
    """Returns the bug of a module, or a mistake of `kv.unsafe`.

    Raises:
        ValueError: there is none; the text says what is wrong.
    """
    if module.startswith("kv.unsafe:"):
        return load_unsafe(module.partition(":")[2])
    try:
        bug = getattr(importlib.import_module(module), "BUG", None)
    except ImportError as error:
        raise ValueError(f"cannot import {module}: {error}") from error
    if not hasattr(bug, "planted"):
        raise ValueError(f"{module} has no BUG that could be planted")
    return cast(Bug, bug)


def main(argv: list[str]) -> int:
    """Runs a node; see the module."""
    at = argv.index("--")
    rest = argv[at + 1 :]
    with ExitStack() as stack:
        for name in argv[:at]:
            if name == "--power":
                folder = Path(rest[rest.index("--data") + 1])
                stack.enter_context(cut_off(slow_file(folder)))
                continue
            try:
                bug = find(name)
            except ValueError as error:
                return complain(error)
            stack.enter_context(bug.planted())
        return serve.main(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
