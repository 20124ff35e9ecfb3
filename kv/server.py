"""A node, put together: data folder, raft, transport, ports, ticks.

Nothing of what a node does stands here, only of what it is made, how it is
started, and in which order it stops:

    clients    `kv.redis`    what is asked of it
    replica    `kv.replica`  what it does about that, with raft
    transport                to and from the other nodes
    log, snapshots, machine  its parts, see `kv.parts`
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field, replace

from kv.address_book import AddressBook
from kv.drive_async import drive_async
from kv.messages import Address, member_list
from kv.packing import pack
from kv.parts import TAIL, Parts, snapshot_every
from kv.redis.connection import Clients
from kv.redis.keys import KeyCommands
from kv.redis.members import MemberCommands
from kv.redis.talk import VERSION, TalkCommands
from kv.replica.replica import Replica, describe
from kv.seams import DataError, Identity
from kv.storage import Found, recover
from kv.transport import Transport
from kv.world import Listener, Lock, World
from port.logger import Logger
from port.node import _Node, restart_node, start_node
from port.raft import (
    Config,
    ReadOnlyLeaseBased,
    ReadOnlySafe,
    StateLeader,
)
from port.types import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a node is run.

    Attributes:
        node: Its id.
        cluster: The cluster's.
        folder: Where its data lies.
        address: Where clients connect; port 0 picks one.
        peer_address: Where other nodes connect.
        members: Where the first members listen, this one among them.
        join: Whether the cluster exists already, and will add this node.
        heartbeat: Seconds between a leader's heartbeats.
        election: Seconds without one until a follower campaigns; each time
            between one and two times as long.
        reads: `safe`, `lease` or `stale`.
        async_writes: Let raft go on while its disk works; `kv.drive_async`
            takes the place of the loop among the parts.
        timeout: How long a client waits at most, in seconds.
        snapshot_every: Entries between snapshots; `None`: as the part says.
        append_size: Bytes of entries in one message at most; of a larger
            entry, one.
        password: What clients have to say first; `None`: nothing.
        server_tls: For what other nodes open.
        client_tls: For what this node opens.
        parts: What the node is made of.
        logger: Where raft logs.
    """

    node: int
    cluster: int
    folder: str
    address: Address
    peer_address: Address
    members: dict[int, Address]
    join: bool = False
    heartbeat: float = 0.1
    election: float = 1.0
    reads: str = "safe"
    async_writes: bool = False
    timeout: float = 5.0
    snapshot_every: int | None = None
    append_size: int = 1 << 18
    password: str | None = None
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None
    parts: Parts = field(default_factory=Parts)
    logger: Logger | None = None


class InUse(DataError):
    """Another process runs on the data folder."""


class _Rand:
    """Raft's dice, from the world's."""

    def __init__(self, world: World) -> None:
        self._random = world.random

    def intn(self, n: int) -> int:
        """Returns a number from 0 up to but without `n`."""
        return self._random.randrange(n)


