"""RESP2, the protocol of Redis, as far as this store's clients need it.

Requests come as arrays of byte strings, any number of them at once, and each
is answered in its turn. `hiredis` takes them apart. It trusts a client more
than we may: a line of twelve bytes can announce an array of a billion, for
which it would make room at once. So a `Guard` looks at what comes in first.
It costs next to nothing as long as no large number follows a type sign.
"""

from __future__ import annotations

import re
from typing import Final

import hiredis

from kv.commands import MAX_KEY, MAX_KEYS, MAX_VALUE

MAX_PARTS: Final = MAX_KEYS + 8  # of one request
MAX_PART: Final = max(MAX_VALUE, MAX_KEY)  # bytes
MAX_REQUEST: Final = 4 * MAX_VALUE + MAX_KEYS * 64  # bytes
MAX_INLINE: Final = 4096  # bytes

OK: Final = b"+OK\r\n"
PONG: Final = b"+PONG\r\n"
NIL: Final = b"$-1\r\n"
EMPTY: Final = b"*0\r\n"
_SMALL: Final = [b":%d\r\n" % n for n in range(256)]


class ProtocolError(ValueError):
    """What came is no request; nothing behind it can be understood."""


class TooLarge(ProtocolError):
    """A request beyond the limits."""


def bulk(data: bytes) -> bytes:
    """Returns a byte string as a reply."""
    return b"$%d\r\n%b\r\n" % (len(data), data)


def integer(number: int) -> bytes:
    """Returns a number as a reply."""
    return _SMALL[number] if 0 <= number < 256 else b":%d\r\n" % number


def array(items: list[bytes]) -> bytes:
    """Returns replies as one."""
    return b"*%d\r\n%b" % (len(items), b"".join(items))


def error(code: str, text: str) -> bytes:
    """Returns an error as a reply: one word for programs, then the reason."""
    line = f"-{code} {text}".replace("\r", " ").replace("\n", " ")
    return line.encode("utf-8", "replace") + b"\r\n"


# A type sign and a number of five digits or more: an array, or a string
# longer than 9999 bytes.
_LARGE: Final = re.compile(rb"[*$%~>|]\+?\d{5}")
_TAIL: Final = 8  # bytes, in which a sign and its number may be cut in two


class Requests:
    """Takes requests out of a stream of bytes."""

    __slots__ = (
        "_open", "_reader", "_size", "_suspect", "_tail", "_taken", "_until",
    )  # fmt: skip

    def __init__(self) -> None:
        """Starts with nothing received."""
        self._reader = hiredis.Reader()
        # What came since a request last ended where the bytes ended; of use
        # once something in it looks too large.
        self._open: list[bytes] = []
        self._size = 0  # of those
        self._taken = 0  # bytes of them that were handed out
        self._until = 0  # so many lie before the next header
        self._suspect = False
        self._tail = b""  # the last few of them

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Takes bytes as they arrive and returns the requests now complete.

        Raises:
            ProtocolError: these are no requests. Those before are lost; the
                connection has to be closed anyway.
        """
        if not self._open and data[:1] != b"*":
            if data[:1] in b"$+-:_#,(!=%~>|":
                raise ProtocolError("a request begins with '*'")
            return self._inline(data)
        seen = self._tail + data
        if _LARGE.search(seen):
            self._suspect = True
        self._tail = seen[-_TAIL:]
        self._open.append(data)
        self._size += len(data)
        if self._size >= self._until and (
            self._suspect or self._size > MAX_REQUEST
        ):
            self._check()
        requests = []
        reader = self._reader
        try:
            reader.feed(data)
            while (found := reader.gets()) is not False:
                if type(found) is not list:
                    raise ProtocolError("a request is an array")
                requests.append(found)
        except hiredis.ProtocolError as problem:
            raise ProtocolError(str(problem)) from problem
        except MemoryError as problem:
            raise TooLarge("a request beyond all limits") from problem
        taken = 0
        for request in requests:
            # hiredis does not tell where it stands, so count along.
            taken += 3 + _digits(len(request))
            for item in request:
                if type(item) is not bytes:
                    raise ProtocolError("a request has byte strings only")
                size = len(item)
                taken += 5 + size + _digits(size)
        self._taken += taken
        if self._taken == self._size:
            self._open.clear()
            self._size = self._taken = self._until = 0
            self._suspect = False
            self._tail = b""
        return requests

    def _inline(self, data: bytes) -> list[list[bytes]]:
        """Takes requests as people type them: words in a line."""
        requests = []
        while data and data[:1] != b"*":
            line, newline, data = data.partition(b"\n")
            if not newline or len(line) > MAX_INLINE:
                raise ProtocolError("a line without an end, or too long")
            if words := line.split():
                requests.append(words)
        return requests + (self.feed(data) if data else [])

    def _check(self) -> None:
        """Walks over the requests that are open, header by header."""
        data = b"".join(self._open)
        at = start = 0
        while at < len(data):
            start = at
            count, at = _header(data, at, b"*", MAX_PARTS)
            for _ in range(count):
                if at >= len(data):
                    at = len(data) + 1
                    break
                size, at = _header(data, at, b"$", MAX_PART)
                if at > len(data):
                    break
                at += size + 2
        if at > len(data):
            if len(data) - start > MAX_REQUEST:
                raise TooLarge(f"a request of more than {MAX_REQUEST} bytes")
            data = data[start:]
        else:
            data = b""
        # hiredis has its own copy. What it has yet to hand out of what was
        # cut off here counts as taken already.
        self._taken -= self._size - len(data)
        self._open = [data] if data else []
        self._size = len(data)
        self._until = at - start if data else 0


def _digits(number: int) -> int:
    return 1 if number < 10 else 2 if number < 100 else len(str(number))


def _header(data: bytes, at: int, sign: bytes, limit: int) -> tuple[int, int]:
    """Returns the number in a header and where it ends.

    The end lies behind that of the data if the header is cut short.
    """
    end = data.find(b"\r\n", at, at + 24)
    if end < 0:
        if len(data) - at >= 24:
            raise ProtocolError("a header without an end")
        number = data[at + 1 :].rstrip(b"\r")
        end = len(data)
    else:
        number = data[at + 1 : end]
    if data[at : at + 1] != sign:
        raise ProtocolError(f"{sign.decode()!r} was expected")
    if not number:
        if end < len(data):
            raise ProtocolError("a header without a number")
        return 0, len(data) + 1
    if not number.isdigit():
        raise ProtocolError("a header with something else for a number")
    value = int(number)
    if value > limit:
        what = "parts" if sign == b"*" else "bytes"
        raise TooLarge(f"{value} {what}; the limit is {limit}")
    return value, end + 2 if end < len(data) else len(data) + 1
