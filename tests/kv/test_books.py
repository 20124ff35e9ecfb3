"""Who waits for a write or a read, and what is told when: without a raft."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from kv.address_book import AddressBook
from kv.commands import Command, Op, Result, get, put
from kv.machine import Machine
from kv.messages import Address
from kv.replica import writes as module
from kv.replica.answers import (
    BUSY,
    NO_LEADER,
    READ_LATE,
    STOPPED,
    STOPPED_UNKNOWN,
    UNKNOWN,
    Answer,
)
from kv.replica.feeder import Feeder
from kv.replica.reads import Reads
from kv.replica.tasks import Tasks
from kv.replica.writes import Write, Writes
from kv.world import RealClock, RealDisk
from port import raftpb as pb
from port.chan import Chan, Recv, try_select
from port.node import _Node
from port.raft import StateFollower
from port.read_only import ReadState


class Hand(RealClock):
    """A clock that stands still."""

    now = 100.0

    def time(self) -> float:
        return self.now


class Books:
    """Both books, and what they have told whom."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.machine = Machine()
        self.writes = Writes(self.clock, 5.0, 1 << 40)
        self.reads = Reads(self.machine, self.clock, 5.0, 0.1, 1 << 40)
        self.told: dict[str, list[Answer]] = {}

    def write(self, name: str, command: Command | None = None) -> None:
        command = command or put(name.encode(), b"")
        command = command._replace(tag=self.writes.tag())
        self.writes.add(command, self.told.setdefault(name, []).append)

    def read(self, name: str) -> None:
        self.reads.add(get(b"k"), self.told.setdefault(name, []).append)

    def ask(self) -> bytes:
        name = self.reads.new_name()
        self.reads.asked(name)
        return name


def hand_over(writes: Writes) -> list[Write]:
    batch = writes.next_batch()
    writes.handed(batch)
    return batch


def test_what_is_told_of_a_write_whose_time_is_up() -> None:
    for led, queued in ((False, NO_LEADER), (True, BUSY)):
        books = Books()
        for name in ("handed", "ours", "theirs", "queued"):
            books.write(name)
            if name == "handed":
                hand_over(books.writes)
            elif name != "queued":
                term = 7 if name == "ours" else 0
                books.writes.taken(hand_over(books.writes), term)
        books.writes.sweep(104.9, led)
        assert not any(books.told.values())
        books.writes.sweep(105.0, led)
        books.writes.sweep(106.0, led)
        assert books.told == {
            "handed": [UNKNOWN], "ours": [UNKNOWN], "theirs": [UNKNOWN],
            "queued": [queued],
        }  # fmt: skip


def test_a_later_term_takes_back_what_was_overwritten() -> None:
    books = Books()
    for name in ("a", "b"):
        books.write(name)
    books.writes.taken(hand_over(books.writes), 7)
    books.write("c")
    books.writes.taken(hand_over(books.writes), 0)
    books.write("d")
    assert not books.writes.term_applied(7)
    assert books.writes.term_applied(8)
    # In their order, before what came later; "c" may be anywhere.
    keys = [w.command.key for w in books.writes.queue if w.command]
    assert keys == [b"a", b"b", b"d"]
    books.writes.sweep(105.0, True)
    assert books.told == {"a": [BUSY], "b": [BUSY], "c": [UNKNOWN],
                          "d": [BUSY]}  # fmt: skip


def test_a_snapshot_leaves_writes_in_doubt() -> None:
    books = Books()
    books.write("a")
    books.writes.taken(hand_over(books.writes), 7)
    books.writes.passed_over()
    # A later term says nothing any more: it may be in the snapshot.
    assert not books.writes.term_applied(8)
    assert not books.writes.queue
    books.writes.close()
    assert books.told == {"a": [STOPPED_UNKNOWN]}


def test_only_writes_of_a_session_are_sent_again() -> None:
    books = Books()
    books.write("plain")
    books.write("session", Command(Op.PUT, b"s", b"", client=1, sequence=1))
    books.writes.taken(hand_over(books.writes), 0)
    books.writes.repeat_sessions()
    books.writes.repeat_sessions()
    assert [w.command.key for w in books.writes.queue if w.command] == [b"s"]


