"""The command `report-unreachable`: a peer did not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_report_unreachable(env: InteractionEnv, d: Directive) -> None:
    """Carries out `report-unreachable <id> <about>`.

    Go: interaction_env_handler_report_unreachable.go:23-30 handleReportUnreachable
    """  # noqa: E501
    env.report_unreachable(*env.node_idxs(d))


def report_unreachable(
    env: InteractionEnv, idx: int, about_idx: int
) -> None:
    """Tells the node at `idx` that it could not reach the one at `about_idx`.

    Go: interaction_env_handler_report_unreachable.go:28-28 handleReportUnreachable
    """  # noqa: E501
    env.node(idx).raw_node.report_unreachable(env.node(about_idx).config.id)
