"""What people see of a cluster of processes, and what they type.

A table of what each node says of itself; below it a line, for commands that
do to nodes what machines do to themselves. Where nobody looks on, the
commands come from standard input, and the answers are all there is to see.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Final

from kv.client import KvError
from kv.processes import Cluster, Member

if TYPE_CHECKING:
    from rich.console import Group


def rows(cluster: Cluster) -> Iterator[tuple[Member, list[str]]]:
    """Yields what the table shows of each node."""
    for member in cluster.members.values():
        s = member.status
        wal, snap = member.sizes()
        disk = [_size(wal), _size(snap)]
        if s is None:
            state = "paused" if member.paused else (
                "silent" if member.up else "down"
            )  # fmt: skip
            yield member, [str(member.id), state, *"-----", *disk]
        else:
            yield member, [
                str(member.id), s["role"], str(s["term"]),
                str(s["leader"] or "-"), str(s["commit"]), str(s["applied"]),
                f"{s['first']}..{s['last']}", *disk,
            ]  # fmt: skip


HEAD: Final = (
    "node", "role", "term", "leader", "commit", "applied", "in memory",
    "log", "snapshots",
)  # fmt: skip


def _size(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size //= 1000
    return f"{size:.0f} GB"


_STYLE: Final = {
    "leader": "bold green", "candidate": "yellow", "follower": "cyan",
    "precandidate": "yellow",
}  # fmt: skip


def table(cluster: Cluster, below: str = "") -> Group:
    """Returns the table, for `rich` to show."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in HEAD:
        shown.add_column(name, justify="right")
    for _, cells in rows(cluster):
        shown.add_row(*cells, style=_STYLE.get(cells[1], "dim"))
    return Group(shown, Text(below))


HELP: Final = """\
kill N|leader    end a process as a power cut would
pause N|leader   stop it where it is; `resume N` lets it go on
restart N|all    start it again
wipe N           lose its disk: a new node takes its place
transfer N       have it lead
put KEY VALUE    get KEY    status    quit"""


class Console:
    """Carries out what people type."""

    def __init__(self, cluster: Cluster) -> None:
        """Makes a console for a cluster that runs."""
        self._cluster = cluster
        self._client = cluster.client(timeout=5.0)

    async def do(self, line: str) -> str:
        """Carries out a line and returns what to say."""
        words = line.split()
        if not words:
            return ""
        actions: dict[str, Callable[[list[str]], Awaitable[str]]] = {
            "kill": self._kill, "pause": self._pause, "resume": self._resume,
            "restart": self._restart, "wipe": self._wipe, "put": self._put,
            "get": self._get, "transfer": self._transfer,
            "status": self._status,
        }  # fmt: skip
        action = actions.get(words[0])
        if action is None:
            return HELP
        began = _stamp()
        try:
            answer = await action(words[1:])
        except (KvError, TimeoutError, LookupError, ValueError) as error:
            answer = str(error) or HELP
        self._note(began, line, answer)
        return answer

    def _note(self, began: str, line: str, answer: str) -> None:
        """Writes down what was done and when, beside the nodes' own logs."""
        said = answer.partition("\n")[0]
        log = self._cluster.folder / "commands.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{began} {' '.join(line.split())}: {said}\n")

    async def _member(self, words: list[str]) -> Member:
        if len(words) != 1:
            raise ValueError("which node?")
        if words[0] == "leader":
            return await self._cluster.leader(5.0)
        member = self._cluster.members.get(int(words[0]))
        if member is None:
            raise LookupError(f"there is no node {words[0]}")
        return member

    async def _kill(self, words: list[str]) -> str:
        member = await self._member(words)
        member.kill()
        return f"node {member.id} is dead"

    async def _pause(self, words: list[str]) -> str:
        member = await self._member(words)
        member.pause()
        return f"node {member.id} is paused"

    async def _resume(self, words: list[str]) -> str:
        member = await self._member(words)
        member.resume()
        return f"node {member.id} goes on"

    async def _restart(self, words: list[str]) -> str:
        if words == ["all"]:
            for each in self._cluster.members.values():
                each.stop()
            self._cluster.start()
            return "all start again"
        member = await self._member(words)
        member.stop()
        member.start()
        return f"node {member.id} starts again"

    async def _wipe(self, words: list[str]) -> str:
        member = await self._member(words)
        new = await self._cluster.wipe(member)
        self._client = self._cluster.client(timeout=5.0)
        return f"node {new.id} has taken the place of node {member.id}"

    async def _transfer(self, words: list[str]) -> str:
        member = await self._member(words)
        await self._client.transfer(member.id)
        return f"node {member.id} leads"

    async def _put(self, words: list[str]) -> str:
        if len(words) != 2:
            raise ValueError("put KEY VALUE")
        begin = time.monotonic()
        await self._client.put(words[0].encode(), words[1].encode())
        return f"done in {(time.monotonic() - begin) * 1000:.1f} ms"

    async def _get(self, words: list[str]) -> str:
        if len(words) != 1:
            raise ValueError("get KEY")
        value = await self._client.get(words[0].encode())
        return "(nothing)" if value is None else repr(value)[2:-1]

    async def _status(self, words: list[str]) -> str:
        await self._cluster.ask()
        lines = ["".join(f"{h:>12}" for h in HEAD)]
        for _, cells in rows(self._cluster):
            lines.append("".join(f"{c:>12}" for c in cells))
        return "\n".join(lines)


def _stamp() -> str:
    """Returns the time as the nodes' logs have it."""
    now = time.time()
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return f"{date},{int(now % 1 * 1000):03}"


async def converse(cluster: Cluster) -> int:
    """Shows the table and takes commands, until there are no more."""
    console = Console(cluster)
    if sys.stdin.isatty() and sys.stdout.isatty():
        await _live(cluster, console)
        return 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() in ("quit", "exit"):
            break
        print(await console.do(line), flush=True)
    return 0


async def _live(cluster: Cluster, console: Console) -> None:
    """The table on top, what was said below it, and a line to type in."""
    import termios
    import tty

    from rich.live import Live

    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue()
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    said, line = HELP, ""
    tty.setcbreak(fd, termios.TCSANOW)  # What was typed ahead stays.
    loop.add_reader(
        fd, lambda: typed.put_nowait(os.read(fd, 256).decode(errors="replace"))
    )
    work: asyncio.Task[str] | None = None
    try:
        with Live(auto_refresh=False, screen=False) as live:
            while True:
                await cluster.ask()
                if work is not None and work.done():
                    said, work = work.result(), None
                live.update(
                    table(cluster, f"{said}\n\n> {line}"), refresh=True
                )
                try:
                    keys = await asyncio.wait_for(typed.get(), 0.1)
                except TimeoutError:
                    continue
                for key in keys:
                    if key in "\r\n":
                        if line.strip() in ("quit", "exit"):
                            return
                        if work is None:
                            said = f"{line} ..."
                            work = asyncio.create_task(console.do(line))
                        line = ""
                    elif key in "\x7f\b":
                        line = line[:-1]
                    elif key == "\x04":
                        return
                    elif key.isprintable():
                        line += key
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
