"""A cluster whose every step is taken on request, and watched.

Nodes are `RawNode`s, each with a disk that forgets what was not synced and a
state machine that forgets everything. Between them is a network that keeps
each message until the schedule says what becomes of it. Nothing here is
random, and nothing happens by itself: one schedule is one run.

After every single step the monitor is shown the node that took it. See
`invariants` for what it checks, and `actions` for what there is to do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from random import Random
from zlib import crc32

from port import raftpb as pb
from port.confchange import Changer
from port.errors import InvalidConfChange, RaftError
from port.raft import (
    Config,
    ReadOnlyLeaseBased,
    ReadOnlySafe,
    StateLeader,
)
from port.rawnode import RawNode
from port.tracker import StateSnapshot
from port.types import (
    NO_LIMIT,
    Peer,
    Ready,
    SnapshotFailure,
    SnapshotFinish,
    is_empty_snap,
)
from tests.properties import actions as act
from tests.properties.disk import Compaction, Disk, Write
from tests.properties.invariants import NUMBERS, Monitor, View

ELECTION_TICK = 3
# Of each link, so many messages are kept; older ones are lost.
LINK = 24
# Where the configuration that all begin with stands, unless bootstrapped.
START_INDEX = 2


class Panicked(Exception):
    """A node has panicked, and nobody watches for that: the run ends."""


class Quiet:
    """A logger that says nothing, and panics as it should."""

    def debug(self, format: str, *args: object) -> None:
        """Say nothing."""

    info = error = warning = debug

    def panic(self, format: str, *args: object) -> None:
        """Raise what is to be logged."""
        from port.errors import RaftPanic

        raise RaftPanic(format % args if args else format)

    fatal = panic


QUIET = Quiet()


class Dice:
    """Draws that look random, and are the same each time."""

    def __init__(self, seed: int) -> None:
        self.intn = Random(seed).randrange


class Machine:
    """A state machine: it remembers what it applied by a checksum.

    Attributes:
        index: The last entry that it has applied.
        term: That entry's term.
        state: The checksum.
        conf_state: The configuration in force there.
    """

    def __init__(self, snapshot: pb.Snapshot) -> None:
        self.load(snapshot)

    def load(self, snapshot: pb.Snapshot) -> None:
        """Go to the state of a snapshot."""
        metadata = snapshot.metadata or pb.SnapshotMetadata()
        self.index = snapshot.index
        self.term = snapshot.term
        self.state = snapshot.data or b""
        self.conf_state = (metadata.conf_state or pb.ConfState()).clone()

    def apply(self, entry: pb.Entry) -> None:
        """Go on by an entry."""
        self.index = entry.index or 0
        self.term = entry.term or 0
        text = b"%d %d %s " % (self.index, self.term, entry.data or b"")
        self.state = b"%d" % crc32(text + self.state)

    def snapshot(self) -> pb.Snapshot:
        """Return the state as it is."""
        return pb.Snapshot(
            data=self.state,
            metadata=pb.SnapshotMetadata(
                conf_state=self.conf_state.clone(),
                index=self.index,
                term=self.term,
            ),
        )


class Work:
    """A message on an append thread, and how far the thread has come."""

    __slots__ = ("message", "stage")

    def __init__(self, message: pb.Message) -> None:
        self.message = message
        self.stage = 0


class Node:
    """A node, up or down.

    Attributes:
        raw: Raft; `None` while the node is down.
        life: How often it was started.
        ready: The `Ready` that is being handled, and `stage` how far.
        appends: What the append thread has to do.
        applies: What the apply thread has to do.
        view: What was last seen of it, and `mark` by what it was told apart.
        loaded: The index of the last snapshot that its machine took.
    """

    def __init__(self, id: int) -> None:
        self.id = id
        self.machine = Machine(pb.Snapshot())
        self.disk = Disk(lambda: self.machine.snapshot())
        self.raw: RawNode | None = None
        self.life = 0
        self.ready: Ready | None = None
        self.stage = 0
        self.appends: list[Work] = []
        self.applies: list[pb.Message] = []
        self.view: View | None = None
        self.mark: tuple[object, ...] = ()


class Storage:
    """What raft reads: the disk, with `term` under its proper name."""

    def __init__(self, disk: Disk) -> None:
        self.initial_state = disk.initial_state
        self.entries = disk.entries
        self.term = disk.term_of
        self.last_index = disk.last_index
        self.first_index = disk.first_index
        self.snapshot = disk.snapshot


class Sealed:
    """A disk, as invariants see it."""

    __slots__ = ("_disk", "holds", "log")

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.holds = disk.holds
        self.log = disk.log

    @property
    def term(self) -> int:
        """The durable term."""
        return self._disk._hard_state().term or 0

    @property
    def vote(self) -> int:
        """The durable vote."""
        return self._disk.vote

    @property
    def commit(self) -> int:
        """The durable commit index."""
        return self._disk.commit


class Cluster:
    """The nodes, the network between them, and what was done to them.

    Attributes:
        done: The actions taken, all definite.
        trace: Each primitive step that was really taken, if recorded: what
            an interaction script is made from.
    """

    def __init__(
        self,
        setup: act.Setup,
        numbers: Iterable[int] = NUMBERS,
        wrap: Callable[[Config, int], RawNode] | None = None,
        record: bool = False,
    ) -> None:
        self.setup = setup
        self.nodes = {id: Node(id) for id in range(1, setup.nodes + 1)}
        self.seals = {id: Sealed(n.disk) for id, n in self.nodes.items()}
        self.monitor = Monitor(dict(self.seals), numbers)
        self.links: dict[tuple[int, int], list[tuple[int, pb.Message]]] = {
            (a, b): [] for a in self.nodes for b in self.nodes
        }
        self.cuts: set[tuple[int, int]] = set()
        self.sent = 0
        self.proposals = 0
        self.reads = 0
        self.holes = 0
        self.wrap = wrap
        self.done: list[act.Action] = []
        self.trace: list[tuple[object, ...]] | None = [] if record else None
        for node in self.nodes.values():
            self._prepare(node)
            self._start(node)

    # What a schedule can ask for.

    def do(self, a: act.Action) -> None:
        """Take an action; nothing happens where it makes no sense."""
        _DO[type(a)](self, *a)

    def run(self, actions: tuple[act.Action, ...]) -> None:
        """Take actions, one after another."""
        for a in actions:
            if act.LEADER in a or type(a) in (act.Settle, act.Purge):
                a = act.definite(a, self.leader())
            for one in self._stand(a) if type(a) is act.Stand else (a,):
                self.done.append(one)
                _DO[type(one)](self, *one)

    def _stand(self, a: act.Stand) -> list[act.Action]:
        """Return what lets a node stand in a term above all others."""
        node = self._up(a.node)
        if node is None:
            return [act.Restart(a.node, act.ALL)]
        raft = node.raw.raft
        top = max(v.term for n in self.nodes.values() if (v := n.view))
        if raft.state is StateLeader and raft.term == top:
            return []
        made: list[act.Action] = []
        if raft.state is StateLeader:
            made.append(act.Restart(a.node, act.ALL))
        times = 1 if self.setup.pre_vote else min(top + 1 - raft.term, 6)
        return made + [act.Campaign(a.node)] * times

    def leader(self) -> int:
        """Return who leads the highest term, or else a node that is up."""
        best = 0, 1
        for id, node in self.nodes.items():
            if node.raw is not None:
                raft = node.raw.raft
                leads = raft.state is StateLeader
                best = max(best, (raft.term if leads else 0, id))
        return best[1]

    def tick(self, id: int, count: int) -> None:
        """Let a node's clock go on."""
        node = self.nodes.get(id)
        for _ in range(count):
            if node is None or node.raw is None:
                return
            timeout = node.raw.raft.randomized_election_timeout
            self._note("tick", id, timeout)
            self._call(node, node.raw.tick)

    def campaign(self, id: int) -> None:
        """Let a node stand for election."""
        if node := self._up(id):
            self._note("campaign", id)
            self._call(node, node.raw.campaign)

    def propose(self, id: int) -> None:
        """Propose at a node."""
        if node := self._up(id):
            self.proposals += 1
            data = b"p%d" % self.proposals
            self._note("propose", id, data.decode())
            self._call(node, node.raw.propose, data)

    def take_ready(self, id: int) -> None:
        """Handle a `Ready` to its end, or end the one that is begun."""
        node = self._up(id)
        if node is None:
            return
        if self.setup.asynchronous:
            self._take(node)
            return
        if not node.stage:
            self._part(node)
        while node.stage:
            self._part(node)

    def part(self, id: int) -> None:
        """Take the next single step of what a node has to do."""
        if node := self._up(id):
            if self.setup.asynchronous:
                self._append_part(node)
            else:
                self._part(node)

    def append(self, id: int) -> None:
        """Let an append thread do a piece of its work."""
        if (node := self._up(id)) and node.appends:
            work = node.appends[0]
            if not work.stage:
                self._note("append", id)
            while node.appends and node.appends[0] is work:
                self._append_part(node, whole=True)

    def apply(self, id: int) -> None:
        """Let an apply thread do a piece of its work."""
        if (node := self._up(id)) and node.applies:
            self._note("apply", id)
            m = node.applies.pop(0)
            self._apply(node, m.entries)
            self._respond(node, m.responses)

    def deliver(self, source: int, to: int, nth: int, again: bool) -> None:
        """Let a message arrive."""
        link = self.links.get((source, to))
        if not link:
            return
        if source == to:
            nth, again = 0, False
        nth %= len(link)
        seq, m = link[nth]
        if again:
            self._receive(to, copy_of(m), 0)
        else:
            del link[nth]
            self._receive(to, m, seq)

    def lose(self, source: int, to: int, nth: int) -> None:
        """Let a message get lost."""
        link = self.links.get((source, to))
        if link and source != to:
            del link[nth % len(link)]

    def purge(self, ids: tuple[int, ...]) -> None:
        """Let everything get lost that is under way to some nodes."""
        for (source, to), link in self.links.items():
            if source != to and (to in ids or not ids):
                link.clear()

    def flow(self, id: int, sources: Iterable[int] = ()) -> None:
        """Let arrive what can, in the order in which it was sent."""
        if id not in self.nodes:
            return
        arriving = []
        for source in sources or self.nodes:
            link = self.links.get((source, id))
            if link and source != id and (source, id) not in self.cuts:
                arriving += link
                link.clear()
        arriving.sort(key=_by_number)
        for seq, m in arriving:
            self._receive(id, m, seq)

    def settle(self, rounds: int, among: tuple[int, ...] = ()) -> None:
        """Let nodes do their work and get each other's messages."""
        ids = among or tuple(self.nodes)
        for _ in range(rounds):
            for id in ids:
                self._work(id)
            for id in ids:
                self.flow(id, ids)

    def cut(self, source: int, to: int) -> None:
        """Let messages from one node to another wait."""
        if source != to:
            self.cuts.add((source, to))

    def split(self, group: tuple[int, ...]) -> None:
        """Let messages between a group and the rest wait."""
        for a in self.nodes:
            for b in self.nodes:
                if (a in group) != (b in group):
                    self.cuts.add((a, b))

    def heal(self) -> None:
        """Let all messages pass again."""
        self.cuts.clear()

    def crash(self, id: int, keep: int) -> None:
        """Stop a node."""
        if node := self._up(id):
            self._note("crash", id, not node.disk.pending[keep:])
            node.disk.crash(keep)
            node.raw = None
            node.ready, node.stage = None, 0
            node.appends, node.applies = [], []
            self.links[id, id].clear()

    def restart(self, id: int, keep: int) -> None:
        """Start a node from its disk."""
        self.crash(id, keep)
        node = self.nodes.get(id)
        if node is not None and node.raw is None:
            self._note("start", id)
            self._start(node)

    def change(self, id: int, how: str, steps: str) -> None:
        """Propose another membership."""
        node = self._up(id)
        if node is None:
            return
        singles = pb.conf_changes_from_string(steps)
        if any(single.node_id not in self.nodes for single in singles):
            return  # somebody who is not there can never be heard of
        cc: pb.ConfChangeI
        if how == "v1":
            first = singles[0]
            cc = pb.ConfChange(type=first.type, node_id=first.node_id)
        else:
            cc = pb.ConfChangeV2(transition=_HOW[how], changes=singles)
        self._note("change", id, how, steps)
        self._call(node, node.raw.propose_conf_change, cc)

    def leave(self, id: int) -> None:
        """Propose to leave the joint configuration."""
        if node := self._up(id):
            self._note("change", id, "auto", "")
            self._call(node, node.raw.propose_conf_change, pb.ConfChangeV2())

    def transfer(self, id: int, to: int) -> None:
        """Ask a node to see to it that another one leads."""
        if node := self._up(id):
            self._note("transfer", id, to)
            self._call(node, node.raw.transfer_leader, to)

    def forget(self, id: int) -> None:
        """Let a node forget its leader."""
        if node := self._up(id):
            self._note("forget", id)
            self._call(node, node.raw.forget_leader)

    def read(self, id: int) -> None:
        """Ask a node for a read index."""
        if node := self._up(id):
            self.reads += 1
            context = b"r%d" % self.reads
            self._note("read", id, context.decode())
            if not self.setup.lease:
                self.monitor.tell("asked", context)
                self._look_for_holes(node, context)
            self._call(node, node.raw.read_index, context)

    def compact(self, id: int, keep: int) -> None:
        """Store a snapshot of a node's machine, and shorten its log."""
        node = self._up(id)
        if node is None:
            return
        machine, disk = node.machine, node.disk
        # Raft may not yet know of all that is applied; it reads the rest.
        upto = min(machine.index, node.raw.raft.raft_log.applied) - keep
        newest = disk.stored_snapshot().index
        if newest < machine.index <= disk.last_index() and upto > newest:
            self._note("compact", id, upto)
            disk.write(
                Compaction(
                    machine.index, machine.conf_state, machine.state, upto
                )
            )
            disk.sync()
            self._see(node)

    def unreachable(self, id: int, about: int) -> None:
        """Tell a node that another one is out of reach."""
        if node := self._up(id):
            self._note("unreachable", id, about)
            self._call(node, node.raw.report_unreachable, about)

    def report(self, id: int, about: int, ok: bool) -> None:
        """Tell a node how sending a snapshot went."""
        if node := self._up(id):
            self._note("report", id, about, ok)
            how = SnapshotFinish if ok else SnapshotFailure
            self._call(node, node.raw.report_snapshot, about, how)

    # What happens once all faults have stopped.

    def converge(self, limit: int = 120) -> None:
        """Let faults stop, and wait until the cluster works again.

        All nodes that were crashed come back. A node that was removed is
        stopped as soon as no other one counts it in. All clocks tick alike.
        """
        self.heal()
        for (source, to), link in self.links.items():
            if source != to:
                link.clear()
        for id, node in self.nodes.items():
            if node.raw is None:
                self.restart(id, act.ALL)
            # What is committed may tell it its configuration.
            self._work(id)
        for node in self.nodes.values():
            self._report_lost_snapshots(node)
        goal = b""
        missing = ""
        for rounds in range(1, limit + 1):
            members = self._members()
            for id, node in self.nodes.items():
                if id not in members:
                    self.crash(id, act.ALL)
                elif node.raw is None:
                    self.restart(id, act.ALL)
                    self._work(id)
                self.tick(id, 1)
            self.settle(2)
            leader = self._one_leader(members)
            if leader is None:
                missing = "nobody leads"
                continue
            if not goal or rounds % 8 == 0:
                goal = b"p%d" % (self.proposals + 1)
                self.propose(leader)
                self.settle(3)
            missing = self._still_missing(members, goal)
            if not missing:
                self.monitor.tell("healed", rounds, "")
                return
        if missing == "nobody leads" and self._removal_untold():
            self.holes += 1
            missing = ""
        self.monitor.tell("healed", limit, missing)

    def _removal_untold(self) -> bool:
        """Tell whether only nodes outside of the newest configuration know it.

        A leader that has removed itself no longer stands for election. If it
        loses the lead before a voter learns that the change is committed, the
        voters still count on its vote; and it refuses them if its log is the
        longer one. v3.7.0 has no way out of that.
        """
        up = [n for n in self.nodes.values() if n.raw is not None]
        newest = max(up, key=_progress_of)
        voters = newest.raw.raft.trk.voters.ids()
        return newest.id not in voters and all(
            n.machine.index < newest.machine.index
            for n in up
            if n.id in voters
        )

    def _members(self) -> set[int]:
        """Return who is in the configuration of any node that is up."""
        members: set[int] = set()
        todo = [max(self.nodes.values(), key=_progress_of)]
        while todo:
            raw = todo.pop().raw
            if raw is None:
                continue
            for id in raw.raft.trk.progress:
                if id not in members and id in self.nodes:
                    members.add(id)
                    todo.append(self.nodes[id])
        return members

    def _report_lost_snapshots(self, node: Node) -> None:
        """Report each snapshot that a leader still waits for as failed."""
        raw = node.raw
        if raw is None or raw.raft.state is not StateLeader:
            return
        for id, pr in raw.raft.trk.visit():
            if pr.state is StateSnapshot:
                self.report(id=node.id, about=id, ok=False)

    def _one_leader(self, members: set[int]) -> int | None:
        """Return the leader, if all members know the same one."""
        leads = {
            self.nodes[id].raw.raft.lead for id in members
        }  # type: ignore[union-attr]
        lead = leads.pop() if len(leads) == 1 else 0
        return lead if lead in self.nodes and lead in members else None

    def _still_missing(self, members: set[int], goal: bytes) -> str:
        """Return what members lack to be in agreement, or the empty text."""
        marks = set()
        for id in members:
            node = self.nodes[id]
            raft = node.raw.raft  # type: ignore[union-attr]
            log = raft.raft_log
            last = log.last_entry_id()
            if not last.index == log.committed == node.machine.index:
                return f"{id} has not committed and applied its log"
            marks.add((last, node.machine.state))
        if len(marks) > 1:
            return f"{sorted(members)} do not agree: {sorted(marks)}"
        leader = self.nodes[min(members)]
        entries = leader.view.entries if leader.view else []
        if all(e.data != goal for e in entries[-40:]):
            return f"{goal.decode()} is not in the log"
        return ""

    # How a node starts, works and receives.

    def _prepare(self, node: Node) -> None:
        """Put what a node begins with onto its disk."""
        setup = self.setup
        members = {*setup.voters, *setup.learners}
        if setup.start == "bootstrap" or (
            setup.start == "fresh" and node.id not in members
        ):
            return
        conf_state = pb.ConfState(
            voters=list(setup.voters), learners=list(setup.learners)
        )
        snapshot = pb.Snapshot(
            data=b"",
            metadata=pb.SnapshotMetadata(
                conf_state=conf_state, index=START_INDEX, term=1
            ),
        )
        node.disk.write(Write([], None, snapshot))
        node.disk.sync()

    def _start(self, node: Node) -> None:
        """Start a node from its disk."""
        setup, disk = self.setup, node.disk
        node.machine.load(disk.stored_snapshot())
        node.life += 1
        blank = disk.is_blank()
        config = Config(
            id=node.id,
            election_tick=ELECTION_TICK,
            heartbeat_tick=1,
            storage=Storage(disk),
            applied=node.machine.index,
            async_storage_writes=setup.asynchronous,
            max_size_per_msg=0 if setup.small else NO_LIMIT,
            max_committed_size_per_ready=1 if setup.small else 0,
            max_inflight_msgs=setup.inflight,
            check_quorum=setup.check_quorum or setup.lease,
            pre_vote=setup.pre_vote,
            read_only_option=(
                ReadOnlyLeaseBased if setup.lease else ReadOnlySafe
            ),
            logger=QUIET,  # type: ignore[arg-type]
            disable_proposal_forwarding=setup.no_forward,
            step_down_on_removal=setup.step_down,
            rand=Dice(setup.seed + 1000 * node.id + node.life),
        )
        try:
            if self.wrap is None:
                node.raw = RawNode(config)
            else:
                node.raw = self.wrap(config, node.id)
            restored = self._look(node)
            if (
                setup.start == "bootstrap"
                and blank
                and node.id in setup.voters
            ):
                node.raw.bootstrap([Peer(id) for id in setup.voters])
        except Exception as error:
            self._panicked(node, error)
        self.monitor.tell("restarted", restored, self.seals[node.id])
        self.monitor.tell(
            "loaded", node.id, node.machine.index, node.machine.state
        )
        node.mark = ()
        self._see(node)

    def _up(self, id: int) -> Node | None:
        node = self.nodes.get(id)
        return None if node is None or node.raw is None else node

    def _work(self, id: int) -> None:
        """Let a node do all that it can do by itself."""
        for _ in range(8):
            node = self._up(id)
            if node is None:
                return
            if self.setup.asynchronous:
                self._take(node)
                while node.appends:
                    self.append(id)
                while self.links[id, id]:
                    self.deliver(id, id, 0, False)
                while node.applies:
                    self.apply(id)
                while self.links[id, id]:
                    self.deliver(id, id, 0, False)
                if not node.raw.has_ready():
                    return
            else:
                if not node.stage and not node.raw.has_ready():
                    return
                self.take_ready(id)

    def _part(self, node: Node) -> None:
        """Take the next step of handling a `Ready`; storage is synchronous."""
        stage = node.stage
        if stage == 0:
            if not node.raw.has_ready():
                return
            self._note("ready", node.id)
            node.ready = self._call(node, node.raw.ready)
            for rs in node.ready.read_states:
                self.monitor.tell(
                    "answered", node.id, rs.request_ctx, rs.index
                )
            node.stage = 1
            return
        rd = node.ready
        self._note("stage", node.id)
        if stage == 1:
            self._write(node, rd.entries, rd.hard_state, rd.snapshot)
        elif stage == 2:
            if rd.must_sync or not is_empty_snap(rd.snapshot):
                node.disk.sync()
        elif stage == 3:
            self._send(node, rd.messages)
        elif stage == 4:
            self._load(node, rd.snapshot)
            self._apply(node, rd.committed_entries)
        else:
            node.ready, node.stage = None, 0
            self._note("done", node.id)
            self._call(node, node.raw.advance, rd)
            return
        node.stage = stage + 1
        self._see(node)

    def _take(self, node: Node) -> None:
        """Take a `Ready` and queue the work in it; storage is asynchronous."""
        if not node.raw.has_ready():
            return
        self._note("ready", node.id)
        rd = self._call(node, node.raw.ready)
        for rs in rd.read_states:
            self.monitor.tell("answered", node.id, rs.request_ctx, rs.index)
        away = []
        for m in rd.messages:
            if m.type is pb.MsgStorageAppend:
                node.appends.append(Work(m))
            elif m.type is pb.MsgStorageApply:
                node.applies.append(m)
            else:
                away.append(m)
        self._note("done", node.id)
        self._send(node, away)

    def _append_part(self, node: Node, whole: bool = False) -> None:
        """Take the next step of the work on an append thread."""
        if not node.appends:
            return
        work = node.appends[0]
        m = work.message
        if not whole:
            self._note("stage", node.id)
        if work.stage == 0:
            hard_state = pb.HardState(m.term or 0, m.vote or 0, m.commit or 0)
            self._write(node, m.entries, hard_state, m.snapshot)
            work.stage = 1
        elif work.stage == 1:
            # Nothing but a commit index may wait for the next sync.
            if m.entries or m.snapshot is not None or m.responses:
                node.disk.sync()
            work.stage = 2
        else:
            node.appends.pop(0)
            self._load(node, m.snapshot)
            self._respond(node, m.responses)

    def _write(
        self,
        node: Node,
        entries: list[pb.Entry],
        hard_state: pb.HardState | None,
        snapshot: pb.Snapshot | None,
    ) -> None:
        """Write to a node's disk, if there is anything to write."""
        if entries or hard_state is not None or snapshot is not None:
            try:
                node.disk.write(Write(entries, hard_state, snapshot))
            except Exception as error:
                self._panicked(node, error)

    def _load(self, node: Node, snapshot: pb.Snapshot | None) -> None:
        """Give a snapshot to a node's state machine."""
        if snapshot is None or snapshot.index <= node.machine.index:
            return
        node.machine.load(snapshot)
        self.monitor.tell(
            "loaded", node.id, node.machine.index, node.machine.state
        )

    def _apply(self, node: Node, entries: list[pb.Entry]) -> None:
        """Give entries to a node's state machine.

        What a snapshot has brought already is passed over.
        """
        machine = node.machine
        for e in entries:
            if (e.index or 0) <= machine.index:
                continue
            if e.type:
                self._apply_conf_change(node, e)
            machine.apply(e)
            self.monitor.tell("applied", node.id, e, machine.state)
        self._see(node)

    def _apply_conf_change(self, node: Node, e: pb.Entry) -> None:
        """Apply a configuration change, unless it does not fit.

        Two clients may each ask for what is fine by itself and not after the
        other. Whether it fits depends on the log alone, so all nodes decide
        alike.

        A snapshot that raft has taken already, though it is not written yet,
        has brought a later configuration: there the change comes too late.
        """
        cc: pb.ConfChangeI
        if e.type is pb.EntryConfChange:
            cc = pb.ConfChange.unmarshal(e.data)
        else:
            cc = pb.ConfChangeV2.unmarshal(e.data)
        raft = node.raw.raft
        snapshot = raft.raft_log.unstable.snapshot
        if snapshot is not None and (e.index or 0) <= snapshot.index:
            return
        if fits(raft.trk, cc.as_v2()):
            node.machine.conf_state = self._call(
                node, node.raw.apply_conf_change, cc
            )

    def _respond(self, node: Node, responses: list[pb.Message]) -> None:
        """Send the responses of a storage thread: here, or to others."""
        self._send(node, responses)

    def _send(self, node: Node, messages: list[pb.Message]) -> None:
        """Put messages on their way."""
        monitor, links, id = self.monitor, self.links, node.id
        seal = self.seals[id]
        for m in messages:
            link = links.get((id, m.to or 0))
            if link is None:
                continue
            monitor.tell("sent", m, seal)
            self.sent += 1
            self._note("send", self.sent, id, m)
            link.append((self.sent, m))
            if len(link) > LINK and m.to != id:
                del link[0]

    def _receive(self, id: int, m: pb.Message, number: int) -> None:
        """Hand a message to a node; one that is down loses it."""
        node = self.nodes[id]
        raw = node.raw
        if raw is None:
            return
        if number:
            self._note("deliver", number, id)
        else:
            self._note("again", id)
        if m.type is pb.MsgReadIndex and not self.setup.lease:
            self._look_for_holes(node, m.entries[0].data or b"")
        self._call(node, raw.step, m)

    def _look_for_holes(self, node: Node, context: bytes) -> None:
        """Excuse a read that a leader answers without knowing better.

        v3.7.0 answers at once where the configuration has a single voter
        (raft.go:1356): even if the leader is not that voter, and even if it
        has not committed anything in its term.
        """
        raft = node.raw.raft
        if raft.state is not StateLeader or not raft.trk.is_singleton():
            return
        if (
            raft.id not in raft.trk.voters.ids()
            or not raft.committed_entry_in_current_term()
        ):
            self.holes += 1
            self.monitor.tell("excuse", context)

    def _call(self, node: Node, method: Callable, *args):  # type: ignore
        """Call a node, and look at it; errors that it may return are fine."""
        result = None
        try:
            result = method(*args)
        except RaftError:
            pass
        except Exception as error:
            self._panicked(node, error)
        self._see(node)
        return result

    def _panicked(self, node: Node, error: Exception) -> None:
        self.monitor.tell("panicked", node.id, error)
        raise Panicked(f"node {node.id}: {error!r}") from error

    def _see(self, node: Node) -> None:
        """Show a node to the monitor, if anything about it has changed."""
        r = node.raw.raft
        log = r.raft_log
        unstable = log.unstable
        entries, stored = unstable.entries, node.disk.ents
        mark = (
            r.term, r.vote, r.state, log.committed, log.applied,
            unstable.offset, len(entries), entries, len(stored), stored[-1],
            stored[0], unstable.snapshot, r.trk.config,
        )  # fmt: skip
        before = node.mark
        if len(before) == len(mark) and all(map(_same, before, mark)):
            return
        node.mark = mark
        view = self._look(node)
        self.monitor.saw(node.view, view)
        node.view = view

    def _look(self, node: Node) -> View:
        """Return what there is to see of a node now."""
        r = node.raw.raft
        log = r.raft_log
        unstable = log.unstable
        view = View.__new__(View)
        view.id = node.id
        view.life = node.life
        view.term = r.term
        view.vote = r.vote
        view.role = r.state
        view.commit = log.committed
        view.applied = log.applied
        if unstable.snapshot is not None:
            base, term = unstable.snapshot.index, unstable.snapshot.term
            entries = list(unstable.entries)
        else:
            stored = node.disk.ents
            base, term = stored[0].index or 0, stored[0].term or 0
            # Behind what is unstable, storage may hold what it replaces.
            entries = stored[1:]
            if unstable.entries:
                entries = entries[: unstable.offset - base - 1]
                entries += unstable.entries
        view.base = base
        view.entries = entries
        view.terms = [term, *[e.term or 0 for e in entries]]
        view.halves = [half for half in r.trk.voters if half]
        return view

    def _note(self, *step: object) -> None:
        if self.trace is not None:
            self.trace.append(step)


