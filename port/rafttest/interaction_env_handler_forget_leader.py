"""The command `forget-leader`: stop following, stay a follower."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_forget_leader(env: InteractionEnv, d: Directive) -> None:
    """Carries out `forget-leader <id>`.

    Go: interaction_env_handler_forget_leader.go:23-27 handleForgetLeader
    """
    env.forget_leader(env.first_as_node_idx(d))


def forget_leader(env: InteractionEnv, idx: int) -> None:
    """Makes the follower at `idx` forget whom it follows.

    Go: interaction_env_handler_forget_leader.go:30-32 ForgetLeader
    """
    env.node(idx).raw_node.forget_leader()
