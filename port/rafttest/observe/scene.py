"""What is going on at a node: what all families see and tell with.

A scene knows which message or call is being handled, and how the node stood
at the last look. A family, `Family`, is one of the state machines: it says
what two looks differ in, and what a message that was dealt with has brought,
as far as comparing does not show it. Each has a file of its own. A scene
knows none of them; `Observer` puts them together.
"""

from __future__ import annotations

from typing import ClassVar, Final

from port import raftpb as pb
from port.errors import ProposalDropped, RaftPanic
from port.raft import Raft
from port.rafttest.observe.deciding import decider
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.messages import dealt_with, handler_of
from port.rafttest.observe.transition import Sink, Transition

_STEP: Final = Raft.step


class Step:
    """A message that is being dealt with, and how things stood before.

    Attributes:
        message: The message.
        kind: Its type.
        was: What was known of the node before.
        campaigns: How often the node had stood for election.
        promotable: Whether it could.
        acks: Who had acknowledged reads that wait for a quorum.
        dropped: Whether raft dropped it, as a proposal.
    """

    __slots__ = (
        "_promised", "_queued", "_raft", "acks", "campaigns", "dropped",
        "kind", "message", "promotable", "was",
    )  # fmt: skip

    def __init__(
        self, r: Raft, m: pb.Message, was: Marks, campaigns: int
    ) -> None:
        self.message = m
        self.kind = m.type or pb.MsgHup
        self.was = was
        self.campaigns = campaigns
        self.promotable = r.promotable()
        self.acks = dict(r.read_only.acks)
        self.dropped = False
        self._raft = r
        self._queued = len(r.msgs)
        self._promised = len(r.msgs_after_append)

    @property
    def sent(self) -> list[pb.Message]:
        """What the node has sent since."""
        return self._raft.msgs[self._queued :]

    @property
    def promised(self) -> list[pb.Message]:
        """What it has sent that waits for the disk."""
        return self._raft.msgs_after_append[self._promised :]


class Scene:
    """A node, and what it is about.

    Attributes:
        raft: The node.
        sink: Who is told.
        causes: The messages and calls that are being handled, the innermost
            last.
        messages: The messages among them.
        handler: The function that deals with the message at hand.
        marks: How the node stood at the last look.
        halfway: Not 0 while the role is being left and the next one not yet
            entered: nothing of that is worth a look.
        campaigns: How often the node has stood for election, or asked first.
    """

    def __init__(self, raft: Raft, sink: Sink) -> None:
        self.raft = raft
        self.sink = sink
        self.causes: list[str] = []
        self.messages: list[pb.Message] = []
        self.handler = ""
        self.marks = Marks(raft)
        self.halfway = 0
        self.campaigns = 0
        self._panic: RaftPanic | None = None

    def compare(self, was: Marks, now: Marks) -> None:
        """Lets the families tell what two looks differ in."""
        raise NotImplementedError

    def answer(self, step: Step) -> None:
        """Lets the families tell what a message has brought."""
        raise NotImplementedError

    def look(self) -> None:
        """Tells all that has changed since the last look."""
        if self.halfway:
            return
        was, now = self.marks, Marks(self.raft)
        self.marks = now
        self.compare(was, now)

    def stepped(self, m: pb.Message) -> None:
        """Steps a message, and tells what came of it."""
        r = self.raft
        self.look()
        step = Step(r, m, self.marks, self.campaigns)
        outer, self.handler = self.handler, handler_of(r, m)
        self.causes.append(str(step.kind))
        self.messages.append(m)
        try:
            _STEP(r, m)
        except ProposalDropped:
            step.dropped = True
            raise
        except RaftPanic as panic:
            if step.kind is pb.MsgProp:
                self.broken(panic, "entry", "proposed", self.handler)
            raise
        finally:
            self.look()
            self.sink(dealt_with(m, step.was, self.marks, self.handler))
            self.answer(step)
            self.messages.pop()
            self.causes.pop()
            self.handler = outer

    def broken(
        self, panic: RaftPanic, family: str, before: str, symbol: str
    ) -> None:
        """Tells which machine a panic has stopped; once, where it began."""
        if self._panic is not panic:
            self._panic = panic
            self.tell(family, before, "panic", symbol)

    def within(self, cause: str) -> bool:
        """Reports whether this is what is being handled right now."""
        return bool(self.causes) and self.causes[-1] == cause

    def tell(
        self, family: str, before: str, after: str, symbol: str = ""
    ) -> None:
        """Tells a move.

        Args:
            family: Whose.
            before: From which state.
            after: To which one.
            symbol: Who decided, if that is known already.
        """
        cause = self.causes[-1] if self.causes else "start"
        symbol = symbol or self.decider(family, after)
        self.sink(Transition(family, before, cause, after, symbol))

    def decider(self, family: str, after: str) -> str:
        """Returns who decided: a function of raft, or else the call."""
        running = decider(family, after, self.handler, Scene.stepped.__code__)
        if running is not None:
            return running
        return self.handler or (self.causes[0] if self.causes else "start")


class Family:
    """One of a node's state machines.

    Attributes:
        NAME: What a transition of it says as its family.
        scene: What is going on.
    """

    NAME: ClassVar[str]

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def tell(self, before: str, after: str, symbol: str = "") -> None:
        """Tells a move of this family; see `Scene.tell`."""
        self.scene.tell(self.NAME, before, after, symbol)

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells what two looks differ in."""
        raise NotImplementedError
