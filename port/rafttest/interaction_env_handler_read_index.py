"""The command `read-index`: where must a read wait? Not in upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_read_index(env: InteractionEnv, d: Directive) -> None:
    """Carries out `read-index <id> <word>`."""
    env.read_index(env.first_as_node_idx(d), d.args[1].key.encode())


def read_index(env: InteractionEnv, idx: int, ctx: bytes) -> None:
    """Asks the node at `idx` for a read index.

    Args:
        env: The cluster.
        idx: The node.
        ctx: Comes back with the answer in a later `Ready`, to tell one
            request from another.
    """
    env.node(idx).raw_node.read_index(ctx)
