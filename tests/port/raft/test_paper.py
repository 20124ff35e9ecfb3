"""Sentences of the Raft paper, held against one node at a time.

"In Search of an Understandable Consensus Algorithm", by Diego Ongaro and John
Ousterhout, the extended version. Each test names the section that it is from.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from port import raftpb as pb
from port.raft import (
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StateType,
)
from port.storage import MemoryStorage
from tests.port.raft.network import Network
from tests.port.raft.nodes import (
    SeededRand,
    ack,
    assume,
    entries,
    hup,
    leader,
    log_of,
    node,
    propose,
    storage,
    store_and_apply,
    stored,
    take_after_append,
    take_message,
    take_messages,
    tick,
)

# An election timeout of T ticks is drawn from T up to 2T - 1.
TIMEOUT = 10


def members(size: int) -> range:
    return range(1, size + 1)


def app(
    term: int,
    ents: Sequence[pb.Entry] = (),
    *,
    after: int = 0,
    after_term: int = 0,
    commit: int = 0,
) -> pb.Message:
    """Returns an append to node 1 by node 2, the leader of a term.

    Args:
        term: The leader's.
        ents: What is to be appended,
        after: and the index and
        after_term: the term of the entry before it.
        commit: The leader's commit index.
    """
    return pb.Message(
        type=pb.MsgApp, from_=2, to=1, term=term, index=after,
        log_term=after_term, entries=list(ents), commit=commit,
    )  # fmt: skip


def accepted(m: pb.Message) -> pb.Message:
    """Returns a follower's answer to an append that it could make."""
    assert m.type is pb.MsgApp, f"only an append is accepted, not {m}"
    index = (m.index or 0) + len(m.entries)
    return ack(m.to or 0, index, m.term or 0)


def established_leader(size: int = 3) -> tuple[Raft, MemoryStorage]:
    """Returns the leader of term 1, whose first entry all have applied."""
    store = storage(members(size))
    r = leader(1, store)
    r.bcast_append()
    for m in take_messages(r):
        r.step(accepted(m))
    store_and_apply(r, store)
    take_messages(r)  # these only tell the commit index
    return r, store


def unstable(r: Raft) -> list[tuple[int, int]]:
    """Returns index and term of the entries that are still to be stored."""
    return [
        (e.index or 0, e.term or 0)
        for e in r.raft_log.next_unstable_ents()
    ]


def to_apply(r: Raft) -> list[tuple[int, int, bytes]]:
    """Returns the entries that are ready to be applied."""
    return [
        (e.index or 0, e.term or 0, e.data or b"")
        for e in r.raft_log.next_committed_ents(True)
    ]


# -- 5.1: terms


def check_a_newer_term_makes_a_follower(state: StateType) -> None:
    r = node()
    if state is StateFollower:
        r.become_follower(1, lead=3)
    else:
        assume(r, state)
    assert r.term == 1
    r.step(app(term=2))
    assert (r.state, r.term, r.lead) == (StateFollower, 2, 2)


def test_follower_update_term_from_message() -> None:
    """5.1: of two terms the larger one holds, for both who exchange them."""
    check_a_newer_term_makes_a_follower(StateFollower)


def test_candidate_update_term_from_message() -> None:
    """5.1: a candidate whose term is out of date gives up at once."""
    check_a_newer_term_makes_a_follower(StateCandidate)


def test_leader_update_term_from_message() -> None:
    """5.1: a leader whose term is out of date gives up at once."""
    check_a_newer_term_makes_a_follower(StateLeader)


def test_reject_stale_term_message() -> None:
    """5.1: a request with a stale term is refused.

    Here it is ignored, which comes to the same: nothing is done about it.
    """
    r = node(1, storage(term=2))
    reached = []
    r._step = lambda r, m: reached.append(m.term)
    r.step(app(term=1))
    assert reached == [], "a message of term 1 reached a node of term 2"
    assert take_messages(r) == []
    r.step(app(term=2))
    assert reached == [2], "one of the present term must get through"


# -- 5.2: elections


def test_start_as_follower() -> None:
    """5.2: servers begin as followers."""
    assert node().state is StateFollower


