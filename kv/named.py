"""What a command line names as `MODULE:NAME`."""

from __future__ import annotations

import importlib
from typing import Final

_NOTHING: Final = object()


def load_named(name: str) -> object:
    """Returns what `MODULE:NAME` names: parts, a nemesis, a planted bug.

    Raises:
        ValueError: there is no such thing; the text says what is wrong.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ValueError(f"{name!r} does not read MODULE:NAME")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"cannot import {module_name}: {error}") from error
    found: object = getattr(module, attribute, _NOTHING)
    if found is _NOTHING:
        raise ValueError(f"{module_name} has no {attribute}")
    return found
