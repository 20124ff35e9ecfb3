"""The command `campaign`: stand for election, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_campaign(env: InteractionEnv, d: Directive) -> None:
    """Carries out `campaign <id>`.

    Go: interaction_env_handler_campaign.go:23-26 handleCampaign
    """
    env.campaign(env.first_as_node_idx(d))


def campaign(env: InteractionEnv, idx: int) -> None:
    """Makes the node at `idx` stand for election.

    Go: interaction_env_handler_campaign.go:29-31 Campaign
    """
    env.node(idx).raw_node.campaign()
