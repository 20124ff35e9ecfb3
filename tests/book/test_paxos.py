"""Paxos chooses at most one value, whatever happens to its messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from book.paxos import (
    NO_BALLOT,
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Learner,
    Prepare,
    Promise,
    Proposer,
)

ACCEPTORS = 3
PROPOSERS = 3


class World:
    """Acceptors, proposers, and every message that was ever sent.

    Messages are never used up: one may arrive late, often, or not at all.
    """

    def __init__(self) -> None:
        self.acceptors = [Acceptor(i) for i in range(ACCEPTORS)]
        self.proposers = [
            Proposer(i, f"value {i}", ACCEPTORS) for i in range(PROPOSERS)
        ]
        self.sent: list[object] = []
        self.chosen: list[str] = []
        self.learner = Learner(ACCEPTORS)

    def send(self, message: object) -> None:
        if message is not None:
            self.sent.append(message)

    def start(self, proposer: int) -> None:
        highest = max(a.promised.round for a in self.acceptors)
        self.send(self.proposers[proposer].start(above=highest))

    def deliver(self, which: int, to: int) -> None:
        if not self.sent:
            return
        message = self.sent[which % len(self.sent)]
        acceptor = self.acceptors[to % ACCEPTORS]
        if isinstance(message, Prepare):
            self.send(acceptor.prepare(message))
        elif isinstance(message, Accept):
            self.send(acceptor.accept(message))
        elif isinstance(message, Promise):
            self.send(self.proposers[message.ballot.proposer].promise(message))
        elif isinstance(message, Accepted):
            value = self.learner.accepted(message)
            if value is not None:
                self.chosen.append(value)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, PROPOSERS - 1)),
        st.tuples(
            st.just("deliver"), st.integers(0, 40), st.integers(0, 2)
        ),
    ),
    max_size=60,
)


def run(steps: list[tuple]) -> World:
    world = World()
    for step in steps:
        if step[0] == "start":
            world.start(step[1])
        else:
            world.deliver(step[1], step[2])
    return world


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_at_most_one_value_is_chosen(steps: list[tuple]) -> None:
    assert len(set(run(steps).chosen)) <= 1


def everything(world: World, proposer: int, among: list[int]) -> None:
    """Runs one proposer's ballot through, with these acceptors only."""
    world.start(proposer)
    prepare = world.sent[-1]
    assert isinstance(prepare, Prepare)
    accept = None
    for a in among:
        promise = world.acceptors[a].prepare(prepare)
        assert promise is not None
        accept = world.proposers[proposer].promise(promise) or accept
    assert accept is not None
    for a in among:
        accepted = world.acceptors[a].accept(accept)
        assert accepted is not None
        value = world.learner.accepted(accepted)
        if value is not None:
            world.chosen.append(value)


def test_an_undisturbed_proposer_gets_its_value() -> None:
    world = World()
    everything(world, 1, [0, 1])
    assert world.chosen == ["value 1"]


def test_a_later_proposer_finds_the_chosen_value() -> None:
    world = World()
    everything(world, 1, [0, 1])
    everything(world, 2, [1, 2])
    assert set(world.chosen) == {"value 1"}
    assert world.acceptors[2].value == "value 1"


def test_of_several_accepted_values_the_latest_ballot_counts() -> None:
    proposer = Proposer(9, "mine", ACCEPTORS)
    ballot = proposer.start(above=5).ballot
    old = Promise(ballot, 0, Ballot(2, 0), "old")
    late = Promise(ballot, 1, Ballot(4, 1), "late")
    assert proposer.promise(old) is None
    assert proposer.promise(late) == Accept(ballot, "late")


def test_an_acceptor_hears_no_ballot_below_its_promise() -> None:
    acceptor = Acceptor(0)
    acceptor.prepare(Prepare(Ballot(3, 1)))
    assert acceptor.prepare(Prepare(Ballot(2, 2))) is None
    assert acceptor.accept(Accept(Ballot(2, 2), "late")) is None
    assert acceptor.accepted_in == NO_BALLOT


def test_two_proposers_can_keep_each_other_from_ending() -> None:
    world = World()
    for _ in range(10):
        for proposer in (0, 1):
            world.start(proposer)
            prepare = world.sent[-1]
            assert isinstance(prepare, Prepare)
            accept = None
            for acceptor in world.acceptors:
                promise = acceptor.prepare(prepare)
                assert promise is not None
                accept = world.proposers[proposer].promise(promise) or accept
            # The other one prepares before this reaches anybody.
            world.send(accept)
    late = [m for m in world.sent if isinstance(m, Accept)][:-1]
    assert len(late) == 19
    assert not any(world.acceptors[0].accept(m) for m in late)


def forget_what_was_accepted(self: Proposer, m: Promise) -> Accept | None:
    """The classic mistake: insists on its own value."""
    self.promises[m.acceptor] = m
    if m.ballot != self.ballot or len(self.promises) < self.majority:
        return None
    return Accept(self.ballot, self.value)


def break_the_promise(self: Acceptor, m: Accept) -> Accepted | None:
    """The other one: accepts below what it has promised."""
    self.accepted_in = m.ballot
    self.value = m.value
    return Accepted(m.ballot, self.id, m.value)


@pytest.mark.parametrize(
    ("where", "name", "mistake"),
    [
        (Proposer, "promise", forget_what_was_accepted),
        (Acceptor, "accept", break_the_promise),
    ],
    ids=["forgets", "breaks"],
)
def test_each_rule_is_needed(
    where: type,
    name: str,
    mistake: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, two values are chosen by this very schedule."""
    monkeypatch.setattr(where, name, mistake)
    world = World()
    world.start(0)
    slow = world.sent[-1]
    assert isinstance(slow, Prepare)
    accept = None
    for a in (0, 1):
        promise = world.acceptors[a].prepare(slow)
        assert promise is not None
        accept = world.proposers[0].promise(promise) or accept
    assert accept is not None
    if mistake is forget_what_was_accepted:
        for a in (0, 1):
            accepted = world.acceptors[a].accept(accept)
            assert accepted is not None
            world.chosen.append(world.learner.accepted(accepted) or "")
        everything(world, 1, [1, 2])
    else:
        everything(world, 1, [1, 2])
        learner = Learner(ACCEPTORS)
        for a in (0, 1):
            accepted = world.acceptors[a].accept(accept)
            assert accepted is not None
            world.chosen.append(learner.accepted(accepted) or "")
    assert len(set(filter(None, world.chosen))) == 2
