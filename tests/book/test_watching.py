"""What the chapter *Who watches* says, asked of the observer.

The notes of `book/pages/watching.md` cite these tests.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

from book.weave import looks, verdicts
from labs.bugs import heartbeat_beyond_match
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, Node
from port.rafttest.invariants import Monitor, View, Violation
from port.rafttest.observe import Transition, WatchedRawNode, watch
from tests.properties.actions import parse as read_schedule
from tests.properties.running import fails

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


def seen(node: Node) -> View:
    """Returns what a node holds, as the invariants want it."""
    r = node.raw_node.raft
    log, base = r.raft_log, r.raft_log.first_index() - 1
    return View(
        id=r.id, term=r.term, vote=r.vote, role=r.state, base=base,
        base_term=log.term(base), commit=log.committed, applied=log.applied,
        entries=log.all_entries(), halves=[set(r.trk.config.voters[0])],
    )  # fmt: skip


CABLE = (ROOT / "book/scenarios/pulled-cable.txt").read_text("utf-8")
# All before the heartbeat, then only the heartbeat.
SCENE = CABLE.rpartition("stabilize\n")[0] + (
    "process-ready 2\n----\n\ndeliver-msgs 1\n----\n\n"
    "process-ready 1\n----\n"
)


def witnesses(text: str) -> tuple[
    InteractionEnv, list[Transition], list[str], list[str]
]:
    """Plays a script, and returns what each of those who look says."""
    judge = Monitor({}, numbers={1, 2, 3, 4, 5, 6, 8})
    before: dict[int, View] = {}
    env, moves = InteractionEnv(), list[Transition]()
    printed: list[str] = []
    broken: list[str] = []
    for d in parse(text, "script"):
        printed.append(env.handle(d))
        for node in env.nodes:
            if not isinstance(node.raw_node, WatchedRawNode):
                node.raw_node = watch(node.raw_node, moves.append)
            view = seen(node)
            try:
                judge.saw(before.get(view.id), view)
            except Violation as violation:
                broken.append(str(violation))
            before[view.id] = view
    return env, moves, printed, broken


def drawn(env: InteractionEnv) -> verdicts.Logs:
    found = {}
    for node in env.nodes:
        view = seen(node)
        found[view.id] = tuple(view.terms[1:]), view.commit
    return found


def test_who_sees_the_bug() -> None:
    page = " ".join((ROOT / "book/pages/watching.md").read_text().split())
    env, moves, printed, broken = witnesses(SCENE)
    assert drawn(env) == verdicts.AS_IT_IS
    assert broken == []
    with heartbeat_beyond_match.BUG.planted():
        env, more, louder, broken = witnesses(SCENE)
    assert drawn(env) == verdicts.PLANTED
    assert dict.fromkeys(broken) == {
        "invariant 6: 1 holds an entry of term 1 as committed at index 4,"
        " first there was one of term 2": None
    }
    assert broken[0] in page
    # The log has the same lines, and the message one number more.
    said, heard = printed[-2], louder[-2]
    assert heard == said.replace("Log:0/0", "Log:0/0 Commit:5", 1)
    assert " ".join(heard.split()) in page
    # Node 1 has one move more, until it applies what it has been told.
    left = Counter(more) - Counter(moves)
    told = [t for t in left if t.cause == "MsgHeartbeat"]
    assert [(t.family, t.from_, t.to) for t in told] == [
        ("entry", "uncommitted", "committed")
    ]
    assert env.nodes[0].history[-1].data == b"color:redcolor:pink"


def test_nobody_says_a_word_afterwards() -> None:
    """The rest of the scene, with the bug: all is well, says node 1."""
    with heartbeat_beyond_match.BUG.planted():
        env, _, printed, _ = witnesses(CABLE)
    assert "1->2 MsgAppResp Term:2 Log:0/5" in printed[-2]
    assert not re.search("WARN|ERROR|conflict|panic", printed[-2])
    assert env.nodes[1].raw_node.raft.trk.progress[1].match == 5
    assert drawn(env)[1] == verdicts.PLANTED[1]


def test_the_schedule_on_the_page_shows_it() -> None:
    page = (ROOT / "book/pages/watching.md").read_text()
    schedule = next(
        block for block in page.split("```") if "purge" in block
    ).removeprefix("text\n")
    with heartbeat_beyond_match.BUG.planted():
        assert fails(read_schedule(schedule), 6)
    assert not fails(read_schedule(schedule), 6)


def test_a_follower_may_learn_of_a_commit_by_a_heartbeat() -> None:
    """So the catalogue has nothing against the move."""
    book = tomllib.loads((ROOT / "book/transitions.toml").read_text())
    rows = [
        row for row in book["transition"]
        if row["family"] == "entry" and row["to"] == "committed"
    ]
    assert any("MsgHeartbeat" in row["cause"] for row in rows)


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
