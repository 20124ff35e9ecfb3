"""The controls, for real: mistakes that runs with processes must find.

What `kv.sim.controls` does in simulation, done once more with what there is
at the end: processes, sockets, files, signals. `python -m kv chaos --controls
book/controls.toml` runs each control until something is wrong, at most as
long as its budget says, and writes what was found, after how many seconds,
and the faults until then.

The faults are not always those of the simulation. There each step of each
node is looked at, and a rule that is broken is seen although nobody has been
harmed by it yet. Here there are only answers that clients got, and nodes that
end by themselves. So for a mistake that shows in one unlucky order alone the
nemesis has to make that order; those of `kv.nemeses` that are named below say
how.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from kv.sim.controls import BUGS, Row, put_rows, read_rows, what_is_wrong

BUDGET: Final = 180.0  # seconds of runs until a control counts as missed


class Control(NamedTuple):
    """A mistake, and under which faults it is to be found for real.

    Attributes:
        name: Of `kv.unsafe`, or of a module in `labs.bugs`.
        planted: Whether it is one of the latter.
        nemesis: The faults.
        seconds: How long a run lasts at most.
        more: Further arguments of `kv chaos`.
    """

    name: str
    planted: bool
    nemesis: str
    seconds: float = 45.0
    more: tuple[str, ...] = ()

    def command(self, seed: int, out: Path) -> list[str]:
        """Returns what is to be run."""
        which = ["--unsafe", self.name]
        if self.planted:
            which = ["--plant", f"{BUGS}.{self.name}"]
        return [
            sys.executable, "-m", "kv", "chaos", "--plain", *which,
            "--nemesis", self.nemesis, "--minutes", f"{self.seconds / 60:g}",
            "--seed", str(seed), "--until-found", "--converge", "20s",
            "--clients", "20", *self.more, "--out", str(out),
        ]  # fmt: skip


def _unsafe(
    name: str, nemesis: str, *more: str, seconds: float = 45.0
) -> Control:
    return Control(name, False, nemesis, seconds, more)


def _bug(
    name: str, nemesis: str, *more: str, seconds: float = 45.0
) -> Control:
    return Control(name, True, nemesis, seconds, more)


CONTROLS: Final = (
    _unsafe("no-fsync", "crashes", "--power-cuts"),
    _unsafe("torn-tail", "disks"),
    _unsafe("acknowledge-early", "lonely-leaders"),
    _unsafe("apply-early", "lonely-leaders"),
    _unsafe("forgetful-snapshots", "crashes", "--snapshot-every", "100"),
    _unsafe("no-sessions", "links"),
    _unsafe("stale", "partitions"),
    _unsafe("lease", "slow-leaders"),
    _unsafe("two-at-once", "half-heard"),
    _bug("votes_for_shorter_logs", "late-comers"),
    _bug("votes_twice", "slow-elections"),
    _bug("forgets_vote", "asked-again"),
    _bug("ignores_conflict", "lonely-leaders"),
    _bug("leads_on_a_minority", "partitions"),
    _bug("counts_learners", "audience"),
    _bug("reads_before_commit", "blind-leaders"),
    _bug("acknowledges_early", "empty-hands", "--async-writes"),
    _bug("applies_before_commit", "lonely-leaders"),
    _bug("counts_one_half", "half-heard"),
    _bug("heartbeat_beyond_match", "partitions"),
    _bug("commits_older_terms", "figure-8", "--append-size", "1",
         "--snapshot-every", "100000", seconds=25.0),
    _bug("commits_past_new_entries", "lonely-leaders", "--append-size", "1"),
    _bug("keeps_stale_tail", "buried", "--power-cuts", "--async-writes",
         "--nodes", "5", "--clients", "24", "--think", "500ms",
         "--append-size", "1", "--snapshot-every", "2"),
    # As in simulation, it takes a loop that is late with its reports.
    _bug("believes_stale_writes", "put-back", "--power-cuts",
         "--async-writes", "--parts", "kv.sim.late:PARTS", "--nodes", "5",
         "--clients", "6", "--think", "200ms", "--append-size", "1",
         "--snapshot-every", "5000"),
)


def write_controls(
    path: str, only: str | None = None, told: Callable[[str], None] = print
) -> int:
    """Looks for every control, and writes the table as it goes.

    Rows of other programs in the file are kept, and so are those of controls
    that were not looked for.

    Args:
        path: The file.
        only: A single control to look for; `None`: all.
        told: Gets a line about each.

    Returns:
        An exit code: 0 if all were found.
    """
    missed = 0
    begin = time.monotonic()
    for control in CONTROLS:
        if only not in (None, control.name):
            continue
        row = work_out(control)
        if row is None:
            told(f"{control.name}: not found within its budget")
            missed += 1
            continue
        told(f"{control.name}: {row['real_seconds']} s: {row['finding']}")
        _put(Path(path), row)
    told(f"{missed} not found; {time.monotonic() - begin:.0f} s in all")
    return int(missed > 0)


def _put(path: Path, row: Row) -> None:
    """Puts a row into the file, in the order of `CONTROLS`, or not at all."""
    mine = {r["name"]: r for r in read_rows(path) if r["by"] == "chaos"}
    mine[row["name"]] = row
    rows = [mine[c.name] for c in CONTROLS if c.name in mine]
    put_rows(path, "chaos", rows)


def work_out(control: Control) -> Row | None:
    """Runs a control until it is found; `None`: not within its budget."""
    spent, seed = 0.0, -1
    while spent + control.seconds < BUDGET:
        seed += 1
        with tempfile.TemporaryDirectory(prefix="kv-control-") as folder:
            out = Path(folder, "out")
            subprocess.run(
                control.command(seed, out), check=False,
                stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            figures = _read(out / "run.json")
            spent += float(figures.get("seconds", control.seconds))
            if figures.get("code") == 1:
                schedule = _read(out / "schedule.json").get("steps", [])
                return _row(control, seed, spent, figures, schedule)
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    return found if isinstance(found, dict) else {}


def _row(
    control: Control, seed: int, spent: float, figures: dict[str, Any],
    steps: list[dict[str, Any]],
) -> Row:  # fmt: skip
    end = float(figures["seconds"])
    found = figures.get("found") or {}
    until = float(found.get("at", end))
    return {
        **_head(control.name, control.planted),
        "nemesis": control.nemesis,
        "more": " ".join(control.more),
        "seeds": seed + 1,
        "real_seconds": round(spent - end + until, 1),
        "finding": _finding(figures),
        "seed": seed,
        "seconds": control.seconds,
        "operations": figures.get("operations", 0),
        "schedule": [_line(step) for step in steps if step["at"] <= until],
    }


def _head(name: str, planted: bool) -> Row:
    """Returns what a row begins with."""
    return {
        "by": "chaos",
        "name": name,
        "kind": "planted" if planted else "unsafe",
        "wrong": " ".join(what_is_wrong(name, planted).split()),
    }


def _finding(figures: dict[str, Any]) -> str:
    """Returns what was found, in a line: the history's conflict first."""
    conflict = figures.get("conflict")
    if conflict is not None:
        return " ".join(str(conflict["what"]).split())
    what = figures.get("found") or {}
    text = str(what.get("what") or (figures.get("problems") or [""])[0])
    text = text.removeprefix("the run ended early: ")
    first, *rest = text.splitlines()
    last = rest[-1] if rest else ""
    # Where it ran is of no interest, nor what is to be done about it.
    last = re.sub(r"\S*/nodes/", "", last).partition(" The node must not")[0]
    return f"{first} {last.strip()}".strip()


def _line(step: dict[str, Any]) -> str:
    """Returns a step of a schedule as a line."""
    words = [f"{k}={v}" for k, v in step.items() if k not in ("at", "do")]
    return " ".join([f"{step['at']:.3f} ", str(step["do"]), *words])
