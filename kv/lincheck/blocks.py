"""The fast path: from values to blocks, from blocks to zones.

When no two writes of a key leave the same value behind, a read tells
exactly which write it saw. The search for an order then becomes arithmetic
on intervals (Gibbons and Korach, "Testing shared memories", 1997), here
extended to `cas` and `append`. It is valid if, over the whole key,

* the values of puts and the new values of cas are unique, and none is null;
* appended elements are unique, and states are structured: every put leaves
  a list whose last element nobody appends.

Otherwise `judge` returns None, before it has said anything else: that two
cas started from one value, say, proves nothing unless the value was unique.

The rules, numbered as in the code below:

(1) Each observed state has a *producer*: its put or cas, or the append of
    its last element. A state without one is illegal.
(2) A cas or an observed append follows its predecessor state at once. So
    states link up into *chains*; a *block* is a put, or the initial null,
    with its chain and all reads of these states. Two successors of one
    state, one append in two places, or a cycle: illegal.
(3) An unknown write is *live* iff its value, or a state built upon it, is
    observed. A live unknown cas makes its own expected state observed, and
    so on. The other unknown writes are dropped: whatever order explains the
    history with them explains it without them.
(4) Inside a chain, an operation that returned before one of an earlier
    layer was called: illegal. A layer is a write, or the reads of a state.
(5) A block is all in one piece in any order: nothing of another block fits
    between, for it would change the state. Let f be the least return in a
    block and s its greatest call. If f_A < s_B, something of A ended before
    something of B began, so all of A comes before all of B. Hence illegal
    iff for two blocks f_A < s_B and f_B < s_A.

    forward, f < s         f=====s            |  two of these may not overlap
    backward, s <= f          s-----f         |  may not lie inside a forward

    Sort the forward zones by f and compare neighbours; bisect each backward
    zone into them. That pairs suffice, and no longer cycle can exist
    without a pair, is the theorem.
(6) A completed append that nobody observed comes after all that was
    observed of the state it lands on: a block of one operation.
(7) A mismatched cas without a value asks only that the state be another
    one. Build the order without these, then put each at the earliest gap
    that fits, in order of call, not before another that ended before it
    began. If one does not fit, the general path decides.

All rules but (7) run over columns, most of them in C. A million operations
take about a second and a few words of memory each.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress, islice, repeat
from operator import lt

from kv.lincheck.history import (
    APPEND,
    CAS,
    GET,
    LIE,
    MISS,
    NEVER,
    PUT,
    KeyHistory,
)
from kv.lincheck.values import Value


def _mask(*kinds: int) -> bytes:
    """A translation table from kinds to 1, if among `kinds`, or 0."""
    return bytes(int(kind in kinds) for kind in range(256))


_IS_PRODUCER = _mask(PUT, CAS)
_IS_READ = _mask(GET)
_IS_APPEND = _mask(APPEND)
_IS_MISS = _mask(MISS)
_INITIAL = 0  # the node of the absent key


@dataclass(slots=True)
class Certificate:
    """A few operations that no order can reconcile.

    Attributes:
        rule: "lie", "no producer", "two places", "fork", "cycle", "layer"
            or "zones".
        ops: Numbers of the one to four operations that conflict. Every
            other write may be made optional, every other read but those
            in `shown` forgotten, and there is still no order.
        shown: Numbers of reads that show where an append or an unknown cas
            among `ops` stands, where that is not plain from `ops` alone.
        support: Numbers of the writes that made the states which `ops` saw.
        blocks: For "zones", the two blocks: each as its operations of
            least return and greatest call, -1 for the initial state.
        value: The value that it is about, if it is about one.
    """

    rule: str
    ops: list[int]
    shown: list[int] = field(default_factory=list)
    support: list[int] = field(default_factory=list)
    blocks: tuple[tuple[int, int], tuple[int, int]] | None = None
    value: Value = None


class _Refuted(Exception):
    """Raised where a rule fails, carrying the certificate."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(certificate.rule)
        self.certificate = certificate


def judge(history: KeyHistory) -> Blocks | Certificate | None:
    """Judge one key by its blocks.

    Args:
        history: The operations on the key.

    Returns:
        Its blocks if all is well, which can build a witness; a certificate
        if it is not linearizable; None if its values are not unique or an
        optional operation has a return, so that the rules do not hold.
    """
    if LIE in history.kind:
        return Certificate("lie", [history.kind.index(LIE)])
    if 0 in history.must and any(
        end != NEVER
        for end, must in zip(history.ret, history.must, strict=True)
        if not must
    ):
        return None
    blocks = Blocks(history)
    if not blocks.unique():
        return None
    try:
        blocks.observe()
        if blocks.linking:
            blocks.link()
        blocks.layers()
        blocks.zones()
    except _Refuted as refuted:
        return refuted.certificate
    return blocks