@pytest.mark.parametrize("interval", [1, 3])
def test_leader_bcast_beat(interval: int) -> None:
    """5.2: a leader sends heartbeats to all, with no entries in them."""
    r = leader(heartbeat_tick=interval)
    assert r.append_entry(entries(1, *[0] * 10)), "could not append"
    tick(r, interval - 1)
    assert take_messages(r) == [], "it is not time yet"
    tick(r, 1)
    assert take_messages(r) == [
        pb.Message(type=pb.MsgHeartbeat, from_=1, to=to, term=1, commit=0)
        for to in (2, 3)
    ]


def check_an_election_is_started(r: Raft) -> None:
    """Lets the longest timeout pass for a node of term 1."""
    tick(r, 2 * TIMEOUT - 1)
    requests = take_messages(r)
    assert (r.state, r.term) == (StateCandidate, 2)
    assert r.trk.votes == {1: True}, "it must have voted for itself"
    assert requests == [
        pb.Message(
            type=pb.MsgVote, from_=1, to=to, term=2, index=0, log_term=0
        )
        for to in (2, 3)
    ]


def test_follower_start_election() -> None:
    """5.2: a follower that hears nothing for long stands for election.

    It opens a new term, votes for itself, and asks all others.
    """
    r = node(election_tick=TIMEOUT)
    r.become_follower(1, lead=2)
    check_an_election_is_started(r)


def test_candidate_start_new_election() -> None:
    """5.2: a candidate that gets no majority in time tries again."""
    r = node(election_tick=TIMEOUT)
    r.become_candidate()
    check_an_election_is_started(r)


@pytest.mark.parametrize(
    ("size", "granted", "refused", "state"),
    [
        pytest.param(1, "", "", StateLeader, id="alone"),
        pytest.param(3, "23", "", StateLeader, id="all of 3"),
        pytest.param(3, "2", "", StateLeader, id="majority of 3"),
        pytest.param(5, "2345", "", StateLeader, id="all of 5"),
        pytest.param(5, "234", "", StateLeader, id="all but one of 5"),
        pytest.param(5, "23", "", StateLeader, id="majority of 5"),
        pytest.param(3, "", "23", StateFollower, id="refused by 2 of 3"),
        pytest.param(5, "", "2345", StateFollower, id="refused by 4 of 5"),
        pytest.param(5, "2", "345", StateFollower, id="refused by 3 of 5"),
        pytest.param(3, "", "", StateCandidate, id="none of 3 answers"),
        pytest.param(5, "2", "", StateCandidate, id="one of 5 answers"),
        pytest.param(5, "", "23", StateCandidate, id="refused by 2 of 5"),
        pytest.param(5, "", "", StateCandidate, id="none of 5 answers"),
    ],
)
def test_leader_election_in_one_round_rpc(
    size: int, granted: str, refused: str, state: StateType
) -> None:
    """5.2: a round of votes is won, lost, or not decided yet."""
    r = node(1, storage(members(size)))
    r.step(hup(1))
    stored(r)
    for voters, reject in ((granted, False), (refused, True)):
        for id in map(int, voters):
            r.step(
                pb.Message(
                    type=pb.MsgVoteResp, from_=id, to=1, term=r.term,
                    reject=reject,
                )
            )  # fmt: skip
    assert (r.state, r.term) == (state, 1)


@pytest.mark.parametrize(
    ("voted_for", "candidate", "granted"),
    [
        (0, 2, True),
        (0, 3, True),
        (2, 2, True),
        (3, 3, True),
        (2, 3, False),
        (3, 2, False),
    ],
)
def test_follower_vote(voted_for: int, candidate: int, granted: bool) -> None:
    """5.2: one vote a term, for whoever comes first (0: given to nobody)."""
    r = node(1, storage(term=1, vote=voted_for))
    r.step(pb.Message(type=pb.MsgVote, from_=candidate, to=1, term=1))
    assert take_after_append(r) == [
        pb.Message(
            type=pb.MsgVoteResp, from_=1, to=candidate, term=1,
            reject=None if granted else True,
        )
    ]  # fmt: skip
    assert r.vote == (candidate if granted else voted_for)


