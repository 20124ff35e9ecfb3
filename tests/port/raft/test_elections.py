"""Who becomes leader, and who votes for whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from port import raftpb as pb
from port.errors import RaftPanic
from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
    StateType,
)
from port.util import vote_resp_msg_type
from tests.port.raft.network import Network, cluster
from tests.port.raft.nodes import (
    assume,
    deliver,
    hup,
    log_of,
    make_leader,
    node,
    propose,
    storage,
    stored,
    take_after_append,
    take_message,
    tick,
)

FIVE = (1, 2, 3, 4, 5)

# -- campaigns


ELECTIONS = [
    pytest.param(3, (), True, id="all of three"),
    pytest.param(3, (3,), True, id="two of three"),
    pytest.param(3, (2, 3), False, id="one of three"),
    pytest.param(4, (2, 3), False, id="two of four"),
    pytest.param(5, (2, 3), True, id="three of five"),
]


@pytest.mark.parametrize(("size", "dead", "wins"), ELECTIONS)
def test_leader_election(
    size: int, dead: tuple[int, ...], wins: bool
) -> None:
    net = cluster(size, dead=dead)
    net.campaign(1)
    assert net[1].state is (StateLeader if wins else StateCandidate)
    assert net[1].term == 1


@pytest.mark.parametrize(("size", "dead", "wins"), ELECTIONS)
def test_leader_election_pre_vote(
    size: int, dead: tuple[int, ...], wins: bool
) -> None:
    """Whoever cannot win the pre-vote does not open a term."""
    net = cluster(size, dead=dead, pre_vote=True)
    net.campaign(1)
    if wins:
        assert (net[1].state, net[1].term) == (StateLeader, 1)
    else:
        assert (net[1].state, net[1].term) == (StatePreCandidate, 0)


@pytest.mark.parametrize("pre_vote", [False, True])
def test_leader_election_against_longer_logs(pre_vote: bool) -> None:
    """Three of five have more in their logs, and say so in the same term."""
    logs = [(), (1,), (1,), (1, 1), ()]
    net = Network(
        node(
            id,
            storage(FIVE, terms=terms, term=1 if terms else 0),
            pre_vote=pre_vote,
        )
        for id, terms in enumerate(logs, 1)
    )
    net.campaign(1)
    assert (net[1].state, net[1].term) == (StateFollower, 1)


def check_leader_cycle(pre_vote: bool) -> None:
    net = cluster(3, pre_vote=pre_vote)
    for candidate in net.nodes:
        net.campaign(candidate)
        assert net.states() == {
            id: StateLeader if id == candidate else StateFollower
            for id in net.nodes
        }, f"after node {candidate} campaigned"


def test_leader_cycle() -> None:
    """Each node can win in turn, not only from a clean slate."""
    check_leader_cycle(pre_vote=False)


def test_leader_cycle_pre_vote() -> None:
    check_leader_cycle(pre_vote=True)


def check_newer_logs_are_overwritten(pre_vote: bool) -> None:
    # Node 1 led term 1, and only node 2 got its entry; then node 3 led term
    # 2, by the votes of 4 and 5, and nobody got its entry.
    net = Network([
        node(1, storage(FIVE, terms=(1,), term=1), pre_vote=pre_vote),
        node(2, storage(FIVE, terms=(1,), term=1), pre_vote=pre_vote),
        node(3, storage(FIVE, terms=(2,), term=2), pre_vote=pre_vote),
        node(4, storage(FIVE, term=2, vote=3), pre_vote=pre_vote),
        node(5, storage(FIVE, term=2, vote=3), pre_vote=pre_vote),
    ])  # fmt: skip

    net.campaign(1)
    assert (net[1].state, net[1].term) == (StateFollower, 2), (
        "a quorum knows that term 2 has had its election"
    )

    net.campaign(1)
    assert (net[1].state, net[1].term) == (StateLeader, 3)
    agreed = [(1, 1, b""), (2, 3, b"")]
    assert net.logs() == dict.fromkeys(FIVE, agreed), (
        "the leader's older entry must replace node 3's newer one"
    )


def test_leader_election_overwrite_newer_logs() -> None:
    """The winner may hold older entries than a loser, whose are lost then."""
    check_newer_logs_are_overwritten(pre_vote=False)


def test_leader_election_overwrite_newer_logs_pre_vote() -> None:
    check_newer_logs_are_overwritten(pre_vote=True)


def test_single_node_candidate() -> None:
    net = cluster(1)
    net.campaign(1)
    assert net[1].state is StateLeader


def test_dueling_candidates() -> None:
    """A candidate that cannot win still ends its rival's term."""
    net = cluster(3)
    net.cut(1, 3)
    net.campaign(1)
    net.campaign(3)
    assert net[1].state is StateLeader, "node 2 has voted for it"
    assert net[3].state is StateCandidate, "one vote, one refusal"

    net.heal()
    net.campaign(3)
    assert net.states() == dict.fromkeys((1, 2, 3), StateFollower), (
        "node 3's term is the highest, and its log too short to win in it"
    )
    assert net.terms() == {1: 2, 2: 2, 3: 2}
    last = {id: r.raft_log.last_index() for id, r in net.nodes.items()}
    assert last == {1: 1, 2: 1, 3: 0}


