"""What 5.5 must do: rows that are true, and that notice mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from labs.bugs.planting import Edit
from labs.making import Counted, entries, log_of, progress
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port.errors import RaftPanic
from port.log import RaftLog
from port.quorum import MajorityConfig
from port.tracker import Progress, StateProbe, StateReplicate
from port.types import EntryID, LogSlice

LOG = Reading("log.md", "The log")
BACK = Reading("failover.md#two-kinds-of-tail", "Two kinds of tail")
COUNT = Reading("quorum.md", "Enough of them")
PROBE = Reading("tracker.md", "What a leader knows")

Row = Sequence[Any]


class Table(NamedTuple):
    """A function, how a row is put to it, and its mutants.

    Attributes:
        name: What the learner's list is called.
        given: How many items of a row go in.
        shape: What a row holds.
        ask: What comes out, for what goes in: the rest of the row.
        mutants: Mistakes, each a sentence and the change to the port.
    """

    name: str
    given: int
    shape: str
    ask: Callable[..., tuple[object, ...]]
    mutants: tuple[tuple[str, Edit], ...]


def find(terms: Row, index: int, term: int) -> tuple[object, ...]:
    return (log_of(terms).find_conflict_by_term(index, term),)


def append(
    terms: Row, commit: int, before: Row, new: Row, leader_commit: int
) -> tuple[object, ...]:
    log = log_of(terms, committed=commit)
    index, term = before
    sent = LogSlice(
        term=max([term, *new], default=term), prev=EntryID(term, index),
        entries=entries(index + 1, new),
    )  # fmt: skip
    last = log.maybe_append(sent, leader_commit)
    after = tuple(e.term or 0 for e in log.all_entries())
    return last, after, log.committed


def count(acked: Row) -> tuple[object, ...]:
    heard = {i: a for i, a in enumerate(acked, 1) if a is not None}
    voters = MajorityConfig(range(1, len(acked) + 1))
    return (voters.committed_index(Counted(heard)),)


def step_back(
    state: str, match: int, following: int, rejected: int, hint: int
) -> tuple[object, ...]:
    states = {"probe": StateProbe, "replicate": StateReplicate}
    pr = progress(states[state], match, following)
    return pr.maybe_decr_to(rejected, hint), pr.next


def edits(
    function: Callable[..., object], *mutants: tuple[str, str, str]
) -> tuple[tuple[str, Edit], ...]:
    return tuple((why, Edit(function, a, b)) for why, a, b in mutants)


FIND: Final = Table(
    "FIND_CONFLICT_BY_TERM", 3, "(log, index, term, (index, term))", find,
    edits(
        RaftLog.find_conflict_by_term,
        ("only an equal term counts as possible",
         "our_term <= term", "our_term == term"),
        ("the term that was asked about is returned, and not ours",
         "return index, our_term", "return index, term"),
        ("where our log has no entry, nothing is said to agree",
         "return index, 0", "return 0, 0"),
        ("entry 1 is never looked at", "while index > 0", "while index > 1"),
        ("every other entry is passed over", "index -= 1", "index -= 2"),
        ("where nothing agrees, it says 1", "return 0, 0", "return 1, 0"),
    ),
)  # fmt: skip
APPEND: Final = Table(
    "MAYBE_APPEND", 5,
    "(log, commit, (index, term), new, leader's commit, last, log, commit)",
    append,
    edits(
        RaftLog.maybe_append,
        ("what does not fit is taken all the same",
         "if not self.match_term(a.prev):", "if False:"),
        ("it commits as far as the leader says, whatever was sent",
         "min(committed, last_new_index)",
         "min(committed, self.last_index())"),
        ("it commits all that it was sent",
         "min(committed, last_new_index)", "last_new_index"),
        ("the commit index stays where it was",
         "self.commit_to(min(committed, last_new_index))", "pass"),
        ("an append that holds nothing new shortens the log",
         "conflict = self.find_conflict(a.entries)",
         "conflict = a.prev.index + 1 if a.entries else 0"),
        ("it appends from the first entry sent, not from the first that"
         " differs",
         "self.append(a.entries[start:])", "self.append(a.entries)"),
        ("it answers with the end of its log, not of what was sent",
         "return last_new_index", "return self.last_index()"),
    ),
)  # fmt: skip
COUNTS: Final = Table(
    "COMMITTED_INDEX", 1, "(how far each voter has come, index)", count,
    edits(
        MajorityConfig.committed_index,
        ("half of the voters are enough", "n - (n // 2 + 1)", "n // 2"),
        ("one voter is enough", "n - (n // 2 + 1)", "n - 1"),
        ("all voters are needed", "n - (n // 2 + 1)", "0"),
        ("the order is that of the voters", "indexes.sort()", "pass"),
        ("who was not heard of has entry 1",
         "acked_index(voter_id) or 0", "acked_index(voter_id) or 1"),
        ("without voters nothing is committed", "return INFINITY",
         "return 0"),
    ),
)  # fmt: skip
DECR: Final = Table(
    "MAYBE_DECR_TO", 5, "(state, match, next, rejected, hint, genuine, next)",
    step_back,
    edits(
        Progress.maybe_decr_to,
        ("while replicating, a refusal at match is believed",
         "rejected <= self.match", "rejected < self.match"),
        ("while replicating, it goes back by one only",
         "self.next = self.match + 1\n", "self.next = self.next - 1\n"),
        ("while probing, any refusal is believed",
         "if self.next - 1 != rejected:", "if False:"),
        ("while probing, the hint may move next forward",
         "min(rejected, match_hint + 1)", "match_hint + 1"),
        ("while probing, the hint is not used",
         "min(rejected, match_hint + 1)", "rejected"),
        ("while probing, the entry that may agree is sent again",
         "match_hint + 1)", "match_hint)"),
        ("while probing, next falls below match",
         "max(min(rejected, match_hint + 1), self.match + 1)",
         "min(rejected, match_hint + 1)"),
    ),
)  # fmt: skip


def true_rows(t: Trial, table: Table, rows: object) -> list[Row]:
    """Sees that rows have their shape, and are true of the port."""
    found: list[Row] = []
    name = table.name
    if not isinstance(rows, list):
        t.wrong("the table is a list of rows", say(rows), f"{name} = [...]")
    for number, row in enumerate(rows, 1):
        t.called = f"row {number} of {name}: {row!r}"
        wanted = table.shape.count(",") + 1 - (table.name == FIND.name) - (
            table.name == APPEND.name
        )
        if not isinstance(row, tuple) or len(row) != wanted:
            t.wrong("a row is a tuple of this shape", repr(row), table.shape)
        came = outcome(table, row)
        if isinstance(came, RaftPanic):
            t.wrong("here raft stops for good, as this can only come from a"
                    " mistake elsewhere. A row is about what can happen",
                    f"RaftPanic: {came}")  # fmt: skip
        if isinstance(came, Exception):
            t.wrong("the port cannot be asked this", str(came), table.shape)
        t.same(came, tuple(row[table.given :]),
               "what came is what the port does, and it is right; what was"
               " expected is what your row says")  # fmt: skip
        found.append(row)
    return found


def outcome(table: Table, row: Row) -> object:
    """What comes out for a row: a tuple, or what was raised."""
    try:
        return table.ask(*row[: table.given])
    except (RaftPanic, KeyError, TypeError, ValueError, IndexError) as error:
        return error


def notices(table: Table, rows: list[Row]) -> bool:
    """Whether some row comes out otherwise than it says."""
    return any(
        outcome(table, row) != tuple(row[table.given :]) for row in rows
    )


def caught(t: Trial, table: Table, rows: object) -> None:
    """Sees that the rows notice every mutant."""
    true = true_rows(t, table, rows)
    missed = []
    for mistake, edit in table.mutants:
        with edit.made():
            if not notices(table, true):
                missed.append(mistake)
    rows_are = "1 row" if len(true) == 1 else f"{len(true)} rows"
    t.called = f"{table.name}, {rows_are}"
    total = len(table.mutants)
    t.holds(
        not missed,
        "a row is missing. Think of what goes in such that this mistake makes"
        " a difference in what comes out",
        f"your rows caught {total - len(missed)} of {total} planted mistakes."
        f" Not this one: {missed[0] if missed else ''}",
        f"{total} of {total}",
    )


@check("the rows of FIND_CONFLICT_BY_TERM notice all mistakes", BACK)
def find_rows(t: Trial) -> None:
    caught(t, FIND, t.name("FIND_CONFLICT_BY_TERM"))


@check("the rows of MAYBE_APPEND notice all mistakes", LOG)
def append_rows(t: Trial) -> None:
    caught(t, APPEND, t.name("MAYBE_APPEND"))


@check("the rows of COMMITTED_INDEX notice all mistakes", COUNT)
def count_rows(t: Trial) -> None:
    caught(t, COUNTS, t.name("COMMITTED_INDEX"))


@check("the rows of MAYBE_DECR_TO notice all mistakes", PROBE)
def decr_rows(t: Trial) -> None:
    caught(t, DECR, t.name("MAYBE_DECR_TO"))


CHECKS = [find_rows, append_rows, count_rows, decr_rows]
