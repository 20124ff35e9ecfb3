"""What the chapter *Messages as bytes* says, asked of the port.

The notes of `book/pages/raftpb.md` cite these tests.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from book.weave import octets
from port import raftpb as pb
from port.util import ents_size, limit_size, payloads_size
from tests.port.raft.nodes import leader, node, storage, take_messages

PAGE = Path(__file__).parents[2] / "book" / "pages" / "raftpb.md"


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
