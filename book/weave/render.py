"""The elements of a walk.

    section.wv-walk                       one symbol
      p.wv-from                           where it stands, here and in Go
      div.wv-doc                          its docstring, as prose
      div.wv-code                         its code, and notes
        div.wv-seg                        one note and its lines
          aside.wv-note                   beside the lines, or below them
          pre.wv-lines > span.wv-line     the lines themselves

The segments stack without a gap, so that the code stays in one piece. A note
comes before its lines in the document and floats to their right; styles do
the rest, and without styles it reads like a comment above the code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from html import unescape
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown  # type: ignore[import-untyped]
from markdown.util import AtomicString  # type: ignore[import-untyped]

from book.weave import around, golang, highlight
from book.weave.back.desk import Desk
from book.weave.catalogue import AtStep
from book.weave.place import Placed, WovenWalk
from book.weave.roles import ROLES
from book.weave.sources import Evidence

Parse = Callable[[Element, list[str]], None]

_LONGEST_GO = 24
_DOORS = {role.door: role.letter for role in ROLES}
_SECTIONS = ("Args", "Attributes", "Raises", "Returns", "Yields")
_VERBS = ("Raises", "Yields")
_HEAD = re.compile(rf"^({'|'.join(_SECTIONS)}):$")
_PIECE = re.compile(r"(<[^>]*>)|([^<]+)")
_ENTRY = re.compile(r"^ {4}(\*{0,2}[\w.]+)(?: \(.*?\))?: (.*)$")


def walk(
    parent: Element,
    woven: WovenWalk,
    desk: Desk,
    md: Markdown,
    parse: Parse,
) -> None:
    """Appends a walk to `parent`.

    Args:
        parent: The element to append to.
        woven: The walk.
        desk: The book, and links into it.
        md: Keeps the HTML of coloured code until the page is written.
        parse: Appends Markdown blocks to an element.
    """
    symbol = woven.symbol
    section = _add(parent, "section", "wv-walk", id=symbol.id)
    _origin(section, woven)
    _docstring(section, symbol.doc, parse)
    code = _add(section, "div", "wv-code")
    code.set("style", f"--cut:{_shared_indent(woven)}")
    if woven.bare:
        segment = _add(code, "div", "wv-seg wv-bare")
        _lines(segment, woven, woven.bare, desk, md)
    for placed in woven.placed:
        key = " wv-key" if placed.note.key else ""
        segment = _add(code, "div", f"wv-seg{key}")
        _note(segment, woven, placed, desk, parse)
        _lines(segment, woven, placed.lines, desk, md)
    if told := around.html(desk, woven):
        _add(section, "div", "wv-after").text = md.htmlStash.store(told)


def strip(walks: list[WovenWalk]) -> Element:
    """Returns the slim strip on top: the walks of the page, and switches."""
    nav = Element("nav", {"class": "wv-strip", "aria-label": "On this page"})
    if len(walks) > 1:
        listed = _add(nav, "ul", "wv-strip-walks")
        last = [woven.symbol.name.rpartition(".")[2] for woven in walks]
        for woven in walks:
            item = _add(listed, "li")
            link = SubElement(item, "a", {"href": f"#{woven.symbol.id}"})
            if letter := _DOORS.get(woven.symbol.name):
                tag = _add(link, "span", f"wv-role-tag {letter}")
                tag.text = AtomicString(letter)
            # Its class as well, if two have the same name.
            name = woven.symbol.name.rpartition(".")[2]
            if last.count(name) > 1:
                name = woven.symbol.name
            SubElement(link, "code").text = AtomicString(name)
    switches = _add(nav, "div", "wv-switches")
    for name, label in (
        ("wv-only-key", "Key notes only"),
        ("wv-show-go", "Go beside Python"),
    ):
        wrapped = _add(switches, "label", name)
        box = {"type": "checkbox", "id": name, "autocomplete": "off"}
        SubElement(wrapped, "input", box)
        SubElement(wrapped, "span").text = label
    _add(switches, "span", "wv-said", role="status")
    return nav


def untangle(root: Element) -> None:
    """Takes links out of what is itself to be pressed.

    A name in the text of a link would be a link in a link, which is none in
    the end. And what opens when it is pressed, as the first sentence of a
    note does, cannot lead elsewhere: the links of a note's first sentence
    stand once more where it ends, and are links there.
    """
    for outer in root.iter("a"):
        for inner in list(outer.iter("a"))[1:]:
            _plain(inner)
    for details in root.iter("details"):
        summary = details.find("summary")
        links = [] if summary is None else list(summary.iter("a"))
        more = details.find("div[@class='wv-more']")
        see = None
        if links and more is not None:
            see = _add(more, "p", "wv-see")
        for link in links:
            if see is None:
                _plain(link)
                continue
            copy = deepcopy(link)
            copy.tail = " "
            see.append(copy)
            _plain(link)


def _plain(link: Element) -> None:
    """Makes a link mere text."""
    link.tag = "span"
    for name in ("href", "title"):
        link.attrib.pop(name, None)


def _origin(section: Element, woven: WovenWalk) -> None:
    symbol = woven.symbol
    line = _add(section, "p", "wv-from")
    here = SubElement(line, "code")
    here.text = AtomicString(f"{symbol.path}:{_span(symbol.lines)}")
    for r in golang.sources(symbol):
        link = SubElement(line, "a", {"href": r.url, "class": "wv-go"})
        link.text = AtomicString(str(r))


def _docstring(section: Element, doc: str, parse: Parse) -> None:
    """Sets a Google style docstring: paragraphs, then lists of terms."""
    doc = golang.without_sources(doc)
    if not doc:
        return
    prose, sections = _parts(doc)
    box = _add(section, "div", "wv-doc")
    parse(box, prose)
    for title, entries in sections:
        terms = _add(box, "dl", "wv-terms")
        for term, text in entries:
            named = SubElement(terms, "dt")
            verb = title.lower() if title in _VERBS or not term else ""
            SubElement(named, "span").text = f"{verb} " if term else verb
            if term:
                SubElement(named, "code").text = AtomicString(term)
            SubElement(terms, "dd").text = text


def _parts(
    doc: str,
) -> tuple[list[str], list[tuple[str, list[tuple[str, str]]]]]:
    prose: list[str] = []
    sections: list[tuple[str, list[tuple[str, str]]]] = []
    for block in re.split(r"\n\s*\n", doc.strip()):
        first, *rest = block.splitlines()
        if not (head := _HEAD.match(first)):
            prose.append(block)
            continue
        entries: list[tuple[str, str]] = []
        for line in rest:
            if entry := _ENTRY.match(line):
                entries.append((entry[1], entry[2]))
            elif entries:
                term, text = entries[-1]
                entries[-1] = (term, f"{text} {line.strip()}")
            else:
                entries.append(("", line.strip()))
        sections.append((head[1], entries))
    return prose, sections


def _lines(
    segment: Element,
    woven: WovenWalk,
    numbers: tuple[int, ...],
    desk: Desk,
    md: Markdown,
) -> None:
    coloured = highlight.lines(woven.source.text)
    cut = _shared_indent(woven)
    block = _add(segment, "pre", "wv-lines")
    for n in numbers:
        name = woven.symbol.line_id(n)
        text = woven.source.line(n)
        indent = len(text) - len(text.lstrip())
        blank = "" if text.strip() else " wv-blank"
        line = _add(block, "span", f"wv-line{blank}", id=name)
        line.set("style", f"--in:{indent}")
        SubElement(
            line,
            "a",
            {
                "class": "wv-n",
                "href": f"#{name}",
                "data-n": str(n),
                "aria-label": f"line {n}",
            },
        )
        # The indentation, and in it what all lines share: a narrow page
        # does without. Then the code. The stash keeps its colours away from
        # whatever reads text for Markdown.
        spaces = _add(line, "span", "wv-in")
        shared = _add(spaces, "span", "wv-cut")
        shared.text = AtomicString(" " * min(indent, cut))
        shared.tail = " " * max(indent - cut, 0)
        html = _linked(coloured[n - 1], woven, n, desk).lstrip(" ")
        code = _add(line, "span", "wv-text")
        code.text = AtomicString(md.htmlStash.store(html or " "))
        line.tail = "\n"


def _linked(html: str, woven: WovenWalk, n: int, desk: Desk) -> str:
    """Returns a coloured line in which names lead to their walks.

    A name that stands for the walk's own function, or for a class that is
    only named to say what something is, leads nowhere.
    """
    homes: dict[int, tuple[str, str]] = {}
    for use in desk.uses.on_line(woven.symbol.path, n):
        path, name = use.target
        href = desk.walk(path, name)
        own = (path, name) == (woven.symbol.path, woven.symbol.name)
        is_class = name.rpartition(".")[2][:1].isupper()
        if use.name and href and not own and (use.call or not is_class):
            homes[use.column] = use.name, href
    if not homes:
        return html
    column = 0
    pieces: list[str] = []
    for tag, text in _PIECE.findall(html):
        name, href = homes.get(column, ("", ""))
        if text and text == name:
            text = f'<a class="wv-sym" href="{href}">{text}</a>'
            column += len(name)
        else:
            column += len(unescape(text))
        pieces.append(tag + text)
    return "".join(pieces)


def _shared_indent(woven: WovenWalk) -> int:
    texts = [woven.source.line(n) for n in woven.symbol.lines]
    return min(len(t) - len(t.lstrip()) for t in texts if t.strip())


def _note(
    segment: Element,
    woven: WovenWalk,
    placed: Placed,
    desk: Desk,
    parse: Parse,
) -> None:
    note = placed.note
    said = f"note on {'line' if len(placed.lines) == 1 else 'lines'} "
    said += _span(placed.lines)
    aside = _add(segment, "aside", "wv-note", role="note")
    aside.set("aria-label", f"key {said}" if note.key else said)
    if placed.go:
        aside.set("data-go", golang.say(placed.go))
    where = SubElement(
        aside,
        "a",
        {
            "class": "wv-where",
            "href": f"#{woven.symbol.line_id(placed.lines[0])}",
            "aria-hidden": "true",
            "tabindex": "-1",
            "data-search-exclude": "",
        },
    )
    where.text = AtomicString(str(placed.lines[0]))
    if placed.go:
        _go_link(aside, placed)
    if not note.rest and not placed.evidence:
        _add(aside, "p", "wv-opening").text = note.opening
        return
    details = _add(aside, "details")
    summary = _add(details, "summary", "wv-opening")
    SubElement(summary, "span").text = note.opening
    more = _add(details, "div", "wv-more")
    parse(more, list(note.rest))
    if placed.evidence:
        _evidence(more, placed.evidence, desk)


def _go_link(aside: Element, placed: Placed) -> None:
    first = placed.go[0]
    link = SubElement(aside, "a", {"class": "wv-go", "href": first.url})
    link.set("title", f"Go: {golang.say(placed.go)}")
    link.set("data-search-exclude", "")
    said = golang.say(r for r in placed.go if r.file == first.file)
    said = said.rpartition("/")[2]
    if len(said) > _LONGEST_GO or first.file != placed.go[-1].file:
        said = f"{golang.say(placed.go[:1]).rpartition('/')[2]}…"
    link.text = AtomicString(said)


def _evidence(
    more: Element, evidence: tuple[Evidence, ...], desk: Desk
) -> None:
    listed = _add(more, "ul", "wv-evidence")
    for e in evidence:
        item = SubElement(listed, "li")
        url = e.url
        if e.step:
            spot = desk.book.moves.spot(AtStep(*e.step))
            url = f"{spot.page}#{spot.anchor}"
        if url:
            label = SubElement(item, "a", {"href": url})
        else:
            label = SubElement(item, "code")
        label.text = AtomicString(e.label)
        SubElement(item, "span").text = AtomicString(f" {e.title}")


def _span(lines: tuple[int, ...]) -> str:
    if lines[0] == lines[-1]:
        return str(lines[0])
    return f"{lines[0]}–{lines[-1]}"


def _add(
    parent: Element, tag: str, classes: str = "", **attributes: str
) -> Element:
    element = SubElement(parent, tag, attributes)
    if classes:
        element.set("class", classes)
    return element
