"""What the chapter *Seen by a model* says, asked of the port.

The notes of `book/pages/statetrace.md` cite these tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from book.weave import paths
from port import raftpb as pb
from port.raft import Config
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts
from port.state_trace import (
    Json,
    StateMachineEventType,
    TracingEvent,
    TracingMessage,
)

PAGE = Path(__file__).parents[2] / "book" / "pages" / "statetrace.md"
ELECTION = (
    "add-nodes 3 voters=(1,2,3) index=2",
    "campaign 1",
    "process-ready 1",
    "deliver-msgs 1 2",
)


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Json]] = []

    def trace_event(self, event: TracingEvent) -> None:
        self.events.append(event.as_json())


def traced(*commands: str) -> list[dict[str, Json]]:
    """Returns the events of a script with these commands."""
    recorder = Recorder()

    def on_config(config: Config) -> None:
        config.trace_logger = recorder

    env = InteractionEnv(InteractionOpts(on_config))
    script = "".join(f"{command}\n----\n\n" for command in commands)
    for directive in parse(script, "script"):
        env.handle(directive)
    return recorder.events


def part(event: dict[str, Json], name: str) -> dict[str, Json]:
    """Returns an object within an event."""
    return cast("dict[str, Json]", event[name])


def test_the_election_of_the_page() -> None:
    """Names and order, and whom each message goes to."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.findall(r"^```text\n(.*?)^```", text, re.S | re.M)[0]
    told = [line.split()[:2] for line in block.splitlines()]
    events = traced(*ELECTION)
    names = [event["name"] for event in events]
    start = names.index("BecomeCandidate")
    done = [[str(e["nid"]), str(e["name"])] for e in events[start:]]
    assert done == told
    last = events[-1]
    assert part(last, "state")["vote"] == "0"
    assert part(last, "msg")["reject"] is False


def test_the_picture_ends_in_a_step_that_is_none() -> None:
    assert paths.fits() == len(paths.EVENTS) - 1
    assert len(paths.ALLOWED) == len(paths.EVENTS)


def test_nobody_listens_by_default() -> None:
    env = InteractionEnv()
    env.handle(parse(f"{ELECTION[0]}\n----\n", "script")[0])
    assert env.nodes[0].raw_node.raft.trace_logger is None


def test_replicate_is_told_before_it_is_done() -> None:
    events = traced(*ELECTION[:2], "stabilize", "propose 1 x")
    told = [e for e in events if e["name"] == "Replicate"]
    assert [e["log"] for e in told] == [2, 3]


def test_match_and_next_are_the_senders() -> None:
    """Node 3 has nothing of entry 4; the leader has, and that is printed."""
    events = traced(*ELECTION[:2], "stabilize", "propose 1 x", "stabilize 1 2")
    sends = [e for e in events if e["name"] == "SendAppendEntriesRequest"]
    last = [e for e in sends if part(e, "msg")["to"] == "3"][-1]
    assert part(last, "prop") == {"match": 4, "next": 5}


def test_a_snapshot_is_an_append_of_all() -> None:
    snapshot = pb.Snapshot(metadata=pb.SnapshotMetadata(index=9, term=2))
    message = pb.Message(type=pb.MsgSnap, to=2, from_=1, snapshot=snapshot)
    told = TracingMessage(message).as_json()
    assert (told["index"], told["logTerm"], told["entries"]) == (0, 0, 9)


def test_two_kinds_of_event_are_never_told() -> None:
    source = Path(__file__).parents[2] / "port" / "state_trace.py"
    text = source.read_text(encoding="utf-8")
    unused = [
        kind.name
        for kind in StateMachineEventType
        if f"StateMachineEventType.{kind.name}" not in text
        and not re.search(rf"\bevent = .*{kind.name}", text)
    ]
    assert unused == ["SendSnapshot", "ReceiveSnapshot"]
