"""What the chapter *Reads* says, asked of the port.

The notes of `book/pages/reads.md` cite these tests. Some show what one would
wish were otherwise; they are named after it.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.raft import (
    NONE,
    Config,
    Raft,
    ReadOnlyLeaseBased,
    StateFollower,
    StateLeader,
)
from port.rawnode import RawNode
from port.read_only import ReadState
from port.storage import MemoryStorage
from tests.book.breaking import Break, is_seen
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    ack,
    heartbeat_resp,
    kinds,
    leader,
    make_leader,
    node,
    read_index,
    storage,
    take_message,
    take_messages,
    tick,
)


def settled(**options: bool) -> Raft:
    """Returns a leader that has committed its first entry, number 1."""
    r = leader(1, **options)  # type: ignore[arg-type]
    take_messages(r)
    for id in (2, 3):
        r.step(ack(id, 1))
    take_messages(r)
    assert r.raft_log.committed == 1
    return r


# ---- The round of heartbeats ------------------------------------------------


def test_a_read_waits_for_a_majority() -> None:
    r = settled()
    r.step(read_index(1, b"a"))
    beats = take_messages(r)
    assert kinds(beats) == [pb.MsgHeartbeat] * 2
    assert r.read_states == []
    r.step(heartbeat_resp(2, context=beats[0].context))
    assert r.read_states == [ReadState(1, b"a")]


def test_the_index_is_that_of_the_moment_it_arrived() -> None:
    r = settled()
    r.step(read_index(1, b"a"))
    context = take_messages(r)[0].context
    r.step(pb.Message(type=pb.MsgProp, from_=1, entries=[pb.Entry()]))
    take_messages(r)
    r.step(ack(3, 2))
    take_messages(r)
    assert r.raft_log.committed == 2
    r.step(heartbeat_resp(2, context=context))
    assert r.read_states == [ReadState(1, b"a")]


def test_one_answer_confirms_all_reads_before_it() -> None:
    r = settled()
    contexts = []
    for ctx in (b"a", b"b", b"c"):
        r.step(read_index(1, ctx))
        contexts.append(take_messages(r)[0].context)
    assert [c[0] for c in contexts if c] == [1, 2, 3]
    r.step(heartbeat_resp(2, context=contexts[1]))
    assert [rs.request_ctx for rs in r.read_states] == [b"a", b"b"]
    r.step(heartbeat_resp(2, context=contexts[2]))
    assert [rs.request_ctx for rs in r.read_states] == [b"a", b"b", b"c"]


def test_a_lost_round_is_made_up_for_by_the_next_heartbeat() -> None:
    net = cluster(3)
    net.campaign(1)
    net.ignore(pb.MsgHeartbeat)
    net.read(1, b"a")
    assert net[1].read_states == []
    net.heal()
    net.beat(1)
    assert net[1].read_states == [ReadState(1, b"a")]


def test_a_deposed_leader_confirms_nothing() -> None:
    net = cluster(3)
    net.campaign(1)
    net.isolate(1)
    net.campaign(2)
    net.propose(2, b"x")
    net.read(1, b"a")
    net.heal()
    net.beat(1)
    assert net[1].read_states == []
    net.beat(2)
    assert net[1].state is StateFollower
    assert net[1].read_states == []


def test_a_learner_confirms_nothing() -> None:
    r = leader(1, storage((1, 2, 3), (4,)))
    take_messages(r)
    for id in (2, 3):
        r.step(ack(id, 1))
    take_messages(r)
    r.step(read_index(1, b"a"))
    r.step(heartbeat_resp(4, context=take_messages(r)[0].context))
    assert r.read_states == []


# ---- The first commit of a term ---------------------------------------------


def test_reads_wait_for_the_first_commit_of_the_term() -> None:
    r = leader(1)
    take_messages(r)
    r.step(read_index(1, b"a"))
    assert take_messages(r) == []
    r.step(ack(2, 1))
    context = next(
        m.context for m in take_messages(r) if m.type is pb.MsgHeartbeat
    )
    r.step(heartbeat_resp(2, context=context))
    assert r.read_states == [ReadState(1, b"a")]


def test_waiting_reads_survive_a_lost_lead() -> None:
    r = leader(1)
    take_messages(r)
    r.step(read_index(1, b"a"))
    r.become_follower(r.term + 1, NONE)
    make_leader(r)
    take_messages(r)
    r.step(ack(2, 2))
    context = next(
        m.context for m in take_messages(r) if m.type is pb.MsgHeartbeat
    )
    r.step(heartbeat_resp(2, context=context))
    assert r.read_states == [ReadState(2, b"a")]


def test_a_commit_by_a_change_of_members_releases_nothing() -> None:
    """The first commit of a term, brought about by a smaller majority."""
    r = leader(1, storage((1, 2)))
    take_messages(r)
    r.step(read_index(1, b"a"))
    gone = pb.ConfChangeSingle(pb.ConfChangeRemoveNode, 2)
    r.apply_conf_change(pb.ConfChangeV2(changes=[gone]))
    assert r.raft_log.committed == 1
    assert r.committed_entry_in_current_term()
    assert len(r.pending_read_index_messages) == 1
    r.step(pb.Message(type=pb.MsgProp, from_=1, entries=[pb.Entry()]))
    take_messages(r)
    assert r.pending_read_index_messages == []


# ---- At a follower ----------------------------------------------------------


def test_a_read_without_a_leader_is_dropped_in_silence() -> None:
    r = node(2)
    r.step(read_index(2, b"a"))
    assert take_messages(r) == []
    assert r.read_states == []


def test_a_candidate_does_not_even_say_so() -> None:
    r = node(2)
    r.become_candidate()
    r.step(read_index(2, b"a"))
    assert take_messages(r) == []


def test_a_read_is_passed_on_without_a_term() -> None:
    r = node(2)
    r.become_follower(3, 1)
    r.step(read_index(2, b"a"))
    m = take_message(r)
    assert (m.type, m.to, m.from_, m.term) == (pb.MsgReadIndex, 1, 2, None)


def test_an_answer_of_an_older_term_is_not_taken() -> None:
    r = node(2)
    r.become_follower(3, 1)
    answer = pb.Message(
        type=pb.MsgReadIndexResp, from_=1, to=2, term=2, index=1,
        entries=[pb.Entry(data=b"a")],
    )  # fmt: skip
    r.step(answer)
    assert r.read_states == []
    answer.term = 3
    r.step(answer)
    assert r.read_states == [ReadState(1, b"a")]


# ---- Two holes --------------------------------------------------------------


def remove_leader(r: Raft) -> None:
    gone = pb.ConfChangeSingle(pb.ConfChangeRemoveNode, 1)
    r.apply_conf_change(pb.ConfChangeV2(changes=[gone]))


def test_a_removed_leader_answers_if_one_voter_is_left() -> None:
    r = leader(1, storage((1, 2)))
    take_messages(r)
    r.step(ack(2, 1))
    take_messages(r)
    remove_leader(r)
    r.step(read_index(1, b"a"))
    assert r.read_states == [ReadState(1, b"a")], "it has asked nobody"


def test_a_removed_leader_asks_if_two_voters_are_left() -> None:
    r = settled()
    remove_leader(r)
    r.step(read_index(1, b"a"))
    beats = take_messages(r)
    for m in beats:
        assert r.read_states == []
        r.step(heartbeat_resp(m.to or 0, context=m.context))
    assert r.read_states == [ReadState(1, b"a")]


def test_stepping_down_on_removal_closes_the_first_hole() -> None:
    r = node(1, storage((1, 2)))
    r.step_down_on_removal = True
    make_leader(r)
    take_messages(r)
    remove_leader(r)
    r.step(read_index(1, b"a"))
    assert (r.state, r.read_states) == (StateFollower, [])


def single(disk: MemoryStorage) -> RawNode:
    return RawNode(
        Config(
            id=1, election_tick=10, heartbeat_tick=1, storage=disk,
            max_size_per_msg=1 << 20, max_inflight_msgs=256,
        )
    )  # fmt: skip


def run(n: RawNode, disk: MemoryStorage, times: int) -> list[pb.Entry]:
    """Handles `times` Readys, and writes no more than it has to."""
    applied: list[pb.Entry] = []
    for _ in range(times):
        rd = n.ready()
        if rd.must_sync:
            disk.append(rd.entries)
            if rd.hard_state is not None:
                disk.set_hard_state(rd.hard_state)
        applied += rd.committed_entries
        n.advance(rd)
    return applied


def test_a_single_voter_may_miss_its_own_write_after_a_restart() -> None:
    disk = storage((1,))
    n = single(disk)
    n.campaign()
    while n.has_ready():
        run(n, disk, 1)
    n.propose(b"x")
    applied = [e.data for e in run(n, disk, 2)]
    assert applied == [b"x"], "and its client may have been told so"
    assert disk.last_index() == 2

    # The commit index did not have to be on the disk, and is not.
    after = single(disk)
    after.campaign()
    run(after, disk, 1)
    assert after.raft.state is StateLeader
    after.read_index(b"a")
    (answer,) = after.raft.read_states
    assert answer.index < 2


# ---- Leases -----------------------------------------------------------------


def lease_cluster() -> Network:
    net = cluster(3, check_quorum=True, read_only_option=ReadOnlyLeaseBased)
    for id, timeout in ((1, 15), (2, 10), (3, 19)):
        net[id].randomized_election_timeout = timeout
    net.campaign(1)
    net.propose(1, b"old")
    for id, timeout in ((1, 15), (2, 10), (3, 19)):
        net[id].randomized_election_timeout = timeout
    return net


def all_tick(net: Network) -> None:
    """Lets the same time pass for everybody: these clocks are perfect."""
    for r in net.nodes.values():
        r.tick()
    for id in net.nodes:
        net.flush(id)


def stale(net: Network) -> bool:
    """Tells whether node 1 answers a read that misses node 2's commit."""
    net.propose(2, b"new")
    r = net[1]
    r.step(read_index(1, b"a"))
    answers, r.read_states = r.read_states, []
    return any(a.index < net[2].raft_log.committed for a in answers)


