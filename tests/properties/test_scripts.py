"""Five interaction scripts, each made for one bug, under the invariants."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.bugs import find
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts, Node
from tests.properties.invariants import Monitor, View, Violation

SCRIPTS = Path(__file__).with_name("scripts")
BUGS = {
    "fig8": "commits_older_terms",
    "fig8_3": "commits_older_terms",
    "vote": "votes_for_shorter_logs",
    "doublevote": "votes_twice",
    "conflict": "ignores_conflict",
}
# How two of them go on: the bug is there at their end, but nobody has come
# to harm by it yet.
GOES_ON = {
    "fig8": [
        "deliver-msgs drop=(1,2,3,4,5)", "restart 5", "campaign 5",
        "campaign 5",
        "process-ready 5", "deliver-msgs 3 4 drop=(1,2)", "process-ready 3",
        "process-ready 4", "deliver-msgs 5",
    ],
    "conflict": ["tick-heartbeat 2", "stabilize"],
}  # fmt: skip


class Disk:
    """The storage of a script's node; whatever is in it is durable."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def holds(self, index: int, term: int) -> bool:
        storage = self.node.storage
        if index < storage.first_index():
            return True
        return index <= storage.last_index() and storage.term(index) == term


def look(node: Node) -> View:
    """Return what there is to see of a script's node."""
    r = node.raw_node.raft
    log = r.raft_log
    base = log.first_index() - 1
    return View(
        r.id, 1, r.term, r.vote, r.state, log.committed, log.applied, base,
        log.term(base), log.all_entries(),
        [set(half) for half in r.trk.voters if half],
    )  # fmt: skip


def play(name: str) -> Violation | None:
    """Run a script, and return what it breaks."""

    def on_config(config) -> None:  # type: ignore[no-untyped-def]
        if name.startswith("fig8"):
            config.max_size_per_msg = 1

    env = InteractionEnv(InteractionOpts(on_config))
    disks: dict[int, Disk] = {}
    monitor = Monitor(disks)  # type: ignore[arg-type]
    views: dict[int, View] = {}
    path = SCRIPTS / f"{name}.txt"
    text = path.read_text()
    for line in GOES_ON.get(name, ()):
        text += f"\n{line}\n----\n"
    try:
        for directive in parse(text, path.name):
            env.handle(directive)
            for node in env.nodes:
                view = look(node)
                disks.setdefault(view.id, Disk(node))
                monitor.saw(views.get(view.id), view)
                views[view.id] = view
    except Violation as found:
        return found
    return None


@pytest.mark.parametrize("name", BUGS)
def test_a_script_breaks_nothing(name: str) -> None:
    assert play(name) is None


@pytest.mark.parametrize("name", BUGS)
def test_a_script_shows_its_bug(name: str) -> None:
    bug = find(BUGS[name])
    with bug.planted():
        violation = play(name)
    assert violation is not None
    assert violation.number in {bug.invariant, *bug.also, 6, 7, 9}


def test_every_script_is_played() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.txt")} == set(BUGS)
