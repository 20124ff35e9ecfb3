"""Proves that the labs work: `python -m labs.runner.proving`.

For each exercise: the stub is red with the message that was meant for it, the
reference is green, and each mutant is red. What is said of a mutant must not
be that the check stumbled over it. The table of exercises and mutants is
written at the end.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from labs.runner.catalogue import all_exercises
from labs.runner.exercise import ROOT, Exercise
from labs.runner.running import Job, Outcome, run_all
from labs.runner.telling import told

STUB, REFERENCE = "stub", "reference"


class Proof(NamedTuple):
    """What came of a file of ours.

    Attributes:
        exercise: Which one.
        name: `stub`, `reference` or the mutant's name.
        outcome: What came of it.
        problem: What is wrong with that; empty if it is as it should be.
    """

    exercise: Exercise
    name: str
    outcome: Outcome
    problem: str


def variants(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of each file to be tried."""
    reference = exercise.reference_path.read_text("utf-8")
    yield STUB, exercise.stub_path.read_text("utf-8")
    yield REFERENCE, reference
    for one in exercise.mutants:
        yield one.name, one.of(reference)


def prove(exercises: Iterable[Exercise]) -> Iterator[Proof]:
    """Tries all files of some exercises."""
    with tempfile.TemporaryDirectory(prefix="labs-") as folder:
        jobs, names = [], []
        for exercise in exercises:
            for name, text in variants(exercise):
                file = Path(folder, exercise.id, name, exercise.file)
                file.parent.mkdir(parents=True)
                file.write_text(text, "utf-8")
                if name != STUB:
                    put_beside(exercise, file.parent)
                jobs.append(Job(exercise, file))
                names.append(name)
        for name, outcome in zip(names, run_all(jobs), strict=True):
            yield Proof(
                outcome.exercise, name, outcome, problem(name, outcome)
            )


def put_beside(exercise: Exercise, folder: Path) -> None:
    """Puts what the learner would have made beside the file."""
    name, source = exercise.beside
    if name:
        shutil.copytree(ROOT / source, folder / name, dirs_exist_ok=True)


def problem(name: str, outcome: Outcome) -> str:
    """Says what is wrong with an outcome; nothing if it is as it should."""
    said = told(outcome)
    if name == REFERENCE:
        return "" if outcome.green else f"the reference is red:\n{said}"
    if outcome.green:
        return f"{name} is green"
    flat = " ".join(said.split())
    if name == STUB and outcome.exercise.stub_says not in flat:
        return f"it does not say {outcome.exercise.stub_says!r}:\n{said}"
    if "could not go on" in flat:
        return f"the check stumbles over {name}:\n{said}"
    return ""


def parse(argv: list[str]) -> Namespace:
    """Reads the command line; a wrong one ends the program in a line."""
    parser = ArgumentParser(
        prog="python -m labs.runner.proving",
        description="Proves that each exercise's checks find every named"
        " mistake.",
    )
    parser.add_argument("--slow", action="store_true",
        help="exercises that take long, too")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true",
        help="show what each learner would be told")  # fmt: skip
    parser.add_argument("wanted", nargs="*", metavar="LAB[.EXERCISE]",
        help="which, 1 or 1.3 say; none given: all")  # fmt: skip
    args = parser.parse_args(argv)
    for wanted in args.wanted:
        if not any(_is(e, wanted) for e in all_exercises()):
            parser.error(f"there is no exercise {wanted}")
    return args


def main(argv: list[str]) -> int:
    """Proves all, and writes the table."""
    args = parse(argv)
    chosen = [
        e for e in all_exercises()
        if (args.slow or not e.slow)
        and (not args.wanted or any(_is(e, w) for w in args.wanted))
    ]  # fmt: skip
    wrong = 0
    killed: dict[str, list[str]] = {e.id: [] for e in chosen}
    begin = time.monotonic()
    for proof in prove(chosen):
        if proof.problem:
            wrong += 1
            print(f"{proof.exercise.id} {proof.name}: {proof.problem}\n")
        elif proof.name not in (STUB, REFERENCE):
            killed[proof.exercise.id].append(proof.name)
        if args.verbose:
            print(f"--- {proof.name}\n{told(proof.outcome)}\n")
    for e in chosen:
        print(f"{e.id:<4} {e.title:<44} {len(killed[e.id]):>2} of"
              f" {len(e.mutants):>2} mutants killed")  # fmt: skip
    total = sum(map(len, killed.values()))
    print(f"{len(chosen)} exercises, {total} mutants killed, {wrong} problems,"
          f" {time.monotonic() - begin:.1f} s")  # fmt: skip
    return 1 if wrong else 0


def _is(exercise: Exercise, wanted: str) -> bool:
    return exercise.id == wanted or exercise.id.startswith(f"{wanted}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
