"""Shows the built book on loopback: `python -m book.serve`.

The pages are files and also open without this; a server gives them one
address and the search a faster start.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import NoReturn

HOST = "127.0.0.1"
PORT = 8000
SITE = Path(__file__).parents[1] / "site"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word, and never an old page from a cache."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Ask the browser to look for a newer page each time."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class Server(ThreadingHTTPServer):
    """A server that lets a reader who has gone away go in peace."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a broken connection; report anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def listen(port: int, site: Path = SITE) -> Server:
    """Open the port, on loopback alone.

    Args:
        port: The port; 0 takes any that is free.
        site: The folder of the built book.

    Returns:
        A server that is not serving yet.

    Raises:
        OSError: The port is in use, or not ours to take.
    """
    return Server((HOST, port), partial(Quiet, directory=str(site)))


def port_number(text: str) -> int:
    """Read a port's number; for `argparse`."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port; try one from 1024 to 65535"
        )
    return int(text)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(2)


def main(argv: list[str] | None = None) -> int:
    """Serve until Ctrl-C.

    Args:
        argv: The arguments; the command line's unless given.

    Returns:
        The exit status: 1 if there is nothing to serve or no port.
    """
    parser = Parser(
        prog="python -m book.serve",
        description="Show the built book on loopback.",
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=os.environ.get("PORT") or PORT,
        help=f"the port; else PORT, else {PORT}",
    )
    parser.add_argument("--site", type=Path, default=SITE, help="the folder")
    parser.add_argument(
        "--check", action="store_true", help="only see that the port is free"
    )
    args = parser.parse_args(argv)
    try:
        server = listen(args.port, args.site)
    except OSError as wrong:
        taken = wrong.errno == errno.EADDRINUSE
        why = "is in use" if taken else f"cannot be had ({wrong.strerror})"
        print(
            f"Port {args.port} {why}; try another: "
            f"make book PORT={min(max(args.port, 8000) + 1, 65535)}",
            file=sys.stderr,
        )
        return 1
    with server:
        if args.check:
            return 0
        if not (args.site / "index.html").is_file():
            print("There is no book yet; build it: make site", file=sys.stderr)
            return 1
        print(
            f"Reading at http://{HOST}:{server.server_port}\n"
            "Ctrl-C stops it. To run what it shows, in a second terminal:\n"
            "    source .venv/bin/activate\n"
            "    python -m port.rafttest run book/scenarios/one-day.txt",
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
