"""What the chapter *Enough of them* says, asked of the port.

The notes of `book/pages/quorum.md` cite these tests.
"""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from book.weave import ranks
from port.quorum import (
    INFINITY,
    JointConfig,
    MajorityConfig,
    MapAckIndexer,
    VoteLost,
    VotePending,
    VoteResult,
    VoteWon,
)
from port.rafttest.quorum_datadriven import plain_committed_index

PAGE = Path(__file__).parents[2] / "book" / "pages" / "quorum.md"


def rows(first: str) -> list[list[str]]:
    """Returns the cells of the page's table whose first cell is `first`."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(f"| {first}"):
            for row in lines:
                if not row.startswith("|"):
                    return found
                cells = [c.strip(" *") for c in row.strip("|").split("|")]
                found.append(cells)
    raise AssertionError(first)


def test_the_table_of_majorities() -> None:
    """As many yes votes as it says win, and one less does not."""
    table = rows("voters")[1:]
    assert [row[0] for row in table] == [str(n) for n in range(1, 8)]
    for voters, majority, fail in (map(int, row) for row in table):
        config = MajorityConfig(range(1, voters + 1))
        for yes in range(voters + 1):
            votes = {id: id <= yes for id in config}
            won = config.vote_result(votes) is VoteWon
            assert won is (yes >= majority)
        assert majority + fail == voters


def test_the_picture_says_what_the_port_finds() -> None:
    """Sorting, counting, and the drawing come to the same."""
    index = plain_committed_index(ranks.VOTERS, ranks.ACKED)
    assert ranks.committed() == index == 5
    assert ranks.ranked()[ranks.place()][0] == index
    text = re.sub("<[^>]+>", " ", ranks.svg())
    assert f"a majority has all up to {index}" in text
    assert ranks.place() == 2


def test_the_page_shows_what_describe_prints() -> None:
    assert ranks.VOTERS.describe(ranks.ACKED) in PAGE.read_text("utf-8")


@pytest.mark.parametrize("n", range(1, 9))
def test_it_is_the_median_or_the_lower_of_two(n: int) -> None:
    acked = MapAckIndexer({id: 10 * id for id in range(1, n + 1)})
    middle = sorted(acked.values())[(n - 1) // 2]
    assert MajorityConfig(acked).committed_index(acked) == middle


def test_the_empty_half_has_no_say() -> None:
    """It is infinitely far, and agrees to everything."""
    some, nobody = MajorityConfig({1, 2, 3}), MajorityConfig()
    acked = MapAckIndexer({1: 4, 2: 4})
    assert nobody.committed_index(acked) == INFINITY
    # Asked by hand, since the port does not ask an empty half at all.
    assert min(some.committed_index(acked), INFINITY) == 4
    assert JointConfig(some, nobody).committed_index(acked) == 4
    assert JointConfig(nobody, some).committed_index(acked) == 4
    for votes in ({}, {1: True, 2: True}, {1: False, 2: False}):
        result = some.vote_result(votes)
        assert JointConfig(some, nobody).vote_result(votes) is result


def test_votes_of_strangers_do_not_count() -> None:
    config = MajorityConfig({1, 2, 3})
    assert config.vote_result({1: True, 7: True, 8: True}) is VotePending
    assert config.vote_result({1: True, 7: False, 8: False}) is VotePending


def test_most_of_all_is_not_enough() -> None:
    """Four of five have it, and of the incoming half one of two."""
    config = JointConfig(MajorityConfig({1, 5}), MajorityConfig({1, 2, 3, 4}))
    acked = MapAckIndexer(dict.fromkeys((1, 2, 3, 4), 9))
    assert config.committed_index(acked) == 0
    assert config.outgoing.committed_index(acked) == 9


def test_the_table_of_two_halves() -> None:
    """Every pair of outcomes, by two halves that share nobody."""
    ballots = {
        VoteWon: {1: True, 2: True},
        VotePending: {1: True},
        VoteLost: {1: False, 2: False},
    }
    names = {"won": VoteWon, "pending": VotePending, "lost": VoteLost}
    table = rows("incoming, outgoing")[1:]
    found = {
        (names[row[0]], other): names[cell]
        for row in table
        for other, cell in zip(
            (VoteWon, VotePending, VoteLost), row[1:], strict=True
        )
    }
    config = JointConfig(MajorityConfig({1, 2, 3}), MajorityConfig({4, 5, 6}))
    for one, other in product(VoteResult, repeat=2):
        votes = ballots[one] | {
            id + 3: vote for id, vote in ballots[other].items()
        }
        assert config.vote_result(votes) is found[one, other]


def test_the_answers_at_the_end_of_the_page() -> None:
    config = MajorityConfig(range(1, 7))
    stored = MapAckIndexer(enumerate((3, 8, 8, 5, 9, 1), 1))
    assert config.committed_index(stored) == 5
    assert config.vote_result(dict.fromkeys((1, 2, 3), False)) is VoteLost
    assert config.vote_result(dict.fromkeys((1, 2), False)) is VotePending
