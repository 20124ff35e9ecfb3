"""Damage to a log that lies there: a torn end, or a bit turned.

Both are done to the files of a node that is down. A *torn end* is what an
interrupted write leaves: the beginning of a record behind the last whole one,
or all of it but a sector. All that was synced stays; a node must cut the rest
off and start. The entry in it says what nobody ever said, so a node that
takes it for data gives itself away. A *turned bit* lies in what was synced
long ago; no node may start on that.

Only our own log can be damaged so that it is known what must follow. Of
another one (`--parts`) these functions say that there is nothing to be done.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, NamedTuple

from kv.commands import encode, put
from kv.entries import pack_entry
from kv.records import SECTOR, Reader, make_record
from kv.seams import Damaged
from port import raftpb as pb

POISON: Final = b"never-written"  # the key that a torn entry writes to


class _Span(NamedTuple):
    """Where a record stands, and index and term of the last entry then."""

    path: Path
    begin: int
    end: int
    last: int
    term: int


def _segments(folder: Path) -> list[Path]:
    return sorted((folder / "wal").glob("*.wal"))


def _spans(paths: list[Path]) -> list[_Span]:
    """Returns all records, in order; none if the log is not one of ours."""
    spans: list[_Span] = []
    for path in paths:
        if not path.stem.isdigit():
            return []
        last = path is paths[-1]
        reader = Reader(str(path), int(path.stem), path.read_bytes(), last)
        begin = index = term = 0
        try:
            while (record := reader.next()) is not None:
                notes, entries = record
                before = notes.get("last")
                if isinstance(before, list):
                    term, index = before
                if entries:
                    index = entries[-1].index or 0
                    term = entries[-1].term or 0
                spans.append(_Span(path, begin, reader.at, index, term))
                begin = reader.at
        except (Damaged, ValueError):
            return []
    return spans


def tear(folder: Path, rng: random.Random) -> str | None:
    """Leaves a write that was interrupted at the end of a log.

    Args:
        folder: The node's, which must be down.
        rng: Says where the write stopped.

    Returns:
        What was done, or `None` if it could not be.
    """
    paths = _segments(folder)
    spans = _spans(paths[-1:])
    if not spans:
        return None
    path, _, end, index, term = spans[-1]
    poison = encode(put(POISON, rng.randbytes(900)))
    entry = pb.Entry(term, index + 1, None, poison)
    record = make_record(int(path.stem), end, b"", [pack_entry(entry)])
    lost = -(-end // SECTOR) * SECTOR - end  # where a whole sector begins
    if rng.random() < 0.3 and lost + SECTOR < len(record):
        torn = record[:lost] + bytes(SECTOR) + record[lost + SECTOR :]
        what = f"a sector of the last {len(record)} bytes is not there"
    else:
        size = rng.randrange(1, len(record))
        torn = record[:size].rstrip(b"\0") or record[:1]
        what = f"{len(torn)} bytes of a record of {len(record)}"
    with path.open("r+b") as file:
        file.seek(end)
        file.write(torn)
    return f"{path.name} ends in {what}"


def flip(folder: Path, amount: float, rng: random.Random) -> str | None:
    """Turns a bit of what was synced before the last write.

    Args:
        folder: The node's, which must be down.
        amount: Whereabouts, from 0 (the oldest) to 1.
        rng: Which bit of the record there.

    Returns:
        What was done, or `None` if there is too little to damage.
    """
    spans = _spans(_segments(folder))[:-1]
    if len(spans) < 2:
        return None
    span = spans[min(int(amount * len(spans)), len(spans) - 1)]
    at = rng.randrange(span.begin, span.end)
    bit = rng.randrange(8)
    with span.path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
    return f"bit {bit} of byte {at} of {span.path.name} is turned"
