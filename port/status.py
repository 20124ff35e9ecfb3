"""A node's state, copied for others to look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from port import raftpb as pb
from port.raft import StateLeader
from port.tracker import Config, Progress
from port.types import SoftState

if TYPE_CHECKING:
    from port.raft import Raft


class BasicStatus:
    """What can be told without a copy of the peers' progress.

    Go: status.go:33-42 BasicStatus
    """

    __slots__ = ("applied", "hard_state", "id", "lead_transferee", "soft_state")

    def __init__(
        self,
        id: int,
        hard_state: pb.HardState,
        soft_state: SoftState,
        applied: int,
        lead_transferee: int,
    ) -> None:
        self.id = id
        self.hard_state = hard_state
        self.soft_state = soft_state
        self.applied = applied
        self.lead_transferee = lead_transferee


class Status:
    """The whole state of a node.

    Attributes:
        basic: Everything but the next two.
        config: The configuration in effect.
        progress: The peers' progress; empty unless this node leads.

    Go: status.go:26-30 Status
    """

    __slots__ = ("basic", "config", "progress")

    def __init__(
        self,
        basic: BasicStatus,
        config: Config,
        progress: dict[int, Progress],
    ) -> None:
        self.basic = basic
        self.config = config
        self.progress = progress

    def marshal_json(self) -> str:
        """Returns the status as JSON; node ids are hexadecimal text.

        Go: status.go:80-97 MarshalJSON
        """
        b = self.basic
        return json.dumps(
            {
                "id": f"{b.id:x}",
                "term": b.hard_state.term or 0,
                "vote": f"{b.hard_state.vote or 0:x}",
                "commit": b.hard_state.commit or 0,
                "lead": f"{b.soft_state.lead:x}",
                "raftState": str(b.soft_state.raft_state),
                "applied": b.applied,
                "progress": {
                    f"{id:x}": {
                        "match": pr.match,
                        "next": pr.next,
                        "state": str(pr.state),
                    }
                    for id, pr in self.progress.items()
                },
                "leadtransferee": f"{b.lead_transferee:x}",
            },
            separators=(",", ":"),
        )

    def __str__(self) -> str:
        """Returns the JSON.

        Go: status.go:99-105 String
        """
        return self.marshal_json()


def get_progress_copy(r: Raft) -> dict[int, Progress]:
    """Returns the peers' progress, with inflights of their own.

    Go: status.go:44-54 getProgressCopy
    """
    copies = {}
    for id, pr in r.trk.visit():
        copies[id] = pr.copy()
        copies[id].inflights = pr.inflights.clone()
    return copies


def get_basic_status(r: Raft) -> BasicStatus:
    """Returns the state without the peers' progress.

    Go: status.go:56-65 getBasicStatus
    """
    return BasicStatus(
        r.id, r.hard_state(), r.soft_state(), r.raft_log.applied,
        r.lead_transferee,
    )  # fmt: skip


def get_status(r: Raft) -> Status:
    """Returns the whole state.

    Go: status.go:68-76 getStatus
    """
    leads = r.state is StateLeader
    return Status(
        get_basic_status(r),
        r.trk.config.clone(),
        get_progress_copy(r) if leads else {},
    )
