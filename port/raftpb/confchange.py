"""Configuration changes: the two forms as one, and their short text form."""

from __future__ import annotations

from typing import Protocol

from port.errors import Malformed
from port.raftpb.alias import (
    ConfChangeAddLearnerNode,
    ConfChangeAddNode,
    ConfChangeRemoveNode,
    ConfChangeUpdateNode,
    EntryConfChange,
    EntryConfChangeV2,
)
from port.raftpb.raft_pb import (
    MAX_UINT64,
    ConfChange,
    ConfChangeSingle,
    ConfChangeV2,
    EntryType,
)

LETTERS = {
    "v": ConfChangeAddNode,
    "l": ConfChangeAddLearnerNode,
    "r": ConfChangeRemoveNode,
    "u": ConfChangeUpdateNode,
}


class ConfChangeI(Protocol):
    """Either form of a configuration change.

    Go: confchange.go:27-32 ConfChangeI
    """

    def as_v2(self) -> ConfChangeV2:
        """Returns the newer form; every change has one."""

    def as_v1(self) -> ConfChange | None:
        """Returns the older form, or `None` where there is none."""


def marshal_conf_change(
    c: ConfChangeI | None,
) -> tuple[EntryType, bytes | None]:
    """Returns the entry type that fits the change, and its bytes.

    `None` stands for an empty change, which leaves the joint state. It has
    no data at all, so that no size limit can refuse it.

    Go: confchange.go:36-55 MarshalConfChange
    """
    if c is None:
        return EntryConfChangeV2, None
    if (v1 := c.as_v1()) is not None:
        return EntryConfChange, v1.marshal()
    return EntryConfChangeV2, c.as_v2().marshal()


def conf_changes_from_string(s: str) -> list[ConfChangeSingle]:
    """Reads steps such as `v1 l2 r3`: voter, learner, remove, `u` for update.

    Raises:
        Malformed: a word is none of these.

    Go: confchange.go:122-153 ConfChangesFromString
    """
    return [_step(word) for word in s.strip().split(" ") if s.strip()]


def _step(word: str) -> ConfChangeSingle:
    if len(word) < 2:
        raise Malformed(f"unknown token {word}")
    letter, number = word[0], word[1:]
    if letter not in LETTERS:
        raise Malformed(f"unknown input: {word}")
    digits = number.isascii() and number.isdigit()
    if not digits or int(number) > MAX_UINT64:
        raise Malformed(f"not a node id: {number!r} in {word!r}")
    return ConfChangeSingle(type=LETTERS[letter], node_id=int(number))


def conf_changes_to_string(ccs: list[ConfChangeSingle]) -> str:
    """Returns the text that `conf_changes_from_string` reads.

    Go: confchange.go:156-177 ConfChangesToString
    """
    letters = {kind: letter for letter, kind in LETTERS.items()}
    return " ".join(
        f"{letters.get(cc.type or ConfChangeAddNode, 'unknown')}"
        f"{cc.node_id or 0}"
        for cc in ccs
    )
