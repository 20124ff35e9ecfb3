"""What the chapter *Becoming* says, asked of the port.

The notes of `book/pages/becoming.md` cite these tests. Each would fail if the
line that its note explains were taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from book.weave.roles import EDGES
from port import raftpb as pb
from port.errors import RaftPanic
from port.raft import (
    NONE,
    Config,
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
    StatePreCandidate,
)
from port.storage import MemoryStorage
from port.tracker import StateProbe, StateReplicate
from tests.book.breaking import Break, is_seen

LETTERS = {
    StateFollower: "F",
    StatePreCandidate: "P",
    StateCandidate: "C",
    StateLeader: "L",
}


class Silent:
    """A logger that says nothing; its panics are real."""

    def debug(self, format: str, *args: object) -> None: ...
    def info(self, format: str, *args: object) -> None: ...
    def warning(self, format: str, *args: object) -> None: ...
    def error(self, format: str, *args: object) -> None: ...

    def fatal(self, format: str, *args: object) -> NoReturn:
        raise RaftPanic(format % args)

    panic = fatal


class Counting:
    """Random numbers that never repeat: 0, 1, 2, and so on."""

    def __init__(self) -> None:
        self.last = -1

    def intn(self, n: int) -> int:
        self.last = (self.last + 1) % n
        return self.last


def node(id: int = 1, **options: bool) -> Raft:
    """Returns one node of a cluster of three, at term 1, its log empty."""
    storage = MemoryStorage()
    conf = pb.ConfState(voters=[1, 2, 3])
    meta = pb.SnapshotMetadata(conf_state=conf, index=1, term=1)
    storage.apply_snapshot(pb.Snapshot(metadata=meta))
    storage.set_hard_state(pb.HardState(term=1, vote=0, commit=1))
    config = Config(
        id=id,
        election_tick=10,
        heartbeat_tick=1,
        storage=storage,
        max_size_per_msg=1 << 20,
        max_inflight_msgs=256,
        logger=Silent(),
        rand=Counting(),
        **options,  # type: ignore[arg-type]
    )
    return Raft(config)


def sent(*nodes: Raft) -> Iterator[pb.Message]:
    """Takes what nodes have sent, what had to be stored first included."""
    for r in nodes:
        taken = r.msgs + r.msgs_after_append
        r.msgs, r.msgs_after_append = [], []
        yield from taken


def deliver(*nodes: Raft) -> None:
    """Passes messages among these nodes until they fall silent."""
    by_id = {r.id: r for r in nodes}
    while messages := list(sent(*nodes)):
        for m in messages:
            if m.to in by_id:
                by_id[m.to].step(m)


def silence(r: Raft) -> None:
    """Lets a node's election timeout pass."""
    for _ in range(r.randomized_election_timeout):
        r.tick()


def ballot(r: Raft, voter: int, grant: bool = True) -> None:
    """Gives a candidate the answer of one voter."""
    pre = r.state is StatePreCandidate
    r.step(
        pb.Message(
            type=pb.MsgPreVoteResp if pre else pb.MsgVoteResp,
            from_=voter,
            to=r.id,
            term=r.term + 1 if pre and grant else r.term,
            reject=not grant,
        )
    )


def a(letter: str, **options: bool) -> Raft:
    """Returns a node that has come to a role in the usual way."""
    options.setdefault("pre_vote", letter == "P")
    r = node(**options)
    if letter != "F":
        silence(r)
    if letter == "L":
        ballot(r, 1)
        ballot(r, 2)
    assert LETTERS[r.state] == letter
    return r


# ---- What the notes cite ----------------------------------------------------


def test_a_vote_survives_a_reset_in_its_term() -> None:
    r = node()
    r.become_candidate()
    r.become_follower(r.term, NONE)
    assert r.vote == 1
    r.become_follower(r.term + 1, NONE)
    assert r.vote == NONE


def test_a_leader_starts_by_guessing() -> None:
    r = node()
    r.become_candidate()
    r.trk.progress[2].match = 1
    r.reset(r.term)
    last = r.raft_log.last_index()
    guesses = {id: (pr.match, pr.next) for id, pr in r.trk.visit()}
    assert guesses == {1: (last, last + 1), 2: (0, last + 1), 3: (0, last + 1)}
    assert all(pr.state is StateProbe for _, pr in r.trk.visit())


def test_a_leader_follows_a_higher_term() -> None:
    r = a("L")
    higher = r.term + 1
    r.step(pb.Message(type=pb.MsgVoteResp, from_=3, to=1, term=higher))
    assert (r.state, r.term, r.lead) == (StateFollower, higher, NONE)


