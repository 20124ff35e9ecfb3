"""What the simulator found, each in the smallest form that shows it."""

from __future__ import annotations

from kv.faults import AddLearner, Heal, Partition, Promote, Step, Transfer
from kv.sim.run import Outcome, Setup, run


def run_steps(seconds: float, *steps: Step, **more: object) -> Outcome:
    """Run a schedule of a few steps."""
    setup = Setup(seed=1, seconds=seconds, **more)  # type: ignore[arg-type]
    return run(setup, list(steps))


def test_a_newcomer_gets_a_snapshot_that_knows_of_it() -> None:
    """The last snapshot is older than the change that adds the node.

    Raft throws away a snapshot in whose configuration the receiver is not; so
    the node had to wait for the next one, ten thousand entries later.
    """
    outcome = run_steps(
        5, Step(4.8, AddLearner(4)), snapshot_every=60, think=0.2
    )
    assert outcome.ok, outcome.verdict()
    assert outcome.faults["members"] == 1


def test_who_was_away_can_answer_a_leader_that_it_does_not_know() -> None:
    """Node 1 has missed that 4 was added, and 4 leads when it is back.

    It knew no address to answer to, and so never heard of anything again.
    """
    outcome = run_steps(
        8,
        Step(1.0, Partition(((1,),), 0.0)),
        Step(2.0, AddLearner(4)),
        Step(3.5, Promote(4)),
        Step(4.5, Transfer(4)),
        Step(6.0, Heal()),
        think=0.5,
        snapshot_every=2000,
    )
    assert outcome.ok, outcome.verdict()


def test_a_stranger_is_not_promoted() -> None:
    """It would be a voter that nobody can reach, having no address."""
    outcome = run_steps(
        9,
        Step(0.9, Partition(((1,), (2,), (3,)), 5.0)),
        Step(1.5, AddLearner(4)),
        Step(8.0, Promote(4)),
        think=0.5,
    )
    assert outcome.ok, outcome.verdict()
