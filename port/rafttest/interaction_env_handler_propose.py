"""The command `propose`: ask for an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_propose(env: InteractionEnv, d: Directive) -> None:
    """Carries out `propose <id> <word>`.

    Go: interaction_env_handler_propose.go:23-29 handlePropose
    """
    env.propose(env.first_as_node_idx(d), d.args[1].key.encode())


def propose(env: InteractionEnv, idx: int, data: bytes) -> None:
    """Proposes an entry with `data` on the node at `idx`.

    Raises:
        ProposalDropped: the node cannot take it.

    Go: interaction_env_handler_propose.go:32-34 Propose
    """
    env.node(idx).raw_node.propose(data)
