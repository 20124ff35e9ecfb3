"""Role by message: what each role makes of each type of message.

Told once for every message that is dealt with, whatever else came of it: the
role before, the message and how its term compares, the role after, and the
function whose case it was. That function is found before the step is taken,
by the tables in which `Raft.step` will look: afterwards the node may be in
another role.
"""

from __future__ import annotations

from collections.abc import Callable

from port import raft as core
from port import raftpb as pb
from port.raft import Raft, StateFollower, StateLeader
from port.rafttest.observe.marks import Marks
from port.rafttest.observe.transition import Transition


def dealt_with(
    m: pb.Message, was: Marks, now: Marks, handler: str
) -> Transition:
    """Returns the move that every message is."""
    kind = m.type or pb.MsgHup
    return Transition(
        "role-message", was.role,
        f"{kind}, term {relation(m, was.term)}", now.role, handler,
    )  # fmt: skip


def relation(m: pb.Message, term: int) -> str:
    """Returns how a message's term compares: zero, lower, equal, higher."""
    of = m.term or 0
    if not of:
        return "zero"
    return "equal" if of == term else "lower" if of < term else "higher"


def handler_of(r: Raft, m: pb.Message) -> str:
    """Returns the function that is going to deal with a message.

    It follows `Raft.step` without taking the step.
    """
    kind, term = m.type or pb.MsgHup, m.term or 0
    role = r.state
    if 0 < term < r.term:
        return "Raft._step_lower_term"
    if term > r.term:
        asks = kind is pb.MsgVote or kind is pb.MsgPreVote
        if (
            asks
            and m.context != core.CAMPAIGN_TRANSFER
            and r.check_quorum
            and r.lead
            and r.election_elapsed < r.election_timeout
        ):
            return "Raft._step_higher_term"
        if kind is not pb.MsgPreVote and not (
            kind is pb.MsgPreVoteResp and not m.reject
        ):
            role = StateFollower
    any_role = core._ANY_ROLE.get(kind)
    if any_role is not None:
        return any_role.__qualname__
    found: Callable[..., None] | None
    if role is StateLeader:
        found = core._LEADER.get(kind)
        if found is None and (m.from_ or 0) in r.trk.progress:
            found = core._LEADER_WITH_PROGRESS.get(kind)
        return "step_leader" if found is None else found.__qualname__
    if role is StateFollower:
        found = core._FOLLOWER.get(kind)
        return "step_follower" if found is None else found.__qualname__
    found = core._CANDIDATE.get(kind)
    return "step_candidate" if found is None else found.__qualname__
