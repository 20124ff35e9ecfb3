"""The command `stabilize`: let everything happen that can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.util import is_local_msg_target

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_stabilize(env: InteractionEnv, d: Directive) -> None:
    """Carries out `stabilize <id> ... log-level=<level>`.

    The level holds for this command alone.

    Go: interaction_env_handler_stabilize.go:27-45 handleStabilize
    """
    idxs = env.node_idxs(d)
    old = env.output.lvl
    try:
        for arg in d.args:
            for val in arg.vals:
                env.log_level(val)
        env.stabilize(*idxs)
    finally:
        env.output.lvl = old


def stabilize(env: InteractionEnv, *idxs: int) -> None:
    """Handles `Ready`s, messages and storage work until there are none.

    Args:
        env: The cluster.
        idxs: The nodes that take part; all of them if none is named.

    Raises:
        RaftError: a storage refuses; the rest stays as it is then.

    Go: interaction_env_handler_stabilize.go:49-113 Stabilize
    """
    # Deferred: deliver_msgs uses split_msgs from this file.
    from port.rafttest.interaction_env_handler_deliver_msgs import Recipient

    idxs = idxs or tuple(range(len(env.nodes)))
    nodes = [(idx, env.node(idx)) for idx in idxs]
    done = False
    while not done:
        done = True
        for idx, rn in nodes:
            if rn.raw_node.has_ready():
                env.output.write(f"> {idx + 1} handling Ready\n")
                with env.with_indent():
                    env.process_ready(idx)
                done = False
        for idx, _ in nodes:
            # Only to see whether the heading is due: deliver_msgs looks again.
            if split_msgs(env.messages, idx + 1, None, False)[0]:
                env.output.write(f"> {idx + 1} receiving messages\n")
                with env.with_indent():
                    env.deliver_msgs(None, Recipient(idx + 1))
                done = False
        for idx, rn in nodes:
            if rn.append_work:
                env.output.write(f"> {idx + 1} processing append thread\n")
                while rn.append_work:
                    with env.with_indent():
                        env.process_append_thread(idx)
                done = False
        for idx, rn in nodes:
            if rn.apply_work:
                env.output.write(f"> {idx + 1} processing apply thread\n")
                while rn.apply_work:
                    with env.with_indent():
                        env.process_apply_thread(idx)
                done = False


def split_msgs(
    msgs: list[pb.Message], to: int, typ: pb.MessageType | None, drop: bool
) -> tuple[list[pb.Message], list[pb.Message]]:
    """Splits off one node's messages; neither part changes its order.

    Args:
        msgs: What is in flight.
        to: The id of the recipient.
        typ: The only type to take; `None` for all of them.
        drop: Whether they are to be lost, which local ones never are.

    Returns:
        The messages taken, and all others.

    Go: interaction_env_handler_stabilize.go:117-127 splitMsgs
    """
    taken: list[pb.Message] = []
    rest: list[pb.Message] = []
    for msg in msgs:
        if (
            msg.to == to
            and not (drop and is_local_msg(msg))
            and (typ is None or msg.type is typ)
        ):
            taken.append(msg)
        else:
            rest.append(msg)
    return taken, rest


def is_local_msg(msg: pb.Message) -> bool:
    """Tells whether a message stays inside its node, where none gets lost.

    Go: interaction_env_handler_stabilize.go:130-132 isLocalMsg
    """
    from_, to = msg.from_ or 0, msg.to or 0
    return from_ == to or is_local_msg_target(from_) or is_local_msg_target(to)
