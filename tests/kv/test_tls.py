"""Mutual TLS between nodes: with the right certificates, and without."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from kv import certs, messages
from kv.framing import LengthPrefixed
from kv.serve import tls_contexts
from tests.kv.nodes import Wire, leader_of, three


def contexts(folder: Path) -> dict[str, Any]:
    server, client = tls_contexts(str(folder))
    return {"server_tls": server, "client_tls": client}


def test_nodes_talk_by_tls_and_to_nobody_without(tmp_path: Path) -> None:
    (ours,) = certs.make(tmp_path / "ours", ["127.0.0.1"])
    (theirs,) = certs.make(tmp_path / "theirs", ["127.0.0.1"])

    async def go() -> None:
        async with three(tmp_path, **contexts(ours)) as servers:
            leader = await leader_of(servers)
            wire = await Wire.to(leader)
            assert await wire.call("SET", "a", "b") == b"OK"
            node = leader.options.node
            hello = LengthPrefixed(1000).encode(
                messages.hello(7, node % 3 + 1, node)
            )
            host, port = leader.options.peer_address
            no_client = ssl.create_default_context(
                cafile=str(ours / "ca.pem")
            )
            for context in (None, no_client, tls_contexts(str(theirs))[1]):
                assert await answer(host, port, context, hello) == b""
            right = tls_contexts(str(ours))[1]
            assert await answer(host, port, right, hello) != b""
            assert await wire.call("GET", "a") == b"b"

    asyncio.run(go())


async def answer(
    host: str, port: int, context: ssl.SSLContext | None, hello: bytes
) -> bytes:
    """What a node says to a greeting, if anything."""
    try:
        reader, writer = await asyncio.open_connection(
            host, port, ssl=context
        )
        writer.write(hello)
        found = await asyncio.wait_for(reader.read(100), 2)
        writer.close()
        # In the clear, an alert of TLS may come; it is no frame of ours.
        return b"" if context is None else found
    except (OSError, TimeoutError):
        return b""


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    for place in certs.make(tmp_path, ["127.0.0.1", "::1"]):
        assert (place / "node.key").stat().st_mode & 0o077 == 0


def test_a_folder_without_certificates_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        tls_contexts(str(tmp_path))
