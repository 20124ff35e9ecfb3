"""What the chapter *Commit* says, asked of the port.

The notes of `book/pages/commit.md` cite these tests.
"""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.log import RaftLog
from port.raft import Config, Raft, StateLeader
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts
from port.tracker import StateProbe, StateReplicate
from port.types import EntryID
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import (
    ack,
    entries,
    leader,
    node,
    propose,
    rejection,
    storage,
    stored,
    take_messages,
)

# Figure 8 up to (c), with messages of one entry at most: so entry 4 arrives
# at node 3 without entry 5, and its leader knows of three copies.
UP_TO_C = """
log-level info
add-nodes 5 voters=(1,2,3,4,5) index=2
campaign 1
stabilize
propose 1 a
process-ready 1
deliver-msgs 2 drop=(3,4,5)
process-ready 2
deliver-msgs drop=(1)
campaign 5
process-ready 5
deliver-msgs 1 3 4 drop=(2)
process-ready 1 3 4
deliver-msgs 5
process-ready 5
deliver-msgs drop=(1,2,3,4)
campaign 1
process-ready 1
deliver-msgs 2 3 5 drop=(4)
process-ready 2 3 5
deliver-msgs 1
process-ready 1
deliver-msgs 2 3 drop=(4,5)
process-ready 2 3
deliver-msgs 1
process-ready 1
deliver-msgs 3 drop=(2)
process-ready 3
deliver-msgs 1
"""

TO_D = """
process-ready 1
deliver-msgs drop=(1,2,3,4,5)
campaign 5
process-ready 5
deliver-msgs 3 4 drop=(1,2)
process-ready 3 4
deliver-msgs 5
stabilize 3 4 5
"""

TO_E = """
process-ready 1
deliver-msgs 3 drop=(2,4,5)
process-ready 3
deliver-msgs 1
process-ready 1
deliver-msgs drop=(1,2,3,4,5)
campaign 5
process-ready 5
deliver-msgs 1 2 3 4
process-ready 1 2 3 4
deliver-msgs 5
"""


def run(env: InteractionEnv, script: str) -> None:
    """Does what a script says, a command a line."""
    lines = "".join(f"{s}\n----\n\n" for s in script.split("\n") if s)
    for d in parse(lines, "figure 8"):
        env.handle(d)


def one_at_a_time(config: Config) -> None:
    """Limits messages to one entry."""
    config.max_size_per_msg = 1


@pytest.fixture
def figure_8() -> InteractionEnv:
    """Five nodes, not started."""
    return InteractionEnv(InteractionOpts(one_at_a_time))


def raft(env: InteractionEnv, id: int) -> Raft:
    return env.node(id - 1).raw_node.raft


def commits_what_is_counted(self: RaftLog, at: EntryID) -> bool:
    """The rule without its second half."""
    if at.index <= self.committed:
        return False
    self.commit_to(at.index)
    return True


def test_copies_of_an_old_entry_do_not_count(figure_8: InteractionEnv) -> None:
    run(figure_8, UP_TO_C)
    r = raft(figure_8, 1)
    assert r.state is StateLeader
    assert r.trk.committed() == 4, "three of five have entry 4, and it knows"
    assert r.raft_log.term(4) < r.term
    assert r.raft_log.committed == 3
    run(figure_8, TO_D)
    assert raft(figure_8, 5).state is StateLeader
    assert [raft(figure_8, id).raft_log.term(4) for id in (3, 4, 5)] == [2] * 3


def test_counting_them_would_lose_a_write(
    figure_8: InteractionEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RaftLog, "maybe_commit", commits_what_is_counted)
    run(figure_8, UP_TO_C)
    assert raft(figure_8, 1).raft_log.committed == 4
    run(figure_8, TO_D)
    one, five = (raft(figure_8, id).raft_log for id in (1, 5))
    assert one.applied >= 4
    assert five.applied >= 4
    run(figure_8, "tick-heartbeat 5\nstabilize")
    assert raft(figure_8, 1).lead == 5, "it follows, and never finds out"
    assert (one.term(4), five.term(4)) == (1, 2)


def test_one_entry_of_its_own_commits_all_before(
    figure_8: InteractionEnv,
) -> None:
    run(figure_8, UP_TO_C)
    run(figure_8, TO_E)
    assert raft(figure_8, 1).raft_log.committed == 5
    assert raft(figure_8, 5).state is not StateLeader


def test_with_whole_messages_it_does_not_even_come_to_that() -> None:
    """The old entry travels with the new one, so both are counted at once."""
    env = InteractionEnv()
    run(env, UP_TO_C)
    assert raft(env, 1).raft_log.committed == 5


def acknowledged(r: Raft) -> Raft:
    """Stores the leader's first entry, and has node 2 acknowledge it."""
    take_messages(r)
    r.step(ack(2, 1, r.term))
    take_messages(r)
    return r


