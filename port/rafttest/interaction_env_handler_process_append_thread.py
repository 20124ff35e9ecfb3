"""The command `process-append-thread`: store what was asked to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import RaftError
from port.types import is_empty_hard_state, is_empty_snap
from port.util import describe_message

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv, Node


def handle_process_append_thread(env: InteractionEnv, d: Directive) -> None:
    """Carries out `process-append-thread <id> ...`.

    Go: interaction_env_handler_process_append_thread.go:29-44 handleProcessAppendThread
    """  # noqa: E501
    idxs = env.node_idxs(d)
    for idx in idxs:
        if len(idxs) > 1:
            env.output.write(f"> {idx + 1} processing append thread\n")
            with env.with_indent():
                env.process_append_thread(idx)
        else:
            env.process_append_thread(idx)


def process_append_thread(env: InteractionEnv, idx: int) -> None:
    """Handles one message on the append thread of the node at `idx`.

    Raises:
        RaftError: the storage refuses; or snapshot and entries come at once.

    Go: interaction_env_handler_process_append_thread.go:48-82 ProcessAppendThread
    """  # noqa: E501
    n = env.node(idx)
    if not n.append_work:
        env.output.write("no append work to perform")
        return
    m = n.append_work.pop(0)
    resps, m.responses = m.responses, []
    env.output.write(f"Processing:\n{describe_message(m)}\n")
    st = pb.HardState(
        term=m.term or 0, vote=m.vote or 0, commit=m.commit or 0
    )
    process_append(n, st, m.entries, m.snapshot)
    env.output.write("Responses:\n")
    for resp in resps:
        env.output.write(f"{describe_message(resp)}\n")
    env.messages += resps


def process_append(
    n: Node,
    st: pb.HardState | None,
    ents: list[pb.Entry],
    snap: pb.Snapshot | None,
) -> None:
    """Stores hard state, and snapshot or entries.

    Raises:
        RaftError: the storage refuses. Snapshot and entries at once are
            refused too, though raft may ask for it: a real application
            applies the snapshot first.

    Go: interaction_env_handler_process_append_thread.go:84-100 processAppend
    """
    if st is not None and not is_empty_hard_state(st):
        n.storage.set_hard_state(st)
    if snap is not None and not is_empty_snap(snap):
        if ents:
            raise RaftError("can't apply snapshot and entries at the same time")
        n.storage.apply_snapshot(snap)
        return
    n.storage.append(ents)
