"""Entries as bytes: the same on disk and between nodes.

An entry is a msgpack array of term, index, type and data, in a form of fixed
width: numbers as 64 bits, the length of the data as 32. msgpack would make
it a little shorter, at five times the time; so the array's head is one
`struct`, and the data goes behind it as it is.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from port import raftpb as pb

# An array of four; term and index as uint64; type; data's kind.
_HEAD: Final = Struct(">BBQBQBB")
_WHOLE: Final = Struct(">BBQBQBBI")  # and the length of the data
_ARRAY4, _UINT64, _NIL, _BIN32 = 0x94, 0xCF, 0xC0, 0xC6
_TYPES: Final = list(pb.EntryType)  # by number: 0, 1, 2


def pack_entry(entry: pb.Entry) -> bytes:
    """Returns the bytes of an entry; absent parts stay absent.

    Only term and index do not: absent, they become zero.
    """
    kind, data = entry.type, entry.data
    if data is None:
        return _HEAD.pack(
            _ARRAY4, _UINT64, entry.term or 0, _UINT64, entry.index or 0,
            _NIL if kind is None else kind, _NIL,
        )  # fmt: skip
    return _WHOLE.pack(
        _ARRAY4, _UINT64, entry.term or 0, _UINT64, entry.index or 0,
        _NIL if kind is None else kind, _BIN32, len(data),
    ) + data  # fmt: skip


def unpack_entries(buffer: bytes, at: int, end: int) -> list[pb.Entry]:
    """Returns the entries that stand in a buffer, one behind the other.

    Args:
        buffer: Where they stand.
        at: Where the first begins.
        end: Where the last ends.

    Raises:
        ValueError: there are no entries, or the last is cut short.
    """
    entries = []
    head, size = _HEAD.unpack_from, _HEAD.size
    while at < end:
        if at + size > end:
            raise ValueError(f"an entry is cut short at byte {at}")
        four, m1, term, m2, index, kind, what = head(buffer, at)
        if four != _ARRAY4 or m1 != _UINT64 or m2 != _UINT64:
            raise ValueError(f"no entry at byte {at}")
        at += size
        data = None
        if what == _BIN32:
            start = at + 4
            at = start + int.from_bytes(buffer[at:start], "big")
            if at > end:
                raise ValueError(f"an entry is cut short at byte {start}")
            data = buffer[start:at]
        elif what != _NIL:
            raise ValueError(f"an entry's data is of kind {what:#x}")
        if kind == _NIL:
            entries.append(pb.Entry(term, index, None, data))
        elif kind < len(_TYPES):
            entries.append(pb.Entry(term, index, _TYPES[kind], data))
        else:
            raise ValueError(f"an entry of type {kind}")
    return entries
