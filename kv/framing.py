"""Messages between nodes as bytes: a length, then the message.

The length is four bytes, most significant first. A length beyond the limit is
refused as soon as it has been read, before anything is set aside for it: four
bytes from a stranger must not cost a gigabyte.
"""

from __future__ import annotations

from typing import Final

_LENGTH: Final = 4


class LengthPrefixed:
    """Our `Framing`."""

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int) -> None:
        """Starts with nothing received.

        Args:
            limit: How long a message may be, in bytes.
        """
        self._limit = min(limit, (1 << 8 * _LENGTH) - 1)
        self._buffer = bytearray()

    def encode(self, body: bytes) -> bytes:
        """Returns the bytes to send for a message; see `Framing.encode`."""
        if len(body) > self._limit:
            raise ValueError(
                f"a message of {len(body)} bytes; the limit is {self._limit}"
            )
        return len(body).to_bytes(_LENGTH, "big") + body

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the messages that are now complete; see `Framing.feed`."""
        buffer = self._buffer
        buffer += data
        messages = []
        at = 0
        while len(buffer) - at >= _LENGTH:
            start = at + _LENGTH
            length = int.from_bytes(buffer[at:start], "big")
            if length > self._limit:
                raise ValueError(
                    f"a message of {length} bytes is announced; the limit"
                    f" is {self._limit}"
                )
            if len(buffer) - start < length:
                break
            at = start + length
            messages.append(bytes(buffer[start:at]))
        if at:
            del buffer[:at]
        return messages
