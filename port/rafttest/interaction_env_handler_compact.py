"""The command `compact`: drop the beginning of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_compact(env: InteractionEnv, d: Directive) -> None:
    """Carries out `compact <id> <index>`.

    Go: interaction_env_handler_compact.go:24-31 handleCompact
    """
    env.compact(env.first_as_node_idx(d), env.ints(d)[1])


def compact(env: InteractionEnv, idx: int, compact_index: int) -> None:
    """Drops the entries up to and including `compact_index`; prints the rest.

    Raises:
        Compacted: they are gone already.
        RaftPanic: the index lies beyond the log.

    Go: interaction_env_handler_compact.go:35-40 Compact
    """
    env.node(idx).storage.compact(compact_index)
    env.raft_log(idx)
