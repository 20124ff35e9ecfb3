"""Lab 3: a snapshot every 10,000 entries."""

from labs.lab3_snapshots import (
    ex1_due,
    ex2_atomic,
    ex3_restore,
    ex4_compact,
    ex5_install,
    ex6_measure,
)
from labs.runner.exercise import Lab

LAB = Lab(
    number=3,
    title="A snapshot every 10,000 entries",
    page="lab3.md",
    package=__name__,
    exercises=(
        ex1_due.EXERCISE,
        ex2_atomic.EXERCISE,
        ex3_restore.EXERCISE,
        ex4_compact.EXERCISE,
        ex5_install.EXERCISE,
        ex6_measure.EXERCISE,
    ),
)
