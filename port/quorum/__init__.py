"""When is enough enough: majorities, and two majorities at once.

Everything here is a pure function of sets of node ids and of what those
nodes have acknowledged or voted. Nothing knows of terms, logs or messages.
"""

from port.quorum.joint import JointConfig
from port.quorum.majority import MajorityConfig
from port.quorum.quorum import (
    INFINITY,
    AckedIndexer,
    Index,
    MapAckIndexer,
    VoteLost,
    VotePending,
    VoteResult,
    VoteWon,
)

__all__ = [
    "INFINITY",
    "AckedIndexer",
    "Index",
    "JointConfig",
    "MajorityConfig",
    "MapAckIndexer",
    "VoteLost",
    "VotePending",
    "VoteResult",
    "VoteWon",
]
