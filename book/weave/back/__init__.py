"""What the build makes of code and data: `::: generated NAME`, `:::`.

The tables of the back matter are written by nobody. Each is made while its
page is built, from the port, the facts about the Go, the ledger and the
chapters, so that none can be out of date and none need be kept. A maker is a
function that is given a `Desk` and yields pieces, in order: HTML, if it begins
with `<`, and Markdown otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element, SubElement

from book.weave.back import (
    bibliography,
    commands,
    config,
    controls,
    correspondence,
    ledger,
    loglines,
    messages,
    sheet,
    wall,
    ways,
)
from book.weave.back.desk import Desk
from book.weave.problems import Refused

Maker = Callable[[Desk], Iterator[str]]

MAKERS: dict[str, Maker] = {
    "bibliography": bibliography.make,
    "cheatsheet": sheet.make,
    "commands": commands.make,
    "configuration": config.make,
    "contents": ways.contents,
    "controls": controls.make,
    "correspondence": correspondence.make,
    "divergences": ledger.make,
    "log-lines": loglines.make,
    "matrix": wall.make,
    "messages": messages.make,
    "ways": ways.make,
}


def check(name: str) -> None:
    """Sees that there is such a maker.

    Raises:
        Refused: there is not.
    """
    if name not in MAKERS:
        raise Refused(
            f"nothing generates {name!r}",
            f"name one of {', '.join(sorted(MAKERS))}",
        )


def make(
    parent: Element,
    name: str,
    desk: Desk,
    parse: Callable[[Element, list[str]], None],
    stash: Callable[[str], str],
) -> None:
    """Appends what a maker makes.

    Args:
        parent: The element to append to.
        name: Which maker.
        desk: What it works with.
        parse: Appends Markdown blocks to an element.
        stash: Keeps HTML until the page is written, and returns its mark.
    """
    for piece in MAKERS[name](desk):
        if piece.startswith("<"):
            box = SubElement(parent, "div", {"class": "wv-made"})
            box.text = stash(piece)
        else:
            parse(parent, [piece])
