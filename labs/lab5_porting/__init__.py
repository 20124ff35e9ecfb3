"""Lab 5: style drill and porting."""

from labs.lab5_porting import (
    ex1_conflict,
    ex2_decr,
    ex3_commit,
    ex4_follower,
    ex5_tables,
    ex6_split,
    ex7_seams,
)
from labs.runner.exercise import Lab

LAB = Lab(
    number=5,
    title="Porting, and style",
    page="lab5.md",
    package=__name__,
    exercises=(
        ex1_conflict.EXERCISE,
        ex2_decr.EXERCISE,
        ex3_commit.EXERCISE,
        ex4_follower.EXERCISE,
        ex5_tables.EXERCISE,
        ex6_split.EXERCISE,
        ex7_seams.EXERCISE,
    ),
)
