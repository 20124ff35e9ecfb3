"""A snapshot replaces the log up to its index, not what follows."""

from labs.bugs.planting import Bug, Edit
from port.log_unstable import Unstable

BUG = Bug(
    name="keeps_stale_tail",
    mistake="""A snapshot replaces the log up to its index, not what follows.

    Entries behind it come from a leader that lost; after the snapshot they
    pass for the new leader's.
    """,
    edits=(
        Edit(
            Unstable.restore,
            "self.entries = []",
            "self.entries = [\n"
            "    e for e in self.entries if (e.index or 0) > s.index\n"
            "]",
        ),
    ),
    invariant=2,
    schedule="""
        nodes=3 voters=1,2,3 asynchronous
        campaign 2
        settle 2
        propose 2
        campaign 3
        settle 5 among 1,3
        compact 3 keep 0
        purge
        tick 3 1
        ready 3
        flow 2
        ready 2
        flow 3
        ready 3
        flow 2
    """,
)
