"""A node that restarts has forgotten whom it voted for."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="forgets_vote",
    mistake="""A node that restarts has forgotten whom it voted for.

    It votes again in the same term, perhaps for somebody else.
    """,
    edits=(
        Edit(
            Raft.load_state,
            "self.vote = state.vote or NONE",
            "self.vote = NONE",
        ),
    ),
    invariant=1,
    also=(8,),
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        campaign 2
        settle 2 among 1,3
        restart 3 keep all
        settle 2 among 2,3
    """,
)
