"""What can happen to a cluster, as values: a schedule is a list of these.

A schedule is text as well: a line of setup, then a line an action. What a
failing property prints can be pasted back into a test.

    nodes=3 voters=1,2,3
    campaign 1
    settle 2
    crash 1 keep 0

Every action can be taken in every state: where it makes no sense (a message
is delivered that is not there, a node that is down is asked to campaign) it
does nothing. So any part of a schedule is a schedule, and one that fails can
be cut down without thought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# In place of a node's id: whoever leads the highest term when it comes to it.
# Only what is generated holds it; what has been run is definite.
LEADER = -1

# How many of the unsynced writes a crash leaves, where it leaves them all.
ALL = 99


class Setup(NamedTuple):
    """What the cluster begins with.

    Attributes:
        nodes: How many there are, members or not; ids count from 1.
        voters: Who votes at first.
        learners: Who learns at first.
        start: `snapshot`: every node holds the first configuration as a
            snapshot at index 2. `fresh`: those outside of it hold nothing.
            `bootstrap`: it is proposed as entries, see `port.bootstrap`.
        asynchronous: Storage is written by way of messages.
        pre_vote: As in `port.raft.Config`, like all that follow.
        check_quorum: A leader without a quorum steps down.
        lease: Reads rely on the lease.
        step_down: A leader that is removed steps down.
        no_forward: Followers do not forward proposals.
        small: One entry a message, and one at a time to be applied.
        inflight: The most appends on their way to a follower.
        seed: Where election timeouts come from.
    """

    nodes: int = 3
    voters: tuple[int, ...] = (1, 2, 3)
    learners: tuple[int, ...] = ()
    start: str = "snapshot"
    asynchronous: bool = False
    pre_vote: bool = False
    check_quorum: bool = False
    lease: bool = False
    step_down: bool = False
    no_forward: bool = False
    small: bool = False
    inflight: int = 8
    seed: int = 0

    def __str__(self) -> str:
        words = [f"nodes={self.nodes}", f"voters={_ids(self.voters)}"]
        if self.learners:
            words.append(f"learners={_ids(self.learners)}")
        if self.start != "snapshot":
            words.append(f"start={self.start}")
        words += [name for name in _FLAGS if getattr(self, name)]
        if self.inflight != Setup().inflight:
            words.append(f"inflight={self.inflight}")
        if self.seed:
            words.append(f"seed={self.seed}")
        return " ".join(words)


_FLAGS = (
    "asynchronous", "pre_vote", "check_quorum", "lease", "step_down",
    "no_forward", "small",
)  # fmt: skip


class Tick(NamedTuple):
    """A node's clock goes on by some ticks: a fast one by many at a time."""

    node: int
    count: int = 1


class Campaign(NamedTuple):
    """A node stands for election."""

    node: int


class Stand(NamedTuple):
    """A node stands for election in a term above all others.

    Only what is generated holds it; it is run as a `Restart`, if the node
    leads an earlier term, and as many a `Campaign` as it takes.
    """

    node: int


class Propose(NamedTuple):
    """A client proposes at a node; no two proposals are the same."""

    node: int


class Ready(NamedTuple):
    """A node takes a `Ready`, or ends the one that it has begun.

    With asynchronous storage it takes one and queues the work in it.
    """

    node: int


class Part(NamedTuple):
    """A node takes the next single step of its `Ready`.

    They are: take it, write, sync, send, apply, advance. With asynchronous
    storage, of the work on its append thread: write, sync, respond.
    """

    node: int


class Append(NamedTuple):
    """A node's append thread does (or ends) the next piece of its work."""

    node: int


class Apply(NamedTuple):
    """A node's apply thread does the next piece of its work."""

    node: int


class Deliver(NamedTuple):
    """A message arrives: the `nth` oldest under way from `source` to `to`.

    With `again` a copy stays under way. From a node to itself go the
    responses of its storage threads, always the oldest first.
    """

    source: int
    to: int
    nth: int = 0
    again: bool = False


class Lose(NamedTuple):
    """A message is lost."""

    source: int
    to: int
    nth: int = 0


class Purge(NamedTuple):
    """All that is under way to some nodes is lost; to all, if none is named.

    But for the responses of storage threads, which never leave their node.
    """

    nodes: tuple[int, ...] = ()


