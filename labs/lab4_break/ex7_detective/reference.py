"""4.7: five stores with a mistake in each."""

from kv.faults import ANY, LEADER, Crash, Partition, Slow, Step

MISTAKES = {
    "a": "no-sessions",
    "b": "stale",
    "c": "no-fsync",
    "d": "apply-early",
    "e": "acknowledge-early",
}
SCHEDULES = {
    "a": [Step(2.0, Slow(ANY, ANY, 0.6, 0.6, seconds=5))],
    "b": [Step(2.0, Slow(LEADER, ANY, 0.3, 0.2, seconds=8))],
    "c": [Step(4.0, Crash(2, seconds=1, power=True))],
    "d": [Step(3.0, Partition(((LEADER,),), seconds=4))],
    "e": [Step(3.0, Partition(((LEADER,),), seconds=6))],
}
