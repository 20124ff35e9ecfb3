"""What 1.7 must do."""

from random import Random
from typing import Any

from kv.commands import Result, get, put
from kv.machine import Machine
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port.read_only import ReadState

ASKING = Reading("reads.md#asking", "Asking")
SURE = Reading("reads.md#making-sure", "Making sure")
ANSWER = Reading("reads.md#answering", "Answering")


class Desk:
    """A node's reads and its machine; entry N puts `color` to N."""

    def __init__(self, t: Trial, seed: int = 1) -> None:
        self.t = t
        self.machine = Machine()
        self.reads: Any = t.spy(
            t.name("Reads")(self.machine, Random(seed)), "reads"
        )
        self.at = 0

    def apply(self, upto: int) -> None:
        while self.at < upto:
            self.at += 1
            self.machine.apply(self.at, put(b"color", b"%d" % self.at))
        self.reads.applied(self.at)

    def client(self) -> list[Result]:
        """A client that asks for the color; the list is what it hears."""
        heard: list[Result] = []
        self.reads.ask(get(b"color"), heard.append)
        return heard

    def question(self) -> bytes:
        name = self.reads.question()
        self.t.holds(isinstance(name, bytes), "somebody waits, and no"
                     " question is under way", say(name), "a name, in bytes")
        return bytes(name)  # fmt: skip

    def quiet(self, heard: list[Result], why: str) -> None:
        self.t.holds(not heard, why, f"the client heard {say(heard)}",
                     "nothing yet")  # fmt: skip

    def says(self, heard: list[Result], color: int, why: str) -> None:
        self.t.same(heard, [Result(value=b"%d" % color)], why)


@check("a read is answered when raft has confirmed, not before", SURE)
def confirmed(t: Trial) -> None:
    d = Desk(t)
    d.apply(3)
    heard = d.client()
    d.quiet(heard, "this node may have been cut off for an hour: what it"
            " holds may be an hour old")  # fmt: skip
    name = d.question()
    d.quiet(heard, "raft was asked, and has not answered")
    d.reads.confirmed(ReadState(3, name))
    d.says(heard, 3, "all up to 3 is applied, so nothing is left to wait for")


@check("a read waits until so much is applied", ANSWER)
def waits(t: Trial) -> None:
    d = Desk(t)
    d.apply(3)
    heard = d.client()
    d.reads.confirmed(ReadState(7, d.question()))
    d.quiet(heard, "entries 4 to 7 were committed when it asked, and are not"
            " applied here yet")  # fmt: skip
    d.apply(6)
    d.quiet(heard, "7 is missing")
    d.apply(7)
    d.says(heard, 7, "7 is applied: that is enough")
    d.apply(8)
    d.says(heard, 7, "a client hears once")


@check("who comes while a question is under way waits for the next", ASKING)
def not_joined(t: Trial) -> None:
    d = Desk(t)
    d.apply(3)
    early = d.client()
    name = d.question()
    late = d.client()
    t.same(d.reads.question(), None, "one question at a time")
    d.reads.confirmed(ReadState(3, name))
    d.says(early, 3, "it is answered")
    d.quiet(late, "between question and read another client's write may have"
            " been answered, and index 3 does not know of it")  # fmt: skip
    d.reads.confirmed(ReadState(5, d.question()))
    d.quiet(late, "now it has to wait for 5")
    d.apply(5)
    d.says(late, 5, "so it sees that write")


@check("one question is for all who wait", ASKING)
def together(t: Trial) -> None:
    d = Desk(t)
    t.same(d.reads.question(), None, "nobody waits")
    d.apply(1)
    clients = [d.client() for _ in range(3)]
    name = d.question()
    t.same(d.reads.question(), None, "all three are in this one")
    d.reads.confirmed(ReadState(1, name))
    for heard in clients:
        d.says(heard, 1, "one answer of raft is for all of them")
    t.same(d.reads.question(), None, "nobody waits any more")


@check("a lost question is asked again", ASKING)
def lost(t: Trial) -> None:
    d = Desk(t)
    d.apply(2)
    heard = d.client()
    first = d.question()
    d.reads.lost()
    later = d.client()
    second = d.question()
    t.holds(first != second, "the answer to the first may still come",
            "the same name again", "another name")  # fmt: skip
    d.apply(4)
    d.reads.confirmed(ReadState(4, second))
    d.says(heard, 4, "the question was lost, the read was not")
    d.says(later, 4, "it came before the second question")


@check("an answer to a question that was given up is none", SURE)
def given_up(t: Trial) -> None:
    d = Desk(t)
    d.apply(2)
    heard = d.client()
    first = d.question()
    d.reads.lost()
    d.reads.confirmed(ReadState(2, first))
    d.quiet(heard, "lost() said that the next question is the one that"
            " counts")  # fmt: skip
    late = d.client()
    d.question()
    d.reads.confirmed(ReadState(2, first))
    d.quiet(late, "this answer is older than the read")
    d.reads.confirmed(ReadState(2, b"another node's"))
    d.quiet(late, "this is no question of ours")


@check("an answer that comes twice counts once", SURE)
def twice(t: Trial) -> None:
    d = Desk(t)
    d.apply(2)
    heard = d.client()
    name = d.question()
    d.reads.confirmed(ReadState(2, name))
    late = d.client()
    d.reads.confirmed(ReadState(2, name))
    d.says(heard, 2, "a client hears once")
    d.quiet(late, "it came behind that question")


@check("names differ from those of other nodes", ASKING)
def names(t: Trial) -> None:
    asked: list[set[bytes]] = []
    for seed in (1, 2):
        d = Desk(t, seed)
        mine = set[bytes]()
        for _ in range(20):
            d.client()
            mine.add(d.question())
            d.reads.lost()
        asked.append(mine)
    t.holds(len(asked[0]) == 20, "each question has a name of its own",
            f"{len(asked[0])} names for 20 questions", "20")  # fmt: skip
    t.holds(
        not asked[0] & asked[1],
        "the leader answers questions of all nodes; and after a restart old"
        " answers may still come. The dice are there for that",
        "two nodes use the same name", "other names",
    )  # fmt: skip


CHECKS = [
    confirmed, waits, not_joined, together, lost, given_up, twice, names,
]  # fmt: skip
