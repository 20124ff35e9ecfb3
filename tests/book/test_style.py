"""What the chapter *How it is written* says, counted.

The tests of its three tidy changes are at the end.
"""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

from book.weave import lengths, measure
from port import raftpb as pb
from port.errors import RaftPanic
from port.raft import Raft
from port.tracker import Inflights, Progress, StateProbe, StateSnapshot
from tests.book.breaking import breaks
from tests.port.raft.nodes import leader, storage, take_messages

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "pages" / "style.md"
# Where raft's own fields are set.
CORE = (
    "raft.py", "log.py", "log_unstable.py", "read_only.py",
    "tracker/progress.py", "tracker/tracker.py",
)  # fmt: skip


# -- measured


def test_the_measure_of_a_go_function() -> None:
    text = "\n".join([
        "package p",
        "",
        "func (t *T) f(a, b bool) int {",
        "\t// if nothing counts in here",
        "\tif a && b {",
        "\t\tfor i := range n {",
        "\t\t\tuse(i)",
        "\t\t}",
        "\t}",
        "",
        "\tswitch x {",
        "\tcase 1, 2:",
        "\t\treturn 1",
        "\tdefault:",
        "\t}",
        "\treturn 0",
        "}",
        "",
    ])
    (found,) = measure.of_go(text, "p.go")
    assert found == measure.Measure("p.go", "T.f", 13, 4, 2)


def test_the_measure_of_a_python_function() -> None:
    text = "\n".join([
        "class T:",
        "    def f(self, a, b):",
        '        """If nothing counts in here."""',
        "        if a and b:",
        "            # or here",
        "            for i in n:",
        "                use(i)",
        "        elif b:",
        "            return [i for i in n if i]",
        "        return 0",
        "",
    ])
    (found,) = measure.of_python(text, "p.py")
    assert found == measure.Measure("p.py", "T.f", 7, 6, 2)


