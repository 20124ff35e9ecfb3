"""A learner's log counts towards the quorum that commits."""

from labs.bugs.planting import Bug, Edit
from port.tracker import ProgressTracker

BUG = Bug(
    name="counts_learners",
    mistake="""A learner's log counts towards the quorum that commits.

    Learners are no part of any majority: an entry that is on one voter of
    three and on two learners is gone with that voter.
    """,
    edits=(
        Edit(
            ProgressTracker.committed,
            "self.config.voters.committed_index(acked)",
            "MajorityConfig(self.progress).committed_index(acked)",
        ),
    ),
    invariant=7,
    schedule="""
        nodes=3 voters=1,2 learners=3
        campaign 1
        settle 2 among 1,2
        settle 2 among 1,3
    """,
)
