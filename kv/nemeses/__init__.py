"""The nemeses that come with the store, by name, and those of others.

`--nemesis MODULE:NAME` loads a plan of yours; a plain name is one of
`NEMESES`, and `a+b` is a mixture. `weather.py` has plans that hurt at random,
`traps.py` those that bring about one certain order of events; `dice.py` is
what they draw with.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from traceback import extract_tb
from typing import Final

from kv.faults import Action, Nemesis
from kv.named import load_named
from kv.nemeses import traps, weather

NEMESES: Final[dict[str, Nemesis]] = {
    "storm": weather.storm,
    "partitions": weather.partitions,
    "links": weather.links,
    "crashes": weather.crashes,
    "pauses": weather.pauses,
    "clocks": weather.clocks,
    "disks": weather.disks,
    "churn": weather.churn,
    "transfers": weather.transfers,
    "calm": weather.calm,
    "slow-leaders": traps.slow_leaders,
    "audience": traps.audience,
    "exchanges": traps.exchanges,
    "half-heard": traps.half_heard,
    "slow-elections": traps.slow_elections,
    "lonely-leaders": traps.lonely_leaders,
    "late-comers": traps.late_comers,
    "blind-leaders": traps.blind_leaders,
    "empty-hands": traps.empty_hands,
    "asked-again": traps.asked_again,
    "figure-8": traps.figure_8,
    "short-reigns": traps.short_reigns,
    "buried": traps.buried,
    "returns": traps.returns,
    "put-back": traps.put_back,
}


def load_nemesis(name: str) -> Nemesis:
    """Returns the nemesis of a name, or of `MODULE:NAME`; or of many.

    Names with a plus between them are mixed: `churn+partitions`.

    Raises:
        ValueError: there is none; the text says what is wrong.
    """
    if "+" in name:
        return weather.mixed(*map(load_nemesis, name.split("+")))
    if ":" not in name:
        if name not in NEMESES:
            raise ValueError(
                f"no nemesis {name!r}; there are {', '.join(NEMESES)}, and"
                " yours as MODULE:NAME"
            )
        return NEMESES[name]
    found = load_named(name)
    if not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}, not a plan")
    return _watched(name, found)


def _watched(name: str, plan: Nemesis) -> Nemesis:
    """Returns somebody's own plan, whose mistakes are told as such.

    Its first steps come from dice, so a mistake may show late: what it
    raises becomes a `ValueError` with the line, and so does what it yields
    that is no action.
    """

    def watched(
        rng: random.Random, nodes: Sequence[int]
    ) -> Iterator[Action]:
        try:
            for action in plan(rng, nodes):
                if not isinstance(action, Action):
                    raise ValueError(
                        f"{name} yields {action!r}, which is no action"
                    )
                yield action
        except Exception as error:
            where = ""
            for frame in extract_tb(error.__traceback__):
                if frame.filename != __file__:
                    file = os.path.relpath(frame.filename)
                    where = f" at {file}:{frame.lineno}"
            if isinstance(error, ValueError) and not where:
                raise
            raise ValueError(
                f"{name} stopped{where}: {type(error).__name__}: {error}"
            ) from error

    return watched
