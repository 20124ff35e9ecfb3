"""How entries get into the followers' logs, and when they are committed."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.tracker import StateProbe
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    THREE,
    entries,
    leader,
    make_leader,
    node,
    propose,
    storage,
    store_and_apply,
    take_message,
    take_messages,
)

FIVE = (1, 2, 3, 4, 5)

# -- through the whole cluster


@pytest.mark.parametrize(
    ("proposers", "committed"),
    [
        pytest.param([1], 2, id="by one leader"),
        pytest.param([1, 2], 4, id="by two leaders in turn"),
    ],
)
def test_log_replication(proposers: list[int], committed: int) -> None:
    """What leaders propose is applied everywhere, in one order."""
    net = cluster(3)
    proposed = []
    for id in proposers:
        net.campaign(id)
        data = b"somedata by %d" % id
        proposed.append(data)
        net.propose(id, data)

    assert net.commits() == dict.fromkeys(THREE, committed)
    for id, r in net.nodes.items():
        applied = store_and_apply(r, net.stores[id])
        assert [e.data for e in applied if e.data] == proposed, f"node {id}"


def test_single_node_commit() -> None:
    net = cluster(1)
    net.campaign(1)
    net.propose(1, b"some data")
    net.propose(1, b"some data")
    assert net.commits() == {1: 3}


PROPOSALS = [
    pytest.param(3, (), True, id="all of three"),
    pytest.param(3, (3,), True, id="two of three"),
    pytest.param(3, (2, 3), False, id="one of three"),
    pytest.param(4, (2, 3), False, id="two of four"),
    pytest.param(5, (2, 3), True, id="three of five"),
]


@pytest.mark.parametrize(("size", "dead", "quorum"), PROPOSALS)
def test_proposal(size: int, dead: tuple[int, ...], quorum: bool) -> None:
    """A proposal needs a leader, and so a quorum."""
    net = cluster(size, dead=dead)
    net.campaign(1)
    net.propose(1, b"somedata")
    log = [(1, 1, b""), (2, 1, b"somedata")] if quorum else []
    assert net.logs() == dict.fromkeys(net.nodes, log)
    assert net[1].term == 1


@pytest.mark.parametrize(
    "dead",
    [pytest.param((), id="all of three"), pytest.param((3,), id="two")],
)
def test_proposal_by_proxy(dead: tuple[int, ...]) -> None:
    """A follower passes a proposal on to its leader."""
    net = cluster(3, dead=dead)
    net.campaign(1)
    net.propose(2, b"somedata")
    log = [(1, 1, b""), (2, 1, b"somedata")]
    assert net.logs() == dict.fromkeys(net.nodes, log)
    assert net[1].term == 1


def test_old_messages() -> None:
    """A leader of the past cannot add to the log any more."""
    net = cluster(3)
    for id in (1, 2, 1):
        net.campaign(id)
    assert net[1].term == 3

    net.send(
        pb.Message(
            type=pb.MsgApp, from_=2, to=1, term=2, entries=entries(3, 2)
        )
    )
    net.propose(1, b"somedata")
    log = [(1, 1, b""), (2, 2, b""), (3, 3, b""), (4, 3, b"somedata")]
    assert net.logs() == {1: log, 2: log, 3: log}


# -- when it is committed


# Which index each node has, the log's terms, the leader's term: what is
# committed.
COMMITS = [
    ([1], [1], 1, 1),
    ([1], [1], 2, 0),
    ([2], [1, 2], 2, 2),
    ([1], [2], 2, 1),
    ([2, 1, 1], [1, 2], 1, 1),
    ([2, 1, 1], [1, 1], 2, 0),
    ([2, 1, 2], [1, 2], 2, 2),
    ([2, 1, 2], [1, 1], 2, 0),
    ([2, 1, 1, 1], [1, 2], 1, 1),
    ([2, 1, 1, 1], [1, 1], 2, 0),
    ([2, 1, 1, 2], [1, 2], 1, 1),
    ([2, 1, 1, 2], [1, 1], 2, 0),
    ([2, 1, 2, 2], [1, 2], 2, 2),
    ([2, 1, 2, 2], [1, 1], 2, 0),
]


@pytest.mark.parametrize(("matches", "terms", "term", "committed"), COMMITS)
def test_commit(
    matches: list[int], terms: list[int], term: int, committed: int
) -> None:
    """A quorum must have it, and it must be of the leader's own term."""
    voters = range(1, len(matches) + 1)
    r = node(1, storage(voters, terms=terms, term=term))
    for id, match in zip(voters, matches, strict=True):
        pr = r.trk.progress[id]
        pr.match, pr.next = match, match + 1
    r.maybe_commit()
    assert r.raft_log.committed == committed


