r"""Reading histories: from lines of JSON to operations that can be judged.

An event a line, close to Jepsen's form:

    {"index": 0, "time": 17, "process": 0, "type": "invoke", "f": "put",
     "key": "k", "value": 5}

`type` is `invoke`, then for the same process `ok` (it happened), `fail`
(it certainly did not) or `info` (nobody knows). `time` is nanoseconds of
one monotonic clock, the one of the process that ran the clients. A `cas`
has the value `[old, new]`, and its `ok` event says whether it `swapped`
and, where the store told it, which `actual` value stood there. Keys of an
event that are not named here are ignored.

Normalising makes of this what history.py describes:

1. Reads that failed or whose outcome is unknown tell nothing: dropped.
2. Writes that certainly failed did not happen: dropped.
3. A `cas` that mismatched *was executed*, and read something: it stays, as
   a read of the actual value, or of anything but the expected one. (One
   that failed was not executed: rule 2.)
4. A write of unknown outcome is optional and never returns. The same goes
   for one that was still open when the history ended. Its client goes on
   under another name: process 3 becomes 3'1, then 3'2.
5. Keys are independent, so operations are sorted by key as they come.

A history that cannot be true is refused, with file, line and reason,
because a verdict on it would mean nothing: a return without a call, time
that goes backward, two operations open in one process, an unknown function.

Faults are for the picture only, and have a line each,

    {"type": "fault", "time": 5, "f": "partition", "value": "1 | 2 3",
     "until": 9}

where `f` is partition, crash, clock, pause or election. Instead of `until`
there may be two lines, with `"phase": "begin"` and `"phase": "end"`; the
second ends the latest open fault of the same `f` and `value`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from pathlib import Path

from kv.lincheck import importers
from kv.lincheck.history import (
    APPEND,
    CAS,
    FUNCTIONS,
    GET,
    LIE,
    MISS,
    NEVER,
    PUT,
    UNTOLD,
    Fault,
    History,
    HistoryError,
    KeyHistory,
    Operation,
)
from kv.lincheck.values import Value, freeze, thaw

Event = dict[str, object]
Told = Callable[[int], None]

_DROPPED = 255  # the kind of a slot whose operation tells nothing
_LABEL = {name: i for i, name in enumerate(FUNCTIONS)}
_BLANK = {"get": _DROPPED, "put": PUT, "append": APPEND, "cas": CAS}
_BLANK["delete"] = PUT
_STORE = frozenset(FUNCTIONS)


def read_history(
    path: str | Path,
    functions: frozenset[str] | None = None,
    told: Told | None = None,
) -> History:
    """Read a file, of whichever of the three forms it has.

    Args:
        path: JSON lines, a Jepsen log of a register, or events of
            Porcupine's string store; the first line tells which.
        functions: The functions of another model; None for a store's.
        told: Called now and then with the number of lines read so far.

    Returns:
        The normalised history.

    Raises:
        HistoryError: The history cannot be true, or is no history.
        OSError: The file cannot be read.
    """
    name = str(path)
    with open(path, encoding="utf-8") as lines:
        try:
            return parse(name, lines, functions, told)
        except UnicodeDecodeError:
            raise HistoryError(name, 0, "this is no text in UTF-8") from None


def parse(
    name: str,
    lines: Iterable[str],
    functions: frozenset[str] | None = None,
    told: Told | None = None,
) -> History:
    """Read a history from lines of text; see `read_history`."""
    rest = iter(lines)
    first = next((line for line in rest if line.strip()), None)
    # Blank lines before the first shift the numbers; nobody writes them.
    everything = _chain(first, rest)
    normaliser = Normaliser(name, functions)
    joined = False
    if first is None:
        return normaliser.done()
    if importers.is_jepsen(first):
        events = importers.jepsen(name, everything)
        normaliser.history.unit = "event"
    elif importers.is_porcupine(first):
        events, joined = importers.porcupine(name, everything)
        normaliser.history.unit = "event"
    else:
        events = _json_events(name, everything)
    feed = normaliser.feed
    for number, event in events:
        feed(number, event)
        if told is not None and not number % 50_000:
            told(number)
    history = normaliser.done()
    history.joined = joined
    return history


def _chain(first: str | None, rest: Iterator[str]) -> Iterator[str]:
    if first is not None:
        yield first
    yield from rest


def _json_events(
    name: str, lines: Iterable[str]
) -> Iterator[tuple[int, Event]]:
    loads = json.JSONDecoder(parse_constant=_no_constant).decode
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = loads(line)
        except ValueError as error:
            raise HistoryError(name, number, f"not JSON: {error}") from None
        if not isinstance(event, dict):
            raise HistoryError(name, number, "an event is a JSON object")
        yield number, event


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON value")


class Normaliser:
    """Pairs calls with returns and drops what tells nothing.

    Args:
        name: The file, for error messages.
        functions: The functions of another model; None for a store's.
    """

    def __init__(
        self, name: str, functions: frozenset[str] | None = None
    ) -> None:
        self.history = History(name)
        self._functions = _STORE if functions is None else functions
        self._columns = functions is None
        self._clock = -1
        self._events = 0
        self._line = 0
        # process -> (function, key, where the operation is, its argument)
        self._open: dict[object, tuple[str, Value, int, Value]] = {}
        self._names: dict[object, str] = {}
        self._renamed: dict[object, int] = {}
        self._faults: dict[tuple[str, str], Fault] = {}

    def feed(self, line: int, event: Event) -> None:
        """Take the next event.

        Args:
            line: Its line, for error messages.
            event: The event, as in the head of this module.

        Raises:
            HistoryError: The event cannot follow those before it.
        """
        self._line = line
        time = event.get("time")
        if type(time) is not int:
            raise self._bad(f"time is {time!r}, not whole nanoseconds")
        if time < self._clock:
            raise self._bad(f"time goes back from {self._clock} to {time}")
        if time < 0:
            raise self._bad(f"time is {time}, before the clock began")
        self._clock = time
        kind = event.get("type")
        if kind == "fault":
            self._fault(event, time)
            return
        number = self._events
        self._events += 1
        process = event.get("process")
        if type(process) is not int and type(process) is not str:
            raise self._bad(f"process is {process!r}, no number or name")
        f = event.get("f")
        if f not in self._functions or not isinstance(f, str):
            names = ", ".join(sorted(self._functions))
            raise self._bad(f"unknown function {f!r}; there are {names}")
        if kind == "invoke":
            if process in self._open:
                raise self._bad(f"process {process} has two operations open")
            if process not in self._names:
                self._names[process] = sys.intern(str(process))
            key = freeze(event.get("key"))
            argument = freeze(event.get("value"))
            if self._columns:
                slot = self._invoke(number, process, f, key, argument, time)
            else:
                slot = self._invoke_object(
                    number, process, f, key, argument, time
                )
            self._open[process] = f, key, slot, argument
            return
        if kind != "ok" and kind != "fail" and kind != "info":
            raise self._bad(f"unknown type {kind!r}")
        called = self._open.pop(process, None)
        if called is None:
            raise self._bad(f"process {process} returns, but called nothing")
        asked, key, slot, argument = called
        if asked != f:
            raise self._bad(f"process {process} called {asked}, not {f}")
        if "key" in event and freeze(event["key"]) != key:
            raise self._bad(f"process {process} called on another key")
        if kind == "info":
            times = self._renamed.get(process, 0) + 1
            self._renamed[process] = times
            self._names[process] = sys.intern(f"{process}'{times}")
        elif self._columns:
            part = self.history.keys[key]
            if kind == "fail":
                part.kind[slot] = _DROPPED
            else:
                self._ok(part, slot, f, argument, event, time)
        else:
            self._ok_object(slot, kind, event, time)

    def done(self) -> History:
        """Drop what told nothing and hand out the history."""
        history = self.history
        for part in history.keys.values():
            _squeeze(part)
        empty = [key for key, part in history.keys.items() if not len(part)]
        for key in empty:
            del history.keys[key]
        history.objects = [
            op
            for op in history.objects
            if op.must or op.f not in _TELLS_ONLY_BY_ANSWER
        ]
        return history

    def _bad(self, reason: str) -> HistoryError:
        return HistoryError(self.history.name, self._line, reason)

    def _invoke(
        self,
        number: int,
        process: object,
        f: str,
        key: Value,
        argument: Value,
        time: int,
    ) -> int:
        """Make room for a store's operation, as one of unknown outcome."""
        part = self.history.keys.get(key)
        if part is None:
            part = self.history.keys[key] = KeyHistory(key)
        kind = _BLANK[f]
        seen: Value = None
        arg = argument
        if f == "cas":
            if not isinstance(argument, tuple) or len(argument) != 2:
                raise self._bad("the value of a cas is [old, new]")
            seen, arg = argument
            if seen == arg:
                kind = _DROPPED
        elif f == "delete" or f == "get":
            arg = None
        part.kind.append(kind)
        part.seen.append(seen)
        part.arg.append(arg)
        part.call.append(time)
        part.ret.append(NEVER)
        part.must.append(0)
        part.index.append(number)
        part.process.append(self._names[process])
        part.label.append(_LABEL[f])
        return len(part.kind) - 1

    def _ok(
        self,
        part: KeyHistory,
        slot: int,
        f: str,
        argument: Value,
        event: Event,
        time: int,
    ) -> None:
        """Complete a store's operation."""
        part.ret[slot] = time
        part.must[slot] = 1
        if f == "get":
            if "value" not in event:
                raise self._bad("a get that went well has a value")
            part.kind[slot] = GET
            part.seen[slot] = freeze(event["value"])
        elif f == "cas":
            swapped = event.get("swapped")
            if swapped is not True and swapped is not False:
                raise self._bad("a cas that went well says if it swapped")
            actual = UNTOLD
            if "actual" in event:
                actual = freeze(event["actual"])  # type: ignore[assignment]
            old = part.seen[slot]
            lie = actual is not UNTOLD and (actual == old) != swapped
            if lie or (actual is not UNTOLD and not swapped):
                part.kind[slot] = LIE if lie else GET
                part.seen[slot] = actual
                part.arg[slot] = argument
            elif not swapped:
                part.kind[slot] = MISS
            elif old == part.arg[slot]:
                part.kind[slot] = GET
                part.arg[slot] = argument

    def _invoke_object(
        self,
        number: int,
        process: object,
        f: str,
        key: Value,
        argument: Value,
        time: int,
    ) -> int:
        objects = self.history.objects
        name = self._names[process]
        objects.append(
            Operation(
                number, name, f, key, argument, None, time, NEVER, False
            )
        )
        return len(objects) - 1

    def _ok_object(
        self, slot: int, kind: str, event: Event, time: int
    ) -> None:
        """Complete an operation of another model."""
        op = self.history.objects[slot]
        result = freeze(event.get("value")) if kind == "ok" else None
        self.history.objects[slot] = Operation(
            op.index,
            op.process,
            op.f if kind == "ok" else _FAILED,
            op.key,
            op.value,
            result,
            op.call,
            time,
            kind == "ok",
        )

    def _fault(self, event: Event, time: int) -> None:
        f = str(event.get("f") or "fault")
        value = event.get("value")
        text = value if isinstance(value, str) else json.dumps(value)
        text = "" if value is None else text
        phase = event.get("phase")
        if phase == "end":
            fault = self._faults.pop((f, text), None)
            if fault is not None:
                fault.stop = time
            return
        until = event.get("until")
        stop = until if type(until) is int else time
        fault = Fault(f, time, NEVER if phase == "begin" else stop, text)
        self.history.faults.append(fault)
        if phase == "begin":
            self._faults[f, text] = fault


