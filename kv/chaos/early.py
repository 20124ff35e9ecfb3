"""Problems that show while a run goes on, for runs that are to end with one.

The verdict of a run is given at its end, on all of the history. Whoever looks
for a mistake that is known to be there need not wait so long: `Early` keeps
what clients saw by key, and judges again, now and then, the keys that somebody
has used meanwhile. Keys rotate, so that is never much. An operation that is
still open counts as one of unknown outcome, so nothing that ends later can
turn a no into a yes.
"""

from __future__ import annotations

from kv import lincheck
from kv.lincheck import Verdict
from kv.lincheck.reading import Normaliser
from kv.workload import Event


class Early:
    """Judges keys while clients are at work."""

    def __init__(self) -> None:
        """Starts with nothing to judge."""
        self._events: dict[object, list[Event]] = {}
        self._used: set[object] = set()

    def take(self, event: Event) -> None:
        """Takes note of an event."""
        key = event.get("key")
        if key is not None:
            self._events.setdefault(key, []).append(event)
            self._used.add(key)

    def due(self) -> list[list[Event]]:
        """Returns the events of each key that is to be judged now."""
        used, self._used = self._used, set()
        return [[*self._events[key]] for key in used]


def judge(keys: list[list[Event]]) -> str | None:
    """Returns what is wrong with one of the keys; `None`: nothing.

    It knows no other thread's data, so it may run in one.
    """
    for events in keys:
        reader = Normaliser("the history so far")
        for number, event in enumerate(events, 1):
            reader.feed(number, event)
        result = lincheck.check(reader.done(), budget=200_000)
        if result.verdict is Verdict.NOT_LINEARIZABLE:
            explanation = lincheck.explain(result)
            return explanation.sentence if explanation else "no order fits"
    return None
