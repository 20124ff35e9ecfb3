"""The command `set-randomized-election-timeout`: take chance out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.errors import Malformed

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_set_randomized_election_timeout(
    env: InteractionEnv, d: Directive
) -> None:
    """Carries out `set-randomized-election-timeout <id> timeout=<ticks>`.

    Raises:
        Malformed: the timeout is missing or 0.

    Go: interaction_env_handler_set_randomized_election_timeout.go:24-34 handleSetRandomizedElectionTimeout
    """  # noqa: E501
    idx = env.first_as_node_idx(d)
    timeout = d.scan("timeout").number()
    if timeout == 0:
        raise Malformed("timeout: must not be 0")
    env.set_randomized_election_timeout(idx, timeout)


def set_randomized_election_timeout(
    env: InteractionEnv, idx: int, timeout: int
) -> None:
    """Fixes the timeout of the node at `idx` until its role changes.

    Args:
        env: The cluster.
        idx: The node.
        timeout: Ticks without a word from a leader until it campaigns.
    """
    env.node(idx).raw_node.raft.randomized_election_timeout = timeout
