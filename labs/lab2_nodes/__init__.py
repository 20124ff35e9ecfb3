"""Lab 2: three nodes."""

from labs.lab2_nodes import ex1_framing, ex2_election, ex3_catchup, ex4_split
from labs.runner.exercise import Lab

LAB = Lab(
    number=2,
    title="Three nodes",
    page="lab2.md",
    package=__name__,
    exercises=(
        ex1_framing.EXERCISE,
        ex2_election.EXERCISE,
        ex3_catchup.EXERCISE,
        ex4_split.EXERCISE,
    ),
)
