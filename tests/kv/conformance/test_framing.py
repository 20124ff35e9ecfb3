"""What any framing must do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kv.parts import Parts
from kv.seams import Framing

LIMIT = 2000


@pytest.fixture
def framing(parts: Parts) -> Framing:
    return parts.framing(LIMIT)


bodies = st.lists(st.binary(max_size=300) | st.just(bytes(LIMIT)), max_size=6)


@settings(max_examples=80, deadline=None)
@given(bodies, st.lists(st.integers(1, 400), max_size=30))
def test_messages_arrive_whole_however_they_are_cut(
    parts: Parts, bodies: list[bytes], cuts: list[int]
) -> None:
    here, there = parts.framing(LIMIT), parts.framing(LIMIT)
    stream = b"".join(map(here.encode, bodies))
    came: list[bytes] = []
    for size in cuts:
        came += there.feed(stream[:size])
        stream = stream[size:]
    came += there.feed(stream)
    assert came == bodies
    assert there.feed(b"") == []


def test_byte_by_byte(parts: Parts, framing: Framing) -> None:
    stream = framing.encode(b"") + framing.encode(b"two")
    receiver = parts.framing(LIMIT)
    came = [receiver.feed(stream[n : n + 1]) for n in range(len(stream))]
    assert [body for some in came for body in some] == [b"", b"two"]
    assert came[-1] == [b"two"], "the last byte completes the last message"


def test_a_message_is_given_out_as_soon_as_it_is_there(
    framing: Framing,
) -> None:
    one, two = framing.encode(b"one"), framing.encode(b"two")
    assert framing.feed(one + two[:-1]) == [b"one"]
    assert framing.feed(two[-1:]) == [b"two"]


def test_what_is_too_long_is_not_sent(framing: Framing) -> None:
    framing.encode(bytes(LIMIT))
    with pytest.raises(ValueError, match=r"."):
        framing.encode(bytes(LIMIT + 1))


def test_what_is_too_long_is_refused_at_once(parts: Parts) -> None:
    """Not when all of it has arrived: it may never, and fill the memory."""
    long = parts.framing(1 << 20).encode(bytes(1 << 20))
    receiver = parts.framing(LIMIT)

    def arrive() -> None:
        for at in range(0, LIMIT * 2, 100):
            receiver.feed(long[at : at + 100])

    with pytest.raises(ValueError, match=r"."):
        arrive()


def test_connections_do_not_share(parts: Parts) -> None:
    one, two = parts.framing(LIMIT), parts.framing(LIMIT)
    stream = one.encode(b"message")
    assert one.feed(stream[:5]) == []
    assert two.feed(stream) == [b"message"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=8))
def test_nonsense_is_refused_or_waits(parts: Parts, some: list[bytes]) -> None:
    """It raises nothing but ValueError, and makes nothing too long."""
    receiver = parts.framing(LIMIT)
    try:
        for data in some:
            assert all(len(body) <= LIMIT for body in receiver.feed(data))
    except ValueError:
        pass
