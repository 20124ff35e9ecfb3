"""What is shown while a run lasts."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from kv.console import table

if TYPE_CHECKING:
    from rich.console import Group

    from kv.chaos.run import Run

PERIOD: Final = 0.25  # seconds
LINE: Final = 10.0  # seconds between lines, where there is no terminal
WINDOW: Final = 5.0  # seconds that throughput and latency are taken over
MOST: Final = 8  # faults that are named


def figures(run: Run) -> list[str]:
    """Returns what there is to say, a line each."""
    workload = getattr(run, "workload", None)
    injuries = getattr(run, "injuries", None)
    if workload is None or injuries is None:
        return [run.state]
    now = run.recorder.elapsed()
    recent: list[float] = []
    for when, took in reversed(workload.latencies):
        if when < now - WINDOW:
            break
        recent.append(took)
    recent.sort()
    rate = len(recent) / min(max(now, 0.1), WINDOW)
    last = len(recent) - 1
    latency = "nobody is answered"
    if recent:
        latency = (
            f"half within {recent[last // 2] * 1000:.1f} ms, 99 of 100"
            f" within {recent[int(last * 0.99)] * 1000:.1f} ms"
        )
    counts = workload.counts
    ended = {
        how: sum(n for (_, h), n in counts.items() if h == how)
        for how in ("ok", "fail", "info")
    }
    leader = run.nodes.leading()
    gap = max(workload.gap[0], now - workload.progress)
    problems = len(run.nodes.failures) + len(injuries.problems)
    problems += len(run.outcome.problems)
    lines = [
        f"{now:7.1f} s of {run.total:.0f} s  {run.state}; "
        + ("nobody leads" if leader is None else f"node {leader.id} leads"),
        f"{rate:7.1f} operations a second; {latency}",
        f"{ended['ok']:,} answered, {ended['fail']:,} not done,"
        f" {ended['info']:,} unknown; longest wait for any answer"
        f" {gap:.1f} s",
        f"{sum(injuries.done.values())} faults so far,"
        f" {len(run.nodes.elections)} elections, {problems} problems",
    ]
    faults = injuries.now
    for band in faults[:MOST]:
        lines.append(f"  {band.family:>9}  {band.text}")
    if len(faults) > MOST:
        lines.append(f"  and {len(faults) - MOST} more")
    return lines


def look(run: Run) -> Group:
    """Returns nodes and figures, for `rich` to show."""
    return table(run.nodes, "\n".join(figures(run)))


async def show(run: Run, plain: bool = False) -> None:
    """Shows a run until it is cancelled."""
    if plain or not sys.stdout.isatty():
        while True:
            await asyncio.sleep(LINE)
            print(" | ".join(x.strip() for x in figures(run)[:4]), flush=True)
    from rich.live import Live

    with Live(auto_refresh=False, screen=False) as live:
        while True:
            await asyncio.sleep(PERIOD)
            if hasattr(run, "nodes"):
                live.update(look(run), refresh=True)
