"""Says which parts of the learner's store are the learner's own.

    python -m labs.runner.owners FOLDER

A process of its own, since it runs what stands in `parts.py`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Final

from labs.runner.exercise import ROOT

SECONDS: Final = 5.0
# As the first screen says them, and as `kv.parts.Parts` does.
SHOWN: Final = {
    "state machine": "machine",
    "log": "open_log",
    "loop": "drive",
    "framing": "framing",
    "snapshots": "snapshots",
}


def owners(folder: Path) -> dict[str, str] | str:
    """Returns whose each part is, by field; or what is wrong, in words."""
    if not (folder / "parts.py").is_file():
        return dict.fromkeys(SHOWN.values(), "ours")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "labs.runner.owners", str(folder)],
            cwd=ROOT, capture_output=True, text=True, timeout=SECONDS,
            start_new_session=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "parts.py takes too long to load"
    try:
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = done.stderr.strip().splitlines() or ["it ended"]
        places = [
            f" ({path.name}, line {line})"
            for name, line in re.findall(
                r'File "([^"]*)", line (\d+)', done.stderr
            )
            if (path := Path(name)).parent == folder.resolve()
        ]
        where = places[-1] if places else ""
        return f"parts.py cannot be loaded: {said[-1]}{where}"
    return found


def line(folder: Path) -> str:
    """Returns `Your store: [x] state machine [ ] log ...`."""
    found = owners(folder)
    if isinstance(found, str):
        return "\n".join(textwrap.wrap(
            f"Your store: {found}", 78, subsequent_indent=" " * 12
        ))  # fmt: skip
    marks = [
        f"[{' ' if found.get(field, 'ours') == 'ours' else 'x'}] {name}"
        for name, field in SHOWN.items()
    ]
    return f"Your store: {' '.join(marks)}"


def main(folder: str) -> None:
    """Loads the parts and says whose they are."""
    from kv.parts import Parts

    work = ModuleType("labs.work")
    work.__path__ = [folder]
    sys.modules["labs.work"] = work
    path = os.path.join(folder, "parts.py")
    spec = importlib.util.spec_from_file_location("labs.work.parts", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules["labs.work.parts"] = module
    spec.loader.exec_module(module)
    parts = getattr(module, "PARTS", None)
    if not isinstance(parts, Parts):
        raise SystemExit("it defines no PARTS = Parts(...)")
    whose = {
        name: "learner" if owner.startswith("labs.work.") else "ours"
        for name, owner in parts.owners().items()
    }
    print("\n" + json.dumps(whose))


if __name__ == "__main__":
    main(sys.argv[1])
