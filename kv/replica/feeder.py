"""When raft is handed what waits, and how much of it at once.

One message with many entries costs raft a small part of what as many messages
would. So whatever waits goes together. While the loop is saving, no write is
handed over, for what raft takes then would not leave before the next round
anyway; so the rounds themselves make the batches, the larger the higher the
load. For reads likewise: all that wait go into one question for raft's read
index.

As a rule raft waits for it, and takes it on the spot. If it does not, because
it is in the middle of something, that is tried a few times more, since what
comes meanwhile can go along; then a task waits in our place.

What raft says to a batch lies in a channel until somebody looks (`collect`).
That is soon enough before anything of the same round is stored or sent.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from kv.replica.answers import REFUSED
from kv.replica.reads import Reads
from kv.replica.tasks import Tasks
from kv.replica.writes import Write, Writes
from kv.world import Clock
from port import raftpb as pb
from port.chan import Chan, Recv, Send, select, try_select
from port.errors import ProposalDropped
from port.node import _MsgWithResult, _Node
from port.raft import StateLeader

TRIES: Final = 4  # to hand a batch over, before a task waits for it
BACK_OFF: Final = 0.01  # seconds until what raft refused is tried again


class Handed(NamedTuple):
    """A batch that raft was handed, and in which term, if this node led."""

    batch: list[Write]
    proposal: _MsgWithResult
    term: int


class Feeder:
    """Hands writes and questions to raft.

    Attributes:
        writes: Those that wait, and those that were handed over.
        reads: Likewise.
        led: Whether a leader is known: else raft takes nothing.
        saving: Whether the loop is saving.
    """

    def __init__(
        self, clock: Clock, tasks: Tasks, writes: Writes, reads: Reads
    ) -> None:
        """Has itself told whenever something new waits."""
        self.writes = writes
        self.reads = reads
        self.led = False
        self.saving = False
        self._node: _Node
        self._clock = clock
        self._tasks = tasks
        self._handed: list[Handed] = []
        self._hold_until = 0.0
        self._woken = False  # Whether `feed` will be called.
        self._tries = 0  # How often raft did not take a batch at once.
        self._stuck = False  # Whether a task waits for raft to take one.
        writes.on_new = self._wake_for_write
        reads.on_new = self.wake

    def start(self, node: _Node) -> None:
        """Takes whom to feed."""
        self._node = node

    def wake(self) -> None:
        """Feeds raft soon: when all that came in this round is there."""
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._feed)

    def _wake_for_write(self) -> None:
        if not self.saving and not self._woken:
            self.wake()

    def wake_if_any(self) -> None:
        """Feeds raft soon, if anything waits."""
        if self.writes.queue or self.reads.waiting:
            self.wake()

    def feed_if_any(self) -> None:
        """Feeds raft at once, if anything waits."""
        if self.writes.queue or self.reads.waiting:
            self._feed()

    def _feed(self) -> None:
        """Hands over what waits, all of it at once."""
        self._woken = False
        if self._stuck or self._tasks.over:
            return
        try:
            if self.led and self.reads.ready_to_ask and not self._ask():
                return
            while self.writes.queue and not self.saving and self.led:
                if self._clock.time() < self._hold_until:
                    return
                if not self._propose(self.writes.next_batch()):
                    return
        except Exception as error:
            self._tasks.fail(error)

    # Writes.

    def _propose(self, batch: list[Write]) -> bool:
        """Hands a batch to raft, if raft takes it at once.

        `Node.propose` takes one entry, and `Node.step` does not tell what
        became of it; Go keeps the call that does both to itself. So this
        speaks with the node's channel.
        """
        if not batch:
            return True
        message = pb.Message(
            type=pb.MsgProp,
            entries=[pb.Entry(None, None, w.kind, w.data) for w in batch],
        )
        proposal = _MsgWithResult(message, Chan(1))
        sent = Send(self._node.propc, proposal)
        raft = self._node.rn.raft
        term = raft.term if raft.state is StateLeader else 0
        handed = Handed(batch, proposal, term)
        if try_select(sent) is None:
            self._tries += 1
            if self._tries < TRIES:
                # It is in the middle of something; more may come meanwhile.
                self.writes.take_back(batch)
                self.wake()
                return False
            self._tries = 0
            self._stuck = True
            # From here on raft may take it, and we hear of that later.
            self.writes.handed(batch)
            self._tasks.keep(self._wait_for(sent, handed))
            return False
        self._tries = 0
        self._note(handed)
        return True

    async def _wait_for(
        self, sent: Send[_MsgWithResult], handed: Handed
    ) -> None:
        """Waits until raft takes a message; not for ever."""
        left = handed.batch[0].deadline - self._clock.time()
        taken = False
        try:
            async with self._clock.timeout(max(left, BACK_OFF)):
                done = Recv(self._node.done)
                taken = await select(sent, done) is sent
        except TimeoutError:
            pass
        finally:
            self._stuck = False
            if taken:
                self._note(handed)
            else:
                self.writes.take_back(handed.batch)
        self.wake()

    def _note(self, handed: Handed) -> None:
        self.writes.handed(handed.batch)
        self._handed.append(handed)

    def collect(self) -> None:
        """Looks what raft has said to the batches that it was handed."""
        if not self._handed:
            return
        left = []
        for handed in self._handed:
            answer = Recv(handed.proposal.result)
            if try_select(answer) is None:
                left.append(handed)
            elif answer.ok and answer.value is not None:
                if not isinstance(answer.value, ProposalDropped):
                    raise answer.value
                self._hold_until = self._clock.time() + BACK_OFF
                self.writes.take_back(handed.batch)
            else:
                self._taken(handed)
        self._handed = left

    def _taken(self, handed: Handed) -> None:
        """Notes what is known about a batch that raft has taken.

        Who leads now, in the same term as before, has led all the time.
        """
        raft, term = self._node.rn.raft, handed.term
        if raft.state is not StateLeader or raft.term != term:
            term = 0
        first = handed.batch[0]
        if term and first.kind and not handed.proposal.m.entries[0].type:
            # Raft has put an empty entry in the change's place.
            self.writes.finish(first, REFUSED)
            return
        self.writes.taken(handed.batch, term)

    # Reads.

    def _ask(self) -> bool:
        """Asks for a read index, if raft takes the question at once."""
        name = self.reads.new_name()
        question = pb.Message(
            type=pb.MsgReadIndex, entries=[pb.Entry(data=name)]
        )
        if try_select(Send(self._node.recvc, question)) is None:
            # It is busy with something else: so are we, then.
            self.wake()
            return False
        self.reads.asked(name)
        return True
