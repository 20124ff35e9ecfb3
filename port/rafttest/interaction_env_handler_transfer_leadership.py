"""The command `transfer-leadership`: hand over without an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.errors import Malformed

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_transfer_leadership(env: InteractionEnv, d: Directive) -> None:
    """Carries out `transfer-leadership from=<id> to=<id>`.

    Raises:
        Malformed: one is missing, or there is no such node.

    Go: interaction_env_handler_transfer_leadership.go:23-34 handleTransferLeadership
    """  # noqa: E501
    ids: list[int] = []
    for key in ("from", "to"):
        id = d.scan(key).number()
        if not 1 <= id <= len(env.nodes):
            raise Malformed(f'expected valid "{key}" argument; no node {id}')
        ids.append(id)
    env.transfer_leadership(*ids)


def transfer_leadership(env: InteractionEnv, from_id: int, to_id: int) -> None:
    """Asks the node `from_id` to make the node `to_id` leader.

    Args:
        env: The cluster.
        from_id: Whom to ask; an id, not an index.
        to_id: The leader to be.

    Go: interaction_env_handler_transfer_leadership.go:37-41 transferLeadership
    """
    env.node(from_id - 1).raw_node.transfer_leader(to_id)
