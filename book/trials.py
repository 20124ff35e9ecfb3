"""Small clusters on a simulated wire, for the chapter on configuration.

Time is counted in rounds. In each one some nodes tick, what is due is
delivered, and every node handles its `Ready`s. All chance comes from a seed,
so a trial prints the same numbers each time: `python -m book.trials`. The
chapter *Configuration that bites* shows them, and `tests/book/test_config.py`
sees that they agree.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Final, TypedDict, Unpack

from port import raftpb as pb
from port.errors import Compacted, ProposalDropped
from port.logger import discard_logger
from port.raft import Config, StateLeader
from port.rawnode import RawNode
from port.storage import MemoryStorage
from port.types import (
    NO_LIMIT,
    SnapshotFinish,
    is_empty_snap,
)

Row = tuple[object, ...]


class Options(TypedDict, total=False):
    """What a trial may change in `Config`."""

    election_tick: int
    check_quorum: bool
    pre_vote: bool
    max_size_per_msg: int
    max_committed_size_per_ready: int
    max_uncommitted_entries_size: int
    max_inflight_msgs: int


class _Chance:
    """Random numbers of a seed, as raft wants them."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def intn(self, n: int) -> int:
        return int(self._random.random() * n)


class Cluster:
    """Three nodes, or another number, and the wires between them.

    Attributes:
        nodes: The nodes by number.
        stores: Their storage.
        now: Which round it is.
        cut: Wires, as (from, to), that deliver nothing.
        won: How many elections have been won.
        sent: How many messages of each type have been sent to each node.
        applied: How many entries each node has applied.
        readys: How many `Ready`s each node has handled.
    """

    def __init__(
        self,
        size: int = 3,
        *,
        seed: int = 1,
        delay: int = 1,
        slow: int = 0,
        loss: float = 0.0,
        rounds_per_tick: int = 1,
        keep: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Starts the nodes; nobody leads yet.

        Args:
            size: How many nodes.
            seed: Where all chance comes from.
            delay: How many rounds a message is under way,
            slow: and one with a snapshot, if longer.
            loss: The share of messages that get lost.
            rounds_per_tick: How many rounds a tick takes.
            keep: After each entry applied, a node makes a snapshot and
                compacts its log down to this many entries; `None`: never.
            options: What differs from the plainest configuration.
        """
        self.random = Random(seed)
        self.delay, self.slow, self.loss = delay, slow, loss
        self.rounds_per_tick, self.keep = rounds_per_tick, keep
        self.now = self.won = 0
        self.cut: set[tuple[int, int]] = set()
        self.sent: Counter[tuple[str, int]] = Counter()
        self.applied: Counter[int] = Counter()
        self.readys: Counter[int] = Counter()
        self._wire: dict[int, list[pb.Message]] = {}
        self.stores: dict[int, MemoryStorage] = {}
        self.nodes: dict[int, RawNode] = {}
        members = pb.ConfState(voters=list(range(1, size + 1)))
        start = pb.SnapshotMetadata(members, index=1, term=1)
        settings: Options = {
            "election_tick": 10,
            "max_size_per_msg": NO_LIMIT,
            "max_committed_size_per_ready": NO_LIMIT,
            "max_inflight_msgs": 256,
            **options,
        }
        for id in range(1, size + 1):
            self.stores[id] = MemoryStorage()
            self.stores[id].apply_snapshot(pb.Snapshot(metadata=start))
            self.nodes[id] = RawNode(
                Config(
                    id=id, heartbeat_tick=1, storage=self.stores[id],
                    logger=discard_logger, rand=_Chance(self.random),
                    **settings,
                )
            )  # fmt: skip

    def leaders(self) -> list[int]:
        """Returns who believes to lead."""
        return [
            id for id, n in self.nodes.items()
            if n.raft.state is StateLeader
        ]

    def isolate(self, id: int) -> None:
        """Cuts all wires of a node."""
        for other in self.nodes:
            self.cut |= {(id, other), (other, id)}

    def elect(self, id: int) -> None:
        """Has a node win an election, and everybody hear of it."""
        self.nodes[id].campaign()
        self.run(4 * self.delay + 4)

    def run(
        self, rounds: int, each: Callable[[], object] | None = None
    ) -> None:
        """Lets time pass; `each` is called at the start of a round."""
        for _ in range(rounds):
            self.now += 1
            if each is not None:
                each()
            if self.now % self.rounds_per_tick == 0:
                for node in self.nodes.values():
                    node.tick()
            for m in self._wire.pop(self.now, []):
                self._deliver(m)
            for id in self.nodes:
                self._handle(id)

    def _deliver(self, m: pb.Message) -> None:
        to, from_ = m.to or 0, m.from_ or 0
        if (from_, to) in self.cut or self.random.random() < self.loss:
            return
        self.nodes[to].step(m)
        if m.type is pb.MsgSnap:
            self.nodes[from_].report_snapshot(to, SnapshotFinish)

    def _handle(self, id: int) -> None:
        node, store = self.nodes[id], self.stores[id]
        while node.has_ready():
            rd = node.ready()
            self.readys[id] += 1
            if rd.soft_state and rd.soft_state.raft_state is StateLeader:
                self.won += rd.soft_state.lead == id
            if rd.snapshot is not None and not is_empty_snap(rd.snapshot):
                store.apply_snapshot(rd.snapshot)
            if rd.hard_state is not None:
                store.set_hard_state(rd.hard_state)
            store.append(rd.entries)
            for m in rd.messages:
                self.sent[str(m.type), m.to or 0] += 1
                late = max(self.slow, self.delay)
                wait = late if m.type is pb.MsgSnap else self.delay
                self._wire.setdefault(self.now + wait, []).append(m)
            self.applied[id] += len(rd.committed_entries)
            if rd.committed_entries and self.keep is not None:
                last = rd.committed_entries[-1].index or 0
                store.create_snapshot(last, None, b"")
                with suppress(Compacted):
                    store.compact(last - self.keep)
            node.advance(rd)


def propose(c: Cluster, id: int, count: int, size: int = 100) -> int:
    """Proposes entries, one by one; returns how many were not refused."""
    taken = 0
    for _ in range(count):
        try:
            c.nodes[id].propose(bytes(size))
        except ProposalDropped:
            continue
        taken += 1
    return taken


# -- trials


def silence() -> Iterator[Row]:
    """Elections in 2,000 ticks, though every node is in good health."""
    for election_tick in (2, 3, 5, 10):
        row: list[object] = [election_tick]
        for loss in (0.01, 0.1, 0.3):
            c = Cluster(
                election_tick=election_tick, loss=loss, rounds_per_tick=4
            )
            c.run(8000)
            row.append(c.won - 1)
        yield tuple(row)


def guards() -> Iterator[Row]:
    """What pre-vote and check-quorum do, alone and together."""
    for pre_vote in (False, True):
        for check_quorum in (False, True):
            both: Options = {
                "pre_vote": pre_vote, "check_quorum": check_quorum,
            }  # fmt: skip
            yield (
                "on" if pre_vote else "off",
                "on" if check_quorum else "off",
                _returns(both),
                _without(both, (1, 3), (3, 1)),
                _without(both, (1, 3), (2, 3)),
                _cut_leader(both),
            )  # fmt: skip


def _returns(options: Options) -> int:
    """Elections won after a node has been away for 100 ticks."""
    c = Cluster(rounds_per_tick=4, **options)
    c.elect(1)
    c.isolate(3)
    c.run(400)
    before = c.won
    c.cut.clear()
    c.run(400)
    return c.won - before


def _without(options: Options, *wires: tuple[int, int]) -> int:
    """Elections won in 1,000 ticks without these wires; node 1 leads."""
    c = Cluster(rounds_per_tick=4, **options)
    c.elect(1)
    before = c.won
    c.cut = set(wires)
    c.run(4000)
    return c.won - before


def _cut_leader(options: Options) -> str:
    """After how many ticks a leader that is cut off gives up."""
    c = Cluster(rounds_per_tick=4, **options)
    c.elect(1)
    c.isolate(1)
    for ticks in range(1, 101):
        c.run(4)
        if 1 not in c.leaders():
            return str(ticks)
    return "never"


def window() -> Iterator[Row]:
    """Entries committed a round, with answers that take ten rounds."""
    for inflight in (1, 4, 16, 64, 256):
        row: list[object] = [inflight]
        for size in (0, 1024, NO_LIMIT):
            c = Cluster(
                delay=5, rounds_per_tick=100, max_inflight_msgs=inflight,
                max_size_per_msg=size,
            )  # fmt: skip
            c.elect(1)
            c.run(150, lambda c=c: propose(c, 1, 20))  # type: ignore[misc]
            before = c.applied[1]
            c.run(100, lambda c=c: propose(c, 1, 20))  # type: ignore[misc]
            row.append(round((c.applied[1] - before) / 100, 1))
        yield tuple(row)


def cadence() -> Iterator[Row]:
    """A follower that was away for 100 entries, by how many are kept."""
    for keep in (0, 50, 150):
        c = Cluster(rounds_per_tick=4, keep=keep)
        c.elect(1)
        c.isolate(3)
        c.run(100, lambda c=c: propose(c, 1, 1))  # type: ignore[misc]
        c.cut.clear()
        c.sent.clear()
        c.run(100)
        behind = c.applied[1] - c.nodes[3].raft.raft_log.applied + 1
        yield keep, c.sent["MsgSnap", 3], behind


def chase() -> Iterator[Row]:
    """The same, with a snapshot that takes 60 rounds and a write a round."""
    for keep in (20, 50, 80):
        c = Cluster(rounds_per_tick=4, keep=keep, slow=60)
        c.elect(1)
        c.isolate(3)
        c.run(200, lambda c=c: propose(c, 1, 1))  # type: ignore[misc]
        c.cut.clear()
        c.sent.clear()
        c.run(1000, lambda c=c: propose(c, 1, 1))  # type: ignore[misc]
        log = c.nodes[3].raft.raft_log
        yield keep, c.sent["MsgSnap", 3], c.applied[1] - log.applied + 1


def sizes() -> Iterator[Row]:
    """How 1,000 entries of 100 bytes reach a follower that was away."""
    for size in (0, 1024, 64 * 1024, NO_LIMIT):
        c = Cluster(rounds_per_tick=4, max_size_per_msg=size)
        c.elect(1)
        c.isolate(3)
        propose(c, 1, 1000)
        c.run(20)
        c.cut.clear()
        c.sent.clear()
        before = c.readys[3]
        rounds = 0
        while c.applied[3] < c.applied[1]:
            c.run(1)
            rounds += 1
        shown = "no limit" if size == NO_LIMIT else size
        yield shown, c.sent["MsgApp", 3], rounds, c.readys[3] - before


def flood() -> Iterator[Row]:
    """What a leader that is cut off takes of 10,000 proposals."""
    for limit in (0, 64 * 1024, 256 * 1024):
        c = Cluster(max_uncommitted_entries_size=limit)
        c.elect(1)
        c.isolate(1)
        yield limit or "no limit", propose(c, 1, 10_000)


TRIALS: Final[dict[str, tuple[str, Callable[[], Iterator[Row]]]]] = {
    "silence": ("election_tick | 1 % | 10 % | 30 %", silence),
    "guards": (
        "pre-vote | check-quorum | returns | a wire | deaf | cut leader",
        guards,
    ),
    "window": ("inflight | one entry | 1 KiB | no limit", window),
    "cadence": ("keep | snapshots | behind", cadence),
    "chase": ("keep | snapshots | behind", chase),
    "sizes": ("max size | messages | rounds | Readys", sizes),
    "flood": ("limit | taken", flood),
}  # fmt: skip


def main(names: Sequence[str]) -> None:
    """Prints the trials of these names, or all."""
    if strange := [name for name in names if name not in TRIALS]:
        raise SystemExit(
            f"There is no trial {strange[0]!r}; there are"
            f" {', '.join(TRIALS)}."
        )
    for name in names or TRIALS:
        head, trial = TRIALS[name]
        print(f"{name}: {(trial.__doc__ or '').splitlines()[0]}")
        print(head)
        for row in trial():
            print(" | ".join(map(str, row)))
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
