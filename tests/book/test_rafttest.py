"""What the chapter *The script language* says, asked of the port.

The notes of `book/pages/rafttest.md` cite these tests.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from book.weave import scripting
from labs.bugs import NAMES, find
from labs.bugs.planting import Edit
from port.raftpb import Entry
from port.rafttest.__main__ import Failure, check_file
from port.rafttest.datadriven import parse, render
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.interaction_env_handler import COMMANDS
from tests.golden.recordings import names, recorded

PAGE = Path(__file__).parents[2] / "book" / "pages" / "rafttest.md"
THREE = "add-nodes 3 voters=(1,2,3) index=2\n----\n\n"


def blocks() -> list[str]:
    """Returns what stands in the page's fenced blocks."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```text\n(.*?)^```", text, re.S | re.M)


def run(script: str) -> tuple[InteractionEnv, list[str]]:
    """Runs a script, and returns the cluster and what was printed."""
    env = InteractionEnv()
    return env, [env.handle(d) for d in parse(script, "script")]


def lines(*commands: str) -> str:
    """Returns a script of these commands on three nodes."""
    return THREE + "".join(f"{command}\n----\n\n" for command in commands)


def test_the_ten_lines_print_what_the_page_says() -> None:
    script, answer = blocks()[:2]
    _, outputs = run(script)
    assert outputs[-1] == answer
    assert len(script.split("\n\n")) == len(outputs)
    assert render(script, "script", outputs).count("----") == len(outputs)


def test_the_table_has_every_command() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", PAGE.read_text("utf-8"), re.M)
    told = {
        word.split()[0]
        for row in rows
        for word in re.findall(r"`([^`]+)`", row)
    }
    assert set(COMMANDS) <= told


def test_the_picture_names_commands() -> None:
    for name in (*scripting.CALLS, *scripting.MOVES):
        assert name in COMMANDS
        first = name.rpartition("-")[0] if "thread" in name else name
        assert first in scripting.svg()


def test_what_moves_what() -> None:
    """Each arrow of the picture, without asynchronous storage and with it."""
    env, _ = run(lines("campaign 1"))
    assert not env.messages
    env.process_ready(0)
    assert [m.to for m in env.messages] == [2, 3]
    env, _ = run(
        THREE.replace("index=2", "index=2 async-storage-writes=true")
        + "campaign 1\n----\n\nprocess-ready 1\n----\n"
    )
    assert [m.to for m in env.messages] == [2, 3]
    assert env.nodes[0].append_work
    env.process_append_thread(0)
    assert not env.nodes[0].append_work
    assert [m.to for m in env.messages] == [2, 3, 1]


def test_a_ready_is_printed_before_it_is_handled() -> None:
    _, outputs = run(lines("campaign 1", "process-ready 1"))
    printed = outputs[-1]
    assert printed.index("Ready MustSync") < printed.index("received MsgVote")


def test_stabilize_leaves_nothing_to_do() -> None:
    env, _ = run(lines("campaign 1", "stabilize", "propose 1 x", "stabilize"))
    assert not env.messages
    for node in env.nodes:
        assert not node.raw_node.has_ready()
        assert not node.append_work
        assert not node.apply_work
        assert node.history[-1].data == b"x"


def test_two_leaders_at_once() -> None:
    """In two terms, and each in its own view."""
    _, outputs = run(lines(
        "campaign 1", "stabilize", "campaign 2", "stabilize 2 3",
        "raft-state",
    ))
    assert outputs[-1].count("StateLeader") == 2
    assert "1: StateLeader (Voter) Term:1" in outputs[-1]
    assert "2: StateLeader (Voter) Term:2" in outputs[-1]


def noticing(folder: Path) -> list[str]:
    """Returns which recordings of a folder the port does not reproduce."""
    failed = []
    for path in sorted(folder.glob("*.txt")):
        try:
            check_file(path)
        except Failure as failure:
            failed.append(str(failure).replace(f"{folder}/", ""))
    return failed


def unpacked(folder: str, to: Path) -> Path:
    """Writes the recordings of a folder of the archive to files."""
    for name in names(folder):
        (to / name).parent.mkdir(exist_ok=True)
        (to / name).write_text(recorded()[name], encoding="utf-8")
    return to / folder


def test_two_bytes_are_noticed(tmp_path: Path) -> None:
    golden = unpacked("golden", tmp_path)
    edit = Edit(
        Entry.size,
        "    if self.type is not None:\n        n += 2\n",
        "    n += 2\n",
    )
    with edit.made():
        failed = noticing(golden)
    page = PAGE.read_text(encoding="utf-8")
    told = next(b for b in blocks() if "the output differs" in b)
    assert failed[0].startswith(told)
    assert len(failed) == 7
    assert "Seven of the 96" in page


def test_what_recordings_miss(tmp_path: Path) -> None:
    """One row of the table; each of them takes a run of all recordings."""
    name = "commits_older_terms"
    counts = []
    for folder in ("golden", "corners"):
        path = unpacked(folder, tmp_path)
        with find(name).planted():
            counts.append(len(noticing(path)))
    page = PAGE.read_text(encoding="utf-8").replace("**", "")
    row = next(r for r in page.splitlines() if r.startswith(f"| `{name}`"))
    assert [int(c) for c in row.split("|")[3:5]] == counts


def test_the_table_has_every_bug() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in NAMES)


def test_postponed_reads_show_it() -> None:
    path = PAGE.parents[1] / "scenarios" / "postponed-reads.txt"
    assert check_file(path)
    with find("reads_before_commit").planted(), pytest.raises(Failure):
        check_file(path)


def test_who_knows_its_leader() -> None:
    """Who did not vote does; who voted does not, yet."""
    text = (PAGE.parents[1] / "scenarios" / "lost-request.txt").read_text()
    script, _ = blocks()[:2]
    first = [(d.cmd, str(d)) for d in parse(script, "page")]
    found = parse(text, "scene")
    assert [(d.cmd, str(d)) for d in found[:4]] == first
    assert len(found) == 10
    env, _ = run(text)
    states = [n.raw_node.raft for n in env.nodes]
    assert [(r.lead, r.vote) for r in states] == [(1, 1), (0, 1), (1, 0)]


def test_the_numbers_of_recordings() -> None:
    golden = names("golden")
    assert len(golden) == 96
    extended = [name for name in golden if "extended" in name]
    assert len(extended) == 48
    assert len(names("corners")) == 5
    assert len(names("traces")) == 28
