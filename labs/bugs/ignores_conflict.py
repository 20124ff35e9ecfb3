"""A follower does not notice that its entries are another leader's."""

from labs.bugs.planting import Bug, Edit
from port.log import RaftLog

BUG = Bug(
    name="ignores_conflict",
    mistake="""A follower does not notice that its entries are another leader's.

    It looks only for what is missing at the end of its log. What it has at the
    same index with another term stays, and counts as the leader's.
    """,
    edits=(
        Edit(
            RaftLog.find_conflict,
            "if not self.match_term(EntryID(term, index)):",
            "if index > last_index:",
        ),
    ),
    invariant=2,
    also=(7, 9),
    schedule="""
        nodes=3 voters=1,2,3
        campaign 1
        settle 3
        propose 1
        campaign 2
        settle 2 among 2,3
        propose 2
        tick 2 1
        settle 3 among 1,2
    """,
)
