"""Lab 1: an in-memory KV on the Ready loop."""

from labs.lab1_store import ex1_apply
from labs.runner.exercise import Lab

LAB = Lab(
    number=1,
    title="An in-memory KV on the Ready loop",
    page="lab1.md",
    package=__name__,
    exercises=(ex1_apply.EXERCISE,),
)
