"""`MEMBER` and `TRANSFER`: who belongs to the cluster, and who leads it.

Raft carries out any change of the members that it is handed, sensible or not.
So what would leave a cluster that cannot decide on anything any more is
refused here, by the leader, who alone knows how far the others are: a change
that comes while another is under way, a voter that nobody could reach, or
that has yet to catch up, another address for a member that is at work where
it is, and voters of which no majority is at work.
"""

from __future__ import annotations

import asyncio
from typing import Final

from kv.address_book import AddressBook
from kv.commands import Result
from kv.messages import Address
from kv.redis import replies
from kv.redis.connection import WRITE, Connection, Handler
from kv.replica.answers import Done, Failure
from kv.replica.replica import Replica
from kv.resp import error
from kv.world import Clock
from port import raftpb as pb
from port.errors import RaftError
from port.raft import StateLeader

BEHIND: Final = 1000  # entries; who lacks more has yet to catch up


class MemberCommands:
    """What clients ask of the cluster as a whole.

    Attributes:
        table: The commands, by name.
    """

    def __init__(
        self, replica: Replica, book: AddressBook, clock: Clock,
        timeout: float, election: float,
    ) -> None:  # fmt: skip
        """Takes whom to ask.

        Args:
            replica: This node's.
            book: Where members listen.
            clock: Its clock.
            timeout: How long a client waits at most, in seconds.
            election: How long a follower waits for a leader, in seconds:
                whoever was silent for twice that is not at work.
        """
        self._replica = replica
        self._book = book
        self._clock = clock
        self._timeout = timeout
        self._silence = 2 * election
        self._transfers: set[asyncio.Task[None]] = set()
        self.table: Final[dict[bytes, Handler]] = {
            b"MEMBER": (WRITE, 2, 4, self._member),
            b"TRANSFER": (WRITE, 1, 1, self._transfer),
        }

    def _member(self, client: Connection, words: list[bytes]) -> None:
        done = client.expect(replies.done)
        try:
            self._change(words[1:], done)
        except ValueError as problem:
            done(Failure("REFUSED", str(problem)))

    def _change(self, words: list[bytes], done: Done) -> None:
        change, addresses = parse_change(words)
        if self._replica.raft.state is StateLeader:
            self._check(change, addresses)
        self._replica.change(change, addresses, done)

    def _check(
        self, change: pb.ConfChangeV2, addresses: dict[int, Address]
    ) -> None:
        """Refuses what would leave the cluster without a working quorum."""
        replica, raft = self._replica, self._replica.raft
        state = replica.conf_state
        voters = set(state.voters)
        known = voters | set(state.learners)
        if state.voters_outgoing:
            raise ValueError("another change is under way")
        for id, where in addresses.items():
            here = self._book.addresses.get(id)
            if id not in known or here in (None, where):
                continue
            if id == replica.id or self._works(id):
                raise ValueError(
                    f"node {id} is a member already, and at work at"
                    f" {_spelt(here)}; nobody would find it at"
                    f" {_spelt(where)}"
                )
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
                    if behind > BEHIND:
                        raise ValueError(
                            f"node {id} is {behind} entries behind; promote"
                            " it when it has caught up"
                        )
                voters.add(id)
        if not voters:
            raise ValueError("a cluster needs a voter")
        if voters == set(state.voters):
            return
        working = 0
        for id in voters:
            new = id not in raft.trk.progress
            working += new or id == replica.id or self._works(id)
        if 2 * working <= len(voters):
            raise ValueError(
                f"of the voters {sorted(voters)} only {working} would be"
                " at work: no quorum"
            )

    def _works(self, node: int) -> bool:
        """Tells whether another node has been heard of lately."""
        return self._replica.mail.heard_from(node, self._silence)

    def _transfer(self, client: Connection, words: list[bytes]) -> None:
        to = _node_id(words[1])
        replica = self._replica
        if to not in replica.conf_state.voters:
            raise ValueError(f"node {to} is no voter")
        if not replica.lead:
            client.reply(error("NOLEADER", "no leader is known"))
            return
        done = client.expect(replies.done)
        task = asyncio.create_task(self._transfer_to(to, done))
        self._transfers.add(task)
        task.add_done_callback(self._transfers.discard)

    async def _transfer_to(self, to: int, done: Done) -> None:
        replica, clock = self._replica, self._clock
        end = clock.time() + self._timeout
        try:
            if replica.lead != to:
                await replica.transfer(to)
            while replica.lead != to and clock.time() < end:
                await clock.sleep(0.01)
        except RaftError as problem:
            done(Failure("ERR", str(problem)))
            return
        if replica.lead == to:
            done(Result())
        else:
            done(Failure("TIMEOUT", "it has not come about", True))


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


def _spelt(address: Address | None) -> str:
    return "nowhere" if address is None else f"{address[0]}:{address[1]}"


def _address(word: bytes) -> Address:
    host, _, port = word.decode("utf-8", "replace").rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError("an address reads host:port")
    return host, int(port)
