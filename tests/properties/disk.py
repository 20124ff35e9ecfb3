"""A disk that forgets, at a crash, what was written but not yet synced."""

from __future__ import annotations

import copy
from collections.abc import Callable

from port import raftpb as pb
from port.storage import MemoryStorage
from port.types import is_empty_hard_state, is_empty_snap


class Write:
    """One write: all of it survives a crash, or nothing.

    Entries and hard state of a `Ready` belong together. The commit index in
    the hard state may not outlive the entries that it speaks of, nor a
    snapshot the hard state that came with it: a restart would panic.
    """

    __slots__ = ("entries", "hard_state", "snapshot")

    def __init__(
        self,
        entries: list[pb.Entry],
        hard_state: pb.HardState | None,
        snapshot: pb.Snapshot | None,
    ) -> None:
        self.entries = entries
        self.hard_state = hard_state
        self.snapshot = snapshot

    def put(self, s: MemoryStorage) -> None:
        """Write it: the snapshot first, since the entries follow it."""
        if not is_empty_snap(self.snapshot):
            s.apply_snapshot(self.snapshot)
        if self.hard_state is not None and not is_empty_hard_state(
            self.hard_state
        ):
            put_hard_state(s, self.hard_state)
        s.append(self.entries)


class Compaction:
    """One write: a snapshot of the application, and a shorter log."""

    __slots__ = ("conf_state", "index", "state", "upto")

    def __init__(
        self, index: int, conf_state: pb.ConfState, state: bytes, upto: int
    ) -> None:
        self.index = index
        self.conf_state = conf_state
        self.state = state
        self.upto = upto

    def put(self, s: MemoryStorage) -> None:
        """Write it."""
        s.create_snapshot(self.index, self.conf_state, self.state)
        put_hard_state(s, s.initial_state()[0] or pb.HardState())
        if self.upto >= s.first_index():
            s.compact(self.upto)


def put_hard_state(s: MemoryStorage, state: pb.HardState) -> None:
    """Store a hard state, with a commit index not below the snapshot's.

    With asynchronous storage entries are applied, and may be in a snapshot,
    before the hard state that commits them is written. An application that
    left it at that could not restart: a commit index before the log's
    beginning is a panic.
    """
    commit = max(state.commit or 0, s._snapshot.index)
    s.set_hard_state(pb.HardState(state.term or 0, state.vote or 0, commit))


class Disk:
    """What a node has written, and how much of that is durable.

    Reading (it is a `port.storage.Storage`) sees all that was written, as a
    file does; a crash leaves what was synced and the first few of the writes
    that were not.

    Attributes:
        durable: What is certain to survive.
        pending: The writes since.
        snapshot: Makes a snapshot of the application as it is now, for a
            peer that has fallen behind.
    """

    def __init__(self, snapshot: Callable[[], pb.Snapshot]) -> None:
        self.snapshot = snapshot
        self.durable = MemoryStorage()
        self.pending: list[Write | Compaction] = []
        self._live = MemoryStorage()
        self._bind()

    def _bind(self) -> None:
        live = self._live
        self.initial_state = live.initial_state
        self.entries = live.entries
        self.term_of = live.term
        self.last_index = live.last_index
        self.first_index = live.first_index
        self.stored_snapshot = live.snapshot

    @property
    def ents(self) -> list[pb.Entry]:
        """What was written of the log, after a stand-in for what precedes."""
        return self._live.ents

    def write(self, write: Write | Compaction) -> None:
        """Write, without syncing."""
        write.put(self._live)
        self.pending.append(write)

    def sync(self) -> None:
        """Make all that was written durable."""
        for write in self.pending:
            write.put(self.durable)
        self.pending.clear()

    def crash(self, keep: int) -> None:
        """Lose what was not synced, but for the first `keep` writes."""
        del self.pending[keep:]
        self.sync()
        self._live = copy.copy(self.durable)
        self._live.ents = list(self.durable.ents)
        self._live._snapshot = self.durable.snapshot()
        self._bind()

    def is_blank(self) -> bool:
        """Tell whether nothing durable was ever written."""
        hard_state, _ = self.durable.initial_state()
        return (
            is_empty_hard_state(hard_state)
            and self.durable.last_index() == 0
        )

    # What the invariants want to know: see `invariants.Durable`.

    @property
    def vote(self) -> int:
        """The durable vote."""
        return self._hard_state().vote or 0

    @property
    def commit(self) -> int:
        """The durable commit index."""
        return self._hard_state().commit or 0

    def _hard_state(self) -> pb.HardState:
        return self.durable.initial_state()[0] or pb.HardState()

    def holds(self, index: int, term: int) -> bool:
        """Tell whether the entry is durable, or covered by a snapshot."""
        ents = self.durable.ents
        at = index - (ents[0].index or 0)
        if at <= 0:
            return True
        return at < len(ents) and (ents[at].term or 0) == term

    def log(self) -> tuple[int, list[int]]:
        """Return the index before the first durable entry, and the terms."""
        ents = self.durable.ents
        return ents[0].index or 0, [e.term or 0 for e in ents]
