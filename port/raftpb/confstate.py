"""When two `ConfState`s mean the same configuration."""

from __future__ import annotations

from port.errors import InvalidConfChange
from port.raftpb.raft_pb import ConfState


def equivalent(cs: ConfState | None, cs2: ConfState | None) -> None:
    """Checks that both describe the same configuration, in whatever order.

    An absent `auto_leave` counts as false.

    Raises:
        InvalidConfChange: they differ, or one is missing.

    Go: confstate.go:26-52 Equivalent
    """
    if cs is None or cs2 is None:
        raise InvalidConfChange(
            "cannot compare ConfState: nil input"
            f" (left={str(cs is None).lower()},"
            f" right={str(cs2 is None).lower()})"
        )
    left, right = _sorted(cs), _sorted(cs2)
    if left != right:
        raise InvalidConfChange(
            f"ConfStates not equivalent after sorting:\n{left}\n{right}\n"
            f"Inputs were:\n{cs}\n{cs2}"
        )


def _sorted(cs: ConfState) -> ConfState:
    return ConfState(
        voters=sorted(cs.voters),
        learners=sorted(cs.learners),
        voters_outgoing=sorted(cs.voters_outgoing),
        learners_next=sorted(cs.learners_next),
        auto_leave=bool(cs.auto_leave),
    )