@pytest.fixture
def orphaned() -> Network:
    """Five nodes, of which 1 and 2 have entries that 1 could not commit.

    Node 1 leads term 1, in which nothing but its first entry is committed.
    All links work again.
    """
    net = cluster(5)
    net.campaign(1)
    for id in (3, 4, 5):
        net.cut(1, id)
    net.propose(1, b"some data")
    net.propose(1, b"some data")
    assert net[1].raft_log.committed == 1
    net.heal()
    return net


def test_cannot_commit_without_new_term_entry(orphaned: Network) -> None:
    """A new leader commits older entries only along with one of its own."""
    net = orphaned
    net.ignore(pb.MsgApp)  # in which its own would be sent
    net.campaign(2)
    assert net[2].raft_log.committed == 1

    net.heal()
    net.beat(2)
    net.propose(2, b"some data")
    assert net[2].raft_log.committed == 5


def test_commit_without_new_term_entry(orphaned: Network) -> None:
    """The empty entry that a new leader begins with does for that."""
    net = orphaned
    net.campaign(2)
    assert net[1].raft_log.committed == 4


# -- what a follower does with an append


# Its log holds entry 1 of term 1 and entry 2 of term 2. What precedes the
# entries sent (term, index), their terms, the leader's commit; then what the
# follower's last index and its commit are, and whether it accepts.
APPENDS = [
    pytest.param((3, 2), [], 3, 2, 0, False, id="another term there"),
    pytest.param((3, 3), [], 3, 2, 0, False, id="nothing there"),
    pytest.param((1, 1), [], 1, 2, 1, True, id="nothing new"),
    pytest.param((0, 0), [2], 1, 1, 1, True, id="overwrites from the start"),
    pytest.param((2, 2), [2, 2], 3, 4, 3, True, id="two more"),
    pytest.param((2, 2), [2], 4, 3, 3, True, id="one more"),
    pytest.param((1, 1), [2], 4, 2, 2, True, id="one that it has"),
    pytest.param((1, 1), [], 3, 2, 1, True, id="commits no further than 1"),
    pytest.param((1, 1), [2], 3, 2, 2, True, id="commits no further than 2"),
    pytest.param((2, 2), [], 3, 2, 2, True, id="commits all it has"),
    pytest.param((2, 2), [], 4, 2, 2, True, id="commits nothing it lacks"),
]


@pytest.mark.parametrize(
    ("prev", "terms", "commit", "last", "committed", "accepted"), APPENDS
)
def test_handle_msg_app(
    prev: tuple[int, int],
    terms: list[int],
    commit: int,
    last: int,
    committed: int,
    accepted: bool,
) -> None:
    """The receiver's rules 2 to 5 of AppendEntries in the Raft paper."""
    r = node(1, storage((1,), terms=(1, 2), term=2))
    log_term, index = prev
    r.step(
        pb.Message(
            type=pb.MsgApp, from_=2, to=1, term=2, log_term=log_term,
            index=index, commit=commit, entries=entries(index + 1, *terms),
        )
    )  # fmt: skip
    assert r.raft_log.last_index() == last
    assert r.raft_log.committed == committed
    answer = take_message(r)
    assert answer.type is pb.MsgAppResp
    assert (not answer.reject) is accepted


