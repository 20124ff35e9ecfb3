"""What can go wrong, as values: one vocabulary for `kv.sim` and `kv.chaos`.

An **action** says what is to be done to a cluster. A fault that lasts says
how long by itself, so leaving out one action takes away its beginning and its
end, and nothing else: that is what shrinking wants. A **schedule** is a list
of `Step`s, actions with the second at which they are due; it is what a replay
file holds. A **nemesis** is a plan, a generator of actions with `Wait`s
between them:

    def plan(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
        while True:
            yield Wait(rng.uniform(1, 5))
            yield Crash(rng.choice(nodes), seconds=2)

It draws from `rng` alone and looks at nothing else, so a seed gives one
schedule. Where it must say *the leader* without knowing who that is, it says
`LEADER`: that is looked up when the action is due. `kv.nemeses` has those
that come with the store, and loads yours.

Not every world can do everything: proxies on loopback cannot lose a message
out of the middle of a TCP connection, a simulator can. What a world cannot
do, or what makes no sense just then (to promote a node that is not there), it
passes over, and says so in its report.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Final, NamedTuple, get_type_hints

LEADER: Final = 0  # whoever leads when the action is due
CLIENTS: Final = -1  # the machine that the clients run on
ANY: Final = -2  # at the end of a link: whoever is there
_NAMES: Final = {LEADER: "leader", CLIENTS: "clients", ANY: "any"}
_NUMBERS: Final = {name: number for number, name in _NAMES.items()}

FOREVER: Final = 0.0  # as `seconds`: until `Heal`


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        family: What sort of thing, in one word: for counting, and for the
            bands of a picture. `partition`, `link`, `crash`, `pause`,
            `clock`, `disk`, `members`, `transfer`, `heal` or `wait`.
    """

    family: ClassVar[str] = "wait"

    @property
    def lasts(self) -> float:
        """For how many seconds; 0 if it is over at once or has no end."""
        return float(getattr(self, "seconds", 0.0))

    def __str__(self) -> str:
        words = [_name(type(self))]
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default or field.name in ("node", "to", "new"):
                words.append(f"{field.name}={_show(field.name, value)}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Wait(Action):
    """Lets time pass before the next action of a plan."""

    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Heal(Action):
    """Ends all that lasts: links, clocks and disks are well, nodes run."""

    family: ClassVar[str] = "heal"


# Links. Those of clients are only meant where it says CLIENTS.


@dataclass(frozen=True, slots=True)
class Partition(Action):
    """Cuts nodes off from one another; what is under way is late, or lost.

    Attributes:
        groups: Two nodes can speak if some group holds both. Nodes that are
            in no group form one more. So `((1, 2), (3, 4, 5))` is two sides,
            `((1, 2, 3), (3, 4, 5))` a bridge, and pairs of neighbours a ring.
        seconds: For how long; `FOREVER`: until `Heal`.
    """

    groups: tuple[tuple[int, ...], ...] = ()
    seconds: float = 5.0
    family: ClassVar[str] = "partition"


@dataclass(frozen=True, slots=True)
class Cut(Action):
    """Cuts one link: what one node sends the other does not get.

    Attributes:
        source: Who sends; a node, `LEADER`, `CLIENTS` or `ANY`.
        to: Who does not get it; likewise.
        both: Whether the other way is cut, too.
        seconds: For how long; `FOREVER`: until `Heal`.
    """

    source: int = ANY
    to: int = ANY
    both: bool = False
    seconds: float = 5.0
    family: ClassVar[str] = "partition"


@dataclass(frozen=True, slots=True)
class Slow(Action):
    """Has all on a link take longer, in order.

    Attributes:
        source: Who sends.
        to: Who gets it late.
        delay: Seconds more.
        spread: And up to so many seconds more, at random.
        seconds: For how long; `FOREVER`: until `Heal`.
    """

    source: int = ANY
    to: int = ANY
    delay: float = 0.1
    spread: float = 0.1
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class Loss(Action):
    """Loses a share of the messages on a link.

    Where a world has no messages but bytes in order, as TCP has, a loss is a
    wait until they are sent again.
    """

    source: int = ANY
    to: int = ANY
    share: float = 0.1
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class Duplicate(Action):
    """Has a share of the messages on a link arrive twice, the second late."""

    source: int = ANY
    to: int = ANY
    share: float = 0.1
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class Reorder(Action):
    """Has a share of the messages on a link overtake one another."""

    source: int = ANY
    to: int = ANY
    share: float = 0.1
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class Clog(Action):
    """Stops a link; what is sent waits, and arrives when it is over."""

    source: int = ANY
    to: int = ANY
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class Throttle(Action):
    """Lets so many bytes a second through a link."""

    source: int = ANY
    to: int = ANY
    rate: int = 20_000
    seconds: float = 5.0
    family: ClassVar[str] = "link"


@dataclass(frozen=True, slots=True)
class BreakConnections(Action):
    """Ends all connections of a link, in the middle of whatever is said."""

    source: int = ANY
    to: int = ANY
    family: ClassVar[str] = "link"


# Nodes.


@dataclass(frozen=True, slots=True)
class Crash(Action):
    """Kills a node, and starts it again after a while.

    Attributes:
        node: Which.
        seconds: How long it is down; `FOREVER`: until `Heal`.
        power: Whether its machine loses power, too. If so, what was not
            synced is lost, wholly or in part; if not, it is on disk.
        moment: `now`; or in the middle of something: before the disk does
            its next `count`-th operation (`disk`), or when the node has taken
            `count` more turns of its event loop (`await`).
        count: See `moment`.
    """

    node: int = LEADER
    seconds: float = 2.0
    power: bool = False
    moment: str = "now"
    count: int = 0
    family: ClassVar[str] = "crash"


@dataclass(frozen=True, slots=True)
class Pause(Action):
    """Stops a node as it stands, and lets it go on later."""

    node: int = LEADER
    seconds: float = 2.0
    family: ClassVar[str] = "pause"


@dataclass(frozen=True, slots=True)
class ClockRate(Action):
    """Has a node's clock run at another rate: 2 is twice as fast."""

    node: int = LEADER
    rate: float = 1.0
    seconds: float = 5.0
    family: ClassVar[str] = "clock"


@dataclass(frozen=True, slots=True)
class ClockJump(Action):
    """Moves a node's clock on by so many seconds at once.

    If `by` is less than 0, only what people read of it goes back.
    """

    node: int = LEADER
    by: float = 1.0
    family: ClassVar[str] = "clock"


@dataclass(frozen=True, slots=True)
class Strobe(Action):
    """Has a node's clock jump `by` seconds ahead, every so many seconds."""

    node: int = LEADER
    by: float = 0.2
    every: float = 0.5
    seconds: float = 5.0
    family: ClassVar[str] = "clock"


@dataclass(frozen=True, slots=True)
class DiskFault(Action):
    """Has a node's disk fail in one way.

    Attributes:
        node: Whose.
        kind: `torn`: the power goes in the middle of the next write, and the
            node starts again after `seconds`. `sync`: the next sync fails, and
            what it was to sync is lost; the node must stop, and starts again
            after `seconds`. `full`: there is no room, for `seconds`. `slow`:
            each operation takes `amount` seconds more, for `seconds`. `flip`:
            the node is stopped, a bit of an old part of its log is turned
            (`amount`, from 0 to 1, says where), and it must refuse to start;
            then it is wiped, and added again as a new node.
        seconds: See `kind`.
        amount: See `kind`.
    """

    node: int = LEADER
    kind: str = "torn"
    seconds: float = 2.0
    amount: float = 0.0
    family: ClassVar[str] = "disk"


# Members.


@dataclass(frozen=True, slots=True)
class AddLearner(Action):
    """Starts a new node, and adds it as a learner."""

    node: int = 4
    family: ClassVar[str] = "members"


@dataclass(frozen=True, slots=True)
class Promote(Action):
    """Makes a learner a voter."""

    node: int = 4
    family: ClassVar[str] = "members"


@dataclass(frozen=True, slots=True)
class Remove(Action):
    """Removes a member; once it is out, it is stopped for good."""

    node: int = LEADER
    family: ClassVar[str] = "members"


@dataclass(frozen=True, slots=True)
class Replace(Action):
    """Puts a new node in another one's place, by joint consensus.

    Attributes:
        node: Which is to go.
        new: Which is to come: one that is not there yet, or a learner.
        lingers: For how many seconds the one that is out still runs. If it
            has not heard that it is out, it does not know.
    """

    node: int = LEADER
    new: int = 4
    lingers: float = 1.0
    family: ClassVar[str] = "members"


@dataclass(frozen=True, slots=True)
class Transfer(Action):
    """Has another node lead."""

    to: int = 1
    family: ClassVar[str] = "transfer"


ACTIONS: Final[tuple[type[Action], ...]] = (
    Wait, Heal, Partition, Cut, Slow, Loss, Duplicate, Reorder, Clog,
    Throttle, BreakConnections, Crash, Pause, ClockRate, ClockJump, Strobe,
    DiskFault, AddLearner, Promote, Remove, Replace, Transfer,
)  # fmt: skip

MOMENTS: Final = ("now", "disk", "await")
DISK_FAULTS: Final = ("torn", "sync", "full", "slow", "flip")


def _name(kind: type[Action]) -> str:
    """Returns `break-connections` for `BreakConnections`."""
    letters = [f"-{c.lower()}" if c.isupper() else c for c in kind.__name__]
    return "".join(letters).lstrip("-")


_BY_NAME: Final = {_name(kind): kind for kind in ACTIONS}
_NODE_FIELDS: Final = frozenset({"node", "source", "to", "new"})


def _show(field: str, value: object) -> object:
    """Returns a field's value as JSON has it."""
    if field in _NODE_FIELDS and type(value) is int:
        return _NAMES.get(value, value)
    if isinstance(value, tuple):
        return [_show("node" if type(v) is int else "", v) for v in value]
    return value


def _read(field: str, value: object, kind: object) -> object:
    """Returns a field's value from JSON; `ValueError` if it is none."""
    if field in _NODE_FIELDS:
        return _read_node(field, value)
    if field == "groups":
        if not isinstance(value, list) or not all(
            isinstance(group, list) for group in value
        ):
            raise ValueError("groups are lists of nodes")
        return tuple(
            tuple(_read_node(field, node) for node in group)
            for group in value
        )
    elif kind is float:
        if type(value) not in (int, float):
            raise ValueError(f"{field} is {value!r}, no number")
        return float(value)  # type: ignore[arg-type]
    elif type(value) is not kind:
        raise ValueError(f"{field} is {value!r}")
    allowed = {"moment": MOMENTS, "kind": DISK_FAULTS}.get(field)
    if allowed is not None and value not in allowed:
        raise ValueError(f"{field} is one of {', '.join(allowed)}")
    return value


def _read_node(field: str, value: object) -> int:
    if type(value) is str:
        value = _NUMBERS.get(value, value)
    if type(value) is not int or value < ANY:
        raise ValueError(f"{field}: {value!r} is no node")
    return value


def to_json(action: Action) -> dict[str, object]:
    """Returns an action as JSON has it; `from_json` undoes it."""
    found: dict[str, object] = {"do": _name(type(action))}
    for field in fields(action):
        found[field.name] = _show(field.name, getattr(action, field.name))
    return found


def from_json(data: object) -> Action:
    """Returns the action that JSON stands for.

    Raises:
        ValueError: it stands for none; the text says why.
    """
    if not isinstance(data, dict):
        raise ValueError(f"an action is an object, not {data!r}")
    kind = _BY_NAME.get(data.get("do", ""))
    if kind is None:
        raise ValueError(f"no such action: {data.get('do')!r}")
    types = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    given = {k: v for k, v in data.items() if k not in ("do", "at")}
    if unknown := given.keys() - names:
        raise ValueError(f"{_name(kind)} has no {', '.join(sorted(unknown))}")
    return kind(**{k: _read(k, v, types[k]) for k, v in given.items()})


class Step(NamedTuple):
    """An action of a schedule.

    Attributes:
        at: When it is due, in seconds from the beginning.
        action: What to do.
    """

    at: float
    action: Action

    def __str__(self) -> str:
        return f"{self.at:8.3f}  {self.action}"


def steps_to_json(steps: Iterable[Step]) -> list[dict[str, object]]:
    """Returns a schedule as JSON has it."""
    return [{"at": s.at, **to_json(s.action)} for s in steps]


def steps_from_json(data: object) -> list[Step]:
    """Returns the schedule that JSON stands for, in order of time.

    Raises:
        ValueError: it stands for none.
    """
    if not isinstance(data, list):
        raise ValueError("a schedule is a list of actions")
    steps = []
    for item in data:
        action = from_json(item)
        at = item.get("at")
        if type(at) not in (int, float) or not at >= 0:
            raise ValueError(f"'at' is {at!r}, no time")
        steps.append(Step(float(at), action))
    return sorted(steps, key=lambda step: step.at)


Nemesis = Callable[[random.Random, Sequence[int]], Iterator[Action]]
"""A plan: from dice and the ids of the first members to actions."""


def schedule(
    plan: Nemesis, rng: random.Random, nodes: Sequence[int], seconds: float
) -> list[Step]:
    """Returns what a nemesis does in the first so many seconds."""
    steps: list[Step] = []
    at = 0.0
    for number, action in enumerate(plan(rng, nodes)):
        if isinstance(action, Wait):
            at += action.seconds
        elif at < seconds:
            steps.append(Step(round(at, 6), action))
        # A plan that never waits would never end.
        if at >= seconds or number - len(steps) > 1_000_000:
            break
        if len(steps) > 100_000:
            break
    return steps
