"""A heartbeat tells the commit index, whatever the follower has."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="heartbeat_beyond_match",
    mistake="""A heartbeat tells the commit index, whatever the follower has.

    A follower takes it on trust. If its log has a tail of an older term there,
    it commits entries that nobody else has.
    """,
    edits=(
        Edit(
            Raft.send_heartbeat,
            "min(pr.match, self.raft_log.committed)",
            "self.raft_log.committed",
        ),
    ),
    invariant=6,
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        settle 2 among 1,2
        campaign 3
        campaign 3
        settle 4 among 2,3
        purge
        tick 3 1
        ready 3
        flow 1
    """,
)
