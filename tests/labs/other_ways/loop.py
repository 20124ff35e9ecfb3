"""1.4: everything is sent after the save."""

async def drive(node, replica):
    async for ready in node.ready():
        if ready.soft_state:
            replica.observe(ready.soft_state)
        if ready.snapshot and ready.snapshot.index:
            await replica.store_snapshot(ready.snapshot)
        if ready.entries or ready.hard_state:
            await replica.save(ready.hard_state, ready.entries, ready.must_sync)
        replica.send(ready.messages)
        if ready.snapshot and ready.snapshot.index:
            replica.restore(ready.snapshot)
        await replica.apply(ready.committed_entries)
        replica.answer_reads(ready.read_states)
        await replica.snapshot_if_due()
        await node.advance()
