"""Quorums: by example, against plainer ways to compute the same, by law."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from port.quorum import (
    INFINITY,
    Index,
    JointConfig,
    MajorityConfig,
    MapAckIndexer,
    VoteLost,
    VotePending,
    VoteResult,
    VoteWon,
)
from port.rafttest.quorum_datadriven import plain_committed_index

ids = st.integers(0, 12)
majorities = st.sets(ids, max_size=7).map(MajorityConfig)
small_majorities = st.sets(st.integers(1, 5), max_size=4).map(MajorityConfig)
acknowledged = st.dictionaries(ids, st.integers(0, 9)).map(MapAckIndexer)
ballots = st.dictionaries(st.integers(1, 6), st.booleans())


@given(majorities, acknowledged)
def test_quick(config: MajorityConfig, acked: MapAckIndexer) -> None:
    """The clever way to the committed index ends where the plain one does."""
    assert config.committed_index(acked) == plain_committed_index(
        config, acked
    )


@given(majorities, majorities, acknowledged)
def test_a_joint_index_is_committed_in_both_halves(
    incoming: MajorityConfig, outgoing: MajorityConfig, acked: MapAckIndexer
) -> None:
    index = JointConfig(incoming, outgoing).committed_index(acked)
    assert index == min(
        plain_committed_index(incoming, acked),
        plain_committed_index(outgoing, acked),
    )
    assert index == JointConfig(outgoing, incoming).committed_index(acked)


@given(majorities, acknowledged)
def test_an_empty_half_and_a_repeated_half_change_nothing(
    config: MajorityConfig, acked: MapAckIndexer
) -> None:
    index = config.committed_index(acked)
    assert JointConfig(config).committed_index(acked) == index
    assert JointConfig(config, config).committed_index(acked) == index


def final(config: MajorityConfig, votes: dict[int, bool]) -> bool:
    """Whether a vote in which everybody has voted is won."""
    return not config or 2 * sum(votes[id] for id in config) > len(config)


@given(small_majorities, small_majorities, ballots)
def test_a_result_is_what_all_ways_to_go_on_agree_on(
    incoming: MajorityConfig, outgoing: MajorityConfig, votes: dict[int, bool]
) -> None:
    config = JointConfig(incoming, outgoing)
    missing = sorted(config.ids() - votes.keys())
    ends = set()
    for rest in product((False, True), repeat=len(missing)):
        cast = votes | dict(zip(missing, rest, strict=True))
        ends.add(final(incoming, cast) and final(outgoing, cast))
    expected = {
        frozenset({True}): VoteWon,
        frozenset({False}): VoteLost,
        frozenset({True, False}): VotePending,
    }[frozenset(ends)]
    assert config.vote_result(votes) is expected
    if not outgoing:
        assert incoming.vote_result(votes) is expected


def test_nobody_has_committed_everything_and_wins_every_vote() -> None:
    nobody = MajorityConfig()
    assert nobody.committed_index(MapAckIndexer()) == INFINITY
    assert nobody.vote_result({}) is VoteWon
    assert nobody.describe(MapAckIndexer()) == "<empty majority quorum>"


@pytest.mark.parametrize(
    ("acked", "lines"),
    [
        pytest.param(
            {1: 101, 2: 102, 3: 103},
            [">      101    (id=1)",
             "x>     102    (id=2)",
             "xx>    103    (id=3)"],
            id="all differ",
        ),
        pytest.param(
            {1: 100, 2: 100, 3: 100},
            [">      100    (id=1)",
             ">      100    (id=2)",
             ">      100    (id=3)"],
            id="all are equal",
        ),
        pytest.param(
            {1: 100, 2: 102, 3: 102},
            [">      100    (id=1)",
             "x>     102    (id=2)",
             "x>     102    (id=3)"],
            id="two are equal",
        ),
        pytest.param(
            {1: 102, 2: 100, 3: 102},
            ["x>     102    (id=1)",
             ">      100    (id=2)",
             "x>     102    (id=3)"],
            id="equals have equal bars",
        ),
        pytest.param(
            {1: 101, 3: 103},
            ["x>     101    (id=1)",
             "?        0    (id=2)",
             "xx>    103    (id=3)"],
            id="one was not heard of",
        ),
        pytest.param(
            {1: 0, 2: 0, 3: 123456},
            [">        0    (id=1)",
             ">        0    (id=2)",
             "xx>  123456    (id=3)"],
            id="zero is heard of",
        ),
    ],
)  # fmt: skip
def test_describe(acked: dict[int, int], lines: list[str]) -> None:
    picture = MajorityConfig({1, 2, 3}).describe(MapAckIndexer(acked))
    assert picture.splitlines() == ["       idx", *lines]
    assert picture.endswith("\n")


def test_a_joint_description_shows_each_voter_once() -> None:
    config = JointConfig(MajorityConfig({1, 2}), MajorityConfig({2, 10}))
    picture = config.describe(MapAckIndexer({2: 5}))
    assert picture.splitlines() == [
        "       idx",
        "?        0    (id=1)",
        "xx>      5    (id=2)",
        "?        0    (id=a)",
    ]


def test_configurations_print_in_hexadecimal_and_in_order() -> None:
    config = JointConfig(MajorityConfig({26, 3, 10}))
    assert str(config) == "(3 a 1a)"
    config.outgoing.update({1, 255})
    assert str(config) == "(3 a 1a)&&(1 ff)"
    assert config.incoming.slice() == [3, 10, 26]
    assert str(MajorityConfig()) == "()"


def test_the_halves_have_numbers_too() -> None:
    incoming, outgoing = MajorityConfig({1}), MajorityConfig({2})
    config = JointConfig(incoming, outgoing)
    assert config[0] is incoming
    assert config[1] is outgoing
    assert list(config) == [incoming, outgoing]
    assert config == JointConfig(MajorityConfig({1}), MajorityConfig({2}))
    assert config != JointConfig(outgoing, incoming)


def test_ids_is_a_set_of_its_own() -> None:
    config = JointConfig(MajorityConfig({1, 2}), MajorityConfig({2, 3}))
    everyone = config.ids()
    assert everyone == {1, 2, 3}
    everyone.clear()
    assert config.ids() == {1, 2, 3}


def test_names() -> None:
    assert str(Index(7)) == f"{Index(7)}" == "7"
    assert str(Index(INFINITY)) == "∞"
    assert [str(result) for result in VoteResult] == [
        "VotePending", "VoteLost", "VoteWon",
    ]  # fmt: skip
