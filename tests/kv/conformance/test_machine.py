"""What any state machine must do."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kv.commands import (
    MAX_VALUE,
    READS,
    Command,
    Op,
    Result,
    Status,
    When,
    append,
    cas,
    close_session,
    count,
    delete,
    exists,
    get,
    list_keys,
    open_session,
    put,
)
from kv.parts import Parts
from kv.seams import StateMachine

OK = Result()


class Applied:
    """A machine, and the index of the next command."""

    def __init__(self, parts: Parts) -> None:
        self.machine: StateMachine = parts.machine()
        self.index = 0

    def __call__(self, command: Command) -> Result:
        self.index += 1
        return self.machine.apply(self.index, command)

    def dump(self) -> bytes:
        return b"".join(self.machine.dump())

    def session(self) -> int:
        client = self(open_session()).value
        assert isinstance(client, int), "open_session answers a client id"
        assert client > 0, "a client id is positive: 0 means 'no session'"
        return client


@pytest.fixture
def do(parts: Parts) -> Applied:
    return Applied(parts)


def of(client: int, sequence: int, command: Command) -> Command:
    return command._replace(client=client, sequence=sequence)


def says(do: Applied, command: Command, expected: object) -> None:
    """Checks the answer to a command."""
    status = Status.OK
    if isinstance(expected, Result):
        status, expected = expected
    came = do(command)
    assert came == Result(status, expected), (  # type: ignore[arg-type]
        f"apply({command}) returned {came},"
        f" expected {Result(status, expected)}"  # type: ignore[arg-type]
    )


def test_a_key_that_was_put_is_got(do: Applied) -> None:
    says(do, get(b"k"), None)
    says(do, put(b"k", b"v"), None)
    says(do, get(b"k"), b"v")
    says(do, put(b"k", b""), None)
    says(do, get(b"k"), b"")  # An empty value is a value.
    says(do, get(b"K"), None)


def test_put_under_a_condition(do: Applied) -> None:
    says(do, put(b"k", b"1", When.PRESENT), Result(Status.UNMET))
    says(do, get(b"k"), None)
    says(do, put(b"k", b"2", When.ABSENT), None)
    says(do, put(b"k", b"3", When.ABSENT), Result(Status.UNMET))
    says(do, get(b"k"), b"2")
    says(do, put(b"k", b"4", When.PRESENT), None)
    says(do, get(b"k"), b"4")


def test_append(do: Applied) -> None:
    says(do, append(b"k", b"ab"), 2)
    says(do, append(b"k", b""), 2)
    says(do, append(b"k", b"c"), 3)
    says(do, get(b"k"), b"abc")


def test_append_does_not_grow_a_value_without_bound(do: Applied) -> None:
    half = bytes(MAX_VALUE // 2)
    do(append(b"k", half))
    says(do, append(b"k", half), MAX_VALUE)
    says(do, append(b"k", b"x"), Result(Status.TOO_LARGE))
    assert do(get(b"k")).value == half + half, "nothing must have changed"


def test_cas(do: Applied) -> None:
    says(do, cas(b"k", b"a", b"b"), Result(Status.UNMET, None))
    says(do, cas(b"k", None, b"a"), None)  # None: it must be absent.
    says(do, cas(b"k", None, b"b"), Result(Status.UNMET, b"a"))
    says(do, cas(b"k", b"", b"b"), Result(Status.UNMET, b"a"))
    says(do, cas(b"k", b"a", b"b"), None)
    says(do, get(b"k"), b"b")
    says(do, cas(b"k", b"b", None), None)  # To None: it goes.
    says(do, exists(b"k"), 0)
    says(do, cas(b"k", None, None), None)
    says(do, exists(b"k"), 0)


def test_delete_and_exists(do: Applied) -> None:
    for key in (b"a", b"b", b"c"):
        do(put(key, b"v"))
    says(do, exists(b"a", b"x", b"c", b"a"), 3)
    says(do, delete(b"a", b"x", b"c", b"a"), 2)
    says(do, exists(b"a", b"b", b"c"), 1)
    says(do, delete(), 0)


KEYS = [
    b"", b"a", b"a\x00", b"aa", b"ab", b"b", b"\xfe\xff", b"\xff",
    b"\xff\xff", b"\xff\xffz",
]  # fmt: skip


def test_listing_is_in_the_order_of_bytes(do: Applied) -> None:
    for key in random.Random(1).sample(KEYS, len(KEYS)):
        do(put(key, b"v"))
    says(do, list_keys(), sorted(KEYS))
    says(do, count(), len(KEYS))
    for prefix in (b"a", b"aa", b"\xff", b"\xff\xff", b"\xfe", b"x", b"a\x00"):
        inside = sorted(k for k in KEYS if k.startswith(prefix))
        says(do, list_keys(prefix), inside)
        says(do, count(prefix), len(inside))
    says(do, list_keys(limit=3), sorted(KEYS)[:3])
    says(do, list_keys(b"a", after=b"a", limit=2), [b"a\x00", b"aa"])
    says(do, list_keys(b"a", after=b"b"), [])
    says(do, list_keys(after=b"aaa", limit=1), [b"ab"])  # Need not be there.


def test_listing_follows_what_changes(do: Applied) -> None:
    do(put(b"b", b""))
    says(do, list_keys(), [b"b"])
    do(put(b"a", b""))
    do(delete(b"b"))
    says(do, list_keys(), [b"a"])
    do(put(b"b", b""))
    do(cas(b"a", b"", None))
    says(do, list_keys(), [b"b"])


def test_an_answer_holds_for_good(do: Applied) -> None:
    do(put(b"a", b""))
    listed = do(list_keys()).value
    do(put(b"b", b""))
    do(list_keys())
    assert listed == [b"a"], "an earlier answer changed when a key was put"


def test_reads_change_nothing(do: Applied) -> None:
    do(put(b"k", b"v"))
    client = do.session()
    do(of(client, 1, append(b"k", b"w")))
    before = do.dump()
    for command in (get(b"k"), exists(b"k"), count(b"k"), list_keys()):
        do(command)
        do(of(client, 2, command))
    assert do.dump() == before


# Sessions.


def test_a_retry_is_not_applied_again(do: Applied) -> None:
    client = do.session()
    first = do(of(client, 1, append(b"k", b"x")))
    do(put(b"k", b"from elsewhere"))
    again = do(of(client, 1, append(b"k", b"x")))
    assert again == first, f"a retry was answered {again}, at first {first}"
    says(do, get(b"k"), b"from elsewhere")
    says(do, of(client, 2, append(b"k", b"!")), 15)


@pytest.mark.parametrize(
    ("write", "answer"),
    [
        (put(b"k", b"1", When.ABSENT), OK),
        (cas(b"k", None, b"1"), OK),
        (cas(b"k", b"9", b"1"), Result(Status.UNMET, None)),
        (delete(b"there"), Result(Status.OK, 1)),
    ],
)
def test_a_retry_hears_what_was_said_at_first(
    do: Applied, write: Command, answer: Result
) -> None:
    do(put(b"there", b""))
    client = do.session()
    says(do, of(client, 1, write), answer)
    do(put(b"k", b"9"))
    says(do, of(client, 1, write), answer)
    says(do, get(b"k"), b"9")


def test_a_straggler_is_refused(do: Applied) -> None:
    """The client has gone on: it must not hear a later write's answer."""
    client = do.session()
    do(of(client, 1, append(b"k", b"1")))
    do(of(client, 5, append(b"k", b"5")))  # A number may be left out.
    for late in (1, 2, 4, 0):
        says(do, of(client, late, append(b"k", b"x")), Result(Status.STALE))
    says(do, get(b"k"), b"15")


