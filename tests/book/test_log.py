"""What the chapter *The log* says, asked of the port; and its pictures.

The notes of `book/pages/log.md` cite these tests, and those of
`tests/port/test_log.py` and `tests/port/test_log_unstable.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from book.weave.marks import A_B_A, AFTER, BEFORE, MARKS, Tail
from port import log as log_module
from port import log_unstable
from port import raftpb as pb
from port.errors import Compacted, RaftError, RaftPanic, Unavailable
from port.log import RaftLog
from port.log_unstable import Unstable
from port.logger import discard_logger
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import NO_LIMIT, EntryID, LogSlice
from port.util import ents_size
from tests.book.breaking import breaks
from tests.book.test_rawnode import hear, raw_node, write
from tests.port.raft.nodes import entries, snapshot, storage

SCENARIO = Path(__file__).parents[2] / "book" / "scenarios" / "a-b-a.txt"


def stored(*terms: int, compacted: int = 0) -> MemoryStorage:
    """Returns a storage with entries of these terms."""
    s = MemoryStorage()
    s.append(entries(1, *([1] * compacted), *terms))
    if compacted:
        s.compact(compacted)
    return s


def raft_log(
    s: MemoryStorage, *terms: int, limit: int = NO_LIMIT
) -> RaftLog:
    """Returns a log of what is stored and of unstable entries behind it."""
    log = RaftLog(s, discard_logger, limit)
    log.append(entries(log.last_index() + 1, *terms))
    return log


def ids(ents: list[pb.Entry]) -> list[tuple[int, int]]:
    """Returns term and index of each entry."""
    return [(e.term or 0, e.index or 0) for e in ents]


# -- the pictures


def test_the_marks_are_as_drawn() -> None:
    s, want = stored(*MARKS.stored, compacted=MARKS.compacted), MARKS
    log = RaftLog(s, discard_logger)
    log.append(entries(want.offset, *want.unstable[:2]))
    log.accept_unstable()
    log.append(entries(want.offset + 2, *want.unstable[2:]))
    log.commit_to(want.committed)
    log.accept_applying(want.applying, 0, True)
    log.applied_to(want.applied, 0)
    u = log.unstable
    assert log.first_index() == want.compacted + 1
    assert (u.offset, u.offset_in_progress) == (want.offset, want.in_progress)
    assert log.last_index() == want.last
    assert {e.index: e.term for e in log.all_entries()} == want.terms
    assert s.last_index() == want.offset


def tail(t: Tail) -> Unstable:
    """Returns the unstable end that is drawn."""
    u = Unstable(t.offset, discard_logger)
    u.entries = entries(t.offset, *t.terms)
    u.offset_in_progress = t.in_progress
    return u


@pytest.mark.parametrize(("said", "first", "terms", "after"), AFTER)
def test_the_ends_are_as_drawn(
    said: str, first: int, terms: tuple[int, ...], after: Tail
) -> None:
    u = tail(BEFORE)
    u.truncate_and_append(entries(first, *terms))
    seen = tuple(e.term for e in u.entries)
    assert Tail(u.offset, seen, u.offset_in_progress) == after  # type: ignore[arg-type]


def test_a_b_a_is_as_drawn() -> None:
    env = InteractionEnv()
    moments = {m.after: m for m in A_B_A}
    steps = parse(SCENARIO.read_text(encoding="utf-8"), "a-b-a")
    for n, d in enumerate(steps, 1):
        env.handle(d)
        if n not in moments:
            continue
        m, node = moments[n], env.nodes[1]
        log = node.raw_node.raft.raft_log
        disk = node.storage
        span = range(5, disk.last_index() + 1)
        assert tuple(disk.term(i) for i in span) == m.disk, m.said
        span = range(5, log.last_index() + 1)
        assert tuple(log.term(i) for i in span) == m.log, m.said
        queue = [
            tuple(e.term for e in w.entries)
            for w in node.append_work if w.entries
        ]
        assert tuple(queue) == m.writing, m.said


def late_report(rn: RawNode, store: MemoryStorage) -> None:
    """A, B, and A again; then the first report, which lay in a mailbox."""

    def ready() -> pb.Message:
        return rn.ready().messages[-1]

    def append(leader: int, term: int, prev: int, *terms: int) -> None:
        rn.step(pb.Message(
            type=pb.MsgApp, from_=leader, to=1, term=term, index=prev,
            log_term=rn.raft.raft_log.term(prev),
            entries=entries(prev + 1, *terms),
        ))  # fmt: skip

    append(2, 1, 1, 1)
    first = ready()
    append(3, 2, 1, 2)
    second = ready()
    store.append(first.entries)
    store.append(second.entries)
    append(2, 3, 1, 1, 3)
    ready()
    hear(rn, first)


def test_a_late_report_is_not_believed() -> None:
    store = storage(terms=[1], term=1)
    rn = raw_node(store, slow_disk=True)
    late_report(rn, store)
    assert store.term(2) == 2
    assert rn.raft.raft_log.term(2) == 1


def test_index_and_term_alone_would_have_believed_it() -> None:
    """The report made over to the term of today, to see what would come."""
    store = storage(terms=[1], term=1)
    rn = raw_node(store, slow_disk=True)
    late_report(rn, store)
    rn.raft.raft_log.stable_to(EntryID(1, 2))
    assert rn.raft.raft_log.term(2) == 2
    assert rn.raft.raft_log.term(3) == 3


def test_a_refusal_waits_behind_the_disk_too() -> None:
    """So in the scene the leader hears of it when both writes are done."""
    rn = raw_node(storage(terms=[1], term=1), slow_disk=True)
    rn.step(pb.Message(
        type=pb.MsgApp, from_=2, to=1, term=1, index=7, log_term=1,
        entries=entries(8, 1),
    ))  # fmt: skip
    (m,) = rn.ready().messages
    assert m.type is pb.MsgStorageAppend
    assert m.responses[0].reject


# -- the notes


def test_a_report_of_what_was_replaced_is_ignored() -> None:
    log = raft_log(stored(1), 1)
    log.accept_unstable()
    log.append(entries(2, 2))
    log.stable_to(EntryID(1, 2))
    assert log.unstable.offset == 2
    assert log.term(2) == 2


def test_what_is_replaced_while_it_is_written_is_written_again() -> None:
    log = raft_log(stored(1), 1, 1)
    log.accept_unstable()
    assert not log.has_next_unstable_ents()
    log.append(entries(3, 2))
    assert ids(log.next_unstable_ents()) == [(2, 3)]


def test_a_report_may_come_when_more_is_there() -> None:
    log = raft_log(stored(1), 1, 1)
    log.accept_unstable()
    log.append(entries(4, 1))
    log.stable_to(EntryID(1, 3))
    u = log.unstable
    assert (u.offset, u.offset_in_progress, len(u.entries)) == (4, 4, 1)


def test_what_was_handed_out_is_not_touched() -> None:
    log = raft_log(stored(1), 1, 1)
    handed = log.next_unstable_ents()
    log.append(entries(2, 2))
    assert ids(handed) == [(1, 2), (1, 3)]


def test_an_outdated_append_does_not_fit_behind_a_snapshot() -> None:
    """Storage has the entry still; the snapshot on its way replaces it."""
    log = raft_log(stored(1, 1, 1))
    log.restore(snapshot(9, 2, [1]))
    assert log.storage.term(3) == 1
    with pytest.raises(Compacted):
        log.term(3)
    slice_ = LogSlice(1, EntryID(1, 3), entries(4, 1))
    assert log.maybe_append(slice_, 0) is None


def test_what_unstable_replaces_is_gone_from_the_log() -> None:
    log = raft_log(stored(1, 1, 1))
    log.append(entries(2, 2))
    assert log.storage.term(3) == 1
    with pytest.raises(Unavailable):
        log.term(3)


def test_a_commit_index_reaches_no_further_than_the_entries_sent() -> None:
    """What lies beyond them may be another leader's."""
    log = raft_log(stored(1, 1, 1))
    log.maybe_append(LogSlice(2, EntryID(1, 1), entries(2, 1)), 3)
    assert log.committed == 2


