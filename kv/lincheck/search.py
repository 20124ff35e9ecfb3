"""The general path: the search of plain.py, taught about the store.

It is the same depth-first search over a linked list of calls and returns,
but every step is asked whether it can matter. All reductions are *sound*:
if there is an order at all, there is one among those still looked at. The
problem is NP-complete (Gibbons and Korach), so no reduction always helps.

The cache. What has been lifted is known from what has not: the calls that
are left in front of the first return, the *window*. Numbered in order of
call they are a few bits above a low-water index, the first operation that
had not returned by then. So a key of the cache is small however long the
history. It is (first return, bits of the writes left, state); of the rest
less is better, so it is compared: a place is pruned if an earlier visit had

* used a subset of the same optional operations (see b),
* the same or more writes left that could go into hiding (see f), and
* the same or fewer reads left.

(a) **Reads go at once.** An enabled read that is legal in the present state
    is lifted and never reconsidered: in any order of what is left it can be
    moved to the front, for it changes nothing.

(b) **Optional operations live outside the list.** They never return, so
    they block nothing. A place is pruned if the same window and state was
    reached having used a subset of the same optional operations. Of
    identical ones the earliest call goes first; a definite one goes before
    an optional one; of identical definite ones the earliest return goes
    first. In an order that did otherwise, the two can be exchanged.

(c) **Order of trying.** First the write that unblocks the read that must
    return first, then by deadline. An order is found sooner, if there is
    one; nothing is lost, if there is none.

(d) **No way back.** A change of state is refused if an outstanding read
    wants the present state (on a key with appends: one that grows out of
    it) and no write is left that could bring it back. Optional writes whose
    value nobody observes are dropped beforehand.

(e) is about several keys: see check.py.

(f) **Writes are lazy.** A put that is overwritten before anybody looks can
    be thought to have happened *in hiding*, just before the put that
    overwrote it. So a write is tried only if an enabled operation wants to
    see what it leads to, or if it must return next. If it must return next,
    and was enabled already at the moment of the last put (the *cover*), it
    may go into hiding there, and the state stays as it is.

    Why this is sound. Follow any order that explains the history, but leave
    out the writes that it overwrites unseen, until their return comes up:
    by then they are under cover, or else the put that overwrites them has
    not come, and they are tried in the open. A write that is *not*
    overwritten unseen is followed, perhaps after some appends, by somebody
    who looks; and he is enabled, because the first return in the list is
    his own or that of something behind him in the order, unless it is that
    of one of the appends. So these are the cases in which a write is tried.

(g) **Stale reads first.** One pass finds the reads whose value had plainly
    been overwritten: see stale.py.

(h) **A stretch alone.** When all this takes long: see local.py.

Where a list can meet a scalar, or an empty list occurs, the rules for lists
are blunter: every append could be legal or not by what stands there.
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
from kv.lincheck.stale import in_order, stale_read
from kv.lincheck.states import JUNK, NULL, OTHER, States
from kv.lincheck.values import Value

_ROUND = 512  # places between two looks at the budget

Candidate = tuple[int, int, int]
"""Priority, deadline, and the operation; its complement if it is to hide."""


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
        begin: If it was refuted by a stretch up to that return (local.py),
            the moment at which that begins.
    """

    linearizable: bool
    order: list[int] = field(default_factory=list)
    reached: int = -1
    stuck: list[Stuck] = field(default_factory=list)
    steps: int = 0
    begin: int | None = None


def run(history: KeyHistory) -> Outcome:
    """Search for an order of one key's operations, to the very end."""
    return finish(search(history))


