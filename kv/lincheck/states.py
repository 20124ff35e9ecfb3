"""Numbers for the states of a key, as the general path sees them.

A search compares and remembers states all the time, so each state gets a
small number. But only states that somebody *looks at* deserve one of their
own: those that a read saw, that a cas expected, or that a mismatched cas
did not find. All others are one: OTHER, or JUNK if it can be appended to.

On a key with appends the observed lists and all their beginnings form a
tree below the absent key. An append is one step down the tree, or off it,
to JUNK, from where only a put leads back:

    null --1--> [1] --2--> [1,2]
       \\                    \\--3--> [1,2,3]
        \\--7--> [7]
"""

from __future__ import annotations

from kv.lincheck.history import APPEND, CAS, PUT, KeyHistory
from kv.lincheck.values import Value

NULL, OTHER, JUNK = 0, 1, 2


class States:
    """The numbered states of one key.

    Attributes:
        sees: By operation, the state that it claims to have found.
        makes: By operation, the state that a put or cas leaves.
        count: How many states there are.
        child: (state, element) -> state, down the tree.
        parent: By state, the one above it in the tree, or -1.
        token: By state, the element that was appended last.
        depth: By state, how far below its root it stands.
        path: By observed state, all states from its root down to it.
        is_list: By state, whether it can be appended to.
        tidy: Whether every state there can ever be is a list or null.
        empty: Whether an empty list occurs. It grows as an absent key does,
            but it is another state, which spoils the tree.
    """

    def __init__(self, h: KeyHistory) -> None:
        self.child: dict[tuple[int, Value], int] = {}
        self.parent = [-1, -1, -1]
        self.token: list[Value] = [None, None, None]
        self.depth = [0, 0, 0]
        self.is_list = [True, False, True]
        self.path: dict[int, tuple[int, ...]] = {NULL: (NULL,)}
        self.tidy = self.empty = False
        if APPEND in h.kind:
            self._lists(h)
        else:
            self._plain(h)

    def _plain(self, h: KeyHistory) -> None:
        """Number the values of a key without appends, in one pass."""
        # Looked at: 0, 3, 4, ... Written only: -1, OTHER in the end.
        ids: dict[Value, int] = {None: NULL}
        count = 3
        self.sees = sees = [NULL] * len(h)
        makes = h.arg
        for i, (k, value) in enumerate(zip(h.kind, h.seen, strict=True)):
            if k != PUT:
                known = ids.get(value)
                if known is None:
                    known = ids[value] = count
                    count += 1
                sees[i] = known
        self.makes = [ids.get(value, OTHER) for value in makes]
        self.count = count

    def _lists(self, h: KeyHistory) -> None:
        """Number the states of a key with appends, and grow the tree."""
        ids: dict[Value, int] = {None: NULL}
        self.sees = [NULL] * len(h)
        self.makes = [NULL] * len(h)
        for i, k in enumerate(h.kind):
            if k in (PUT, APPEND):
                continue
            value = h.seen[i]
            known = ids.get(value)
            if known is None:
                if isinstance(value, tuple) and value:
                    known = self._grow(value)
                else:
                    known = self._fresh(-1, None)
                    self.path[known] = (known,)
                ids[value] = known
            self.sees[i] = known
        written = [i for i, k in enumerate(h.kind) if k in (PUT, CAS)]
        if any(h.arg[i] == () for i in written) or () in ids:
            self._sprout(ids)
        for i in written:
            value = h.arg[i]
            known = ids.get(value)
            if known is None:
                known = OTHER
                if isinstance(value, tuple):
                    known = self._find(value)
                ids[value] = known
            self.makes[i] = known
        self.tidy = all(self.is_list[self.makes[i]] for i in written)
        self.count = len(self.parent)

    def _fresh(self, parent: int, token: Value) -> int:
        self.parent.append(parent)
        self.token.append(token)
        self.depth.append(self.depth[parent] + 1 if parent >= 0 else 0)
        self.is_list.append(parent >= 0)
        return len(self.parent) - 1

    def _grow(self, value: tuple[Value, ...]) -> int:
        """Add an observed list and its beginnings to the tree."""
        state = NULL
        path = [state]
        for item in value:
            below = self.child.get((state, item))
            if below is None:
                below = self.child[state, item] = self._fresh(state, item)
            state = below
            path.append(state)
        self.path[state] = tuple(path)
        return state

    def _sprout(self, ids: dict[Value, int]) -> None:
        """Let the empty list grow into whatever null can grow into."""
        self.empty = True
        state = ids.get(())
        if state is None:
            state = ids[()] = self._fresh(-1, None)
            self.path[state] = (state,)
        self.is_list[state] = True
        for (above, item), below in tuple(self.child.items()):
            if above == NULL:
                self.child[state, item] = below

    def _find(self, value: tuple[Value, ...]) -> int:
        """The state of a list that was put and not seen as it was."""
        state = NULL
        for item in value:
            below = self.child.get((state, item))
            if below is None:
                return JUNK
            state = below
        return state
