"""Each rule of the simulator by itself, on a few things made by hand."""

from __future__ import annotations

import pytest

from kv.commands import Command, Op, Result, Status, When
from kv.machine import Machine
from kv.seams import Recovered
from kv.sim.model import Model
from kv.sim.watch import Mirror, Watch
from port import raftpb as pb
from tests.kv.durable import entry, run_of


def recovered(
    last: int, term: int = 1, vote: int = 1, commit: int = 0, mark: int = 0
) -> Recovered:
    return Recovered(
        pb.HardState(term, vote, commit), run_of(mark + 1, last),
        pb.SnapshotMetadata(index=mark, term=1 if mark else 0),
    )  # fmt: skip


def mirror() -> Mirror:
    """A log that was told of three entries."""
    m = Mirror()
    m.save(pb.HardState(1, 1, 0), run_of(1, 3), True)
    m.save(pb.HardState(1, 1, 2), [], False)
    return m


def test_what_was_synced_has_to_be_there() -> None:
    assert mirror().recovered(recovered(3)) is None
    # The commit index may have been lost, or not.
    assert mirror().recovered(recovered(3, commit=2)) is None
    for wrong in (
        recovered(2), recovered(4), recovered(3, vote=2),
        recovered(3, term=2), recovered(3, commit=3), recovered(3, mark=1),
    ):  # fmt: skip
        assert mirror().recovered(wrong) is not None
    other = [*run_of(1, 2), entry(3, 1, b"another")]
    found = Recovered(pb.HardState(1, 1, 0), other)
    assert "entry 3" in str(mirror().recovered(found))


def test_what_was_under_way_may_be_there() -> None:
    for last in (3, 5):
        m = mirror()
        m.pending.append(("save", None, run_of(4, 5), True))
        assert m.recovered(recovered(last, commit=2 * (last == 5))) is None
        assert m.last == last
        assert not m.pending
    m = mirror()
    m.pending.append(("save", None, run_of(4, 5), True))
    assert m.recovered(recovered(4)) is not None


def test_a_mirror_knows_what_it_holds() -> None:
    m = mirror()
    assert m.holds(3, 1)
    assert not m.holds(3, 2)
    assert not m.holds(4, 1)
    m.note_mark(9, 2)  # From a leader: the log is gone.
    assert m.holds(9, 2)
    assert m.holds(8, 7)
    assert m.log() == (9, [2])


def command(sequence: int, value: bytes = b"x") -> Command:
    return Command(Op.APPEND, b"k", value, client=1, sequence=sequence)


OPEN = Command(Op.OPEN_SESSION)


def test_all_machines_have_to_answer_alike() -> None:
    watch = Watch()
    watch.result(1, 1, OPEN, Result(Status.OK, 1))
    watch.result(1, 2, command(1), Result(Status.OK, 1))
    watch.result(2, 2, command(1), Result(Status.OK, 1))
    assert watch.violation is None
    watch.result(3, 2, command(1), Result(Status.EXPIRED))
    assert watch.violation is not None
    assert watch.violation.number == 16


def test_what_is_tried_again_is_done_once() -> None:
    watch = Watch()
    watch.result(1, 1, OPEN, Result(Status.OK, 1))
    watch.result(1, 2, command(1), Result(Status.OK, 1))
    watch.result(1, 3, command(1), Result(Status.OK, 2))
    assert watch.violation is not None
    assert watch.violation.number == 14


def test_only_rules_that_are_watched_count() -> None:
    watch = Watch(rules=[16])
    watch.broken(11, "nothing")
    assert watch.violation is None
    watch.broken(16, "something")
    watch.broken(16, "something else")
    assert watch.violation is not None
    assert watch.violation.text == "something"


@pytest.mark.parametrize("sessions", [False, True])
def test_the_model_is_the_store_in_few_lines(sessions: bool) -> None:
    model, machine = Model(), Machine()
    client = 1 if sessions else 0
    commands = [
        OPEN,
        Command(Op.PUT, b"a", b"1"),
        Command(Op.PUT, b"a", b"2", when=When.ABSENT),
        Command(Op.PUT, b"c", b"2", when=When.PRESENT),
        Command(Op.PUT, b"b", b"3", when=When.ABSENT),
        Command(Op.APPEND, b"b", b"4"),
        Command(Op.CAS, b"b", b"5", b"34"),
        Command(Op.CAS, b"b", b"6", b"34"),
        Command(Op.CAS, b"n", b"7", None),
        Command(Op.CAS, b"n", None, b"7"),
        Command(Op.DELETE, keys=(b"a", b"a", b"z")),
        Command(Op.CLOSE_SESSION, client=1),
        Command(Op.PUT, b"late", b"1"),
        Command(Op.CLOSE_SESSION, client=9),
    ]
    for index, one in enumerate(commands, 1):
        if one.op not in (Op.OPEN_SESSION, Op.CLOSE_SESSION):
            one = one._replace(client=client, sequence=index * client)
        for _ in range(2):  # Each one twice.
            assert model.apply(index, one) == machine.apply(index, one), one
    old = Command(Op.PUT, b"a", b"old", client=client, sequence=client)
    assert model.apply(99, old) == machine.apply(99, old)


def test_a_machine_holds_what_the_model_holds() -> None:
    machine = Machine()
    watch = Watch()
    for index, key in enumerate((b"a", b"b"), 1):
        c = Command(Op.PUT, key, b"1")
        watch.result(1, index, c, machine.apply(index, c))
    watch.values(1, machine, 2)
    assert watch.violation is None
    machine.apply(3, Command(Op.PUT, b"c", b"1"))
    watch.values(1, machine, 3)
    assert watch.violation is not None
    assert "3 keys" in watch.violation.text
