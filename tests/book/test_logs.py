"""The pictures of logs show what their scenarios do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from book.weave.logs import FIGURE_8, TAILS, Panel
from port.raft import StateLeader
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv

SCENARIOS = Path(__file__).parents[2] / "book" / "scenarios"

Logs = dict[int, tuple[tuple[int, ...], bool]]


def course(name: str) -> Iterator[Logs]:
    """Yields, after each step, each node's terms and whether it leads."""
    path = SCENARIOS / name
    env = InteractionEnv()
    for d in parse(path.read_text(encoding="utf-8"), name):
        env.handle(d)
        found: Logs = {}
        for id, node in enumerate(env.nodes, 1):
            log = node.raw_node.raft.raft_log
            span = range(3, log.last_index() + 1)
            found[id] = (
                tuple(log.term(i) for i in span),
                node.raw_node.raft.state is StateLeader,
            )
        yield found


def drawn(panel: Panel) -> Logs:
    """Returns what a panel shows of each node."""
    return {
        int(log.name[-1]): (log.terms, log.leads) for log in panel.logs
    }


def in_order(panels: tuple[Panel, ...], steps: Iterator[Logs]) -> bool:
    """Tells whether what the panels show comes about, one after another."""
    return all(
        any(shown.items() <= step.items() for step in steps)
        for shown in map(drawn, panels)
    )


def test_figure_8() -> None:
    assert in_order(FIGURE_8.panels[:4], course("figure-8.txt"))


def test_the_tails() -> None:
    assert in_order(TAILS.panels, course("divergent-tails.txt"))
