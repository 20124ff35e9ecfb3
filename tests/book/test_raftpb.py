"""What the chapter *Messages as bytes* says, asked of the port.

The notes of `book/pages/raftpb.md` cite these tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from book.weave import octets
from port import log, util
from port import raftpb as pb
from port import storage as stored
from port.raftpb import raft_pb
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.util import (
    describe_message,
    ents_size,
    limit_size,
    payloads_size,
)
from tests.book.breaking import breaks
from tests.port.raft.nodes import leader, node, storage, take_messages

BOOK = Path(__file__).parents[2] / "book"
PAGE = BOOK / "pages" / "raftpb.md"
SCENARIOS = BOOK / "scenarios"


def test_the_picture_reads_back() -> None:
    """Its pieces make the bytes, and the sizes are those of the page."""
    for _, entry in octets.ENTRIES:
        parts = octets.pieces(entry)
        whole = b"".join(
            tag + length + value for _, tag, length, value in parts
        )
        assert whole == entry.marshal()
        assert len(whole) == entry.size()
    assert [entry.size() for _, entry in octets.ENTRIES] == [16, 4, 6]
    text = re.sub("<[^>]+>", " ", octets.svg())
    assert 'data: 10 bytes, &quot;color:blue&quot;' in text


def test_the_message_laid_open_is_the_day_s() -> None:
    env = InteractionEnv()
    for d in parse((SCENARIOS / "one-day.txt").read_text("utf-8"), "day"):
        env.handle(d)
        if env.messages and env.messages[0].entries:
            break
    assert env.messages[0] == octets.MESSAGE
    line = describe_message(octets.MESSAGE)
    page = PAGE.read_text(encoding="utf-8")
    assert f"```text\n{line}\n```" in page
    assert octets.MESSAGE.size() == 32
    assert len(octets.absent(octets.MESSAGE)) == 6
    assert octets.absent(octets.ENTRIES[0][1]) == ["type"]
    said = "`08 09 10 01 18 02 20 01`"
    assert said in page
    assert pb.Message.unmarshal(bytes.fromhex(said.strip("`"))) == pb.Message(
        type=pb.MsgHeartbeatResp, to=1, from_=2, term=1
    )


@pytest.mark.parametrize(
    ("value", "size"),
    [(None, 0), (0, 2), (False, 2), (pb.EntryNormal, 2), (b"", 2), ([], 0)],
)
def test_two_ways_to_say_nothing(value: object, size: int) -> None:
    """The table, each row in the first field that can hold such a value."""
    kind = type(value)
    message: pb.Proto = pb.Entry()
    if isinstance(value, pb.EntryType):
        message = pb.Entry(type=value)
    elif isinstance(value, bytes):
        message = pb.Entry(data=value)
    elif kind is bool:
        message = pb.Message(reject=bool(value))
    elif isinstance(value, int):
        message = pb.Entry(index=value)
    elif isinstance(value, list):
        message = pb.Message(entries=value)
    assert message.size() == size == len(message.marshal())


def handed_out() -> list[list[int]]:
    """Plays the scene, and returns which entries are handed out together."""
    env = InteractionEnv()
    batches: list[list[int]] = []
    text = (SCENARIOS / "one-byte.txt").read_text("utf-8")
    for d in parse(text, "one-byte"):
        said = env.handle(d)
        _, there, rest = said.partition("CommittedEntries:\n")
        if there and d.cmd == "process-ready":
            batches.append(
                [int(n) for n in re.findall(r"^1/(\d+) ", rest, re.M)]
            )
    return batches


def test_four_and_then_three() -> None:
    """One byte more an entry, and one entry less fits."""
    assert handed_out() == [[124, 125, 126, 127], [128, 129, 130], [131]]


def test_with_a_type_each_three_fit() -> None:
    ents = [
        pb.Entry(1, index, pb.EntryNormal, b"color:blue")
        for index in range(120, 128)
    ]
    assert [e.size() for e in ents] == [18] * 8
    assert len(limit_size(ents, 64)) == 3


def test_the_table_of_changes() -> None:
    steps = pb.conf_changes_from_string("v4")
    auto = pb.ConfChangeTransitionAuto
    changes: tuple[pb.ConfChangeI | None, ...] = (
        pb.ConfChange(type=pb.ConfChangeAddNode, node_id=4),
        pb.ConfChangeV2(changes=steps),
        pb.ConfChangeV2(transition=auto, changes=steps),
        pb.ConfChangeV2(transition=auto),
        None,
    )
    page = PAGE.read_text(encoding="utf-8")
    for change in changes:
        kind, data = pb.marshal_conf_change(change)
        said = "none" if data is None else f"`{data.hex(' ')}`"
        row = f"| `{kind}` | {said} | {len(data or b'')} |"
        assert row in page


@pytest.mark.parametrize(
    ("index", "size"), [(127, 16), (128, 17), (16_383, 17), (16_384, 18)]
)
def test_an_entry_grows_with_its_index(index: int, size: int) -> None:
    entry = pb.Entry(term=1, index=index, data=b"color:blue")
    assert entry.size() == size == len(entry.marshal())


def test_two_kinds_of_size() -> None:
    """What limits messages counts framing, and what limits data does not."""
    entries = [
        pb.Entry(term=1, index=index, data=b"color:blue")
        for index in range(1, 101)
    ]
    assert payloads_size(entries) == 1000
    assert ents_size(entries) == 1600
    assert len(limit_size(entries, 160)) == 10


def test_what_weighs_nothing_is_never_refused() -> None:
    r = leader(1, storage((1, 2, 3)))
    r.max_uncommitted_size = 1
    assert r.increase_uncommitted_size([pb.Entry(data=b"long")])
    assert not r.increase_uncommitted_size([pb.Entry(data=b"more")])
    assert r.increase_uncommitted_size([pb.Entry()])
    kind, data = pb.marshal_conf_change(None)
    assert r.increase_uncommitted_size([pb.Entry(type=kind, data=data)])


def test_a_type_of_message_from_the_future_does_nothing() -> None:
    for r in (leader(1, storage((1, 2, 3))), node(2, storage((1, 2, 3)))):
        take_messages(r)
        r.step(pb.Message(
            type=pb.MessageType(77), from_=3, to=r.id, term=r.term
        ))
        assert not take_messages(r)


def test_the_first_form_becomes_the_second_with_its_type() -> None:
    first = pb.ConfChange(node_id=4, context=b"c")
    second = first.as_v2()
    assert second.changes[0].type is pb.ConfChangeAddNode
    assert second.context == b"c"
    assert first.size() < second.size()


def entry_at_128() -> None:
    test_an_entry_grows_with_its_index(128, 17)


# What the reader is asked to break, and the tests that see it.
BROKEN: tuple[
    tuple[ModuleType, str, str, str, Callable[[], None]], ...
] = (
    (
        util, "limit_size", "if size > max_size:", "if size >= max_size:",
        test_four_and_then_three,
    ),
    (
        raft_pb, "Entry.size", "    if self.type is not None:\n"
        "            n += 2", "    n += 2", test_four_and_then_three,
    ),
    (
        raft_pb, "Entry.size",
        "n += 1 + ((index | 1).bit_length() + 6) // 7", "n += 2",
        test_four_and_then_three,
    ),
    (
        raft_pb, "Entry.size",
        "n += 1 + ((index | 1).bit_length() + 6) // 7", "n += 2",
        entry_at_128,
    ),
    (
        raft_pb, "Proto._present", "elif value is not None:", "elif value:",
        test_the_table_of_changes,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("module", "name", "text", "other", "seen"),
    BROKEN,
    ids=[f"{n}-{b[1]}" for n, b in enumerate(BROKEN, 1)],
)
def test_what_is_broken_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    text: str,
    other: str,
    seen: Callable[[], None],
) -> None:
    breaks(monkeypatch, name, text, other, module)
    for user in (log, stored):
        monkeypatch.setattr(user, "limit_size", util.limit_size)
    with pytest.raises(AssertionError):
        seen()
