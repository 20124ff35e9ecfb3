"""What 1.2 must do; also used by 1.6, which builds on it."""

import random
from collections.abc import Iterable
from functools import partial
from typing import Any

from kv.commands import (
    MAX_VALUE,
    Command,
    Result,
    Status,
    When,
    append,
    cas,
    count,
    delete,
    exists,
    get,
    list_keys,
    put,
)
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading

APPLY = Reading("commit.md#on-to-the-state-machine", "On to the state machine")
TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")


class Applied:
    """A machine of the learner's, and the index of the next command."""

    def __init__(self, t: Trial) -> None:
        self.t = t
        self.machine: Any = t.spy(t.name("Machine")(), "machine")
        self.index = 0

    def do(self, command: Command) -> Result:
        self.index += 1
        came: Result = self.machine.apply(self.index, command)
        self.t.holds(
            isinstance(came, Result), "apply answers each command",
            say(came), "a Result",
        )  # fmt: skip
        return came

    def says(self, command: Command, expected: object, why: str) -> None:
        if not isinstance(expected, Result):
            expected = Result(Status.OK, expected)  # type: ignore[arg-type]
        self.t.same(self.do(command), expected, why)

    def dump(self) -> bytes:
        chunks: Iterable[bytes] = self.machine.dump()
        return b"".join(chunks)

    def twin(self) -> "Applied":
        """Another machine, loaded with this one's dump."""
        twin = Applied(self.t)
        twin.machine.load([self.dump()])
        twin.index = self.index
        return twin


UNMET = Result(Status.UNMET)


@check("a value that was put is got", APPLY)
def put_and_get(t: Trial) -> None:
    m = Applied(t)
    m.says(get(b"k"), None, "nothing was put")
    m.says(put(b"k", b"v"), None, "a put answers OK")
    m.says(get(b"k"), b"v", "it was put")
    m.says(put(b"k", b""), None, "a put answers OK")
    m.says(get(b"k"), b"", "an empty value is a value")


@check("a put may have a condition", APPLY)
def conditions(t: Trial) -> None:
    m = Applied(t)
    m.says(put(b"k", b"1", When.PRESENT), UNMET, "it is not there")
    m.says(get(b"k"), None, "what is unmet changes nothing")
    m.says(put(b"k", b"", When.ABSENT), None, "it was not there")
    m.says(put(b"k", b"3", When.ABSENT), UNMET, "an empty value is there")
    m.says(get(b"k"), b"", "what is unmet changes nothing")
    m.says(put(b"k", b"4", When.PRESENT), None, "it is there")
    m.says(get(b"k"), b"4", "it was put")


