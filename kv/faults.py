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
`LEADER`: that is looked up when the action is due. `--nemesis MODULE:NAME`
loads a plan of yours; a plain name is one of `NEMESES`, and `a+b` is a mixture.

Not every world can do everything: proxies on loopback cannot lose a message
out of the middle of a TCP connection, a simulator can. What a world cannot
do, or what makes no sense just then (to promote a node that is not there), it
passes over, and says so in its report.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from traceback import extract_tb
from typing import ClassVar, Final, NamedTuple, get_type_hints

from kv.named import load_named

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


def load_nemesis(name: str) -> Nemesis:
    """Returns the nemesis of a name, or of `MODULE:NAME`; or of many.

    Names with a plus between them are mixed: `churn+partitions`.

    Raises:
        ValueError: there is none; the text says what is wrong.
    """
    if "+" in name:
        return mixed(*map(load_nemesis, name.split("+")))
    if ":" not in name:
        if name not in NEMESES:
            raise ValueError(
                f"no nemesis {name!r}; there are {', '.join(NEMESES)}, and"
                " yours as MODULE:NAME"
            )
        return NEMESES[name]
    found = load_named(name)
    if not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}, not a plan")
    return _watched(name, found)


def _watched(name: str, plan: Nemesis) -> Nemesis:
    """Returns somebody's own plan, whose mistakes are told as such.

    Its first steps come from dice, so a mistake may show late: what it
    raises becomes a `ValueError` with the line, and so does what it yields
    that is no action.
    """

    def watched(
        rng: random.Random, nodes: Sequence[int]
    ) -> Iterator[Action]:
        try:
            for action in plan(rng, nodes):
                if not isinstance(action, Action):
                    raise ValueError(
                        f"{name} yields {action!r}, which is no action"
                    )
                yield action
        except Exception as error:
            where = ""
            for frame in extract_tb(error.__traceback__):
                if frame.filename != __file__:
                    file = os.path.relpath(frame.filename)
                    where = f" at {file}:{frame.lineno}"
            if isinstance(error, ValueError) and not where:
                raise
            raise ValueError(
                f"{name} stopped{where}: {type(error).__name__}: {error}"
            ) from error

    return watched


# The nemeses that come with the store. Each is one idea; `storm` is all.


def _breath(rng: random.Random, mean: float = 4.0) -> Wait:
    """Returns a wait, now and then a long one."""
    return Wait(round(min(rng.expovariate(1 / mean), 5 * mean) + 0.2, 3))


def _span(rng: random.Random, low: float, high: float) -> float:
    """Returns a duration; short ones are as likely as long ones."""
    return round(float(low * (high / low) ** rng.random()), 3)


def _someone(rng: random.Random, nodes: Sequence[int]) -> int:
    """Returns a node, and rather often the leader."""
    return LEADER if rng.random() < 0.4 else rng.choice(nodes)


def _link(rng: random.Random, nodes: Sequence[int]) -> tuple[int, int]:
    """Returns both ends of a link, of many, or of all."""
    source, to = _someone(rng, nodes), _someone(rng, nodes)
    dice = rng.random()
    if dice < 0.3 or source == to:
        to = ANY
    elif dice < 0.5:
        source = ANY
    elif dice < 0.6:
        return CLIENTS, ANY
    return source, to


def split(rng: random.Random, nodes: Sequence[int]) -> Partition:
    """Returns a partition of any kind."""
    some = rng.sample(nodes, len(nodes))
    half = len(some) // 2
    groups: tuple[tuple[int, ...], ...]
    kind = rng.choice(("leader", "one", "minority", "majority", "bridge",
                       "ring", "all"))  # fmt: skip
    if kind == "leader":
        groups = ((LEADER,),)
    elif kind == "one":
        groups = ((some[0],),)
    elif kind == "minority":
        groups = (tuple(some[: max(1, half)]),)
    elif kind == "majority":  # The leader with too few.
        groups = ((LEADER, *some[: max(0, half - 1)]),)
    elif kind == "bridge":
        groups = tuple(some[: half + 1]), tuple(some[half:])
    elif kind == "ring":
        around = [*some, some[0]]
        groups = tuple(pairwise(around))
        if len(some) < 4:  # Of three, all are neighbours: leave one out.
            groups = groups[:-1]
    else:
        groups = tuple((node,) for node in some)
    return Partition(groups, _span(rng, 0.3, 15))


