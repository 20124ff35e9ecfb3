"""5.5: tests as tables."""

FIND_CONFLICT_BY_TERM = [
    ((1, 1, 2, 2), 4, 3, (4, 2)),  # A lower term is possible, too.
    ((1, 1, 5, 5, 5), 5, 3, (2, 1)),  # A whole term is passed over.
    ((1, 1), 5, 3, (5, 0)),  # Beyond the end nothing is known.
    ((1, 5), 2, 1, (1, 1)),  # Entry 1 is one like any other.
    ((4, 4), 2, 3, (0, 0)),  # Nothing agrees.
]
MAYBE_APPEND = [
    ((1, 1), 1, (2, 1), (1, 1), 9, 4, (1, 1, 1, 1), 4),  # It fits.
    ((1, 1), 1, (2, 2), (2,), 3, None, (1, 1), 1),  # It does not.
    ((1, 1), 1, (2, 1), (1, 1), 3, 4, (1, 1, 1, 1), 3),  # Not all of it.
    # An old append: its tail is neither cut, nor committed, nor told of.
    ((1, 1, 1, 1), 1, (1, 1), (1,), 9, 2, (1, 1, 1, 1), 2),
    # It begins below the commit index, and differs above it.
    ((1, 1, 1, 1), 3, (1, 1), (1, 1, 2), 3, 4, (1, 1, 1, 2), 3),
]
COMMITTED_INDEX = [
    ((2, 5, 8, 9), 5),  # Three of four.
    ((9, 3, 7), 7),  # In no order.
    ((None, None, 9), 0),  # Who was not heard of has nothing.
    ((), 2**64 - 1),  # Nobody holds nothing back.
]
MAYBE_DECR_TO = [
    ("replicate", 5, 12, 9, 9, True, 6),  # Back to what is sure.
    ("replicate", 5, 12, 5, 2, False, 12),  # Stale.
    ("probe", 0, 10, 9, 4, True, 5),  # To the guess.
    ("probe", 0, 10, 9, 20, True, 9),  # By one at least.
    ("probe", 0, 10, 8, 3, False, 10),  # Stale.
    ("probe", 6, 8, 7, 0, True, 7),  # Not below match.
]
