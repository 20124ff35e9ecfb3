"""A candidate takes an election that is not lost for won."""

from labs.bugs.planting import Bug, Edit
from port.raft import candidate_vote_resp

BUG = Bug(
    name="leads_on_a_minority",
    mistake="""A candidate takes an election that is not lost for won.

    The first vote, which is its own, makes it leader.
    """,
    edits=(
        Edit(
            candidate_vote_resp,
            "if result is VoteWon:",
            "if result is not VoteLost:",
        ),
    ),
    invariant=1,
    schedule="""
        nodes=2 voters=1,2
        campaign 1
        campaign 2
        settle 1
    """,
)
