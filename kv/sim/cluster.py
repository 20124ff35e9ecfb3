"""The machines of a run, and what is done to them.

Each machine has a clock, a disk and a place in the network; on it runs
`kv.server.Server` as a process of the loop, started again when it ends as a
supervisor would. `do` carries out an action of `kv.faults`; what makes no
sense just then is passed over, and counted.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from typing import Final

from kv import faults as f
from kv.client import Client, KvError, Unknown
from kv.faults import ANY, CLIENTS, FOREVER, LEADER
from kv.messages import Address
from kv.seams import DataError
from kv.server import Options, Server
from kv.sim.clock import SimClock
from kv.sim.disk import Crashed, Operation, SimDisk
from kv.sim.loop import Outside, Process, SimLoop
from kv.sim.network import Fabric, SimNetwork, Trouble
from kv.sim.watch import Watch
from kv.world import World
from port.raft import StateLeader

CLIENT_PORT: Final = 7000
PEER_PORT: Final = 7100
_AGAIN: Final = 0.5  # seconds until what ended is started again
_FULL: Final = 1 << 14  # bytes at most that a full disk has room for

_log = logging.getLogger("kv.sim")

MakeOptions = Callable[[int, bool, dict[int, Address]], Options]


class Machine:
    """A machine.

    Attributes:
        id: The node's that runs on it.
        clock: Its clock.
        disk: Its disk.
        process: What runs on it; `None` while it is down.
        server: The node, once it has started.
        state: `up`; `down`, to be started again; `lost`, its data being
            damaged; `gone` for good.
        join: Whether its node was added to a running cluster.
        hurt: Whether its disk was made to fail, so that it may end.
        slow: Seconds more that each operation of its disk takes.
        life: How often it was started.
    """

    def __init__(self, id: int, clock: SimClock, join: bool) -> None:
        self.id = id
        self.clock = clock
        self.disk = SimDisk(reserves=False)
        self.process: Process | None = None
        self.server: Server | None = None
        self.state = "down"
        self.join = join
        self.hurt = False
        self.slow = 0.0
        self.life = 0
        # What is to happen in an operation of the disk: when it has come to
        # the number, for which kinds, what.
        self.fuse: tuple[int, frozenset[str], Callable[[], None]] | None
        self.fuse = None
        self.fail_sync = False

    @property
    def client_address(self) -> Address:
        """Where it serves clients."""
        return f"m{self.id}", CLIENT_PORT

    @property
    def peer_address(self) -> Address:
        """Where other nodes reach it."""
        return f"m{self.id}", PEER_PORT


_ANY_OPERATION: Final = frozenset({
    "append", "create", "open", "remove", "rename", "sync", "sync_folder",
    "truncate",
})  # fmt: skip
_SLEEPS: Final = frozenset({"sync", "sync_folder", "truncate", "read"})


class Cluster:
    """All machines.

    Attributes:
        machines: By id.
        fabric: The network between them.
        clients: The process in which clients run, and their world.
        done: How often what family of action was carried out.
        passed_over: Likewise, what made no sense.
        notes: What was done, as it was done: time and words.
        on_server: Called with the address of each new machine.
        on_retired: Called with that of each that is gone for good.
        on_fault: Called with each action that was carried out.
    """

    def __init__(
        self, loop: SimLoop, rng: random.Random, watch: Watch,
        options: MakeOptions, nodes: int,
        trace: Callable[[float, int, int, bytes], None],
    ) -> None:  # fmt: skip
        """Makes machines that are down."""
        self.loop = loop
        self.rng = rng
        self.watch = watch
        self.fabric = Fabric(loop, random.Random(rng.getrandbits(64)), trace)
        self.machines: dict[int, Machine] = {}
        self.clients = Process(loop, "clients")
        self.client_world = World(
            SimClock(loop), SimDisk(),
            SimNetwork(self.fabric, CLIENTS, self.clients),
            random.Random(rng.getrandbits(64)),
        )  # fmt: skip
        self.done: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()
        self.on_server: Callable[[Address], None] = _nothing
        self.on_retired: Callable[[Address], None] = _nothing
        self.on_fault: Callable[[f.Action], None] = _nothing
        self._options = options
        self._trace = trace
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._ends: dict[object, Callable[[], None]] = {}
        self._healing = False
        for id in range(1, nodes + 1):
            self._make(id, join=False)

    def _make(self, id: int, join: bool) -> Machine:
        clock = SimClock(self.loop, 1000.0 + self.rng.random())
        machine = self.machines[id] = Machine(id, clock, join)
        self._equip(machine)
        return machine

    def _equip(self, machine: Machine) -> None:
        """Has a machine's disk take its time, and fail when it is to."""

        def hook(operation: Operation) -> None:
            fuse = machine.fuse
            if fuse is not None and operation.kind in fuse[1]:
                number, kinds, act = fuse
                machine.fuse = (number - 1, kinds, act)
                if number <= 1:
                    machine.fuse = None
                    act()
                    raise Crashed
            if machine.fail_sync and operation.kind == "sync":
                machine.fail_sync = False
                machine.hurt = True
                code = errno.EIO
                raise OSError(code, os.strerror(code), operation.path)

        rng = random.Random(self.rng.getrandbits(64))
        sleep = asyncio.sleep

        async def delay(operation: Operation) -> None:
            if operation.kind in _SLEEPS or machine.slow:
                dice = rng.random()
                wait = 0.0001 + 0.0003 * dice
                if dice > 0.995:
                    wait += 0.05 * rng.random()
                await sleep(wait + machine.slow)

        machine.disk.hook = hook
        machine.disk.delay = delay

    # Starting and ending.

    def start(self, machine: Machine) -> None:
        """Starts a machine's node, unless it runs."""
        if machine.process is not None or machine.state == "gone":
            return
        machine.life += 1
        machine.state = "up"
        if machine.id in self.fabric.dark:
            self.fabric.reboot(machine.id)
        process = Process(self.loop, f"node {machine.id}")
        machine.process = process
        world = World(
            machine.clock, machine.disk,
            SimNetwork(self.fabric, machine.id, process),
            random.Random(self.rng.getrandbits(64)),
        )  # fmt: skip
        members = {
            m.id: m.peer_address
            for m in self.machines.values()
            if m.state != "gone" and (machine.join or not m.join)
        }
        options = self._options(machine.id, machine.join, members)
        self._note(b"start", machine.id)
        process.run(self._life(machine, process, options, world))

    async def _life(
        self, machine: Machine, process: Process, options: Options,
        world: World,
    ) -> None:  # fmt: skip
        problem: BaseException | None = None
        try:
            server = Server(options, world)
            await server.start()
            machine.server = server
            await server.run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            problem = error
        # By its own context this would die with the process.
        self.loop.call_soon(
            self._ended, machine, process, problem,
            context=_OUTSIDE,
        )  # fmt: skip

    def _ended(
        self, machine: Machine, process: Process,
        problem: BaseException | None,
    ) -> None:  # fmt: skip
        """A node has ended by itself."""
        if process.dead or machine.process is not process:
            return
        disk_failed = isinstance(problem, OSError) and machine.hurt
        text = f"{type(problem).__name__}: {problem}"
        _log.info("node %d has ended: %s", machine.id, text)
        if isinstance(problem, Outside):
            self.loop.troubles.append((process.name, problem))
            self.watch.broken(0, str(problem))
            return
        self._end(machine, power=False)
        if machine.state == "lost":
            if not isinstance(problem, DataError):
                self.watch.broken(
                    18, f"node {machine.id} runs on a log with a turned bit"
                )
            return
        if problem is not None and not disk_failed:
            number = 12 if isinstance(problem, DataError) else 0
            self.watch.broken(number, f"node {machine.id} ended: {text}")
            return
        self._start_later(machine, _AGAIN)

    def _end(self, machine: Machine, power: bool) -> None:
        """Ends what runs on a machine."""
        process, machine.process = machine.process, None
        machine.server = None
        machine.fuse = None
        if power:
            self.fabric.dark.add(machine.id)
        if process is not None:
            process.kill()
        dice = random.Random(self.rng.getrandbits(64)) if power else None
        hook = machine.disk.hook
        machine.disk = machine.disk.restart(dice, hook)
        if machine.state == "up":
            machine.state = "down"

    def _start_later(self, machine: Machine, seconds: float) -> None:
        life = machine.life

        def start() -> None:
            if machine.life == life and machine.state == "down":
                self.start(machine)

        self.loop.call_later(seconds, start, context=_OUTSIDE)

    def crash(self, machine: Machine, seconds: float, power: bool) -> None:
        """Kills a node, and starts it again later."""
        self._note(b"power" if power else b"kill", machine.id)
        self._end(machine, power)
        if seconds != FOREVER:
            self._start_later(machine, seconds)

    def _note(self, what: bytes, node: int) -> None:
        self._trace(self.loop.time(), node, node, what)

    # Who is who.

    def leader(self) -> Machine | None:
        """Returns the machine whose node leads the latest term."""
        best: tuple[int, Machine] | None = None
        for machine in self.machines.values():
            server = machine.server
            if server is None or not hasattr(server, "_node"):
                continue
            raft = server._node.rn.raft
            if raft.state is StateLeader and (
                best is None or raft.term > best[0]
            ):
                best = raft.term, machine
        return None if best is None else best[1]

    def resolve(self, node: int) -> Machine | None:
        """Returns the machine that an action means, if there is one."""
        if node == LEADER:
            return self.leader()
        machine = self.machines.get(node)
        if machine is None:
            return None
        if machine.state == "gone":  # Others have taken its place.
            there = [m for m in self.machines.values() if m.state != "gone"]
            machine = there[node % len(there)] if there else None
        return machine

    def _number(self, node: int) -> int | None:
        if node in (ANY, CLIENTS):
            return node
        machine = self.resolve(node)
        return None if machine is None else machine.id

    # What is done to them.

    def do(self, action: f.Action) -> None:
        """Carries an action out, or passes it over."""
        carried_out = _DO[type(action)](self, action)
        if carried_out:
            self.done[action.family] += 1
            self._trace(self.loop.time(), 0, 0, str(action).encode())
            self.on_fault(action)
        else:
            self.passed_over[action.family] += 1

    def _for(
        self, seconds: float, end: Callable[[], None]
    ) -> None:
        """Calls `end` after so long, or when all is healed."""
        key = object()
        self._ends[key] = end
        if seconds != FOREVER:
            def over() -> None:
                if self._ends.pop(key, None) is not None:
                    end()

            self.loop.call_later(seconds, over, context=_OUTSIDE)

    def _trouble(self, trouble: Trouble, seconds: float) -> bool:
        self.fabric.add(trouble)
        self._for(seconds, lambda: self.fabric.end(trouble))
        return True

    def _partition(self, a: f.Partition) -> bool:
        groups = [
            {n for node in group if (n := self._number(node)) is not None}
            for group in a.groups
        ]
        there = {m.id for m in self.machines.values() if m.state != "gone"}
        groups.append(there.difference(*groups))
        cut = frozenset(
            (x, y) for x in there for y in there
            if x != y and not any({x, y} <= group for group in groups)
        )  # fmt: skip
        if not cut:
            return False
        return self._trouble(Trouble(stuck=True, pairs=cut), a.seconds)

    def _link(
        self, source: int, to: int, seconds: float, **more: object
    ) -> bool:
        x, y = self._number(source), self._number(to)
        if x is None or y is None or (x == y and x != ANY):
            return False
        return self._trouble(
            Trouble(x, y, **more), seconds  # type: ignore[arg-type]
        )

    def _cut(self, a: f.Cut) -> bool:
        done = self._link(a.source, a.to, a.seconds, stuck=True)
        if done and a.both:
            self._link(a.to, a.source, a.seconds, stuck=True)
        return done

    def _slow(self, a: f.Slow) -> bool:
        return self._link(
            a.source, a.to, a.seconds, delay=a.delay, spread=a.spread
        )

    def _loss(self, a: f.Loss) -> bool:
        return self._link(a.source, a.to, a.seconds, loss=a.share)

    def _duplicate(self, a: f.Duplicate) -> bool:
        return self._link(a.source, a.to, a.seconds, double=a.share)

    def _reorder(self, a: f.Reorder) -> bool:
        return self._link(a.source, a.to, a.seconds, reorder=a.share)

    def _clog(self, a: f.Clog) -> bool:
        return self._link(a.source, a.to, a.seconds, stuck=True, patient=True)

    def _throttle(self, a: f.Throttle) -> bool:
        return self._link(a.source, a.to, a.seconds, rate=a.rate)

    def _break(self, a: f.BreakConnections) -> bool:
        x, y = self._number(a.source), self._number(a.to)
        if x is None or y is None:
            return False
        self.fabric.break_all(x, y)
        return True

    def _crash(self, a: f.Crash) -> bool:
        machine = self.resolve(a.node)
        if machine is None or machine.process is None:
            return False
        process = machine.process

        def crash() -> None:
            if machine.process is process:
                self.crash(machine, a.seconds, a.power)

        if a.moment == "disk":
            machine.fuse = max(a.count, 1), _ANY_OPERATION, crash
        elif a.moment == "await":
            process.fuse = process.turns + max(a.count, 1)
            process.on_fuse = crash
        else:
            crash()
        return True

    def _pause(self, a: f.Pause) -> bool:
        machine = self.resolve(a.node)
        if machine is None or machine.process is None:
            return False
        process = machine.process
        if process.paused:
            return False
        process.pause()
        self._note(b"pause", machine.id)
        self._for(a.seconds, process.go_on)
        return True

    def _rate(self, a: f.ClockRate) -> bool:
        machine = self.resolve(a.node)
        if machine is None or a.rate <= 0:
            return False
        clock = machine.clock
        clock.set_rate(a.rate)
        self._for(a.seconds, lambda: clock.set_rate(1.0))
        return True

    def _jump(self, a: f.ClockJump) -> bool:
        machine = self.resolve(a.node)
        if machine is None:
            return False
        machine.clock.jump(a.by)
        return True

    def _strobe(self, a: f.Strobe) -> bool:
        machine = self.resolve(a.node)
        if machine is None or a.every <= 0:
            return False
        clock, going = machine.clock, [True]

        def jump() -> None:
            if going[0]:
                clock.jump(a.by)
                self.loop.call_later(a.every, jump, context=_OUTSIDE)

        jump()

        def end() -> None:
            going[0] = False

        self._for(a.seconds, end)
        return True

    def _disk(self, a: f.DiskFault) -> bool:
        machine = self.resolve(a.node)
        if machine is None or machine.process is None:
            return False
        if a.kind == "torn":
            process = machine.process

            def crash() -> None:
                if machine.process is process:
                    self.crash(machine, a.seconds, power=True)

            machine.fuse = 1, frozenset({"sync"}), crash
        elif a.kind == "sync":
            machine.fail_sync = True
        elif a.kind == "slow":
            machine.slow = a.amount
            self._for(a.seconds, lambda: setattr(machine, "slow", 0.0))
        elif a.kind == "full":
            used = sum(map(len, machine.disk.files().values()))
            machine.disk.capacity = used + int(a.amount * _FULL)
            machine.hurt = True

            def room() -> None:
                machine.disk.capacity = None

            self._for(a.seconds, room)
        else:
            return self._flip(machine, a.amount)
        return True

    def _flip(self, machine: Machine, where: float) -> bool:
        """Turns a bit of a log, of a node that the others can do without."""
        if machine.server is None or not self._can_do_without(machine):
            return False
        self._end(machine, power=False)
        files = [
            (name, len(content.rstrip(b"\0")))
            for name, content in machine.disk.files().items()
            if name.endswith(".wal")
        ]
        at = int(where * sum(size for _, size in files) * 8)
        for name, size in files:
            if at < size * 8:
                machine.disk.flip(name, at)
                break
            at -= size * 8
        machine.state = "lost"
        self._note(b"flip", machine.id)
        self._try_to_start(machine)
        new = max(self.machines) + 1
        self._spawn(self._replace(machine, new))
        return True

    def _try_to_start(self, machine: Machine) -> None:
        """Starts a node that must refuse to start."""
        machine.life += 1
        process = Process(self.loop, f"node {machine.id}")
        machine.process = process
        world = World(
            machine.clock, machine.disk,
            SimNetwork(self.fabric, machine.id, process),
            random.Random(1),
        )  # fmt: skip
        options = self._options(machine.id, machine.join, {
            machine.id: machine.peer_address
        })  # fmt: skip

        async def life() -> None:
            problem: BaseException | None = None
            try:
                server = Server(options, world)
                await server.start()
            except BaseException as error:
                problem = error
            self.loop.call_soon(
                self._ended, machine, process, problem, context=_OUTSIDE
            )

        process.run(life())

    def _can_do_without(self, machine: Machine) -> bool:
        """Tells whether all that is committed is on all other voters.

        To lose a node's data is safe only then.
        """
        leader = self.leader()
        if leader is None or leader is machine or leader.server is None:
            return False
        if any(m.state == "lost" for m in self.machines.values()):
            return False
        raft = leader.server._node.rn.raft
        voters = raft.trk.config.voters
        if voters[1] or len(voters[0]) < 3 or machine.id not in voters[0]:
            return False
        if raft.raft_log.applied < raft.pending_conf_index:
            return False
        committed = raft.raft_log.committed
        return all(
            raft.trk.progress[id].match >= committed
            for id in voters[0] if id != machine.id
        )  # fmt: skip

    # Members.

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = self.clients.run(work)  # type: ignore[arg-type]
        self._tasks[task] = None
        task.add_done_callback(lambda t: self._tasks.pop(t, None))

    def _admin(self) -> Client:
        servers = [
            m.client_address for m in self.machines.values()
            if m.state in ("up", "down")
        ]  # fmt: skip
        return Client(
            servers, timeout=3.0, try_timeout=0.5, sessions=False,
            world=self.client_world,
        )  # fmt: skip

    async def _member(self, *words: str) -> bool | None:
        """Asks the leader for a change; tells whether it came about.

        `None`: nobody knows, and it may yet.
        """
        client = self._admin()
        try:
            await client.member(*words)
        except KvError as error:
            _log.info("member %s: %s", " ".join(words), error)
            return None if isinstance(error, Unknown) else False
        finally:
            await client.close()
        return True

    def _join(self, id: int) -> Machine:
        """Starts a machine that is yet to be added."""
        machine = self._make(id, join=True)
        self.start(machine)
        self.on_server(machine.client_address)
        return machine

    def _add(self, a: f.AddLearner) -> bool:
        if a.node in self.machines or a.node <= 0:
            return False
        self._spawn(self._take_in(self._join(a.node)))
        return True

    async def _take_in(self, machine: Machine) -> None:
        """Adds a new machine; without it being wanted, it goes again."""
        host, port = machine.peer_address
        words = "learner", str(machine.id), f"{host}:{port}"
        if await self._member(*words) is False:
            self._retire(machine)

    async def _change(self, *words: str) -> None:
        await self._member(*words)

    def _promote(self, a: f.Promote) -> bool:
        machine = self.machines.get(a.node)
        if machine is None or machine.state == "gone":
            return False
        self._spawn(self._change("promote", str(a.node)))
        return True

    def _voters(self) -> int:
        leader = self.leader()
        if leader is None or leader.server is None:
            return 0
        return len(leader.server.replica.conf_state.voters)

    def _remove(self, a: f.Remove) -> bool:
        machine = self.resolve(a.node)
        if machine is None or self._voters() < 3:
            return False
        self._spawn(self._remove_for_good(machine))
        return True

    async def _remove_for_good(self, machine: Machine) -> None:
        if await self._member("remove", str(machine.id)):
            await self.client_world.clock.sleep(1.0)
            self._retire(machine)

    def _retire(self, machine: Machine) -> None:
        if machine.process is not None:
            self._end(machine, power=False)
        machine.state = "gone"
        self.on_retired(machine.client_address)

    def _replace_one(self, a: f.Replace) -> bool:
        machine = self.resolve(a.node)
        if machine is None or machine.state == "lost":
            return False
        if a.new <= 0 or self._voters() < 3:
            return False
        if a.new in self.machines and not self._learns(a.new):
            return False
        self._spawn(self._replace(machine, a.new, True, a.lingers))
        return True

    async def _replace(
        self, machine: Machine, new: int, once: bool = False,
        lingers: float = 1.0,
    ) -> None:  # fmt: skip
        """Puts a new node in one's place; if need be, until it works."""
        learns = self._learns(new)
        if learns:
            other = self.machines[new]
        else:
            while new in self.machines:
                new += 1
            other = self._join(new)
        host, port = other.peer_address
        words = "replace", str(machine.id), str(new), f"{host}:{port}"
        while not (done := await self._member(*words)):
            if once and done is False:
                if not learns:
                    self._retire(other)
                return
            await self.client_world.clock.sleep(0.5)
            if self._is_out(machine, other):
                break  # It had come about, and nobody told.
            if once:
                return
        await self.client_world.clock.sleep(lingers)
        self._retire(machine)

    def _learns(self, id: int) -> bool:
        """Tells whether a machine is there as a learner."""
        leader = self.leader()
        if leader is None or leader.server is None:
            return False
        learners = leader.server.replica.conf_state.learners
        return id in learners and self.machines[id].state != "gone"

    def _is_out(self, old: Machine, new: Machine) -> bool:
        leader = self.leader()
        if leader is None or leader.server is None:
            return False
        state = leader.server.replica.conf_state
        return (
            old.id not in {*state.voters, *state.voters_outgoing}
            and new.id in state.voters
        )

    def _transfer(self, a: f.Transfer) -> bool:
        machine = self.resolve(a.to)
        if machine is None:
            return False
        self._spawn(self._hand_over(machine.id))
        return True

    async def _hand_over(self, to: int) -> None:
        client = self._admin()
        try:
            await client.transfer(to)
        except KvError as error:
            _log.info("transfer to %d: %s", to, error)
        finally:
            await client.close()

    def _heal(self, a: f.Heal) -> bool:
        self.heal()
        return True

    # The end.

    def heal(self) -> None:
        """Ends all faults, and starts all that is down."""
        ends, self._ends = self._ends, {}
        for end in ends.values():
            end()
        self.fabric.end_all()
        for machine in self.machines.values():
            machine.fuse = None
            machine.fail_sync = False
            machine.clock.set_rate(1.0)
            machine.disk.capacity = None
            if machine.process is not None:
                machine.process.fuse = 0
            if machine.state == "down":
                self.start(machine)

    def wanted(self) -> set[int]:
        """Returns who is a member, as those who know most have it."""
        best: Server | None = None
        for machine in self.machines.values():
            server = machine.server
            if server is not None and (
                best is None or server.replica.applied > best.replica.applied
            ):
                best = server
        if best is None:
            return set()
        members: set[int] = set()
        todo = [best.options.node]
        while todo:
            machine = self.machines[todo.pop()]
            if machine.server is None:
                continue
            for id in machine.server._node.rn.raft.trk.progress:
                if id not in members and id in self.machines:
                    members.add(id)
                    todo.append(id)
        return members

    def missing(self) -> str:
        """Returns what the nodes lack to be in agreement, or nothing."""
        if self._tasks:
            return "members are being changed"
        members = self.wanted()
        if not members:
            return "no node runs"
        marks = {}
        leads = set()
        for id in sorted(members):
            machine = self.machines[id]
            server = machine.server
            if machine.state == "gone":
                continue  # The others are yet to learn that it is.
            if server is None:
                return f"node {id} does not run"
            raft = server._node.rn.raft
            log = raft.raft_log
            last = log.last_entry_id()
            leads.add(raft.lead)
            if not last.index == log.committed == server.replica.applied:
                return f"node {id} has not applied its log"
            marks[id] = (last.index, last.term)
        if len(leads) > 1 or not leads or 0 in leads:
            return "they do not agree who leads"
        if len(set(marks.values())) > 1:
            return f"their logs end differently: {marks}"
        return ""

    def retire_strangers(self) -> None:
        """Stops nodes that nobody counts in."""
        members = self.wanted()
        if not members:
            return
        for machine in self.machines.values():
            if machine.id not in members and machine.state == "up":
                self._retire(machine)

    def stop(self) -> None:
        """Ends everything."""
        for machine in self.machines.values():
            if machine.process is not None:
                machine.process.kill()
        self.clients.kill()


def _nothing(_: object) -> None:
    pass


# The context of what belongs to no process.
_OUTSIDE: Final = Context()

_DO: Final[dict[type[f.Action], Callable[..., bool]]] = {
    f.Heal: Cluster._heal, f.Partition: Cluster._partition,
    f.Cut: Cluster._cut, f.Slow: Cluster._slow, f.Loss: Cluster._loss,
    f.Duplicate: Cluster._duplicate, f.Reorder: Cluster._reorder,
    f.Clog: Cluster._clog, f.Throttle: Cluster._throttle,
    f.BreakConnections: Cluster._break, f.Crash: Cluster._crash,
    f.Pause: Cluster._pause, f.ClockRate: Cluster._rate,
    f.ClockJump: Cluster._jump, f.Strobe: Cluster._strobe,
    f.DiskFault: Cluster._disk, f.AddLearner: Cluster._add,
    f.Promote: Cluster._promote, f.Remove: Cluster._remove,
    f.Replace: Cluster._replace_one, f.Transfer: Cluster._transfer,
    f.Wait: lambda cluster, action: False,
}  # fmt: skip