class Flow(NamedTuple):
    """All that is under way to a node arrives, where no cut stops it."""

    node: int


class Settle(NamedTuple):
    """In rounds, nodes do all their work, and get each other's messages.

    `among` names them; if nobody is named, it is all of them.
    """

    rounds: int = 1
    among: tuple[int, ...] = ()


class Cut(NamedTuple):
    """Messages from one node to another wait from now on."""

    source: int
    to: int


class Split(NamedTuple):
    """The nodes named and the others cannot reach each other."""

    nodes: tuple[int, ...]


class Heal(NamedTuple):
    """There are no cuts any more."""


class Crash(NamedTuple):
    """A node stops. Of its unsynced writes the first `keep` survive."""

    node: int
    keep: int = 0


class Restart(NamedTuple):
    """A node starts from its disk; one that runs crashes first."""

    node: int
    keep: int = 0


class Change(NamedTuple):
    """A node proposes another membership: `steps` as in `v1 l2 r3`.

    `how` is `auto`, `implicit`, `explicit`, or `v1` for the older form.
    """

    node: int
    how: str
    steps: str


class Leave(NamedTuple):
    """A node proposes to leave the joint configuration."""

    node: int


class Transfer(NamedTuple):
    """A node is asked to see to it that another one leads."""

    node: int
    to: int


class Forget(NamedTuple):
    """A node forgets its leader."""

    node: int


class Read(NamedTuple):
    """A client asks a node for a read index; no two contexts are the same."""

    node: int


class Compact(NamedTuple):
    """A node stores a snapshot, and drops its log but for `keep` entries."""

    node: int
    keep: int = 0


class Unreachable(NamedTuple):
    """A node is told that another one is out of reach."""

    node: int
    about: int


class Report(NamedTuple):
    """A node is told how sending a snapshot to another one went."""

    node: int
    about: int
    ok: bool = True


Action = (
    Tick | Campaign | Stand | Propose | Ready | Part | Append | Apply
    | Deliver | Lose | Purge | Flow | Settle | Cut | Split | Heal | Crash
    | Restart | Change | Leave | Transfer | Forget | Read | Compact
    | Unreachable | Report
)  # fmt: skip


class Schedule(NamedTuple):
    """A setup, and what happens then."""

    setup: Setup
    actions: tuple[Action, ...]

    def __str__(self) -> str:
        return "\n".join([str(self.setup), *map(show, self.actions)])

    def __repr__(self) -> str:
        # Hypothesis shows this; the list itself is printed once it is short.
        return f"<{len(self.actions)} actions on {self.setup}>"


def definite(a: Action, leader: int) -> Action:
    """Return the action with `leader` in place of `LEADER`."""
    return type(a)(*(_definite(field, leader) for field in a))


def _definite(field: object, leader: int) -> object:
    if isinstance(field, tuple):
        return tuple(dict.fromkeys(_definite(f, leader) for f in field))
    return leader if field == LEADER else field


def show(a: Action) -> str:
    """Return the line of an action."""
    match a:
        case Deliver(source, to, nth, again):
            return f"deliver {source}->{to}{_nth(nth)}" + " again" * again
        case Lose(source, to, nth):
            return f"lose {source}->{to}{_nth(nth)}"
        case Cut(source, to):
            return f"cut {source}->{to}"
        case Split(nodes):
            return f"split {_ids(nodes)}"
        case Purge(nodes):
            return f"purge {_ids(nodes)}" if nodes else "purge"
        case Settle(rounds, among):
            return f"settle {rounds}" + f" among {_ids(among)}" * bool(among)
        case Crash(node, keep) | Restart(node, keep):
            name = type(a).__name__.lower()
            return f"{name} {node} keep {'all' if keep == ALL else keep}"
        case Compact(node, keep):
            return f"compact {node} keep {keep}"
        case Transfer(node, to):
            return f"transfer {node} to {to}"
        case Unreachable(node, about):
            return f"unreachable {node} about {about}"
        case Report(node, about, ok):
            return f"report {node} about {about} {'ok' if ok else 'failed'}"
        case _:
            words = [type(a).__name__.lower(), *map(str, a)]
            return " ".join(words)


