"""The controls: mistakes that the simulator must find, and where it does.

A checker that has never said no proves nothing. Each control is a store with
a mistake (`kv.unsafe`), or with a bug planted in the port (`labs/bugs`), the
faults under which it shows, and how many seeds it may take. The tests hold
all of them to that; `python -m kv sim --controls book/controls.toml` writes
what was found, by which rule, and the shortest schedule that shows it.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from kv.named import load_named
from kv.sim.run import Outcome, Setup, run
from kv.sim.shrink import Shrinker
from kv.sim.watch import NAMES
from kv.unsafe import MISTAKES

BUGS: Final = "labs.bugs"
Row = dict[str, Any]
_TRIES: Final = 24  # runs to make a schedule short


class Control(NamedTuple):
    """A mistake, and under which faults it is to be found.

    Attributes:
        name: Of `kv.unsafe`, or of a module in `labs.bugs`.
        planted: Whether it is one of the latter.
        nemesis: The faults.
        seconds: How long a run is, virtually.
        seeds: With how many seeds it must be found.
        more: What else differs in the setup.
    """

    name: str
    planted: bool
    nemesis: str
    seconds: float = 20.0
    seeds: int = 10
    more: Mapping[str, object] = {}  # never changed

    def setup(self, seed: int) -> Setup:
        """Returns the setup of a run."""
        setup = Setup(
            seed=seed, seconds=self.seconds, nemesis=self.nemesis,
            plant=f"{BUGS}.{self.name}" if self.planted else "",
            unsafe="" if self.planted else self.name,
        )  # fmt: skip
        return replace(setup, **self.more)  # type: ignore[arg-type]

    def options(self) -> str:
        """Returns what else `kv sim` must be told, as it is typed."""
        said = []
        for name, value in self.more.items():
            if name != "rules":  # Fewer of them find the same, if later.
                said.append("--" + name.replace("_", "-"))
                if value is not True:
                    said.append(str(value))
        return " ".join(said)

    def wrong(self) -> str:
        """Returns what is wrong, in words."""
        return what_is_wrong(self.name, self.planted)


def what_is_wrong(name: str, planted: bool) -> str:
    """Returns what is wrong in a mistake, or in a planted bug, in words."""
    if not planted:
        return MISTAKES[name].wrong
    bug = load_named(f"{BUGS}.{name}:BUG")
    return str(getattr(bug, "mistake", "")).split("\n\n")[0]


class Found(NamedTuple):
    """How a control was found.

    Attributes:
        outcome: The run that broke a rule.
        seeds: How many seeds it took.
        virtual: How many virtual seconds, over all of them.
    """

    outcome: Outcome
    seeds: int
    virtual: float


def find(control: Control, first: int = 0) -> Found | None:
    """Looks for a control's mistake; `None`: not within its budget.

    Args:
        control: Which.
        first: The seed to begin with; all of the budget have their turn.
    """
    virtual = 0.0
    for tried in range(control.seeds):
        outcome = run(control.setup((first + tried) % control.seeds))
        virtual += outcome.virtual
        if outcome.violation is not None:
            return Found(outcome, tried + 1, virtual)
    return None


def _unsafe(
    name: str, nemesis: str, seconds: float = 20.0, seeds: int = 10,
    **more: object,
) -> Control:  # fmt: skip
    return Control(name, False, nemesis, seconds, seeds, more)


def _bug(
    name: str, nemesis: str, seconds: float = 20.0, seeds: int = 10,
    **more: object,
) -> Control:  # fmt: skip
    return Control(name, True, nemesis, seconds, seeds, more)


CONTROLS: Final = (
    _unsafe("no-fsync", "crashes"),
    # Without rule 18: such a log is read though a bit of it is turned, too,
    # and that would be found first.
    _unsafe("torn-tail", "disks", seeds=20, rules=(*range(18),)),
    _unsafe("acknowledge-early", "partitions"),
    _unsafe("apply-early", "partitions"),
    _unsafe("forgetful-snapshots", "crashes"),
    _unsafe("no-sessions", "links"),
    _unsafe("stale", "links"),
    _unsafe("lease", "slow-leaders", seeds=20),
    _unsafe("two-at-once", "exchanges", seeds=20),
    _bug("votes_for_shorter_logs", "crashes+partitions"),
    _bug("votes_twice", "crashes+partitions"),
    _bug("forgets_vote", "crashes+partitions"),
    _bug("ignores_conflict", "crashes+partitions"),
    _bug("leads_on_a_minority", "crashes+partitions"),
    _bug("counts_learners", "audience"),
    _bug("reads_before_commit", "blind-leaders"),
    _bug("acknowledges_early", "crashes", async_writes=True),
    _bug("applies_before_commit", "crashes+partitions"),
    _bug("counts_one_half", "exchanges"),
    _bug("heartbeat_beyond_match", "crashes+partitions"),
    # These show between two entries of one message. So there is one in each.
    _bug("commits_older_terms", "short-reigns", 60.0, seeds=20,
         append_size=1, clients=8, think=0.05),
    _bug("commits_past_new_entries", "short-reigns", 60.0, seeds=20,
         append_size=1, clients=8, think=0.05),
    _bug("keeps_stale_tail", "buried", 60.0, seeds=20, append_size=1,
         nodes=5, clients=24, think=0.5, async_writes=True, snapshot_every=2),
    # The store tells raft of a write before anybody else hears of it, so it
    # takes a loop that does not.
    _bug("believes_stale_writes", "returns", 36.0, seeds=30, append_size=1,
         nodes=5, clients=6, think=0.2, async_writes=True,
         snapshot_every=5000, parts="kv.sim.late:PARTS"),
)


def write_controls(
    path: str, told: Callable[[str], None], workers: int = 1
) -> int:
    """Finds every control, makes its schedule short, and writes the table.

    Rows of other programs in the file are kept.

    Args:
        path: The file.
        told: Gets a line about each.
        workers: How many processes to use.
    """
    made: dict[str, Row] = {}
    with ProcessPoolExecutor(workers) as executor:
        work = [executor.submit(work_out, control) for control in CONTROLS]
        for future in as_completed(work):
            name, row = future.result()
            if row is None:
                told(f"{name}: not found within its budget")
                continue
            told(f"{name}: {row['finding']}")
            made[name] = row
            there = [made[c.name] for c in CONTROLS if c.name in made]
            put_rows(Path(path), "sim", there)
    missed = len(CONTROLS) - len(made)
    told(f"{len(made)} controls were found, {missed} were not")
    return int(missed > 0)


def read_rows(file: Path) -> list[Row]:
    """Returns the rows of a table; none if it is not there."""
    if not file.exists():
        return []
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    return list(found.get("control", []))


def see_that_it_can_be_written(file: Path) -> None:
    """Tries a table before the work, which takes minutes, and not after it.

    Raises:
        ValueError: the file is there, and is no table.
        OSError: it cannot be read, or its folder takes no file.
    """
    try:
        read_rows(file)
    except ValueError as error:  # tomllib's is one, and that of UTF-8.
        raise ValueError(f"{file} is no table of controls: {error}") from error
    with tempfile.NamedTemporaryFile(dir=file.parent):
        pass


def put_rows(file: Path, by: str, rows: list[Row]) -> None:
    """Puts rows in place of all that one program has written.

    Those of others are kept, also of one that writes meanwhile; and the file
    is there as it was or as it will be, never half of it.
    """
    kept = [row for row in read_rows(file) if row.get("by") != by]
    both = sorted([*rows, *kept], key=lambda row: row["by"] != "sim")
    new = file.with_name(f"{file.name}.{by}")
    new.write_text(HEAD + "".join(map(table, both)), encoding="utf-8")
    os.replace(new, file)


def work_out(control: Control) -> tuple[str, Row | None]:
    """Returns a control's name, and its row if it was found."""
    found = find(control)
    if found is None:
        return control.name, None
    small = Shrinker(found.outcome, budget=_TRIES, seeds=1).shrink()
    return control.name, _row(control, found, small)


