"""What a leader knows of its followers, and of who the followers are.

`Progress` is the leader's picture of one follower, `Inflights` bounds what
is on its way there, and `ProgressTracker` holds all pictures together with
the configuration, the votes of an election and the commit index.
"""

from port.tracker.inflights import Inflights
from port.tracker.progress import Progress, ProgressMap
from port.tracker.state import (
    StateProbe,
    StateReplicate,
    StateSnapshot,
    StateType,
)
from port.tracker.tracker import Config, MatchAckIndexer, ProgressTracker

__all__ = [
    "Config",
    "Inflights",
    "MatchAckIndexer",
    "Progress",
    "ProgressMap",
    "ProgressTracker",
    "StateProbe",
    "StateReplicate",
    "StateSnapshot",
    "StateType",
]
