"""Saying why a history has no order, so that a person can verify it.

On the fast path a certificate names one to four operations, and the rule
that they break; here it becomes a sentence or two. On the general path
there is no such short reason. So the history is shrunk first, and then we
tell how far an order can go, what the key holds there, which operation
cannot come next although it must, and why none of the others helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kv.lincheck.blocks import Certificate
from kv.lincheck.check import KeyVerdict, Result
from kv.lincheck.history import (
    APPEND,
    CAS,
    GET,
    MISS,
    NEVER,
    PUT,
    UNTOLD,
    History,
    KeyHistory,
    Operation,
)
from kv.lincheck.local import stretch
from kv.lincheck.models import ILLEGAL, Model, Register, State
from kv.lincheck.plain import PlainOutcome
from kv.lincheck.search import Outcome, Stuck, finish, search
from kv.lincheck.shrink import BUDGET, shrink, until
from kv.lincheck.values import Value, show


@dataclass(slots=True)
class Explanation:
    """Why one key has no order.

    Attributes:
        key: The key.
        rule: The rule that is broken, or "search".
        sentence: The conflict, in a sentence or two.
        conflict: The operations that conflict.
        support: Writes that explain what these saw, and the like.
        before: Pairs of which the first had ended when the second began,
            where the conflict rests on that.
        order: The longest order there is, if the search tells one.
        state: What the key holds at its end.
        reasons: Each operation that might come next, and why it cannot.
    """

    key: Value
    rule: str
    sentence: str
    conflict: list[Operation]
    support: list[Operation] = field(default_factory=list)
    before: list[tuple[Operation, Operation]] = field(default_factory=list)
    order: list[Operation] = field(default_factory=list)
    state: State = None
    reasons: list[tuple[Operation, str]] = field(default_factory=list)


def explain(
    result: Result, model: Model | None = None, budget: int = BUDGET
) -> Explanation | None:
    """Explain the first key at fault.

    Args:
        result: What `check` returned.
        model: The model it was given.
        budget: Places that the shrinking may look at.

    Returns:
        The explanation, or None if no key is at fault.
    """
    fault = result.fault
    if fault is None:
        return None
    if fault.path == "plain":
        return _by_model(result.history, fault, model or Register())
    part = result.history.keys[fault.key]
    if fault.certificate is not None:
        return by_certificate(part, fault.certificate)
    found = fault.outcome
    if isinstance(found, Outcome) and found.begin is not None:
        # A stretch was enough; what stood there when it began is left open.
        begun = until(part, part.ret[found.reached])
        story = by_search(stretch(begun, found.begin), budget, cut=False)
    else:
        story = by_search(part, budget)
    _tell_returns(story, part)
    return story


def _tell_returns(story: Explanation, part: KeyHistory) -> None:
    """Tell when writes returned that were still open at the conflict.

    The search looked no further, so to it their outcome was unknown. A
    reader knows better, and the conflict stands all the more.
    """
    ends = dict(zip(part.index, part.ret, strict=True))

    def told(op: Operation) -> Operation:
        return replace(op, ret=ends[op.index]) if op.unknown else op

    story.support = [told(op) for op in story.support]
    story.reasons = [(told(op), why) for op, why in story.reasons]


# ------------------------------------------------------- certificates


def by_certificate(h: KeyHistory, certificate: Certificate) -> Explanation:
    """Put a certificate into words."""
    sentence = _SENTENCES[certificate.rule](h, certificate)
    ops = sorted({*certificate.ops, *certificate.shown})
    support = sorted(set(certificate.support) - set(ops))
    return Explanation(
        h.key,
        certificate.rule,
        sentence,
        [h[i] for i in ops],
        [h[i] for i in support],
        [(h[a], h[b]) for a, b in _before(certificate)],
    )


def _before(c: Certificate) -> list[tuple[int, int]]:
    """What had ended before what, as far as the conflict rests on it."""
    if c.rule == "layer":
        return [(c.ops[1], c.ops[0])]
    if c.blocks is None:
        return []
    (a1, a2), (b1, b2) = c.blocks
    return [(x, y) for x, y in ((a1, b2), (b1, a2)) if x >= 0 and y >= 0]


def name(h: KeyHistory, i: int) -> str:
    """Short name of an operation: what was called, and its number."""
    op = h[i]
    unknown = "unknown " if op.unknown else ""
    return f"{unknown}{op.f} #{op.index}"


def _left(h: KeyHistory, i: int) -> str:
    """What a write left, or a read found."""
    kind = h.kind[i]
    if kind == GET:
        return f"{name(h, i)}, which found {show(h.seen[i])},"
    if kind == APPEND:
        return f"{name(h, i)} of {show(h.arg[i])}"
    if kind == CAS:
        return (
            f"{name(h, i)}, which swapped {show(h.seen[i])} for"
            f" {show(h.arg[i])},"
        )
    return f"{name(h, i)} of {show(h.arg[i])}"


def _lie(h: KeyHistory, c: Certificate) -> str:
    op = h[c.ops[0]]
    old, new = op.value if isinstance(op.value, tuple) else (None, None)
    if op.result:
        return (
            f"cas #{op.index} swapped {show(old)} for {show(new)}, yet says"
            f" that it found {show(op.actual)}."
        )
    return (
        f"cas #{op.index} expected {show(old)} and says that it found"
        f" exactly that, yet it did not swap."
    )


def _no_producer(h: KeyHistory, c: Certificate) -> str:
    i = c.ops[0]
    whole = h.seen[i]
    verb = "returned" if h[i].f == "get" else "found"
    text = f"{name(h, i)} {verb} {show(whole)}, "
    if whole == c.value:
        return text + "but nothing that was called could have left that."
    text += f"but nothing that was called could have left {show(c.value)}."
    return text


def _two_places(h: KeyHistory, c: Certificate) -> str:
    a, b = c.ops[0], c.ops[-1]
    element = show(h.arg[c.support[0]])
    return (
        f"{name(h, c.support[0])} of {element} happened at most once, but"
        f" {name(h, a)} found {show(h.seen[a])} and {name(h, b)} found"
        f" {show(h.seen[b])}: it would stand in two places."
    )


def _fork(h: KeyHistory, c: Certificate) -> str:
    a, b = c.ops[0], c.ops[-1]
    if h.kind[a] == CAS and h.kind[b] == CAS and h.seen[a] == h.seen[b]:
        origin = "it stood there only once"
        if len(c.support) > 2:
            origin = f"only {name(h, c.support[-3])} ever left that"
        return (
            f"{name(h, a)} and {name(h, b)} both found {show(h.seen[a])} and"
            f" swapped it for something else, but {origin}."
        )
    return (
        f"{_left(h, a)} and {_left(h, b)} cannot both be right: one and the"
        f" same state would have been followed by two different ones,"
        f" {_step(h, c.support[-2])} and {_step(h, c.support[-1])}."
    )


def _step(h: KeyHistory, i: int) -> str:
    return _left(h, i).rstrip(",")


def _cycle(h: KeyHistory, c: Certificate) -> str:
    names = ", ".join(name(h, i) for i in c.support)
    return (
        f"{name(h, c.ops[0])} found {show(h.seen[c.ops[0]])}, which came only"
        f" out of itself: each of {names} found what another of them left,"
        f" and nothing else ever wrote these values."
    )


def _layer(h: KeyHistory, c: Certificate) -> str:
    x, y = c.ops
    if h.kind[y] == GET and c.support and c.support[-1] == x:
        return (
            f"{name(h, y)} had returned {show(h.seen[y])} and ended before"
            f" {name(h, x)}, the only operation that ever left"
            f" {show(h.seen[y])}, began."
        )
    shown = ""
    if c.shown:
        seer = c.shown[0]
        shown = f" ({name(h, seer)}, which {_found(h, seer)}, shows it.)"
    if h.kind[x] != GET:
        return (
            f"{_left(h, y)} had ended before {_step(h, x)} began, yet it"
            f" builds on what that left.{shown}"
        )
    if h.kind[y] == GET:
        return (
            f"{name(h, x)} began after {_left(h, y)} had ended, yet it"
            f" {_found(h, x)}, out of which that state had grown."
        )
    return (
        f"{name(h, x)} began after {_left(h, y)} had ended, yet it"
        f" {_found(h, x)}, which stood there only before that.{shown}"
    )


def _zones(h: KeyHistory, c: Certificate) -> str:
    assert c.blocks is not None  # the rule says so
    (a1, a2), (b1, b2) = c.blocks
    if a1 < 0 or b1 < 0:
        # One block is the initial one, which needs no operation to begin.
        late, early = (a2, b1) if a1 < 0 else (b2, a1)
        return (
            f"{name(h, late)} began after {_left(h, early)} had"
            f" ended, yet it {_found(h, late)}: what stood there before"
            f" anything was written."
        )
    # Tell it from the side of a read, if there is one.
    if h.kind[a2] != GET and h.kind[b2] == GET:
        (a1, a2), (b1, b2) = (b1, b2), (a1, a2)
    begun = f"{name(h, a2)} began after {_left(h, b1)} had ended"
    value = f"yet it {_found(h, a2)}"
    later = name(h, b2) if b1 == b2 else _left(h, b2)
    over = f"{_left(h, a1)} had ended before {later} began"
    return (
        f"{begun}, {value}, which was over by then: {over}."
        f"{_shown(h, c)}"
    )


def _shown(h: KeyHistory, c: Certificate) -> str:
    return "".join(
        f" ({name(h, i)} shows it: it found {show(h.seen[i])}.)"
        for i in c.shown
    )


def _found(h: KeyHistory, i: int) -> str:
    kind = h.kind[i]
    if kind == GET:
        verb = "returned" if h[i].f == "get" else "found"
        return f"{verb} {show(h.seen[i])}"
    if kind == CAS:
        return f"found {show(h.seen[i])}"
    return f"belongs to {_left(h, i)}"


_SENTENCES = {
    "lie": _lie,
    "no producer": _no_producer,
    "two places": _two_places,
    "fork": _fork,
    "cycle": _cycle,
    "layer": _layer,
    "zones": _zones,
}


# -------------------------------------------------------------- search


def by_search(
    h: KeyHistory, budget: int = BUDGET, cut: bool = True
) -> Explanation:
    """Shrink the history of a key, and tell where its search gets stuck.

    Args:
        h: A history that is not linearizable.
        budget: Places that the shrinking may look at.
        cut: Whether its end may still have to be cut off.

    Returns:
        The explanation.
    """
    small = shrink(h, budget, cut)
    reached = finish(search(small, watch=-1)).reached
    stuck = finish(search(small, watch=small.ret[reached])).stuck
    place = max(
        stuck or [Stuck([], [], reached)], key=lambda each: len(each.order)
    )
    state = _state_after(small, place.order)
    blocked = small[place.blocked]
    # Puts in front of a stretch are no operations of the history.
    count = sum(small.index[i] >= 0 for i in place.order)
    anyhow = "" if min(small.index) >= 0 else ", whatever came earlier"
    sentence = (
        f"{_wants(blocked)}, but no order of the operations before it leads"
        f" there{anyhow}. The longest one does {count} of them, then the key"
        f" holds {show(state)}, and nothing that could come next helps."
    )
    reasons = [
        (small[i], _why(small, i, state, place.blocked))
        for i in _open(small, place)
        if small.index[i] >= 0
    ]
    conflict = [op for op in small if op.must]
    support = [op for op in small if not op.must and op.index >= 0]
    return Explanation(
        h.key,
        "search",
        sentence,
        conflict,
        support,
        order=[small[i] for i in place.order],
        state=state,
        reasons=reasons,
    )


def _wants(op: Operation) -> str:
    """What an operation needs to find, as the beginning of a sentence."""
    text = f"{op.f} #{op.index}"
    if op.f == "get":
        return f"{text} returned {show(op.result)}"
    if op.f == "cas" and isinstance(op.value, tuple):
        old, new = op.value
        if op.result is True:
            return f"{text} swapped {show(old)} for {show(new)}"
        if op.actual is not UNTOLD:
            return f"{text} found {show(op.actual)}"
        return f"{text} did not find {show(old)}"
    return f"{text} went well"


def _state_after(h: KeyHistory, order: Sequence[int]) -> Value:
    """What the key holds after an order of operations."""
    state: Value = None
    for i in order:
        if h.kind[i] == APPEND:
            items = state if isinstance(state, tuple) else ()
            state = (*items, h.arg[i])
        elif h.kind[i] in (PUT, CAS):
            state = h.arg[i]
    return state


def _open(h: KeyHistory, place: Stuck) -> list[int]:
    """The operations that might come next, the blocked one first."""
    done = set(place.order)
    limit = h.ret[place.blocked]
    around = [
        i
        for i in range(len(h))
        if h.call[i] <= limit
        and i not in done
        and i != place.blocked
        and (i in place.window or h.ret[i] == NEVER)
    ]
    return [place.blocked, *around]


def _why(h: KeyHistory, i: int, state: Value, blocked: int) -> str:
    """Why an operation cannot come next, or does not help if it does."""
    op = h[i]
    holds = f"the key holds {show(state)}"
    after = Register().step(state, op)
    if after is ILLEGAL:
        kind = h.kind[i]
        if kind == MISS:
            text = f"needs anything but {show(h.seen[i])}; {holds}"
        elif kind == APPEND:
            text = f"needs a list or null; {holds}"
        else:
            text = f"needs {show(h.seen[i])}; {holds}"
        if i == blocked:
            text += ", and nothing else may end before it has happened"
        return text
    waiting = h[blocked]
    if after == state:
        return f"could come, but leaves {show(after)} as it is"
    if i != blocked and Register().step(after, waiting) is ILLEGAL:
        return (
            f"could come, but leaves {show(after)}, not what"
            f" {waiting.f} #{waiting.index} needs"
        )
    return f"could come and leaves {show(after)}, but then others are stuck"


# --------------------------------------------------------- other models


def _by_model(
    history: History, fault: KeyVerdict, model: Model
) -> Explanation:
    """Tell where the plain search got stuck, under any model."""
    operations = [
        op
        for op in history.operations()
        if not model.by_key or op.key == fault.key
    ]
    found = fault.outcome
    order: list[int] = []
    state: State = model.init()
    if isinstance(found, PlainOutcome):
        order, state = found.order, found.state
    done = set(order)
    rest = [op for i, op in enumerate(operations) if i not in done]
    limit = min((op.ret for op in rest if op.must), default=NEVER)
    reasons = [
        (
            op,
            f"impossible in {show(state)}"
            if model.step(state, op) is ILLEGAL
            else "could come, but leads nowhere",
        )
        for op in rest
        if op.call <= limit
    ]
    blocked = next((op for op in rest if op.ret == limit), None)
    sentence = (
        f"After {len(order)} operations in the best order the state is"
        f" {show(state)}, and {blocked} cannot come next, although it must."
    )
    return Explanation(
        fault.key,
        "search",
        sentence,
        [op for op, _ in reasons],
        order=[operations[i] for i in order],
        state=state,
        reasons=reasons,
    )
