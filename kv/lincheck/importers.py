"""Histories of other checkers, brought into our form.

Both kinds of file have no clock: the order of lines is all that is known,
so the number of a line serves as its time.

**Jepsen's logs of a register** (`INFO  jepsen.util - 0 :invoke :read nil`,
with tabs). Three things differ from our form:

* a failed `:cas` *was executed and mismatched*; in our form it is an `ok`
  that did not swap;
* `:info` with the value `:timed-out` is an unknown outcome;
* the register begins as `nil`, our null.

**Porcupine's files of a string store** (`{:process 0, :type :invoke, :f
:append, :key "0", :value "x 0 0 y"}`). There `append` joins strings and an
absent key reads "". Joined strings hide which operations made them, so we
cut them up again: "ab" + "c" becomes the list ["ab", "c"]. This is safe if
no written string is the end of another one, for then a joined string can be
cut in one way only, from its end. Should that not hold on some key, the
strings stay whole and the slower model `text` judges the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kv.lincheck.history import HistoryError

Event = dict[str, object]
Events = Iterator[tuple[int, Event]]

_JEPSEN = re.compile(
    r"^INFO +jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*?)\s*$"
)
_JEPSEN_LINE = re.compile(r"^[A-Z]+ +jepsen\.")
_PAIR = re.compile(r"^\[(\S+) (\S+)\]$")
_EDN = re.compile(
    r'^\{:process (\d+), :type :(\w+), :f :(\w+), :key "((?:[^"\\]|\\.)*)",'
    r' :value (?:nil|"((?:[^"\\]|\\.)*)")\}\s*$'
)
_FUNCTION = {"read": "get", "write": "put", "cas": "cas"}


def is_jepsen(line: str) -> bool:
    """Whether a line looks like one of a Jepsen log."""
    return _JEPSEN_LINE.match(line) is not None


def is_porcupine(line: str) -> bool:
    """Whether a line looks like one of Porcupine's store histories."""
    return line.startswith("{:")


def jepsen(name: str, lines: Iterable[str]) -> Events:
    """Read a Jepsen log of a register.

    Args:
        name: The file, for error messages.
        lines: Its lines; those that are no events are passed over.

    Yields:
        Line numbers and events in our form.

    Raises:
        HistoryError: An event makes no sense.
    """
    for number, line in enumerate(lines, 1):
        match = _JEPSEN.match(line)
        if match is None:
            if not line.strip() or _JEPSEN_LINE.match(line):
                continue
            raise HistoryError(name, number, "not a line of a Jepsen log")
        process, kind, f, text = match.groups()
        event: Event = {
            "time": number,
            "process": int(process),
            "type": kind,
            "f": _FUNCTION.get(f, f),
        }
        if text != ":timed-out":
            event["value"] = _edn(name, number, text)
        if f == "cas" and kind in ("ok", "fail"):
            event["type"] = "ok"
            event["swapped"] = kind == "ok"
        yield number, event


def _edn(name: str, number: int, text: str) -> object:
    """Read nil, a number, a keyword, or a pair of these."""
    if text == "nil":
        return None
    pair = _PAIR.match(text)
    if pair is not None:
        return [_edn(name, number, part) for part in pair.groups()]
    try:
        return int(text)
    except ValueError:
        if text.startswith(":"):
            return text
        raise HistoryError(name, number, f"unknown value {text}") from None


def porcupine(name: str, lines: Iterable[str]) -> tuple[Events, bool]:
    """Read a history of Porcupine's string store.

    Args:
        name: The file, for error messages.
        lines: Its lines.

    Returns:
        Line numbers and events in our form, and whether strings stayed
        joined because they cannot be cut up safely.

    Raises:
        HistoryError: A line makes no sense.
    """
    events: list[tuple[int, Event]] = []
    written: dict[str, set[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _EDN.match(line)
        if match is None:
            raise HistoryError(name, number, "not an event of the store")
        process, kind, f, key, value = match.groups()
        event: Event = {
            "time": number,
            "process": int(process),
            "type": kind,
            "f": f,
            "key": _unescape(key),
            "value": None if value is None else _unescape(value),
        }
        events.append((number, event))
        if f != "get" and kind == "invoke":
            written.setdefault(str(event["key"]), set()).add(
                str(event["value"])
            )
    joined = not all(map(_cuts_one_way, written.values()))
    if not joined:
        ends = {key: _Cutter(tokens) for key, tokens in written.items()}
        nothing = _Cutter(set())
        for _, event in events:
            _restate(event, ends.get(str(event["key"]), nothing))
    return iter(events), joined


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _cuts_one_way(tokens: set[str]) -> bool:
    """Whether no token is empty or the end of another one."""
    if "" in tokens:
        return False
    lengths = sorted({len(token) for token in tokens})
    return not any(
        token[-length:] in tokens
        for token in tokens
        for length in lengths
        if length < len(token)
    )


class _Cutter:
    """Cuts a joined string into the tokens that were written."""

    def __init__(self, tokens: set[str]) -> None:
        self.tokens = tokens
        self.lengths = sorted({len(token) for token in tokens})

    def cut(self, text: str) -> list[str] | None:
        """The tokens; an unknown rest stays whole, as nobody's token."""
        parts: list[str] = []
        while text:
            for length in self.lengths:
                if text[-length:] in self.tokens:
                    break
            else:
                length = len(text)
            parts.append(text[-length:])
            text = text[:-length]
        parts.reverse()
        return parts or None


def _restate(event: Event, cutter: _Cutter) -> None:
    """Say an event of the string store in terms of lists."""
    f, value = event["f"], event["value"]
    if f == "get" and isinstance(value, str):
        event["value"] = cutter.cut(value)
    elif f == "put":
        event["value"] = [value]
