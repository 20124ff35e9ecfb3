"""Starts the process in which a learner's file is checked, and ends it.

The process is the head of a session and a group of its own, and whatever it
starts is in there too. When it has answered, or when its time is up, the
whole group is killed: nothing is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from labs.runner.exercise import ROOT, Exercise

GRACE: Final = 4.0  # seconds beyond an exercise's own limit

MARK: Final = "LABS_RUN"  # a variable that all of a run inherit

Found = dict[str, Any]


class Job(NamedTuple):
    """A file to be checked, and by which exercise."""

    exercise: Exercise
    file: Path

    def json(self) -> bytes:
        """Returns what the process is told, as a line."""
        told = {
            "checks": self.exercise.checks,
            "file": str(self.file.resolve()),
            "seconds": self.exercise.seconds,
        }
        return json.dumps(told).encode() + b"\n"


class Outcome(NamedTuple):
    """What came of a check.

    Attributes:
        exercise: Which one.
        file: What was checked.
        kind: `green`; or `wrong`, `todo`, `raised`, `syntax`, `loop`,
            `hang`, `exit`, `died`, `missing`.
        found: What there is to say of it.
    """

    exercise: Exercise
    file: Path
    kind: str
    found: Found

    @property
    def green(self) -> bool:
        """Whether all checks passed."""
        return self.kind == "green"


def run(exercise: Exercise, file: Path) -> Outcome:
    """Checks one file."""
    if not file.is_file():
        return Outcome(exercise, file, "missing", {})
    return next(run_all([Job(exercise, file)]))


def run_all(jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Checks many files; the imports are paid for once."""
    jobs = list(jobs)
    limit = sum(job.exercise.seconds for job in jobs) + GRACE * len(jobs)
    mark = uuid.uuid4().hex
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "labs.runner.child", str(theirs)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd=ROOT, pass_fds=(theirs,),
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", MARK: mark},
    )  # fmt: skip
    os.close(theirs)
    try:
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(b"".join(job.json() for job in jobs))
                process.stdin.close()
        lines = _lines(ours, time.monotonic() + limit)
        for job in jobs:
            line = next(lines, b"")
            found = json.loads(line) if line else {}
            kind = str(found.get("kind", "died"))
            if not line:
                found["code"] = _code(process)
            yield Outcome(job.exercise, job.file, kind, found)
    finally:
        os.close(ours)
        _end(process, mark)


def _code(process: subprocess.Popen[bytes]) -> int | None:
    """Returns how the process ended; `None` if it had to be ended."""
    try:
        return process.wait(0.5)
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kills the whole group, and waits for its head.

    Who has left the group is found by the mark in its environment, where the
    system shows it (as Linux does).
    """
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wanted = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)


def _lines(fd: int, end: float) -> Iterator[bytes]:
    """Yields whole lines as they come, until it is too late."""
    rest = b""
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([fd], [], [], left)
        more = os.read(fd, 1 << 16) if ready else b""
        if not more:
            return
        *lines, rest = (rest + more).split(b"\n")
        yield from lines