def test_standing_opens_a_new_term() -> None:
    r = node()
    r.become_candidate()
    assert r.term == 2
    r.become_candidate()
    assert (r.term, r.vote) == (3, 1)


def test_its_own_vote_counts_once_it_is_stored() -> None:
    r = a("C")
    assert r.vote == 1
    assert r.trk.votes == {}
    (own,) = (m for m in r.msgs_after_append if m.to == 1)
    r.step(own)
    assert r.trk.votes == {1: True}


def test_an_old_refusal_does_not_count() -> None:
    r = node(pre_vote=True)
    r.become_candidate()
    ballot(r, 1)
    ballot(r, 2, grant=False)
    silence(r)
    assert r.state is StatePreCandidate
    ballot(r, 1)
    ballot(r, 2)
    assert r.state is StateCandidate


def test_two_pre_candidates_hear_each_other() -> None:
    two, three = (
        node(id, pre_vote=True, check_quorum=True) for id in (2, 3)
    )
    for r in (two, three):
        r.become_follower(2, 1)
        silence(r)
        assert r.state is StatePreCandidate
    deliver(two, three)
    assert {two.state, three.state} != {StatePreCandidate}


def test_a_new_leader_refuses_configuration_changes() -> None:
    r = node()
    r.raft_log.append([pb.Entry(1, 2, data=b"inherited")])
    r.become_candidate()
    r.become_leader()

    def propose() -> pb.EntryType | None:
        add = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=4)
        kind, data = pb.marshal_conf_change(add)
        entry = pb.Entry(type=kind, data=data)
        r.step(pb.Message(type=pb.MsgProp, from_=1, entries=[entry]))
        last = r.raft_log.last_index()
        return r.raft_log.slice(last, last + 1, 1 << 20)[0].type

    assert propose() is pb.EntryNormal
    r.raft_log.commit_to(2)
    r.raft_log.applied_to(2, 0)
    assert propose() is pb.EntryConfChange


def test_the_empty_entry_commits_what_it_inherits() -> None:
    r = node()
    r.raft_log.append([pb.Entry(1, 2, data=b"inherited")])
    r.become_candidate()
    r.become_leader()
    committed = []
    for voter, index in ((1, 2), (2, 2), (1, 3), (2, 3)):
        r.step(
            pb.Message(
                type=pb.MsgAppResp, from_=voter, term=r.term, index=index
            )
        )
        committed.append(r.raft_log.committed)
    # Entry 2 is on a majority after two answers, and still not committed.
    assert committed == [1, 1, 1, 3]


# Each is a change that the chapter asks its reader to make: in a method, one
# text becomes another, and the test that sees it.
BREAKS: dict[str, Break] = {
    "forget the vote": (
        "Raft.reset",
        "            self.vote = NONE",
        "        self.vote = NONE",
        test_a_vote_survives_a_reset_in_its_term,
    ),
    "keep what was known": (
        "Raft.reset",
        "match=last_index if id == self.id else 0",
        "match=pr.match",
        test_a_leader_starts_by_guessing,
    ),
    "vote too early": (
        "Raft.become_candidate",
        "        self.reset(self.term + 1)\n"
        "        self.tick = self.tick_election\n"
        "        self.vote = self.id\n",
        "        self.vote = self.id\n"
        "        self.reset(self.term + 1)\n"
        "        self.tick = self.tick_election\n",
        test_standing_opens_a_new_term,
    ),
    "keep old ballots": (
        "Raft.become_pre_candidate",
        "        self.trk.reset_votes()\n",
        "",
        test_an_old_refusal_does_not_count,
    ),
    "keep the old leader": (
        "Raft.become_pre_candidate",
        "        self.lead = NONE\n",
        "",
        test_two_pre_candidates_hear_each_other,
    ),
    "know of no change": (
        "Raft.become_leader",
        "        self.pending_conf_index = self.raft_log.last_index()\n",
        "",
        test_a_new_leader_refuses_configuration_changes,
    ),
    "append nothing": (
        "Raft.become_leader",
        "if not self.append_entry([pb.Entry()]):",
        "if False:",
        test_the_empty_entry_commits_what_it_inherits,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name])


# ---- The table at the head of the chapter -----------------------------------


def enter(letter: str) -> tuple[Raft, dict[str, object], dict[str, object]]:
    """Returns a node and its fields before and after it takes a role."""
    r = node()
    r.become_candidate()
    r.vote, r.lead = 3, 2
    r.election_elapsed = 7
    r.trk.votes[3] = True
    r.trk.progress[3].match = 1
    if letter == "L":
        r.state = StateCandidate
    before = fields(r)
    door: dict[str, Callable[[], None]] = {
        "F": lambda: r.become_follower(r.term, 3),
        "P": r.become_pre_candidate,
        "C": r.become_candidate,
        "L": r.become_leader,
    }
    door[letter]()
    return r, before, fields(r)


