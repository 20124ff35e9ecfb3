"""What the book cites: papers, threads, other code, and where it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from book.weave.back.desk import Desk, table
from book.weave.page import title_of
from book.weave.sources import REPOSITORIES

_SECTION = re.compile(r"\b(thesis|paper) §?(\d+(?:\.\d+)*)")
_THREAD = re.compile(rf"\b(?:{'|'.join(REPOSITORIES)})#\d+")

Cited = dict[str, dict[str, str]]


def cited(desk: Desk) -> Cited:
    """Returns the pages that cite each thing: address and title."""
    found: Cited = {}
    for page in desk.book.pages:
        names = {m[0] for m in _THREAD.finditer(page.text)}
        names |= {f"{m[1]} {m[2]}" for m in _SECTION.finditer(page.text)}
        for name in names:
            address = page.name.replace(".md", ".html")
            found.setdefault(name, {})[address] = title_of(page.text)
    return found


def make(desk: Desk) -> Iterator[str]:
    """Yields the papers, then the threads by repository, then code."""
    known = desk.book.shelf.known()
    where = cited(desk)
    for work, title in (("paper", "The paper"), ("thesis", "The thesis")):
        yield f"## {title}"
        yield from _work(work, known[work], where)
    if others := known.get("works", {}):
        yield "## Other papers"
        yield "<ul>" + "".join(_other(one) for one in others.values()) + "</ul>"
    threads: Mapping[str, Mapping[str, Any]] = known["threads"]
    for repo, url in REPOSITORIES.items():
        own = sorted(
            (int(name.partition("#")[2]), name)
            for name in threads
            if name.partition("#")[0] == repo
        )
        if not own:
            continue
        yield f"## Issues and pull requests of {url.partition('.com/')[2]}"
        yield table(
            ("Number", "Year", "What it is about", "Cited in"),
            (
                (
                    f'<a href="{url}/{threads[name]["kind"]}/{number}">'
                    f"{name}</a>",
                    str(threads[name]["year"]),
                    escape(threads[name]["says"], quote=False),
                    links(where.get(name, {})),
                )
                for number, name in own
            ),
        )
    if codes := known.get("code", {}):
        yield "## Other code"
        yield "<ul>" + "".join(
            f'<li><a href="{one["url"]}">{escape(one["title"])}</a>, commit '
            f"<code>{one['commit'][:12]}</code></li>"
            for one in codes.values()
        ) + "</ul>"


def _work(
    work: str, known: Mapping[str, Any], where: Cited
) -> Iterator[str]:
    yield (
        f'<p><a href="{escape(known["url"])}">'
        f"{escape(' '.join(known['title'].split()), quote=False)}</a></p>"
    )
    yield table(
        ("Section", "Title", "Cited in"),
        (
            (
                f"§{number}",
                escape(title, quote=False),
                links(where.get(f"{work} {number}", {})),
            )
            for number, title in known["sections"].items()
            if where.get(f"{work} {number}")
        ),
    )


def _other(one: Mapping[str, Any]) -> str:
    return f'<li><a href="{one["url"]}">{escape(one["title"])}</a></li>'


def links(pages: Mapping[str, str]) -> str:
    """Returns pages as HTML."""
    return ", ".join(
        f'<a href="{address}">{title}</a>'
        for address, title in sorted(pages.items(), key=lambda p: p[1])
    )
