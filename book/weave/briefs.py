"""Labs as chapters: `::: brief lab1_store` becomes the lab's own `BRIEF.md`.

There is one text. In the repository its links lead to the pages' sources,
`../../book/pages/commit.md`; here they lead to the pages. A comment such as
`<!-- seen: red 1.3 -->` becomes what the runner really prints: it is run when
the book is built, and kept in `.cache` until the labs or the store change.
`<!-- picture: labs/... -->` becomes that drawing, in the page.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.extensions import Extension  # type: ignore[import-untyped]
from markdown.preprocessors import Preprocessor  # type: ignore[import-untyped]

from labs.runner.seen import seen

ROOT: Final = Path(__file__).parents[2]
_BRIEF: Final = re.compile(r"^::: brief (lab\d_\w+)$")
_SEEN: Final = re.compile(r"^<!-- seen: (.+) -->$")
_PICTURE: Final = re.compile(r"^<!-- picture: (labs/[\w/]+\.svg) -->$")
_KEPT: Final = ROOT / ".cache/labs/seen.json"


class BriefExtension(Extension):  # type: ignore[misc]
    """Briefs in pages."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Registers the preprocessor; Python-Markdown calls this.

        Behind the weave's first look at the page (35), before it takes its
        blocks out (28).
        """
        md.preprocessors.register(_Include(md), "brief", 34)


def makeExtension(**options: object) -> BriefExtension:
    """Returns the extension; Python-Markdown calls this."""
    return BriefExtension(**options)


class _Include(Preprocessor):  # type: ignore[misc]
    def run(self, lines: list[str]) -> list[str]:
        return [kept for line in lines for kept in _included(line)]


def _included(line: str) -> Iterator[str]:
    found = _BRIEF.match(line)
    if found is None:
        yield line
        return
    text = (ROOT / "labs" / found[1] / "BRIEF.md").read_text("utf-8")
    for one in text.replace("](../../book/pages/", "](").splitlines():
        if drawn := _PICTURE.match(one):
            svg = (ROOT / drawn[1]).read_text("utf-8").strip()
            yield f'<figure class="wv-figure">{svg}</figure>'
        elif (shown := _SEEN.match(one)) is None:
            yield one
        else:
            command, printed = _recorded(shown[1])
            yield from ("```console", f"$ {command}", printed, "```")


def _recorded(what: str) -> tuple[str, str]:
    """Returns what the runner prints, as of this state of the files."""
    key = f"{_state()} {what}"
    try:
        kept = json.loads(_KEPT.read_text("utf-8"))
    except (OSError, ValueError):
        kept = {}
    if key not in kept:
        # What belongs to an older state is not kept.
        kept = {k: v for k, v in kept.items() if k.startswith(_state())}
        kept[key] = seen(what)
        _KEPT.parent.mkdir(parents=True, exist_ok=True)
        # Another build may be reading.
        new = _KEPT.with_name(f"seen-{os.getpid()}.json")
        new.write_text(json.dumps(kept), "utf-8")
        os.replace(new, _KEPT)
    command, printed = kept[key]
    return command, printed


@cache
def _state() -> str:
    """Returns a hash of all that what is printed may depend on."""
    hashed = hashlib.sha256()
    for room in ("labs", "kv", "port"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if "work" not in path.relative_to(ROOT).parts[1:2]:
                hashed.update(path.read_bytes())
    return hashed.hexdigest()
