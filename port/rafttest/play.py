"""Makes a page of a recording: a cluster to step through, forth and back.

The page is one file. Its styles and its script are those that the book's
pages have too, and come from the folder `book/player` of this repository.
Without the script the page still holds the whole transcript, as text.

There is no Go for this file.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from port.errors import RaftError
from port.rafttest.record import Data, Recording, Step

PLAYER = Path(__file__).parents[2] / "book" / "player"
ASSETS = ("tokens.css", "player.css", "player.js")


class NoPlayer(RaftError):
    """The files that a page is made of are not there."""


def page(recording: Recording, name: str, command: str) -> str:
    """Returns a whole page that needs no other file.

    Args:
        recording: What to show.
        name: The name of the script, for the title.
        command: What a reader can type to run the script.

    Raises:
        NoPlayer: `book/player` is not where it is in the repository.
    """
    tokens, styles, script = map(_asset, ASSETS)
    title = html.escape(recording.title or name)
    player = tostring(
        container(recording.steps, recording.data(), command),
        encoding="unicode",
        method="html",
    )
    failed = ""
    if recording.failure is not None:
        d, err = recording.failure
        failed = (
            f'<p class="pl-failed">Line {d.line}, <code>'
            f"{html.escape(str(d))}</code>, failed: "
            f"{html.escape(str(err))}</p>"
        )
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        f"<style>\n{tokens}\n{styles}</style></head>",
        f'<body class="pl-page"><main><h1>{title}</h1>{failed}',
        player,
        f"</main><script>\n{script}</script></body></html>",
        "",
    ])  # fmt: skip


def _asset(name: str) -> str:
    try:
        return (PLAYER / name).read_text(encoding="utf-8")
    except OSError as err:
        raise NoPlayer(
            f"cannot read {name} of the player: {err.strerror}; "
            f"play needs the whole repository"
        ) from err


def container(
    steps: Sequence[Step], data: Data, command: str, prefix: str = ""
) -> Element:
    """Returns the element that the script makes a player of.

    Args:
        steps: The steps, for the transcript. The script takes their words
            from there: each `li` has its prose in `p`, and in `code` the
            command, a line of four dashes, and what it printed.
        data: The same as data, see `Recording.data`.
        command: What a reader can type to run the script.
        prefix: What the anchors of the steps begin with, before `step-1`:
            two players on one page must not share them.
    """
    root = Element("div", {"class": "pl"})
    root.set("data-prefix", f"{prefix}step-")
    root.set("data-command", command)
    details = SubElement(root, "details", {"class": "pl-text"})
    count = f"{len(steps)} steps" if len(steps) != 1 else "1 step"
    SubElement(details, "summary").text = f"The transcript: {count}"
    listed = SubElement(details, "ol")
    for number, step in enumerate(steps, 1):
        item = SubElement(listed, "li", {"id": f"{prefix}step-{number}"})
        for paragraph in step.prose:
            SubElement(item, "p").text = paragraph
        block = SubElement(SubElement(item, "pre"), "code")
        block.text = f"{step.cmd}\n----\n{step.out}"
    kept = SubElement(root, "script", {"type": "application/json"})
    kept.text = packed(data)
    return root


def packed(data: object) -> str:
    """Returns data as the text of a script element, which it cannot end."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")
