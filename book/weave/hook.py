"""What a finished site still wants: a word on coverage, the Go to hand.

mkdocs calls this. Nothing of the book depends on it: another generator loses
the report and the copy, and no check.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import BuildError

from book.weave import facts, gate
from book.weave.pages import Book

log = logging.getLogger("mkdocs.book.weave")


def on_pre_build(config: MkDocsConfig) -> None:
    """Says how long it takes, since nothing more is said for a while."""
    log.info("All scenarios are run, so this takes a minute or two")


def on_post_build(config: MkDocsConfig) -> None:
    """Reports what the notes cover, and copies the Go if it is at hand."""
    files = list(gate.coverage(Book()))
    whole = sum(file.covered == file.total for file in files)
    log.info(
        "Notes cover every line of %d files, and a part of %d more"
        " (python -m book.weave lists them)", whole, len(files) - whole,
    )  # fmt: skip
    if upstream := str(config.extra.get("upstream") or ""):
        copied = copy_go(Path(upstream), Path(config.site_dir) / "go")
        log.info("Copied %d files of Go into the site", copied)


def copy_go(checkout: Path, target: Path) -> int:
    """Writes the Go files as scripts, which a page may load as a file.

    Args:
        checkout: Upstream's repository at the pinned tag.
        target: The folder in the site, made if need be.

    Returns:
        How many were written.

    Raises:
        BuildError: it is no such checkout.
    """
    for name, known in facts.load().items():
        file = checkout / name
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if len(text.splitlines()) != known.lines:
            raise BuildError(
                f"RAFT_UPSTREAM={checkout} is not etcd-io/raft at "
                f"{facts.TAG}: {name} should have {known.lines} lines"
            )
        script = target / f"{name}.js"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(
            f"goSource({json.dumps(name)}, {json.dumps(text)});\n",
            encoding="utf-8",
        )
    return len(facts.load())
