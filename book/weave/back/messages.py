"""Every type of message: who sends it to whom, and which code handles it.

Who sends what is the one table here that somebody wrote. A test runs every
recording and scenario through the port, and sees that no message is sent but
as it says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from book.weave import facts, python
from book.weave.back.desk import Desk, code, go, table
from book.weave.golang import GoRange, sources
from book.weave.uses import index
from port import raft
from port import raftpb as pb
from port.util import LOCAL_MSGS, RESPONSE_MSGS

SELF = "itself"
APPLICATION = "application"
DISK = "log storage"
STATE = "state machine"
ROLES = {"F": "follower", "P": "pre-candidate", "C": "candidate", "L": "leader"}


@dataclass(frozen=True, slots=True)
class Way:
    """Who sends a type of message to whom.

    Attributes:
        start: The letters of roles, or the name of what is no node.
        end: Likewise.
        what: What it says.
    """

    start: str
    end: str
    what: str


WAYS: dict[pb.MessageType, Way] = {
    pb.MsgHup: Way("FPC", SELF, "your timeout is over: stand for election"),
    pb.MsgBeat: Way("L", SELF, "it is time for heartbeats"),
    pb.MsgProp: Way(
        APPLICATION, "FL", "a client wants this written; a follower passes "
        "it on",
    ),
    pb.MsgApp: Way("L", "FPC", "these entries follow upon that one"),
    pb.MsgAppResp: Way("FPCL", "L", "I have them, or: they do not fit"),
    pb.MsgVote: Way("C", "FPCL", "will you vote for me?"),
    pb.MsgVoteResp: Way("FPCL", "C", "yes, or no"),
    pb.MsgSnap: Way("L", "FPC", "the state instead of the entries"),
    pb.MsgHeartbeat: Way("L", "FPC", "I lead, and this much is committed"),
    pb.MsgHeartbeatResp: Way("F", "L", "I follow"),
    pb.MsgUnreachable: Way(APPLICATION, "L", "a message got lost"),
    pb.MsgSnapStatus: Way(APPLICATION, "L", "how a snapshot fared"),
    pb.MsgCheckQuorum: Way("L", SELF, "have enough of them answered?"),
    pb.MsgTransferLeader: Way(
        APPLICATION, "FL", "let that one lead; a follower passes it on"
    ),
    pb.MsgTimeoutNow: Way("L", "F", "stand for election, now"),
    pb.MsgReadIndex: Way(
        APPLICATION, "FL", "up to where is it to be read; a follower passes "
        "it on",
    ),
    pb.MsgReadIndexResp: Way("L", "F", "up to there"),
    pb.MsgPreVote: Way("P", "FPCL", "would you vote for me?"),
    pb.MsgPreVoteResp: Way("FPCL", "P", "yes, or no"),
    pb.MsgStorageAppend: Way("FPCL", DISK, "store this, then send these"),
    pb.MsgStorageAppendResp: Way(DISK, SELF, "stored up to there"),
    pb.MsgStorageApply: Way("FPCL", STATE, "apply this, then send these"),
    pb.MsgStorageApplyResp: Way(STATE, SELF, "applied up to there"),
    pb.MsgForgetLeader: Way(APPLICATION, "F", "your leader is dead"),
}


def handlers(kind: pb.MessageType) -> dict[str, list[str]]:
    """Returns the symbols of `port/raft.py` that handle a type, by role.

    What all roles treat alike is under `FPCL`.
    """
    found: dict[str, list[str]] = {}

    def add(roles: str, entry: Mapping[pb.MessageType, object]) -> None:
        handler = entry.get(kind)
        if callable(handler):
            found.setdefault(roles, []).append(_name(handler))

    add("FPCL", raft._ANY_ROLE)
    add("F", raft._FOLLOWER)
    add("PC", raft._CANDIDATE)
    add("L", raft._LEADER)
    add("L", raft._LEADER_WITH_PROGRESS)
    return found


def _name(handler: Callable[..., object]) -> str:
    return handler.__qualname__


def senders(root: Path) -> dict[str, list[tuple[str, str, int]]]:
    """Returns where each type is put into a message: file, symbol, line."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    uses = index(root)
    for stem in ("raft", "rawnode", "node", "types"):
        path = f"port/{stem}.py"
        source = python.read(root, path)
        for call in ast.walk(uses.modules[path].tree):
            if not isinstance(call, ast.Call):
                continue
            for word in call.keywords:
                if word.arg != "type":
                    continue
                owner = _owner(source, call.lineno)
                for name, at in _types(word.value, source, owner):
                    found.setdefault(name, []).append((path, owner, at))
    # A tick says what it means to the function that makes the message.
    for use in uses.of("port/raft.py", "Raft._step_on_tick"):
        line = python.read(root, use.path).line(use.line)
        for kind in pb.MessageType:
            if f"pb.{kind.name})" in line:
                found.setdefault(kind.name, []).append(
                    (use.path, use.owner, use.line)
                )
    return found


