"""Measures what snapshots are good for, on your own parts.

    python -m labs.lab3_snapshots.measure [--parts labs.work.parts:PARTS]

A node is fed entries, once without any snapshot and once with one whenever
`snapshot_due` says so. Each 5,000 entries it is closed and opened again: how
long does that take, and how many bytes lie on disk? The answers go to
`labs/work/measured/`: `measured.json` and a plot, `measured.svg`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from kv.commands import decode, encode, put
from kv.parts import Parts, load_parts
from kv.seams import Identity
from kv.storage import recover
from kv.world import RealDisk, RealFile
from labs.runner.exercise import LABS
from port import raftpb as pb
from port.types import NO_LIMIT

STEP: Final = 5_000  # entries between two looks
TOTAL: Final = 50_000
BATCH: Final = 250
TRIES: Final = 2  # of which the quicker counts
KEYS: Final = 1_000
US: Final = Identity(1, 1)


class Plain(RealDisk):
    """A disk that makes no file longer than what is written: it is counted."""

    async def create(self, path: str, reserve: int = 0) -> RealFile:
        """Makes a file; see `Disk.create`."""
        return await super().create(path)

    async def open(self, path: str, at: int, reserve: int = 0) -> RealFile:
        """Opens a file; see `Disk.open`."""
        return await super().open(path, at)


class Row(NamedTuple):
    """One look.

    Attributes:
        entries: How many had been applied.
        restart: Milliseconds of work until it had all of them again; what
            others do on the machine meanwhile does not count.
        disk: Bytes on disk.
    """

    entries: int
    restart: float
    disk: int


async def measure(
    parts: Parts, folder: Path, total: int = TOTAL, step: int = STEP
) -> list[Row]:
    """Feeds a node, and looks at it every `step` entries."""
    rows, disk = [], Plain()
    state = pb.ConfState([1])
    found = await recover(parts, disk, str(folder), US)
    last = found.storage.snapshot().index
    for first in range(1, total + 1, BATCH):
        entries = [
            pb.Entry(1, i, None, encode(put(b"key %d" % (i % KEYS), b"v" * 100)
                                        ._replace(tag=i)))
            for i in range(first, first + BATCH)
        ]  # fmt: skip
        done = first + BATCH - 1
        await found.log.save(pb.HardState(1, 1, done), entries, True)
        for e in entries:
            found.machine.apply(e.index or 0, decode(e.data or b""))
        if parts.snapshot_due(done, last):
            metadata = pb.SnapshotMetadata(state, done, 1)
            await found.snapshots.save(metadata, found.machine.dump())
            await found.log.mark(metadata)
            last = done
        if done % step == 0:
            took = []
            for _ in range(TRIES):
                await found.log.close()
                begin = time.process_time()
                found = await recover(parts, disk, str(folder), US)
                if found.applied < done:
                    rest = found.storage.entries(
                        found.applied + 1, done + 1, NO_LIMIT
                    )
                    for e in rest:
                        found.machine.apply(e.index or 0, decode(e.data or b"")
                                            )  # fmt: skip
                took.append((time.process_time() - begin) * 1000)
            size = sum(f.stat().st_size for f in folder.rglob("*")
                       if f.is_file())  # fmt: skip
            rows.append(Row(done, round(min(took), 1), size))
    await found.log.close()
    return rows


def never(applied: int, last: int) -> bool:
    """Says that no snapshot is due."""
    return False


async def both(parts: Parts, total: int, step: int) -> dict[str, list[Row]]:
    """Measures without and with snapshots."""
    rows = {}
    for name, made in (
        ("without", replace(parts, snapshot_due=never)), ("with", parts),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="labs-") as folder:
            rows[name] = await measure(made, Path(folder), total, step)
    return rows


# The plot.

WIDTH, HEIGHT, LEFT, GAP = 480, 150, 58, 56
STYLE: Final = """
.labs-plot text { font: 14px sans-serif; fill: var(--ink, #22262b); }
.labs-plot .axis { fill: var(--muted, #5c6570); }
.labs-plot line { stroke: var(--hair, #d8d4ca); }
.labs-plot polyline { fill: none; stroke: var(--link, #0b5cad);
  stroke-width: 2; }
.labs-plot .without { stroke: var(--candidate-ink, #6b3300);
  stroke-dasharray: 6 3; }
.labs-plot rect { fill: var(--paper, #fdfcf9); }
"""


def plot(rows: dict[str, list[Row]]) -> str:
    """Returns the two curves as SVG, one chart above the other."""
    charts = (
        ("restart, ms", lambda r: r.restart, 0),
        ("on disk, MB", lambda r: r.disk / 1e6, HEIGHT + GAP),
    )
    total = 2 * (HEIGHT + GAP) + 20
    body = "".join(_chart(rows, *chart) for chart in charts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="labs-plot"'
        f' viewBox="0 0 {WIDTH} {total}"><title>Restart time and disk use,'
        f" with and without snapshots</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{total}"/>{body}</svg>\n'
    )


def _chart(
    rows: dict[str, list[Row]], name: str, value: Callable[[Row], float],
    top: int,
) -> str:  # fmt: skip
    most = max(value(r) for some in rows.values() for r in some) or 1.0
    last = max(r.entries for some in rows.values() for r in some)

    def x(entries: int) -> float:
        return LEFT + (WIDTH - LEFT - 90) * entries / last

    def y(amount: float) -> float:
        return top + 36 + HEIGHT * (1 - amount / most)

    parts = [f'<text x="8" y="{top + 18}">{name}</text>']
    for share in (0.0, 0.5, 1.0):
        at = y(most * share)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 90}" y1="{at:.0f}"'
            f' y2="{at:.0f}"/><text class="axis" text-anchor="end"'
            f' x="{LEFT - 6}" y="{at + 4:.0f}">{most * share:.1f}</text>'
        )
    for kind, some in rows.items():
        points = " ".join(f"{x(r.entries):.1f},{y(value(r)):.1f}"
                          for r in some)  # fmt: skip
        end = some[-1]
        parts.append(
            f'<polyline class="{kind}" points="{points}"/>'
            f'<text x="{x(end.entries) + 6:.0f}"'
            f' y="{y(value(end)) + 4:.0f}">{kind}</text>'
        )
    parts.append(
        f'<text class="axis" x="{x(last):.0f}" text-anchor="end"'
        f' y="{y(0) + 18:.0f}">{last:,} entries</text>'
    )
    return "".join(parts)


def table(rows: dict[str, list[Row]]) -> str:
    """Returns the numbers as text."""
    lines = [f"{'':>9}{'restart, ms':>22}{'on disk, kB':>24}",
             f"{'entries':>9}{'without':>12}{'with':>10}{'without':>14}"
             f"{'with':>10}"]  # fmt: skip
    for a, b in zip(rows["without"], rows["with"], strict=True):
        lines.append(
            f"{a.entries:>9}{a.restart:>12.1f}{b.restart:>10.1f}"
            f"{a.disk // 1000:>14}{b.disk // 1000:>10}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measures, and writes what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m labs.lab3_snapshots.measure"
    )
    parser.add_argument("--parts", metavar="MODULE:NAME")
    parser.add_argument("--entries", type=int, default=TOTAL)
    parser.add_argument("--out", type=Path, default=LABS / "work/measured")
    args = parser.parse_args(arguments)
    try:
        parts = load_parts(args.parts) if args.parts else Parts()
        args.out.mkdir(parents=True, exist_ok=True)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"--out {args.out}: {error.strerror}", file=sys.stderr)
        return 2
    step = max(BATCH, args.entries // 10 // BATCH * BATCH)
    rows = asyncio.run(both(parts, step * 10, step))
    (args.out / "measured.json").write_text(json.dumps(rows) + "\n")
    (args.out / "measured.svg").write_text(plot(rows))
    print(table(rows))
    print(f"\nthe plot: {args.out / 'measured.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