class Server:
    """One node: made, started, run until it stops or fails.

    Attributes:
        options: How it is run.
        world: Where.
        address: Where clients connect.
        notes: What a person should know of the data, once it has started.
        stopping: To be set for `run` to end.
        clients: Those who are connected.
        replica: Its share of the store.
        transport: Its connections with other nodes.
        book: Where those listen.
    """

    def __init__(self, options: Options, world: World) -> None:
        """Makes a node that is not running yet."""
        self.options = options
        self.world = world
        self.address: Address = options.address
        self.notes: tuple[str, ...] = ()
        self.stopping = asyncio.Event()
        self.clients = Clients(locked=options.password is not None)
        self.book = AddressBook(world.disk, options.folder, options.members)
        self.replica: Replica
        self.transport: Transport
        self._node: _Node
        self._lock: Lock | None = None
        self._listener: Listener | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._started = 0.0

    async def start(self) -> None:
        """Opens the data folder and the ports, and starts raft.

        Raises:
            DataError: the folder is not fit to run on.
            OSError: the disk failed, or a port is not to be had.
        """
        o, world = self.options, self.world
        await world.disk.make_folder(o.folder)
        try:
            self._lock = await world.disk.lock(f"{o.folder}/lock")
        except BlockingIOError as problem:
            raise InUse(
                f"{o.folder} is in use by another process"
            ) from problem
        try:
            await self._start()
        except BaseException:
            self._lock.release()
            raise

    async def _start(self) -> None:
        o, world = self.options, self.world
        identity = Identity(o.cluster, o.node)
        found = await recover(o.parts, world.disk, o.folder, identity)
        self.notes = found.notes
        every = o.snapshot_every
        replica = self.replica = Replica(
            o.node, world, _parts(o), found, self.book, timeout=o.timeout,
            retry_reads=max(2 * o.heartbeat, 0.05),
            tail=TAIL if every is None else min(TAIL, every // 2),
            stale_reads=o.reads == "stale",
        )  # fmt: skip
        transport = self.transport = Transport(
            world, o.parts.framing, identity, replica.mail, o.server_tls,
            o.client_tls,
        )  # fmt: skip
        try:
            await self.book.load()
            self._listener = await world.network.listen(
                self.clients.connection, *o.address
            )
            self.address = self._listener.address
            await transport.listen(*o.peer_address)
        except BaseException:
            transport.close()
            if self._listener is not None:
                self._listener.close()
            await found.log.close()
            raise
        # Where heartbeats are quick, there are two ticks to each.
        tick = o.heartbeat / 2 if o.heartbeat < 0.1 else o.heartbeat
        self._node = self._start_raft(found, tick)
        self._started = world.clock.time()
        self.book.open(transport.set_members, replica.fail)
        replica.start(self._node, transport)
        # The ports have been open for a while. From here on there are answers.
        self.clients.commands = {
            **KeyCommands(replica.writes, replica.reads).table,
            **MemberCommands(
                replica, self.book, world.clock, o.timeout, o.election
            ).table,
            **TalkCommands(o.password, self.status, self.info).table,
        }
        self._ticker = asyncio.create_task(self._tick(tick))

    def _start_raft(self, found: Found, tick: float) -> _Node:
        o = self.options
        config = Config(
            id=o.node,
            election_tick=max(2, round(o.election / tick)),
            heartbeat_tick=max(1, round(o.heartbeat / tick)),
            storage=found.storage,
            applied=found.applied,
            async_storage_writes=o.async_writes,
            max_size_per_msg=o.append_size,
            max_committed_size_per_ready=1 << 19,
            max_uncommitted_entries_size=1 << 28,
            max_inflight_msgs=256,
            max_inflight_bytes=1 << 23,
            check_quorum=True,
            pre_vote=True,
            step_down_on_removal=True,
            read_only_option=(
                ReadOnlyLeaseBased if o.reads == "lease" else ReadOnlySafe
            ),
            rand=_Rand(self.world),
            logger=o.logger,
        )
        if found.fresh and not o.join:
            peers = [
                Peer(id, pack({"members": member_list({id: address})}))
                for id, address in sorted(o.members.items())
            ]
            node = start_node(config, peers)
        else:
            node = restart_node(config)
        if not isinstance(node, _Node):
            raise TypeError("a node of another kind")
        return node

    async def _tick(self, tick: float) -> None:
        clock = self.world.clock
        due = clock.time() + tick
        while True:
            await clock.sleep(max(0.0, due - clock.time()))
            try:
                self._node.tick()
                self.replica.sweep()
            except Exception as problem:
                self.replica.fail(problem)
                return
            # Ticks that were missed are not made up for: whoever was
            # stopped for a while must not run for leader at once.
            due = max(due + tick, clock.time())

    async def run(self) -> None:
        """Runs until `stopping` is set, or the node fails.

        Raises:
            Exception: what the node failed of. It is stopped by then.
        """
        stopping = asyncio.create_task(self.stopping.wait())
        failed = self.replica.failed
        both: set[asyncio.Future[object]] = {stopping, failed}  # type: ignore[arg-type]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            await self.close()
        if failed.done():
            failed.result()

    async def close(self) -> None:
        """Stops everything, in an order that leaves no promise broken."""
        if self._listener is not None:
            self._listener.close()
        if self._ticker is not None:
            self._ticker.cancel()
        await self.replica.stop()
        self.clients.flush()
        self.transport.close()
        self.clients.close()
        await self.book.close()
        if self._lock is not None:
            self._lock.release()

    # What there is to know.

    def status(self) -> dict[str, object]:
        """Returns what there is to know about the node."""
        o, r, raft = self.options, self.replica, self.replica.raft
        progress = {}
        if raft.state is StateLeader:
            for id, pr in raft.trk.visit():
                progress[id] = {
                    "match": pr.match, "state": str(pr.state),
                    "learner": pr.is_learner, "active": pr.recent_active,
                }  # fmt: skip
        storage = raft.raft_log.storage
        return {
            "node": r.id, "cluster": o.cluster,
            "role": str(raft.state).removeprefix("State").lower(),
            "term": raft.term, "leader": raft.lead,
            "commit": raft.raft_log.committed, "applied": r.applied,
            "first": storage.first_index(),
            "last": raft.raft_log.last_index(),
            "snapshot": r.snapshotter.index,
            "voters": sorted(r.conf_state.voters),
            "learners": sorted(r.conf_state.learners),
            "outgoing": sorted(r.conf_state.voters_outgoing),
            "members": {
                str(i): f"{a[0]}:{a[1]}"
                for i, a in self.book.addresses.items()
            },
            "connected": self.transport.connected(),
            "progress": progress, "counts": r.counts,
            "reads": o.reads, "clients": len(self.clients.connections),
            "uptime": round(self._uptime(), 3),
            "parts": o.parts.owners(),
        }  # fmt: skip

    def info(self) -> str:
        """Returns the same as `INFO` of Redis has it."""
        s = self.status()
        counts = self.replica.counts
        lines = [
            "# Server", f"redis_version:{VERSION}", "redis_mode:standalone",
            f"uptime_in_seconds:{int(self._uptime())}",
            "# Clients",
            f"connected_clients:{len(self.clients.connections)}",
            "# Stats", f"total_connections_received:{self.clients.admitted}",
            f"total_writes:{counts['writes']}",
            f"total_reads:{counts['reads']}",
            "# Replication",
            f"role:{'master' if s['role'] == 'leader' else 'slave'}",
            "# Raft",
        ]  # fmt: skip
        for name in (
            "node", "role", "term", "leader", "commit", "applied", "first",
            "last", "snapshot", "reads",
        ):  # fmt: skip
            lines.append(f"raft_{name}:{s[name]}")
        lines.append(f"raft_members:{describe(self.replica.conf_state)}")
        return "\r\n".join(lines) + "\r\n"

    def _uptime(self) -> float:
        return self.world.clock.time() - self._started


def _parts(o: Options) -> Parts:
    """Returns the parts, with what other options say of them."""
    parts = o.parts
    if o.snapshot_every is not None:
        due = snapshot_every(o.snapshot_every)
        parts = replace(parts, snapshot_due=due)
    if o.async_writes and parts.drive is Parts().drive:
        parts = replace(parts, drive=drive_async)
    return parts
