"""The Ready loop with asynchronous storage: three tasks instead of one.

With `async_storage_writes` raft does not wait for the disk. A `Ready` carries
its storing and its applying as messages, each with the responses that are due
when it is done, and the next `Ready` may come at once. So three tasks share
what `kv.drive` does alone: one hands the work out, one stores, one applies.
Each takes its work in order, which is all that raft asks of them. It is never
told `advance`; the responses say the same, piece by piece.

Choose it with `--async-writes`. A slow disk then holds up neither heartbeats
nor what is already committed; the price is that there is more to reason
about, as the notes below show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from kv.seams import Replica
from port import raftpb as pb
from port.errors import Stopped
from port.node import Node
from port.types import (
    LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD,
    is_empty_snap,
)

_Appends = asyncio.Queue[pb.Message | None]
_Applies = asyncio.Queue[pb.Message | Callable[[], None] | None]


async def drive_async(node: Node, replica: Replica) -> None:
    """Does what each `Ready` asks for, until the node stops."""
    appends: _Appends = asyncio.Queue()
    applies: _Applies = asyncio.Queue()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_store(node, replica, appends, applies))
            group.create_task(_apply(node, replica, applies))
            await _hand_out(node, replica, appends, applies)
            # The node has stopped. What is in line is done all the same.
            appends.put_nowait(None)
    except BaseExceptionGroup as group_:
        # One failure ends all three; the rest is what it brought about.
        raise group_.exceptions[0] from None


async def _hand_out(
    node: Node, replica: Replica, appends: _Appends, applies: _Applies
) -> None:
    """Gives each message of each `Ready` to whom it is for."""
    async for ready in node.ready():
        if ready.soft_state is not None:
            # First: who leads decides how reads below may be answered.
            replica.observe(ready.soft_state)
        outward = []
        for m in ready.messages:
            if m.to == LOCAL_APPEND_THREAD:
                appends.put_nowait(m)
            elif m.to == LOCAL_APPLY_THREAD:
                applies.put_nowait(m)
            else:
                # It promises nothing that is not yet stored: what does lies
                # among the responses of an append.
                outward.append(m)
        replica.send(outward)
        replica.answer_reads(ready.read_states)


async def _store(
    node: Node, replica: Replica, appends: _Appends, applies: _Applies
) -> None:
    """Stores what raft asks for, one message after the other."""
    known = (0, 0)  # term and vote as stored, for all that we know
    while (m := await appends.get()) is not None:
        snapshot = m.snapshot
        if snapshot is not None and not is_empty_snap(snapshot):
            # Before the entries: they follow it, and would not fit without.
            await replica.store_snapshot(snapshot)
            # In line behind what is still being applied, and so before all
            # that raft will ask to be applied from here on.
            applies.put_nowait(_restoring(replica, snapshot))
        hard_state = _hard_state(m)
        if m.entries or hard_state is not None:
            # A commit index alone may be lost: it is learned again.
            sync = bool(m.entries)
            if hard_state is not None:
                now = hard_state.term or 0, hard_state.vote or 0
                sync = sync or now != known
                known = now
            await replica.save(hard_state, m.entries, sync)
        # Not earlier: these say that the above is stored, and all before it.
        await _respond(node, replica, m)
    applies.put_nowait(None)


async def _apply(node: Node, replica: Replica, applies: _Applies) -> None:
    """Applies what is committed, in order."""
    while (m := await applies.get()) is not None:
        if not isinstance(m, pb.Message):
            m()
            continue
        await replica.apply(m.entries)
        # Not earlier: the snapshot is to hold what was just applied.
        await replica.snapshot_if_due()
        # Last: raft counts what is applied against its limits.
        await _respond(node, replica, m)


def _hard_state(m: pb.Message) -> pb.HardState | None:
    """Returns what an append says of term, vote and commit; often nothing."""
    if m.term is None and m.vote is None and m.commit is None:
        return None
    return pb.HardState(m.term, m.vote, m.commit)


def _restoring(replica: Replica, snapshot: pb.Snapshot) -> Callable[[], None]:
    return lambda: replica.restore(snapshot)


async def _respond(node: Node, replica: Replica, m: pb.Message) -> None:
    """Delivers the responses that were due when this was done."""
    replica.send([r for r in m.responses if r.to != m.from_])
    with suppress(Stopped):
        for r in m.responses:
            if r.to == m.from_:
                await node.step(r)