class Blocks:
    """The blocks of one key; the methods are called in their order.

    A *node* is a state with its reads: node 0 is the initial null, node j
    the state that the j-th put or cas left; nodes of observed appends
    follow, and last the unobserved appends, one each. Without cas and
    appends every node is a block.

    Attributes:
        linking: Whether there are cas or appends, so that nodes form
            chains.
    """

    __slots__ = (
        "_backward",
        "_because",
        "_f",
        "_first_read",
        "_forward",
        "_found",
        "_h",
        "_last_read",
        "_made_call",
        "_made_ret",
        "_maker",
        "_node_of",
        "_point",
        "_pred",
        "_s",
        "_succ",
        "_token_node",
        "_token_op",
        "_work",
        "linking",
    )

    def __init__(self, history: KeyHistory) -> None:
        self._h = history
        self.linking = APPEND in history.kind or CAS in history.kind
        self._node_of: dict[Value, int] = {}
        self._token_op: dict[Value, int] = {}
        self._token_node: dict[int, int] = {}
        self._maker = array("q", [-1])
        self._found: list[int] = []
        self._because: dict[int, int] = {}
        self._work: list[int] = []
        self._pred: dict[int, int] = {}
        self._succ: dict[int, int] = {}
        self._made_call: list[int] = []
        self._made_ret: list[int] = []
        self._first_read: list[int] = []
        self._last_read: list[int] = []
        self._f: list[int] = []
        self._s: list[int] = []
        self._forward: list[int] = []
        self._backward: list[int] = []
        self._point: list[int] = []

    # ------------------------------------------------- when it is valid

    def unique(self) -> bool:
        """Whether the rules hold for this key."""
        h = self._h
        n = len(h)
        producers = h.kind.translate(_IS_PRODUCER)
        values = list(compress(h.arg, producers))
        count = len(values) + 1
        self._node_of = dict(zip(values, range(1, count), strict=True))
        if len(self._node_of) + 1 < count or None in self._node_of:
            return False
        self._node_of[None] = _INITIAL
        self._maker.extend(compress(range(n), producers))
        self._made_call = [-1, *compress(h.call, producers)]
        self._made_ret = [-1, *compress(h.ret, producers)]
        if APPEND not in h.kind:
            return True
        appends = h.kind.translate(_IS_APPEND)
        tokens = list(compress(h.arg, appends))
        self._token_op = dict(
            zip(tokens, compress(range(n), appends), strict=True)
        )
        return len(self._token_op) == len(tokens) and all(
            isinstance(value, tuple)
            and len(value) > 0
            and value[-1] not in self._token_op
            for value in values
        )

    # ------------------------------------------------------ rules 1 to 3

    def observe(self) -> None:
        """Map each read to the node of the state that it saw: rule (1)."""
        h = self._h
        reads = h.kind.translate(_IS_READ)
        if self._token_op:
            self._found = [
                self._node(h.seen[i], i)
                for i in compress(range(len(h)), reads)
            ]
        else:
            get = self._node_of.get
            found = list(map(get, compress(h.seen, reads)))
            if None in found:
                ids = list(compress(range(len(h)), reads))
                i = ids[found.index(None)]
                raise _Refuted(
                    Certificate("no producer", [i], value=h.seen[i])
                )
            self._found = found  # type: ignore[assignment]
        count = len(self._maker)
        first = [NEVER] * count
        last = [-1] * count
        for node, begun, end in zip(
            self._found,
            compress(h.call, reads),
            compress(h.ret, reads),
            strict=True,
        ):
            if end < first[node]:
                first[node] = end
            last[node] = begun  # calls never fall
        self._first_read = first
        self._last_read = last

    def _node(self, value: Value, observer: int) -> int:
        """The node of an observed state; observed appends get theirs here.

        Walks back from the state through the states that it was built on,
        until one is known.

        Args:
            value: The state.
            observer: The read that saw it, or the complement of the node of
                the cas that expected it.
        """
        steps: list[tuple[Value, int]] = []
        node = self._node_of.get(value)
        whole = value
        while node is None:
            if not isinstance(value, tuple) or not value:
                raise _Refuted(
                    Certificate(
                        "no producer", [self._shown_by(observer)], value=whole
                    )
                )
            op = self._token_op.get(value[-1])
            if op is None:
                raise _Refuted(
                    Certificate(
                        "no producer", [self._shown_by(observer)], value=value
                    )
                )
            steps.append((value, op))
            value = value[:-1] or None
            node = self._node_of.get(value)
        for state, op in reversed(steps):
            made = len(self._maker)
            other = self._token_node.get(op)
            if other is not None:  # rule (2): one append in two places
                ops = sorted(
                    {self._evidence(other), self._shown_by(observer)}
                )
                raise _Refuted(
                    Certificate("two places", ops, support=[op], value=state)
                )
            self._token_node[op] = made
            self._maker.append(op)
            self._node_of[state] = made
            self._made_call.append(self._h.call[op])
            self._made_ret.append(self._h.ret[op])
            self._because[made] = observer
            # When rule (1) has run already, cas come to look for states
            # that nobody read.
            if self._first_read:
                self._first_read.append(NEVER)
                self._last_read.append(-1)
            self._join(node, made)
            node = made
        return node

    def _join(self, before: int, after: int) -> None:
        """Let one state follow another: rule (2)."""
        rival = self._succ.get(before)
        if rival is not None and rival != after:
            ops = [self._evidence(rival), self._evidence(after)]
            support = self._history_of(before)
            support += [self._maker[rival], self._maker[after]]
            raise _Refuted(
                Certificate("fork", sorted(set(ops)), support=support)
            )
        self._succ[before] = after
        self._pred[after] = before
        op = self._maker[before]
        if before and self._h.kind[op] == CAS and not self._h.must[op]:
            self._work.append(before)  # rule (3): it is live

    def link(self) -> None:
        """Link the cas to the states that they expect: rules (2), (3)."""
        h = self._h
        first, maker = self._first_read, self._maker
        work = self._work  # grows while we walk it
        work.extend(
            node
            for node in range(1, len(maker))
            if h.kind[maker[node]] == CAS
            and (h.must[maker[node]] or first[node] != NEVER)
        )
        for node in work:
            if node not in self._pred:
                self._join(self._node(h.seen[maker[node]], ~node), node)

    def _evidence(self, node: int) -> int:
        """An operation that happened and shows that a state existed."""
        h = self._h
        op = self._maker[node]
        if h.kind[op] == CAS and h.must[op]:
            return op
        if node in self._because:
            return self._shown_by(self._because[node])
        if node in self._found:
            where = self._found.index(node)
            reads = compress(range(len(h)), h.kind.translate(_IS_READ))
            return next(islice(reads, where, None))
        return self._evidence(self._succ[node])

    def _shown_by(self, observer: int) -> int:
        """The operation behind an observer, see `_node`."""
        return observer if observer >= 0 else self._evidence(~observer)

    # ----------------------------------------------------- rules 4 and 6

    def layers(self) -> None:
        """Check the order inside the blocks: rule (4)."""
        call, ret = self._made_call, self._made_ret
        first, last = self._first_read, self._last_read
        if any(map(lt, first, call)):
            early = next(j for j, begun in enumerate(call) if first[j] < begun)
            raise _Refuted(self._layer(early, early))
        self._f = list(map(min, ret, first))
        self._s = list(map(max, call, last))
        # No longer needed, and large: at a million operations it matters.
        self._node_of = {}
        self._made_call = self._made_ret = []
        self._first_read = self._last_read = []
        if not self.linking:
            return
        walked = 0
        for base in self._succ.keys() - self._pred.keys():
            late, latest = base, self._s[base]
            least = self._f[base]
            node = self._succ.get(base)
            while node is not None:
                walked += 1
                if self._f[node] < latest:
                    raise _Refuted(self._layer(late, node))
                least = min(least, self._f[node])
                if self._s[node] > latest:
                    late, latest = node, self._s[node]
                # The node is no block of its own any more.
                self._f[node], self._s[node] = NEVER, -1
                node = self._succ.get(node)
            self._f[base], self._s[base] = least, latest
        if walked < len(self._pred):
            raise _Refuted(self._cycle())
        # Rule (6). Unknown appends that nobody observed are just dropped.
        for op in self._token_op.values():
            if op not in self._token_node and self._h.must[op]:
                self._maker.append(op)
                self._f.append(self._h.ret[op])
                self._s.append(self._h.call[op])

    def _layer(self, early: int, late: int) -> Certificate:
        """Rule (4) is broken between two nodes of a chain, or in one."""
        h = self._h
        before = self._ops_at(early)
        after = self._ops_at(late)
        if early == late:
            before = before[:1]  # a read before its own write
            after = after[1:]
        x = max(before, key=h.call.__getitem__)
        y = min(after, key=h.ret.__getitem__)
        return Certificate(
            "layer",
            [x, y],
            self._shown(self._chain_to(late), [x, y]),
            self._history_of(late),
        )

    def _ops_at(self, node: int) -> list[int]:
        """The write of a node, then its reads."""
        reads = compress(
            range(len(self._h)), self._h.kind.translate(_IS_READ)
        )
        ops = [self._maker[node]] if node else []
        ops += [
            i
            for i, found in zip(reads, self._found, strict=True)
            if found == node
        ]
        return ops

    def _chain_to(self, node: int) -> list[int]:
        """The nodes that led to a state, and it; the first one first."""
        chain = [node]
        passed = {node}
        while (before := self._pred.get(chain[-1])) is not None:
            if before in passed:
                break
            passed.add(before)
            chain.append(before)
        chain.reverse()
        return chain

    def _history_of(self, node: int) -> list[int]:
        """The writes that led to a state, the first one first."""
        return [self._maker[at] for at in self._chain_to(node) if at]

    def _shown(self, chain: list[int], ops: list[int]) -> list[int]:
        """Reads that show that `ops` stand where they do in a chain.

        A read, and a cas that swapped, say themselves what they stand on.
        An append does not, nor is it certain that an unknown cas happened:
        for them we name somebody who saw the state that they left.
        """
        h = self._h
        place = {self._maker[node]: j for j, node in enumerate(chain) if node}
        wanting = shown = -1
        for op in ops:
            if h.kind[op] == GET or (h.kind[op] == CAS and h.must[op]):
                node = self._node_seen(op)
                shown = max(shown, chain.index(node) if node in chain else -1)
            elif h.kind[op] == APPEND or not h.must[op]:
                wanting = max(wanting, place.get(op, -1))
        if wanting <= shown or len(chain) == 1:
            return []
        return [self._evidence(chain[wanting])]

    def _node_seen(self, op: int) -> int:
        """The node of a read, or the one that a cas left behind."""
        if self._h.kind[op] == CAS:
            return self._maker.index(op)
        reads = compress(range(len(self._h)), self._h.kind.translate(_IS_READ))
        return self._found[list(reads).index(op)]

    def _cycle(self) -> Certificate:
        """Some states only ever came out of each other: rule (2)."""
        reached = self._succ.keys() - self._pred.keys()
        for base in tuple(reached):
            at: int | None = base
            while at is not None:
                reached.add(at)
                at = self._succ.get(at)
        lost = min(set(self._pred) - reached)
        walk = [lost]
        while (before := self._pred[walk[-1]]) not in walk:
            walk.append(before)
        circle = walk[walk.index(before) :]
        support = [self._maker[node] for node in reversed(circle)]
        node = min(circle)
        return Certificate(
            "cycle", [self._evidence(node)], support=support
        )

    # ------------------------------------------------------------ rule 5

    def zones(self) -> None:
        """Compare the zones of the blocks: rule (5)."""
        f, s = self._f, self._s
        forward = list(compress(range(len(f)), map(lt, f, s)))
        forward.sort(key=f.__getitem__)
        # A zone in front of all others spares a special case below.
        starts = [-2, *map(f.__getitem__, forward)]
        ends = [-1, *map(s.__getitem__, forward)]
        clash = list(map(lt, starts[2:], ends[1:]))
        if True in clash:
            j = clash.index(True)
            raise _Refuted(self._overlap(forward[j], forward[j + 1]))
        del clash
        is_forward = bytearray(len(f))
        for block in forward:
            is_forward[block] = 1
        backward = [
            block for block, there in enumerate(is_forward) if not there
        ]
        point = f.copy()  # where each block can stand
        wanted = map(s.__getitem__, backward)
        spots = map(bisect_left, repeat(starts), wanted)
        for block, spot in zip(backward, spots, strict=True):
            end = ends[spot - 1]
            if f[block] < end:
                raise _Refuted(self._overlap(forward[spot - 2], block))
            begin = s[block]
            point[block] = begin if begin > end else end
        self._forward = forward
        self._backward = backward
        self._point = point

    def _overlap(self, a: int, b: int) -> Certificate:
        """Neither block can come wholly before the other."""
        h = self._h
        edges: list[tuple[int, int]] = []
        shown: list[int] = []
        support: list[int] = []
        for block in (a, b):
            chain = [block]
            while (node := self._succ.get(chain[-1])) is not None:
                chain.append(node)
            ops = [op for node in chain for op in self._ops_at(node)]
            least = min(ops, key=h.ret.__getitem__)
            greatest = max(ops, key=h.call.__getitem__)
            edges.append((least if block else -1, greatest))
            shown += self._shown(chain, [op for op in edges[-1] if op >= 0])
            support += self._history_of(chain[-1])
        ops = sorted({op for pair in edges for op in pair if op >= 0})
        shown = [op for op in shown if op not in ops]
        return Certificate(
            "zones", ops, shown, support, (edges[0], edges[1])
        )

    # ---------------------------------------------------------- witness

    def witness(self) -> array[int] | None:
        """Build an order that explains every answer.

        Blocks stand at their points: a forward one at its f, a backward one
        at its s, or right behind the forward one that covers it. Where two
        points are equal the backward block comes first.

        Returns:
            Numbers of operations in order, or None if the mismatched cas
            without a value do not fit into this order (rule 7).
        """
        h = self._h
        must = h.must
        maker, found = self._maker, self._found
        order = self._backward + self._forward
        order.sort(key=self._point.__getitem__)  # stable
        if self._succ:
            order = self._unroll(order)
        # Each node gets room for its write and its reads, in that order.
        room = array("q", [1]) * len(maker)
        for node in found:
            room[node] += 1
        line = array("q", bytes(8 * (len(order) + len(found))))
        end = 0
        for node in order:
            line[end] = maker[node]
            end += room[node]
            room[node] = end - room[node] + 1
        reads = compress(range(len(h)), h.kind.translate(_IS_READ))
        for i, node in zip(reads, found, strict=True):
            line[room[node]] = i
            room[node] += 1
        del line[0]  # the initial state, which no operation made
        if 0 in must:
            line = self._without_dead(line, set(found))
        if MISS in h.kind:
            return self._insert(line)
        return line

    def _unroll(self, order: list[int]) -> list[int]:
        """Put the chains behind their first nodes."""
        whole: list[int] = []
        for node in order:
            if node in self._pred:
                continue
            whole.append(node)
            after = self._succ.get(node)
            while after is not None:
                whole.append(after)
                after = self._succ.get(after)
        return whole

    def _without_dead(
        self, line: array[int], observed: set[int]
    ) -> array[int]:
        """Leave out the unknown writes that are not live: rule (3)."""
        h = self._h
        dead = set()
        for node in range(1, len(self._maker)):
            op = self._maker[node]
            if h.must[op] or node in observed or node in self._succ:
                continue
            dead.add(op)
        return array("q", [op for op in line if op not in dead])

    def _insert(self, line: array[int]) -> array[int] | None:
        """Find room for the cas that mismatched without a value: (7)."""
        h = self._h
        call, ret, kind = h.call, h.ret, h.kind
        # Gap g lies before line[g]. What stands at or behind it ends no
        # earlier than ends[g]; what stands before it began by begins[g].
        ends = list(accumulate((ret[i] for i in reversed(line)), min))
        ends.reverse()
        begins = [-1, *accumulate((call[i] for i in line), max)]
        writes = [g for g, i in enumerate(line) if kind[i] != GET]
        states = [None, *_states(h, (line[g] for g in writes))]
        room: dict[int, list[int]] = {}
        ended: list[tuple[int, int]] = []
        floor = 0
        for i in compress(range(len(h)), kind.translate(_IS_MISS)):
            while ended and ended[0][0] < call[i]:
                floor = max(floor, heapq.heappop(ended)[1])
            gap = max(floor, bisect_left(ends, call[i]))
            done = bisect_left(writes, gap)
            if states[done] == h.seen[i]:
                if done == len(writes):
                    return None
                gap = writes[done] + 1  # values are unique: no repetition
            if gap > bisect_right(begins, ret[i]) - 1:
                return None
            heapq.heappush(ended, (ret[i], gap))
            room.setdefault(gap, []).append(i)
        whole = array("q")
        for gap, i in enumerate(line):
            whole.extend(room.get(gap, ()))
            whole.append(i)
        whole.extend(room.get(len(line), ()))
        return whole


def _states(h: KeyHistory, writes: Iterable[int]) -> Sequence[Value]:
    """The state after each of some writes in turn."""
    states: list[Value] = []
    state: Value = None
    for i in writes:
        if h.kind[i] == APPEND:
            items = state if isinstance(state, tuple) else ()
            state = (*items, h.arg[i])
        else:
            state = h.arg[i]
        states.append(state)
    return states
