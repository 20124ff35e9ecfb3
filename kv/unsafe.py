"""Mistakes on purpose, which a checker has to find.

Each is a store with one promise broken, as somebody might well write it. The
healthy code knows nothing of them: a mistake is other `Parts`, or a method
that is replaced for as long as a block runs. `--unsafe NAME` of `kv sim` and
`kv chaos` takes one; `MISTAKES` says what is wrong with each, and what shows
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple

from kv.parts import Parts

Make = Callable[[Parts], AbstractContextManager[Parts]]


class Mistake(NamedTuple):
    """A mistake.

    Attributes:
        wrong: What is wrong, in a sentence.
        shows: What has to happen for it to show.
        make: Makes it: from parts to parts, while a block runs.
    """

    wrong: str
    shows: str
    make: Make


@contextmanager
def nothing(parts: Parts) -> Iterator[Parts]:
    """Makes no mistake."""
    yield parts


MISTAKES: Final[dict[str, Mistake]] = {}


def load_unsafe(name: str) -> Make:
    """Returns what makes the mistake of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in MISTAKES:
        raise ValueError(
            f"no mistake {name!r}; there are {', '.join(MISTAKES)}"
        )
    return MISTAKES[name].make
