"""Running tests on an event loop whose clock is simulated.

Time passes only when nobody has anything to do, and then at once: a timeout
of a minute takes no time, and no test waits for the clock on the wall. What
happens, happens in the same order on every run.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._poll = self._selector.select
        self._selector.select = self._jump

    def time(self) -> float:
        """Returns the simulated time in seconds."""
        return self._now

    def _jump(self, timeout: float | None = None) -> list[object]:
        events = self._poll(0)
        if not events:
            if timeout is None:
                raise AssertionError("all tasks wait for each other")
            self._now += max(timeout, 0)
        return events


def simulate(main: Coroutine[object, object, T]) -> T:
    """Runs a coroutine on a loop of its own, whose clock starts at 0.

    It may take a minute, of simulated time.
    """

    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await main

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(bounded())


def on_loop(
    test: Callable[..., Coroutine[object, object, None]],
) -> Callable[..., None]:
    """Makes a test of an async one, by `simulate`."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        simulate(test(*args, **kwargs))

    return run


async def settle() -> None:
    """Lets all tasks run until each waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


def spawn(operation: Coroutine[object, object, T]) -> asyncio.Task[T]:
    """Starts a task."""
    return asyncio.get_running_loop().create_task(operation)
