"""A node votes without looking at the candidate's log."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="votes_for_shorter_logs",
    mistake="""A node votes without looking at the candidate's log.

    A candidate that lacks committed entries can win, and overwrites them.
    """,
    edits=(
        Edit(
            Raft._step_vote,
            "can_vote and self.raft_log.is_up_to_date(cand_last_id)",
            "can_vote",
        ),
    ),
    invariant=3,
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        settle 4 among 1,2
        campaign 3
        campaign 3
        settle 2 among 2,3
    """,
)
