"""What must hold at every moment, each rule by itself.

An invariant is told what happens, and raises `Violation` when its rule is
broken. It learns of a node by its `View`, of a disk by what is durable on it
(`Durable`), and of what is past by the `History` that all of them share. All
three are plain values, so that a rule can be tried on a few made by hand.

    0  NoPanic            a legal schedule makes no node panic
    1  ElectionSafety     at most one leader a term
    2  LogMatching        same index and term: same entry, same log before it
    3  LeaderCompleteness a leader has what was committed in earlier terms
    4  LeaderAppendOnly   a leader keeps what it has, and only adds to it
    5  StateMachineSafety all apply the same, in order and without gaps
    6  CommittedStays     what was committed first at an index stays there
    7  CommitQuorum       a leader commits what a quorum has durably
    8  Monotonic          what must not fall does not; restarts restore
    9  DurableFirst       promises leave once what they promise is durable
    10 ReadIndexSafety    a safe read sees what was committed before it
    11 Converges          without faults, progress and agreement in time
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from port import raftpb as pb
from port.raft import StateFollower, StateLeader, StateType


class Violation(AssertionError):
    """A rule is broken.

    Attributes:
        number: The invariant's.
        text: What is broken, without the number.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"invariant {number}: {text}")
        self.number = number
        self.text = text

    def __reduce__(self) -> tuple[type[Violation], tuple[int, str]]:
        """Has it travel between processes."""
        return Violation, (self.number, self.text)


class View:
    """What a node's raft holds at one moment.

    Attributes:
        id: The node.
        life: How often it was started.
        base: The index just before its first entry.
        terms: The term at `base`, then that of each entry.
        entries: The entries.
        halves: The voters of the configuration that is active on it: one
            set, or two while it is joint.

    The others are as in `port.raft` and `port.log`.
    """

    __slots__ = (
        "applied", "base", "commit", "entries", "halves", "id", "life",
        "role", "term", "terms", "vote",
    )  # fmt: skip

    def __init__(
        self,
        id: int = 1,
        life: int = 1,
        term: int = 0,
        vote: int = 0,
        role: StateType = StateFollower,
        commit: int = 0,
        applied: int = 0,
        base: int = 0,
        base_term: int = 0,
        entries: Iterable[pb.Entry] = (),
        halves: Iterable[Iterable[int]] = (),
    ) -> None:
        self.id = id
        self.life = life
        self.term = term
        self.vote = vote
        self.role = role
        self.commit = commit
        self.applied = applied
        self.base = base
        self.entries = list(entries)
        self.terms = [base_term, *(e.term or 0 for e in self.entries)]
        self.halves = halves

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.base + len(self.terms) - 1

    def lives_on_from(self, before: View | None) -> bool:
        """Tell whether no restart lies between `before` and this."""
        return before is not None and before.life == self.life

    def leads(self) -> bool:
        """Tell whether it is a leader."""
        return self.role is StateLeader


class Durable(Protocol):
    """What a disk holds for certain."""

    term: int
    vote: int
    commit: int

    def holds(self, index: int, term: int) -> bool:
        """Tell whether the entry is there, or is covered by the snapshot."""

    def log(self) -> tuple[int, list[int]]:
        """Return the index before the first entry, and the terms from it."""


class History:
    """What has been seen so far.

    Attributes:
        committed: For each index, the term of the entry first committed.
        within: For each index, the term of the node that committed it first.
        high: The highest index committed anywhere.
        fresh: The indexes that the last view added.
        logs: For each term, base and terms of its leader's log.
    """

    def __init__(self) -> None:
        self.committed: dict[int, int] = {}
        self.within: dict[int, int] = {}
        self.high = 0
        self.fresh: range = range(0)
        self.logs: dict[int, tuple[int, list[int]]] = {}

    def note(self, view: View) -> None:
        """Take up what a view shows for the first time."""
        if view.leads():
            self.logs[view.term] = view.base, view.terms
        commit = min(view.commit, view.last)
        if commit <= self.high:
            self.fresh = range(0)
            return
        first = max(self.high + 1, view.base)
        self.fresh = range(first, commit + 1)
        for index in self.fresh:
            self.committed[index] = view.terms[index - view.base]
            self.within[index] = view.term
        self.high = commit

    def leader_term_at(self, term: int, index: int) -> int | None:
        """Return the term that the entry at `index` has for `term`'s leader.

        `None` where it is not known; 0 where that leader has no entry.
        """
        if term not in self.logs:
            return None
        base, terms = self.logs[term]
        if index <= base:
            return self.committed.get(index)
        return terms[index - base] if index < base + len(terms) else 0


