"""The command `process-ready`: do what a node asks of its application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import RaftPanic
from port.rafttest.interaction_env_handler_process_append_thread import (
    process_append,
)
from port.rafttest.interaction_env_handler_process_apply_thread import (
    process_apply,
)
from port.util import describe_ready, is_local_msg_target

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_process_ready(env: InteractionEnv, d: Directive) -> None:
    """Carries out `process-ready <id> ...`.

    Go: interaction_env_handler_process_ready.go:27-42 handleProcessReady
    """
    idxs = env.node_idxs(d)
    for idx in idxs:
        if len(idxs) > 1:
            env.output.write(f"> {idx + 1} handling Ready\n")
            with env.with_indent():
                env.process_ready(idx)
        else:
            env.process_ready(idx)


def process_ready(env: InteractionEnv, idx: int) -> None:
    """Takes one `Ready` from the node at `idx` and does what it asks.

    With asynchronous storage writes, storing and applying are only queued,
    for `process_append_thread` and `process_apply_thread`.

    Raises:
        RaftError: the storage refuses; the messages stay unsent then.
        RaftPanic: the `Ready` makes no sense.

    Go: interaction_env_handler_process_ready.go:45-82 ProcessReady
    """
    n = env.node(idx)
    rd = n.raw_node.ready()
    if not env.output.quiet():
        env.output.write(describe_ready(rd))
    is_async = n.config.async_storage_writes
    if not is_async:
        process_append(n, rd.hard_state, rd.entries, rd.snapshot)
        process_apply(n, rd.committed_entries)
    for m in rd.messages:
        if not is_local_msg_target(m.to or 0):
            env.messages.append(m)
        elif not is_async:
            raise RaftPanic("unexpected local msg target")
        elif m.type is pb.MsgStorageAppend:
            n.append_work.append(m)
        elif m.type is pb.MsgStorageApply:
            n.apply_work.append(m)
        else:
            raise RaftPanic(f"unexpected message type {m.type}")
    if not is_async:
        n.raw_node.advance(rd)
