"""What the Ready loop asks for, done; and what clients are told of it.

The loop (`kv.drive`) knows in which order things have to happen, and the
replica how each of them is done: it is the one place where the log, the state
machine, the members and those who wait are brought together. Each method of
the loop's side does one thing; where it ends in an answer to a client, the
books of writes and reads give it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from kv.address_book import AddressBook
from kv.commands import BadCommand, Result, decode
from kv.messages import Address, member_list, parse_members
from kv.packing import pack, unpack
from kv.parts import TAIL, Parts
from kv.replica.answers import Done, Failure
from kv.replica.feeder import Feeder
from kv.replica.mail import Mail
from kv.replica.reads import Reads
from kv.replica.snapshotter import Snapshotter
from kv.replica.tasks import Tasks
from kv.replica.writes import Writes
from kv.storage import Found
from kv.transport import Transport
from kv.world import World
from port import raftpb as pb
from port.errors import RaftError
from port.node import _Node
from port.raft import Raft, StateLeader, StateType
from port.read_only import ReadState
from port.types import NONE, SoftState, is_empty_snap

SLOW_DISK: Final = 0.5  # seconds

_log = logging.getLogger("kv.replica")


class Replica:
    """The `Replica` of `kv.seams`, and what stands around it.

    Attributes:
        id: This node.
        lead: The leader, as far as this node knows; 0 if it does not.
        role: This node's role.
        term: Raft's term, as stored.
        applied: The index that was applied last.
        applied_term: Its term.
        conf_state: The members, as of what was applied.
        machine: The state machine.
        writes: What clients want written.
        reads: What they want to read.
        mail: Takes what other nodes send.
        snapshotter: Keeps the snapshots.
    """

    def __init__(
        self,
        node_id: int,
        world: World,
        parts: Parts,
        found: Found,
        book: AddressBook,
        *,
        timeout: float = 5.0,
        retry_reads: float = 0.1,
        tail: int = TAIL,
        stale_reads: bool = False,
    ) -> None:
        """Takes up what was found on disk.

        Args:
            node_id: This node.
            world: Its clock and dice.
            parts: Of which `snapshot_due` and `drive` are used here.
            found: The log, the snapshots, the machine.
            book: Where members listen.
            timeout: How long a client waits at most, in seconds.
            retry_reads: After how long a read index is asked for again.
            tail: How many entries behind a snapshot stay in memory.
            stale_reads: Answer reads from what is there, at once.
        """
        self.id = node_id
        self.lead = NONE
        self.role = StateType.StateFollower
        hard, conf_state = found.storage.initial_state()
        self.term = 0 if hard is None else hard.term or 0
        self.applied = found.applied
        self.applied_term = found.storage.snapshot().term
        self.conf_state = conf_state
        self.machine = found.machine
        clock, dice = world.clock, world.random
        self._tasks = tasks = Tasks()
        tasks.on_failure = self._answer_all
        self.writes = Writes(clock, timeout, dice.getrandbits(62))
        self.reads = Reads(
            found.machine, clock, timeout, retry_reads, dice.getrandbits(62),
            self._applied if stale_reads else None,
        )  # fmt: skip
        self.mail = Mail(clock, tasks, found.snapshots, book)
        self.snapshotter = Snapshotter(found, tail, tasks)
        self._feeder = Feeder(clock, tasks, self.writes, self.reads)
        self._clock = clock
        self._parts = parts
        self._book = book
        self._logfile = found.log
        self._storage = found.storage
        self._node: _Node
        self._transport: Transport
        self._stepping: list[asyncio.Task[None]] = []
        self._driving: asyncio.Task[None] | None = None
        self._saves = 0
        self._entries = 0

    def start(self, node: _Node, transport: Transport) -> None:
        """Begins to feed raft, on the loop that is running."""
        self._node = node
        self._transport = transport
        self._feeder.start(node)
        self.snapshotter.start(node)
        self._stepping = self.mail.start(node)
        self._driving = self._tasks.start(self._drive())

    async def _drive(self) -> None:
        await self._parts.drive(self._node, self)
        if not self._tasks.stopping:
            raise RaftError("the node has stopped by itself")

    @property
    def failed(self) -> asyncio.Future[None]:
        """Is done, with the error, once anything has gone wrong."""
        return self._tasks.failed

    def fail(self, error: BaseException) -> None:
        """Gives up: nothing that follows could be relied on."""
        self._tasks.fail(error)

    async def stop(self) -> None:
        """Stops, answers all who wait, and closes the log."""
        self._tasks.stopping = True
        self.writes.close()
        self.reads.close()
        for task in self._stepping:
            task.cancel()
        await asyncio.gather(*self._stepping, return_exceptions=True)
        if self._driving is not None:
            try:
                await self._node.stop()
            except Exception as error:
                _log.warning("raft had broken down: %s", error)
            await asyncio.gather(self._driving, return_exceptions=True)
        await self.snapshotter.stop()
        await self._logfile.close()

    def _answer_all(self) -> None:
        self.writes.answer_all()
        self.reads.answer_all()

    # What clients ask, beside writes and reads.

    @property
    def raft(self) -> Raft:
        """Raft itself, to look at."""
        return self._node.rn.raft

    @property
    def counts(self) -> dict[str, int]:
        """How often what was done."""
        return {
            "writes": self.writes.count, "reads": self.reads.count,
            "entries": self._entries, "saves": self._saves,
        }  # fmt: skip

    def change(
        self, change: pb.ConfChangeV2, addresses: dict[int, Address],
        done: Done,
    ) -> None:  # fmt: skip
        """Changes the members. Only the leader can tell what became of it.

        Args:
            change: Without a context.
            addresses: Where new members listen.
            done: Is called once, with the answer.
        """
        if self.raft.state is not StateLeader:
            done(Failure("NOTLEADER", f"the leader is {self.lead}"))
            return
        change.context = pack(
            {"tag": self.writes.tag(), "members": member_list(addresses)}
        )
        kind, data = pb.marshal_conf_change(change)
        if data is None:
            done(Failure("ERR", "an empty change"))
            return
        self.writes.add_change(kind, data, done)

    async def transfer(self, to: int) -> None:
        """Asks the leader to make way for another node."""
        await self._node.transfer_leadership(self.lead, to)

    def sweep(self) -> None:
        """Answers those whose time is up, and repeats what may be lost.

        To be called with each tick.
        """
        self._feeder.collect()
        now, led = self._clock.time(), self.lead != NONE
        self.writes.sweep(now, led)
        self.reads.sweep(now, led)
        self._feeder.wake_if_any()

    # What the loop does; see `kv.seams.Replica`.

    def observe(self, state: SoftState) -> None:
        """Takes note of a new leader or a new role."""
        if state.lead not in (NONE, self.lead):
            self.writes.repeat_sessions()
        self.lead = state.lead
        self.role = state.raft_state
        self._feeder.led = self.mail.led = state.lead != NONE
        self.reads.ask_again()
        self._feeder.wake()

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        """Stores a snapshot that came from the leader, durably."""
        await self.snapshotter.store(snapshot)

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and hard state, and shows them to raft."""
        feeder = self._feeder
        feeder.collect()
        feeder.saving = True
        begin = self._clock.time()
        try:
            await self._logfile.save(hard_state, entries, sync)
        finally:
            feeder.saving = False
        took = self._clock.time() - begin
        if took > SLOW_DISK:
            _log.warning("the disk took %.1f s for one save", took)
        self._saves += 1
        if entries:
            self._storage.append(entries)
        if hard_state is not None:
            self._storage.set_hard_state(hard_state)
            self.term = hard_state.term or 0

    def send(self, messages: list[pb.Message]) -> None:
        """Puts messages on their way to other nodes."""
        self._feeder.collect()
        if not messages:
            return
        if self.role is StateLeader and not self._sure():
            messages = [
                m for m in messages if m.type is not pb.MsgReadIndexResp
            ]
        if any(m.type is pb.MsgSnap for m in messages):
            messages = self._without_old_snapshots(messages)
        self._transport.send(messages)

    def _without_old_snapshots(
        self, messages: list[pb.Message]
    ) -> list[pb.Message]:
        """Holds back snapshots for nodes that were added after they were taken.

        Such a node finds that it is no member, and takes nothing. So there is
        a new one first, and raft hears that it has to try again.
        """
        fit = []
        for m in messages:
            metadata = m.snapshot.metadata if m.snapshot is not None else None
            state = metadata.conf_state if metadata is not None else None
            if m.type is not pb.MsgSnap or state is None or (
                m.to in _everyone(state)
            ):
                fit.append(m)
            else:
                self.snapshotter.wanted = True
                self.mail.snapshot_sent(m.to or NONE, False)
        return fit

    def restore(self, snapshot: pb.Snapshot) -> None:
        """Replaces the state machine's state by that of a snapshot."""
        if is_empty_snap(snapshot):
            return
        self.machine.load([snapshot.data or b""])
        metadata = snapshot.metadata or pb.SnapshotMetadata()
        self.applied, self.applied_term = snapshot.index, snapshot.term
        self.conf_state = metadata.conf_state or pb.ConfState()
        self.writes.passed_over()
        _log.info("took over a snapshot of index %d", self.applied)
        self._book.changed()

    async def apply(self, entries: list[pb.Entry]) -> None:
        """Applies committed entries, and answers who waits for them."""
        if not entries:
            return
        self._entries += len(entries)
        waiting, apply = self.writes.applied, self.machine.apply
        for e in entries:
            index, data = e.index or 0, e.data
            if index <= self.applied:
                continue
            if e.term != self.applied_term:
                self.applied_term = e.term or 0
                if self.writes.term_applied(self.applied_term):
                    self._feeder.wake()
            if e.type:
                await self._apply_change(e)
            elif data:
                w = waiting(data)
                if w is not None and w.command is not None:
                    result = apply(index, w.command)
                    if w.done is not None:
                        w.done(result)
                        w.done = None
                else:
                    try:
                        apply(index, decode(data))
                    except BadCommand as error:
                        _log.warning("entry %d is passed over: %s",
                                     index, error)  # fmt: skip
            self.applied = index
        self.reads.applied(self.applied)

    async def _apply_change(self, e: pb.Entry) -> None:
        change: pb.ConfChangeI
        if e.type is pb.EntryConfChange:
            change = pb.ConfChange.unmarshal(e.data)
        else:
            change = pb.ConfChangeV2.unmarshal(e.data)
        self.conf_state = await self._node.apply_conf_change(change)
        new: dict[int, Address] = {}
        context = change.as_v2().context
        if context:
            try:
                found = unpack(context)
                if isinstance(found, dict):
                    new = parse_members(found.get("members"))
            except ValueError as error:
                _log.warning("a change with a strange context: %s", error)
        _log.info("members: %s", describe(self.conf_state))
        if self.id in self._book.keep(new, _everyone(self.conf_state)):
            _log.warning("this node is no longer a member")
        w = self.writes.applied(e.data or b"")
        if w is not None and w.done is not None:
            w.done(Result())
            w.done = None

    def _sure(self) -> bool:
        """Tells whether this node, if it leads, may answer reads.

        Raft answers too early in two corners, both of a cluster with a single
        voter: a leader that has just restarted does not know yet what it had
        committed, and one that has been removed answers for those that are
        left. So no read is answered by a sole voter, to a client or to
        another node, before an entry of its own term was applied, and none by
        a leader that is not a member.
        """
        if self.role is not StateLeader:
            return True
        state = self.conf_state
        if self.id not in _everyone(state):
            return False
        alone = len(state.voters) == 1 and not state.voters_outgoing
        return not alone or self.applied_term == self.term

    def answer_reads(self, reads: list[ReadState]) -> None:
        """Serves reads for which raft has said how far to have applied."""
        if reads:
            self.reads.answered(reads, self._sure())
        self.reads.applied(self.applied)
        if self.reads.ready_to_ask:
            self._feeder.wake()

    async def snapshot_if_due(self) -> None:
        """Begins a snapshot if it is time for one, and none is under way.

        It is the last step of a round. So what came in meanwhile goes to raft
        here: then it is in the next round.
        """
        self._feeder.feed_if_any()
        keeper = self.snapshotter
        if keeper.busy():
            return
        if self._parts.snapshot_due(self.applied, keeper.index) or (
            keeper.wanted and self.applied > keeper.index
        ):
            metadata = pb.SnapshotMetadata(
                self.conf_state.clone(), self.applied, self.applied_term
            )
            keeper.begin(metadata, self.machine)

    def _applied(self) -> int:
        return self.applied


def _everyone(state: pb.ConfState) -> set[int]:
    return {
        *state.voters, *state.learners, *state.voters_outgoing,
        *state.learners_next,
    }  # fmt: skip


def describe(state: pb.ConfState) -> str:
    """Returns who is in the cluster, for people."""
    parts = [f"voters {sorted(state.voters)}"]
    if state.voters_outgoing:
        parts.append(f"until lately {sorted(state.voters_outgoing)}")
    if state.learners:
        parts.append(f"learners {sorted(state.learners)}")
    return ", ".join(parts)