@pytest.mark.parametrize("term", [1, 2], ids=["same term", "newer term"])
def test_candidate_fallback(term: int) -> None:
    """5.2: a candidate follows whoever leads its term or a newer one."""
    r = node()
    r.step(hup(1))
    assert (r.state, r.term) == (StateCandidate, 1)
    r.step(app(term))
    assert (r.state, r.term, r.lead) == (StateFollower, term, 2)


def begin_anew(r: Raft, state: StateType, lead: int = 0) -> None:
    """Puts a node into a role at the beginning of the next term."""
    if state is StateFollower:
        r.become_follower(r.term + 1, lead)
    else:
        r.become_candidate()


def check_election_timeouts_are_random(state: StateType) -> None:
    r = node(election_tick=TIMEOUT, rand=SeededRand(1))
    waits = set()
    for _ in range(50 * TIMEOUT):
        begin_anew(r, state, lead=2)
        ticks = 0
        while not take_messages(r):
            r.tick()
            ticks += 1
        waits.add(ticks)
    assert waits == set(range(TIMEOUT, 2 * TIMEOUT))


def test_follower_election_timeout_randomized() -> None:
    """5.2: every timeout from a fixed interval comes up, and no other."""
    check_election_timeouts_are_random(StateFollower)


def test_candidate_election_timeout_randomized() -> None:
    """5.2: candidates draw a new timeout for each election as well."""
    check_election_timeouts_are_random(StateCandidate)


def check_timeouts_seldom_conflict(state: StateType) -> None:
    """Counts how often the first of five to time out is not the only one.

    By chance alone that is 23 % of all rounds.
    """
    nodes = [
        node(id, storage(members(5)), election_tick=TIMEOUT)
        for id in members(5)
    ]
    rounds, conflicts = 1000, 0
    for _ in range(rounds):
        for r in nodes:
            begin_anew(r, state)
        timed_out = 0
        while not timed_out:
            for r in nodes:
                r.tick()
                timed_out += bool(take_messages(r))
        conflicts += timed_out > 1
    assert conflicts / rounds <= 0.3


def test_followers_election_timeout_nonconflict() -> None:
    """5.2: in most cases a single server times out, and wins."""
    check_timeouts_seldom_conflict(StateFollower)


def test_candidates_election_timeout_nonconflict() -> None:
    """5.2: after a split vote too, in most cases one is alone at first."""
    check_timeouts_seldom_conflict(StateCandidate)


# -- 5.3: replication


def test_leader_start_replication() -> None:
    """5.3: a leader appends what a client wants, and sends it to all.

    With it go the index and the term of the entry just before.
    """
    r, _ = established_leader()
    last = r.raft_log.last_index()
    propose(r, b"some data")
    sent = take_messages(r)
    assert r.raft_log.last_index() == last + 1
    assert r.raft_log.committed == last, "nobody has it yet"
    assert unstable(r) == [(last + 1, 1)], "it has to be stored, too"
    entry = pb.Entry(index=last + 1, term=1, data=b"some data")
    assert sent == [
        pb.Message(
            type=pb.MsgApp, from_=1, to=to, term=1, index=last, log_term=1,
            entries=[entry], commit=last,
        )
        for to in (2, 3)
    ]  # fmt: skip


def committed_proposal() -> tuple[Raft, int]:
    """Returns a leader that has just committed an entry, and its index."""
    r, _ = established_leader()
    propose(r, b"some data")
    for m in take_messages(r):
        r.step(accepted(m))
    return r, r.raft_log.last_index()


def test_leader_commit_entry() -> None:
    """5.3: what is safely replicated is applied to the state machine."""
    r, index = committed_proposal()
    assert r.raft_log.committed == index
    assert to_apply(r) == [(index, 1, b"some data")]


def test_leader_commit_entry_tells_the_followers() -> None:
    """5.3: later appends carry the commit index, so that all find out."""
    r, index = committed_proposal()
    sent = [(m.type, m.to, m.commit) for m in take_messages(r)]
    assert sent == [(pb.MsgApp, 2, index), (pb.MsgApp, 3, index)]


