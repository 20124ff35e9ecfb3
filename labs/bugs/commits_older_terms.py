"""A leader commits an older term's entry because a quorum has it."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="commits_older_terms",
    mistake="""A leader commits an older term's entry because a quorum has it.

    A quorum is not enough there: a node that never saw the entry can still win
    a later election, and overwrite it (paper, figure 8). Only when an entry of
    the leader's own term is committed does all before it count as well.
    """,
    edits=(
        Edit(
            Raft.maybe_commit,
            "EntryID(self.term, self.trk.committed())",
            "EntryID(\n"
            "    self.raft_log.zero_term_on_out_of_bounds(\n"
            "        self.trk.committed()),\n"
            "    self.trk.committed())",
        ),
    ),
    invariant=3,
    schedule="""
        nodes=3 voters=1,2,3 small
        campaign 1
        settle 2
        ready 1
        campaign 3
        settle 2 among 2,3
        ready 3
        restart 1 keep all
        campaign 1
        campaign 1
        settle 6 among 1,2
        restart 3 keep all
        campaign 3
        campaign 3
        settle 2 among 2,3
    """,
)
