"""Reads that see all that was committed before they were asked."""

from __future__ import annotations

from collections.abc import Sequence

from port import raftpb as pb
from port.raft import ReadOnlyLeaseBased, StateLeader
from port.read_only import ReadState
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    heartbeat_resp,
    leader,
    node,
    read_index,
    storage,
    take_message,
    tick,
)


def check_reads(net: Network, readers: Sequence[int]) -> None:
    """Node 1 leads; others ask in turn, each after ten more proposals."""
    net.campaign(1)
    assert net[1].state is StateLeader
    for n, id in enumerate(readers, 1):
        for _ in range(10):
            net.propose(1)
        ctx = b"ctx%d" % n
        net.read(id, ctx)
        # The leader's first entry, and all that was proposed.
        assert net[id].read_states == [ReadState(10 * n + 1, ctx)], (
            f"read {n}, at node {id}"
        )
        net[id].read_states.clear()


def test_read_only_option_safe() -> None:
    check_reads(cluster(3), (1, 2, 3, 1, 2, 3))


def test_read_only_option_lease() -> None:
    net = cluster(
        3, check_quorum=True, read_only_option=ReadOnlyLeaseBased
    )
    check_reads(net, (1, 2, 3, 1, 2, 3))


def test_read_only_with_learner() -> None:
    """A learner may read as well, though nobody asks it to confirm."""
    net = Network(node(id, storage((1,), (2,))) for id in (1, 2))
    check_reads(net, (1, 2, 1, 2))


def test_raft_frees_read_only_mem() -> None:
    """A leader forgets a read as soon as it is confirmed."""
    r = leader(1, storage((1, 2)), election_tick=5)
    r.raft_log.commit_to(r.raft_log.last_index())
    r.step(read_index(2, b"ctx"))
    beat = take_message(r)
    assert beat.type is pb.MsgHeartbeat
    assert len(r.read_only.unconfirmed_reads) == 1

    r.step(heartbeat_resp(2, context=beat.context))
    assert r.read_only.unconfirmed_reads == []


def test_read_only_for_new_leader() -> None:
    """Reads wait until the leader has committed an entry of its own term.

    Node 1 has not heard that entry 2 is committed, which the others have
    applied already: a read at its own commit index would come too early.
    """
    nodes = []
    for id, committed in ((1, 1), (2, 2), (3, 2)):
        disk = storage(terms=(1, 1), term=1, commit=committed)
        if id != 1:
            disk.compact(committed)
        nodes.append(node(id, disk, applied=committed))
    net = Network(nodes)
    net.ignore(pb.MsgApp)
    net.campaign(1)
    new = net[1]
    assert new.state is StateLeader
    net.read(1, b"ctx")
    assert new.read_states == [], "nothing of its own term is committed"

    net.heal()
    tick(new, new.heartbeat_timeout)
    net.propose(1)
    assert new.raft_log.committed == 4
    assert new.raft_log.term(4) == new.term
    assert new.read_states == [ReadState(4, b"ctx")], "it has waited"

    net.read(1, b"ctx")
    assert new.read_states == [ReadState(4, b"ctx")] * 2


def test_read_only_duplicate_request() -> None:
    """A read that arrives twice confirms nobody else's.

    Late answers to the round of heartbeats for the first copy of read A must
    not count for read B, which a deposed leader was asked for since.
    """
    net = cluster(3)
    late: list[pb.Message] = []

    def hold_heartbeat_resps(m: pb.Message) -> bool:
        if m.type is pb.MsgHeartbeatResp:
            late.append(m)
            return False
        return True

    net.campaign(1)
    read_a = read_index(2, b"A", to=1)
    earliest_a = net[1].raft_log.committed
    late.append(read_a.clone())
    net.passes = hold_heartbeat_resps
    net.send(read_a)
    net.passes = None
    assert len(late) == 3, "the copy of read A, and two answers"

    net[1].tick()
    net.flush(1)
    assert net[2].read_states == [ReadState(earliest_a, b"A")]

    net.isolate(1)
    net.campaign(2)
    net.propose(2, b"some write")
    earliest_b = net[2].raft_log.committed
    net.read(1, b"B")
    net.heal()
    net.send(*late)

    answers = [rs for r in net.nodes.values() for rs in r.read_states]
    earliest = {b"A": earliest_a, b"B": earliest_b}
    for rs in answers:
        assert rs.index >= earliest[rs.request_ctx or b""], (
            f"read {rs.request_ctx!r} misses what was committed before it"
        )
