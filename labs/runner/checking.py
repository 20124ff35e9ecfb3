"""What checks are written with.

A check looks at one thing, from outside: it calls what the brief names and
compares what comes with what must come. When it fails it says so in words:
what was called, what came, what was expected, why that matters, and where the
book explains it. So each check is written for somebody who has just made that
mistake.

    @check("a key that was put is got back", COMMIT)
    def put_and_get(t: Trial) -> None:
        machine = t.spy(t.name("Machine")(), "machine")
        machine.apply(1, put(b"k", b"v"))
        t.same(machine.apply(2, get(b"k")), Result(Status.OK, b"v"),
               "what one client wrote, all must read")
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

from kv.commands import Command, Op, Result, Status, When
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.read_only import ReadState
from port.types import Ready

T = TypeVar("T")
_KINDS: Final[dict[type, str]] = {
    bool: "true or false, without quotes",
    int: "a whole number, without quotes",
    float: "a number with a point, without quotes",
    str: "text, in double quotes",
    list: "a list in brackets, as [1, 2]",
}
LONGEST: Final = 48  # bytes or characters of a value that are shown


class Wrong(Exception):
    """Something is not as it must be.

    Attributes:
        called: What was called, as one would type it.
        came: What came of it.
        expected: What should have come.
        why: Why that matters.
    """

    def __init__(
        self, why: str, came: str = "", expected: str = "", called: str = ""
    ) -> None:
        super().__init__(why)
        self.why = why
        self.came = came
        self.expected = expected
        self.called = called


class Check(NamedTuple):
    """One check.

    Attributes:
        title: What must be so, as half a sentence.
        reading: Where the book explains it.
        run: Raises `Wrong` if it is not so.
    """

    title: str
    reading: Reading
    run: Callable[[Trial], None]


def check(
    title: str, reading: Reading
) -> Callable[[Callable[[Trial], None]], Check]:
    """Makes a check of a function; see the module's first lines."""

    def make(run: Callable[[Trial], None]) -> Check:
        return Check(title, reading, run)

    return make


