"""When a snapshot must be taken."""

from __future__ import annotations

from kv.parts import SNAPSHOT_EVERY, Parts


def test_every_ten_thousand_entries(parts: Parts) -> None:
    due = parts.snapshot_due
    for last in (0, 10_000, 123_456):
        assert not due(last, last), f"snapshot_due({last}, {last})"
        almost = last + SNAPSHOT_EVERY - 1
        assert not due(almost, last), f"snapshot_due({almost}, {last})"
        assert due(almost + 1, last), f"snapshot_due({almost + 1}, {last})"
        # Entries are applied by the batch: it need not be met exactly.
        assert due(almost + 500, last), f"snapshot_due({almost + 500}, {last})"


def test_after_a_leaders_snapshot(parts: Parts) -> None:
    """It covers more than was applied here for a moment."""
    assert not parts.snapshot_due(5, 100_000)
