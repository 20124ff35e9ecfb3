"""Requests out of bytes: any cuts, any nonsense, nothing beyond the limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kv.resp import MAX_PART, MAX_PARTS, ProtocolError, Requests, TooLarge

WORDS = st.lists(st.binary(max_size=30), min_size=1, max_size=5)


def encode(words: list[bytes]) -> bytes:
    body = b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)
    return b"*%d\r\n%b" % (len(words), body)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({p % (len(data) + 1) for p in places} | {len(data)})
    return [
        data[a:b] for a, b in zip([0, *ends], ends, strict=False) if b > a
    ]


def feed_all(pieces: list[bytes]) -> list[list[bytes]]:
    feed = Requests()
    return [request for piece in pieces for request in feed.feed(piece)]


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8), st.lists(st.integers(0)))
def test_cuts_do_not_matter(
    requests: list[list[bytes]], places: list[int]
) -> None:
    stream = b"".join(map(encode, requests))
    assert feed_all(cut(stream, places)) == requests


@settings(deadline=None)
@given(st.lists(st.integers(0), max_size=30), st.integers(1, 40_000))
def test_long_values_come_whole(places: list[int], size: int) -> None:
    request = [b"SET", b"*99999\r\n$88888\r\n", b"$77777\r\n" * (size // 8)]
    stream = encode(request) * 3 + encode([b"PING"])
    assert feed_all(cut(stream, places)) == [request] * 3 + [[b"PING"]]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=10))
def test_nonsense_is_refused_or_harmless(pieces: list[bytes]) -> None:
    feed = Requests()
    try:
        for piece in pieces:
            for request in feed.feed(piece):
                assert all(type(word) is bytes for word in request)
    except ProtocolError:
        pass


@settings(deadline=None)
@given(
    st.sampled_from([b"*", b"$", b"%", b"~", b">"]),
    st.integers(MAX_PART + 1, 10**25),
    st.lists(st.integers(0)),
    st.booleans(),
)
def test_no_room_is_made_for_what_is_announced(
    sign: bytes, number: int, places: list[int], inside: bool
) -> None:
    data = encode([b"PING"]) * inside + b"*2\r\n$3\r\nGET\r\n" * (sign == b"$")
    data += b"%b%d\r\n" % (sign, number)
    with pytest.raises(ProtocolError):
        feed_all(cut(data, places))


def test_the_limits_are_named() -> None:
    with pytest.raises(TooLarge, match=f"the limit is {MAX_PARTS}"):
        Requests().feed(b"*%d\r\n" % 123456)
    with pytest.raises(TooLarge, match=f"the limit is {MAX_PART}"):
        Requests().feed(b"*1\r\n$%d\r\n" % (MAX_PART + 1))


def test_a_long_value_in_small_pieces_takes_no_time_to_check() -> None:
    # Were all of it looked at with each piece, this would take minutes.
    request = encode([b"SET", b"a", b"x" * 400_000])
    feed = Requests()
    found = []
    for at in range(0, len(request), 40):
        found += feed.feed(request[at : at + 40])
    assert len(found) == 1


def test_lines_as_people_type_them() -> None:
    assert Requests().feed(b"PING\r\n\r\n set a b\n") == [
        [b"PING"],
        [b"set", b"a", b"b"],
    ]
    with pytest.raises(ProtocolError):
        Requests().feed(b"GET " + b"a" * 5000)
