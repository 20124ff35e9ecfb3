"""The report for a class: each exercise, whether it is green, and why not.

It checks the files as they are now and does not ask what was green before.
The JSON is for programs, the HTML for people; it needs nothing else.
"""

from __future__ import annotations

import html
import json
import time
import tomllib
from pathlib import Path
from typing import Final

from labs.runner.catalogue import all_exercises, find, find_lab
from labs.runner.exercise import ROOT
from labs.runner.running import Outcome, run
from labs.runner.telling import told
from labs.runner.workspace import Workspace

_TOKENS: Final = ROOT / "book/player/tokens.css"


def grade(work: Workspace, out: Path | None, which: str | None) -> int:
    """Checks what is there and writes `report.json` and `report.html`."""
    chosen = find(which) if which else all_exercises()
    outcomes = [run(e, work.path(e)) for e in chosen]
    out = out or work.folder
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(as_json(outcomes, work), "utf-8")
    (out / "report.html").write_text(as_html(outcomes, work), "utf-8")
    for outcome in outcomes:
        state = "green" if outcome.green else _STATES.get(outcome.kind, "red")
        e = outcome.exercise
        print(f"  {e.id:<5} {e.title:<52} {state:>15}")
    green = sum(o.green for o in outcomes)
    print(f"\n{green} of {len(outcomes)} green. The report:"
          f" {out / 'report.html'}")  # fmt: skip
    return 0 if green == len(outcomes) else 1


_STATES: Final = {"missing": "not begun", "todo": "begun"}


def explanation(outcome: Outcome) -> str:
    """Returns what a learner has written for a person to read, if anything.

    An answer sheet may ask for it; no program judges it.
    """
    if outcome.file.suffix != ".toml" or not outcome.file.is_file():
        return ""
    try:
        sheet = tomllib.loads(outcome.file.read_text("utf-8"))
    except ValueError:
        return ""
    return str(sheet.get("explanation", "")).strip()


def as_json(outcomes: list[Outcome], work: Workspace) -> str:
    """Returns the report for programs."""
    rows = [
        {
            "exercise": o.exercise.id, "title": o.exercise.title,
            "green": o.green, "kind": o.kind,
            "checks_passed": o.found.get("passed", 0),
            "hints": work.hints(o.exercise), "minutes": o.exercise.minutes,
            "said": "" if o.green else told(o),
            "explanation": explanation(o),
        }
        for o in outcomes
    ]  # fmt: skip
    report = {
        "folder": work.folder.name, "at": time.strftime("%Y-%m-%d %H:%M"),
        "green": sum(o.green for o in outcomes), "of": len(outcomes),
        "exercises": rows,
    }  # fmt: skip
    return json.dumps(report, indent=1) + "\n"


def as_html(outcomes: list[Outcome], work: Workspace) -> str:
    """Returns the report for people."""
    green = sum(o.green for o in outcomes)
    tokens = _TOKENS.read_text("utf-8") if _TOKENS.exists() else ""
    rows, lab = [], -1
    for o in outcomes:
        e = o.exercise
        if e.lab != lab:
            lab = e.lab
            title = html.escape(find_lab(e.id).title)
            rows.append(
                f'<tr><th colspan="4" scope="rowgroup">Lab {lab}: {title}'
                "</th></tr>"
            )
        state = "green" if o.green else _STATES.get(o.kind, "red")
        said = ""
        if not o.green and o.kind not in _STATES:
            said = f"<pre>{html.escape(told(o))}</pre>"
        if text := explanation(o):
            said += f"<blockquote>{html.escape(text)}</blockquote>"
        rows.append(
            f"<tr><td>{e.id}</td><td>{html.escape(e.title)}{said}</td>"
            f'<td><b class="{state.split()[0]}">{state}</b></td>'
            f"<td>{work.hints(e)} of {len(e.hints)}</td></tr>"
        )
    return _PAGE.format(
        tokens=tokens, style=_STYLE, green=green, of=len(outcomes),
        at=time.strftime("%Y-%m-%d %H:%M"), rows="".join(rows),
        folder=html.escape(work.folder.name),
    )  # fmt: skip


_STYLE: Final = """
body { background: var(--paper); color: var(--ink); margin: 2rem auto;
  max-width: 50rem; padding: 0 1rem; font: 17px/1.6 var(--serif); }
h1 { font-size: 1.6rem; font-weight: 600; line-height: 1.3; }
p { color: var(--muted); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; padding: 1.2rem 0 .2rem; }
thead th { font: 15px var(--sans); color: var(--muted); }
td { padding: .25rem .8rem .25rem 0; vertical-align: top;
  border-top: 1px solid var(--hair); }
b { font-weight: 600; padding: .1rem .4rem; white-space: nowrap; }
b.green { background: var(--leader); color: var(--leader-ink); }
b.red { background: var(--candidate); color: var(--candidate-ink); }
b.not, b.begun { background: var(--down); color: var(--down-ink); }
blockquote { margin: .4rem 0 .4rem 1rem; font-style: italic; }
pre { font: 13px/1.45 var(--mono); overflow-x: auto; margin: .4rem 0; }
"""

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Labs: {green} of {of} green</title>
<style>{tokens}{style}</style></head><body>
<h1>{green} of {of} exercises are green.</h1>
<p>{folder}, checked on {at}. <i>Hints</i>: how many were looked at.</p>
<table><thead><tr><th scope="col">Nr.</th><th scope="col">Exercise</th>
<th scope="col">State</th><th scope="col">Hints</th></tr></thead>
<tbody>{rows}</tbody></table></body></html>
"""
