"""5.3: what a majority has."""

from port.quorum import AckedIndexer, MajorityConfig

INFINITY = 2**64 - 1


def committed_index(voters: MajorityConfig, acked: AckedIndexer) -> int:
    """Returns the highest index that a majority of the voters has."""
    if not voters:
        return INFINITY
    reached = [acked.acked_index(id) or 0 for id in voters]
    reached.sort(reverse=True)
    majority = len(voters) // 2 + 1
    return reached[majority - 1]
