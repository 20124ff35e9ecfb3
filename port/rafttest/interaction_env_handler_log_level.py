"""The command `log-level`: how much of it all the transcript shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.errors import RaftError
from port.rafttest.interaction_env_logger import LVL_NAMES

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_log_level(env: InteractionEnv, d: Directive) -> None:
    """Carries out `log-level <level>`.

    Go: interaction_env_handler_log_level.go:24-26 handleLogLevel
    """
    env.log_level(d.args[0].key)


def log_level(env: InteractionEnv, name: str) -> None:
    """Prints only what is at least as severe from now on.

    Args:
        env: The cluster.
        name: One of `LVL_NAMES`, in any case. `NONE` silences the commands
            as well, but for errors.

    Raises:
        RaftError: there is no such level.

    Go: interaction_env_handler_log_level.go:28-36 LogLevel
    """
    if name.upper() not in LVL_NAMES:
        raise RaftError(
            f"log levels must be either of [{' '.join(LVL_NAMES)}]"
        )
    env.output.lvl = LVL_NAMES.index(name.upper())