def test_an_old_append_truncates_nothing() -> None:
    log = raft_log(stored(1, 1, 1), 1)
    log.maybe_append(LogSlice(1, EntryID(1, 1), entries(2, 1)), 0)
    assert log.last_index() == 4


def test_the_application_gets_no_more_than_the_limit() -> None:
    size = entries(1, 1)[0].size()
    log = raft_log(stored(1, 1, 1, 1), limit=2 * size + 1)
    log.commit_to(4)
    ents = log.next_committed_ents(True)
    assert len(ents) == 2
    log.accept_applying(2, ents_size(ents), True)
    assert not log.has_next_committed_ents(True)
    assert not log.next_committed_ents(True)
    log.applied_to(1, size)
    assert log.has_next_committed_ents(True)


def test_an_entry_larger_than_the_limit_goes_alone() -> None:
    log = raft_log(stored(1, 1), limit=1)
    log.commit_to(2)
    assert len(log.next_committed_ents(True)) == 1


def test_nothing_is_applied_beside_a_snapshot() -> None:
    log = raft_log(stored(1))
    log.restore(snapshot(3, 1, [1]))
    log.append(entries(4, 1))
    log.commit_to(4)
    log.applying = 3
    assert not log.has_next_committed_ents(True)
    assert not log.next_committed_ents(True)


