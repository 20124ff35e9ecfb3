"""What 2.1 must do."""

import random
from typing import Any

from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

AWAY = Reading("one-write.md#3-everywhere-at-once", "Everywhere at once")
LIMIT = 2000


def framing_of(t: Trial, name: str = "framing", limit: int = LIMIT) -> Any:  # noqa: ANN401
    return t.spy(t.name("LengthPrefixed")(limit), name)


@check("what was sent arrives", AWAY)
def arrives(t: Trial) -> None:
    here, there = framing_of(t, "here"), framing_of(t, "there")
    for body in (b"hello", b"", bytes(LIMIT), b"\x00\x00\x00\x05\r\n"):
        t.same(there.feed(here.encode(body)), [body],
               "one message, whatever bytes are in it; also none at all")


@check("messages arrive whole, however they are cut", AWAY)
def cuts(t: Trial) -> None:
    dice = random.Random(1)
    for _ in range(60):
        here, there = framing_of(t, "here"), framing_of(t, "there")
        bodies = [dice.randbytes(dice.choice((0, 1, 5, 300, 700)))
                  for _ in range(dice.randrange(6))]  # fmt: skip
        stream = b"".join(map(here.encode, bodies))
        came: list[bytes] = []
        while stream:
            size = dice.choice((1, 2, 3, 4, 5, 100, 1000))
            came += there.feed(stream[:size])
            stream = stream[size:]
        t.same(came, bodies, "a piece may end anywhere, in a length too")


@check("byte by byte, and as soon as it is there", AWAY)
def at_once(t: Trial) -> None:
    here, there = framing_of(t, "here"), framing_of(t, "there")
    one, two = here.encode(b"one"), here.encode(b"two")
    came = [there.feed(one[i : i + 1]) for i in range(len(one))]
    t.same(came, [[]] * (len(one) - 1) + [[b"one"]],
           "the last byte completes it, and no byte before")  # fmt: skip
    t.same(there.feed(one + two[:-1]), [b"one"],
           "one message is complete; the other is not")  # fmt: skip
    t.same(there.feed(two[-1:] + one + two), [b"two", b"one", b"two"],
           "now it is, and two more")  # fmt: skip
    t.same(there.feed(b""), [], "nothing came")


@check("what is given out is bytes, and stays as it is", AWAY)
def kept(t: Trial) -> None:
    here, there = framing_of(t, "here"), framing_of(t, "there")
    (first,) = there.feed(here.encode(b"first"))
    there.feed(here.encode(b"other"))
    t.same(first, b"first", "it must not change when more arrives")


@check("what is too long is not sent", AWAY)
def too_long(t: Trial) -> None:
    here = framing_of(t, "here")
    t.raises(ValueError, lambda: here.encode(bytes(LIMIT + 1)),
             "the other side would end the connection")  # fmt: skip
    t.holds(len(here.encode(bytes(LIMIT))) >= LIMIT,
            "as long as the limit it may be", "less", "all of it"
            )  # fmt: skip


@check("what is too long is refused before it is there", AWAY)
def refused(t: Trial) -> None:
    long = t.name("LengthPrefixed")(1 << 20).encode(bytes(1 << 20))
    there = framing_of(t, "there")

    def arrive() -> None:
        for at in range(0, LIMIT, 100):
            there.feed(long[at : at + 100])

    t.raises(ValueError, arrive,
             "four bytes from a stranger must not cost a gigabyte of memory:"
             " the length is known before the rest is")  # fmt: skip


@check("connections do not share anything", AWAY)
def apart(t: Trial) -> None:
    one, two = framing_of(t, "one"), framing_of(t, "two")
    stream = one.encode(b"message")
    one.feed(stream[:5])
    t.same(two.feed(stream), [b"message"], "each has bytes of its own")


@check("nonsense raises ValueError or waits", AWAY)
def nonsense(t: Trial) -> None:
    dice = random.Random(2)
    for _ in range(200):
        there = framing_of(t, "there")
        try:
            came = there.feed(dice.randbytes(dice.randrange(40)))
        except ValueError:
            continue
        t.holds(all(len(b) <= LIMIT for b in came),
                "whatever a stranger sends", "a message beyond the limit",
                "none")  # fmt: skip


CHECKS = [arrives, cuts, at_once, kept, too_long, refused, apart, nonsense]