def test_a_lease_outlives_the_promise_it_rests_on() -> None:
    """No clock drifts, no process sleeps; the network is cut, that is all."""
    net = lease_cluster()
    while net[1].election_elapsed != 0:
        all_tick(net)
    net.beat(1)  # answers that count at the next check
    net.isolate(1)
    ticks = 0
    while net[2].state is not StateLeader:
        all_tick(net)
        ticks += 1
        assert ticks < 15
    assert net[1].state is StateLeader
    assert stale(net)
    while net[1].state is StateLeader:
        all_tick(net)
        ticks += 1
    assert ticks == 20, "two election timeouts after the cut"
    assert not stale(net)


def test_a_handover_ends_the_lease_and_not_the_answers() -> None:
    net = lease_cluster()
    net[1].step(pb.Message(type=pb.MsgTransferLeader, from_=2, to=1))
    told = take_message(net[1])
    assert told.type is pb.MsgTimeoutNow
    net.isolate(1)
    net.send(told)
    assert net[2].state is StateLeader
    assert stale(net)


def test_a_restart_ends_the_promise() -> None:
    net = lease_cluster()
    net.beat(1)
    disk = net.stores[3]
    old = net[3]
    disk.append(old.raft_log.all_entries())
    disk.set_hard_state(pb.HardState(term=1, vote=1, commit=1))
    net.nodes[3] = node(3, disk, check_quorum=True)
    net.isolate(1)
    tick(net[2], 10)
    net.flush(2)
    assert net[2].state is StateLeader
    assert net[1].state is StateLeader
    assert stale(net)