def test_a_page_has_no_gap_between_storage_and_unstable() -> None:
    """Storage stops where the limit strikes; then unstable is not asked."""
    small, store = entries(1, 1)[0].size(), MemoryStorage()
    large = pb.Entry(term=1, index=3, data=bytes(100))
    store.append([*entries(1, 1, 1), large])
    log = raft_log(store, 1, 1)
    assert ids(log.slice(1, 6, 4 * small)) == [(1, 1), (1, 2)]
    assert ids(log.slice(1, 6, NO_LIMIT)) == [(1, n) for n in range(1, 6)]


def test_a_guess_passes_over_whole_terms() -> None:
    log = raft_log(stored(1, 1, 3, 3, 3))
    assert log.find_conflict_by_term(5, 2) == (2, 1)
    assert log.find_conflict_by_term(9, 2) == (9, 0)


def test_the_end_of_the_log_must_be_known() -> None:
    class Forgetful(MemoryStorage):
        def term(self, i: int) -> int:
            raise Unavailable

    with pytest.raises(RaftPanic):
        RaftLog(Forgetful(), discard_logger).last_entry_id()


def test_writes_are_handed_out_once() -> None:
    store = storage([1])
    rn = raw_node(store, slow_disk=True)
    rn.campaign()
    write(store, rn.ready())
    assert not rn.has_ready()


# What the reader is asked to break, and the tests that see it.
U, L = log_unstable, log_module
BROKEN: tuple[
    tuple[object, str, str, str, Callable[[], None]], ...
] = (
    (
        U, "Unstable.stable_to", "if term != id.term:", "if False:",
        test_a_report_of_what_was_replaced_is_ignored,
    ),
    (
        U, "Unstable.truncate_and_append",
        "min(self.offset_in_progress, from_index)",
        "self.offset_in_progress",
        test_what_is_replaced_while_it_is_written_is_written_again,
    ),
    (
        L, "RaftLog.term",
        "u.snapshot is not None and i < u.snapshot.index", "False",
        test_an_outdated_append_does_not_fit_behind_a_snapshot,
    ),
    (
        L, "RaftLog.term", "if i >= u.offset and (", "if False and (",
        test_what_unstable_replaces_is_gone_from_the_log,
    ),
    (
        L, "RaftLog.maybe_append", "min(committed, last_new_index)",
        "committed",
        test_a_commit_index_reaches_no_further_than_the_entries_sent,
    ),
    (
        L, "RaftLog.accept_applying",
        "or i < self.max_appliable_index(allow_unstable)", "",
        test_the_application_gets_no_more_than_the_limit,
    ),
    (
        L, "RaftLog.slice", "or len(ents) < cut - lo", "",
        test_a_page_has_no_gap_between_storage_and_unstable,
    ),
)  # fmt: skip


SEEN = (AssertionError, RaftPanic, RaftError, pytest.fail.Exception)


@pytest.mark.parametrize(
    ("module", "name", "text", "other", "seen"),
    BROKEN,
    ids=[f"{n}-{b[1]}" for n, b in enumerate(BROKEN, 1)],
)
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    text: str,
    other: str,
    seen: Callable[[], None],
) -> None:
    breaks(monkeypatch, name, text, other, module)  # type: ignore[arg-type]
    with pytest.raises(SEEN):
        seen()
