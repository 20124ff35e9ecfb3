"""The runner: what it says, what it keeps, what it leaves behind."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labs.runner import commands, owners
from labs.runner.catalogue import all_exercises, find
from labs.runner.exercise import ROOT, Exercise, Unfit, mutant
from labs.runner.running import run
from labs.runner.telling import told
from labs.runner.workspace import Workspace

ONE = find("1.1")[0]
QUICK = dataclasses.replace(ONE, seconds=0.5)


def said(folder: Path, code: str, exercise: Exercise = QUICK) -> str:
    """What is said of a file with this code, on one line."""
    file = folder / exercise.file
    file.write_text(code)
    return " ".join(told(run(exercise, file)).split())


def labs(work: Path, *arguments: str) -> int:
    return commands.main(["--work", str(work), *arguments])


# What can go wrong is told as what it is.


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def f(:\n", "no Python yet, so nothing was checked: invalid"),
        ("while True:\n    pass\n", "endless loop, it seems: after 0.5"),
        ("import nonsense_\n", "ModuleNotFoundError: No module named"),
        ("import sys\nsys.exit(3)\n", "ended the whole program (SystemExit"),
        ("import os\nos._exit(3)\n", "ended with exit code 3"),
        ("import os\nos.kill(os.getpid(), 9)\n", "was killed by SIGKILL"),
        ("x = 1\n", "labs/work/apply.py defines no `Store`"),
        ("raise NotImplementedError('Later.')\n", "Still to be written: La"),
        ("1 / 0\n", "line 1: `1 / 0`"),
        (
            "import time\ntime.sleep(60)\n",
            "waits for something that never comes: after 0.5 seconds without"
            " work it was stopped at labs/work/apply.py, line 2",
        ),
        (
            "import asyncio\n\nasync def f():\n"
            "    await asyncio.Event().wait()\n\nasyncio.run(f())\n",
            "apply.py, line 4, in f: `await asyncio.Event().wait()`",
        ),
    ],
)
def test_each_way_to_fail_has_its_paragraph(
    tmp_path: Path, code: str, words: str
) -> None:
    # Only what does not end by itself may be short of time.
    endless = any(w in code for w in ("while", "sleep", "await"))
    text = said(tmp_path, code, QUICK if endless else ONE)
    assert words in text, text
    assert "Traceback" not in text


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    sheet = find("0.1")[0]
    for exercise in (sheet, ONE):
        for data in (b"\xff\xfe", b"a = 1 # \0"):
            (tmp_path / exercise.file).write_bytes(data)
            outcome = run(exercise, tmp_path / exercise.file)
            assert outcome.kind == "syntax", told(outcome)


def test_a_call_that_the_code_does_not_take(tmp_path: Path) -> None:
    code = "class Store:\n    def __init__(self, more):\n        pass\n"
    text = said(tmp_path, code, ONE)
    assert "called your code in a way that it does not take" in text


def test_a_long_line_that_was_printed_is_whole(tmp_path: Path) -> None:
    text = said(tmp_path, "print('word ' * 40 + 'end')\n1 / 0\n", ONE)
    assert text.count("word") == 40
    assert "word end" in text


def test_what_was_printed_is_shown(tmp_path: Path) -> None:
    text = said(tmp_path, "print('here', 7)\n1 / 0\n", ONE)
    assert "printed: here 7" in text


def test_an_endless_print_fills_nothing(tmp_path: Path) -> None:
    text = said(tmp_path, "while True:\n    print('more')\n")
    assert "endless loop" in text
    assert len(text) < 2000


def test_all_fits_80_columns(tmp_path: Path) -> None:
    long = "x = " + " + ".join(["1"] * 200) + " + y\n"
    file = tmp_path / ONE.file
    file.write_text(long)
    work = Workspace(tmp_path)
    texts = [told(run(ONE, file)), commands.first_screen(work)]
    texts += [commands.status(work)]
    assert max(map(len, "\n".join(texts).splitlines())) <= 80


def alive(mark: str) -> bool:
    """Tells whether a process with a word on its command line is there."""
    done = subprocess.run(
        ["ps", "-ax", "-o", "command"], capture_output=True, text=True
    )
    return any(mark in line for line in done.stdout.splitlines())


@pytest.mark.parametrize("leave", ["False", "True"])
def test_no_process_is_left_behind(tmp_path: Path, leave: str) -> None:
    if leave == "True" and sys.platform != "linux":
        pytest.skip("who leaves the session is only found on Linux")
    mark = f"left_{os.getpid()}_{leave}"
    code = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time;"
        f" time.sleep(60)', '{mark}'], start_new_session={leave})\n"
        "while True:\n    pass\n"
    )
    assert "endless" in said(tmp_path, code)
    for _ in range(50):
        if not alive(mark):
            break
        time.sleep(0.02)
    assert not alive(mark)


def test_a_mutant_that_does_not_fit_fails_loudly() -> None:
    with pytest.raises(Unfit, match="2 times"):
        mutant("m", "m", "a", "b").of("a a")
    with pytest.raises(Unfit, match="0 times"):
        mutant("m", "m", "x", "b").of("a a")


# The learner's way through it.


def test_from_the_first_screen_to_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labs(tmp_path) == 0
    screen = capsys.readouterr().out
    assert "Red is where everyone starts" in screen
    assert "Your store: [ ] state machine [ ] log" in screen
    assert "python -m labs start" in screen
    assert labs(tmp_path, "start", "1") == 0
    assert "labs/work/apply.py" in capsys.readouterr().out
    assert (tmp_path / "parts.py").is_file()
    assert labs(tmp_path, "check") == 1
    out = capsys.readouterr().out
    assert "Still to be written" in out
    assert "python -m labs hint 1.1" in out
    assert labs(tmp_path, "solution", "1.1") == 1
    assert "--spoil" in capsys.readouterr().out
    (tmp_path / ONE.file).write_text(ONE.reference_path.read_text())
    assert labs(tmp_path, "check") == 0
    out = capsys.readouterr().out
    assert "green" in out
    assert "python -m labs solution 1.1" in out
    assert "Next: 1.2" in out
    assert labs(tmp_path, "solution", "1.1") == 0
    assert "class Store" in capsys.readouterr().out
    assert labs(tmp_path) == 0
    assert "[x] 1.1" in capsys.readouterr().out


def test_hints_come_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, len(ONE.hints) + 2):
        assert labs(tmp_path, "hint", "1.1") == 0
        out = capsys.readouterr().out
        shown = min(number, len(ONE.hints))
        assert out.count("Hint ") == shown
    assert labs(tmp_path, "check", "1.1") == 1  # No file: nothing to hint at.


def test_nothing_of_the_learners_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labs(tmp_path, "start", "1")
    file = tmp_path / ONE.file
    file.write_text("# mine\n")
    (tmp_path / "parts.py").write_text("# mine too\n")
    labs(tmp_path, "start", "1")
    assert "is there already and stays" in capsys.readouterr().out
    assert file.read_text() == "# mine\n"
    assert (tmp_path / "parts.py").read_text() == "# mine too\n"
    assert labs(tmp_path, "reset", "1.1") == 2  # Nobody there to be asked.
    assert file.read_text() == "# mine\n"
    for count in (1, 2):
        assert labs(tmp_path, "reset", "1.1", "--yes") == 0
        assert file.read_text() == ONE.stub_path.read_text()
        assert len(list((tmp_path / "backup").iterdir())) == count
    kept = [p.read_text() for p in (tmp_path / "backup").iterdir()]
    assert "# mine\n" in kept


def test_the_store_shows_whose_its_parts_are(tmp_path: Path) -> None:
    assert "[ ] loop" in owners.line(tmp_path)
    (tmp_path / "loop.py").write_text("async def drive(n, r): ...\n")
    parts = tmp_path / "parts.py"
    parts.write_text(
        "from kv.parts import Parts\nfrom labs.work.loop import drive\n"
        "PARTS = Parts(drive=drive)\n"
    )
    assert owners.line(tmp_path) == (
        "Your store: [ ] state machine [ ] log [x] loop [ ] framing"
        " [ ] snapshots"
    )
    parts.write_text("PARTS = 1\n")
    assert "defines no PARTS" in owners.line(tmp_path)
    parts.write_text("import nonsense_\n")
    assert "No module named" in owners.line(tmp_path)


def test_a_report_for_a_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labs(tmp_path, "start", "1")
    (tmp_path / ONE.file).write_text(ONE.reference_path.read_text())
    labs(tmp_path, "hint", "1.1")
    out = tmp_path / "out"
    assert labs(tmp_path, "grade", "1", "--out", str(out)) == 1
    report = json.loads((out / "report.json").read_text())
    first = report["exercises"][0]
    assert (first["exercise"], first["green"], first["hints"]) == (
        "1.1", True, 1,
    )  # fmt: skip
    assert report["green"] == 1
    page = (out / "report.html").read_text()
    assert "<b class=\"green\">green</b>" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "1.1" in capsys.readouterr().out


def test_the_next_one_is_in_the_lab_that_was_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = Workspace(tmp_path)
    labs(tmp_path, "start", "1")
    assert commands.next_exercise(work) == ONE
    labs(tmp_path, "start", "2")
    assert commands.next_exercise(work) == find("2.1")[0]
    for e in find("2"):
        work.note_passed(e)
    # 3.4 goes on from a file of lab 1, which is there already.
    assert commands.next_exercise(work) == find("3.1")[0]
    labs(tmp_path, "check")
    assert "`python -m labs start 3.1`" in capsys.readouterr().out


def test_a_report_shows_what_a_person_is_to_read(tmp_path: Path) -> None:
    (sheet,) = find("2.4")
    (tmp_path / sheet.file).write_text(sheet.reference_path.read_text())
    assert labs(tmp_path, "grade", "2.4") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert "majority" in report["exercises"][0]["explanation"]
    assert "majority" in (tmp_path / "report.html").read_text()


def test_what_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labs(tmp_path, "check", "9.9") == 2
    assert "There is no exercise 9.9" in capsys.readouterr().err


def test_a_folder_that_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "work" / ONE.file).mkdir(parents=True)
    for work, *words in (
        ("file", "start", "1"), ("file/work", "start", "1"),
        ("file", "hint", "1.1"), ("work", "start", "1.1"),
        ("work", "reset", "1.1", "--yes"),
        ("work", "grade", "1.1", "--out", str(tmp_path / "file")),
    ):  # fmt: skip
        assert labs(tmp_path / work, *words) == commands.USAGE
        said = capsys.readouterr().err
        assert said.startswith(str(tmp_path))
        assert said.count("\n") == 1


def test_parts_that_cannot_be_loaded_say_where(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text("from kv.parts import Parts\n1 / 0\n")
    said = " ".join(owners.line(tmp_path).split())
    assert said.endswith("division by zero (parts.py, line 2)")
    (tmp_path / "parts.py").write_text("PARTS = (\n")
    assert owners.line(tmp_path).endswith("(parts.py, line 1)")


def test_another_python_is_told_what_to_type() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-m", "labs", "check", "1.2"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert ".venv/bin/python -m labs check 1.2" in done.stderr


def test_watch_checks_at_each_save(tmp_path: Path) -> None:
    labs(tmp_path, "start", "1")
    file = tmp_path / ONE.file
    process = subprocess.Popen(
        [sys.executable, "-m", "labs", "--work", tmp_path, "watch", "1.1"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "red" in process.stdout.readline()
        file.write_text(ONE.reference_path.read_text())
        for line in process.stdout:
            if "green" in line:
                break
        else:
            pytest.fail("it never turned green")
    finally:
        process.terminate()
        process.wait()


def test_every_exercise_has_a_number_of_its_own() -> None:
    ids = [e.id for e in all_exercises()]
    assert ids == sorted(set(ids), key=lambda i: [*map(int, i.split("."))])


def test_the_split_vote_is_what_the_port_does() -> None:
    """The answers are read from the recording, so it has to be true."""
    done = subprocess.run(
        [
            sys.executable, "-m", "port.rafttest", "check",
            "labs/lab2_nodes/ex4_split/run.txt",
        ],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