def _same(a: object, b: object) -> bool:
    return a is b or (type(a) in _BY_VALUE and a == b)


_BY_VALUE = {int, list}


def fits(trk, cc: pb.ConfChangeV2) -> bool:  # type: ignore[no-untyped-def]
    """Tell whether a change can be applied to a configuration."""
    changer = Changer(trk, 1)
    auto_leave, joint = cc.enter_joint()
    try:
        if cc.leave_joint():
            changer.leave_joint()
        elif joint:
            changer.enter_joint(auto_leave, cc.changes)
        else:
            changer.simple(cc.changes)
    except InvalidConfChange:
        return False
    return True


def copy_of(m: pb.Message) -> pb.Message:
    """Return a copy that a node can change without changing `m`."""
    twin = copy.copy(m)
    twin.entries = list(m.entries)
    return twin


def _progress_of(node: Node) -> tuple[bool, int]:
    return node.raw is not None, node.machine.index


def _by_number(item: tuple[int, pb.Message]) -> int:
    return item[0]


_HOW = {
    "auto": pb.ConfChangeTransitionAuto,
    "implicit": pb.ConfChangeTransitionJointImplicit,
    "explicit": pb.ConfChangeTransitionJointExplicit,
}

_DO: dict[type, Callable[..., None]] = {
    act.Tick: Cluster.tick,
    act.Campaign: Cluster.campaign,
    act.Propose: Cluster.propose,
    act.Ready: Cluster.take_ready,
    act.Part: Cluster.part,
    act.Append: Cluster.append,
    act.Apply: Cluster.apply,
    act.Deliver: Cluster.deliver,
    act.Lose: Cluster.lose,
    act.Purge: Cluster.purge,
    act.Flow: Cluster.flow,
    act.Settle: Cluster.settle,
    act.Cut: Cluster.cut,
    act.Split: Cluster.split,
    act.Heal: Cluster.heal,
    act.Crash: Cluster.crash,
    act.Restart: Cluster.restart,
    act.Change: Cluster.change,
    act.Leave: Cluster.leave,
    act.Transfer: Cluster.transfer,
    act.Forget: Cluster.forget,
    act.Read: Cluster.read,
    act.Compact: Cluster.compact,
    act.Unreachable: Cluster.unreachable,
    act.Report: Cluster.report,
}
