"""What the chapter *A live network* says, tried on live nodes.

The notes of `book/pages/live.md` cite these tests. The clock is simulated and
chance is seeded, so that the numbers on the page are those of every run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from book.weave import loops
from port import node as core
from port import raftpb as pb
from port.logger import discard_logger
from port.rafttest import node as live
from port.rafttest.network import RaftNetwork
from port.rafttest.node import Node, start_node
from port.types import Peer
from tests.book.breaking import breaks
from tests.port.loops import simulate
from tests.port.raft.nodes import SeededRand
from tests.port.rafttest.test_node import wait_leader

PAGE = Path(__file__).parents[2] / "book" / "pages" / "live.md"
INLINE = ("self._spawn(self._step(message.value))",
          "await self._step(message.value)")  # fmt: skip


class Counting(RaftNetwork):
    """A network that counts what it is given."""

    def __init__(self, *nodes: int) -> None:
        super().__init__(*nodes)
        self.sent = 0

    async def send(self, m: pb.Message) -> None:
        self.sent += 1
        await super().send(m)


@asynccontextmanager
async def three(nt: RaftNetwork) -> AsyncIterator[list[Node]]:
    """Nodes of a cluster of three that `nt` has; they may hang in the end."""
    peers = [Peer(id) for id in (1, 2, 3)]
    nodes = [
        start_node(
            id, peers, nt.node_network(id),
            logger=discard_logger, rand=SeededRand(id),
        )
        for id in nt.recv_queues
    ]  # fmt: skip
    yield nodes
    for n in nodes:
        n._main.cancel()
        with suppress(asyncio.CancelledError):
            await n._main
        await n.node.stop()


async def seen(n: Node) -> tuple[str, int]:
    basic = (await n.node.status()).basic
    return str(basic.soft_state.raft_state), basic.hard_state.term or 0


def proposal(to: int) -> pb.Message:
    """A write that another node passes on to the one that it follows."""
    from_ = 2 if to == 1 else 1
    return pb.Message(
        type=pb.MsgProp, from_=from_, to=to, entries=[pb.Entry(data=b"x")]
    )


async def alone() -> list[tuple[str, int]]:
    """Node 1, whom nobody answers, and what it is every tenth of a second."""
    nt = RaftNetwork(1)
    found = []
    async with three(nt) as (n,):
        await asyncio.sleep(0.02)
        await nt.recv_queues[1].send(proposal(1))
        for _ in range(4):
            await asyncio.sleep(0.1)
            found.append(await seen(n))
    return found


def rows(first: str) -> list[list[str]]:
    """Returns the rows of the page's table whose heading begins like that."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index(f"| {first}") :].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()[2:]
    ]


def test_a_proposal_that_must_wait_stops_nothing() -> None:
    told = [f"{state.removeprefix('State').lower()}, term {term}"
            for state, term in simulate(alone())]  # fmt: skip
    assert told == [row[1] for row in rows("seconds")]


def test_one_await_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch, "Node._serve", *INLINE, live)
    told = [f"{state.removeprefix('State').lower()}, term {term}"
            for state, term in simulate(alone())]  # fmt: skip
    assert told == [row[2] for row in rows("seconds")]


def test_it_would_not_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody leads, the same node elects and commits."""
    breaks(monkeypatch, "Node._serve", *INLINE, live)
    assert simulate(survived(0.0))[1] == 20


async def resumed() -> tuple[Node, list[tuple[str, int]]]:
    """A leader that is paused, outvoted meanwhile, and asked to write."""
    nt = RaftNetwork(1, 2, 3)
    async with three(nt) as nodes:
        lead = nodes[await wait_leader(nodes)]
        await lead.pause()
        other = 2 if lead.id == 1 else 1
        for m in (
            pb.Message(
                type=pb.MsgVote, from_=other, to=lead.id, term=9,
                log_term=9, index=99,
            ),
            proposal(lead.id),
        ):  # fmt: skip
            await nt.recv_queues[lead.id].send(m)
        await asyncio.sleep(0.005)
        await lead.resume()
        await asyncio.sleep(3)
        found = [await seen(n) for n in nodes if n is not lead]
        return lead, [await seen(lead), *found]


def test_the_other_door_is_still_there() -> None:
    """What piled up during a pause is stepped in the loop, and it hangs."""
    _, (stuck, *others) = simulate(resumed())
    assert stuck == ("StateFollower", 9)
    # It has not even heard of what the others have agreed on since.
    assert ("StateLeader", 3) in others


def committed(n: Node) -> list[bytes]:
    """Returns the data of what the node has committed, as it has stored it."""
    state = n.storage.initial_state()[0] or pb.HardState()
    first, commit = n.storage.first_index(), state.commit or 0
    if commit < first:
        return []
    entries = n.storage.entries(first, commit + 1, 1 << 40)
    return [e.data for e in entries if e.data and not e.type]


async def survived(loss: float) -> tuple[float, int, int, int, int, int]:
    """Twenty writes, each asked again until it is committed.

    Returns:
        Seconds, distinct writes, entries, attempts, messages and the term.
    """
    nt = Counting(1, 2, 3)
    for from_ in (1, 2, 3):
        for to in (1, 2, 3):
            nt.drop(from_, to, loss)
    asked = 0
    async with three(nt) as nodes:
        for k in range(20):
            word, at = b"%d" % k, nodes[k % 3]
            while word not in committed(at):
                asked += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await at.node.propose(word)
                        while word not in committed(at):
                            await asyncio.sleep(0.005)
        took = asyncio.get_running_loop().time()
        logs = [committed(n) for n in nodes]
        while not logs[0] == logs[1] == logs[2]:
            await asyncio.sleep(0.005)
            logs = [committed(n) for n in nodes]
        term = max([(await seen(n))[1] for n in nodes])
    log = logs[0]
    return took, len(set(log)), len(log), asked, nt.sent, term


@pytest.mark.parametrize("row", range(4))
def test_what_loss_costs(row: int) -> None:
    said = rows("lost")[row]
    loss = 0 if said[0] == "none" else int(said[0].split()[0]) / 100
    took, distinct, entries, asked, sent, term = simulate(survived(loss))
    assert distinct == 20
    assert said[1:] == [
        f"{took:.1f} s", f"{round(sent, -2):,}", str(term), str(asked),
        str(entries),
    ]


def test_the_picture_has_the_names_of_the_code() -> None:
    source = Path(core.__file__).read_text(encoding="utf-8")
    for _, channel, _, _ in loops.CROSSING:
        assert re.search(rf"\b{channel}\b", source)
