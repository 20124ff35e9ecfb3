"""3.5: take over a snapshot that the leader has sent.

This node is far behind: the leader has no entries any more that would reach
back so far. So it has sent its state, and the node is to go on from there.
"""

from labs.lab3_snapshots.node import Node
from port import raftpb as pb


async def install(node: Node, snapshot: pb.Snapshot) -> bool:
    """Takes over a snapshot, if it is ahead of what is applied here.

    `snapshot.data` is the machine's state, `snapshot.metadata` says index,
    term and members. A crash may come between any two steps; the node must be
    able to start after it, with the old state or the new one.

    Returns:
        Whether it was taken over; False if it is not ahead.

    Raises:
        OSError: the disk failed. The node will stop; until then it must not
            answer from a state that is not stored.
    """
    raise NotImplementedError("install, four things in a safe order.")
