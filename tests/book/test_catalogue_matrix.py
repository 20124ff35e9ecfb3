"""The matrix of roles and messages: how it is read, and that it is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from book.weave.matrix import ROLES, SENDERS, TERMS, TYPES, load, read
from book.weave.problems import WeaveError
from port import raftpb as pb
from port.chan import Recv, try_select
from port.node import _Node
from port.raft import Raft
from port.rafttest.observe import Transition
from port.rawnode import RawNode
from port.types import LOCAL_APPEND_THREAD
from tests.book.observing import ROOT
from tests.book.trying import Facts, observe, rawnode_filter
from tests.port.loops import on_loop, settle, spawn
from tests.port.raft.nodes import storage
from tests.port.test_node import config

MATRIX = load(ROOT)
TEXT = (Path(ROOT) / "book" / "matrix.toml").read_text(encoding="utf-8")


def ordered(names: set[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return names in the order in which they are known."""
    return tuple(name for name in known if name in names)


@pytest.mark.parametrize("type", TYPES)
def test_every_cell_is_as_found_by_trying(type: str) -> None:
    for role in ROLES:
        for term in TERMS:
            cell = MATRIX.cell(role, type, term)
            found: Facts = observe()[role, type, term]
            said = {
                "verdict": cell.rule.verdict,
                "symbols": set(cell.rule.symbols),
                "to": ordered(set(cell.to), ROLES),
                "sends": ordered(set(cell.rule.sends), TYPES),
                "raises": set(cell.rule.raises),
            }
            assert said == {
                "verdict": found.verdict,
                "symbols": found.symbols,
                "to": ordered(found.to, ROLES),
                "sends": ordered(found.sends, TYPES),
                "raises": found.raises,
            }, (role, type, term, cell.rule.line)


def test_every_cell_is_there_once() -> None:
    cells = list(MATRIX.cells())
    assert len(cells) == len(ROLES) * len(TYPES) * len(TERMS) == 384
    assert len({(c.role, c.type, c.term) for c in cells}) == 384
    assert {c.rule for c in cells} == set(MATRIX.rules)


def test_terms_that_a_message_has_are_told_from_others() -> None:
    assert MATRIX.usual(MATRIX.cell("leader", "MsgProp", "zero"))
    assert not MATRIX.usual(MATRIX.cell("leader", "MsgProp", "higher"))
    # What is usual never panics for lack of a term.
    for cell in MATRIX.cells():
        if cell.type in ("MsgVote", "MsgPreVote") and MATRIX.usual(cell):
            assert not cell.rule.raises


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("sender", SENDERS)
def test_the_filter_of_rawnode(type: str, sender: str) -> None:
    found = rawnode_filter(pb.MessageType[type], sender)
    assert MATRIX.kind(type).rawnode[sender] == found


SENDER = {"member": 2, "stranger": 9, "thread": LOCAL_APPEND_THREAD}


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("sender", SENDERS)
@on_loop
async def test_the_filter_of_node(
    type: str, sender: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = _Node(RawNode(config(storage([1, 2]))))
    m = pb.Message(
        type=pb.MessageType[type], from_=SENDER[sender], to=1,
        entries=[pb.Entry()],
    )  # fmt: skip
    stepping = spawn(n.step(m))
    await settle()
    proposal, other = Recv(n.propc), Recv(n.recvc)
    fired = try_select(proposal, other)
    await stepping
    if fired is None:
        found = "left out"
    elif fired is proposal:
        found = "as a proposal"
    else:
        stepped: list[pb.Message] = []
        monkeypatch.setattr(Raft, "step", lambda r, m: stepped.append(m))
        n._step_message(other.value)
        found = "in" if stepped else "dropped"
    assert MATRIX.kind(type).node[sender] == found


def test_what_is_seen_is_held_against_the_cell() -> None:
    seen = Transition(
        "role-message", "candidate", "MsgVoteResp, term equal", "leader",
        "candidate_vote_resp",
    )  # fmt: skip
    assert MATRIX.knows(seen)
    assert not MATRIX.knows(seen._replace(to="pre-candidate"))
    assert not MATRIX.knows(seen._replace(symbol="step_candidate"))
    assert not MATRIX.knows(seen._replace(cause="MsgVoteResp"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('terms = ["lower"]', 'terms = ["late"]', "terms: there is no late"),
        ('verdict = "ignored"', 'verdict = "odd"', "verdict: 'odd' is none"),
        ('"Raft._step_hup"', '"Raft._step_hop"', "no symbol Raft._step_hop"),
        ('roles = "all"', 'roles = ["follower"]', "has no rule"),
        ('terms = ["lower"]', 'terms = "all"', "has a rule for it already"),
        ('says = "It asks again."', "", "says: is missing"),
        ('says = "It asks again."', 'say = "x"', "say is no field"),
        ('sends = ["MsgVote"]', 'sends = ["MsgNote"]', "there is no MsgNote"),
        ('what = "I have heard you."', "", "MsgHeartbeatResp: what: is"),
        ('name = "MsgHup"', 'name = "MsgBeat"', "MsgHup has no [[type]]"),
        ('thread = "in" }', 'other = "in" }', "does not name each sender"),
        ("[[rule]]", "[[rule]", "matrix.toml"),
    ],
)
def test_what_is_refused_is_named(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(WeaveError) as refused:
        read(TEXT.replace(old, new, 1), ROOT)
    assert said in str(refused.value)
