"""Lab 4: break it."""

from labs.lab4_break import (
    ex1_record,
    ex2_brute,
    ex3_search,
    ex4_keys,
    ex5_nemeses,
    ex6_thirty,
    ex7_detective,
)
from labs.runner.exercise import Lab

LAB = Lab(
    number=4,
    title="Break it",
    page="lab4.md",
    package=__name__,
    exercises=(
        ex1_record.EXERCISE,
        ex2_brute.EXERCISE,
        ex3_search.EXERCISE,
        ex4_keys.EXERCISE,
        ex5_nemeses.EXERCISE,
        ex6_thirty.EXERCISE,
        ex7_detective.EXERCISE,
    ),
)