def _types(
    value: ast.expr, source: python.Source, owner: str
) -> Iterator[tuple[str, int]]:
    """Yields the types that an expression may be, and where it says so."""
    for part in ast.walk(value):
        if isinstance(part, ast.Attribute):
            yield part.attr, part.lineno
        elif isinstance(part, ast.Name) and part.id == "vote_resp_msg_type":
            yield pb.MsgVoteResp.name, part.lineno
            yield pb.MsgPreVoteResp.name, part.lineno
        elif isinstance(part, ast.Name) and owner in source.symbols:
            # A local name that was given a type further up.
            given = re.compile(
                rf"\b{part.id}(?:, \w+)* = pb\.(Msg\w+)"
            )
            for n in source.symbol(owner).lines:
                for told in given.finditer(source.line(n)):
                    yield told[1], n


def _owner(source: python.Source, line: int) -> str:
    for symbol in source.symbols.values():
        if line in symbol.lines:
            return symbol.name
    return python.MODULE


def roles(letters: str) -> str:
    """Returns the tags of roles as HTML, or what is no role as it is."""
    if not letters.isupper():
        return letters
    return " ".join(
        f'<span class="wv-role-tag {one}" title="{ROLES[one]}">{one}</span>'
        for one in letters
    )


def make(desk: Desk) -> Iterator[str]:
    """Yields the table of messages, and one of the code."""
    yield "## What each one says"
    yield table(
        ("Message", "From", "To", "It says", "Kind"),
        (
            (
                f'<code id="{kind.name}">{kind.name}</code>',
                roles(WAYS[kind].start),
                roles(WAYS[kind].end),
                WAYS[kind].what,
                said(kind),
            )
            for kind in pb.MessageType
        ),
    )
    yield "## Where each one is made and handled"
    places = senders(desk.root)
    proto = facts.load()["raftpb/raft.proto"].items
    lines = {item.name: item for item in proto if item.kind == "member"}
    rows = []
    for kind in pb.MessageType:
        made = dict.fromkeys(
            desk.python(path, owner)
            for path, owner, _ in places.get(kind.name, [])
        )
        item = lines[kind.name]
        where = GoRange("raftpb/raft.proto", item.first, item.last)
        rows.append(
            (
                f"<code>{kind.name}</code>",
                "<br>".join(made),
                _handled(desk, kind),
                go([where], str(where).rpartition("/")[2]),
            )
        )
    heads = ("Message", "Made in", "Handled in, with the Go", "Number")
    yield table(heads, rows)


def said(kind: pb.MessageType) -> str:
    """Returns whether a type is local, and whether it is a response."""
    words = []
    if kind in LOCAL_MSGS:
        words.append("local")
    if kind in RESPONSE_MSGS:
        words.append("response")
    return ", ".join(words)


def _handled(desk: Desk, kind: pb.MessageType) -> str:
    source = python.read(desk.root, "port/raft.py")
    found = []
    for letters, names in handlers(kind).items():
        for name in names:
            symbol = source.symbol(name)
            link = desk.python(symbol.path, name)
            found.append(
                f"{roles(letters)} {link} {go(sources(symbol))}".strip()
            )
    if not found:
        return _elsewhere(desk, kind)
    return "<br>".join(found)


def _elsewhere(desk: Desk, kind: pb.MessageType) -> str:
    """Says who handles what raft does not."""
    if kind in (pb.MsgStorageAppend, pb.MsgStorageApply):
        return "the application"
    return code("-")
