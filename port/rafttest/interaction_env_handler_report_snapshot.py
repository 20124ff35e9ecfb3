"""The command `report-snapshot`: how the sending ended. Not in upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port.errors import Malformed
from port.types import SnapshotFailure, SnapshotFinish, SnapshotStatus

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv

STATUSES = {"finish": SnapshotFinish, "failure": SnapshotFailure}


def handle_report_snapshot(env: InteractionEnv, d: Directive) -> None:
    """Carries out `report-snapshot <id> <about> status=finish|failure`.

    Raises:
        Malformed: the status is missing, or neither.
    """
    idx = env.first_as_node_idx(d)
    name = d.scan("status").text()
    if name not in STATUSES:
        raise Malformed(f"status: neither finish nor failure: {name!r}")
    env.report_snapshot(idx, env.ints(d)[1], STATUSES[name])


def report_snapshot(
    env: InteractionEnv, idx: int, about_id: int, status: SnapshotStatus
) -> None:
    """Tells the node at `idx` how the snapshot that it sent arrived.

    Args:
        env: The cluster.
        idx: The node that sent it.
        about_id: The node that it went to; an id, not an index.
        status: What became of it.
    """
    env.node(idx).raw_node.report_snapshot(about_id, status)
