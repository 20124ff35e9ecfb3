"""Runs that end with the first problem, and the table that they make."""

import asyncio
import random
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kv.chaos import command, controls
from kv.chaos.controls import CONTROLS, Control, work_out, write_controls
from kv.chaos.early import Early, judge
from kv.chaos.links import Links
from kv.chaos.nodes import Node, Nodes
from kv.faults import Action, Crash, Wait, schedule
from kv.framing import LengthPrefixed
from kv.nemeses import load_nemesis
from kv.sim.command import main as sim_main
from kv.unsafe import MISTAKES
from kv.workload import Recorder
from labs.bugs import NAMES

REPO = Path(__file__).parents[2]


class History:
    """What clients saw, event by event, at a second each."""

    def __init__(self) -> None:
        self.early = Early()
        self.now = 0.0
        self.recorder = Recorder(lambda: self.now, self.early.take)

    def note(self, kind: str, process: int, f: str, value: object) -> None:
        self.now += 1.0
        self.recorder.note(kind, process=process, f=f, key="k", value=value)

    def wrong(self) -> str | None:
        return judge(self.early.due())


def test_what_clients_saw_is_judged_meanwhile() -> None:
    seen = History()
    seen.recorder.note("fault", f="crash", value="node 1")
    seen.note("invoke", 1, "put", 1)
    seen.note("ok", 1, "put", 1)
    seen.note("invoke", 2, "put", 2)  # Open: it may have happened, or not.
    seen.note("invoke", 1, "get", None)
    seen.note("ok", 1, "get", 2)
    assert seen.wrong() is None
    assert seen.early.due() == []
    seen.note("invoke", 1, "get", None)
    seen.note("ok", 1, "get", 1)
    wrong = seen.wrong()
    assert wrong is not None
    assert "get" in wrong


def test_who_leads_at_first_was_elected_before(tmp_path: Path) -> None:
    """So the view while it runs counts as the report does."""
    nodes = Nodes(tmp_path, Links(LengthPrefixed, random.Random(1)), [])
    told: list[str] = []
    nodes.tell = lambda kind, text: told.append(text)

    class Leader(Node):
        async def ask(self, timeout: float = 0.5) -> dict[str, Any] | None:
            return self.status

    leader = nodes.members[1] = Leader(nodes, 1)
    for term in (3, 3, 5, 5):
        leader.status = {"role": "leader", "term": term}
        asyncio.run(nodes.look())
    assert [term for _, term, _ in nodes.elections] == [5]
    assert told == ["term 3: node 1 leads", "term 5: node 1 leads"]


def test_all_mistakes_are_controls() -> None:
    names = [c.name for c in CONTROLS]
    assert len(set(names)) == len(names)
    assert {c.name for c in CONTROLS if not c.planted} == set(MISTAKES)
    assert {c.name for c in CONTROLS if c.planted} == set(NAMES)


@pytest.mark.parametrize("nemesis", sorted({c.nemesis for c in CONTROLS}))
def test_the_faults_of_controls_go_on(nemesis: str) -> None:
    steps = schedule(
        load_nemesis(nemesis), random.Random(1), range(1, 4), 45.0
    )
    assert len(steps) > 3


def test_the_table_is_written_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "controls.toml"
    file.write_text('[[control]]\nby = "sim"\nname = "stale"\n')

    def found(control: Control) -> dict[str, object] | None:
        if control.name == "lease":
            return None
        return {"by": "chaos", "name": control.name, "real_seconds": 1.0,
                "finding": "it is"}  # fmt: skip

    monkeypatch.setattr(controls, "work_out", found)
    said: list[str] = []
    assert write_controls(str(file), "stale", said.append) == 0
    assert write_controls(str(file), "no-fsync", said.append) == 0
    assert write_controls(str(file), "lease", said.append) == 1
    assert "lease: not found within its budget" in said
    rows = tomllib.loads(file.read_text())["control"]
    assert [(r["by"], r["name"]) for r in rows] == [
        ("sim", "stale"), ("chaos", "no-fsync"), ("chaos", "stale"),
    ]  # fmt: skip


def power_cuts(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Cut the power of all, again and again."""
    while True:
        yield Wait(1.5)
        for node in nodes:
            yield Crash(node, 0.1, power=True)
        yield Wait(6.0)


@pytest.mark.chaos
def test_a_control_is_found_for_real() -> None:
    """By losing what was not synced, which takes a power cut."""
    name = f"{__name__}:power_cuts"
    row = work_out(Control("no-fsync", False, name, 60.0, ("--power-cuts",)))
    assert row is not None
    assert row["by"] == "chaos"
    assert row["real_seconds"] <= controls.BUDGET
    assert row["finding"]
    assert "crash" in row["schedule"][0]
    assert row["wrong"] == MISTAKES["no-fsync"].wrong


def test_a_finding_is_told_in_a_line() -> None:
    what = (
        "node 2 ended by itself:\n  a line\nkv: /a/b/nodes/2/wal/1.wal at byte"
        " 7: it is damaged. The node must not start on this: it would"
    )
    assert controls._finding({"found": {"what": what}}) == (
        "node 2 ended by itself: kv: 2/wal/1.wal at byte 7: it is damaged."
    )
    assert controls._finding({"problems": ["a and b differ"]}) == (
        "a and b differ"
    )


def test_every_mistake_has_been_looked_for_with_real_processes() -> None:
    """What the book tells is what the controls are."""
    table = tomllib.loads((REPO / "book/controls.toml").read_text("utf-8"))
    found = {r["name"]: r for r in table["control"] if r["by"] == "chaos"}
    assert list(found) == [c.name for c in CONTROLS]
    for control in CONTROLS:
        row = found[control.name]
        assert row["nemesis"] == control.nemesis
        assert row["more"] == " ".join(control.more)
        assert row["finding"]
        assert row["real_seconds"] <= controls.BUDGET


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--controls", "FILE", "--only", "earthquake"], "no control"),
        (["--controls", "FOLDER/none/t.toml", "--only", "stale"], "none"),
        (["--controls", "TORN", "--only", "stale"], "no table of controls"),
    ],
)
def test_controls_that_cannot_be_looked_for_are_told_at_once(
    tmp_path: Path, words: list[str], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "torn.toml").write_text("[[control]")
    known = {
        "FILE": str(tmp_path / "new.toml"), "TORN": f"{tmp_path}/torn.toml"
    }  # fmt: skip
    words = [
        known.get(w, w).replace("FOLDER", str(tmp_path)) for w in words
    ]
    assert command.main(words) == 2
    assert said in capsys.readouterr().err
    if "earthquake" not in words:  # The simulator's table is the same one.
        assert sim_main(words[:2]) == 2
        assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["torn.toml"]


def test_a_single_control_wants_a_table() -> None:
    with pytest.raises(SystemExit) as end:
        command.parse(["--only", "stale"])
    assert end.value.code == 2
