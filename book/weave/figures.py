"""Figures that the build draws: `::: figure roles`, a caption, `:::`."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from book.weave import (
    acks,
    drawn,
    flow,
    handing,
    lanes,
    lengths,
    logs,
    looks,
    loops,
    marks,
    members,
    octets,
    overlap,
    paths,
    ranks,
    roles,
    scripting,
    shelves,
    spelled,
    staging,
    stops,
    storing,
    timelines,
    turns,
    verdicts,
    windows,
)
from book.weave.problems import Refused

FIGURES: dict[str, Callable[[], str]] = {
    "a-b-a": marks.a_b_a,
    "calls": shelves.calls,
    "clocks": drawn.clocks,
    "figure-8": logs.FIGURE_8.svg,
    "handover": handing.HANDOVER.svg,
    "marks": marks.marks,
    "lengths": lengths.svg,
    "looks": looks.svg,
    "loops": loops.svg,
    "members": members.majorities,
    "flow": flow.svg,
    "order": storing.order,
    "octets": octets.svg,
    "opened": octets.opened,
    "overlap": overlap.svg,
    "paths": paths.svg,
    "progress": windows.progress,
    "ranks": ranks.svg,
    "reads": acks.reads,
    "read": timelines.READ.svg,
    "ring": windows.ring,
    "roles": roles.svg,
    "silence": timelines.SILENCE.svg,
    "rounds": drawn.rounds,
    "scripting": scripting.svg,
    "sieve": drawn.sieve,
    "spelled": spelled.svg,
    "staging": staging.svg,
    "switch": members.SWITCH.svg,
    "tails-of-unstable": marks.tails,
    "tails": logs.TAILS.svg,
    "turns": turns.svg,
    "verdicts": verdicts.svg,
    "write": lanes.svg,
    **stops.figures(),
}


def check(name: str) -> None:
    """Sees that there is such a figure.

    Raises:
        Refused: there is not.
    """
    if name not in FIGURES:
        raise Refused(
            f"there is no figure {name}", f"draw one of {', '.join(FIGURES)}"
        )


def draw(
    parent: Element,
    name: str,
    number: int,
    caption: str,
    stash: Callable[[str], str],
) -> None:
    """Appends a figure with its number and caption.

    Args:
        parent: The element to append to.
        name: Which figure.
        number: Its number on the page.
        caption: What to see in it, as Markdown.
        stash: Keeps HTML until the page is written, and returns its mark.
    """
    figure = SubElement(parent, "figure", {"class": "wv-figure"})
    SubElement(figure, "div").text = stash(FIGURES[name]())
    told = SubElement(figure, "figcaption")
    SubElement(told, "span", {"class": "wv-number"}).text = f"Figure {number}. "
    SubElement(told, "span").text = caption
