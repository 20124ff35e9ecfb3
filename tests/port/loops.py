"""Running tests on an event loop, one bounded loop a test."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


def on_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Makes a test of an async one; it fails if it takes over ten seconds."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(10):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run


async def settle() -> None:
    """Lets all tasks run until each waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


def spawn(operation: Coroutine[object, object, T]) -> asyncio.Task[T]:
    """Starts a task."""
    return asyncio.get_running_loop().create_task(operation)
