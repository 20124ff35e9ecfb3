"""A node, a message, and what comes of it: asked of the learner and the port.

Each exercise has five situations. What is right is never written down: the
node is made, the message is stepped into the port, and what it does is the
answer. The line that decides is given as text of the port's code; a line
tracer sees to it, in the tests, that the port came by there.
"""

# ruff: noqa: ANN401  # Options and fields are passed on as they come.

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from labs.making import storage
from labs.runner.checking import Check, Trial, Wrong, check, say
from labs.runner.exercise import ROOT, Reading
from port import raftpb as pb
from port.errors import RaftError
from port.logger import discard_logger
from port.raft import Config, Raft, ReadOnlySafe
from port.storage import MemoryStorage
from port.types import NO_LIMIT

KEYS: Final = ("role", "term", "sends", "line")
SHAPES: Final = {
    "role": '"follower", "precandidate", "candidate" or "leader", in quotes',
    "term": "a number, without quotes",
    "sends": 'a list, as ["MsgVote to 1", "MsgVote to 3"], or []',
    "line": 'file and number in quotes, as "port/raft.py:1234"',
}
ROLES: Final = ("follower", "precandidate", "candidate", "leader")
_SENT: Final = re.compile(r"Msg[A-Z]\w+ to [1-9]|raises [A-Z]\w+")
_PLACE: Final = re.compile(r"\s*(port/)?\w+\.py\s*:\s*\d+\s*")
LETTERS: Final = ("a", "b", "c", "d", "e")

# How far a line may be off: a condition and what it leads to are neighbours.
NEAR: Final = 2

Step = Callable[[Raft], None]
Place = tuple[Callable[..., object], str]


class _Dice:
    """A random source that always says the same."""

    def intn(self, n: int) -> int:
        """Returns half of `n`: the timeout is 15 ticks then."""
        return n // 2


def node(
    terms: Sequence[int] = (1, 1, 1), *, term: int = 2, lead: int = 0,
    vote: int = 0, commit: int = 0, **options: Any,
) -> Raft:  # fmt: skip
    """Returns node 2 of 1, 2 and 3, a follower.

    Args:
        terms: Of the entries in its log, from index 1 on.
        term: The term it is in.
        lead: The leader it knows, if any.
        vote: Whom it has voted for in this term, if anybody.
        commit: Its commit index.
        options: For `Config`; an election timeout is 10 ticks at least.
    """
    store = storage(terms)
    store.set_hard_state(pb.HardState(term, vote, commit))
    settings: dict[str, Any] = {
        "election_tick": 10, "heartbeat_tick": 1, "max_inflight_msgs": 256,
        "max_size_per_msg": NO_LIMIT, "read_only_option": ReadOnlySafe,
        **options,
    }  # fmt: skip
    made = Raft(Config(
        id=2, storage=store, logger=discard_logger, rand=_Dice(), **settings
    ))  # fmt: skip
    if lead:
        made.become_follower(term, lead)
    return made


def candidate(terms: Sequence[int] = (1, 1, 1), **options: Any) -> Raft:
    """Returns node 2 as a candidate in term 3 that has its own vote."""
    made = node(terms, **options)
    made.become_candidate()
    made.poll(2, pb.MsgVoteResp, True)
    return made


def leader(terms: Sequence[int] = (1, 1, 1), **options: Any) -> Raft:
    """Returns node 2 as the leader of term 3; its disk has all it has."""
    made = node(terms, **options)
    made.become_candidate()
    made.become_leader()
    log = made.raft_log
    if isinstance(log.storage, MemoryStorage):
        log.storage.append(log.unstable.entries)
    log.stable_to(log.last_entry_id())
    made.trk.progress[2].maybe_update(log.last_index())
    made.msgs.clear()
    made.msgs_after_append.clear()
    return made


def has(raft: Raft, peer: int, match: int) -> Raft:
    """Lets a leader know that a peer has its log up to `match`."""
    pr = raft.trk.progress[peer]
    pr.become_probe()
    pr.maybe_update(match)
    pr.become_replicate()
    pr.next = raft.raft_log.last_index() + 1
    pr.recent_active = True
    return raft


def take(**fields: Any) -> Step:
    """Returns the step that takes a message to node 2."""

    def step(raft: Raft) -> None:
        raft.step(pb.Message(to=2, **fields))

    return step


def ticks(count: int) -> Step:
    """Returns the step that lets time pass."""

    def step(raft: Raft) -> None:
        for _ in range(count):
            raft.tick()

    return step