def test_sessions_do_not_mix(do: Applied) -> None:
    one, two = do.session(), do.session()
    assert one != two, "two sessions got the same client id"
    says(do, of(one, 1, append(b"k", b"1")), 1)
    says(do, of(two, 1, append(b"k", b"2")), 2)
    says(do, of(one, 1, append(b"k", b"1")), 1)


def test_a_session_that_is_not_there(do: Applied) -> None:
    says(do, of(77, 1, put(b"k", b"v")), Result(Status.EXPIRED))
    says(do, get(b"k"), None)
    client = do.session()
    says(do, close_session(client), 1)
    says(do, close_session(client), 0)
    says(do, of(client, 1, put(b"k", b"v")), Result(Status.EXPIRED))
    says(do, get(b"k"), None)
    assert do.session() != client, "a client id was given out twice"


def test_a_client_id_is_never_given_out_twice(parts: Parts) -> None:
    """Nor after a restart from a snapshot in which it is forgotten."""
    do = Applied(parts)
    client = do.session()
    do(close_session(client))
    twin = Applied(parts)
    twin.machine.load(list(do.machine.dump()))
    twin.index = do.index
    assert twin.session() != client


def test_sessions_survive_a_snapshot(do: Applied, parts: Parts) -> None:
    client = do.session()
    do(of(client, 3, append(b"k", b"x")))
    twin = Applied(parts)
    twin.machine.load(list(do.machine.dump()))
    twin.index = do.index
    says(twin, of(client, 3, append(b"k", b"x")), 1)
    says(twin, get(b"k"), b"x")
    says(twin, of(client, 2, append(b"k", b"x")), Result(Status.STALE))
    says(twin, of(client, 4, append(b"k", b"y")), 2)


