"""Go's channels and `select` on asyncio.

Theory of operation
-------------------

A channel is a meeting place. A sender brings a value and a receiver takes
it away; on an unbuffered channel (`cap` 0) neither leaves before the other
has come, on a buffered one a sender may leave up to `cap` values behind.
`select` waits at several meeting places at once and takes part in exactly
one meeting. A *case* (`Send` or `Recv`) is a party's place in the line, and
the object through which it learns what came of it:

    tick, quit = Recv(tickc), Recv(done)
    fired = await select(tick, quit)
    if fired is tick:
        use(tick.value)

These rules hold, and everything below serves them:

1. **One meeting.** All waiting cases of one `select` share one future, and
   whoever completes a case decides that future in the same breath. A case
   whose future is decided is not in line any more, wherever it still stands.
2. **First come, first served.** Parties wait in the order of their arrival,
   and values leave a channel in the order in which they entered it. Never do
   a live sender and a live receiver wait at one channel, unless they are two
   cases of one `select`, which cannot meet itself. No one waits to receive
   while a value is in the buffer, or to send while the buffer has room.
3. **Fair choice.** When several cases could go ahead at once, `choose(n)`
   picks one of the n. It is an argument, so that a test or a simulation can
   decide, or replay, what happens.
4. **No suspension without need.** A case that can go ahead does so at once,
   within the caller's turn: no task, no future, no trip through the loop.
5. **All or nothing.** An operation has happened or was cancelled, never
   both. What is cancelled while it waits leaves no trace: nothing was sent,
   nothing was eaten. But there is a gap between the moment when the other
   party completes a meeting and the moment when this task runs again; a
   cancellation that falls into it comes too late. The operation then returns
   as if nothing were, and the cancellation is delivered at the task's next
   suspension. (In Go likewise: a `select` that has chosen its case finds out
   about a cancelled context in the next `select`.) A timeout that has lost
   the race, and so takes its cancellation back, is not heard of again.
6. **Nil never fires.** A case whose `chan` is `None` is never ready. To arm
   and disarm a case of a loop, set its `chan`.

A case may be used again as soon as its `select` is over, never in two at
once. Nothing here is safe to share among threads.

What Go has and this has not: zero values. A receive from a closed channel
yields no value, so `recv()` gives `(None, False)`, and reading a case's
`value` raises. What this has and Go has not: `close(error)`, by which the
cause of an end travels the same way as the end itself.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeAlias, TypeVar

from port.errors import RaftPanic

T = TypeVar("T")
Choose: TypeAlias = Callable[[int], int]
"""Given n > 0, returns one of 0, 1, .. n-1."""


def at_random(n: int) -> int:
    """Is the `Choose` that leaves it to chance."""
    return int(random.random() * n)


class Chan(Generic[T]):
    """A channel of values of type `T`.

    Args:
        cap: how many values may lie in the channel without a receiver.
    """

    __slots__ = (
        "_buffer", "_closed", "_error", "_receivers", "_senders", "cap",
    )  # fmt: skip

    def __init__(self, cap: int = 0) -> None:
        self.cap = cap
        self._buffer: deque[T] = deque()
        # Who waits, oldest first, each with the future of its select. A dict
        # keeps the order and forgets a party in the middle in no time.
        self._receivers: dict[Recv[T], asyncio.Future[Case]] = {}
        self._senders: dict[Send[T], asyncio.Future[Case]] = {}
        self._closed = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        """Returns the number of values in the buffer."""
        return len(self._buffer)

    def __bool__(self) -> bool:
        """Is always true: an empty channel is still a channel."""
        return True

    async def send(self, value: T) -> None:
        """Sends `value`; waits for a receiver, or for room in the buffer.

        Raises:
            RaftPanic: the channel is closed, or is closed meanwhile.
        """
        await select(Send(self, value))

    async def recv(self) -> tuple[T | None, bool]:
        """Receives the next value; waits for one.

        Returns:
            `(value, True)`, or `(None, False)` once the channel is closed
            and no value is left in it.

        Raises:
            Exception: the error, if the channel was closed with one.
        """
        case = Recv(self)
        await select(case)
        if case.ok or self._error is None:
            return case._value, case.ok
        raise self._error

    async def __aiter__(self) -> AsyncIterator[T]:
        """Yields values until the channel is closed: Go's `for range`."""
        case = Recv(self)
        while await select(case) and (case.ok or self._error is not None):
            yield case.value

    def close(self, error: Exception | None = None) -> None:
        """Closes the channel; what lies in its buffer can still be received.

        Every waiting receiver is woken with `ok` false, every waiting sender
        with a panic.

        Args:
            error: raised instead in whoever receives after the last value.

        Raises:
            RaftPanic: the channel is closed already.
        """
        if self._closed:
            raise RaftPanic("close of closed channel")
        self._closed, self._error = True, error
        while receiver := _decide_oldest(self._receivers):
            receiver.ok = False
        for future in self._senders.values():
            if not future.done():
                future.set_exception(RaftPanic("send on closed channel"))

    # The two steps below complete a meeting. They never wait.

    def _put(self, value: T) -> None:
        if self._closed:
            raise RaftPanic("send on closed channel")
        if receiver := _decide_oldest(self._receivers):
            receiver._value, receiver.ok = value, True
        else:
            self._buffer.append(value)

    def _take(self, case: Recv[T]) -> None:
        # A waiting sender's value goes to the end of the buffer, be it of
        # length 0: so it is the next one out exactly if no other is older.
        if sender := _decide_oldest(self._senders):
            self._buffer.append(sender.value)
        case.ok = bool(self._buffer)
        if case.ok:
            case._value = self._buffer.popleft()


