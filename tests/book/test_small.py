"""What the chapter *Small parts* says, asked of the port."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

import port.errors
from book.weave import spelled
from port import raftpb as pb
from port import util
from port.errors import InvalidConfig, RaftError, RaftPanic, StepLocalMsg
from port.logger import (
    DefaultLogger,
    discard_logger,
    get_logger,
    reset_default_logger,
    set_logger,
)
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.rawnode import RawNode
from port.types import LOCAL_APPEND_THREAD, EntryID, LogSlice
from port.util import (
    describe_entry,
    describe_message,
    ents_size,
    limit_size,
    payloads_size,
    quote,
)
from tests.book.breaking import Break, breaks
from tests.book.test_rawnode import raw_node
from tests.port.raft.nodes import entries, storage

BOOK = Path(__file__).parents[2] / "book"
PAGE = BOOK / "pages" / "small.md"
SCENARIOS = BOOK / "scenarios"


class Kept(logging.Handler):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_a_line_of_a_transcript() -> None:
    m = pb.Message(
        type=pb.MsgApp, from_=1, to=10, term=2, log_term=1, index=3,
        commit=4, entries=[pb.Entry(term=2, index=4, data=b"a\xff")],
    )  # fmt: skip
    assert describe_message(m) == (
        '1->a MsgApp Term:2 Log:1/3 Commit:4'
        ' Entries:[2/4 EntryNormal "a\\xff"]'
    )


def test_the_line_of_the_picture() -> None:
    line = spelled.line()
    text = PAGE.read_text(encoding="utf-8")
    assert all(piece in line for piece, _, _ in spelled.PIECES)
    for piece, _, _ in spelled.PIECES[:-1]:
        assert f"| `{piece}` |" in text
    vote = pb.Message(
        type=pb.MsgVote, from_=12, to=2, term=7, log_term=4, index=90
    )
    assert f'"`{describe_message(vote)}`, and node 2' in text


def test_the_minute_is_from_the_scene() -> None:
    """The lines come in that order, and from its step 14."""
    text = PAGE.read_text(encoding="utf-8")
    lines = text.partition("```text\n")[2].partition("```")[0].splitlines()
    assert len(lines) == 11
    scene = (SCENARIOS / "pulled-cable.txt").read_text("utf-8")
    printed = parse(scene, "scene")[13].expected.splitlines()
    said = iter(line.strip() for line in printed)
    assert all(line.strip() in said for line in lines)


def test_a_write_that_nobody_else_has_goes() -> None:
    """Step 6 has it, step 14 replaces it, and it was never committed."""
    env = InteractionEnv()
    scene = (SCENARIOS / "pulled-cable.txt").read_text("utf-8")
    for step, d in enumerate(parse(scene, "scene"), 1):
        env.handle(d)
        if step in (6, 13):
            log = env.nodes[0].raw_node.raft.raft_log
            assert log.term(4) == 1
            assert log.committed == 3
    assert log.term(4) == 2


def test_the_sieve_is_against_mistakes() -> None:
    """What is from elsewhere is refused, what says it is not comes in."""
    rn: RawNode = raw_node(storage([1, 2]))
    said = pb.Message(type=pb.MsgStorageAppendResp, from_=2, to=1)
    with pytest.raises(StepLocalMsg):
        rn.step(said)
    said.from_ = LOCAL_APPEND_THREAD
    rn.step(said)


def test_a_hint_of_0_is_shown() -> None:
    m = pb.Message(type=pb.MsgAppResp, from_=2, to=1, reject=True)
    assert describe_message(m).endswith("Rejected (Hint: 0)")


def test_a_formatter_is_for_data_only() -> None:
    shown: Callable[[bytes], str] = lambda data: "shown"  # noqa: E731
    change = pb.ConfChange(type=pb.ConfChangeAddNode, node_id=4).marshal()
    data = pb.Entry(term=1, index=1, data=b"x")
    e = pb.Entry(term=1, index=2, type=pb.EntryConfChange, data=change)
    assert describe_entry(data, shown) == "1/1 EntryNormal shown"
    assert describe_entry(e, shown) == "1/2 EntryConfChange v4"


def test_two_sizes() -> None:
    """One with all its framing, which index and term change, one without."""
    ents = [pb.Entry(data=b"x" * 10)]
    small = ents_size(ents), payloads_size(ents)
    ents[0].index, ents[0].term = 10**9, 10**6
    assert payloads_size(ents) == small[1] == 10
    assert ents_size(ents) > small[0]


def test_one_entry_at_least() -> None:
    ents = entries(1, 1, 1)
    assert limit_size(ents, 0) == ents[:1]
    assert limit_size([], 0) == []


def test_what_is_printable_stands_as_it_is() -> None:
    assert quote('é"\n\x00'.encode()) == '"é\\"\\n\\x00"'


def test_forgetting_is_not_local() -> None:
    """Nobody sends it, and yet it is taken from the network."""
    rn: RawNode = raw_node(storage([1, 2]))
    rn.step(pb.Message(type=pb.MsgHeartbeat, from_=2, to=1, term=1))
    assert rn.raft.lead == 2
    rn.step(pb.Message(type=pb.MsgForgetLeader, from_=3, to=1))
    assert rn.raft.lead == 0


def test_a_panic_is_no_error() -> None:
    """Whoever deals with errors cannot swallow one."""
    assert not issubclass(RaftPanic, RaftError)
    assert issubclass(InvalidConfig, RaftPanic)
    kinds = [
        k for k in vars(port.errors).values()
        if isinstance(k, type) and issubclass(k, RaftError)
    ]
    assert len(kinds) == 11
    assert all(str(k()) == k.text for k in kinds)


def test_panic_and_fatal_do_not_come_back() -> None:
    with pytest.raises(RaftPanic, match="entry 7 is lost"):
        discard_logger.panic("entry %d is lost", 7)
    with pytest.raises(SystemExit):
        discard_logger.fatal("no disk")


def test_a_percent_sign_without_arguments_is_one() -> None:
    with pytest.raises(RaftPanic, match="100% lost"):
        discard_logger.panic("100% lost")


def test_debug_lines_are_dropped_until_they_are_wanted() -> None:
    kept = Kept()
    logger = DefaultLogger(kept)
    logger.debug("one")
    logger.enable_debug()
    logger.debug("%s", "two")
    logger.warning("three")
    assert kept.lines == ["raft DEBUG: two", "raft WARN: three"]


def test_the_logger_of_all_can_be_changed_and_comes_back() -> None:
    before = get_logger()
    try:
        set_logger(discard_logger)
        assert get_logger() is discard_logger
    finally:
        reset_default_logger()
    assert get_logger() is before


def test_two_ids_are_one_entry_if_both_numbers_agree() -> None:
    assert EntryID(2, 7) == EntryID(2, 7)
    assert EntryID(2, 7) != EntryID(1, 7)
    assert max(EntryID(2, 7), EntryID(1, 9)) == EntryID(2, 7)


def test_a_slice_knows_what_precedes_it() -> None:
    s = LogSlice(3, EntryID(1, 4), entries(5, 1, 2))
    assert (s.last_index(), s.last_entry_id()) == (6, EntryID(2, 6))
    s.valid()
    with pytest.raises(RaftError, match="newer term"):
        LogSlice(1, EntryID(1, 4), entries(5, 1, 2)).valid()
    with pytest.raises(RaftError, match="not consistent"):
        LogSlice(3, EntryID(1, 4), entries(6, 1)).valid()


# What the reader is asked to break, and the tests that see it.
BROKEN: tuple[Break, ...] = (
    (
        "describe_message_with_indent", "if m.reject:",
        "if m.reject and m.reject_hint:", test_a_hint_of_0_is_shown,
    ),
    (
        "limit_size", "for limit in range(1, len(ents)):",
        "if size > max_size:\n        return []\n"
        "    for limit in range(1, len(ents)):", test_one_entry_at_least,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "other", "seen"), BROKEN, ids=[b[0] for b in BROKEN]
)
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    other: str,
    seen: Callable[[], None],
) -> None:
    breaks(monkeypatch, name, text, other, util)
    monkeypatch.setitem(globals(), "limit_size", util.limit_size)
    with pytest.raises(AssertionError):
        seen()
