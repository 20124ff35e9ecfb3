"""Three servers in one process: what they do for each other."""

# ruff: noqa: ANN401

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from kv import messages
from kv.client import Client, Refused
from kv.framing import LengthPrefixed
from kv.packing import pack
from kv.server import Server
from port import raftpb as pb
from tests.kv.nodes import (
    Wire,
    free_ports,
    leader_of,
    serving,
    three,
    until,
)


async def status(server: Server) -> Any:
    wire = await Wire.to(server)
    found = json.loads(await wire.call("STATUS"))
    wire.close()
    return found


@pytest.mark.parametrize("ahead", [False, True], ids=["in-turn", "ahead"])
def test_any_node_serves_any_request(tmp_path: Path, ahead: bool) -> None:
    async def go() -> None:
        async with three(tmp_path, async_writes=ahead) as servers:
            await leader_of(servers)
            wires = [await Wire.to(s) for s in servers]
            for n in range(30):
                assert await wires[n % 3].call("SET", "a", str(n)) == b"OK"
                # Linearizable: whoever is asked knows of it.
                for wire in wires:
                    assert await wire.call("GET", "a") == b"%d" % n
            answers = await asyncio.gather(
                *(w.calls([("APPEND", "b", "x")] * 200) for w in wires)
            )
            assert sorted(a for some in answers for a in some) == [
                *range(1, 601)
            ]

    asyncio.run(go())


