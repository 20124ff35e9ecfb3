"""A report of a write counts although the term has moved on."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="believes_stale_writes",
    mistake="""A report of a write counts although the term has moved on.

    While writes are under way an entry may be replaced, and put back by a
    later leader. A report of the first write then looks like one of the last,
    and the log is read from a storage that still has the entry in between.
    """,
    edits=(
        Edit(
            Raft._step_lower_term,
            "if m.index:",
            "self.raft_log.stable_to("
            "EntryID(m.log_term or 0, m.index or 0))\n"
            "        if m.index:",
        ),
    ),
    invariant=2,
    schedule="""
        nodes=5 voters=1,2,3,4,5 asynchronous
        campaign 1
        settle 4
        propose 1
        ready 1
        append 1
        flow 2
        ready 2
        campaign 3
        settle 2 among 3,4,5
        ready 3
        restart 1 keep all
        campaign 1
        campaign 1
        settle 2 among 1,4,5
        settle 1 among 1
        flow 2
        append 2
        ready 2
        append 2
        flow 1
        ready 1
        flow 2
        deliver 2->2
    """,
)
