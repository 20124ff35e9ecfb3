"""Mistakes that are easily made in a checker like this one, a test each."""

from __future__ import annotations

import random

from kv.lincheck.history import GET, WRITES
from kv.lincheck.plain import _lift, _link, _unlift
from kv.lincheck.search import _Board, run
from kv.lincheck.shrink import shrink
from kv.lincheck.stale import in_order
from tests.kv.lincheck.agree import verdict
from tests.kv.lincheck.make import append, cas, get, key, miss, put
from tests.kv.lincheck.randoms import small


def test_a_failed_cas_that_returned_exactly_what_it_expected_is_illegal():
    part = key(put(1, 0, 1), miss(1, 2, 2, 3, actual=1))
    assert verdict(part) == (False, "lie")
    fine = key(put(1, 0, 1), miss(3, 2, 2, 3, actual=1))
    assert verdict(fine) == (True, "yes")


def test_the_expected_value_of_a_live_unknown_cas_is_traced_to_its_producer():
    # The read shows that the unknown cas happened. So 1 must have stood
    # there, though nobody read it, and nobody wrote it:
    assert verdict(key(cas(1, 2, 0, None), get(2, 1, 2)))[0] is False
    # ... or only somebody whose outcome is unknown, too. Then he is live:
    part = key(put(1, 0, None), cas(1, 2, 1, None), get(2, 2, 3))
    assert verdict(part) == (True, "yes")
    # ... and stands under the rules: 1 had to be gone by the time of 5.
    late = key(
        put(1, 6, None), cas(1, 2, 1, None), get(2, 2, 5), get(2, 7, 8)
    )
    assert verdict(late)[0] is False


def test_two_cas_from_one_value_are_illegal_only_once_uniqueness_is_known():
    two = [cas(1, 2, 2, 3), cas(1, 3, 4, 5)]
    once = key(put(1, 0, 1), *two)
    assert verdict(once) == (False, "fork")
    # Somebody else writes 1 again, in between: that is fine. Nor may it
    # matter that this is seen only later in the history.
    twice = key(put(1, 0, 1), *two, put(1, 3, 9))
    assert verdict(twice) == (True, "none")


def test_inserted_failed_cas_operations_keep_their_mutual_order():
    # Both fit somewhere alone: the first only after 2 was written, the
    # second only before. But the first had ended when the second began.
    part = key(
        put(1, 0, 1),
        put(2, 2, 9),
        miss(1, 7, 3, 4),
        miss(2, 8, 5, 6),
        get(2, 10, 11),
    )
    assert verdict(part) == (False, "room")
    other = key(
        put(1, 0, 1),
        put(2, 2, 9),
        miss(2, 8, 3, 4),
        miss(1, 7, 5, 6),
        get(2, 10, 11),
    )
    assert verdict(other) == (True, "yes")


def test_undo_goes_in_the_exact_reverse_order():
    operations = list(small(3, 7))
    operations += [put(9, 50, 51), get(9, 50, 52)]
    n = len(operations)
    nxt, prv = _link(operations)
    before = list(nxt), list(prv)
    lifted = random.Random(1).sample(range(n), n)
    for i in lifted:
        _lift(nxt, prv, i, n)
    for i in reversed(lifted):
        _unlift(nxt, prv, i, n)
    assert (nxt, prv) == before


def test_undo_restores_the_board_of_the_general_path():
    part = key(
        put(1, 0, 5), put(2, 1, 4), get(1, 2, 9), put(1, 3, None), get(2, 6, 8)
    )
    board = _Board(part, in_order(part), look_ahead=True)
    assert board.advance()
    mark, before = board.mark(), _inside(board)
    while board.advance() and (found := board.candidates()):
        board.do(found[-1][2])
    assert _inside(board) != before
    board.undo(mark)
    assert _inside(board) == before


def _inside(board: _Board) -> list[object]:
    return [
        list(board._nxt),
        list(board._prv),
        list(board._need),
        list(board._writers),
        board._bases,
        board.state,
        board._used,
    ]


def test_shrinking_weakens_a_write_and_never_deletes_it():
    # 1, 2, 1 are written one after the other; the read of 2 comes too late.
    part = key(
        put(1, 0, 1), put(2, 2, 3), put(1, 4, 5), get(2, 6, 7), get(1, 8, 9)
    )
    assert not run(part).linearizable
    tiny = shrink(part)
    assert not run(tiny).linearizable
    reads = [i for i, k in enumerate(tiny.kind) if k == GET]
    assert [tiny.seen[i] for i in reads] == [2]
    # The put of 2 is still there. Without it the read alone would be at
    # fault, and that would be no reason: the whole history has that put.
    writes = [tiny.arg[i] for i, k in enumerate(tiny.kind) if k in WRITES]
    assert 2 in writes
    assert tiny.must.count(0) > 0


def test_a_weakened_write_may_be_left_out_but_keeps_its_interval():
    part = key(put(1, 0, 1), put(2, 2, 3), get(1, 4, 5))
    weak = part.select(range(3), frozenset([1]))
    assert verdict(weak)[0] is True
    late = key(get(2, 0, 1), put(2, 2, 3)).select(range(2), frozenset([1]))
    assert verdict(late)[0] is False
    never = key(put(2, 0, 1), get(None, 2, 3), get(2, 4, 5))
    assert verdict(never.select(range(3), frozenset([0])))[0] is False


def test_equal_times_overlap():
    # Closed intervals: what returns at 2 overlaps what is called at 2.
    assert verdict(key(put(1, 0, 1), put(2, 1, 2), get(1, 2, 3)))[0] is True
    assert verdict(key(put(1, 0, 1), put(2, 2, 3), get(1, 4, 5)))[0] is False


def test_an_append_that_can_hide_is_not_identical_to_one_that_cannot():
    part = key(
        append(3, 0, 6),
        put((9,), 1, 3),
        append(3, 4, 9),
        get((9, 3), 5, 7),
        get((9, 3), 8, 10),
    )
    assert verdict(part)[0] is True


def test_values_of_different_type_are_different():
    assert verdict(key(put(True, 0, 1), get(1, 2, 3)))[0] is False
    assert verdict(key(put(1, 0, 1), get(1.0, 2, 3)))[0] is True
    assert verdict(key(put([], 0, 1), get(None, 2, 3)))[0] is False
    assert verdict(key(put([], 0, 1), get([], 2, 3))) == (True, "yes")
