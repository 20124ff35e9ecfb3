"""`python -m kv COMMAND ...`: one table of commands, a module each.

A command's module has a function `main(argv) -> int`, or the one that is named
behind a colon, that takes the arguments after the command and returns the exit
code. Modules are imported only when they are called, so that one command does
not wait for another's.
"""

from __future__ import annotations

import importlib
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
    if not argv or argv[0] not in COMMANDS:
        print(usage(), file=sys.stderr)
        return 2
    module, _, function = COMMANDS[argv[0]][0].partition(":")
    run = getattr(importlib.import_module(module), function or "main")
    code: int = run(argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