def test_a_commit_is_told_at_once() -> None:
    r = acknowledged(leader(1))
    r.step(ack(3, 1, r.term))
    take_messages(r)
    propose(r, b"x")
    take_messages(r)
    r.step(ack(2, 2, r.term))
    told = [(m.to, m.commit, m.entries) for m in take_messages(r)]
    assert told == [(2, 2, []), (3, 2, [])]


def test_an_old_answer_changes_nothing() -> None:
    r = acknowledged(leader(1))
    propose(r, b"x")
    take_messages(r)
    r.step(ack(2, 2, r.term))
    take_messages(r)
    pr = r.trk.progress[2]
    before = str(pr)
    r.step(ack(2, 1, r.term))
    assert str(pr) == before
    assert take_messages(r) == []


def test_an_answer_without_news_ends_a_probe() -> None:
    r = acknowledged(leader(1, storage((1, 2))))
    pr = r.trk.progress[2]
    assert pr.state is StateReplicate
    r.step(pb.Message(type=pb.MsgUnreachable, from_=2, to=1))
    assert pr.state is StateProbe
    r.step(ack(2, pr.match, r.term))
    assert pr.state is StateReplicate


def test_one_answer_lets_several_messages_go() -> None:
    """Nine entries to catch up with, one a message, four messages at most."""
    store = storage((1, 2), terms=(1,) * 9, term=1)
    r = leader(1, store, max_size_per_msg=1, max_inflight_msgs=4)
    r.step(rejection(2, 9, 0, r.term))
    assert len(take_messages(r)) == 1, "a probe"
    r.step(ack(2, 1, r.term))
    assert [len(m.entries) for m in take_messages(r)] == [1, 1, 1, 1]


def test_a_slow_follower_learns_of_the_commit_with_its_own_answer() -> None:
    r = acknowledged(leader(1))
    r.step(ack(3, 1, r.term))
    take_messages(r)
    propose(r, b"x")
    take_messages(r)
    r.step(ack(2, 2, r.term))
    take_messages(r)
    r.trk.progress[3].sent_commit(1)
    r.step(ack(3, 2, r.term))
    (m,) = take_messages(r)
    assert (m.to, m.commit, m.entries) == (3, 2, [])


def test_what_is_stored_is_told_by_index_and_term() -> None:
    """The entry that was written may have been replaced meanwhile."""
    r = node(2)
    r.become_follower(1, 1)
    r.raft_log.append(entries(1, 1))
    r.become_follower(2, 3)
    r.raft_log.unstable.truncate_and_append(entries(1, 2))
    done = pb.Message(
        type=pb.MsgStorageAppendResp, to=2, term=2, index=1, log_term=1
    )
    r.step(done)
    assert r.raft_log.has_next_or_in_progress_unstable_ents()
    done.log_term = 2
    r.step(done)
    assert not r.raft_log.has_next_or_in_progress_unstable_ents()


def test_a_report_of_an_old_term_is_passed_over() -> None:
    r = node(2)
    r.become_follower(2, 3)
    r.raft_log.append(entries(1, 1))
    r.step(
        pb.Message(
            type=pb.MsgStorageAppendResp, to=2, term=1, index=1, log_term=1
        )
    )
    assert r.raft_log.has_next_or_in_progress_unstable_ents()


def test_what_is_applied_frees_its_room() -> None:
    r = leader(1, storage((1,)))
    propose(r, b"twelve bytes")
    stored(r)
    assert r.uncommitted_size == 12
    applied = r.raft_log.next_committed_ents(True)
    r.raft_log.accept_applying(2, 0, True)
    r.step(
        pb.Message(type=pb.MsgStorageApplyResp, to=1, entries=applied)
    )
    assert r.uncommitted_size == 0
    assert r.raft_log.applied == 2


# ---- Break it ---------------------------------------------------------------

# What the chapter asks its reader to change, and the test that sees it.
BREAKS: dict[str, Break] = {
    "let no answer without news in": (
        "leader_app_accepted",
        "pr.match == index and pr.state is StateProbe",
        "False",
        test_an_answer_without_news_ends_a_probe,
    ),
    "keep the commit to itself": (
        "leader_app_accepted",
        "r.bcast_append()",
        "pass",
        test_a_commit_is_told_at_once,
    ),
    "send one message an answer": (
        "leader_app_accepted",
        "while r.maybe_send_append(from_, False):",
        "if r.maybe_send_append(from_, False):",
        test_one_answer_lets_several_messages_go,
    ),
    "believe any report of the disk": (
        "Raft._step_storage_append_resp",
        "m.log_term or 0",
        "self.raft_log.last_entry_id().term",
        test_what_is_stored_is_told_by_index_and_term,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_breaking_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    is_seen(monkeypatch, BREAKS[name], RaftError, RaftPanic)
