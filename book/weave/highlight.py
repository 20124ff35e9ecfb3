"""Python in colour, one string of HTML for each line."""

from __future__ import annotations

from functools import cache

from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]


@cache
def lines(text: tuple[str, ...]) -> tuple[str, ...]:
    """Returns HTML for each line of a whole file.

    The whole file at once, because a string may span lines. The classes are
    Pygments' short ones; `book/player/book.css` gives them our colours.

    Args:
        text: The file's lines.
    """
    source = "\n".join(text) + "\n"
    lexer = PythonLexer(stripnl=False, ensurenl=True)
    html = highlight(source, lexer, HtmlFormatter(nowrap=True))
    return tuple(str(html).split("\n")[: len(text)])
