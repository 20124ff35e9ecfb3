"""What is our state machine's own: which sessions it forgets."""

from __future__ import annotations

import pytest

from kv import machine as module
from kv.commands import (
    Command,
    Result,
    Status,
    append,
    cas,
    count,
    open_session,
    put,
)
from kv.machine import Machine


def of(client: int, sequence: int, command: Command) -> Command:
    return command._replace(client=client, sequence=sequence)


def test_the_session_used_longest_ago_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    machine = Machine()
    for index in (1, 2, 3):
        machine.apply(index, open_session())
    machine.apply(4, of(1, 1, append(b"k", b"x")))
    machine.apply(5, of(2, 1, append(b"k", b"x")))
    machine.apply(6, of(1, 1, append(b"k", b"x")))  # A retry is a use, too.
    machine.apply(7, open_session())
    expired = Result(Status.EXPIRED)
    assert machine.apply(8, of(3, 1, append(b"k", b"x"))) == expired
    machine.apply(9, open_session())
    assert machine.apply(10, of(2, 1, append(b"k", b"x"))) == expired
    assert machine.apply(11, of(1, 1, append(b"k", b"x"))).value == 1


def test_a_session_that_was_refused_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 1)
    machine = Machine()
    machine.apply(1, open_session())
    machine.apply(2, open_session())
    for index in (3, 4):
        answer = machine.apply(index, of(1, 1, put(b"k", b"v")))
        assert answer.status is Status.EXPIRED
    assert machine.apply(5, count()).value == 0


def test_answers_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failed `cas` answers with a value, which may be a large one."""
    monkeypatch.setattr(module, "MAX_ANSWERS", 2500)
    machine = Machine()
    machine.apply(1, put(b"k", bytes(1000)))
    for index in (2, 3, 4):
        machine.apply(index, open_session())
    for index in (2, 3, 4):
        machine.apply(index + 10, of(index, 1, cas(b"k", b"?", b"v")))
    assert machine.apply(20, of(2, 2, put(b"a", b""))).status is (
        Status.EXPIRED
    )
    for client in (3, 4):  # Whose answers give room again as they go on.
        for sequence in range(2, 9):
            write = of(client, sequence, cas(b"k", b"?", b"v"))
            assert machine.apply(30, write).status is Status.UNMET
    # After a load it still knows how much it holds.
    twin = Machine()
    twin.load(machine.dump())
    for one in (machine, twin):
        one.apply(40, open_session())
        one.apply(41, of(40, 1, cas(b"k", b"?", b"v")))
    assert b"".join(twin.dump()) == b"".join(machine.dump())
    assert twin.apply(42, of(3, 9, put(b"a", b""))).status is Status.EXPIRED


def test_one_large_answer_is_kept_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWERS", 10)
    machine = Machine()
    machine.apply(1, put(b"k", bytes(1000)))
    machine.apply(2, open_session())
    first = machine.apply(3, of(2, 1, cas(b"k", b"?", b"v")))
    assert machine.apply(4, of(2, 1, cas(b"k", b"?", b"v"))) == first


def test_chunks_are_small() -> None:
    machine = Machine()
    for n in range(3000):
        machine.apply(n, put(b"key %d" % n, bytes(100)))
        machine.apply(n, open_session())
    sizes = [len(chunk) for chunk in machine.dump()]
    assert len(sizes) > 5
    assert max(sizes) < 2 * module.CHUNK


@pytest.mark.parametrize(
    "bad",
    [
        {"format": 2, "keys": 0, "sessions": 0},
        {"format": 1, "keys": 1, "sessions": 0},
        {"format": 1, "keys": 0, "sessions": 1},
        [], None,
    ],
)  # fmt: skip
def test_another_dump_is_refused(bad: object) -> None:
    from kv.packing import pack

    with pytest.raises(ValueError, match="dump"):
        Machine().load([pack(bad)])
