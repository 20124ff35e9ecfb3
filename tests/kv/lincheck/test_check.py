"""Verdicts on whole histories: keys, budgets, suites, known files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kv.lincheck import History, Verdict, check, explain, read_history
from kv.lincheck.generate import Spec, generate, suite
from kv.lincheck.local import refuted_near
from kv.lincheck.replay import replay
from kv.lincheck.search import Outcome, run
from tests.kv.lincheck.make import cas, get, op, put
from tests.kv.lincheck.middling import middling

DATA = Path(
    os.environ.get("PORCUPINE_TEST_DATA")
    or Path(__file__).parents[4] / "shared" / "porcupine"
)
GOOD_LOGS = {
    *(2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87),
    *(92, 98, 100, 101, 102),
}
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="no recorded histories; set PORCUPINE_TEST_DATA"
)


@needs_data
def test_all_jepsen_logs_get_their_known_verdicts():
    logs = sorted((DATA / "jepsen").glob("etcd_*.log"))
    good = set()
    for log in logs:
        result = check(read_history(log))
        assert result.verdict is not Verdict.UNKNOWN
        if result.verdict is Verdict.LINEARIZABLE and len(result.history):
            good.add(int(log.stem[-3:]))
    assert len(logs) == 103
    assert good == GOOD_LOGS


@needs_data
def test_all_store_histories_get_their_known_verdicts():
    files = sorted((DATA / "kv").glob("*.txt"))
    assert len(files) == 6
    for file in files:
        result = check(read_history(file))
        good = result.verdict is Verdict.LINEARIZABLE
        assert good == file.stem.endswith("-ok"), file
        assert (explain(result) is None) == good


@needs_data
def test_an_illegal_log_is_explained_by_a_small_conflict():
    for number in (0, 1, 3, 4, 6, 40, 99):
        result = check(read_history(DATA / f"jepsen/etcd_{number:03}.log"))
        explanation = explain(result)
        assert explanation is not None
        assert len(explanation.conflict) <= 12
        assert explanation.reasons
        # Its last word: somebody who needs what is not there.
        blocked, why = explanation.reasons[0]
        assert blocked.must
        assert "needs" in why


def test_a_write_still_open_at_the_conflict_is_told_with_its_return():
    late = put(5, 4, 100)
    ops = [put(1, 0, 1), put(1, 2, 3), late, get(5, 6, 7), get(1, 8, 9)]
    explanation = explain(check(History.of(ops)))
    assert explanation is not None
    assert explanation.rule == "search"
    told = {op.value: op for op in explanation.support}[5]
    assert told.ret == late.ret
    assert told.weak
    assert not told.unknown


def test_only_the_key_at_fault_is_explained():
    ops = [put(1, 0, 1), get(1, 2, 3)]
    other = [
        op("put", 0, 1, 5),
        op("get", 2, 3, result=6),
    ]
    moved = [
        type(each)(
            *[
                "other" if name == "key" else getattr(each, name)
                for name in each.__slots__
            ]
        )
        for each in other
    ]
    result = check(History.of([*ops, *moved]))
    assert result.verdict is Verdict.NOT_LINEARIZABLE
    assert {v.key: v.verdict.name for v in result.keys} == {
        "k": "LINEARIZABLE",
        "other": "NOT_LINEARIZABLE",
    }
    explanation = explain(result)
    assert explanation is not None
    assert explanation.key == "other"


def _hard(key: str, damaged: bool, operations: int = 400) -> list:
    spec = Spec(
        operations, 8, values=2, unknown=0.05, damaged=damaged, seed=7
    )
    return [
        type(each)(
            *[
                key if name == "key" else getattr(each, name)
                for name in each.__slots__
            ]
        )
        for each in generate(spec).operations()
    ]


def test_a_budget_that_runs_out_says_unknown_and_nothing_else():
    history = History.of(_hard("a", False, 3000))
    assert check(history).verdict is Verdict.LINEARIZABLE
    result = check(history, budget=3)
    assert result.verdict is Verdict.UNKNOWN
    assert result.fault is None
    assert explain(result) is None


def test_a_hard_key_cannot_hide_the_quick_failure_of_another():
    # Not unique, so both keys need the general path; the second fails soon.
    quick = [
        *(put(1, 0, 1), put(1, 2, 3), put(2, 4, 5), get(1, 6, 7)),
    ]
    history = History.of([*_hard("a", False, 3000), *quick])
    result = check(history, budget=2500)
    assert result.verdict is Verdict.NOT_LINEARIZABLE
    assert result.fault is not None
    assert result.fault.key == "k"


def test_no_unknown_on_a_part_of_the_synthetic_suite():
    seen = set()
    for spec in suite(1000):
        if spec.seed % 13:
            continue
        result = check(generate(spec))
        assert result.verdict is not Verdict.UNKNOWN, spec
        if not spec.damaged:
            assert result.verdict is Verdict.LINEARIZABLE, spec
        seen.add(result.verdict)
    assert len(seen) == 2


def test_a_stretch_is_refuted_only_if_the_whole_is():
    refuted = 0
    for seed in range(60):
        part = middling(seed)
        if part is None or not len(part):
            continue
        good = run(part).linearizable
        for i in range(len(part)):
            if not part.must[i]:
                continue
            if refuted_near(part, i, 2000, (3, 8), (0, 3)):
                assert not good, seed
                refuted += 1
                break
    assert refuted > 5


def test_a_stale_read_late_in_a_long_history_is_found_nearby():
    spec = Spec(2500, 10, 1, 0.02, True, 0, True, "store", 9)
    result = check(generate(spec), budget=60_000)
    assert result.verdict is Verdict.NOT_LINEARIZABLE
    assert result.fault is not None
    assert isinstance(result.fault.outcome, Outcome)
    assert result.fault.outcome.begin is not None
    explanation = explain(result, budget=20_000)
    assert explanation is not None
    assert 1 <= len(explanation.conflict) < 30
    assert all(op.index >= 0 for op in explanation.support)


def test_every_yes_comes_with_a_witness_that_replays():
    for values in (0, 3):
        spec = Spec(2000, 6, 4, unknown=0.03, values=values, seed=1)
        result = check(generate(spec))
        assert result.verdict is Verdict.LINEARIZABLE
        for verdict in result.keys:
            replay(result.history.keys[verdict.key], verdict.order)


def test_the_cache_prunes_by_optional_operations_used():
    # Twenty unknown puts of two values: without reduction (b) this takes
    # 2^20 places.
    ops = [put(i % 2, i, None) for i in range(20)]
    ops += [get(i % 2, 100 + 2 * i, 101 + 2 * i) for i in range(20)]
    ops += [get(7, 200, 201), cas(3, 7, 30, None)]
    part = History.of(ops).of_key("k")
    outcome = run(part)
    assert not outcome.linearizable
    assert outcome.steps < 5000
