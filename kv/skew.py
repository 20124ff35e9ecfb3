"""A clock that can be told to run wrongly: the one control for tests.

All other faults come to a node from outside: signals, links, its disk. But a
process cannot be given a clock of its own from outside. So there is this one
way in, `python -m kv serve --clock-control FILE`. Without the option nothing
here is used. With it, the node's clock looks at the file now and then, and
runs as it says:

    {"rate": 2.5, "ahead": 0.7}

`rate` is how many of its seconds pass in one; `ahead` by how many seconds it
was put forward, all in all, so if that becomes more, the clock jumps. What is
not given is as in a clock that is right, and so is all of it while there is no
file.

The store relies on time never going back. So if `ahead` becomes less, only
what people read of the clock goes back.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, NamedTuple

LOOK: Final = 0.02  # real seconds between looks at the file
SLICE: Final = 0.05  # real seconds that a sleep sleeps on without looking
RATES: Final = 0.01, 100.0


class Setting(NamedTuple):
    """How a clock is to run.

    Attributes:
        rate: Its seconds in one real second.
        ahead: Seconds by which it was put forward, all in all.
    """

    rate: float = 1.0
    ahead: float = 0.0


RIGHT: Final = Setting()


def write_setting(path: str, setting: Setting) -> None:
    """Has the clock that reads this file run so."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(setting._asdict(), file)
    os.replace(temporary, path)  # So that nobody reads half of it.


def read_setting(text: str) -> Setting:
    """Reads what a file says.

    Raises:
        ValueError: it says nothing that a clock could do.
    """
    found = json.loads(text)
    if not isinstance(found, dict) or set(found) - set(Setting._fields):
        raise ValueError(f"not rate and ahead: {text!r}")
    if not all(isinstance(v, (int, float)) for v in found.values()):
        raise ValueError(f"not numbers: {text!r}")
    setting = Setting(**found)
    if not RATES[0] <= setting.rate <= RATES[1]:
        raise ValueError(f"no clock runs so: {text!r}")
    return setting


class SkewedClock:
    """A `Clock` that runs as a file says."""

    def __init__(
        self,
        path: str,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Makes a clock that is right until the file says otherwise.

        Args:
            path: The file; it need not be there.
            monotonic: Real time, in seconds.
            wall: The real date, in seconds since 1970.
        """
        self._path = path
        self._monotonic = monotonic
        self._wall = wall
        self._setting = RIGHT
        self._stamp: tuple[int, int] | None = None
        self._real = self._shown = monotonic()
        self._rate = 1.0
        self._date = wall() - self._shown
        self._look_at = 0.0

    @property
    def rate(self) -> float:
        """How many of its seconds pass in a real one just now."""
        return self._rate

    def time(self) -> float:
        """Returns seconds from some start; never less than before."""
        now = self._monotonic()
        if now >= self._look_at:
            self._look(now)
        return self._shown + (now - self._real) * self._rate

    def wall(self) -> float:
        """Returns the date, as far off as the clock is."""
        return self.time() + self._date

    def _look(self, now: float) -> None:
        """Looks whether the file has changed."""
        self._look_at = now + LOOK
        try:
            stat = os.stat(self._path)
            stamp = stat.st_mtime_ns, stat.st_ino
        except OSError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            self._obey(now, self._read() if stamp is not None else RIGHT)

    def _read(self) -> Setting:
        try:
            with open(self._path, encoding="utf-8") as file:
                return read_setting(file.read())
        except (OSError, ValueError):
            return self._setting  # Whoever writes it will try again.

    def _obey(self, now: float, setting: Setting) -> None:
        jump = setting.ahead - self._setting.ahead
        self._shown += (now - self._real) * self._rate + max(jump, 0.0)
        self._date += min(jump, 0.0)
        self._real = now
        self._rate = setting.rate
        self._setting = setting

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds of this clock."""
        due = self.time() + seconds
        await asyncio.sleep(min(max(seconds, 0.0) / self._rate, SLICE))
        while (left := due - self.time()) > 0:
            await asyncio.sleep(min(left / self._rate, SLICE))

    def timeout(
        self, seconds: float | None
    ) -> AbstractAsyncContextManager[object]:
        """Bounds what is awaited inside, in seconds of this clock."""
        if seconds is None:
            return asyncio.timeout(None)
        return _Timeout(self, seconds)


class _Timeout:
    """Asks the clock now and then whether its time is up."""

    def __init__(self, clock: SkewedClock, seconds: float) -> None:
        self._clock = clock
        self._due = clock.time() + seconds
        self._inner = asyncio.timeout(None)

    async def __aenter__(self) -> asyncio.Timeout:
        self._loop = asyncio.get_running_loop()
        await self._inner.__aenter__()
        self._check()
        return self._inner

    async def __aexit__(
        self, kind: type[BaseException] | None,
        error: BaseException | None, trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._handle.cancel()
        await self._inner.__aexit__(kind, error, trace)

    def _check(self) -> None:
        left = self._due - self._clock.time()
        delay = min(max(left / self._clock.rate, 0.0), SLICE)
        self._handle = self._loop.call_later(delay, self._check)
        if left <= 0:
            self._handle.cancel()
            self._inner.reschedule(self._loop.time())
