"""The node loop: the channels that the task of `port.node` has armed.

They arm and disarm outside of what a `RawNode` knows, so the loop is watched
by itself, at the one `select` of each turn: what is armed tells how far a
`Ready` is, and whether proposals are taken. `port.node`, and asyncio with it,
is not imported before somebody wants to watch one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from port.rafttest.observe.transition import Sink, Transition

if TYPE_CHECKING:
    from port.chan import Case
    from port.node import _Node

# The cases of the one `select` in the loop of a node, in their order.
_CASES: Final = (
    "propc", "recvc", "confc", "tickc", "readyc", "advancec", "status",
    "stop",
)  # fmt: skip
# What is armed says how far a `Ready` is, and whether proposals are taken.
_WAY: Final = {
    (False, False): "nothing to hand out",
    (True, False): "a Ready on offer",
    (False, True): "the application has it",
}
_DOOR: Final = ("proposals wait", "proposals taken")


@contextmanager
def watch_loop(node: _Node, sink: Sink) -> Iterator[None]:
    """Watches the loop of a `port.node`, as long as the block runs.

    Told is what a turn has changed about the channels that are armed; the
    cause is the channel that fired. While a `Ready` is on offer, every turn
    that does not hand it out offers a new one, and is told too.

    Args:
        node: The node; it may run already, or be started in the block.
        sink: Who is told.
    """
    from port import node as module

    real: Callable[..., Coroutine[object, object, Case]]
    real = vars(module)["select"]
    loop = LoopObserver(node, sink)

    def select(
        *cases: Case, **options: Callable[[int], int]
    ) -> Coroutine[object, object, Case] | _Turn:
        chosen = real(*cases, **options)
        if len(cases) != len(_CASES):
            return chosen
        armed = {
            name: getattr(case, "chan", None)
            for name, case in zip(_CASES, cases, strict=True)
        }
        if armed["recvc"] is not node.recvc:
            return chosen
        loop.turn({name for name, chan in armed.items() if chan is not None})
        return _Turn(chosen, cases, loop)

    module.select = select  # type: ignore
    try:
        yield
    finally:
        module.select = real  # type: ignore


class LoopObserver:
    """Compares what the loop of a node has armed with what it had.

    Attributes:
        node: The node.
        sink: Who is told.
        way: How far a `Ready` is; empty before the first turn.
        door: Whether proposals are taken; likewise.
        cause: The channel that fired last.
    """

    def __init__(self, node: _Node, sink: Sink) -> None:
        self.node = node
        self.sink = sink
        self.way = ""
        self.door = ""
        self.cause = "start"

    def turn(self, armed: set[str]) -> None:
        """Takes note of what is armed at the beginning of a turn."""
        way = _WAY["readyc" in armed, "advancec" in armed]
        door = _DOOR["propc" in armed]
        anew = way == _WAY[True, False] and self.cause != "start"
        if self.way and (self.way != way or anew):
            self._tell(self.way, way)
        if self.door and self.door != door:
            self._tell(self.door, door)
        self.way, self.door = way, door

    def fired(self, name: str) -> None:
        """Takes note of the channel that fired."""
        self.cause = name
        if name == "stop":
            self._tell(self.way, "stopped", "_Node.run")

    def _tell(
        self, before: str, after: str, symbol: str = "_Node._run"
    ) -> None:
        self.sink(Transition("node-loop", before, self.cause, after, symbol))


class _Turn:
    """Waits for a `select`, and tells which of its cases has fired."""

    __slots__ = ("cases", "chosen", "loop")

    def __init__(
        self,
        chosen: Coroutine[object, object, Case],
        cases: tuple[Case, ...],
        loop: LoopObserver,
    ) -> None:
        self.chosen = chosen
        self.cases = cases
        self.loop = loop

    def __await__(self) -> Generator[object, object, Case]:
        fired = yield from self.chosen.__await__()
        self.loop.fired(_CASES[self.cases.index(fired)])
        return fired
