"""Reads that are linearizable without going through the log.

A leader notes its commit index when a read arrives, then proves to itself
that it still leads: a round of heartbeats that a quorum answers. Reads are
numbered in order of arrival, each heartbeat carries the highest number so
far, and an answer acknowledges all reads up to the number that it returns.
Which reads are confirmed is then the same question as which entries are
committed, and `quorum` answers both. (Thesis, section 6.4.)
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from port import raftpb as pb
    from port.quorum import JointConfig
    from port.raft import ReadOnlyOption

_UINT64 = Struct("<Q")


class ReadState(NamedTuple):
    """The answer to a read-index request.

    Attributes:
        index: The read may be served once this index has been applied.
        request_ctx: What the request carried, so that its sender knows it.

    Go: read_only.go:29-32 ReadState
    """

    index: int  # type: ignore[assignment]  # a number, not tuple's method
    request_ctx: bytes | None


class ReadIndexRequest(NamedTuple):
    """A read that waits, and the commit index when it arrived.

    Go: read_only.go:34-37 readIndexRequest
    """

    req: pb.Message
    index: int  # type: ignore[assignment]


class ReadOnly:
    """The reads of one leader that wait for their round of heartbeats.

    Attributes:
        option: By heartbeats (safe) or by the leader's lease.
        acks: For each node, the highest number that it has acknowledged.
        unconfirmed_reads: The reads that wait, oldest first.
        confirmed_reads: How many were confirmed before those; the first that
            waits therefore has this number plus one.

    Go: read_only.go:39-47 readOnly
    """

    __slots__ = ("acks", "confirmed_reads", "option", "unconfirmed_reads")

    def __init__(self, option: ReadOnlyOption) -> None:
        """Starts with no read.

        Go: read_only.go:49-54 newReadOnly
        """
        self.option = option
        self.acks: dict[int, int] = {}
        self.unconfirmed_reads: list[ReadIndexRequest] = []
        self.confirmed_reads = 0

    def add_request(self, commit_index: int, req: pb.Message) -> None:
        """Lets a read wait, from a client of this node or of a follower.

        Args:
            commit_index: The leader's commit index now.
            req: The message that asked.

        Go: read_only.go:60-62 addRequest
        """
        self.unconfirmed_reads.append(ReadIndexRequest(req, commit_index))

    def recv_ack(self, from_: int, ctx: bytes | None) -> None:
        """Notes which reads a node's heartbeat response acknowledges.

        The highest number wins, since responses can overtake each other.

        Go: read_only.go:65-69 recvAck
        """
        if ctx:
            number: int = _UINT64.unpack_from(ctx)[0]
            self.acks[from_] = max(self.acks.get(from_, 0), number)

    def acked_index(self, voter_id: int) -> int | None:
        """Returns a node's highest acknowledged number, or `None`.

        Go: read_only.go:72-75 AckedIndex
        """
        return self.acks.get(voter_id)

    def maybe_advance(self, c: JointConfig) -> list[ReadIndexRequest]:
        """Takes out the reads that a quorum of `c` has by now acknowledged.

        Go: read_only.go:79-89 maybeAdvance
        """
        confirmed = c.committed_index(self)
        if confirmed <= self.confirmed_reads:
            return []
        n = confirmed - self.confirmed_reads
        reads = self.unconfirmed_reads[:n]
        self.unconfirmed_reads = self.unconfirmed_reads[n:]
        self.confirmed_reads = confirmed
        return reads

    def heartbeat_ctx(self) -> bytes | None:
        """Returns what a heartbeat must carry to confirm all that wait.

        Go: read_only.go:93-101 heartbeatCtx
        """
        if not self.unconfirmed_reads:
            return None
        return _UINT64.pack(self.confirmed_reads + len(self.unconfirmed_reads))
