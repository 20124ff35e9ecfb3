"""Checks look from outside: other solutions than ours are green, too.

Some were written by following the briefs alone, and some are the store's own
parts, which are made in quite another way than the labs' references.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.runner.catalogue import find
from labs.runner.exercise import ROOT
from labs.runner.running import Job, run_all
from labs.runner.telling import told

OTHER = Path(__file__).with_name("other_ways")
WAYS = [
    ("1.1", OTHER / "apply.py"),
    ("1.2", OTHER / "machine.py"),
    ("1.3", OTHER / "wal.py"),
    ("1.4", OTHER / "loop.py"),
    ("1.5", OTHER / "desk.py"),
    ("1.6", OTHER / "machine.py"),
    ("1.7", OTHER / "reads.py"),
    ("2.1", OTHER / "framing.py"),
    ("3.2", OTHER / "snapshots.py"),
    ("3.3", OTHER / "snapshots.py"),
    ("3.4", OTHER / "later/wal.py"),
    ("3.5", OTHER / "install.py"),
    ("1.2", ROOT / "kv/machine.py"),
    ("1.3", ROOT / "kv/wal.py"),
    ("1.6", ROOT / "kv/machine.py"),
    ("3.1", ROOT / "kv/parts.py"),
    ("3.2", ROOT / "kv/snapshots.py"),
    ("3.3", ROOT / "kv/snapshots.py"),
    ("3.4", ROOT / "kv/wal.py"),
    # What is done in a later exercise must not break an earlier one.
    ("1.2", ROOT / "labs/lab1_store/ex6_once/reference.py"),
    ("1.3", ROOT / "labs/lab3_snapshots/ex4_compact/reference.py"),
    ("3.2", ROOT / "labs/lab3_snapshots/ex3_restore/reference.py"),
]


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, Path], str]:
    """What is said of each; nothing if it is green."""
    done = run_all(Job(find(id)[0], path) for id, path in WAYS)
    return {
        (o.exercise.id, o.file): "" if o.green else told(o) for o in done
    }


@pytest.mark.parametrize(
    ("id", "path"), WAYS, ids=[f"{i}-{p.parent.name}" for i, p in WAYS]
)
def test_another_way_is_green(
    id: str, path: Path, outcomes: dict[tuple[str, Path], str]
) -> None:
    assert not outcomes[id, path], outcomes[id, path]
