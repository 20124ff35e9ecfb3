"""PySyncObj's core on the work of `core.py`: three nodes, messages by hand."""

from __future__ import annotations

import logging
import time
from collections import deque

from pysyncobj import SyncObj, SyncObjConf
from pysyncobj.node import Node
from pysyncobj.transport import Transport

logging.getLogger("pysyncobj").setLevel(logging.ERROR)

NAMES = ["a", "b", "c"]


class Wire(Transport):
    """Puts each message into the other node's queue."""

    def __init__(self, name: str, queues: dict[str, deque]) -> None:
        super().__init__(None, None, None)
        self.name = name
        self.queues = queues
        self.me = Node(name)

    @property
    def ready(self) -> bool:
        return True

    def send(self, node: Node, message: object) -> bool:
        self.queues[node.id].append((self.me, message))
        return True

    def connect(self) -> None:
        for name in NAMES:
            if name != self.name:
                self._onNodeConnected(Node(name))

    def deliver(self) -> bool:
        queue = self.queues[self.name]
        if not queue:
            return False
        while queue:
            self._onMessageReceived(*queue.popleft())
        return True

    def addNode(self, node: Node) -> None: ...

    def dropNode(self, node: Node) -> None: ...

    def destroy(self) -> None: ...


class Cluster:
    """Three nodes over three wires, and a leader among them."""

    def __init__(self, use_batch: bool) -> None:
        self.use_batch = use_batch
        queues: dict[str, deque] = {name: deque() for name in NAMES}
        self.wires = [Wire(name, queues) for name in NAMES]
        self.nodes = []
        self.confs = []
        for name, wire in zip(NAMES, self.wires, strict=True):
            conf = SyncObjConf(
                autoTick=False, dynamicMembershipChange=False,
                raftMinTimeout=0.05, raftMaxTimeout=0.2, useFork=False,
                appendEntriesPeriod=0.01, leaderFallbackTimeout=1e9,
                appendEntriesUseBatch=use_batch,
                logCompactionMinEntries=10**9, logCompactionMinTime=10**9,
            )  # fmt: skip
            self.confs.append(conf)
            others = [Node(n) for n in NAMES if n != name]
            self.nodes.append(
                SyncObj(Node(name), others, conf, transport=wire)
            )
        for wire in self.wires:
            wire.connect()
        self.leader = self._elect()

    def _elect(self) -> SyncObj:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self._turn()
            for node in self.nodes:
                if node._isLeader():
                    # Neither elections nor heartbeats from here on.
                    for conf, n in zip(self.confs, self.nodes, strict=True):
                        conf.appendEntriesPeriod = 1000.0
                        conf.raftMinTimeout = conf.raftMaxTimeout = 1e9
                        n._SyncObj__raftElectionDeadline = float("inf")
                    last = node._SyncObj__getCurrentLogIndex()
                    while self.applied() != [last] * 3:
                        node._SyncObj__sendAppendEntries()
                        self._settle()
                    return node
        raise RuntimeError("no leader")

    def _turn(self) -> bool:
        busy = False
        for node, wire in zip(self.nodes, self.wires, strict=True):
            busy |= wire.deliver()
            node.doTick()
        return busy

    def _settle(self) -> None:
        while self._turn():
            pass

    def applied(self) -> list[int]:
        """Returns the last applied index of each node."""
        return [n._SyncObj__raftLastApplied for n in self.nodes]

    def run(self, data: bytes, batch: int, entries: int) -> float:
        """Returns microseconds of CPU an entry until all three applied it."""
        # A command that every node takes and none acts upon: type 1, no-op.
        command = bytes([1]) + data
        target = self.leader._SyncObj__getCurrentLogIndex()
        start = time.process_time()
        for _ in range(entries // batch):
            for _ in range(batch):
                self.leader._applyCommand(command, None)
            target += batch
            if self.use_batch:  # its timer would do this once a period
                self.leader._checkCommandsToApply()
                self.leader._SyncObj__sendAppendEntries()
            while self.applied() != [target] * 3:
                if not self._turn() and self.use_batch:
                    self.leader._SyncObj__sendAppendEntries()
        return (time.process_time() - start) / entries * 1e6
