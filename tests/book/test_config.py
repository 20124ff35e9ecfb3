"""The tables of *Configuration that bites* are what the trials print."""

from __future__ import annotations

from pathlib import Path

import pytest

from book.trials import TRIALS, Cluster, main, propose
from port.errors import RaftPanic
from port.raft import Config
from tests.port.raft.nodes import storage

PAGE = Path(__file__).parents[2] / "book" / "pages" / "config.md"


def table(name: str) -> list[list[str]]:
    """Returns the cells of the table under a trial's mark, but its head."""
    _, _, rest = PAGE.read_text("utf-8").partition(f"<!-- trial: {name} -->")
    rows = rest.strip().split("\n\n")[0].splitlines()
    return [
        [cell.strip().strip("*") for cell in row.strip("|").split("|")]
        for row in rows[2:]
    ]


@pytest.mark.parametrize("name", TRIALS)
def test_a_table_is_what_the_trial_prints(name: str) -> None:
    _, trial = TRIALS[name]
    assert table(name) == [[str(c) for c in row] for row in trial()]


def test_one_entry_a_message_needs_another_limit() -> None:
    """0 is taken over as the limit on what is applied, and is none there."""
    c = Cluster(1, max_size_per_msg=0, max_committed_size_per_ready=0)
    with pytest.raises(RaftPanic, match="applying entry size"):
        c.elect(1)


def test_a_proposal_larger_than_the_limit_goes_alone() -> None:
    c = Cluster(max_uncommitted_entries_size=1000)
    c.elect(1)
    c.isolate(1)
    assert propose(c, 1, 1, 5000) == 1
    assert propose(c, 1, 1, 1) == 0
    assert propose(c, 1, 1, 0) == 1


def test_the_place_to_start_is_accepted() -> None:
    code = PAGE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    c = eval(code, {"Config": Config, "storage": storage()})
    c.validate()


def test_a_trial_repeats_itself() -> None:
    first, second = Cluster(loss=0.3, seed=7), Cluster(loss=0.3, seed=7)
    first.run(500)
    second.run(500)
    assert first.sent == second.sent
    other = Cluster(loss=0.3, seed=8)
    other.run(500)
    assert other.sent != first.sent


def test_a_trial_that_there_is_not() -> None:
    with pytest.raises(SystemExit, match="no trial 'tick'; there are sile"):
        main(["tick"])
