"""A node's server: the clients' connections, and the node as a whole.

`Connection` speaks with one client. Requests of one client may be many at a
time (pipelining), and are answered in order, whatever takes how long. Writes
that follow one another are under way together, and so are reads; but a read
behind a write begins when the write is done, and a write behind a read when
that is answered: within one connection things happen as they were asked.

`Server` puts a node together: data folder, raft, transport, ports, ticks.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from kv.commands import (
    MAX_KEY,
    MAX_KEYS,
    MAX_VALUE,
    Command,
    Op,
    Result,
    Status,
    When,
    list_keys,
)
from kv.commands import count as count_keys
from kv.drive_async import drive_async
from kv.messages import Address, member_list, parse_members
from kv.packing import pack, unpack
from kv.parts import TAIL, Parts, snapshot_every
from kv.replica import Answer, Failure, Replica, describe
from kv.resp import (
    EMPTY,
    NIL,
    OK,
    PONG,
    ProtocolError,
    Requests,
    TooLarge,
    array,
    bulk,
    error,
    integer,
)
from kv.seams import DataError, Identity
from kv.storage import recover
from kv.transport import Transport
from kv.world import Listener, Lock, World
from port import raftpb as pb
from port.errors import RaftError
from port.logger import Logger
from port.node import _Node, restart_node, start_node
from port.raft import (
    Config,
    ReadOnlyLeaseBased,
    ReadOnlySafe,
    StateLeader,
)
from port.types import Peer

CONNECTIONS: Final = 1000
OUTSTANDING: Final = 4096  # requests of one client at a time
LINGER: Final = 1.0  # seconds
CURSORS: Final = 1000  # scans that are under way
VERSION: Final = "7.0.0"  # of Redis, as whose server this one speaks

_log = logging.getLogger("kv.server")


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
    """One node: made, started, run until it stops or fails."""

    def __init__(self, options: Options, world: World) -> None:
        """Makes a node that is not running yet."""
        self.options = options
        self.world = world
        self.address: Address = options.address
        self.connections: dict[Connection, None] = {}  # In their order.
        self.cursors: dict[int, bytes] = {}
        self.notes: tuple[str, ...] = ()
        self.stopping = asyncio.Event()
        self.ready = False  # Ports are open a little before all is there.
        self.replica: Replica
        self.transport: Transport
        self._dirty: list[Connection] = []
        self._node: _Node
        self._lock: Lock | None = None
        self._listener: Listener | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._started = 0.0
        self._connected = 0

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
        parts = o.parts
        found = await recover(parts, world.disk, o.folder, identity)
        self.notes = found.notes
        every = o.snapshot_every
        if every is not None:
            parts = replace(parts, snapshot_due=snapshot_every(every))
        if o.async_writes and parts.drive is Parts().drive:
            parts = replace(parts, drive=drive_async)
        tail = TAIL if every is None else min(TAIL, every // 2)
        replica = self.replica = Replica(
            o.node, world, parts, found, timeout=o.timeout,
            retry_reads=max(2 * o.heartbeat, 0.05), tail=tail,
            stale_reads=o.reads == "stale",
        )  # fmt: skip
        self.transport = Transport(
            world, parts.framing, identity, replica, o.server_tls,
            o.client_tls,
        )  # fmt: skip
        try:
            stored = await self._load_members()
            self._listener = await world.network.listen(
                lambda: Connection(self), *o.address
            )
            self.address = self._listener.address
            await self.transport.listen(*o.peer_address)
        except BaseException:
            self.transport.close()
            if self._listener is not None:
                self._listener.close()
            await found.log.close()
            raise
        replica.members = {**o.members, **stored}
        replica.on_members = self._members_changed
        tick = o.heartbeat / 2 if o.heartbeat < 0.1 else o.heartbeat
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
            rand=_Rand(world),
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
        self._node = node
        self._started = world.clock.time()
        self.transport.set_members(replica.members)
        replica.start(node, self.transport)
        self.ready = True
        self._ticker = asyncio.create_task(self._tick(tick))

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
        """Runs until `stop` is asked for.

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
        self.flush()
        self.transport.close()
        for connection in [*self.connections]:
            connection.close()
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)
        if self._lock is not None:
            self._lock.release()

    # Where members listen is in changes of the members, which are in the
    # log; but a snapshot takes the log's place. So it has a file, too.

    async def _load_members(self) -> dict[int, Address]:
        path = f"{self.options.folder}/members"
        try:
            data = await self.world.disk.read(path)
        except FileNotFoundError:
            return {}
        try:
            return parse_members(unpack(data))
        except ValueError:
            _log.warning("%s cannot be read; it is passed over", path)
            return {}

    def _members_changed(self) -> None:
        self.transport.set_members(self.replica.members)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save_members())

    async def _save_members(self) -> None:
        disk, folder = self.world.disk, self.options.folder
        saved: dict[int, Address] | None = None
        try:
            while saved != self.replica.members:
                saved = self.replica.members
                file = await disk.create(f"{folder}/members.tmp")
                await file.append(pack(member_list(saved)), sync=True)
                await file.close()
                await disk.rename(
                    f"{folder}/members.tmp", f"{folder}/members"
                )
                await disk.sync_folder(folder)
        except OSError as problem:
            self.replica.fail(problem)

    # For connections.

    def soon(self, connection: Connection) -> None:
        """Has a connection's answers written when this round is over.

        One write for all of them, instead of one for each.
        """
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self.flush)
        self._dirty.append(connection)

    def flush(self) -> None:
        """Writes the answers that are there."""
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    def admit(self, connection: Connection) -> bool:
        """Counts a connection in, unless there are too many."""
        if len(self.connections) >= CONNECTIONS:
            return False
        self.connections[connection] = None
        self._connected += 1
        return True

    def status(self) -> dict[str, object]:
        """Returns what there is to know about the node."""
        r, raft = self.replica, self._node.rn.raft
        progress = {}
        if raft.state is StateLeader:
            for id, pr in raft.trk.visit():
                progress[id] = {
                    "match": pr.match, "state": str(pr.state),
                    "learner": pr.is_learner, "active": pr.recent_active,
                }  # fmt: skip
        storage = raft.raft_log.storage
        return {
            "node": r.id, "cluster": self.options.cluster,
            "role": str(raft.state).removeprefix("State").lower(),
            "term": raft.term, "leader": raft.lead,
            "commit": raft.raft_log.committed, "applied": r.applied,
            "first": storage.first_index(),
            "last": raft.raft_log.last_index(),
            "snapshot": r.snapshot_index,
            "voters": sorted(r.conf_state.voters),
            "learners": sorted(r.conf_state.learners),
            "outgoing": sorted(r.conf_state.voters_outgoing),
            "members": {
                str(i): f"{a[0]}:{a[1]}" for i, a in r.members.items()
            },
            "connected": self.transport.connected(),
            "progress": progress, "counts": r.counts,
            "reads": self.options.reads, "clients": len(self.connections),
            "uptime": round(self.world.clock.time() - self._started, 3),
            "parts": self.options.parts.owners(),
        }  # fmt: skip

    def info(self) -> str:
        """Returns the same as `INFO` of Redis has it."""
        s = self.status()
        counts = self.replica.counts
        lines = [
            "# Server", f"redis_version:{VERSION}", "redis_mode:standalone",
            f"uptime_in_seconds:{int(self.world.clock.time() - self._started)}",
            "# Clients", f"connected_clients:{len(self.connections)}",
            "# Stats", f"total_connections_received:{self._connected}",
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

    def change_members(
        self, words: list[bytes], done: Callable[[Answer], None]
    ) -> None:
        """Carries out `MEMBER ...`; `ValueError` says what is wrong."""
        change, addresses = parse_change(words)
        raft = self._node.rn.raft
        if raft.state is StateLeader:
            self._check_change(change, addresses)
        self.replica.change(change, addresses, done)

    def _check_change(
        self, change: pb.ConfChangeV2, addresses: dict[int, Address]
    ) -> None:
        """Refuses what would leave the cluster without a working quorum."""
        raft = self._node.rn.raft
        voters = set(self.replica.conf_state.voters)
        known = voters | set(self.replica.conf_state.learners)
        if self.replica.conf_state.voters_outgoing:
            raise ValueError("another change is under way")
        for step in change.changes:
            id = step.node_id or 0
            if step.type is pb.ConfChangeRemoveNode:
                if id not in known:
                    raise ValueError(f"node {id} is no member")
                voters.discard(id)
            elif id not in known and id not in addresses:
                # Nobody could speak with it, and its vote would be wanted.
                raise ValueError(f"node {id} is no member: where is it?")
            elif step.type is pb.ConfChangeAddNode or not step.type:
                pr = raft.trk.progress.get(id)
                if pr is not None and pr.is_learner:
                    behind = raft.raft_log.committed - pr.match
                    if behind > 1000:
                        raise ValueError(
                            f"node {id} is {behind} entries behind; promote"
                            " it when it has caught up"
                        )
                voters.add(id)
        if not voters:
            raise ValueError("a cluster needs a voter")
        if voters == set(self.replica.conf_state.voters):
            return
        working = 0
        for id in voters:
            new = id not in raft.trk.progress
            working += new or id == self.replica.id or self.works(id)
        if 2 * working <= len(voters):
            raise ValueError(
                f"of the voters {sorted(voters)} only {working} would be"
                " at work: no quorum"
            )

    def works(self, node: int) -> bool:
        """Tells whether another node has been heard of lately."""
        return self.replica.heard_from(node, 2 * self.options.election)

    async def transfer(self, to: int) -> None:
        """Asks the leader to make way."""
        await self._node.transfer_leadership(self.replica.lead, to)


def parse_change(
    words: list[bytes],
) -> tuple[pb.ConfChangeV2, dict[int, Address]]:
    """Reads what `MEMBER` is to do.

    `ADD id host:port`, `LEARNER id host:port`, `PROMOTE id`, `REMOVE id`,
    `REPLACE old new host:port`: the last by joint consensus, so that at no
    time there is one voter less, or one more.

    Raises:
        ValueError: it says none of these.
    """
    add, learner = pb.ConfChangeAddNode, pb.ConfChangeAddLearnerNode
    remove = pb.ConfChangeRemoveNode
    steps: list[tuple[pb.ConfChangeType, int]]
    addresses: dict[int, Address] = {}
    match [words[0].upper(), *words[1:]]:
        case [b"ADD", id, address]:
            steps = [(add, _node_id(id))]
            addresses[_node_id(id)] = _address(address)
        case [b"LEARNER", id, address]:
            steps = [(learner, _node_id(id))]
            addresses[_node_id(id)] = _address(address)
        case [b"PROMOTE", id]:
            steps = [(add, _node_id(id))]
        case [b"REMOVE", id]:
            steps = [(remove, _node_id(id))]
        case [b"REPLACE", old, new, address]:
            steps = [(add, _node_id(new)), (remove, _node_id(old))]
            addresses[_node_id(new)] = _address(address)
        case [b"REPLACE", old, new]:
            steps = [(add, _node_id(new)), (remove, _node_id(old))]
        case _:
            raise ValueError(
                "MEMBER ADD|LEARNER id host:port, PROMOTE id, REMOVE id, or"
                " REPLACE old new [host:port]"
            )
    changes = [pb.ConfChangeSingle(kind, id) for kind, id in steps]
    return pb.ConfChangeV2(changes=changes), addresses


def _node_id(word: bytes) -> int:
    if not word.isdigit() or not 0 < int(word) < 1 << 63:
        raise ValueError("an id is a positive number")
    return int(word)


def _address(word: bytes) -> Address:
    host, colon, port = word.decode("utf-8", "replace").rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ValueError("an address reads host:port")
    return host.strip("[]"), int(port)


class _Slot:
    """The place of an answer in the line of a connection."""

    __slots__ = ("connection", "reply", "shape")

    def __init__(
        self, connection: Connection, shape: Callable[[Result], bytes]
    ) -> None:
        self.connection = connection
        self.shape = shape
        self.reply: bytes | None = None

    def done(self, answer: Answer) -> None:
        """Takes the answer of the replica."""
        if type(answer) is Result:
            self.reply = (
                self.shape(answer)
                if answer.status <= 1
                else _refusal(answer.status)
            )
        else:
            self.reply = failure(answer)  # type: ignore[arg-type]
        connection = self.connection
        connection.outstanding -= 1
        if connection.slots and connection.slots[0] is self:
            connection.server.soon(connection)


def failure(why: Failure) -> bytes:
    """Returns why something was not done as a reply."""
    return error(why.code, why.text)


def _refusal(status: Status) -> bytes:
    return {
        Status.TOO_LARGE: error(
            "TOOLARGE", f"a value of more than {MAX_VALUE} bytes"
        ),
        Status.STALE: error(
            "STALE", "the session has gone on to a later number"
        ),
        Status.EXPIRED: error("EXPIRED", "no such session"),
    }[status]


def _shape_put(result: Result) -> bytes:
    return OK if result.status is Status.OK else NIL


def _shape_value(result: Result) -> bytes:
    value = result.value
    return bulk(value) if isinstance(value, bytes) else NIL


def _shape_number(result: Result) -> bytes:
    value = result.value
    return integer(value) if isinstance(value, int) else NIL


def _shape_length(result: Result) -> bytes:
    value = result.value
    return integer(len(value) if isinstance(value, bytes) else 0)


def _shape_swap(result: Result) -> bytes:
    swapped = result.status is Status.OK
    return array([integer(swapped), _shape_value(result)])


def _shape_done(result: Result) -> bytes:
    return OK


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.slots: deque[_Slot | bytes] = deque()
        self.outstanding = 0
        self.name = b""
        self._requests = Requests()
        self._transport: asyncio.Transport | None = None
        self._held: deque[list[bytes]] = deque()
        self._writing = False  # What the outstanding requests are.
        self._known = server.options.password is None
        self._closing = False
        self._deaf = False  # It could not be understood any more.
        self._reading = True
        self._session = (0, 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if not self.server.admit(self) and self._transport is not None:
            self._transport.write(error("ERR", "too many connections"))
            self._transport.close()
            self._transport = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._held.clear()
        self.slots.clear()
        self.server.connections.pop(self, None)

    def pause_writing(self) -> None:
        # A client who does not read its answers may ask no more.
        self._pause()

    def resume_writing(self) -> None:
        if not self._held:
            self._resume()

    def _pause(self) -> None:
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            requests = self._requests.feed(data)
        except ProtocolError as problem:
            code = "TOOLARGE" if isinstance(problem, TooLarge) else "ERR"
            _log.info("client closed: %s", problem)
            self.slots.append(error(code, f"Protocol error: {problem}"))
            self._closing = self._deaf = True
            self._resume()
            self.server.soon(self)
            return
        if self._held:
            self._held.extend(requests)
            return
        for i, request in enumerate(requests):
            if not self._request(request):
                self._held.extend(requests[i:])
                self._pause()
                return

    def _go_on(self) -> None:
        """Takes up what had to wait."""
        held = self._held
        while held:
            if not self._request(held[0]):
                return
            held.popleft()
        self._resume()

    def _request(self, request: list[bytes]) -> bool:
        """Begins with a request, unless it has to wait: then `False`."""
        if self._closing or not request:
            return True
        name = request[0].upper()
        if not self._known and name not in _OPEN:
            self.reply(error("NOAUTH", "Authentication required."))
            return True
        if not self.server.ready:
            self.reply(error("LOADING", "the node starts; nothing was done"))
            return True
        handler = _HANDLERS.get(name)
        if handler is None:
            shown = request[0][:64].decode("utf-8", "replace")
            self.reply(error("ERR", f"unknown command '{shown}'"))
            return True
        kind, least, most, function = handler
        if not least <= len(request) - 1 <= most:
            self.reply(error(
                "ERR", f"wrong number of arguments for '{name.decode()}'"
            ))  # fmt: skip
            return True
        if kind != _LOCAL and self.outstanding:
            writing = kind == _WRITE
            if (
                writing is not self._writing
                or self.outstanding >= OUTSTANDING
            ):
                return False
        if kind != _LOCAL:
            self._writing = kind == _WRITE
        try:
            function(self, request)
        except ValueError as problem:
            self.reply(error("ERR", str(problem)))
        return True

    def reply(self, data: bytes) -> None:
        """Answers at once, but in its turn."""
        self.slots.append(data)
        if len(self.slots) == 1:
            self.server.soon(self)

    def flush(self) -> None:
        """Writes all answers up to the first that is not there yet."""
        out = []
        slots = self.slots
        while slots:
            first = slots[0]
            if isinstance(first, bytes):
                out.append(first)
            elif first.reply is not None:
                out.append(first.reply)
            else:
                break
            slots.popleft()
        if self._transport is not None and out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._closing and not slots:
            self._end()
        elif self._held:
            self._go_on()

    def _end(self) -> None:
        """Says goodbye.

        To close while the client still sends would reset the connection, and
        the last answer might never be seen: so listen on for a moment.
        """
        if not self._deaf or self._transport is None:
            self.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER, self.close)

    def close(self) -> None:
        """Ends the connection when all is written."""
        if self._transport is not None:
            self._transport.close()

    def write(
        self, command: Command, shape: Callable[[Result], bytes]
    ) -> None:
        """Has the replica carry out a write; the answer comes in turn."""
        slot = _Slot(self, shape)
        self.slots.append(slot)
        self.outstanding += 1
        self.server.replica.write(command, slot.done)

    def read(
        self, command: Command, shape: Callable[[Result], bytes]
    ) -> None:
        """Has the replica answer a read; the answer comes in turn."""
        slot = _Slot(self, shape)
        self.slots.append(slot)
        self.outstanding += 1
        self.server.replica.read(command, slot.done)

    # One method a command. The session, if any, was put down before.

    def _command(
        self, op: Op, key: bytes = b"", value: bytes | None = None,
        expected: bytes | None = None, when: When = When.ALWAYS,
        keys: tuple[bytes, ...] = (),
    ) -> Command:  # fmt: skip
        client, sequence = self._session
        return Command(
            op, key, value, expected, when, keys, None, 0, client, sequence,
            self.server.replica.tag(),
        )  # fmt: skip

    def _set(self, words: list[bytes]) -> None:
        key, value = words[1], words[2]
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            self.reply(_too_large(key, value))
            return
        when = When.ALWAYS
        for word in words[3:]:
            option = word.upper()
            if option == b"NX" and when is not When.PRESENT:
                when = When.ABSENT
            elif option == b"XX" and when is not When.ABSENT:
                when = When.PRESENT
            else:
                raise ValueError("syntax error: only NX or XX may follow")
        self.write(self._command(Op.PUT, key, value, when=when), _shape_put)

    def _append(self, words: list[bytes]) -> None:
        if len(words[1]) > MAX_KEY or len(words[2]) > MAX_VALUE:
            self.reply(_too_large(words[1], words[2]))
            return
        command = self._command(Op.APPEND, words[1], words[2])
        self.write(command, _shape_number)

    def _cas(self, words: list[bytes]) -> None:
        key, expected, value = words[1:4]
        if len(key) > MAX_KEY or max(len(expected), len(value)) > MAX_VALUE:
            self.reply(_too_large(key, max(expected, value, key=len)))
            return
        options = {word.upper() for word in words[4:]}
        if options - {b"ABSENT", b"DELETE"}:
            raise ValueError("syntax error: ABSENT or DELETE may follow")
        command = self._command(
            Op.CAS, key,
            None if b"DELETE" in options else value,
            None if b"ABSENT" in options else expected,
        )  # fmt: skip
        self.write(command, _shape_swap)

    def _del(self, words: list[bytes]) -> None:
        if max(map(len, words)) > MAX_KEY:
            self.reply(_too_large(max(words[1:], key=len), b""))
            return
        command = self._command(Op.DELETE, keys=tuple(words[1:]))
        self.write(command, _shape_number)

    def _once(self, words: list[bytes]) -> None:
        name = words[3].upper()
        handler = _HANDLERS.get(name)
        if name not in _GUARDED or handler is None:
            raise ValueError("ONCE is for SET, DEL, APPEND and CAS")
        if not (words[1].isdigit() and words[2].isdigit()):
            raise ValueError("ONCE session number COMMAND ...")
        _, least, most, function = handler
        if not least <= len(words) - 4 <= most:
            raise ValueError("wrong number of arguments")
        session = int(words[1]), int(words[2])
        if not 0 < session[0] < 1 << 64 or not 0 < session[1] < 1 << 64:
            raise ValueError("session and number are positive")
        self._session = session
        try:
            function(self, words[3:])
        finally:
            self._session = (0, 0)

    def _session_command(self, words: list[bytes]) -> None:
        match [words[1].upper(), *words[2:]]:
            case [b"OPEN"]:
                command = self._command(Op.OPEN_SESSION)
            case [b"CLOSE", client] if client.isdigit() and int(client):
                self._session = (int(client), 0)
                command = self._command(Op.CLOSE_SESSION)
                self._session = (0, 0)
            case _:
                raise ValueError("SESSION OPEN, or SESSION CLOSE session")
        self.write(command, _shape_number)

    def _get(self, words: list[bytes]) -> None:
        self.read(Command(Op.GET, words[1]), _shape_value)

    def _strlen(self, words: list[bytes]) -> None:
        self.read(Command(Op.GET, words[1]), _shape_length)

    def _exists(self, words: list[bytes]) -> None:
        self.read(Command(Op.EXISTS, keys=tuple(words[1:])), _shape_number)

    def _dbsize(self, words: list[bytes]) -> None:
        self.read(count_keys(), _shape_number)

    def _keys(self, words: list[bytes]) -> None:
        pattern = words[1]
        match_key = glob(pattern)

        def shape(result: Result) -> bytes:
            keys = result.value if isinstance(result.value, list) else []
            return array([bulk(k) for k in keys if match_key(k)])

        self.read(list_keys(literal(pattern), None, 1 << 32), shape)

    def _scan(self, words: list[bytes]) -> None:
        if not words[1].isdigit():
            raise ValueError("invalid cursor")
        cursors = self.server.cursors
        cursor, after = int(words[1]), None
        if cursor:
            after = cursors.pop(cursor, None)
            if after is None:
                raise ValueError("invalid cursor: it is too old")
        pattern, limit = b"*", 10
        options = words[2:]
        while options:
            match [options[0].upper(), *options[1:]]:
                case [b"MATCH", word, *options]:
                    pattern = word
                case [b"COUNT", word, *options] if word.isdigit():
                    limit = min(max(int(word), 1), 10_000)
                case [b"TYPE", word, *options]:
                    if word.lower() != b"string":
                        pattern = b""
                case _:
                    raise ValueError("syntax error")
        match_key = glob(pattern)

        def shape(result: Result) -> bytes:
            keys = result.value if isinstance(result.value, list) else []
            number = 0
            if len(keys) == limit:
                number = self.server.replica.tag() & ((1 << 62) - 1)
                cursors[number] = keys[-1]
                if len(cursors) > CURSORS:
                    cursors.pop(next(iter(cursors)))
            found = [bulk(k) for k in keys if match_key(k)]
            return array([bulk(b"%d" % number), array(found)])

        self.read(list_keys(literal(pattern), after, limit), shape)

    def _ping(self, words: list[bytes]) -> None:
        self.reply(bulk(words[1]) if len(words) > 1 else PONG)

    def _echo(self, words: list[bytes]) -> None:
        self.reply(bulk(words[1]))

    def _select(self, words: list[bytes]) -> None:
        if words[1] != b"0":
            raise ValueError("DB index is out of range: there is only 0")
        self.reply(OK)

    def _quit(self, words: list[bytes]) -> None:
        self.reply(OK)
        self._closing = True

    def _info(self, words: list[bytes]) -> None:
        self.reply(bulk(self.server.info().encode()))

    def _status(self, words: list[bytes]) -> None:
        self.reply(bulk(json.dumps(self.server.status()).encode()))

    def _check_password(self, password: bytes) -> bool:
        wanted = self.server.options.password
        if wanted is not None and hmac.compare_digest(
            password, wanted.encode()
        ):
            self._known = True
        return self._known and wanted is not None

    def _auth(self, words: list[bytes]) -> None:
        if self.server.options.password is None:
            raise ValueError("AUTH called without any password configured")
        if self._check_password(words[-1]):
            self.reply(OK)
        else:
            self.reply(error("WRONGPASS", "invalid username-password pair"))

    def _hello(self, words: list[bytes]) -> None:
        if len(words) > 1 and words[1] != b"2":
            self.reply(error("NOPROTO", "unsupported protocol version"))
            return
        options = words[2:]
        while options:
            match [options[0].upper(), *options[1:]]:
                case [b"AUTH", _, password, *options]:
                    if not self._check_password(password):
                        self.reply(error(
                            "WRONGPASS", "invalid username-password pair"
                        ))  # fmt: skip
                        return
                case [b"SETNAME", name, *options]:
                    self.name = name[:64]
                case _:
                    raise ValueError("syntax error in HELLO")
        if not self._known:
            self.reply(error("NOAUTH", "HELLO must come with AUTH here"))
            return
        fields: list[tuple[bytes, bytes]] = [
            (b"server", bulk(b"redis")), (b"version", bulk(VERSION.encode())),
            (b"proto", integer(2)), (b"id", integer(id(self) & 0xFFFFFFFF)),
            (b"mode", bulk(b"standalone")), (b"role", bulk(b"master")),
            (b"modules", EMPTY),
        ]  # fmt: skip
        self.reply(array([x for k, v in fields for x in (bulk(k), v)]))

    def _client(self, words: list[bytes]) -> None:
        match [words[1].upper(), *words[2:]]:
            case [b"SETNAME", name]:
                self.name = name[:64]
                self.reply(OK)
            case [b"GETNAME"]:
                self.reply(bulk(self.name) if self.name else NIL)
            case [b"ID"]:
                self.reply(integer(id(self) & 0xFFFFFFFF))
            case [b"SETINFO" | b"NO-EVICT" | b"NO-TOUCH", *_]:
                self.reply(OK)
            case _:
                raise ValueError("CLIENT SETNAME, GETNAME, ID or SETINFO")

    def _command_list(self, words: list[bytes]) -> None:
        what = words[1].upper() if len(words) > 1 else b""
        if what == b"COUNT":
            self.reply(integer(len(_HANDLERS)))
        elif what:
            self.reply(EMPTY)  # DOCS, INFO: nothing to tell.
        else:
            self.reply(array([
                array([
                    bulk(name.lower()), integer(-least - 1), EMPTY,
                    integer(1), integer(1), integer(1),
                ])
                for name, (_, least, _, _) in _HANDLERS.items()
            ]))  # fmt: skip

    def _config(self, words: list[bytes]) -> None:
        if words[1].upper() != b"GET":
            raise ValueError("CONFIG SET is not for this server")
        settings = {b"save": b"", b"appendonly": b"yes", b"databases": b"1"}
        found = [
            bulk(item)
            for name, value in settings.items()
            if any(glob(word.lower())(name) for word in words[2:])
            for item in (name, value)
        ]
        self.reply(array(found))

    def _member(self, words: list[bytes]) -> None:
        slot = _Slot(self, _shape_done)
        self.slots.append(slot)
        self.outstanding += 1
        try:
            self.server.change_members(words[1:], slot.done)
        except ValueError as problem:
            slot.done(Failure("REFUSED", str(problem)))

    def _transfer(self, words: list[bytes]) -> None:
        to = _node_id(words[1])
        replica = self.server.replica
        if to not in replica.conf_state.voters:
            raise ValueError(f"node {to} is no voter")
        if not replica.lead:
            self.reply(error("NOLEADER", "no leader is known"))
            return
        slot = _Slot(self, _shape_done)
        self.slots.append(slot)
        self.outstanding += 1
        task = asyncio.create_task(self._transfer_to(to, slot))
        self._task = task

    async def _transfer_to(self, to: int, slot: _Slot) -> None:
        server, clock = self.server, self.server.world.clock
        end = clock.time() + server.options.timeout
        try:
            if server.replica.lead != to:
                await server.transfer(to)
            while server.replica.lead != to and clock.time() < end:
                await clock.sleep(0.01)
        except RaftError as problem:
            slot.done(Failure("ERR", str(problem)))
            return
        if server.replica.lead == to:
            slot.done(Result())
        else:
            slot.done(Failure("TIMEOUT", "it has not come about", True))


def _too_large(key: bytes, value: bytes) -> bytes:
    if len(key) > MAX_KEY:
        return error("TOOLARGE", f"a key of {len(key)} bytes; at most"
                     f" {MAX_KEY}")  # fmt: skip
    return error(
        "TOOLARGE", f"a value of {len(value)} bytes; at most {MAX_VALUE}"
    )


def literal(pattern: bytes) -> bytes:
    """Returns what all keys that match a pattern begin with."""
    for at, byte in enumerate(pattern):
        if byte in b"*?[\\":
            return pattern[:at]
    return pattern


def glob(pattern: bytes) -> Callable[[bytes], bool]:
    """Returns what tells whether a key matches a pattern of Redis.

    `*`, `?`, `[a-c]`, `[^a]`, and a backslash before what is meant as it is.
    """
    if pattern == b"*":
        return lambda key: True
    if literal(pattern) == pattern[:-1] and pattern[-1:] == b"*":
        return lambda key: True  # Only such keys were asked for.
    items = list(_glob_items(pattern))
    return lambda key: _matches(items, key)


def _glob_items(pattern: bytes) -> list[frozenset[int] | None]:
    """Returns, for each place, the bytes that may stand there.

    `None` is a star.
    """
    items: list[frozenset[int] | None] = []
    at = 0
    anything = frozenset(range(256))
    while at < len(pattern):
        byte = pattern[at]
        at += 1
        if byte == ord("*"):
            if not items or items[-1] is not None:
                items.append(None)
        elif byte == ord("?"):
            items.append(anything)
        elif byte == ord("["):
            end = pattern.find(b"]", at + 1)
            end = len(pattern) if end < 0 else end
            inside, at = pattern[at:end], end + 1
            negated = inside[:1] == b"^"
            allowed: set[int] = set()
            rest = inside[1:] if negated else inside
            i = 0
            while i < len(rest):
                if i + 2 < len(rest) and rest[i + 1] == ord("-"):
                    allowed |= set(range(rest[i], rest[i + 2] + 1))
                    i += 3
                else:
                    allowed.add(rest[i])
                    i += 1
            items.append(anything - allowed if negated else frozenset(allowed))
        elif byte == ord("\\") and at < len(pattern):
            items.append(frozenset({pattern[at]}))
            at += 1
        else:
            items.append(frozenset({byte}))
    return items


def _matches(items: list[frozenset[int] | None], key: bytes) -> bool:
    """Matches with one star to go back to: linear, but for that."""
    at = i = 0
    star = mark = -1
    while at < len(key):
        item = items[i] if i < len(items) else frozenset[int]()
        if item is None:
            star, mark = i, at
            i += 1
        elif key[at] in item:
            at += 1
            i += 1
        elif star >= 0:
            mark += 1
            at, i = mark, star + 1
        else:
            return False
    return all(item is None for item in items[i:])


_LOCAL, _READ, _WRITE = range(3)
_MANY: Final = MAX_KEYS
_Handler = tuple[int, int, int, Callable[[Connection, list[bytes]], None]]
_HANDLERS: Final[dict[bytes, _Handler]] = {
    b"SET": (_WRITE, 2, 4, Connection._set),
    b"GET": (_READ, 1, 1, Connection._get),
    b"DEL": (_WRITE, 1, _MANY, Connection._del),
    b"APPEND": (_WRITE, 2, 2, Connection._append),
    b"CAS": (_WRITE, 3, 5, Connection._cas),
    b"ONCE": (_WRITE, 4, _MANY + 4, Connection._once),
    b"SESSION": (_WRITE, 1, 2, Connection._session_command),
    b"EXISTS": (_READ, 1, _MANY, Connection._exists),
    b"STRLEN": (_READ, 1, 1, Connection._strlen),
    b"DBSIZE": (_READ, 0, 0, Connection._dbsize),
    b"KEYS": (_READ, 1, 1, Connection._keys),
    b"SCAN": (_READ, 1, 7, Connection._scan),
    b"PING": (_LOCAL, 0, 1, Connection._ping),
    b"ECHO": (_LOCAL, 1, 1, Connection._echo),
    b"INFO": (_LOCAL, 0, 8, Connection._info),
    b"STATUS": (_LOCAL, 0, 0, Connection._status),
    b"MEMBER": (_WRITE, 2, 4, Connection._member),
    b"TRANSFER": (_WRITE, 1, 1, Connection._transfer),
    b"HELLO": (_LOCAL, 0, 6, Connection._hello),
    b"AUTH": (_LOCAL, 1, 2, Connection._auth),
    b"CLIENT": (_LOCAL, 1, 8, Connection._client),
    b"COMMAND": (_LOCAL, 0, _MANY, Connection._command_list),
    b"CONFIG": (_LOCAL, 2, 8, Connection._config),
    b"SELECT": (_LOCAL, 1, 1, Connection._select),
    b"QUIT": (_LOCAL, 0, 0, Connection._quit),
}
_OPEN: Final = frozenset({b"AUTH", b"HELLO", b"QUIT"})
_GUARDED: Final = frozenset({b"SET", b"DEL", b"APPEND", b"CAS"})
