"""The command `raft-state`: who leads, as each node sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv
    from port.status import Status


def is_voter(id: int, st: Status) -> bool:
    """Tells whether the node `id` may vote, as `st` has it.

    Go: interaction_env_handler_raftstate.go:24-32 isVoter
    """
    return id in st.config.voters.ids()


def handle_raft_state(env: InteractionEnv, d: Directive) -> None:
    """Carries out `raft-state`.

    Go: interaction_env_handler_raftstate.go:36-49 handleRaftState
    """
    env.raft_state()


def raft_state(env: InteractionEnv) -> None:
    """Prints a line for each node: its role, term and leader, in its own view.

    Go: interaction_env_handler_raftstate.go:36-49 handleRaftState
    """
    for n in env.nodes:
        st = n.raw_node.status()
        basic = st.basic
        voter = "(Voter)" if is_voter(basic.id, st) else "(Non-Voter)"
        env.output.write(
            f"{basic.id}: {basic.soft_state.raft_state} {voter}"
            f" Term:{basic.hard_state.term or 0}"
            f" Lead:{basic.soft_state.lead}\n"
        )
