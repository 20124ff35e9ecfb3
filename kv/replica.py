"""One node's share of the store: what clients ask, and what the loop does.

Theory of operation
-------------------

A **write** waits in a queue until the feeder hands it to raft, together with
all others that wait: one message with many entries costs a small part of what
as many messages would. While the loop is saving, nothing is handed over, for
what raft takes then would not leave before the next round anyway; so the
rounds themselves make the batches, the larger the higher the load. When an
entry comes back committed, its bytes lead to the client who waits; each
command has a tag of its own, so no two have the same bytes.

**What became of it** is never guessed. A write is *not done*, for certain,

* while it waits in the queue;
* if raft refused it;
* if this node led when raft took it, in term t, and an entry of a later term
  has been applied since: all that is committed of term t lies before that.

In these cases it goes back to the queue and is tried again until its time is
up; a client who then hears `NOLEADER` or `BUSY` may rely on it that nothing
was done. In all others (it went to the leader by way of this node, or it
still stands in this node's log) a client whose time is up hears `TIMEOUT`,
and that the outcome is unknown.

**Reads** do not go through the log. Those that wait go together into one
request for raft's read index, one request at a time, and are answered once
the state machine has got there. A request may be lost, so it is repeated.
Raft answers too early in two corners, both of a cluster with a single voter:
a leader that has just restarted does not know yet what it had committed, and
one that has been removed answers for those that are left. So no read is
answered by a sole voter, to a client or to another node, before an entry of
its own term was applied, and none by a leader that is not a member.

**Snapshots** are written by a task of their own, from a dump of the state as
it was when the task began; the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from kv.commands import BadCommand, Command, Result, decode, encode
from kv.messages import Address, member_list, parse_members
from kv.packing import pack, unpack
from kv.parts import TAIL, Parts
from kv.storage import Found, trim
from kv.transport import Transport
from kv.world import World
from port import raftpb as pb
from port.chan import Chan, Recv, Send, select, try_select
from port.errors import ProposalDropped, RaftError, SnapOutOfDate
from port.node import _MsgWithResult, _Node
from port.raft import StateLeader, StateType
from port.read_only import ReadState
from port.types import (
    NONE,
    SnapshotFailure,
    SnapshotFinish,
    SoftState,
    is_empty_snap,
)
from port.util import LOCAL_MSGS

BATCH: Final = 4096  # entries handed to raft at once
BATCH_SIZE: Final = 1 << 20  # bytes, likewise
WAITING: Final = 100_000  # clients' requests at a time
INBOX: Final = 10_000  # messages from other nodes
SLOW_DISK: Final = 0.5  # seconds
TRIES: Final = 4  # to hand a batch over, before a task waits for it
PATIENCE: Final = 0.5  # seconds until forwarded proposals are dropped
BACK_OFF: Final = 0.01  # seconds until what raft refused is tried again

_log = logging.getLogger("kv.replica")


class Failure(NamedTuple):
    """Why a request was not carried out.

    Attributes:
        code: One word for programs.
        text: The rest, for people.
        unknown: Whether it may have been carried out all the same, or may
            yet be. If not, it certainly was not, and will not be.
    """

    code: str
    text: str
    unknown: bool = False


Answer = Result | Failure
Done = Callable[[Answer], None]

_NO_LEADER: Final = Failure(
    "NOLEADER", "no leader is known; nothing was done"
)
_BUSY: Final = Failure("BUSY", "raft takes no writes now; nothing was done")
_FULL: Final = Failure("BUSY", "too many requests wait; nothing was done")
_UNKNOWN: Final = Failure(
    "TIMEOUT", "outcome unknown: it may have been done, or may yet be", True
)
_READ_LATE: Final = Failure("TIMEOUT", "the read was not answered in time")
_STOPPED: Final = Failure("STOPPED", "the node stops; nothing was done")
_STOPPED_UNKNOWN: Final = Failure(
    "STOPPED", "the node stops; outcome unknown", True
)


class _Write:
    """A write that a client waits for.

    Attributes:
        data: The entry's.
        command: What it says; `None` for a change of the members.
        kind: The entry's type; `None` for a normal one.
        done: Whom to tell; `None` once that has happened.
        deadline: Until when, on the node's clock.
        queued: Whether it waits to be handed to raft.
        term: If this node led when raft took it: in which term; else 0.
        unknown: Whether it may be under way somewhere else.
        handed: Whether raft was handed it, and has yet to answer.
    """

    __slots__ = (
        "command", "data", "deadline", "done", "handed", "kind", "queued",
        "term", "unknown",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes,
        command: Command | None,
        done: Done,
        deadline: float,
        kind: pb.EntryType | None = None,
    ) -> None:
        self.data = data
        self.command = command
        self.kind = kind
        self.done: Done | None = done
        self.deadline = deadline
        self.queued = True
        self.term = 0
        self.unknown = False
        self.handed = False

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done, or may yet be."""
        return bool(self.unknown or self.term or self.handed)


