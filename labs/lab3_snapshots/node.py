"""The durable half of a node, as 3.5 has it in hand."""

from __future__ import annotations

from dataclasses import dataclass

from kv.seams import Log, Snapshots, StateMachine
from port.storage import MemoryStorage


@dataclass(slots=True)
class Node:
    """What a snapshot from the leader has to go into.

    Attributes:
        snapshots: The files.
        log: The log on disk.
        storage: Where raft reads its log.
        machine: Keys and values.
        applied: The index up to which the machine has applied.
    """

    snapshots: Snapshots
    log: Log
    storage: MemoryStorage
    machine: StateMachine
    applied: int
