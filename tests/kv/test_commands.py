"""Commands, results and entries as bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kv.commands import (
    MAX_KEY,
    MAX_KEYS,
    MAX_VALUE,
    BadCommand,
    Command,
    Op,
    Result,
    Status,
    When,
    append,
    cas,
    close_session,
    count,
    decode,
    decode_result,
    delete,
    encode,
    encode_result,
    exists,
    get,
    list_keys,
    open_session,
    put,
)
from kv.entries import pack_entry, unpack_entries
from kv.packing import pack, unpack
from port import raftpb as pb

some = st.binary(max_size=20)
commands = st.one_of(
    st.builds(get, some),
    st.builds(put, some, some, st.sampled_from(When)),
    st.builds(append, some, some),
    st.builds(cas, some, st.none() | some, st.none() | some),
    st.lists(some).map(lambda keys: delete(*keys)),
    st.lists(some).map(lambda keys: exists(*keys)),
    st.builds(count, some),
    st.builds(list_keys, some, st.none() | some, st.integers(0, 1 << 40)),
    st.builds(open_session),
    st.builds(close_session, st.integers(0, (1 << 64) - 1)),
)
number = st.integers(0, (1 << 64) - 1)


@settings(max_examples=200, deadline=None)
@given(commands, number, number, number)
def test_a_command_comes_back(
    command: Command, client: int, sequence: int, tag: int
) -> None:
    if command.op is not Op.CLOSE_SESSION:
        command = command._replace(client=client)
    command = command._replace(sequence=sequence, tag=tag)
    back = decode(encode(command))
    assert back == command
    assert isinstance(back.op, Op)
    assert isinstance(back.when, When)


def test_every_operation_has_its_bytes() -> None:
    for op in Op:
        keys = (b"k",) if op in (Op.DELETE, Op.EXISTS) else ()
        key = b"" if keys or op >= Op.OPEN_SESSION else b"k"
        value = b"v" if op in (Op.PUT, Op.APPEND, Op.CAS) else None
        command = Command(op, key, value, keys=keys)
        assert decode(encode(command)) == command


def test_the_format_stays() -> None:
    """What is in a log must be readable for ever."""
    command = put(b"k", b"v", When.ABSENT)._replace(
        client=5, sequence=6, tag=7
    )
    assert unpack(encode(command)) == [2, 7, 5, 6, b"k", b"v", 1]
    assert unpack(encode(cas(b"k", None, b"v"))) == [
        4, 0, 0, 0, b"k", b"v", None,
    ]  # fmt: skip
    entry = pb.Entry(2, 7, pb.EntryConfChange, b"d")
    assert unpack(pack_entry(entry)) == [2, 7, 1, b"d"]
    assert unpack(pack_entry(pb.Entry(2, 7))) == [2, 7, None, None]


@pytest.mark.parametrize(
    "bad",
    [
        None, 7, {}, [], [99, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0, "text"],
        [1, 0, 0, 0, b"k", b"extra"], [2, 0, 0, 0, b"k", None, 0],
        [2, 0, 0, 0, b"k", b"v", 3], [2, 0, 0, 0, b"k", b"v", True],
        [2, -1, 0, 0, b"k", b"v", 0], [2, 0, 1.5, 0, b"k", b"v", 0],
        [2, 0, 0, 0, bytes(MAX_KEY + 1), b"v", 0],
        [2, 0, 0, 0, b"k", bytes(MAX_VALUE + 1), 0],
        [5, 0, 0, 0, b"k"], [5, 0, 0, 0, [b"k"] * (MAX_KEYS + 1)],
        [5, 0, 0, 0, [1]], [8, 0, 0, 0, b"", b"", -1], [[], 0, 0, 0],
    ],
)  # fmt: skip
def test_what_is_no_command(bad: object) -> None:
    with pytest.raises(BadCommand):
        decode(pack(bad))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), commands, st.integers(0, 60))
def test_any_bytes_are_a_command_or_none(
    data: bytes, command: Command, at: int
) -> None:
    whole = encode(command)
    for bad in (data, whole[:at], whole[:at] + data, data + whole):
        with suppress(BadCommand):
            assert isinstance(decode(bad), Command)


@pytest.mark.parametrize("value", [None, 0, 77, b"", b"v", [], [b"a", b"b"]])
@pytest.mark.parametrize("status", Status)
def test_a_result_comes_back(status: Status, value: object) -> None:
    result = Result(status, value)  # type: ignore[arg-type]
    back = decode_result(encode_result(result))
    assert back == result
    assert isinstance(back.status, Status)


@pytest.mark.parametrize("bad", [None, [], [99, None], [0, 1, 2], 5])
def test_what_is_no_result(bad: object) -> None:
    with pytest.raises(BadCommand):
        decode_result(pack(bad))


entries = st.lists(
    st.builds(
        pb.Entry,
        number,
        number,
        st.none() | st.sampled_from(pb.EntryType),
        st.none() | some,
    ),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(entries, st.data())
def test_entries_come_back_or_are_refused(
    some: list[pb.Entry], data: st.DataObject
) -> None:
    frames = [pack_entry(entry) for entry in some]
    whole = b"".join(frames)
    assert unpack_entries(b"##" + whole, 2, 2 + len(whole)) == some
    end = data.draw(st.integers(0, len(whole)))
    ends = [len(b"".join(frames[:n])) for n in range(len(frames) + 1)]
    if end in ends:
        assert unpack_entries(whole, 0, end) == some[: ends.index(end)]
    else:
        with pytest.raises(ValueError, match="cut short"):
            unpack_entries(whole, 0, end)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_other_bytes_are_no_entries(data: bytes) -> None:
    with suppress(ValueError):
        assert unpack_entries(data, 0, len(data)) is not None
