"""When to take a snapshot."""

EVERY = 10_000  # entries


def snapshot_due(applied: int, last: int) -> bool:
    """Tells whether it is time for a snapshot: every 10,000 entries."""
    return applied - last >= EVERY
