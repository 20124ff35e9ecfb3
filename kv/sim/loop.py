"""An event loop on virtual time, and the processes that live on it.

Time stands still while code runs, but for a microsecond a turn, and jumps to
the next timer when there is nothing to do. So half an hour takes as long as
its work does, and a run depends on nothing but its seed: handles run in the
order in which they became due.

A **process** is what a crash ends. Each handle of the loop belongs to the
process in whose context it was made, for contexts are inherited: what a
node's tasks start is the node's. A process that is killed runs no handle any
more, from one turn to the next, as after SIGKILL; one that is paused has its
handles kept until it goes on, as after SIGSTOP.

While code of a process runs, whoever opens a real file or socket, or starts a
thread, is stopped with the line that did it: what comes from outside is not
in the seed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

TURN: Final = 1e-6  # seconds that a turn takes
_CANCELLED: Final = 500  # timers, before the heap is swept

_process: ContextVar[Process | None] = ContextVar("process", default=None)


class Outside(BaseException):
    """Somebody reached out of the simulation; the text says who, and where.

    It is no `Exception`, so that nobody handles it by mistake.
    """


class Idle(RuntimeError):
    """Nothing will ever happen any more, and somebody still waits."""


class Process:
    """What is killed and paused together.

    Attributes:
        name: For people.
        dead: Whether it was killed, or has ended.
        paused: Whether it stands still.
        turns: How many handles of it have run.
        fuse: At which turn it is to be killed; 0: at none.
        on_fuse: What to call then.
        at_end: What to call when it dies, in this order.
    """

    def __init__(self, loop: SimLoop, name: str) -> None:
        """Begins a process that does nothing yet."""
        self.name = name
        self.dead = False
        self.paused = False
        self.turns = 0
        self.fuse = 0
        self.on_fuse: Callable[[], None] | None = None
        self.at_end: list[Callable[[], None]] = []
        self.context: Context = copy_context()
        self.context.run(_process.set, self)
        self._loop = loop
        self._held: list[asyncio.Handle] = []
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def run(self, main: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a coroutine as this process's."""
        return self._loop.create_task(main, context=self.context)

    def kill(self) -> None:
        """Ends it where it stands: nothing of it runs any more."""
        if self.dead:
            return
        self.dead = True
        for call in self.at_end:
            call()
        self.at_end.clear()
        self._held.clear()
        tasks, self._tasks = [*self._tasks], {}
        for task in tasks:
            _bury(task)

    def pause(self) -> None:
        """Has it stand still."""
        self.paused = True

    def go_on(self) -> None:
        """Lets it go on, with all that came in meanwhile."""
        self.paused = False
        held, self._held = self._held, []
        self._loop.take(held)

    def hold(self, handle: asyncio.Handle) -> None:
        """Keeps a handle until it goes on."""
        self._held.append(handle)

    def own(self, task: asyncio.Task[Any]) -> None:
        """Takes note of a task, for the end."""
        self._tasks[task] = None
        task.add_done_callback(self._disown)

    def _disown(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)