def finish(steps: Generator[int, None, Outcome]) -> Outcome:
    """Let a search go on to its end, however long that takes."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def search(
    history: KeyHistory,
    watch: int | None = None,
    outcome: Outcome | None = None,
) -> Generator[int, None, Outcome]:
    """Search for an order that explains the history of one key.

    Args:
        history: The operations on the key.
        watch: If given, a return time: collect the places at which it is
            the first return left. Reduction (d) is off then, because it
            would stop too early for a reader to see why.
        outcome: Where to keep what is found, for a look meanwhile.

    Yields:
        The number of places looked at, every few hundred.

    Returns:
        The outcome.
    """
    outcome = outcome or Outcome(False)
    if LIE in history.kind:
        outcome.reached = history.kind.index(LIE)
        return outcome
    events = in_order(history)
    if APPEND not in history.kind and watch is None:
        outcome.reached = stale_read(history, events)  # (g)
        if outcome.reached >= 0:
            return outcome
    board = _Board(history, events, look_ahead=watch is None)
    outcome.reached = board.orphan()
    if outcome.reached >= 0:
        return outcome
    furthest = -1
    shown: set[int] = set()
    # Choices with something left to try.
    frames: list[tuple[_Mark, list[Candidate]]] = []
    while board.advance():
        outcome.steps += 1
        if not outcome.steps % _ROUND:
            yield outcome.steps
        if board.first_return > furthest:
            furthest = board.first_return
            outcome.reached = board.blocked
        candidates: list[Candidate] = []
        if board.is_new():
            if board.first_return == watch and board.state not in shown:
                shown.add(board.state)
                outcome.stuck.append(
                    Stuck(board.order(), board.window, board.blocked)
                )
            candidates = board.candidates()
        if len(candidates) > 1:
            frames.append((board.mark(), candidates))
        elif not candidates:
            if not frames:
                return outcome
            mark, candidates = frames[-1]
            board.undo(mark)
            if len(candidates) == 1:
                frames.pop()
        board.do(candidates.pop()[2])
    outcome.linearizable = True
    outcome.order = board.order()
    return outcome


_Mark = tuple[int, int, int, int, int]
"""Length of the trail, state, optional ones used, cover, first return."""


class _Board:
    """A place in the search: what is lifted, the state, what is left.

    Call of operation i is number i in the linked list, its return n + i,
    and the head, which is the end too, 2n.
    """

    __slots__ = (
        "_arg",
        "_base_below",
        "_bases",
        "_cache",
        "_call",
        "_child",
        "_cover",
        "_dodged",
        "_h",
        "_is_list",
        "_kind",
        "_lists",
        "_look_ahead",
        "_low",
        "_makes",
        "_misses",
        "_must",
        "_n",
        "_need",
        "_nodes_of",
        "_nxt",
        "_option_of",
        "_options",
        "_prv",
        "_ready",
        "_ret",
        "_sees",
        "_springs",
        "_states",
        "_tokens_left",
        "_trail",
        "_tree",
        "_under",
        "_used",
        "_wishes",
        "_writers",
        "blocked",
        "first_return",
        "state",
        "window",
    )

    def __init__(
        self, h: KeyHistory, events: list[int], look_ahead: bool
    ) -> None:
        self._h = h
        self._n = n = len(h)
        self._kind, self._call, self._ret = h.kind, h.call, h.ret
        self._must, self._arg = h.must, h.arg
        self._look_ahead = look_ahead
        self._lists = APPEND in h.kind
        self._misses = MISS in h.kind
        self._states = states = States(h)
        self._sees, self._makes = states.sees, states.makes
        self._child, self._is_list = states.child, states.is_list
        self._tree = states.tidy and not states.empty
        self.state = NULL
        self.window: list[int] = []
        self.blocked = -1
        self.first_return = -1
        self._cover = -1  # the first return when the last put was done
        self._used = 0  # optional operations done, a bit each
        self._trail: list[int] = []  # what was lifted; complement: in hiding
        self._cache: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
        self._wishes = _Wishes()
        # Outstanding reads that want a state; that want one at or below it
        # in the tree; writes left that make it; elements left to append.
        self._need = [0] * states.count
        self._under = [0] * states.count if self._tree else []
        # Outstanding mismatched cas that must not find a state below.
        self._dodged = [0] * states.count if self._tree else []
        self._writers = [0] * states.count
        self._bases = 0
        self._base_below: set[int] = set()
        self._tokens_left: dict[Value, int] = {}
        self._nodes_of: dict[Value, list[int]] = {}
        # Optional operations by what they do, and by their numbers.
        self._options: list[_Option] = []
        self._option_of: dict[int, _Option] = {}
        self._ready: list[_Option] = []
        self._link(n, events)
        self._count()

    def _link(self, n: int, events: list[int]) -> None:
        """Link calls and returns in order of time."""
        ret = self._ret
        self._nxt = nxt = [2 * n] * (2 * n + 1)
        self._prv = prv = [2 * n] * (2 * n + 1)
        # By operation, the first one that had not returned before it does.
        self._low = lows = [0] * n
        returned = bytearray(n)
        low = 0
        last = 2 * n
        for e in events:
            if e >= n:
                while returned[low] or ret[low] == NEVER:
                    low += 1
                lows[e - n] = low
                returned[e - n] = 1
            elif ret[e] == NEVER:
                continue
            nxt[last] = e
            prv[e] = last
            last = e
        nxt[last] = 2 * n
        prv[2 * n] = last

    def _count(self) -> None:
        """Take stock of what is wanted and what can be made."""
        must, ret = self._must, self._ret
        need, writers = self._need, self._writers
        sees, makes = self._sees, self._makes
        springs: set[int] = set()
        known: dict[object, _Option] = {}
        for i, k in enumerate(self._kind):
            if k == GET:
                need[sees[i]] += 1
            elif k == MISS:
                self._dodge(i, 1)
            elif k == PUT:
                if must[i] or ret[i] != NEVER or self._offer(i, k, known):
                    writers[makes[i]] += 1
            elif k == CAS:
                if must[i]:
                    need[sees[i]] += 1
                else:
                    springs.add(sees[i])
                    if ret[i] == NEVER and not self._offer(i, k, known):
                        continue
                writers[makes[i]] += 1
            elif k == APPEND and (
                must[i] or ret[i] != NEVER or self._offer(i, k, known)
            ):
                token = self._arg[i]
                left = self._tokens_left.get(token, 0)
                self._tokens_left[token] = left + 1
        # States that a cas may leave which need not happen.
        self._springs = springs
        self._bases = sum(writers)
        if self._tree:
            for (_, token), node in self._child.items():
                self._nodes_of.setdefault(token, []).append(node)
            parent = self._states.parent
            for s, wanted in enumerate(need):
                up = s
                while wanted and up >= 0:
                    self._under[up] += wanted
                    up = parent[up]
                up = parent[s]
                while writers[s] and up >= 0:
                    self._base_below.add(up)
                    up = parent[up]

    def _offer(
        self, i: int, k: int, known: dict[object, _Option]
    ) -> bool:
        """Keep an optional operation, unless nobody could notice it: (d)."""
        if not self._misses:
            if k == APPEND:
                if self._arg[i] not in {t for _, t in self._child}:
                    return False
            elif self._makes[i] == OTHER or (
                self._makes[i] == JUNK and self._states.tidy
            ):
                return False
        element = self._arg[i] if k == APPEND else None
        what = k, self._sees[i], self._makes[i], element
        option = known.get(what)
        if option is None:
            option = known[what] = _Option(*what)
            self._options.append(option)
        option.ops.append(i)
        option.soonest = min(option.soonest, self._call[i])
        self._option_of[i] = option
        return True

    def orphan(self) -> int:
        """An operation that wants a state that nobody makes: (d), or -1."""
        if self._lists or not self._look_ahead:
            return -1
        writers = self._writers
        for s, wanted in enumerate(self._need):
            if wanted and s and not writers[s]:
                return next(
                    i
                    for i, k in enumerate(self._kind)
                    if self._sees[i] == s
                    and (k == GET or (k == CAS and self._must[i]))
                )
        return -1

    # ------------------------------------------------------------ moving

    def advance(self) -> bool:
        """Lift every enabled legal read, reduction (a); fill the window.

        Returns:
            False if the list is empty: all is explained.
        """
        n, nxt, prv = self._n, self._nxt, self._prv
        kind, sees, state = self._kind, self._sees, self.state
        window: list[int] = []
        e = nxt[2 * n]
        while e < n:
            k = kind[e]
            if (k != GET or sees[e] != state) and (
                k != MISS or sees[e] == state
            ):
                window.append(e)
                e = nxt[e]
                continue
            self._trail.append(e)
            if k == GET:
                self._served(state, 1)
            elif self._tree:
                self._dodge(e, -1)
            before, after = prv[e], nxt[e]
            nxt[before] = after
            prv[after] = before
            r = e + n
            before, behind = prv[r], nxt[r]
            nxt[before] = behind
            prv[behind] = before
            # The return may have stood right behind the call.
            e = behind if after == r else after
        if e == 2 * n:
            return False
        self.window = window
        self.blocked = e - n
        self.first_return = self._ret[e - n]
        return True

    def _served(self, state: int, reads: int) -> None:
        """Some reads of a state are outstanding no more; or again, if -1."""
        self._need[state] -= reads
        if self._tree:
            parent = self._states.parent
            while state >= 0:
                self._under[state] -= reads
                state = parent[state]

    def _dodge(self, i: int, count: int) -> None:
        """One more mismatched cas is outstanding, or one fewer, if -1."""
        if self._tree:
            parent = self._states.parent
            above = parent[self._sees[i]]
            while above >= 0:
                self._dodged[above] += count
                above = parent[above]

    def do(self, w: int) -> None:
        """Let an operation happen, or its complement go into hiding."""
        self._trail.append(w)
        hidden = w < 0
        if hidden:
            w = ~w
        k = self._kind[w]
        if k == APPEND:
            self._tokens_left[self._arg[w]] -= 1
            if not hidden:
                self.state = self._child.get((self.state, self._arg[w]), JUNK)
        else:
            self._writers[self._makes[w]] -= 1
            self._bases -= 1
            if not hidden:
                if k == PUT:
                    self._cover = self.first_return
                elif self._must[w]:
                    self._served(self.state, 1)
                self.state = self._makes[w]
        if self._ret[w] == NEVER:
            self._used |= 1 << w
            self._option_of[w].take(1, self._call)
            return
        nxt, prv = self._nxt, self._prv
        before, after = prv[w], nxt[w]
        nxt[before] = after
        prv[after] = before
        w += self._n
        before, after = prv[w], nxt[w]
        nxt[before] = after
        prv[after] = before

    def mark(self) -> _Mark:
        """Remember this place."""
        return (
            len(self._trail),
            self.state,
            self._used,
            self._cover,
            self.first_return,
        )

    def undo(self, mark: _Mark) -> None:
        """Go back to a place, in the exact reverse order."""
        length, state, used, cover, first_return = mark
        trail, nxt, prv, n = self._trail, self._nxt, self._prv, self._n
        while len(trail) > length:
            e = trail.pop()
            hidden = e < 0
            if hidden:
                e = ~e
            k = self._kind[e]
            if k == GET:
                self._served(self._sees[e], -1)
            elif k == APPEND:
                self._tokens_left[self._arg[e]] += 1
            elif k == MISS:
                self._dodge(e, 1)
            else:
                self._writers[self._makes[e]] += 1
                self._bases += 1
                if k == CAS and self._must[e]:
                    self._served(self._sees[e], -1)
            if self._ret[e] == NEVER:
                self._option_of[e].take(-1, self._call)
                continue
            r = e + n  # lifted last, so put back first
            nxt[prv[r]] = r
            prv[nxt[r]] = r
            nxt[prv[e]] = e
            prv[nxt[e]] = e
        self.state, self._used, self._cover = state, used, cover
        self.first_return = first_return

    def is_new(self) -> bool:
        """Whether no place visited before was at least as good."""
        kind, call, must = self._kind, self._call, self._must
        cover, tidy = self._cover, self._states.tidy
        x = self.blocked
        low = self._low[x]
        writes = reads = free = 0
        for w in self.window:
            bit = 1 << (w - low)
            k = kind[w]
            if k == GET or k == MISS:  # noqa: SIM109
                reads |= bit
            elif not must[w] or (
                call[w] <= cover and (k == PUT or (k == APPEND and tidy))
            ):
                free |= bit
            else:
                writes |= bit
        place = x, writes, self.state
        used = self._used
        visits = self._cache.get(place)
        if visits is None:
            self._cache[place] = [(used, free, reads)]
            return True
        for used_then, free_then, reads_then in visits:
            if (
                used_then & used == used_then
                and free_then & free == free
                and reads_then & reads == reads_then
            ):
                return False
        visits.append((used, free, reads))
        return True

    def order(self) -> list[int]:
        """The operations done, with those in hiding under their cover."""
        order: list[int] = []
        last_put = -1
        for w in self._trail:
            if w >= 0:
                if self._kind[w] == PUT:
                    last_put = len(order)
                order.append(w)
            elif self._must[~w]:
                order.insert(last_put, ~w)
                last_put += 1
        return order

    # ---------------------------------------------------------- choosing

    def candidates(self) -> list[Candidate]:
        """What could come next; to be tried from the end: (c)."""
        if self._options:
            now = self.first_return
            self._ready = [
                option for option in self._options if option.soonest <= now
            ]
        if self._tree and self._look_ahead and self._hopeless():
            return []
        wishes = self._wish()
        found: list[Candidate] = []
        offered: set[object] = set()
        ret, kind = self._ret, self._kind
        for w in sorted(self.window, key=ret.__getitem__):
            k = kind[w]
            if k == PUT:
                self._put(w, wishes, offered, found)
            elif k == CAS:
                self._cas(w, wishes, offered, found)
            elif k == APPEND:
                self._append(w, wishes, offered, found)
        if self._ready:
            self._optional(wishes, offered, found)
        if len(found) > 1:
            found.sort(reverse=True)
        return found

    def _hopeless(self) -> bool:
        """Whether a list that an enabled read saw is out of reach: (d).

        The read must find its list before it returns. So the rest of the
        list, from here or from a put, must be appended by operations that
        are called until then and not done yet.
        """
        kind, sees, ret, call = self._kind, self._sees, self._ret, self._call
        limits: dict[int, int] = {}
        for w in self.window:
            if kind[w] == GET and ret[w] > limits.get(sees[w], -1):
                limits[sees[w]] = ret[w]
        if not limits:
            return False
        horizon = max(limits.values())
        items: dict[Value, int] = {}
        bases: set[int] = set()
        ready = list(self.window)
        e = self._nxt[self._n + self.blocked]
        while e != 2 * self._n:
            if e < self._n:
                if call[e] > horizon:
                    break
                ready.append(e)
            e = self._nxt[e]
        for option in self._options:
            for w in option.ops[option.taken :]:
                if call[w] <= horizon:
                    ready.append(w)
        for w in ready:
            if kind[w] == APPEND:
                items[self._arg[w]] = items.get(self._arg[w], 0) + 1
            elif kind[w] in (PUT, CAS):
                bases.add(self._makes[w])
        token = self._states.token
        for wanted in limits:
            # Climb up from the list until something can make it from there.
            path = self._states.path[wanted]
            left = dict(items)
            d = len(path) - 1
            while path[d] != self.state and path[d] not in bases:
                item = token[path[d]]
                if d == 0 or not left.get(item):
                    return True
                left[item] -= 1
                d -= 1
        return False

    def _wish(self) -> _Wishes:
        """What the enabled operations want to find."""
        wishes = self._wishes
        wishes.clear()
        kind, sees, ret, state = self._kind, self._sees, self._ret, self.state
        exact = wishes.exact
        soonest = NEVER + 1
        for w in self.window:
            k = kind[w]
            if k == GET or (k == CAS and sees[w] != state):
                exact.add(sees[w])
                if ret[w] < soonest:
                    wishes.goal, soonest = sees[w], ret[w]
            elif k == CAS:
                wishes.write_here = True
            elif k == MISS:
                wishes.change = True
            elif k == APPEND:
                wishes.append = True
        if self._lists:
            wishes.write_here |= wishes.append
            paths = self._states.path
            wishes.paths = [paths[s] for s in exact]
        if self._ready:
            self._wish_options(wishes)
        return wishes

    def _wish_options(self, wishes: _Wishes) -> None:
        """An optional cas wants its old value, if its new one is wanted."""
        chained: list[_Option] = []
        for option in self._ready:
            if option.kind == APPEND:
                wishes.append = wishes.write_here = True
            elif option.kind == CAS:
                chained.append(option)
        grew = bool(chained)
        while grew:
            grew = False
            for option in chained:
                s = option.sees
                if s == self.state:
                    wishes.write_here = True
                elif s not in wishes.exact and self._wanted(
                    option.makes, wishes
                ):
                    wishes.exact.add(s)
                    if self._lists:
                        wishes.paths.append(self._states.path[s])
                    grew = True

    def _wanted(self, t: int, wishes: _Wishes) -> bool:
        """Whether leaving state `t` behind could be seen next: (f)."""
        if t in wishes.exact or wishes.change:
            return True
        if not self._lists or not self._is_list[t]:
            return False
        if not self._tree:
            return wishes.append
        depth = self._states.depth[t]
        for path in wishes.paths:
            if len(path) > depth and path[depth] == t:
                return True
        return self._kind[self.blocked] == APPEND and self._leads(t)

    def _leads(self, t: int) -> bool:
        """Whether the blocked append can be observed somewhere below `t`.

        Steps down the tree by elements that could be appended now. If a
        mismatched cas is to come that must not find what the append could
        lead to from here, every detour may be of use.
        """
        if self._dodged[self.state]:
            return True
        token = self._arg[self.blocked]
        child = self._child
        around = {self._arg[w] for w in self.window if self._kind[w] == APPEND}
        for option in self._ready:
            if option.kind == APPEND:
                around.add(option.arg)
        steps = [t]
        for s in steps:
            if (s, token) in child:
                return True
            for item in around:
                below = child.get((s, item))
                if below is not None:
                    steps.append(below)
        return False

    def _refused(self, t: int, served: int = 0) -> bool:
        """Whether going to `t` would leave a state for good: (d).

        Args:
            t: The next state.
            served: Reads of the present state that the change serves: one
                if it is a cas, which saw it.
        """
        s = self.state
        if not self._look_ahead or t == s:
            return False
        wanted = self._need[s] > served
        if not self._lists:
            return wanted and not self._writers[s]
        if not self._tree:
            return wanted and not self._bases
        if not wanted and s not in self._base_below:
            lost = self._under[s] - served
            if t > JUNK and self._states.parent[t] == s:
                lost -= self._under[t]
            wanted = lost > 0
        return wanted and not self._comes_back(s)

    def _last_put(self, t: int) -> bool:
        """Whether `t` is still wanted, and one put alone can make it: (d)."""
        if not self._look_ahead or self._writers[t] != 1:
            return False
        if not self._tree:
            return not self._lists and self._need[t] > 0
        return (
            self._under[t] > 0
            and t not in self._base_below
            and not self._tokens_left.get(self._states.token[t])
            and not self._stands_below(t)
        )

    def _last_append(self, token: Value, target: int) -> bool:
        """Whether the last append of an element would be wasted: (d).

        Args:
            token: The element.
            target: The state that it would lead to, or -1 if it hides.
        """
        if (
            not self._tree
            or not self._look_ahead
            or self._tokens_left[token] != 1
        ):
            return False
        return any(
            self._under[node] > 0
            and node != target
            and node not in self._base_below
            and not self._writers[node]
            and not self._stands_below(node)
            for node in self._nodes_of.get(token, ())
        )

    def _stands_below(self, node: int) -> bool:
        """Whether the present state has grown out of a list, or is it."""
        parent, s = self._states.parent, self.state
        while s != node and s >= 0:
            s = parent[s]
        return s == node

    def _comes_back(self, s: int) -> bool:
        """Whether the writes left could make this list once more."""
        parent, token = self._states.parent, self._states.token
        while not self._writers[s]:
            if parent[s] < 0 or not self._tokens_left.get(token[s]):
                return False
            s = parent[s]
        return True

    def _rank(self, t: int, wishes: _Wishes, optional: bool) -> int:
        """Priority of going to `t`: smaller is sooner."""
        goal = wishes.goal
        hit = t == goal
        if not hit and self._tree and goal >= 0:
            path = self._states.path[goal]
            depth = self._states.depth[t]
            hit = len(path) > depth and path[depth] == t
        if hit:
            return 1 if optional else 0
        return 4 if optional else 2

    def _put(
        self,
        w: int,
        wishes: _Wishes,
        offered: set[object],
        found: list[Candidate],
    ) -> None:
        t = self._makes[w]
        due = self._ret[w]
        must = self._must[w]
        if t == self.state:
            # It changes nothing. No use, unless it must come, or is cover
            # for others with a write next that needs this state.
            if t not in offered and (
                w == self.blocked or wishes.write_here
            ):
                offered.add(t)
                found.append((1, due, w))
            return
        if w == self.blocked:
            if self._call[w] <= self._cover or not must:
                if not self._last_put(t):
                    found.append((3, due, ~w))
                if not (
                    self._need[t]
                    or self._misses
                    or self._lists
                    or t in self._springs
                ):
                    return
        elif not self._wanted(t, wishes):
            return
        if t not in offered and not self._refused(t):
            offered.add(t)
            found.append((self._rank(t, wishes, False), due, w))

    def _cas(
        self,
        w: int,
        wishes: _Wishes,
        offered: set[object],
        found: list[Candidate],
    ) -> None:
        must = self._must[w]
        if w == self.blocked and not must:
            found.append((3, self._ret[w], ~w))
        if self._sees[w] != self.state:
            return
        t = self._makes[w]
        what = CAS, t, must
        if what not in offered and not self._refused(t, must):
            offered.add(what)
            found.append((self._rank(t, wishes, False), self._ret[w], w))

    def _append(
        self,
        w: int,
        wishes: _Wishes,
        offered: set[object],
        found: list[Candidate],
    ) -> None:
        # An append gives no cover. So one that can hide is not identical to
        # one that cannot, while for puts that makes no difference.
        hides = not self._must[w] or (
            self._states.tidy and self._call[w] <= self._cover
        )
        token = self._arg[w]
        if w == self.blocked and hides and not self._last_append(token, -1):
            found.append((3, self._ret[w], ~w))
        what = APPEND, token, hides
        if what in offered or not self._is_list[self.state]:
            return
        t = self._child.get((self.state, token), JUNK)
        if w != self.blocked and not self._worth(t, wishes):
            return
        if not self._refused(t) and not self._last_append(token, t):
            offered.add(what)
            found.append((self._rank(t, wishes, False), self._ret[w], w))

    def _worth(self, t: int, wishes: _Wishes) -> bool:
        """Whether an append that leads to `t` could be of use now: (f)."""
        if self._tree:
            return (t != JUNK or self._misses) and self._wanted(t, wishes)
        return t != JUNK or self._misses or not self._states.tidy

    def _optional(
        self,
        wishes: _Wishes,
        offered: set[object],
        found: list[Candidate],
    ) -> None:
        """Optional operations, if no definite one does the same: (b)."""
        for option in self._ready:
            t = option.makes
            if option.kind == APPEND:
                if not self._is_list[self.state] or any(
                    (APPEND, option.arg, hides) in offered
                    for hides in (True, False)
                ):
                    continue
                t = self._child.get((self.state, option.arg), JUNK)
                if (t == JUNK and not self._misses) or not self._worth(
                    t, wishes
                ):
                    continue
            elif option.kind == PUT:
                if t in offered:
                    continue
            elif option.sees != self.state or (CAS, t, 1) in offered:
                continue
            if option.kind != APPEND:
                if t == self.state:  # as cover only, see _put
                    if not wishes.write_here or not self._uncovered():
                        continue
                elif not self._wanted(t, wishes):
                    continue
            if not self._refused(t):
                w = option.ops[option.taken]
                rank = self._rank(t, wishes, True)
                found.append((rank, self._call[w], w))

    def _uncovered(self) -> bool:
        """Whether there is an enabled write that cannot hide yet."""
        kind, call, cover = self._kind, self._call, self._cover
        return any(
            call[w] > cover and kind[w] in (PUT, APPEND) for w in self.window
        )


class _Option:
    """Identical optional operations, the earliest call first: (b).

    Attributes:
        kind: PUT, CAS or APPEND.
        sees: The state that a cas needs.
        makes: The state that a put or cas leaves.
        arg: The element that an append adds.
        ops: Their numbers.
        taken: How many of them were done.
        soonest: When the next one was called; NEVER if none is left.
    """

    __slots__ = ("arg", "kind", "makes", "ops", "sees", "soonest", "taken")

    def __init__(self, kind: int, sees: int, makes: int, arg: Value) -> None:
        self.kind, self.sees, self.makes, self.arg = kind, sees, makes, arg
        self.ops: list[int] = []
        self.taken = 0
        self.soonest = NEVER

    def take(self, count: int, call: list[int]) -> None:
        """Do the next one, or undo the last one if `count` is -1."""
        self.taken += count
        ops = self.ops
        self.soonest = NEVER
        if self.taken < len(ops):
            self.soonest = call[ops[self.taken]]


class _Wishes:
    """What the enabled operations want to find.

    Attributes:
        exact: States that enabled reads and cas want.
        paths: On a key with lists, the ways down the tree to these.
        goal: The one of them wanted by the earliest to return, or -1.
        change: A mismatched cas wants any other state.
        append: An append is enabled.
        write_here: A cas or an append is enabled that starts from here.
    """

    __slots__ = ("append", "change", "exact", "goal", "paths", "write_here")

    def __init__(self) -> None:
        self.exact: set[int] = set()
        self.paths: list[tuple[int, ...]] = []
        self.clear()

    def clear(self) -> None:
        """Forget the last place."""
        self.exact.clear()
        self.paths = []
        self.goal = -1
        self.change = self.append = self.write_here = False
