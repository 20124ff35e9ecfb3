"""`python -m kv serve`: one node, in the foreground, until it is stopped.

It listens on loopback unless told otherwise. An address that others can reach
wants a password for clients, and mutual TLS between nodes: whoever can talk
to a node as a peer can write anything, and raft believes them.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import ssl
import sys
from argparse import Namespace
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, NoReturn

from kv.command_line import (
    FAILED,
    Parser,
    address,
    complain,
    members,
    number,
    said,
    seconds,
)
from kv.parts import Parts, load_parts, see_that_the_loop_fits
from kv.seams import DataError
from kv.server import Options, Server
from kv.skew import SkewedClock
from kv.world import World, real_world
from port.errors import RaftPanic

PORT = 7000
PEER_PORT = 7100

_log = logging.getLogger("kv.serve")


def add_arguments(parser: Parser) -> None:
    """Adds the options of a node."""
    add = parser.add_argument
    add("--id", type=number, default=1, help="this node's id (1)")
    add("--cluster", type=number, default=1,
        help="the cluster's id: nodes of another one are turned away (1)")
    add("--data", required=True, metavar="FOLDER",
        help="where the node keeps its data")
    add("--listen", type=address, default=("127.0.0.1", PORT),
        metavar="HOST:PORT", help=f"for clients (127.0.0.1:{PORT})")
    add("--peer-listen", type=address, default=None, metavar="HOST:PORT",
        help="for other nodes (as --peers has it)")
    add("--peers", type=members, default={}, metavar="ID=HOST:PORT,...",
        help="where all first members listen for each other")
    add("--join", action="store_true",
        help="the cluster exists, and will add this node")
    add("--heartbeat", type=seconds, default=0.1, metavar="TIME",
        help="between heartbeats (100ms)")
    add("--election", type=seconds, default=1.0, metavar="TIME",
        help="until a follower campaigns: one to two times this (1s)")
    add("--reads", choices=["safe", "lease", "stale"], default="safe",
        help="safe: ask a quorum each time. lease: trust that the clocks run"
        " at the same speed. stale: answer from what is there; such reads"
        " may be old, it is for seeing the difference")
    add("--async-writes", action="store_true",
        help="let raft go on while its disk works; see kv/drive_async.py")
    add("--timeout", type=seconds, default=5.0, metavar="TIME",
        help="how long a client waits at most (5s)")
    add("--snapshot-every", type=number, default=None, metavar="ENTRIES",
        help="entries between snapshots (10000)")
    add("--append-size", type=number, default=1 << 18,
        metavar="BYTES", help="of entries in one message to another node; of"
        " a larger entry, one (256 KiB)")
    add("--password-file", metavar="FILE",
        help="what clients must AUTH with; or in $KV_PASSWORD")
    add("--tls", metavar="FOLDER",
        help="ca.pem, node.pem and node.key for mutual TLS between nodes;"
        " see `python -m kv certs`")
    add("--parts", default=None, metavar="MODULE:NAME",
        help="build the node of these parts")
    add("--clock-control", default=None, metavar="FILE",
        help="for tests: a file that says how fast this node's clock runs;"
        " see kv/skew.py")
    add("--verbose", action="store_true", help="say more")


def parse(argv: list[str]) -> Namespace:
    """Reads the command line."""
    parser = Parser(prog="kv serve", description=__doc__)
    add_arguments(parser)
    return parser.parse_args(argv)


def is_loopback(host: str) -> bool:
    """Tells whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_contexts(folder: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Returns what a node needs for mutual TLS: as server, and as client.

    Raises:
        OSError: a file is missing, or not what it should be.
    """
    def load(purpose: ssl.Purpose) -> ssl.SSLContext:
        context = ssl.create_default_context(
            purpose, cafile=f"{folder}/ca.pem"
        )
        context.load_cert_chain(f"{folder}/node.pem", f"{folder}/node.key")
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    server = load(ssl.Purpose.CLIENT_AUTH)
    client = load(ssl.Purpose.SERVER_AUTH)
    return server, client


def options(args: Namespace) -> Options:
    """Returns how to run the node.

    Raises:
        ValueError: the options contradict each other, or are not safe.
        OSError: a file cannot be read.
    """
    peers = dict(args.peers)
    where = args.peer_listen or peers.get(args.id)
    if where is None:
        if peers:
            raise ValueError(f"--peers does not name node {args.id}")
        where = ("127.0.0.1", 0 if not args.join else PEER_PORT)
    if not peers:
        peers = {args.id: where}
    if args.election < 2 * args.heartbeat:
        raise ValueError("--election must be at least twice --heartbeat")
    password = os.environ.get("KV_PASSWORD") or None
    if args.password_file is not None:
        try:
            with open(args.password_file, encoding="utf-8") as file:
                password = file.read().strip() or None
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{args.password_file} is no text in UTF-8"
            ) from error
        if password is None:
            raise ValueError(f"{args.password_file} holds no password")
    if not is_loopback(args.listen[0]) and password is None:
        raise ValueError(
            f"--listen {args.listen[0]} can be reached from elsewhere: set"
            " a password with --password-file"
        )
    if not is_loopback(where[0]) and args.tls is None:
        raise ValueError(
            f"other nodes could reach {where[0]} from elsewhere, and so"
            " could anybody: give certificates with --tls (`python -m kv"
            " certs` makes some)"
        )
    server_tls = client_tls = None
    if args.tls is not None:
        try:
            server_tls, client_tls = tls_contexts(args.tls)
        except OSError as error:
            raise ValueError(
                f"--tls {args.tls} is to hold ca.pem, node.pem and node.key:"
                f" {said(error)}"
            ) from error
    parts = load_parts(args.parts) if args.parts is not None else Parts()
    see_that_the_loop_fits(parts, args.async_writes)
    return Options(
        node=args.id, cluster=args.cluster, folder=args.data,
        address=args.listen, peer_address=where, members=peers,
        join=args.join, heartbeat=args.heartbeat, election=args.election,
        reads=args.reads, async_writes=args.async_writes,
        timeout=args.timeout,
        snapshot_every=args.snapshot_every,
        append_size=args.append_size, password=password,
        server_tls=server_tls, client_tls=client_tls, parts=parts,
        logger=_RaftLog(),
    )  # fmt: skip


class _RaftLog:
    """Raft's log lines, by way of `logging`."""

    def __init__(self) -> None:
        self._log = logging.getLogger("raft")
        self._wants_debug = self._log.isEnabledFor(logging.DEBUG)

    def debug(self, format: str, *args: object) -> None:
        if self._wants_debug:
            self._log.debug(format, *args)

    def info(self, format: str, *args: object) -> None:
        self._log.info(format, *args)

    def warning(self, format: str, *args: object) -> None:
        self._log.warning(format, *args)

    def error(self, format: str, *args: object) -> None:
        self._log.error(format, *args)

    def fatal(self, format: str, *args: object) -> NoReturn:
        self._log.critical(format, *args)
        raise SystemExit(FAILED)

    def panic(self, format: str, *args: object) -> NoReturn:
        self._log.critical(format, *args)
        raise RaftPanic(format % args if args else format)


async def serve(options: Options, world: World) -> int:
    """Runs a node until a signal stops it; returns the exit code."""
    server = Server(options, world)
    loop = asyncio.get_running_loop()
    for number_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number_, server.stopping.set)
    try:
        await server.start()
    except (DataError, OSError) as error:
        return complain(error)
    for note in server.notes:
        _log.warning("%s", note)
    owners = options.parts.owners()
    if theirs := {k: v for k, v in owners.items() if v != "ours"}:
        print("parts:", ", ".join(f"{k} {v}" for k, v in theirs.items()))
    host, port = server.address
    print(
        f"node {options.node} serves clients at {host}:{port}",
        flush=True,
    )
    # What lives from now on lives long or not at all; looking for cycles in
    # it every 700 objects finds none. And a thread that comes back from the
    # disk should not wait 5 ms for its turn.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)
    try:
        await server.run()
    except Exception as error:
        _log.critical(
            "node %d stops at once: %s: %s", options.node,
            type(error).__name__, error,
            exc_info=not isinstance(error, OSError),
        )  # fmt: skip
        return FAILED
    print(f"node {options.node} has stopped")
    return 0


def run(main: Coroutine[Any, Any, int]) -> int:
    """Runs a coroutine on the fastest event loop there is."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return int(uvloop.run(main))


def main(argv: list[str]) -> int:
    """Runs a node; see the module."""
    args = parse(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format=f"%(asctime)s {args.id} %(name)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        chosen = options(args)
    except (ValueError, OSError) as error:
        return complain(error)
    world = real_world()
    if args.clock_control is not None:
        world = replace(world, clock=SkewedClock(args.clock_control))
    return run(serve(chosen, world))
