"""What 3.6 compares: the answers, and what was measured."""

import json
from typing import Any

from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading

KEEP = Reading("snapshots.md#the-scene", "Snapshots, the scene")
TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
RUN = (
    "python -m labs.lab3_snapshots.measure --parts labs.work.parts:PARTS"
)


def measured(t: Trial) -> dict[str, list[Any]]:
    """The two last rows: entries, restart in ms, bytes on disk."""
    path = t.folder / "measured/measured.json"
    t.called = "labs/work/measured/measured.json"
    if not path.is_file():
        t.wrong(f"measure first: `{RUN}`", "there is no such file",
                "what was measured")  # fmt: skip
    rows = json.loads(path.read_text("utf-8"))
    return {name: rows[name][-1] for name in ("without", "with")}


def near(t: Trial, name: str, expected: float, within: float) -> None:
    came = t.name(name)
    t.called = f"{name} in {t.file}"
    t.holds(
        type(came) in (int, float) and abs(came - expected) <= within,
        "it stands in the last row of the table; milliseconds in the middle,"
        " kB on the right, and in each pair `without` comes first. If you have"
        " measured more than once, the last table counts",
        f"{name} = {say(came)}", "another number",
    )  # fmt: skip


@check("what the table says", KEEP)
def numbers(t: Trial) -> None:
    rows = measured(t)
    t.answer("entries", rows["without"][0], "the first column, last row")
    near(t, "restart_without", rows["without"][1], 1.0)
    near(t, "restart_with", rows["with"][1], 1.0)
    near(t, "disk_without", rows["without"][2] // 1000, 1)
    near(t, "disk_with", rows["with"][2] // 1000, 1)


@check("what a restart without snapshots grows with", KEEP)
def without(t: Trial) -> None:
    measured(t)
    t.answer("without_grows_with", "all entries",
             "follow the column downwards: the keys are the same 1,000 in"
             " each row, and no snapshot is there")  # fmt: skip


@check("what a restart with snapshots grows with", TAKING)
def with_them(t: Trial) -> None:
    measured(t)
    t.answer("with_grows_with", "last entries",
             "the column goes up and down, and comes back to where it was;"
             " what has a restart to do behind the snapshot?")  # fmt: skip


@check("what ten times as many entries would cost", KEEP)
def ten_times(t: Trial) -> None:
    measured(t)
    t.answer("ten_times_without", 10, "it is a straight line in the plot")
    t.answer("ten_times_with", 1, "what there is to do after a snapshot does"
             " not depend on how many came before it")  # fmt: skip


CHECKS = [numbers, without, with_them, ten_times]
