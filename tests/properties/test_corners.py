"""What v3.7.0 does not keep, and the properties therefore excuse.

Each of these is a schedule on which one invariant breaks for good reason.
They stand here so that the excuse is as narrow as it can be, and so that a
port that behaved differently would be noticed.
"""

from __future__ import annotations

from tests.properties.actions import Setup, parse
from tests.properties.cluster import Cluster
from tests.properties.running import check, run


def last_read(cluster: Cluster, id: int) -> tuple[int, int]:
    """Return the index that a node is told to read at, and what it must see.

    The read is asked for here, and answered at once.
    """
    node = cluster.nodes[id]
    must_see = cluster.monitor.history.high
    cluster.read(id)
    states = node.raw.ready_without_accept().read_states
    return states[-1].index, must_see


def test_a_removed_leader_answers_reads_from_a_stale_commit() -> None:
    """The single voter's path asks nobody, and not who that voter is.

    Go: raft.go:1356
    """
    schedule = parse("""
        nodes=2 voters=1,2
        campaign 1
        settle 4
        change 1 auto r1
        settle 5
        campaign 2
        settle 1 among 2
        propose 2
        settle 1 among 2
    """)
    cluster = Cluster(schedule.setup)
    cluster.run(schedule.actions)
    told, must_see = last_read(cluster, 1)
    assert told < must_see
    assert cluster.holes == 1


def test_a_restarted_single_voter_answers_before_it_commits() -> None:
    """It has elected itself, and does not know what it had committed.

    Go: raft.go:1356
    """
    schedule = parse("""
        nodes=1 voters=1
        campaign 1
        ready 1
        ready 1
        ready 1
        propose 1
        ready 1
        restart 1 keep 0
        campaign 1
        ready 1
    """)
    cluster = Cluster(schedule.setup)
    cluster.run(schedule.actions)
    assert cluster.monitor.history.high == 4
    told, must_see = last_read(cluster, 1)
    assert told < must_see
    assert cluster.holes == 1


def test_other_reads_are_not_excused() -> None:
    schedule = parse("""
        nodes=3 voters=1,2,3
        campaign 1
        settle 4
        read 1
        read 2
        settle 3
    """)
    cluster = check(schedule, range(11)).cluster
    assert cluster is not None
    assert cluster.reads == 2
    assert cluster.holes == 0


def test_a_removed_leader_that_told_nobody_blocks_the_rest() -> None:
    """2 removes itself, appends once more, and loses the lead.

    1 does not know that it is the only voter now, so it asks 2 for a vote;
    and 2 refuses, as its log is longer.
    """
    schedule = parse("""
        nodes=2 voters=1,2
        campaign 2
        settle 4
        change 2 implicit r2
        settle 4
        change 2 auto v2
        campaign 1
    """)
    cluster = check(schedule).cluster
    assert cluster is not None
    assert cluster.holes == 1
    terms = {id: node.view.term for id, node in cluster.nodes.items()}
    assert min(terms.values()) > 5  # one election after the other


def test_the_same_schedule_runs_the_same() -> None:
    schedule = parse("""
        nodes=3 voters=1,2,3
        tick 1 6
        settle 3
        tick 2 6
        settle 3
        propose 1
        settle 3
    """)
    first, second = run(schedule), run(schedule)
    for one, other in zip(
        first.cluster.nodes.values(), second.cluster.nodes.values(),
        strict=True,
    ):  # fmt: skip
        assert one.view.terms == other.view.terms
        assert one.view.commit == other.view.commit
    assert first.cluster.sent == second.cluster.sent
    assert first.schedule.setup == Setup()
