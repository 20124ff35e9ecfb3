"""A cluster in one process, whose network a test has in its hands.

Messages are delivered one at a time, oldest first, until nobody has anything
left to say; everything is stored at once. No clock runs, nothing is random.
A test may cut links, ignore a type of message, or look at each message and
keep it. What was delivered is printed: pytest shows it when a test fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Unpack

from port import raftpb as pb
from port.errors import ProposalDropped
from port.raft import Raft, StateType
from port.storage import MemoryStorage
from port.util import describe_message
from tests.port.raft.nodes import (
    Options,
    beat,
    hup,
    log_of,
    node,
    proposal,
    read_index,
    storage,
    take_messages,
    tick,
)


class Network:
    """Nodes, and the links between them.

    Attributes:
        nodes: The nodes by id.
        stores: Their disks, where `cluster` has made the nodes.
        black_holes: Members that take every message and never answer.
        passes: Shown every message that is about to leave a node; says which
            ones may. `None` lets all of them leave.
    """

    def __init__(
        self, nodes: Iterable[Raft], black_holes: Collection[int] = ()
    ) -> None:
        self.nodes = {r.id: r for r in nodes}
        self.stores: dict[int, MemoryStorage] = {}
        self.black_holes = frozenset(black_holes)
        self.passes: Callable[[pb.Message], bool] | None = None
        self._cut: set[tuple[int, int]] = set()
        self._ignored: set[pb.MessageType] = set()

    def __getitem__(self, id: int) -> Raft:
        return self.nodes[id]

    # -- what the clients and the clock do

    def send(self, *msgs: pb.Message) -> None:
        """Delivers messages, and all that follows from them.

        A dropped proposal is what it is to a real application as well: no
        reason to stop.
        """
        queue = deque(msgs)
        while queue:
            m = queue.popleft()
            print(describe_message(m))
            to = m.to or 0
            if to in self.black_holes:
                continue
            r = self.nodes[to]
            with suppress(ProposalDropped):
                r.step(m)
            queue.extend(filter(self._may_leave, take_messages(r)))

    def campaign(self, id: int) -> None:
        """Makes a node campaign."""
        self.send(hup(id))

    def beat(self, id: int) -> None:
        """Makes a leader send heartbeats."""
        self.send(beat(id))

    def propose(self, id: int, data: bytes | None = None) -> None:
        """Brings a proposal to a node."""
        self.send(proposal(id, data))

    def read(self, id: int, ctx: bytes) -> None:
        """Asks a node for a read."""
        self.send(read_index(id, ctx))

    def transfer(self, transferee: int, *, asked: int) -> None:
        """Asks the node `asked` that the leader hand over to another."""
        self.send(
            pb.Message(type=pb.MsgTransferLeader, from_=transferee, to=asked)
        )

    def heartbeat(self, from_: int, to: int) -> None:
        """Delivers a heartbeat that a node has sent in its present term."""
        self.send(
            pb.Message(
                type=pb.MsgHeartbeat, from_=from_, to=to,
                term=self.nodes[from_].term,
            )
        )  # fmt: skip

    def time_out(self, id: int) -> None:
        """Lets a node's election timeout pass, and delivers what it says."""
        r = self.nodes[id]
        tick(r, r.randomized_election_timeout)
        self.flush(id)

    def flush(self, id: int) -> None:
        """Delivers what a node has to say after a test had it to itself."""
        self.send(*filter(self._may_leave, take_messages(self.nodes[id])))

    # -- what the network does

    def cut(self, one: int, other: int) -> None:
        """Cuts the link between two members, both ways."""
        self._cut |= {(one, other), (other, one)}

    def isolate(self, id: int) -> None:
        """Cuts all links of a member."""
        for other in [*self.nodes, *self.black_holes]:
            if other != id:
                self.cut(id, other)

    def ignore(self, kind: pb.MessageType) -> None:
        """Loses all messages of a type from here on."""
        self._ignored.add(kind)

    def heal(self) -> None:
        """Mends all links, and ignores no type any more."""
        self._cut.clear()
        self._ignored.clear()

    def _may_leave(self, m: pb.Message) -> bool:
        """Tells whether a message gets through."""
        if m.type is pb.MsgHup:
            raise AssertionError(f"a node never sends {m}: it is local")
        return (
            m.type not in self._ignored
            and (m.from_, m.to) not in self._cut
            and (self.passes is None or self.passes(m))
        )

    # -- what there is to see

    def states(self) -> dict[int, StateType]:
        """Returns every node's role."""
        return {id: r.state for id, r in self.nodes.items()}

    def terms(self) -> dict[int, int]:
        """Returns every node's term."""
        return {id: r.term for id, r in self.nodes.items()}

    def commits(self) -> dict[int, int]:
        """Returns every node's commit index."""
        return {id: r.raft_log.committed for id, r in self.nodes.items()}

    def logs(self) -> dict[int, list[tuple[int, int, bytes]]]:
        """Returns every node's log; see `log_of`."""
        return {id: log_of(r) for id, r in self.nodes.items()}


def cluster(
    size: int = 3,
    *,
    dead: Collection[int] = (),
    **options: Unpack[Options],
) -> Network:
    """Returns a network of new nodes, numbered from 1.

    Args:
        size: How many voters there are.
        dead: Which of them are black holes.
        options: Those of every node; see `node`.
    """
    members = range(1, size + 1)
    stores = {id: storage(members) for id in members if id not in dead}
    net = Network(
        [node(id, store, **options) for id, store in stores.items()], dead
    )
    net.stores = stores
    return net
