"""What 4.2 must do."""

from __future__ import annotations

from kv.lincheck.history import NEVER, Operation
from labs.lab4_break.judging import agree, histories, in_words
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

IDEA = Reading("idea.md", "The idea")
READS = Reading("reads.md", "Reads")
STALE = Reading("stale-leader.md", "A stale leader's reads")


def op(
    f: str, call: int, ret: int | None, value: object = None,
    result: object = None,
) -> Operation:  # fmt: skip
    end = NEVER if ret is None else ret
    return Operation(
        call, str(call), f, "k", value, result,
        call, end, ret is not None,
    )  # fmt: skip


def put(value: object, call: int, ret: int | None) -> Operation:
    return op("put", call, ret, value)


def get(result: object, call: int, ret: int) -> Operation:
    return op("get", call, ret, result=result)


def ask(t: Trial, expected: bool, why: str, *operations: Operation) -> None:
    function = t.name("linearizable")
    t.called = f"linearizable of: {in_words(operations)}"
    came = function(list(operations))
    if came is not expected:
        t.wrong(why, repr(came), repr(expected))


@check("one after the other, each sees the last", IDEA)
def in_turn(t: Trial) -> None:
    ask(t, True, "nothing overlaps, all is as it should be",
        put(1, 0, 1), get(1, 2, 3), put(2, 4, 5), get(2, 6, 7))
    ask(t, True, "before anything was put, there is None", get(None, 0, 1))
    ask(t, False, "nobody has put 7", put(1, 0, 1), get(7, 2, 3))


@check("a read that began after a write had ended sees it", STALE)
def stale(t: Trial) -> None:
    ask(t, False, "1 was over when the get began",
        put(1, 0, 1), put(2, 2, 3), get(1, 4, 5))
    ask(t, False, "the first get saw 2, so the second cannot see 1",
        put(1, 0, 1), put(2, 2, 9), get(2, 3, 4), get(1, 5, 6))


@check("what overlaps may come in any order", IDEA)
def overlapping(t: Trial) -> None:
    for seen in (1, 2):
        ask(t, True, "both puts were under way: either may be the last",
            put(1, 0, 5), put(2, 1, 6), get(seen, 7, 8))
    ask(t, True, "the get may come before the put, or after",
        put(1, 0, 9), get(None, 1, 2), get(1, 3, 4))


@check("the end and the beginning at one moment overlap", IDEA)
def touching(t: Trial) -> None:
    ask(t, True, "it did not *end before* the other began: equal times may"
        " come in either order", put(1, 0, 2), get(None, 2, 3))  # fmt: skip


@check("an unknown write may happen, or not", IDEA)
def unknown(t: Trial) -> None:
    ask(t, True, "it never happened", put(1, 0, None), get(None, 5, 6))
    ask(t, True, "it happened after all, long after",
        put(1, 0, None), get(None, 5, 6), get(1, 7, 8))
    ask(t, True, "it cannot have swapped, and need not have",
        put(1, 0, 1), op("cas", 2, None, (5, 6)), get(1, 3, 4))
    ask(t, False, "it can happen once, not twice",
        put(1, 0, None), put(2, 1, 2), get(1, 3, 4), put(2, 5, 6),
        get(1, 7, 8))  # fmt: skip


@check("a cas is a read and a write in one", READS)
def swaps(t: Trial) -> None:
    ask(t, True, "it found 1", put(1, 0, 1), op("cas", 2, 3, (1, 2), True),
        get(2, 4, 5))  # fmt: skip
    ask(t, False, "it swapped, and found something else",
        put(1, 0, 1), op("cas", 2, 3, (5, 2), True))
    ask(t, False, "it did not swap, and found just what it wanted",
        put(1, 0, 1), op("cas", 2, 3, (1, 2), False))
    ask(t, False, "two swaps from one value",
        put(1, 0, 1), op("cas", 2, 8, (1, 2), True),
        op("cas", 3, 9, (1, 3), True))


@check("it is right about histories of which it knows nothing", IDEA)
def agrees(t: Trial) -> None:
    agree(t, "linearizable", t.name("linearizable"),
          histories(40, 7, 3, values=2, unknown=0.1))  # fmt: skip


CHECKS = [in_turn, stale, overlapping, touching, unknown, swaps, agrees]
