"""The stops of *One write* are moments of the day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from book.weave.stops import (
    APPLIED,
    CLIENT,
    COMMITTED,
    DISK,
    MEMORY,
    NOTHING,
    STOPS,
)
from port import raftpb as pb
from port.log import RaftLog
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv

DAY = Path(__file__).parents[2] / "book" / "scenarios" / "one-day.txt"
TYPES = {"answer: 4": pb.MsgAppResp}

Shown = tuple[tuple[str, ...], frozenset[tuple[int, int, pb.MessageType]]]


def has(log: RaftLog) -> str:
    """Returns what a node has of entry 4."""
    if log.last_index() < 4:
        return NOTHING
    if log.unstable.offset <= 4:
        return MEMORY
    if log.applied >= 4:
        return APPLIED
    return COMMITTED if log.committed >= 4 else DISK


def moments() -> Iterator[Shown]:
    """Yields what there is after each step of the day up to act 5."""
    env = InteractionEnv()
    for d in parse(DAY.read_text(encoding="utf-8"), DAY.name):
        if d.cmd == "tick-heartbeat":
            return
        env.handle(d)
        yield (
            tuple(has(n.raw_node.raft.raft_log) for n in env.nodes),
            frozenset(
                (m.from_ or 0, m.to or 0, m.type or pb.MsgHup)
                for m in env.messages
            ),
        )


def test_the_stops_come_about_in_this_order() -> None:
    shown = [
        (
            stop.has,
            frozenset(
                (m.sender, m.target, TYPES.get(m.text, pb.MsgApp))
                for m in stop.sent
                if CLIENT not in (m.sender, m.target)
            ),
        )
        for stop in STOPS
    ]
    steps = moments()
    for number, moment in enumerate(shown, 1):
        assert any(step == moment for step in steps), f"stop {number}"
