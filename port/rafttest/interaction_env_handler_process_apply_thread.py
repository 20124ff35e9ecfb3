"""The command `process-apply-thread`: feed the state machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.util import describe_message

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv, Node


def handle_process_apply_thread(env: InteractionEnv, d: Directive) -> None:
    """Carries out `process-apply-thread <id> ...`.

    Go: interaction_env_handler_process_apply_thread.go:28-43 handleProcessApplyThread
    """  # noqa: E501
    idxs = env.node_idxs(d)
    for idx in idxs:
        if len(idxs) > 1:
            env.output.write(f"> {idx + 1} processing apply thread\n")
            with env.with_indent():
                env.process_apply_thread(idx)
        else:
            env.process_apply_thread(idx)


def process_apply_thread(env: InteractionEnv, idx: int) -> None:
    """Handles one message on the apply thread of the node at `idx`.

    Go: interaction_env_handler_process_apply_thread.go:47-70 ProcessApplyThread
    """
    n = env.node(idx)
    if not n.apply_work:
        env.output.write("no apply work to perform")
        return
    m = n.apply_work.pop(0)
    resps, m.responses = m.responses, []
    env.output.write(f"Processing:\n{describe_message(m)}\n")
    process_apply(n, m.entries)
    env.output.write("Responses:\n")
    for resp in resps:
        env.output.write(f"{describe_message(resp)}\n")
    env.messages += resps


def process_apply(n: Node, ents: list[pb.Entry]) -> None:
    """Applies entries to a state machine that only strings their data together.

    Each leaves one snapshot in the node's history: the data up to there, and
    the configuration in force.

    Go: interaction_env_handler_process_apply_thread.go:72-112 processApply
    """
    for ent in ents:
        update, cs = ent.data, None
        if ent.type is pb.EntryConfChange:
            v1 = pb.ConfChange.unmarshal(ent.data)
            update, cs = v1.context, n.raw_node.apply_conf_change(v1)
        elif ent.type is pb.EntryConfChangeV2:
            v2 = pb.ConfChangeV2.unmarshal(ent.data)
            update, cs = v2.context, n.raw_node.apply_conf_change(v2)
        last = n.history[-1]
        if cs is None and last.metadata is not None:
            cs = last.metadata.conf_state
        n.history.append(
            pb.Snapshot(
                data=(last.data or b"") + (update or b"") or None,
                metadata=pb.SnapshotMetadata(
                    conf_state=cs, index=ent.index or 0, term=ent.term or 0
                ),
            )
        )
