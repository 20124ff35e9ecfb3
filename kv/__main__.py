"""`python -m kv COMMAND ...`: one table of commands, a module each.

A command's module has a function `main(argv) -> int`, or the one that is named
behind a colon, that takes the arguments after the command and returns the exit
code. Modules are imported only when they are called, so that one command does
not wait for another's.
"""

from __future__ import annotations

import importlib
import os
import sys

COMMANDS = {
    "serve": ("kv.serve", "run one node"),
    "cluster": ("kv.cluster", "run three nodes here, and see them work"),
    "get": ("kv.cli:get", "show a value"),
    "put": ("kv.cli:put", "put a value"),
    "del": ("kv.cli:delete", "delete keys"),
    "append": ("kv.cli:append", "append to a value"),
    "cas": ("kv.cli:cas", "swap a value if it is the expected one"),
    "status": ("kv.cli:status", "show what each node knows of itself"),
    "member": ("kv.cli:member", "change the members of a live cluster"),
    "transfer": ("kv.cli:transfer", "have another node lead"),
    "certs": ("kv.certs", "make throw-away certificates for nodes"),
    "chaos": ("kv.chaos.command", "hurt real processes, and judge the store"),
    "bench": ("kv.bench", "measure, alone or beside others"),
    "sim": ("kv.sim.command", "run it on virtual time, under faults"),
    "lincheck": ("kv.lincheck.cli", "judge histories of clients"),
}
"""Command -> its module, and what it does in a few words."""


def usage() -> str:
    """What commands there are."""
    lines = ["usage: python -m kv COMMAND ...", ""]
    lines += [f"  {name:<10}{text}" for name, (_, text) in COMMANDS.items()]
    lines += ["", "python -m kv COMMAND --help tells more."]
    return "\n".join(lines)


INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

UNREAD = 141
"""The exit code if who reads the output has gone, as `head` does."""

OUTSIDE = {"crc32c", "hiredis", "msgpack", "rich"}
"""What only the project's own environment is sure to have."""


def main(argv: list[str]) -> int:
    """Run a command.

    Args:
        argv: The command and its arguments.

    Returns:
        The exit code; 2 if there is no such command.
    """
    if argv and argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    if not argv:
        print(usage(), file=sys.stderr)
        return 2
    if argv[0] not in COMMANDS:
        print(
            f"kv: there is no command {argv[0]!r}; there are "
            + ", ".join(COMMANDS),
            file=sys.stderr,
        )
        return 2
    module, _, function = COMMANDS[argv[0]][0].partition(":")
    try:
        run = getattr(importlib.import_module(module), function or "main")
        code: int = run(argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as error:
        if error.name not in OUTSIDE:
            raise
        print(f"kv: {_outside(argv)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        if not _unread():
            raise
        return UNREAD
    return code


def _outside(argv: list[str]) -> str:
    """What to type if this is not the project's environment."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    first = "" if os.path.exists(f"{root}/.venv/bin") else "`make labs`, then "
    return (
        "this is not the Python of the project's own environment; in"
        f" {root}: {first}.venv/bin/python -m kv {' '.join(argv)}"
    )


def _unread() -> bool:
    """Whether it was standard output that nobody reads any more."""
    try:
        print(flush=True)
    except BrokenPipeError:
        # What is left in the buffer would be complained of at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
