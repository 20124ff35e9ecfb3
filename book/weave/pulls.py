"""Facts about upstream's history: which pull requests shaped which function.

`book/upstream/pulls.toml` names, for every function, method and type of the
ported Go files, the pull requests whose commits touched its lines, oldest
first. Numbers only; what a pull request says is for `book/sources.toml`, in
our words, once somebody has read it.

    python -m book.weave.pulls RAFT ETCD -o book/upstream/pulls.toml

RAFT and ETCD are clones of etcd-io/raft and etcd-io/etcd with all of their
history. The library lived in etcd until 2022, and its history was carried
over without the merges; so an old commit is looked up in etcd by author, date
and subject, and the merge that brought it in tells the number. A change that
touched a great part of the library at a time, such as a new spelling of a
type, shaped nothing and is left out.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from book.weave import facts

PULLS = Path(__file__).parents[1] / "upstream" / "pulls.toml"
# Whoever touches more functions than this at a time shapes none of them.
MOST = 40
# These only spelt things anew: numbers as unsigned, the logger, the name of a
# field, and messages as the standard generator of protobuf wants them.
SPELLINGS = frozenset({
    "etcd#1261", "etcd#1293", "etcd#2898", "etcd#3254", "raft#114",
    "raft#221", "raft#412", "raft#416", "raft#421", "raft#423", "raft#424",
    "raft#425", "raft#429", "raft#431", "raft#432", "raft#433", "raft#435",
})  # fmt: skip

_MERGE = re.compile(r"Merge pull request #(\d+) from")
_SQUASH = re.compile(r"\(#(\d+)\)$")


@cache
def load() -> dict[str, dict[str, tuple[str, ...]]]:
    """Returns the pull requests by Go file and by name in it.

    A method's name is `raft.becomeFollower`, a function's `newRaft`; a pull
    request reads `etcd#2461` or `raft#17`.
    """
    text = PULLS.read_text(encoding="utf-8") if PULLS.is_file() else ""
    return {
        file: {name: tuple(said) for name, said in names.items()}
        for file, names in tomllib.loads(text).items()
    }


def key(item: facts.Item) -> str:
    """Returns the name under which an item's pull requests are kept."""
    return f"{item.owner}.{item.name}" if item.owner else item.name


def shaped(file: str, first: int, last: int) -> tuple[str, ...]:
    """Returns the pull requests of the item that holds these lines."""
    known = load().get(file, {})
    for item in facts.load()[file].items:
        if item.kind in ("func", "method", "type") and (
            item.first <= first and last <= item.last
        ):
            return known.get(key(item), ())
    return ()


class History:
    """The commits of a clone, and the pull request that brought each in.

    Args:
        clone: Its folder, bare or not.
        name: What its pull requests are called: `etcd` or `raft`.
        tip: Where its history ends.
    """

    def __init__(self, clone: Path, name: str, tip: str) -> None:
        self.clone = clone
        parents: dict[str, list[str]] = {}
        subjects: dict[str, str] = {}
        self.marks: dict[tuple[str, str, str], str] = {}
        self.pull: dict[str, str] = {}
        told = self.git("log", "--format=%H%x00%P%x00%ae%x00%at%x00%s", tip)
        for line in told.splitlines():
            commit, above, author, date, subject = line.split("\0")
            parents[commit] = above.split()
            subjects[commit] = subject
            self.marks[author, date, subject] = commit
        trunk = [next(iter(parents))]
        while before := parents[trunk[-1]]:
            trunk.append(before[0])
        seen: set[str] = set()
        for commit in reversed(trunk):
            merge = _MERGE.match(subjects[commit])
            found = merge or _SQUASH.search(subjects[commit])
            waiting = parents[commit][1:]
            fresh = [commit]
            seen.add(commit)
            while waiting:
                at = waiting.pop()
                if at not in seen:
                    seen.add(at)
                    fresh.append(at)
                    waiting += parents[at]
            if found:
                number = f"{name}#{found[1]}"
                self.pull.update(dict.fromkeys(fresh, number))

    def git(self, *words: str) -> str:
        """Returns what git says in this clone."""
        done = subprocess.run(
            ["git", "-C", self.clone, *words],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        return done.stdout

    def touching(self, file: str, first: int, last: int) -> Iterator[str]:
        """Yields the commits that touched these lines, oldest first."""
        told = self.git(
            "log", "-s", "--format=%H%x00%ae%x00%at%x00%s",
            f"-L{first},{last}:{file}", facts.TAG,
        )  # fmt: skip
        yield from reversed(told.splitlines())


def collect(raft: Path, etcd: Path) -> dict[str, dict[str, list[str]]]:
    """Returns the pull requests of each item of each Go file."""
    new = History(raft, "raft", facts.TAG)
    old = History(etcd, "etcd", "HEAD")
    found: dict[str, dict[str, list[str]]] = {}
    for file, known in facts.load().items():
        for item in known.items:
            if item.kind not in ("func", "method", "type"):
                continue
            pulls: dict[str, None] = {}
            for line in new.touching(file, item.first, item.last):
                commit, author, date, subject = line.split("\0")
                before = old.marks.get((author, date, subject))
                number = old.pull.get(before) if before else None
                if number := number or new.pull.get(commit):
                    pulls[number] = None
            if pulls:
                found.setdefault(file, {})[key(item)] = list(pulls)
    spread = Counter(
        number
        for names in found.values()
        for pulls in names.values()
        for number in pulls
    )
    kept: dict[str, dict[str, list[str]]] = {}
    for file, names in found.items():
        for name, pulls_of in names.items():
            shaping = [
                n
                for n in pulls_of
                if spread[n] <= MOST and n not in SPELLINGS
            ]
            if shaping:
                kept.setdefault(file, {})[name] = shaping
    return kept


def write(found: dict[str, dict[str, list[str]]]) -> str:
    """Returns the text of the file."""
    out = [
        "# Which pull requests touched the lines of which function, oldest",
        "# first; made by `python -m book.weave.pulls`. Facts only.",
    ]
    for file, names in found.items():
        out += ["", f'["{file}"]']
        for name, pulls in names.items():
            line = f'"{name}" = ['
            rows = []
            for number in pulls:
                piece = f'"{number}", '
                if len(line) + len(piece) > 79:
                    rows.append(line.rstrip())
                    line = "  "
                line += piece
            rows.append(line.removesuffix(", ") + "]")
            out += rows
    return "\n".join(out) + "\n"


def main() -> int:
    """Writes the file anew from two clones."""
    parser = argparse.ArgumentParser(prog="python -m book.weave.pulls")
    parser.add_argument("raft", type=Path, metavar="RAFT")
    parser.add_argument("etcd", type=Path, metavar="ETCD")
    parser.add_argument("-o", dest="out", type=Path, default=PULLS)
    args = parser.parse_args()
    args.out.write_text(write(collect(args.raft, args.etcd)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
