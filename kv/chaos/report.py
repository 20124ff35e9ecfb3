"""The page about a run: the verdict, the picture, the numbers.

It holds everything in itself and loads nothing. Whatever came from a run is
escaped. For a history without an order, the checker's page about the conflict
is in it as well, and beside it in a file.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kv.chaos.run import Outcome
from kv.lincheck import page as conflict_page

_HERE: Final = Path(__file__).parent / "page"


def write_report(outcome: Outcome) -> Path:
    """Writes `report.html`, and `conflict.html` if there is one.

    Returns:
        Where the report is.
    """
    out = outcome.settings.out
    conflict = ""
    if outcome.result is not None and outcome.explanation is not None:
        conflict = conflict_page.render(outcome.result, outcome.explanation)
        (out / "conflict.html").write_text(conflict, encoding="utf-8")
    path = out / "report.html"
    path.write_text(render(outcome, conflict), encoding="utf-8")
    return path


def render(outcome: Outcome, conflict: str = "") -> str:
    """Returns the page.

    Args:
        outcome: What there is to tell.
        conflict: The checker's page, if it found one.
    """
    data = json.dumps(_data(outcome), separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        data = data.replace(char, f"\\u{ord(char):04x}")
    s = outcome.settings
    longest = (
        '<button id="longest" type="button">the longest gap</button>'
        if outcome.gaps else ""
    )  # fmt: skip
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_title(outcome)}: seed {s.seed}</title>
<style>
{conflict_page.tokens()}
{_read("page.css")}
</style>
</head>
<body>
<main>
<p class="file">{_text(outcome.began)}, {_text(s.nemesis)}, seed {s.seed}\
{_text("".join(f", {k} {v}" for k, v in s.notes.items()))}</p>
<h1>{_headline(outcome)}</h1>
{_why(outcome)}
<figure>
<div class="bar">
<button id="all" type="button">all of it</button>
{longest}
<button id="out" type="button" aria-label="zoom out">&minus;</button>
<button id="in" type="button" aria-label="zoom in">+</button>
<span class="grow"></span>
<span class="hint">drag to move, Ctrl and wheel to zoom; keys
+ &minus; &larr; &rarr; 0</span>
</div>
<div id="view"></div>
<div id="told" aria-live="polite">Point at a moment.</div>
<figcaption>{_caption()}<span id="binned"></span></figcaption>
</figure>
<noscript><p class="note">The picture needs JavaScript; what it shows is told
in numbers below.</p></noscript>
{_conflict(conflict)}
{_numbers(outcome)}
{_gaps(outcome)}
{_faults(outcome)}
{_elections(outcome)}
{_again(outcome)}
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


def _title(outcome: Outcome) -> str:
    return {0: "All is well", 1: "Something is wrong", 3: "Nobody knows"}[
        outcome.code
    ]


def _headline(outcome: Outcome) -> str:
    count = sum(outcome.done.values())
    verdict = "was not judged"
    if outcome.result is not None:
        verdict = f"is {outcome.result.verdict}"
    return _text(
        f"{_title(outcome)}: after {_span(outcome.seconds)} and"
        f" {count:,} faults, the history of {outcome.operations:,}"
        f" operations {verdict}."
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


def _why(outcome: Outcome) -> str:
    parts = []
    if outcome.explanation is not None:
        parts.append(
            f'<p class="why">{_text(outcome.explanation.sentence)}</p>'
        )
    if outcome.code == 0:
        healed = outcome.healed or 0.0
        parts.append(
            '<p class="why">There is an order of all operations that explains'
            " every answer. No acknowledged write is missing, none was done"
            f" twice. {healed:.1f} seconds after the last fault had ended"
            " all nodes held the same, and took fresh writes.</p>"
        )
    if outcome.interrupted:
        parts.append('<p class="note">Somebody ended the run early.</p>')
    parts += [
        f'<p class="wrong">{_text(problem)}</p>'
        for problem in outcome.problems[:10]
    ]
    if len(outcome.problems) > 10:
        parts.append(
            f'<p class="note">and {len(outcome.problems) - 10} more, in'
            " run.json.</p>"
        )
    return "\n".join(parts)


def _caption() -> str:
    return (
        "<b>Figure 1.</b> Time runs to the right. On top the faults, a row"
        " for each kind: partitions are hatched, crashes grey, clocks dotted,"
        " pauses cross-hatched; where there are few enough of them they lie"
        " behind the charts as well. Then the nodes: L leads (double edge), F"
        " follows, C and P campaign, hatched is down or silent; numbers are"
        " terms, and each thin line is an election. A node that comes takes"
        " the row of one that has gone; its number stands there. Below, what"
        " clients saw: how many answers a second (what was not done or is"
        " unknown on top, outlined), and how long an answer took, the median"
        " as a line and the longest dashed, on a logarithmic scale. A bracket"
        " is a time without any answer."
    )


def _conflict(page: str) -> str:
    if not page:
        return ""
    return (
        '<h2>The conflict</h2>\n<p class="note">The same page is beside this'
        ' one, in <a href="conflict.html">conflict.html</a>.</p>\n'
        f'<iframe title="The conflict" srcdoc="{html.escape(page)}">'
        "</iframe>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table; a `#` before a column's name sets it right."""
    kinds = [' class="num"' if name[:1] == "#" else "" for name in head]
    names = "".join(
        f"<th{kind}>{name.removeprefix('#')}</th>"
        for kind, name in zip(kinds, head, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(
            f"<td{kind}>{cell}</td>"
            for kind, cell in zip(kinds, row, strict=True)
        ) + "</tr>"
        for row in rows
    )  # fmt: skip
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'


def _numbers(outcome: Outcome) -> str:
    s = outcome.settings
    rows = [
        ("time", f"{outcome.seconds:,.1f} s, of which {s.seconds:,.0f} s"
         " under faults"),
        ("clients", f"{s.clients}, each with one operation at a time"),
        ("operations", f"{outcome.operations:,}: {outcome.ended('ok'):,}"
         f" answered, {outcome.ended('fail'):,} not done,"
         f" {outcome.ended('info'):,} unknown"),
    ]  # fmt: skip
    if outcome.seconds:
        rate = outcome.ended("ok") / outcome.seconds
        rows.append(("answers", f"{rate:,.0f} a second on average"))
    if outcome.latency:
        rows.append(("time for an answer", ", ".join(
            f"{name} {value * 1000:,.1f} ms"
            for name, value in outcome.latency.items()
        )))  # fmt: skip
    rows.append(("elections", f"{len(outcome.elections):,}"))
    if outcome.result is not None:
        paths = sorted({v.path for v in outcome.result.keys})
        rows.append((
            "verdict", f"{outcome.result.verdict}, {len(outcome.result.keys):,}"
            f" keys, decided by {' and '.join(paths) or 'nothing'}",
        ))  # fmt: skip
    if outcome.healed is not None:
        rows.append((
            "to one state", f"{outcome.healed:.1f} s after the faults ended",
        ))  # fmt: skip
    kinds = sorted({kind for kind, _ in outcome.counts})
    each = _table(
        ("operation", "#answered", "#not done", "#unknown"),
        [
            (kind, *(f"{outcome.counts[kind, how]:,}"
                     for how in ("ok", "fail", "info")))
            for kind in kinds
        ],
    )  # fmt: skip
    escaped = [(name, _text(value)) for name, value in rows]
    return f"<h2>The numbers</h2>\n{_table(('', ''), escaped)}\n<p></p>{each}"


def _gaps(outcome: Outcome) -> str:
    if not outcome.gaps:
        return (
            "<h2>Times without progress</h2>\n<p>At no time was there no"
            " answer for more than a second.</p>"
        )
    rows = []
    for gap in outcome.gaps:
        why = "".join(f"<li>{_text(line)}</li>" for line in gap.why)
        link = (
            f'<a href="#view" data-from="{gap.begin}" data-to="{gap.end}">'
            f"{gap.begin:.1f} s</a>"
        )
        rows.append((
            f"{gap.end - gap.begin:.2f} s", link,
            f"<ul>{why}</ul>" if why else "no fault of ours",
        ))  # fmt: skip
    return (
        "<h2>Times without progress</h2>\n<p class=note>When no client got"
        " any answer for more than a second: the longest of them, and what"
        " was wrong meanwhile.</p>\n"
        + _table(("#how long", "#from", "meanwhile"), rows)
    )


def _faults(outcome: Outcome) -> str:
    rows = [
        (family, _text(name), f"{count:,}")
        for (family, name), count in sorted(outcome.done.items())
    ]
    text = "<h2>The faults</h2>\n" + _table(
        ("sort", "fault", "#times"), rows
    )  # fmt: skip
    if outcome.passed:
        count = sum(outcome.passed.values())
        passed = [
            (_text(name), _text(why), f"{times:,}")
            for (name, why), times in sorted(outcome.passed.items())
        ]
        text += (
            f"<details><summary>{count:,} were passed over</summary>"
            + _table(("fault", "why", "#times"), passed) + "</details>"
        )  # fmt: skip
    listed = [
        (f"{b.begin:.1f} s", "lasts" if b.end is None else
         f"{b.end - b.begin:.1f} s", b.family, _text(b.text))
        for b in outcome.bands
    ]  # fmt: skip
    return text + (
        f"<details><summary>all {len(listed):,}, in order</summary>"
        + _table(("#at", "#for", "sort", "what"), listed) + "</details>"
    )  # fmt: skip


def _elections(outcome: Outcome) -> str:
    rows = [
        (f"{when:.1f} s", str(term), str(node))
        for when, term, node in outcome.elections
    ]
    return (
        f"<h2>The elections</h2>\n<details><summary>all {len(rows):,}"
        "</summary>" + _table(("#at", "#term", "#node"), rows) + "</details>"
    )


def _again(outcome: Outcome) -> str:
    s = outcome.settings
    return (
        "<h2>Once more</h2>\n<p class=note>The same seed has the same"
        " schedule of faults; who leads when a fault is due, and how the"
        " processes take it, differs.</p>\n"
        f"<pre>{_text(s.again)}\n"
        "python -m kv lincheck history.jsonl\n"
        f"servers: {_text(' '.join(s.arguments))}</pre>"
    )


def _data(outcome: Outcome) -> dict[str, object]:
    """Returns what the script draws."""
    end = round(outcome.seconds, 3)
    seconds = outcome.per_second
    return {
        "seconds": end,
        "bands": [
            {"f": b.family, "t": b.text, "a": round(b.begin, 3),
             "b": end if b.end is None else round(b.end, 3)}
            for b in outcome.bands
        ],
        "lanes": {
            id: [(round(t, 2), role, term) for t, role, term in lane]
            for id, lane in sorted(outcome.lanes.items())
        },
        "elections": [
            (round(t, 3), term, node) for t, term, node in outcome.elections
        ],
        "gaps": [(gap.begin, gap.end) for gap in outcome.gaps],
        "ok": [s.ok for s in seconds],
        "fail": [s.fail for s in seconds],
        "info": [s.info for s in seconds],
        "half": [round(s.half, 5) for s in seconds],
        "most": [round(s.most, 5) for s in seconds],
    }  # fmt: skip
