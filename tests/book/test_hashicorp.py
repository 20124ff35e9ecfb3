"""What the page on hashicorp/raft counts."""

from __future__ import annotations

import pytest


def refusals(leader: list[int], follower: list[int]) -> int:
    """How often a follower refuses until the logs are found to agree.

    The rule of hashicorp's leader, replication.go:256: back by one, or to the
    end of the follower's log if that is further.

    Args:
        leader: The terms of its entries, those of index 1 first, as it begins.
        follower: The same of the follower.
    """
    refused = 0
    following = len(leader) + 1
    while following > 1:
        before = following - 1
        if before <= len(follower) and (
            leader[before - 1] == follower[before - 1]
        ):
            break
        refused += 1
        following = max(min(following - 1, len(follower) + 1), 1)
    return refused


@pytest.mark.parametrize(
    ("leader", "follower", "count"),
    [
        # The logs of book/scenarios/divergent-tails.txt; test_failover.py
        # counts one refusal each for the port.
        ([1, 1, 1, 2, 2, 2, 2, 2], [1] * 7, 5),
        (
            [1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3],
            [1, 1, 1, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4],
            3,
        ),
        # One for each entry that a lonely leader has left behind.
        ([1, *[3] * 1000], [1, *[2] * 1000], 1000),
    ],
)
def test_hashicorps_leader_goes_back_entry_by_entry(
    leader: list[int], follower: list[int], count: int
) -> None:
    assert refusals(leader, follower) == count
