"""`python -m labs`: the commands, and what they say."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from labs.runner import grading, owners
from labs.runner.catalogue import (
    NoSuch,
    all_exercises,
    all_labs,
    find,
    find_lab,
)
from labs.runner.exercise import LABS, Exercise, Lab
from labs.runner.running import Outcome, run
from labs.runner.telling import readings, told, wrapped
from labs.runner.workspace import Workspace

RED: Final = 1
USAGE: Final = 2

INTRODUCTION: Final = """\
The labs: a replicated store on the Ready loop, built by you

  An exercise is a file with holes. `start` puts it into labs/work/,
  which is yours alone; you fill the holes; `check` says the first thing
  that is not right yet, in words. Red is where everyone starts. When it
  is green, you put the part into your store: what you skip stays ours,
  so the store runs from the first minute.
"""

USES: Final = """\
  check [N.M]   what is not right yet     hint     one hint, then the next
  watch         check at each save        solution ours, once yours is green
  start N[.M]   get the files             reset    begin again; keeps a copy
  grade         a report (HTML and JSON)  status   all exercises
"""


def hours(minutes: int) -> str:
    """Returns a time as people say it."""
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"


def next_exercise(work: Workspace) -> Exercise | None:
    """Returns the first exercise that is not green.

    In the lab that is being worked on, if there is one left; else in those
    behind it, and then in those that were left out.
    """
    passed = work.passed()
    left = [e for e in all_exercises() if e.id not in passed]
    here = work.current()
    if here is not None:
        # Stable: within each of the three, the order stays.
        left.sort(key=lambda e: (e.lab != here, e.lab < here))
    return left[0] if left else None


def first_screen(work: Workspace) -> str:
    """Returns how labs work, where one is, and what comes next."""
    passed = work.passed()
    coming = next_exercise(work)
    lines = [INTRODUCTION, owners.line(work.folder), ""]
    for lab in all_labs():
        here = coming is not None and coming.lab == lab.number
        lines += _lab_lines(lab, passed, here)
    lines += ["", *_next_step(work, coming), "", USES]
    return "\n".join(lines)


def _lab_lines(lab: Lab, passed: set[str], open_: bool) -> Iterator[str]:
    done = sum(e.id in passed for e in lab.exercises)
    count = f"{done} of {len(lab.exercises)} done"
    title = f"Lab {lab.number}  {lab.title}"
    yield f"{title:<49} {count:>12}, {hours(lab.minutes):>10}"
    if not open_:
        return
    for e in lab.exercises:
        mark = "x" if e.id in passed else " "
        yield f"  [{mark}] {e.id}  {e.title:<48} {e.minutes:>6} min"


def _next_step(work: Workspace, coming: Exercise | None) -> list[str]:
    if coming is None:
        return ["Next: nothing is left. `python -m labs grade` sums it up."]
    package = find_lab(coming.id).package.replace(".", "/")
    if work.started(coming):
        return [
            f"Next: {coming.id}, {coming.title}. Read labs/"
            f"{package.partition('/')[2]}/BRIEF.md (it is a",
            f"  chapter of the book too), edit labs/work/{coming.file}, then",
            "",
            "  python -m labs check",
        ]
    lines = [f"Next: python -m labs start {coming.lab}"]
    if work.current() is None and coming.lab == 0:
        lines += [
            "  That one goes beside the book. To build at once: python -m labs"
            " start 1",
        ]
    return lines


def status(work: Workspace) -> str:
    """Returns all exercises of all labs."""
    passed = work.passed()
    lines = [owners.line(work.folder)]
    for lab in all_labs():
        lines += ["", *_lab_lines(lab, passed, True)]
    return "\n".join(lines)


def start(work: Workspace, text: str) -> int:
    """Copies the stubs of a lab or of one exercise."""
    chosen = find(text)
    lab = find_lab(text)
    work.note_current(lab.number)
    for exercise, new in work.start(chosen):
        name = f"labs/work/{exercise.file}"
        if new:
            print(f"  {name:<28} for {exercise.id}, {exercise.title}")
        elif before := goes_on_from(exercise):
            print(f"  {name:<28} is yours of {before.id}: go on in it")
        else:
            print(f"  {name:<28} is there already and stays as it is")
            print(f"{'':31}(`reset {exercise.id}` begins it again)")
    first = chosen[0]
    brief = lab.brief.relative_to(LABS.parent)
    print(f"\nThe brief: {brief}\nRead first:")
    print("\n".join(readings(first.reading)))
    print("(`make book` shows these, and the brief, as pages.)")
    print(
        f"\nNow edit labs/work/{first.file} ({first.id}, about"
        f" {first.minutes} minutes), then\n\n  python -m labs check"
    )
    return 0


def goes_on_from(exercise: Exercise) -> Exercise | None:
    """Returns the exercise that began the file, if it was an earlier one."""
    same = [e for e in all_exercises() if e.file == exercise.file]
    return same[0] if same[0] != exercise else None


def check(work: Workspace, text: str | None) -> int:
    """Checks one exercise, or those of a lab up to the first red one."""
    if text is None:
        coming = next_exercise(work)
        if coming is None:
            print("All exercises are green.")
            return 0
        chosen = [coming]
    else:
        chosen = find(text)
    for exercise in chosen:
        outcome = check_one(work, exercise)
        print(told(outcome))
        if not outcome.green:
            if after := _after_red(work, outcome):
                print("\n" + "\n".join(after))
            return RED
        if exercise.plug and not plugged_in(work, exercise):
            print("\n".join(_plug(exercise)))
    if len(chosen) == 1:
        print(f"  Ours, and what there is to say of it: python -m labs"
              f" solution {chosen[0].id}")  # fmt: skip
    coming = next_exercise(work)
    print()
    if coming is None:
        print("That was the last exercise.")
    else:
        print(f"Next: {coming.id}, {coming.title}"
              f" ({coming.minutes} min)")  # fmt: skip
        if not work.started(coming):
            print(f"\n  python -m labs start {coming.lab}")
    return 0


def check_one(work: Workspace, exercise: Exercise) -> Outcome:
    """Checks the learner's file, and remembers if it is green."""
    outcome = run(exercise, work.path(exercise))
    if outcome.green:
        work.note_passed(exercise)
    return outcome


