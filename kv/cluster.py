"""`python -m kv cluster`: a cluster of processes on this machine, to play with.

Each node is a process of its own, with a folder of its own, on loopback; see
`kv.processes`. A table shows what they know, and commands do to them what
machines do to themselves: `kv.console`.

`--demo` tells a story by itself and writes a picture of it: `kv.demo`.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Final

from kv.client import KvError
from kv.command_line import Parser, complain, number, seconds
from kv.console import converse
from kv.demo import demo
from kv.parts import load_parts
from kv.processes import PEER_OFFSET, Cluster
from kv.serve import run as run_loop

BASE_PORT: Final = 7001


def parse(argv: list[str]) -> tuple[Namespace, list[str]]:
    """Reads the command line; what is for `serve` comes back apart."""
    parser = Parser(prog="kv cluster", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--nodes", type=number, default=3, help="how many processes (3)")
    add("--data", metavar="FOLDER", default=None,
        help="where the nodes keep their data; a new folder if not given")
    add("--port", type=number, default=BASE_PORT,
        help=f"of the first node; the others' follow ({BASE_PORT})")
    add("--heartbeat", type=seconds, default=0.05, metavar="TIME",
        help="between heartbeats (50ms)")
    add("--election", type=seconds, default=0.5, metavar="TIME",
        help="until a follower campaigns: one to two times this (500ms)")
    add("--reads", choices=["safe", "lease", "stale"], default="safe",
        help="how nodes answer them (safe); see kv serve --help")
    add("--async-writes", action="store_true",
        help="let raft go on while the disk works")
    add("--snapshot-every", type=number, default=None, metavar="ENTRIES",
        help="entries between snapshots (10000)")
    add("--parts", default=None, metavar="MODULE:NAME",
        help="build the nodes of these parts")
    add("--demo", action="store_true",
        help="tell a story, and write a picture of it")
    add("--out", metavar="FILE", default="cluster-demo.html",
        help="where the picture goes (cluster-demo.html)")
    args = parser.parse_args(argv)
    if args.nodes > PEER_OFFSET:
        parser.error(f"argument --nodes: at most {PEER_OFFSET}")
    if args.port + args.nodes - 1 + PEER_OFFSET > 65535:
        parser.error(
            f"argument --port: at most {65536 - PEER_OFFSET - args.nodes},"
            f" since a node has its own and the {PEER_OFFSET}th behind"
        )
    arguments = [
        "--heartbeat", str(args.heartbeat), "--election", str(args.election),
        "--reads", args.reads,
    ]  # fmt: skip
    if args.async_writes:
        arguments.append("--async-writes")
    if args.snapshot_every is not None:
        arguments += ["--snapshot-every", str(args.snapshot_every)]
    if args.parts is not None:
        arguments += ["--parts", args.parts]
    return args, arguments


def see_that_nodes_find_each_other(cluster: Cluster) -> None:
    """Sees that nodes will listen where the others look for them.

    A node keeps in its data where the members are. That is changed by a
    change of the members, and not by starting them somewhere else: they would
    run, and never hear of one another.

    Raises:
        ValueError: they will not; the text says where they are looked for.
    """
    known = cluster.known()
    moved = [
        m for m in cluster.members.values()
        if known.get(m.id, m.peer) != m.peer
    ]  # fmt: skip
    if not moved:
        return
    host, port = known[moved[0].id]
    bases = {p - PEER_OFFSET - id + 1 for id, (_, p) in known.items()}
    remedy = f"give --port {bases.pop()}, or" if len(bases) == 1 else "give"
    raise ValueError(
        f"the nodes under {cluster.folder} look for node {moved[0].id} at"
        f" {host}:{port}, and with --port {cluster.base} it would be at port"
        f" {moved[0].peer[1]}, where nobody finds it: {remedy} another --data"
    )


def see_that_ports_are_free(cluster: Cluster) -> None:
    """Sees that nobody else listens where the nodes are to listen.

    Raises:
        ValueError: somebody does; the text says where.
    """
    for member in cluster.members.values():
        for host, port in (member.address, member.peer):
            with socket.socket() as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    one.bind((host, port))
                except OSError as error:
                    raise ValueError(
                        f"port {port} cannot be had for node {member.id}"
                        f" ({error.strerror}): is another cluster running?"
                        " --port says where the ports of this one begin"
                    ) from error


def main(argv: list[str]) -> int:
    """Runs a cluster; see the module."""
    args, arguments = parse(argv)
    if args.parts is not None:
        try:
            owners = load_parts(args.parts).owners()
        except ValueError as error:
            return complain(error)
        for name, owner in owners.items():
            print(f"{name:>14}: {owner}")
    try:
        folder = Path(args.data or tempfile.mkdtemp(prefix="kv-cluster-"))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return complain(error)
    cluster = Cluster(folder.resolve(), args.nodes, args.port, arguments)
    try:
        see_that_nodes_find_each_other(cluster)
        see_that_ports_are_free(cluster)
        if args.demo:  # Better now than when the story has been told.
            Path(args.out).open("a", encoding="utf-8").close()
    except (ValueError, OSError) as error:
        return complain(error)
    count = "1 node" if args.nodes == 1 else f"{args.nodes} nodes"
    print(f"{count} under {folder}", flush=True)

    async def go() -> int:
        if args.demo:
            return await demo(cluster, Path(args.out))
        await cluster.leader()
        return await converse(cluster)

    try:
        cluster.start()
        return run_loop(go())
    except KeyboardInterrupt:
        return 0
    except (KvError, TimeoutError, OSError) as error:
        print(f"kv cluster: {error}", file=sys.stderr)
        return 1
    finally:
        cluster.stop()
