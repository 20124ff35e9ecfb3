"""The process in which a learner's file is loaded and checked.

    python -m labs.runner.child FD

It reads jobs from its standard input, a JSON line each, and writes what came
of each to the descriptor `FD`, a line likewise. One job is done in the
process itself; of several, each gets a process forked for it, which spares
the others the imports (that is for `labs.runner.proving`).

The time limit is kept here first, by a signal: its handler tells where the
learner's code stands, and ends the process. If that does not come about,
whoever started the process ends it with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import time
import tomllib
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any, Final

from labs.runner.checking import Check, Trial, Wrong

MEMORY: Final = 4 << 30  # bytes
PRINTED: Final = 1500  # characters of what the learner's code prints
GRACE: Final = 2.0  # seconds to react to the signal

Found = dict[str, Any]


class _Tail(io.TextIOBase):
    """Keeps the end of what is printed."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = (self.text + text)[-PRINTED:]
        return len(text)


def perform(job: Found, give: Callable[[Found], None]) -> None:
    """Loads a file and runs the checks on it, up to the first that fails.

    Args:
        job: `checks`, a module's name; `file`, a path; `seconds`.
        give: Is called once with what came of it. `kind` is `green`, or how
            it failed: `wrong`, `todo`, `raised`, `syntax`, `loop`, `hang`,
            `exit`; and there is what can be said of it.
    """
    path = Path(job["file"])
    printed = _Tail()
    trial: Trial | None = None
    current: Check | None = None
    passed = 0
    found: Found

    def finish(found: Found) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if trial is not None and "called" not in found:
            found["called"] = trial.called
        if trial is not None and "why" not in found:
            found["why"] = trial.why
        if current is not None:
            found["title"] = current.title
            found["page"] = current.reading.page
            found["reading"] = current.reading.title
        give({**found, "passed": passed, "printed": printed.text})

    def up(number: int, frame: FrameType | None) -> None:
        used = time.process_time() - begin
        # Little is enough: others may have had the machine meanwhile.
        kind = "loop" if used > 0.03 * job["seconds"] else "hang"
        # Nothing is unwound: the learner's code might not let us.
        finish({"kind": kind, **_where(frame, path, kind)})
        os._exit(0)

    signal.signal(signal.SIGALRM, up)
    begin = time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(
        printed
    ):
        try:
            checks: list[Check] = import_module(job["checks"]).CHECKS
            begin = time.process_time()
            signal.setitimer(signal.ITIMER_REAL, job["seconds"])
            trial = Trial(_load(path), path)
            for current in checks:
                trial.called = trial.why = ""
                current.run(trial)
                passed += 1
            found = {"kind": "green"}
        except Wrong as wrong:
            found = {
                "kind": "wrong", "called": wrong.called, "came": wrong.came,
                "expected": wrong.expected, "why": wrong.why,
            }  # fmt: skip
        except (SystemExit, KeyboardInterrupt) as left:
            found = {"kind": "exit", "text": repr(left)}
        except BaseException as error:
            found = _error(error, path)
    finish(found)


def _load(path: Path) -> object:
    """Loads the file: a module, or the keys and values of a sheet."""
    if path.suffix == ".toml":
        return tomllib.loads(path.read_text(encoding="utf-8"))
    work = ModuleType("labs.work")
    work.__path__ = [str(path.parent)]
    sys.modules["labs.work"] = work
    name = f"labs.work.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _error(error: BaseException, path: Path) -> Found:
    """Says what was raised, and where in the learner's file."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return {"kind": "syntax", "text": str(error), "line": 0, "source": ""}
    if isinstance(error, UnicodeDecodeError) and not _line(
        error.__traceback__, path
    )["line"] and _unreadable(path):
        return {
            "kind": "syntax", "text": "it is no text in UTF-8", "line": 0,
            "source": "",
        }  # fmt: skip
    if isinstance(error, SyntaxError) and error.filename in (str(path), None):
        return {
            "kind": "syntax", "text": error.msg, "line": error.lineno or 0,
            "source": (error.text or "").strip(),
        }  # fmt: skip
    kind = "todo" if isinstance(error, NotImplementedError) else "raised"
    if isinstance(error, NotImplementedError) and not str(error):
        kind = "raised"
    text = f"{type(error).__name__}: {error}" if str(error) else (
        type(error).__name__
    )
    return {
        "kind": kind, "error": type(error).__name__,
        "text": str(error) if kind == "todo" else text,
        **_line(error.__traceback__, path),
    }  # fmt: skip


def _unreadable(path: Path) -> bool:
    """Tells whether the learner's file is no text."""
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _line(trace: TracebackType | None, path: Path) -> Found:
    """Returns the innermost line of the learner's file in a traceback."""
    for frame in reversed(traceback.extract_tb(trace)):
        if frame.filename == str(path):
            return {
                "line": frame.lineno or 0, "source": frame.line or "",
                "function": frame.name,
            }  # fmt: skip
    return {"line": 0, "source": "", "function": ""}


def _where(frame: FrameType | None, path: Path, kind: str) -> Found:
    """Returns the line of the learner's file in which the code stood."""
    stacks = [traceback.extract_stack(frame)]
    # What waits on an event loop stands in no frame that runs.
    with contextlib.suppress(RuntimeError):
        waiting = [_awaited(task) for task in asyncio.all_tasks()]
        stacks = waiting + stacks if kind == "hang" else stacks + waiting
    for stack in stacks:
        for entry in reversed(stack):
            if entry.filename == str(path):
                return {
                    "line": entry.lineno or 0, "source": entry.line or "",
                    "function": entry.name,
                }  # fmt: skip
    return {"line": 0, "source": "", "function": ""}


def _awaited(task: asyncio.Task[Any]) -> traceback.StackSummary:
    """Returns where a task waits, down to the innermost coroutine."""
    frames: list[tuple[FrameType, int]] = []
    waits: Any = task.get_coro()
    while waits is not None:
        frame = getattr(waits, "cr_frame", None)
        if frame is None:
            break
        frames.append((frame, frame.f_lineno))
        waits = getattr(waits, "cr_await", None)
    return traceback.StackSummary.extract(iter(frames))


def _write(fd: int, found: Found) -> None:
    data = json.dumps(found).encode() + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def forked(job: Found) -> Found:
    """Does a job in a process of its own, forked from this one."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(ours)
        with contextlib.suppress(BaseException):
            perform(job, lambda found: _write(theirs, found))
        os._exit(0)
    os.close(theirs)
    end = time.monotonic() + job["seconds"] + GRACE
    text = b""
    with os.fdopen(ours, "rb", buffering=0) as from_it:
        os.set_blocking(ours, False)
        while time.monotonic() < end:
            more = from_it.read(1 << 16)
            if more:
                text += more
            elif more is not None:
                break
            else:
                time.sleep(0.002)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        found: Found = json.loads(text)
    except ValueError:
        found = {"kind": "died", "passed": 0, "printed": ""}
    return found


def main() -> None:
    """Does the jobs."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    jobs = [json.loads(line) for line in sys.stdin]
    out = int(sys.argv[1])
    os.set_inheritable(out, False)
    if len(jobs) == 1:
        perform(jobs[0], lambda found: _write(out, found))
    else:
        for job in jobs:
            import_module(job["checks"])  # Once, for all that are forked.
        for job in jobs:
            _write(out, forked(job))
    # Whatever threads or tasks the learner's code has begun end here.
    os._exit(0)


if __name__ == "__main__":
    main()