def test_the_table_of_sessions_is_bounded(do: Applied) -> None:
    """And the sessions that go are not the ones in use."""
    busy = do.session()
    sizes = []
    for n in range(1, 30_001):
        do(open_session())
        if n % 999 == 0:
            says(do, of(busy, n, put(b"k", b"v")), None)
        if n % 15_000 == 0:
            sizes.append(len(do.dump()))
    assert sizes[1] < sizes[0] * 1.2, (
        f"after 15,000 and 30,000 sessions a dump has {sizes} bytes: some"
        " have to be forgotten, by a rule that only looks at the log"
    )


# Dumps.


def sample(do: Applied) -> int:
    dice = random.Random(5)
    client = do.session()
    for n in range(500):
        key = b"key %d" % dice.randrange(300)
        write = dice.choice([
            put(key, dice.randbytes(dice.randrange(600))),
            append(key, b"more"), delete(key), cas(key, None, b"new"),
        ])  # fmt: skip
        do(of(client, n + 1, write))
    return client


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_dump_and_load(do: Applied, parts: Parts, size: int) -> None:
    """However the bytes are cut into chunks on the way."""
    sample(do)
    whole = do.dump()
    twin = Applied(parts)
    twin(put(b"to be forgotten", b"v"))
    twin.machine.load(
        [whole[at : at + size] for at in range(0, len(whole), size)]
    )
    assert twin.dump() == whole, "dump, load, dump: the dumps differ"
    says(twin, list_keys(), do(list_keys()).value)
    for key in do(list_keys()).value or ():  # type: ignore[union-attr]
        says(twin, get(key), do(get(key)).value)  # type: ignore[arg-type]
    says(twin, get(b"to be forgotten"), None)


def test_an_empty_machine_is_dumped_and_loaded(parts: Parts) -> None:
    do = Applied(parts)
    do(put(b"k", b"v"))
    do.machine.load(list(parts.machine().dump()))
    says(do, count(), 0)


def test_a_dump_is_of_one_moment(do: Applied, parts: Parts) -> None:
    """Writes go on while its chunks are being taken."""
    client = sample(do)
    before = do.dump()
    keys = do(list_keys()).value
    chunks = iter(do.machine.dump())
    taken = [next(chunks)]
    for key in keys or ():  # type: ignore[union-attr]
        do(put(key, b"changed"))  # type: ignore[arg-type]
    do(put(b"added", b"v"))
    do(delete(keys[0], keys[-1]))  # type: ignore[index,arg-type]
    do(of(client, 1000, put(b"k", b"v")))
    do(open_session())
    taken += chunks
    assert b"".join(taken) == before, (
        "the dump shows what was written after dump() was called"
    )


def test_two_dumps_at_a_time(do: Applied) -> None:
    """One goes to a file, one to a follower; one of them is given up."""
    sample(do)
    before = do.dump()
    first = iter(do.machine.dump())
    begun = [next(first)]
    do(put(b"added", b"v"))
    after = do.dump()
    given_up = iter(do.machine.dump())
    next(given_up)
    del given_up
    do(put(b"added", b"w"))
    for n in range(300):
        do(put(b"key %d" % n, b"changed"))
    assert b"".join([*begun, *first]) == before
    assert after != before
    do(put(b"key 1", b"once more"))
    assert do(get(b"key 1")).value == b"once more"


