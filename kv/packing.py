"""msgpack, as all of the store uses it; the one place that imports it.

Values are `None`, `bool`, `int`, `float`, `bytes`, `str`, lists and dicts of
these. `unpack` says `object`, so that nobody takes for granted what a stranger
or a disk has sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgpack  # type: ignore[import-untyped]

pack: Final[Callable[[object], bytes]] = msgpack.Packer().pack
"""Returns the bytes of a value; tuples become lists. Not thread-safe."""


def unpack(data: bytes | memoryview) -> object:
    """Returns the one value that bytes stand for.

    Raises:
        ValueError: they stand for none, or something follows it.
    """
    try:
        value: object = msgpack.unpackb(data)
    except ValueError as error:  # As all of msgpack's are; some say nothing.
        raise ValueError(f"no msgpack: {error!r}") from error
    return value


def unpack_stream(chunks: Iterable[bytes]) -> Iterator[object]:
    """Yields the values that stand one after another in chunks of bytes.

    Where chunks begin and end does not matter.

    Raises:
        ValueError: something is no value, or the last one is cut short.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=_LARGEST)
    fed = 0
    for chunk in chunks:
        unpacker.feed(chunk)
        fed += len(chunk)
        try:
            yield from unpacker
        except ValueError as error:
            raise ValueError(f"no msgpack: {error!r}") from error
    if unpacker.tell() != fed:
        raise ValueError("the last value is cut short")


_LARGEST: Final = 1 << 30  # bytes of one value: a bound, not a promise
