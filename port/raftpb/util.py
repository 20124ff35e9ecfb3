"""Fill in what is absent, so that a reader need not look at every turn.

Snapshots that a storage hands out always have metadata, a configuration and
numbers in them; these functions see to it.
"""

from __future__ import annotations

from port.raftpb.raft_pb import ConfState, Snapshot, SnapshotMetadata


def ensure_conf_state(cs: ConfState | None) -> ConfState:
    """Returns `cs`, or a new one, with every field present.

    Go: util.go:20-28 EnsureConfState
    """
    if cs is None:
        cs = ConfState()
    if cs.auto_leave is None:
        cs.auto_leave = False
    return cs


def ensure_snapshot_metadata(m: SnapshotMetadata | None) -> SnapshotMetadata:
    """Returns `m`, or a new one, with every field present.

    Go: util.go:33-51 EnsureSnapshotMetadata
    """
    if m is None:
        m = SnapshotMetadata()
    m.conf_state = ensure_conf_state(m.conf_state)
    if m.index is None:
        m.index = 0
    if m.term is None:
        m.term = 0
    return m


def ensure_snapshot(s: Snapshot | None) -> Snapshot:
    """Returns `s`, or a new one, with every field present (data may lack).

    Go: util.go:56-67 EnsureSnapshot
    """
    if s is None:
        s = Snapshot()
    s.metadata = ensure_snapshot_metadata(s.metadata)
    return s
