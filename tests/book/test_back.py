"""What the build makes of code and data is true of the code and the data."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from book.weave import facts, pulls
from book.weave.back import (
    MAKERS,
    Desk,
    commands,
    config,
    controls,
    loglines,
    messages,
    sheet,
)
from book.weave.pages import Book
from book.weave.pins import pins
from book.weave.uses import index
from port import raftpb as pb
from port.raft import Config, Raft
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv
from tests.book.opening import ROOT

BOOK = Book()
DESK = Desk(BOOK, ())
LETTERS = {0: "F", 1: "C", 2: "L", 3: "P"}


def made(name: str) -> str:
    return "\n".join(MAKERS[name](DESK))


# ---- Messages ----------------------------------------------------------------


def test_every_type_has_a_way_and_somebody_who_makes_and_handles_it() -> None:
    assert list(messages.WAYS) == list(pb.MessageType)
    makers = messages.senders(ROOT)
    for kind in pb.MessageType:
        assert kind.name in makers, f"nobody makes {kind.name}"
        outside = kind in (pb.MsgStorageAppend, pb.MsgStorageApply)
        assert bool(messages.handlers(kind)) is not outside, kind.name


def test_nobody_sends_what_the_table_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: set[tuple[str, str]] = set()
    send: Callable[[Raft, pb.Message], None] = Raft.send

    def watched(self: Raft, m: pb.Message) -> None:
        sent.add(((m.type or pb.MsgHup).name, LETTERS[self.state]))
        send(self, m)

    monkeypatch.setattr(Raft, "send", watched)
    for file in sorted((ROOT / "book/scenarios").glob("*.txt")):
        env = InteractionEnv()
        for d in parse(file.read_text(encoding="utf-8"), file.name):
            env.handle(d)
    wrong = {
        (kind, role)
        for kind, role in sent
        if messages.WAYS[pb.MessageType[kind]].start.isupper()
        and role not in messages.WAYS[pb.MessageType[kind]].start
    }
    assert wrong == set()
    assert len({kind for kind, _ in sent}) >= 10


# ---- Configuration, log lines, names -----------------------------------------


def test_every_field_is_there_with_what_it_says_and_where_it_acts() -> None:
    fields = set(Config.__slots__)
    assert set(config.defaults()) == fields
    doc = Config.__doc__ or ""
    told = config.meanings(re.sub(r"(?m)^    ", "", doc))
    assert told.keys() == fields
    for name in fields:
        assert config.acts(ROOT, name), f"{name} acts nowhere"


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("step_down_on_removal", {"Raft.switch_to_config"}),
        ("disable_proposal_forwarding", {"follower_prop"}),
        ("rand", {"Raft.reset_randomized_election_timeout"}),
        (
            "heartbeat_tick",
            {"Config.validate", "Raft.tick_heartbeat"},
        ),
    ],
)
def test_a_field_acts_where_it_is_read(field: str, where: set[str]) -> None:
    assert {use.owner for use in config.acts(ROOT, field)} == where


def test_every_call_of_a_logger_is_found() -> None:
    found = list(loglines.find(ROOT))
    calls = re.compile(
        rf"logger\.(?:{'|'.join(loglines.LEVELS)})\(", re.MULTILINE
    )
    for path in ("port/raft.py", "port/log.py", "port/node.py"):
        text = (ROOT / path).read_text(encoding="utf-8")
        count = sum(line.path == path for line in found)
        assert count == len(calls.findall(text)), path
    line = next(n for n in found if "became leader" in n.text)
    assert (line.symbol, line.level) == ("Raft.become_leader", "info")


def test_every_function_of_the_go_is_in_the_table() -> None:
    table = made("correspondence")
    for file, known in facts.load().items():
        for item in known.items:
            if item.kind in ("func", "method", "type") and item.name != "_":
                span = f"#L{item.first}"
                assert f"{file}{span}" in table, f"{file}: {item.name}"


def test_every_row_of_the_ledger_is_on_its_page() -> None:
    page = made("divergences")
    text = (ROOT / "port/DIVERGENCES.md").read_text(encoding="utf-8")
    rows = [n for n in text.splitlines() if n.startswith("| `")]
    assert page.count("<tr><td>") == len(rows) > 40


# ---- Commands, sources, the sheet --------------------------------------------


def test_the_commands_are_those_that_there_are() -> None:
    names = [name for name, _, parser in commands.parsers() if parser]
    assert "port.rafttest" in names
    assert {"kv serve", "kv cluster", "kv status"} <= set(names)
    page = made("commands")
    assert "--peer-listen" in page
    assert "usage:" not in page


def test_every_mistake_has_its_row_and_says_how_it_was_found() -> None:
    page = made("controls")
    found = controls.read(ROOT)
    assert page.count("<tr>") == len(found) + len(controls.KINDS)
    for name, rows in found.items():
        assert f"{name}</code>" in re.sub("<wbr>", "", page)
        for way, row in rows.items():
            cell = controls._cell(rows, way)
            assert row["nemesis"] in unescape(cell)
        assert set(rows) <= set(controls.WAYS)
    assert "not looked for" in controls._cell({}, "sim")
    # What was found is told as it was, and as text.
    row = {
        "by": "chaos", "seeds": 2, "real_seconds": 1, "nemesis": "storm",
        "more": "--x 1", "finding": "a < b",
        "schedule": ["1.0  crash", "2.0  cut"],
    }  # fmt: skip
    cell = controls._cell({"chaos": row}, "chaos")
    assert "<code>storm</code> <code>--x 1</code>, 2 seeds, 1.0 seconds" in cell
    assert "a &lt; b" in cell
    assert "2 faults until then" in cell


def test_the_bibliography_has_all_that_is_known() -> None:
    page = made("bibliography")
    for name in BOOK.shelf.threads():
        assert f">{name}</a>" in page
    assert "hashicorp/raft v1.7.3" in page


def test_the_names_on_the_sheet_are_there() -> None:
    assert len(list(sheet.names(DESK))) == len(sheet.NAMES)


# ---- Who uses what, and what holds it ----------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "users"),
    [
        (
            "port/raft.py",
            "Raft.reset",
            {
                "Raft.become_follower",
                "Raft.become_candidate",
                "Raft.become_leader",
            },
        ),
        ("port/raft.py", "leader_prop", {"_LEADER"}),
        ("port/raft.py", "Raft.poll", {"candidate_vote_resp"}),
        ("port/log.py", "RaftLog.maybe_append", {"Raft.handle_append_entries"}),
        (
            "port/tracker/progress.py",
            "Progress.sent_entries",
            {"Raft.maybe_send_append"},
        ),
    ],
)
def test_who_uses_it(path: str, name: str, users: set[str]) -> None:
    found = index(ROOT).of(path, name)
    library = {u.owner for u in found if "rafttest" not in u.path}
    assert library == users


def test_a_promise_is_used_where_the_protocol_is() -> None:
    """The log asks a `Storage`; it is the one in memory that answers."""
    found = index(ROOT).of("port/storage.py", "MemoryStorage.term")
    assert "RaftLog.term" in {use.owner for use in found}


def test_the_tests_that_hold_a_function() -> None:
    walks = {str(w.symbol): w.symbol for w in BOOK.walks()}
    symbol = walks["port/raft.py Raft.handle_heartbeat"]
    found = {pin.name: pin.go for pin in pins(ROOT).of(symbol, [])}
    assert found["test_handle_heartbeat"] == "TestHandleHeartbeat"
    cited = "tests/x.py::test_cited"
    first = pins(ROOT).of(symbol, [cited])[0]
    assert (first.file, first.name) == ("tests/x.py", "test_cited")


def test_pull_requests_are_of_functions_that_there_are() -> None:
    items = facts.load()
    number = re.compile(r"(?:etcd|raft)#\d+")
    for file, names in pulls.load().items():
        known = {pulls.key(item) for item in items[file].items}
        assert names.keys() <= known, file
        for said in names.values():
            assert all(map(number.fullmatch, said))
    assert "etcd#2461" in pulls.shaped("raft.go", 781, 810)
    assert "etcd#6624" in pulls.shaped("raft.go", 917, 931)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_maker_has_its_page(name: str) -> None:
    asked = [g.name for page in BOOK.pages for g in page.generated]
    assert asked.count(name) == 1