class Trial:
    """The learner's file, while it is checked.

    Attributes:
        found: The module; for an answer sheet, what stands in it.
        file: Its name, for people.
        folder: Where it lies, and what the learner has beside it.
        called: What was called last, as one would type it.
        why: Why it matters what comes of it; for when it raises.
    """

    def __init__(self, found: object, path: Path) -> None:
        self.found = found
        self.file = f"labs/work/{path.name}"
        self.folder = path.parent
        self.called = ""
        self.why = ""

    def name(self, name: str) -> Any:  # noqa: ANN401  # The learner's own.
        """Returns what the file defines under a name."""
        there = self.found
        found = (
            there.get(name, _NOTHING) if isinstance(there, dict)
            else getattr(there, name, _NOTHING)
        )  # fmt: skip
        if found is _NOTHING:
            raise Wrong(
                f"`{name}` is what the brief and the checks call it.",
                f"{self.file} defines no `{name}`", f"`{name}`",
            )  # fmt: skip
        return found

    def answer(self, name: str, expected: object, why: str) -> None:
        """Sees that an answer sheet has the right answer under a name.

        What is right is not told: it is for the learner to find.
        """
        came = self.name(name)
        self.called = f"{name} in {self.file}"
        blank = type(came) is not bool and came in (0, "", "?", [])
        if blank and came != expected:
            self.wrong(
                f"it is not filled in yet. To find it: {why}",
                f"{name} = {say(came)}, as it came", "what you have seen",
            )  # fmt: skip
        if kind := _another_kind(came, expected):
            self.wrong(
                "it is written in another way than `check` reads it",
                f"{name} = {say(came)}", kind,
            )  # fmt: skip
        if isinstance(expected, list) and isinstance(came, list):
            came, expected = sorted(came), sorted(expected)
        if came != expected:
            self.wrong(why, f"{name} = {say(came)}", "another answer")

    def spy(self, what: object, name: str) -> Any:  # noqa: ANN401
        """Returns a stand-in that notes which method is called with what."""
        return _Spy(self, what, name)

    def call(
        self, name: str, function: Callable[..., T], *args: object
    ) -> T:
        """Calls a function, having noted with what."""
        self.called = f"{name}({', '.join(map(say, args))})"
        return function(*args)

    def same(self, came: object, expected: object, why: str) -> None:
        """Sees that what came is what was expected."""
        if came != expected or type(came) is not type(expected):
            self.wrong(why, say(came), say(expected))

    def holds(
        self, condition: object, why: str, came: str, expected: str = ""
    ) -> None:
        """Sees that a condition holds."""
        if not condition:
            self.wrong(why, came, expected)

    def wrong(self, why: str, came: str = "", expected: str = "") -> NoReturn:
        """Says what is wrong, with what was called last."""
        raise Wrong(why, came, expected, self.called)

    def raises(
        self, kind: type[BaseException], work: Callable[[], object], why: str
    ) -> BaseException:
        """Sees that something raises, and returns what it raised."""
        try:
            came = work()
        except kind as error:
            return error
        self.wrong(why, f"{say(came)} (nothing was raised)", kind.__name__)

    async def araises(
        self, kind: type[BaseException], work: Callable[[], Any], why: str
    ) -> BaseException:
        """Does the same with something to be awaited."""
        try:
            came = await work()
        except kind as error:
            return error
        self.wrong(why, f"{say(came)} (nothing was raised)", kind.__name__)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end."""
        return asyncio.run(coroutine)


class _Spy:
    """Notes what is called, and passes it on."""

    def __init__(self, trial: Trial, what: object, name: str) -> None:
        self._trial = trial
        self._what = what
        self._name = name

    def __getattr__(self, name: str) -> object:
        found = getattr(self._what, name)
        if not callable(found):
            return found

        def passed_on(*args: object, **more: object) -> object:
            given = [say(a) for a in args]
            given += [f"{key}={say(value)}" for key, value in more.items()]
            self._trial.called = f"{self._name}.{name}({', '.join(given)})"
            return found(*args, **more)

        return passed_on


_NOTHING: Final = object()


def _another_kind(came: object, expected: object) -> str:
    """Says how an answer is to be written; nothing if it is written so."""
    if type(came) is not type(expected):
        return _KINDS.get(type(expected), type(expected).__name__)
    if isinstance(came, list) and isinstance(expected, list) and expected:
        kind = type(expected[0])
        if any(type(one) is not kind for one in came):
            return f"a list, and in it each time {_KINDS[kind]}"
    return ""


def say(what: object) -> str:
    """Returns a value as one would type it, or shorter."""
    if isinstance(what, bytes | bytearray | str):
        whole = repr(what)
        if len(whole) <= LONGEST:
            return whole
        return f"{what[: LONGEST // 2]!r}... ({len(what)} in all)"
    if isinstance(what, Command):
        return _say_command(what)
    if isinstance(what, Result):
        return f"Result({what.status.name}, {say(what.value)})"
    if isinstance(what, pb.Entry):
        kind = "" if not what.type else f", {what.type}"
        return (
            f"entry {what.index} of term {what.term}{kind}: {say(what.data)}"
        )
    if isinstance(what, pb.HardState):
        return (
            f"HardState(term={what.term or 0}, vote={what.vote or 0},"
            f" commit={what.commit or 0})"
        )
    if isinstance(what, pb.SnapshotMetadata):
        return f"snapshot of index {what.index}, term {what.term}"
    if isinstance(what, Enum):
        return what.name
    if isinstance(what, Ready):
        there = [
            f"{name}={say(value)}"
            for name in Ready.__slots__
            if (value := getattr(what, name))
        ]
        return f"Ready({', '.join(there)})"
    if isinstance(what, ReadState):
        return f"ReadState({what.index}, {say(what.request_ctx)})"
    if type(what) in (list, tuple):
        inside = [say(item) for item in what[:8]]  # type: ignore[index]
        if len(what) > 8:  # type: ignore[arg-type]
            inside.append(f"... ({len(what)} in all)")  # type: ignore[arg-type]
        return f"[{', '.join(inside)}]"
    whole = repr(what)
    if " at 0x" in whole:  # Where it lies in memory tells nobody anything.
        named = getattr(what, "__name__", type(what).__name__)
        return f"<{named.strip('<>')}>"
    return whole if len(whole) <= 160 else f"{whole[:150]}..."


def _say_command(command: Command) -> str:
    op = command.op
    value = say(command.value)
    match op:
        case Op.PUT:
            inside = f"{say(command.key)}, {value}"
            if command.when is not When.ALWAYS:
                inside += f", When.{command.when.name}"
        case Op.APPEND:
            inside = f"{say(command.key)}, {value}"
        case Op.CAS:
            inside = f"{say(command.key)}, {say(command.expected)}, {value}"
        case Op.DELETE | Op.EXISTS:
            inside = ", ".join(map(say, command.keys))
        case Op.LIST:
            inside = f"{say(command.key)}, after={say(command.after)}"
            inside += f", limit={command.limit}"
        case Op.OPEN_SESSION:
            inside = ""
        case Op.CLOSE_SESSION:
            return f"close_session({command.client})"
        case _:
            inside = say(command.key)
    name = "list_keys" if op is Op.LIST else op.name.lower()
    text = f"{name}({inside})"
    if command.client:
        text += f" of session {command.client}, number {command.sequence}"
    return text


def answer(value: object, status: Status = Status.OK) -> Result:
    """Makes an answer to compare with."""
    return Result(status, value)  # type: ignore[arg-type]
