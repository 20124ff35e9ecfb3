"""Runs the scripts of upstream's `quorum/testdata`.

The commands are `committed` and `vote`. Both take the voters as `cfg=(1,2)`
and, for a joint quorum, the other half as `cfgj=(2,3)`, or `cfgj=zero` for a
joint quorum whose other half is empty. Then comes what each voter says, in
the order in which `cfg` and `cfgj` first name them: `idx=(5,_,7)` or
`votes=(y,_,n)`. An underscore is a voter not heard of.

Every answer is computed in further ways that must agree: by a plain
algorithm, with the halves exchanged, and so on. One that does not agree is
printed beside the answer, where no script expects it.

Upstream does this in tests, `quorum/datadriven_test.go` and `quick_test.go`;
here it is part of the command line too.
"""

from __future__ import annotations

from collections.abc import Iterator

from port.quorum import (
    INFINITY,
    AckedIndexer,
    Index,
    JointConfig,
    MajorityConfig,
    MapAckIndexer,
)
from port.rafttest.datadriven import Arg, Directive

# How the letters of `votes` are kept among numbers. 0 is not heard of, as
# it is among indexes.
LETTERS = {"_": 0, "n": 1, "y": 2}


class _Case:
    """The arguments of a directive, read.

    Attributes:
        ids: The voters of `cfg`.
        idsj: Those of `cfgj`.
        joint: `cfgj` was given.
        indexes: The numbers of `idx`; 0 stands for an underscore.
        votes: The letters of `votes`, as numbers.
    """

    __slots__ = ("ids", "idsj", "indexes", "joint", "votes")

    def __init__(self, directive: Directive) -> None:
        self.ids: list[int] = []
        self.idsj: list[int] = []
        self.joint = False
        self.indexes: list[int] = []
        self.votes: list[int] = []
        for arg in directive.args:
            self._read(arg)

    def _read(self, arg: Arg) -> None:
        if arg.key == "cfg":
            self.ids += arg.numbers()
        elif arg.key == "cfgj":
            self.joint = True
            if arg.vals != ["zero"]:
                self.idsj += arg.numbers()
        elif arg.key == "idx":
            self.indexes += (_index(arg, i) for i in range(len(arg.vals)))
        elif arg.key == "votes":
            self.votes += (_vote(arg, i) for i in range(len(arg.vals)))
        else:
            raise arg.error(f"unknown argument {arg.key}")

    def said(self, values: list[int]) -> MapAckIndexer:
        """Returns who said what, without those not heard of."""
        voters = list(dict.fromkeys(self.ids + self.idsj))
        pairs = zip(voters, values, strict=True)
        return MapAckIndexer((id, value) for id, value in pairs if value)


class QuorumHandler:
    """Computes what quorums have committed and decided; keeps no state."""

    __slots__ = ()

    def handle(self, directive: Directive) -> str:
        """Carries out one directive and returns what it prints.

        Raises:
            Malformed: the directive is neither, or an argument cannot be
                read.
        """
        if directive.cmd not in ("committed", "vote"):
            raise directive.error(f"unknown command: {directive.cmd}")
        case = _Case(directive)
        incoming, outgoing = MajorityConfig(case.ids), MajorityConfig(case.idsj)
        both = JointConfig(incoming, outgoing)
        values = case.votes if directive.cmd == "vote" else case.indexes
        if len(both.ids()) != len(values):
            voters = " ".join(f"{id}:{{}}" for id in sorted(both.ids()))
            given = " ".join(str(value) for value in values)
            return (
                "error: mismatched input (explicit or _) for voters"
                f" map[{voters}]: [{given}]"
            )
        said = case.said(values)
        if directive.cmd == "vote":
            votes = {id: value == LETTERS["y"] for id, value in said.items()}
            return "".join(_vote_lines(both, case.joint, votes))
        if case.joint:
            return "".join(_joint_lines(both, said))
        return "".join(_majority_lines(incoming, said))


def plain_committed_index(config: MajorityConfig, acked: AckedIndexer) -> int:
    """Finds the committed index without any cleverness, to check the other.

    For each index that somebody acknowledged, it counts who acknowledged
    that or a higher one, and takes the highest that has a majority.
    """
    if not config:
        return INFINITY
    known = [
        index
        for id in config
        if (index := acked.acked_index(id)) is not None
    ]
    majority = len(config) // 2 + 1
    return max(
        (
            index
            for index in known
            if sum(other >= index for other in known) >= majority
        ),
        default=0,
    )


def _majority_lines(
    config: MajorityConfig, acked: MapAckIndexer
) -> Iterator[str]:
    index = config.committed_index(acked)
    yield config.describe(acked)
    others = {
        "alternative computation": plain_committed_index(config, acked),
        "zero-joint quorum": JointConfig(config).committed_index(acked),
        "self-joint quorum": JointConfig(config, config).committed_index(
            acked
        ),
    }
    for way, other in others.items():
        if other != index:
            yield f"{Index(other)} <-- via {way}\n"
    # A voter that is behind the committed index has no part in it, so it
    # makes no difference if it is further behind.
    for id in config:
        mine = acked.acked_index(id) or 0
        if not 0 < mine < index:
            continue
        for lower, shown in ((mine - 1, mine), (0, 0)):
            overlaid = MapAckIndexer({**acked, id: lower})
            if (other := config.committed_index(overlaid)) != index:
                yield f"{Index(other)} <-- overlaying {id}->{shown}"
    yield f"{Index(index)}\n"


def _joint_lines(config: JointConfig, acked: MapAckIndexer) -> Iterator[str]:
    yield config.describe(acked)
    index = config.committed_index(acked)
    swapped = JointConfig(config.outgoing, config.incoming)
    if (other := swapped.committed_index(acked)) != index:
        yield f"{Index(other)} <-- via symmetry\n"
    yield f"{Index(index)}\n"


def _vote_lines(
    config: JointConfig, joint: bool, votes: dict[int, bool]
) -> Iterator[str]:
    if not joint:
        yield f"{config.incoming.vote_result(votes)}\n"
        return
    result = config.vote_result(votes)
    swapped = JointConfig(config.outgoing, config.incoming)
    if (other := swapped.vote_result(votes)) is not result:
        yield f"{other} <-- via symmetry\n"
    yield f"{result}\n"


def _index(arg: Arg, i: int) -> int:
    if arg.text(i) == "_":
        return 0
    if (index := arg.number(i)) == 0:
        raise arg.error("cannot use 0 as idx: it would read as not heard of")
    return index


def _vote(arg: Arg, i: int) -> int:
    if (letter := arg.text(i)) not in LETTERS:
        raise arg.error(f"unknown vote: {letter}")
    return LETTERS[letter]
