"""What is recorded of a script, and the page that plays it."""

import json
import re
import sys
from pathlib import Path

import pytest

from port.rafttest import play
from port.rafttest.__main__ import main
from port.rafttest.datadriven import parse
from port.rafttest.record import Data, Recording, Step, Tracer, record

REPO = Path(__file__).parents[2]
DAY = REPO / "book/scenarios/one-day.txt"
SCRIPT = """\
# Three nodes
#
# What is said of the first command.
log-level info
----

# One stands.
#
# In two paragraphs.
add-nodes 3 voters=(1,2,3) index=2
----

campaign 1
----

process-ready 1
----

deliver-msgs 2 drop=3
----

process-ready 2
----

# It wins.
deliver-msgs 1
----

process-ready 1
----

deliver-msgs 2
----

propose 1 <&
----
"""


def steps(text: str) -> Recording:
    return record(parse(text, "script"))


def names(step: Step) -> set[str]:
    return {f.name for f in step.ran}


@pytest.fixture(scope="module")
def day() -> Recording:
    return record(parse(DAY.read_text(encoding="utf-8"), str(DAY)))


@pytest.fixture(scope="module")
def small() -> Recording:
    return steps(SCRIPT)


def test_to_look_on_changes_nothing(day: Recording) -> None:
    directives = parse(DAY.read_text(encoding="utf-8"), str(DAY))
    assert [s.out for s in day.steps] == [d.expected for d in directives]
    assert day.failure is None
    assert day.title == "A day in the life of a cluster"


def test_a_recording_is_compact(day: Recording) -> None:
    assert len(play.packed(day.data())) < 160_000


def test_prose_goes_with_the_command_after_it(small: Recording) -> None:
    assert small.title == "Three nodes"
    assert [s.prose for s in small.steps[:3]] == [
        ("What is said of the first command.",),
        ("One stands.", "In two paragraphs."),
        (),
    ]


def test_roles_terms_and_what_a_leader_knows(small: Recording) -> None:
    one = [s.after.nodes[0] for s in small.steps[1:]]
    assert [n["role"] for n in one] == list("FCCCCLLLL")
    assert [n["term"] for n in one[:2]] == [0, 1]
    assert one[2]["votes"] == [[1, 1]]
    peers = one[-1]["peers"]
    assert isinstance(peers, list)
    assert peers[0] == {
        "id": 2, "state": "Probe", "match": 0, "next": 3, "flight": 0,
        "paused": 1, "snap": 0, "active": 0, "learner": 0,
    }  # fmt: skip
    assert "peers" not in small.steps[-1].after.nodes[1]


def test_where_an_entry_is_on_its_way(small: Recording) -> None:
    led, sent, taken, proposed = small.steps[-4:]
    assert led.after.logs[0] == ((1, ""),)
    assert led.after.nodes[0]["stable"] == 2
    assert sent.after.nodes[0]["stable"] == 3
    assert taken.after.logs[1] == ((1, ""),)
    assert taken.after.nodes[1]["stable"] == 2
    assert proposed.after.logs[0][-1] == (1, "<&")


def test_messages_come_or_get_lost(small: Recording) -> None:
    stood, asked, delivered = small.steps[2:5]
    assert stood.after.flight == ()
    assert [m[:4] for m in asked.after.flight] == [
        (1, 2, "MsgVote", "term 1"),
        (1, 3, "MsgVote", "term 1"),
    ]
    assert [(m[1], lost) for m, lost in delivered.taken] == [
        (2, False), (3, True),
    ]  # fmt: skip
    assert delivered.after.flight == ()


def test_what_stays_inside_a_node_has_it_at_both_ends() -> None:
    found = steps(
        "add-nodes 1 voters=(1) index=2 async-storage-writes=true\n----\n\n"
        "campaign 1\n----\n\nprocess-ready 1\n----\n"
    )
    ends = [m[:3] for m in found.steps[-1].after.flight]
    assert ends == [(1, 1, "MsgStorageAppend")]


def test_the_lines_that_ran_are_those(small: Recording) -> None:
    stood, won = small.steps[2], small.steps[6]
    assert "Raft.become_candidate" in names(stood)
    assert "Raft.become_leader" not in names(stood)
    assert "Raft.become_leader" in names(won)
    assert not any("describe" in name for name in names(won))
    source = (REPO / "port/raft.py").read_text(encoding="utf-8").splitlines()
    for f, lines in won.ran.items():
        if f.name == "Raft.become_leader":
            texts = [source[n - 1].strip() for n in sorted(lines)]
            assert "self.reset(self.term)" in texts
            assert not any("panic" in text for text in texts)