# -- how the two find where their logs part


# Leader's log and follower's; how far the follower's is compacted; where it
# says that the logs may part (term, index), and what the leader tries next.
REJECTIONS = [
    pytest.param(
        (1, 2, 2, 4, 4, 4, 4), (1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3), 0,
        (3, 7), (2, 3), id="leader passes over its term 4",
    ),
    pytest.param(
        (1, 2, 2, 3, 4, 4, 4, 5), (1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3), 0,
        (3, 8), (3, 4), id="leader passes over its terms 5 and 4",
    ),
    pytest.param(
        (1, 1, 1, 1), (1, 2, 2, 4), 0,
        (1, 1), (1, 1), id="follower passes over its terms 4 and 2",
    ),
    pytest.param(
        (1, 1, 1, 1, 1, 1), (1, 2, 2, 4), 0,
        (1, 1), (1, 1), id="and has the shorter log",
    ),
    pytest.param(
        (1, 1, 1, 1), (1, 2, 2, 4, 4, 4), 0,
        (1, 1), (1, 1), id="and has the longer log",
    ),
    pytest.param(
        (1, 1, 1, 4, 5), (1, 1, 1, 4), 0,
        (4, 4), (4, 4), id="follower only lacks the end",
    ),
    pytest.param(
        (2, 5, 5, 5, 5, 5, 5, 5, 5), (2, 4, 4, 4, 4, 4), 0,
        (4, 6), (2, 1), id="leader passes over all but one",
    ),
    pytest.param(
        (2, 2, 2, 2, 2), (2, 4, 4, 4, 4, 4, 4, 4), 0,
        (2, 1), (2, 1), id="follower passes over all but one",
    ),
    pytest.param(
        (1, 1, 3), (1, 1, 3, 3, 3), 5,
        (0, 3), (1, 2), id="follower has compacted it all",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("leaders", "followers", "compacted", "hint", "next"), REJECTIONS
)
def test_fast_log_rejection(
    leaders: tuple[int, ...],
    followers: tuple[int, ...],
    compacted: int,
    hint: tuple[int, int],
    next: tuple[int, int],
) -> None:
    """One rejection takes both past a whole term, not just one entry.

    The last case cannot come about: nobody compacts what is not committed.
    Still nothing breaks, and the leader goes back by one.
    """
    term = leaders[-1]
    n1 = node(
        1, storage(terms=leaders, term=term - 1, commit=len(leaders))
    )
    make_leader(n1)
    disk = storage(terms=followers, term=term, vote=1)
    n2 = node(2, disk)
    if compacted:
        disk.compact(compacted)

    n2.step(pb.Message(type=pb.MsgHeartbeat, from_=1, to=2, term=term))
    n1.step(take_message(n2))
    n2.step(take_message(n1))
    answer = take_message(n2)
    assert (answer.type, answer.reject) == (pb.MsgAppResp, True)
    assert (answer.log_term, answer.reject_hint) == hint

    n1.step(answer)
    tried = take_messages(n1)
    assert tried, "the leader has given up on it"
    assert (tried[0].log_term, tried[0].index) == next


def test_log_replication_with_reordered_message() -> None:
    """A late rejection does not take a leader back behind what matches."""
    r1 = leader(1, storage((1, 2)))
    take_messages(r1)
    peer = r1.trk.progress[2]
    peer.become_replicate()
    r2 = node(2, storage((1, 2)))

    propose(r1, b"first")
    first = take_message(r1)
    propose(r1, b"second")
    second = take_message(r1)

    r2.step(second)
    late = take_message(r2)
    assert (late.reject, late.reject_hint, late.index) == (True, 0, 2)

    r2.step(first)
    answer = take_message(r2)
    assert (answer.reject, answer.index) == (None, 2)
    r1.step(answer)
    take_message(r1)
    assert peer.match == 2

    r1.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert peer.state is StateProbe
    r1.step(late)
    assert take_message(r1).index == 2, "entry 2 is known to match"
