"""The general path: the search of plain.py, taught about the store.

It is the same depth-first search over a linked list of calls and returns,
but every step is asked whether it can matter. All reductions are *sound*:
if there is an order, there is one among those still looked at. Deciding
this in general is NP-complete, so there is no reduction that always helps.

The cache. What has been lifted is known from what has not: the calls left
in front of the first return. Numbered in order of call, they are a
low-water index and a few bits above it, so a key of the cache is small
however long the history: (low-water index, bits above it, state).

(a) **Reads go at once.** An enabled read that is legal in the present state
    is lifted and never reconsidered: in any order of the rest it can be
    moved to the front, for it changes nothing.

(b) **Optional operations live outside the list.** They never return, so
    they block nothing. A place is pruned if the same window and state was
    reached having used a subset of the same optional operations. Of
    identical ones the earliest call goes first; a definite one goes before
    an optional one; of identical definite ones the earliest return goes
    first. All by exchanging the two in an order that did otherwise.

(c) **Order of trying.** First the write that unblocks the read that must
    return first, then by deadline. This finds an order sooner if there is
    one, and costs nothing if there is none.

(d) **No way back.** A change of state is refused if an outstanding read
    wants the present state and no write is left that could bring it back.
    Optional writes whose value nobody observes are dropped beforehand.
    Values that nobody observes are all one state, OTHER (or JUNK, if it is
    a list and can be appended to).

(f) **Writes are lazy.** (The letter (e) is in check.py.) A put which is
    overwritten before anybody looks can be thought to have happened
    *hidden*, just before the put that overwrote it. So a put is tried only
    if an enabled operation wants its value, or if it is about to return.
    When it is about to return and was already enabled at the moment of the
    last put, the *cover*, it may go into hiding there, and the state stays
    as it is. The same holds for appends, and an optional write is never
    tried for any other reason than being observed next.

    Why this is sound: take any order that explains the history. Follow it,
    but leave out each write that the order overwrites without a look, until
    its return comes up; then it is under cover, or the overwriting put has
    not come either, and the write is tried in the open. What follows a
    write that is *not* overwritten unseen is something that looks at its
    value, and this is enabled: the first return in the list belongs to it
    or to something behind it in the order.

A place where two prunings would meet: the cover is part of the place, and
a later one is better. So a place is pruned by an earlier visit which had
used no other optional operations *and* had as many writes under cover.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

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

_ROUND = 512  # places between two looks at the budget
_NULL, _OTHER, _JUNK = 0, 1, 2  # states: absent; unobserved; same, a list


@dataclass(slots=True)
class Stuck:
    """A place at which the search could not go on.

    Attributes:
        order: Numbers of the operations done, in order.
        window: Numbers of the enabled operations that are left.
        blocked: The one of them that has to return first.
    """

    order: list[int]
    window: list[int]
    blocked: int


@dataclass(slots=True)
class Outcome:
    """What the search found.

    Attributes:
        linearizable: Its verdict.
        order: For yes, a witness.
        reached: For no, the operation whose return was the last that came
            up in any branch.
        stuck: For no, and if asked for, the places with that return.
        steps: How many places were looked at.
    """

    linearizable: bool
    order: list[int] = field(default_factory=list)
    reached: int = -1
    stuck: list[Stuck] = field(default_factory=list)
    steps: int = 0


class _States:
    """Numbers for the states that anybody looks at.

    Attributes:
        sees: By operation, the state that it claims to have found.
        makes: By operation, the state that a put or cas leaves.
        child: (state, element) -> state, for observed lists.
        is_list: By state, whether it can be appended to.
        count: How many states there are.
    """

    def __init__(self, h: KeyHistory) -> None:
        ids: dict[Value, int] = {None: _NULL}
        fresh = 3
        self.child: dict[tuple[int, Value], int] = {}
        self.is_list: list[bool] = []
        lists = APPEND in h.kind
        sees = [_NULL] * len(h)
        tuples: set[Value] = set()
        for i, k in enumerate(h.kind):
            if k == PUT or k == APPEND:
                continue
            value = h.seen[i]
            known = ids.get(value)
            if known is None:
                if lists and isinstance(value, tuple) and value:
                    known = _NULL
                    for item in value:
                        below = self.child.get((known, item))
                        if below is None:
                            below = fresh
                            fresh += 1
                            self.child[known, item] = below
                        known = below
                    tuples.add(value)
                else:
                    known = fresh
                    fresh += 1
                ids[value] = known
            sees[i] = known
        self.sees = sees
        makes = [_NULL] * len(h)
        for i, k in enumerate(h.kind):
            if k == PUT or k == CAS:
                value = h.arg[i]
                known = ids.get(value)
                if known is None:
                    known = _OTHER
                    if lists and isinstance(value, tuple):
                        known = self._prefix(value)
                    ids[value] = known
                makes[i] = known
        self.makes = makes
        self.count = fresh
        if lists:
            self.is_list = [False] * fresh
            self.is_list[_NULL] = self.is_list[_JUNK] = True
            for state in self.child.values():
                self.is_list[state] = True
            empty = ids.get(())
            if empty is not None:
                # An empty list grows just as an absent key does.
                self.is_list[empty] = True
                for (state, item), below in tuple(self.child.items()):
                    if state == _NULL:
                        self.child[empty, item] = below

    def _prefix(self, value: tuple[Value, ...]) -> int:
        """The state of a list that was put and that nobody saw as it was."""
        state = _NULL
        for item in value:
            below = self.child.get((state, item))
            if below is None:
                return _JUNK
            state = below
        # An empty list nobody saw is as good as an absent key, but for
        # those who look for null.
        return state if value else _JUNK


def run(history: KeyHistory) -> Outcome:
    """Search to the end, however long that takes."""
    steps = search(history)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def search(
    history: KeyHistory, watch: int | None = None
) -> Generator[int, None, Outcome]:
    """Search for an order that explains the history of one key.

    Args:
        history: The operations on the key.
        watch: If given, a return time: collect the places at which it is
            the first return left. Reduction (d) is off then, because it
            would stop too early for a reader to see why.

    Yields:
        The number of places looked at, every few hundred.

    Returns:
        The outcome.
    """
    h = history
    n = len(h)
    kind, call, ret, must = h.kind, h.call, h.ret, h.must
    if LIE in kind:
        return Outcome(False, reached=kind.index(LIE))
    states = _States(h)
    sees, makes = states.sees, states.makes
    child, is_list = states.child, states.is_list
    lists = APPEND in kind
    misses = MISS in kind
    look_ahead = watch is None  # reduction (d)

    # The list: call of i is i, its return n + i, its head and end 2n.
    head = 2 * n
    listed = [i for i in range(n) if ret[i] != NEVER]
    times = [2 * time for time in call]
    times += [2 * time + 1 for time in ret]  # calls first, if equal
    events = listed + [n + i for i in listed]
    events.sort(key=times.__getitem__)
    nxt = [head] * (2 * n + 1)
    prv = [head] * (2 * n + 1)
    last = head
    for e in events:
        nxt[last] = e
        prv[e] = last
        last = e
    nxt[last] = head
    prv[head] = last

    # Optional operations by what they do, in order of call.
    opt_put: dict[int, list[int]] = {}
    opt_cas: dict[tuple[int, int], list[int]] = {}
    opt_append: dict[Value, list[int]] = {}
    # How many outstanding reads want a state, how many writes can make it.
    need = [0] * states.count
    writers = [0] * states.count
    bases = 0  # puts and cas left, on a key with lists
    # Whether every state there can be is a list, so that appends always go.
    tidy = lists and all(
        is_list[makes[i]] for i in range(n) if kind[i] in (PUT, CAS)
    )
    tokens = {item for _, item in child} if lists else set()
    for i in range(n):
        k = kind[i]
        if k == GET:
            need[sees[i]] += 1
            continue
        if k == MISS:
            continue
        if must[i] or ret[i] != NEVER:
            if k == CAS and must[i]:
                need[sees[i]] += 1
        else:
            if k == APPEND:
                if not misses and h.arg[i] not in tokens:
                    continue
                opt_append.setdefault(h.arg[i], []).append(i)
            elif not misses and (
                makes[i] == _OTHER or (makes[i] == _JUNK and tidy)
            ):
                continue
            elif k == PUT:
                opt_put.setdefault(makes[i], []).append(i)
            else:
                opt_cas.setdefault((sees[i], makes[i]), []).append(i)
        if k != APPEND:
            writers[makes[i]] += 1
            bases += 1
    if not lists and look_ahead:
        for i in listed:
            k = kind[i]
            if (k == GET or k == CAS) and must[i]:
                s = sees[i]
                if s and not writers[s]:
                    return Outcome(False, reached=i)
    # States from which a cas may start that need not happen.
    springs = {s for s, _ in opt_cas}
    springs.update(sees[i] for i in listed if kind[i] == CAS and not must[i])
    some_optional = bool(opt_put or opt_cas or opt_append)

    def outstanding(state: int) -> bool:
        """Reduction (d): whether `state` must not be left."""
        return need[state] > 0 and not (bases if lists else writers[state])

    state, used, cover = _NULL, 0, -1
    taken: dict[object, int] = {}  # how many of an optional class are used
    trail: list[int] = []  # operations lifted; hidden ones complemented
    # Alternatives left: (length of trail, state, used, cover, first return,
    # candidates, number of those tried).
    frames: list[
        tuple[int, int, int, int, int, list[tuple[int, int, int]]]
    ] = []
    cache: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    best = Outcome(False)
    furthest = -1
    steps = 0
    seen_states: set[int] = set()

    while True:
        # (a): one pass over what is enabled, taking every legal read.
        window: list[int] = []
        e = nxt[head]
        while e < n:
            k = kind[e]
            if k == GET:
                if sees[e] != state:
                    window.append(e)
                    e = nxt[e]
                    continue
                need[state] -= 1
            elif k != MISS or sees[e] == state:
                window.append(e)
                e = nxt[e]
                continue
            trail.append(e)
            a = prv[e]
            b = nxt[e]
            nxt[a] = b
            prv[b] = a
            e += n
            a = prv[e]
            c = nxt[e]
            nxt[a] = c
            prv[c] = a
            # The return may have stood right behind the call.
            e = c if b == e else b
        if e == head:
            best.linearizable = True
            best.order = _order(h, trail)
            best.steps = steps
            return best
        x = e - n
        first_return = ret[x]
        if first_return > furthest:
            furthest = first_return
            best.reached = x
        steps += 1
        if not steps % _ROUND:
            yield steps

        # Has this place been seen, under conditions no worse?
        low = window[0]
        bits = 0
        covered = 0
        for w in window:
            bits |= 1 << w - low
            if call[w] <= cover and (kind[w] == PUT or kind[w] == APPEND):
                covered += 1
        place = low, bits, state
        visits = cache.get(place)
        candidates: list[tuple[int, int, int]] = []
        fresh = True
        if visits is None:
            cache[place] = [(used, covered)]
        else:
            for used_then, covered_then in visits:
                if used_then & used == used_then and covered_then >= covered:
                    fresh = False
                    break
            else:
                visits.append((used, covered))
        if fresh:
            if first_return == watch and state not in seen_states:
                seen_states.add(state)
                best.stuck.append(Stuck(_order(h, trail), window, x))

            # What do the enabled operations want to find?
            wants: set[int] = set()
            want_any = want_list = cas_here = False
            goal, goal_return = -1, NEVER + 1
            for w in window:
                k = kind[w]
                if k == GET:
                    wants.add(sees[w])
                    if ret[w] < goal_return:
                        goal, goal_return = sees[w], ret[w]
                elif k == CAS:
                    if sees[w] != state:
                        wants.add(sees[w])
                        if ret[w] < goal_return:
                            goal, goal_return = sees[w], ret[w]
                    else:
                        cas_here = True
                elif k == MISS:
                    want_any = True
                elif k == APPEND:
                    want_list = True
            if some_optional:
                if opt_append and not want_list:
                    for token, ops in opt_append.items():
                        i = taken.get(("append", token), 0)
                        if i < len(ops) and call[ops[i]] <= first_return:
                            want_list = True
                            break
                grew = bool(opt_cas)
                while grew:
                    grew = False
                    for (s, t), ops in opt_cas.items():
                        if s == state:
                            cas_here = True
                            continue
                        if s in wants or not (
                            t in wants
                            or want_any
                            or want_list
                        ):
                            continue
                        i = taken.get((s, t), 0)
                        if i < len(ops) and call[ops[i]] <= first_return:
                            wants.add(s)
                            grew = True

            # Which writes could come next? Candidates are (priority,
            # deadline, operation), and the complement of the operation for
            # going into hiding.
            leave = not look_ahead or not outstanding(state)
            offered: set[object] = set()
            for w in sorted(window, key=ret.__getitem__):
                k = kind[w]
                if k == PUT:
                    t = makes[w]
                    if w == x:
                        if t == state:  # it changes nothing here
                            offered.add(t)
                            candidates.append((1, ret[w], w))
                            continue
                        hides = call[w] <= cover or not must[w]
                        if hides and not (
                            look_ahead
                            and not lists
                            and need[t]
                            and writers[t] == 1
                        ):
                            candidates.append((3, ret[w], ~w))
                        if (
                            hides
                            and not need[t]
                            and not misses
                            and not lists
                            and t not in springs
                        ):
                            continue
                    elif t == state:
                        # No use, unless a write comes next on top of it.
                        if not (want_list or cas_here) or not must[w]:
                            continue
                    elif not (
                        t in wants
                        or want_any
                        or (want_list and is_list[t])
                    ):
                        continue
                    if (leave or t == state) and t not in offered:
                        offered.add(t)
                        candidates.append(
                            (0 if t == goal else 2, ret[w], w)
                        )
                elif k == CAS:
                    if sees[w] == state:
                        t = makes[w]
                        if (t, must[w]) not in offered and (
                            leave
                            or (need[state] == 1 and must[w])
                            or t == state
                        ):
                            offered.add((t, must[w]))
                            candidates.append(
                                (0 if t == goal else 2, ret[w], w)
                            )
                    if w == x and not must[w]:
                        candidates.append((3, ret[w], ~w))
                elif k == APPEND:
                    if w == x and (
                        not must[w] or (tidy and call[w] <= cover)
                    ):
                        candidates.append((3, ret[w], ~w))
                    if not is_list[state] or not leave:
                        continue
                    token = h.arg[w]
                    t = child.get((state, token), _JUNK)
                    if t == _JUNK and w != x and not misses and tidy:
                        continue
                    if ("append", token) not in offered:
                        offered.add(("append", token))
                        candidates.append(
                            (0 if t == goal else 2, ret[w], w)
                        )
            if some_optional and leave:
                for t, ops in opt_put.items():
                    if t == state or t in offered or not (
                        t in wants
                        or want_any
                        or (want_list and is_list[t])
                    ):
                        continue
                    i = taken.get(t, 0)
                    if i < len(ops) and call[ops[i]] <= first_return:
                        candidates.append(
                            (1 if t == goal else 4, call[ops[i]], ops[i])
                        )
                for (s, t), ops in opt_cas.items():
                    if s != state or (t, 1) in offered or not (
                        t in wants or want_any or want_list
                    ):
                        continue
                    i = taken.get((s, t), 0)
                    if i < len(ops) and call[ops[i]] <= first_return:
                        candidates.append(
                            (1 if t == goal else 4, call[ops[i]], ops[i])
                        )
                if opt_append and is_list[state]:
                    for token, ops in opt_append.items():
                        t = child.get((state, token), _JUNK)
                        if ("append", token) in offered or (
                            t == _JUNK and not misses
                        ):
                            continue
                        i = taken.get(("append", token), 0)
                        if i < len(ops) and call[ops[i]] <= first_return:
                            candidates.append(
                                (
                                    1 if t == goal else 4,
                                    call[ops[i]],
                                    ops[i],
                                )
                            )
            if len(candidates) > 1:
                # (c), the best last, for it is taken from the end.
                candidates.sort(reverse=True)

        if not candidates:
            # Nothing can come next: back to the last choice.
            if not frames:
                best.steps = steps
                return best
            length, state, used, cover, first_return, candidates = frames[-1]
            while len(trail) > length:
                # Undo in the exact reverse order.
                e = trail.pop()
                hidden = e < 0
                if hidden:
                    e = ~e
                k = kind[e]
                if k == GET:
                    need[sees[e]] += 1
                elif k == PUT:
                    writers[makes[e]] += 1
                    bases += 1
                elif k == CAS:
                    writers[makes[e]] += 1
                    bases += 1
                    if must[e]:
                        need[sees[e]] += 1
                if ret[e] == NEVER:
                    taken[_class(k, sees[e], makes[e], h.arg[e])] -= 1
                    continue
                r = e + n
                nxt[prv[r]] = r
                prv[nxt[r]] = r
                nxt[prv[e]] = e
                prv[nxt[e]] = e
            if len(candidates) == 1:
                frames.pop()
        elif len(candidates) > 1:
            frames.append(
                (len(trail), state, used, cover, first_return, candidates)
            )

        # Take the best that is left.
        w = candidates.pop()[2]
        trail.append(w)
        hidden = w < 0
        if hidden:
            w = ~w
        k = kind[w]
        if k != APPEND:
            writers[makes[w]] -= 1
            bases -= 1
        if not hidden:
            if k == PUT:
                state = makes[w]
                cover = first_return
            elif k == CAS:
                if must[w]:
                    need[state] -= 1
                state = makes[w]
            else:
                state = child.get((state, h.arg[w]), _JUNK)
        if ret[w] == NEVER:
            used |= 1 << w
            what = _class(k, sees[w], makes[w], h.arg[w])
            taken[what] = taken.get(what, 0) + 1
            continue
        a = prv[w]
        b = nxt[w]
        nxt[a] = b
        prv[b] = a
        w += n
        a = prv[w]
        b = nxt[w]
        nxt[a] = b
        prv[b] = a


def _class(k: int, sees: int, makes: int, arg: Value) -> object:
    """What an optional operation does, as a key of `taken`."""
    if k == PUT:
        return makes
    if k == CAS:
        return sees, makes
    return "append", arg


def _order(h: KeyHistory, trail: list[int]) -> list[int]:
    """Turn a trail into an order, with hidden writes under their cover."""
    order: list[int] = []
    last_put = -1
    for w in trail:
        if w >= 0:
            if h.kind[w] == PUT:
                last_put = len(order)
            order.append(w)
        elif h.must[~w]:
            order.insert(last_put, ~w)
            last_put += 1
    return order
