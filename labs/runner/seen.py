"""What a learner sees, for real: the book shows it, recorded at each build.

    red 1.3           `check 1.3`, on the stub
    red 1.3 NAME      `check 1.3`, with the mistake of that name
    green 1           `check 1`, on the references of lab 1
    first 1           the first screen, with lab 1 done and in the store
    grep WORDS        what grep finds in the logs of the recorded cluster
"""

from __future__ import annotations

import io
import re
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from labs.runner import commands
from labs.runner.catalogue import all_labs, find
from labs.runner.exercise import LABS
from labs.runner.proving import put_beside
from labs.runner.workspace import Workspace


class NotSeen(Exception):
    """That cannot be shown; the text says why."""


def seen(what: str) -> tuple[str, str]:
    """Returns a command and what it prints.

    Raises:
        NotSeen: nobody knows what is meant.
    """
    kind, _, rest = what.partition(" ")
    which, _, name = rest.partition(" ")
    if kind == "grep":
        return _grep(rest)
    with tempfile.TemporaryDirectory(prefix="labs-") as folder:
        work = Workspace(Path(folder))
        if kind == "red":
            return _red(work, which, name)
        if kind == "green":
            _put_references(work, which)
            return _run(work, "check", which)
        if kind == "first":
            for lab in all_labs():
                if lab.number and lab.number <= int(which):
                    _put_references(work, str(lab.number))
            for e in find(which):
                work.note_passed(e)
            return _run(work)
    raise NotSeen(f"{what!r}: write red, green or first, and a number")


def _grep(words: str) -> tuple[str, str]:
    found = sorted(
        line
        for path in (LABS / "lab2_nodes/recorded").glob("*.log")
        for line in path.read_text("utf-8").splitlines()
        if re.search(words, line)
    )
    command = f"grep -hE '{words}' labs/work/cluster/*.log | sort"
    return command, "\n".join(found)


def _red(work: Workspace, which: str, name: str) -> tuple[str, str]:
    exercise = find(which)[0]
    text = exercise.stub_path.read_text("utf-8")
    if name:
        reference = exercise.reference_path.read_text("utf-8")
        chosen = [m for m in exercise.mutants if m.name == name]
        if not chosen:
            raise NotSeen(f"{which} has no mutant {name}")
        text = chosen[0].of(reference)
    work.path(exercise).write_text(text, "utf-8")
    if name:
        put_beside(exercise, work.folder)
    return _run(work, "check", which)


def _put_references(work: Workspace, which: str) -> None:
    """Puts ours in the learner's place, and into the store."""
    imports, given = {}, {}
    for e in find(which):
        work.path(e).write_bytes(e.reference_path.read_bytes())
        put_beside(e, work.folder)
        if e.plug:
            name = e.plug.partition("=")[2]
            imports[e.file] = (
                f"from labs.work.{e.file.removesuffix('.py')} import {name}"
            )
            given[e.part] = e.plug
    (work.folder / "parts.py").write_text(
        "from kv.parts import Parts\n" + "\n".join(imports.values())
        + f"\nPARTS = Parts({', '.join(given.values())})\n",
        "utf-8",
    )  # fmt: skip


def _run(work: Workspace, *arguments: str) -> tuple[str, str]:
    printed = io.StringIO()
    with redirect_stdout(printed):
        commands.main(["--work", str(work.folder), *arguments])
    command = " ".join(["python -m labs", *arguments])
    return command, printed.getvalue().rstrip()
