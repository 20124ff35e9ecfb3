"""Planted bugs: mistakes that a Raft can have, one a file.

A checker that has not caught them proves nothing. Each module holds one
`BUG`: the mistake in words, the lines of the port that change, which
invariant must catch it, and a short schedule that makes it show. To plant one
for as long as a block runs:

    with commits_older_terms.BUG.planted():
        ...

The schedules are in the language of `tests/properties/actions.py`: a line of
setup, then a line an action. Their invariants are those of
`port/rafttest/invariants.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from labs.bugs.planting import Bug, Edit

NAMES: Final = (
    "commits_older_terms",
    "votes_for_shorter_logs",
    "votes_twice",
    "forgets_vote",
    "ignores_conflict",
    "leads_on_a_minority",
    "counts_learners",
    "reads_before_commit",
    "acknowledges_early",
    "applies_before_commit",
    "counts_one_half",
    "keeps_stale_tail",
    "heartbeat_beyond_match",
    "commits_past_new_entries",
    "believes_stale_writes",
)


def find(name: str) -> Bug:
    """Returns the bug of a module of this package.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    bug: Bug = import_module(f"{__name__}.{name}").BUG
    return bug


def all_bugs() -> list[Bug]:
    """Returns every bug, in the order in which the book tells of them."""
    return [find(name) for name in NAMES]


__all__ = ["NAMES", "Bug", "Edit", "all_bugs", "find"]