def test_candidate_concede() -> None:
    """A candidate gives way to the leader of its own term."""
    net = cluster(3)
    net.isolate(1)
    net.campaign(1)
    net.campaign(3)
    net.heal()
    net.beat(3)
    net.propose(3, b"follow me")
    net.beat(3)
    assert (net[1].state, net[1].term) == (StateFollower, 1)
    log = [(1, 1, b""), (2, 1, b"follow me")]
    assert net.logs() == {1: log, 2: log, 3: log}


def check_campaign_while_leader(pre_vote: bool) -> None:
    r = node(1, storage((1,)), pre_vote=pre_vote)
    assert r.state is StateFollower
    r.step(hup(1))
    stored(r)
    assert r.state is StateLeader
    term = r.term
    r.step(hup(1))
    stored(r)
    assert (r.state, r.term) == (StateLeader, term), (
        "a leader has nothing to win"
    )


def test_campaign_while_leader() -> None:
    check_campaign_while_leader(pre_vote=False)


def test_pre_campaign_while_leader() -> None:
    check_campaign_while_leader(pre_vote=True)


@pytest.mark.parametrize(
    ("voters", "may_lead"),
    [
        pytest.param((1,), True, id="alone"),
        pytest.param((1, 2, 3), True, id="one of three"),
        pytest.param((), False, id="no voters at all"),
        pytest.param((2, 3), False, id="not a voter"),
    ],
)
def test_promotable(voters: tuple[int, ...], may_lead: bool) -> None:
    assert node(1, storage(voters)).promotable() is may_lead


# -- votes


@pytest.mark.parametrize("state", StateType, ids=str)
def test_vote_from_any_state(state: StateType) -> None:
    """A candidate of a newer term with a newer log gets any node's vote."""
    r = node(1, storage(term=1))
    assume(r, state, lead=3)
    term = r.term + 1
    r.step(
        pb.Message(
            type=pb.MsgVote, from_=2, to=1, term=term, log_term=term, index=42
        )
    )
    answer = take_message(r)
    assert (answer.type, answer.reject) == (pb.MsgVoteResp, None)
    assert (r.state, r.term, r.vote) == (StateFollower, term, 2)


@pytest.mark.parametrize("state", StateType, ids=str)
def test_pre_vote_from_any_state(state: StateType) -> None:
    """A pre-vote is granted as readily, and changes nothing."""
    r = node(1, storage(term=1))
    assume(r, state, lead=3)
    before = (r.state, r.term, r.vote, r.lead)
    term = r.term + 1
    r.step(
        pb.Message(
            type=pb.MsgPreVote, from_=2, to=1, term=term, log_term=term,
            index=42,
        )
    )  # fmt: skip
    answer = take_message(r)
    assert (answer.type, answer.reject) == (pb.MsgPreVoteResp, None)
    assert (r.state, r.term, r.vote, r.lead) == before
    assert r.vote in (0, 1), "it voted for nobody, or for itself"


# The node's log ends with entry 2 of term 2. A vote for 0 is none.
VOTES = [
    *(
        (StateFollower, index, log_term, 0, granted)
        for index in (0, 1)
        for log_term, granted in enumerate((False, False, False, True))
    ),
    *(
        (StateFollower, index, log_term, 0, granted)
        for index in (2, 3)
        for log_term, granted in enumerate((False, False, True, True))
    ),
    (StateFollower, 3, 2, 2, True),
    (StateFollower, 3, 2, 1, False),
    (StateLeader, 3, 3, 1, False),
    (StatePreCandidate, 3, 3, 1, False),
    (StateCandidate, 3, 3, 1, False),
]