class _Handed(NamedTuple):
    """A batch that raft was handed, and in which term, if this node led."""

    batch: list[_Write]
    proposal: _MsgWithResult
    term: int


class _Read(NamedTuple):
    """A read that a client waits for."""

    command: Command
    done: Done
    deadline: float


class Replica:
    """The `Replica` of `kv.seams`, and the clients' side of it.

    Attributes:
        lead: The leader, as far as this node knows; 0 if it does not.
        role: This node's role.
        term: Raft's term, as stored.
        applied: The index that was applied last.
        applied_term: Its term.
        snapshot_index: The index of the last snapshot.
        conf_state: The members, as of what was applied.
        members: Where members listen, by id.
        counts: How often what was done, for `INFO`.
    """

    def __init__(
        self,
        node_id: int,
        world: World,
        parts: Parts,
        found: Found,
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
            parts: Of which `snapshot_due` is used here.
            found: The log, the snapshots, the machine.
            timeout: How long a client waits at most, in seconds.
            retry_reads: After how long a read index is asked for again.
            tail: How many entries behind a snapshot stay in memory.
            stale_reads: Answer reads from what is there, at once.
        """
        self.id = node_id
        self.timeout = timeout
        self.lead = NONE
        self.role = StateType.StateFollower
        metadata = found.storage.snapshot().metadata or pb.SnapshotMetadata()
        hard, conf_state = found.storage.initial_state()
        self.term = 0 if hard is None else hard.term or 0
        self.applied = found.applied
        self.applied_term = metadata.term or 0
        self.snapshot_index = metadata.index or 0
        self.conf_state = conf_state
        self.members: dict[int, Address] = {}
        self.counts = {"writes": 0, "reads": 0, "entries": 0, "saves": 0}
        self.failed: asyncio.Future[None] = (
            asyncio.get_running_loop().create_future()
        )
        self.on_members: Callable[[], None] = _nothing
        self._world = world
        self._clock = world.clock
        self._parts = parts
        self._logfile = found.log
        self._snapshots = found.snapshots
        self._storage = found.storage
        self._machine = found.machine
        self._retry_reads = retry_reads
        self._tail = tail
        self._stale_reads = stale_reads
        self._stopping = False
        self._saving = False
        self._hold_until = 0.0
        self._tag = world.random.getrandbits(62)
        self._waiting: dict[bytes, _Write] = {}
        self._queue: deque[_Write] = deque()
        self._reads: list[_Read] = []
        self._asked: list[_Read] = []
        self._asked_as = b""
        self._asked_at = 0.0
        self._round = world.random.getrandbits(62)
        self._due: list[tuple[int, list[_Read]]] = []
        self._inbox: deque[pb.Message | int] = deque()
        self._handed: list[_Handed] = []
        self._woken = False  # Whether `_feed` will be called.
        self._tries = 0  # How often raft did not take a batch at once.
        self._feeding = False  # Whether raft keeps us waiting.
        self._stepping = False
        self._mail = asyncio.Event()
        self._heard: dict[int, float] = {}
        self._proposals: deque[pb.Message] = deque()
        self._proposed = asyncio.Event()
        self._snapshotting: asyncio.Task[None] | None = None
        self._snapshot_wanted = False  # Whether one is due before its time.
        self._tasks: list[asyncio.Task[None]] = []
        self._reports: set[asyncio.Task[None]] = set()

    def start(self, node: _Node, transport: Transport) -> None:
        """Begins to feed raft, on the loop that is running."""
        self._node = node
        self._transport = transport
        self._tasks = [
            asyncio.create_task(self._guard(self._step_inbox())),
            asyncio.create_task(self._guard(self._step_proposals())),
            asyncio.create_task(self._guard(self._drive())),
        ]

    async def _drive(self) -> None:
        await self._parts.drive(self._node, self)
        if not self._stopping:
            raise RaftError("the node has stopped by itself")

    async def _guard(self, work: object) -> None:
        """Does work, and lets nothing that goes wrong pass unnoticed."""
        try:
            await work  # type: ignore[misc]  # a coroutine of our own
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if self._stopping:
                return
            self.fail(error)
            if not isinstance(error, Exception):
                raise

    def fail(self, error: BaseException) -> None:
        """Gives up: nothing that follows could be relied on."""
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # Someone will look; no need to warn.
        self._answer_all()

    async def stop(self) -> None:
        """Stops, answers all who wait, and closes the log."""
        self._stopping = True
        self._answer_all()
        for task in self._tasks[:2]:
            task.cancel()
        await asyncio.gather(*self._tasks[:2], return_exceptions=True)
        if self._tasks:
            try:
                await self._node.stop()
            except Exception as error:
                _log.warning("raft had broken down: %s", error)
            await asyncio.gather(self._tasks[2], return_exceptions=True)
        if self._snapshotting is not None:
            self._snapshotting.cancel()
            await asyncio.gather(self._snapshotting, return_exceptions=True)
        await self._logfile.close()

    def _answer_all(self) -> None:
        for w in [*self._waiting.values()]:
            self._finish(w, _STOPPED_UNKNOWN if w.in_doubt else _STOPPED)
        self._queue.clear()
        reads = [*self._reads, *self._asked]
        for _, due in self._due:
            reads += due
        self._reads, self._asked, self._due = [], [], []
        for r in reads:
            r.done(_STOPPED)

    # What clients ask.

    def tag(self) -> int:
        """Returns a tag for a new command; no other command has it."""
        self._tag += 1
        return self._tag

    def write(self, command: Command, done: Done) -> None:
        """Has a command carried out on all nodes.

        Args:
            command: With a `tag` of its own.
            done: Is called once, with the answer.
        """
        if self._stopping or len(self._waiting) >= WAITING:
            done(_STOPPED if self._stopping else _FULL)
            return
        self.counts["writes"] += 1
        data = encode(command)
        w = _Write(data, command, done, self._clock.time() + self.timeout)
        self._waiting[data] = w
        self._queue.append(w)
        if not self._saving:
            self._wake()

    def read(self, command: Command, done: Done) -> None:
        """Answers a read, with all writes that were done before it."""
        self.counts["reads"] += 1
        if self._stale_reads:
            done(self._machine.apply(self.applied, command))
            return
        if self._stopping or len(self._reads) >= WAITING:
            done(_STOPPED if self._stopping else _FULL)
            return
        deadline = self._clock.time() + self.timeout
        self._reads.append(_Read(command, done, deadline))
        self._wake()

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
        raft = self._node.rn.raft
        if raft.state is not StateLeader:
            done(Failure("NOTLEADER", f"the leader is {self.lead}"))
            return
        context = pack(
            {"tag": self.tag(), "members": member_list(addresses)}
        )
        change.context = context
        kind, data = pb.marshal_conf_change(change)
        if data is None:
            done(Failure("ERR", "an empty change"))
            return
        deadline = self._clock.time() + self.timeout
        w = _Write(data, None, done, deadline, kind)
        self._waiting[data] = w
        self._queue.append(w)
        self._wake()

    def sweep(self) -> None:
        """Answers those whose time is up, and repeats what may be lost.

        To be called with each tick.
        """
        if self._handed:
            self._collect()
        now = self._clock.time()
        late = []
        for w in self._waiting.values():
            if w.deadline > now:
                break
            late.append(w)
        for w in late:
            if w.in_doubt:
                self._finish(w, _UNKNOWN)
            else:
                self._finish(w, _NO_LEADER if self.lead == NONE else _BUSY)
        self._reads = self._sweep_reads(self._reads, now)
        self._asked = self._sweep_reads(self._asked, now)
        if self._due:
            self._due = [
                (i, self._sweep_reads(reads, now)) for i, reads in self._due
            ]
        if self._asked and now - self._asked_at > self._retry_reads:
            self._ask_again()
        if self._queue or self._reads:
            self._wake()

    def _sweep_reads(self, reads: list[_Read], now: float) -> list[_Read]:
        if not reads or reads[0].deadline > now:
            return reads
        late = [r for r in reads if r.deadline <= now]
        why = _NO_LEADER if self.lead == NONE else _READ_LATE
        for r in late:
            r.done(why)
        return [r for r in reads if r.deadline > now]

    def _ask_again(self) -> None:
        """Puts the reads of a request that may be lost back in line."""
        self._reads = self._asked + self._reads
        self._asked = []
        self._wake()

    def _finish(self, w: _Write, answer: Answer) -> None:
        self._waiting.pop(w.data, None)
        done, w.done = w.done, None
        if done is not None:
            done(answer)

    # Feeding raft.

    def _wake(self) -> None:
        """Feeds raft soon: when all that came in this round is there."""
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._feed)

    def _feed(self) -> None:
        """Hands over what waits, all of it at once.

        As a rule raft waits for it, and takes it on the spot. If it does not,
        the feeder waits in our place.
        """
        self._woken = False
        if self._stopping or self._feeding or self.failed.done():
            return
        try:
            asks = self._reads and not self._asked and self.lead != NONE
            if asks and not self._ask():
                return
            while self._queue and not self._saving and self.lead != NONE:
                if self._clock.time() < self._hold_until:
                    return
                if not self._propose(self._next_batch()):
                    return
        except Exception as error:
            self.fail(error)

    def _next_batch(self) -> list[_Write]:
        batch: list[_Write] = []
        size = 0
        queue = self._queue
        while queue and len(batch) < BATCH and size < BATCH_SIZE:
            w = queue[0]
            if w.kind is not None and batch:
                break  # A change goes alone: it may be refused alone.
            queue.popleft()
            if w.done is not None:
                batch.append(w)
                size += len(w.data)
            if w.kind is not None:
                break
        return batch

    def _propose(self, batch: list[_Write]) -> bool:
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
        handed = _Handed(batch, proposal, term)
        if try_select(sent) is None:
            self._tries += 1
            if self._tries < TRIES:
                # It is in the middle of something; more may come meanwhile.
                self._take_back(batch)
                self._wake()
                return False
            self._tries = 0
            self._feeding = True
            task = asyncio.create_task(
                self._guard(self._wait_for(sent, handed))
            )
            self._reports.add(task)
            task.add_done_callback(self._reports.discard)
            return False
        self._tries = 0
        self._note_handed(handed)
        return True

    def _note_handed(self, handed: _Handed) -> None:
        for w in handed.batch:
            # Until raft's answer is seen, it may be anywhere.
            w.queued = False
            w.handed = True
        self._handed.append(handed)

    def _collect(self) -> None:
        """Looks what raft has said to the proposals that it was handed."""
        left = []
        for handed in self._handed:
            answer = Recv(handed.proposal.result)
            if try_select(answer) is None:
                left.append(handed)
            elif answer.ok and answer.value is not None:
                if not isinstance(answer.value, ProposalDropped):
                    raise answer.value
                self._hold_until = self._clock.time() + BACK_OFF
                self._take_back(handed.batch)
            else:
                self._taken(handed)
        self._handed = left

    def _taken(self, handed: _Handed) -> None:
        """Notes what is known about proposals that raft has taken.

        Who leads now, in the same term as before, has led all the time.
        """
        raft, term = self._node.rn.raft, handed.term
        led = term and raft.state is StateLeader and raft.term == term
        first = handed.batch[0]
        if led and first.kind and not handed.proposal.m.entries[0].type:
            self._finish(first, Failure(
                "REFUSED", "another change is under way; nothing was done"
            ))  # fmt: skip
            return
        for w in handed.batch:
            w.handed = False
            if led:
                w.term = term
            else:
                w.unknown = True

    def _take_back(self, batch: list[_Write]) -> None:
        for w in batch:
            w.queued, w.handed = True, False
        self._queue.extendleft(reversed(batch))

    async def _wait_for(
        self, sent: Send[_MsgWithResult], handed: _Handed
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
            self._feeding = False
            if taken:
                self._note_handed(handed)
            else:
                self._take_back(handed.batch)
        self._wake()

    def _ask(self) -> bool:
        """Asks for a read index, if raft takes the question at once."""
        self._round += 1
        name = self._round.to_bytes(8, "big")
        question = pb.Message(
            type=pb.MsgReadIndex, entries=[pb.Entry(data=name)]
        )
        if try_select(Send(self._node.recvc, question)) is None:
            # It is busy with something else: so are we, then.
            self._wake()
            return False
        self._asked, self._reads = self._reads, []
        self._asked_at = self._clock.time()
        self._asked_as = name
        return True

    def receive(self, message: pb.Message) -> bool:
        """Takes a message from another node; see `transport.Receiver`."""
        self._heard[message.from_ or NONE] = self._clock.time()
        if message.type is pb.MsgProp:
            return self._put_proposal(message)
        if (
            not self._inbox
            and not self._stepping
            and message.type not in LOCAL_MSGS
            and try_select(Send(self._node.recvc, message)) is not None
        ):
            return True
        return self._put(message)

    def _put(self, what: pb.Message | int) -> bool:
        if len(self._inbox) >= INBOX:
            return False
        self._inbox.append(what)
        self._mail.set()
        return True

    def heard_from(self, node: int, within: float) -> bool:
        """Tells whether a node has said anything in the last seconds."""
        last = self._heard.get(node)
        return last is not None and self._clock.time() - last < within

    def _put_proposal(self, message: pb.Message) -> bool:
        # Raft takes none while it knows no leader, and whoever offers one
        # waits. So they have a queue of their own: were votes and appends to
        # wait behind one, there would never be a leader again.
        if len(self._proposals) >= INBOX or self.lead == NONE:
            return False
        self._proposals.append(message)
        self._proposed.set()
        return True

    async def _step_proposals(self) -> None:
        while True:
            await self._proposed.wait()
            self._proposed.clear()
            while self._proposals:
                message = self._proposals.popleft()
                try:
                    async with self._clock.timeout(PATIENCE):
                        await self._node.step(message)
                except TimeoutError:
                    # Who forwarded them will say that nobody knows.
                    self._proposals.clear()

    async def _step_inbox(self) -> None:
        inbox, node = self._inbox, self._node
        while True:
            await self._mail.wait()
            self._mail.clear()
            self._stepping = True
            while inbox:
                what = inbox.popleft()
                if isinstance(what, int):
                    await node.report_unreachable(what)
                else:
                    await node.step(what)
            self._stepping = False

    def unreachable(self, node: int) -> None:
        """Tells raft that a message was dropped."""
        self._put(node)

    def snapshot_sent(self, node: int, ok: bool) -> None:
        """Tells raft how the sending of a snapshot ended."""
        status = SnapshotFinish if ok else SnapshotFailure
        _log.info("snapshot for node %d: %s", node, "sent" if ok else "failed")
        task = asyncio.create_task(
            self._guard(self._node.report_snapshot(node, status))
        )
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def snapshot_chunks(
        self, metadata: pb.SnapshotMetadata
    ) -> list[bytes] | None:
        """Reads the state that a snapshot's metadata speak of."""
        index = metadata.index or 0
        found = await self._snapshots.newest(index)
        if found is None or found.metadata.index != index:
            return None
        return [*found.chunks]

    def learn(self, members: dict[int, Address]) -> None:
        """Takes note of where members listen, as the leader knows it."""
        self.members = {**self.members, **members}
        self.on_members()

    # What the loop does; see `kv.seams.Replica`.

    def observe(self, state: SoftState) -> None:
        """Takes note of a new leader or a new role."""
        if state.lead not in (NONE, self.lead):
            self._repeat_sessions()
        self.lead = state.lead
        self.role = state.raft_state
        if self._asked:
            self._ask_again()
        self._wake()

    def _repeat_sessions(self) -> None:
        """Hands over again, to a new leader, what went to the old one.

        Only writes of a session, which are carried out once in any case.
        """
        again = [
            w for w in self._waiting.values()
            if w.unknown and not w.queued
            and w.command is not None and w.command.client
        ]  # fmt: skip
        for w in again:
            w.queued = True
        self._queue.extendleft(reversed(again))

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        """Stores a snapshot that came from the leader, durably."""
        if self._snapshotting is not None:
            await self._snapshotting
        metadata = snapshot.metadata or pb.SnapshotMetadata()
        data = snapshot.data or b""
        size = 1 << 18
        cut = (data[at : at + size] for at in range(0, len(data), size))
        await self._snapshots.save(metadata, cut)
        await self._logfile.mark(metadata)
        self._storage.apply_snapshot(pb.Snapshot(None, metadata))
        self.snapshot_index = metadata.index or 0

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        """Stores entries and hard state, and shows them to raft."""
        if self._handed:
            self._collect()
        self._saving = True
        begin = self._clock.time()
        try:
            await self._logfile.save(hard_state, entries, sync)
        finally:
            self._saving = False
        took = self._clock.time() - begin
        if took > SLOW_DISK:
            _log.warning("the disk took %.1f s for one save", took)
        self.counts["saves"] += 1
        if entries:
            self._storage.append(entries)
        if hard_state is not None:
            self._storage.set_hard_state(hard_state)
            self.term = hard_state.term or 0

    def send(self, messages: list[pb.Message]) -> None:
        """Puts messages on their way to other nodes."""
        if self._handed:
            self._collect()
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
                self._snapshot_wanted = True
                self.snapshot_sent(m.to or NONE, False)
        return fit

    def restore(self, snapshot: pb.Snapshot) -> None:
        """Replaces the state machine's state by that of a snapshot."""
        if is_empty_snap(snapshot):
            return
        self._machine.load([snapshot.data or b""])
        metadata = snapshot.metadata or pb.SnapshotMetadata()
        self.applied, self.applied_term = snapshot.index, snapshot.term
        self.conf_state = metadata.conf_state or pb.ConfState()
        for w in self._waiting.values():
            if w.term or w.handed:  # It may be in there, unseen.
                w.term, w.unknown = 0, True
        _log.info("took over a snapshot of index %d", self.applied)
        self.on_members()

    async def apply(self, entries: list[pb.Entry]) -> None:
        """Applies committed entries, and answers who waits for them."""
        if not entries:
            return
        self.counts["entries"] += len(entries)
        waiting, apply = self._waiting, self._machine.apply
        for e in entries:
            index, data = e.index or 0, e.data
            if index <= self.applied:
                continue
            if e.term != self.applied_term:
                self.applied_term = e.term or 0
                self._requeue_lost()
            if e.type:
                await self._apply_change(e)
            elif data:
                w = waiting.pop(data, None)
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
        if self._due:
            self._serve_due()

    def _requeue_lost(self) -> None:
        """Takes back what was overwritten; see the module's first lines."""
        lost = [
            w for w in self._waiting.values()
            if w.term and w.term < self.applied_term
        ]  # fmt: skip
        for w in lost:
            w.term, w.queued = 0, True
        self._queue.extendleft(reversed(lost))
        if lost:
            self._wake()

    async def _apply_change(self, e: pb.Entry) -> None:
        change: pb.ConfChangeI
        if e.type is pb.EntryConfChange:
            change = pb.ConfChange.unmarshal(e.data)
        else:
            change = pb.ConfChangeV2.unmarshal(e.data)
        self.conf_state = await self._node.apply_conf_change(change)
        context = change.as_v2().context
        if context:
            try:
                found = unpack(context)
                if isinstance(found, dict):
                    new = parse_members(found.get("members"))
                    self.members = {**self.members, **new}
            except ValueError as error:
                _log.warning("a change with a strange context: %s", error)
        now = _everyone(self.conf_state)
        gone = [i for i in self.members if i not in now]
        self.members = {i: a for i, a in self.members.items() if i in now}
        _log.info("members: %s", describe(self.conf_state))
        if self.id in gone:
            _log.warning("this node is no longer a member")
        self.on_members()
        w = self._waiting.pop(e.data or b"", None)
        if w is not None and w.done is not None:
            w.done(Result())
            w.done = None

    def _sure(self) -> bool:
        """Tells whether this node, if it leads, may answer reads."""
        if self.role is not StateLeader:
            return True
        state = self.conf_state
        if self.id not in _everyone(state):
            return False
        alone = len(state.voters) == 1 and not state.voters_outgoing
        return not alone or self.applied_term == self.term

    def answer_reads(self, reads: list[ReadState]) -> None:
        """Serves reads for which raft has said how far to have applied."""
        for state in reads:
            if state.request_ctx != self._asked_as or not self._asked:
                continue  # An answer to a question that was repeated.
            if not self._sure():
                self._ask_again()
                continue
            self._due.append((state.index, self._asked))
            self._asked = []
        if self._due:
            self._serve_due()
        if self._reads and not self._asked:
            self._wake()

    def _serve_due(self) -> None:
        apply, applied = self._machine.apply, self.applied
        later = []
        for index, reads in self._due:
            if index > applied:
                later.append((index, reads))
                continue
            for r in reads:
                r.done(apply(applied, r.command))
        self._due = later

    async def snapshot_if_due(self) -> None:
        """Begins a snapshot if it is time for one, and none is under way.

        It is the last step of a round. So what came in meanwhile goes to raft
        here: then it is in the next round.
        """
        if self._queue or self._reads:
            self._feed()
        if self._snapshotting is not None:
            if not self._snapshotting.done():
                return
            self._snapshotting = None
        due = self._parts.snapshot_due(self.applied, self.snapshot_index)
        if due or (
            self._snapshot_wanted and self.applied > self.snapshot_index
        ):
            self._snapshot_wanted = False
            metadata = pb.SnapshotMetadata(
                self.conf_state.clone(), self.applied, self.applied_term
            )
            dump = self._machine.dump()
            self._snapshotting = asyncio.create_task(
                self._guard(self._snapshot(metadata, dump))
            )

    async def _snapshot(
        self, metadata: pb.SnapshotMetadata, dump: object
    ) -> None:
        index = metadata.index or 0
        await self._snapshots.save(metadata, dump)  # type: ignore[arg-type]
        await self._logfile.mark(metadata)
        try:
            self._storage.create_snapshot(index, metadata.conf_state, None)
        except SnapOutOfDate:
            return
        # Not beyond what raft has heard to be applied: it may yet look for
        # changes of the configuration from there on.
        heard = self._node.rn.raft.raft_log.applied
        trim(self._storage, min(index, heard + self._tail), self._tail)
        self.snapshot_index = index


def _nothing() -> None:
    pass


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