@dataclass(frozen=True, slots=True)
class Situation:
    """One situation.

    Attributes:
        words: What the sheet says of it.
        make: Makes the node.
        step: What happens to it.
        decides: The function of the port that decides, and text of its line.
        why: Said when the answer is not right.
        also: Further lines of which one may say the same.
    """

    words: str
    make: Callable[[], Raft]
    step: Step
    decides: Place
    why: str
    also: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """All lines that count as right, the one on the sheet first."""
        return (self.decides, *self.also)

    def place(self) -> tuple[str, int]:
        """Returns file and number of the line that decides."""
        return located(self.decides)

    def truth(self) -> dict[str, object]:
        """Asks the port."""
        raft = self.make()
        raft.msgs.clear()
        try:
            self.step(raft)
            raised = []
        except RaftError as error:
            raised = [f"raises {type(error).__name__}"]
        sent = [*raft.msgs, *raft.msgs_after_append]
        file, line = self.place()
        return {
            "role": str(raft.state).removeprefix("State").lower(),
            "term": raft.term,
            "sends": sorted(f"{m.type} to {m.to}" for m in sent) + raised,
            "line": f"{file}:{line}",
        }

    def came_by(self) -> bool:
        """Tells whether the port ran each line that is said to decide."""
        left: set[tuple[CodeType, int]] = set()
        for function, text in self.places:
            assert isinstance(function, FunctionType)
            left.add((function.__code__, located((function, text))[1]))
        codes = {code for code, _ in left}

        def local(frame: FrameType, event: str, arg: object) -> object:
            if event == "line":
                left.discard((frame.f_code, frame.f_lineno))
            return local

        def trace(
            frame: FrameType, event: str, arg: object
        ) -> Callable[..., object] | None:
            return local if frame.f_code in codes else None

        raft = self.make()
        before = sys.gettrace()
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            self.step(raft)
        except RaftError:
            pass
        finally:
            sys.settrace(before)
        return not left


def located(place: Place) -> tuple[str, int]:
    """Returns file and number of a line of the port.

    Raises:
        LookupError: the text does not stand in the function once.
    """
    function, text = place
    lines, first = inspect.getsourcelines(function)
    found = [i for i, line in enumerate(lines) if text in line]
    if len(found) != 1:
        raise LookupError(f"{text!r} stands there {len(found)} times")
    path = inspect.getsourcefile(function) or ""
    return path.removeprefix(f"{ROOT}/"), first + found[0]


def asked(situations: Sequence[Situation], reading: Reading) -> list[Check]:
    """Returns a check for each situation of a sheet."""

    def make(letter: str, situation: Situation) -> Check:
        @check(f"situation {letter}", reading)
        def ask(t: Trial) -> None:
            compare(t, letter, situation)

        return ask

    return [
        make(letter, situation)
        for letter, situation in zip(LETTERS, situations, strict=True)
    ]


def compare(t: Trial, letter: str, situation: Situation) -> None:
    """Compares one situation of a sheet with what the port does."""
    came = t.name(letter)
    truth = situation.truth()
    for key in KEYS:
        given = came.get(key) if isinstance(came, dict) else None
        t.called = f"{key} of [{letter}] in {t.file}: {situation.words}"
        blank = given is None or given == "?" or given == 0
        if blank and given != truth[key]:
            raise Wrong(
                "say it before you look it up: role, term, what is sent, and"
                " the line that decides",
                f"[{letter}] is not filled in yet", f"{key} = ...", t.called,
            )  # fmt: skip
        if type(given) is not type(truth[key]) or not readable(key, given):
            t.wrong(
                "it is not written as the grader reads it",
                f"{key} = {say(given)}", SHAPES[key],
            )  # fmt: skip
        if key == "sends" and isinstance(given, list):
            given = sorted(map(str, given))
        if key == "line":
            check_line(t, given, situation)
        elif given != truth[key]:
            t.wrong(situation.why, f"{key} = {say(given)}", "another answer")


def readable(key: str, given: object) -> bool:
    """Tells whether an answer is written as the sheet asks for it.

    A message to oneself may be forgotten; a message type that there is not,
    a role with a capital, a line without its number are slips of the pen, and
    are not to be told as if raft did otherwise.
    """
    if key == "role":
        return given in ROLES
    if key == "sends" and isinstance(given, list):
        return all(
            isinstance(one, str) and _SENT.fullmatch(one)
            and (one.startswith("raises") or hasattr(pb, one.split()[0]))
            for one in given
        )
    if key == "line":
        return _PLACE.fullmatch(str(given)) is not None
    return True


def check_line(t: Trial, given: object, situation: Situation) -> None:
    """Sees that the line is one that decides, or stands close by."""
    name, _, number = str(given).replace(" ", "").rpartition(":")
    name = f"port/{name.removeprefix('port/')}"
    came = int(number) if number.isdigit() else 0
    near = False
    for place in situation.places:
        file, line = located(place)
        if name == file and abs(came - line) <= NEAR:
            return
        lines, first = inspect.getsourcelines(place[0])
        near |= name == file and first <= came < first + len(lines)
    where = (
        "You are in the right function: which line of it takes this turn?"
        if near
        else "What is missing is the line at which the port takes this turn,"
        " as port/raft.py:123."
    )
    t.wrong(
        "role, term and what is sent are right."
        f" {situation.why} {where}",
        f"line = {say(given)}", "another line",
    )  # fmt: skip


def reasons(situations: Sequence[Situation]) -> str:
    """Returns why each situation ends as it does, for who has them right."""
    return "".join(
        f"\n\n{letter}. {situation.why}"
        for letter, situation in zip(LETTERS, situations, strict=True)
    )


def sheet(title: str, situations: Sequence[Situation], blank: bool) -> str:
    """Returns a sheet, empty or filled in as the port has it."""
    parts = [title]
    for letter, situation in zip(LETTERS, situations, strict=True):
        truth = situation.truth()
        lines = [f"# {line}" for line in wrapped(situation.words)]
        lines.append(f"[{letter}]")
        for key in KEYS:
            empty: object = 0 if key == "term" else "?"
            value = empty if blank else truth[key]
            lines.append(f"{key} = {toml(value)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def wrapped(words: str) -> list[str]:
    """Returns words in lines that fit."""
    return textwrap.wrap(words, 76)


def toml(value: object) -> str:
    """Returns a value as TOML has it."""
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
