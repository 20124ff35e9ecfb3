"""How the first members of a cluster come to be.

Each begins with the same entries: one configuration change a member, in
term 1, and counted as committed. Applications do better to store the first
configuration in a snapshot instead; see `rafttest` for how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import RaftError
from port.types import NONE, Peer

if TYPE_CHECKING:
    from port.rawnode import RawNode


def bootstrap(rn: RawNode, peers: list[Peer]) -> None:
    """Makes a new node a member of a new cluster.

    The changes take effect twice: here, so that the node may campaign at
    once, and again when the application applies them, where they change
    nothing.

    Args:
        rn: The node; its storage must be empty.
        peers: The first members, this node among them.

    Raises:
        RaftError: there are no peers, or the storage is not empty.

    Go: bootstrap.go:32-82 Bootstrap
    """
    if not peers:
        raise RaftError("must provide at least one peer to Bootstrap")
    r = rn.raft
    if r.raft_log.storage.last_index() != 0:
        raise RaftError("can't bootstrap a nonempty Storage")

    # Nothing is stored yet, so the first Ready must bring a hard state.
    rn.prev_hard_st = pb.HardState(0, 0, 0)

    r.become_follower(1, NONE)
    ents = []
    for i, peer in enumerate(peers, 1):
        cc = pb.ConfChange(
            type=pb.ConfChangeAddNode, node_id=peer.id, context=peer.context
        )
        ents.append(pb.Entry(1, i, pb.EntryConfChange, cc.marshal()))
    r.raft_log.append(ents)

    # Committed, though neither stored nor agreed upon: every first member
    # has the same entries, so that none of them can ever be replaced. Not
    # applied: the application is to see each change.
    r.raft_log.committed = len(ents)
    for peer in peers:
        r.apply_conf_change(
            pb.ConfChange(
                node_id=peer.id, type=pb.ConfChangeAddNode
            ).as_v2()
        )
