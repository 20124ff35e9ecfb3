"""`python -m kv put`, `get`, `status` and the other commands of a client.

Exit codes: 0 it was done; 1 it was not, or the answer is no; 3 the outcome is
unknown; 2 the command line is wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import SUPPRESS, ArgumentTypeError
from collections.abc import Awaitable, Callable
from typing import Final

from kv.client import Client, KvError, Unknown
from kv.command_line import FAILED, Parser, address, said, seconds
from kv.messages import Address

UNKNOWN: Final = 3
DEFAULT: Final = "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003"

Action = Callable[[Client, list[str]], Awaitable[int]]


def servers(text: str) -> list[Address]:
    """Reads `host:port,host:port`; for `argparse`."""
    return [address(part) for part in text.split(",")]


def add_client_arguments(parser: Parser) -> None:
    """Adds the options by which a client finds its cluster."""
    default = os.environ.get("KV_SERVERS", DEFAULT)
    try:
        servers(default)
    except ArgumentTypeError as error:
        parser.error(f"$KV_SERVERS: {error}")
    parser.add_argument(
        "--servers", type=servers, metavar="HOST:PORT,...", default=default,
        help="where the nodes serve clients; also in $KV_SERVERS"
        " (127.0.0.1:7001 to 7003)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="TIME",
        help="how long to try (10s)",
    )  # fmt: skip


def _show(value: bytes | None) -> int:
    if value is None:
        print("(nothing)", file=sys.stderr)
        return FAILED
    sys.stdout.buffer.write(value + b"\n")
    return 0


async def _get(client: Client, words: list[str]) -> int:
    return _show(await client.get(os.fsencode(words[0])))


async def _put(client: Client, words: list[str]) -> int:
    await client.put(os.fsencode(words[0]), os.fsencode(words[1]))
    return 0


async def _append(client: Client, words: list[str]) -> int:
    print(await client.append(os.fsencode(words[0]), os.fsencode(words[1])))
    return 0


async def _del(client: Client, words: list[str]) -> int:
    print(await client.delete(*map(os.fsencode, words)))
    return 0


async def _cas(client: Client, words: list[str]) -> int:
    key, old, new = map(os.fsencode, words)
    swap = await client.cas(key, old or None, new or None)
    if swap.swapped:
        print("swapped")
        return 0
    shown = "nothing" if swap.actual is None else repr(swap.actual)[1:]
    print(f"not swapped: there stands {shown}")
    return FAILED


async def _member(client: Client, words: list[str]) -> int:
    await client.member(*words)
    status = await client.status()
    print(f"voters {status['voters']}, learners {status['learners']}")
    return 0


async def _transfer(client: Client, words: list[str]) -> int:
    await client.transfer(int(words[0]))
    print(f"node {words[0]} leads")
    return 0


# In the help of each command.
_SAID: Final = {
    "get": "Show a value; if there is none, the exit code is 1.",
    "put": "Put a value.",
    "append": "Append to a value, and print how long it is now.",
    "del": "Delete keys, and print how many there were.",
    "cas": "Swap a value if it is the expected one. An empty word stands for"
    " no value: as OLD, that the key must not be there; as NEW, that it is"
    " deleted.",
    "member": "Change the members of a live cluster, one change at a time.",
    "transfer": "Have another node lead.",
}
# Command -> what it does, what it takes, how many at least and at most.
_ACTIONS: Final[dict[str, tuple[Action, str, int, int]]] = {
    "get": (_get, "KEY", 1, 1),
    "put": (_put, "KEY VALUE", 2, 2),
    "append": (_append, "KEY VALUE", 2, 2),
    "del": (_del, "KEY...", 1, 1000),
    "cas": (_cas, "KEY OLD NEW", 3, 3),
    "member": (
        _member,
        "add ID HOST:PORT | learner ID HOST:PORT | promote ID | remove ID |"
        " replace OLD NEW [HOST:PORT]",
        2, 4,
    ),
    "transfer": (_transfer, "ID", 1, 1),
}  # fmt: skip


def _run(name: str, argv: list[str]) -> int:
    action, takes, least, most = _ACTIONS[name]
    parser = Parser(
        prog=f"kv {name}", description=_SAID[name],
        usage=f"kv {name} [-h] [--servers HOST:PORT,...] [--timeout TIME]"
        f" {takes}",
    )  # fmt: skip
    add_client_arguments(parser)
    parser.add_argument("words", nargs="*", help=SUPPRESS)
    args = parser.parse_args(argv)
    if not least <= len(args.words) <= most:
        parser.error(f"takes {takes}")
    if name == "transfer" and not args.words[0].isdecimal():
        parser.error("takes the ID of a node")
    if name == "member":
        _see_that_it_is_a_change(parser, args.words)

    async def go() -> int:
        password = os.environ.get("KV_PASSWORD") or None
        async with Client(
            args.servers, timeout=args.timeout, password=password
        ) as client:
            return await action(client, args.words)

    try:
        return asyncio.run(go())
    except Unknown as error:
        why = _why(error, args.servers)
        print(f"kv {name}: outcome unknown: {why}", file=sys.stderr)
        return UNKNOWN
    except KvError as error:
        why = _why(error, args.servers)
        print(f"kv {name}: not done: {why}", file=sys.stderr)
        return FAILED


def _see_that_it_is_a_change(parser: Parser, words: list[str]) -> None:
    """Ends the program if `member` cannot mean anything."""
    kind, *rest = words
    ids = {"add": 1, "learner": 1, "promote": 1, "remove": 1, "replace": 2}
    with_address = kind in ("add", "learner", "replace")
    wrong = len(rest) != ids.get(kind, 0) + with_address
    if kind == "replace" and len(rest) == 2:
        wrong = with_address = False  # The new one is known already.
    if kind not in ids or wrong:
        parser.error(f"takes {_ACTIONS['member'][1]}")
    for word in rest[: ids[kind]]:
        if not word.isdecimal() or int(word) == 0:
            parser.error(f"{word!r} is no ID of a node")
    if with_address:
        try:
            address(rest[-1])
        except ArgumentTypeError as error:
            parser.error(str(error))


def _why(error: KvError, asked: list[Address]) -> str:
    """Says why nothing was heard, or what was answered."""
    cause = error.__cause__
    if not isinstance(cause, OSError):
        return str(error)
    names = ", ".join(f"{host}:{port}" for host, port in asked)
    if isinstance(cause, ConnectionRefusedError):
        return (
            f"nobody answers at {names}: start the nodes, or say with"
            " --servers where they are"
        )
    return f"{said(cause)} (asked {names})"


def get(argv: list[str]) -> int:
    """Shows a value."""
    return _run("get", argv)


def put(argv: list[str]) -> int:
    """Puts a value."""
    return _run("put", argv)


def append(argv: list[str]) -> int:
    """Appends to a value."""
    return _run("append", argv)


def delete(argv: list[str]) -> int:
    """Deletes keys."""
    return _run("del", argv)


def cas(argv: list[str]) -> int:
    """Swaps a value for another; an empty word stands for none."""
    return _run("cas", argv)


def member(argv: list[str]) -> int:
    """Changes the members of a live cluster."""
    return _run("member", argv)


def transfer(argv: list[str]) -> int:
    """Has another node lead."""
    return _run("transfer", argv)


def status(argv: list[str]) -> int:
    """Shows what each server knows about itself."""
    parser = Parser(prog="kv status")
    add_client_arguments(parser)
    parser.add_argument("--json", action="store_true", help="all of it")
    args = parser.parse_args(argv)
    rows = asyncio.run(ask_all(args.servers, min(args.timeout, 2.0)))
    if args.json:
        print(json.dumps(
            {f"{h}:{p}": None if isinstance(s, str) else s
             for (h, p), s in zip(args.servers, rows, strict=True)},
            indent=1,
        ))  # fmt: skip
    else:
        head = ("server", "node", "role", "term", "leader", "commit",
                "applied", "snapshot")  # fmt: skip
        print("".join(f"{h:>{22 if h == 'server' else 11}}" for h in head))
        for (host, port), row in zip(args.servers, rows, strict=True):
            print(f"{f'{host}:{port}':>22}", end="")
            if isinstance(row, str):
                print(f"  {row}")
                continue
            print("".join(f"{row[h]!s:>11}" for h in head[1:]))
    return FAILED if all(isinstance(row, str) for row in rows) else 0


async def ask_all(
    where: list[Address], timeout: float
) -> list[dict[str, object] | str]:
    """Returns each server's status, or why there is none."""

    async def ask(server: Address) -> dict[str, object] | str:
        password = os.environ.get("KV_PASSWORD") or None
        try:
            async with Client(
                [server], timeout=timeout, password=password
            ) as client:
                return await client.status()
        except KvError as error:
            down = isinstance(error.__cause__, ConnectionRefusedError)
            return "down" if down else _why(error, [server])

    return [*await asyncio.gather(*map(ask, where))]
