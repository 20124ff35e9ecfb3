"""The fast path, a rule at a time."""

from __future__ import annotations

import pytest

from kv.lincheck import blocks
from kv.lincheck.explain import by_certificate
from kv.lincheck.history import KeyHistory
from tests.kv.lincheck.agree import verdict
from tests.kv.lincheck.make import append, cas, get, key, miss, put

CASES = {
    "nobody wrote 2": (
        key(put(1, 0, 1), get(2, 2, 3)),
        "no producer",
    ),
    "nobody appended 2": (
        key(append(1, 0, 1), get([1, 2], 2, 3)),
        "no producer",
    ),
    "a cas found what nobody wrote": (
        key(put(1, 0, 1), cas(2, 3, 2, 3)),
        "no producer",
    ),
    "an empty list is not null": (
        key(append(1, 3, 4), get([], 0, 1)),
        "no producer",
    ),
    "two cas swap the same 1": (
        key(put(1, 0, 1), cas(1, 2, 2, 9), cas(1, 3, 2, 9)),
        "fork",
    ),
    "two cas swap the initial null": (
        key(cas(None, 2, 2, 9), cas(None, 3, 2, 9)),
        "fork",
    ),
    "lists that part ways": (
        key(
            append(1, 0, 9),
            append(2, 0, 9),
            append(3, 0, 9),
            get([1, 2], 0, 9),
            get([1, 3], 0, 9),
        ),
        "fork",
    ),
    "one append in two places": (
        key(
            append(1, 0, 9),
            append(2, 0, 9),
            get([1, 2], 0, 9),
            get([2], 0, 9),
        ),
        "two places",
    ),
    "cas that feed each other": (
        key(cas(1, 2, 0, 9), cas(2, 1, 0, 9)),
        "cycle",
    ),
    "a read before its write": (
        key(get(1, 0, 1), put(1, 2, 3)),
        "layer",
    ),
    "a cas before its write": (
        key(cas(1, 2, 0, 1), put(1, 2, 3)),
        "layer",
    ),
    "an old list read late": (
        key(
            append(1, 0, 1),
            append(2, 2, 3),
            get([1, 2], 2, 4),
            get([1], 5, 6),
        ),
        "layer",
    ),
    "a stale read": (
        key(put(1, 0, 1), put(2, 2, 3), get(1, 4, 5)),
        "zones",
    ),
    "null read late": (
        key(put(1, 0, 1), get(None, 2, 3)),
        "zones",
    ),
    "two forward zones overlap": (
        key(
            put(1, 0, 1),
            put(2, 0, 2),
            get(1, 4, 5),
            get(2, 6, 7),
            get(1, 8, 9),
        ),
        "zones",
    ),
    "an unseen append inside a block": (
        key(
            append(1, 0, 1),
            append(2, 2, 3),
            get([1], 4, 5),
        ),
        "zones",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rule(name: str) -> None:
    part, rule = CASES[name]
    assert verdict(part) == (False, rule)
    certificate = blocks.judge(part)
    assert isinstance(certificate, blocks.Certificate)
    explanation = by_certificate(part, certificate)
    for op in explanation.conflict[:2]:
        assert f"#{op.index}" in explanation.sentence


GOOD = {
    "nothing at all": key(),
    "only an unknown write": key(put(1, 0, None)),
    "an unknown write that was seen much later": key(
        put(1, 0, None), put(2, 1, 2), get(2, 3, 4), get(1, 5, 6)
    ),
    "an unknown append within a list": key(
        append(1, 0, None), append(2, 1, 2), get([1, 2], 3, 4)
    ),
    "a chain of cas": key(
        put(1, 0, 9), cas(1, 2, 0, 9), cas(2, 3, 0, 9), get(1, 0, 9)
    ),
    "an unseen append between two puts": key(
        put([1], 0, 1), append(2, 2, 9), put([3], 3, 4), get([3], 5, 6)
    ),
    "a swap of a value for itself is a read": key(
        put(1, 0, 1), cas(1, 1, 2, 3), cas(1, 1, 4, 5), get(1, 6, 7)
    ),
    "mismatches between the writes": key(
        put(1, 0, 1), miss(2, 5, 2, 3), put(2, 4, 5), miss(1, 5, 6, 7)
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert verdict(GOOD[name]) == (True, "yes")


NOT_UNIQUE = {
    "a value twice": key(put(1, 0, 1), put(1, 2, 3)),
    "a put of null": key(put(1, 0, 1), put(None, 2, 3)),
    "a cas to a put's value": key(put(1, 0, 1), cas(2, 1.0, 2, 3)),
    "an element twice": key(append(1, 0, 1), append(1, 2, 3)),
    "a put of a scalar beside appends": key(put(1, 0, 1), append(1, 9, 10)),
    "a put that ends like an append": key(put([1, 2], 0, 1), append(2, 2, 3)),
    "an empty list beside appends": key(put([], 0, 1), append(2, 2, 3)),
}


@pytest.mark.parametrize("name", NOT_UNIQUE)
def test_says_nothing_if_values_are_not_unique(name: str) -> None:
    part = NOT_UNIQUE[name]
    assert blocks.judge(part) is None
    verdict(part)


def test_a_long_history_has_a_witness() -> None:
    part = KeyHistory("k")
    for i in range(3000):
        part.add(put(i, 4 * i, 4 * i + 6))
        part.add(get(i, 4 * i + 1, 4 * i + 5))
    found = blocks.judge(part)
    assert isinstance(found, blocks.Blocks)
    order = found.witness()
    assert order is not None
    assert len(order) == 6000
