"""What 4.4 must do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kv.lincheck import Verdict
from kv.lincheck import check as judge
from kv.lincheck.history import NEVER, Operation
from labs.lab4_break.judging import histories, of, seed
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

IDEA = Reading("idea.md", "The idea")


class Judge:
    """A checker for one key that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sizes: Counter[str] = Counter()
        self.mixed = False

    def __call__(self, operations: Sequence[Operation]) -> bool:
        keys = sorted({str(op.key) for op in operations})
        self.mixed = self.mixed or len(keys) != 1
        self.asked += keys
        self.sizes[keys[0] if keys else "?"] += len(operations)
        return judge(of(*operations)).verdict is Verdict.LINEARIZABLE


def put(key: str, value: int, call: int, ret: int | None) -> Operation:
    end = NEVER if ret is None else ret
    return Operation(call, str(call), "put", key, value, None, call, end,
                     ret is not None)  # fmt: skip


def get(key: str, result: int | None, call: int, ret: int) -> Operation:
    return Operation(call, str(call), "get", key, None, result, call, ret)


def ask(
    t: Trial, judged: Judge, *operations: Operation
) -> str | None:
    t.called = f"first_fault({len(operations)} operations, linearizable)"
    found: str | None = t.name("first_fault")(list(operations), judged)
    return found


@check("each key is judged alone", IDEA)
def alone(t: Trial) -> None:
    judged = Judge()
    came = ask(
        t, judged,
        put("b", 1, 0, 1), put("a", 2, 2, 3), get("b", 1, 4, 5),
        get("a", 2, 6, 7),
    )  # fmt: skip
    t.same(came, None, "a holds 2 and b holds 1: all is well")
    t.same(judged.mixed, False,
           "a register has one key: never hand over those of two"
           )  # fmt: skip
    t.same(dict(judged.sizes), {"a": 2, "b": 2},
           "each key with all of its operations, once")  # fmt: skip


@check("the key at fault is named", IDEA)
def named(t: Trial) -> None:
    came = ask(
        t, Judge(),
        put("a", 1, 0, 1), put("b", 2, 2, 3), get("b", None, 4, 5),
        get("a", 1, 6, 7), put("c", 3, 8, 9),
    )  # fmt: skip
    t.same(came, "b", "its get began after the put of 2, and found nothing")


@check("of several the first is named", IDEA)
def first(t: Trial) -> None:
    came = ask(
        t, Judge(),
        put("z", 1, 0, 1), get("z", 5, 2, 3), put("m", 1, 4, 5),
        get("m", 5, 6, 7),
    )  # fmt: skip
    t.same(came, "m", "whoever reads this wants to find it again")


@check("what nobody knows about belongs to its key", IDEA)
def unknown(t: Trial) -> None:
    came = ask(
        t, Judge(), put("a", 1, 0, None), get("a", 1, 2, 3),
        put("b", 2, 4, 5), get("b", 2, 6, 7),
    )  # fmt: skip
    t.same(came, None,
           "the unknown put explains what the get found; leave it out, and a"
           " right store looks wrong")  # fmt: skip


@check("without operations all is well", IDEA)
def nothing(t: Trial) -> None:
    t.same(ask(t, Judge()), None, "nobody has seen anything")


@check("it is right about stores of many keys", IDEA)
def agrees(t: Trial) -> None:
    for operations, truth in histories(6, 2000, 8, keys=40, unknown=0.02):
        came = ask(t, Judge(), *operations)
        t.holds(
            (came is None) is truth,
            ("each key has an order" if truth else "a key has no order")
            + f". LAB_SEED={seed()} brings this history back",
            repr(came), "None" if truth else "a key",
        )  # fmt: skip


CHECKS = [alone, named, first, unknown, nothing, agrees]