class Invariant:
    """One rule; what does not concern it, it does not listen to."""

    number = -1

    def broken(self, text: str) -> Violation:
        """Return the violation, to be raised."""
        return Violation(self.number, text)


class NoPanic(Invariant):
    """No node panics."""

    number = 0

    def panicked(self, node: int, error: Exception) -> None:
        """Take note that a node has panicked: always wrong."""
        kind = type(error).__name__
        raise self.broken(f"node {node} panicked: {kind}: {error}")


class ElectionSafety(Invariant):
    """At most one node leads a term, now or ever (paper, figure 3)."""

    number = 1

    def __init__(self) -> None:
        self.leader: dict[int, int] = {}

    def saw(self, before: View | None, after: View) -> None:
        """Check who leads."""
        if after.leads():
            first = self.leader.setdefault(after.term, after.id)
            if first != after.id:
                raise self.broken(
                    f"{first} and {after.id} both lead term {after.term}"
                )


class LogMatching(Invariant):
    """Entries with the same index and term are the same, as are all before.

    It is enough to know of each entry what it holds and which term comes
    before it: the rest follows by going back one entry at a time.
    """

    number = 2

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], tuple[int, pb.Entry]] = {}

    def saw(self, before: View | None, after: View) -> None:
        """Check each entry, if the log has changed."""
        entries = after.entries
        if before is not None and before.entries == entries:
            return
        known = self.known
        terms = after.terms
        index = after.base
        for at, entry in enumerate(entries):
            index += 1
            previous = terms[at]
            key = (index, terms[at + 1])
            there = known.get(key)
            if there is None:
                known[key] = previous, entry
                if (entry.index or 0) != index:
                    raise self.broken(
                        f"{after.id} has entry {entry.index} at {index}"
                    )
                continue
            if there[1] is not entry and there[1] != entry:
                raise self.broken(
                    f"{after.id} has {entry} at index {index}, another has"
                    f" {there[1]} of the same term"
                )
            # Under a snapshot's edge the term before is known as well.
            if there[0] != previous:
                raise self.broken(
                    f"before index {index} of term {key[1]}, {after.id} has"
                    f" an entry of term {previous}, another one of term"
                    f" {there[0]}"
                )


class LeaderCompleteness(Invariant):
    """What was committed in a term is in every later term's leader's log.

    It may be there under the snapshot. Looked at twice: when somebody becomes
    leader, and when a commit of an earlier term comes to be known.
    """

    number = 3

    def __init__(self, history: History) -> None:
        self.history = history
        self.elected: dict[int, View] = {}

    def saw(self, before: View | None, after: View) -> None:
        """Check new leaders, and new commits against all leaders."""
        if self.history.fresh:
            for leader in self.elected.values():
                self._check(leader, self.history.fresh)
        if after.leads() and after.term not in self.elected:
            self.elected[after.term] = after
            high = min(self.history.high, after.last)
            self._check(after, range(after.base + 1, high + 1))
            self._check(after, range(high + 1, self.history.high + 1))

    def _check(self, leader: View, indexes: Iterable[int]) -> None:
        history = self.history
        for index in indexes:
            if index <= leader.base or index not in history.committed:
                continue
            if history.within[index] >= leader.term:
                continue
            term = history.committed[index]
            at = index - leader.base
            has = leader.terms[at] if at < len(leader.terms) else None
            if has != term:
                raise self.broken(
                    f"{leader.id} became leader of term {leader.term} without"
                    f" the entry of term {term} at index {index}, which was"
                    f" committed in term {history.within[index]}"
                )


class LeaderAppendOnly(Invariant):
    """A leader neither overwrites nor deletes entries of its log."""

    number = 4

    def saw(self, before: View | None, after: View) -> None:
        """Compare a leader's log with what it was, in the same term."""
        if before is None or not after.lives_on_from(before):
            return
        if not (before.leads() and after.leads()):
            return
        if before.term != after.term or before.entries is after.entries:
            return
        cut = after.base - before.base
        was = before.entries[cut:] if cut >= 0 else before.entries
        now = after.entries if cut >= 0 else after.entries[-cut:]
        # What an entry holds counts, not only its term: a leader may not
        # replace an entry of its own term either.
        edge = before.terms[cut : cut + 1]
        if (
            cut < 0
            or now[: len(was)] != was
            or (edge and edge != after.terms[:1])
        ):
            raise self.broken(
                f"leader {after.id} had {was} from index"
                f" {max(before.base, after.base) + 1} on, now {now}"
            )


