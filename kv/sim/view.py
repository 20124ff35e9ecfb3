"""What is shown while a run lasts.

On a terminal a line that is rewritten, elsewhere one every ten seconds. By
real time, and read from what is there: a run goes the same way whether anybody
looks or not.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

PERIOD: Final = 0.25  # seconds between two looks, on a terminal
LINE: Final = 10.0  # seconds between lines, elsewhere


class Moment(NamedTuple):
    """How far a run is.

    Attributes:
        virtual: Seconds that have passed in it.
        total: Seconds that there are to be faults.
        operations: How many were acknowledged.
        faults: How many actions were carried out.
        elections: How many terms had a leader.
    """

    virtual: float
    total: float
    operations: int
    faults: int
    elections: int


class View:
    """Shows a run."""

    def __init__(
        self, live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Begins to count.

        Args:
            live: Whether the line can be rewritten; `None`: if standard
                output is a terminal.
            clock: The real time, in seconds.
        """
        self._live = sys.stdout.isatty() if live is None else live
        self._clock = clock
        self._begin = self._last = clock()
        self._length = 0  # of the line that stands there

    def due(self) -> bool:
        """Tells whether it is time for another look."""
        period = PERIOD if self._live else LINE
        return self._clock() - self._last >= period

    def show(self, moment: Moment) -> None:
        """Shows how far it is."""
        self._last = now = self._clock()
        line = text(moment, now - self._begin)
        if not self._live:
            print(line, flush=True)
            return
        line = line[: shutil.get_terminal_size().columns - 1]
        print(line.ljust(self._length), end="\r", flush=True)
        self._length = len(line)

    def end(self) -> None:
        """Takes away the line that stands there."""
        if self._length:
            print(" " * self._length, end="\r", flush=True)
            self._length = 0


def text(m: Moment, real: float) -> str:
    """Returns how far a run is, after so many seconds of real time."""
    far = f"{m.virtual:,.0f} of {m.total:,.0f} s"
    if m.virtual >= m.total:
        far = f"{m.virtual:,.0f} s, all is healed"
    speed = m.virtual / max(real, 1e-9)
    left = (m.total - m.virtual) / max(speed, 1e-9)
    return (
        f"{far}, {speed:,.0f} times as fast | {m.operations:,} operations,"
        f" {m.faults:,} faults, {m.elections:,} elections"
        + (f" | {left:,.0f} s to go" if left > 0 else "")
    )