HEAD: Final = """\
# Mistakes that a checker has to find, and how it did. Rows with by = "sim"
# are written by `python -m kv sim --controls book/controls.toml`, those with
# by = "chaos" by `python -m kv chaos --controls` and the same file.
"""


def _row(control: Control, found: Found, small: Outcome) -> Row:
    violation = small.violation or found.outcome.violation
    number = 0 if violation is None else violation.number
    return {
        "by": "sim",
        "name": control.name,
        "kind": "planted" if control.planted else "unsafe",
        "wrong": " ".join(control.wrong().split()),
        "nemesis": control.nemesis,
        **({"more": more} if (more := control.options()) else {}),
        "rule": NAMES[number],
        "seeds": found.seeds,
        "virtual_seconds": round(found.virtual, 1),
        "finding": small.verdict(),
        "seed": small.setup.seed,
        "seconds": small.setup.seconds,
        "clients": small.setup.clients,
        "schedule": [str(step).strip() for step in small.steps],
    }


def table(row: Row) -> str:
    """Returns a row as TOML has it."""
    lines = ["", "[[control]]"]
    for name, value in row.items():
        if isinstance(value, list):
            items = "".join(f"  {json.dumps(item)},\n" for item in value)
            lines.append(f"{name} = [\n{items}]" if value else f"{name} = []")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"
