"""How schedules are drawn.

A schedule is drawn as a mix (which actions, how often) and a list of numbers,
one an action: each number is taken apart into the action's kind and its
arguments. That keeps hypothesis out of the inner loop.

Each mix leaves many kinds of action out. A run in which everything can happen
seldom gets anywhere: too many crashes for an election, too many elections
for a commit. (Groce et al. call this swarm testing.)
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.properties import actions as act
from tests.properties.actions import Action, Schedule, Setup

# Some makers return several actions that make sense one after another.
Maker = Callable[["Numbers", int], "Action | list[Action]"]


class Numbers:
    """Small numbers out of one large one."""

    __slots__ = ("rest",)

    def __init__(self, rest: int) -> None:
        self.rest = rest

    def below(self, n: int) -> int:
        """Return a number from 0 up to but without `n`."""
        self.rest, number = divmod(self.rest, n)
        return number

    def id(self, nodes: int) -> int:
        """Return a node's id."""
        return 1 + self.below(nodes)

    def who(self, nodes: int) -> int:
        """Return a node's id, or every other time the leader's."""
        return self.id(nodes) if self.below(2) else act.LEADER

    def pair(self, nodes: int) -> tuple[int, int]:
        """Return the ids of two nodes; of one twice, if there is just one.

        The first may be the leader, and then the other as well.
        """
        if not self.below(3):
            return act.LEADER, self.id(nodes)
        a = self.id(nodes)
        if nodes == 1:
            return 1, 1
        b = self.id(nodes - 1)
        return a, b + (b >= a)


def _change(x: Numbers, nodes: int) -> Action:
    how = ("auto", "auto", "implicit", "explicit", "v1")[x.below(5)]
    count = 1 if how == "v1" else (1, 1, 2, 2, 3)[x.below(5)]
    steps = {}
    for _ in range(count):
        letter = "vvlr"[x.below(4)]
        steps[x.id(nodes)] = letter
    words = " ".join(f"{letter}{id}" for id, letter in steps.items())
    return act.Change(x.who(nodes), how, words)


def _split(x: Numbers, nodes: int) -> Action:
    group = [id for id in range(1, nodes + 1) if x.below(2)]
    return act.Split(tuple(group or [x.id(nodes)]))


def _group(x: Numbers, nodes: int, id: int) -> tuple[int, ...]:
    """Return some nodes, `id` among them."""
    return tuple(n for n in range(1, nodes + 1) if x.below(2) or n == id)


def _elect(x: Numbers, nodes: int) -> list[Action]:
    """Let a node stand for election, and reach some of the others."""
    id = x.id(nodes)
    rounds = (2, 2, 3, 4)[x.below(4)]
    return [act.Stand(id), act.Settle(rounds, _group(x, nodes, id))]


