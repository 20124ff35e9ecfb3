"""What 3.1 must do."""

from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

KEEP = Reading("snapshots.md#the-scene", "Snapshots, the scene")


def due(t: Trial, applied: int, last: int, expected: bool, why: str) -> None:
    function = t.name("snapshot_due")
    t.same(t.call("snapshot_due", function, applied, last), expected, why)


@check("it is due after 10,000 entries, not before", KEEP)
def exactly(t: Trial) -> None:
    for last in (0, 10_000, 123_456):
        due(t, last, last, False, "nothing has been applied since the last")
        due(t, last + 9_999, last, False,
            "one is missing: a snapshot costs a copy of the whole state")
        due(t, last + 10_000, last, True, "10,000 have been applied since"
            )  # fmt: skip


@check("entries come in batches: the number need not be met", KEEP)
def batches(t: Trial) -> None:
    for last, more in ((0, 10_001), (0, 10_377), (20_377, 10_500)):
        due(t, last + more, last, True,
            "between two questions hundreds of entries are applied; a"
            " multiple of 10,000 is passed over")  # fmt: skip


@check("it counts from the last snapshot", KEEP)
def from_the_last(t: Trial) -> None:
    due(t, 15_000, 12_000, False, "3,000 have been applied since")
    due(t, 20_000, 19_999, False, "one has been applied since")
    due(t, 21_999, 12_000, False, "9,999 have been applied since")


@check("a leader's snapshot may be ahead", KEEP)
def ahead(t: Trial) -> None:
    due(t, 5, 100_000, False,
        "the snapshot covers more than was applied here for a moment")


CHECKS = [exactly, batches, from_the_last, ahead]