class Case:
    """One way in which a `select` can go ahead: a `Send` or a `Recv`."""

    __slots__ = ()

    def _ready(self) -> bool:
        raise NotImplementedError

    def _complete(self) -> None:
        raise NotImplementedError

    def _enter(self, future: asyncio.Future[Case]) -> None:
        raise NotImplementedError

    def _leave(self) -> None:
        raise NotImplementedError


class Send(Case, Generic[T]):
    """The case of sending `value` on `chan`."""

    __slots__ = ("chan", "value")

    def __init__(self, chan: Chan[T] | None, value: T) -> None:
        self.chan = chan
        self.value = value

    def _ready(self) -> bool:
        chan = self.chan
        return chan is not None and (
            chan._closed
            or len(chan._buffer) < chan.cap
            or bool(chan._receivers and _someone_waits(chan._receivers))
        )

    def _complete(self) -> None:
        if self.chan is not None:
            self.chan._put(self.value)

    def _enter(self, future: asyncio.Future[Case]) -> None:
        if self.chan is not None:
            self.chan._senders[self] = future

    def _leave(self) -> None:
        if self.chan is not None:
            self.chan._senders.pop(self, None)


class Recv(Case, Generic[T]):
    """The case of receiving from `chan`.

    Attributes:
        chan: where to receive; `None` never fires.
        ok: whether a value came; false when the channel was closed instead.
    """

    __slots__ = ("_value", "chan", "ok")

    def __init__(self, chan: Chan[T] | None) -> None:
        self.chan = chan
        self.ok = False
        self._value: T | None = None

    @property
    def value(self) -> T:
        """What was received.

        Raises:
            Exception: nothing was: the error that the channel was closed
                with, or `EOFError`.
        """
        if self.ok:
            return self._value  # type: ignore[return-value]  # set with ok
        error = None if self.chan is None else self.chan._error
        raise error or EOFError("nothing was received")

    def _ready(self) -> bool:
        chan = self.chan
        return chan is not None and (
            chan._closed
            or len(chan._buffer) > 0
            or bool(chan._senders and _someone_waits(chan._senders))
        )

    def _complete(self) -> None:
        if self.chan is not None:
            self.chan._take(self)

    def _enter(self, future: asyncio.Future[Case]) -> None:
        if self.chan is not None:
            self.chan._receivers[self] = future

    def _leave(self) -> None:
        if self.chan is not None:
            self.chan._receivers.pop(self, None)


async def select(*cases: Case, choose: Choose = at_random) -> Case:
    """Waits until one of the cases can go ahead, completes it, returns it.

    Without cases, or with nil ones only, it waits until it is cancelled.

    Args:
        cases: what to wait for.
        choose: picks one of several that could go ahead at once.

    Raises:
        RaftPanic: a case would have sent on a closed channel.
    """
    if fired := _complete_ready(cases, choose):
        return fired
    future: asyncio.Future[Case] = asyncio.get_running_loop().create_future()
    for case in cases:
        case._enter(future)
    try:
        return await future
    except asyncio.CancelledError:
        if future.cancelled() or not future.done():
            raise
        _cancel_later()  # rule 5: too late, the meeting has taken place
        return future.result()
    finally:
        for case in cases:
            case._leave()


def try_select(*cases: Case, choose: Choose = at_random) -> Case | None:
    """Completes one of the cases if it can be done at once: Go's `default`.

    Returns:
        The case that was completed, or `None` when none could go ahead.

    Raises:
        RaftPanic: a case would have sent on a closed channel.
    """
    return _complete_ready(cases, choose)


def _complete_ready(cases: tuple[Case, ...], choose: Choose) -> Case | None:
    ready = [case for case in cases if case._ready()]
    if not ready:
        return None
    fired = ready[0] if len(ready) == 1 else ready[choose(len(ready))]
    fired._complete()
    return fired


C = TypeVar("C", bound=Case)


def _someone_waits(line: dict[C, asyncio.Future[Case]]) -> bool:
    for future in line.values():  # noqa: SIM110  # any() takes thrice as long
        if not future.done():
            return True
    return False


def _decide_oldest(line: dict[C, asyncio.Future[Case]]) -> C | None:
    """Takes the oldest undecided case out of the line, and decides for it."""
    while line:
        case = next(iter(line))
        future = line.pop(case)
        if not future.done():
            future.set_result(case)
            return case
    return None


def _cancel_later() -> None:
    """Cancels the current task anew at its next suspension.

    Each request to cancel is counted by the task, and `asyncio.timeout`
    takes its own back. If there are fewer by then, that has happened.
    """
    task = asyncio.current_task()
    if task is None:
        return
    requests = task.cancelling()

    def cancel() -> None:
        if task.cancelling() >= requests and task.cancel():
            task.uncancel()  # it is the old request, not one more

    asyncio.get_running_loop().call_soon(cancel)