def partitions(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Cuts the cluster into pieces, two ways and one way."""
    while True:
        yield _breath(rng)
        if rng.random() < 0.7:
            yield split(rng, nodes)
        else:
            source, to = _link(rng, nodes)
            both = rng.random() < 0.3
            yield Cut(source, to, both, _span(rng, 0.3, 15))


def links(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Makes links slow, lossy, narrow or stuck, and breaks connections."""
    while True:
        yield _breath(rng)
        source, to = _link(rng, nodes)
        share = round(rng.uniform(0.02, 0.5), 2)
        seconds = _span(rng, 0.5, 15)
        delay = _span(rng, 0.01, 2)
        yield rng.choice((
            Slow(source, to, delay, delay, seconds),
            Loss(source, to, share, seconds),
            Duplicate(source, to, share, seconds),
            Reorder(source, to, share, seconds),
            Clog(source, to, _span(rng, 0.2, 8)),
            Throttle(source, to, rng.choice((2000, 20_000)), seconds),
            BreakConnections(source, to),
        ))  # fmt: skip


def crashes(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Kills one, the leader, many or all, at any moment, with power or not."""
    while True:
        yield _breath(rng)
        power = rng.random() < 0.5
        seconds = _span(rng, 0.05, 20)
        dice = rng.random()
        if dice < 0.15:
            together = rng.random() < 0.5
            for node in nodes:
                down = seconds if together else _span(rng, 0.05, 10)
                yield Crash(node, down, power)
        elif dice < 0.3:
            for node in rng.sample(nodes, len(nodes) // 2 + 1):
                yield Crash(node, _span(rng, 0.05, 8), power)
        else:
            moment = rng.choice(("now", "disk", "disk", "await"))
            count = rng.randrange(1, 60) if moment != "now" else 0
            node = _someone(rng, nodes)
            yield Crash(node, seconds, power, moment, count)


def pauses(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Stops nodes as they stand."""
    while True:
        yield _breath(rng)
        yield Pause(_someone(rng, nodes), _span(rng, 0.05, 10))


def clocks(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has clocks run fast or slow, jump, and jump again and again."""
    while True:
        yield _breath(rng)
        node = _someone(rng, nodes)
        seconds = _span(rng, 1, 20)
        yield rng.choice((
            ClockRate(node, round(5 ** rng.uniform(-1, 1), 2), seconds),
            ClockJump(node, round(rng.uniform(-5, 5), 2)),
            Strobe(node, _span(rng, 0.05, 3), _span(rng, 0.1, 1), seconds),
        ))


def slow_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Slows the leader's clock, and then cuts it off from the others.

    What a lease cannot bear: its holder counts fewer seconds than those who
    wait for its end.
    """
    while True:
        yield _breath(rng)
        seconds = _span(rng, 2, 8)
        yield ClockRate(LEADER, round(rng.uniform(0.05, 0.3), 2), seconds)
        yield Wait(0.3)
        yield Partition(((LEADER,),), seconds)
        yield Wait(seconds)


def disks(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has writes torn, syncs fail, disks full, slow, or turn a bit."""
    while True:
        yield _breath(rng, 6.0)
        kind = rng.choice(("torn", "torn", "sync", "full", "slow", "flip"))
        amount = round(rng.random(), 3)
        if kind == "slow":
            amount = _span(rng, 0.005, 0.5)
        yield DiskFault(_someone(rng, nodes), kind, _span(rng, 0.1, 8), amount)


def churn(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has members come and go, one at a time and in exchange."""
    members = list(nodes)
    new = max(nodes)
    while True:
        yield _breath(rng)
        dice = rng.random()
        if dice < 0.4 and len(members) > 2:
            new += 1
            old = rng.randrange(len(members))
            yield Replace(members[old], new)
            members[old] = new
        elif dice < 0.8 and len(members) < 6:
            new += 1
            yield AddLearner(new)
            yield Wait(_span(rng, 0.5, 5))
            yield Promote(new)
            members.append(new)
        elif len(members) > 3:
            yield Remove(members.pop(rng.randrange(len(members))))


def audience(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Adds learners, and leaves a leader alone with them now and then."""
    first = max(nodes) + 1
    learners = first, first + 1
    for node in learners:
        yield Wait(0.8)
        yield AddLearner(node)
    while True:
        yield _breath(rng, 2.0)
        yield Partition(((LEADER, *learners),), _span(rng, 0.5, 3))


def exchanges(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Exchanges a member over slow links, and cuts those off who come late.

    Then the leader and the new member go by the new configuration, while the
    others have yet to hear that it is committed.
    """
    members = list(nodes)
    new = max(nodes)
    while True:
        yield Wait(_span(rng, 2, 6))
        new += 1
        place = rng.randrange(len(members))
        yield Slow(LEADER, ANY, 0.4, 0.0, 3.0)
        yield Wait(0.1)
        yield Replace(members[place], new)
        members[place] = new
        yield Wait(round(rng.uniform(0.45, 0.8), 3))
        yield Partition(((LEADER, new),), _span(rng, 2, 6))


def half_heard(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Exchanges a member, and has half of them not hear how it went.

    The new one has caught up before. Then of three the first leads, the
    second hears of the exchange late, the third not at all. When the first
    knows that it is committed, he and the new one are left alone, and go by
    the new configuration; the others know of none. Their clocks are slow
    meanwhile, or the second would not wait for what is late.
    """
    members = list(nodes)
    new = max(nodes)
    while True:
        new += 1
        lead, late, out = rng.sample(members, 3)
        yield Transfer(lead)
        yield AddLearner(new)
        yield Wait(3.5)
        yield Transfer(lead)
        yield Wait(1.0)
        yield ClockRate(lead, 0.1, 6.0)
        yield ClockRate(late, 0.2, 1.3)
        yield ClockRate(out, 0.2, 1.3)
        yield Cut(lead, out, both=True, seconds=5.0)
        yield Slow(lead, late, 0.8, 0.0, 1.4)
        yield Wait(0.2)
        yield Replace(out, new, lingers=5.0)
        members[members.index(out)] = new
        yield Wait(1.15)
        yield Partition(((lead, new),), 4.0)
        yield Wait(7.0)


def slow_elections(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Has leaders crash while messages take long.

    Then two are candidates at a time, and whoever wins is long about
    committing its first entry.
    """
    while True:
        delay = round(rng.uniform(0.05, 0.25), 3)
        yield Slow(ANY, ANY, delay, 0.05, 5.0)
        yield Wait(1.5)
        yield Crash(LEADER, 0.3)
        yield Wait(_span(rng, 2.5, 3.5))


def lonely_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Cuts the leader off, with what only he has, until another one leads."""
    while True:
        yield Wait(_span(rng, 1.0, 2.0))
        seconds = _span(rng, 1.0, 2.0)
        yield Partition(((LEADER,),), seconds)
        yield Wait(seconds)


def late_comers(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has the one who lags behind run for leader before anyone else."""
    while True:
        lead, _, late = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(1.5)
        yield Cut(lead, late, seconds=3.0)
        yield Wait(0.8)
        yield ClockRate(late, 5.0, 2.0)
        yield Crash(lead, 2.5)
        yield Wait(4.0)


def blind_leaders(
    rng: random.Random, nodes: Sequence[int]
) -> Iterator[Action]:
    """Has one lead who has all entries, and knows not which are committed.

    What the leader tells the next one is some time on its way, and the third
    gets nothing. Then the leader crashes, and what is on its way is lost. The
    next one leads, and must first send the third all that it lacks before it
    can commit anything.
    """
    while True:
        lead, then, lacks = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(2.0)
        yield Cut(lead, lacks, seconds=2.0)
        yield Slow(lead, then, 0.06, 0.0, 1.5)
        yield Wait(0.8)
        yield Slow(then, lacks, 0.06, 0.0, 3.0)
        yield Cut(lead, then, seconds=2.0)
        yield Wait(0.03)
        yield Crash(lead, 2.5)
        yield Wait(4.5)


def empty_hands(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Takes from a follower what it is about to store, and then the leader.

    The third has not got it, for it was cut off just before. If the follower
    had said that it has it, it is committed, and nobody has it.
    """
    while True:
        lead, holds, lacks = rng.sample(nodes, 3)
        yield Transfer(lead)
        yield Wait(2.0)
        yield Cut(lead, lacks, both=True, seconds=0.8)
        yield Wait(0.2)
        yield DiskFault(holds, "full", 0.3)
        yield Wait(0.12)
        yield Crash(lead, 4.0)
        yield Wait(6.0)


def asked_again(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has a voter restart, and be asked for a vote in the same term again.

    The voter leads, and hands the lead to a first one, whose words take half
    a second: that it has all entries, its request for a vote, and its first
    entry. Between the last two the voter crashes; then a second one asks it.
    The clocks of the two are slow, or they would give up meanwhile.
    """
    while True:
        first, second, voter = rng.sample(nodes, 3)
        yield Transfer(voter)
        yield Wait(2.0)
        yield ClockRate(first, 0.05, 7.0)
        yield ClockRate(voter, 0.25, 1.4)
        yield Cut(first, second, seconds=6.5)
        yield Slow(first, voter, 0.5, 0.0, 6.5)
        yield Wait(0.1)
        yield Transfer(first)
        yield Wait(1.3)
        yield Cut(first, voter, seconds=5.1)
        yield Crash(voter, 0.05)
        yield Wait(9.0)


def figure_8(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Plays figure 8 of the Raft paper, with three nodes.

    The first leads, hands the lead on, and is cut off, with entries that only
    he has. The heir is cut off as well, with one that only he has. Then the
    first is elected again, and sends those entries to the third, slowly; when
    some are there, he is cut off, and the heir comes back.
    """
    while True:
        first, heir, third = rng.sample(nodes, 3)
        yield Transfer(first)
        yield Wait(2.0)
        yield ClockRate(first, 0.25, 1.4)
        yield ClockRate(third, 0.5, 2.0)
        yield Slow(heir, ANY, 0.5, 0.0, 1.8)
        yield Wait(0.6)
        yield Transfer(heir)
        yield Wait(0.8)  # Its request for votes is on its way.
        yield Partition(((first,),), 1.2)
        yield Wait(0.5)  # It has a vote, and its first entry is on its way.
        yield Partition(((heir,),), 2.5)
        yield Wait(0.7)
        yield Throttle(first, third, 2000, 2.0)
        yield ClockRate(first, 4.0, 0.8)
        yield Wait(1.6)
        yield Partition(((first,),), 4.0)
        yield Wait(6.0)


def transfers(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Has the lead change hands."""
    while True:
        yield _breath(rng)
        yield Transfer(rng.choice(nodes))


def calm(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
    """Does nothing."""
    while True:
        yield Wait(3600)


def mixed(*plans: Nemesis) -> Nemesis:
    """Returns a nemesis that takes an action of one plan or another."""

    def plan(rng: random.Random, nodes: Sequence[int]) -> Iterator[Action]:
        running = [p(random.Random(rng.getrandbits(64)), nodes) for p in plans]
        while True:
            # A plan's waits between its own actions stay; the others' do
            # not add up, or the more plans, the less would happen.
            yield _breath(rng, 2.5)
            for action in rng.choice(running):
                if not isinstance(action, Wait):
                    yield action
                    break

    return plan


storm: Final = mixed(
    partitions, partitions, links, crashes, crashes, pauses, clocks, disks,
    churn, transfers,
)  # fmt: skip

NEMESES: Final[dict[str, Nemesis]] = {
    "storm": storm, "partitions": partitions, "links": links,
    "crashes": crashes, "pauses": pauses, "clocks": clocks,
    "slow-leaders": slow_leaders, "disks": disks,
    "churn": churn, "audience": audience, "exchanges": exchanges,
    "half-heard": half_heard, "slow-elections": slow_elections,
    "lonely-leaders": lonely_leaders, "late-comers": late_comers,
    "blind-leaders": blind_leaders, "empty-hands": empty_hands,
    "asked-again": asked_again, "figure-8": figure_8,
    "transfers": transfers, "calm": calm,
}  # fmt: skip
