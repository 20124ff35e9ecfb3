"""The judge: which path for which key, and what the verdict rests on.

Each key is judged alone. First the fast path (blocks.py); where its
conditions do not hold, the general one (search.py). Objects other than the
store's go to the plain search (plain.py) with their model.

Every *yes* comes with a witness, which is replayed here by code that knows
nothing of how it was found (replay.py). Every *no* comes with the means to
explain it (explain.py). What remains is *unknown*: the general path may
need exponential time, and when its budget runs out it says so and nothing
else.

(e) **Interleaved budgets.** Keys that need the general path take turns,
    each turn twice as long as the one before. So a key that takes forever
    cannot keep us from another's quick failure, at the cost of little more
    than the shortest proof. And a key that takes long gets a short stretch
    of it looked at alone (local.py), for most failures are local.
"""

from __future__ import annotations

import enum
from array import array
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from kv.lincheck import blocks, plain, replay
from kv.lincheck.history import History, KeyHistory, Operation
from kv.lincheck.local import refuted_near
from kv.lincheck.models import Model, Register, Text
from kv.lincheck.search import Outcome, search
from kv.lincheck.values import Value

BUDGET = 5_000_000
"""Places that the general path may look at, over all keys."""

_FIRST_TURN = 2048

Told = Callable[[str], None]


class Verdict(enum.Enum):
    """What we say of a history, or of one key; its value is the exit code."""

    LINEARIZABLE = 0
    NOT_LINEARIZABLE = 1
    UNKNOWN = 3

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(slots=True)
class KeyVerdict:
    """The verdict on one key.

    Attributes:
        key: The key.
        verdict: What we say of it.
        path: "blocks", "search" or "plain": who decided.
        order: For yes, the witness, replayed: numbers of operations.
        certificate: For no by blocks, the conflict.
        outcome: For no by one of the searches, what it found.
        steps: How many places the search looked at.
    """

    key: Value
    verdict: Verdict
    path: str
    order: Sequence[int] = ()
    certificate: blocks.Certificate | None = None
    outcome: Outcome | plain.PlainOutcome | None = None
    steps: int = 0


@dataclass(slots=True)
class Result:
    """The verdict on a history.

    Attributes:
        history: What was judged.
        verdict: No if any key says no; else unknown if any key does.
        keys: The verdicts on the keys. Once one has failed, those that
            were still being searched stay unknown.
        fault: The first verdict that is a no, or None.
    """

    history: History
    verdict: Verdict
    keys: list[KeyVerdict] = field(default_factory=list)
    fault: KeyVerdict | None = None


def check(
    history: History,
    model: Model | None = None,
    budget: int = BUDGET,
    told: Told | None = None,
) -> Result:
    """Judge a history.

    Args:
        history: The history, normalised.
        model: What the object does; the store if not given.
        budget: Places to look at before we give up, over all keys.
        told: Called with a line of progress now and then.

    Returns:
        The verdict, with witnesses or what it takes to explain a failure.
    """
    if model is None and history.joined:
        model = Text()
    verdicts: list[KeyVerdict] = []
    hard: list[_Hard] = []
    if model is None or type(model) is Register:
        for number, part in enumerate(history.keys.values()):
            verdict = check_blocks(part)
            if verdict is None:
                found = Outcome(False)
                steps = search(part, outcome=found)
                hard.append(_Hard(part.key, part, steps, found))
            else:
                verdicts.append(verdict)
            if told is not None and not (number + 1) % 1000:
                told(f"{number + 1} of {len(history.keys)} keys")
    else:
        for key, operations in _parts(history, model):
            plainly = plain.plain_search(operations, model)
            hard.append(_Hard(key, operations, plainly))
    if not any(v.verdict is Verdict.NOT_LINEARIZABLE for v in verdicts):
        _take_turns(hard, budget, told, model)
    verdicts += [each.verdict(model) for each in hard]
    result = Result(history, Verdict.LINEARIZABLE, verdicts)
    for verdict in verdicts:
        if verdict.verdict is Verdict.NOT_LINEARIZABLE:
            result.verdict = verdict.verdict
            result.fault = result.fault or verdict
        elif result.fault is None and verdict.verdict is Verdict.UNKNOWN:
            result.verdict = verdict.verdict
    return result


