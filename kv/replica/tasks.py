"""Work that goes on beside the Ready loop.

An error that a task ends with would be seen by nobody until somebody awaits
it, and most of these are never awaited. A node must not go on without one of
them, as if nothing had happened. So the first that fails ends the node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Tasks:
    """The tasks of a node, and whether all is well with them.

    Attributes:
        failed: Is done, with the error, once anything has gone wrong.
        stopping: Whether the node stops in good order: what goes wrong from
            then on matters to nobody.
        on_failure: Called when something has gone wrong.
    """

    def __init__(self) -> None:
        """Begins with none, on the loop that is running."""
        self.failed: asyncio.Future[None] = (
            asyncio.get_running_loop().create_future()
        )
        self.stopping = False
        self.on_failure: Callable[[], None] = _nothing
        self._kept: set[asyncio.Task[None]] = set()

    @property
    def over(self) -> bool:
        """Whether the node stops, for whatever reason."""
        return self.stopping or self.failed.done()

    def start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Begins with some work; the caller keeps hold of the task."""
        return asyncio.create_task(self._guard(work))

    def keep(self, work: Awaitable[None]) -> None:
        """Begins with some work that nobody else keeps hold of."""
        task = self.start(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def _guard(self, work: Awaitable[None]) -> None:
        """Does work, and lets nothing that goes wrong pass unnoticed."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if self.stopping:
                return
            self.fail(error)
            if not isinstance(error, Exception):
                raise

    def fail(self, error: BaseException) -> None:
        """Gives up: nothing that follows could be relied on."""
        if not self.failed.done():
            self.failed.set_exception(error)
            self.failed.exception()  # Someone will look; no need to warn.
        self.on_failure()


def _nothing() -> None:
    pass
