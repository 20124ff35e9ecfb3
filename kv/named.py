"""What a command line names as `MODULE:NAME`."""

from __future__ import annotations

import importlib
import os
import traceback
from typing import Final

_NOTHING: Final = object()


def load_named(name: str) -> object:
    """Returns what `MODULE:NAME` names: parts, a nemesis, a planted bug.

    Raises:
        ValueError: there is no such thing; the text says what is wrong.
    """
    module_name, _, attribute = name.partition(":")
    words = [*module_name.split("."), attribute]
    if not all(word.isidentifier() for word in words):
        raise ValueError(f"{name!r} does not read MODULE:NAME")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # It is somebody's own, and not yet right.
        raise ValueError(
            f"cannot import {module_name}: {_told(error)}"
        ) from error
    found: object = getattr(module, attribute, _NOTHING)
    if found is _NOTHING:
        raise ValueError(f"{module_name} has no {attribute}")
    return found


def _told(error: Exception) -> str:
    """Says what was raised while a module was loaded, and at which line."""
    file, line, text = "", 0, str(error)
    if isinstance(error, SyntaxError) and error.filename:
        file, line, text = error.filename, error.lineno or 0, error.msg
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if not frame.filename.startswith("<frozen "):
                file, line = frame.filename, frame.lineno or 0
    if not isinstance(error, ImportError):
        text = f"{type(error).__name__}: {text}"
    if file in ("", __file__, importlib.__file__):
        return text
    return f"{os.path.relpath(file)}:{line}: {text}"
