"""A new leader serves reads before it knows what is committed."""

from labs.bugs.planting import Bug, Edit
from port.raft import leader_read_index

BUG = Bug(
    name="reads_before_commit",
    mistake="""A new leader serves reads before it knows what is committed.

    Until it has committed an entry of its own term, its commit index may lie
    behind what the leader before it had committed and acknowledged.
    """,
    edits=(
        Edit(
            leader_read_index,
            "if not r.committed_entry_in_current_term():",
            "if False:",
        ),
    ),
    invariant=10,
    schedule="""
        nodes=3 voters=1,2,3
        campaign 3
        settle 4 among 1,3
        campaign 1
        settle 2 among 1,3
        read 1
        settle 3 among 1,3
    """,
)
