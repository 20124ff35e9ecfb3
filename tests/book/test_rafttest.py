"""What the chapter *The script language* says, asked of the port.

The notes of `book/pages/rafttest.md` cite these tests.
"""

from __future__ import annotations

import re
from pathlib import Path

from book.weave import scripting
from port.rafttest.datadriven import parse, render
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.interaction_env_handler import COMMANDS
from tests.golden.recordings import names

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


def test_the_numbers_of_recordings() -> None:
    golden = names("golden")
    assert len(golden) == 96
    extended = [name for name in golden if "extended" in name]
    assert len(extended) == 48
    assert len(names("corners")) == 5
    assert len(names("traces")) == 28
