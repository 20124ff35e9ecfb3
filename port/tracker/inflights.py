"""A bound on what is on its way to a follower."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from port.errors import RaftPanic

# One append message under way: the index of its last entry, and the size of
# all its entries in bytes. A bare tuple, as one is made for every message.
#
# Go: inflights.go:18-21 inflight
Inflight: TypeAlias = tuple[int, int]


class Inflights:
    """A window of append messages that were sent and not yet acknowledged.

    The sender asks `full()` before it sends, calls `add` for each message
    that goes out, and `free_le` when an acknowledgement comes in.

    Attributes:
        size: How many messages the window may hold.
        max_bytes: How many bytes of entries it may hold; 0 for any number.
            A soft bound: the message that crosses it still gets in.
        bytes: How many bytes of entries it holds.
        buffer: The messages, oldest first, by rising index.

    Go: inflights.go:28-40 Inflights
    """

    __slots__ = ("buffer", "bytes", "max_bytes", "size")

    def __init__(self, size: int, max_bytes: int = 0) -> None:
        """Makes an empty window.

        Go: inflights.go:46-51 NewInflights
        """
        self.size = size
        self.max_bytes = max_bytes
        self.bytes = 0
        self.buffer: deque[Inflight] = deque()

    def clone(self) -> Inflights:
        """Returns a copy that shares nothing that can change.

        Go: inflights.go:55-59 Clone
        """
        twin = Inflights(self.size, self.max_bytes)
        twin.bytes = self.bytes
        twin.buffer = self.buffer.copy()
        return twin

    def add(self, index: int, bytes: int) -> None:
        """Takes note of a message that goes out.

        Args:
            index: The index of its last entry; it must not be lower than
                that of the message before.
            bytes: The size of its entries.

        Raises:
            RaftPanic: the window is full; ask `full()` first.

        Go: inflights.go:65-80 Add
        """
        if self.full():
            raise RaftPanic("cannot add into a Full inflights")
        self.buffer.append((index, bytes))
        self.bytes += bytes

    def free_le(self, to: int) -> None:
        """Frees the messages whose last entry is at or below `to`.

        Go: inflights.go:98-128 FreeLE
        """
        buffer = self.buffer
        while buffer and buffer[0][0] <= to:
            self.bytes -= buffer.popleft()[1]

    def full(self) -> bool:
        """Tells whether no more messages may be sent for now.

        Go: inflights.go:131-133 Full
        """
        return len(self.buffer) == self.size or (
            self.max_bytes != 0 and self.bytes >= self.max_bytes
        )

    def count(self) -> int:
        """Returns the number of messages under way.

        Go: inflights.go:136-136 Count
        """
        return len(self.buffer)

    def reset(self) -> None:
        """Frees everything.

        Go: inflights.go:139-143 reset
        """
        self.buffer.clear()
        self.bytes = 0
