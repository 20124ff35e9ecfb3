"""Reads that wait, and how far each node has acknowledged them, drawn.

The port's own queue is asked while the picture is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from book.weave.marks import CELL, TALL, _say, _span, _svg
from port import raftpb as pb
from port.quorum import JointConfig, MajorityConfig
from port.raft import ReadOnlySafe
from port.read_only import ReadOnly

_LEFT = 96
# The commit index when each read came, and each node's highest number.
READS = (7, 7, 8, 8, 9)
ACKS = {1: 5, 2: 3, 3: 1}
ANSWERED = 1


def ready() -> tuple[ReadOnly, list[int]]:
    """Returns the queue as drawn, and the indexes that it hands out."""
    queue = ReadOnly(ReadOnlySafe)
    for index in READS:
        queue.add_request(index, pb.Message(type=pb.MsgReadIndex))
    voters = JointConfig(MajorityConfig(ACKS), MajorityConfig())
    for node in ACKS:
        queue.acks[node] = ANSWERED
    queue.maybe_advance(voters)
    for node, number in ACKS.items():
        queue.recv_ack(node, number.to_bytes(8, "little"))
    return queue, [r.index for r in queue.maybe_advance(voters)]


def reads() -> str:
    """Returns the picture as one line of SVG."""
    queue, handed = ready()

    def x(number: int) -> float:
        return _LEFT + (number - 1) * CELL

    def parts() -> Iterator[str]:
        top = 70
        yield _say(0, top - 6, "number", anchor="start")
        yield _say(0, top + 18, "noted index", anchor="start")
        done = queue.confirmed_reads
        spans = (
            (1, ANSWERED, "done"),
            (ANSWERED + 1, done, "confirmed"),
            (done + 1, len(READS), "wait"),
        )
        for first, last, said in spans:
            yield _span(x(first), x(last + 1), 36)
            yield _say((x(first) + x(last + 1)) / 2, 26, said,
                       "wv-strong" if last == done else "wv-said")
        for number, index in enumerate(READS, 1):
            gone = "wv-gone" if number <= ANSWERED else ""
            yield _say(x(number) + CELL / 2, top - 6, str(number), "wv-index")
            yield (
                f'<g class="wv-entry {gone}"><rect x="{x(number) + 1:g}" '
                f'y="{top}" width="{CELL - 2}" height="{TALL}"/>'
                f'<text x="{x(number) + CELL / 2:g}" y="{top + 18}">'
                f"{index}</text></g>"
            )
        for row, (node, number) in enumerate(ACKS.items()):
            y = top + TALL + 24 + 24 * row
            yield _say(0, y + 4, f"node {node}", anchor="start")
            yield (
                f'<path class="wv-moment" d="M{x(1) + 3:g} {y} '
                f'H{x(number + 1) - 3:g} M{x(number + 1) - 3:g} {y - 6} v12"/>'
            )
        heart = int.from_bytes(queue.heartbeat_ctx() or b"", "little")
        aside = x(len(READS) + 1) + 34
        yield _say(aside, top + 18, f"the next heartbeat: {heart}",
                   anchor="start")
        yield _say(aside, top + TALL + 52,
                   "handed out: " + ", ".join(map(str, handed)),
                   anchor="start")

    return _svg(
        "reads", 692, 182, "Reads that wait for a quorum",
        f"Five reads, numbered from 1. Read 1 was answered before. Node 1, the"
        f" leader, has acknowledged all up to {ACKS[1]}, node 2 up to"
        f" {ACKS[2]}, node 3 up to {ACKS[3]}. Two of three have acknowledged"
        " 3, so reads 2 and 3 are confirmed now, and 4 and 5 wait. The next"
        " heartbeat carries the number 5.",
        parts(),
    )  # fmt: skip