def _bury(task: asyncio.Task[Any]) -> None:
    """Forgets a task that will never run again, without a word."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine = task.get_coro()
    # Python warns of what was never begun; here that is how it ends. What a
    # coroutine does at its end may begin such things, too.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            if coroutine is not None:
                coroutine.close()
        except (RuntimeError, ValueError):
            pass  # It waits in a `finally`, or it is the one that runs now.
        except BaseException:
            pass  # Whatever it says now, nobody hears.


class _Handle(asyncio.Handle):
    """A `Handle` that asks its loop nothing when it is made."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: tuple[object, ...],
        loop: SimLoop, context: Context | None,
    ) -> None:  # fmt: skip
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """A `TimerHandle`, likewise."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object],
        args: tuple[object, ...], loop: SimLoop, context: Context | None,
    ) -> None:  # fmt: skip
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = True


class SimLoop(asyncio.BaseEventLoop):
    """The loop.

    Attributes:
        current: The process whose code runs now.
        troubles: What callbacks raised: process, exception or text.
    """

    def __init__(self) -> None:
        """Begins at time 0."""
        super().__init__()
        self.current: Process | None = None
        self.troubles: list[tuple[str, BaseException | str]] = []
        self._now = 0.0
        # Each with its time, by which they are compared without a call.
        self._timers: list[tuple[float, _Timer]] = []
        self.set_exception_handler(self._trouble)
        self.set_task_factory(_make_task)  # type: ignore[arg-type]

    def time(self) -> float:
        """Returns the virtual time in seconds."""
        return self._now

    def take(self, handles: list[asyncio.Handle]) -> None:
        """Has handles run in the next turns."""
        self._ready.extend(handles)  # type: ignore[attr-defined]

    def _trouble(
        self, loop: asyncio.AbstractEventLoop, what: dict[str, Any]
    ) -> None:
        name = self.current.name if self.current is not None else "?"
        problem = what.get("exception") or str(what.get("message"))
        self.troubles.append((name, problem))

    def call_soon(
        self, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> asyncio.Handle:  # fmt: skip
        """Has a call made in one of the next turns; in the order asked."""
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Has a call made after so many seconds."""
        return self.call_at(
            self._now + delay, callback, *args, context=context
        )

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        """Has a call made at a time."""
        timer = _Timer(when, callback, args, self, context)
        heappush(self._timers, (when, timer))
        return timer

    def _run_once(self) -> None:
        """Goes on until it is told to stop.

        Of its base's many rounds this makes one, for they come by the
        million, and each handle runs here, not in a method of its own.
        """
        ready = self._ready  # type: ignore[attr-defined]
        while True:
            if not ready:
                timer = self._next_timer()
                self._now = max(self._now, timer.when())
                ready.append(timer)
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle._cancelled:
                    continue
                process = handle._context.get(_process)
                if process is not None:
                    if process.dead:
                        continue
                    if process.paused:
                        process.hold(handle)
                        continue
                    process.turns += 1
                    if process.turns == process.fuse and process.on_fuse:
                        process.on_fuse()
                        if process.dead:
                            continue
                self._now += TURN
                self.current = process
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"exception": error})
                self.current = None
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _next_timer(self) -> asyncio.TimerHandle:
        timers = self._timers
        cancelled = self._timer_cancelled_count  # type: ignore[has-type]
        if cancelled > _CANCELLED and 2 * cancelled > len(timers):
            left = []
            for entry in timers:
                entry[1]._scheduled = not entry[1]._cancelled
                if entry[1]._scheduled:
                    left.append(entry)
            heapify(left)
            timers[:] = left
            self._timer_cancelled_count = 0
        while timers:
            timer = heappop(timers)[1]
            timer._scheduled = False
            if not timer._cancelled:
                return timer
            self._timer_cancelled_count -= 1
        raise Idle("nothing is left to happen")

    # There is no world outside.

    def _write_to_self(self) -> None:
        pass  # There is no other thread to wake it from.

    def _process_events(self, event_list: object) -> None:
        pass

    def _asyncgen_firstiter_hook(self, agen: object) -> None:
        pass  # Generators of the dead are not to be run once more.

    def _asyncgen_finalizer_hook(self, agen: object) -> None:
        pass

    def run_in_executor(self, *_: object) -> NoReturn:
        """Refuses."""
        raise Outside(f"{_who()} started a thread; wait for the disk instead")

    async def create_connection(self, *_: object, **__: object) -> NoReturn:
        """Refuses."""
        raise Outside(f"{_who()} opened a real socket; use network")

    async def create_server(self, *_: object, **__: object) -> NoReturn:
        """Refuses."""
        raise Outside(f"{_who()} opened a real port; use network")


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, T],
    **more: Any,  # noqa: ANN401  # what asyncio passes on
) -> asyncio.Task[T]:
    task = asyncio.Task(coroutine, loop=loop, **more)
    context: Context | None = more.get("context")
    owner = _process.get() if context is None else context.get(_process)
    if owner is not None:
        if owner.dead:
            _bury(task)
        else:
            owner.own(task)
    return task


# Who opens what.

_STANDARD: Final = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep
    for name in ("stdlib", "platstdlib")
)
_PACKAGES: Final = os.path.realpath(sysconfig.get_path("purelib")) + os.sep
# They read source files on their own account: to import, or to tell of an
# error.
_MAY: Final = frozenset({"linecache", "traceback", "tokenize", "inspect"})
_EVENTS: Final = {
    "open": "opened a real file; use disk",
    "os.mkdir": "made a real folder; use disk",
    "os.remove": "removed a real file; use disk",
    "os.rename": "renamed a real file; use disk",
    "os.listdir": "looked into a real folder; use disk",
    "os.truncate": "cut off a real file; use disk",
    "socket.__new__": "opened a real socket; use network",
    "socket.connect": "opened a real socket; use network",
    "socket.bind": "opened a real port; use network",
    "subprocess.Popen": "started a real process",
    "_thread.start_new_thread": "started a thread; wait for the disk instead",
}  # fmt: skip

_guarded: SimLoop | None = None
_hooked = False


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _guarded is None or _guarded.current is None or event not in _EVENTS:
        return
    if threading.get_ident() != _guarded._thread_id:  # type: ignore[attr-defined]
        return  # Somebody else's thread; it is none of ours.
    if (who := _who()) is not None:
        problem = Outside(f"{who} {_EVENTS[event]}")
        _guarded.troubles.append((_guarded.current.name, problem))
        raise problem


def _who() -> str | None:
    """Returns the line that asks for it, unless it is one that may."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        name = frame.f_globals.get("__name__", "")
        if path.startswith("<frozen importlib") or name in _MAY:
            return None
        real = os.path.realpath(path) if os.sep in path else path
        if real.startswith(_PACKAGES) or not real.startswith(
            (*_STANDARD, "<")
        ):
            if real.startswith(os.getcwd() + os.sep):
                real = os.path.relpath(real)
            return f"{real}:{frame.f_lineno}"
        frame = frame.f_back
    return None


class Guarded:
    """While the block runs, processes of a loop are kept inside."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        global _guarded, _hooked
        if _guarded is not None:
            raise RuntimeError(
                "a simulation is under way in this process already: give"
                " each worker one thread"
            )
        if not _hooked:
            # It can never be taken out again, so it is put in once.
            sys.addaudithook(_audit)
            _hooked = True
        _guarded = self._loop

    def __exit__(self, *_: object) -> None:
        global _guarded
        _guarded = None
