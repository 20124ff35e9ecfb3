"""Lab 1: an in-memory KV on the Ready loop."""

from labs.lab1_store import (
    ex1_apply,
    ex2_machine,
    ex3_wal,
    ex4_loop,
    ex5_desk,
    ex6_once,
    ex7_reads,
)
from labs.runner.exercise import Lab

LAB = Lab(
    number=1,
    title="An in-memory KV on the Ready loop",
    page="lab1.md",
    package=__name__,
    exercises=(
        ex1_apply.EXERCISE,
        ex2_machine.EXERCISE,
        ex3_wal.EXERCISE,
        ex4_loop.EXERCISE,
        ex5_desk.EXERCISE,
        ex6_once.EXERCISE,
        ex7_reads.EXERCISE,
    ),
)
