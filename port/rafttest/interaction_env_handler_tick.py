"""The commands `tick-election` and `tick-heartbeat`: time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_tick_election(env: InteractionEnv, d: Directive) -> None:
    """Carries out `tick-election <id>`: as long as an election timeout.

    Go: interaction_env_handler_tick.go:23-26 handleTickElection
    """
    idx = env.first_as_node_idx(d)
    env.tick(idx, env.node(idx).config.election_tick)


def handle_tick_heartbeat(env: InteractionEnv, d: Directive) -> None:
    """Carries out `tick-heartbeat <id>`: as long as a heartbeat interval.

    Go: interaction_env_handler_tick.go:28-31 handleTickHeartbeat
    """
    idx = env.first_as_node_idx(d)
    env.tick(idx, env.node(idx).config.heartbeat_tick)


def tick(env: InteractionEnv, idx: int, num: int) -> None:
    """Ticks the clock of the node at `idx`, `num` times.

    Go: interaction_env_handler_tick.go:34-39 Tick
    """
    raw_node = env.node(idx).raw_node
    for _ in range(num):
        raw_node.tick()
