"""The book's scenarios print what their files say."""

from pathlib import Path

import pytest

from port.rafttest.datadriven import end_with_newline, parse
from port.rafttest.interaction_env import InteractionEnv

SCENARIOS = Path(__file__).parents[2] / "book" / "scenarios"


@pytest.mark.parametrize(
    "path", sorted(SCENARIOS.glob("*.txt")), ids=lambda path: path.stem
)
def test_a_scenario_is_a_recording(path: Path) -> None:
    env = InteractionEnv()
    for d in parse(path.read_text(encoding="utf-8"), str(path)):
        assert end_with_newline(env.handle(d)) == d.expected, d.place
