"""The Ready loop: what raft asks for is done, in an order that is safe.

Each step below says what breaks if it moves. Two things hold for all of it:
a crash may come between any two steps, and whatever a step raises ends the
loop, since nothing that follows could rely on it.
"""

from __future__ import annotations

from typing import Final

from kv.seams import Replica
from port import raftpb as pb
from port.node import Node
from port.types import is_empty_snap

# These say that an entry is stored, or a vote given: raft itself keeps just
# these apart from the others. (Thesis, section 3.8.)
_PROMISES: Final = frozenset({
    pb.MsgAppResp, pb.MsgVoteResp, pb.MsgPreVoteResp,
})  # fmt: skip


async def drive(node: Node, replica: Replica) -> None:
    """Does what each `Ready` asks for, until the node stops."""
    async for ready in node.ready():
        if ready.soft_state is not None:
            # First: who leads decides how reads below may be answered.
            replica.observe(ready.soft_state)
        promises = []
        if ready.messages:
            promises = [m for m in ready.messages if m.type in _PROMISES]
            if len(promises) < len(ready.messages):
                # Before storing: the followers write to their disks while
                # the leader writes to its own, and an entry takes one sync
                # of time instead of two (thesis, section 10.2.1). The
                # leader's own copy counts only from `advance` on.
                replica.send([
                    m for m in ready.messages if m.type not in _PROMISES
                ])  # fmt: skip
        snapshot = ready.snapshot
        if snapshot is not None and is_empty_snap(snapshot):
            snapshot = None
        if snapshot is not None:
            # Before the entries: they follow it, and would not fit without.
            await replica.store_snapshot(snapshot)
        if ready.entries or ready.hard_state is not None:
            # Before the promises and before applying: after a crash the
            # node must still have what it has told others of, or acted on.
            await replica.save(
                ready.hard_state, ready.entries, ready.must_sync
            )
        if promises:
            # Not earlier: these say that the above is stored.
            replica.send(promises)
        if snapshot is not None:
            # Not before it is stored: the entries that it stands for are
            # gone, and there would be nothing to start from.
            replica.restore(snapshot)
        await replica.apply(ready.committed_entries)
        # Not earlier: a read may wait for what was just applied.
        replica.answer_reads(ready.read_states)
        # Not earlier: the snapshot is to hold what was just applied.
        await replica.snapshot_if_due()
        # Last: it tells raft that all of the above is done.
        await node.advance()
