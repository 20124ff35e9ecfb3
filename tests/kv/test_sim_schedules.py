"""Short schedules that hypothesis makes up, and makes small.

`kv sim` draws long schedules from a nemesis, and cuts failures down with
`ddmin`. Short ones are hypothesis' business: it tries what nobody thought of,
and what it hands back is small already.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from kv import faults as f
from kv.faults import LEADER, Step
from kv.sim.run import Setup, run

SECONDS = 4.0
node = st.sampled_from([1, 2, 3, LEADER])
some = st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0])
moments = st.sampled_from([("now", 0), ("disk", 1), ("disk", 2), ("await", 7)])

crash = st.builds(
    lambda n, s, power, m: f.Crash(n, s, power, *m),
    node, some, st.booleans(), moments,
)  # fmt: skip
action = st.one_of(
    crash,
    st.builds(
        lambda group, s: f.Partition((tuple(group),), s),
        st.lists(node, min_size=1, max_size=2, unique=True), some,
    ),
    st.builds(f.Cut, node, node, st.booleans(), some),
    st.builds(f.Pause, node, some),
    st.builds(f.Slow, node, st.just(f.ANY), some, some, some),
    st.builds(f.Loss, st.just(f.ANY), node, st.just(0.5), some),
    st.builds(f.Duplicate, node, st.just(f.ANY), st.just(0.5), some),
    st.builds(f.Reorder, node, st.just(f.ANY), st.just(0.5), some),
    st.builds(f.BreakConnections, node, st.just(f.ANY)),
    st.builds(f.ClockRate, node, st.sampled_from([0.2, 5.0]), some),
    st.builds(
        f.DiskFault, node, st.sampled_from(["torn", "sync", "full", "flip"]),
        some, st.sampled_from([0.0, 0.3, 0.9]),
    ),
    st.builds(f.AddLearner, st.sampled_from([4, 5])),
    st.builds(f.Promote, st.sampled_from([4, 5])),
    st.builds(f.Remove, node),
    st.builds(f.Replace, node, st.sampled_from([6, 7])),
    st.builds(f.Transfer, st.sampled_from([1, 2, 3])),
)  # fmt: skip


def schedules(of: st.SearchStrategy[f.Action]) -> st.SearchStrategy[list[Step]]:
    """Return schedules, in order of time."""
    at = st.integers(1, int(SECONDS * 10) - 1).map(lambda tenth: tenth / 10)
    step = st.builds(Step, at, of)
    steps = st.lists(step, min_size=1, max_size=8)
    return steps.map(lambda them: sorted(them, key=lambda s: s.at))


@settings(
    max_examples=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(schedules(action))
def test_no_short_schedule_breaks_a_rule(steps: list[Step]) -> None:
    setup = Setup(seed=1, seconds=SECONDS, snapshot_every=25)
    outcome = run(setup, steps)
    assert outcome.ok, outcome.verdict()


def test_what_breaks_a_rule_is_found_and_made_small() -> None:
    """Without fsync, one power cut is all it takes."""

    def breaks(steps: list[Step]) -> bool:
        setup = Setup(seed=1, seconds=SECONDS, unsafe="no-fsync", clients=2)
        violation = run(setup, steps).violation
        return violation is not None and violation.number == 12

    small = find(
        schedules(crash), breaks,
        settings=settings(
            max_examples=40, deadline=None, derandomize=True, database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert len(small) == 1
    assert isinstance(small[0].action, f.Crash)
    assert small[0].action.power
