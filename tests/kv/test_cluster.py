"""Three processes to play with, what is typed to them, and their story."""

import asyncio
import re
from pathlib import Path

import pytest

from kv import demo
from kv.address_book import FILE
from kv.cluster import see_that_nodes_find_each_other
from kv.console import Console, table
from kv.messages import member_list
from kv.packing import pack
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
        # But not on ports where nobody looks for them.
        with pytest.raises(ValueError, match=r"look for node . at 127\.0"):
            see_that_nodes_find_each_other(again)
    finally:
        cluster.stop()


@pytest.mark.parametrize(
    ("began", "remedy"),
    [
        ((7101, 7102, 7103), "give --port 7001, or another --data"),
        ((7101, 7110, 7103), "give another --data"),
    ],
)
def test_old_data_on_other_ports(
    began: tuple[int, ...], remedy: str, tmp_path: Path
) -> None:
    """Its nodes would wait for each other for ever, and not say why."""
    for id in (1, 2, 3):
        (tmp_path / str(id)).mkdir()
        known = {i: ("127.0.0.1", p) for i, p in enumerate(began, 1)}
        (tmp_path / str(id) / FILE).write_bytes(pack(member_list(known)))
    cluster = Cluster(tmp_path, 3, 8001, [])
    with pytest.raises(ValueError, match=remedy) as told:
        see_that_nodes_find_each_other(cluster)
    assert f"{tmp_path} look for node 1 at 127.0.0.1:7101" in str(told.value)
    assert "--port 8001 it would be at port 8101" in str(told.value)


def test_old_data_where_it_was(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, 3, 8001, [])
    see_that_nodes_find_each_other(cluster)  # There is none yet.
    for member in cluster.members.values():
        member.folder.mkdir()
        (member.folder / FILE).write_bytes(b"no book at all")
    see_that_nodes_find_each_other(cluster)
    known = {m.id: m.peer for m in cluster.members.values()}
    for member in cluster.members.values():
        (member.folder / FILE).write_bytes(pack(member_list(known)))
    see_that_nodes_find_each_other(cluster)


def test_who_has_lost_its_disk_stays_away(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, 3, 7001, [])
    # The place of node 1 is taken by node 4, and that of node 4 by node 5.
    for old in (1, 4):
        cluster.put_in_place_of(cluster.members[old])
    assert {*cluster.members} == {2, 3, 5}
    again = Cluster(tmp_path, 3, 7001, [])
    assert {id: m.join for id, m in again.members.items()} == {
        2: False, 3: False, 5: True,
    }  # fmt: skip
