"""Histories: what the clients of a store did and saw, ready to be judged.

An *operation* is a call, a return, and what was asked and answered. Its
interval is closed: an operation that returns at the very moment at which
another is called overlaps it, so A comes before B only if

    A.ret < B.call        (strictly).

A history is *linearizable* if every operation can be given one instant
inside its interval such that the operations, done one by one in the order
of these instants, give exactly the answers that the clients saw. An
operation whose outcome nobody knows is *optional*: it may have an instant
at any time after its call, even long after the client gave up, or none.

Operations on different keys never meet, and a history is linearizable iff
the part on each key is (Herlihy and Wing's locality). So everything here is
kept a key at a time, and on each key only five things can happen:

    kind    asks for   holds now     leaves behind
    GET     seen       state = seen  the state
    MISS    seen       state != seen the state      a cas that did not swap
    PUT     arg        anything      arg            delete is a PUT of None
    CAS     seen, arg  state = seen  arg            a cas that did swap
    APPEND  arg        a list, None  state + (arg,)
    LIE     -          never         -

A `cas` that mismatched is a GET if the store told the value that stood
there, else a MISS. One that swapped x for x changes nothing: a GET of x. A
LIE is an answer that contradicts itself, such as a `cas` that refused to
swap because it found exactly the value that it expected.

A key's operations are kept as columns, parallel lists in order of call, not
as objects: a million operations are then a handful of lists, and the fast
path (blocks.py) can run over them with `zip`, `compress` and `map`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kv.lincheck.values import Value, show

NEVER = (1 << 63) - 1
"""The return time of an operation that did not return."""

GET, PUT, APPEND, CAS, MISS, LIE = range(6)
WRITES = (PUT, APPEND, CAS)

FUNCTIONS = ("get", "put", "append", "cas", "delete")
_GET, _PUT, _APPEND, _CAS, _DELETE = range(5)


class Untold:
    """The type of UNTOLD, the actual value that a store kept to itself."""

    def __repr__(self) -> str:
        return "untold"


UNTOLD = Untold()


class HistoryError(Exception):
    """A history that makes no sense: where, and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(f"{place}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as a model, a page or somebody else's checker sees it.

    Attributes:
        index: Number of its call among the events of the history.
        process: The client, as text; a client that lost an answer goes on
            under a new name.
        f: What was called: "get", "put", "append", "cas", "delete", or a
            name that only another model knows.
        key: The key, frozen.
        value: The argument, frozen: the value of a put, the element of an
            append, the pair (old, new) of a cas, else None.
        result: The answer, frozen: the value of a get, True or False for a
            cas that swapped or mismatched, else None.
        call: When it was called.
        ret: When it returned; NEVER if nobody knows.
        must: Whether it certainly happened. If not, it is optional.
        actual: What a mismatched cas found, or UNTOLD.
    """

    index: int
    process: str
    f: str
    key: Value
    value: Value
    result: Value
    call: int
    ret: int
    must: bool = True
    actual: Value = UNTOLD

    @property
    def unknown(self) -> bool:
        """Whether its outcome is unknown: it may have any, at any time."""
        return not self.must and self.ret == NEVER

    @property
    def weak(self) -> bool:
        """Whether it was made optional, within its interval."""
        return not self.must and self.ret != NEVER

    def before(self, other: Operation) -> bool:
        """Whether this had ended when `other` began."""
        return self.ret < other.call

    def __str__(self) -> str:
        name = f"{self.f} #{self.index}"
        if self.f == "cas" and isinstance(self.value, tuple):
            old, new = self.value
            text = f"{name} {show(old)} to {show(new)}"
            if self.result is True:
                return text + ", swapped"
            if self.result is False and self.actual is not UNTOLD:
                return f"{text}, mismatch, found {show(self.actual)}"
            if self.result is False:
                return text + ", mismatch"
            return text + (", optional" if self.weak else ", unknown")
        if self.f == "get":
            return f"{name} = {show(self.result)}"
        text = name if self.value is None else f"{name} {show(self.value)}"
        if self.result is not None:
            text += f" = {show(self.result)}"
        if self.weak:
            return text + ", optional"
        return text if self.must else text + ", unknown"


class KeyHistory:
    """The operations on one key of a store, as columns in order of call.

    Attributes:
        key: The key, frozen.
        kind: GET, PUT, APPEND, CAS, MISS or LIE, a byte each.
        seen: What the operation claims to have found (see the module).
        arg: What it leaves behind or appends.
        call: Times of call, never falling.
        ret: Times of return, or NEVER.
        must: 1 if it certainly happened, 0 if it is optional.
        index: Numbers of the calls among the events.
        process: Names of the clients.
        label: Index into FUNCTIONS, a byte each: what was called.
    """

    __slots__ = (
        "arg",
        "call",
        "index",
        "key",
        "kind",
        "label",
        "must",
        "process",
        "ret",
        "seen",
    )

    def __init__(self, key: Value = None) -> None:
        self.key = key
        self.kind = bytearray()
        self.seen: list[Value] = []
        self.arg: list[Value] = []
        self.call: list[int] = []
        self.ret: list[int] = []
        self.must = bytearray()
        self.index: list[int] = []
        self.process: list[str] = []
        self.label = bytearray()

    def __len__(self) -> int:
        return len(self.kind)

    def add(self, op: Operation) -> None:
        """Append one operation, unless it is one that tells nothing.

        Dropped are reads without an answer and unknown writes that could
        not change anything. Operations must come in order of call.
        """
        told = _columns(op)
        if told is None:
            return
        kind, seen, arg = told
        self.kind.append(kind)
        self.seen.append(seen)
        self.arg.append(arg)
        self.call.append(op.call)
        self.ret.append(op.ret)
        self.must.append(op.must)
        self.index.append(op.index)
        self.process.append(op.process)
        self.label.append(FUNCTIONS.index(op.f))

    def __getitem__(self, i: int) -> Operation:
        label = self.label[i]
        kind, seen, arg = self.kind[i], self.seen[i], self.arg[i]
        must = bool(self.must[i])
        value: Value = None
        result: Value = None
        actual: Value = UNTOLD
        if label == _GET:
            result = seen
        elif label == _CAS and kind == CAS:
            value, result = (seen, arg), True if must else None
        elif label == _CAS and kind == MISS:
            value, result = (seen, arg), False
        elif label == _CAS:  # a GET or a LIE: arg is the pair (old, new)
            value = arg
            old = arg[0] if isinstance(arg, tuple) else None
            result = (seen == old) == (kind == GET)
            actual = seen
        elif label != _DELETE:
            value = arg
        return Operation(
            self.index[i],
            self.process[i],
            FUNCTIONS[label],
            self.key,
            value,
            result,
            self.call[i],
            self.ret[i],
            must,
            actual,
        )

    def __iter__(self) -> Iterator[Operation]:
        return map(self.__getitem__, range(len(self)))

    def select(
        self, chosen: Iterable[int], loose: frozenset[int] = frozenset()
    ) -> KeyHistory:
        """Copy some of the operations.

        Args:
            chosen: Their numbers, rising.
            loose: Those among them that become optional. Such an operation
                keeps its return: it may be left out, but if it happened, it
                happened inside its interval.

        Returns:
            A history of the chosen operations alone.
        """
        part = KeyHistory(self.key)
        for i in chosen:
            part.kind.append(self.kind[i])
            part.seen.append(self.seen[i])
            part.arg.append(self.arg[i])
            part.call.append(self.call[i])
            part.ret.append(self.ret[i])
            part.must.append(0 if i in loose else self.must[i])
            part.index.append(self.index[i])
            part.process.append(self.process[i])
            part.label.append(self.label[i])
        return part


def _columns(op: Operation) -> tuple[int, Value, Value] | None:
    """Kind, seen and arg of one operation; None if it tells nothing."""
    if op.f == "get":
        return (GET, op.result, None) if op.must else None
    if op.f == "put":
        return PUT, None, op.value
    if op.f == "delete":
        return PUT, None, None
    if op.f == "append":
        return APPEND, None, op.value
    if op.f != "cas" or not isinstance(op.value, tuple):
        raise ValueError(f"a store knows no {op.f!r} of {op.value!r}")
    old, new = op.value
    if not op.must:
        return None if old == new else (CAS, old, new)
    if op.result is True:
        if op.actual is not UNTOLD and op.actual != old:
            return LIE, op.actual, op.value
        return (GET, old, op.value) if old == new else (CAS, old, new)
    if op.actual is UNTOLD:
        return MISS, old, new
    kind = LIE if op.actual == old else GET
    return kind, op.actual, op.value


@dataclass(slots=True)
class Fault:
    """Something that was done to the cluster, for the picture alone.

    Attributes:
        kind: "partition", "crash", "clock", "pause", "election" or other.
        start: When it began.
        stop: When it was over; NEVER if it never was.
        text: What it was, in words.
    """

    kind: str
    start: int
    stop: int
    text: str


@dataclass(slots=True)
class History:
    """A whole history, normalised.

    Attributes:
        name: Where it came from, for messages.
        keys: The operations on each key of a store; empty if the history
            speaks of something else.
        objects: The operations of a history of another model.
        faults: What was done to the cluster meanwhile.
        joined: Whether `append` joins strings instead of growing a list.
        unit: What one step of time is: "ns", or "event" if the history has
            no clock and the order of lines is all that is known.
    """

    name: str = "history"
    keys: dict[Value, KeyHistory] = field(default_factory=dict)
    objects: list[Operation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    joined: bool = False
    unit: str = "ns"

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> History:
        """Make a history of a store out of operations, in any order."""
        history = cls()
        for op in sorted(operations, key=lambda op: op.call):
            history.of_key(op.key).add(op)
        return history

    def of_key(self, key: Value) -> KeyHistory:
        """The operations on `key`, an empty history if there were none."""
        found = self.keys.get(key)
        if found is None:
            found = self.keys[key] = KeyHistory(key)
        return found

    def operations(self) -> list[Operation]:
        """All operations of all keys, in order of call."""
        if self.objects:
            return list(self.objects)
        everything = [op for part in self.keys.values() for op in part]
        everything.sort(key=lambda op: (op.call, op.index))
        return everything

    def __len__(self) -> int:
        return sum(map(len, self.keys.values())) + len(self.objects)
