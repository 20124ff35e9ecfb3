"""Holding all paths to the definition, on one history at a time."""

from __future__ import annotations

from kv.lincheck import blocks
from kv.lincheck.brute import brute_force
from kv.lincheck.explain import by_certificate
from kv.lincheck.history import WRITES, KeyHistory
from kv.lincheck.models import Register
from kv.lincheck.plain import plain_check
from kv.lincheck.replay import replay
from kv.lincheck.search import run


def verdict(part: KeyHistory, brute: bool = True) -> tuple[bool, str]:
    """Judge one key by every path; they must agree.

    Args:
        part: The operations on the key.
        brute: Whether the definition itself is tried, too; if not, the
            plain search stands in for it.

    Returns:
        The verdict, and what the fast path said: "yes", "none" (values not
        unique), "room" (no room for a mismatched cas), or its rule.
    """
    operations = list(part)
    plain = plain_check(operations, Register())
    truth = brute_force(operations) if brute else plain.linearizable
    assert plain.linearizable == truth, "the plain search"
    outcome = run(part)
    assert outcome.linearizable == truth, "the general path"
    if truth:
        replay(part, outcome.order)
    found = blocks.judge(part)
    if found is None:
        return truth, "none"
    if isinstance(found, blocks.Certificate):
        assert not truth, f"the fast path: {found}"
        _certificate(part, found, brute)
        return truth, found.rule
    order = found.witness()
    if order is None:
        return truth, "room"
    assert truth, "the fast path"
    replay(part, order)
    return truth, "yes"


def _certificate(
    part: KeyHistory, found: blocks.Certificate, brute: bool
) -> None:
    """A certificate is illegal alone, with all other writes optional."""
    assert 1 <= len(set(found.ops)) <= 4
    assert by_certificate(part, found).sentence.endswith((".", ".)"))
    core = {*found.ops, *found.shown}
    if not brute:
        return
    for chosen in (
        sorted(core | set(found.support)),
        [i for i in range(len(part)) if i in core or part.kind[i] in WRITES],
    ):
        loose = frozenset(set(chosen) - core)
        assert not brute_force(list(part.select(chosen, loose))), found
