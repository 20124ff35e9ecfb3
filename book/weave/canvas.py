"""What drawings are made with: a frame, words, and words of a program."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH = 692


def frame(
    name: str,
    height: int,
    title: str,
    told: str,
    parts: Iterable[str],
    *,
    width: int = WIDTH,
    kind: str = "wv-drawn",
    defs: str = "",
) -> str:
    """Returns a drawing, with what a screen reader is to say of it.

    Args:
        name: What it is called; ids in it begin with `wv-` and this.
        height: Its height.
        title: What it is.
        told: What can be seen in it, in words.
        parts: What is in it, as SVG.
        width: Its width.
        kind: Its classes.
        defs: What its parts refer to, such as a `tip`.
    """
    kept = f"<defs>{defs}</defs>" if defs else ""
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="wv-{name}-t wv-{name}-d">'
        f'<title id="wv-{name}-t">{escape(title)}</title>'
        f'<desc id="wv-{name}-d">{escape(told)}</desc>'
        f"{kept}{''.join(parts)}</svg>"
    )


def tip(name: str, style: str = "") -> str:
    """Returns the tip of arrows, `wv-NAME-tip`, for the frame's `defs`."""
    look = f' style="{style}"' if style else ""
    return (
        f'<marker id="wv-{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0.8 8 4 0 7.2z"{look}/></marker>'
    )


def text(
    x: float, y: float, said: str, style: str = "", anchor: str = "middle"
) -> str:
    """Returns words as SVG.

    Args:
        x: Where their middle is, or another end of them.
        y: Their base line.
        said: The words.
        style: A class, if they are to look otherwise than the rest.
        anchor: What `x` is: their `start`, `middle` or `end`.
    """
    kind = f' class="{style}"' if style else ""
    return (
        f'<text{kind} x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{escape(said)}</text>"
    )


def label(x: float, y: float, said: str, style: str = "") -> str:
    """Returns words that begin at `x`."""
    return text(x, y, said, style, "start")


def code(x: float, y: float, said: str, anchor: str = "middle") -> str:
    """Returns words of a program."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
        f'style="font-family:var(--mono)">{escape(said)}</text>'
    )
