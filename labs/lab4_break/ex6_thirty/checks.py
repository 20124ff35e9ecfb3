"""What 4.6 compares: the sheet, and what the run has left behind."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading

LEAD = Reading("leading.md", "Staying leader")
STALE = Reading("stale-leader.md", "A stale leader's reads")
SPLIT = Reading("split-votes.md", "Split votes")


def figures(t: Trial) -> dict[str, Any]:
    """What `kv chaos` wrote of the run."""
    path = t.folder / "chaos/run.json"
    t.called = f"{t.file}, beside labs/work/chaos/run.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        t.wrong(
            "the run comes first: python -m kv chaos --minutes 30 --parts"
            " labs.work.parts:PARTS --nemesis storm --out labs/work/chaos",
            "there is no labs/work/chaos/run.json", "the figures of a run",
        )  # fmt: skip
    except ValueError as error:
        t.wrong("it cannot be read", str(error), "what kv chaos wrote")
    return found


@check("the verdict", STALE)
def verdict(t: Trial) -> None:
    run = figures(t)
    t.answer("linearizable", run["code"] == 0,
             "the first line of the report says so")  # fmt: skip
    t.holds(
        run["code"] == 0,
        "then this is what you came for. The report shows the conflict; find"
        " out which of your parts it is, mend it, remove labs/work/chaos,"
        " and run again",
        run["verdict"], "a history with an order",
    )  # fmt: skip


@check("what the clients saw", STALE)
def clients(t: Trial) -> None:
    run = figures(t)
    t.answer("operations", run["operations"],
             "all that were called, whatever came of them")  # fmt: skip
    t.answer("unknown", run["ended"]["info"],
             "those that ended as `info`: no answer came in time"
             )  # fmt: skip


@check("who led", SPLIT)
def led(t: Trial) -> None:
    t.answer("elections", figures(t)["elections"],
             "`elections` in run.json. Not every term has a leader; and who"
             " led before the clients began is not counted, though the line"
             " on the screen counts it")  # fmt: skip


@check("the longest time without progress", LEAD)
def gap(t: Trial) -> None:
    gaps = figures(t)["gaps"]
    longest = max((g["end"] - g["begin"] for g in gaps), default=0.0)
    came = t.name("longest_gap")
    t.called = f"longest_gap in {t.file}"
    t.holds(
        isinstance(came, int | float) and not isinstance(came, bool)
        and abs(came - longest) < 0.1,
        "from the last answer before it to the first one after it. The report"
        " says what was the matter meanwhile: read that, too",
        f"longest_gap = {say(came)}", "another number",
    )  # fmt: skip


@check("what was done to it", SPLIT)
def faults(t: Trial) -> None:
    counted: Counter[str] = Counter()
    for name, times in figures(t)["faults"].items():
        counted[name.partition("/")[0]] += times
    most = max(counted.values(), default=0)
    kinds = sorted(kind for kind in counted if counted[kind] == most)
    came = t.name("most")
    t.called = f"most in {t.file}"
    t.holds(
        came in kinds, "add up what run.json has under one family, as"
        " partition/cut and partition/partition", f"most = {say(came)}",
        "another answer",
    )  # fmt: skip


CHECKS = [verdict, clients, led, gap, faults]
ASKED = ("longest_gap", "most")
