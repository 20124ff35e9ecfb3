"""The command `send-snapshot`: send one unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.util import describe_message

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_send_snapshot(env: InteractionEnv, d: Directive) -> None:
    """Carries out `send-snapshot <from> <to>`.

    Go: interaction_env_handler_send_snapshot.go:27-31 handleSendSnapshot
    """
    env.send_snapshot(*env.node_idxs(d))


def send_snapshot(env: InteractionEnv, from_idx: int, to_idx: int) -> None:
    """Puts a message with the sender's present state into flight.

    Raft knows nothing of it; that is the point.

    Go: interaction_env_handler_send_snapshot.go:34-51 SendSnapshot
    """
    sender = env.node(from_idx)
    msg = pb.Message(
        type=pb.MsgSnap,
        term=sender.raw_node.basic_status().hard_state.term or 0,
        from_=from_idx + 1,
        to=to_idx + 1,
        snapshot=sender.storage.snapshot(),
    )
    env.messages.append(msg)
    env.output.write(describe_message(msg))
