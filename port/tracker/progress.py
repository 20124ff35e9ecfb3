"""The leader's picture of one follower, a small state machine of its own.

    method            to              because
    become_replicate  StateReplicate  the logs agree at a known point
    become_probe      StateProbe      they no longer seem to, the follower is
                                      out of reach, a snapshot was sent
    become_snapshot   StateSnapshot   the leader lacks the entries to send

The decisions are taken in `port.raft`; the methods here keep the numbers
right. What holds at all times: `match < next`, so `next` is at least 1.
"""

from __future__ import annotations

from port.errors import RaftPanic
from port.tracker.inflights import Inflights
from port.tracker.state import (
    StateProbe,
    StateReplicate,
    StateSnapshot,
    StateType,
)


class Progress:
    """What the leader knows of one follower, and what it has sent there.

    Attributes:
        match: Up to here the follower's log is known to equal the leader's.
        next: The index of the next entry to send. What lies between `match`
            and `next` is under way. In `StateSnapshot` it is
            `pending_snapshot + 1`.
        state: How the leader sends; see `StateType`.
        pending_snapshot: In `StateSnapshot`, the index of the snapshot that
            is under way; else 0. Nothing but a report that the snapshot has
            arrived uses it: an acknowledgement that joins the follower to
            the leader's log ends the state wherever that snapshot ended, as
            an application may bring snapshots by ways of its own.
        recent_active: Something was heard from the follower since the last
            check of the quorum. Always true of the leader itself.
        msg_app_flow_paused: No append is sent until the follower answers a
            heartbeat or acknowledges something. Set by a probe, and when the
            window is full; lifted now and then so that a lost message does
            not stop the flow for good.
        inflights: The window of appends under way.
        is_learner: The follower receives the log and has no vote.

    Go: progress.go:30-117 Progress
    """

    # `_sent_commit` is the highest commit index under way. It rises, but for
    # a return to probing or a rejection, after which it must be sent again.
    __slots__ = (
        "_sent_commit", "inflights", "is_learner", "match",
        "msg_app_flow_paused", "next", "pending_snapshot", "recent_active",
        "state",
    )  # fmt: skip

    def __init__(
        self,
        *,
        match: int = 0,
        next: int = 1,
        state: StateType = StateProbe,
        pending_snapshot: int = 0,
        recent_active: bool = False,
        msg_app_flow_paused: bool = False,
        inflights: Inflights,
        is_learner: bool = False,
    ) -> None:
        self.match = match
        self.next = next
        self._sent_commit = 0
        self.state = state
        self.pending_snapshot = pending_snapshot
        self.recent_active = recent_active
        self.msg_app_flow_paused = msg_app_flow_paused
        self.inflights = inflights
        self.is_learner = is_learner

    def copy(self) -> Progress:
        """Returns a copy with the same window of appends, not one like it.

        Go has no method for this: it assigns the struct.
        """
        twin = Progress(
            match=self.match,
            next=self.next,
            state=self.state,
            pending_snapshot=self.pending_snapshot,
            recent_active=self.recent_active,
            msg_app_flow_paused=self.msg_app_flow_paused,
            inflights=self.inflights,
            is_learner=self.is_learner,
        )
        twin._sent_commit = self._sent_commit
        return twin

    def reset_state(self, state: StateType) -> None:
        """Enters a state with nothing paused, pending or under way.

        Go: progress.go:121-126 ResetState
        """
        self.msg_app_flow_paused = False
        self.pending_snapshot = 0
        self.state = state
        self.inflights.reset()

    def become_probe(self) -> None:
        """Starts over from the last known agreement.

        After a snapshot that is the snapshot's own index, if it is higher:
        for all that is known, the follower has it.

        Go: progress.go:130-143 BecomeProbe
        """
        if self.state is StateSnapshot:
            pending_snapshot = self.pending_snapshot
            self.reset_state(StateProbe)
            self.next = max(self.match + 1, pending_snapshot + 1)
        else:
            self.reset_state(StateProbe)
            self.next = self.match + 1
        self._sent_commit = min(self._sent_commit, self.next - 1)

    def become_replicate(self) -> None:
        """Starts to send eagerly, from the last known agreement.

        Go: progress.go:146-149 BecomeReplicate
        """
        self.reset_state(StateReplicate)
        self.next = self.match + 1

    def become_snapshot(self, snapshot_index: int) -> None:
        """Waits for a snapshot, up to and including the index, to arrive.

        Go: progress.go:153-158 BecomeSnapshot
        """
        self.reset_state(StateSnapshot)
        self.pending_snapshot = snapshot_index
        self.next = snapshot_index + 1
        self._sent_commit = snapshot_index

    def sent_entries(self, entries: int, bytes: int) -> None:
        """Takes note of an append that was sent, from `next` on.

        Args:
            entries: How many entries it holds; 0 for an empty append.
            bytes: Their total size.

        Raises:
            RaftPanic: appends are not sent in this state.

        Go: progress.go:165-185 SentEntries
        """
        state = self.state
        if state is StateReplicate:
            inflights = self.inflights
            if entries > 0:
                self.next += entries
                inflights.add(self.next - 1, bytes)
            # An append that fills the window, or goes out although it is
            # full, is a probe: it is the last one until an answer comes.
            self.msg_app_flow_paused = inflights.full()
        elif state is StateProbe:
            if entries > 0:
                self.msg_app_flow_paused = True
        else:
            raise RaftPanic(f"sending append in unhandled state {state}")

    def can_bump_commit(self, index: int) -> bool:
        """Tells whether sending this commit index can be of any use.

        It is not if as high a one is under way, or one that covers all that
        the follower has been sent.

        Go: progress.go:189-195 CanBumpCommit
        """
        return self._sent_commit < index and self._sent_commit < self.next - 1

    def sent_commit(self, commit: int) -> None:
        """Takes note of a commit index that was sent.

        Go: progress.go:198-200 SentCommit
        """
        self._sent_commit = commit

    def maybe_update(self, n: int) -> bool:
        """Takes note of an acknowledgement of everything up to `n`.

        Returns:
            Whether that is news.

        Go: progress.go:205-213 MaybeUpdate
        """
        if n <= self.match:
            return False
        self.match = n
        if self.next <= n:
            self.next = n + 1
        self.msg_app_flow_paused = False
        return True

    def maybe_decr_to(self, rejected: int, match_hint: int) -> bool:
        """Steps back after a rejection, unless the rejection is stale.

        Messages may be reordered or come twice, so a rejection may speak of
        what has since been acknowledged or sent anew. While replicating, one
        at or below `match` is stale. Else appends go out one at a time, and
        one that is not about the last of them is stale.

        Args:
            rejected: The index that the append built on, and the follower
                does not have.
            match_hint: Where, by the follower's guess, the logs may agree.

        Returns:
            Whether the rejection was genuine; if so, `next` is lower now.

        Go: progress.go:226-254 MaybeDecrTo
        """
        if self.state is StateReplicate:
            if rejected <= self.match:
                return False
            self.next = self.match + 1
            self._sent_commit = min(self._sent_commit, self.next - 1)
            return True
        if self.next - 1 != rejected:
            return False
        self.next = max(min(rejected, match_hint + 1), self.match + 1)
        self._sent_commit = min(self._sent_commit, self.next - 1)
        self.msg_app_flow_paused = False
        return True

    def is_paused(self) -> bool:
        """Tells whether no entries may be sent for now.

        Go: progress.go:262-273 IsPaused
        """
        return self.msg_app_flow_paused or self.state is StateSnapshot

    def __str__(self) -> str:
        """Returns the state and the numbers that differ from the usual.

        Go: progress.go:275-297 String
        """
        text = f"{self.state} match={self.match} next={self.next}"
        if self.is_learner:
            text += " learner"
        if self.is_paused():
            text += " paused"
        if self.pending_snapshot > 0:
            text += f" pendingSnap={self.pending_snapshot}"
        if not self.recent_active:
            text += " inactive"
        if (n := self.inflights.count()) > 0:
            text += f" inflight={n}"
            if self.inflights.full():
                text += "[full]"
        return text


class ProgressMap(dict[int, Progress]):
    """The progress of each node, the leader's own included, by id.

    Go: progress.go:300-300 ProgressMap
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Returns a line a node, by id.

        Go: progress.go:303-314 String
        """
        return "".join(f"{id}: {self[id]}\n" for id in sorted(self))
