"""A node applies entries as soon as it has them."""

from labs.bugs.planting import Bug, Edit
from port.log import RaftLog

BUG = Bug(
    name="applies_before_commit",
    mistake="""A node applies entries as soon as it has them.

    They may yet be replaced by another leader's, and no state machine can take
    back what it has applied. The checks that would notice are gone as well.
    """,
    edits=(
        Edit(
            RaftLog.max_appliable_index,
            "return self.committed",
            "return self.last_index()",
        ),
        Edit(RaftLog.accept_applying, "if self.committed < i:", "if False:"),
        Edit(
            RaftLog.applied_to,
            "if self.committed < i or i < self.applied:",
            "if i < self.applied:",
        ),
    ),
    invariant=5,
    also=(8,),
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        settle 4
        propose 1
        ready 1
        campaign 2
        settle 5 among 2,3
    """,
)
