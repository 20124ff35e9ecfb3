"""A `RawNode` whose every call is watched: the door to the observer."""

from __future__ import annotations

from port import raftpb as pb
from port.rafttest.observe.observer import Observer
from port.rafttest.observe.transition import Sink
from port.rawnode import RawNode
from port.types import Peer, Ready, SnapshotStatus


class WatchedRawNode(RawNode):
    """A `RawNode` whose every call is watched.

    Attributes:
        observer: What watches it.
    """

    __slots__ = ("observer",)

    def __init__(self, node: RawNode, observer: Observer) -> None:
        # Not made anew: it takes the place of `node`, which is not to be
        # used any more.
        for name in RawNode.__slots__:
            setattr(self, name, getattr(node, name))
        self.observer = observer

    def bootstrap(self, peers: list[Peer]) -> None:
        with self.observer.during("bootstrap"):
            super().bootstrap(peers)

    def tick(self) -> None:
        with self.observer.during("tick"):
            super().tick()

    def campaign(self) -> None:
        with self.observer.during("campaign"):
            super().campaign()

    def propose(self, data: bytes | None) -> None:
        with self.observer.during("propose"):
            super().propose(data)

    def propose_conf_change(self, cc: pb.ConfChangeI | None) -> None:
        with self.observer.during("propose_conf_change"):
            super().propose_conf_change(cc)

    def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        with self.observer.during("apply_conf_change"):
            return super().apply_conf_change(cc)

    def step(self, m: pb.Message) -> None:
        with self.observer.during("step"):
            super().step(m)

    def ready(self) -> Ready:
        with self.observer.during("ready"):
            return super().ready()

    def advance(self, rd: Ready) -> None:
        with self.observer.during("advance"):
            super().advance(rd)

    def report_unreachable(self, id: int) -> None:
        with self.observer.during("report_unreachable"):
            super().report_unreachable(id)

    def report_snapshot(self, id: int, status: SnapshotStatus) -> None:
        with self.observer.during("report_snapshot"):
            super().report_snapshot(id, status)

    def transfer_leader(self, transferee: int) -> None:
        with self.observer.during("transfer_leader"):
            super().transfer_leader(transferee)

    def forget_leader(self) -> None:
        with self.observer.during("forget_leader"):
            super().forget_leader()

    def read_index(self, rctx: bytes | None) -> None:
        with self.observer.during("read_index"):
            super().read_index(rctx)


def watch(node: RawNode, sink: Sink) -> WatchedRawNode:
    """Returns a node in place of `node` that tells `sink` what it does."""
    return WatchedRawNode(node, Observer(node.raft, sink))
