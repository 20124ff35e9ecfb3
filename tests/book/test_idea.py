"""What the chapter *The idea* says, asked of the port."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from book.weave.overlap import PANELS
from labs.bugs import NAMES, find
from port import raftpb as pb
from port.quorum import MajorityConfig, VoteWon
from port.raft import Raft
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts
from tests.book.breaking import breaks
from tests.port.raft.network import cluster
from tests.port.raft.nodes import (
    ack,
    entries,
    leader,
    log_of,
    node,
    propose,
    take_messages,
)
from tests.properties import invariants

PAGE = Path(__file__).parents[2] / "book" / "pages" / "idea.md"


def appends(n: int) -> list[pb.Message]:
    """Returns the appends by which a leader brings node 2 entries 1 to `n`.

    Each of them builds on the entry before it.
    """
    return [
        pb.Message(
            type=pb.MsgApp, from_=1, to=2, term=1, index=i, commit=i,
            log_term=1 if i else 0,
            entries=[pb.Entry(1, i + 1, data=b"%d" % i)],
        )
        for i in range(n)
    ]  # fmt: skip


def follower_after(msgs: list[pb.Message]) -> Raft:
    r = node(2)
    for m in msgs:
        r.step(m)
    return r


def test_what_arrives_twice_counts_once() -> None:
    msgs = appends(3)
    once = follower_after(msgs)
    often = follower_after([m for m in msgs for _ in range(2)] + msgs)
    assert log_of(often) == log_of(once)
    assert often.raft_log.committed == once.raft_log.committed == 2


def test_what_comes_too_early_is_refused_and_does_no_harm() -> None:
    msgs = appends(3)
    r = follower_after(msgs[::-1])
    assert [e[0] for e in log_of(r)] == [1]
    assert [bool(m.reject) for m in take_messages(r)] == [True, True, False]


def test_a_leader_alone_decides_nothing_and_loses_nothing() -> None:
    net = cluster()
    net.campaign(1)
    net.isolate(1)
    net.propose(1, b"x")
    assert net.commits() == {1: 1, 2: 1, 3: 1}
    net.campaign(2)
    net.heal()
    net.beat(2)
    net.propose(2, b"y")
    assert len({tuple(log) for log in net.logs().values()}) == 1
    assert [data for _, _, data in net.logs()[1]] == [b"", b"", b"y"]


def test_what_is_proposed_twice_is_in_the_log_twice() -> None:
    net = cluster()
    net.campaign(1)
    net.propose(1, b"x")
    net.propose(1, b"x")
    assert [data for _, _, data in net.logs()[2]] == [b"", b"x", b"x"]


def test_a_lie_is_believed() -> None:
    """Nobody but the leader has the entry, and the leader commits it."""
    r = leader(1)
    propose(r, b"x")
    take_messages(r)
    r.step(ack(2, 2, 1))
    assert r.raft_log.committed == 2


@pytest.mark.parametrize(
    ("nodes", "majority", "spare"),
    [
        tuple(int(cell) for cell in line.strip("| \n").split("|"))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ],
)
def test_the_table_of_majorities(
    nodes: int, majority: int, spare: int
) -> None:
    voters = MajorityConfig(range(1, nodes + 1))

    def decide(n: int) -> bool:
        votes = {id: id <= n for id in voters}
        return voters.vote_result(votes) is VoteWon

    assert [decide(majority), decide(majority - 1)] == [True, False]
    left = nodes - spare
    assert [decide(left), decide(left - 1)] == [True, False]


def test_the_picture_of_majorities() -> None:
    for panel in PANELS:
        voters = MajorityConfig(range(1, panel.nodes + 1))
        won = [
            voters.vote_result({id: id in g.ids for id in voters}) is VoteWon
            for g in panel.groups
        ]
        assert won == [bool(panel.shared)] * 2


def test_a_leader_only_adds_to_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    r = leader(1)
    propose(r, b"one")
    propose(r, b"two")
    before = log_of(r)
    r.append_entry([pb.Entry(data=b"three")])
    assert log_of(r)[: len(before)] == before
    breaks(
        monkeypatch,
        "Raft.append_entry",
        "index = self.raft_log.last_index()",
        "index = self.raft_log.committed",
    )
    r.append_entry([pb.Entry(data=b"four")])
    assert log_of(r)[: len(before)] != before


def test_a_leader_has_no_way_to_take_entries_from_others() -> None:
    r = leader(1)
    before = log_of(r)
    r.step(
        pb.Message(
            type=pb.MsgApp, from_=2, to=1, term=r.term, index=0, log_term=0,
            entries=entries(1, r.term, r.term),
        )
    )  # fmt: skip
    assert log_of(r) == before


def test_the_day_acknowledges_before_the_third_disk() -> None:
    """In act 4 the entry is applied while node 3 has not seen it."""
    path = PAGE.parents[1] / "scenarios" / "one-day.txt"
    env = InteractionEnv(InteractionOpts())
    for d in parse(path.read_text(encoding="utf-8"), path.name):
        env.handle(d)
        logs = [n.raw_node.raft.raft_log for n in env.nodes]
        if len(logs) == 3 and logs[0].applied == 4:
            assert [log.last_index() for log in logs] == [4, 4, 3]
            return
    pytest.fail("entry 4 is never applied")


def test_each_property_names_the_bugs_that_break_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, _, told = text.partition("## Five properties")
    told, _, _ = told.partition("## How they hang together")
    seen = []
    for section in told.split("\n### ")[1:]:
        rules = [
            getattr(invariants, name).number
            for name in re.findall(r"`([A-Z]\w+)`", section)
            if hasattr(invariants, name)
        ]
        seen += rules
        for name in re.findall(r"`(\w+)`", section):
            if name in NAMES:
                assert find(name).invariant in rules, name
    assert seen == [1, 4, 2, 3, 5, 6]


def test_every_test_it_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    folder = PAGE.parents[2] / "tests"
    there = {
        name
        for file in folder.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
    }
    assert set(re.findall(r"`(test_\w+)`", text)) <= there
