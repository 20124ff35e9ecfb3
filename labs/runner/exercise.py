"""What an exercise is: the form in which each lab declares its own.

    labs/lab1_store/__init__.py             LAB = Lab(1, "...", EXERCISES)
    labs/lab1_store/BRIEF.md                the text, also a chapter
    labs/lab1_store/ex1_apply/__init__.py   EXERCISE = Exercise(...)
                              stub.py       what the learner gets
                              reference.py  what passes (or a file of kv/)
                              checks.py     what is checked, and in what words

The learner's file may be Python or TOML (an answer sheet). A mutant is the
reference with one mistake: text that stands in it once, and what takes its
place. So a mutant that no longer fits the reference fails loudly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LABS: Final = ROOT / "labs"
PAGES: Final = ROOT / "book/pages"


class Unfit(Exception):
    """A mutant's text does not stand in its reference just once."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A place in the book.

    Attributes:
        page: The page's file and, behind a `#`, the place on it.
        title: What it is called there.
    """

    page: str
    title: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake that people make.

    Attributes:
        name: The mistake as one word with underscores.
        mistake: The same as a sentence.
        edits: Pairs of old text, which stands in the reference once, and new.
    """

    name: str
    mistake: str
    edits: tuple[tuple[str, str], ...]

    def of(self, reference: str) -> str:
        """Returns the reference with this mistake.

        Raises:
            Unfit: the old text does not stand there just once.
        """
        for old, new in self.edits:
            if (times := reference.count(old)) != 1:
                raise Unfit(f"{self.name}: {old!r} stands there {times} times")
            reference = reference.replace(old, new)
        return reference


def mutant(name: str, mistake: str, *texts: str) -> Mutant:
    """Makes a mutant of texts that take turns: old, new, old, new."""
    pairs = tuple(zip(texts[::2], texts[1::2], strict=True))
    return Mutant(name, mistake, pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One exercise.

    Attributes:
        id: As people type it, `1.2`.
        title: A few words.
        minutes: How long it takes somebody who has done the reading.
        package: The package that declares it, `__name__` there.
        file: The learner's file, in `labs/work`.
        defines: What the checks ask of that file, by name; for an answer
            sheet, its keys. Brief and stub name each of them.
        goal: What it is for, in one line.
        stub_says: Part of what is said when the stub is checked.
        hints: At least three, each telling more than the one before.
        discussion: What to see in the reference; paragraphs.
        reading: What to have read, in the book.
        mutants: At least four.
        part: Which part of the store it makes, as the first screen says it.
        plug: How `labs/work/parts.py` takes it, as `machine=Machine`.
        stub: Its file; below the exercise's folder, or from the root.
        reference: Likewise.
        beside: A folder of ours that stands for what the learner has made,
            by name in `labs/work` and from the root; none if empty.
        seconds: How long its checks may take before they are stopped.
        slow: Whether it is left to `make labs-full` to prove it.
    """

    id: str
    title: str
    minutes: int
    package: str
    file: str
    defines: tuple[str, ...]
    goal: str
    stub_says: str
    hints: tuple[str, ...]
    discussion: str
    reading: tuple[Reading, ...]
    mutants: tuple[Mutant, ...]
    part: str = ""
    plug: str = ""
    stub: str = "stub.py"
    reference: str = "reference.py"
    beside: tuple[str, str] = ("", "")
    seconds: float = 20.0
    slow: bool = False

    @property
    def lab(self) -> int:
        """The number of its lab."""
        return int(self.id.partition(".")[0])

    @property
    def folder(self) -> Path:
        """Where it is declared."""
        return ROOT / self.package.replace(".", "/")

    def _path(self, name: str) -> Path:
        return ROOT / name if "/" in name else self.folder / name

    @property
    def stub_path(self) -> Path:
        """What the learner gets."""
        return self._path(self.stub)

    @property
    def reference_path(self) -> Path:
        """What passes."""
        return self._path(self.reference)

    @property
    def checks(self) -> str:
        """The module with its checks."""
        return f"{self.package}.checks"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab: a brief and some exercises, in order.

    Attributes:
        number: From 0.
        title: A few words.
        page: Its chapter.
        exercises: In the order in which they are done.
        package: The package that declares it.
    """

    number: int
    title: str
    page: str
    package: str
    exercises: tuple[Exercise, ...] = field(default=())

    @property
    def brief(self) -> Path:
        """The text that leads through it."""
        return ROOT / self.package.replace(".", "/") / "BRIEF.md"

    @property
    def minutes(self) -> int:
        """How long all of it takes."""
        return sum(e.minutes for e in self.exercises)
