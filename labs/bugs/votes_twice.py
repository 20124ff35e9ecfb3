"""A node gives its vote to whoever asks, as often as asked."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="votes_twice",
    mistake="""A node gives its vote to whoever asks, as often as asked.

    Two candidates can then win the same term.
    """,
    edits=(
        Edit(
            Raft._step_vote,
            "self.vote == NONE and self.lead == NONE",
            "self.lead == NONE",
        ),
    ),
    invariant=1,
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        campaign 2
        settle 2 among 1,3
        settle 2 among 2,3
    """,
)
