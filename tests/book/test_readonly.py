"""What the chapter *Reads that wait* says, asked of the port."""

from __future__ import annotations

import pytest

from book.weave.acks import ACKS, ANSWERED, READS, ready
from port import raftpb as pb
from port import read_only
from port.quorum import JointConfig, MajorityConfig
from port.raft import ReadOnlyLeaseBased, ReadOnlySafe
from port.read_only import ReadOnly
from tests.book.breaking import Break, is_seen
from tests.port.raft.nodes import read_index

THREE = JointConfig(MajorityConfig({1, 2, 3}), MajorityConfig())


def waiting(n: int) -> ReadOnly:
    """Returns a queue with `n` reads, each with its number as its index."""
    q = ReadOnly(ReadOnlySafe)
    for index in range(1, n + 1):
        q.add_request(index, pb.Message(type=pb.MsgReadIndex))
    return q


def ack(q: ReadOnly, node: int, number: int) -> None:
    """Acknowledges, as a heartbeat's answer does."""
    q.recv_ack(node, number.to_bytes(8, "little"))


def confirmed(q: ReadOnly, c: JointConfig = THREE) -> list[int]:
    """Takes out what is confirmed; returns the indexes."""
    return [r.index for r in q.maybe_advance(c)]


def test_the_queue_is_as_drawn() -> None:
    queue, handed = ready()
    assert queue.acks == ACKS
    number = sorted(ACKS.values())[1]
    assert handed == list(READS[ANSWERED:number])
    assert queue.confirmed_reads == number


def test_an_answer_counts_for_all_reads_before_it() -> None:
    q = waiting(3)
    ack(q, 1, 3)
    assert confirmed(q) == []
    ack(q, 2, 2)
    assert confirmed(q) == [1, 2]
    assert confirmed(q) == []


def test_answers_may_overtake_each_other() -> None:
    q = waiting(3)
    ack(q, 1, 3)
    ack(q, 2, 3)
    ack(q, 2, 1)
    assert confirmed(q) == [1, 2, 3]


def test_an_answer_without_a_number_says_nothing() -> None:
    q = waiting(1)
    q.recv_ack(2, None)
    q.recv_ack(2, b"")
    assert q.acked_index(2) is None


def test_numbers_go_on_when_reads_are_answered() -> None:
    """So an answer from before says nothing of a read that came after."""
    q = waiting(1)
    ack(q, 1, 1)
    ack(q, 2, 1)
    confirmed(q)
    assert q.heartbeat_ctx() is None
    q.add_request(9, pb.Message(type=pb.MsgReadIndex))
    assert q.heartbeat_ctx() == bytes([2, 0, 0, 0, 0, 0, 0, 0])
    ack(q, 3, 1)
    assert confirmed(q) == []


def test_only_voters_confirm() -> None:
    q = waiting(1)
    ack(q, 1, 1)
    ack(q, 9, 1)
    assert confirmed(q) == []


def test_both_majorities_must_confirm() -> None:
    c = JointConfig(MajorityConfig({1, 2, 3}), MajorityConfig({3, 4, 5}))
    q = waiting(1)
    for node in (1, 2, 3):
        ack(q, node, 1)
    assert confirmed(q, c) == []
    ack(q, 4, 1)
    assert confirmed(q, c) == [1]


def test_the_same_name_twice_is_two_reads() -> None:
    q = ReadOnly(ReadOnlySafe)
    for _ in range(2):
        q.add_request(5, read_index(2, b"name"))
    ack(q, 1, 1)
    ack(q, 2, 1)
    assert confirmed(q) == [5]
    assert len(q.unconfirmed_reads) == 1


def test_a_lease_uses_nothing_of_it() -> None:
    assert ReadOnly(ReadOnlyLeaseBased).heartbeat_ctx() is None


# What the reader is asked to break, and the tests that see it.
BROKEN: tuple[Break, ...] = (
    (
        "ReadOnly.recv_ack", "max(self.acks.get(from_, 0), number)",
        "number", test_answers_may_overtake_each_other,
    ),
    (
        "ReadOnly.maybe_advance", "self.confirmed_reads = confirmed",
        "pass", test_an_answer_counts_for_all_reads_before_it,
    ),
    (
        "ReadOnly.heartbeat_ctx",
        "self.confirmed_reads + len(self.unconfirmed_reads)",
        "len(self.unconfirmed_reads)",
        test_numbers_go_on_when_reads_are_answered,
    ),
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=[b[0] for b in BROKEN])
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch, broken: Break
) -> None:
    is_seen(monkeypatch, broken, module=read_only)