def check_blocks(part: KeyHistory) -> KeyVerdict | None:
    """Judge one key by the fast path; None if that cannot decide."""
    found = blocks.judge(part)
    if found is None:
        return None
    if isinstance(found, blocks.Certificate):
        no = Verdict.NOT_LINEARIZABLE
        return KeyVerdict(part.key, no, "blocks", certificate=found)
    order: array[int] | None = found.witness()
    if order is None:
        return None
    del found  # a million operations take room
    replay.replay(part, order)
    return KeyVerdict(part.key, Verdict.LINEARIZABLE, "blocks", order)


def _parts(
    history: History, model: Model
) -> list[tuple[Value, list[Operation]]]:
    """What is to be judged alone, under a model."""
    operations = history.operations()
    if not model.by_key:
        return [(None, operations)]
    parts: dict[Value, list[Operation]] = {}
    for op in operations:
        parts.setdefault(op.key, []).append(op)
    return list(parts.items())


@dataclass(slots=True)
class _Hard:
    """A key that must be searched, and how far that is."""

    key: Value
    part: KeyHistory | list[Operation]
    search: (
        Generator[int, None, Outcome]
        | Generator[int, None, plain.PlainOutcome]
    )
    found: Outcome | None = None
    steps: int = 0
    outcome: Outcome | plain.PlainOutcome | None = None

    def go(self, until: int) -> None:
        """Search on, until that many places were seen in all."""
        try:
            while self.steps < until:
                self.steps = next(self.search)
        except StopIteration as end:
            outcome: Outcome | plain.PlainOutcome = end.value
            self.outcome = outcome
            self.steps = outcome.steps

    def look_near(self, look: int) -> None:
        """Try to refute a stretch before the return nobody got past."""
        found = self.found
        if self.outcome is not None or found is None:
            return
        if not isinstance(self.part, KeyHistory):
            return
        near = refuted_near(self.part, found.reached, look)
        if near is not None:
            self.search.close()
            found.begin, found.reached = near
            found.steps = self.steps
            self.outcome = found

    def verdict(self, model: Model | None) -> KeyVerdict:
        """What the search has come to say; a yes is replayed."""
        found, part = self.outcome, self.part
        columns = isinstance(part, KeyHistory)
        path = "search" if columns else "plain"
        if found is None:
            return KeyVerdict(
                self.key, Verdict.UNKNOWN, path, steps=self.steps
            )
        if not found.linearizable:
            return KeyVerdict(
                self.key,
                Verdict.NOT_LINEARIZABLE,
                path,
                outcome=found,
                steps=self.steps,
            )
        if isinstance(part, KeyHistory):
            replay.replay(part, found.order)
        elif model is not None:
            replay.replay_model(model, part, found.order)
        return KeyVerdict(
            self.key,
            Verdict.LINEARIZABLE,
            path,
            found.order,
            steps=self.steps,
        )


def _take_turns(
    hard: list[_Hard], budget: int, told: Told | None, model: Model | None
) -> None:
    """Search the hard keys in turns, until one fails or all is spent: (e)."""
    turn = _FIRST_TURN
    left = sorted(hard, key=lambda each: len(each.part))
    spent = 0
    while left and spent < budget:
        for each in left:
            before = each.steps
            each.go(min(turn, before + budget - spent))
            spent += each.steps - before
            if turn > _FIRST_TURN:
                each.look_near(turn // 3)
            if told is not None and turn > _FIRST_TURN:
                told(
                    f"{len(left)} hard keys, {spent:,} places searched"
                    f" of at most {budget:,}"
                )
            if each.outcome is not None and not each.outcome.linearizable:
                return
            if spent >= budget:
                return
        left = [each for each in left if each.outcome is None]
        turn *= 2
