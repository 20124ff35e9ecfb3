"""Single-decree Paxos: a few nodes agree on one value, once and for all.

Here to be read beside Raft, and to be run by tests; nothing is built on it.
Like the port it does no I/O: each method takes a message and returns the one
to send, or `None`. Messages may be lost, repeated and overtake each other.

A ballot is one attempt to get a value chosen. It runs in two rounds:

    proposer                        acceptors
       │── Prepare(b) ─────────────────▶ │  will you hear no ballot below b?
       │ ◀──────── Promise(b, accepted) ─│  I will; this I have accepted
       │── Accept(b, value) ───────────▶ │  then accept this one
       │ ◀────────────── Accepted(b) ────│  done

A value is chosen when a majority has accepted it in one ballot. After that no
other can be: whoever comes later has to ask a majority first, at least one of
which accepted the value, and must then propose that and not its own.

(Lamport, The Part-Time Parliament, 1998; Paxos Made Simple, 2001.)
"""

from __future__ import annotations

from typing import NamedTuple


class Ballot(NamedTuple):
    """The number of an attempt; the proposer's id keeps two from being equal.

    It plays the part of a term in Raft.
    """

    round: int
    proposer: int


NO_BALLOT = Ballot(0, 0)


class Prepare(NamedTuple):
    """Asks an acceptor to hear no lower ballot; as a vote request does."""

    ballot: Ballot


class Promise(NamedTuple):
    """Says yes, and what was accepted before, if anything."""

    ballot: Ballot
    acceptor: int
    accepted_in: Ballot
    value: str | None


class Accept(NamedTuple):
    """Asks an acceptor to accept a value; as an append does."""

    ballot: Ballot
    value: str


class Accepted(NamedTuple):
    """Says that it has."""

    ballot: Ballot
    acceptor: int
    value: str


class Acceptor:
    """The memory of Paxos. All three fields must be on disk before it answers.

    Attributes:
        promised: The highest ballot that it has answered.
        accepted_in: The ballot in which it last accepted, or `NO_BALLOT`.
        value: What it accepted then.
    """

    def __init__(self, id: int) -> None:
        self.id = id
        self.promised = NO_BALLOT
        self.accepted_in = NO_BALLOT
        self.value: str | None = None

    def prepare(self, m: Prepare) -> Promise | None:
        """Promises to hear no lower ballot, or keeps silent."""
        if m.ballot < self.promised:
            return None
        self.promised = m.ballot
        return Promise(m.ballot, self.id, self.accepted_in, self.value)

    def accept(self, m: Accept) -> Accepted | None:
        """Accepts, unless it has promised not to."""
        if m.ballot < self.promised:
            return None
        self.promised = self.accepted_in = m.ballot
        self.value = m.value
        return Accepted(m.ballot, self.id, m.value)


class Proposer:
    """Wants a value chosen; its own if it may, another's if it must.

    Attributes:
        value: What it would like.
        majority: How many acceptors make one.
        ballot: Its latest attempt.
        promises: Who has promised in that attempt.
    """

    def __init__(self, id: int, value: str, acceptors: int) -> None:
        self.id = id
        self.value = value
        self.majority = acceptors // 2 + 1
        self.ballot = NO_BALLOT
        self.promises: dict[int, Promise] = {}

    def start(self, above: int = 0) -> Prepare:
        """Begins a new ballot, above its own last one and above `above`."""
        self.ballot = Ballot(max(self.ballot.round, above) + 1, self.id)
        self.promises = {}
        return Prepare(self.ballot)

    def promise(self, m: Promise) -> Accept | None:
        """Counts a promise; with a majority, says what is to be accepted."""
        if m.ballot != self.ballot:
            return None
        self.promises[m.acceptor] = m
        if len(self.promises) < self.majority:
            return None
        latest = max(self.promises.values(), key=lambda p: p.accepted_in)
        value = self.value if latest.value is None else latest.value
        return Accept(self.ballot, value)


class Learner:
    """Hears from acceptors until it knows what was chosen.

    Attributes:
        majority: How many acceptors make one.
        heard: For each ballot, who has accepted in it.
        chosen: The value, once known.
    """

    def __init__(self, acceptors: int) -> None:
        self.majority = acceptors // 2 + 1
        self.heard: dict[Ballot, set[int]] = {}
        self.chosen: str | None = None

    def accepted(self, m: Accepted) -> str | None:
        """Counts an acceptance; returns the value that is chosen, if known."""
        voices = self.heard.setdefault(m.ballot, set())
        voices.add(m.acceptor)
        if len(voices) >= self.majority:
            self.chosen = m.value
        return self.chosen
