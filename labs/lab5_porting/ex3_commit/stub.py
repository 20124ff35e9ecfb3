"""5.3: what a majority has.

Port quorum/majority.go:120-163, CommittedIndex. In Go half of it is about
not allocating memory; leave that half out.
"""

from port.quorum import AckedIndexer, MajorityConfig

INFINITY = 2**64 - 1


def committed_index(voters: MajorityConfig, acked: AckedIndexer) -> int:
    """Returns the highest index that a majority of the voters has.

    `voters` is a set of ids. `acked.acked_index(id)` is how far that voter
    has come, or `None` if it was never heard of.

    Returns:
        The index; INFINITY if there are no voters.
    """
    raise NotImplementedError("committed_index.")
