"""What stands around a function: who calls it, what holds it, its history.

Below the code of a walk stands one line, which opens: who uses the function,
by name and line; the tests that hold it; the pull requests upstream that
touched its Go. Nobody writes this. The callers come from the code, the tests
from the tests, the pull requests from upstream's history.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from book.weave import golang
from book.weave.back.desk import Desk, code
from book.weave.pins import Pin
from book.weave.place import WovenWalk
from book.weave.pulls import shaped
from book.weave.python import MODULE
from book.weave.sources import REPOSITORIES
from book.weave.uses import Use

MOST_CALLERS = 12
MOST_TESTS = 6


def html(desk: Desk, woven: WovenWalk) -> str:
    """Returns the line and what it opens, or nothing if there is nothing."""
    if woven.symbol.name == MODULE:
        return ""
    rows: list[tuple[str, str]] = []
    counts: list[str] = []
    callers = _callers(desk, woven)
    if callers:
        counts.append(f"used by {_some(len(callers), 'function')}")
        rows.append(("Used by", _list(callers, MOST_CALLERS)))
    held = _tests(desk, woven)
    if held:
        counts.append(f"held by {_some(len(held), 'test')}")
        rows.append(("Held by", _list(held, MOST_TESTS)))
    broken = desk.pins.breakers(woven.symbol)
    if broken:
        rows.append(("Broken, for a test, in", _list(map(code, broken), 4)))
    read, unread = _history(desk, woven)
    if read or unread:
        number = len(read) + len(unread)
        counts.append(f"shaped by {_some(number, 'pull request')}")
        told = "<br>".join([*read, ", ".join(unread)]).removesuffix("<br>")
        rows.append(("Shaped by", told))
    if not rows:
        return ""
    said = ", ".join(counts) or "broken for a test"
    inner = "".join(f"<dt>{t}</dt><dd>{d}</dd>" for t, d in rows)
    return (
        '<details class="wv-around" data-search-exclude>'
        f"<summary>{said[0].upper()}{said[1:]}</summary>"
        f"<dl>{inner}</dl></details>"
    )


def _some(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _list(pieces: Iterable[str], most: int) -> str:
    shown = list(pieces)
    more = len(shown) - most
    text = ", ".join(shown[:most])
    return f"{text}, and {more} more" if more > 0 else text


def _callers(desk: Desk, woven: WovenWalk) -> list[str]:
    """Returns the functions and tables that use it, each by its first use.

    The tools in `port/rafttest` count only where nobody else does.
    """
    symbol = woven.symbol
    found = [
        use
        for use in desk.uses.of(symbol.path, symbol.name)
        if (use.path, use.owner) != (symbol.path, symbol.name)
        and not use.owner.startswith(f"{symbol.name}.")
    ]
    library = [u for u in found if not u.path.startswith("port/rafttest/")]
    first: dict[tuple[str, str], Use] = {}
    for use in library or found:
        first.setdefault((use.path, use.owner), use)
    return [_caller(desk, use, symbol.path) for use in first.values()]


def _caller(desk: Desk, use: Use, home: str) -> str:
    name = "the module" if use.owner == MODULE else use.owner
    href = desk.line(use.path, use.line) or desk.walk(use.path, use.owner)
    shown = code(name, href)
    if use.path != home:
        shown += f" in {code(use.path)}"
    return shown


def _tests(desk: Desk, woven: WovenWalk) -> list[str]:
    cited = [
        one.partition("[")[0]
        for placed in woven.placed
        for one in placed.note.evidence
        if one.startswith("tests/")
    ]
    return [_test(pin) for pin in desk.pins.of(woven.symbol, cited)]


def _test(pin: Pin) -> str:
    name = pin.name.rpartition("::")[2]
    shown = f'<code title="{escape(pin.file)}">{escape(name)}</code>'
    return f"{shown} (Go: {code(pin.go)})" if pin.go else shown


def _history(desk: Desk, woven: WovenWalk) -> tuple[list[str], list[str]]:
    """Returns the pull requests: those with a word on them, and the others."""
    read: dict[str, None] = {}
    unread: dict[str, None] = {}
    threads = desk.book.shelf.threads()
    for r in golang.sources(woven.symbol):
        for name in shaped(r.file, r.first, r.last):
            if name in threads:
                told = desk.book.shelf.resolve(name)
                said = escape(told.title, quote=False)
                read[f'<a href="{told.url}">{name}</a> {said}'] = None
            else:
                repo, _, number = name.partition("#")
                url = f"{REPOSITORIES[repo]}/pull/{number}"
                unread[f'<a href="{url}">{name}</a>'] = None
    return list(read), list(unread)
