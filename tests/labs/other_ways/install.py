"""3.5: the four things, and nothing else."""

from port import raftpb as pb


async def install(node, snapshot):
    if snapshot.index <= node.applied:
        return False
    await node.snapshots.save(snapshot.metadata, [snapshot.data])
    await node.log.mark(snapshot.metadata)
    node.storage.apply_snapshot(pb.Snapshot(None, snapshot.metadata))
    node.machine.load([snapshot.data])
    node.applied = snapshot.index
    return True