def _after_red(work: Workspace, outcome: Outcome) -> list[str]:
    exercise = outcome.exercise
    if outcome.kind == "missing":
        return []
    shown, there = work.hints(exercise), len(exercise.hints)
    if shown < there:
        return wrapped(
            f"Stuck? `python -m labs hint {exercise.id}` shows hint"
            f" {shown + 1} of {there}."
        )
    return wrapped(
        f"All {there} hints have been shown; `python -m labs solution"
        f" {exercise.id} --spoil` shows ours."
    )


def plugged_in(work: Workspace, exercise: Exercise) -> bool:
    """Tells whether the learner's store has this part already."""
    found = owners.owners(work.folder)
    field = exercise.plug.partition("=")[0]
    return not isinstance(found, str) and found.get(field) == "learner"


def _plug(exercise: Exercise) -> list[str]:
    name = exercise.plug.partition("=")[2]
    stem = exercise.file.removesuffix(".py")
    return [
        f"  Put it into your store, in labs/work/parts.py:"
        f" your {exercise.part}",
        f"      from labs.work.{stem} import {name}",
        f"      PARTS = Parts({exercise.plug})",
        "  (beside what is there), and `python -m labs` shows it.",
    ]


def watch(work: Workspace, text: str | None) -> int:
    """Checks at each save, until Ctrl-C."""
    seen: object = None
    try:
        while True:
            chosen = find(text)[0] if text else next_exercise(work)
            if chosen is None:
                print("All exercises are green.")
                return 0
            path = work.path(chosen)
            now = path.stat().st_mtime_ns if path.is_file() else 0
            if (chosen.id, now) != seen:
                seen = chosen.id, now
                if sys.stdout.isatty():
                    print("\x1b[2J\x1b[H", end="")
                print(told(check_one(work, chosen)))
                print(f"\n  Watching labs/work/{chosen.file}; Ctrl-C ends.",
                      flush=True)  # fmt: skip
            time.sleep(0.3)
    except KeyboardInterrupt:
        print()
        return 0


def hint(work: Workspace, text: str | None, everything: bool) -> int:
    """Shows the next hint, after those that have been shown."""
    exercise = find(text)[0] if text else next_exercise(work)
    if exercise is None:
        print("All exercises are green.")
        return 0
    there = len(exercise.hints)
    shown = there if everything else min(work.hints(exercise) + 1, there)
    work.note_hints(exercise, shown)
    print(f"{exercise.id}  {exercise.title}")
    for number, one in enumerate(exercise.hints[:shown], 1):
        print(f"\n  Hint {number} of {there}")
        print("\n".join(wrapped(one)))
    if shown < there:
        print("\n  The same command shows the next one.")
    return 0


