"""What 3.5 must do."""

import random
from collections.abc import Callable

from kv.commands import Command, encode, get, put
from kv.machine import Machine
from kv.parts import Parts
from kv.seams import DataError, Identity
from kv.sim.disk import Crashed, Hook, SimDisk, crash_at, fail_at
from kv.storage import recover
from labs.lab3_snapshots.node import Node
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port import raftpb as pb

TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
SENDING = Reading("snapshots.md#sending-one", "Sending a snapshot")
US = Identity(7, 3)
STATE = pb.ConfState([1, 2, 3])
OLD = 5  # entries that the node has applied
AHEAD = 20_000


def command(index: int) -> Command:
    return put(b"color", b"%d" % index)


def sent(index: int, term: int = 4) -> pb.Snapshot:
    """A snapshot such as the leader sends."""
    machine = Machine()
    machine.apply(index, command(index))
    machine.apply(index, put(b"more", b"x" * 3000))
    data = b"".join(machine.dump())
    return pb.Snapshot(data, pb.SnapshotMetadata(STATE, index, term))


async def started(disk: SimDisk, fresh: bool = False) -> Node:
    """A node as it starts on a disk."""
    found = await recover(Parts(), disk, "data", US)
    node = Node(
        found.snapshots, found.log, found.storage, found.machine,
        found.applied,
    )  # fmt: skip
    if fresh:
        entries = [
            pb.Entry(2, i, None, encode(command(i))) for i in range(1, 9)
        ]
        hard = pb.HardState(2, 1, OLD)
        await node.log.save(hard, entries, True)
        node.storage.append(entries)
        node.storage.set_hard_state(hard)
    stored, _ = node.storage.initial_state()
    commit = 0 if stored is None else stored.commit or 0
    for i in range(node.applied + 1, commit + 1):
        node.machine.apply(i, command(i))
        node.applied = i
    return node


def color(node: Node) -> bytes:
    return bytes(node.machine.apply(0, get(b"color")).value or b"")  # type: ignore


def first_of(node: Node) -> tuple[int, int]:
    """Where raft's log begins, and the snapshot's index in it."""
    return node.storage.first_index(), node.storage.snapshot().index


def look(t: Trial, node: Node, why: str) -> None:
    """Sees that a node is at the leader's snapshot, with all it has."""
    t.same(node.applied, AHEAD, f"node.applied: {why}")
    t.same(color(node), b"%d" % AHEAD, f"the machine: {why}")
    t.same(first_of(node), (AHEAD + 1, AHEAD),
           f"raft's storage (first index, snapshot): {why}")  # fmt: skip


@check("the node is where the leader's snapshot is", TAKING)
def installed(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        node = await started(disk, fresh=True)
        t.called = f"install(a node at {OLD}, a snapshot of {AHEAD})"
        came = await t.name("install")(node, sent(AHEAD))
        look(t, node, "it goes on from there")
        t.same(came, True, "it was taken over")
        t.called += ", log.save(the entry behind it)"
        try:
            await node.log.save(
                pb.HardState(4, 0, AHEAD),
                [pb.Entry(4, AHEAD + 1, None, encode(command(1)))], True,
            )  # fmt: skip
        except ValueError as error:
            t.wrong("the log must know that the snapshot has taken the place"
                    " of its entries", str(error), "it is saved"
                    )  # fmt: skip
        await node.log.close()
        t.called += ", a restart"
        try:
            again = await started(disk.restart(random.Random(3)))
        except DataError as error:
            t.wrong("a node that was level with the leader must not come back"
                    " with nothing", f"it does not start: {error!s:.90}...",
                    f"a start at {AHEAD}")  # fmt: skip
        look(t, again, "it was stored")
        t.same(again.storage.last_index(), AHEAD + 1, "the entry behind it")

    t.run(work())


@check("one that is not ahead is not taken", SENDING)
def old(t: Trial) -> None:
    async def work() -> None:
        for index in (OLD - 1, OLD):
            disk = SimDisk(reserves=False)
            node = await started(disk, fresh=True)
            t.called = f"install(a node at {OLD}, a snapshot of {index})"
            came = await t.name("install")(node, sent(index, 1))
            t.same(came, False, "it brings nothing new")
            t.same((node.applied, color(node)), (OLD, b"%d" % OLD),
                   "messages may come late and twice: the state must not go"
                   " back, for clients have seen it")  # fmt: skip

    t.run(work())


async def stop(
    t: Trial, way: Callable[[int], Hook], number: int, fate: int
) -> bool:
    """Lets installing end at a disk operation; False if it did not."""
    disk = SimDisk(reserves=False)
    node = await started(disk, fresh=True)
    disk.hook = way(disk.operations + number)
    finished = False
    try:
        await t.name("install")(node, sent(AHEAD))
        finished = True
    except (Crashed, OSError):
        pass
    what = "the disk fails" if way is fail_at else "the machine stops"
    called = f"install(a node at {OLD}, a snapshot of {AHEAD}); {what} in"
    called += f" disk operation {number}"
    t.called = called
    if not finished:
        t.holds(
            (node.applied, color(node)) == (OLD, b"%d" % OLD),
            "clients read from the machine at any time; what it holds must"
            " be stored first",
            f"the machine is at {say(color(node))}, applied {node.applied},"
            " before the snapshot was safe",
            f"the old state, up to {OLD}",
        )  # fmt: skip
        t.holds(
            first_of(node)[0] == 1,
            "raft would answer the leader from it that it has the snapshot",
            "raft's storage has it before the disk has", "the old entries",
        )  # fmt: skip
    end = "a power cut" if fate else "a kill"
    t.called = f"{called}; then {end}, and a restart"
    try:
        again = await started(disk.restart(random.Random(fate)
                                           if fate else None))
    except DataError as error:
        t.wrong(
            "after the mark the log has dropped its entries. If the file is"
            " not there then, nothing is",
            f"the node does not start: {say(str(error))}",
            "a start with the old state or the new",
        )  # fmt: skip
    if finished:
        look(t, again, "install had returned")
    else:
        t.holds(
            again.applied in (OLD, AHEAD)
            and color(again) == b"%d" % again.applied,
            "there is nothing between the two",
            f"applied {again.applied}, color {say(color(again))}",
            f"{OLD} or {AHEAD}",
        )  # fmt: skip
        t.holds(
            again.applied == AHEAD or again.storage.last_index() == 8,
            "entries 6 to 8 were promised to the leader, and no snapshot has"
            " taken their place",
            f"the log ends at {again.storage.last_index()}", "8",
        )  # fmt: skip
    return not finished


@check("a crash at any disk operation leaves old or new", TAKING)
def crashes(t: Trial) -> None:
    async def work() -> None:
        number = 0
        while all([await stop(t, crash_at, number, f) for f in range(5)]):
            number += 1

    t.run(work())


@check("a failing disk is heard of, and nothing else is touched", TAKING)
def failures(t: Trial) -> None:
    async def work() -> None:
        number = 0
        while await stop(t, fail_at, number, 1):
            number += 1

    t.run(work())


@check("one after the other", SENDING)
def again(t: Trial) -> None:
    async def work() -> None:
        node = await started(SimDisk(reserves=False), fresh=True)
        install = t.name("install")
        for index in (100, 300, 200, AHEAD):
            await install(node, sent(index))
        t.called = f"install of 100, 300, 200 (which is late), {AHEAD}"
        look(t, node, "the newest counts")

    t.run(work())


CHECKS = [installed, old, crashes, failures, again]