def test_who_traced_before_traces_after() -> None:
    seen: list[str] = []

    def mine(frame: object, event: str, arg: object) -> None:
        seen.append(event)

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        with Tracer():
            assert sys.gettrace() is not mine
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


Moment = tuple[list[object], list[object], list[object]]


def resolved(data: Data) -> list[Moment]:
    """Returns the moments of a recording's data without its tables."""
    found: list[Moment] = []
    whole = json.loads(play.packed(data))
    for moment in (whole["before"], *whole["steps"]):
        nodes = [dict(whole["nodes"][n]) for n in moment["nodes"]]
        for node in nodes:
            node["log"] = whole["logs"][node["log"]]
        ran = [
            (*whole["code"][at][:2], lines)
            for at, lines in (whole["runs"][n] for n in moment.get("ran", ()))
        ]
        msgs = [whole["msgs"][m] for m in moment["msgs"]]
        found.append((nodes, msgs, ran))
    return found


def test_a_part_is_the_same_as_in_the_whole(day: Recording) -> None:
    whole = resolved(day.data())
    before, *steps = resolved(day.data(20, 31))
    assert steps == whole[21:32]
    # What led to the moment before the first is no part of it.
    assert before == (*whole[20][:2], [])
    small = len(play.packed(day.data(20, 31)))
    assert small < len(play.packed(day.data())) / 2


def test_a_failure_is_the_last_step() -> None:
    found = steps(
        "add-nodes 1 voters=(1) index=2\n----\n\n"
        "compact 1 99\n----\n\nraft-state\n----\n"
    )
    assert len(found.steps) == 2
    assert found.failure is not None
    assert str(found.failure[0]) == "compact 1 99"
    assert str(found.failure[1]) in found.steps[-1].out


# ---- The page ---------------------------------------------------------------


def test_a_page_is_complete_in_itself(small: Recording) -> None:
    html = play.page(small, "x.txt", "python -m port.rafttest run x.txt")
    assert "<title>Three nodes</title>" in html
    assert not re.search(r'(?:src|href)="', html)
    packed = re.search(r'application/json">(.*?)</script>', html)
    assert packed
    assert len(json.loads(packed[1])["steps"]) == len(small.steps)
    # Without the script the words are there to read, and only once.
    for word in ("One stands.", "propose 1 &lt;&amp;"):
        assert word in html.partition("application/json")[0]
        assert html.count(word) == 1


def test_data_cannot_end_its_script() -> None:
    text = play.packed({"a": "</script><!--"})
    assert "</" not in text
    assert "<!--" not in text
    assert json.loads(text) == {"a": "</script><!--"}


def test_play_writes_beside_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "x.txt"
    script.write_text(SCRIPT, encoding="utf-8")
    assert main(["play", str(script)]) == 0
    assert (tmp_path / "x.txt.html").is_file()
    other = tmp_path / "y.html"
    assert main(["play", str(script), "-o", str(other)]) == 0
    assert str(other) in capsys.readouterr().out
    assert other.is_file()


def test_a_script_that_fails_is_played_up_to_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "x.txt"
    text = "add-nodes 1 voters=(1) index=2\n----\n\ncompact 1 99\n----\n"
    script.write_text(text, encoding="utf-8")
    assert main(["play", str(script)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{script}:4: compact: ")
    assert "pl-failed" in (tmp_path / "x.txt.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.txt", "", "no commands"),
        ("x.txt", "campaign 1\n", "no ---- after"),
        ("quorum/testdata/x.txt", "vote\n----\n", "no nodes"),
        ("missing/x.txt", None, "No such file"),
    ],
)
def test_what_cannot_be_played(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str | None,
    reason: str,
) -> None:
    script = tmp_path / name
    if text is not None:
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text, encoding="utf-8")
    assert main(["play", str(script)]) == 1
    assert reason in capsys.readouterr().err
    assert not script.with_name("x.txt.html").exists()


def test_a_page_is_not_written_over_its_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "x.txt"
    script.write_text(SCRIPT, encoding="utf-8")
    assert main(["play", str(script), "-o", str(script)]) == 1
    assert "the script itself" in capsys.readouterr().err
    assert script.read_text(encoding="utf-8") == SCRIPT


def test_without_the_repository_it_says_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "x.txt"
    script.write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(play, "PLAYER", tmp_path / "none")
    assert main(["play", str(script)]) == 1
    assert "needs the whole repository" in capsys.readouterr().err