_ID = r"(\d+)"
_LINK = r"(\d+)->(\d+)"
_NTH = r"(?: #(\d+))?"
_KEEP = r" keep (\d+|all)"

# How the line of each action reads, and what makes the action of its groups.
_LINES = [
    (f"tick {_ID} {_ID}", lambda n, k: Tick(int(n), int(k))),
    (f"campaign {_ID}", lambda n: Campaign(int(n))),
    (f"stand {_ID}", lambda n: Stand(int(n))),
    (f"propose {_ID}", lambda n: Propose(int(n))),
    (f"ready {_ID}", lambda n: Ready(int(n))),
    (f"part {_ID}", lambda n: Part(int(n))),
    (f"append {_ID}", lambda n: Append(int(n))),
    (f"apply {_ID}", lambda n: Apply(int(n))),
    (
        f"deliver {_LINK}{_NTH}( again)?",
        lambda a, b, k, g: Deliver(int(a), int(b), int(k or 0), bool(g)),
    ),
    (f"lose {_LINK}{_NTH}", lambda a, b, k: Lose(int(a), int(b), int(k or 0))),
    (r"purge(?: ([\d,]+))?", lambda ids: Purge(_parse_ids(ids or ""))),
    (f"flow {_ID}", lambda n: Flow(int(n))),
    (
        rf"settle {_ID}(?: among ([\d,]+))?",
        lambda k, ids: Settle(int(k), _parse_ids(ids or "")),
    ),
    (f"cut {_LINK}", lambda a, b: Cut(int(a), int(b))),
    (r"split ([\d,]+)", lambda g: Split(_parse_ids(g))),
    ("heal", lambda: Heal()),
    (f"crash {_ID}{_KEEP}", lambda n, k: Crash(int(n), _keep(k))),
    (f"restart {_ID}{_KEEP}", lambda n, k: Restart(int(n), _keep(k))),
    (
        f"change {_ID} (auto|implicit|explicit|v1) ([vlru \\d]+)",
        lambda n, how, steps: Change(int(n), how, steps),
    ),
    (f"leave {_ID}", lambda n: Leave(int(n))),
    (f"transfer {_ID} to {_ID}", lambda n, m: Transfer(int(n), int(m))),
    (f"forget {_ID}", lambda n: Forget(int(n))),
    (f"read {_ID}", lambda n: Read(int(n))),
    (f"compact {_ID} keep {_ID}", lambda n, k: Compact(int(n), int(k))),
    (
        f"unreachable {_ID} about {_ID}",
        lambda n, m: Unreachable(int(n), int(m)),
    ),
    (
        f"report {_ID} about {_ID} (ok|failed)",
        lambda n, m, how: Report(int(n), int(m), how == "ok"),
    ),
]


def parse(text: str) -> Schedule:
    """Read a schedule; blank lines and lines that begin with # are skipped.

    Raises:
        ValueError: a line is no action, or the first no setup.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ValueError("a schedule begins with its setup")
    return Schedule(
        parse_setup(lines[0]), tuple(map(parse_action, lines[1:]))
    )


def parse_setup(line: str) -> Setup:
    """Read a line of setup."""
    fields: dict[str, object] = {}
    for word in line.split():
        name, _, value = word.partition("=")
        if name in _FLAGS and not value:
            fields[name] = True
        elif name in ("voters", "learners"):
            fields[name] = _parse_ids(value)
        elif name in ("nodes", "inflight", "seed"):
            fields[name] = int(value)
        elif name == "start" and value in ("snapshot", "fresh", "bootstrap"):
            fields[name] = value
        else:
            raise ValueError(f"no setup: {word!r} in {line!r}")
    return Setup(**fields)  # type: ignore[arg-type]


def parse_action(line: str) -> Action:
    """Read the line of an action."""
    for pattern, make in _LINES:
        if found := re.fullmatch(pattern, line):
            return make(*found.groups())  # type: ignore[no-any-return]
    raise ValueError(f"no action: {line!r}")


def _ids(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))


def _parse_ids(text: str) -> tuple[int, ...]:
    return tuple(int(id) for id in text.split(",") if id)


def _nth(nth: int) -> str:
    return f" #{nth}" if nth else ""


def _keep(text: str) -> int:
    return ALL if text == "all" else int(text)
