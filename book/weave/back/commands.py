"""The command lines, as the programs themselves know them.

A program builds its parser when it starts; it is started here with no
arguments and stopped where it would read them. So what stands on the page is
what `--help` would say.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from importlib import import_module
from importlib.util import find_spec
from unittest.mock import patch

from book.weave.back.desk import Desk, said, table

# What is run as `python -m`, with what each is for.
PROGRAMS = {
    "port.rafttest": "Scripts of the interaction language: run, check, play.",
    "kv": "The store.",
    "labs": "The exercises.",
}

Parser = argparse.ArgumentParser


class _Caught(BaseException):
    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser


def caught(main: Callable[[], object]) -> Parser:
    """Returns the parser that a program is about to read its words with."""

    def stop(parser: Parser, *_: object, **__: object) -> None:
        raise _Caught(parser)

    with (
        patch.object(Parser, "parse_args", stop),
        patch.object(Parser, "parse_known_args", stop),
    ):
        try:
            main()
        except _Caught as found:
            return found.parser
    raise LookupError("it reads no arguments")


def parsers() -> Iterator[tuple[str, str, Parser | None]]:
    """Yields each program's name, a word on it, and its parser.

    There is no parser if something that it needs is not installed: building
    the book takes less than running everything.
    """
    for module in PROGRAMS:
        if not find_spec(module) or not find_spec(f"{module}.__main__"):
            continue
        found = import_module(f"{module}.__main__")
        commands = getattr(found, "COMMANDS", None)
        if not isinstance(commands, dict):
            yield module, "", caught(found.main)
            continue
        for name, (place, what) in commands.items():
            home, _, function = place.partition(":")
            try:
                program = getattr(import_module(home), function or "main")
            except ImportError:
                yield f"{module} {name}", what, None
                continue
            yield f"{module} {name}", what, caught(partial(program, []))


def make(desk: Desk) -> Iterator[str]:
    """Yields each command with its arguments."""
    last = ""
    for name, what, parser in parsers():
        module, _, command = name.partition(" ")
        if module != last:
            yield f"## `python -m {module}`"
            yield PROGRAMS[module]
        last = module
        if parser is None:
            yield f"### `{command}`"
            yield f"<p>{said(what)}</p>"
            continue
        if what and not parser.description:
            parser.description = what[:1].upper() + what[1:] + "."
        yield from _command(parser, command)


def _command(parser: Parser, name: str) -> Iterator[str]:
    actions = [
        action
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
        and action.help != argparse.SUPPRESS
    ]
    inner = [a for a in actions if isinstance(a, argparse._SubParsersAction)]
    plain = [a for a in actions if a not in inner]
    if name:
        usage = parser.format_usage().removeprefix("usage: ")
        usage = re.sub(r"\[-h\] ?", "", " ".join(usage.split()))
        usage = re.sub(r"^(?:python -m )?", "python -m ", usage)
        yield f"### `{name}`"
        yield f"<p><code>{escape(usage)}</code></p>"
        if parser.description:
            yield f"<p>{said(' '.join(parser.description.split()))}</p>"
    if any(action.help for action in plain):
        yield table(
            ("Argument", "What it does"),
            ((_argument(a), _help(a, parser)) for a in plain),
        )
    for action in inner:
        helps = {c.dest: c.help or "" for c in action._choices_actions}
        for sub, below in action.choices.items():
            if not below.description and helps.get(sub):
                below.description = helps[sub][:1].upper() + helps[sub][1:]
                below.description = below.description.rstrip(".") + "."
            yield from _command(below, f"{name} {sub}".strip())


def _argument(action: argparse.Action) -> str:
    value = action.metavar or action.dest.upper()
    if isinstance(value, tuple):
        value = " ".join(value)
    if action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return f"<code>{escape(value)}</code>"
    takes = f" {value}" if action.nargs != 0 else ""
    return ", ".join(
        f"<code>{escape(flag + takes)}</code>"
        for flag in action.option_strings
    )


def _help(action: argparse.Action, parser: Parser) -> str:
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    return said(text)