def test_what_cannot_be_measured_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.py").write_text("\ndef f(:\n")
    (tmp_path / "binary.py").write_bytes(b"\xff")
    for name, said in (
        ("bad.py", "bad.py:2: invalid syntax\n"),
        ("binary.py", "no text in UTF-8"), ("none.py", "No such file"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            measure.main([str(tmp_path / name)])
        err = capsys.readouterr().err
        assert (left.value.code, err.count("\n")) == (2, 1)
        assert said in err


def test_the_table_of_measures() -> None:
    """The Go's numbers to the line; ours as far as they may move."""
    go = sorted(lengths.go_functions().values())
    assert (len(go), statistics.median(go), go[len(go) * 9 // 10]) == (
        333, 7, 24,
    )  # fmt: skip
    assert lengths.longest(lengths.go_functions(), 3) == [
        ("stepLeader", 201), ("Step", 99), ("run", 86),
    ]  # fmt: skip
    short = sum(n <= 10 for n in go)
    assert 0.65 < short / len(go) < 0.7
    ours = sorted(lengths.our_functions().values())
    assert 400 < len(ours) < 460
    assert 4 <= statistics.median(ours) <= 6
    assert max(ours) <= 80


@pytest.mark.upstream
def test_the_go_is_measured_alike(upstream_checkout: Path) -> None:
    """By the facts, and by the files themselves."""
    found = [
        m
        for m in measure.measure([upstream_checkout / "raft.go"])
        if m.name == "stepLeader"
    ]
    assert [(m.lines, m.branches, m.depth) for m in found] == [(201, 65, 4)]
    folders = [upstream_checkout / name for name in lengths.GO]
    files = list(upstream_checkout.glob("*.go"))
    core = measure.summary(list(measure.measure([*files, *folders])))
    assert (core.functions, round(core.branches)) == (333, 19)


def test_the_leaders_step_was_cut_and_not_shortened() -> None:
    """Fifteen pieces, and together they are longer."""
    tree = ast.parse((ROOT / "port" / "raft.py").read_text("utf-8"))
    pieces = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and " stepLeader" in (ast.get_docstring(node) or "")
    }
    found = [
        m
        for m in measure.measure([ROOT / "port" / "raft.py"])
        if m.name in pieces
    ]
    assert len(found) == 15
    assert sum(m.lines for m in found) > 201
    assert sum(m.branches for m in found) > 65
    assert max(m.depth for m in found) <= 3


# -- who may change what


def writers(field: str, files: tuple[str, ...] = CORE) -> set[str]:
    """Returns the functions that assign a field of an object."""
    found = set()
    for file in files:
        tree = ast.parse((ROOT / "port" / file).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                found |= {
                    node.name
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Attribute)
                    and inner.attr == field
                    and isinstance(inner.ctx, ast.Store)
                }
    return found


@pytest.mark.parametrize(
    ("field", "files", "expected"),
    [
        ("state", ("raft.py",),
         "become_follower become_candidate become_pre_candidate"
         " become_leader"),
        ("vote", ("raft.py",), "reset load_state become_candidate _step_vote"),
        ("committed", CORE, "commit_to restore load_state"),
        ("applied", CORE, "applied_to"),
        ("match", CORE, "maybe_update"),
        ("state", ("tracker/progress.py",), "reset_state"),
    ],
)  # fmt: skip
def test_who_may_change_what(
    field: str, files: tuple[str, ...], expected: str
) -> None:
    assert writers(field, files) == set(expected.split())
    for name in expected.split():
        assert f"{name}`" in PAGE.read_text("utf-8")


def test_the_term_is_set_in_two_places() -> None:
    """`send` sets a message's."""
    assert writers("term", ("raft.py",)) == {"reset", "load_state", "send"}


def test_a_clock_is_set_in_many() -> None:
    assert len(writers("election_elapsed", (*CORE, "rawnode.py"))) == 9


# -- three tidy changes


def refused(r: Raft) -> pb.Entry:
    """Returns what stands in for a change that was refused: the second."""
    steps = pb.conf_changes_from_string("v4")
    kind, data = pb.marshal_conf_change(pb.ConfChangeV2(changes=steps))
    r.step(pb.Message(
        type=pb.MsgProp, from_=1, to=1,
        entries=[pb.Entry(type=kind, data=data) for _ in range(2)],
    ))  # fmt: skip
    return r.raft_log.all_entries()[-1]


def test_an_argument_that_says_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two changes in one proposal the second becomes an empty entry."""
    before = refused(leader(1, storage((1, 2, 3))))
    breaks(
        monkeypatch, "_prop_conf_change",
        "pb.Entry(type=pb.EntryNormal)", "pb.Entry()",
    )  # fmt: skip
    after = refused(leader(1, storage((1, 2, 3))))
    assert before.data is after.data is None
    assert before.size() - after.size() == 2


def tidy(pr: Progress) -> None:
    """`become_probe` with what its branches share moved up."""
    pr.reset_state(StateProbe)
    if pr.state is StateSnapshot:
        pr.next = max(pr.match + 1, pr.pending_snapshot + 1)
    else:
        pr.next = pr.match + 1


def test_two_branches_that_begin_alike() -> None:
    ends = []
    for become in (Progress.become_probe, tidy):
        pr = Progress(match=3, next=4, inflights=Inflights(1))
        pr.become_snapshot(8)
        become(pr)
        ends.append(pr.next)
    assert ends == [9, 4]


def order(r: Raft) -> list[int]:
    """Returns to whom a proposal goes, in order, in a changed cluster."""
    for steps in ("r2", "v2"):
        changes = pb.conf_changes_from_string(steps)
        r.apply_conf_change(pb.ConfChangeV2(changes=changes))
    take_messages(r)
    for pr in r.trk.progress.values():
        pr.msg_app_flow_paused = False
    r.bcast_append()
    return [m.to or 0 for m in take_messages(r) if m.type is pb.MsgApp]


def test_a_sort_that_seems_to_serve_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, who left and came back is last."""
    assert order(leader(1, storage((1, 2, 3)))) == [2, 3]
    breaks(
        monkeypatch, "Raft.bcast_append",
        "self.trk.visit()", "self.trk.progress.items()",
    )  # fmt: skip
    assert order(leader(1, storage((1, 2, 3)))) == [3, 2]


# -- a door that refuses


def test_a_leader_does_not_become_a_candidate() -> None:
    with pytest.raises(RaftPanic, match="invalid transition"):
        leader(1, storage((1, 2, 3))).become_candidate()