_FAILED = "failed"
# Of an operation of another model that failed, or of a read that did not
# answer, nothing is to be learnt. Every other unknown one is optional.
_TELLS_ONLY_BY_ANSWER = frozenset(["get", "read", "peek", "all", _FAILED])


def _squeeze(part: KeyHistory) -> None:
    """Take the dropped slots out of every column."""
    if _DROPPED not in part.kind:
        return
    kept = [kind != _DROPPED for kind in part.kind]
    part.kind = bytearray(compress(part.kind, kept))
    part.seen = list(compress(part.seen, kept))
    part.arg = list(compress(part.arg, kept))
    part.call = list(compress(part.call, kept))
    part.ret = list(compress(part.ret, kept))
    part.must = bytearray(compress(part.must, kept))
    part.index = list(compress(part.index, kept))
    part.process = list(compress(part.process, kept))
    part.label = bytearray(compress(part.label, kept))


def write_history(history: History) -> Iterator[str]:
    """Say a store's history as lines of JSON, such as are read here.

    Args:
        history: The history; its weakened operations become unknown ones.

    Yields:
        One event a line, without the newline, in order of time.
    """
    events: list[tuple[int, int, int, dict[str, object]]] = []
    for op in history.operations():
        common: dict[str, object] = {"process": op.process, "f": op.f}
        if op.key is not None or not history.objects:
            common["key"] = thaw(op.key)
        call = {"type": "invoke", **common, "value": thaw(op.value)}
        events.append((op.call, 0, op.index, call))
        if not op.must:
            continue
        end = {"type": "ok", **common, "value": thaw(op.value)}
        if op.f == "cas" and not history.objects:
            end["swapped"] = op.result
            if op.actual is not UNTOLD:
                end["actual"] = thaw(op.actual)
        elif history.objects or op.f == "get":
            end["value"] = thaw(op.result)
        events.append((op.ret, 1, op.index, end))
    for fault in history.faults:
        line: dict[str, object] = {"type": "fault", "f": fault.kind}
        line["value"] = fault.text
        if fault.stop != NEVER:
            line["until"] = fault.stop
        events.append((fault.start, 2, 0, line))
    events.sort(key=lambda event: event[:3])
    for number, (time, _, _, event) in enumerate(events):
        yield json.dumps({"index": number, "time": time, **event})
