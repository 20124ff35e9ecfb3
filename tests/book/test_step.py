"""What the chapter *Step, whole* says, asked of the port.

The notes of `book/pages/step.md` cite these tests. Each would fail if the
line that its note explains were taken out.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from port import raft as module
from port import raftpb as pb
from port.raft import (
    CAMPAIGN_TRANSFER,
    Raft,
    StateCandidate,
    StateFollower,
    StateLeader,
)
from port.types import NONE
from port.util import is_local_msg
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    ack,
    hup,
    leader,
    node,
    snapshot,
    storage,
    take_after_append,
    tick,
)

PAGE = Path(__file__).parents[2] / "book/pages/step.md"


def in_lease() -> Raft:
    """Returns a follower in term 1 that has just heard from node 2."""
    r = node(1, check_quorum=True)
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=1))
    r.msgs.clear()
    return r


def vote(term: int, context: bytes | None = None) -> pb.Message:
    """Returns node 3's request for node 1's vote."""
    return pb.Message(
        type=pb.MsgVote, from_=3, to=1, term=term, context=context
    )


def test_a_lease_makes_deaf() -> None:
    r = in_lease()
    r.step(vote(9))
    assert (r.term, r.vote, r.lead) == (1, NONE, 2)
    assert take_after_append(r) == r.msgs == []


def test_a_lease_ends_with_the_timeout() -> None:
    r = in_lease()
    r.randomized_election_timeout = 19
    tick(r, 9)
    r.step(vote(9))
    assert r.term == 1
    tick(r, 1)
    r.step(vote(9))
    assert (r.term, r.vote) == (9, 3)


def test_a_lease_needs_a_leader() -> None:
    r = node(1, check_quorum=True)
    r.step(vote(1))
    assert r.vote == 3, "nobody leads after a start, so nobody is protected"


def test_a_transfer_breaks_the_lease() -> None:
    r = in_lease()
    r.step(vote(2, CAMPAIGN_TRANSFER))
    assert (r.term, r.vote) == (2, 3)


@pytest.mark.parametrize(
    ("kind", "lead"),
    [
        (pb.MsgApp, 2),
        (pb.MsgHeartbeat, 2),
        (pb.MsgSnap, 2),
        (pb.MsgAppResp, NONE),
        (pb.MsgVote, NONE),
        (pb.MsgReadIndexResp, NONE),
    ],
)
def test_only_what_a_leader_sends_names_it(
    kind: pb.MessageType, lead: int
) -> None:
    r = leader()
    r.step(
        pb.Message(
            type=kind, from_=2, to=1, term=9,
            snapshot=snapshot(11, 9, (1, 2, 3)),
        )
    )  # fmt: skip
    assert (r.state, r.term, r.lead) == (StateFollower, 9, lead)


@pytest.mark.parametrize(
    "options", [{}, {"check_quorum": True}, {"pre_vote": True}]
)
def test_a_leader_of_a_term_gone_by_is_told(options: dict[str, bool]) -> None:
    r = node(1, storage(term=5), **options)  # type: ignore[arg-type]
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=3))
    told = [(m.type, m.to, m.term, m.index) for m in take_after_append(r)]
    assert told == ([(pb.MsgAppResp, 2, 5, None)] if options else [])
    assert r.lead == NONE


def test_a_late_answer_of_the_disk_does_not_make_stable() -> None:
    r = node(1, storage(term=2))
    r.raft_log.append([pb.Entry(2, 1)])
    late = pb.Message(
        type=pb.MsgStorageAppendResp, from_=2**64 - 1, to=1, term=1, index=1,
        log_term=2,
    )  # fmt: skip
    r.step(late)
    assert r.raft_log.unstable.offset == 1, "still to be stored"
    late.term = 2
    r.step(late)
    assert r.raft_log.unstable.offset == 2


def test_a_leader_has_nothing_to_hear_from_strangers() -> None:
    r = leader()
    r.step(ack(7, 1, term=r.term))
    assert r.raft_log.committed == 0
    assert 7 not in r.trk.progress


def test_what_is_of_no_term_is_of_every_term() -> None:
    r = node(1, storage(term=5))
    r.step(hup(1))
    assert (r.state, r.term) == (StateCandidate, 6)


def test_a_leader_that_falls_behind_hears_the_message_as_a_follower() -> None:
    r = leader()
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=9))
    assert (r.state, r.lead) == (StateFollower, 2)
    assert [m.type for m in r.msgs] == [pb.MsgHeartbeatResp]


def test_a_leader_with_a_lease_is_always_deaf() -> None:
    r = leader(check_quorum=True)
    for _ in range(25):
        for peer in (2, 3):
            r.step(
                pb.Message(
                    type=pb.MsgHeartbeatResp, from_=peer, to=1, term=r.term
                )
            )
        tick(r, 1)
        r.step(vote(99))
        assert (r.state, r.term) == (StateLeader, 1)


def test_what_is_out_of_date_is_not_obeyed() -> None:
    r = node(1, storage(term=5))
    r.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=3))
    assert (r.term, r.lead) == (5, NONE)


def test_two_leaders_in_a_term_would_not_hear_each_other() -> None:
    r = leader()
    r.step(pb.Message(type=pb.MsgApp, from_=2, to=1, term=r.term))
    assert r.state is StateLeader
    assert r.msgs == []


def test_the_table_of_messages_is_the_tables() -> None:
    """The chapter's table says what the four dispatch tables say."""
    tables = {
        "all": module._ANY_ROLE,
        "follower": module._FOLLOWER,
        "candidate": module._CANDIDATE,
        "leader": {**module._LEADER, **module._LEADER_WITH_PROGRESS},
    }
    said: dict[str, tuple[str, ...]] = {}
    local: set[str] = set()
    row = re.compile(r"^\| `(Msg\w+)`( ·)? \| (.*) \|$")
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if found := row.match(line):
            cells = [c.strip() for c in found[3].split("|")]
            said[found[1]] = tuple(cells[:3])
            if found[2]:
                local.add(found[1])
    assert set(said) == {t.name for t in pb.MessageType}
    assert local == {t.name for t in pb.MessageType if is_local_msg(t)}
    for kind in pb.MessageType:
        for role, cell in zip(
            ("follower", "candidate", "leader"), said[kind.name], strict=True
        ):
            known = kind in tables["all"] or kind in tables[role]
            assert bool(cell) == known, (kind, role)


