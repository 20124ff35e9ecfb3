"""Links made of what authors write anyway, checked like evidence.

In running text, etcd#2461, thesis §3.6 and paper §5.4.2 become links to what
`book/sources.toml` knows, and `raft.go:891-900` in backticks becomes a link
to those lines at the pinned tag; `hashicorp/raft.go:81-95`, to those of
another codebase. What is unknown stops the build. The name of a function that
has a walk leads to it. :L: becomes the tag of a leader.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.inlinepatterns import (  # type: ignore[import-untyped]
    InlineProcessor,
)
from markdown.util import AtomicString  # type: ignore[import-untyped]

from book.weave import golang
from book.weave.problems import Refused
from book.weave.roles import ROLES
from book.weave.sources import REPOSITORIES, Sources

CITED = (
    rf"\b((?:{'|'.join(REPOSITORIES)})#\d+"
    r"|(?:thesis|paper) §\d+(?:\.\d+)*)"
)
GO = r"`([\w/-]+\.go:\d[\d,-]*)`"

SYMBOL = r"`([A-Za-z_][\w.]*)`"

ROLE = r"(?<!\S):([FPCL]):(?!\w)"

WALKED = r"\[([^\[\]]+)\]\(<walk:(\S+) ([^>]+)>\)"

Complain = Callable[[Refused, str], None]
Found = tuple[ElementTree.Element | None, int | None, int | None]


class CitedPattern(InlineProcessor):  # type: ignore[misc]
    """Links etcd#2461, thesis §3.6."""

    def __init__(self, md: Markdown, shelf: Sources, complain: Complain):
        super().__init__(CITED, md)
        self.shelf = shelf
        self.complain = complain

    def handleMatch(self, m: re.Match[str], data: str) -> Found:
        try:
            source = self.shelf.resolve(m[1])
        except Refused as wrong:
            self.complain(wrong, m[1])
            return None, None, None
        attributes = {"href": source.url, "title": source.title}
        link = ElementTree.Element("a", attributes | {"class": "wv-cited"})
        link.text = AtomicString(m[1].replace(" §", "\u00a0§"))
        return link, m.start(0), m.end(0)


class GoPattern(InlineProcessor):  # type: ignore[misc]
    """Links `raft.go:891-900` and `hashicorp/raft.go:81-95`."""

    def __init__(self, md: Markdown, shelf: Sources, complain: Complain):
        super().__init__(GO, md)
        self.shelf = shelf
        self.complain = complain

    def handleMatch(self, m: re.Match[str], data: str) -> Found:
        try:
            if self.shelf.is_code(m[1]):
                url = self.shelf.lines(m[1]).url
            else:
                url = golang.parse(m[1], "port/raft.py")[0].url
        except Refused as wrong:
            self.complain(wrong, m[1])
            return None, None, None
        link = ElementTree.Element("a", {"href": url, "class": "wv-goref"})
        ElementTree.SubElement(link, "code").text = AtomicString(m[1])
        return link, m.start(0), m.end(0)


class LinePattern(InlineProcessor):  # type: ignore[misc]
    """Links `[so](<walk:NAME TEXT>)` to a line of the walk of `NAME`."""

    def __init__(
        self,
        md: Markdown,
        find: Callable[[str, str], str],
        complain: Complain,
    ):
        super().__init__(WALKED, md)
        self.find = find
        self.complain = complain

    def handleMatch(self, m: re.Match[str], data: str) -> Found:
        try:
            home = self.find(m[2], m[3])
        except Refused as wrong:
            self.complain(wrong, f"<walk:{m[2]} {m[3]}>")
            return None, None, None
        link = ElementTree.Element("a", {"href": home, "class": "wv-to-line"})
        link.text = m[1]
        return link, m.start(0), m.end(0)


class RolePattern(InlineProcessor):  # type: ignore[misc]
    """Makes :F: the tag of a follower, and so for each role."""

    def handleMatch(self, m: re.Match[str], data: str) -> Found:
        names = {role.letter: role.name for role in ROLES}
        tag = ElementTree.Element(
            "span", {"class": f"wv-role-tag {m[1]}", "title": names[m[1]]}
        )
        tag.text = AtomicString(m[1])
        return tag, m.start(0), m.end(0)


class SymbolPattern(InlineProcessor):  # type: ignore[misc]
    """Links `Raft.reset` and `reset` to the walk of it, if there is one."""

    def __init__(self, md: Markdown, homes: Callable[[], dict[str, str]]):
        super().__init__(SYMBOL, md)
        self.homes = homes

    def handleMatch(self, m: re.Match[str], data: str) -> Found:
        home = self.homes().get(m[1])
        if home is None:
            return None, None, None
        link = ElementTree.Element("a", {"href": home, "class": "wv-sym"})
        ElementTree.SubElement(link, "code").text = AtomicString(m[1])
        return link, m.start(0), m.end(0)
