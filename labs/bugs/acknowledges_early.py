"""A follower acknowledges entries that it has not stored yet."""

from labs.bugs.planting import Bug, Edit
from port.raft import Raft

BUG = Bug(
    name="acknowledges_early",
    mistake="""A follower acknowledges entries that it has not stored yet.

    With asynchronous storage all other messages may leave at once. Should the
    node crash, the leader has counted entries that are nowhere.
    """,
    edits=(
        Edit(
            Raft.send,
            "if kind in _AFTER_APPEND_MSGS:",
            "if kind in _AFTER_APPEND_MSGS and (\n"
            "    kind is not pb.MsgAppResp or m.to == self.id\n"
            "):",
        ),
    ),
    invariant=9,
    schedule="""
        nodes=2 voters=1,2 asynchronous
        campaign 1
        settle 4
    """,
)