def check_vote(
    kind: pb.MessageType,
    state: StateType,
    index: int,
    log_term: int,
    voted_for: int,
    granted: bool,
) -> None:
    """Node 2 asks for a vote, in the very term of the node that it asks."""
    term = max(2, log_term)
    if state in (StateCandidate, StateLeader):
        # Standing for election opens the term, and takes the vote with it.
        r = node(1, storage((1,), terms=(2, 2), term=term - 1))
    else:
        r = node(1, storage((1,), terms=(2, 2), term=term, vote=voted_for))
    assume(r, state)
    assert (r.term, r.vote) == (term, voted_for), "as the table has it"

    r.step(
        pb.Message(
            type=kind, from_=2, to=1, term=term, index=index,
            log_term=log_term,
        )
    )  # fmt: skip
    answer = take_message(r)
    assert answer.type is vote_resp_msg_type(kind)
    assert (not answer.reject) is granted


@pytest.mark.parametrize(
    ("state", "index", "log_term", "voted_for", "granted"), VOTES
)
def test_recv_msg_vote(
    state: StateType, index: int, log_term: int, voted_for: int, granted: bool
) -> None:
    """A vote needs a log that is no older, and to be still free."""
    check_vote(pb.MsgVote, state, index, log_term, voted_for, granted)


@pytest.mark.parametrize(
    ("state", "index", "log_term", "voted_for", "granted"), VOTES
)
def test_recv_msg_pre_vote(
    state: StateType, index: int, log_term: int, voted_for: int, granted: bool
) -> None:
    check_vote(pb.MsgPreVote, state, index, log_term, voted_for, granted)


# -- what a node told itself, and hears too late


def check_late_self_vote(pre_vote: bool) -> None:
    r = node(1, pre_vote=pre_vote)
    r.step(hup(1))
    own_vote = take_after_append(r)
    assert [m.to for m in own_vote] == [1]
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=r.term))
    assert r.state is StateFollower, "node 2 has won meanwhile"

    deliver(r, own_vote)
    assert r.state is StateFollower
    granted, _, _ = r.trk.tally_votes()
    assert granted == 0


def test_candidate_self_vote_after_lost_election() -> None:
    """A node's vote for itself counts only while it is a candidate."""
    check_late_self_vote(pre_vote=False)


def test_candidate_self_vote_after_lost_election_pre_vote() -> None:
    check_late_self_vote(pre_vote=True)


def test_candidate_delivers_pre_candidate_self_vote_after_becoming_candidate(
) -> None:
    """A yes to the pre-vote is no vote in the election that follows."""
    r = node(1, pre_vote=True)
    r.step(hup(1))
    assert r.state is StatePreCandidate
    own_pre_vote = take_after_append(r)
    for peer in (2, 3):
        r.step(
            pb.Message(
                type=pb.MsgPreVoteResp, from_=peer, to=1, term=r.term + 1
            )
        )
        # The second finds a candidate already, and is passed over.
    assert r.state is StateCandidate

    deliver(r, own_pre_vote)
    assert r.state is StateCandidate
    own_vote = take_after_append(r)
    granted, _, _ = r.trk.tally_votes()
    assert granted == 0

    r.step(pb.Message(type=pb.MsgVoteResp, from_=2, to=1, term=r.term))
    assert r.state is StateCandidate, "one vote of three"
    deliver(r, own_vote)
    assert r.state is StateLeader, "its own makes two"


def test_leader_msg_app_self_ack_after_term_change() -> None:
    """What a deposed leader has stored meanwhile counts for nobody."""
    r = node(1)
    make_leader(r)
    propose(r, b"somedata")
    own_ack = take_after_append(r)
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=r.term + 1))
    assert r.state is StateFollower

    deliver(r, own_ack)
    assert r.state is StateFollower
    assert r.raft_log.committed == 0


# -- when it is time


