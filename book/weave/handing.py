"""The course of a handover, drawn as in `timelines.py`.

The names are those of act 10, but the other has something to catch up with
first; `tests/book/test_transfer.py` runs both ways.
"""

from __future__ import annotations

from book.weave.timelines import Arrow, Bar, Moment, Rail, Timeline

HANDOVER = Timeline(
    "handover",
    "A handover from node 2 to node 1",
    "Node 2 leads and is asked to hand over to node 1. From then on it takes "
    "no writes. It sends what node 1 lacks, and when node 1 has answered that "
    "it has everything, the word MsgTimeoutNow. Node 1 stands for election in "
    "term 3 at once. With the first vote, node 2's or node 4's, it leads. "
    "Node 2 has stepped down with the request for its vote.",
    284,
    (
        Rail("node 1", "F", 70),
        Rail("node 2", "L", 168),
        Rail("node 4", "F", 244),
    ),
    (),
    (
        Bar(168, 150, 486, "takes no writes", True),
        Bar(70, 404, 566, "stands, term 3"),
        Bar(70, 566, 684, "leads"),
    ),
    (
        Arrow(156, 152, 200, 76, "MsgApp", 60, True),
        Arrow(208, 76, 252, 152, "MsgAppResp", 22),
        Arrow(372, 152, 402, 76, "MsgTimeoutNow", 16, True),
        Arrow(408, 84, 486, 162, "MsgVote", 40),
        Arrow(420, 84, 516, 244, "", 50),
        Arrow(492, 152, 562, 86, "", 50),
        Arrow(522, 244, 610, 86, "MsgVoteResp", 34),
    ),
    (
        Moment(150, 168, "asked", -28),
        Moment(486, 168, "follows", -28, "end"),
    ),
)