@pytest.mark.parametrize(
    ("size", "acceptors", "committed"),
    [
        (1, (), True),
        (3, (), False),
        (3, (2,), True),
        (3, (2, 3), True),
        (5, (), False),
        (5, (2,), False),
        (5, (2, 3), True),
        (5, (2, 3, 4), True),
        (5, (2, 3, 4, 5), True),
    ],
)
def test_leader_acknowledge_commit(
    size: int, acceptors: tuple[int, ...], committed: bool
) -> None:
    """5.3: an entry is committed once a majority has stored it."""
    r, _ = established_leader(size)
    last = r.raft_log.last_index()
    propose(r, b"some data")
    for m in take_messages(r):
        if m.to in acceptors:
            r.step(accepted(m))
    assert r.raft_log.committed == last + committed


@pytest.mark.parametrize("terms", [(), (2,), (1, 2), (1,)])
def test_leader_commit_preceding_entries(terms: tuple[int, ...]) -> None:
    """5.3: with an entry all before it are committed, and in log order.

    Also those of earlier leaders, whose terms are given here.
    """
    r = leader(1, storage(terms=terms, term=2))
    propose(r, b"some data")
    for m in take_messages(r):
        r.step(accepted(m))
    last = len(terms)
    assert to_apply(r) == [
        *((index, term, b"") for index, term in enumerate(terms, 1)),
        (last + 1, 3, b""),
        (last + 2, 3, b"some data"),
    ]


@pytest.mark.parametrize(
    ("data", "commit"),
    [
        ([b"one"], 1),
        ([b"one", b"two"], 2),
        ([b"two", b"one"], 2),
        ([b"one", b"two"], 1),
    ],
)
def test_follower_commit_entry(data: list[bytes], commit: int) -> None:
    """5.3: a follower applies what it hears is committed, in log order."""
    r = node()
    r.become_follower(1, lead=2)
    ents = [pb.Entry(index=i, term=1, data=d) for i, d in enumerate(data, 1)]
    r.step(app(1, ents, commit=commit))
    assert r.raft_log.committed == commit
    assert to_apply(r) == [(i, 1, data[i - 1]) for i in range(1, commit + 1)]


@pytest.mark.parametrize(
    ("after", "after_term", "index", "hint"),
    [
        pytest.param(0, 0, 1, None, id="before all"),
        pytest.param(1, 1, 1, None, id="at a committed entry"),
        pytest.param(2, 2, 2, None, id="at an uncommitted entry"),
        pytest.param(2, 1, 2, (1, 1), id="another term"),
        pytest.param(3, 3, 3, (2, 2), id="beyond the end"),
    ],
)
def test_follower_check_msg_app(
    after: int, after_term: int, index: int, hint: tuple[int, int] | None
) -> None:
    """5.3: a follower refuses entries after one that it does not have.

    With a refusal goes a `hint`: index and term of where the logs may agree.
    """
    r = node(1, storage(terms=(1, 2), commit=1))
    r.become_follower(2, lead=2)
    r.step(app(2, after=after, after_term=after_term))
    expected = pb.Message(
        type=pb.MsgAppResp, from_=1, to=2, term=2, index=index
    )
    if hint is not None:
        expected.reject = True
        expected.reject_hint, expected.log_term = hint
    assert take_message(r) == expected