def fields(r: Raft) -> dict[str, object]:
    return {
        "term": r.term,
        "vote": r.vote,
        "lead": r.lead,
        "elapsed": r.election_elapsed,
        "timeout": r.randomized_election_timeout,
        "ballots": dict(r.trk.votes),
        "known": r.trk.progress[3].match,
        "log": r.raft_log.last_index(),
    }


@pytest.mark.parametrize(
    ("letter", "changes"),
    [
        ("F", {"lead": 3}),
        ("P", {"lead": NONE, "elapsed": 7, "timeout": None, "known": 1}),
        ("C", {"term": 3, "vote": 1, "lead": NONE}),
        ("L", {"lead": 1, "log": 2}),
    ],
)
def test_the_table_of_what_survives(
    letter: str, changes: dict[str, object]
) -> None:
    _, before, after = enter(letter)
    stays = {k: before[k] for k in ("term", "vote", "log")}
    expected = {**stays, "elapsed": 0, "ballots": {}, "known": 0, **changes}
    if changes.get("timeout", 1) is None:
        expected["timeout"] = before["timeout"]
    else:
        assert after["timeout"] != before["timeout"]
        expected["timeout"] = after["timeout"]
    assert after == expected


def test_the_leader_is_in_replicate_and_active() -> None:
    r = a("L")
    own = r.trk.progress[1]
    assert (own.state, own.recent_active) == (StateReplicate, True)


# ---- The diagram -------------------------------------------------------------


def hear(message: pb.MessageType, **fields: int) -> Callable[[Raft], None]:
    """Returns what lets a node hear a message from node 2."""

    def act(r: Raft) -> None:
        term = r.term + fields.get("above", 0)
        r.step(pb.Message(type=message, from_=2, to=r.id, term=term))

    return act


def refused(r: Raft) -> None:
    ballot(r, 2, grant=False)
    ballot(r, 3, grant=False)


def granted(r: Raft) -> None:
    ballot(r, 1)
    ballot(r, 2)


def quorum_falls_silent(r: Raft) -> None:
    for _ in range(2 * r.election_timeout):
        r.tick()


def removed(r: Raft) -> None:
    change = pb.ConfChangeSingle(pb.ConfChangeRemoveNode, 1)
    r.apply_conf_change(pb.ConfChangeV2(changes=[change]))


Act = Callable[[Raft], None]
ON = {"pre_vote": True}
TAKEN: list[tuple[str, str, Act, dict[str, bool]]] = [
    ("F", "F", hear(pb.MsgVote, above=1), {}),
    ("F", "P", silence, ON),
    ("F", "C", silence, {}),
    ("F", "C", hear(pb.MsgTimeoutNow), ON),
    ("P", "P", silence, ON),
    ("P", "C", granted, ON),
    ("P", "F", refused, ON),
    ("P", "F", hear(pb.MsgHeartbeat), ON),
    ("P", "F", hear(pb.MsgVote, above=1), ON),
    ("C", "C", silence, {}),
    ("C", "P", silence, ON),
    ("C", "L", granted, {}),
    ("C", "F", refused, {}),
    ("C", "F", hear(pb.MsgApp), {}),
    ("C", "F", hear(pb.MsgVoteResp, above=1), {}),
    ("L", "F", hear(pb.MsgAppResp, above=1), {}),
    ("L", "F", quorum_falls_silent, {"check_quorum": True}),
    ("L", "F", removed, {"step_down_on_removal": True}),
]


@pytest.mark.parametrize(("start", "end", "act", "options"), TAKEN)
def test_every_arrow_is_taken(
    start: str, end: str, act: Act, options: dict[str, bool]
) -> None:
    r = node(**options)
    if start in "CL":
        r.become_candidate()
    elif start == "P":
        r.become_pre_candidate()
    if start == "L":
        r.become_leader()
        r.msgs_after_append.clear()
    act(r)
    assert LETTERS[r.state] == end


def test_the_diagram_has_these_arrows_and_no_other() -> None:
    drawn = {(e.start, e.end) for e in EDGES}
    assert drawn == {(start, end) for start, end, _, _ in TAKEN}


@pytest.mark.parametrize("door", ["become_candidate", "become_pre_candidate"])
def test_a_leader_does_not_stand(door: str) -> None:
    with pytest.raises(RaftPanic, match="invalid transition"):
        getattr(a("L"), door)()


def test_a_follower_does_not_lead() -> None:
    with pytest.raises(RaftPanic, match="invalid transition"):
        node().become_leader()