class StateMachineSafety(Invariant):
    """All nodes apply the same entries, each of them in order."""

    number = 5

    def __init__(self) -> None:
        self.entry: dict[int, pb.Entry] = {}
        self.state: dict[int, bytes] = {}
        self.at: dict[int, int] = {}

    def applied(self, node: int, entry: pb.Entry, state: bytes) -> None:
        """Check an entry that a node applies, and the state that results."""
        index = entry.index or 0
        previous = self.at.get(node, index - 1)
        if index != previous + 1:
            raise self.broken(f"{node} applies {index} after {previous}")
        self.at[node] = index
        first = self.entry.setdefault(index, entry)
        if first is not entry and first != entry:
            raise self.broken(
                f"{node} applies {entry} at {index}, another applied {first}"
            )
        self._same(node, index, state)

    def loaded(self, node: int, index: int, state: bytes) -> None:
        """Check a state that a node takes from a snapshot."""
        self.at[node] = index
        self._same(node, index, state)

    def _same(self, node: int, index: int, state: bytes) -> None:
        first = self.state.setdefault(index, state)
        if first != state:
            raise self.broken(
                f"{node} has state {state!r} at {index}, another {first!r}"
            )


class CommittedStays(Invariant):
    """Within a node's commit stands what was committed there first.

    Above it a tail of another term may stand, and come back after a crash.
    """

    number = 6

    def __init__(self, history: History) -> None:
        self.history = history

    def saw(self, before: View | None, after: View) -> None:
        """Compare what a node holds as committed with the first commits."""
        if (
            before is not None
            and before.commit == after.commit
            and before.terms is after.terms
        ):
            return
        committed = self.history.committed
        if after.commit > after.last:
            return  # that is another rule's
        base, terms = after.base, after.terms
        for index in range(max(base, 1), after.commit + 1):
            term = terms[index - base]
            if committed.get(index, term) != term:
                raise self.broken(
                    f"{after.id} holds an entry of term {term} as committed"
                    f" at index {index}, first there was one of term"
                    f" {committed[index]}"
                )


class CommitQuorum(Invariant):
    """What a leader commits is durable on a quorum of each half.

    The first entries of a bootstrapped cluster are exempt: they count as
    committed before they are stored (bootstrap.go:77).
    """

    number = 7

    def __init__(self, disks: dict[int, Durable]) -> None:
        self.disks = disks

    def saw(self, before: View | None, after: View) -> None:
        """Check the quorum when a leader's commit has moved."""
        if before is None or not after.lives_on_from(before):
            return
        if not after.leads() or after.commit <= before.commit:
            return
        index = after.commit
        if index > after.last:
            return  # that is another rule's
        term = after.terms[index - after.base]
        for half in after.halves:
            have = sorted(
                id for id in half if self.disks[id].holds(index, term)
            )
            if 2 * len(have) <= len(set(half)):
                raise self.broken(
                    f"leader {after.id} commits index {index} of term {term},"
                    f" which is durable on {have} of {sorted(half)}"
                )


class Monotonic(Invariant):
    """Term and commit never fall in a life; applied <= commit <= last.

    And what a restart restores is the last durable state.
    """

    number = 8

    def saw(self, before: View | None, after: View) -> None:
        """Check the marks, and that they did not fall."""
        if not after.applied <= after.commit <= after.last:
            raise self.broken(
                f"{after.id} has applied {after.applied}, committed"
                f" {after.commit}, and its log ends at {after.last}"
            )
        if before is None or not after.lives_on_from(before):
            return
        if after.term < before.term:
            raise self.broken(
                f"{after.id} went from term {before.term} to {after.term}"
            )
        if after.commit < before.commit:
            raise self.broken(
                f"{after.id} went from commit {before.commit} to"
                f" {after.commit}"
            )

    def restarted(self, after: View, disk: Durable) -> None:
        """Compare what a node starts from with what is on its disk."""
        restored = (after.term, after.vote, after.commit)
        stored = (disk.term, disk.vote, max(disk.commit, disk.log()[0]))
        if restored != stored:
            raise self.broken(
                f"{after.id} restarts with term, vote, commit {restored};"
                f" its disk has {stored}"
            )
        if (after.base, after.terms) != disk.log():
            raise self.broken(
                f"{after.id} restarts with log {after.base, after.terms};"
                f" its disk has {disk.log()}"
            )


