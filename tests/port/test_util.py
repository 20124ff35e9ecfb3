"""Sizes, kinds of messages, and how things print: `util_test.go`."""

from __future__ import annotations

import pytest

from port import raftpb as pb
from port.errors import RaftPanic
from port.types import NO_LIMIT
from port.util import (
    describe_entry,
    ents_size,
    is_local_msg,
    is_local_msg_target,
    is_response_msg,
    limit_size,
    payload_size,
    payloads_size,
    vote_resp_msg_type,
)
from tests.port.raft.nodes import entries


@pytest.mark.parametrize(
    ("formatter", "text"),
    [
        (None, r'1/2 EntryNormal "hello\x00world"'),
        (lambda data: data.decode().upper(), "1/2 EntryNormal HELLO\0WORLD"),
    ],
    ids=["quoted", "formatted"],
)
def test_describe_entry(formatter: object, text: str) -> None:
    """Data is quoted as Go does it, unless there is a formatter."""
    entry = pb.Entry(
        term=1, index=2, type=pb.EntryNormal, data=b"hello\x00world"
    )
    assert describe_entry(entry, formatter) == text


ENTS = entries(4, 4, 5, 6)
ONE = ENTS[0].size()


@pytest.mark.parametrize(
    ("max_size", "count"),
    [
        (NO_LIMIT, 3),
        (0, 1),  # one at least
        (2 * ONE, 2),
        (2 * ONE + ONE // 2, 2),
        (3 * ONE - 1, 2),
        (3 * ONE, 3),
    ],
)
def test_limit_size(max_size: int, count: int) -> None:
    """As many entries as fit, but never none."""
    limited = limit_size(ENTS, max_size)
    assert limited == ENTS[:count]
    assert count == 1 or ents_size(limited) <= max_size


LOCAL = {
    pb.MsgHup,
    pb.MsgBeat,
    pb.MsgUnreachable,
    pb.MsgSnapStatus,
    pb.MsgCheckQuorum,
    pb.MsgStorageAppend,
    pb.MsgStorageAppendResp,
    pb.MsgStorageApply,
    pb.MsgStorageApplyResp,
}
RESPONSES = {
    pb.MsgAppResp,
    pb.MsgVoteResp,
    pb.MsgHeartbeatResp,
    pb.MsgUnreachable,
    pb.MsgReadIndexResp,
    pb.MsgPreVoteResp,
    pb.MsgStorageAppendResp,
    pb.MsgStorageApplyResp,
}


@pytest.mark.parametrize("kind", pb.MessageType, ids=str)
def test_is_local_msg(kind: pb.MessageType) -> None:
    """Some messages never travel between nodes."""
    assert is_local_msg(kind) is (kind in LOCAL)


@pytest.mark.parametrize("kind", pb.MessageType, ids=str)
def test_is_response_msg(kind: pb.MessageType) -> None:
    """Some messages answer another one, or stand for its not arriving."""
    assert is_response_msg(kind) is (kind in RESPONSES)


def test_payload_size_of_empty_entry() -> None:
    """Without data an entry has no payload, whatever its encoding takes."""
    assert payload_size(pb.Entry(data=None)) == 0
    assert payloads_size([pb.Entry(), pb.Entry(data=b"ab")]) == 2


@pytest.mark.parametrize("id", [0, 1, pb.MAX_UINT64 - 2])
def test_a_node_is_no_local_target(id: int) -> None:
    assert not is_local_msg_target(id)


def test_the_storage_threads_are_local_targets() -> None:
    assert is_local_msg_target(pb.MAX_UINT64)
    assert is_local_msg_target(pb.MAX_UINT64 - 1)


def test_what_answers_a_vote() -> None:
    assert vote_resp_msg_type(pb.MsgVote) is pb.MsgVoteResp
    assert vote_resp_msg_type(pb.MsgPreVote) is pb.MsgPreVoteResp
    with pytest.raises(RaftPanic, match="not a vote message: MsgApp"):
        vote_resp_msg_type(pb.MsgApp)