def test_without_a_leader_nothing_is_done_and_so_it_is_said(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        ports = free_ports(3)
        members = {i: ("127.0.0.1", p) for i, p in enumerate(ports, 1)}
        async with serving(
            tmp_path, members=members, timeout=0.3, peer_address=members[1]
        ) as alone:
            wire = await Wire.to(alone)
            answers = await wire.calls([("SET", "a", "1"), ("GET", "a")])
            assert [str(a).split()[0] for a in answers] == ["NOLEADER"] * 2

    asyncio.run(go())


def test_a_leader_that_loses_its_followers_says_what_it_knows(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        ports = free_ports(3)
        members = {i: ("127.0.0.1", p) for i, p in enumerate(ports, 1)}

        def node(i: int) -> Any:
            return serving(
                tmp_path / str(i), node=i, members=members, timeout=0.6,
                peer_address=members[i],
            )  # fmt: skip

        async with node(1) as first:
            async with node(2), node(3):
                wire = await Wire.to(first)
                assert await wire.call("SET", "a", "1") == b"OK"
                if first.replica.lead != 1:
                    assert await wire.call("TRANSFER", "1") == b"OK"
            # It has appended this, and cannot know who else will have it.
            answer = str(await wire.call("SET", "a", "2"))
            assert answer.startswith("TIMEOUT outcome unknown")
            await until(lambda: first.replica.lead == 0)
            answer = str(await wire.call("SET", "a", "3"))
            assert answer.startswith("NOLEADER")
            assert "nothing was done" in answer
            async with node(2):
                other = await Wire.to(first)
                for _ in range(20):
                    found = await other.call("GET", "a")
                    if not isinstance(found, Exception):
                        break
                assert found in (b"1", b"2")

    asyncio.run(go())


@pytest.mark.parametrize("ahead", [False, True], ids=["in-turn", "ahead"])
def test_a_follower_far_behind_is_sent_a_snapshot(
    tmp_path: Path, ahead: bool
) -> None:
    async def go() -> None:
        ports = free_ports(3)
        members = {i: ("127.0.0.1", p) for i, p in enumerate(ports, 1)}

        def node(i: int) -> Any:
            return serving(
                tmp_path / str(i), node=i, members=members,
                peer_address=members[i], snapshot_every=100,
                async_writes=ahead,
            )  # fmt: skip

        value = "v" * 100_000
        async with node(1) as one, node(2) as two:
            wire = await Wire.to(one)
            # Several parts' worth of state, so that they have to be joined.
            await wire.calls(("SET", f"big{n}", value) for n in range(10))
            await wire.calls(("SET", f"k{n}", str(n)) for n in range(500))
            leader = await leader_of([one, two])
            await until(lambda: leader.status()["first"] > 10)
            async with node(3) as three:
                await until(
                    lambda: three.replica.applied >= leader.replica.applied
                )
                assert (await status(three))["snapshot"] > 0
                other = await Wire.to(three)
                assert await other.call("GET", "k499") == b"499"
                assert await other.call("STRLEN", "big9") == 100_000
                # Back to the log from here on.
                await wire.call("SET", "a", "b")
                assert await other.call("GET", "a") == b"b"
        async with node(3) as three, node(1):
            other = await Wire.to(three)
            assert await other.call("GET", "k499") == b"499"

    asyncio.run(go())


def test_members_come_and_go_on_a_live_cluster(tmp_path: Path) -> None:
    async def go() -> None:
        (port,) = free_ports(1)
        new = {4: ("127.0.0.1", port)}
        where = f"127.0.0.1:{port}"
        async with three(tmp_path) as servers:
            leader = await leader_of(servers)
            everyone = [s.address for s in servers]
            async with Client(everyone) as client, serving(
                tmp_path / "4", node=4, join=True, peer_address=new[4],
                members={**leader.book.addresses, **new},
            ) as fourth:  # fmt: skip
                client.add_server(fourth.address)
                await client.put(b"a", b"b")
                await client.member("learner", "4", where)
                await until(lambda: fourth.replica.applied > 3)
                wire = await Wire.to(fourth)
                assert await wire.call("GET", "a") == b"b"  # Through raft.
                old = next(s for s in servers if s is not leader)
                await client.member(
                    "replace", str(old.options.node), "4", where
                )
                await until(
                    lambda: sorted(fourth.replica.conf_state.voters)
                    == sorted({1, 2, 3, 4} - {old.options.node})
                )
                await until(
                    lambda: not leader.replica.conf_state.voters_outgoing
                )
                # The leader itself goes; the others elect one of them.
                await client.transfer(4)
                assert fourth.replica.lead == 4
                await client.member("remove", str(leader.options.node))
                await client.put(b"a", b"c")
                assert await wire.call("GET", "a") == b"c"
                with pytest.raises(Refused, match="no member"):
                    await client.member("remove", "77")

    asyncio.run(go())


def test_a_change_that_would_cost_the_quorum_is_refused(
    tmp_path: Path,
) -> None:
    async def go() -> None:
        async with three(tmp_path) as servers:
            leader = await leader_of(servers)
            dead = next(s for s in servers if s is not leader)
            other = next(s for s in servers if s not in (leader, dead))
            await dead.close()
            heard = leader.replica.mail.heard_from
            silence = 2 * leader.options.election
            await until(lambda: not heard(dead.options.node, silence))
            async with Client([leader.address]) as client:
                # Of the two that would be left, one does not work.
                with pytest.raises(Refused, match="no quorum"):
                    await client.member("remove", str(other.options.node))
                await client.member("remove", str(dead.options.node))
                await client.put(b"a", b"b")

    asyncio.run(go())


def test_who_is_at_work_does_not_move(tmp_path: Path) -> None:
    """A slip in an address would cut a member off, even the leader."""

    async def go() -> None:
        async with three(tmp_path) as servers:
            leader = await leader_of(servers)
            other = next(s for s in servers if s is not leader)
            node = other.options.node
            await until(lambda: leader.replica.mail.heard_from(node, 1.0))
            async with Client([leader.address]) as client:
                for server in (leader, other):
                    id = server.options.node
                    for words in (
                        ("add", str(id), "127.0.0.1:9"),
                        ("replace", "77", str(id), "127.0.0.1:9"),
                    ):
                        with pytest.raises(Refused, match="nobody would f"):
                            await client.member(*words)
                    host, port = leader.book.addresses[id]
                    await client.member("add", str(id), f"{host}:{port}")
                await client.put(b"a", b"b")

    asyncio.run(go())


def test_strangers_at_the_peers_port_do_no_harm(tmp_path: Path) -> None:
    async def go() -> None:
        rng = random.Random(1)
        async with three(tmp_path) as servers:
            leader = await leader_of(servers)
            host, port = leader.options.peer_address
            wire = await Wire.to(leader)
            term = leader.replica.term
            for payload in payloads(rng, leader.options.node):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(payload)
                writer.write_eof()
                # All that is not understood ends the connection.
                await asyncio.wait_for(reader.read(), 5)
                writer.close()
            assert await wire.call("SET", "a", "b") == b"OK"
            assert await wire.call("GET", "a") == b"b"
            assert leader.replica.term == term
            assert not leader.replica.failed.done()

    asyncio.run(go())


def payloads(rng: random.Random, node: int) -> list[bytes]:
    """What strangers may say: nonsense, and things almost right."""
    frame = LengthPrefixed(1 << 20).encode
    other = node % 3 + 1
    hello = frame(messages.hello(7, other, node))
    codec = messages.Codec()
    vote = pb.Message(
        type=pb.MsgVote, to=node, from_=9, term=99, log_term=99, index=99
    )
    good = codec.raft([pb.Message(
        type=pb.MsgHeartbeatResp, to=node, from_=other, term=1
    )])  # fmt: skip
    out = [
        rng.randbytes(200),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        frame(messages.hello(8, other, node)),
        frame(messages.hello(7, other, other)),
        frame(messages.hello(7, node, node)),
        frame(messages.hello(7, (1 << 64) - 1, node)),
        frame(good),
        hello + frame(b""),
        hello + frame(pack({})),
        hello + frame(pack([messages.RAFT, 1])),
        hello + frame(pack([messages.RAFT, [99] * 12])),
        hello + frame(pack([messages.PART, b"x"])),
        hello + frame(pack([messages.END, 0])),
        hello + frame(pack([messages.STORED, True])),
        hello + frame(pack([messages.SNAPSHOT, 1])),
        hello + frame(codec.raft([vote])),
    ]
    for _ in range(60):
        damaged = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        if not makes_sense(bytes(damaged)):
            out.append(hello + frame(bytes(damaged)))
    return out


def makes_sense(body: bytes) -> bool:
    """Whether damage has made another message: then raft may believe it."""
    try:
        kind, found = messages.parse(body)
        return kind == messages.RAFT and bool(messages.parse_raft(found))
    except ValueError:
        return False


def test_proposals_do_not_keep_votes_waiting(tmp_path: Path) -> None:
    async def go() -> None:
        async with three(tmp_path) as servers:
            leader = await leader_of(servers)
            others = [s for s in servers if s is not leader]
            # Proposals that come just when there is no leader any more.
            late = pb.Message(
                type=pb.MsgProp, from_=leader.options.node,
                entries=[pb.Entry(data=b"no command")],
            )  # fmt: skip
            closing = asyncio.create_task(leader.close())
            for _ in range(200):
                for server in others:
                    late.to = server.options.node
                    server.replica.mail.receive(late)
                await asyncio.sleep(0.005)
            await closing
            await until(
                lambda: any(
                    s.replica.lead == s.options.node for s in others
                )
            )
            wire = await Wire.to(others[0])
            assert await wire.call("SET", "a", "b") == b"OK"

    asyncio.run(go())


def test_messages_survive_the_way() -> None:
    rng = random.Random(2)
    codec = messages.Codec()
    for _ in range(300):
        m = pb.Message(
            type=rng.choice([*pb.MessageType]), to=3, from_=2,
            term=rng.choice([None, 0, 7, 1 << 60]),
            index=rng.choice([None, 5]), commit=rng.choice([None, 2]),
            reject=rng.choice([None, True, False]),
            reject_hint=rng.choice([None, 9]),
            context=rng.choice([None, b"", b"ctx"]),
            log_term=rng.choice([None, 1]), vote=rng.choice([None, 1]),
            entries=[
                pb.Entry(rng.randrange(1, 3), n, None, rng.randbytes(9))
                for n in range(5, 5 + rng.randrange(4))
            ],
        )  # fmt: skip
        # The bytes of a run of entries are used again for the next peer.
        for _ in range(2):
            kind, found = messages.parse(codec.raft([m, m]))
            assert kind == messages.RAFT
            assert messages.parse_raft(found) == [m, m]
        codec = messages.Codec() if rng.random() < 0.5 else codec
        if m.entries:
            codec = messages.Codec()  # Same index and term, other entries.
