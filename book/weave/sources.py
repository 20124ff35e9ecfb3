"""What a note may rest on, and that it exists.

Four kinds of evidence, told apart by how they are written:

    tests/port/test_raft.py::test_name   a test of ours
    etcd#2461, raft#11, cockroach#18601  an issue or pull request upstream
    thesis 3.6.2                         a section of Ongaro's thesis
    paper 5.4.2                          a section of the Raft paper

Tests are looked up in our own files. The others are looked up in
`book/sources.toml`, where somebody has written down, once, what each says.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from book.weave.problems import Refused

_TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>[\w:]+)(?:\[.*\])?")
_THREAD = re.compile(r"(?P<repo>etcd|raft|cockroach)#(?P<number>\d+)")
_SECTION = re.compile(r"(?P<work>thesis|paper) §?(?P<number>\d+(?:\.\d+)*)")

_REPOSITORIES = {
    "etcd": "https://github.com/etcd-io/etcd",
    "raft": "https://github.com/etcd-io/raft",
    "cockroach": "https://github.com/cockroachdb/cockroach",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that a note rests on.

    Attributes:
        label: What the page prints.
        title: What it says, in one line.
        url: Where to read it; empty for our own tests.
    """

    label: str
    title: str
    url: str = ""


class Sources:
    """Everything that can be cited."""

    def __init__(self, root: Path) -> None:
        self.root = root
        file = root / "book" / "sources.toml"
        self._known = tomllib.loads(file.read_text(encoding="utf-8"))

    def threads(self) -> dict[str, dict[str, str]]:
        """Returns every issue and pull request, as written down."""
        return dict(self._known["threads"])

    def resolve(self, written: str) -> Evidence:
        """Returns what `written` names.

        Raises:
            Refused: it names nothing that is known here.
        """
        if test := _TEST.fullmatch(written):
            return self._test(test["file"], test["name"])
        if thread := _THREAD.fullmatch(written):
            return self._thread(written, thread["repo"], thread["number"])
        if section := _SECTION.fullmatch(written):
            return self._section(section["work"], section["number"])
        raise Refused(
            f"evidence {written!r} is of no kind known here",
            "cite a test, etcd#NUMBER, raft#NUMBER, thesis N or paper N",
        )

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

    def _thread(self, written: str, repo: str, number: str) -> Evidence:
        known = self._known["threads"].get(written)
        if known is None:
            raise Refused(
                f"{written} is not in book/sources.toml",
                "read it, and write there what it says",
            )
        url = f"{_REPOSITORIES[repo]}/{known['kind']}/{number}"
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