def solution(work: Workspace, text: str | None, spoil: bool) -> int:
    """Shows the reference, to whoever has solved it or asks to be spoilt."""
    exercise = find(text)[0] if text else next_exercise(work)
    if exercise is None:
        print("Which one? Say N.M.")
        return USAGE
    if exercise.id not in work.passed() and not spoil:
        print("\n".join(wrapped(
            f"{exercise.id} is not green yet. What you find yourself stays;"
            f" `hint {exercise.id}` helps on. If you want it all the same:"
            f" `python -m labs solution {exercise.id} --spoil`.", ""
        )))  # fmt: skip
        return RED
    path = exercise.reference_path
    if not path.is_file():
        print("It is not here: whoever gave you this copy kept it.")
        return RED
    print(f"# {path.relative_to(LABS.parent)}\n")
    print(path.read_text("utf-8").rstrip())
    print(f"\n# On {exercise.id}, {exercise.title}\n")
    for paragraph in exercise.discussion.split("\n\n"):
        print("\n".join(wrapped(paragraph, "")) + "\n")
    return 0


def reset(work: Workspace, text: str, yes: bool) -> int:
    """Puts stubs back; what was there is kept."""
    chosen = {e.file: e for e in reversed(find(text))}
    there = [e for e in reversed(chosen.values()) if work.started(e)]
    if there and not yes:
        names = ", ".join(f"labs/work/{e.file}" for e in there)
        if not sys.stdin.isatty():
            print(f"This begins again {names}; add --yes.")
            return USAGE
        said = input(f"Begin again {names} (a copy is kept)? [y/N] ")
        if said.strip().lower() not in ("y", "yes"):
            print("Nothing has changed.")
            return RED
    for exercise in reversed(chosen.values()):
        kept = work.reset(exercise)
        print(f"  labs/work/{exercise.file} is the stub again")
        if kept is not None:
            print(f"  what was there: labs/work/backup/{kept.name}")
    return 0


def main(arguments: list[str]) -> int:
    """Runs a command; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    work = Workspace(args.work.resolve())
    commands: dict[str, Callable[[], int]] = {
        "start": lambda: start(work, args.which),
        "check": lambda: check(work, args.which),
        "watch": lambda: watch(work, args.which),
        "hint": lambda: hint(work, args.which, args.all),
        "solution": lambda: solution(work, args.which, args.spoil),
        "reset": lambda: reset(work, args.which, args.yes),
        "grade": lambda: grading.grade(work, args.out, args.which),
        "status": lambda: _say(status(work)),
    }
    try:
        with _quiet():
            if args.command is None:
                return _say(first_screen(work))
            return commands[args.command]()
    except NoSuch as no_such:
        print(no_such, file=sys.stderr)
        return USAGE
    except OSError as error:
        # A file where a folder is to be, no permission, a full disk.
        print(
            f"{error.filename or work.folder}: {error.strerror or error}",
            file=sys.stderr,
        )
        return USAGE


def _say(text: str) -> int:
    print(text)
    return 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Ends without a word if whoever reads has gone, or on Ctrl-C."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print()
        raise SystemExit(130) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m labs",
        description="The labs: exercises on Raft and on a store on it."
        " Without a command: where you are, and the next step.",
    )
    parser.add_argument(
        "--work", type=Path, default=LABS / "work", metavar="FOLDER",
        help="whose files to check (default: labs/work)",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, what: str, which: str = "?") -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=what, description=what)
        if which:
            nargs = None if which == "1" else which
            one.add_argument(
                "which", nargs=nargs, metavar="N[.M]",
                help="a lab or an exercise, 1 or 1.2",
            )  # fmt: skip
        return one

    add("start", "put the files of a lab into labs/work", "1")
    add("check", "say what is not right yet")
    add("watch", "check at each save")
    one = add("hint", "show the next hint")
    one.add_argument("--all", action="store_true", help="all of them")
    one = add("solution", "show ours, once yours is green")
    one.add_argument("--spoil", action="store_true", help="or before")
    one = add("reset", "begin again; keeps what was there", "1")
    one.add_argument("--yes", action="store_true", help="without asking")
    one = add("grade", "check everything and write a report")
    one.add_argument(
        "--out", type=Path, metavar="FOLDER",
        help="where the report goes (default: the work folder)",
    )  # fmt: skip
    add("status", "show all exercises", "")
    return parser
