"""A raft node as a task: proposals, messages and ticks in, `Ready`s out.

`RawNode` does nothing by itself and must not be shared. A `Node` is one task,
`run`, that owns a `RawNode` and talks to everyone else through channels. Each
turn it offers all that it could do next to one `select`: take a proposal, a
message, a tick; hand out a `Ready`; be told that the last one is dealt with.
Whatever comes first is done, and the next turn begins.

Two channels are not always on offer. Proposals are taken only while a leader
is known: until then a proposer waits. And a `Ready` is on offer only if there
is something in it and the last one has been advanced past, so that the
application has at most one in its hands. A case whose `chan` is `None` never
fires; that is how both are switched off.

Go passes a context into each call that may wait. Here a call is cancelled, or
put under `asyncio.timeout`, as any other coroutine. What a call raises when
the node is gone: `Stopped` after `stop`, and `RaftPanic` if `run` met a broken
invariant (in Go that ends the process), now and in every later call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from port import raftpb as pb
from port.chan import Chan, Choose, Recv, Send, at_random, select, try_select
from port.errors import RaftError, RaftPanic, Stopped
from port.raft import Config
from port.rawnode import RawNode
from port.status import Status, get_status
from port.types import (
    NONE,
    Peer,
    Ready,
    SnapshotFailure,
    SnapshotStatus,
    conf_change_to_msg,
)
from port.util import is_local_msg, is_local_msg_target, is_response_msg

T = TypeVar("T")


class Node(Protocol):
    """A member of a raft cluster, as its application sees it.

    Every coroutine here raises `Stopped` if the node is stopped, before the
    call or while it waits, and `RaftPanic` if it has broken down. So does
    `tick` for the latter.

    Go: node.go:132-243 Node
    """

    def tick(self) -> None:
        """Moves the node's clock on by one; all timeouts are counted in ticks.

        Go: node.go:135-135 Tick
        """

    async def campaign(self) -> None:
        """Has the node stand for election at once.

        Go: node.go:137-137 Campaign
        """

    async def propose(self, data: bytes) -> None:
        """Proposes an entry, and waits until raft has taken or refused it.

        Taken is not committed: a proposal may still be lost, without a word
        to the proposer, who has to watch what is applied and try again. While
        no leader is known the call waits for one.

        Args:
            data: What the entry carries; raft does not look into it.

        Raises:
            ProposalDropped: raft refused it.

        Go: node.go:140-140 Propose
        """

    async def propose_conf_change(self, cc: pb.ConfChangeI) -> None:
        """Proposes a change of the configuration.

        It may be dropped without an error. In particular it is while an
        earlier change may still be unapplied in the leader's log.

        Args:
            cc: The change. The newer form can change several members in one
                go, by way of a joint configuration.

        Go: node.go:153-153 ProposeConfChange
        """

    async def step(self, m: pb.Message) -> None:
        """Hands the node a message, as a rule one from another node.

        Messages that have no business on a network are ignored.

        Go: node.go:156-156 Step
        """

    def ready(self) -> Chan[Ready]:
        """Returns the channel of `Ready`s: for `async for`, or a `select`.

        After each, when its entries, hard state and snapshot are stored and
        its messages sent, comes `advance`; with asynchronous storage writes,
        never. Entries of the next `Ready` must not be applied before those of
        this one, and its snapshot, have been.

        When the node stops the channel is closed: loops over it come to an
        end, and other ways to receive from it raise `Stopped`.

        Go: node.go:164-164 Ready
        """

    async def advance(self) -> None:
        """Tells the node that the last `Ready` has been dealt with.

        As a rule that is when its entries are applied. It may be earlier, to
        keep raft going while a large snapshot is being applied, as long as
        the order of what is applied is kept.

        Go: node.go:178-178 Advance
        """

    async def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        """Puts a committed configuration change into effect.

        To be called for each one that comes out committed, unless the
        application decides to treat it as if it were not there.

        Returns:
            The configuration from here on; snapshots have to contain it.

        Go: node.go:187-187 ApplyConfChange
        """

    async def transfer_leadership(self, lead: int, transferee: int) -> None:
        """Asks the node `lead` to make way for `transferee`.

        Go: node.go:190-190 TransferLeadership
        """

    async def forget_leader(self) -> None:
        """Has a follower forget who leads, without campaigning itself.

        With pre-vote and check-quorum a follower refuses its vote while it
        hears from a leader. Whoever knows better, from a failure detector
        say, can make it free to grant one; it takes a quorum of such
        followers to depose a leader. A word from the leader undoes it. With
        lease-based reads it does nothing: the old leader could still be
        serving some.

        Go: node.go:216-216 ForgetLeader
        """

    async def read_index(self, rctx: bytes) -> None:
        """Asks for the index at which a read would be linearizable.

        The answer comes in the `read_states` of some `Ready`; once that index
        is applied, any read that began before this call may be served. A
        request may be lost without a word.

        Args:
            rctx: What tells this request from others; comes back with it.

        Go: node.go:224-224 ReadIndex
        """

    async def status(self) -> Status:
        """Returns what the node knows about itself and, leading, the others.

        Go: node.go:227-227 Status
        """

    async def report_unreachable(self, id: int) -> None:
        """Tells the node that the last message to `id` could not be sent.

        Go: node.go:229-229 ReportUnreachable
        """

    async def report_snapshot(self, id: int, status: SnapshotStatus) -> None:
        """Tells the node how the sending of a snapshot to `id` ended.

        A leader sends nothing more to a follower that is being sent a
        snapshot. A failure has to be reported, whatever went wrong on the
        way, or the follower is left in limbo.

        Go: node.go:240-240 ReportSnapshot
        """

    async def stop(self) -> None:
        """Stops the node and waits until it has come to rest.

        Stopping one that has stopped already does nothing.

        Raises:
            RaftPanic: it had broken down instead. It is at rest all the same.

        Go: node.go:242-242 Stop
        """


def setup_node(
    c: Config, peers: Sequence[Peer], choose: Choose = at_random
) -> _Node:
    """Returns a node of a new cluster that is not running yet.

    Go: node.go:250-265 setupNode
    """
    if not peers:
        raise RaftPanic("no peers given; use RestartNode instead")
    rn = RawNode(c)
    try:
        rn.bootstrap(list(peers))
    except RaftError as error:
        rn.raft.logger.warning(
            "error occurred during starting a new node: %s", error
        )
    return _Node(rn, choose)


def start_node(
    c: Config, peers: Sequence[Peer], choose: Choose = at_random
) -> Node:
    """Starts a node of a new cluster, on the loop that is running.

    Its log begins with an entry for each peer that adds it as a voter.

    Args:
        c: How the node is set up.
        peers: All first members, this one among them; at least one.
        choose: Picks what to do next when there are several things to do.

    Raises:
        RaftPanic: no peers, or a configuration that cannot be.

    Go: node.go:271-275 StartNode
    """
    n = setup_node(c, peers, choose)
    n.start()
    return n


def restart_node(c: Config, choose: Choose = at_random) -> Node:
    """Starts a node that finds its log and its cluster in its storage.

    Args:
        c: How the node is set up; `applied` is the index up to which the
            application's state machine has applied, or 0 if it begins anew.
        choose: Picks what to do next when there are several things to do.

    Raises:
        RaftPanic: a configuration that cannot be.

    Go: node.go:281-289 RestartNode
    """
    n = _Node(RawNode(c), choose)
    n.start()
    return n


class _MsgWithResult:
    """A proposal, and where its proposer waits to hear what became of it.

    Go: node.go:291-294 msgWithResult
    """

    __slots__ = ("m", "result")

    def __init__(
        self, m: pb.Message, result: Chan[RaftError | None] | None = None
    ) -> None:
        self.m = m
        self.result = result


class _ReadyChan(Chan[Ready]):
    """The channel of `Ready`s; a loop over it ends when the node stops."""

    async def __aiter__(self) -> AsyncIterator[Ready]:
        try:
            async for rd in super().__aiter__():
                yield rd
        except Stopped:
            return


class _Node:
    """The one implementation of `Node`.

    Attributes:
        propc: Proposals; received from only while a leader is known.
        recvc: All other messages.
        confc: Committed configuration changes, to be put into effect.
        confstatec: What came of each of them.
        readyc: `Ready`s for the application.
        advancec: Its word that it is done with the last one.
        tickc: Ticks. A node that is busy can catch up on 128 of them.
        done: Closed when `run` has come to its end.
        rn: The `RawNode`; none but `run` touches it.

    Go: node.go:297-310 node
    Go: node.go:312-329 newNode
    """

    def __init__(self, rn: RawNode, choose: Choose = at_random) -> None:
        self.propc: Chan[_MsgWithResult] = Chan()
        self.recvc: Chan[pb.Message] = Chan()
        self.confc: Chan[pb.ConfChangeV2] = Chan()
        self.confstatec: Chan[pb.ConfState] = Chan()
        self.readyc: Chan[Ready] = _ReadyChan()
        self.advancec: Chan[None] = Chan()
        self.tickc: Chan[None] = Chan(128)
        self.done: Chan[None] = Chan()
        self._stop: Chan[None] = Chan()
        self._status: Chan[Chan[Status]] = Chan()
        self.rn = rn
        self._choose = choose
        self._panic: RaftPanic | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to `run`, on the loop that is running: Go's `go n.run()`."""
        self._task = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Has `run` end, unless it has, and waits for that.

        Go: node.go:331-341 Stop
        """
        await select(Send(self._stop, None), Recv(self.done))
        await self.done.recv()
        if self._panic is not None:
            raise self._gone()

    async def run(self) -> None:
        """Runs the node to its end, and tells all who wait that it came.

        Go: node.go:343-454 run
        """
        try:
            await self._run()
        except RaftPanic as panic:
            self._panic = panic
        except Exception as error:
            # From the application's storage or logger, say. Raft was halfway
            # through something, and is as much beyond use as after a panic.
            self._panic = RaftPanic(f"{type(error).__name__}: {error}")
            self._panic.__cause__ = error
        finally:
            self.done.close()
            self.readyc.close(self._gone())

    async def _run(self) -> None:
        """Does one thing after another, until it is told to stop.

        Go: node.go:344-448 run
        """
        rn, r = self.rn, self.rn.raft
        lead = NONE
        nothing = rd = Ready()
        propc: Recv[_MsgWithResult] = Recv(None)
        recvc = Recv(self.recvc)
        confc = Recv(self.confc)
        tickc = Recv(self.tickc)
        readyc: Send[Ready] = Send(None, rd)
        advancec: Recv[None] = Recv(None)
        status = Recv(self._status)
        stop = Recv(self._stop)

        while True:
            if advancec.chan is None and rn.has_ready():
                # On offer, not promised: if something else comes first, the
                # next turn offers a new one, and likely a larger one.
                readyc.value = rd = rn.ready_without_accept()
                readyc.chan = self.readyc

            if lead != r.lead:
                propc.chan = self.propc if r.has_leader() else None
                self._log_leader(lead)
                lead = r.lead

            fired = await select(
                propc, recvc, confc, tickc, readyc, advancec, status, stop,
                choose=self._choose,
            )  # fmt: skip
            if fired is propc:
                self._step_proposal(propc.value)
            elif fired is recvc:
                self._step_message(recvc.value)
            elif fired is confc:
                cs, removed = self._switch(confc.value)
                if removed:
                    # Until the leader changes. By then this node may be a
                    # member again, or may not.
                    propc.chan = None
                await self.confstatec.send(cs)
            elif fired is tickc:
                rn.tick()
            elif fired is readyc:
                rn.accept_ready(rd)
                if not rn.async_storage_writes:
                    advancec.chan = self.advancec
                else:
                    readyc.value = rd = nothing
                readyc.chan = None
            elif fired is advancec:
                rn.advance(rd)
                readyc.value = rd = nothing
                advancec.chan = None
            elif fired is status:
                try_select(Send(status.value, get_status(r)))
            else:
                return

    def _log_leader(self, lead: int) -> None:
        """Says that the leader has changed, or is lost; `lead` was the last.

        Go: node.go:367-380 run
        """
        r = self.rn.raft
        if not r.has_leader():
            r.logger.info(
                "raft.node: %x lost leader %x at term %d", r.id, lead, r.term
            )
        elif lead == NONE:
            r.logger.info(
                "raft.node: %x elected leader %x at term %d",
                r.id, r.lead, r.term,
            )  # fmt: skip
        else:
            r.logger.info(
                "raft.node: %x changed leader from %x to %x at term %d",
                r.id, lead, r.lead, r.term,
            )  # fmt: skip

    def _step_proposal(self, pm: _MsgWithResult) -> None:
        """Hands raft a proposal, and its proposer raft's answer.

        Go: node.go:386-393 run
        """
        m, r = pm.m, self.rn.raft
        m.from_ = r.id
        refusal: RaftError | None = None
        try:
            r.step(m)
        except RaftError as error:
            refusal = error
        if pm.result is not None:
            # There is room for it, so the proposer need not be there any more.
            try_select(Send(pm.result, refusal))
            pm.result.close()

    def _step_message(self, m: pb.Message) -> None:
        """Hands raft a message, unless a node unknown to it responds.

        Go: node.go:394-399 run
        """
        r = self.rn.raft
        if (
            is_response_msg(m.type or pb.MsgHup)
            and not is_local_msg_target(m.from_ or NONE)
            and (m.from_ or NONE) not in r.trk.progress
        ):
            return
        with suppress(RaftError):
            r.step(m)

    def _switch(self, cc: pb.ConfChangeV2) -> tuple[pb.ConfState, bool]:
        """Puts a configuration change into effect.

        Returns:
            The new configuration, and whether it is one that this node was
            removed from just now. One that was not in the one before either
            may be about to be added, and only be behind with the log.

        Go: node.go:400-428 run
        """
        r = self.rn.raft
        was_in = r.id in r.trk.progress
        cs = r.apply_conf_change(cc)
        removed = (
            was_in
            and r.id not in r.trk.progress
            and r.id not in cs.voters
            and r.id not in cs.voters_outgoing
        )
        return cs, removed

    def tick(self) -> None:
        """Leaves a tick for `run`, or a warning if it is too far behind.

        Go: node.go:458-465 Tick
        """
        if self._panic is not None:
            raise self._gone()
        if try_select(Send(self.tickc, None), Recv(self.done)) is None:
            r = self.rn.raft
            r.logger.warning(
                "%x A tick missed to fire. Node blocks too long!", r.id
            )

    async def campaign(self) -> None:
        """Steps a `MsgHup`.

        Go: node.go:467-469 Campaign
        """
        await self._step(pb.Message(type=pb.MsgHup))

    async def propose(self, data: bytes) -> None:
        """Steps a `MsgProp` and waits for raft's answer.

        Go: node.go:471-473 Propose
        """
        await self._step_wait(
            pb.Message(type=pb.MsgProp, entries=[pb.Entry(data=data)])
        )

    async def step(self, m: pb.Message) -> None:
        """Steps a message that came over the network.

        Go: node.go:475-486 Step
        """
        local = is_local_msg(m.type or pb.MsgHup)
        if local and not is_local_msg_target(m.from_ or NONE):
            return
        await self._step(m)

    async def propose_conf_change(self, cc: pb.ConfChangeI) -> None:
        """Steps the proposal of a change, and does not wait for an answer.

        Go: node.go:496-502 ProposeConfChange
        """
        await self.step(conf_change_to_msg(cc))

    async def _step(self, m: pb.Message) -> None:
        """Steps a message; returns as soon as `run` has taken it.

        Go: node.go:504-506 step
        """
        await self._step_with_wait_option(m, False)

    async def _step_wait(self, m: pb.Message) -> None:
        """Steps a message; a proposal's answer is waited for.

        Go: node.go:508-510 stepWait
        """
        await self._step_with_wait_option(m, True)

    async def _step_with_wait_option(self, m: pb.Message, wait: bool) -> None:
        """Steps a message by the channel for its kind.

        Go: node.go:514-551 stepWithWaitOption
        """
        if m.type is not pb.MsgProp:
            await self._pass(self.recvc, m)
            return
        pm = _MsgWithResult(m, Chan(1) if wait else None)
        await self._pass(self.propc, pm)
        if pm.result is None:
            return
        answer = Recv(pm.result)
        if await select(answer, Recv(self.done)) is not answer:
            raise self._gone()
        if answer.value is not None:
            raise answer.value

    def ready(self) -> Chan[Ready]:
        """Returns `readyc`.

        Go: node.go:553-553 Ready
        """
        return self.readyc

    async def advance(self) -> None:
        """Sends on `advancec`.

        Go: node.go:555-560 Advance
        """
        await self._pass(self.advancec, None)

    async def apply_conf_change(self, cc: pb.ConfChangeI) -> pb.ConfState:
        """Sends the change on `confc` and waits for what comes of it.

        Go: node.go:562-573 ApplyConfChange
        """
        await self._pass(self.confc, cc.as_v2())
        # From here on `run` waits for someone to take its answer: should this
        # task be cancelled, the shield sees to it that someone does.
        answer = Recv(self.confstatec)
        fired = await asyncio.shield(select(answer, Recv(self.done)))
        if fired is not answer:
            raise self._gone()
        return answer.value

    async def status(self) -> Status:
        """Sends `run` a channel and waits for the answer in it.

        It has room for that, so that `run` need not wait in turn.

        Go: node.go:575-583 Status
        """
        c: Chan[Status] = Chan(1)
        await self._pass(self._status, c)
        answer = Recv(c)
        if await select(answer, Recv(self.done)) is not answer:
            raise self._gone()
        return answer.value

    async def report_unreachable(self, id: int) -> None:
        """Sends a `MsgUnreachable` in the name of `id`.

        Go: node.go:585-590 ReportUnreachable
        """
        await self._pass(
            self.recvc, pb.Message(type=pb.MsgUnreachable, from_=id)
        )

    async def report_snapshot(self, id: int, status: SnapshotStatus) -> None:
        """Sends a `MsgSnapStatus` in the name of `id`.

        Go: node.go:592-599 ReportSnapshot
        """
        m = pb.Message(
            type=pb.MsgSnapStatus, from_=id, reject=status is SnapshotFailure
        )
        await self._pass(self.recvc, m)

    async def transfer_leadership(self, lead: int, transferee: int) -> None:
        """Sends a `MsgTransferLeader` as if `transferee` had asked for it.

        Go: node.go:601-608 TransferLeadership
        """
        m = pb.Message(type=pb.MsgTransferLeader, from_=transferee, to=lead)
        await self._pass(self.recvc, m)

    async def forget_leader(self) -> None:
        """Steps a `MsgForgetLeader`.

        Go: node.go:610-612 ForgetLeader
        """
        await self._step(pb.Message(type=pb.MsgForgetLeader))

    async def read_index(self, rctx: bytes) -> None:
        """Steps a `MsgReadIndex`.

        Go: node.go:614-616 ReadIndex
        """
        await self._step(
            pb.Message(type=pb.MsgReadIndex, entries=[pb.Entry(data=rctx)])
        )

    async def _pass(self, ch: Chan[T], value: T) -> None:
        """Sends on one of the channels to `run`, as long as that is running."""
        sent = Send(ch, value)
        if await select(sent, Recv(self.done)) is not sent:
            raise self._gone()

    def _gone(self) -> Exception:
        """Returns what to raise in a caller when `run` is there no longer."""
        if self._panic is None:
            return Stopped()
        # Each caller gets one of its own: a traceback belongs to one place.
        panic = RaftPanic(str(self._panic))
        panic.__cause__ = self._panic
        return panic
