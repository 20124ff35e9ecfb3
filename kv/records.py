"""Records of the write-ahead log, and what a bad one means.

A save is one record, written and synced in one go, so after a crash all of it
is there or none of it counts:

    magic mask notes-length length payload-CRC head-CRC | payload | end mark
      1    1        2         4         4          4               1

in bytes. The payload is notes (a msgpack map: `hard`, or what begins a
segment) and behind it the entries as `kv.entries` has them. The head's CRC
also covers segment number and offset: a record that lies elsewhere than where
it was written is no record. CRCs are CRC-32C.

**Torn or damaged?** That is what this file is about. Each save is synced
before the next begins, so one record at most, the very last, can be unsynced
when the machine stops. Such a one may be cut off: nobody was told that it is
stored. Cutting any other would break a promise, perhaps unnoticed. So all
that is not as it was written is damage, and the node must not start, unless
it is certain to be the trace of an interrupted write. Two things are:

* The end is missing. A file is made longer than it is, zero bytes behind what
  is written (to spare each sync the work of moving the file's end); the end
  mark is no zero byte, nor one flipped bit away from it. So a last record
  that ends in zeros, or where the file ends, was never complete.
* A whole sector of it is zero: sectors reach the disk in any order. No record
  has such a sector of its own: a payload with so many zeros in a row is
  written with a mask over each byte, one that leaves none.

And both only where nothing is written behind: else it was synced once.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

from crc32c import crc32c

from kv.entries import unpack_entries
from kv.packing import unpack
from kv.seams import Damaged
from port import raftpb as pb

SECTOR: Final = 512  # bytes that reach the disk together, or not at all
REMEDY: Final = (
    "The node must not start on this: it would have forgotten what it has"
    " promised. If the rest of the cluster is well, remove this node from it,"
    " delete the node's data folder and add it again; else restore the folder"
    " from a copy."
)

_HEAD: Final = Struct(">BBHII")  # all but its own CRC
_PLACED: Final = Struct(">BBHIIQQ")  # the same, with segment and offset
_HEAD_SIZE: Final = _HEAD.size + 4
_MAGIC: Final = 0xA7
_NO_MASK: Final = 255  # instead of a mask: none would have done
_END: Final = b"\x5a"
# A sector of zeros within a record has at least so many of its payload.
_ZEROS: Final = bytes(SECTOR - _HEAD_SIZE)
_LONGEST: Final = 1 << 30  # bytes of a payload


def _masked(payload: bytes, mask: int) -> bytes:
    """Returns the payload with a mask over each byte; twice undoes it."""
    return payload.translate(bytes(byte ^ mask for byte in range(256)))


def _mask_for(payload: bytes) -> int:
    """Returns a mask under which no sector of a payload is zero."""
    if len(payload) < len(_ZEROS) or _ZEROS not in payload:
        return 0
    for mask in range(1, _NO_MASK):
        if bytes([mask]) * len(_ZEROS) not in payload:
            return mask
    return _NO_MASK  # Somebody took pains: 120 kB are needed for this.


def make_record(
    segment: int, offset: int, notes: bytes, frames: Sequence[bytes]
) -> bytes:
    """Returns the bytes of a record that is to stand at `offset`."""
    payload = b"".join((notes, *frames))
    size = len(payload)
    if size > _LONGEST:
        raise ValueError(f"a save of {size} bytes; the limit is {_LONGEST}")
    mask = _mask_for(payload)
    if 0 < mask < _NO_MASK:
        payload = _masked(payload, mask)
    placed = _PLACED.pack(
        _MAGIC, mask, len(notes), size, crc32c(payload), segment, offset
    )
    head = placed[: _HEAD.size] + crc32c(placed).to_bytes(4, "big")
    return head + payload + _END


class _Head(NamedTuple):
    """The head of a record, once its CRC has been found right."""

    mask: int
    notes: int
    size: int
    crc: int


def _read_head(data: bytes, segment: int, at: int) -> _Head | None:
    """Returns the head that stands at `at`, or `None` if none does."""
    end = at + _HEAD.size
    if len(data) < end + 4:
        return None
    head = _HEAD.unpack_from(data, at)
    crc = crc32c(_PLACED.pack(*head, segment, at))
    if crc != int.from_bytes(data[end : end + 4], "big"):
        return None
    magic, *rest = head
    return _Head(*rest) if magic == _MAGIC else None


class Reader:
    """Reads one segment, record by record, and judges where it ends.

    Attributes:
        at: Where the next record begins; after the last, where to write on.
        begin: Where the last record that was read begins.
        torn: How many bytes of an interrupted write stand there.
    """

    def __init__(
        self, path: str, number: int, data: bytes, last: bool
    ) -> None:
        """Starts at the beginning.

        Args:
            path: The file, for messages.
            number: The segment's number.
            data: All that it holds.
            last: Whether it is the newest: only that can be torn.
        """
        self.path = path
        self.at = self.begin = 0
        self.torn = 0
        self._number = number
        self._data = data
        self._last = last
        # Where writing ended, whoever it was that wrote.
        self._written = len(data.rstrip(b"\0"))

    def next(self) -> tuple[dict[str, object], list[pb.Entry]] | None:
        """Returns notes and entries of the next record; `None` at the end.

        Raises:
            Damaged: something stands there that was not written so.
        """
        data, at = self._data, self.at
        if self._written <= at:
            return None
        head = _read_head(data, self._number, at)
        if head is None:
            self._no_head()
            return None
        start = at + _HEAD_SIZE
        end = start + head.size
        if self._written <= end:
            self._cut("has no end")
            return None
        payload = data[start:end]
        if crc32c(payload) != head.crc or data[end : end + 1] != _END:
            self._bad_payload(head, end + 1)
            return None
        if 0 < head.mask < _NO_MASK:
            payload = _masked(payload, head.mask)
        try:
            notes = unpack(payload[: head.notes]) if head.notes else {}
            entries = unpack_entries(payload, head.notes, len(payload))
        except ValueError as error:
            raise self.damage(f"a record makes no sense: {error}") from error
        if not isinstance(notes, dict):
            raise self.damage("a record has notes that are no map")
        self.begin, self.at = at, end + 1
        return notes, entries

    def _no_head(self) -> None:
        """Judges bytes that are no head of a record."""
        at = self.at
        end = at + _HEAD_SIZE
        if self._written < end:
            self._cut("stops in its head")
        elif self._zero_sector(at, end) and not self._record_behind(end):
            self._cut("lacks the sector of its head")
        else:
            raise self.damage("the head of a record is damaged")

    def _bad_payload(self, head: _Head, end: int) -> None:
        """Judges a record whose payload or end mark is not as written."""
        if self._written > end or not self._zero_sector(self.at, end):
            raise self.damage("the CRC of a record is wrong")
        if head.mask == _NO_MASK:
            raise self.damage(
                "the last record is damaged, or its write was interrupted:"
                " it has zeros of its own, so there is no telling"
            )
        self._cut("lacks a sector")

    def _zero_sector(self, start: int, end: int) -> bool:
        """Tells whether a sector's share of a range is nothing but zeros."""
        data = self._data
        while start < end:
            stop = min(end, start - start % SECTOR + SECTOR)
            if not any(data[start:stop]):
                return True
            start = stop
        return False

    def _record_behind(self, start: int) -> bool:
        """Tells whether a record begins anywhere behind."""
        at = self._data.find(_MAGIC, start, self._written)
        while at >= 0:
            if _read_head(self._data, self._number, at) is not None:
                return True
            at = self._data.find(_MAGIC, at + 1, self._written)
        return False

    def _cut(self, why: str) -> None:
        """Ends the log here, if it may end here."""
        if not self._last:
            raise self.damage(f"a record {why}, and a segment follows")
        self.torn = self._written - self.at

    def damage(self, what: str) -> Damaged:
        """Returns the error that says so, here."""
        return Damaged(self.path, self.at, f"{what}. {REMEDY}")
