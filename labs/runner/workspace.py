"""`labs/work`: the learner's files, what has been passed, and backups.

Git ignores the folder. A file of the learner's is never written over: `start`
leaves what is there, and `reset` moves it into `backup/` first. The only
exception is a file that is still the stub as it came: nothing is lost.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from labs.runner.exercise import LABS, Exercise

PARTS: Final = '''\
"""Your store: what it is made of.

What is not given is ours, so the store runs from the first minute:

    python -m kv cluster --parts labs.work.parts:PARTS

Each exercise that makes a part says what to write here.
"""

from kv.parts import Parts

PARTS = Parts()
'''
_STATE: Final = ".progress.json"


class Copied(NamedTuple):
    """What became of a file that `start` was to put there.

    Attributes:
        exercise: Whose file it is.
        new: Whether it was put there; if not, it was there.
    """

    exercise: Exercise
    new: bool


class Workspace:
    """A folder of a learner's files.

    Attributes:
        folder: Where it is.
    """

    def __init__(self, folder: Path = LABS / "work") -> None:
        """Takes a folder, which need not be there yet."""
        self.folder = folder

    def path(self, exercise: Exercise) -> Path:
        """Returns the learner's file of an exercise."""
        return self.folder / exercise.file

    def _state(self) -> dict[str, dict[str, object]]:
        try:
            found = json.loads((self.folder / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            found = {}
        state = found if isinstance(found, dict) else {}
        return {
            key: value if isinstance(value := state.get(key), dict) else {}
            for key in ("passed", "hints", "current")
        }

    def _note(self, key: str, id: str, value: object) -> None:
        state = self._state()
        state[key][id] = value
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f"{_STATE}.new"
        temporary.write_text(json.dumps(state, indent=1), "utf-8")
        os.replace(temporary, self.folder / _STATE)

    def passed(self) -> set[str]:
        """Returns the ids of the exercises that have been green."""
        return set(self._state()["passed"])

    def note_passed(self, exercise: Exercise) -> None:
        """Remembers that an exercise is green."""
        if exercise.id not in self.passed():
            now = time.strftime("%Y-%m-%d %H:%M")
            self._note("passed", exercise.id, now)
        self.note_current(exercise.lab)

    def current(self) -> int | None:
        """Returns the lab that was begun or worked on last."""
        lab = self._state()["current"].get("lab")
        return lab if isinstance(lab, int) else None

    def note_current(self, lab: int) -> None:
        """Remembers which lab is being worked on."""
        if lab != self.current():
            self._note("current", "lab", lab)

    def hints(self, exercise: Exercise) -> int:
        """Returns how many hints of an exercise have been shown."""
        count = self._state()["hints"].get(exercise.id, 0)
        return count if isinstance(count, int) else 0

    def note_hints(self, exercise: Exercise, count: int) -> None:
        """Remembers how many hints have been shown."""
        self._note("hints", exercise.id, count)

    def started(self, exercise: Exercise) -> bool:
        """Tells whether the learner has the file."""
        return self.path(exercise).is_file()

    def untouched(self, exercise: Exercise, stubs: set[bytes]) -> bool:
        """Tells whether the file is still one of the stubs, as it came."""
        path = self.path(exercise)
        return path.is_file() and path.read_bytes() in stubs

    def start(self, exercises: list[Exercise]) -> list[Copied]:
        """Puts stubs where there is no file yet; and `parts.py`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = self.folder / "parts.py"
        if not parts.exists():
            parts.write_text(PARTS, "utf-8")
        done: dict[str, Copied] = {}
        for e in exercises:
            if e.file in done:
                continue  # An earlier exercise begins this file.
            stubs = {
                x.stub_path.read_bytes() for x in exercises
                if x.file == e.file
            }  # fmt: skip
            new = not self.started(e) or self.untouched(e, stubs)
            if new:
                self.path(e).write_bytes(e.stub_path.read_bytes())
            done[e.file] = Copied(e, new)
        return list(done.values())

    def reset(self, exercise: Exercise) -> Path | None:
        """Puts the stub back; returns where the old file is kept."""
        path, kept = self.path(exercise), None
        if path.is_file():
            kept = self._backup(path)
            os.replace(path, kept)
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(exercise.stub_path.read_bytes())
        return kept

    def _backup(self, path: Path) -> Path:
        """Returns a name in `backup/` that nothing has."""
        folder = self.folder / "backup"
        folder.mkdir(exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        number = 0
        while True:
            more = f"-{number}" if number else ""
            kept = folder / f"{path.stem}-{stamp}{more}{path.suffix}"
            if not kept.exists():
                return kept
            number += 1
