"""The command `raft-log`: show what a node has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.types import NO_LIMIT
from port.util import describe_entries

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_raft_log(env: InteractionEnv, d: Directive) -> None:
    """Carries out `raft-log <id>`.

    Go: interaction_env_handler_raft_log.go:27-30 handleRaftLog
    """
    env.raft_log(env.first_as_node_idx(d))


def raft_log(env: InteractionEnv, idx: int) -> None:
    """Prints the entries in the storage of the node at `idx`.

    Go: interaction_env_handler_raft_log.go:33-55 RaftLog
    """
    s = env.node(idx).storage
    fi, li = s.first_index(), s.last_index()
    if li < fi:
        env.output.write(
            f"log is empty: first index={fi}, last index={li}"
        )
        return
    env.output.write(describe_entries(s.entries(fi, li + 1, NO_LIMIT)))
