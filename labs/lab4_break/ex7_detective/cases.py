"""The five cases: which mistakes, and how their files are made.

    python -m labs.lab4_break.ex7_detective.cases

runs the simulator until each mistake shows, and writes what a detective would
be handed: what was done to the store, and which rule was broken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kv.sim.controls import CONTROLS, find

FOLDER: Final = Path(__file__).parent / "cases"
CASES: Final = {
    "a": "no-sessions",
    "b": "stale",
    "c": "no-fsync",
    "d": "apply-early",
    "e": "acknowledge-early",
}


def main() -> None:
    """Writes the files."""
    controls = {c.name: c for c in CONTROLS if not c.planted}
    for letter, name in CASES.items():
        found = find(controls[name])
        if found is None:
            raise SystemExit(f"{name} did not show")
        outcome = found.outcome
        lines = [
            f"Case {letter}. A store of {outcome.setup.nodes} nodes and"
            f" {outcome.setup.clients} clients, seed {outcome.setup.seed}.",
            "",
            "What was done to it, and when (in seconds):",
            "",
            *(f"  {step}" for step in outcome.steps),
            "",
            "What came of it:",
            "",
            f"  {outcome.violation}",
        ]
        (FOLDER / f"{letter}.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
