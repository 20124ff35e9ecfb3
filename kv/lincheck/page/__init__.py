"""One self-contained page about a verdict: the conflict, then the picture.

The page holds everything in itself, styles, script and data, and loads
nothing. Whatever came from the history is escaped: it is text, in the page
and inside the script. The colours are those of every page of ours, read
from the one file that holds them, `book/player/tokens.css`.

Only so many operations are drawn in full: those of the key at fault around
the conflict first, then others of the same stretch of time. The strip under
the picture counts all of them, and the caption says how many are drawn.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from kv.lincheck.check import KeyVerdict, Result, Verdict
from kv.lincheck.explain import Explanation
from kv.lincheck.history import NEVER, Operation
from kv.lincheck.models import ILLEGAL, Model, Register, State
from kv.lincheck.values import Value, show

LIMIT = 1500
"""How many operations are drawn in full at most."""

_BINS = 240
_RENAMED = re.compile(r"'\d+$")  # a client that lost an answer: 3'1, 3'2
_HERE = Path(__file__).parent
_TOKENS = Path(__file__).parents[3] / "book" / "player" / "tokens.css"
_PLAIN = """:root { color-scheme: light dark; --serif: Georgia, serif;
--sans: system-ui, sans-serif; --mono: monospace;
--paper: light-dark(#fdfcf9, #14171b); --ink: light-dark(#22262b, #dfe3e8);
--muted: light-dark(#5c6570, #9aa4af); --link: light-dark(#0b5cad, #7db8f2);
--hair: light-dark(#dcd9d0, #343a42); --tint: light-dark(#f7f4ec, #1a1e23);
--down: light-dark(#e3e3e3, #2b2b2b);
--leader-ink: light-dark(#0b4a33, #c6f0de); }
"""


def tokens() -> str:
    """The tokens of all our pages, or enough of them to do without."""
    try:
        return _TOKENS.read_text(encoding="utf-8")
    except OSError:
        return _PLAIN


def render(
    result: Result,
    explanation: Explanation | None,
    model: Model | None = None,
    limit: int = LIMIT,
) -> str:
    """Make the page.

    Args:
        result: The verdict.
        explanation: For no, why.
        model: What the object does; the store if not given.
        limit: How many operations are drawn in full at most.

    Returns:
        The page, as HTML.
    """
    picture = _picture(result, explanation, model or Register(), limit)
    drawn = picture["ops"]
    count = len(drawn) if isinstance(drawn, list) else 0
    data = json.dumps(picture, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        data = data.replace(char, f"\\u{ord(char):04x}")
    name = _text(Path(result.history.name).name)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_title(result)}: {name}</title>
<style>
{tokens()}
{_read("page.css")}
</style>
</head>
<body>
<main>
<p class="file">{name}</p>
<h1>{_title(result)}</h1>
{_why(result, explanation)}
<figure>
<div class="bar">
<label>key <select id="key"></select></label>
<button id="home" type="button">{_home(explanation)}</button>
<button id="fit" type="button">all of it</button>
<button id="out" type="button" aria-label="zoom out">&minus;</button>
<button id="in" type="button" aria-label="zoom in">+</button>
<span class="grow"></span>
<span class="hint">drag to move, Ctrl and wheel to zoom; keys
+ &minus; &larr; &rarr; 0</span>
</div>
<div id="view"></div>
<canvas id="over" aria-hidden="true"></canvas>
<dl id="told"><dt></dt><dd>Point at an operation.</dd></dl>
<figcaption>{_caption(result, explanation, count)}</figcaption>
</figure>
<noscript><p class="note">The picture needs JavaScript; the conflict is
told in full above and below.</p></noscript>
{_conflict(result, explanation)}
{_numbers(result)}
</main>
<script type="application/json" id="data">{data}</script>
<script>
{_read("page.js")}
</script>
</body>
</html>
"""


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _text(value: object) -> str:
    return html.escape(str(value))


def _title(result: Result) -> str:
    return {
        Verdict.LINEARIZABLE: "Linearizable",
        Verdict.NOT_LINEARIZABLE: "Not linearizable",
        Verdict.UNKNOWN: "Unknown",
    }[result.verdict]


def _home(explanation: Explanation | None) -> str:
    return "the conflict" if explanation else "the beginning"


def _why(result: Result, explanation: Explanation | None) -> str:
    if explanation is not None:
        rule = (
            "Every other write may be made optional, every other read"
            " forgotten, and there is still no order."
        )
        if explanation.rule == "zones":
            rule = (
                "What wrote or saw one value stands together in any order,"
                f" for any other write would change it. {rule}"
            )
        return (
            f'<p class="why">{_text(explanation.sentence)}</p>\n'
            f'<p class="note">{rule}</p>'
        )
    if result.verdict is Verdict.UNKNOWN:
        return (
            '<p class="why">The search used up its budget. This says'
            " nothing about the history.</p>"
        )
    return (
        '<p class="why">There is an order of the operations, one instant'
        " inside each interval, that explains every answer. It was replayed"
        " operation by operation, and is drawn below.</p>"
    )


def _caption(
    result: Result, explanation: Explanation | None, drawn: int
) -> str:
    total = len(result.history)
    text = (
        "<b>Figure 1.</b> A row a client, a bar an operation from its call"
        " to its return, coloured by the value it left or found. Open bars"
        " never returned: they may have happened at any later time, or not"
        " at all."
    )
    if explanation is None:
        text += " A dot is the instant at which the operation takes effect."
    else:
        text += (
            " The operations in conflict are outlined and carry their"
            " numbers; the writes that explain them are in full colour, the"
            " rest is pale."
        )
        if explanation.before:
            text += " An arrow: the one had ended before the other began."
        if explanation.order:
            text += " Dots are the longest order that there is."
    if drawn < total:
        text += (
            f" {drawn:,} of {total:,} operations are drawn; the strip counts"
            " all of them."
        )
    else:
        text += f" All {total:,} operations are drawn."
    return text


def _conflict(result: Result, explanation: Explanation | None) -> str:
    if explanation is None:
        return ""
    when = _clock(result)
    rows = [
        _row(op, when, "in conflict", first=True)
        for op in explanation.conflict
    ]
    support = [
        _row(op, when, _part(op)) for op in explanation.support[:200]
    ]
    head = (
        "<thead><tr><th>operation</th><th>client</th><th class=num>called"
        "</th><th class=num>returned</th><th></th></tr></thead>"
    )
    text = (
        f'<h2>The conflict</h2>\n<div class="wide"><table>{head}<tbody>'
        f"{''.join(rows)}{''.join(support[:12])}</tbody></table></div>"
    )
    if len(support) > 12:
        text += (
            f"<details><summary>{len(support) - 12} more that may be part"
            f' of an order</summary><div class="wide"><table>{head}<tbody>'
            f"{''.join(support[12:])}</tbody></table></div></details>"
        )
    if explanation.reasons:
        reasons = "".join(
            f'<tr><td class="code">{_text(op)}</td><td>{_text(why)}</td></tr>'
            for op, why in explanation.reasons
        )
        text += (
            f"<h2>Why nothing can come next</h2>\n<p class=note>After the"
            f" longest order, {len(explanation.order)} operations, the key"
            f" holds {_text(show(explanation.state, 200))}.</p>"
            f'<div class="wide"><table><tbody>{reasons}</tbody></table></div>'
        )
    return text


def _part(op: Operation) -> str:
    if op.unknown:
        return "unknown outcome"
    return "may be left out" if op.weak else "wrote what was seen"


def _clock(result: Result) -> Callable[[int], str]:
    """How to say a time: since the first call, in a unit that suits."""
    history = result.history
    if history.unit != "ns":
        return lambda time: f"event {time:,}"
    calls = [part.call for part in history.keys.values()]
    calls.append([op.call for op in history.objects])
    zero = min((times[0] for times in calls if times), default=0)
    span = max((times[-1] for times in calls if times), default=0) - zero
    units = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))
    size, unit = next((each for each in units if span >= each[0]), units[-1])
    return lambda time: f"{(time - zero) / size:,.3f} {unit}"


def _row(
    op: Operation, when: Callable[[int], str], part: str, first: bool = False
) -> str:
    end = "never" if op.ret == NEVER else when(op.ret)
    mark = ' class="first"' if first else ""
    return (
        f'<tr{mark}><td class="code">{_text(op)}</td>'
        f"<td>{_text(op.process)}</td><td class=num>{when(op.call)}</td>"
        f"<td class=num>{end}</td><td>{part}</td></tr>"
    )


def _numbers(result: Result) -> str:
    history = result.history
    rows = [
        f'<tr><td class="code">{_text(show(v.key))}</td><td>{v.verdict}</td>'
        f"<td>{v.path}</td><td class=num>{_size(result, v):,}</td>"
        f"<td class=num>{v.steps:,}</td></tr>"
        for v in result.keys[:100]
    ]
    more = len(result.keys) - len(rows)
    note = f"<p class=note>and {more:,} more keys</p>" if more > 0 else ""
    return (
        f"<h2>The keys</h2>\n<p class=note>{len(history):,} operations on"
        f" {len(result.keys):,} {'key' if len(rows) == 1 else 'keys'}."
        f'</p><div class="wide"><table><thead><tr><th>key</th>'
        f"<th>verdict</th><th>decided by</th><th class=num>operations</th>"
        f"<th class=num>places searched</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _size(result: Result, verdict: KeyVerdict) -> int:
    part = result.history.keys.get(verdict.key)
    return len(result.history.objects) if part is None else len(part)


# ------------------------------------------------------------- picture


def _picture(
    result: Result,
    explanation: Explanation | None,
    model: Model,
    limit: int,
) -> dict[str, object]:
    """All that the script needs, ready for JSON."""
    history = result.history
    keys = [verdict.key for verdict in result.keys]
    number = {key: i for i, key in enumerate(keys)}
    fault = None if result.fault is None else number[result.fault.key]
    operations = history.operations()
    begin = min((op.call for op in operations), default=0)
    end = max((_last(op) for op in operations), default=1)
    bins = [0] * _BINS
    for op in operations:
        share = (op.call - begin) / (end - begin or 1)
        bins[min(int(share * _BINS), _BINS - 1)] += 1
    chosen = _choose(operations, explanation, limit)
    orders = _orders(result, explanation, model)
    roles = {}
    why: dict[int, str] = {}
    weak: set[int] = set()
    if explanation is not None:
        roles = {op.index: "support" for op in explanation.support}
        roles |= {op.index: "conflict" for op in explanation.conflict}
        why = {op.index: text for op, text in explanation.reasons}
        weak = {op.index for op in explanation.support if op.weak}
    values: dict[str, None] = {}
    if explanation is not None:
        for op in explanation.conflict:
            values[_value(op)] = None
    ops: list[dict[str, object]] = []
    for op in chosen:
        value = _value(op)
        if value != "null":
            values[value] = None
        n, t, was, now = orders.get(op.index, (None, None, "", ""))
        ops.append(
            {
                "i": op.index,
                "p": _RENAMED.sub("", op.process),
                "k": number.get(op.key, 0),
                "label": _label(op),
                "text": str(op),
                "v": value,
                "c": op.call,
                "r": None if op.ret == NEVER else op.ret,
                "must": op.must and op.index not in weak,
                "role": roles.get(op.index, ""),
                "why": why.get(op.index, ""),
                "n": n,
                "t": t,
                "was": was,
                "is": now,
            }
        )
    values.pop("null", None)
    return {
        "unit": history.unit,
        "zero": begin if history.unit == "ns" else 0,
        "begin": begin,
        "end": end,
        "bins": bins,
        "fault": fault,
        "ordered": bool(orders),
        "before": []
        if explanation is None
        else [(a.index, b.index) for a, b in explanation.before],
        "values": list(values),
        "keys": [
            {
                "key": show(verdict.key),
                "verdict": str(verdict.verdict),
                "count": _size(result, verdict),
            }
            for verdict in result.keys
        ],
        "ops": ops,
        "faults": [
            {
                "f": band.kind,
                "a": band.start,
                "b": None if band.stop == NEVER else band.stop,
                "text": band.text,
            }
            for band in history.faults[:500]
        ],
    }


def _last(op: Operation) -> int:
    return op.call if op.ret == NEVER else op.ret


def _choose(
    operations: Sequence[Operation],
    explanation: Explanation | None,
    limit: int,
) -> list[Operation]:
    """The operations to draw: the conflict, and what is close to it."""
    if len(operations) <= limit:
        return list(operations)
    if explanation is None or not explanation.conflict:
        return list(operations[:limit])
    core = {op.index for op in explanation.conflict}
    close = {op.index for op in explanation.support}
    begin = min(op.call for op in explanation.conflict)
    end = max(_last(op) for op in explanation.conflict)

    def distance(op: Operation) -> tuple[int, int]:
        if op.index in core:
            return 0, 0
        away = max(begin - _last(op), op.call - end, 0)
        if op.key == explanation.key:
            return (1 if op.index in close else 2), away
        return 3, away

    chosen = sorted(operations, key=distance)[:limit]
    chosen.sort(key=lambda op: (op.call, op.index))
    return chosen


_Place = tuple[int, float, str, str]


def _orders(
    result: Result, explanation: Explanation | None, model: Model
) -> dict[int, _Place]:
    """Number, instant, state before and after, by operation."""
    places: dict[int, _Place] = {}
    if explanation is not None:
        _place(explanation.order, model, places)
        return places
    for verdict in result.keys:
        part = result.history.keys.get(verdict.key)
        order = verdict.order[: 4 * LIMIT]
        if part is not None:
            _place([part[i] for i in order], model, places)
        else:
            objects = [
                op
                for op in result.history.objects
                if not model.by_key or op.key == verdict.key
            ]
            _place([objects[i] for i in order], model, places)
    return places


def _place(
    order: Sequence[Operation], model: Model, places: dict[int, _Place]
) -> None:
    """Give each operation of an order an instant in its interval.

    The earliest that the order allows and the latest both rise along the
    order, so their middle does too.
    """
    latest: list[int] = []
    bound = max((_last(op) for op in order), default=0) + 1
    for op in reversed(order):
        bound = min(bound, op.ret)
        latest.append(bound)
    latest.reverse()
    earliest = 0
    state: State = model.init()
    for n, (op, late) in enumerate(zip(order, latest, strict=True)):
        earliest = max(earliest, op.call)
        after = model.step(state, op)
        if after is ILLEGAL:
            return
        places[op.index] = (
            n,
            (earliest + late) / 2,
            show(state, 70),
            show(after, 70),
        )
        state = after


def _value(op: Operation) -> str:
    """The value that an operation is about, which gives it its colour."""
    value: Value = op.value
    if op.f == "cas" and isinstance(op.value, tuple):
        value = op.value[1] if op.result is not False else op.value[0]
        if op.result is False and isinstance(op.actual, int | str | tuple):
            value = op.actual
    elif op.value is None:
        value = op.result
    if isinstance(value, tuple) and value:
        value = value[-1]  # a list goes by its last element
    return show(value)


def _label(op: Operation) -> str:
    """What stands in the bar."""
    if op.f == "cas" and isinstance(op.value, tuple):
        old, new = op.value
        swap = "→" if op.result is not False else "↛"
        return f"cas {show(old, 16)}{swap}{show(new, 16)}"
    if op.value is None and op.f not in ("delete", "put"):
        return f"{op.f} {show(op.result, 24)}"
    if op.f == "delete":
        return "delete"
    return f"{op.f} {show(op.value, 24)}"
