"""Words in a drawing, in the book's own letters and in those of code."""

from __future__ import annotations

from html import escape


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
