"""The loop with asynchronous storage: each promise after what it promises."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from kv.drive_async import drive_async
from port import raftpb as pb
from port.chan import Chan
from port.raft import StateFollower
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    Ready,
    SoftState,
)

ME, OTHER = 1, 2


class Recorder:
    """Node and replica at once: writes down what happens, in order."""

    def __init__(self, fail: str = "") -> None:
        self.happened: list[tuple[str, object]] = []
        self.chan: Chan[Ready] = Chan()
        self.disk = asyncio.Event()
        self.disk.set()
        self._fail = fail

    def names(self) -> list[str]:
        return [name for name, _ in self.happened]

    def note(self, name: str, what: object) -> None:
        self.happened.append((name, what))
        if name == self._fail:
            raise OSError(5, f"{name} failed")

    def ready(self) -> Chan[Ready]:
        return self.chan

    async def step(self, m: pb.Message) -> None:
        self.note("step", m.type)

    def observe(self, state: SoftState) -> None:
        self.note("observe", state.lead)

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        await self.disk.wait()
        self.note("store_snapshot", snapshot.index)

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        await self.disk.wait()
        self.note("save", (hard_state is not None, len(entries), sync))

    def send(self, messages: list[pb.Message]) -> None:
        for m in messages:
            self.note("send", m.type)

    def restore(self, snapshot: pb.Snapshot) -> None:
        self.note("restore", snapshot.index)

    async def apply(self, entries: list[pb.Entry]) -> None:
        await asyncio.sleep(0)
        self.note("apply", [e.index for e in entries])

    def answer_reads(self, reads: list[object]) -> None:
        if reads:
            self.note("answer_reads", None)

    async def snapshot_if_due(self) -> None:
        self.note("snapshot_if_due", None)


def append(
    *entries: int,
    hard: tuple[int, int, int] | None = None,
    snapshot: int = 0,
    to: int = OTHER,
) -> pb.Message:
    """An append whose responses go to another node, and home."""
    term, vote, commit = hard or (None, None, None)
    m = pb.Message(
        type=pb.MsgStorageAppend, to=LOCAL_APPEND_THREAD, from_=ME,
        term=term, vote=vote, commit=commit,
        entries=[pb.Entry(term=1, index=i) for i in entries],
    )  # fmt: skip
    if snapshot:
        m.snapshot = pb.Snapshot(
            b"", pb.SnapshotMetadata(pb.ConfState([1]), snapshot, 1)
        )
    m.responses = [
        pb.Message(type=pb.MsgAppResp, from_=ME, to=to),
        pb.Message(type=pb.MsgStorageAppendResp, from_=ME, to=ME),
    ]
    return m


def applied(*entries: int) -> pb.Message:
    back = pb.Message(type=pb.MsgStorageApplyResp, from_=ME, to=ME)
    return pb.Message(
        type=pb.MsgStorageApply, to=LOCAL_APPLY_THREAD, from_=ME,
        entries=[pb.Entry(term=1, index=i) for i in entries],
        responses=[back],
    )  # fmt: skip


def run(*readies: list[pb.Message], fail: str = "") -> Recorder:
    async def go() -> Recorder:
        seen = Recorder(fail)
        loop = asyncio.create_task(
            drive_async(cast(Any, seen), cast(Any, seen))
        )
        feed = asyncio.create_task(hand_out(seen, readies))
        await loop
        await feed
        return seen

    return asyncio.run(go())


async def hand_out(seen: Recorder, readies: tuple[list[pb.Message], ...]):
    for messages in readies:
        await seen.chan.send(Ready(messages=messages))
    seen.chan.close()


def test_a_promise_leaves_after_what_it_promises_is_stored() -> None:
    seen = run([append(5, 6, hard=(2, 1, 4))])
    assert seen.happened == [
        ("save", (True, 2, True)),
        ("send", pb.MsgAppResp),
        ("step", pb.MsgStorageAppendResp),
    ]


def test_what_promises_nothing_leaves_while_the_disk_works() -> None:
    async def go() -> None:
        seen = Recorder()
        seen.disk.clear()
        loop = asyncio.create_task(
            drive_async(cast(Any, seen), cast(Any, seen))
        )
        beat = pb.Message(type=pb.MsgHeartbeat, from_=ME, to=OTHER)
        await seen.chan.send(Ready(messages=[beat, append(5), applied(4)]))
        # And raft goes on: the next is taken, and applied, too.
        await seen.chan.send(
            Ready(
                soft_state=SoftState(2, StateFollower),
                messages=[append(6), applied(5)],
            )
        )
        for _ in range(20):
            await asyncio.sleep(0)
        assert "save" not in seen.names()
        assert seen.names().count("apply") == 2
        assert ("send", pb.MsgHeartbeat) in seen.happened
        assert ("send", pb.MsgAppResp) not in seen.happened
        seen.disk.set()
        seen.chan.close()
        await loop
        # It stopped with both appends done, in order.
        assert seen.names().count("save") == 2

    asyncio.run(go())


def test_a_commit_index_alone_needs_no_sync() -> None:
    seen = run(
        [append(5, hard=(2, 1, 4))],
        [append(hard=(2, 1, 5))],
        [append(hard=(3, 1, 5))],
        [append()],
    )
    saves = [what for name, what in seen.happened if name == "save"]
    assert saves == [(True, 1, True), (True, 0, False), (True, 0, True)]


def test_a_snapshot_is_stored_first_and_restored_between_the_applies() -> None:
    seen = run([applied(3), append(8, hard=(2, 1, 7), snapshot=7)])
    assert seen.names().index("store_snapshot") < seen.names().index("save")
    order = [n for n in seen.names() if n in ("apply", "restore")]
    assert order == ["apply", "restore"]
    told = seen.happened.index(("step", pb.MsgStorageAppendResp))
    assert seen.names().index("save") < told


@pytest.mark.parametrize("step", ["save", "apply", "send", "snapshot_if_due"])
def test_a_failure_of_any_step_ends_the_loop_as_itself(step: str) -> None:
    with pytest.raises(OSError, match=f"{step} failed"):
        run([append(5), applied(4)], [append(6)], fail=step)
