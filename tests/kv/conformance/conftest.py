"""Whose parts are checked: ours, or those that `KV_PARTS` names.

    KV_PARTS=labs.work.parts:PARTS python -m pytest tests/kv/conformance

Each file checks one part, by its protocol alone: how a part is made inside is
nobody's business here. What a check says when it fails is meant for whoever
wrote the part.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from kv.parts import Parts, load_parts

T = TypeVar("T")
SECONDS = 20  # for one check; whoever needs longer is stuck


@pytest.fixture(scope="session")
def parts() -> Parts:
    """The parts to check."""
    named = os.environ.get("KV_PARTS")
    return load_parts(named) if named else Parts()


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine, and gives up when it gets stuck."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(asyncio.wait_for(coroutine, SECONDS))

    return run
