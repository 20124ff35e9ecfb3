"""What the commands of `python -m kv` have in common.

A mistake on the command line is answered with one line and exit code 2, and
so is whatever keeps a command from starting: a port in use, a folder that
cannot be read. What goes wrong later ends with exit code 1.
"""

from __future__ import annotations

import argparse
import errno
import re
import sys
from typing import NoReturn

from kv.messages import Address

USAGE = 2
FAILED = 1


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        print(f"{self.prog}: {message} (see --help)", file=sys.stderr)
        raise SystemExit(USAGE)


def complain(what: object) -> int:
    """Says in one line why a command cannot start; returns its exit code."""
    text = said(what) if isinstance(what, OSError) else str(what)
    print(f"kv: {' '.join(text.split())}", file=sys.stderr)
    return USAGE


def said(error: OSError) -> str:
    """Says what the system refused, as people say it: of what, and why."""
    why = error.strerror or str(error) or type(error).__name__
    # Of an address, asyncio tells in the middle of a sentence.
    where = re.search(r"\('([^']*)', (\d+)[^)]*\)", why)
    if error.errno == errno.EADDRINUSE and where is not None:
        return (
            f"{where[1]}:{where[2]} is in use: another process listens"
            " there; choose another port"
        )
    if error.errno == errno.EADDRNOTAVAIL and where is not None:
        return f"{where[1]} is no address of this machine"
    if error.errno == errno.EEXIST:
        why = "there is a file of that name"
    if error.filename is None or error.filename == "":
        return why
    return f"{error.filename}: {why}"


def address(text: str) -> Address:
    """Reads `host:port`, or `port` on loopback; for `argparse`."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} does not read host:port")
    return host.strip("[]") or "127.0.0.1", int(port)


def members(text: str) -> dict[int, Address]:
    """Reads `1=host:port,2=host:port`; for `argparse`."""
    found = {}
    for part in text.split(","):
        id, equals, where = part.partition("=")
        if not equals or not id.isdecimal() or not 0 < int(id) < 1 << 63:
            raise argparse.ArgumentTypeError(
                f"{part!r} does not read ID=host:port"
            )
        found[int(id)] = address(where)
    return found


def number(text: str) -> int:
    """Reads a positive number, decimal or 0x hexadecimal."""
    try:
        found = int(text, 0)
    except ValueError:
        found = 0
    if not 0 < found < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return found


def seconds(text: str) -> float:
    """Reads a duration: `20ms`, `1.5s`, or seconds."""
    unit = 0.001 if text.endswith("ms") else 1.0
    try:
        found = float(text.removesuffix("ms").removesuffix("s")) * unit
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration")
    return found
