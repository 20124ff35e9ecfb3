"""The Ready loop, in its plainest form."""

from __future__ import annotations

from kv.parts import Replica
from port.node import Node
from port.types import is_empty_snap


async def drive(node: Node, replica: Replica) -> None:
    """Does what each `Ready` asks for, until the node stops."""
    async for ready in node.ready():
        if ready.soft_state is not None:
            replica.observe(ready.soft_state)
        snapshot = ready.snapshot
        if snapshot is not None and not is_empty_snap(snapshot):
            # Before the entries: they follow it, and would not fit without.
            await replica.store_snapshot(snapshot)
        if ready.entries or ready.hard_state is not None:
            await replica.save(
                ready.hard_state, ready.entries, ready.must_sync
            )
        # Not earlier: these may say that the above is stored.
        replica.send(ready.messages)
        if snapshot is not None and not is_empty_snap(snapshot):
            replica.restore(snapshot)
        await replica.apply(ready.committed_entries)
        # Not earlier: a read may wait for what was just applied.
        replica.answer_reads(ready.read_states)
        await replica.snapshot_if_due()
        await node.advance()
