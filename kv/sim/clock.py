"""A node's clock: it runs at a rate of its own, and may jump ahead."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final

from kv.sim.loop import SimLoop

_EPOCH: Final = 1_700_000_000.0


class SimClock:
    """A `Clock` on the loop's time.

    Attributes:
        rate: How many seconds it counts in one.
    """

    def __init__(self, loop: SimLoop, start: float = 1000.0) -> None:
        """Begins to run.

        Args:
            loop: Whose time is the true one.
            start: What it shows now.
        """
        self.rate = 1.0
        self._loop = loop
        self._base = start
        self._since = loop.time()
        self._wall = _EPOCH
        # Who waits for which time on this clock, and by which timer.
        self._waits: dict[_Wait, None] = {}
        self._timeouts: dict[_Timeout, None] = {}

    def time(self) -> float:
        """Returns what it shows; never less than before."""
        return self._base + (self._loop._now - self._since) * self.rate

    def wall(self) -> float:
        """Returns the date that it shows, in seconds since 1970."""
        return self._wall + self.time()

    def true(self, when: float) -> float:
        """Returns when it will show `when`, in the loop's time."""
        return self._since + (when - self._base) / self.rate

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds of this clock."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wait = _Wait(self, self.time() + seconds)
        self._waits[wait] = None
        try:
            await wait.future
        finally:
            self._waits.pop(wait, None)
            wait.timer.cancel()

    def timeout(
        self, seconds: float | None
    ) -> AbstractAsyncContextManager[object]:
        """Bounds what is awaited inside; see `Clock.timeout`."""
        if seconds is None:
            return asyncio.timeout(None)
        return _Timeout(self, self.time() + seconds)

    def set_rate(self, rate: float) -> None:
        """Has it run at another rate from now on."""
        self._base, self._since = self.time(), self._loop.time()
        self.rate = rate
        self._set_again()

    def jump(self, by: float) -> None:
        """Moves it ahead; back, only the date moves."""
        if by < 0:
            self._wall += by
            return
        self._base += by
        self._set_again()

    def _set_again(self) -> None:
        for wait in self._waits:
            wait.set()
        for timeout in self._timeouts:
            timeout.set()


class _Wait:
    """Somebody who waits for a time."""

    __slots__ = ("clock", "future", "timer", "when")

    def __init__(self, clock: SimClock, when: float) -> None:
        self.clock = clock
        self.when = when
        loop = clock._loop
        self.future: asyncio.Future[None] = loop.create_future()
        self.timer = loop.call_at(clock.true(when), self._due)

    def set(self) -> None:
        """Sets the timer anew, the clock having changed."""
        self.timer.cancel()
        self.timer = self.clock._loop.call_at(
            self.clock.true(self.when), self._due,
            context=self.timer._context,  # type: ignore[attr-defined]
        )  # fmt: skip

    def _due(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class _Timeout:
    """`asyncio.timeout`, on a clock that may change its rate."""

    def __init__(self, clock: SimClock, when: float) -> None:
        self._clock = clock
        self._when = when
        self._inner = asyncio.timeout_at(clock.true(when))

    async def __aenter__(self) -> object:
        self._clock._timeouts[self] = None
        return await self._inner.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None,
        error: BaseException | None, trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._clock._timeouts.pop(self, None)
        await self._inner.__aexit__(kind, error, trace)

    def set(self) -> None:
        """Sets the timer anew, the clock having changed."""
        if not self._inner.expired():
            self._inner.reschedule(self._clock.true(self._when))
