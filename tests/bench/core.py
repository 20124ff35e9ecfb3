"""What an entry costs: three nodes in one process, messages by hand.

    python tests/bench/core.py [--against pysyncobj] [--entries N]

Three `RawNode`s over `MemoryStorage`, entries of 100 bytes, no faults and no
network: every message is stepped where it belongs. Printed is the CPU time
until an entry is applied on all three, (i) with one entry a proposal, each
awaited before the next, and (ii) with 64 entries in one proposal.

Beside it runs PySyncObj's core on the same work, in rounds taken in turn, so
that the ratio holds on a noisy machine. It is installed on demand, into
`.cache/`; nothing else depends on it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from port import raftpb as pb  # noqa: E402
from port.logger import discard_logger  # noqa: E402
from port.raft import Config, StateLeader  # noqa: E402
from port.rawnode import RawNode  # noqa: E402
from port.storage import MemoryStorage  # noqa: E402
from port.types import NO_LIMIT  # noqa: E402

DATA = b"x" * 100
BATCH = 64
ROUNDS = 5
PYSYNCOBJ = "pysyncobj==0.3.17"


class Cluster:
    """Three nodes, and the hands that carry their messages."""

    def __init__(self) -> None:
        self.storages = [MemoryStorage() for _ in range(3)]
        self.nodes: list[RawNode] = []
        for id, storage in enumerate(self.storages, 1):
            storage.apply_snapshot(
                pb.Snapshot(
                    metadata=pb.SnapshotMetadata(pb.ConfState([1, 2, 3]), 2, 1)
                )
            )
            config = Config(
                id=id, election_tick=10, heartbeat_tick=1, storage=storage,
                applied=2, max_size_per_msg=NO_LIMIT, max_inflight_msgs=256,
                logger=discard_logger,
            )  # fmt: skip
            self.nodes.append(RawNode(config))
        self.applied = [2, 2, 2]
        self.leader = self.nodes[0]
        self.leader.campaign()
        self.settle()
        if self.leader.raft.state is not StateLeader:
            raise RuntimeError("node 1 did not become leader")

    def settle(self) -> None:
        """Handles every `Ready` and every message until there is no more."""
        nodes = self.nodes
        busy = True
        while busy:
            busy = False
            for i, node in enumerate(nodes):
                if not node.has_ready():
                    continue
                busy = True
                rd = node.ready()
                storage = self.storages[i]
                if rd.hard_state is not None:
                    storage.set_hard_state(rd.hard_state)
                if rd.entries:
                    storage.append(rd.entries)
                if rd.committed_entries:
                    self.applied[i] = rd.committed_entries[-1].index or 0
                for m in rd.messages:
                    nodes[(m.to or 0) - 1].step(m)
                node.advance(rd)

    def one_by_one(self, entries: int) -> None:
        """(i): one entry a proposal."""
        for _ in range(entries):
            self.leader.propose(DATA)
            self.settle()

    def batched(self, entries: int) -> None:
        """(ii): 64 entries in one proposal."""
        for _ in range(entries // BATCH):
            batch = [pb.Entry(data=DATA) for _ in range(BATCH)]
            self.leader.step(
                pb.Message(type=pb.MsgProp, from_=1, entries=batch)
            )
            self.settle()

    def measure(self, work: Callable[[int], None], entries: int) -> float:
        """Returns microseconds of CPU an entry."""
        before = self.applied[0]
        start = time.process_time()
        work(entries)
        spent = time.process_time() - start
        if self.applied != [before + entries] * 3:
            raise RuntimeError(f"applied {self.applied}, wanted {entries} more")
        return spent / entries * 1e6


def ours(entries: int) -> tuple[float, float]:
    """Measures both kinds of work on a new cluster of ours."""
    cluster = Cluster()
    cluster.one_by_one(200)
    return (
        cluster.measure(cluster.one_by_one, entries),
        cluster.measure(cluster.batched, entries * 8 // BATCH * BATCH),
    )


def theirs(entries: int) -> tuple[float, float]:
    """Measures both kinds of work on a new cluster of PySyncObj's."""
    from pysyncobj_core import Cluster as Theirs

    one_by_one = Theirs(use_batch=False)
    one_by_one.run(DATA, 1, 200)
    batched = Theirs(use_batch=True)
    batched.run(DATA, BATCH, 4 * BATCH)
    return (
        one_by_one.run(DATA, 1, entries),
        batched.run(DATA, BATCH, entries * 2 // BATCH * BATCH),
    )


def install(package: str) -> None:
    """Makes `package` importable, from `.cache/`."""
    target = ROOT / ".cache" / "bench" / package.replace("==", "-")
    if not target.exists():
        print(f"installing {package} ...", flush=True)
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
            "--target", str(target), package,
        ]  # fmt: skip
        subprocess.run(command, check=True)
    sys.path.insert(0, str(target))


def main() -> None:
    """Runs the rounds, and prints medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--against", choices=["pysyncobj"])
    parser.add_argument("--entries", type=int, default=4000)
    args = parser.parse_args()
    if args.against:
        install(PYSYNCOBJ)
    a, b = [], []
    for n in range(ROUNDS):
        print(f"\rround {n + 1} of {ROUNDS}", end="", flush=True)
        a.append(ours(args.entries))
        if args.against:
            b.append(theirs(args.entries))
    print("\r", end="")
    for k, what in enumerate(["(i)  one entry a proposal", "(ii) 64 entries"]):
        mine = statistics.median(x[k] for x in a)
        line = f"{what:26} {mine:7.2f} us an entry"
        if b:
            other = statistics.median(x[k] for x in b)
            ratio = statistics.median(
                y[k] / x[k] for x, y in zip(a, b, strict=True)
            )
            line += f"   pysyncobj {other:7.2f} us   {ratio:.2f}x as fast"
        print(line)


if __name__ == "__main__":
    main()
