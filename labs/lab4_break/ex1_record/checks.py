"""What 4.1 must do: events that the checker takes, and that are true."""

from __future__ import annotations

import json
from typing import Any

from kv.lincheck import Verdict
from kv.lincheck import check as judge
from kv.lincheck.history import HistoryError
from kv.lincheck.reading import parse
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

IDEA = Reading("idea.md#what-consensus-is-not", "What consensus is not")
READS = Reading("reads.md", "Reads")


class Desk:
    """A recorder, its events, and a clock that goes on by itself."""

    def __init__(self, t: Trial) -> None:
        self.events: list[dict[str, Any]] = []
        self._now = 1000
        made = t.name("Recorder")(self.events.append, self.clock)
        self.recorder = t.spy(made, "recorder")

    def clock(self) -> int:
        self._now += 10
        return self._now

    def verdict(self, t: Trial) -> Verdict:
        """What the store's checker says of the events."""
        lines = (json.dumps(event) for event in self.events)
        try:
            return judge(parse("your history", lines)).verdict
        except HistoryError as error:
            t.wrong("the checker refuses this history", str(error),
                    "a history")  # fmt: skip


def of(t: Trial, desk: Desk, key: str) -> list[object]:
    return [event.get(key) for event in desk.events]


@check("each call is two events", IDEA)
def two_events(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    r.invoke(7, "put", "k", 1)
    r.ok(7)
    r.invoke(7, "get", "k")
    r.ok(7, 1)
    t.same(of(t, desk, "type"), ["invoke", "ok"] * 2, "a call and its answer")
    t.same(of(t, desk, "f"), ["put", "put", "get", "get"], "both name it")
    t.same(of(t, desk, "key"), ["k"] * 4, "and the key")
    t.same(of(t, desk, "value"), [1, 1, None, 1],
           "the value that was put; and of a get what was found, which only"
           " the answer knows")  # fmt: skip
    t.same(of(t, desk, "index"), [0, 1, 2, 3], "events are numbered")
    t.same(of(t, desk, "time"), [1010, 1020, 1030, 1040],
           "the clock is asked once an event")  # fmt: skip
    t.same(desk.verdict(t), Verdict.LINEARIZABLE, "so says the checker")


@check("calls overlap, and each process has its own", IDEA)
def overlap(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    r.invoke(1, "put", "k", 1)
    r.invoke(2, "put", "k", 2)
    r.ok(1)
    r.invoke(1, "get", "k")
    r.ok(2)
    r.ok(1, 1)
    processes = of(t, desk, "process")
    t.same(processes[0] != processes[1], True, "two clients, two processes")
    t.same([processes[i] == processes[0] for i in (2, 3, 5)], [True] * 3,
           "a client stays the same process while all goes well"
           )  # fmt: skip
    t.same(desk.verdict(t), Verdict.LINEARIZABLE,
           "the put of 2 may have come first")  # fmt: skip


@check("a client has one call open at a time", IDEA)
def one_at_a_time(t: Trial) -> None:
    desk = Desk(t)
    desk.recorder.invoke(1, "put", "k", 1)
    t.raises(
        ValueError, lambda: desk.recorder.invoke(1, "get", "k"),
        "which of the two would the next answer belong to?",
    )  # fmt: skip
    t.same(len(desk.events), 1, "nothing of it is written")


@check("a write that certainly failed has no effect", IDEA)
def failed(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    r.invoke(1, "put", "k", 1)
    r.fail(1)
    r.invoke(1, "get", "k")
    r.ok(1, None)
    t.same(of(t, desk, "type")[1], "fail", "it was not done")
    t.same(desk.verdict(t), Verdict.LINEARIZABLE, "nobody sees it")


@check("an unknown write may happen later, or never", IDEA)
def unknown(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    r.invoke(1, "put", "k", 1)
    r.info(1)
    r.invoke(1, "get", "k")
    r.ok(1, None)
    r.invoke(1, "get", "k")
    r.ok(1, 1)
    processes = of(t, desk, "process")
    t.same(processes[2] != processes[0], True,
           "its call is still open, in a way: the client goes on as another"
           " process")  # fmt: skip
    t.same(desk.verdict(t), Verdict.LINEARIZABLE,
           "first it had not happened, and then it had: no contradiction")


@check("no process comes twice", IDEA)
def fresh(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    for number in range(3):
        for client in (1, 2):
            r.invoke(client, "put", "k", 10 * number + client)
            r.info(client)
    t.same(len(set(of(t, desk, "process"))), 6,
           "six calls are open for good: none may share a process"
           )  # fmt: skip
    t.same(desk.verdict(t), Verdict.LINEARIZABLE, "and it is a history")


@check("a cas says whether it swapped", READS)
def swaps(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    for old, new, swapped in ((None, 1, True), (5, 6, False), (1, 2, True)):
        r.invoke(1, "cas", "k", [old, new])
        r.ok(1, swapped)
    t.same([e.get("swapped") for e in desk.events[1::2]], [True, False, True],
           "one that found something else was done, too: it read"
           )  # fmt: skip
    t.same([e["value"] for e in desk.events], [
        v for v in ([None, 1], [5, 6], [1, 2]) for _ in "io"
    ], "both events carry what was expected, and the new value")  # fmt: skip
    t.same(desk.verdict(t), Verdict.LINEARIZABLE, "so says the checker")


@check("a lie is still found", READS)
def lies(t: Trial) -> None:
    desk = Desk(t)
    r = desk.recorder
    for f, value, result in (("put", 1, None), ("put", 2, None)):
        r.invoke(1, f, "k", value)
        r.ok(1, result)
    r.invoke(2, "get", "k")
    r.ok(2, 1)
    t.same(desk.verdict(t), Verdict.NOT_LINEARIZABLE,
           "the get began after the put of 2 had ended; a recorder that"
           " hides it is worse than none")  # fmt: skip


CHECKS = [
    two_events, overlap, one_at_a_time, failed, unknown, fresh, swaps, lies,
]  # fmt: skip
