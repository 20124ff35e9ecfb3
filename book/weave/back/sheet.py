"""The cheat sheet: two pages of A4 that one may pin up.

Roles, messages and names come from the same tables as everywhere else. The
order of a `Ready` is that of `kv/drive.py`, in few words; the names of the
table on the right are looked up in the facts and in the port, so that none
can be gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from book.weave.back.desk import Desk, said
from book.weave.back.messages import WAYS, roles
from book.weave.counterparts import Ref, read_port
from book.weave.roles import EDGES, ROLES, svg
from port import raftpb as pb
from port.util import LOCAL_MSGS, RESPONSE_MSGS

# What an application does with a `Ready`, and why not earlier.
READY = (
    ("requests", "Send what promises nothing: `MsgApp`, `MsgVote`, "
     "`MsgHeartbeat`. All disks then work at the same time."),
    ("snapshot", "Store it. The entries follow upon it."),
    ("hard_state, entries", "Store term, vote and commit, and the entries; "
     "wait for the disk if `must_sync`."),
    ("promises", "Only now send `MsgAppResp`, `MsgVoteResp`, "
     "`MsgPreVoteResp`: they say that the above is stored."),
    ("snapshot", "Put it into the state machine, now that it is stored."),
    ("committed_entries", "Apply them in order. Of a change of members tell "
     "raft with `apply_conf_change`."),
    ("read_states", "Answer reads whose index is applied."),
    ("advance", "Say that all of it is done. Raft may then count this "
     "node's own copy."),
)  # fmt: skip

RULES = (
    ("Quorum", "n // 2 + 1 of n voters; in a joint configuration, of the old "
     "and of the new ones."),
    ("On disk first", "Term, vote and entries, before anybody is told."),
    ("Vote", "One a term, and only for a log that is at least as up to date: "
     "a higher last term, or the same and no shorter."),
    ("Append", "Fits if the entry before it is there with the same term."),
    ("Commit", "An entry of the leader's own term on a quorum of disks, and "
     "with it all before it."),
    ("Higher term", "Take it over and follow. Pre-votes alone do not count."),
    ("Timeout", "From one to two times `election_tick`, drawn anew with each "
     "role."),
    ("Check-quorum", "A leader that hears from no quorum for an election "
     "timeout steps down; who has heard from one within that time gives no "
     "vote."),
    ("Progress", "`Probe`: one append, then wait. `Replicate`: a window of "
     "appends. `Snapshot`: nothing until it is stored."),
    ("Read", "Note the commit index, have a quorum answer a heartbeat, wait "
     "until that index is applied."),
)  # fmt: skip

# The names that one looks for most, as the Go has them: file and name.
NAMES = (
    ("raft.go", "newRaft"),
    ("raft.go", "Step"),
    ("raft.go", "stepLeader"),
    ("raft.go", "stepCandidate"),
    ("raft.go", "stepFollower"),
    ("raft.go", "tickElection"),
    ("raft.go", "tickHeartbeat"),
    ("raft.go", "becomeFollower"),
    ("raft.go", "becomePreCandidate"),
    ("raft.go", "becomeCandidate"),
    ("raft.go", "becomeLeader"),
    ("raft.go", "reset"),
    ("raft.go", "hup"),
    ("raft.go", "campaign"),
    ("raft.go", "poll"),
    ("raft.go", "appendEntry"),
    ("raft.go", "maybeSendAppend"),
    ("raft.go", "bcastAppend"),
    ("raft.go", "handleAppendEntries"),
    ("raft.go", "maybeCommit"),
    ("raft.go", "bcastHeartbeat"),
    ("raft.go", "handleHeartbeat"),
    ("raft.go", "handleSnapshot"),
    ("raft.go", "restore"),
    ("raft.go", "applyConfChange"),
    ("raft.go", "switchToConfig"),
    ("raft.go", "sendTimeoutNow"),
    ("raft.go", "responseToReadIndexReq"),
    ("log.go", "maybeAppend"),
    ("log.go", "findConflictByTerm"),
    ("log.go", "isUpToDate"),
    ("log.go", "commitTo"),
    ("log_unstable.go", "truncateAndAppend"),
    ("rawnode.go", "Ready"),
    ("rawnode.go", "Advance"),
    ("node.go", "run"),
    ("tracker/progress.go", "MaybeDecrTo"),
    ("tracker/progress.go", "SentEntries"),
    ("tracker/tracker.go", "Committed"),
    ("quorum/majority.go", "CommittedIndex"),
    ("quorum/joint.go", "VoteResult"),
    ("confchange/confchange.go", "EnterJoint"),
    ("confchange/confchange.go", "LeaveJoint"),
)


def make(desk: Desk) -> Iterator[str]:
    """Yields two sections, a sheet of paper each."""
    yield (
        '<section class="wv-sheet"><h2 id="roles-and-rules">Roles, rules, '
        "and a Ready</h2>"
        f'<div class="wv-sheet-roles">{svg()}</div>'
        '<div class="wv-sheet-cols">'
        f"<div><h3>Ways</h3>{_edges(desk)}</div>"
        f"<div><h3>A Ready, in order</h3>{_ready()}</div></div>"
        f"<h3>Rules</h3>{_rules()}</section>"
    )
    yield (
        '<section class="wv-sheet"><h2 id="messages-and-names">Messages and '
        f"names</h2><h3>Messages</h3>{_messages()}"
        f'<h3>Go and Python</h3><div class="wv-sheet-names">{_names(desk)}'
        "</div></section>"
    )


def _edges(desk: Desk) -> str:
    rows = []
    doors = {role.letter: role.door for role in ROLES}
    for edge in EDGES:
        way = f"{roles(edge.start)}&nbsp;→&nbsp;{roles(edge.end)}"
        why = " ".join(edge.causes)
        rows.append(f"<tr><td>{way}</td><td>{escape(why)}</td></tr>")
    named = ", ".join(
        f"{roles(letter)} {desk.python('port/raft.py', door)}"
        for letter, door in doors.items()
    )
    return f"<table><tbody>{''.join(rows)}</tbody></table><p>{named}</p>"


def _ready() -> str:
    items = "".join(
        f"<li><b>{escape(what)}.</b> {said(why)}</li>" for what, why in READY
    )
    return f"<ol>{items}</ol>"


def _rules() -> str:
    items = "".join(
        f"<li><b>{escape(what)}.</b> {said(rule)}</li>"
        for what, rule in RULES
    )
    return f"<ul>{items}</ul>"


def _messages() -> str:
    rows = []
    for kind in pb.MessageType:
        way = WAYS[kind]
        marks = "".join(
            mark
            for mark, kinds in (("·", LOCAL_MSGS), ("↩", RESPONSE_MSGS))
            if kind in kinds
        )
        rows.append(
            f"<tr><td><code>{kind.name}</code> {marks}</td>"
            f"<td>{_short(way.start)} → {_short(way.end)}</td>"
            f"<td>{way.what.partition(';')[0]}</td></tr>"
        )
    return (
        f"<table><tbody>{''.join(rows)}</tbody></table>"
        "<p>· local &nbsp; ↩ response &nbsp; all: any role</p>"
    )


def _short(end: str) -> str:
    return "all" if end == "FPCL" else " ".join(end) if end.isupper() else end


def names(desk: Desk) -> Iterator[tuple[str, str, Ref]]:
    """Yields the file, the name and its first counterpart of each name."""
    refs = read_port(desk.root / "port")[0]
    for file, name in NAMES:
        found = next(r for r in refs if r.file == file and r.name == name)
        yield file, name, found


def _names(desk: Desk) -> str:
    rows = []
    last = ""
    for file, name, ref in names(desk):
        if file != last:
            rows.append(f'<tr><th colspan="2">{escape(file)}</th></tr>')
        last = file
        python = ref.symbol.rpartition(".")[2]
        if python == "__init__":
            python = ref.symbol.rpartition(".")[0]
        href = desk.walk(ref.path, ref.symbol)
        shown = f"<code>{escape(python)}</code>"
        if href:
            shown = f'<a href="{href}">{shown}</a>'
        rows.append(
            f"<tr><td><code>{escape(name)}</code></td><td>{shown}</td></tr>"
        )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"
