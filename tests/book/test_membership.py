"""What the chapter *Replacing node 3* says, asked of the port.

The notes of `book/pages/membership.md` cite these tests.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from book.weave.members import DECISIONS, NEW, OLD
from port import raftpb as pb
from port.confchange import Changer
from port.errors import InvalidConfChange, ProposalDropped, RaftPanic
from port.quorum import JointConfig, MajorityConfig, VoteWon
from port.raft import CampaignType, Raft, StateFollower, StateLeader
from port.storage import MemoryStorage
from tests.port.raft.nodes import (
    ack,
    dropped,
    kinds,
    leader,
    node,
    propose,
    storage,
    store_and_apply,
    take_messages,
)

EXPLICIT = pb.ConfChangeTransitionJointExplicit


def swap() -> pb.ConfChangeV2:
    """Returns the change of act 8: node 4 for node 3."""
    return pb.ConfChangeV2(
        changes=pb.conf_changes_from_string("v4 r3"), transition=EXPLICIT
    )


def change(text: str) -> pb.ConfChangeV2:
    """Returns a change that is written as in a script."""
    return pb.ConfChangeV2(changes=pb.conf_changes_from_string(text))


def bring(r: Raft, *changes: pb.ConfChangeI | None) -> None:
    """Proposes changes, all in one message."""
    ents = []
    for cc in changes:
        kind, data = pb.marshal_conf_change(cc)
        ents.append(pb.Entry(type=kind, data=data))
    r.step(pb.Message(type=pb.MsgProp, from_=r.id, to=r.id, entries=ents))


def last_type(r: Raft) -> pb.EntryType:
    """Returns the type of the last entry in the log."""
    return r.raft_log.all_entries()[-1].type or pb.EntryNormal


@pytest.fixture
def disk() -> MemoryStorage:
    """Returns the disk of node 1, which knows voters 1, 2 and 3."""
    return storage((1, 2, 3))


@pytest.fixture
def r(disk: MemoryStorage) -> Raft:
    """Returns a leader whose first entry is committed and applied."""
    r = leader(1, disk)
    take_messages(r)
    for id in (2, 3):
        r.step(ack(id, 1))
    store_and_apply(r, disk)
    take_messages(r)
    return r


# -- two majorities


def test_one_step_would_leave_two_majorities(r: Raft) -> None:
    """`{1, 3}` of the old and `{2, 4}` of the new share nobody."""
    assert not {1, 3} & {2, 4}
    with pytest.raises(InvalidConfChange, match="more than one voter"):
        Changer(r.trk, 1).simple(pb.conf_changes_from_string("v4 r3"))


def test_the_figure_knows_who_can_decide() -> None:
    """What it calls enough is enough, and nothing else is."""
    both = JointConfig(MajorityConfig(NEW), MajorityConfig(OLD))
    for ids, enough in DECISIONS:
        won = both.vote_result(dict.fromkeys(ids, True)) is VoteWon
        assert won is enough, ids


def test_any_two_joint_quorums_share_a_node() -> None:
    """Of each other, and with any majority of either half."""
    both = JointConfig(MajorityConfig(NEW), MajorityConfig(OLD))
    everybody = sorted(OLD | NEW)
    groups = [
        set(ids) for n in range(5) for ids in combinations(everybody, n)
    ]
    joint = [
        ids
        for ids in groups
        if both.vote_result(dict.fromkeys(ids, True)) is VoteWon
    ]
    old = [ids for ids in groups if len(ids & OLD) >= 2]
    new = [ids for ids in groups if len(ids & NEW) >= 2]
    for ids in joint:
        assert all(ids & other for other in (*joint, *old, *new))


def test_an_entry_needs_both_majorities(r: Raft) -> None:
    """Nodes 1 and 3 are most of the old voters, and not of the new."""
    r.apply_conf_change(swap())
    propose(r, b"x")
    take_messages(r)
    r.step(ack(3, 2))
    assert r.raft_log.committed == 1
    r.step(ack(4, 2))
    assert r.raft_log.committed == 2


# -- proposed


def test_a_change_is_in_force_when_it_is_applied(
    r: Raft, disk: MemoryStorage
) -> None:
    """Neither when it is appended nor when it is committed."""
    bring(r, swap())
    assert str(r.trk.config) == "voters=(1 2 3)"
    take_messages(r)
    r.step(ack(2, 2))
    assert r.raft_log.committed == 2
    assert str(r.trk.config) == "voters=(1 2 3)"
    store_and_apply(r, disk)
    r.apply_conf_change(swap())
    assert str(r.trk.config) == "voters=(1 2 4)&&(1 2 3)"


def test_a_second_change_waits_until_the_first_is_applied(
    r: Raft, disk: MemoryStorage
) -> None:
    bring(r, change("v4"))
    take_messages(r)
    r.step(ack(2, 2))
    assert r.raft_log.committed == 2
    bring(r, change("v5"))
    assert last_type(r) is pb.EntryNormal, "committed is not enough"
    store_and_apply(r, disk)
    r.apply_conf_change(change("v4"))
    bring(r, change("v5"))
    assert last_type(r) is pb.EntryConfChangeV2


def test_of_two_changes_in_one_proposal_only_the_first_goes_in(
    r: Raft,
) -> None:
    bring(r, change("v4"), change("v5"))
    kinds_of = [e.type for e in r.raft_log.all_entries()[-2:]]
    assert kinds_of == [pb.EntryConfChangeV2, pb.EntryNormal]


def test_a_change_that_was_dropped_leaves_its_mark(
    r: Raft, disk: MemoryStorage
) -> None:
    """The next entry takes its place, and lifts the bar when applied."""
    r.max_uncommitted_size = 1
    propose(r, b"x")
    with pytest.raises(ProposalDropped):
        bring(r, change("v4"))
    assert (r.pending_conf_index, r.raft_log.last_index()) == (3, 2)
    propose(r, None)
    take_messages(r)
    r.step(ack(2, 3))
    store_and_apply(r, disk)
    r.max_uncommitted_size = 1 << 20
    bring(r, change("v4"))
    assert last_type(r) is pb.EntryConfChangeV2


def test_one_joint_configuration_at_a_time(r: Raft) -> None:
    r.apply_conf_change(swap())
    bring(r, change("v5"))
    assert last_type(r) is pb.EntryNormal
    bring(r, None)
    assert last_type(r) is pb.EntryConfChangeV2


def test_there_must_be_something_to_leave(r: Raft) -> None:
    bring(r, None)
    assert last_type(r) is pb.EntryNormal


def test_an_empty_change_that_is_explicit_passes_and_panics(r: Raft) -> None:
    """Whoever proposes it stops every node that applies it."""
    r.apply_conf_change(swap())
    empty = pb.ConfChangeV2(transition=EXPLICIT)
    bring(r, empty)
    assert last_type(r) is pb.EntryConfChangeV2
    with pytest.raises(RaftPanic, match="config is already joint"):
        r.apply_conf_change(empty)


def test_a_change_that_cannot_be_passes_and_panics(r: Raft) -> None:
    """What is looked at when it is proposed is the moment, not the change."""
    gone = change("r1 r2 r3")
    bring(r, gone)
    assert last_type(r) is pb.EntryConfChangeV2
    with pytest.raises(RaftPanic, match="removed all voters"):
        r.apply_conf_change(gone)


# -- two changes behind


def five() -> dict[int, Raft]:
    """Returns five nodes, of which 1 and 3 have two changes to apply yet.

    Entries 1 and 2 have made 4 and 5 voters; both are committed.
    """
    nodes = {}
    for id in range(1, 6):
        disk = storage((1, 2, 3), terms=(1, 1), term=1, commit=2)
        disk.append([
            pb.Entry(pb.EntryConfChangeV2, 1, n, change(f"v{n + 3}").marshal())
            for n in (1, 2)
        ])  # fmt: skip
        nodes[id] = node(id, disk)
        if id not in (1, 3):
            for n in (1, 2):
                nodes[id].apply_conf_change(change(f"v{n + 3}"))
            nodes[id].raft_log.applied_to(2, 0)
    return nodes


def elect(nodes: dict[int, Raft], id: int, voters: set[int]) -> None:
    """Delivers what a candidate asks of `voters`, and their answers."""
    for m in take_messages(nodes[id]):
        if m.to in voters:
            nodes[m.to].step(m)
            for answer in take_messages(nodes[m.to]):
                if answer.to == id:
                    nodes[id].step(answer)


def test_who_has_changes_to_apply_does_not_stand() -> None:
    """It would count by a configuration that is two changes old."""
    nodes = five()
    nodes[3].hup(CampaignType.Election)
    assert nodes[3].state is StateFollower


def test_without_that_guard_a_term_can_have_two_leaders() -> None:
    nodes = five()
    nodes[2].hup(CampaignType.Election)
    elect(nodes, 2, {4, 5})
    nodes[3].campaign(CampaignType.Election)  # past the guard
    elect(nodes, 3, {1})
    assert [nodes[id].state for id in (2, 3)] == [StateLeader] * 2
    assert nodes[2].term == nodes[3].term


# -- in force


def test_a_newcomer_is_sent_something_at_once(r: Raft) -> None:
    r.apply_conf_change(change("v4"))
    msgs = take_messages(r)
    assert [(m.to, m.type, m.index) for m in msgs] == [(4, pb.MsgApp, 0)]


def test_a_smaller_quorum_may_commit_at_once(r: Raft) -> None:
    """Voters 1 and 2 have it of four: not enough. Of three, it is."""
    r.apply_conf_change(change("v4"))
    propose(r, b"x")
    take_messages(r)
    r.step(ack(2, 2))
    assert r.raft_log.committed == 1
    r.apply_conf_change(change("r4"))
    assert r.raft_log.committed == 2
    commits = [(m.to, m.commit) for m in take_messages(r)]
    assert commits == [(2, 2), (3, 2)], "and the others are told"


def test_a_leader_that_is_removed_leads_on(r: Raft) -> None:
    """It beats, and takes nothing: the cluster is stuck."""
    r.apply_conf_change(change("r1"))
    assert r.state is StateLeader
    r.step(pb.Message(type=pb.MsgBeat, from_=1))
    assert kinds(take_messages(r)) == [pb.MsgHeartbeat] * 2
    assert dropped(r, b"x")


def test_a_leader_that_is_removed_may_step_down(r: Raft) -> None:
    r.step_down_on_removal = True
    r.apply_conf_change(change("r1"))
    assert r.state is StateFollower


def test_a_leader_may_become_a_learner(r: Raft) -> None:
    r.apply_conf_change(change("l1"))
    assert (r.is_learner, r.state) == (True, StateLeader)


# -- who was removed and does not know


@pytest.mark.parametrize("check_quorum", [False, True])
def test_a_removed_node_is_turned_away_by_the_lease(
    check_quorum: bool,
) -> None:
    """Its log is as good as anybody's; only the leader's word helps."""
    n = node(
        2,
        storage((1, 2, 4), terms=(1, 1), term=1),
        check_quorum=check_quorum,
    )
    n.step(pb.Message(type=pb.MsgHeartbeat, from_=1, to=2, term=1))
    take_messages(n)
    n.step(
        pb.Message(
            type=pb.MsgVote, from_=3, to=2, term=2, index=2, log_term=1
        )
    )
    assert n.vote == (0 if check_quorum else 3)
