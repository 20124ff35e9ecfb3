"""Other models, the plain search, and the replay of witnesses."""

from __future__ import annotations

import pytest

from kv.lincheck import History, Verdict, check, explain
from kv.lincheck.brute import brute_force
from kv.lincheck.models import Lists, Model, Queue, Register, find_model
from kv.lincheck.plain import plain_check
from kv.lincheck.replay import ReplayError, replay, replay_model
from tests.kv.lincheck.make import append, get, key, op, put


def judge(model: Model, *ops: object) -> bool:
    operations = list(ops)
    found = plain_check(operations, model)
    assert found.linearizable == brute_force(operations, model)
    if found.linearizable:
        replay_model(model, operations, found.order)
    return found.linearizable


def enqueue(value: object, call: int, ret: int | None):
    return op("enqueue", call, ret, value)


def dequeue(value: object, call: int, ret: int | None):
    return op("dequeue", call, ret, result=value)


def test_a_queue_is_first_in_first_out():
    assert judge(Queue(), enqueue(1, 0, 5), enqueue(2, 0, 5), dequeue(2, 6, 7))
    assert not judge(
        Queue(), enqueue(1, 0, 1), enqueue(2, 2, 3), dequeue(2, 4, 5)
    )
    assert judge(
        Queue(),
        enqueue(1, 0, 1),
        enqueue(2, 2, 3),
        dequeue(None, 0, None),
        dequeue(2, 4, 5),
    )


def test_lists_can_be_read_all_at_once():
    ops = [
        op("append", 0, 9, 1),
        op("all", 0, 9, result={"k": [1]}),
        op("all", 0, 9, result={}),
    ]
    assert judge(Lists(), *ops)
    assert not judge(
        Lists(), ops[0], op("all", 1, 2, result={"k": [1]}),
        op("all", 3, 4, result={}),
    )


def test_a_model_is_found_by_name():
    assert isinstance(find_model("queue"), Queue)
    assert isinstance(find_model("kv.lincheck.models:Queue"), Queue)
    for name in ("stack", "kv.lincheck.models:Stack", "no.such:Thing"):
        with pytest.raises(LookupError):
            find_model(name)


def test_check_takes_a_model_and_explains_it():
    history = History(
        objects=[enqueue(1, 0, 1), enqueue(2, 2, 3), dequeue(2, 4, 5)]
    )
    result = check(history, Queue())
    assert result.verdict is Verdict.NOT_LINEARIZABLE
    explanation = explain(result, Queue())
    assert explanation is not None
    assert "dequeue #4" in explanation.sentence


def test_replay_refuses_what_is_no_witness():
    part = key(put(1, 0, 1), put(2, 2, 3), get(2, 4, 5))
    replay(part, [0, 1, 2])
    for order, reason in (
        ([0, 1], "missing"),
        ([0, 0, 1, 2], "twice"),
        ([1, 0, 2], "ended before"),
        ([0, 2, 1], "finds"),
    ):
        with pytest.raises(ReplayError, match=reason):
            replay(part, order)
        with pytest.raises(ReplayError):
            replay_model(Register(), list(part), order)
    wrong = key(put(1, 0, 1), get(2, 2, 3))
    with pytest.raises(ReplayError, match="finds"):
        replay(wrong, [0, 1])
    scalar = key(put(1, 0, 1), append(2, 2, 3))
    with pytest.raises(ReplayError, match="not on a list"):
        replay(scalar, [0, 1])


def test_replay_follows_a_growing_list():
    part = key(append(1, 0, 1), append(2, 2, 3), get([1, 2], 4, 5))
    replay(part, [0, 1, 2])
