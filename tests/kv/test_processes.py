"""The store as real processes: killed, paused, stopped, and set up wrongly."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kv.serve import is_loopback
from tests.kv import processes
from tests.kv.nodes import free_ports

REPO = Path(__file__).parents[2]


def kv(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the store to its end."""
    return subprocess.run(
        [sys.executable, "-m", "kv", *words], capture_output=True, text=True,
        timeout=30, cwd=REPO, env={**os.environ, **env}, check=False,
    )  # fmt: skip


def test_nothing_answered_is_lost_by_kill_9(tmp_path: Path) -> None:
    cluster = processes.make(tmp_path, "--snapshot-every", "200")
    try:
        done = asyncio.run(processes.rounds(cluster, 5, random.Random(5)))
    finally:
        cluster.stop()
    assert done > 20


def test_the_commands_on_a_live_cluster(tmp_path: Path) -> None:
    cluster = processes.make(tmp_path)
    servers = ",".join(f"{h}:{p}" for h, p in cluster.addresses())
    try:
        cluster.start()
        leader = asyncio.run(cluster.leader())
        env = {"KV_SERVERS": servers}
        assert kv("put", "a", "b", **env).returncode == 0
        assert kv("get", "a", **env).stdout == "b\n"
        assert kv("cas", "a", "x", "c", **env).returncode == 1
        assert kv("cas", "a", "b", "c", **env).returncode == 0
        to = leader.id % 3 + 1
        assert kv("transfer", str(to), **env).stdout == f"node {to} leads\n"
        found = json.loads(kv("status", "--json", **env).stdout)
        assert {s["leader"] for s in found.values()} == {to}
        # One that is paused, the leader, is done without.
        cluster.members[to].pause()
        begin = time.monotonic()
        assert kv("put", "a", "d", **env).returncode == 0
        assert time.monotonic() - begin < 20
        cluster.members[to].resume()
        assert kv("get", "a", **env).stdout == "d\n"
        # SIGTERM ends it in good order, and it says so.
        for member in cluster.members.values():
            member.signal(signal.SIGTERM)
            process = member._process
            assert process is not None
            assert process.wait(10) == 0
        said = (tmp_path / "1.log").read_text()
        assert said.endswith("node 1 has stopped\n")
        assert "Traceback" not in said
        nobody = kv("get", "a", "--timeout", "300ms", **env)
        assert nobody.returncode == 1
        assert "not done" in nobody.stderr
    finally:
        cluster.stop()


def test_what_keeps_a_node_from_starting_is_said_in_one_line(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    data = str(tmp_path / "data")
    running = subprocess.Popen(
        [sys.executable, "-m", "kv", "serve", "--data", data, "--listen",
         str(port)],
        cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        assert f":{port}" in running.stdout.readline()
        blocked = tmp_path / "file"
        blocked.write_text("")
        for words, why in [
            (["--data", f"{tmp_path}/2", "--listen", str(port)], "in use"),
            (["--data", data, "--listen", "0"], "in use by another process"),
            (["--data", f"{blocked}/x", "--listen", "0"], "Not a directory"),
            (["--listen", "0"], "--data"),
            (["--data", data, "--nonsense"], "--nonsense"),
            (["--data", data, "--listen", "here"], "host:port"),
            (["--data", data, "--peers", "2=127.0.0.1:1"], "name node 1"),
            (["--data", data, "--parts", "nowhere:X"], "nowhere"),
            (["--data", data, "--listen", "0.0.0.0:0"], "password"),
            (
                ["--data", data, "--peer-listen", "0.0.0.0:0"],
                "certificates",
            ),
            (["--data", data, "--tls", f"{tmp_path}/no"], "--tls"),
            (["--data", data, "--election", "10ms"], "--election"),
        ]:
            done = kv("serve", *words)
            assert done.returncode == 2, (words, done)
            assert why in done.stderr, (words, done)
            lines = [x for x in done.stderr.splitlines() if "raft" not in x]
            assert len(lines) == 1, (words, lines)
    finally:
        running.terminate()
        assert running.wait(10) == 0


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_what_counts_as_loopback(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here
