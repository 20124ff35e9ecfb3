"""The state trace has the events of the real library's, in their order."""

import json
from pathlib import Path

import pytest

from port.raft import Config
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts
from port.state_trace import TracingEvent
from tests.golden.recordings import names, recorded


class Recorder:
    """Keeps each event as the line of JSON that upstream's tracer writes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def trace_event(self, event: TracingEvent) -> None:
        line = {"event": event.as_json(), "tag": "trace"}
        self.lines.append(json.dumps(line, separators=(",", ":")))


def traced(script: Path) -> list[str]:
    recorder = Recorder()

    def on_config(config: Config) -> None:
        config.trace_logger = recorder

    env = InteractionEnv(InteractionOpts(on_config))
    for directive in parse(script.read_text(), str(script)):
        env.handle(directive)
    return recorder.lines


@pytest.mark.upstream
@pytest.mark.parametrize("name", names("traces"))
def test_trace(name: str, upstream: Path) -> None:
    script = upstream / "testdata" / f"{Path(name).stem}.txt"
    lines = traced(script)
    expected = recorded()[name].splitlines()
    for number, (line, wanted) in enumerate(
        zip(lines, expected, strict=False), start=1
    ):
        assert line == wanted, f"event {number}"
    assert len(lines) == len(expected)
