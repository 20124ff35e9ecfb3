"""What a script does to a cluster, step by step, as data to look at.

A step is one command. Before the first and after each, the state of every
node is read: role, clocks, log, what a leader knows of the others. With it
goes what was in flight, what was delivered or lost, what was printed, and
which lines of the port ran. `port.rafttest.play` makes a page of that; the
book does the same with its scenarios.

A cluster changes little from step to step, and runs the same lines again and
again. So the data keeps each different node, log, message and run of lines
once, in a table, and steps refer to them by place. A part of a recording is
cut out with the tables that it needs, and no more.

Reading is from outside: neither raft nor the environment knows of it. There
is no Go for this file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.raft import Raft, StateLeader, StateType
from port.rafttest.datadriven import Directive, end_with_newline
from port.rafttest.interaction_env import InteractionEnv, Node
from port.rafttest.interaction_env_handler_deliver_msgs import Recipient
from port.rafttest.interaction_env_handler_stabilize import split_msgs
from port.util import (
    describe_entry,
    describe_message,
    is_local_msg_target,
)

PORT = Path(__file__).parents[1]

# Of no interest to whoever follows the protocol: text, types, encoding.
_LEFT_OUT = frozenset((
    "errors.py", "logger.py", "types.py", "util.py", "raftpb", "rafttest",
))  # fmt: skip
_LETTERS = {
    StateType.StateFollower: "F",
    StateType.StatePreCandidate: "P",
    StateType.StateCandidate: "C",
    StateType.StateLeader: "L",
}
_ANSWERS = frozenset((pb.MsgVoteResp, pb.MsgPreVoteResp))

# Data as JSON has it. Keys are few and short words.
Data = dict[str, object]


class Function(NamedTuple):
    """A function of the port.

    Attributes:
        path: Its file, from the repository's root: `port/raft.py`.
        name: Its dotted name there: `Raft.become_follower`.
        first: The number of its first line.
    """

    path: str
    name: str
    first: int


Ran = dict[Function, set[int]]


class Home(NamedTuple):
    """Where a function is explained.

    Attributes:
        href: A link to there.
        lines: The lines that are shown there. The anchor of a line is that
            of the function, a dot, and the line's place in these, from 1.
    """

    href: str
    lines: Sequence[int]


Homes = Mapping[tuple[str, str], Home]


class Shot(NamedTuple):
    """The cluster at one moment, as data.

    Attributes:
        nodes: Each node, in the order of ids.
        logs: The log of each: a term and a text for each entry.
        flight: The messages that are under way.
    """

    nodes: tuple[Data, ...]
    logs: tuple[tuple[tuple[int, str], ...], ...]
    flight: tuple[tuple[object, ...], ...]


class Step(NamedTuple):
    """What one command did.

    Attributes:
        line: The line of the script that it stands on.
        cmd: The command, and its input on further lines.
        prose: The paragraphs of the comment before it.
        out: What it printed.
        taken: The messages delivered, and whether each was lost instead.
        ran: The lines of the port that ran, by function, in the order in
            which the functions were first called.
        after: The cluster after it.
    """

    line: int
    cmd: str
    prose: tuple[str, ...]
    out: str
    taken: tuple[tuple[tuple[object, ...], bool], ...]
    ran: Ran
    after: Shot


class Recording:
    """A script and all of its steps.

    Attributes:
        title: The first line of the script, if that is a comment.
        steps: The steps, up to the one that failed, that one included.
        failure: What the last step failed with, and its directive.
    """

    __slots__ = ("failure", "steps", "title")

    def __init__(self, title: str) -> None:
        self.title = title
        self.steps: list[Step] = []
        self.failure: tuple[Directive, RaftError | RaftPanic] | None = None

    def data(
        self,
        first: int = 0,
        last: int | None = None,
        homes: Homes | None = None,
    ) -> Data:
        """Returns the steps from `first` up to before `last`, as JSON data.

        Args:
            first: The place of a step, from 0.
            last: The place after the last one wanted; all if not given.
            homes: Where functions are explained, by path and name.

        Returns:
            `nodes`, `logs`, `msgs`, `runs` and `code` are tables. `before`
            is the moment before the first step. `steps` have `nodes`,
            `msgs` and `ran`, places in the tables, and `took`, pairs of a
            message's place and 1 if it was lost. Their words are not here:
            whoever plays the steps has them in the transcript. One of
            `runs` is a function's place and the lines of it that ran. A
            function in `code` is its path, its name, its lines as `[number,
            text, place]` and its link; place and link are empty if it has
            none.
        """
        steps = self.steps[first:last]
        nodes, logs, msgs, runs = Table(), Table(), Table(), Table()

        def shot(one: Shot) -> Data:
            kept = [
                nodes.place({**node, "log": logs.place(log)})
                for node, log in zip(one.nodes, one.logs, strict=True)
            ]
            return {"nodes": kept, "msgs": [msgs.place(m) for m in one.flight]}

        before = shot(self.steps[first - 1].after if first else _NOTHING)
        union: Ran = {}
        for step in steps:
            for function, lines in step.ran.items():
                union.setdefault(function, set()).update(lines)
        places = {function: n for n, function in enumerate(union)}
        return {
            "before": before,
            "steps": [
                {
                    "took": [
                        [msgs.place(m), int(lost)] for m, lost in step.taken
                    ],
                    "ran": [
                        runs.place([places[f], sorted(lines)])
                        for f, lines in step.ran.items()
                    ],
                    **shot(step.after),
                }
                for step in steps
            ],
            "nodes": nodes.rows,
            "logs": logs.rows,
            "msgs": msgs.rows,
            "runs": runs.rows,
            "code": [
                _code(f, lines, (homes or {}).get((f.path, f.name)))
                for f, lines in union.items()
            ],
        }


class Table:
    """Rows, each kept once.

    Attributes:
        rows: The rows, in the order in which they came first.
    """

    __slots__ = ("_places", "rows")

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._places: dict[str, int] = {}

    def place(self, row: object) -> int:
        """Returns the place of a row, which is put in if it is not there."""
        key = repr(row)
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append(row)
        return self._places[key]


def _code(f: Function, lines: set[int], home: Home | None) -> list[object]:
    text = (PORT.parent / f.path).read_text(encoding="utf-8").splitlines()
    places = {n: at for at, n in enumerate(home.lines, 1)} if home else {}
    rows = [[n, text[n - 1], places.get(n, 0)] for n in sorted(lines)]
    return [f.path, f.name, rows, home.href if home else ""]


def record(directives: Sequence[Directive]) -> Recording:
    """Runs the directives of a script and looks on.

    A script that fails is recorded up to where it does, and says so.
    """
    env = _Env()
    recording = Recording(_title(directives))
    for d in directives:
        tracer = Tracer()
        try:
            with tracer:
                out = env.handle(d)
        except (RaftError, RaftPanic) as err:
            recording.failure = (d, err)
            kind = "panic: " if isinstance(err, RaftPanic) else ""
            out = f"{env.output}{kind}{err}\n"
        given = f"\n{d.input}" if d.input else ""
        recording.steps.append(
            Step(
                line=d.line,
                cmd=f"{d}{given}",
                prose=_prose(d, recording.title),
                out=end_with_newline(out),
                taken=tuple(env.taken),
                ran=tracer.ran,
                after=shot(env),
            )
        )
        env.taken.clear()
        if recording.failure:
            break
    return recording


def _title(directives: Sequence[Directive]) -> str:
    if not directives or not directives[0].head:
        return ""
    line = directives[0].head[0].strip()
    return line.lstrip("#").strip() if line.startswith("#") else ""


def _prose(d: Directive, title: str) -> tuple[str, ...]:
    """Returns the paragraphs of the comment that leads up to a directive."""
    paragraphs: list[list[str]] = [[]]
    for line in d.head:
        line = line.strip()
        if line and not line.startswith("#"):
            break
        if text := line.lstrip("#").strip():
            paragraphs[-1].append(text)
        elif paragraphs[-1]:
            paragraphs.append([])
    if title and d.head[0].strip().lstrip("#").strip() == title:
        paragraphs[0] = paragraphs[0][1:]
    return tuple(" ".join(p) for p in paragraphs if p)


class _Env(InteractionEnv):
    """A cluster that remembers which messages it took out of flight.

    Attributes:
        taken: Those since it was last emptied, and whether each was lost.
    """

    __slots__ = ("taken",)

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[tuple[object, ...], bool]] = []

    def deliver_msgs(
        self, typ: pb.MessageType | None, *rs: Recipient
    ) -> int:
        """Delivers messages as ever, and writes down which."""
        left = self.messages
        for r in rs:
            gone, left = split_msgs(left, r.id, typ, r.drop)
            self.taken += [(message(m), r.drop) for m in gone]
        return InteractionEnv.deliver_msgs(self, typ, *rs)


class Tracer:
    """Notes which lines of the port run in a `with` block.

    Attributes:
        ran: The lines by function, in the order of the first calls.
    """

    __slots__ = ("_before", "ran")

    def __init__(self) -> None:
        self.ran: Ran = {}

    def __enter__(self) -> Tracer:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(
        self, frame: FrameType, event: str, arg: object
    ) -> _Local | None:
        function = _function(frame.f_code)
        if function is None:
            return None
        return _Local(self.ran.setdefault(function, set()))


class _Local:
    """Notes the lines of one call."""

    __slots__ = ("lines",)

    def __init__(self, lines: set[int]) -> None:
        self.lines = lines

    def __call__(
        self, frame: FrameType, event: str, arg: object
    ) -> _Local:
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self


_functions: dict[CodeType, Function | None] = {}


def _function(code: CodeType) -> Function | None:
    """Returns what a piece of code belongs to, if it is of interest.

    What is defined inside a function, a comprehension, say, belongs to it.
    """
    if code not in _functions:
        _functions[code] = _look_up(code)
    return _functions[code]


def _look_up(code: CodeType) -> Function | None:
    try:
        inside = Path(code.co_filename).resolve().relative_to(PORT)
    except ValueError:
        return None
    if inside.parts[0] in _LEFT_OUT:
        return None
    name = code.co_qualname.partition(".<locals>")[0]
    path = f"{PORT.name}/{inside.as_posix()}"
    first = 0 if "<locals>" in code.co_qualname else code.co_firstlineno
    for known in _functions.values():
        if known and (known.path, known.name) == (path, name):
            return known
    return Function(path, name, first)


_NOTHING = Shot((), (), ())


def shot(env: InteractionEnv) -> Shot:
    """Reads the whole cluster."""
    queued = [
        message(m)
        for node in env.nodes
        for m in (*node.append_work, *node.apply_work)
    ]
    return Shot(
        nodes=tuple(_node(node) for node in env.nodes),
        logs=tuple(_log(node.raw_node.raft) for node in env.nodes),
        flight=(*map(message, env.messages), *queued),
    )


def _log(r: Raft) -> tuple[tuple[int, str], ...]:
    return tuple(
        (e.term or 0, _text(e)) for e in r.raft_log.all_entries()
    )


def _text(e: pb.Entry) -> str:
    """Returns what an entry says, without its place and its quotes."""
    text = describe_entry(e).partition(" ")[2].partition(" ")[2]
    is_normal = (e.type or pb.EntryNormal) is pb.EntryNormal
    return text[1:-1] if is_normal else text or "leave joint"


def _node(node: Node) -> Data:
    r = node.raw_node.raft
    log = r.raft_log
    first = log.first_index()
    found: Data = {
        "id": r.id,
        "role": _LETTERS[r.state],
        "term": r.term,
        "vote": r.vote,
        "lead": r.lead,
        "ticks": r.election_elapsed,
        "timeout": r.randomized_election_timeout,
        "cut": first - 1,
        "stable": log.unstable.offset - 1,
        "commit": log.committed,
        "applying": log.applying,
        "applied": log.applied,
        "conf": str(r.trk.config),
    }
    if r.is_learner:
        found["learner"] = 1
    if r.state is StateLeader:
        # A leader's promise is that its quorum answers: no draw in that.
        found["timeout"] = r.election_timeout
        found["peers"] = list(_peers(r))
    elif r.trk.votes:
        found["votes"] = sorted(
            [id, int(granted)] for id, granted in r.trk.votes.items()
        )
    if r.lead_transferee:
        found["to"] = r.lead_transferee
    return found


def _peers(r: Raft) -> Iterator[Data]:
    for id, pr in r.trk.visit():
        if id == r.id:
            continue
        yield {
            "id": id,
            "state": str(pr.state).removeprefix("State"),
            "match": pr.match,
            "next": pr.next,
            "flight": pr.inflights.count(),
            "paused": int(pr.is_paused()),
            "snap": pr.pending_snapshot,
            "active": int(pr.recent_active),
            "learner": int(pr.is_learner),
        }


def message(m: pb.Message) -> tuple[object, ...]:
    """Returns a message as data.

    Returns:
        Sender, recipient, type, the one or two fields that matter, and the
        text of all fields. Where storage sends or receives, both ends are
        the node that it belongs to.
    """
    from_, to = m.from_ or 0, m.to or 0
    ends = (
        to if is_local_msg_target(from_) else from_,
        from_ if is_local_msg_target(to) else to,
    )
    kind = m.type or pb.MsgHup
    return (*ends, str(kind), _gist(m, kind), describe_message(m))


def _gist(m: pb.Message, kind: pb.MessageType) -> str:
    """Returns the fields of a message that matter most for its type."""
    read = "for a read" if m.context else ""
    if m.entries and kind is pb.MsgReadIndex:
        return (m.entries[0].data or b"").decode("utf-8", "replace")
    if m.entries and kind is not pb.MsgProp:
        return _span(m.entries[0].index or 0, m.entries[-1].index or 0)
    gists: Mapping[pb.MessageType, str] = {
        pb.MsgApp: f"commit {m.commit or 0}",
        pb.MsgAppResp: f"has {m.index or 0}",
        pb.MsgHeartbeat: read or f"commit {m.commit or 0}",
        pb.MsgHeartbeatResp: read,
        pb.MsgVote: f"term {m.term or 0}",
        pb.MsgPreVote: f"term {m.term or 0}",
        pb.MsgSnap: f"up to {m.snapshot.index if m.snapshot else 0}",
        pb.MsgReadIndexResp: f"index {m.index or 0}",
        pb.MsgProp: _text(m.entries[0]) if m.entries else "",
    }
    if kind in _ANSWERS:
        return "no" if m.reject else "yes"
    if kind is pb.MsgAppResp and m.reject:
        return f"no {m.index or 0}, try {m.reject_hint or 0}"
    return gists.get(kind, "")


def _span(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first}–{last}"