def _rival(x: Numbers, nodes: int) -> list[Action]:
    """Let all be lost, and a node win a term with just enough of the others.

    It may get no further than that; who led before knows nothing of it.
    """
    id = x.id(nodes)
    others = [n for n in range(1, nodes + 1) if n != id]
    group = [id]
    for _ in range(nodes // 2):
        group.append(others.pop(x.below(len(others))))
    rounds = (2, 2, 2, 3, 4, 5, 6, 7)[x.below(8)]
    made: list[Action] = [act.Purge(), act.Stand(id)]
    made.append(act.Settle(rounds, tuple(sorted(group))))
    if x.below(2):
        made.append(act.Ready(id))
    return made


def _lonely(x: Numbers, nodes: int) -> list[Action]:
    """Let a leader write what nobody hears of."""
    id = x.who(nodes)
    made = [act.Propose(id)] * (1 + x.below(2))
    return [*made, *[act.Ready(id)] * x.below(2), act.Purge()]


def _beat(x: Numbers, nodes: int) -> list[Action]:
    """Let all be lost but a heartbeat, and what follows from it."""
    id = x.who(nodes)
    made: list[Action] = [act.Purge(), act.Tick(id)]
    if x.below(2):
        return [*made, act.Ready(id), act.Flow(x.id(nodes))]
    return [*made, act.Settle(1 + x.below(3), _group(x, nodes, id))]


def _talk(x: Numbers, nodes: int) -> list[Action]:
    """Let two nodes exchange some messages.

    With asynchronous storage their threads may lag behind.
    """
    a, b = x.pair(nodes)
    made: list[Action] = [act.Purge((a, b))] if x.below(2) else []
    if x.below(2):
        made.append(act.Tick(a))
    made += [act.Ready(a), act.Flow(b), act.Ready(b)]
    made += [act.Append(b)] * x.below(3)
    made += [act.Flow(a), act.Ready(a), act.Flow(b)]
    if x.below(2):
        made.append(act.Ready(b))
    return made


def _purge(x: Numbers, nodes: int) -> Action:
    return act.Purge((x.id(nodes),) if x.below(3) else ())


def _catch_up(x: Numbers, nodes: int) -> list[Action]:
    """Let the leader drop its log, so that a node may need a snapshot."""
    id = x.id(nodes)
    made: list[Action] = [act.Compact(act.LEADER), act.Purge()]
    made += [act.Tick(act.LEADER), act.Ready(act.LEADER), act.Flow(id)]
    made += [act.Ready(id), act.Append(id)][: 1 + x.below(2)]
    made += [act.Flow(act.LEADER), act.Ready(act.LEADER), act.Flow(id)]
    return made


def _both(x: Numbers, nodes: int) -> list[Action]:
    """Let two nodes stand at once: for the same term, if they were even."""
    a, b = x.id(nodes), x.id(nodes)
    return [act.Campaign(a), act.Campaign(b)]


def _write(x: Numbers, nodes: int) -> list[Action]:
    """Propose at a node, and let it reach some of the others, or nobody."""
    id = x.who(nodes)
    rounds = (0, 1, 1, 2)[x.below(4)]
    then = act.Settle(rounds, _group(x, nodes, id)) if rounds else act.Ready(id)
    return [act.Propose(id), then]


def _gather(x: Numbers, nodes: int) -> Action:
    return act.Settle((1, 1, 1, 2)[x.below(4)], _group(x, nodes, x.who(nodes)))


def _turn(x: Numbers, nodes: int) -> list[Action]:
    """Let 1 or 3 lead, by the votes of 4 and 5; of 2 nothing is heard."""
    id = (1, 3)[x.below(2)]
    rounds = (2, 2, 3, 4)[x.below(4)]
    made = [act.Stand(id), act.Settle(rounds, (id, 4, 5))]
    return [*made, act.Propose(id), act.Ready(id), act.Append(id)][
        : 2 + x.below(4)
    ]


def _hear(x: Numbers, nodes: int) -> list[Action]:
    """Let node 2 get what there is for it, and perhaps answer."""
    made: list[Action] = [act.Ready(act.LEADER), act.Flow(2), act.Ready(2)]
    made += [act.Append(2)] * x.below(3)
    if x.below(2):
        made += [act.Flow(act.LEADER), act.Ready(act.LEADER), act.Flow(2)]
    if x.below(3) == 0:
        made.append(act.Deliver(2, 2))
    return made


_KEEP = (0, 0, 0, 1, act.ALL)

MAKERS: dict[str, Maker] = {
    "tick": lambda x, n: act.Tick(x.who(n), (1, 1, 2, 3, 6)[x.below(5)]),
    "campaign": lambda x, n: act.Campaign(x.id(n)),
    "propose": lambda x, n: act.Propose(x.who(n)),
    "ready": lambda x, n: act.Ready(x.who(n)),
    "part": lambda x, n: act.Part(x.who(n)),
    "append": lambda x, n: act.Append(x.id(n)),
    "apply": lambda x, n: act.Apply(x.id(n)),
    "deliver": lambda x, n: act.Deliver(*x.pair(n), *_nth(x)),
    "local": lambda x, n: act.Deliver(*(x.id(n),) * 2),
    "lose": lambda x, n: act.Lose(*x.pair(n), (0, 0, 1)[x.below(3)]),
    "flow": lambda x, n: act.Flow(x.id(n)),
    "settle": lambda x, n: act.Settle((1, 1, 2, 3)[x.below(4)]),
    "gather": _gather,
    "elect": _elect,
    "write": _write,
    "both": _both,
    "catch up": _catch_up,
    "rival": _rival,
    "turn": _turn,
    "hear": _hear,
    "lonely": _lonely,
    "beat": _beat,
    "talk": _talk,
    "purge": _purge,
    "cut": lambda x, n: act.Cut(*x.pair(n)),
    "split": _split,
    "heal": lambda x, n: act.Heal(),
    "crash": lambda x, n: act.Crash(x.id(n), _KEEP[x.below(5)]),
    "restart": lambda x, n: act.Restart(x.id(n), _KEEP[x.below(5)]),
    "change": _change,
    "leave": lambda x, n: act.Leave(x.who(n)),
    "transfer": lambda x, n: act.Transfer(*x.pair(n)),
    "forget": lambda x, n: act.Forget(x.id(n)),
    "read": lambda x, n: act.Read(x.who(n)),
    "compact": lambda x, n: act.Compact(x.who(n), (0, 0, 1, 3)[x.below(4)]),
    "unreachable": lambda x, n: act.Unreachable(*x.pair(n)),
    "report": lambda x, n: act.Report(*x.pair(n), bool(x.below(2))),
}


def _nth(x: Numbers) -> tuple[int, bool]:
    return (0, 0, 1, 2)[x.below(4)], x.below(4) == 3


# How often each kind of action comes, in each mix.
_WORK = {"elect": 5, "campaign": 3, "write": 5, "gather": 8, "ready": 3,
         "flow": 3}
_STEPS = {"elect": 3, "campaign": 2, "write": 3, "gather": 2, "ready": 8,
          "deliver": 14}
_THREADS = {"append": 7, "apply": 3, "local": 9}
_NET = {"split": 3, "heal": 3, "cut": 1, "lose": 2, "purge": 2, "beat": 2}
_CRASH = {"restart": 4, "crash": 1, "part": 5}
MIXES: dict[str, dict[str, int]] = {
    "elections": {"both": 6, "campaign": 2, "gather": 12, "settle": 2,
                  "restart": 7},
    "rivals": {"rival": 10, "lonely": 5, "beat": 4, "gather": 2},
    "rivals and snapshots": {
        "rival": 6, "lonely": 6, "beat": 1, "catch up": 5, "talk": 3,
    },
    # A small scope on purpose: the storage of node 2 lags far behind while
    # 1 and 3 take turns to lead.
    "one slow disk": {"turn": 5, "hear": 9, "purge": 1},
    "messages": _STEPS | {"restart": 1, "lose": 1},
    "partitions": _WORK | _NET | {"tick": 3},
    "crashes": _WORK | _CRASH | {"split": 2, "heal": 1},
    "crashes and messages": _STEPS | _CRASH,
    "members": {"change": 7, "leave": 2, "gather": 12, "elect": 2,
                "write": 3, "deliver": 3, "split": 1, "heal": 1},
    "members and crashes": _WORK | _CRASH | {"change": 6, "leave": 2},
    "snapshots": _WORK | _NET | {"compact": 6, "report": 1, "restart": 2},
    "snapshots and messages": _STEPS | {
        "compact": 5, "report": 2, "restart": 2, "settle": 2, "change": 2,
    },
    "reads": _WORK | _NET | {"read": 8, "deliver": 4},
    "reads and members": _WORK | {
        "read": 8, "change": 4, "split": 2, "heal": 1, "restart": 1,
    },
    "clocks": {"tick": 14, "settle": 4, "flow": 6, "ready": 6, "propose": 2,
               "split": 2, "heal": 2, "forget": 1},
    "transfers": _WORK | {"transfer": 5, "tick": 4, "deliver": 4, "heal": 1,
                          "split": 1, "unreachable": 1},
    "everything": dict.fromkeys(MAKERS, 2) | _WORK | {"deliver": 8},
}  # fmt: skip
NAMES = tuple(MIXES)
# Mixes for a small scope: with what else they have, the rest would be lost.
SCOPES: dict[str, dict[str, object]] = {
    "elections": {},
    "rivals": {"asynchronous": False},
    "rivals and snapshots": {"asynchronous": True},
    "one slow disk": {"asynchronous": True, "nodes": 5},
}


def _tables(asynchronous: bool) -> list[tuple[Maker, ...]]:
    """Return, for each mix, the makers, each as often as it shall come."""
    tables = []
    for mix in MIXES.values():
        if asynchronous and "hear" not in mix:
            mix = mix | _THREADS
        tables.append(
            tuple(MAKERS[kind] for kind in mix for _ in range(mix[kind]))
        )
    return tables


TABLES = {flag: _tables(flag) for flag in (False, True)}


def decode(setup: Setup, which: int, numbers: list[int]) -> Schedule:
    """Return the schedule that some numbers stand for.

    Args:
        setup: What to begin with.
        which: Stands for the mix, and for who leads at first, if anybody.
        numbers: Each stands for an action, or for a few.
    """
    begin, mix = divmod(which, len(MIXES))
    begin = (0, 1, 1, min(2, setup.nodes))[begin % 4]
    scope = SCOPES.get(NAMES[mix])
    if scope is not None:
        setup = narrow(setup, scope)
        begin = begin or 1
    table = TABLES[setup.asynchronous][mix]
    nodes = setup.nodes
    taken: list[Action] = []
    if begin:
        # Most runs begin with a leader: without one, little happens.
        taken += [act.Campaign(begin), act.Settle(4)]
    for number in numbers:
        x = Numbers(number)
        made = table[x.below(len(table))](x, nodes)
        taken += made if isinstance(made, list) else [made]
    return Schedule(setup, tuple(taken))


def setup_of(number: int) -> Setup:
    """Return the setup that a number stands for."""
    x = Numbers(number)
    nodes = (3, 3, 3, 3, 5, 5, 5, 4, 2, 1)[x.below(10)]
    outside = (0, 0, 0, 1, 2)[x.below(5)]
    learns = (0, 0, 0, 0, 1)[x.below(5)]
    inside = max(1, nodes - outside)
    voters = max(1, inside - learns)
    lease = x.below(10) == 9
    return Setup(
        nodes=nodes,
        voters=tuple(range(1, voters + 1)),
        learners=tuple(range(voters + 1, inside + 1)),
        start=("snapshot", "snapshot", "fresh", "bootstrap")[x.below(4)]
        if not learns
        else ("snapshot", "fresh")[x.below(2)],
        asynchronous=x.below(5) >= 3,
        pre_vote=x.below(6) == 5,
        check_quorum=x.below(6) == 5,
        lease=lease,
        step_down=x.below(4) == 3,
        no_forward=x.below(12) == 11,
        small=x.below(3) == 2,
        inflight=(8, 8, 8, 1, 2)[x.below(5)],
        seed=x.below(4),
    )


def narrow(setup: Setup, scope: dict[str, object]) -> Setup:
    """Return a setup that is plain but for its storage and message size."""
    plain = Setup(
        nodes=3,
        asynchronous=setup.asynchronous,
        small=setup.small,
        seed=setup.seed,
    )._replace(**scope)
    return plain._replace(voters=tuple(range(1, plain.nodes + 1)))


# Above 24 bits, hypothesis prefers small numbers, and most of what is taken
# from a number would be 0.
BITS = 24
_NUMBER = st.integers(0, (1 << BITS) - 1)


@st.composite
def schedules(
    draw: st.DrawFn, size: int = 30, mixes: tuple[str, ...] = NAMES
) -> Schedule:
    """Draw a schedule of so many actions, some of which do nothing."""
    setup = 0
    for _ in range(3):
        setup = (setup << BITS) + draw(_NUMBER)
    begin, mix = divmod(draw(st.integers(0, 4 * len(mixes) - 1)), len(mixes))
    numbers = draw(st.lists(_NUMBER, min_size=size, max_size=size))
    which = begin * len(NAMES) + NAMES.index(mixes[mix])
    return decode(setup_of(setup), which, numbers)
