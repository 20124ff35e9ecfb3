"""`python -m kv certs FOLDER`: throw-away certificates for mutual TLS.

It makes an authority of its own, has it sign a certificate for each node, and
throws its key away: nobody can sign another one later. For trying things out
on machines of one's own; real ones come from a real authority.
"""

from __future__ import annotations

import os
from pathlib import Path

from kv.command_line import Parser, complain


def make(folder: Path, hosts: list[str]) -> list[Path]:
    """Writes `ca.pem`, `node.pem` and `node.key`, a folder for each host.

    Args:
        folder: Where; it is made if need be.
        hosts: Names or addresses under which nodes reach each other.

    Returns:
        The folders, in the order of the hosts.

    Raises:
        OSError: they cannot be written.
    """
    import trustme

    authority = trustme.CA()
    made = []
    for host in hosts:
        place = folder / host.replace(":", "_")
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)
        issued = authority.issue_cert(host)
        authority.cert_pem.write_to_path(str(place / "ca.pem"))
        chain = b"".join(c.bytes() for c in issued.cert_chain_pems)
        (place / "node.pem").write_bytes(chain)
        key = os.open(
            place / "node.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        )
        with os.fdopen(key, "wb") as file:
            file.write(issued.private_key_pem.bytes())
        made.append(place)
    return made


def main(argv: list[str]) -> int:
    """Makes certificates; see the module."""
    parser = Parser(prog="kv certs", description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="where they go")
    parser.add_argument(
        "hosts", nargs="*", default=["127.0.0.1"], metavar="HOST",
        help="under which nodes reach each other (127.0.0.1)",
    )  # fmt: skip
    args = parser.parse_args(argv)
    try:
        import trustme  # noqa: F401
    except ImportError:
        return complain("kv certs needs the package trustme: pip install"
                        " trustme")  # fmt: skip
    try:
        made = make(Path(args.folder), args.hosts)
    except (OSError, ValueError) as error:
        return complain(error)
    for host, place in zip(args.hosts, made, strict=True):
        print(f"{host}: --tls {place}")
    return 0
