"""In a joint configuration only the incoming half is asked."""

from labs.bugs.planting import Bug, Edit
from port.quorum import JointConfig

BUG = Bug(
    name="counts_one_half",
    mistake="""In a joint configuration only the incoming half is asked.

    A change that replaces most voters is then no safer than one at a stroke:
    the old majority can decide something else.
    """,
    edits=(
        Edit(
            JointConfig.committed_index,
            "incoming if incoming < outgoing else outgoing",
            "incoming",
        ),
    ),
    invariant=7,
    schedule="""
        nodes=2 voters=1,2
        campaign 1
        settle 2
        change 1 explicit r2
        settle 4
        propose 1
        settle 1 among 1
    """,
)