@check("append grows a value, up to MAX_VALUE", APPLY)
def appending(t: Trial) -> None:
    m = Applied(t)
    m.says(append(b"k", b"ab"), 2, "an absent value counts as empty")
    m.says(append(b"k", b"c"), 3, "the answer is the new length")
    m.says(get(b"k"), b"abc", "it was appended")
    half = bytes(MAX_VALUE // 2)
    m.do(put(b"k", half))
    m.says(append(b"k", half), MAX_VALUE, "so long it may be")
    m.says(append(b"k", b"x"), Result(Status.TOO_LARGE),
           "a value above MAX_VALUE would be refused anywhere else")
    m.says(append(b"k", b""), MAX_VALUE, "nothing must have changed"
           )  # fmt: skip


@check("cas swaps if what is expected stands there", APPLY)
def swapping(t: Trial) -> None:
    m = Applied(t)
    m.says(cas(b"k", b"a", b"b"), UNMET, "nothing stands there: None")
    m.says(cas(b"k", None, b"a"), None, "None expects nothing")
    m.says(cas(b"k", None, b"b"), Result(Status.UNMET, b"a"),
           "now something stands there, and the answer tells what"
           )  # fmt: skip
    m.says(cas(b"k", b"", b"b"), Result(Status.UNMET, b"a"),
           "an empty value is not the same as none")  # fmt: skip
    m.says(cas(b"k", b"a", b"b"), None, "as expected")
    m.says(get(b"k"), b"b", "it was swapped")
    m.says(cas(b"k", b"b", None), None, "None in the new one's place")
    m.says(exists(b"k"), 0, "swapping in None deletes the key")


@check("delete and exists count keys", APPLY)
def counting(t: Trial) -> None:
    m = Applied(t)
    for key in (b"a", b"b", b"c"):
        m.do(put(key, b""))
    m.says(exists(b"a", b"x", b"c", b"a"), 3,
           "a key that is asked for twice counts twice")  # fmt: skip
    m.says(delete(b"a", b"x", b"c", b"a"), 2,
           "the answer is how many there were")  # fmt: skip
    m.says(exists(b"a", b"b", b"c"), 1, "two are gone")


KEYS = [b"", b"a", b"a\x00", b"aa", b"ab", b"b", b"\xfe\xff", b"\xff"]


@check("keys are listed in the order of their bytes", APPLY)
def listing(t: Trial) -> None:
    m = Applied(t)
    for key in random.Random(1).sample(KEYS, len(KEYS)):
        m.do(put(key, b"v"))
    order = "each node must answer the same, in whatever order keys came"
    m.says(list_keys(), KEYS, order)
    m.says(count(), len(KEYS), "the empty prefix is in front of all keys")
    for prefix in (b"a", b"\xff", b"x"):
        inside = [k for k in KEYS if k.startswith(prefix)]
        m.says(list_keys(prefix), inside, "only those with the prefix")
        m.says(count(prefix), len(inside), "only those with the prefix")
    m.says(list_keys(limit=3), KEYS[:3], "at most `limit` keys")
    m.says(list_keys(b"a", after=b"a", limit=2), [b"a\x00", b"aa"],
           "`after` itself was in the answer before")  # fmt: skip
    m.says(list_keys(after=b"aaa", limit=1), [b"ab"],
           "`after` need not be there any more")  # fmt: skip
    first = m.do(list_keys(limit=1))
    m.do(delete(b""))
    t.same(first.value, [b""], "an answer must hold, whatever comes next")


@check("what is dumped is loaded", TAKING)
def dumping(t: Trial) -> None:
    m = Applied(t)
    for n in range(500):
        m.do(put(b"key %d" % (n * 7 % 300), b"v" * (n % 50)))
    m.do(delete(b"key 7", b"key 14"))
    whole = m.dump()
    keys = m.do(list_keys()).value
    for size in (7, len(whole) // 2, len(whole)):
        twin = Applied(t)
        twin.do(put(b"to be forgotten", b""))
        twin.machine.load(
            [whole[at : at + size] for at in range(0, len(whole), size)]
        )
        t.called = f"machine.load(dump of 298 keys, in pieces of {size})"
        t.same(twin.do(list_keys()).value, keys,
               "load replaces what was there by what was dumped")
        t.same(twin.dump(), whole, "the same state, so the same bytes"
               )  # fmt: skip
    for key in (b"key 0", b"key 99"):
        t.same(twin.do(get(key)), m.do(get(key)), "the values count, too")


@check("a dump is of the moment when dump() was called", TAKING)
def one_moment(t: Trial) -> None:
    m = Applied(t)
    for n in range(3000):
        m.do(put(b"key %d" % n, bytes(50)))
    before = m.dump()
    chunks = iter(m.machine.dump())
    m.do(put(b"key 0", b"changed"))
    taken = [next(chunks, b"")]
    m.do(put(b"added", b""))
    m.do(delete(b"key 2999"))
    taken += chunks
    t.called = "machine.dump(), with writes while its chunks are taken"
    t.holds(
        b"".join(taken) == before,
        "the snapshot's index says which entries are in it; if later ones"
        " are too, they are applied twice after a restart",
        "what was written after the call is in the dump",
        "the state when dump() was called",
    )


@check("what is no dump is not loaded", TAKING)
def nonsense(t: Trial) -> None:
    m = Applied(t)
    for n in range(400):
        m.do(put(b"%d" % n, b"v"))
    whole = m.dump()
    for bad in (b"", b"\xc1", whole[:-1], whole[: len(whole) // 2]):
        load = partial(m.machine.load, [bad])
        t.raises(ValueError, load, "half a state is no state: the node would"
                 " answer from it")  # fmt: skip


CHECKS = [
    put_and_get, conditions, appending, swapping, counting, listing, dumping,
    one_moment, nonsense,
]  # fmt: skip
