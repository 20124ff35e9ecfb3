"""Reading: what is dropped, what is translated, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kv.lincheck import HistoryError, Verdict, check, write_history
from kv.lincheck.generate import Spec, generate
from kv.lincheck.history import NEVER, UNTOLD, Operation
from kv.lincheck.models import Queue
from kv.lincheck.reading import parse, read_history


def event(time: int, process: int, kind: str, f: str, **more: object) -> str:
    base = {"time": time, "process": process, "type": kind, "f": f, "key": "k"}
    return json.dumps(base | more)


def read(*lines: str) -> list[Operation]:
    return parse("h", lines).operations()


def test_a_call_and_its_return_make_an_operation():
    (op,) = read(
        event(3, 0, "invoke", "put", value=5, colour="blue"),
        event(9, 0, "ok", "put"),
    )
    assert (op.f, op.key, op.value) == ("put", "k", 5)
    assert (op.call, op.ret, op.must, op.process) == (3, 9, True, "0")


def test_what_tells_nothing_is_dropped():
    assert not read(
        event(0, 0, "invoke", "get"),
        event(1, 0, "fail", "get"),
        event(2, 0, "invoke", "get"),
        event(3, 0, "info", "get"),
        event(4, 1, "invoke", "put", value=1),
        event(5, 1, "fail", "put"),
        event(6, 1, "invoke", "cas", value=[1, 2]),
        event(7, 1, "fail", "cas"),
        event(8, 1, "invoke", "get"),
    )


def test_an_unknown_write_never_returns_and_its_client_is_renamed():
    ops = read(
        event(0, 3, "invoke", "put", value=1),
        event(1, 3, "info", "put"),
        event(2, 3, "invoke", "append", value=2),
        event(3, 3, "info", "append"),
        event(4, 3, "invoke", "delete"),
    )
    assert [op.process for op in ops] == ["3", "3'1", "3'2"]
    assert all(op.unknown and op.ret == NEVER for op in ops)


def test_a_mismatched_cas_is_a_read_and_not_the_same_as_one_that_failed():
    told, untold = read(
        event(0, 0, "invoke", "cas", value=[1, 2]),
        event(1, 0, "ok", "cas", swapped=False, actual=7),
        event(2, 0, "invoke", "cas", value=[1, 2]),
        event(3, 0, "ok", "cas", swapped=False),
        event(4, 0, "invoke", "cas", value=[1, 2]),
        event(5, 0, "fail", "cas"),
    )
    assert (told.result, told.actual) == (False, 7)
    assert (untold.result, untold.actual) == (False, UNTOLD)


def test_faults_are_kept_for_the_picture():
    history = parse(
        "h",
        [
            '{"type": "fault", "time": 1, "f": "crash", "until": 4}',
            '{"type": "fault", "time": 2, "f": "pause", "phase": "begin"}',
            '{"type": "fault", "time": 5, "f": "pause", "phase": "end"}',
        ],
    )
    spans = [(f.kind, f.start, f.stop) for f in history.faults]
    assert spans == [("crash", 1, 4), ("pause", 2, 5)]


BAD = {
    "returns, but called nothing": [event(0, 0, "ok", "get", value=1)],
    "time goes back from 5 to 4": [
        event(5, 0, "invoke", "get"),
        event(4, 1, "invoke", "get"),
    ],
    "two operations open": [
        event(0, 0, "invoke", "get"),
        event(1, 0, "invoke", "get"),
    ],
    "unknown function 'frobnicate'": [event(0, 0, "invoke", "frobnicate")],
    "unknown type 'maybe'": [event(0, 0, "maybe", "get")],
    "called get, not put": [
        event(0, 0, "invoke", "get"),
        event(1, 0, "ok", "put"),
    ],
    "another key": [
        event(0, 0, "invoke", "get"),
        event(1, 0, "ok", "get", key="other", value=1),
    ],
    "not JSON": ["{"],
    "JSON object": ["[1]"],
    "no JSON value": ['{"time": NaN}'],
    "not whole nanoseconds": ['{"time": 0.5, "type": "invoke"}'],
    "is [old, new]": [event(0, 0, "invoke", "cas", value=3)],
    "says if it swapped": [
        event(0, 0, "invoke", "cas", value=[1, 2]),
        event(1, 0, "ok", "cas"),
    ],
    "has a value": [event(0, 0, "invoke", "get"), event(1, 0, "ok", "get")],
}


@pytest.mark.parametrize("reason", BAD)
def test_refused_with_file_line_and_reason(reason: str) -> None:
    lines = BAD[reason]
    with pytest.raises(HistoryError) as caught:
        parse("run.jsonl", lines)
    assert str(caught.value).startswith(f"run.jsonl:{len(lines)}: ")
    assert reason in str(caught.value)


def test_a_history_survives_being_written(tmp_path: Path) -> None:
    for mix in ("register", "store"):
        spec = Spec(300, 5, 3, unknown=0.1, told=True, mix=mix, seed=4)
        history = generate(spec)
        path = tmp_path / "h.jsonl"
        path.write_text("\n".join(write_history(history)))
        again = read_history(path)
        strip = [
            (o.f, o.key, o.value, o.result, o.call, o.ret, o.must, o.actual)
            for o in history.operations()
        ]
        assert strip == [
            (o.f, o.key, o.value, o.result, o.call, o.ret, o.must, o.actual)
            for o in again.operations()
        ]


def test_jepsen_lines() -> None:
    lines = [
        "INFO  jepsen.util - 0\t:invoke\t:cas\t[3 0]",
        "INFO  jepsen.util - 1\t:invoke\t:write\t3",
        "INFO  jepsen.util - 0\t:fail\t:cas\t[3 0]",
        "INFO  jepsen.util - 1\t:info\t:write\t:timed-out",
        "INFO  jepsen.util - 2\t:invoke\t:read\tnil",
        "INFO  jepsen.util - 2\t:ok\t:read\t3",
    ]
    cas, write, read_ = parse("j", lines).operations()
    assert cas.result is False
    assert cas.must
    assert write.unknown
    assert read_.result == 3


def edn(process: int, kind: str, f: str, value: str | None) -> str:
    text = "nil" if value is None else f'"{value}"'
    return (
        f"{{:process {process}, :type :{kind}, :f :{f}, :key \"0\","
        f" :value {text}}}"
    )


def joined(tokens: list[str], seen: str) -> list[str]:
    lines = []
    for token in tokens:
        lines.append(edn(0, "invoke", "append", token))
        lines.append(edn(0, "ok", "append", token))
    return [*lines, edn(1, "invoke", "get", None), edn(1, "ok", "get", seen)]


@pytest.mark.parametrize(
    ("tokens", "seen", "cut", "truth"),
    [
        (["ab", "cd"], "abcd", True, True),
        (["ab", "cd"], "cdab", True, False),
        (["ab", "cd"], "abxcd", True, False),
        (["b", "ab"], "bab", False, True),
        (["ab", "b"], "bab", False, False),
    ],
)
def test_joined_strings_are_cut_up_if_that_is_safe(
    tokens: list[str], seen: str, cut: bool, truth: bool
) -> None:
    history = parse("p", joined(tokens, seen))
    assert history.joined is not cut
    verdict = check(history).verdict
    assert (verdict is Verdict.LINEARIZABLE) == truth


def test_another_model_has_other_functions() -> None:
    lines = [
        event(0, 0, "invoke", "enqueue", value=1),
        event(1, 0, "ok", "enqueue"),
        event(2, 0, "invoke", "dequeue"),
        event(3, 0, "ok", "dequeue", value=1),
    ]
    history = parse("q", lines, Queue.functions)
    assert [op.f for op in history.objects] == ["enqueue", "dequeue"]
    with pytest.raises(HistoryError):
        parse("q", lines)
