"""The command `status`: what a leader knows of its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.tracker import ProgressMap

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_status(env: InteractionEnv, d: Directive) -> None:
    """Carries out `status <id>`.

    Go: interaction_env_handler_status.go:26-29 handleStatus
    """
    env.status(env.first_as_node_idx(d))


def status(env: InteractionEnv, idx: int) -> None:
    """Prints the progress of each peer; nothing unless the node leads.

    Go: interaction_env_handler_status.go:33-43 Status
    """
    st = env.node(idx).raw_node.status()
    env.output.write(str(ProgressMap(st.progress)))
