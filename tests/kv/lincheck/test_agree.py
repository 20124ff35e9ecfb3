"""All paths say what the definition says; `make fuzz` does many more."""

from __future__ import annotations

from tests.kv.lincheck.agree import verdict
from tests.kv.lincheck.middling import middling
from tests.kv.lincheck.randoms import small


def test_small_histories_against_the_definition() -> None:
    seen = {verdict(small(seed)) for seed in range(1500)}
    assert {(True, "yes"), (True, "none"), (False, "none")} <= seen
    rules = {rule for _, rule in seen}
    assert {"lie", "no producer", "layer", "zones", "fork", "room"} <= rules


def test_middling_histories_against_the_plain_search() -> None:
    parts = [middling(seed) for seed in range(150)]
    truths = [verdict(part, brute=False)[0] for part in parts if part]
    assert 20 < sum(truths) < len(truths)
