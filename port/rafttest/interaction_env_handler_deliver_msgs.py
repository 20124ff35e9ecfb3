"""The command `deliver-msgs`: let messages arrive, or lose them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from port import raftpb as pb
from port.errors import Malformed, RaftError
from port.rafttest.interaction_env_handler_stabilize import split_msgs
from port.util import describe_message

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_deliver_msgs(env: InteractionEnv, d: Directive) -> None:
    """Carries out `deliver-msgs <id> ... type=<type> drop=(<id>, ...)`.

    Raises:
        Malformed: a node is both to receive and to lose its messages, or
            the type does not exist.

    Go: interaction_env_handler_deliver_msgs.go:28-70 handleDeliverMsgs
    """
    typ: pb.MessageType | None = None
    rs = [Recipient(id) for id in env.ints(d)]
    for arg in d.args:
        if arg.key == "drop":
            for id in arg.numbers():
                if any(r.id == id for r in rs):
                    raise Malformed(
                        f"can't both deliver and drop msgs to {id}"
                    )
                rs.append(Recipient(id, drop=True))
        elif arg.key == "type":
            name = arg.text(len(arg.vals) - 1)
            if name not in pb.MessageType.__members__:
                raise Malformed(f"unknown message type {name}")
            typ = pb.MessageType[name]
    if env.deliver_msgs(typ, *rs) == 0:
        env.output.write("no messages\n")


class Recipient(NamedTuple):
    """Whose messages to handle; with `drop` they are lost instead.

    Go: interaction_env_handler_deliver_msgs.go:72-75 Recipient
    """

    id: int
    drop: bool = False


def deliver_msgs(
    env: InteractionEnv, typ: pb.MessageType | None, *rs: Recipient
) -> int:
    """Takes messages out of flight, and delivers or drops them.

    Args:
        env: The cluster.
        typ: The only type to take; `None` for all of them.
        rs: Whose messages, in which order, and what becomes of them. Nodes
            whose messages are dropped need not exist yet.

    Returns:
        The number of messages delivered or dropped.

    Raises:
        Malformed: a message is to be delivered to a node that is not there.

    Go: interaction_env_handler_deliver_msgs.go:81-104 DeliverMsgs
    """
    n = 0
    for r in rs:
        msgs, env.messages = split_msgs(env.messages, r.id, typ, r.drop)
        n += len(msgs)
        for msg in msgs:
            if not env.output.quiet():
                dropped = "dropped: " if r.drop else ""
                env.output.write(f"{dropped}{describe_message(msg)}\n")
            if r.drop:
                continue
            raw_node = env.node(r.id - 1).raw_node
            try:
                raw_node.step(msg)
            except RaftError as err:
                env.output.write(f"{err}\n")
    return n
