"""A follower commits up to the end of its log."""

from labs.bugs.planting import Bug, Edit
from port.log import RaftLog
from port.raft import Raft

BUG = Bug(
    name="commits_past_new_entries",
    mistake="""A follower commits up to the end of its log.

    An append vouches for the log up to its own last entry. What the follower
    has beyond may be a tail of an older term, while the leader's commit index
    is already higher.

    This port's leader never sends such an append: it looks for the point where
    the logs part from above, so that the first entry that fits already puts an
    end to the tail. To show the mistake, new leaders begin behind their commit
    index instead, which is as good and takes longer.
    """,
    edits=(
        Edit(
            RaftLog.maybe_append,
            "min(committed, last_new_index)",
            "min(committed, self.last_index())",
        ),
        # By itself this is harmless: see `mistake`.
        Edit(
            Raft.reset,
            "next=last_index + 1",
            "next=self.raft_log.committed + 1",
        ),
    ),
    invariant=6,
    schedule="""
        nodes=3 voters=1,2,3 small
        campaign 1
        settle 3
        propose 1
        campaign 2
        settle 6 among 2,3
        tick 2 1
        settle 3 among 1,2
    """,
)