def test_nonsense_is_not_loaded(do: Applied) -> None:
    do(put(b"k", b"v"))
    whole = do.dump()
    for bad in (b"", b"\xc1", whole[:-1], whole[: len(whole) // 2]):
        with pytest.raises(ValueError, match=r"."):
            do.machine.load([bad])


def test_the_same_commands_give_the_same_bytes(parts: Parts) -> None:
    one, two = Applied(parts), Applied(parts)
    sample(one)
    sample(two)
    two(get(b"k"))
    two(list_keys())
    assert one.dump() == two.dump()


def test_a_machine_from_a_snapshot_stays_the_same(parts: Parts) -> None:
    """One node has applied all, another started from a snapshot."""
    one = Applied(parts)
    client = sample(one)
    two = Applied(parts)
    two.machine.load(list(one.machine.dump()))
    two.index = one.index
    for n in range(200):
        for do in (one, two):
            key = b"key %d" % (n * 7 % 300)
            do(delete(b"key %d" % (n * 3)))
            do(of(client, 1000 + n, append(key, b"x")))
            do(open_session())
    assert one.dump() == two.dump()


def test_the_tag_is_not_looked_at(parts: Parts) -> None:
    one, two = Applied(parts), Applied(parts)
    one(put(b"k", b"v"))
    two(put(b"k", b"v")._replace(tag=123))
    assert one.dump() == two.dump()


# Anything.


class Plain:
    """The simplest machine that could be right; without sessions."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def apply(self, c: Command) -> object:
        data, key = self.data, c.key
        now = data.get(key)
        match c.op:
            case Op.GET:
                return now
            case Op.PUT:
                if c.when is When.ABSENT and now is not None:
                    return Result(Status.UNMET)
                if c.when is When.PRESENT and now is None:
                    return Result(Status.UNMET)
                data[key] = c.value or b""
                return None
            case Op.APPEND:
                data[key] = (now or b"") + (c.value or b"")
                return len(data[key])
            case Op.CAS:
                if now != c.expected:
                    return Result(Status.UNMET, now)
                data.pop(key, None)
                if c.value is not None:
                    data[key] = c.value
                return None
            case Op.DELETE:
                return sum(data.pop(k, None) is not None for k in c.keys)
            case Op.EXISTS:
                return sum(k in data for k in c.keys)
            case Op.COUNT:
                return sum(k.startswith(key) for k in data)
            case _:
                inside = sorted(
                    k for k in data
                    if k.startswith(key)
                    and (c.after is None or k > c.after)
                )  # fmt: skip
                return inside[: c.limit]


some_key = st.sampled_from([b"", b"a", b"ab", b"b", b"\xff", b"\xff\xff"])
some_value = st.sampled_from([b"", b"1", b"2", b"34"])
commands = st.one_of(
    st.builds(get, some_key),
    st.builds(put, some_key, some_value, st.sampled_from(When)),
    st.builds(append, some_key, some_value),
    st.builds(
        cas, some_key, st.none() | some_value, st.none() | some_value
    ),
    st.lists(some_key, max_size=3).map(lambda keys: delete(*keys)),
    st.lists(some_key, max_size=3).map(lambda keys: exists(*keys)),
    st.builds(count, some_key),
    st.builds(
        list_keys, some_key, st.none() | some_key, st.integers(0, 4)
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(commands, st.booleans()), max_size=30))
def test_any_commands(
    parts: Parts, steps: list[tuple[Command, bool]]
) -> None:
    """Any commands, some of them retried, give what a plain dict gives."""
    do, plain = Applied(parts), Plain()
    client = do.session()
    for number, (command, retried) in enumerate(steps, 1):
        wanted = plain.apply(command)
        says(do, of(client, number, command), wanted)
        if retried and command.op not in READS:
            says(do, of(client, number, command), wanted)
    twin = Applied(parts)
    twin.machine.load(list(do.machine.dump()))
    assert twin.dump() == do.dump()
