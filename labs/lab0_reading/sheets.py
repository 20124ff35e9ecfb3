"""Writes the answer sheets of lab 0: `python -m labs.lab0_reading.sheets`.

They hold what each situation says, and the references what the port does; so
they are made anew when either has changed.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from labs.lab0_reading.ex7_lines import questions
from labs.lab0_reading.situations import sheet
from labs.runner.exercise import ROOT

TITLES: Final = {
    "ex1_becoming": "# 0.1: becoming.",
    "ex2_elections": "# 0.2: elections.",
    "ex3_write": "# 0.3: a write.",
    "ex4_commit": "# 0.4: commit.",
    "ex5_leading": "# 0.5: staying leader.",
    "ex6_failover": "# 0.6: the leader dies.",
}
HELP: Final = """#
# For each situation say what is so afterwards:
#   role   "follower", "precandidate", "candidate" or "leader"
#   term   a number
#   sends  all that leaves, and what the node sends to itself, in any order,
#          as ["MsgVote to 1", "MsgVoteResp to 2"]; [] if there is nothing,
#          and ["raises ProposalDropped"] if the call fails
#   line   the line of the port that decides, as "port/raft.py:1234"; two
#          lines off is near enough"""


def texts() -> dict[Path, str]:
    """Returns what each sheet has to hold."""
    folder = Path(questions.__file__).parent
    found = {
        folder / "stub.toml": questions.sheet(blank=True),
        folder / "reference.toml": questions.sheet(blank=False),
    }
    for name in TITLES:
        found |= _texts(name)
    return found


def _texts(name: str) -> dict[Path, str]:
    package = f"labs.lab0_reading.{name}"
    situations = import_module(f"{package}.checks").SITUATIONS
    folder = ROOT / package.replace(".", "/")
    title = f"{TITLES[name]}\n{HELP}"
    return {
        folder / "stub.toml": sheet(title, situations, blank=True),
        folder / "reference.toml": sheet(
            TITLES[name], situations, blank=False
        ),
    }


def main() -> None:
    """Writes them all."""
    for path, text in texts().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
