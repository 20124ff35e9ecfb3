"""What the observer sees, for the tests of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from book.weave.catalogue import AtStep, Catalogue, Key, directives, load
from port import raftpb as pb
from port.raft import Config
from port.rafttest.datadriven import Directive
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.observe import Sink, Transition, WatchedRawNode, watch

ROOT = Path(__file__).parents[2]


class WatchedEnv(InteractionEnv):
    """A cluster whose nodes are watched, from when they start.

    Attributes:
        sink: Who is told.
    """

    __slots__ = ("sink",)

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.sink = sink

    def add_nodes(self, n: int, cfg: Config, snap: pb.Snapshot) -> None:
        """Start nodes, and watch them."""
        super().add_nodes(n, cfg, snap)
        self._watch()

    def restart(self, idx: int) -> None:
        """Restart a node, and watch it."""
        super().restart(idx)
        self._watch()

    def _watch(self) -> None:
        for node in self.nodes:
            if not isinstance(node.raw_node, WatchedRawNode):
                node.raw_node = watch(node.raw_node, self.sink)


def play(script: Iterable[Directive], sink: Sink) -> None:
    """Play a script, and tell `sink` all that is seen."""
    env = WatchedEnv(sink)
    for d in script:
        env.handle(d)


@cache
def steps(scenario: str) -> tuple[frozenset[Transition], ...]:
    """Return what each step of a scenario shows."""
    shown: list[frozenset[Transition]] = []
    seen: list[Transition] = []
    env = WatchedEnv(seen.append)
    for d in directives(ROOT, scenario):
        env.handle(d)
        shown.append(frozenset(seen))
        seen.clear()
    return tuple(shown)


def at(place: AtStep) -> frozenset[Transition]:
    """Return what a step shows."""
    return steps(place.scenario)[place.step - 1]


@cache
def catalogue() -> Catalogue:
    """Return the book's catalogue."""
    return load(ROOT)


def see(*ids: str, among: Iterable[Transition]) -> None:
    """Hold what was seen against the rows that a test shows.

    Every move of each row has to be there, one for each of its causes, but
    for those that the steps show that the row names beside the test.
    """
    seen: set[Key] = {tuple(t) for t in among}
    for id in ids:
        row = catalogue().row(id)
        stepped = {
            tuple(t)
            for place in row.seen
            if isinstance(place, AtStep)
            for t in at(place)
        }
        missing = [k for k in row.keys if k not in seen and k not in stepped]
        assert not missing, (id, missing, sorted(seen))
        assert seen & set(row.keys), f"{id} is not shown by this test at all"