@pytest.mark.parametrize(
    ("after", "terms", "log", "new"),
    [
        pytest.param(2, (3,), (1, 2, 3), [(3, 3)], id="at the end"),
        pytest.param(
            1, (3, 4), (1, 3, 4), [(2, 3), (3, 4)], id="conflict at 2"
        ),
        pytest.param(
            0, (1, 3), (1, 3), [(2, 3)], id="one known, conflict at 2"
        ),
        pytest.param(0, (1,), (1, 2), [], id="known already"),
        pytest.param(0, (3,), (3,), [(1, 3)], id="conflict at 1"),
    ],
)
def test_follower_append_entries(
    after: int,
    terms: tuple[int, ...],
    log: tuple[int, ...],
    new: list[tuple[int, int]],
) -> None:
    """5.3: a conflicting entry goes, with all after it, for the leader's.

    The follower's log holds terms 1 and 2; `new` is what it has to store.
    """
    r = node(1, storage(terms=(1, 2)))
    r.become_follower(2, lead=2)
    # In the log, index and term happen to be the same number.
    r.step(app(2, entries(after + 1, *terms), after=after, after_term=after))
    assert [term for _, term, _ in log_of(r)] == list(log)
    assert unstable(r) == new


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param((1, 1, 1, 4, 4, 5, 5, 6, 6), id="a: one is missing"),
        pytest.param((1, 1, 1, 4), id="b: many are missing"),
        pytest.param((1, 1, 1, 4, 4), id="half of it is missing"),
        pytest.param(
            (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6), id="c: one too many"
        ),
        pytest.param(
            (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7), id="d: two too many"
        ),
        pytest.param((1, 1, 1, 4, 4, 4, 4), id="e: both"),
        pytest.param(
            (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3), id="f: both, from term 2 on"
        ),
    ],
)
def test_leader_sync_follower_log(terms: tuple[int, ...]) -> None:
    """5.3, figure 7: whatever a follower's log is, it becomes the leader's.

    Some of the followers have the longer log: the leader needs the vote of
    a third node, whose part the test plays.
    """
    ours = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
    term = 8
    net = Network(
        [
            node(1, storage(terms=ours, term=term, commit=len(ours))),
            node(2, storage(terms=terms, term=term - 1)),
        ],
        black_holes=[3],
    )
    net.campaign(1)
    net.send(pb.Message(type=pb.MsgVoteResp, from_=3, to=1, term=term + 1))
    assert net[1].state is StateLeader
    net.propose(1, b"new")
    logs = net.logs()
    assert [term for _, term, _ in logs[1]] == [*ours, term + 1, term + 1]
    assert logs[2] == logs[1]
    assert net[2].raft_log.committed == len(logs[1])


# -- 5.4: safety


@pytest.mark.parametrize("terms", [(1,), (1, 2)])
def test_vote_request(terms: tuple[int, ...]) -> None:
    """5.4.1: a vote request tells what the candidate's log ends with.

    It goes to all others.
    """
    r = node(election_tick=TIMEOUT)
    r.step(app(terms[-1], entries(1, *terms)))
    take_messages(r)
    tick(r, 2 * TIMEOUT - 1)
    assert take_messages(r) == [
        pb.Message(
            type=pb.MsgVote, from_=1, to=to, term=terms[-1] + 1,
            index=len(terms), log_term=terms[-1],
        )
        for to in (2, 3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "log_term", "index", "granted"),
    [
        pytest.param((1,), 1, 1, True, id="the same log"),
        pytest.param((1,), 1, 2, True, id="longer"),
        pytest.param((1, 1), 1, 1, False, id="shorter"),
        pytest.param((1,), 2, 1, True, id="newer"),
        pytest.param((1,), 2, 2, True, id="newer and longer"),
        pytest.param((1, 1), 2, 1, True, id="newer and shorter"),
        pytest.param((2,), 1, 1, False, id="older"),
        pytest.param((2,), 1, 2, False, id="older and longer"),
        pytest.param((2, 2), 1, 1, False, id="older and shorter"),
    ],
)
def test_voter(
    terms: tuple[int, ...], log_term: int, index: int, granted: bool
) -> None:
    """5.4.1: no vote for a candidate whose log is less up-to-date.

    The voter's log has these `terms`, the candidate's ends with `log_term`
    at `index`; the later term counts first, then the length.
    """
    r = node(1, storage((1, 2), terms=terms))
    r.step(
        pb.Message(
            type=pb.MsgVote, from_=2, to=1, term=3, log_term=log_term,
            index=index,
        )
    )  # fmt: skip
    answer = take_message(r)
    assert answer.type is pb.MsgVoteResp
    assert bool(answer.reject) is not granted


@pytest.mark.parametrize(
    ("match", "committed"),
    [
        pytest.param(1, 0, id="up to term 1"),
        pytest.param(2, 0, id="up to term 2"),
        pytest.param(3, 3, id="up to term 3, the present one"),
    ],
)
def test_leader_only_commits_log_from_current_term(
    match: int, committed: int
) -> None:
    """5.4.2: entries of earlier terms are not committed by counting."""
    r = leader(1, storage((1, 2), terms=(1, 2), term=2))
    assert r.term == 3
    take_messages(r)
    propose(r, b"")
    r.step(ack(2, match, r.term))
    stored(r)
    assert r.raft_log.committed == committed
