"""What a cluster's logs say of a killed leader and what came after.

`kv cluster --data FOLDER` leaves `1.log`, `2.log`, ... of the nodes, and
`commands.log` with what was typed. All lines begin with the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from labs.runner.checking import Trial

RUN = (
    "python -m kv cluster --data labs/work/cluster --parts"
    " labs.work.parts:PARTS"
)
_LINE = re.compile(r"^(\d+-\d+-\d+ \d+:\d+:\d+,\d+) (.*)$")
_LEVEL = re.compile(r"^\d+ [\w.]+ [A-Z]+ (.*)$")


class Line(NamedTuple):
    """A line of a log.

    Attributes:
        at: When, in milliseconds.
        node: Of which node; 0 for what was typed.
        text: The rest.
    """

    at: int
    node: int
    text: str


def read(t: Trial, name: str = "cluster") -> list[Line]:
    """Returns all lines of a cluster's logs, in the order of time."""
    folder = t.folder / name
    t.called = f"the logs in labs/work/{name}"
    lines: list[Line] = []
    for path in sorted(folder.glob("*.log")):
        node = int(path.stem) if path.stem.isdigit() else 0
        lines += _lines(path, node)
    if not any(line.node == 0 for line in lines):
        t.wrong(
            f"run the cluster first, with its data in that folder: `{RUN}`."
            " What is typed there is written down in commands.log",
            f"there is no labs/work/{name}/commands.log", "the logs of a run",
        )  # fmt: skip
    return sorted(lines)


def _lines(path: Path, node: int) -> Iterator[Line]:
    for text in path.read_text("utf-8", "replace").splitlines():
        if found := _LINE.match(text):
            at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f")
            level = _LEVEL.match(found[2])
            rest = level[1] if level and node else found[2]
            yield Line(round(at.timestamp() * 1000), node, rest)


class Election(NamedTuple):
    """What the logs say of the last time that a leader was killed."""

    killed_at: int
    leader_before: int
    term_before: int
    leader_after: int
    term_after: int
    milliseconds: int
    asked_first: int
    voters: list[int]


def election(t: Trial, lines: list[Line]) -> Election:
    """Finds the last `kill` of a leader, and the election behind it."""
    kills = [
        (line.at, int(found[1]))
        for line in lines
        if line.node == 0
        and (found := re.search(r"^kill .*: node (\d+) is dead", line.text))
    ]
    if not kills:
        t.wrong("type `kill leader` in the cluster, and wait a moment",
                "nobody was killed", "a leader that was killed")  # fmt: skip
    for at, victim in reversed(kills):
        before = [x for x in _leaders(lines) if x[0] <= at]
        after = [x for x in _leaders(lines) if x[0] > at]
        if before and after and before[-1][1] == victim:
            break
    else:
        t.wrong(
            "type `kill leader`, and wait until the table shows another one",
            "no leader was killed, or nobody has led since",
            "a leader that was killed, and its successor",
        )  # fmt: skip
    when, leader, term = after[0]
    later = [line for line in lines if line.at > at]
    asked = [x.node for x in later if "is starting a new elec" in x.text]
    vote = re.compile(rf"cast MsgVote for {leader} .* at term {term}$")
    voters = {x.node for x in later if vote.search(x.text)}
    return Election(
        at, victim, before[-1][2], leader, term, when - at, asked[0],
        sorted(voters | {leader}),
    )  # fmt: skip


def _leaders(lines: list[Line]) -> list[tuple[int, int, int]]:
    """Returns when who became leader, and in which term."""
    return [
        (line.at, line.node, int(found[1]))
        for line in lines
        if (found := re.search(r"became leader at term (\d+)", line.text))
    ]


class Return(NamedTuple):
    """What the logs say of a node that came back."""

    node: int
    term: int
    commit: int
    last: int
    leader: int
    leader_term: int
    asked: bool
    by: str


def comeback(t: Trial, lines: list[Line]) -> Return:
    """Finds how the killed leader came back."""
    dead = election(t, lines)
    node = dead.leader_before
    later = [x for x in lines if x.at > dead.killed_at and x.node == node]
    # What happens after one more start is another story.
    begins = [i for i, x in enumerate(later) if "newRaft" in x.text]
    later = later[: begins[1]] if len(begins) > 1 else later
    starts = [
        start for x in later
        if (start := re.search(
            r"newRaft .*term: (\d+), commit: (\d+),.*lastindex: (\d+)", x.text
        ))
    ]  # fmt: skip
    leads = [
        new for x in later
        if (new := re.search(r"elected leader (\d+) at term (\d+)", x.text))
    ]  # fmt: skip
    if not starts or not leads:
        t.wrong(f"type `restart {node}`, and wait until it follows",
                f"node {node} was killed, and did not come back",
                "its start, and that it found a leader")  # fmt: skip
    follows = next(
        i for i, x in enumerate(later) if "elected leader" in x.text
    )
    asked = any(
        "is starting a new election" in x.text for x in later[:follows]
    )
    by = any("took over a snapshot" in x.text for x in later)
    return Return(
        node, int(starts[0][1]), int(starts[0][2]), int(starts[0][3]),
        int(leads[0][1]), int(leads[0][2]), asked,
        "snapshot" if by else "log",
    )  # fmt: skip
