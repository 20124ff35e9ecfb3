"""5.1: where may two logs still agree?"""

from port.errors import Compacted, Unavailable
from port.log import RaftLog


def find_conflict_by_term(
    log: RaftLog, index: int, term: int
) -> tuple[int, int]:
    """Guesses where this log and another one part."""
    for i in range(index, 0, -1):
        try:
            ours = log.term(i)
        except (Compacted, Unavailable):
            return i, 0
        if ours <= term:
            return i, ours
    return 0, 0
