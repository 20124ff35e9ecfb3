"""What must hold at every moment; the simulator of the store watches it, too.

The rules are in `port/rafttest/invariants.py`, each by itself.
"""

from port.rafttest.invariants import (
    NUMBERS,
    CommitQuorum,
    CommittedStays,
    Converges,
    Durable,
    DurableFirst,
    ElectionSafety,
    History,
    Invariant,
    LeaderAppendOnly,
    LeaderCompleteness,
    LogMatching,
    Monitor,
    Monotonic,
    NoPanic,
    ReadIndexSafety,
    StateMachineSafety,
    View,
    Violation,
)

__all__ = [
    "NUMBERS",
    "CommitQuorum",
    "CommittedStays",
    "Converges",
    "Durable",
    "DurableFirst",
    "ElectionSafety",
    "History",
    "Invariant",
    "LeaderAppendOnly",
    "LeaderCompleteness",
    "LogMatching",
    "Monitor",
    "Monotonic",
    "NoPanic",
    "ReadIndexSafety",
    "StateMachineSafety",
    "View",
    "Violation",
]
