"""What the chapter *Handing over* says, asked of the port.

The notes of `book/pages/transfer.md` cite these tests.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.logger import discard_logger
from port.raft import (
    ReadOnlyLeaseBased,
    StateCandidate,
    StateFollower,
    StateLeader,
)
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    Options,
    ack,
    dropped,
    kinds,
    leader,
    node,
    storage,
    take_messages,
    tick,
)

CHECKED: Options = {"check_quorum": True, "pre_vote": True}


def transfer(to: int) -> pb.Message:
    """Returns the wish that node 1 hand over to another."""
    return pb.Message(type=pb.MsgTransferLeader, from_=to, to=1)


def led(**options: object) -> Network:
    """Returns three nodes, of which 1 leads."""
    net = cluster(3, **options)  # type: ignore[arg-type]
    net.campaign(1)
    return net


def warned(net: Network, id: int) -> list[str]:
    """Returns a list that a node's debug lines will be written to."""
    lines: list[str] = []

    class Ear:
        def __getattr__(self, name: str) -> object:
            if name == "debug":
                return lambda text, *args: lines.append(text % args)
            return getattr(discard_logger, name)

    net[id].logger = Ear()  # type: ignore[assignment]
    return lines


# -- the leader's side


def test_the_one_that_has_everything_is_told_at_once() -> None:
    r = led()[1]
    r.step(transfer(2))
    assert kinds(take_messages(r)) == [pb.MsgTimeoutNow]


def test_the_one_that_lags_is_told_when_it_has_caught_up() -> None:
    net = led()
    net.isolate(2)
    net.propose(1, b"x")
    r = net[1]
    r.step(transfer(2))
    assert pb.MsgTimeoutNow not in kinds(take_messages(r))
    r.step(ack(2, 2, term=1))
    assert kinds(take_messages(r))[-1] is pb.MsgTimeoutNow


def test_no_pre_vote_comes_before_a_handover() -> None:
    net = led(**CHECKED)
    seen: list[pb.MessageType | None] = []
    net.passes = lambda m: seen.append(m.type) or True
    net.transfer(2, asked=1)
    assert net[2].state is StateLeader
    assert pb.MsgVote in seen
    assert pb.MsgPreVote not in seen


def test_the_log_line_names_the_wrong_node() -> None:
    """It says that the leader is a learner."""
    r = leader(1, storage((1, 2), learners=(3,)))
    net = Network([r])
    lines = warned(net, 1)
    r.step(transfer(3))
    assert lines == ["1 is learner. Ignored transferring leadership"]
    assert r.lead_transferee == 0


def test_a_handover_puts_off_the_check_of_the_quorum() -> None:
    """A wish every few ticks, and a leader that is alone leads on."""
    r = led(check_quorum=True)[1]
    for wish in range(20):
        r.step(transfer(2 + wish % 2))
        tick(r, 9)
    assert r.state is StateLeader
    tick(r, 20)
    assert r.state is StateFollower


def test_a_lease_does_not_know_of_a_handover() -> None:
    """Two leaders, and the old one answers a read without the new write."""
    net = led(check_quorum=True, read_only_option=ReadOnlyLeaseBased)
    # Node 1 hears nothing any more, and says one thing.
    net.passes = lambda m: m.to != 1 and (
        m.from_ != 1 or m.type is pb.MsgTimeoutNow
    )
    net.transfer(2, asked=1)
    assert net[2].state is StateLeader
    net.propose(2, b"new")
    assert net[2].raft_log.committed == 3
    old = net[1]
    assert (old.state, old.lead_transferee) == (StateLeader, 2)
    net.read(1, b"color?")
    assert [s.index for s in old.read_states] == [1]


def test_a_word_that_comes_late_costs_an_election() -> None:
    """The leader had given up on it, and steps down for it all the same."""
    net = led()
    net.ignore(pb.MsgTimeoutNow)
    net.transfer(2, asked=1)
    tick(net[1], 10)
    assert net[1].lead_transferee == 0
    assert not dropped(net[1], b"x")
    net.flush(1)
    net.heal()
    net.send(pb.Message(type=pb.MsgTimeoutNow, from_=1, to=2, term=1))
    assert net.states() == {
        1: StateFollower, 2: StateLeader, 3: StateFollower,
    }  # fmt: skip


def test_a_word_of_an_earlier_term_is_nothing() -> None:
    r = node(2, storage((1, 2, 3), term=5))
    r.step(pb.Message(type=pb.MsgTimeoutNow, from_=1, to=2, term=4))
    assert r.state is StateFollower


# -- the other side


def test_who_stands_already_needs_no_telling() -> None:
    r = node(2, storage(term=1))
    r.become_candidate()
    r.step(pb.Message(type=pb.MsgTimeoutNow, from_=1, to=2, term=2))
    assert (r.state, r.term) == (StateCandidate, 2)


def test_a_learner_does_not_take_over() -> None:
    r = node(3, storage((1, 2), learners=(3,), term=1))
    r.step(pb.Message(type=pb.MsgTimeoutNow, from_=1, to=3, term=1))
    assert r.state is StateFollower
    assert take_messages(r) == []


@pytest.mark.parametrize("lead", [0, 1])
def test_a_wish_is_passed_on_or_dropped(lead: int) -> None:
    r = node(2, storage(term=1))
    r.become_follower(1, lead)
    r.step(pb.Message(type=pb.MsgTransferLeader, from_=3, to=2))
    sent = [(m.from_, m.to) for m in take_messages(r)]
    assert sent == ([(3, 1)] if lead else [])


# -- forgetting


def test_who_has_forgotten_may_vote() -> None:
    """With both options on, a follower that hears its leader does not."""
    for forget in (False, True):
        r = node(2, storage(term=1), **CHECKED)
        r.step(pb.Message(type=pb.MsgHeartbeat, from_=1, to=2, term=1))
        take_messages(r)
        if forget:
            r.step(pb.Message(type=pb.MsgForgetLeader))
        r.step(pb.Message(type=pb.MsgPreVote, from_=3, to=2, term=2))
        granted = [m for m in take_messages(r) if not m.reject]
        assert bool(granted) is forget


def test_one_who_forgets_deposes_nobody() -> None:
    """Node 3 asks; 2 would vote for it only if it has forgotten as well."""
    net = led(**CHECKED)
    net[3].step(pb.Message(type=pb.MsgForgetLeader))
    net.campaign(3)
    assert (net[1].state, net[1].term) == (StateLeader, 1)
    net[2].step(pb.Message(type=pb.MsgForgetLeader))
    net.campaign(3)
    assert net[3].state is StateLeader


def test_the_leader_is_remembered_when_it_speaks() -> None:
    r = node(2, storage(term=1))
    r.become_follower(1, 1)
    r.step(pb.Message(type=pb.MsgForgetLeader))
    assert r.lead == 0
    assert dropped(r, b"x")
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=1, to=2, term=1))
    assert r.lead == 1


def test_a_lease_may_not_be_forgotten() -> None:
    r = node(
        2,
        storage(term=1),
        check_quorum=True,
        read_only_option=ReadOnlyLeaseBased,
    )
    r.become_follower(1, 1)
    r.step(pb.Message(type=pb.MsgForgetLeader))
    assert r.lead == 1


def test_a_leader_does_not_forget_itself() -> None:
    r = leader(1)
    r.step(pb.Message(type=pb.MsgForgetLeader))
    assert (r.state, r.lead) == (StateLeader, 1)
