"""5.5: tests as tables.

Each list is a table for one function of the port; a row is a tuple. A log is
given by the terms of its entries, from index 1 on: (1, 1, 2) is entries 1 and
2 of term 1, and entry 3 of term 2.
"""

# log, index, term                 -> index, our term there
FIND_CONFLICT_BY_TERM = [
    ((1, 1, 2, 2), 4, 2, (4, 2)),
]

# log, commit index; an append: (index, term) of the entry before it, the terms
# of its entries, the leader's commit index
#                                  -> the last index sent, or None; the log
#                                     and the commit index afterwards
MAYBE_APPEND = [
    ((1, 1), 1, (2, 1), (1,), 3, 3, (1, 1, 1), 3),
]

# how far each voter has come; None for one who was not heard of -> the index,
# which is 2**64 - 1 where there are no voters
COMMITTED_INDEX = [
    ((3, 7, 9), 7),
]

# "probe" or "replicate", match, next; rejected, match_hint
#                                  -> genuine?, next afterwards
MAYBE_DECR_TO = [
    ("probe", 0, 10, 9, 4, True, 5),
]