BREAKS: dict[str, Break] = {
    "obey what is out of date": (
        "Raft.step",
        "self._step_lower_term(m)\n            return\n",
        "self._step_lower_term(m)\n",
        test_what_is_out_of_date_is_not_obeyed,
    ),
    "protect nobody": (
        "Raft._step_higher_term",
        "and self.lead != NONE\n",
        "\n",
        test_a_lease_needs_a_leader,
    ),
    "take anybody for the leader": (
        "Raft._step_higher_term",
        "self.become_follower(term, lead)",
        "self.become_follower(term, m.from_ or NONE)",
        lambda: test_only_what_a_leader_sends_names_it(pb.MsgAppResp, NONE),
    ),
    "believe a late answer": (
        "Raft._step_lower_term",
        "            if m.index:\n",
        "            if m.index:\n"
        "                self.raft_log.stable_to(\n"
        "                    EntryID(m.log_term or 0, m.index)\n"
        "                )\n",
        test_a_late_answer_of_the_disk_does_not_make_stable,
    ),
    "track a stranger": (
        "step_leader",
        "    if pr is None:\n",
        "    if pr is None:\n"
        "        pr = Progress(match=0, next=1, inflights=Inflights(1))\n"
        "        r.trk.progress[m.from_ or NONE] = pr\n"
        "    if pr is None:\n",
        test_a_leader_has_nothing_to_hear_from_strangers,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the chapter says of each break is so."""
    is_seen(monkeypatch, BREAKS[name])