def test_the_round_is_safe_where_the_lease_is_not() -> None:
    net = cluster(3, check_quorum=True)
    net.campaign(1)
    net[1].step(pb.Message(type=pb.MsgTransferLeader, from_=2, to=1))
    told = take_message(net[1])
    net.isolate(1)
    net.send(told)
    assert net[2].state is StateLeader
    assert not stale(net)


# ---- Break it ---------------------------------------------------------------

BREAKS: dict[str, Break] = {
    "read before the first commit": (
        "leader_read_index",
        "if not r.committed_entry_in_current_term():",
        "if False:",
        test_reads_wait_for_the_first_commit_of_the_term,
    ),
    "take the index at the end": (
        "leader_heartbeat_resp",
        "r.response_to_read_index_req(rs.req, rs.index)",
        "r.response_to_read_index_req(rs.req, r.raft_log.committed)",
        test_the_index_is_that_of_the_moment_it_arrived,
    ),
    "ask nobody": (
        "send_msg_read_index_response",
        "r.read_only.option is ReadOnlySafe",
        "False",
        test_a_read_waits_for_a_majority,
    ),
    "do not count itself": (
        "send_msg_read_index_response",
        "r.read_only.recv_ack(r.id, r.read_only.heartbeat_ctx())",
        "pass",
        test_a_read_waits_for_a_majority,
    ),
    "release nothing": (
        "release_pending_read_index_messages",
        "send_msg_read_index_response(r, m)",
        "pass",
        test_reads_wait_for_the_first_commit_of_the_term,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name], StopIteration)
