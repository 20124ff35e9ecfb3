"""Votes: given and refused, won and lost.

    none, self, peer       whom this node's own vote went to, as it changes
    asked -> granted, ...  a request for a vote, and its answer
    pending -> won, ...    an election that this node stands for

Its own vote is seen by comparing. A request is told by the answer that lies
in `msgs_after_append` once the message is through; an election by the role
that is left for another.
"""

from __future__ import annotations

from port import raftpb as pb
from port.raft import StateCandidate, StateFollower, StatePreCandidate
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.messages import relation
from port.rafttest.observe.scene import Family, Step


class Votes(Family):
    """Whom a node votes for, and who for it."""

    NAME = "vote"

    def compare(self, was: Marks, now: Marks) -> None:
        """Tells of a vote for itself, or of none any more.

        A vote for somebody else is told as an answer: `asked`.
        """
        if was.vote != now.vote and now.vote in (0, self.scene.raft.id):
            self.tell(self._whom(was.vote), self._whom(now.vote))

    def _whom(self, vote: int) -> str:
        if not vote:
            return "none"
        return "self" if vote == self.scene.raft.id else "peer"

    def asked(self, step: Step) -> None:
        """Tells what came of a request for a vote."""
        r, handler = self.scene.raft, self.scene.handler
        m, was = step.message, step.was
        from_ = m.from_ or 0
        moved = r.term != was.term
        vote, lead = (0, 0) if moved else (was.vote, was.lead)
        whom = "asked"
        answers = [a for a in step.promised if a.to == from_]
        if not answers:
            lower = relation(m, was.term) == "lower"
            outcome = "ignored: older term" if lower else "ignored: lease"
        elif not answers[-1].reject:
            whom = _given(vote, from_)
            outcome = "granted"
        elif handler == "Raft._step_lower_term":
            outcome = "refused: older term"
        else:
            ahead = m.type is pb.MsgPreVote and (m.term or 0) > r.term
            free = vote == from_ or not (vote or lead) or ahead
            if not free:
                whom = _given(vote, from_)
            outcome = "refused: log behind" if free else "refused: not free"
        self.tell(whom, outcome, handler)

    def counted(self, step: Step) -> None:
        """Tells what a vote that came in has decided."""
        scene, was = self.scene, step.was
        if was.state is StatePreCandidate:
            mine = pb.MsgPreVoteResp
        elif was.state is StateCandidate:
            mine = pb.MsgVoteResp
        else:
            return
        if scene.handler != "candidate_vote_resp":
            return
        if not scene.raft.trk.votes and scene.marks.state is was.state:
            return
        if step.kind is not mine:
            return  # it is about the campaign before
        after = scene.raft.state
        if after is was.state:
            outcome = "pending"
        else:
            outcome = "lost" if after is StateFollower else "won"
        joint = was.config.startswith("joint")
        before = "pending, joint" if joint else "pending"
        self.tell(before, outcome, scene.handler)


def _given(vote: int, to: int) -> str:
    """Returns to whom a vote was given before somebody asks for it."""
    return "none" if not vote else "same" if vote == to else "other"
