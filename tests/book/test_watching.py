"""What the chapter *Who watches* says, asked of the observer.

The notes of `book/pages/watching.md` cite these tests.
"""

from __future__ import annotations

from pathlib import Path

from book.weave import looks
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.observe import Transition, WatchedRawNode, watch

ROOT = Path(__file__).parents[2]
ELECTION = (
    "add-nodes 3 voters=(1,2,3) index=2\n----\n\n"
    "campaign 1\n----\n\n"
    "process-ready 1\n----\n\n"
    "deliver-msgs 2\n----\n\n"
    "process-ready 2\n----\n\n"
)


def watched(
    text: str, only: int = 0
) -> tuple[InteractionEnv, list[Transition]]:
    """Plays a script, and returns what its nodes do, or one of them."""
    env = InteractionEnv()
    seen: list[Transition] = []
    for directive in parse(text, "script"):
        env.handle(directive)
        for node in env.nodes:
            if isinstance(node.raw_node, WatchedRawNode):
                continue
            if only in (0, node.config.id):
                node.raw_node = watch(node.raw_node, seen.append)
    return env, seen


def test_the_figure_is_what_is_told() -> None:
    """The second vote, and nothing else."""
    env, seen = watched(ELECTION, only=1)
    seen.clear()
    env.handle(parse("deliver-msgs 1\n----\n", "script")[0])
    told = [
        (t.family, t.from_, t.to)
        for t in seen
    ]
    assert told == looks.told()
    assert {t.cause.partition(",")[0] for t in seen} == {"MsgVoteResp"}


def test_the_moves_of_a_day() -> None:
    text = (ROOT / "book/scenarios/one-day.txt").read_text("utf-8")
    _, seen = watched(text)
    page = (ROOT / "book/pages/watching.md").read_text("utf-8")
    assert f"nodes make {len(seen)} such moves" in " ".join(page.split())
    assert f"of {len(set(seen))} different" in " ".join(page.split())
    assert len(parse(text, "day")) == 100


def test_every_call_is_watched() -> None:
    """Fourteen and the message's: all that `RawNode` lets change."""
    own = [
        name
        for name, value in vars(WatchedRawNode).items()
        if callable(value) and not name.startswith("_")
    ]
    assert len(own) == 14
