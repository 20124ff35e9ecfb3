"""What a note may rest on, and that it exists.

Six kinds of evidence, told apart by how they are written:

    tests/port/test_raft.py::test_name   a test of ours
    one-day#12                           a step of a scenario, of the whole
    etcd#2461, raft#11, cockroach#18601  an issue or pull request upstream
    thesis 3.6.2                         a section of Ongaro's thesis
    paper 5.4.2                          a section of the Raft paper
    hashicorp/raft.go:81-95              lines of another codebase, pinned

Tests and scenarios are looked up in our own files. The others are looked up in
`book/sources.toml`, where somebody has written down, once, what each says; of
another codebase, its tag and how many lines each file has there.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from book.weave import scenes
from book.weave.problems import Refused

_TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>[\w:]+)(?:\[.*\])?")
_STEP = re.compile(r"(?P<scenario>[a-z][a-z0-9-]*)#(?P<step>\d+)")
_SECTION = re.compile(r"(?P<work>thesis|paper) §?(?P<number>\d+(?:\.\d+)*)")
_LINES = re.compile(
    r"(?P<code>[a-z]+)/(?P<file>[\w/.-]+):(?P<spans>\d[\d,-]*)"
)
_SPAN = re.compile(r"(\d+)(?:-(\d+))?")

# The short name before the number of an issue or pull request.
REPOSITORIES = {
    "etcd": "https://github.com/etcd-io/etcd",
    "raft": "https://github.com/etcd-io/raft",
    "cockroach": "https://github.com/cockroachdb/cockroach",
    "hashicorp": "https://github.com/hashicorp/raft",
    "consul": "https://github.com/hashicorp/consul",
    "nomad": "https://github.com/hashicorp/nomad",
    "vault": "https://github.com/hashicorp/vault",
}
_THREAD = re.compile(
    rf"(?P<repo>{'|'.join(REPOSITORIES)})#(?P<number>\d+)"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that a note rests on.

    Attributes:
        label: What the page prints.
        title: What it says, in one line.
        url: Where to read it; empty for our own tests, and for steps.
        step: The scenario and its step, from 1, if it is one: where that is
            played, the whole book must be read to know.
    """

    label: str
    title: str
    url: str = ""
    step: tuple[str, int] | None = None


class Sources:
    """Everything that can be cited."""

    def __init__(self, root: Path) -> None:
        self.root = root
        file = root / "book" / "sources.toml"
        self._known = tomllib.loads(file.read_text(encoding="utf-8"))

    def threads(self) -> dict[str, dict[str, str]]:
        """Returns every issue and pull request, as written down."""
        return dict(self._known["threads"])

    def known(self) -> dict[str, Any]:
        """Returns all that is written down."""
        return self._known

    def resolve(self, written: str) -> Evidence:
        """Returns what `written` names.

        Raises:
            Refused: it names nothing that is known here.
        """
        if test := _TEST.fullmatch(written):
            return self._test(test["file"], test["name"])
        if thread := _THREAD.fullmatch(written):
            return self._thread(written, thread["repo"], thread["number"])
        if step := _STEP.fullmatch(written):
            return self._step(step["scenario"], int(step["step"]))
        if section := _SECTION.fullmatch(written):
            return self._section(section["work"], section["number"])
        if self.is_code(written):
            return self.lines(written)
        raise Refused(
            f"evidence {written!r} is of no kind known here",
            "cite a test, SCENARIO#STEP, etcd#NUMBER, thesis N or paper N",
        )

    def is_code(self, written: str) -> bool:
        """Tells whether `written` names lines of another codebase."""
        found = _LINES.fullmatch(written)
        if found is None:
            return False
        return found["code"] in self._known.get("code", {})

    def lines(self, written: str) -> Evidence:
        """Returns lines of another codebase, as `hashicorp/raft.go:81-95`.

        Raises:
            Refused: the file is not known here, or has no such lines.
        """
        found = _LINES.fullmatch(written)
        if found is None:
            raise Refused(
                f"{written!r} names no lines", "write hashicorp/raft.go:81-95"
            )
        code = self._known["code"][found["code"]]
        file = found["file"]
        if file not in code["files"]:
            raise Refused(
                f"{code['title']} has no file {file} that is known here",
                "add it to book/sources.toml with the number of its lines",
            )
        total, spans = code["files"][file], []
        for part in found["spans"].split(","):
            span = _SPAN.fullmatch(part)
            first, last = (
                (int(span[1]), int(span[2] or span[1])) if span else (0, 0)
            )
            if not 1 <= first <= last <= total:
                raise Refused(
                    f"{found['code']}/{file} has no lines {part}",
                    f"it has {total}",
                )
            spans.append((first, last))
        first, last = spans[0]
        end = f"-L{last}" if last > first else ""
        url = f"{code['url']}/{file}#L{first}{end}"
        return Evidence(written, f"{code['title']}, {file}", url)

    def _test(self, file: str, name: str) -> Evidence:
        path = self.root / file
        if not path.is_file():
            raise Refused(f"there is no {file}", "cite a test that there is")
        if name not in _tests(path):
            raise Refused(
                f"{file} has no test {name}", "cite a test that there is"
            )
        short = name.rpartition("::")[2]
        return Evidence(short, f"our test, in {file}")

    def _step(self, name: str, step: int) -> Evidence:
        commands = scenes.commands(self.root, name)
        if not 1 <= step <= len(commands):
            raise Refused(
                f"{name} has no step {step}",
                f"it has {len(commands)}, counted from 1",
            )
        said = f"{name}, step {step}"
        return Evidence(said, commands[step - 1], step=(name, step))

    def _thread(self, written: str, repo: str, number: str) -> Evidence:
        known = self._known["threads"].get(written)
        if known is None:
            raise Refused(
                f"{written} is not in book/sources.toml",
                "read it, and write there what it says",
            )
        url = f"{REPOSITORIES[repo]}/{known['kind']}/{number}"
        return Evidence(written, f"{known['says']} ({known['year']})", url)

    def _section(self, work: str, number: str) -> Evidence:
        known = self._known[work]
        title = known["sections"].get(number)
        if title is None:
            raise Refused(
                f"the {work} has no section {number}",
                "look it up, or add it to book/sources.toml",
            )
        return Evidence(f"{work} §{number}", title, known["url"])


@cache
def _tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}::")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + node.name)

    visit(tree.body, "")
    return frozenset(names)
