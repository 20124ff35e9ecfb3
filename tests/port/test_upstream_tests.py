"""The list of upstream's tests, held against both suites.

`UPSTREAM_TESTS.md` says for each test function of the Go library which of
ours tests the same. The list has to be whole, what it names has to be there,
and nothing may go without a counterpart in silence.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

REPO = Path(__file__).parents[2]
LIST = Path(__file__).with_name("UPSTREAM_TESTS.md")

# How many functions each Go file has at v3.7.0: tests, examples, benchmarks.
COUNTS = {
    "confchange/datadriven_test.go": 1,
    "confchange/quick_test.go": 1,
    "confchange/restore_test.go": 1,
    "example_test.go": 1,
    "interaction_test.go": 1,
    "log_test.go": 21,
    "log_unstable_test.go": 9,
    "node_bench_test.go": 1,
    "node_test.go": 22,
    "quorum/bench_test.go": 1,
    "quorum/datadriven_test.go": 1,
    "quorum/majority_test.go": 1,
    "quorum/quick_test.go": 1,
    "raft_flow_control_test.go": 3,
    "raft_paper_test.go": 26,
    "raft_snap_test.go": 5,
    "raft_test.go": 118,
    "raftpb/confchange_test.go": 1,
    "raftpb/confstate_test.go": 1,
    "raftpb/raft_test.go": 1,
    "rafttest/network_test.go": 2,
    "rafttest/node_bench_test.go": 1,
    "rafttest/node_test.go": 3,
    "rawnode_test.go": 14,
    "storage_test.go": 8,
    "tracker/inflights_test.go": 4,
    "tracker/progress_test.go": 8,
    "types_test.go": 2,
    "util_test.go": 5,
}

GO_FUNCTION = re.compile(
    r"^func ((?:Test|Benchmark|Example|Fuzz)\w*)\(", re.MULTILINE
)
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
TEST_ID = re.compile(r"(tests/[\w/.]+\.py)::(\w+)")


class Row(NamedTuple):
    """A row of the list."""

    file: str
    go: str
    ours: str
    remarks: str


def read_rows(text: str) -> list[Row]:
    """Return the rows of the table, without its head."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return [Row(*row) for row in cells[2:]]


def snake(name: str) -> str:
    """Return a Go name the way the port would have it."""
    words = HUMP.sub("_", name).lower().replace("__", "_")
    return words if words.startswith("test_") else f"test_{words}"


@cache
def our_tests(file: str) -> frozenset[str]:
    """Return the names of the tests that a file of ours defines."""
    path = REPO / file
    if not path.is_file():
        return frozenset()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, functions) and node.name.startswith("test_")
    )


def complaint(row: Row) -> str:
    """Say what is wrong with a row, or nothing."""
    at = f"{row.file} {row.go}:"
    if row.ours == "-":
        if row.go.startswith(("Test", "Example")):
            return f"{at} a test needs a test"
        if not row.remarks:
            return f"{at} no test of ours, and no reason why"
    elif not (match := TEST_ID.fullmatch(row.ours)):
        return f"{at} {row.ours} is no test id"
    elif match[2] != snake(row.go):
        return f"{at} ours should be called {snake(row.go)}"
    for file, test in TEST_ID.findall(f"{row.ours} {row.remarks}"):
        if test not in our_tests(file):
            return f"{at} there is no {file}::{test}"
    return ""


ROWS = read_rows(LIST.read_text(encoding="utf-8"))


def test_the_list_is_whole() -> None:
    twice = [
        row
        for row, times in Counter((r.file, r.go) for r in ROWS).items()
        if times > 1
    ]
    assert not twice
    assert Counter(row.file for row in ROWS) == COUNTS


def test_what_the_list_names_is_there() -> None:
    wrong = [text for row in ROWS if (text := complaint(row))]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_test_of_ours_stands_for_two() -> None:
    ours = Counter(row.ours for row in ROWS if row.ours != "-")
    assert not [test for test, times in ours.items() if times > 1]


@pytest.mark.upstream
def test_the_list_is_upstreams(upstream_checkout: Path) -> None:
    theirs = {
        (path.relative_to(upstream_checkout).as_posix(), name)
        for path in upstream_checkout.rglob("*_test.go")
        for name in GO_FUNCTION.findall(path.read_text(encoding="utf-8"))
    }
    listed = {(row.file, row.go) for row in ROWS}
    assert not theirs - listed, "missing here"
    assert not listed - theirs, "unknown there"


@pytest.mark.parametrize(
    ("go", "ours"),
    [
        ("TestNodeStep", "test_node_step"),
        ("TestEntryID", "test_entry_id"),
        ("TestVoteInOneRoundRPC", "test_vote_in_one_round_rpc"),
        ("TestConfChangeV2Check", "test_conf_change_v2_check"),
        ("TestConfState_Equivalent", "test_conf_state_equivalent"),
        ("ExampleNode", "test_example_node"),
    ],
)
def test_names_in_snake_case(go: str, ours: str) -> None:
    assert snake(go) == ours


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            Row("a_test.go", "TestA", "-", "too hard"),
            "a_test.go TestA: a test needs a test",
        ),
        (
            Row("a_test.go", "BenchmarkA", "-", ""),
            "a_test.go BenchmarkA: no test of ours, and no reason why",
        ),
        (
            Row("a_test.go", "TestA", "test_a", ""),
            "a_test.go TestA: test_a is no test id",
        ),
        (
            Row("a_test.go", "TestA", "tests/port/test_x.py::test_b", ""),
            "a_test.go TestA: ours should be called test_a",
        ),
        (
            Row("a_test.go", "TestA", "tests/port/test_x.py::test_a", ""),
            "a_test.go TestA: there is no tests/port/test_x.py::test_a",
        ),
        (
            Row(
                "node_test.go",
                "TestNodeStep",
                "tests/port/test_node.py::test_node_step",
                "more: tests/port/test_node.py::test_none",
            ),
            "node_test.go TestNodeStep:"
            " there is no tests/port/test_node.py::test_none",
        ),
    ],
)
def test_what_is_wrong_is_said(row: Row, text: str) -> None:
    assert complaint(row) == text
