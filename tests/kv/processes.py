"""Clusters of real processes, and rounds of kill -9 under load.

    python -m tests.kv.processes --rounds 200

runs them for as long as one likes; the quick suite has a few.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from kv.client import Client, NotDone, Unknown
from kv.processes import Cluster, Member
from tests.kv.nodes import free_ports

TUNED = ["--heartbeat", "20ms", "--election", "150ms"]


def make(folder: Path, *arguments: str) -> Cluster:
    """Return three processes that are yet to be started."""
    cluster = Cluster(folder, 3, 7001, [*TUNED, *arguments])
    ports = free_ports(6)
    for member, client, peer in zip(
        cluster.members.values(), ports[:3], ports[3:], strict=True
    ):
        member.address = ("127.0.0.1", client)
        member.peer = ("127.0.0.1", peer)
    return cluster


class Writer:
    """Appends 0, 1, 2, ... to a key of its own, one after the other.

    What it knows: all that was answered, in order; what was not answered may
    be there or not, but nothing twice, since sessions are used.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.key = name.encode()
        self.sure: list[int] = []
        self.maybe: set[int] = set()
        self._cluster = cluster

    async def run(self) -> None:
        client = Client(
            self._cluster.addresses(), timeout=5.0, try_timeout=0.5
        )
        n = 0
        while True:
            try:
                await client.append(self.key, b"%d," % n)
                self.sure.append(n)
            except Unknown:
                self.maybe.add(n)
            except NotDone:
                pass
            n += 1

    def check(self, value: bytes | None) -> None:
        """Raise if what is stored is not what was promised."""
        found = [int(n) for n in (value or b"").split(b",") if n]
        if found != sorted(set(found)):
            raise AssertionError(f"{self.key!r}: repeated or out of order")
        lost = set(self.sure) - set(found)
        if lost:
            raise AssertionError(f"{self.key!r}: answered, and lost: {lost}")
        invented = set(found) - set(self.sure) - self.maybe
        # A write that was on its way when the writer was stopped.
        if invented - {max(found, default=0)}:
            raise AssertionError(f"{self.key!r}: not done, but there")


async def rounds(
    cluster: Cluster, count: int, rng: random.Random, writers: int = 4
) -> int:
    """Kill processes at random moments, again and again, under load.

    Returns:
        How many writes were answered.
    """
    cluster.start()
    await cluster.leader()
    each = [Writer(cluster, f"w{n}") for n in range(writers)]
    tasks = [asyncio.create_task(w.run()) for w in each]
    members = [*cluster.members.values()]
    for n in range(count):
        # Mostly one, the leader as often as not; sometimes all of them.
        victims: list[Member]
        if n % 5 == 4:
            victims = members
        elif rng.random() < 0.5:
            victims = [await cluster.leader()]
        else:
            victims = [rng.choice(members)]
        await asyncio.sleep(rng.uniform(0.05, 0.4))
        for m in victims:
            m.kill()
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        for m in victims:
            m.start()
        await cluster.leader()
        for task in tasks:
            if task.done():
                task.result()
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
    for m in members:
        await cluster.caught_up(m)
    async with cluster.client() as client:
        for w in each:
            w.check(await client.get(w.key))
    return sum(len(w.sure) for w in each)


def main() -> int:
    """Kill for as long as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    rng = random.Random(args.seed)
    done = 0
    while done < args.rounds:
        with tempfile.TemporaryDirectory() as folder:
            # Snapshots are as often as kills, so that they meet.
            cluster = make(Path(folder), "--snapshot-every", "300")
            count = min(25, args.rounds - done)
            try:
                sure = asyncio.run(rounds(cluster, count, rng))
            finally:
                cluster.stop()
            done += count
            print(f"{done} rounds; {sure} writes, none lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
