"""What any Ready loop must do: the right things in a safe order.

The node here hands out what it is told to and takes note of what it is told;
the replica takes note of what it is asked to do. What counts is the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import product
from typing import Any, cast

import pytest

from kv.parts import Parts
from port import raftpb as pb
from port.chan import Chan
from port.node import Node
from port.raft import StateFollower
from port.read_only import ReadState
from port.types import Ready, SoftState

Run = Callable[..., Any]


class Recorder:
    """A node and a replica that write down what happens, in order.

    Attributes:
        happened: What was done: a name, and what with.
        fail: The name of a step that fails, or an empty one.
    """

    def __init__(self, readies: list[Ready], fail: str = "") -> None:
        self.happened: list[tuple[str, object]] = []
        self.fail = fail
        self._readies = readies
        self._chan: Chan[Ready] = Chan()
        self._advanced = asyncio.Event()

    async def hand_out(self) -> None:
        """One at a time: the next only when the last is dealt with."""
        for ready in self._readies:
            await self._chan.send(ready)
            self._note("ready", None)
            await self._advanced.wait()
            self._advanced.clear()
        self._chan.close()

    def _note(self, name: str, what: object) -> None:
        self.happened.append((name, what))
        if name == self.fail:
            raise OSError(5, f"{name} failed")

    # The node.

    def ready(self) -> Chan[Ready]:
        return self._chan

    async def advance(self) -> None:
        self._note("advance", None)
        self._advanced.set()

    # The replica. What is a coroutine takes a while.

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        await asyncio.sleep(0)
        self._note("store_snapshot", snapshot)

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        await asyncio.sleep(0)
        self._note("save", (hard_state, list(entries), sync))

    def send(self, messages: list[pb.Message]) -> None:
        if messages:
            self._note("send", list(messages))

    def restore(self, snapshot: pb.Snapshot) -> None:
        self._note("restore", snapshot)

    async def apply(self, entries: list[pb.Entry]) -> None:
        await asyncio.sleep(0)
        for entry in entries:
            self._note("apply", entry)

    def answer_reads(self, reads: list[ReadState]) -> None:
        if reads:
            self._note("answer_reads", list(reads))

    def observe(self, state: SoftState) -> None:
        self._note("observe", state)

    async def snapshot_if_due(self) -> None:
        self._note("snapshot_if_due", None)


async def driven(
    parts: Parts, readies: list[Ready], fail: str = ""
) -> list[tuple[str, object]]:
    """What happens when a loop is given these; raises what it raises."""
    recorder = Recorder(readies, fail)
    node = asyncio.create_task(recorder.hand_out())
    try:
        await parts.drive(cast(Node, recorder), recorder)
    except OSError as error:
        recorder.happened.append(("raised", str(error)))
    finally:
        node.cancel()
    return recorder.happened


HARD = pb.HardState(3, 2, 9)
SNAPSHOT = pb.Snapshot(
    b"state", pb.SnapshotMetadata(pb.ConfState([1, 2, 3]), 7, 2)
)
NEW = [pb.Entry(3, 10, None, b"new"), pb.Entry(3, 11, None, b"newer")]
DONE = [pb.Entry(2, 8, None, b"a"), pb.Entry(3, 9, None, b"b")]
MESSAGE = pb.Message(type=pb.MsgAppResp, to=2, from_=1, term=3, index=11)
READ = ReadState(9, b"read")


def everything() -> Ready:
    return Ready(
        SoftState(2, StateFollower), HARD, [READ], NEW, SNAPSHOT, DONE,
        [MESSAGE], True,
    )  # fmt: skip


def names(happened: list[tuple[str, object]]) -> list[str]:
    return [name for name, _ in happened]


ORDER = [
    ("store_snapshot", "save", "the entries follow the snapshot"),
    ("save", "send", "the messages may say that the entries are stored"),
    ("store_snapshot", "send", "they may say that the snapshot is stored"),
    ("store_snapshot", "restore", "what was restored must be stored"),
    ("save", "apply", "what was applied must be stored, also after a crash"),
    ("restore", "apply", "the entries follow the snapshot"),
    ("apply", "answer_reads", "a read may wait for these very entries"),
    ("apply", "advance", "the next entries may be handed out after it"),
    ("save", "advance", "it tells raft that the entries are stored"),
    ("send", "advance", "it tells raft that all is dealt with"),
    ("apply", "snapshot_if_due", "it is due by what has been applied"),
]


@pytest.mark.parametrize(("first", "then", "why"), ORDER)
def test_the_order(
    parts: Parts, run: Run, first: str, then: str, why: str
) -> None:
    came = names(run(driven(parts, [everything()])))
    for name in (first, then):
        assert name in came, f"{name} was not called; what was: {came}"
    last = len(came) - 1 - came[::-1].index(first)
    assert last < came.index(then), (
        f"{first} must be done before {then}: {why}. The order was {came}"
    )


def test_all_is_passed_on(parts: Parts, run: Run) -> None:
    came = run(driven(parts, [everything()]))
    assert dict(came) == {
        "ready": None,
        "observe": SoftState(2, StateFollower),
        "store_snapshot": SNAPSHOT,
        "save": (HARD, NEW, True),
        "send": [MESSAGE],
        "restore": SNAPSHOT,
        "apply": DONE[-1],
        "answer_reads": [READ],
        "snapshot_if_due": None,
        "advance": None,
    }
    assert [what for name, what in came if name == "apply"] == DONE


def test_nothing_is_asked_for_in_vain(parts: Parts, run: Run) -> None:
    """A snapshot of index 0 is none; without entries nothing is saved."""
    nothing = Ready(snapshot=pb.Snapshot())
    came = names(run(driven(parts, [nothing, Ready()])))
    assert set(came) <= {"ready", "snapshot_if_due", "advance"}, came
    assert came.count("advance") == 2


@pytest.mark.parametrize("sync", [True, False])
def test_a_hard_state_alone_is_saved(
    parts: Parts, run: Run, sync: bool
) -> None:
    came = run(driven(parts, [Ready(hard_state=HARD, must_sync=sync)]))
    assert ("save", (HARD, [], sync)) in came, (
        f"a Ready with nothing but a hard state must be saved, with"
        f" sync={sync}; what happened: {names(came)}"
    )


def test_each_part_alone(parts: Parts, run: Run) -> None:
    """No step hangs on another being there."""
    alone = [
        (Ready(soft_state=SoftState(1, StateFollower)), {"observe"}),
        (Ready(entries=NEW, must_sync=True), {"save"}),
        (Ready(snapshot=SNAPSHOT), {"store_snapshot", "restore"}),
        (Ready(messages=[MESSAGE]), {"send"}),
        (Ready(committed_entries=DONE), {"apply"}),
        (Ready(read_states=[READ]), {"answer_reads"}),
    ]
    for ready, expected in alone:
        came = set(names(run(driven(parts, [ready]))))
        came -= {"ready", "advance", "snapshot_if_due"}
        assert came == expected


def test_one_after_the_other(parts: Parts, run: Run) -> None:
    """Nothing of a Ready is done after the next has been taken."""
    readies = [
        Ready(hard_state=pb.HardState(n), committed_entries=[pb.Entry(1, n)])
        for n in range(1, 6)
    ]
    came = run(driven(parts, readies))
    done = [(name, what) for name, what in came if name in ("save", "apply")]
    assert done == [
        step
        for n in range(1, 6)
        for step in (
            ("save", (pb.HardState(n), [], False)),
            ("apply", pb.Entry(1, n)),
        )
    ]
    assert names(came).count("advance") == 5


def test_it_ends_when_the_node_stops(parts: Parts, run: Run) -> None:
    assert run(driven(parts, [])) == []


FAILURES = list(
    product(["store_snapshot", "save"], ["send", "apply", "advance"])
)


@pytest.mark.parametrize(("fail", "never"), FAILURES)
def test_a_failure_ends_it_before_harm_is_done(
    parts: Parts, run: Run, fail: str, never: str
) -> None:
    came = run(driven(parts, [everything(), everything()], fail))
    assert came[-1] == ("raised", f"[Errno 5] {fail} failed"), (
        f"{fail} failed, and the loop must end with its error"
    )
    assert never not in names(came), (
        f"{fail} failed, and yet {never} was called: {names(came)}"
    )
