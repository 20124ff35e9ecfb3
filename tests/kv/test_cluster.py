"""Three processes to play with, what is typed to them, and their story."""

import asyncio
import re
from pathlib import Path

import pytest

from kv import demo
from kv.console import Console, table
from kv.processes import Cluster
from tests.kv import processes
from tests.kv.nodes import free_ports


def test_the_demo_tells_its_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PAUSE", 0.1)
    cluster = processes.make(tmp_path)
    out = tmp_path / "story.html"
    try:
        cluster.start()
        assert asyncio.run(demo.demo(cluster, out)) == 0
    finally:
        cluster.stop()
    page = out.read_text(encoding="utf-8")
    said = re.sub("<[^>]*>", "", page)
    assert "caught up by the log" in said
    assert "caught up by a snapshot" in said
    assert page.count('class="leader"') >= 2
    assert 'url(#hatch)' in page
    assert "http" not in page  # It needs nothing else.


def test_what_people_type(tmp_path: Path) -> None:
    cluster = processes.make(tmp_path)
    base, *_ = free_ports(1)
    cluster.base = base - 3  # The port of a node 4.

    async def go() -> None:
        console = Console(cluster)
        leader = await cluster.leader()
        assert "done in" in await console.do("put a b")
        assert await console.do("get a") == "b"
        assert "is dead" in await console.do("kill leader")
        assert "done in" in await console.do("put a c")
        assert "starts again" in await console.do(f"restart {leader.id}")
        await cluster.caught_up(leader)
        said = await console.do("status")
        assert said.count("follower") == 2
        assert said.count("leader") == 2  # One of them is the column.
        new = await console.do(f"wipe {leader.id}")
        assert new == f"node 4 has taken the place of node {leader.id}"
        assert await console.do("get a") == "c"
        assert not (tmp_path / str(leader.id)).exists()
        assert "resume" in await console.do("dance")
        assert "no node 9" in await console.do("kill 9")
        table(cluster)

    try:
        cluster.start()
        asyncio.run(go())
        # Another start finds the node that took the place.
        again = Cluster(tmp_path, 3, 7001, [])
        assert sorted(again.members) == sorted(cluster.members)
    finally:
        cluster.stop()
