"""Take over a snapshot that the leader has sent."""

from labs.lab3_snapshots.node import Node
from port import raftpb as pb


async def install(node: Node, snapshot: pb.Snapshot) -> bool:
    """Takes over a snapshot, if it is ahead of what is applied here."""
    metadata = snapshot.metadata or pb.SnapshotMetadata()
    index = metadata.index or 0
    if index <= node.applied:
        return False
    data = snapshot.data or b""
    # The file first: once the log has the mark, the entries are gone.
    await node.snapshots.save(metadata, [data])
    await node.log.mark(metadata)
    # It is safe now; what answers from it comes last.
    node.storage.apply_snapshot(pb.Snapshot(None, metadata))
    node.machine.load([data])
    node.applied = index
    return True
