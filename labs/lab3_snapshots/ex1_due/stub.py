"""3.1: when to take a snapshot."""

EVERY = 10_000  # entries


def snapshot_due(applied: int, last: int) -> bool:
    """Tells whether it is time for a snapshot: every 10,000 entries.

    It is asked after each batch of entries that was applied, on a node that
    may have been running for years or for a second.

    Args:
        applied: The index that was applied last.
        last: The index of the last snapshot; 0 if there was none. It may be
            larger than `applied` for a moment: a snapshot came from the
            leader.
    """
    return False  # Never: the log grows for ever.
