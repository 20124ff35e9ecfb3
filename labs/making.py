"""Logs, nodes and counts to try a ported function on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from port import raftpb as pb
from port.log import RaftLog
from port.logger import discard_logger
from port.raft import Config, Raft
from port.rafttest.interaction_env_logger import RedirectLogger
from port.storage import MemoryStorage
from port.tracker import Inflights, Progress
from port.tracker import StateType as ProgressState
from port.types import NO_LIMIT


def entries(first: int, terms: Sequence[int]) -> list[pb.Entry]:
    """Returns entries of these terms, the first of index `first`."""
    return [pb.Entry(term=t, index=i) for i, t in enumerate(terms, first)]


def storage(terms: Sequence[int], behind: int = 0) -> MemoryStorage:
    """Returns a storage whose log follows a snapshot of index `behind`."""
    made = MemoryStorage()
    members = pb.ConfState(voters=[1, 2, 3])
    term = 1 if behind else 0
    made.apply_snapshot(
        pb.Snapshot(None, pb.SnapshotMetadata(members, behind, term))
    )
    made.append(entries(behind + 1, terms))
    return made


def log_of(
    terms: Sequence[int], behind: int = 0, committed: int = 0
) -> RaftLog:
    """Returns a log of entries of these terms.

    Args:
        terms: Of the entries, from index `behind` + 1 on.
        behind: Entries up to here are compacted; their terms are gone, but
            for that of the last, which is 1.
        committed: The commit index.
    """
    made = RaftLog(storage(terms, behind), discard_logger, NO_LIMIT)
    made.committed = max(committed, behind)
    return made


def log_in_words(terms: Sequence[int], behind: int = 0) -> str:
    """Says what `log_of` makes."""
    text = f"log of terms {' '.join(map(str, terms)) or '(none)'}"
    return text + (f" from index {behind + 1} on" if behind else "")


def progress(
    state: ProgressState, match: int, following: int, paused: bool = True
) -> Progress:
    """Returns what a leader knows of a peer."""
    return Progress(
        match=match, next=following, state=state,
        msg_app_flow_paused=paused, inflights=Inflights(256, 0),
    )  # fmt: skip


class Counted:
    """An `AckedIndexer`: how far each voter has come, of those heard of."""

    def __init__(self, acked: Mapping[int, int]) -> None:
        self._acked = acked

    def acked_index(self, voter_id: int) -> int | None:
        """Returns how far a voter has come; `None` if it was not heard."""
        return self._acked.get(voter_id)


class Heard:
    """A node, the lines that it logs, and the messages that it sends.

    Attributes:
        raft: The node, number 2 of three.
        lines: What it has logged so far.
    """

    def __init__(self, lead: int, terms: Sequence[int] = (1, 1, 1),
                 **options: object) -> None:
        self._output = RedirectLogger()
        self.raft = Raft(Config(
            id=2, election_tick=10, heartbeat_tick=1,
            storage=storage(terms), max_size_per_msg=NO_LIMIT,
            max_inflight_msgs=256, logger=self._output,
            **options,  # type: ignore[arg-type]
        ))  # fmt: skip
        self.raft.become_follower(2, lead)
        self.raft.election_elapsed = 7
        self._output.builder.clear()

    @property
    def lines(self) -> list[str]:
        """What it has logged."""
        return "".join(self._output.builder).splitlines()

    def sent(self) -> list[pb.Message]:
        """What it has sent, to others or to wait for its disk."""
        return [*self.raft.msgs, *self.raft.msgs_after_append]
