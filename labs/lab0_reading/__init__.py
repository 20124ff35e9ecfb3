"""Lab 0: read Raft in anger."""

from labs.lab0_reading import (
    ex1_becoming,
    ex2_elections,
    ex3_write,
    ex4_commit,
    ex5_leading,
    ex6_failover,
    ex7_lines,
)
from labs.runner.exercise import Lab

LAB = Lab(
    number=0,
    title="Read Raft in anger",
    page="lab0.md",
    package=__name__,
    exercises=(
        ex1_becoming.EXERCISE,
        ex2_elections.EXERCISE,
        ex3_write.EXERCISE,
        ex4_commit.EXERCISE,
        ex5_leading.EXERCISE,
        ex6_failover.EXERCISE,
        ex7_lines.EXERCISE,
    ),
)