class DurableFirst(Invariant):
    """An accepted append or a granted vote leaves once it is durable.

    An accepting response speaks of the log that the leader of its term has;
    which entry that is at its index, the history knows.

    If a later term is durable already, the promise is void: the node can
    neither vote in the earlier one again, nor may its entries of that term
    have been stored before a later leader replaced them. That leader was not
    elected by this node while it had them, so they cannot be committed.
    """

    number = 9

    def __init__(self, history: History) -> None:
        self.history = history

    def sent(self, m: pb.Message, disk: Durable) -> None:
        """Check a message that leaves a node, against the node's disk."""
        if m.reject:
            return
        term = m.term or 0
        if disk.term > term:
            return
        if m.type is pb.MsgVoteResp:
            if (disk.term, disk.vote) != (term, m.to):
                raise self.broken(
                    f"{m.from_} sends its vote for {m.to} in term {term};"
                    f" its disk has term {disk.term}, vote {disk.vote}"
                )
        elif m.type is pb.MsgAppResp and m.index:
            entry_term = self.history.leader_term_at(term, m.index)
            if entry_term is None or disk.holds(m.index, entry_term):
                return
            raise self.broken(
                f"{m.from_} accepts entries up to index {m.index} in term"
                f" {term}, which are not durable"
            )


class ReadIndexSafety(Invariant):
    """A read's index covers all that was committed before it was asked.

    For safe reads only. `excuse` is for the two holes of v3.7.0, which have
    tests of their own.
    """

    number = 10

    def __init__(self, history: History) -> None:
        self.history = history
        self.floor: dict[bytes, int] = {}

    def asked(self, context: bytes) -> None:
        """Take note of a read, and of what it has to see."""
        self.floor[context] = self.history.high

    def excuse(self, context: bytes) -> None:
        """Take note that a read runs into a known hole."""
        self.floor.pop(context, None)

    def answered(self, node: int, context: bytes, index: int) -> None:
        """Check the answer to a read."""
        floor = self.floor.get(context, 0)
        if index < floor:
            raise self.broken(
                f"{node} is told to read at index {index}, but {floor} was"
                " committed before it asked"
            )


class Converges(Invariant):
    """Once faults stop, a leader, a new commit and equal logs, in time."""

    number = 11

    def healed(self, rounds: int, missing: str) -> None:
        """Check how it went: what is `missing` after so many rounds."""
        if missing:
            raise self.broken(f"after {rounds} rounds without faults {missing}")


NUMBERS = range(12)


class Monitor:
    """All invariants that are to be watched, and who of them hears what."""

    def __init__(
        self, disks: dict[int, Durable], numbers: Iterable[int] = NUMBERS
    ) -> None:
        self.history = history = History()
        rules: list[Invariant] = [
            NoPanic(), ElectionSafety(), LogMatching(),
            LeaderCompleteness(history), LeaderAppendOnly(),
            StateMachineSafety(), CommittedStays(history),
            CommitQuorum(disks), Monotonic(), DurableFirst(history),
            ReadIndexSafety(history), Converges(),
        ]  # fmt: skip
        self.numbers = frozenset(numbers)
        watched = [rules[number] for number in sorted(self.numbers)]
        # Of each event, who listens.
        self._listeners: dict[str, list[Callable[..., None]]] = {
            event: [
                getattr(rule, event)
                for rule in watched
                if hasattr(rule, event)
            ]
            for event in (
                "panicked", "saw", "restarted", "applied", "loaded", "sent",
                "asked", "excuse", "answered", "healed",
            )
        }  # fmt: skip

    def saw(self, before: View | None, after: View) -> None:
        """Tell of a node whose state may have changed."""
        self.history.note(after)
        for listener in self._listeners["saw"]:
            listener(before, after)

    def tell(self, event: str, *args: object) -> None:
        """Tell of anything else."""
        for listener in self._listeners[event]:
            listener(*args)