def test_batches_have_an_end_and_changes_go_alone() -> None:
    books = Books()
    for n in range(module.BATCH + 1):
        books.write(str(n))
    done = books.told.setdefault("change", []).append
    books.writes.add_change(pb.EntryConfChangeV2, b"change", done)
    books.write("behind")
    sizes = []
    while batch := hand_over(books.writes):
        sizes.append(len(batch))
    assert sizes == [module.BATCH, 1, 1, 1]
    books = Books()
    for n in range(3):
        half = put(b"%d" % n, bytes(module.BATCH_SIZE // 2))
        books.write(str(n), half)
    assert len(hand_over(books.writes)) == 2


def test_who_has_been_told_is_not_handed_over() -> None:
    books = Books()
    books.write("a")
    books.writes.sweep(105.0, False)
    assert books.writes.next_batch() == []
    assert not books.writes


def test_after_the_end_nothing_is_taken() -> None:
    books = Books()
    books.writes.close()
    books.write("a")
    done = books.told.setdefault("change", []).append
    books.writes.add_change(pb.EntryConfChangeV2, b"change", done)
    assert books.told == {"a": [STOPPED], "change": [STOPPED]}
    assert not books.writes.queue


def test_what_raft_is_offered_may_be_taken_at_any_moment() -> None:
    books = Books()

    async def go() -> bool:
        raft = SimpleNamespace(state=StateFollower, term=1)
        node = SimpleNamespace(
            propc=Chan(), recvc=Chan(), done=Chan(),
            rn=SimpleNamespace(raft=raft),
        )  # fmt: skip
        tasks = Tasks()
        feeder = Feeder(books.clock, tasks, books.writes, books.reads)
        feeder.start(cast(_Node, node))
        feeder.led = True
        books.write("late")
        for _ in range(10):  # Nobody takes it at once.
            await asyncio.sleep(0)
        books.clock.now += 5.0
        books.writes.sweep(books.clock.now, True)
        taken: Recv[object] = Recv(node.propc)
        return try_select(taken) is not None

    assert asyncio.run(go())
    assert books.told == {"late": [UNKNOWN]}


def test_nobody_joins_a_question_that_is_under_way() -> None:
    books = Books()
    books.read("early")
    name = books.ask()
    books.read("late")
    assert not books.reads.ready_to_ask
    books.reads.answered([ReadState(3, name)], sure=True)
    books.reads.applied(2)
    assert not any(books.told.values())
    books.reads.applied(3)
    assert books.told == {"early": [Result()], "late": []}
    assert books.reads.ready_to_ask


def test_only_the_answer_to_the_last_question_counts() -> None:
    books = Books()
    books.read("a")
    lost = books.ask()
    books.clock.now += 0.2
    books.reads.sweep(books.clock.now, led=True)
    again = books.ask()
    books.reads.answered([ReadState(0, lost)], sure=True)
    books.reads.applied(9)
    assert books.told == {"a": []}
    # Nor one that raft gives too early: it is asked once more.
    books.reads.answered([ReadState(0, again)], sure=False)
    books.reads.applied(9)
    assert books.told == {"a": []}
    assert books.reads.ready_to_ask
    books.reads.answered([ReadState(0, books.ask())], sure=True)
    books.reads.applied(9)
    assert books.told == {"a": [Result()]}


def test_reads_whose_time_is_up_wherever_they_are() -> None:
    for led, why in ((True, READ_LATE), (False, NO_LEADER)):
        books = Books()
        books.read("due")
        books.reads.answered([ReadState(9, books.ask())], sure=True)
        books.read("asked")
        books.ask()
        books.read("waiting")
        books.reads.sweep(105.0, led)
        books.reads.sweep(106.0, led)
        books.reads.close()
        assert set(map(tuple, books.told.values())) == {(why,)}
        books.read("too late")
        assert books.told["too late"] == [STOPPED]


def test_an_address_book_is_there_after_a_restart(tmp_path: Path) -> None:
    a, b, c = (("127.0.0.1", port) for port in (1, 2, 3))
    told: list[dict[int, Address]] = []

    async def go() -> None:
        book = AddressBook(RealDisk(), str(tmp_path), {1: a, 2: b})
        book.learn({2: c})  # Before it is open nobody is told.
        book.open(told.append, lambda error: None)
        book.learn({3: c})
        await asyncio.sleep(0)  # It is being saved when the next one comes.
        assert book.keep({4: a}, {1, 3, 4}) == {2}
        await book.close()
        again = AddressBook(RealDisk(), str(tmp_path), {1: b, 5: b})
        await again.load()
        assert again.addresses == {1: a, 3: c, 4: a, 5: b}
        (tmp_path / "members").write_bytes(b"nonsense")
        await again.load()
        assert again.addresses == {1: a, 3: c, 4: a, 5: b}

    asyncio.run(go())
    assert told == [
        {1: a, 2: c}, {1: a, 2: c, 3: c}, {1: a, 3: c, 4: a},
    ]  # fmt: skip


def test_an_address_book_that_cannot_be_saved(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    async def go() -> None:
        gone = tmp_path / "gone"
        book = AddressBook(RealDisk(), str(gone), {})
        book.open(lambda addresses: None, failed.append)
        book.learn({1: ("127.0.0.1", 1)})
        await book.close()

    asyncio.run(go())
    assert len(failed) == 1
    assert isinstance(failed[0], FileNotFoundError)
