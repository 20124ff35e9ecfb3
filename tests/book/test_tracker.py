"""What the chapter *What a leader knows* says, asked of the port.

The notes of `book/pages/tracker.md` cite these tests.
"""

from __future__ import annotations

import re

import pytest

from book.weave import windows
from port import raftpb as pb
from port.quorum import JointConfig, MajorityConfig
from port.tracker import (
    Config,
    Inflights,
    Progress,
    ProgressTracker,
    StateProbe,
    StateReplicate,
    StateSnapshot,
)
from tests.port.raft.nodes import leader, propose, storage, take_messages


def replicating(match: int, window: Inflights | None = None) -> Progress:
    """Returns a progress that replicates from `match` on."""
    pr = Progress(
        match=match, next=match + 1, inflights=window or Inflights(256)
    )
    pr.become_replicate()
    return pr


# -- the pictures


def test_the_progresses_of_the_picture() -> None:
    probing, sending, waiting = (pr for pr, _ in windows.SHOWN)
    assert str(probing).startswith("StateProbe match=0 next=8 paused")
    assert str(sending).startswith("StateReplicate match=5 next=10")
    assert sending.inflights.count() == 2
    assert str(waiting).startswith("StateSnapshot match=3 next=9 paused")
    for pr, _ in windows.SHOWN:
        assert pr.match < pr.next
    assert {pr.state for pr, _ in windows.SHOWN} == {
        StateProbe, StateReplicate, StateSnapshot,
    }  # fmt: skip
    assert windows.kind(waiting, 4) == "gone"
    assert windows.kind(waiting, 9) == "open"


def test_the_ring_holds_what_the_queue_holds() -> None:
    """As Go counts: start, and then around."""
    held = windows.slots()
    assert held == {5: 21, 6: 24, 7: 25, 0: 30, 1: 31, 2: 36}
    window = windows.window()
    window.free_le(windows.ACKED)
    assert [index for index, _ in window.buffer] == [30, 31, 36]
    text = re.sub("<[^>]+>", " ", windows.ring())
    assert f"-&gt; {window.bytes}" in text
    assert f"-&gt; {window.count()}" in text


# -- the window


def test_an_answer_for_everything_frees_everything() -> None:
    window = Inflights(8)
    for index in (3, 5, 9):
        window.add(index, 10)
    window.free_le(9)
    assert window.count() == window.bytes == 0


def test_a_reset_forgets_the_bytes() -> None:
    """A follower that fell back to probing has an empty window."""
    pr = replicating(5, Inflights(8, 100))
    pr.sent_entries(1, 100)
    assert pr.inflights.full()
    pr.become_probe()
    pr.become_replicate()
    assert not pr.inflights.full()


def test_the_message_that_crosses_the_bytes_gets_in() -> None:
    window = Inflights(8, 1 << 20)
    window.add(1, 4 << 20)
    assert window.full()
    window.free_le(1)
    assert not window.full()


def test_beyond_a_full_window_goes_one_empty_append() -> None:
    """One for each answer to a heartbeat, and no entries."""
    disk = storage((1, 2))
    r = leader(1, disk)
    pr = r.trk.progress[2]
    pr.become_replicate()
    while not pr.inflights.full():
        propose(r, b"x")
    take_messages(r)
    for _ in range(3):
        propose(r, b"more")
        beat = pb.Message(type=pb.MsgHeartbeatResp, from_=2, to=1)
        r.step(beat)
        appends = [
            m for m in take_messages(r) if m.type is pb.MsgApp and m.to == 2
        ]
        assert [m.entries for m in appends] == [[]]
        assert pr.is_paused()


# -- the commit index


def test_no_commit_index_beyond_what_was_sent() -> None:
    """Who has been sent entries to 5 and commit 5 cannot commit 7."""
    pr = replicating(5)
    pr.sent_commit(5)
    assert not pr.can_bump_commit(7)
    pr.sent_entries(1, 10)
    assert pr.can_bump_commit(7)


def test_a_heartbeat_takes_the_commit_index_back() -> None:
    """What is remembered is the last that was sent, not the highest."""
    disk = storage((1, 2))
    r = leader(1, disk)
    pr = r.trk.progress[2]
    pr.become_replicate()
    propose(r, b"x")
    pr.sent_commit(2)
    r.send_heartbeat(2, None)
    assert pr._sent_commit == pr.match < 2


# -- refusals


def test_a_doubled_refusal_costs_a_round() -> None:
    """The same refusal twice: the second is of no question that is out."""
    pr = Progress(match=0, next=10, inflights=Inflights(1))
    assert pr.maybe_decr_to(9, 7)
    assert pr.next == 8
    assert not pr.maybe_decr_to(9, 7)
    # One that happens to name the new question passes, and is a step back.
    assert pr.maybe_decr_to(7, 3)
    assert pr.next == 4


@pytest.mark.parametrize("hint", range(9))
def test_next_stays_above_match(hint: int) -> None:
    pr = Progress(match=5, next=9, inflights=Inflights(1))
    assert pr.maybe_decr_to(8, hint)
    assert pr.match < pr.next <= 8


# -- all of them


def test_learners_do_not_keep_a_leader() -> None:
    trk = ProgressTracker(1, 0)
    trk.config = Config(JointConfig(MajorityConfig({1, 2, 3})), learners={4, 5})
    for id in range(1, 6):
        trk.progress[id] = Progress(
            recent_active=id not in (2, 3),
            inflights=Inflights(1),
            is_learner=id > 3,
        )
    assert not trk.quorum_active()
    trk.progress[2].recent_active = True
    assert trk.quorum_active()