class EachInTurn:
    """Draws every number below ten, one after the other."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = iter(range(10))

    def intn(self, n: int) -> int:
        """Returns the next number; only a choice of ten will do."""
        assert n == 10, "timeouts lie within one election timeout"
        return next(self._numbers, 0)


@pytest.mark.parametrize(
    ("elapsed", "share"),
    [(5, 0), (10, 0.1), (13, 0.4), (15, 0.6), (18, 0.9), (20, 1)],
)
def test_past_election_timeout(elapsed: int, share: float) -> None:
    """Timeouts are spread evenly, from one election timeout up to two.

    Every draw that there can be is tried, so the share of those that lie
    within the time that has elapsed is exact.
    """
    r = node(1, storage((1,)))
    r._rand = EachInTurn()
    r.election_elapsed = elapsed
    past = 0
    for _ in range(10):
        r.reset_randomized_election_timeout()
        past += r.past_election_timeout()
    assert past / 10 == share


# -- what a newer term, or its leader, does to a role


@pytest.mark.parametrize(
    ("state", "log"),
    [
        (StateFollower, []),
        (StatePreCandidate, []),
        (StateCandidate, []),
        pytest.param(
            StateLeader, [(1, 2, b"")], id="StateLeader-with its first entry"
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("kinds", "lead"),
    [
        pytest.param([pb.MsgVote], 0, id="a vote request"),
        pytest.param([pb.MsgApp], 2, id="an append"),
        pytest.param([pb.MsgVote, pb.MsgApp], 2, id="one after the other"),
    ],
)
def test_all_server_stepdown(
    state: StateType,
    log: list[tuple[int, int, bytes]],
    kinds: list[pb.MessageType],
    lead: int,
) -> None:
    """A message of a newer term makes a follower of every node.

    Only an append tells who leads that term.
    """
    r = node(1, storage(term=1))
    assume(r, state)
    for kind in kinds:
        r.step(pb.Message(type=kind, from_=2, term=3, log_term=3))
    assert (r.state, r.term, r.lead) == (StateFollower, 3, lead)
    assert log_of(r) == log


def check_candidate_follows(kind: pb.MessageType) -> None:
    net = cluster(3)
    net.campaign(1)
    assert net.states() == {
        1: StateLeader, 2: StateFollower, 3: StateFollower,
    }  # fmt: skip
    net.isolate(3)
    net.campaign(2)
    net.campaign(1)
    assert (net[1].state, net[2].state) == (StateLeader, StateFollower)

    tick(net[3], net[3].randomized_election_timeout)
    stored(net[3])
    assert net[3].state is StateCandidate
    assert net[3].term < net[1].term

    net.heal()
    net.send(pb.Message(type=kind, from_=1, to=3, term=net[1].term))
    assert (net[3].state, net[3].term) == (StateFollower, net[1].term)


def test_candidate_reset_term_msg_heartbeat() -> None:
    """A candidate follows the leader of a newer term into that term."""
    check_candidate_follows(pb.MsgHeartbeat)


def test_candidate_reset_term_msg_app() -> None:
    check_candidate_follows(pb.MsgApp)


def test_step_ignore_old_term_msg() -> None:
    """A message of a term gone by never gets as far as the role."""
    seen: list[pb.Message] = []
    r = node(1, storage((1,), term=2))
    r._step = lambda _, m: seen.append(m)
    r.step(pb.Message(type=pb.MsgApp, term=1))
    assert seen == []


# -- from role to role

# By how much the term rises, and who leads then.
LEGAL = [
    (StateFollower, StateFollower, 1, 0),
    (StateFollower, StatePreCandidate, 0, 0),
    (StateFollower, StateCandidate, 1, 0),
    (StatePreCandidate, StateFollower, 0, 0),
    (StatePreCandidate, StatePreCandidate, 0, 0),
    (StatePreCandidate, StateCandidate, 1, 0),
    (StatePreCandidate, StateLeader, 0, 1),
    (StateCandidate, StateFollower, 0, 0),
    (StateCandidate, StatePreCandidate, 0, 0),
    (StateCandidate, StateCandidate, 1, 0),
    (StateCandidate, StateLeader, 0, 1),
    (StateLeader, StateFollower, 1, 0),
    (StateLeader, StateLeader, 0, 1),
]
ILLEGAL = [
    (StateFollower, StateLeader),
    (StateLeader, StatePreCandidate),
    (StateLeader, StateCandidate),
]


def become(r: Raft, state: StateType, term: int) -> None:
    """Changes the role; only a follower is told its term."""
    if state is StateFollower:
        r.become_follower(term, 0)
    elif state is StatePreCandidate:
        r.become_pre_candidate()
    elif state is StateCandidate:
        r.become_candidate()
    else:
        r.become_leader()


@pytest.mark.parametrize(("start", "end", "rise", "lead"), LEGAL, ids=str)
def test_state_transition(
    start: StateType, end: StateType, rise: int, lead: int
) -> None:
    r = node(1, storage((1,)))
    assume(r, start)
    term = r.term + rise
    become(r, end, term)
    assert (r.state, r.term, r.lead) == (end, term, lead)


@pytest.mark.parametrize(("start", "end"), ILLEGAL, ids=str)
def test_state_transition_refused(start: StateType, end: StateType) -> None:
    """Nobody leads unelected, and a leader stands for no election."""
    r = node(1, storage((1,)))
    assume(r, start)
    with pytest.raises(RaftPanic, match="invalid transition"):
        become(r, end, r.term)
