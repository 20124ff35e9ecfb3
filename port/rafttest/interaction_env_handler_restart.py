"""The command `restart`: crash, and come back from storage. Not in upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.errors import RaftError
from port.rawnode import RawNode

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


class RestartRefused(RaftError):
    """The storage lacks entries that the restarted node would have to apply.

    It has been compacted beyond its snapshot, which nothing here writes; an
    application that did this would have lost data.
    """


def handle_restart(env: InteractionEnv, d: Directive) -> None:
    """Carries out `restart <id>`."""
    env.restart(env.first_as_node_idx(d))


def restart(env: InteractionEnv, idx: int) -> None:
    """Throws away all of a node but its storage, and starts it again.

    What goes: the `RawNode`, and the work that waits for the append and apply
    threads. Messages in flight stay, from and to the node. The state machine
    starts from the snapshot that is stored, so entries after it are applied
    again, and the history ends there too.

    Raises:
        RestartRefused: the log begins after that snapshot. The node runs on.
    """
    n = env.node(idx)
    stored = n.storage.stored_snapshot()
    first = n.storage.first_index()
    if first > stored.index + 1:
        raise RestartRefused(
            f"cannot restart node {idx + 1}: its log was compacted up to"
            f" {first - 1}, beyond the stored snapshot at {stored.index}"
        )
    n.config.applied = stored.index
    n.history = [s for s in n.history if s.index <= stored.index] or [stored]
    n.append_work, n.apply_work = [], []
    n.raw_node = RawNode(n.config)
